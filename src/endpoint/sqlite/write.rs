//! The one writer of a file, and the loaders that take turns with it.
//!
//! SQLite lets one connection write at a time. All loaders of a destination share one, which a loader holds from `begin`
//! to the end of its transaction; the others wait for it in line instead of failing with "database is locked".

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use rusqlite::{Connection, ffi, params, types::ToSqlOutput};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    connection::{Access, blocking, open},
    error::{during, failure, words},
    feed::{Complaint, Feed, Scratch, Target},
    schema::INSERT_MARK,
    sql::{insert, quoted},
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
}

impl Writer {
    pub(super) fn new(path: Arc<PathBuf>) -> Self {
        Self { path, connection: Arc::default() }
    }

    /// Waits in line for the connection.
    pub(super) async fn turn(&self) -> Result<Turn> {
        let mut turn = Turn(Some(Arc::clone(&self.connection).lock_owned().await));
        let path = Arc::clone(&self.path);
        blocking(move || {
            let slot = turn.0.as_deref_mut().ok_or_else(no_turn)?;
            match slot {
                Some(connection) => roll_back(connection)?,
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
    turn: Option<Turn>,
}

struct Statement {
    table: String,
    sql: String,
    targets: Vec<Target>,
}

impl Load {
    pub(super) fn new(writer: Writer, table: &Table, options: &LoadOptions) -> Result<Self> {
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
        let statement = Statement { table: table.name.clone(), sql: insert(&table.name, &options.columns), targets };
        Ok(Self { writer, statement: Arc::new(statement), turn: None })
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

#[async_trait]
impl Loader for Load {
    async fn begin(&mut self) -> Result<()> {
        // A turn that is still held would be waited for in vain.
        self.rollback().await?;
        self.turn = Some(self.writer.turn().await?);
        let context = format!("cannot begin to write to {}", self.statement.table);
        let begun = self.run(|connection| connection.execute_batch("BEGIN IMMEDIATE").map_err(during(context))).await;
        if begun.is_err() {
            self.turn = None;
        }
        begun
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        let (statement, batch) = (Arc::clone(&self.statement), batch.clone());
        self.run(move |connection| statement.write(connection, &batch)).await
    }

    async fn commit(&mut self, mark: &Mark) -> Result<()> {
        let mark = mark.clone();
        self.run(move |connection| commit(connection, &mark)).await?;
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

fn commit(connection: &Connection, mark: &Mark) -> Result<()> {
    let context = || format!("cannot commit chunk {} of {}", mark.chunk, mark.table);
    if connection.is_autocommit() {
        return Err(EndpointError::new(ErrorKind::Other, context(), "SQLite has rolled the transaction back"));
    }
    let write = || {
        let counts = &mark.counts;
        connection.prepare_cached(INSERT_MARK)?.execute(params![
            mark.run.0,
            mark.table,
            mark.chunk.cast_signed(),
            mark.end.as_ref().map(|end| &end.0),
            counts.read.cast_signed(),
            counts.written.cast_signed(),
            counts.skipped.cast_signed(),
            counts.flagged.cast_signed(),
            counts.filtered.cast_signed(),
            mark.retried,
        ])?;
        connection.execute_batch("COMMIT")
    };
    write().map_err(|error| failure(&error, context()))
}

impl Statement {
    fn write(&self, connection: &Connection, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        let context = || format!("cannot write to {}", self.table);
        if batch.num_columns() != self.targets.len() {
            let message = format!("{} columns were given, {} are loaded", batch.num_columns(), self.targets.len());
            return Err(EndpointError::new(ErrorKind::Other, context(), message));
        }
        let columns = batch.columns().iter();
        let feeds: Vec<Feed<'_>> =
            self.targets.iter().zip(columns).map(|(target, array)| Feed::new(target, array)).collect();
        let mut statement = connection.prepare_cached(&self.sql).map_err(|error| failure(&error, context()))?;
        let mut refusals = Vec::new();
        for row in 0..batch.num_rows() {
            match self.write_row(&mut statement, &feeds, row) {
                Ok(None) => {}
                Ok(Some(refusal)) => refusals.push(refusal),
                Err(error) => refusals.push(self.refusal(connection, row, &error)?),
            }
        }
        Ok(refusals)
    }

    fn write_row(
        &self,
        statement: &mut rusqlite::Statement<'_>,
        feeds: &[Feed<'_>],
        row: usize,
    ) -> rusqlite::Result<Option<Refusal>> {
        let mut scratch = Scratch::default();
        for (index, feed) in feeds.iter().enumerate() {
            match feed.value(row, &mut scratch) {
                Ok(value) => statement.raw_bind_parameter(index + 1, ToSqlOutput::Borrowed(value))?,
                Err(complaint) => return Ok(Some(self.complaint(row, index, complaint))),
            }
        }
        let written = statement.raw_execute()?;
        Ok((written == 0).then(|| self.ignored(row)))
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
