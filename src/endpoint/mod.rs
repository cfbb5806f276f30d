//! The systems that can stand on either side, behind two traits.
//!
//! All SQL dialect, wire format and type mapping of a system lives in its folder here and nowhere else. May not touch
//! the engine. One idea: a chunk is a range of the source's own key order whose bounds the server computed, so that
//! reading it again yields the same rows, in the same order, whoever reads.

mod asked;
mod carry;
pub mod csv;
mod doctor;
mod dry;
mod error;
mod formula;
pub mod mysql;
mod nodelay;
mod outlet;
#[cfg(test)]
mod paging;
pub mod postgres;
mod registry;
mod secret;
mod space;
pub mod sqlite;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;

use crate::model::{
    Cause, Cell, Column, ColumnType, CounterStand, Mode, Naming, Padding, Page, RunId, Sight, Sighting, Spot, System,
    Table, TableEntry, Thing,
};

pub use crate::model::{Mark, Position, Range, Until};

pub use asked::Asked;
pub use doctor::examine;
pub use dry::{Collisions, Dry, DryLoader};
pub use error::{EndpointError, ErrorKind};
pub use outlet::{Closed, Hold, Inlet, Outlet, Room};
pub use registry::{open_destination, open_source};
pub use space::Space;

pub type Result<T> = std::result::Result<T, EndpointError>;

/// What both sides can tell.
#[async_trait]
pub trait Catalog: Send + Sync {
    fn system(&self) -> System;

    /// The type in which the column's values travel to the same system where nothing looks at them on the way, if it holds
    /// what the column's own type does not. Two columns take each other's values so where it is the same for both.
    fn travelling(&self, _column: &Column) -> Option<ColumnType> {
        None
    }

    /// The rows with each column that travels otherwise than it is read put into the type of its namesake among `columns`, as
    /// a reader of these would have read it. A value that this type does not hold is an error.
    fn arrived(&self, batch: &RecordBatch, _travelled: &[Column], _columns: &[Column]) -> Result<RecordBatch> {
        Ok(batch.clone())
    }

    /// The value of a column that travelled, as the system holds it.
    fn as_held(&self, _travelled: &Column, cell: Cell) -> Cell {
        cell
    }

    /// What this system adds to the end of shorter values of the column, so that nobody can tell it from the values' own.
    fn padding(&self, _column: &Column) -> Option<Padding> {
        None
    }

    /// The server's own name and version, for a human.
    async fn version(&self) -> Result<String>;

    /// All tables that hold rows (views are not listed), by name, with cheap counts.
    async fn tables(&self) -> Result<Vec<TableEntry>>;

    /// Whether the column's values can be read as another type than its own, so that what its own does not hold is no
    /// reject.
    fn reads_as(&self, _column: &Column, _ty: &ColumnType) -> bool {
        false
    }

    /// A table in full. Fails with [`ErrorKind::NoTable`] where there is none of that name.
    async fn describe(&self, table: &str) -> Result<Table>;

    /// The exact number of rows; may take long.
    async fn count(&self, table: &str) -> Result<u64>;

    /// Views, triggers, functions and whatever else is no table, and is not carried.
    async fn things(&self) -> Result<Vec<Thing>>;

    /// At most `limit` rows from that spot on, in reading order. Cells are never cut. Spots other than a row's number take a
    /// source that gives the ends of its pages.
    async fn preview(&self, table: &Table, spot: &Spot, limit: u32) -> Result<Page>;
}

/// A system to read from. Opened read-only.
#[async_trait]
pub trait Source: Catalog {
    /// Opens one consistent snapshot that all tables are read from.
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>>;

    /// What a cheap look at the table's rows says of its columns beyond their declared types.
    async fn sightings(&self, _table: &Table) -> Result<Vec<Sighting>> {
        Ok(Vec::new())
    }
}

/// One moment of a source. Dropping it releases whatever holds the moment.
#[async_trait]
pub trait Snapshot: Send + Sync {
    /// The next range of about `rows` rows after `after`; `None` where no row follows.
    async fn next_range(&self, table: &Table, after: Option<&Position>, rows: u64) -> Result<Option<Range>>;

    /// Whether [`Snapshot::next_range`] costs little and may be asked while a range is read, without holding that up.
    fn answers_aside(&self) -> bool {
        false
    }

    /// Reads the range's rows in key order into `out`, at most `batch_bytes` a batch (a single row may exceed it), and
    /// returns where it ended: `None` when the table ends with it. Ends early, without an error, when `out` is closed.
    async fn read(&self, table: &Table, range: &Range, batch_bytes: usize, out: Outlet) -> Result<Option<Position>>;

    /// Reads the rows that have these keys, in no order, otherwise as [`Snapshot::read`] does. The batch's columns are a unique
    /// key of the table, by name and in the types of `table`, and free of NULL. What the system calls equal is.
    async fn read_keys(&self, table: &Table, _keys: &RecordBatch, _batch_bytes: usize, _out: Outlet) -> Result<()> {
        let context = format!("cannot read {}", table.name);
        Err(EndpointError::new(ErrorKind::Other, context, "rows cannot be found by their keys here"))
    }

    /// Asks a query of the operator's own for its one value. It can write nothing and is one statement alone.
    async fn ask(&self, _query: &str) -> Result<Asked> {
        Err(asked::no_queries())
    }

    /// Has the system look at such a query without running it.
    async fn prepares(&self, _query: &str) -> Result<()> {
        Err(asked::no_queries())
    }
}

/// Some rows in source columns: all of [`Table::columns`], in their order, named as they are and typed as
/// [`crate::model::ColumnType::arrow`] says; every field nullable.
#[derive(Clone, Debug)]
pub struct SourceBatch {
    pub batch: RecordBatch,
    /// Rows that their columns' types cannot hold; they are not in `batch`.
    pub rejects: Vec<Reject>,
}

impl SourceBatch {
    pub fn rows(&self) -> usize {
        self.batch.num_rows() + self.rejects.len()
    }

    /// About how much memory it holds.
    pub fn bytes(&self) -> usize {
        let rejected = self.rejects.iter().flat_map(|reject| &reject.cells).map(Cell::bytes).sum::<usize>();
        self.batch.get_array_memory_size() + rejected
    }

    /// For each row of `batch`, its place among all rows of this message, rejects included; from 0.
    pub fn places(&self) -> Vec<usize> {
        let mut rejected = self.rejects.iter().map(|reject| reject.place).peekable();
        let mut places = Vec::with_capacity(self.batch.num_rows());
        let mut place = 0;
        while places.len() < self.batch.num_rows() {
            if rejected.peek() == Some(&place) {
                rejected.next();
            } else {
                places.push(place);
            }
            place += 1;
        }
        places
    }
}

/// A row as the source holds it, of which one cell does not fit its column's declared type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Where it stands among the rows of its message, from 0; ascending.
    pub place: usize,
    /// One cell per column of the table.
    pub cells: Vec<Cell>,
    /// The index of the offending column.
    pub column: usize,
    pub message: String,
}

/// A system to write to.
#[async_trait]
pub trait Destination: Catalog {
    /// How this system would hold the column when it creates it: `ty` is what [`Catalog::describe`] will say afterwards
    /// and `native` what the statement says. A column that comes unchanged `from` the same system keeps its `native`.
    fn column_for(&self, column: &Column, from: Option<System>) -> Column;

    /// The type that a draft should have a column created with after such a sighting in another system.
    fn type_after(&self, _sight: &Sight) -> Option<ColumnType> {
        None
    }

    /// Puts what the table carries from the source beside columns and keys (checks, indexes, defaults, counters, comments)
    /// into this system's words, and says in [`Table::left_out`] what cannot be carried. Its columns have passed
    /// [`Destination::column_for`]; `unchanged` are those whose values and types come as they are.
    fn dress(&self, table: &mut Table, source: System, unchanged: &BTreeSet<String>);

    fn naming(&self) -> Naming;

    /// The statements that create the table (foreign keys left to [`Destination::finish`]), in this system's dialect.
    fn create_statements(&self, table: &Table) -> Vec<String>;

    /// The statements by which [`Destination::finish`] completes the table, as they are if nothing stands in their way.
    fn later_statements(&self, table: &Table) -> Vec<String>;

    /// What in the destination keeps these tables from being created, each a sentence with a remedy.
    async fn objections(&self, tables: &[Table]) -> Result<Vec<String>>;

    /// Creates the table in one transaction where the system has it. A table of that name already there is an error.
    async fn create(&self, table: &Table) -> Result<()>;

    /// Where marks stand, for a human.
    fn marks_place(&self) -> String;

    /// Why no place for marks is there or can be made, in a sentence with a remedy; `None`: marks can be kept.
    async fn cannot_mark(&self) -> Result<Option<String>>;

    /// Makes the place where marks stand, if it is not there.
    async fn prepare(&self) -> Result<()>;

    /// Takes away the marks of these runs, and their place with them unless marks of other runs stand there; returns
    /// how many do.
    async fn forget(&self, runs: &[RunId]) -> Result<u64>;

    /// All marks of the run, by table and chunk.
    async fn marks(&self, run: &RunId) -> Result<Vec<Mark>>;

    /// Opens a connection that loads one table.
    async fn open(&self, table: &Table, options: &LoadOptions) -> Result<Box<dyn Loader>>;

    /// The same to try rows of which none may stay. The loader begins once, commits never, and everything that it did is
    /// gone when it is rolled back or dropped.
    async fn open_dry(&self, table: &Table, dry: Dry, options: &LoadOptions) -> Result<DryLoader>;

    /// After all rows are in: builds the indexes and adds the foreign keys of `created` tables, moves counters past the
    /// greatest key of `loaded` ones, refreshes statistics. Returns what a human should know: a foreign key that does not hold, say.
    async fn finish(&self, created: &[Table], loaded: &[Table]) -> Result<Vec<String>>;

    /// Each foreign key of the table that does not hold, in a sentence with some of the values by which it does not.
    async fn orphans(&self, _table: &Table) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Each counter of the table that would give a value that is there already, in a sentence.
    async fn counters_behind(&self, _table: &Table) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Whether the account may do what a run does, without changing data. Each finding is a sentence with a remedy.
    async fn permissions(&self, create: bool, tables: &[Table]) -> Result<Vec<String>>;

    /// What the account lacks, beyond [`Destination::permissions`], to write the table in this mode.
    async fn lacks(&self, _table: &Table, _mode: Mode) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Whether the table takes more room than that, whatever it costs to tell.
    async fn exceeds(&self, table: &Table, bytes: u64) -> Result<bool> {
        Ok(table.bytes.is_some_and(|taken| taken > bytes))
    }

    /// What is left where it keeps its rows.
    async fn space(&self) -> Result<Space>;

    /// What in the server's version or settings keeps rows out that would fit the tables, or changes them; each a sentence
    /// with a remedy. Of the tables only what is written counts.
    async fn cautions(&self, _tables: &[Table]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Other tables whose foreign keys refer to it: rows that it loses would be missed there.
    async fn referrers(&self, _table: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Where all that counts for the table stands, for [`Destination::set_counters`].
    async fn counters(&self, _table: &str) -> Result<Vec<CounterStand>> {
        Ok(Vec::new())
    }

    /// Sets what counts for the table to where it stood, back as well as forth.
    async fn set_counters(&self, _table: &str, _stands: &[CounterStand]) -> Result<()> {
        Ok(())
    }

    /// Whether triggers fire for rows that are put back, which no [`LoadOptions::puts_back`] keeps them from.
    fn triggers_see_all(&self) -> bool {
        false
    }

    /// Drops tables, in this order, with nothing that depends on them; one that is gone already is fine.
    async fn drop_tables(&self, tables: &[String]) -> Result<()>;

    /// The file that the table is, where it is one.
    async fn file(&self, _table: &str) -> Result<Option<PathBuf>> {
        Ok(None)
    }

    /// Puts the content of another file in the place of the file that the table is, all of it or nothing.
    async fn put_back_file(&self, table: &str, _kept: &Path) -> Result<()> {
        Err(EndpointError::new(ErrorKind::Other, format!("cannot put {table} back"), "here a table is no file"))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Destination columns that are written, in the order of the batches' columns.
    pub columns: Vec<String>,
    /// The table refers to itself or to tables that refer back: foreign keys are not enforced row by row while it loads.
    pub suspend_foreign_keys: bool,
    /// A row with the key of one that is there, by these columns, takes its place; empty: it is refused. Within a chunk a
    /// key comes once.
    pub update_by: Vec<String>,
    /// Other tables that [`Loader::empty`] empties before this one, in their order.
    pub empties_first: Vec<String>,
    /// How many seconds a statement waits for somebody else's lock; 0: as long as the server lets it.
    pub lock_wait: u32,
    /// No place for marks is to be had: the rows commit without one.
    pub unmarked: bool,
    /// The rows go back as they were: no trigger fires and no foreign key is enforced, as far as the system lets this
    /// account, and emptying leaves rows that refer to the table's own where they are.
    pub puts_back: bool,
}

/// Loads one table, one chunk a transaction. Nothing of a chunk is visible before `commit`.
#[async_trait]
pub trait Loader: Send {
    async fn begin(&mut self) -> Result<()>;

    /// Writes all rows but those that the destination refuses for what they are, which are returned, ascending. Any
    /// other failure is an error, after which only `rollback` (or dropping the loader) makes sense.
    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>>;

    /// The same for several batches, which may be quicker than one after the other; the refusals of each.
    async fn write_all(&mut self, batches: &[&RecordBatch]) -> Result<Vec<Vec<Refusal>>> {
        let mut refusals = Vec::with_capacity(batches.len());
        for batch in batches {
            let refused = if batch.num_rows() == 0 { Vec::new() } else { self.write(batch).await? };
            refusals.push(refused);
        }
        Ok(refusals)
    }

    /// Takes all rows out of the table, and of those that must be empty before it, as part of the chunk that was begun.
    /// Before its first `write`.
    async fn empty(&mut self) -> Result<()>;

    /// Takes the rows that have the keys of these, by the columns of [`LoadOptions::update_by`], out of the table, as part of
    /// the chunk; how many there were. The columns are found by name, and may be all that there are.
    async fn remove(&mut self, _rows: &RecordBatch) -> Result<u64> {
        let message = "rows cannot be taken out by their keys here";
        Err(EndpointError::new(ErrorKind::Other, "cannot remove rows", message))
    }

    /// How many of the rows written since `begin` were there already as they are, so that nothing was changed.
    fn unchanged(&self) -> u64 {
        0
    }

    /// Of rows that a dry run wrote apart: those whose key is in the table itself.
    async fn collisions(&mut self) -> Result<Collisions> {
        Ok(Collisions::default())
    }

    /// Makes the rows and the mark durable together. After an error it is unknown whether they are: ask for the marks.
    async fn commit(&mut self, mark: &Mark) -> Result<()>;

    async fn rollback(&mut self) -> Result<()>;
}

/// A row that the destination did not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The row in the batch given, from 0.
    pub row: usize,
    pub cause: Cause,
    /// The destination column, where the server names it.
    pub column: Option<String>,
    /// The server's own words.
    pub message: String,
}
