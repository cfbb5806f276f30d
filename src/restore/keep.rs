//! Making a restore point: each table's rows into a file, read back before it counts.

use std::{path::Path, sync::Arc};

use datafusion::arrow::record_batch::RecordBatch;

use super::{
    Manifest, RestoreError, Result,
    definition::{as_written, encoding, whole},
    file::{self, RowsWriter},
    look::{self, Sums, Take},
    manifest::{FORMAT, RowsKept, TableKept},
    shelf::Shelf,
};
use crate::{
    endpoint::{Destination, EndpointError, ErrorKind, Snapshot, Source},
    ledger::{Ledger, NewPoint, PointPhase},
    model::{Column, Mode, RowEncoding, RowSum, Table, TableDigest, thousands},
    plan::{Mapping, RestoreOptions},
    protocol::{CheckItem, CheckState, Held},
};

const GB: u64 = 1 << 30;

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
    /// The day that names it: `2024_06_12`.
    pub day: String,
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
    let mut manifest = head(keeping, name).await?;
    let snapshot = match &keeping.copy {
        Some(copy) if wanted.iter().any(|table| table.exists) => Some(copy.snapshot().await?),
        _ => None,
    };
    for (place, table) in wanted.iter().enumerate() {
        let file = format!("{:04}", place + 1);
        let kept = match snapshot.as_ref().filter(|_| table.exists) {
            Some(snapshot) => keep_table(keeping, snapshot, table, (&folder, file)).await?,
            None => absent(table),
        };
        manifest.tables.push(kept);
    }
    drop(snapshot);
    read_back(keeping.destination, &folder, &manifest).await?;
    let sum = shelf.settle(&manifest)?;
    let tables: Vec<_> = manifest.tables.iter().map(TableKept::in_short).collect();
    keeping.ledger.point_ready(name, &tables, manifest.bytes(), &sum).await?;
    Ok(manifest)
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
    (folder, file): (&Path, String),
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
            let folder = folder.to_owned();
            let copy = tokio::task::spawn_blocking(move || file::copy(&path, &folder, file));
            (kept.held, kept.rows) = (Held::File, Some(copy.await??));
            kept.held_of_written = written.sum(snapshot).await?;
        }
        None => {
            let rows = rows(snapshot, &definition, destination, &written, (folder, file)).await?;
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
    (folder, file): (&Path, String),
) -> Result<(Option<RowsKept>, Option<TableDigest>)> {
    let table = whole(definition, destination);
    let alike = |column: &Column| table.column(&column.name).is_some_and(|own| own.ty == column.ty);
    let at_once = written.adds && written.table.columns.iter().all(alike);
    let own = encoding(&table.columns, destination);
    let filing = Filing {
        folder: folder.to_owned(),
        file: format!("{file}.arrow"),
        writer: None,
        sums: Sums::over(std::iter::once(own.clone()).chain(at_once.then(|| written.encoding.clone())).collect()),
    };
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
    writer: Option<RowsWriter>,
    sums: Sums,
}

impl Take for Filing {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.writer.is_none() {
            self.writer = Some(RowsWriter::begin(&self.folder, self.file.clone(), &batch.schema())?);
        }
        if let Some(writer) = &mut self.writer {
            writer.write(&batch)?;
        }
        self.sums.take(batch)
    }
}

/// Reads every file of the point back.
pub(super) async fn read_back(destination: &dyn Destination, folder: &Path, manifest: &Manifest) -> Result<()> {
    for kept in &manifest.tables {
        let (Some(rows), Some(definition)) = (&kept.rows, &kept.definition) else { continue };
        let own = encoding(&whole(definition, destination).columns, destination);
        let (folder, rows) = (folder.to_owned(), rows.clone());
        tokio::task::spawn_blocking(move || file::verify(&folder, &rows, &own)).await??;
    }
    Ok(())
}

/// What the checks say of it, before the run.
pub fn readiness<'m>(options: &RestoreOptions, mappings: impl IntoIterator<Item = &'m Mapping>) -> CheckItem {
    let item = |state, details| CheckItem { name: "Restore point".into(), state, details };
    let there: Vec<&Table> = mappings.into_iter().filter(|mapping| mapping.exists).map(|mapping| &mapping.to).collect();
    if !options.points {
        let names: Vec<&str> = there.iter().map(|table| table.name.as_str()).collect();
        let what = if names.is_empty() { "nothing that is there".to_owned() } else { names.join(", ") };
        let detail = format!(
            "NO WAY BACK: the plan says [restore] points = false, so nothing is kept before the run writes to {what}"
        );
        return item(CheckState::Warned, vec![detail]);
    }
    let large = |table: &&&Table| table.bytes.unwrap_or(0).div_ceil(GB) > u64::from(options.max_gb);
    let too_large: Vec<String> = there.iter().filter(large).map(|table| refusal(table, options)).collect();
    if !too_large.is_empty() {
        return item(CheckState::Failed, too_large);
    }
    let mut details: Vec<String> =
        there.iter().filter(|table| table.rows.rows() != Some(0)).map(|table| kept(table)).collect();
    details.push(match details.is_empty() {
        true => "no table holds rows: that they were empty or not there is all that is kept".to_owned(),
        false => {
            format!("made before the first write, kept {} days; `whimbrel restore` goes back to it", options.keep_days)
        }
    });
    item(CheckState::Passed, details)
}

fn refusal(table: &Table, options: &RestoreOptions) -> String {
    let gb = table.bytes.unwrap_or(0).div_ceil(GB);
    RestoreError::TooLarge { table: table.name.clone(), gb, max_gb: options.max_gb }.to_string()
}

fn kept(table: &Table) -> String {
    let rows = table.rows.rows().map_or("its".to_owned(), |rows| format!("about {}", thousands(rows)));
    let size = table.bytes.map(|bytes| format!(" ({} MB)", thousands(bytes.div_ceil(1 << 20)))).unwrap_or_default();
    format!("{}: {rows} rows{size} are kept", table.name)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Count;

    fn mapping(rows: Count, bytes: u64, exists: bool) -> Mapping {
        let to = Table { name: "t".into(), rows, bytes: Some(bytes), ..Table::default() };
        Mapping { to, exists, ..Mapping::default() }
    }

    fn said(options: &RestoreOptions, mapping: &Mapping) -> (CheckState, String) {
        let item = readiness(options, [mapping]);
        (item.state, item.details.join("; "))
    }

    #[test]
    fn the_checks_say_what_is_kept_and_refuse_what_is_too_large() {
        let options = RestoreOptions { max_gb: 2, ..RestoreOptions::default() };
        let (state, words) = said(&options, &mapping(Count::Estimate(12_000), 2 * GB, true));
        assert!(state == CheckState::Passed && words.contains("about 12,000 rows (2,048 MB) are kept"), "{words}");
        let (state, words) = said(&options, &mapping(Count::Estimate(12_000), 2 * GB + 1, true));
        assert!(
            state == CheckState::Failed && words.contains("t is 3 GB") && words.contains("points = false"),
            "{words}"
        );
        let (state, words) = said(&options, &mapping(Count::Unknown, 9 * GB, false));
        assert!(state == CheckState::Passed && words.starts_with("no table holds rows"), "{words}");
        let without = RestoreOptions { points: false, ..options };
        let (state, words) = said(&without, &mapping(Count::Exact(1), 9 * GB, true));
        assert!(
            state == CheckState::Warned && words.contains("NO WAY BACK") && words.contains("writes to t"),
            "{words}"
        );
    }
}
