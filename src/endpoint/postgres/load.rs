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
    catalog,
    connect::Sessions,
    encode::{Lines, Mistyped, Target},
    error::{complaint, failure, is_about_data},
    marks,
    refusal::{self, Complaint},
    sql::{self, TableName},
};

/// How much goes into one message; larger ones gain nothing.
const MESSAGE_BYTES: usize = 512 * 1024;
/// The rows that are tried at once right behind a bad one, at least.
const WINDOW: usize = 16;

const REPLICA: &str = "SET LOCAL session_replication_role = replica";
const DEFERRED: &str = "SET CONSTRAINTS ALL DEFERRED";
const IMMEDIATE: &str = "SET CONSTRAINTS ALL IMMEDIATE";

pub struct PostgresLoader {
    sessions: Arc<Sessions>,
    schema: String,
    name: TableName,
    targets: Vec<Target>,
    constraints: BTreeMap<String, Vec<String>>,
    enforcement: &'static str,
    statement: String,
    lines: Lines,
    /// Absent while a statement runs and after one that did not end cleanly, so that a call that was cut off or failed
    /// leaves no half-read answer behind.
    connection: Option<PgConnection>,
}

impl PostgresLoader {
    pub(super) async fn open(
        sessions: Arc<Sessions>,
        schema: String,
        table: &Table,
        options: &LoadOptions,
    ) -> Result<Self> {
        let name = TableName::parse(&table.name, &schema);
        let targets = targets(table, options)?;
        let failed = |error| failure(error, format!("cannot open {} for loading", table.name));
        let mut connection = sessions.open().await?;
        let constraints = catalog::constraints(&mut connection, &name).await.map_err(failed)?;
        let enforcement = match options.suspend_foreign_keys {
            true => suspension(&mut connection).await.map_err(failed)?,
            false => IMMEDIATE,
        };
        let statement = format!("COPY {} ({}) FROM STDIN", name.quoted(), sql::idents(&options.columns));
        let (lines, connection) = (Lines::default(), Some(connection));
        Ok(Self { sessions, schema, name, targets, constraints, enforcement, statement, lines, connection })
    }

    fn context(&self, what: &str) -> String {
        format!("cannot {what} {}", self.name.display(&self.schema))
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

    /// Sends some lines behind the savepoint. The complaint is about a row's data; the savepoint stands again then.
    async fn copy(&mut self, from: usize, to: usize) -> Result<Option<Complaint>> {
        let mut connection = self.take("write to")?;
        let sent = send(&mut connection, &self.statement, self.lines.bytes(from, to)).await;
        let (next, outcome) = match sent {
            Ok(rows) => {
                self.check_all_taken(rows, to - from)?;
                ("RELEASE SAVEPOINT w; SAVEPOINT w", None)
            }
            Err(error) => match complaint(&error).filter(|complaint| is_about_data(complaint.code())) {
                Some(complaint) => ("ROLLBACK TO SAVEPOINT w", Some(Complaint::new(complaint, &self.name.name))),
                None => return Err(failure(error, self.context("write to"))),
            },
        };
        sql::run(&mut connection, next).await.map_err(|error| failure(error, self.context("write to")))?;
        self.connection = Some(connection);
        Ok(outcome)
    }

    fn check_all_taken(&self, taken: u64, sent: usize) -> Result<()> {
        if taken == sent as u64 {
            return Ok(());
        }
        let message = format!("of {sent} rows the table took {taken}; one of its triggers leaves rows out");
        Err(EndpointError::new(ErrorKind::Data, self.context("write to"), message))
    }

    fn refuse(&self, complaint: &Complaint, line: usize) -> Refusal {
        let names: Vec<&str> = self.targets.iter().map(|target| target.column.name.as_str()).collect();
        refusal::refusal(complaint, self.lines.row(line), &names, &self.constraints)
    }

    /// Writes all lines but those that are refused.
    async fn write_lines(&mut self) -> Result<Vec<Refusal>> {
        let lines = self.lines.len();
        let mut refusals = Vec::new();
        let (mut at, mut window, mut good) = (0, lines, 0);
        // A line that was named while others before it were in the way; void as soon as another one is refused.
        let mut named: Option<(usize, Complaint)> = None;
        while at < lines {
            if let Some((_, complaint)) = named.take_if(|(line, _)| *line == at) {
                refusals.push(self.refuse(&complaint, at));
                (at, window, good) = (at + 1, (good * 2).max(WINDOW), 0);
                continue;
            }
            let limit = named.as_ref().map_or(lines, |(line, _)| *line);
            let to = (at + window).min(limit);
            let Some(complaint) = self.copy(at, to).await? else {
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
        Ok(refusals)
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

async fn send(connection: &mut PgConnection, statement: &str, bytes: &[u8]) -> sqlx::Result<u64> {
    let mut copy = connection.copy_in_raw(statement).await?;
    for message in bytes.chunks(MESSAGE_BYTES) {
        copy.send(message).await?;
    }
    copy.finish().await
}

#[async_trait]
impl Loader for PostgresLoader {
    async fn begin(&mut self) -> Result<()> {
        if self.connection.is_none() {
            self.connection = Some(self.sessions.open().await?);
        }
        let statement = format!("BEGIN; {}; SAVEPOINT w", self.enforcement);
        self.run(&statement, "begin to write to").await
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        if batch.num_columns() != self.targets.len() {
            let message = format!("a batch has {} columns, not {}", batch.num_columns(), self.targets.len());
            return Err(EndpointError::new(ErrorKind::Other, self.context("write to"), message));
        }
        let unsent = self.lines.fill(batch, &self.targets).map_err(|Mistyped { column, found }| {
            let message = format!("the values of column '{column}' come as {found}, which is not how it travels");
            EndpointError::new(ErrorKind::Other, self.context("write to"), message)
        });
        let mut refusals = unsent?;
        refusals.extend(self.write_lines().await?);
        refusals.sort_by_key(|refusal| refusal.row);
        Ok(refusals)
    }

    async fn commit(&mut self, mark: &Mark) -> Result<()> {
        let mut connection = self.take("commit to")?;
        let marked = marks::write(&mut connection, &self.schema, mark).await;
        marked.map_err(|error| failure(error, self.context("mark a chunk of")))?;
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
