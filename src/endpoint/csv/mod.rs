//! Folders of CSV files, on either side: each file is a table.
//!
//! All columns are text. The one idea that is not obvious: files have no transactions, so a sidecar file beside them
//! says how much of each is durable, and is replaced as a whole when a chunk commits (see [`write`]). Written: RFC 4180
//! with LF as line end, quotes only where they are needed, NULL as the plain token (a text equal to it is quoted), bytes
//! as `\x` and hex.

mod back;
mod dialect;
mod dry;
mod error;
mod file;
mod folder;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod out;
mod record;
mod shape;
mod sidecar;
mod snapshot;
#[cfg(test)]
mod tests;
mod write;

use std::{collections::BTreeSet, fs::OpenOptions, path::Path, path::PathBuf, sync::Arc};

use async_trait::async_trait;

use self::{
    dialect::Dialect,
    error::{blocking, during},
    file::{CsvFile, Stamp, column},
    folder::Folder,
    write::{Load, Turns},
};
use super::{
    Catalog, Destination, Dry, DryLoader, EndpointError, ErrorKind, LoadOptions, Loader, Mark, Result, Snapshot,
    Source, Space,
};
use crate::{
    model::{Cell, Column, ColumnType, Naming, Page, RunId, Sighting, Spot, System, Table, TableEntry, Thing, cell_at},
    plan::CsvOptions,
};

/// A folder of CSV files, or one file.
#[derive(Clone)]
pub struct Csv {
    folder: Folder,
    read_only: bool,
    turns: Turns,
}

impl Csv {
    /// Looks whether the folder or file is there. `read_only` never writes, and needs it to be there; else a folder is
    /// made (a path that ends in `.csv` or `.tsv` means one file).
    pub async fn connect(path: &Path, options: &CsvOptions, read_only: bool) -> Result<Self> {
        let (dialect, path) = (Dialect::new(options)?, path.to_owned());
        let folder = blocking(move || Folder::open(&path, dialect, read_only)).await?;
        Ok(Self { folder, read_only, turns: Turns::default() })
    }

    async fn look<T: Send + 'static>(&self, work: impl FnOnce(&Folder) -> Result<T> + Send + 'static) -> Result<T> {
        let folder = self.folder.clone();
        blocking(move || work(&folder)).await
    }

    fn writable(&self) -> Result<()> {
        if !self.read_only {
            return Ok(());
        }
        let context = format!("cannot write to {}", self.folder.path.display());
        Err(EndpointError::new(ErrorKind::Permission, context, "it was opened to be read only"))
    }
}

/// The table's file. One without header has the columns that it was created with, if it was by us.
fn open(folder: &Folder, table: &str) -> Result<CsvFile> {
    let path = folder.find(table)?;
    let mut file = CsvFile::open(&path, folder.dialect(&path))?;
    if !file.dialect.header {
        let created = sidecar::load(&folder.path)?.files.remove(&folder::name(&path));
        let created = created.map(|written| written.columns).filter(|columns| !columns.is_empty());
        file.columns = created.map_or(file.columns, |names| names.iter().map(|name| column(name)).collect());
    }
    Ok(file)
}

fn entry((name, path): (String, PathBuf), folder: &Folder) -> Result<TableEntry> {
    // A header that cannot be read is said when the table is opened; the list is still a list.
    let rows = CsvFile::open(&path, folder.dialect(&path)).and_then(|file| file.guess_count()).unwrap_or_default();
    Ok(TableEntry { name, rows, bytes: Some(Stamp::of(&path)?.size) })
}

fn describe(folder: &Folder, name: &str) -> Result<Table> {
    let file = open(folder, name)?;
    let (rows, bytes) = (file.guess_count()?, Some(Stamp::of(&file.path)?.size));
    Ok(Table { name: name.to_owned(), columns: file.columns, rows, bytes, ..Table::default() })
}

const BYTES: ColumnType = ColumnType::Bytes { max: None };

fn is_bytes(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Bytes { .. })
}

/// To whoever writes on, columns that were created for bytes are of bytes: written as `\x` hex, read as text.
fn tell_bytes(folder: &Folder, table: &mut Table) -> Result<()> {
    let file = folder::name(&folder.find(&table.name)?);
    let bytes = sidecar::load(&folder.path)?.files.remove(&file).map(|written| written.bytes).unwrap_or_default();
    for column in table.columns.iter_mut().filter(|column| bytes.contains(&column.name)) {
        *column = Column::new(column.name.clone(), BYTES);
    }
    Ok(())
}

fn preview(folder: &Folder, table: &Table, offset: u64, limit: u32) -> Result<Page> {
    let file = open(folder, &table.name)?;
    let mut rows = file.rows_from(file.start)?;
    rows.skip(offset)?;
    let mut cells = Vec::new();
    while cells.len() < limit as usize {
        let batch = rows.batch(u64::from(limit) - cells.len() as u64, usize::MAX)?;
        if batch.rows() == 0 {
            break;
        }
        let row = |row: usize| batch.batch.columns().iter().map(|column| cell_at(column, row)).collect::<Vec<Cell>>();
        let mut page: Vec<(usize, Vec<Cell>)> =
            batch.places().into_iter().enumerate().map(|(index, place)| (place, row(index))).collect();
        page.extend(batch.rejects.into_iter().map(|reject| (reject.place, reject.cells)));
        page.sort_by_key(|(place, _)| *place);
        cells.extend(page.into_iter().map(|(_, cells)| cells));
    }
    Ok(Page {
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        types: table.columns.iter().map(|column| column.ty.clone()).collect(),
        rows: cells,
        total: file.guess_count()?,
        ends: None,
    })
}

#[async_trait]
impl Catalog for Csv {
    fn system(&self) -> System {
        System::Csv
    }

    async fn version(&self) -> Result<String> {
        Ok("CSV files".into())
    }

    async fn tables(&self) -> Result<Vec<TableEntry>> {
        self.look(|folder| folder.tables()?.into_iter().map(|table| entry(table, folder)).collect()).await
    }

    async fn describe(&self, table: &str) -> Result<Table> {
        let table = table.to_owned();
        let to_write = !self.read_only;
        self.look(move |folder| {
            let mut described = describe(folder, &table)?;
            if to_write {
                tell_bytes(folder, &mut described)?;
            }
            Ok(described)
        })
        .await
    }

    async fn count(&self, table: &str) -> Result<u64> {
        let table = table.to_owned();
        self.look(move |folder| open(folder, &table)?.count()).await
    }

    async fn things(&self) -> Result<Vec<Thing>> {
        Ok(Vec::new())
    }

    async fn preview(&self, table: &Table, spot: &Spot, limit: u32) -> Result<Page> {
        let Spot::Row(row) = *spot else {
            let message = "pages of a file are found by the number of their first row only";
            return Err(EndpointError::new(ErrorKind::Other, format!("cannot read {}", table.name), message));
        };
        let table = table.clone();
        self.look(move |folder| preview(folder, &table, row, limit)).await
    }
}

#[async_trait]
impl Source for Csv {
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        let moment = self.look(|folder| snapshot::Moment::open(folder.clone())).await?;
        Ok(Arc::new(moment))
    }

    async fn sightings(&self, table: &Table) -> Result<Vec<Sighting>> {
        let table = table.name.clone();
        self.look(move |folder| shape::sightings(&open(folder, &table)?)).await
    }
}

#[async_trait]
impl Destination for Csv {
    fn column_for(&self, column: &Column, _from: Option<System>) -> Column {
        Column::new(column.name.clone(), if is_bytes(&column.ty) { BYTES } else { ColumnType::TEXT })
    }

    /// A file has rows and a header, and nothing else of what a table is.
    fn dress(&self, table: &mut Table, _source: System, _unchanged: &BTreeSet<String>) {
        let computed = table.columns.iter().filter(|column| column.generation.is_some()).count();
        let defaults = table.columns.iter().filter(|column| column.default.is_some() && !column.identity).count();
        let counters = table.columns.iter().filter(|column| column.identity).count();
        let comments = table.columns.iter().filter(|column| column.comment.is_some()).count();
        let counted = [
            (table.indexes.len(), "index", "indexes"),
            (table.foreign_keys.len(), "foreign key", "foreign keys"),
            (table.checks.len(), "check", "checks"),
            (defaults, "default", "defaults"),
            (counters, "counter", "counters"),
            (computed, "computed column (its values are written)", "computed columns (their values are written)"),
            (comments + usize::from(table.comment.is_some()), "comment", "comments"),
        ];
        let words: Vec<String> = counted
            .iter()
            .filter(|(count, ..)| *count > 0)
            .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
            .collect();
        if !words.is_empty() {
            table.left_out.push(format!("a file holds only rows; of {} stay behind: {}", table.name, words.join(", ")));
        }
        (table.indexes, table.checks, table.types, table.comment) = Default::default();
        for column in &mut table.columns {
            *column = Column { nullable: column.nullable, ..Column::new(&column.name, column.ty.clone()) };
        }
    }

    fn naming(&self) -> Naming {
        Naming::FREE
    }

    fn later_statements(&self, _: &Table) -> Vec<String> {
        Vec::new()
    }

    async fn objections(&self, _: &[Table]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// A file has none: what it begins with is its header.
    fn create_statements(&self, table: &Table) -> Vec<String> {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        vec![format!("-- the file {}.csv with the columns {}", table.name, names.join(", "))]
    }

    async fn create(&self, table: &Table) -> Result<()> {
        self.writable()?;
        let table = table.clone();
        self.look(move |folder| write::create(folder, &table)).await
    }

    fn marks_place(&self) -> String {
        sidecar::FILE.to_owned()
    }

    /// Whoever may not write beside the files may not write them either: the permissions say so.
    async fn cannot_mark(&self) -> Result<Option<String>> {
        Ok(None)
    }

    async fn prepare(&self) -> Result<()> {
        self.writable()?;
        self.look(|folder| sidecar::settle(&folder.path).and_then(|()| sidecar::update(&folder.path, |_| Ok(())))).await
    }

    async fn forget(&self, runs: &[RunId]) -> Result<u64> {
        self.writable()?;
        let runs = runs.to_vec();
        self.look(move |folder| sidecar::forget(&folder.path, &runs)).await
    }

    async fn marks(&self, run: &RunId) -> Result<Vec<Mark>> {
        let run = run.clone();
        let ledger = self.look(|folder| sidecar::load(&folder.path)).await?;
        let mut marks: Vec<Mark> = ledger.marks.into_iter().filter(|mark| mark.run == run).collect();
        marks.sort_by(|a, b| (&a.table, a.chunk).cmp(&(&b.table, b.chunk)));
        Ok(marks)
    }

    async fn open(&self, table: &Table, options: &LoadOptions) -> Result<Box<dyn Loader>> {
        self.writable()?;
        let (turns, table, options) = (self.turns.clone(), table.clone(), options.clone());
        Ok(Box::new(self.look(move |folder| Load::new(folder, turns, &table, &options)).await?))
    }

    async fn open_dry(&self, table: &Table, dry: Dry, options: &LoadOptions) -> Result<DryLoader> {
        self.writable()?;
        let (table, options) = (table.clone(), options.clone());
        self.look(move |folder| dry::open(folder, &table, dry, &options)).await
    }

    /// Files have no keys, sequences or statistics.
    async fn finish(&self, _created: &[Table], _loaded: &[Table]) -> Result<Vec<String>> {
        self.writable().map(|()| Vec::new())
    }

    async fn space(&self) -> Result<Space> {
        self.look(|folder| Ok(Space::of(&folder.path))).await
    }

    async fn permissions(&self, _create: bool, tables: &[Table]) -> Result<Vec<String>> {
        if let Err(error) = self.writable() {
            return Ok(vec![format!("{error}. Open it as a destination.")]);
        }
        let names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
        self.look(move |folder| Ok(findings(folder, &names))).await
    }

    async fn drop_tables(&self, tables: &[String]) -> Result<()> {
        self.writable()?;
        let tables = tables.to_vec();
        self.look(move |folder| back::drop_tables(folder, &tables)).await
    }

    async fn file(&self, table: &str) -> Result<Option<PathBuf>> {
        let table = table.to_owned();
        self.look(move |folder| folder.find(&table).map(Some)).await
    }

    async fn put_back_file(&self, table: &str, kept: &Path) -> Result<()> {
        self.writable()?;
        let (table, kept) = (table.to_owned(), kept.to_owned());
        self.look(move |folder| back::put_back(folder, &table, &kept)).await
    }
}

/// Whether a file can be made in the folder (the marks need one in any case), and the tables' files written.
fn findings(folder: &Folder, tables: &[String]) -> Vec<String> {
    let probe = folder.path.join(".whimbrel_probe");
    let made = OpenOptions::new().create(true).truncate(true).write(true).open(&probe).map_err(during("make", &probe));
    let removed = made.and_then(|_| std::fs::remove_file(&probe).map_err(during("remove", &probe)));
    let writable = |table: &String| {
        let path = folder.find(table)?;
        OpenOptions::new().append(true).open(&path).map(drop).map_err(during("write", &path))
    };
    let tables =
        tables.iter().map(writable).filter(|found| !matches!(found, Err(error) if error.kind == ErrorKind::NoTable));
    let advice = "Make the folder and its files writable for this account";
    std::iter::once(removed).chain(tables).filter_map(Result::err).map(|error| format!("{error}. {advice}.")).collect()
}
