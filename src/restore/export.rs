//! Rows that others wrote since, into files of their own: nothing of the destination changes.

use std::{
    fs::{self, DirBuilder, File},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use datafusion::arrow::record_batch::RecordBatch;

use super::{
    RestoreError, Result,
    look::Take,
    preview::{Survey, Surveyed, Way},
    shelf::private,
    sift::{Makes, Sieve},
};
use crate::{
    endpoint::Destination,
    ledger::AuditEntry,
    model::{Cell, Column, cell_at, thousands},
    protocol::{ExportedTable, OthersExport},
};

/// Where rows of others go.
pub struct Export<'e> {
    /// The restore point that they came after.
    pub name: String,
    pub folder: PathBuf,
    /// Whether values of a table's column are left out.
    pub hides: &'e (dyn Fn(&str, &str) -> bool + Sync),
}

/// Writes a file for each table where others added or changed rows. A table whose rows cannot be told apart is told.
pub async fn export_others(way: &Way, makes: &dyn Makes, export: &Export<'_>) -> Result<OthersExport> {
    let point = way.ledger.point(&export.name).await?;
    // Rows that a run writes meanwhile would pass for those of others.
    let _lock = way.ledger.lock_plan(&point.new.plan_key)?;
    let survey = Survey::of(way, &export.name).await?;
    if survey.tables.is_empty() && !survey.refusals.is_empty() {
        return Err(RestoreError::Refused(survey.refusals));
    }
    let sieve = Sieve::of(way, makes, &survey).await?;
    let folder = &export.folder;
    for table in sieve.tables() {
        let path = place(folder, &table.kept.name);
        if path.symlink_metadata().is_ok() {
            return Err(RestoreError::Exported(path));
        }
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| RestoreError::Export { path: folder.clone(), source })?;
    let mut exported = OthersExport {
        point: export.name.clone(),
        folder: folder.display().to_string(),
        tables: Vec::new(),
        masked: false,
    };
    for table in sieve.tables() {
        let sheet = Sheet::of(table, &way.destination, export);
        exported.masked |= sheet.hidden.contains(&true);
        let name = table.kept.name.clone();
        let untold = |why| ExportedTable {
            table: name.clone(),
            told: Some(format!("rows of others cannot be told apart: {why}")),
            ..ExportedTable::default()
        };
        let path = sheet.path.clone();
        let done = match sieve.sift(table, sheet).await {
            Ok(Ok(sifted)) => {
                let (rows, exact, told) = (sifted.sum.rows, sifted.exact, sifted.told);
                let file = tokio::task::spawn_blocking(move || sifted.taker.finish()).await??;
                let file = file.map(|file| file.display().to_string());
                ExportedTable { table: name, file, rows, exact, told }
            }
            Ok(Err(why)) => untold(why),
            Err(error @ (RestoreError::Export { .. } | RestoreError::Exported(_) | RestoreError::Worker(_))) => {
                return Err(error);
            }
            Err(error) => {
                // Half of the rows would pass for all of them.
                let _ = fs::remove_file(&path);
                untold(error.to_string())
            }
        };
        exported.tables.push(done);
    }
    attest(way, &survey, &exported).await?;
    Ok(exported)
}

/// The table's file.
fn place(folder: &Path, table: &str) -> PathBuf {
    folder.join(format!("{}.csv", table.replace(['/', '\\'], "_")))
}

/// Who took which rows out, without their values.
async fn attest(way: &Way, survey: &Survey, exported: &OthersExport) -> Result<()> {
    let point = &survey.point;
    let entry = |table: &ExportedTable| AuditEntry {
        at_ms: way.now_ms,
        by: way.by.clone(),
        action: "others-exported".into(),
        run: Some(point.new.run.0.clone()),
        table: Some(table.table.clone()),
        object: Some(point.name.clone()),
        what: Some(format!("{} row(s)", thousands(table.rows))),
        plan_digest: point.new.plan_digest.clone(),
        ..AuditEntry::default()
    };
    let entries = exported.tables.iter().filter(|table| table.file.is_some()).map(entry).collect();
    Ok(way.ledger.attest(entries).await?)
}

/// A file that begins with the first row.
struct Sheet {
    path: PathBuf,
    destination: Arc<dyn Destination>,
    columns: Vec<Column>,
    hidden: Vec<bool>,
    writer: Option<csv::Writer<File>>,
}

impl Sheet {
    fn of(table: &Surveyed, destination: &Arc<dyn Destination>, export: &Export<'_>) -> Self {
        let name = &table.kept.name;
        let columns = table.as_read(&**destination).unwrap_or_default().columns;
        Self {
            path: place(&export.folder, name),
            destination: destination.clone(),
            hidden: columns.iter().map(|column| (export.hides)(name, &column.name)).collect(),
            columns,
            writer: None,
        }
    }

    fn failed(&self, error: csv::Error) -> RestoreError {
        let source = match error.into_kind() {
            csv::ErrorKind::Io(source) => source,
            other => std::io::Error::other(format!("{other:?}")),
        };
        RestoreError::Export { path: self.path.clone(), source }
    }

    /// Makes the file last; none where there was no row. Blocks.
    fn finish(self) -> Result<Option<PathBuf>> {
        let Some(writer) = self.writer else { return Ok(None) };
        let path = self.path;
        let lasts = || writer.into_inner().map_err(|error| error.into_error())?.sync_all();
        match lasts() {
            Ok(()) => Ok(Some(path)),
            Err(source) => Err(RestoreError::Export { path, source }),
        }
    }

    fn write(&mut self, record: &[String]) -> Result<()> {
        let written = self.writer.as_mut().map_or(Ok(()), |writer| writer.write_record(record));
        written.map_err(|error| self.failed(error))
    }
}

impl Take for Sheet {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        if self.writer.is_none() {
            let file = private(&self.path).map_err(|source| match source.kind() {
                std::io::ErrorKind::AlreadyExists => RestoreError::Exported(self.path.clone()),
                _ => RestoreError::Export { path: self.path.clone(), source },
            })?;
            self.writer = Some(csv::Writer::from_writer(file));
            let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
            self.write(&names)?;
        }
        for row in 0..batch.num_rows() {
            let cell = |(column, hidden): (&Column, &bool)| match (hidden, batch.column_by_name(&column.name)) {
                (true, _) => Cell::PRIVATE_IN_SHEET.to_owned(),
                (false, Some(array)) => self.destination.as_held(column, cell_at(array, row)).in_sheet(),
                (false, None) => Cell::Null.in_sheet(),
            };
            let record: Vec<String> = self.columns.iter().zip(&self.hidden).map(cell).collect();
            self.write(&record)?;
        }
        Ok(())
    }
}
