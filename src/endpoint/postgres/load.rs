//! One table's rows into the server, a chunk a transaction.
//!
//! May not decide what happens to a row that is refused. One idea: batches go together by one COPY as long as none of their
//! rows is refused, and row by row only as far as the server refuses some.
//!
//! Foreign keys that shall not hold back rows while their table loads are suspended per transaction, with
//! `session_replication_role = replica` where the account may (which also keeps user triggers from firing), else by
//! deferring them to the commit, as far as they are deferrable. Otherwise deferred constraints are made immediate, so
//! that a row that breaks one is named instead of failing the commit.

mod isolate;
mod suspects;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use sqlx::postgres::PgConnection;

use crate::{
    endpoint::{EndpointError, ErrorKind, LoadOptions, Loader, Mark, Refusal, Result},
    model::Table,
};

use super::{
    binary::HEADER,
    catalog,
    connect::Sessions,
    encode::{Form, Lines, Mistyped, Target},
    error::{complaint, failure, is_about_data},
    grouping::Grouping,
    marks, remove,
    screen::Screening,
    sql::{self, TableName},
    stage::{self, Stage},
};

/// How much goes into one message; larger ones gain nothing.
const MESSAGE_BYTES: usize = 512 * 1024;

const REPLICA: &str = "SET LOCAL session_replication_role = replica";
const DEFERRED: &str = "SET CONSTRAINTS ALL DEFERRED";
const IMMEDIATE: &str = "SET CONSTRAINTS ALL IMMEDIATE";

/// Where a loader writes: rows, and their marks.
pub(super) struct Place {
    pub(super) sessions: Arc<Sessions>,
    /// Where names without a schema live.
    pub(super) schema: String,
    pub(super) marks: TableName,
}

pub struct PostgresLoader {
    place: Place,
    name: TableName,
    options: LoadOptions,
    targets: Vec<Target>,
    constraints: BTreeMap<String, Vec<String>>,
    begin: String,
    /// What makes the table that a dry run tries its rows in; its transaction then stands open from the start.
    makes: Option<String>,
    statement: String,
    /// Where rows wait that may take another one's place.
    stage: Option<Stage>,
    lines: Lines,
    grouping: Grouping,
    /// Neither foreign keys nor triggers see what is written.
    unseen: bool,
    screening: Screening,
    /// Of the chunk under way.
    unchanged: u64,
    /// Absent while a statement runs and after one that did not end cleanly, so that a call that was cut off or failed
    /// leaves no half-read answer behind.
    connection: Option<PgConnection>,
}

impl PostgresLoader {
    pub(super) async fn open(place: Place, table: &Table, options: &LoadOptions) -> Result<Self> {
        let name = TableName::parse(&table.name, &place.schema);
        Self::open_at(place, name, table, options, None).await
    }

    /// `makes`: statements that make the table `name` first, in the transaction that its rows will be in.
    pub(super) async fn open_at(
        place: Place,
        name: TableName,
        table: &Table,
        options: &LoadOptions,
        makes: Option<String>,
    ) -> Result<Self> {
        let targets = targets(table, options)?;
        let mut loader = Self {
            statement: format!("COPY {} ({}) FROM STDIN", name.quoted(), sql::idents(&options.columns)),
            place,
            name,
            options: options.clone(),
            targets,
            constraints: BTreeMap::new(),
            begin: String::new(),
            makes,
            stage: None,
            lines: Lines::default(),
            grouping: Grouping::default(),
            unseen: false,
            screening: Screening::default(),
            unchanged: 0,
            connection: None,
        };
        let mut connection = loader.connect().await?;
        let failed = |error| failure(error, format!("cannot open {} for loading", table.name));
        loader.constraints = catalog::constraints(&mut connection, &loader.name).await.map_err(failed)?;
        loader.constraints.insert(stage::KEY.to_owned(), options.update_by.clone());
        let enforcement = match options.suspend_foreign_keys {
            _ if loader.makes.is_some() => IMMEDIATE,
            true => suspension(&mut connection).await.map_err(failed)?,
            false => IMMEDIATE,
        };
        loader.unseen = enforcement == REPLICA;
        let patience = format!("SET LOCAL lock_timeout = '{}s'", options.lock_wait);
        let begin = if loader.makes.is_none() { "BEGIN; " } else { "" };
        loader.begin = format!("{begin}{patience}; {enforcement}; SAVEPOINT w");
        loader.connection = Some(connection);
        Ok(loader)
    }

    /// A connection, with all that a transaction on it needs.
    async fn connect(&mut self) -> Result<PgConnection> {
        self.screening.restart();
        let mut connection = self.place.sessions.open().await?;
        if let Some(makes) = &self.makes {
            let made = sql::run(&mut connection, &format!("BEGIN;\n{makes}")).await;
            made.map_err(|error| failure(error, self.context("make a table to try the rows of")))?;
        }
        if !self.options.update_by.is_empty() {
            let columns = self.targets.iter().map(|target| target.column.clone()).collect();
            let stage = Stage::make(&mut connection, &self.name, columns, &self.options.update_by).await;
            let stage = stage.map_err(|error| failure(error, self.context("make a temporary table for")))?;
            self.statement = stage.copy();
            self.stage = Some(stage);
        }
        Ok(connection)
    }

    fn context(&self, what: &str) -> String {
        format!("cannot {what} {}", self.name.display(&self.place.schema))
    }

    fn take(&mut self, what: &str) -> Result<PgConnection> {
        self.connection.take().ok_or_else(|| self.lost(what))
    }

    fn lost(&self, what: &str) -> EndpointError {
        EndpointError::new(ErrorKind::Lost, self.context(what), "the transaction was lost")
    }

    /// Runs statements on the loader's connection.
    async fn run(&mut self, statement: &str, what: &str) -> Result<()> {
        let mut connection = self.take(what)?;
        let done = sql::run(&mut connection, statement).await;
        done.map_err(|error| failure(error, self.context(what)))?;
        self.connection = Some(connection);
        Ok(())
    }

    /// The table that a COPY goes to.
    fn copied(&self) -> &str {
        if self.stage.is_some() { stage::NAME } else { &self.name.name }
    }

    fn check_all_taken(&self, taken: u64, owed: u64) -> Result<()> {
        if taken == owed {
            return Ok(());
        }
        let message = format!("of {owed} rows the table took {taken}; one of its triggers leaves rows out");
        Err(EndpointError::new(ErrorKind::Data, self.context("write to"), message))
    }

    /// Writes all batches by one COPY, which the server works on while the next batch is put into its form. `None`: it
    /// refused some row, or they do not all go as binary; nothing of them is written then.
    async fn write_group(&mut self, batches: &[&RecordBatch]) -> Result<Option<Vec<Vec<Refusal>>>> {
        let mut connection = self.take("write to")?;
        let context = self.context("write to");
        let failed = |error| failure(error, context.clone());
        let statement = format!("{} (FORMAT binary)", self.statement);
        let mut copy = connection.copy_in_raw(&statement).await.map_err(failed)?;
        let (mut refusals, mut owed) = (Vec::new(), 0);
        for batch in batches {
            let unsent = self.lines.fill(batch, &self.targets);
            refusals.push(unsent.map_err(|error| self.mistyped(error))?);
            if self.lines.form() != Form::Binary {
                break;
            }
            owed += self.lines.len() as u64;
            let header = usize::from(refusals.len() > 1);
            for message in messages(self.lines.pieces(0, self.lines.len()), header * HEADER.len()) {
                copy.send(message).await.map_err(failed)?;
            }
        }
        self.lines.let_go();
        let whole = refusals.len() == batches.len() && self.lines.form() == Form::Binary;
        let next = match copy.finish().await {
            Ok(taken) if whole => {
                self.check_all_taken(taken, owed)?;
                "RELEASE SAVEPOINT w; SAVEPOINT w"
            }
            Err(error) if !complaint(&error).is_some_and(|complaint| is_about_data(complaint.code())) => {
                return Err(failed(error));
            }
            _ => "ROLLBACK TO SAVEPOINT w",
        };
        sql::run(&mut connection, next).await.map_err(failed)?;
        self.connection = Some(connection);
        Ok(next.starts_with("RELEASE").then_some(refusals))
    }

    /// Whether tables refer to it that are not emptied with it; then its rows may only go where nobody sees it. Where not
    /// all of them go, it may refer to itself too.
    async fn has_referrers(&self, connection: &mut PgConnection, all_go: bool) -> Result<bool> {
        let referrers = catalog::referrers(connection, &self.name, &self.place.schema).await;
        let mut referrers = referrers.map_err(|error| failure(error, self.context("take rows out of")))?;
        let own = self.name.display(&self.place.schema);
        referrers.retain(|other| (*other != own || !all_go) && !self.options.empties_first.contains(other));
        if referrers.is_empty() || self.unseen {
            return Ok(!referrers.is_empty());
        }
        let message = format!(
            "{} refer to it, and this account may not put rows back unseen by them; GRANT SET ON PARAMETER \
             session_replication_role TO it (PostgreSQL 15 or later), or use a superuser",
            referrers.join(", ")
        );
        Err(EndpointError::new(ErrorKind::Permission, self.context("take rows out of"), message))
    }

    async fn write_rows(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        // Numbers go on from the batch before.
        self.lines.number = self.lines.number.map(|_| self.lines.number(self.lines.len()));
        let unsent = self.lines.fill(batch, &self.targets).map_err(|error| self.mistyped(error));
        let mut refusals = unsent?;
        refusals.extend(self.write_lines().await?);
        self.lines.let_go();
        Ok(refusals)
    }

    fn mistyped(&self, Mistyped { column, found }: Mistyped) -> EndpointError {
        let message = format!("the values of column '{column}' come as {found}, which is not how it travels");
        EndpointError::new(ErrorKind::Other, self.context("write to"), message)
    }

    fn check_columns(&self, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() == self.targets.len() {
            return Ok(());
        }
        let message = format!("a batch has {} columns, not {}", batch.num_columns(), self.targets.len());
        Err(EndpointError::new(ErrorKind::Other, self.context("write to"), message))
    }
}

/// The columns that are written, as the table has them.
fn targets(table: &Table, options: &LoadOptions) -> Result<Vec<Target>> {
    let context = || format!("cannot open {} for loading", table.name);
    let target = |name: &String| match table.column(name) {
        Some(column) if column.generated => {
            let message = format!("column '{name}' is computed by the server and cannot be written");
            Err(EndpointError::new(ErrorKind::Other, context(), message))
        }
        Some(column) => Ok(Target::new(column.clone())),
        None => Err(EndpointError::new(ErrorKind::Other, context(), format!("it has no column '{name}'"))),
    };
    if options.columns.is_empty() {
        return Err(EndpointError::new(ErrorKind::Other, context(), "no column of it is written"));
    }
    options.columns.iter().map(target).collect()
}

/// The strongest way in which the account may suspend foreign keys.
async fn suspension(connection: &mut PgConnection) -> sqlx::Result<&'static str> {
    let tried = sql::run(connection, &format!("BEGIN; {REPLICA}")).await;
    sql::run(connection, "ROLLBACK").await?;
    match tried {
        Ok(()) => Ok(REPLICA),
        Err(sqlx::Error::Database(_)) => Ok(DEFERRED),
        Err(error) => Err(error),
    }
}

pub(super) async fn send(connection: &mut PgConnection, statement: &str, pieces: Vec<&[u8]>) -> sqlx::Result<u64> {
    let mut copy = connection.copy_in_raw(statement).await?;
    for message in messages(pieces, 0) {
        copy.send(message).await?;
    }
    copy.finish().await
}

/// The pieces, without so many bytes of the first, in messages of a good size.
fn messages(mut pieces: Vec<&[u8]>, without: usize) -> impl Iterator<Item = &[u8]> {
    if let Some(first) = pieces.first_mut() {
        *first = first.get(without..).unwrap_or_default();
    }
    pieces.into_iter().flat_map(|piece| piece.chunks(MESSAGE_BYTES))
}

#[async_trait]
impl Loader for PostgresLoader {
    async fn begin(&mut self) -> Result<()> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().await?);
        }
        self.unchanged = 0;
        self.lines.number = self.stage.as_ref().map(|_| 0);
        self.run(&self.begin.clone(), "begin to write to").await
    }

    async fn empty(&mut self) -> Result<()> {
        let mut connection = self.take("empty")?;
        if self.options.puts_back && self.has_referrers(&mut connection, true).await? {
            let layout = catalog::layout(&mut connection, &self.name).await;
            let name = layout.map_err(|error| failure(error, self.context("empty")))?.scanned(&self.name);
            self.connection = Some(connection);
            return self.run(&format!("DELETE FROM {name}; RELEASE SAVEPOINT w; SAVEPOINT w"), "empty").await;
        }
        // One statement: a table that others refer to is truncated with them or not at all.
        let first = self.options.empties_first.iter().map(|table| TableName::parse(table, &self.place.schema));
        let mut tables = Vec::new();
        for name in first.chain([self.name.clone()]) {
            let layout = catalog::layout(&mut connection, &name).await;
            tables.push(layout.map_err(|error| failure(error, self.context("empty")))?.scanned(&name));
        }
        self.connection = Some(connection);
        self.run(&format!("TRUNCATE TABLE {}; RELEASE SAVEPOINT w; SAVEPOINT w", tables.join(", ")), "empty").await
    }

    fn unchanged(&self) -> u64 {
        self.unchanged
    }

    async fn remove(&mut self, rows: &RecordBatch) -> Result<u64> {
        let mut connection = self.take("remove rows from")?;
        if self.options.puts_back {
            self.has_referrers(&mut connection, false).await?;
        }
        let is_key = |target: &&Target| self.options.update_by.contains(&target.column.name);
        let key: Vec<_> = self.targets.iter().filter(is_key).map(|target| &target.column).collect();
        let removed = remove::remove(&mut connection, &self.name, &key, rows).await;
        let removed = removed.map_err(|error| failure(error, self.context("remove rows from")))?;
        self.connection = Some(connection);
        self.run("RELEASE SAVEPOINT w; SAVEPOINT w", "remove rows from").await?;
        Ok(removed)
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        self.check_columns(batch)?;
        self.write_batch(batch).await
    }

    async fn write_all(&mut self, batches: &[&RecordBatch]) -> Result<Vec<Vec<Refusal>>> {
        batches.iter().try_for_each(|batch| self.check_columns(batch))?;
        let together = batches.len() > 1 && self.stage.is_none() && self.grouping.may_try();
        if together {
            let written = self.write_group(batches).await?;
            self.grouping.tried(written.is_some());
            if let Some(refusals) = written {
                return Ok(refusals);
            }
        }
        let mut refusals = Vec::with_capacity(batches.len());
        for batch in batches {
            let refused = if batch.num_rows() == 0 { Vec::new() } else { self.write(batch).await? };
            refusals.push(refused);
        }
        Ok(refusals)
    }

    async fn commit(&mut self, mark: &Mark) -> Result<()> {
        let mut connection = self.take("commit to")?;
        if !self.options.unmarked {
            let marked = marks::write(&mut connection, &self.place.marks, mark).await;
            marked.map_err(|error| failure(error, self.context("mark a chunk of")))?;
        }
        self.connection = Some(connection);
        self.run("COMMIT", "commit to").await
    }

    async fn rollback(&mut self) -> Result<()> {
        self.screening.restart();
        match self.connection {
            Some(_) => self.run("ROLLBACK", "roll back").await,
            None => Ok(()),
        }
    }
}
