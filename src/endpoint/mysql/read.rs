//! One moment of a source: a transaction on one connection, which all tables are read through in turn.
//!
//! That is what makes it one moment without locking the server: neither server can share a snapshot between
//! connections. One idea follows: a reader whose receiver does not take what it has (its table is parked, say) must not
//! keep the connection from the others. Where the table has a key it lets go, and later goes on behind the last row
//! that it gave: within the snapshot that is the same answer. A keyless table cannot do so and keeps the connection
//! until it is through or its receiver is gone.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex as StdMutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use datafusion::arrow::{
    datatypes::{Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};
use futures::TryStreamExt as _;
use sqlx::mysql::MySqlRow;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::timeout,
};

use super::{
    ask, catalog,
    connect::{Address, Role, Session, bytes_at},
    decode::{Builder, Value, cell, understand},
    error::sorted,
    keyed, long,
    reading::Reading,
    sql,
};
use crate::{
    endpoint::{
        Asked, EndpointError, ErrorKind, Outlet, Position, Range, Reject, Result, Snapshot, SourceBatch, Until,
    },
    model::Table,
};

/// How long a batch may wait for its receiver while others wait for the connection.
const PATIENCE: Duration = Duration::from_millis(500);

/// Rows to a batch, at most.
const BATCH_ROWS: usize = 16_384;

pub struct MysqlSnapshot {
    session: Mutex<Session>,
    address: Address,
    /// Readers that wait for the connection.
    waiting: AtomicUsize,
    readings: StdMutex<HashMap<String, Arc<Reading>>>,
}

/// How a pass over a range ended.
enum Pass {
    /// With the last rows, if there are any.
    Through(Option<SourceBatch>),
    Unwanted,
    /// The receiver is slow and others wait: this batch is still to be given, and the rest begins behind it.
    Parked(SourceBatch, Position),
    /// A row came of which a value is long: the rows before it, if there are any, the row, and where the rest begins.
    Long(Option<SourceBatch>, SourceBatch, Position),
}

impl MysqlSnapshot {
    pub(super) async fn open(address: &Address) -> Result<Self> {
        let mut session = address.connect(Role::Look { read_only: true }).await?;
        session.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        session.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
        Ok(Self {
            session: Mutex::new(session),
            address: address.clone(),
            waiting: AtomicUsize::new(0),
            readings: StdMutex::default(),
        })
    }

    async fn session(&self) -> MutexGuard<'_, Session> {
        let _turn = Turn::taken(&self.waiting);
        self.session.lock().await
    }

    async fn reading(&self, session: &mut Session, table: &Table) -> Result<Arc<Reading>> {
        let known = self.readings.lock().ok().and_then(|readings| readings.get(&table.name).cloned());
        if let Some(reading) = known.filter(|reading| reading.suits(table)) {
            return Ok(reading);
        }
        let facts = catalog::facts(session, &table.name).await?;
        let reading = Arc::new(Reading::new(table, &facts)?);
        if let Ok(mut readings) = self.readings.lock() {
            readings.insert(table.name.clone(), Arc::clone(&reading));
        }
        Ok(reading)
    }

    /// Ends a streaming answer early: the server is told to stop, from aside, so that the rest of a huge table need
    /// not be read to its end. Where it cannot be told, the rest is read.
    async fn hush(&self, session: &mut Session) -> Result<()> {
        if let Ok(mut aside) = self.address.connect(Role::Look { read_only: true }).await {
            let _ = aside.execute(format!("KILL QUERY {}", session.id)).await;
        }
        session.quiet().await
    }

    /// Streams rows into `out` until the range ends, the receiver is gone, the connection is wanted elsewhere, or, where
    /// long values are `cut`, one comes.
    async fn pass(
        &self,
        session: &mut Session,
        reading: &Reading,
        (statement, cut): (String, bool),
        batch_bytes: usize,
        out: &Outlet,
    ) -> Result<Pass> {
        let mut batch = Batch::new(reading);
        let mut last: Option<MySqlRow> = None;
        let mut pass = Pass::Unwanted;
        let mut long = None;
        let connection = session.asking()?;
        let mut rows = sqlx::query(sql::vouched(statement)).persistent(false).fetch(connection);
        let outcome = loop {
            match rows.try_next().await {
                Ok(Some(row)) => {
                    let arrived = batch.look(&row);
                    if cut && long::is_cut(reading, &arrived.cells) {
                        long = Some(row);
                        break Ok(false);
                    }
                    if let Some(last) = last.as_ref().filter(|_| !batch.has_room(arrived.size, batch_bytes)) {
                        pass = self.give(batch.finish()?, reading, last, out).await?;
                        if !matches!(pass, Pass::Through(_)) {
                            break Ok(false);
                        }
                    }
                    batch.push(arrived);
                    last = Some(row);
                }
                Ok(None) => break Ok(true),
                Err(error) => break Err(error),
            }
        };
        drop(rows);
        match outcome {
            Ok(true) => {
                session.answered(None);
                Ok(Pass::Through((!batch.is_empty()).then(|| batch.finish()).transpose()?))
            }
            Ok(false) => {
                self.hush(session).await?;
                let (Some(row), Some(key)) = (long, &reading.key) else { return Ok(pass) };
                let position = key.position(|place| bytes_at(&row, place))?;
                let before = (!batch.is_empty()).then(|| batch.finish()).transpose()?;
                let whole = long::whole(session, reading, &row, &position).await?;
                Ok(Pass::Long(before, whole, position))
            }
            Err(error) => {
                session.answered(Some(&error));
                Err(sorted(format!("cannot read table '{}'", reading.table), error))
            }
        }
    }

    /// Gives a batch that ends with row `last`.
    async fn give(&self, batch: SourceBatch, reading: &Reading, last: &MySqlRow, out: &Outlet) -> Result<Pass> {
        loop {
            match timeout(PATIENCE, out.room(batch.bytes())).await {
                Ok(Ok(room)) => {
                    room.put(batch);
                    return Ok(Pass::Through(None));
                }
                Ok(Err(_)) => return Ok(Pass::Unwanted),
                Err(_) => {
                    if let Some(key) = reading.key.as_ref().filter(|_| self.waiting.load(Ordering::Relaxed) > 0) {
                        return Ok(Pass::Parked(batch, key.position(|place| bytes_at(last, place))?));
                    }
                }
            }
        }
    }
}

#[async_trait]
impl Snapshot for MysqlSnapshot {
    async fn ask(&self, query: &str) -> Result<Asked> {
        ask::ask(&mut *self.session().await, query).await
    }

    async fn prepares(&self, query: &str) -> Result<()> {
        ask::prepares(&mut *self.session().await, query).await
    }

    async fn next_range(&self, table: &Table, after: Option<&Position>, rows: u64) -> Result<Option<Range>> {
        let mut session = self.session().await;
        let reading = self.reading(&mut session, table).await?;
        let Some(key) = &reading.key else {
            // A keyless table is one range: behind it there is nothing.
            let any = after.is_none() && any_row(&mut session, &reading, "").await?;
            return Ok(any.then_some(Range { after: None, until: Until::End }));
        };
        let condition = match after {
            Some(after) => format!(" WHERE {}", key.behind(after)?),
            None => String::new(),
        };
        let bound = bound(&mut session, &reading, &condition, rows.max(1)).await?;
        let until = match bound {
            Some(position) => Until::Position(position),
            None if any_row(&mut session, &reading, &condition).await? => Until::End,
            None => return Ok(None),
        };
        Ok(Some(Range { after: after.cloned(), until }))
    }

    async fn read(&self, table: &Table, range: &Range, batch_bytes: usize, out: Outlet) -> Result<Option<Position>> {
        let mut after = range.after.clone();
        loop {
            let mut session = self.session().await;
            let reading = self.reading(&mut session, table).await?;
            // A number of rows cannot be gone on with behind one of them.
            let cut = reading.key.is_some() && !matches!(range.until, Until::Rows(_));
            let selects = if cut { long::selects(&reading) } else { reading.selects() };
            let statement = range_statement(&reading, &selects, after.as_ref(), &range.until)?;
            let pass = self.pass(&mut session, &reading, (statement, cut), batch_bytes, &out).await?;
            drop(session);
            match pass {
                Pass::Through(None) | Pass::Unwanted => break,
                Pass::Through(Some(batch)) => {
                    // A receiver that is gone wants no rows; that is no error.
                    let _ = out.send(batch).await;
                    break;
                }
                Pass::Parked(batch, position) => {
                    if out.send(batch).await.is_err() {
                        break;
                    }
                    after = Some(position);
                }
                Pass::Long(before, whole, position) => {
                    for batch in before.into_iter().chain([whole]) {
                        if out.send(batch).await.is_err() {
                            return Ok(ended(&range.until));
                        }
                    }
                    out.settle().await;
                    after = Some(position);
                }
            }
        }
        Ok(ended(&range.until))
    }

    async fn read_keys(&self, table: &Table, keys: &RecordBatch, batch_bytes: usize, out: Outlet) -> Result<()> {
        let mut session = self.session().await;
        let facts = catalog::facts(&mut session, &table.name).await?;
        // In no order there is no place to go on behind, so a slow receiver is waited for.
        let reading = Reading { key: None, ..Reading::new(table, &facts)? };
        for condition in keyed::conditions(&facts, keys)? {
            let statement = format!("SELECT {}{} WHERE {condition}", reading.selects(), reading.from());
            let batches: Vec<SourceBatch> =
                match self.pass(&mut session, &reading, (statement, false), batch_bytes, &out).await? {
                    Pass::Through(last) => last.into_iter().collect(),
                    Pass::Parked(batch, _) => vec![batch],
                    Pass::Long(before, whole, _) => before.into_iter().chain([whole]).collect(),
                    Pass::Unwanted => break,
                };
            for batch in batches {
                if out.send(batch).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn ended(until: &Until) -> Option<Position> {
    match until {
        Until::Position(position) => Some(position.clone()),
        Until::Rows(_) | Until::End => None,
    }
}

/// Counts a reader as waiting for as long as it lives.
struct Turn<'c>(&'c AtomicUsize);

impl<'c> Turn<'c> {
    fn taken(waiting: &'c AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The position of the `rows`th row that the condition admits.
async fn bound(session: &mut Session, reading: &Reading, condition: &str, rows: u64) -> Result<Option<Position>> {
    let Some(key) = &reading.key else { return Ok(None) };
    let (selects, places) = reading.key_selects();
    let statement =
        format!("SELECT {selects}{}{condition}{} LIMIT 1 OFFSET {}", reading.from(), reading.order(), rows - 1);
    let row = session.rows(statement, &[]).await.map_err(|error| during(error, reading))?;
    let cell = |row, place| places.iter().position(|each| *each == place).and_then(|index| bytes_at(row, index));
    row.first().map(|row| key.position(|place| cell(row, place))).transpose()
}

async fn any_row(session: &mut Session, reading: &Reading, condition: &str) -> Result<bool> {
    let statement = format!("SELECT '1'{}{condition} LIMIT 1", reading.from());
    Ok(session.value(statement, &[]).await.map_err(|error| during(error, reading))?.is_some())
}

fn during(error: EndpointError, reading: &Reading) -> EndpointError {
    error.during(format!("cannot read table '{}'", reading.table))
}

pub(super) fn range_statement(
    reading: &Reading,
    selects: &str,
    after: Option<&Position>,
    until: &Until,
) -> Result<String> {
    let mut conditions = Vec::new();
    if let Some(key) = &reading.key {
        if let Some(after) = after {
            conditions.push(key.behind(after)?);
        }
        if let Until::Position(until) = until {
            conditions.push(key.up_to(until)?);
        }
    } else if after.is_some() || *until != Until::End {
        let context = format!("cannot read table '{}'", reading.table);
        return Err(EndpointError::new(ErrorKind::Other, context, "a table without a key is read as one range"));
    }
    let limit = if let Until::Rows(rows) = until { format!(" LIMIT {rows}") } else { String::new() };
    let condition = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    Ok(format!("SELECT {selects}{}{condition}{}{limit}", reading.from(), reading.order()))
}

/// Rows on their way into a [`SourceBatch`].
pub(super) struct Batch<'t> {
    reading: &'t Reading,
    schema: SchemaRef,
    builders: Vec<Builder>,
    rejects: Vec<Reject>,
    rows: usize,
    bytes: usize,
    /// Where the next row's cells go, and what they say: empty, with the room of the last one's.
    spare: (Vec<Option<&'static [u8]>>, Vec<Option<Value<'static>>>),
}

/// A row, each of its cells taken from it once.
pub(super) struct Arrived<'r> {
    /// About what it takes in memory.
    size: usize,
    pub(super) cells: Vec<Option<&'r [u8]>>,
}

impl<'t> Batch<'t> {
    pub(super) fn new(reading: &'t Reading) -> Self {
        let fields = reading.columns.iter().map(|column| Field::new(&column.name, column.ty.arrow(), true));
        Self {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            builders: reading.columns.iter().map(|column| Builder::new(&column.ty)).collect(),
            rejects: Vec::new(),
            rows: 0,
            bytes: 0,
            spare: (Vec::new(), Vec::new()),
            reading,
        }
    }

    fn is_empty(&self) -> bool {
        self.rows == 0
    }

    fn has_room(&self, size: usize, batch_bytes: usize) -> bool {
        self.bytes + size <= batch_bytes && self.rows < BATCH_ROWS
    }

    pub(super) fn look<'r>(&mut self, row: &'r MySqlRow) -> Arrived<'r> {
        let mut cells: Vec<Option<&'r [u8]>> = std::mem::take(&mut self.spare.0);
        cells.extend((0..self.builders.len()).map(|index| bytes_at(row, index)));
        let size = cells.iter().map(|bytes| bytes.map_or(0, <[u8]>::len) + 8).sum();
        Arrived { size, cells }
    }

    pub(super) fn push(&mut self, arrived: Arrived<'_>) {
        let Arrived { size, mut cells } = arrived;
        self.bytes += size;
        let mut values = std::mem::take(&mut self.spare.1);
        for (index, (bytes, column)) in cells.iter().zip(&self.reading.columns).enumerate() {
            match bytes.map(|bytes| understand(bytes, column)).transpose() {
                Ok(value) => values.push(value),
                Err(message) => return self.reject(&cells, index, message),
            }
        }
        for (builder, value) in self.builders.iter_mut().zip(values.drain(..)) {
            builder.append(value);
        }
        cells.clear();
        self.spare = (cells.into_iter().map(|_| None).collect(), values.into_iter().map(|_| None).collect());
        self.rows += 1;
    }

    fn reject(&mut self, cells: &[Option<&[u8]>], column: usize, message: String) {
        let cells = cells.iter().zip(&self.reading.columns).map(|(bytes, column)| cell(*bytes, column)).collect();
        let name = &self.reading.columns[column].name;
        let message = format!("column '{name}': {message}");
        self.rejects.push(Reject { place: self.rows, cells, column, message });
        self.rows += 1;
    }

    pub(super) fn finish(&mut self) -> Result<SourceBatch> {
        let arrays = self.builders.iter_mut().map(Builder::finish).collect();
        self.rows = 0;
        self.bytes = 0;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| {
            let context = format!("cannot read table '{}'", self.reading.table);
            EndpointError::new(ErrorKind::Other, context, error.to_string())
        })?;
        Ok(SourceBatch { batch, rejects: std::mem::take(&mut self.rejects) })
    }
}
