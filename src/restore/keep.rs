//! Making a restore point: each table's rows into a file, read back before it counts.

use std::{path::Path, sync::Arc};

use tokio::sync::watch;

use super::{
    Identity, Manifest, RestoreError, Result,
    definition::{as_written, encoding, triggers, whole},
    file,
    filing::Filing,
    limit::{GB, Whole, too_large, whole_only},
    look::{self, Sums},
    manifest::{FORMAT, RowsKept, TableKept},
    shelf::Shelf,
    touched::Touched,
};
use crate::{
    endpoint::{Destination, EndpointError, ErrorKind, Snapshot, Source},
    ledger::{Ledger, NewPoint, PointPhase},
    model::{Column, Mode, Recipient, RowEncoding, RowSum, Table, TableDigest},
    plan::Mapping,
    protocol::{Held, RestoreProgress, RestoreStep},
};

/// A table of the destination that a run is about to write.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub name: String,
    pub exists: bool,
    pub mode: Mode,
    /// The columns that the run writes, as it knows them.
    pub written: Vec<Column>,
    /// The key by which rows that the run writes are found again; empty: there is none.
    pub key: Vec<String>,
    /// Only rows with these keys are kept.
    pub touched: Option<Touched>,
}

impl Wanted {
    pub fn of(mapping: &Mapping) -> Self {
        Self {
            name: mapping.to.name.clone(),
            exists: mapping.exists,
            mode: mapping.mode,
            written: mapping.columns.iter().map(|mapped| mapped.target.clone()).collect(),
            key: mapping.finds_by.clone(),
            touched: None,
        }
    }
}

/// What a restore point is made of and for whom. The plan's lock must be held.
pub struct Keeping<'k> {
    pub ledger: &'k Ledger,
    pub destination: &'k dyn Destination,
    /// The destination, opened to be read; none where no table is there.
    pub copy: Option<Arc<dyn Source>>,
    /// The destination's address, without a password.
    pub address: String,
    pub new: NewPoint,
    pub max_gb: u32,
    /// For whom it is encrypted; none: it is not.
    pub recipient: Option<Recipient>,
    /// The day that names it: `2024_06_12`.
    pub day: String,
    /// Where it is told how far it is.
    pub told: watch::Sender<RestoreProgress>,
}

impl Keeping<'_> {
    fn tell(&self, name: &str, table: &str) {
        self.told.send_modify(|progress| {
            progress.step = RestoreStep::Keeping;
            // Before a restore: it is told which point is gone back to, not which is made on the way.
            if self.new.before.is_none() {
                name.clone_into(&mut progress.point);
            }
            table.clone_into(&mut progress.table);
        });
    }
}

/// A restore point that was made.
pub struct Kept {
    pub manifest: Manifest,
    /// Who can read what is encrypted, as long as this process lives.
    pub identities: Vec<Identity>,
}

/// Keeps what the tables hold, in this order, reads it back, and puts it on record. Nothing is left where that fails.
pub async fn keep(keeping: &Keeping<'_>, wanted: &[Wanted]) -> Result<Kept> {
    let shelf = Shelf::of(keeping.ledger);
    clear_unfinished(keeping, &shelf).await?;
    let name = keeping.ledger.claim_point(&format!("migration_{}_backup", keeping.day), &keeping.new).await?;
    let made = make(keeping, &shelf, &name, wanted).await;
    if made.is_err() {
        shelf.remove(&name)?;
        keeping.ledger.point_void(&name).await?;
    }
    made
}

/// Whoever was cut off while making one had the plan's lock, as we do now.
async fn clear_unfinished(keeping: &Keeping<'_>, shelf: &Shelf) -> Result<()> {
    for point in keeping.ledger.points(Some(&keeping.new.plan_key)).await? {
        if point.phase == PointPhase::Making {
            shelf.remove(&point.name)?;
            keeping.ledger.point_void(&point.name).await?;
        }
    }
    Ok(())
}

async fn make(keeping: &Keeping<'_>, shelf: &Shelf, name: &str, wanted: &[Wanted]) -> Result<Kept> {
    let folder = shelf.begin(name)?;
    let seal = Seal::of(keeping.recipient.clone());
    let mut manifest = head(keeping, name).await?;
    let snapshot = match &keeping.copy {
        Some(copy) if wanted.iter().any(|table| table.exists) => Some(copy.snapshot().await?),
        _ => None,
    };
    let things = match &snapshot {
        Some(_) => keeping.destination.things().await?,
        None => Vec::new(),
    };
    for (place, table) in wanted.iter().enumerate() {
        keeping.tell(name, &table.name);
        let file = format!("{:04}", place + 1);
        let kept = match snapshot.as_ref().filter(|_| table.exists) {
            Some(snapshot) => keep_table(keeping, snapshot, table, (&folder, file, &seal.recipients)).await?,
            None => absent(table),
        };
        let triggers = match kept.definition {
            Some(_) => triggers(&things, &table.name).map(str::to_owned).collect(),
            None => Vec::new(),
        };
        manifest.tables.push(TableKept { triggers, ..kept });
    }
    drop(snapshot);
    read_back(keeping.destination, &folder, &manifest, &seal.own).await?;
    let sum = shelf.settle(&manifest)?;
    let tables: Vec<_> = manifest.tables.iter().map(TableKept::in_short).collect();
    keeping.ledger.point_ready(name, &tables, manifest.bytes(), &sum).await?;
    Ok(Kept { manifest, identities: seal.own })
}

/// Who can read what is kept: whoever the plan names and, until it was read back, we.
pub(super) struct Seal {
    pub(super) recipients: Vec<Recipient>,
    pub(super) own: Vec<Identity>,
}

impl Seal {
    pub(super) fn of(recipient: Option<Recipient>) -> Self {
        let Some(recipient) = recipient else { return Self { recipients: Vec::new(), own: Vec::new() } };
        let own = Identity::new();
        Self { recipients: vec![recipient, own.recipient()], own: vec![own] }
    }
}

async fn head(keeping: &Keeping<'_>, name: &str) -> Result<Manifest> {
    let new = &keeping.new;
    Ok(Manifest {
        format: FORMAT.to_owned(),
        name: name.to_owned(),
        run: new.run.clone(),
        plan: new.plan_key.clone(),
        plan_name: new.plan_name.clone(),
        plan_digest: new.plan_digest.clone(),
        made_ms: new.made_ms,
        until_ms: new.until_ms,
        by: new.by.clone(),
        before: new.before.clone(),
        system: keeping.destination.system(),
        server: keeping.destination.version().await?,
        destination: keeping.address.clone(),
        tables: Vec::new(),
    })
}

fn absent(table: &Wanted) -> TableKept {
    TableKept {
        name: table.name.clone(),
        held: Held::Absent,
        mode: table.mode,
        written: table.written.clone(),
        held_of_written: None,
        definition: None,
        counters: Vec::new(),
        triggers: Vec::new(),
        rows: None,
        key: Vec::new(),
        journal: Vec::new(),
    }
}

async fn keep_table(
    keeping: &Keeping<'_>,
    snapshot: &Arc<dyn Snapshot>,
    wanted: &Wanted,
    (folder, file, recipients): (&Path, String, &[Recipient]),
) -> Result<TableKept> {
    let destination = keeping.destination;
    let definition = match destination.describe(&wanted.name).await {
        Err(error) if error.kind == ErrorKind::NoTable => return Ok(absent(wanted)),
        described => described?,
    };
    let mut kept = TableKept {
        held: Held::Empty,
        counters: destination.counters(&wanted.name).await?,
        definition: Some(definition.clone()),
        ..absent(wanted)
    };
    if let Some(touched) = &wanted.touched {
        let journal = touched.keep(snapshot, (folder.to_owned(), recipients.to_vec(), &file)).await?;
        let key = touched.key.clone();
        return Ok(TableKept { held: Held::Journal, key, journal: journal.into_iter().collect(), ..kept });
    }
    let path = destination.file(&wanted.name).await?;
    if path.is_none() && look::is_empty(&**snapshot, &whole(&definition, destination)).await? {
        return Ok(kept);
    }
    if destination.exceeds(&definition, u64::from(keeping.max_gb) * GB).await? {
        let why = match path.is_some() {
            true => Some(Whole::File),
            false => whole_only(wanted, &definition, destination.cannot_mark().await?),
        };
        return match why {
            None => Ok(TableKept { held: Held::Journal, key: wanted.key.clone(), ..kept }),
            Some(why) => Err(too_large(&definition, keeping.max_gb, why)),
        };
    }
    let written = Written::of(&definition, wanted, destination);
    match path {
        Some(path) => {
            let (folder, recipients) = (folder.to_owned(), recipients.to_vec());
            let copy = tokio::task::spawn_blocking(move || file::copy(&path, &folder, file, &recipients));
            (kept.held, kept.rows) = (Held::File, Some(copy.await??));
            kept.held_of_written = written.sum(snapshot).await?;
        }
        None => {
            let own = encoding(&whole(&definition, destination).columns, destination);
            let filing = Filing::new(folder.to_owned(), format!("{file}.arrow"), recipients.to_vec(), own);
            let filing = filing.telling(keeping.told.clone());
            let rows = rows(snapshot, &definition, destination, &written, filing).await?;
            (kept.rows, kept.held_of_written) = rows;
            kept.held = if kept.rows.is_some() { Held::Rows } else { Held::Empty };
        }
    }
    Ok(kept)
}

/// The table as the run will read back what it wrote, for those that it adds rows to.
struct Written {
    table: Table,
    encoding: RowEncoding,
    adds: bool,
}

impl Written {
    fn of(definition: &Table, wanted: &Wanted, destination: &dyn Destination) -> Self {
        Self {
            table: as_written(definition, &wanted.written, destination),
            encoding: encoding(&wanted.written, destination),
            adds: wanted.mode == Mode::Insert,
        }
    }

    fn digest(&self, sum: RowSum) -> TableDigest {
        TableDigest { shape: self.encoding.shape(), sum }
    }

    /// By a reading of its own. What the run's types cannot read is not known, and no reason to keep nothing.
    async fn sum(&self, snapshot: &Arc<dyn Snapshot>) -> Result<Option<TableDigest>> {
        if !self.adds {
            return Ok(None);
        }
        match look::read(snapshot, &self.table, Sums::over(vec![self.encoding.clone()])).await {
            Ok(sums) => Ok(sums.sums.first().map(|sum| self.digest(*sum))),
            Err(RestoreError::Unkeepable { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The table's rows in a file; none where there are none after all.
async fn rows(
    snapshot: &Arc<dyn Snapshot>,
    definition: &Table,
    destination: &dyn Destination,
    written: &Written,
    filing: Filing,
) -> Result<(Option<RowsKept>, Option<TableDigest>)> {
    let table = whole(definition, destination);
    let alike = |column: &Column| table.column(&column.name).is_some_and(|own| own.ty == column.ty);
    let at_once = written.adds && written.table.columns.iter().all(alike);
    let filing = filing.also(at_once.then(|| written.encoding.clone()));
    let filed = look::read(snapshot, &table, filing).await?;
    let of_written = match filed.other() {
        Some(sum) => Some(written.digest(sum)),
        None => written.sum(snapshot).await?,
    };
    let kept = tokio::task::spawn_blocking(move || filed.finish()).await??;
    Ok((kept, of_written))
}

/// Reads every file of the point back.
pub(super) async fn read_back(
    destination: &dyn Destination,
    folder: &Path,
    manifest: &Manifest,
    identities: &[Identity],
) -> Result<()> {
    for kept in &manifest.tables {
        if let Some(touched) =
            Touched::of(kept, kept.journal.clone(), (folder.to_owned(), identities.to_vec()), destination)
        {
            touched.verify().await?;
        }
        let (Some(rows), Some(definition)) = (&kept.rows, &kept.definition) else { continue };
        let own = encoding(&whole(definition, destination).columns, destination);
        let (folder, rows, identities) = (folder.to_owned(), rows.clone(), identities.to_vec());
        tokio::task::spawn_blocking(move || file::verify(&folder, &rows, &own, &identities)).await??;
    }
    Ok(())
}

/// The side's table as it is; none where it is not there.
pub(super) async fn there(
    destination: &dyn Destination,
    table: &str,
) -> std::result::Result<Option<Table>, EndpointError> {
    match destination.describe(table).await {
        Ok(table) => Ok(Some(table)),
        Err(error) if error.kind == ErrorKind::NoTable => Ok(None),
        Err(error) => Err(error),
    }
}
