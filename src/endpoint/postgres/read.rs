//! One moment of the database, and the ranges and rows of its tables.
//!
//! May not write. One idea: one session exports the moment and stays idle in its transaction; every reader is a session
//! of its own that imports it, and goes back to a stack after a clean end, so tables are read side by side.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use sqlx::{Connection as _, Row as _, postgres::PgConnection};

use crate::{
    endpoint::{Asked, EndpointError, ErrorKind, Outlet, Position, Range, Result, Snapshot, Until},
    model::{Column, Table},
};

use super::{
    ask,
    catalog::{self, Layout},
    connect::Sessions,
    copy::{self, Sent},
    error::failure,
    keyed,
    long::Long,
    order::{self, Order},
    sql::{self, TableName},
};

/// Settings of a reading transaction. Rows come in the order of the key's index rather than after a sort of the whole
/// table, and from one process, so that a range has one order. A database without an encoding is asked for its bytes as
/// they are, because the server would fail a whole range for one that is not UTF-8.
pub(super) const READING: &str = "SET LOCAL enable_sort = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off; \
     SELECT set_config('client_encoding', 'SQL_ASCII', true) WHERE current_setting('server_encoding') = 'SQL_ASCII'";
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// From so many rows on, passing them one by one to find a bound takes longer than it may.
const LEAP: u64 = 100_000;
/// How many numbers there may be to a row for them to count as close together.
const CLOSE: f64 = 1.5;

pub struct PostgresSnapshot {
    sessions: Arc<Sessions>,
    schema: String,
    version: u32,
    id: String,
    /// Holds the moment as long as it is open; never used again.
    _exporter: Mutex<PgConnection>,
    readers: Mutex<Vec<PgConnection>>,
    layouts: Mutex<HashMap<TableName, Layout>>,
}

impl PostgresSnapshot {
    pub(super) async fn open(sessions: Arc<Sessions>, schema: String, version: u32) -> Result<Self> {
        let failed = |error| failure(error, "cannot open a snapshot");
        let mut exporter = sessions.open().await?;
        sql::run(&mut exporter, BEGIN).await.map_err(failed)?;
        let row = sql::first(&mut exporter, "SELECT pg_export_snapshot() AS id").await.map_err(failed)?;
        let id = row.ok_or(sqlx::Error::RowNotFound).and_then(|row| row.try_get("id")).map_err(failed)?;
        let (readers, layouts) = (Mutex::default(), Mutex::default());
        Ok(Self { sessions, schema, version, id, _exporter: Mutex::new(exporter), readers, layouts })
    }

    /// A session that sees the moment.
    async fn reader(&self) -> Result<PgConnection> {
        while let Some(mut reader) = self.idle_reader() {
            if reader.ping().await.is_ok() {
                return Ok(reader);
            }
        }
        let mut reader = self.sessions.open().await?;
        let import = format!("{BEGIN}; SET TRANSACTION SNAPSHOT {}; {READING}", sql::literal(&self.id));
        sql::run(&mut reader, &import).await.map_err(gone)?;
        Ok(reader)
    }

    fn idle_reader(&self) -> Option<PgConnection> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, reader: PgConnection) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }

    async fn layout(&self, reader: &mut PgConnection, name: &TableName) -> Result<Layout> {
        let known = self.layouts.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        if let Some(layout) = known {
            return Ok(layout);
        }
        let context = || format!("cannot read {}", name.display(&self.schema));
        let layout = catalog::layout(reader, name).await.map_err(|error| failure(error, context()))?;
        self.layouts.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), layout);
        Ok(layout)
    }

    async fn scan<'t>(&self, reader: &mut PgConnection, table: &'t Table) -> Result<Scan<'t>> {
        let name = TableName::parse(&table.name, &self.schema);
        let layout = self.layout(reader, &name).await?;
        Ok(Scan::new(table, &name, layout, self.version))
    }
}

/// Only the exporting session's end can make a known snapshot unknown.
fn gone(error: sqlx::Error) -> EndpointError {
    let mut failure = failure(error, "cannot join the source's snapshot");
    if failure.code.is_some() && !failure.is_transient() {
        failure.kind = ErrorKind::Lost;
    }
    failure
}

#[async_trait]
impl Snapshot for PostgresSnapshot {
    fn answers_aside(&self) -> bool {
        true
    }

    async fn ask(&self, query: &str) -> Result<Asked> {
        // Nobody else gets a session that a stranger's query went through.
        ask::ask(&mut self.reader().await?, query).await
    }

    async fn prepares(&self, query: &str) -> Result<()> {
        ask::prepares(&mut self.reader().await?, query).await
    }

    async fn next_range(&self, table: &Table, after: Option<&Position>, rows: u64) -> Result<Option<Range>> {
        let mut reader = self.reader().await?;
        let scan = self.scan(&mut reader, table).await?;
        let range = scan.next_range(&mut reader, after, rows).await?;
        self.give_back(reader);
        Ok(range)
    }

    async fn read(&self, table: &Table, range: &Range, batch_bytes: usize, out: Outlet) -> Result<Option<Position>> {
        let mut reader = self.reader().await?;
        let scan = self.scan(&mut reader, table).await?;
        let until = scan.until(&mut reader, range).await?;
        if scan.send(&mut reader, range.after.clone(), until.as_ref(), batch_bytes, &out).await? == Sent::All {
            self.give_back(reader);
        }
        Ok(until)
    }

    async fn read_keys(&self, table: &Table, keys: &RecordBatch, batch_bytes: usize, out: Outlet) -> Result<()> {
        let mut reader = self.reader().await?;
        let name = TableName::parse(&table.name, &self.schema);
        let layout = self.layout(&mut reader, &name).await?;
        let rows = format!("SELECT {} FROM {} AS t", copy::selected(table), layout.scanned(&name));
        let schema = keys.schema();
        let key: Vec<&Column> = schema.fields().iter().filter_map(|field| table.column(field.name())).collect();
        for condition in keyed::conditions(&key, keys) {
            let query = format!("{rows} WHERE {condition}");
            match copy::stream(&mut reader, table, &query, batch_bytes, &out).await? {
                Sent::All => {}
                Sent::Worn => reader = self.reader().await?,
                Sent::Unwanted => return Ok(()),
            }
        }
        self.give_back(reader);
        Ok(())
    }
}

/// A table under way.
pub(super) struct Scan<'t> {
    table: &'t Table,
    pub(super) from: String,
    layout: Layout,
    pub(super) order: Order,
}

impl<'t> Scan<'t> {
    pub(super) fn new(table: &'t Table, name: &TableName, layout: Layout, version: u32) -> Self {
        let from = format!("{} AS t", layout.scanned(name));
        Self { table, from, layout, order: Order::of(table, &layout, version) }
    }

    /// The rows between two positions, as [`copy::stream`] takes them.
    pub(super) fn query(&self, after: Option<&Position>, until: Option<&Position>) -> Result<String> {
        Ok(self.select(&self.order.between(after, until)?))
    }

    pub(super) fn select(&self, condition: &str) -> String {
        format!("SELECT {} FROM {}{condition}{}", copy::selected(self.table), self.from, self.order.by())
    }

    /// Sends the rows between two positions, those with long values one by one.
    async fn send(
        &self,
        reader: &mut PgConnection,
        mut after: Option<Position>,
        until: Option<&Position>,
        batch_bytes: usize,
        out: &Outlet,
    ) -> Result<Sent> {
        let mut sent = Sent::All;
        if let Some(long) = Long::of(self.table, &self.from, &self.order, &self.layout) {
            while let Some(row) = long.next(reader, after.as_ref(), until).await? {
                let before = self.select(&self.order.short_of(after.as_ref(), &row.position)?);
                match copy::stream(reader, self.table, &before, batch_bytes, out).await? {
                    Sent::All => {}
                    Sent::Worn => sent = Sent::Worn,
                    Sent::Unwanted => return Ok(Sent::Unwanted),
                }
                if !copy::send(self.table, &long.whole(reader, &row).await?, out).await? {
                    return Ok(Sent::Unwanted);
                }
                after = Some(row.position);
            }
        }
        match copy::stream(reader, self.table, &self.query(after.as_ref(), until)?, batch_bytes, out).await? {
            Sent::All => Ok(sent),
            worn => Ok(worn),
        }
    }

    async fn next_range(
        &self,
        reader: &mut PgConnection,
        after: Option<&Position>,
        rows: u64,
    ) -> Result<Option<Range>> {
        if let Some(range) = self.leap(reader, after, rows).await? {
            return Ok(Some(range));
        }
        let until = match self.order {
            Order::Key(_) => self.nth(reader, after, rows).await?,
            Order::Place => self.end_of_pages(after, rows)?,
            Order::None => None,
        };
        // A bound that is a row proves that there is one; any other may have none before it.
        let proven = until.is_some() && matches!(self.order, Order::Key(_));
        if !proven && !self.has_rows(reader, after).await? {
            return Ok(None);
        }
        Ok(Some(Range { after: after.cloned(), until: until.map_or(Until::End, Until::Position) }))
    }

    /// A long range of whole numbers that lie close together is bounded by counting numbers instead of rows, which the
    /// server would have to pass one by one. It holds at most half as many rows again as asked for.
    async fn leap(&self, reader: &mut PgConnection, after: Option<&Position>, rows: u64) -> Result<Option<Range>> {
        let Some(key) = self.order.whole_number().filter(|_| rows >= LEAP && self.layout.plain) else {
            return Ok(None);
        };
        let failed = |error| failure(error, self.context());
        let statement = format!(
            "SELECT (SELECT {key} FROM {from}{} ORDER BY {key} LIMIT 1)::int8 AS first, \
             (SELECT min({key}) FROM {from})::int8 AS least, (SELECT max({key}) FROM {from})::int8 AS most",
            self.order.between(after, None)?,
            from = self.from
        );
        let row =
            sql::first(reader, &statement).await.map_err(failed)?.ok_or(sqlx::Error::RowNotFound).map_err(failed)?;
        let number = |name: &str| row.try_get::<Option<i64>, _>(name).map_err(failed);
        let (Some(first), Some(least), Some(most)) = (number("first")?, number("least")?, number("most")?) else {
            return Ok(None);
        };
        let held = self.layout.pages as f64 * self.layout.rows_per_page;
        let spread = ((most as f64 - least as f64 + 1.0) / held.max(1.0)).max(1.0);
        if spread > CLOSE {
            return Ok(None);
        }
        let last = first.saturating_add((rows as f64 * spread) as i64 - 1);
        let until = match last < most {
            true => Until::Position(order::position_of(&[last.to_string()])),
            false => Until::End,
        };
        Ok(Some(Range { after: after.cloned(), until }))
    }

    /// The bound of a range, `None` where the table ends with it.
    async fn until(&self, reader: &mut PgConnection, range: &Range) -> Result<Option<Position>> {
        match &range.until {
            Until::Position(position) => Ok(Some(position.clone())),
            Until::End => Ok(None),
            Until::Rows(_) if self.order == Order::None => {
                let message = "without a key, this table can only be read as a whole";
                Err(EndpointError::new(ErrorKind::Other, self.context(), message))
            }
            Until::Rows(rows) => self.nth(reader, range.after.as_ref(), *rows).await,
        }
    }

    /// The position of the `rows`th row after `after`.
    async fn nth(&self, reader: &mut PgConnection, after: Option<&Position>, rows: u64) -> Result<Option<Position>> {
        let failed = |error| failure(error, self.context());
        let statement = format!(
            "SELECT {} FROM {}{}{} OFFSET {} LIMIT 1",
            self.order.selected(),
            self.from,
            self.order.between(after, None)?,
            self.order.by(),
            rows.saturating_sub(1)
        );
        let Some(row) = sql::first(reader, &statement).await.map_err(failed)? else { return Ok(None) };
        let texts = (0..row.len()).map(|place| row.try_get(place)).collect::<sqlx::Result<Vec<String>>>();
        Ok(Some(order::position_of(&texts.map_err(failed)?)))
    }

    /// The end of as many pages as should hold so many rows; `None` where these are the last ones.
    fn end_of_pages(&self, after: Option<&Position>, rows: u64) -> Result<Option<Position>> {
        let start = after.map(order::page_of).transpose()?.map_or(0, |page| page + 1);
        let pages = ((rows as f64 / self.layout.rows_per_page) as u64).max(1);
        let last = start.saturating_add(pages) - 1;
        Ok((last + 1 < self.layout.pages).then(|| order::end_of_page(last)))
    }

    async fn has_rows(&self, reader: &mut PgConnection, after: Option<&Position>) -> Result<bool> {
        let statement = format!("SELECT 1 FROM {}{} LIMIT 1", self.from, self.order.between(after, None)?);
        let row = sql::first(reader, &statement).await.map_err(|error| failure(error, self.context()))?;
        Ok(row.is_some())
    }

    pub(super) fn context(&self) -> String {
        format!("cannot read {}", self.table.name)
    }
}
