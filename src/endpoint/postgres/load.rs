//! One table's rows into the server, a chunk a transaction.
//!
//! May not decide what happens to a row that is refused. One idea: a savepoint always stands before the rows that come
//! next, and the size of the next COPY follows the distance between bad rows, so that a batch with many of them costs
//! a few times its rows and not their square.
//!
//! Foreign keys that shall not hold back rows while their table loads are suspended per transaction, with
//! `session_replication_role = replica` where the account may (which also keeps user triggers from firing), else by
//! deferring them to the commit, as far as they are deferrable. Otherwise deferred constraints are made immediate, so
//! that a row that breaks one is named instead of failing the commit.

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
    marks,
    refusal::{self, Complaint},
    remove,
    sql::{self, TableName},
    stage::{self, Stage},
};

/// How much goes into one message; larger ones gain nothing.
const MESSAGE_BYTES: usize = 512 * 1024;
/// The rows that are tried at once right behind a bad one, at least.
const WINDOW: usize = 16;

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
    /// Of the chunk under way.
    unchanged: u64,
    /// Absent while a statement runs and after one that did not end cleanly, so that a call that was cut off or failed
    /// leaves no half-read answer behind.
    connection: Option<PgConnection>,
}

/// Whether batches are tried together. Where rows are refused again and again, a try costs more than it brings.
#[derive(Clone, Copy, Debug, Default)]
struct Grouping {
    /// Groups to let pass before the next try, and how many the last failed try made of them.
    rest: u32,
    penalty: u32,
}

impl Grouping {
    fn may_try(&mut self) -> bool {
        let may = self.rest == 0;
        self.rest = self.rest.saturating_sub(1);
        may
    }

    fn tried(&mut self, written: bool) {
        self.penalty = if written { 0 } else { (self.penalty * 2).clamp(1, 64) };
        self.rest = self.penalty;
    }
}

/// What is done with some lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Into the table, or where rows wait for it.
    Copy,
    /// From there into the table.
    Merge,
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
        let patience = format!("SET LOCAL lock_timeout = '{}s'", options.lock_wait);
        let begin = if loader.makes.is_none() { "BEGIN; " } else { "" };
        loader.begin = format!("{begin}{patience}; {enforcement}; SAVEPOINT w");
        loader.connection = Some(connection);
        Ok(loader)
    }

    /// A connection, with all that a transaction on it needs.
    async fn connect(&mut self) -> Result<PgConnection> {
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
        let message = "the transaction was lost";
        self.connection.take().ok_or_else(|| EndpointError::new(ErrorKind::Lost, self.context(what), message))
    }

    /// Runs statements on the loader's connection.
    async fn run(&mut self, statement: &str, what: &str) -> Result<()> {
        let mut connection = self.take(what)?;
        let done = sql::run(&mut connection, statement).await;
        done.map_err(|error| failure(error, self.context(what)))?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Takes some lines one step further behind the savepoint. The complaint is about a row's data; the savepoint stands
    /// again then.
    async fn attempt(&mut self, step: Step, from: usize, to: usize) -> Result<Option<Complaint>> {
        let mut connection = self.take("write to")?;
        let done = match (step, &self.stage) {
            (Step::Merge, Some(stage)) => {
                let range = (self.lines.number(from), self.lines.number(to));
                merge(&mut connection, stage, range).await
            }
            _ => send(&mut connection, &self.copy(), self.lines.pieces(from, to))
                .await
                .map(|taken| Taken { taken, owed: Some((to - from) as u64) }),
        };
        let (next, outcome) = match done {
            Ok(Taken { taken, owed }) => {
                self.check_all_taken(taken, owed.unwrap_or(taken))?;
                if step == Step::Merge {
                    self.unchanged = self.unchanged.wrapping_sub(taken);
                }
                ("RELEASE SAVEPOINT w; SAVEPOINT w", None)
            }
            Err(error) => match complaint(&error).filter(|complaint| is_about_data(complaint.code())) {
                Some(complaint) => ("ROLLBACK TO SAVEPOINT w", Some(Complaint::new(complaint, self.copied()))),
                None => return Err(failure(error, self.context("write to"))),
            },
        };
        sql::run(&mut connection, next).await.map_err(|error| failure(error, self.context("write to")))?;
        self.connection = Some(connection);
        Ok(outcome)
    }

    fn copy(&self) -> String {
        match self.lines.form() {
            Form::Text => self.statement.clone(),
            Form::Binary => format!("{} (FORMAT binary)", self.statement),
        }
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

    fn refuse(&self, complaint: &Complaint, line: usize) -> Refusal {
        let names: Vec<&str> = self.targets.iter().map(|target| target.column.name.as_str()).collect();
        refusal::refusal(complaint, self.lines.row(line), &names, &self.constraints)
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

    /// Writes all lines but those that are refused.
    async fn write_lines(&mut self) -> Result<Vec<Refusal>> {
        let lines = self.lines.len();
        let mut refused = self.isolate(Step::Copy, 0, lines).await?;
        if self.stage.is_some() {
            self.unchanged = self.unchanged.wrapping_add((lines - refused.len()) as u64);
            self.merge_lines(&mut refused).await?;
        }
        Ok(refused.iter().map(|(line, complaint)| self.refuse(complaint, *line)).collect())
    }

    /// Takes the lines that wait into the table. A line that is refused there may have been in its twin's way.
    async fn merge_lines(&mut self, refused: &mut BTreeMap<usize, Complaint>) -> Result<()> {
        let late = self.isolate(Step::Merge, 0, self.lines.len()).await?;
        self.unchanged = self.unchanged.wrapping_sub(late.len() as u64);
        if late.is_empty() {
            return Ok(());
        }
        self.take_back(late.keys()).await?;
        let twins: Vec<usize> = refused.iter().filter(|(_, why)| why.is_twin()).map(|(line, _)| *line).collect();
        for line in twins {
            let Some(why) = self.try_again(line).await? else {
                refused.remove(&line);
                continue;
            };
            refused.insert(line, why);
        }
        refused.extend(late);
        Ok(())
    }

    /// One line the whole way.
    async fn try_again(&mut self, line: usize) -> Result<Option<Complaint>> {
        if let Some(complaint) = self.attempt(Step::Copy, line, line + 1).await? {
            return Ok(Some(complaint));
        }
        self.unchanged = self.unchanged.wrapping_add(1);
        let complaint = self.attempt(Step::Merge, line, line + 1).await?;
        if complaint.is_some() {
            self.unchanged = self.unchanged.wrapping_sub(1);
            self.take_back([line].iter()).await?;
        }
        Ok(complaint)
    }

    async fn take_back(&mut self, lines: impl Iterator<Item = &usize>) -> Result<()> {
        let numbers = lines.map(|line| self.lines.number(*line)).collect();
        let statement = format!("{}; RELEASE SAVEPOINT w; SAVEPOINT w", Stage::without(&numbers));
        self.run(&statement, "write to").await
    }

    /// Takes all lines of a stretch one step further but those that are refused.
    async fn isolate(&mut self, step: Step, from: usize, lines: usize) -> Result<BTreeMap<usize, Complaint>> {
        let mut refused = BTreeMap::new();
        let (mut at, mut window, mut good) = (from, lines, 0);
        // A line that was named while others before it were in the way; void as soon as another one is refused.
        let mut named: Option<(usize, Complaint)> = None;
        while at < lines {
            if let Some((_, complaint)) = named.take_if(|(line, _)| *line == at) {
                refused.insert(at, complaint);
                (at, window, good) = (at + 1, (good * 2).max(WINDOW), 0);
                continue;
            }
            let limit = named.as_ref().map_or(lines, |(line, _)| *line);
            let to = (at + window).min(limit);
            let Some(complaint) = self.attempt(step, at, to).await? else {
                (good, window) = (good + to - at, window.saturating_mul(2));
                at = to;
                continue;
            };
            match complaint.line(to - at).map(|line| at + line) {
                Some(line) => {
                    window = line - at;
                    named = Some((line, complaint));
                }
                None if to - at == 1 => named = Some((at, complaint)),
                None => (named, window) = (None, (to - at).div_ceil(2)),
            }
        }
        Ok(refused)
    }
}

/// How many rows a statement affected, and how many it had to, where that is known.
struct Taken {
    taken: u64,
    owed: Option<u64>,
}

async fn merge(connection: &mut PgConnection, stage: &Stage, range: (i64, i64)) -> sqlx::Result<Taken> {
    let owed = stage.owed(connection, range).await?;
    Ok(Taken { taken: sql::affected(connection, &stage.merge(range)).await?, owed })
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

async fn send(connection: &mut PgConnection, statement: &str, pieces: Vec<&[u8]>) -> sqlx::Result<u64> {
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
        // Numbers go on from the batch before.
        self.lines.number = self.lines.number.map(|_| self.lines.number(self.lines.len()));
        let unsent = self.lines.fill(batch, &self.targets).map_err(|error| self.mistyped(error));
        let mut refusals = unsent?;
        refusals.extend(self.write_lines().await?);
        refusals.sort_by_key(|refusal| refusal.row);
        Ok(refusals)
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
        match self.connection {
            Some(_) => self.run("ROLLBACK", "roll back").await,
            None => Ok(()),
        }
    }
}
