//! Making a restore point: each table's rows into a file, read back before it counts.

use std::{path::Path, sync::Arc};

use datafusion::arrow::record_batch::RecordBatch;
use tokio::sync::watch;

use super::{
    Identity, Manifest, RestoreError, Result,
    definition::{as_written, encoding, whole},
    file::{self, RowsWriter},
    look::{self, Sums, Take},
    manifest::{FORMAT, RowsKept, TableKept},
    shelf::Shelf,
};
use crate::{
    endpoint::{Destination, EndpointError, ErrorKind, Snapshot, Source},
    ledger::{Ledger, NewPoint, PointPhase},
    model::{Column, Mode, Recipient, RowEncoding, RowSum, Table, TableDigest},
    plan::Mapping,
    protocol::{Held, RestoreProgress, RestoreStep},
};

pub(super) const GB: u64 = 1 << 30;

/// A table of the destination that a run is about to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub name: String,
    pub exists: bool,
    pub mode: Mode,
    /// The columns that the run writes, as it knows them.
    pub written: Vec<Column>,
}

impl Wanted {
    pub fn of(mapping: &Mapping) -> Self {
        Self {
            name: mapping.to.name.clone(),
            exists: mapping.exists,
            mode: mapping.mode,
            written: mapping.columns.iter().map(|mapped| mapped.target.clone()).collect(),
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
            name.clone_into(&mut progress.point);
            table.clone_into(&mut progress.table);
        });
    }
}

/// Keeps what the tables hold, in this order, reads it back, and puts it on record. Nothing is left where that fails.
pub async fn keep(keeping: &Keeping<'_>, wanted: &[Wanted]) -> Result<Manifest> {
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

async fn make(keeping: &Keeping<'_>, shelf: &Shelf, name: &str, wanted: &[Wanted]) -> Result<Manifest> {
    let folder = shelf.begin(name)?;
    let seal = Seal::of(keeping.recipient.clone());
    let mut manifest = head(keeping, name).await?;
    let snapshot = match &keeping.copy {
        Some(copy) if wanted.iter().any(|table| table.exists) => Some(copy.snapshot().await?),
        _ => None,
    };
    for (place, table) in wanted.iter().enumerate() {
        keeping.tell(name, &table.name);
        let file = format!("{:04}", place + 1);
        let kept = match snapshot.as_ref().filter(|_| table.exists) {
            Some(snapshot) => keep_table(keeping, snapshot, table, (&folder, file, &seal.recipients)).await?,
            None => absent(table),
        };
        manifest.tables.push(kept);
    }
    drop(snapshot);
    read_back(keeping.destination, &folder, &manifest, &seal.own).await?;
    let sum = shelf.settle(&manifest)?;
    let tables: Vec<_> = manifest.tables.iter().map(TableKept::in_short).collect();
    keeping.ledger.point_ready(name, &tables, manifest.bytes(), &sum).await?;
    Ok(manifest)
}

/// Who can read what is kept: whoever the plan names and, until it was read back, we.
struct Seal {
    recipients: Vec<Recipient>,
    own: Vec<Identity>,
}

impl Seal {
    fn of(recipient: Option<Recipient>) -> Self {
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
        rows: None,
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
    let path = destination.file(&wanted.name).await?;
    if path.is_none() && look::is_empty(&**snapshot, &whole(&definition, destination)).await? {
        return Ok(kept);
    }
    demand_room(keeping, &definition)?;
    let written = Written::of(&definition, wanted, destination);
    match path {
        Some(path) => {
            let (folder, recipients) = (folder.to_owned(), recipients.to_vec());
            let copy = tokio::task::spawn_blocking(move || file::copy(&path, &folder, file, &recipients));
            (kept.held, kept.rows) = (Held::File, Some(copy.await??));
            kept.held_of_written = written.sum(snapshot).await?;
        }
        None => {
            let filing = Filing {
                folder: folder.to_owned(),
                file: format!("{file}.arrow"),
                recipients: recipients.to_vec(),
                told: keeping.told.clone(),
                writer: None,
                sums: Sums::over(Vec::new()),
            };
            let rows = rows(snapshot, &definition, destination, &written, filing).await?;
            (kept.rows, kept.held_of_written) = rows;
            kept.held = if kept.rows.is_some() { Held::Rows } else { Held::Empty };
        }
    }
    Ok(kept)
}

fn demand_room(keeping: &Keeping<'_>, definition: &Table) -> Result<()> {
    let gb = definition.bytes.unwrap_or(0).div_ceil(GB);
    match gb > u64::from(keeping.max_gb) {
        true => {
            let (table, max_gb) = (definition.name.clone(), keeping.max_gb);
            Err(RestoreError::TooLarge { table, gb, max_gb })
        }
        false => Ok(()),
    }
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
    let own = encoding(&table.columns, destination);
    let encodings = std::iter::once(own.clone()).chain(at_once.then(|| written.encoding.clone()));
    let filing = Filing { sums: Sums::over(encodings.collect()), ..filing };
    let filed = look::read(snapshot, &table, filing).await?;
    let mut sums = filed.sums.sums.into_iter();
    let digest = TableDigest { shape: own.shape(), sum: sums.next().unwrap_or_default() };
    let of_written = match sums.next() {
        Some(sum) => Some(written.digest(sum)),
        None => written.sum(snapshot).await?,
    };
    let kept = match filed.writer {
        Some(writer) => Some(tokio::task::spawn_blocking(move || writer.finish(digest)).await??),
        None => None,
    };
    Ok((kept, of_written))
}

/// Writes what it takes to a file that begins with the first row.
struct Filing {
    folder: std::path::PathBuf,
    file: String,
    recipients: Vec<Recipient>,
    writer: Option<RowsWriter>,
    told: watch::Sender<RestoreProgress>,
    sums: Sums,
}

impl Take for Filing {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.writer.is_none() {
            self.writer = Some(RowsWriter::begin(&self.folder, self.file.clone(), &batch.schema(), &self.recipients)?);
        }
        if let Some(writer) = &mut self.writer {
            writer.write(&batch)?;
        }
        self.told.send_modify(|progress| progress.rows += batch.num_rows() as u64);
        self.sums.take(batch)
    }
}

/// Reads every file of the point back.
pub(super) async fn read_back(
    destination: &dyn Destination,
    folder: &Path,
    manifest: &Manifest,
    identities: &[Identity],
) -> Result<()> {
    for kept in &manifest.tables {
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
