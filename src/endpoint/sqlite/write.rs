//! The one writer of a file, and the loaders that take turns with it.
//!
//! SQLite lets one connection write at a time. All loaders of a destination share one, which a loader holds from `begin`
//! to the end of its transaction; the others wait for it in line instead of failing with "database is locked".

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use rusqlite::{Connection, config::DbConfig, ffi, types::ToSqlOutput};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    connection::{Access, blocking, open},
    error::{during, failure, words},
    feed::{Complaint, Feed, Scratch, Target},
    long, marks, schema,
    several::Several,
    sql::{delete_all, delete_by, insert, quoted},
    upsert::Upsert,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, LoadOptions, Loader, Mark, Refusal, Result},
    model::{Cause, ColumnType, Table},
};

/// The writing connection, opened when it is first needed: a destination that is only looked at stays untouched.
#[derive(Clone)]
pub(super) struct Writer {
    path: Arc<PathBuf>,
    connection: Arc<Mutex<Option<Connection>>>,
    /// Of a dry run: the file's way of keeping a journal stays what it is.
    dry: bool,
}

impl Writer {
    pub(super) fn new(path: Arc<PathBuf>) -> Self {
        Self { path, connection: Arc::default(), dry: false }
    }

    /// One of its own, of which nothing stays in the file.
    pub(super) fn dry(path: Arc<PathBuf>) -> Self {
        Self { dry: true, ..Self::new(path) }
    }

    /// Waits in line for the connection.
    pub(super) async fn turn(&self) -> Result<Turn> {
        let mut turn = Turn(Some(Arc::clone(&self.connection).lock_owned().await));
        let (path, dry) = (Arc::clone(&self.path), self.dry);
        blocking(move || {
            let slot = turn.0.as_deref_mut().ok_or_else(no_turn)?;
            match slot {
                Some(connection) => roll_back(connection)?,
                None if dry => *slot = Some(open(&path, Access::Write)?),
                None => *slot = Some(connect(&path)?),
            }
            Ok(turn)
        })
        .await
    }

    /// One piece of work in a turn of its own.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.turn().await?.run(work).await.1
    }
}

/// Durable at every commit, and readers are not kept out while we write.
fn connect(path: &Path) -> Result<Connection> {
    let connection = open(path, Access::Create)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;")
        .map_err(during(format!("cannot prepare {} for writing", path.display())))?;
    Ok(connection)
}

fn roll_back(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Ok(());
    }
    connection.execute_batch("ROLLBACK").map_err(during("cannot roll back"))
}

fn no_turn() -> EndpointError {
    EndpointError::new(ErrorKind::Other, "cannot write to SQLite", "there is no transaction to write in")
}

/// The writing connection, held. Dropping it rolls back what is open before the next in line gets it.
pub(super) struct Turn(Option<OwnedMutexGuard<Option<Connection>>>);

impl Turn {
    /// Does the work on a thread that may block. If nobody waits for it any more, the turn ends with it.
    async fn run<T: Send + 'static>(
        mut self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> (Option<Self>, Result<T>) {
        let done = blocking(move || {
            let connection = self.0.as_deref_mut().and_then(Option::as_mut).ok_or_else(no_turn);
            let outcome = connection.and_then(work);
            Ok((self, outcome))
        });
        match done.await {
            Ok((turn, outcome)) => (Some(turn), outcome),
            Err(error) => (None, Err(error)),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(guard) = self.0.take() else { return };
        let is_open = |guard: &OwnedMutexGuard<Option<Connection>>| guard.as_ref().is_some_and(|c| !c.is_autocommit());
        if !is_open(&guard) {
            return;
        }
        // A failure to roll back is not lost: the next turn tries again and reports it.
        let end = move || drop(guard.as_ref().map(roll_back));
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(end)),
            Err(_) => end(),
        }
    }
}

/// Loads one table.
pub(super) struct Load {
    writer: Writer,
    statement: Arc<Statement>,
    empties_first: Vec<String>,
    /// Where marks go; `None`: nowhere.
    marks: Option<String>,
    /// No trigger sees what is written.
    unseen: bool,
    turn: Option<Turn>,
    unchanged: u64,
    /// The table that a dry run makes first, in its transaction.
    makes: Option<Table>,
}

struct Statement {
    table: String,
    sql: String,
    targets: Vec<Target>,
    /// The columns whose long values go into the row when it is there.
    poured: Vec<String>,
    /// How rows go together; none: one by one.
    several: Option<Several>,
    upsert: Option<Upsert>,
}

impl Load {
    pub(super) async fn open(writer: Writer, table: &Table, options: &LoadOptions, marks: &str) -> Result<Self> {
        Self::open_with(writer, table, options, marks, false).await
    }

    /// `makes`: the table is not there, and is made by each transaction.
    pub(super) async fn open_with(
        writer: Writer,
        table: &Table,
        options: &LoadOptions,
        marks: &str,
        makes: bool,
    ) -> Result<Self> {
        let missing = |name: &String| {
            let message = format!("it has no column {name}");
            EndpointError::new(ErrorKind::Other, format!("cannot load {}", table.name), message)
        };
        let target = |name: &String| {
            let column = table.column(name).ok_or_else(|| missing(name))?;
            let integer_key = table.key == [name.as_str()] && column.native.eq_ignore_ascii_case("INTEGER");
            Ok(Target::new(column, column.identity || (integer_key && column.ty == ColumnType::BIGINT)))
        };
        let targets = options.columns.iter().map(target).collect::<Result<_>>()?;
        let mut sql = insert(&table.name, &options.columns);
        let mut upsert = None;
        let (mut poured, mut several) = (Vec::new(), None);
        if makes {
            // It has neither rows nor triggers, and is looked at when it is there.
        } else if !options.update_by.is_empty() {
            let settled = settle(&writer, table, options).await?;
            sql.clone_from(&settled.write);
            upsert = Some(settled);
        } else {
            let (context, table, columns) =
                (format!("cannot load {}", table.name), table.clone(), options.columns.clone());
            let ways = move |connection: &mut Connection| {
                let poured = long::columns(connection, &table)?;
                Ok((poured, Several::of(connection, &table, &columns)?))
            };
            (poured, several) = writer.run(move |connection| ways(connection).map_err(during(context))).await?;
        }
        let statement = Statement { table: table.name.clone(), sql, targets, poured, several, upsert };
        let marks = (!options.unmarked).then(|| marks.to_owned());
        let empties_first = options.empties_first.clone();
        let (unseen, makes) = (options.puts_back, makes.then(|| table.clone()));
        let statement = Arc::new(statement);
        Ok(Self { writer, statement, empties_first, marks, unseen, makes, turn: None, unchanged: 0 })
    }

    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turn.take().ok_or_else(no_turn)?;
        let (turn, outcome) = turn.run(work).await;
        self.turn = turn;
        outcome
    }
}

async fn settle(writer: &Writer, table: &Table, options: &LoadOptions) -> Result<Upsert> {
    let (table, options) = (table.clone(), options.clone());
    let work = move |connection: &mut Connection| {
        let mut upsert = Upsert::new(&table, &options.columns, &options.update_by);
        let settled = upsert.settle(connection, &table, &options.update_by);
        settled.map_err(during(format!("cannot load {}", table.name))).map(|()| upsert)
    };
    writer.run(work).await
}

#[async_trait]
impl Loader for Load {
    async fn begin(&mut self) -> Result<()> {
        // A turn that is still held would be waited for in vain.
        self.rollback().await?;
        self.turn = Some(self.writer.turn().await?);
        self.unchanged = 0;
        let context = format!("cannot begin to write to {}", self.statement.table);
        let (statement, makes) = (Arc::clone(&self.statement), self.makes.clone());
        let triggers = !self.unseen;
        let begin = move |connection: &mut Connection| {
            // All loaders share the connection: each says how it wants it.
            let set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, triggers);
            set.map_err(during(context.clone()))?;
            let keys = statement.upsert.as_ref().map_or(Ok(()), |upsert| upsert.begin(connection));
            let begun = keys.and_then(|()| connection.execute_batch("BEGIN IMMEDIATE"));
            let made = begun.and_then(|()| makes.map_or(Ok(()), |table| schema::make(connection, &table)));
            made.map_err(during(context))
        };
        let begun = self.run(begin).await;
        if begun.is_err() {
            self.turn = None;
        }
        begun
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        let (statement, batch) = (Arc::clone(&self.statement), batch.clone());
        let Written { refusals, unchanged } = self.run(move |connection| statement.write(connection, &batch)).await?;
        self.unchanged += unchanged;
        Ok(refusals)
    }

    async fn remove(&mut self, rows: &RecordBatch) -> Result<u64> {
        let (statement, rows) = (Arc::clone(&self.statement), rows.clone());
        self.run(move |connection| statement.remove(connection, &rows)).await
    }

    async fn empty(&mut self) -> Result<()> {
        let table = &self.statement.table;
        let tables = self.empties_first.iter().chain([table]).map(|table| delete_all(table));
        let (sql, context) = (tables.collect::<Vec<_>>().join("; "), format!("cannot empty {table}"));
        self.run(move |connection| connection.execute_batch(&sql).map_err(during(context))).await
    }

    fn unchanged(&self) -> u64 {
        self.unchanged
    }

    async fn commit(&mut self, mark: &Mark) -> Result<()> {
        let (mark, marks) = (mark.clone(), self.marks.clone());
        self.run(move |connection| commit(connection, &mark, marks.as_deref())).await?;
        self.turn = None;
        Ok(())
    }

    async fn rollback(&mut self) -> Result<()> {
        if self.turn.is_none() {
            return Ok(());
        }
        let outcome = self.run(|connection| roll_back(connection)).await;
        self.turn = None;
        outcome
    }
}

fn commit(connection: &Connection, mark: &Mark, marks: Option<&str>) -> Result<()> {
    let context = || format!("cannot commit chunk {} of {}", mark.chunk, mark.table);
    if connection.is_autocommit() {
        return Err(EndpointError::new(ErrorKind::Other, context(), "SQLite has rolled the transaction back"));
    }
    let write = || {
        marks.map_or(Ok(()), |marks| marks::write(connection, marks, mark))?;
        connection.execute_batch("COMMIT")
    };
    write().map_err(|error| failure(&error, context()))
}

impl Statement {
    fn write(&self, connection: &Connection, batch: &RecordBatch) -> Result<Written> {
        let context = || format!("cannot write to {}", self.table);
        if batch.num_columns() != self.targets.len() {
            let message = format!("{} columns were given, {} are loaded", batch.num_columns(), self.targets.len());
            return Err(EndpointError::new(ErrorKind::Other, context(), message));
        }
        let columns = batch.columns().iter();
        let feeds: Vec<Feed<'_>> =
            self.targets.iter().zip(columns).map(|(target, array)| Feed::new(target, array)).collect();
        let failed = |error: rusqlite::Error| failure(&error, context());
        let mut statement = connection.prepare_cached(&self.sql).map_err(failed)?;
        let several = self.several.as_ref().map(|several| connection.prepare_cached(&several.sql)).transpose();
        let mut several = several.map_err(failed)?;
        let together = self.several.as_ref().map_or(1, |several| several.rows);
        let mut written = Written { refusals: Vec::new(), unchanged: 0 };
        let mut scratch = Scratch::default();
        for first in (0..batch.num_rows()).step_by(together) {
            let rows = first..batch.num_rows().min(first + together);
            if let Some(several) = several.as_mut().filter(|_| rows.len() == together)
                && self.write_rows(several, &feeds, rows.clone(), &mut scratch).map_err(failed)?
            {
                continue;
            }
            for row in rows {
                match self.write_row(connection, &mut statement, &feeds, row, &mut scratch) {
                    Ok(Wrote::Changed) => {}
                    Ok(Wrote::Unchanged) => written.unchanged += 1,
                    Ok(Wrote::Not(refusal)) => written.refusals.push(refusal),
                    Err(error) => written.refusals.push(self.refusal(connection, row, &error)?),
                }
            }
        }
        Ok(written)
    }

    /// Writes the rows by one statement; `false`, and nothing, where one of them wants to be looked at by itself.
    fn write_rows(
        &self,
        statement: &mut rusqlite::Statement<'_>,
        feeds: &[Feed<'_>],
        rows: Range<usize>,
        scratch: &mut Scratch,
    ) -> rusqlite::Result<bool> {
        let is_poured = |feed: &Feed<'_>, row| self.poured.contains(feed.name()) && feed.poured(row).is_some();
        for (at, row) in rows.enumerate() {
            let alone = !self.poured.is_empty() && feeds.iter().any(|feed| is_poured(feed, row));
            if alone || bind_at(statement, at * feeds.len(), feeds, row, &[], scratch)?.is_some() {
                statement.clear_bindings();
                return Ok(false);
            }
        }
        match statement.raw_execute() {
            Ok(_) => Ok(true),
            // Whose fault it is shows when each goes by itself.
            Err(error) if words(&error).1.and_then(cause).is_some() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, connection: &Connection, batch: &RecordBatch) -> Result<u64> {
        let context = || format!("cannot remove rows from {}", self.table);
        let keys = self.upsert.as_ref().map(|upsert| upsert.key.as_slice()).unwrap_or_default();
        let targets = keys.iter().filter_map(|place| self.targets.get(*place));
        let pairs = targets.filter_map(|target| Some((target, batch.column_by_name(&target.name)?)));
        let feeds: Vec<Feed<'_>> = pairs.map(|(target, array)| Feed::new(target, array)).collect();
        let names: Vec<&str> = feeds.iter().map(|feed| feed.name().as_str()).collect();
        if names.is_empty() || names.len() < keys.len() {
            return Err(EndpointError::new(ErrorKind::Other, context(), "it has no key to find them by"));
        }
        let failed = |error: rusqlite::Error| failure(&error, context());
        let mut statement = connection.prepare_cached(&delete_by(&self.table, &names)).map_err(failed)?;
        let (mut removed, mut scratch) = (0, Scratch::default());
        for row in 0..batch.num_rows() {
            if let Some((_, complaint)) = bind(&mut statement, &feeds, row, &[], &mut scratch).map_err(failed)? {
                return Err(EndpointError::new(ErrorKind::Data, context(), complaint.message));
            }
            removed += statement.raw_execute().map_err(failed)? as u64;
        }
        Ok(removed)
    }

    fn write_row(
        &self,
        connection: &Connection,
        statement: &mut rusqlite::Statement<'_>,
        feeds: &[Feed<'_>],
        row: usize,
        scratch: &mut Scratch,
    ) -> rusqlite::Result<Wrote> {
        if let Some((index, complaint)) = bind(statement, feeds, row, &self.poured, scratch)? {
            return Ok(Wrote::Not(self.complaint(row, index, complaint)));
        }
        let Some(upsert) = &self.upsert else {
            if statement.raw_execute()? == 0 {
                return Ok(Wrote::Not(self.ignored(row)));
            }
            self.pour(connection, feeds, row)?;
            return Ok(Wrote::Changed);
        };
        let key: Vec<&Feed<'_>> = upsert.key.iter().filter_map(|place| feeds.get(*place)).collect();
        let mut keep = connection.prepare_cached(&upsert.keep)?;
        bind(&mut keep, key, row, &[], scratch)?;
        keep.raw_execute()?;
        let wrote = match statement.raw_execute() {
            Ok(0) if !is_there(connection, upsert, feeds, row, scratch)? => Ok(Wrote::Not(self.ignored(row))),
            Ok(0) => return Ok(Wrote::Unchanged),
            Ok(_) => return Ok(Wrote::Changed),
            Err(error) => Err(error),
        };
        // What is not written stands in no other row's way.
        connection.prepare_cached(&upsert.forget)?.execute([])?;
        wrote
    }

    /// Puts in what the row went in without.
    fn pour(&self, connection: &Connection, feeds: &[Feed<'_>], row: usize) -> rusqlite::Result<()> {
        for feed in feeds.iter().filter(|feed| self.poured.contains(feed.name())) {
            if let Some(poured) = feed.poured(row) {
                long::pour(connection, &self.table, feed.name(), &poured)?;
            }
        }
        Ok(())
    }

    fn complaint(&self, row: usize, index: usize, complaint: Complaint) -> Refusal {
        let column = self.targets.get(index).map(|target| target.name.clone());
        Refusal { row, cause: complaint.cause, column, message: complaint.message }
    }

    fn ignored(&self, row: usize) -> Refusal {
        let message = format!("a trigger of {} ignored the row", self.table);
        Refusal { row, cause: Cause::Refused, column: None, message }
    }

    /// What the row did, where it was the row; else the failure.
    fn refusal(&self, connection: &Connection, row: usize, error: &rusqlite::Error) -> Result<Refusal> {
        let (message, code) = words(error);
        let cause = code.and_then(cause);
        match cause {
            // A trigger that rolls back takes the chunk's earlier rows with it.
            Some(cause) if !connection.is_autocommit() => {
                Ok(Refusal { row, cause, column: self.column_in(&message), message })
            }
            _ => Err(failure(error, format!("cannot write to {}", self.table))),
        }
    }

    /// The column in `UNIQUE constraint failed: table.column`, the first of several.
    fn column_in(&self, message: &str) -> Option<String> {
        let named = |target: &&Target| {
            let name = format!("{}.{}", self.table, target.name);
            let rest = message.split_once(&name).map(|(_, rest)| rest);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(", "))
        };
        let place = |target: &Target| message.find(&format!("{}.{}", self.table, target.name));
        let first = self.targets.iter().filter(named).min_by_key(|target| place(target));
        first.map(|target| target.name.clone()).or_else(|| self.only_column_in(message))
    }

    /// The column that a check is about, where it is about one: `CHECK constraint failed: "column" > 0`.
    fn only_column_in(&self, message: &str) -> Option<String> {
        let check = message.strip_prefix("CHECK constraint failed: ")?;
        let mut named = self.targets.iter().filter(|target| check.contains(&quoted(&target.name)));
        named.next().filter(|_| named.next().is_none()).map(|target| target.name.clone())
    }
}

struct Written {
    refusals: Vec<Refusal>,
    unchanged: u64,
}

/// What became of one row.
enum Wrote {
    Changed,
    Unchanged,
    Not(Refusal),
}

/// Binds the row's values in their order, zeros for what is `poured`; the place of one that cannot be, and why.
fn bind<'f>(
    statement: &mut rusqlite::Statement<'_>,
    feeds: impl IntoIterator<Item = &'f Feed<'f>>,
    row: usize,
    poured: &[String],
    scratch: &mut Scratch,
) -> rusqlite::Result<Option<(usize, Complaint)>> {
    bind_at(statement, 0, feeds, row, poured, scratch)
}

/// The same behind so many parameters.
fn bind_at<'f>(
    statement: &mut rusqlite::Statement<'_>,
    at: usize,
    feeds: impl IntoIterator<Item = &'f Feed<'f>>,
    row: usize,
    poured: &[String],
    scratch: &mut Scratch,
) -> rusqlite::Result<Option<(usize, Complaint)>> {
    for (index, feed) in feeds.into_iter().enumerate() {
        if poured.contains(feed.name())
            && let Some(poured) = feed.poured(row)
        {
            statement.raw_bind_parameter(at + index + 1, ToSqlOutput::ZeroBlob(poured.len()))?;
            continue;
        }
        match feed.value(row, scratch) {
            Ok(value) => statement.raw_bind_parameter(at + index + 1, ToSqlOutput::Borrowed(value))?,
            Err(complaint) => return Ok(Some((index, complaint))),
        }
    }
    scratch.let_go();
    Ok(None)
}

/// Whether a row that changed nothing is there as it is. Without triggers nothing else can be.
fn is_there(
    connection: &Connection,
    upsert: &Upsert,
    feeds: &[Feed<'_>],
    row: usize,
    scratch: &mut Scratch,
) -> rusqlite::Result<bool> {
    let Some(find) = &upsert.find else { return Ok(true) };
    let mut find = connection.prepare_cached(find)?;
    bind(&mut find, feeds, row, &[], scratch)?;
    Ok(find.raw_query().next()?.is_some())
}

/// The codes that speak of a row's data; `None`: it is not the row's fault.
fn cause(code: i32) -> Option<Cause> {
    Some(match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Cause::Unique
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => Cause::Null,
        ffi::SQLITE_CONSTRAINT_CHECK => Cause::Check,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Cause::Reference,
        _ => match code & 0xff {
            ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH => Cause::Refused,
            ffi::SQLITE_TOOBIG => Cause::Length,
            _ => return None,
        },
    })
}
