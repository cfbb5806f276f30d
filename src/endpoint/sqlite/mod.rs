//! SQLite files, on either side, through rusqlite on threads that may block.
//!
//! All of SQLite's SQL, types and codes live here. The one idea that is not obvious: a column's declared type binds
//! nobody in SQLite, so it is taken at its word here, every cell that breaks it is a reject, and what SQLite would change
//! on its way in is a refusal. Between two files nothing is taken at its word: see [`verbatim`].

mod arrive;
mod ask;
mod catalog;
mod connection;
mod decode;
mod definition;
mod draw;
mod error;
mod feed;
mod finish;
mod iso;
mod keyed;
mod long;
mod marks;
mod number;
mod order;
mod schema;
mod several;
mod sight;
mod snapshot;
mod sql;
mod stands;
mod statement;
#[cfg(test)]
mod tests;
mod tongue;
mod types;
mod upsert;
mod verbatim;
mod write;

use std::{collections::BTreeSet, path::Path, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use rusqlite::Connection;

use self::{
    connection::{Access, blocking, open},
    error::words,
    tongue::SqliteTongue,
    write::{Load, Writer},
};
use super::{
    Catalog, Destination, Dry, DryLoader, EndpointError, ErrorKind, LoadOptions, Loader, Mark, Result, Snapshot,
    Source, Space, carry,
};
use crate::model::{
    Cell, Column, ColumnType, CounterStand, Naming, Page, RunId, Sight, Sighting, Spot, System, Table, TableEntry,
    Thing,
};

/// A SQLite file.
#[derive(Clone)]
pub struct Sqlite {
    path: Arc<PathBuf>,
    access: Access,
    writer: Writer,
    /// The table of marks.
    marks: Arc<str>,
}

impl Sqlite {
    /// Opens the file once to see that it is a database. `read_only` never writes to it, and needs it to be there;
    /// else it is made.
    pub async fn connect(path: &Path, read_only: bool) -> Result<Self> {
        let path = Arc::new(path.to_owned());
        let (first, access) = if read_only { (Access::Read, Access::Read) } else { (Access::Create, Access::Write) };
        let opened = Arc::clone(&path);
        blocking(move || open(&opened, first).map(drop)).await?;
        Ok(Self { writer: Writer::new(Arc::clone(&path)), path, access, marks: Mark::TABLE.into() })
    }

    /// The same, with its marks in the table of that name.
    pub fn with_marks(mut self, name: &str) -> Self {
        self.marks = name.into();
        self
    }

    /// A look at the file through a connection of its own: no look waits for another.
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (path, access) = (Arc::clone(&self.path), self.access);
        blocking(move || work(&open(&path, access)?, &path)).await
    }

    fn writer(&self) -> Result<&Writer> {
        match self.access {
            Access::Read => {
                let context = format!("cannot write to {}", self.path.display());
                Err(EndpointError::new(ErrorKind::Permission, context, "the file was opened to be read only"))
            }
            Access::Write | Access::Create => Ok(&self.writer),
        }
    }
}

#[async_trait]
impl Catalog for Sqlite {
    fn system(&self) -> System {
        System::Sqlite
    }

    fn travelling(&self, column: &Column) -> Option<ColumnType> {
        verbatim::travelling(column)
    }

    fn arrived(&self, batch: &RecordBatch, travelled: &[Column], columns: &[Column]) -> Result<RecordBatch> {
        arrive::arrived(batch, travelled, columns)
    }

    fn as_held(&self, travelled: &Column, cell: Cell) -> Cell {
        arrive::as_held(travelled, cell)
    }

    fn reads_as(&self, column: &Column, ty: &ColumnType) -> bool {
        sight::reads_as(column, ty)
    }

    async fn version(&self) -> Result<String> {
        Ok(format!("SQLite {}", rusqlite::version()))
    }

    async fn tables(&self) -> Result<Vec<TableEntry>> {
        let mut tables = self.look(catalog::tables).await?;
        tables.retain(|table| table.name != *self.marks);
        Ok(tables)
    }

    async fn describe(&self, table: &str) -> Result<Table> {
        let table = table.to_owned();
        self.look(move |connection, path| catalog::describe(connection, path, &table)).await
    }

    async fn count(&self, table: &str) -> Result<u64> {
        let table = table.to_owned();
        self.look(move |connection, _| catalog::count(connection, &table)).await
    }

    async fn things(&self) -> Result<Vec<Thing>> {
        let failed = error::during("cannot list views and triggers");
        self.look(move |connection, _| definition::things(connection).map_err(failed)).await
    }

    async fn preview(&self, table: &Table, spot: &Spot, limit: u32) -> Result<Page> {
        let (table, spot) = (table.clone(), spot.clone());
        self.look(move |connection, path| catalog::preview(connection, path, &table, &spot, limit)).await
    }
}

#[async_trait]
impl Source for Sqlite {
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        let path = Arc::clone(&self.path);
        Ok(Arc::new(blocking(move || snapshot::Moment::open(&path)).await?))
    }

    async fn sightings(&self, table: &Table) -> Result<Vec<Sighting>> {
        let table = table.clone();
        let failed = error::during(format!("cannot look into {}", table.name));
        self.look(move |connection, _| sight::sightings(connection, &table).map_err(failed)).await
    }
}

#[async_trait]
impl Destination for Sqlite {
    fn column_for(&self, column: &Column, from: Option<System>) -> Column {
        types::column_for(column, from)
    }

    fn type_after(&self, sight: &Sight) -> Option<ColumnType> {
        match sight {
            Sight::Only(ty) => Some(ty.clone()),
            _ => None,
        }
    }

    fn create_statements(&self, table: &Table) -> Vec<String> {
        schema::create_statements(table)
    }

    fn dress(&self, table: &mut Table, source: System, unchanged: &BTreeSet<String>) {
        carry::dress(&SqliteTongue, table, source, unchanged);
    }

    fn naming(&self) -> Naming {
        schema::NAMING
    }

    fn later_statements(&self, table: &Table) -> Vec<String> {
        schema::later_statements(table)
    }

    async fn objections(&self, _: &[Table]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn create(&self, table: &Table) -> Result<()> {
        let table = table.clone();
        self.writer()?.run(move |connection| schema::create(connection, &table)).await
    }

    fn marks_place(&self) -> String {
        self.marks.to_string()
    }

    /// Whoever may write the file may make tables in it.
    async fn cannot_mark(&self) -> Result<Option<String>> {
        Ok(None)
    }

    async fn prepare(&self) -> Result<()> {
        let marks = Arc::clone(&self.marks);
        self.writer()?.run(move |connection| marks::prepare(connection, &marks)).await
    }

    async fn forget(&self, runs: &[RunId]) -> Result<u64> {
        let (marks, runs) = (Arc::clone(&self.marks), runs.to_vec());
        self.writer()?.run(move |connection| marks::forget(connection, &marks, &runs)).await
    }

    async fn marks(&self, run: &RunId) -> Result<Vec<Mark>> {
        let (marks, run) = (Arc::clone(&self.marks), run.clone());
        self.look(move |connection, _| marks::of_run(connection, &marks, &run)).await
    }

    async fn open(&self, table: &Table, options: &LoadOptions) -> Result<Box<dyn Loader>> {
        Ok(Box::new(Load::open(self.writer()?.clone(), table, options, &self.marks).await?))
    }

    /// In a transaction of the file that is rolled back. No other writer gets in meanwhile.
    async fn open_dry(&self, table: &Table, dry: Dry, options: &LoadOptions) -> Result<DryLoader> {
        let mut options = options.clone();
        if !dry.exists {
            options.update_by.clear();
        }
        let writer = self.writer().map(|_| Writer::dry(Arc::clone(&self.path)))?;
        let loader = Load::open_with(writer, table, &options, &self.marks, !dry.exists).await?;
        Ok(DryLoader { loader: Box::new(loader), apart: !dry.exists, untold: Vec::new() })
    }

    async fn finish(&self, created: &[Table], loaded: &[Table]) -> Result<Vec<String>> {
        let (created, loaded) = (created.to_vec(), loaded.to_vec());
        self.writer()?.run(move |connection| finish::finish(connection, &created, &loaded)).await
    }

    async fn orphans(&self, table: &Table) -> Result<Vec<String>> {
        let table = table.name.clone();
        self.look(move |connection, _| finish::broken_references(connection, &table)).await
    }

    async fn counters_behind(&self, table: &Table) -> Result<Vec<String>> {
        let table = table.name.clone();
        let failed = error::during(format!("cannot look at {table}"));
        let behind = self.look(move |connection, _| finish::counter_behind(connection, &table).map_err(failed)).await?;
        Ok(behind.into_iter().collect())
    }

    async fn permissions(&self, _create: bool, _tables: &[Table]) -> Result<Vec<String>> {
        let Err(error) = self.writer() else {
            let path = Arc::clone(&self.path);
            return blocking(move || Ok(may_write(&path))).await;
        };
        Ok(vec![format!("{error}. Open the file as a destination.")])
    }

    async fn exceeds(&self, table: &Table, bytes: u64) -> Result<bool> {
        let table = table.clone();
        self.look(move |connection, path| Ok(catalog::exceeds(connection, path, &table, bytes))).await
    }

    async fn space(&self) -> Result<Space> {
        let path = Arc::clone(&self.path);
        blocking(move || Ok(Space::of(&path))).await
    }

    async fn referrers(&self, table: &str) -> Result<Vec<String>> {
        let table = table.to_owned();
        self.look(move |connection, _| catalog::referrers(connection, &table)).await
    }

    async fn counters(&self, table: &str) -> Result<Vec<CounterStand>> {
        let table = table.to_owned();
        self.look(move |connection, _| stands::counters(connection, &table)).await
    }

    async fn set_counters(&self, table: &str, stands: &[CounterStand]) -> Result<()> {
        let (table, stands) = (table.to_owned(), stands.to_vec());
        self.writer()?.run(move |connection| stands::set_counters(connection, &table, &stands)).await
    }

    async fn drop_tables(&self, tables: &[String]) -> Result<()> {
        let tables = tables.to_vec();
        self.writer()?.run(move |connection| stands::drop_tables(connection, &tables)).await
    }
}

/// A SQLite account is the account of this process: it may write the file and its folder, or nothing.
fn may_write(path: &Path) -> Vec<String> {
    let tried = match open(path, Access::Write) {
        Ok(connection) => schema::try_to_write(&connection).map_err(|error| words(&error).0),
        Err(error) => Err(error.message),
    };
    let advice = "Make the file and its folder writable for this account, and end what holds a lock on it";
    tried
        .err()
        .map(|message| format!("{} cannot be written: {message}. {advice}.", path.display()))
        .into_iter()
        .collect()
}
