//! One moment of a file, read through one connection that keeps its read transaction open.
//!
//! All tables share the connection, so it is held for a batch at a time and never while a batch is handed on: a table
//! whose reader waits for room keeps no other table from being read.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use rusqlite::{Connection, ToSql, params_from_iter};

use super::{
    ask,
    connection::{Access, blocking, open},
    decode::{RowsBuilder, size},
    draw::{Draw, is_too_long, without_long},
    error::{during, failure},
    keyed,
    order::{Order, Place},
    sql::{quoted, quoted_list},
};
use crate::{
    endpoint::{Asked, EndpointError, ErrorKind, Outlet, Position, Range, Result, Snapshot, SourceBatch, Until},
    model::{Spot, Table},
};

/// What a batch holds at most, however narrow its rows.
const BATCH_ROWS: usize = 16_384;

pub(super) struct Moment {
    connection: Arc<Mutex<Connection>>,
}

impl Moment {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let connection = open(path, Access::Read)?;
        // A transaction sees the moment of its first look.
        connection
            .execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1;")
            .map_err(during(format!("cannot take a snapshot of {}", path.display())))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    async fn with<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        let connection = Arc::clone(&self.connection);
        blocking(move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

#[async_trait]
impl Snapshot for Moment {
    async fn ask(&self, query: &str) -> Result<Asked> {
        let query = query.to_owned();
        self.with(move |connection| ask::ask(connection, &query)).await
    }

    async fn prepares(&self, query: &str) -> Result<()> {
        let query = query.to_owned();
        self.with(move |connection| ask::prepares(connection, &query)).await
    }

    async fn next_range(&self, table: &Table, after: Option<&Position>, rows: u64) -> Result<Option<Range>> {
        let (name, after) = (table.name.clone(), after.cloned());
        self.with(move |connection| {
            let order = Order::of(connection, &name)?;
            let from = after.as_ref().map(|after| order.parse(after)).transpose()?;
            let bound = place_at(connection, &name, &order, from.as_ref(), rows.max(1) - 1)?;
            let until = match bound {
                Some(place) => Until::Position(place.position()?),
                None if follows(connection, &name, &order, from.as_ref())? => Until::End,
                None => return Ok(None),
            };
            Ok(Some(Range { after, until }))
        })
        .await
    }

    async fn read(&self, table: &Table, range: &Range, batch_bytes: usize, out: Outlet) -> Result<Option<Position>> {
        let (order, draw) = self.way(table).await?;
        let until = match &range.until {
            Until::Position(until) => Some(order.parse(until)?),
            Until::End => None,
            Until::Rows(_) => return Err(unknown_bound()),
        };
        let after = range.after.as_ref().map(|after| order.parse(after)).transpose()?;
        let reading = Arc::new(Reading { table: table.clone(), order, until, batch_bytes, draw });
        let (mut last, mut ended) = (after, Ended::Full);
        while ended != Ended::All {
            let (reading, after) = (Arc::clone(&reading), last.clone());
            let (rows, next) = self.with(move |connection| reading.batch(connection, after, ended)).await?;
            ended = next;
            let Some((batch, end)) = rows else { continue };
            last = Some(end);
            if out.send(batch).await.is_err() {
                return last.map(|place| place.position()).transpose();
            }
            out.settle().await;
        }
        self.end(reading).await
    }

    async fn read_keys(&self, table: &Table, keys: &RecordBatch, batch_bytes: usize, out: Outlet) -> Result<()> {
        let mut first = 0;
        while first < keys.num_rows() {
            let (table, keys) = (table.clone(), keys.clone());
            let rows = move |connection: &Connection| keyed::rows(connection, &table, &keys, (first, batch_bytes));
            let (batch, next) = self.with(rows).await?;
            if out.send(batch).await.is_err() {
                break;
            }
            first = next;
        }
        Ok(())
    }
}

impl Moment {
    async fn way(&self, table: &Table) -> Result<(Order, Option<Draw>)> {
        let table = table.clone();
        self.with(move |connection| {
            let order = Order::of(connection, &table.name)?;
            let draw = Draw::of(connection, &table, &order);
            Ok((order, draw.map_err(during(format!("cannot read {}", table.name)))?))
        })
        .await
    }

    /// Where the range ended: `None` where the table did.
    async fn end(&self, reading: Arc<Reading>) -> Result<Option<Position>> {
        if reading.until.is_none() {
            return Ok(None);
        }
        self.with(move |connection| {
            let until = reading.until.as_ref();
            match follows(connection, &reading.table.name, &reading.order, until)? {
                true => until.map(Place::position).transpose(),
                false => Ok(None),
            }
        })
        .await
    }
}

fn unknown_bound() -> EndpointError {
    let message = "a range of SQLite ends at a key or with the table, not after a number of rows";
    EndpointError::new(ErrorKind::Other, "cannot read the range", message)
}

struct Reading {
    table: Table,
    order: Order,
    until: Option<Place>,
    batch_bytes: usize,
    /// How its long rows are read; none where they are read as any other.
    draw: Option<Draw>,
}

/// Why a batch holds no more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// There are no more.
    All,
    /// It has what it may hold.
    Full,
    /// The next one is long.
    BeforeLong,
}

impl Reading {
    /// The rows behind `after` where the batch before ended as it says, and the last one's place.
    fn batch(
        &self,
        connection: &Connection,
        after: Option<Place>,
        ended: Ended,
    ) -> Result<(Option<(SourceBatch, Place)>, Ended)> {
        if let (Some(draw), Ended::BeforeLong) = (&self.draw, ended) {
            return self.long(connection, draw, after.as_ref());
        }
        let mut builder = RowsBuilder::new(&self.table.columns)?;
        let until = self.until.as_ref().map(|until| (until, "<="));
        let mut fill = || self.fill(connection, (after.as_ref(), until), &mut builder);
        let filled = match &self.draw {
            Some(_) => without_long(connection, fill),
            None => fill(),
        };
        let (end, ended) = filled.map_err(|error| self.failed(&error))?;
        let rows = end.map(|end| Ok::<_, EndpointError>((builder.finish()?, end))).transpose()?;
        Ok((rows, ended))
    }

    fn failed(&self, error: &rusqlite::Error) -> EndpointError {
        failure(error, format!("cannot read {}", self.table.name))
    }

    /// The next row, which is long, alone; where its values cannot be drawn, as any other.
    fn long(
        &self,
        connection: &Connection,
        draw: &Draw,
        after: Option<&Place>,
    ) -> Result<(Option<(SourceBatch, Place)>, Ended)> {
        let failed = |error: rusqlite::Error| self.failed(&error);
        let Some(row) = draw.next(connection, &self.order, after).map_err(failed)? else {
            return Ok((None, Ended::All));
        };
        let mut builder = RowsBuilder::new(&self.table.columns)?;
        if !draw.row(connection, &self.order, &row, &mut builder).map_err(failed)? {
            builder = RowsBuilder::new(&self.table.columns)?;
            self.fill(connection, (None, Some((&row.place, "="))), &mut builder).map_err(failed)?;
        }
        Ok((Some((builder.finish()?, row.place)), Ended::Full))
    }

    fn fill(
        &self,
        connection: &Connection,
        (after, until): (Option<&Place>, Option<(&Place, &str)>),
        builder: &mut RowsBuilder,
    ) -> rusqlite::Result<(Option<Place>, Ended)> {
        let mut statement = connection.prepare_cached(&self.select(after.is_some(), until.map(|(_, how)| how)))?;
        let bounds = after.into_iter().chain(until.map(|(place, _)| place)).flat_map(Place::parameters);
        let mut rows = statement.query(params_from_iter(bounds))?;
        let (mut end, mut bytes) = (Place::default(), 0);
        let ended = loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break Ended::All,
                Err(error) if self.draw.is_some() && is_too_long(&error) => break Ended::BeforeLong,
                Err(error) => return Err(error),
            };
            let cells = builder.look(row, self.order.by.len())?;
            bytes += size(&cells);
            if builder.rows() > 0 && (bytes > self.batch_bytes || builder.rows() >= BATCH_ROWS) {
                break Ended::Full;
            }
            builder.push(cells);
            self.order.note(row, &mut end)?;
        };
        Ok(((builder.rows() > 0).then_some(end), ended))
    }

    /// `until`: how a row's place compares to the last one that is wanted.
    fn select(&self, after: bool, until: Option<&str>) -> String {
        let names: Vec<&str> = self.table.columns.iter().map(|column| column.name.as_str()).collect();
        let bounds = after.then_some(">").into_iter().chain(until);
        let bounds: Vec<String> = bounds.map(|operator| self.order.compare(operator)).collect();
        let bounds = if bounds.is_empty() { String::new() } else { format!(" WHERE {}", bounds.join(" AND ")) };
        let order = self.order.list();
        format!("SELECT {order}, {} FROM {}{bounds} ORDER BY {order}", quoted_list(&names), quoted(&self.table.name))
    }
}

/// The place of the `skip`th row (from 0) behind `after`.
fn place_at(
    connection: &Connection,
    table: &str,
    order: &Order,
    after: Option<&Place>,
    skip: u64,
) -> Result<Option<Place>> {
    let bound = if after.is_some() { format!(" WHERE {}", order.compare(">")) } else { String::new() };
    let list = order.list();
    let sql = format!("SELECT {list} FROM {}{bound} ORDER BY {list} LIMIT 1 OFFSET ?", quoted(table));
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let find = || {
        let mut statement = connection.prepare_cached(&sql)?;
        let parameters = after.into_iter().flat_map(Place::parameters).chain([&skip as &dyn ToSql]);
        let mut rows = statement.query(params_from_iter(parameters))?;
        rows.next()?.map(|row| order.place(row)).transpose()
    };
    find().map_err(during(format!("cannot divide {table} into chunks")))
}

fn follows(connection: &Connection, table: &str, order: &Order, after: Option<&Place>) -> Result<bool> {
    place_at(connection, table, order, after, 0).map(|place| place.is_some())
}

/// The place that `rows` rows before `before`, or before the end, lie behind; `None` where the table begins with these.
fn place_before(
    connection: &Connection,
    table: &str,
    order: &Order,
    before: Option<&Place>,
    rows: u32,
) -> Result<Option<Place>> {
    let bound = if before.is_some() { format!(" WHERE {}", order.compare("<")) } else { String::new() };
    let descending: Vec<String> = order.by.iter().map(|part| format!("{part} DESC")).collect();
    let (list, descending) = (order.list(), descending.join(", "));
    let sql = format!("SELECT {list} FROM {}{bound} ORDER BY {descending} LIMIT 1 OFFSET ?", quoted(table));
    let find = || {
        let mut statement = connection.prepare(&sql)?;
        let parameters = before.into_iter().flat_map(Place::parameters).chain([&rows as &dyn ToSql]);
        let mut rows = statement.query(params_from_iter(parameters))?;
        rows.next()?.map(|row| order.place(row)).transpose()
    };
    find().map_err(during(format!("cannot read {table}")))
}

/// Some rows for a preview, and where the first and the last of them stand.
pub(super) fn window(
    connection: &Connection,
    table: &Table,
    spot: &Spot,
    limit: u32,
) -> Result<(SourceBatch, Option<(Position, Position)>)> {
    let failed = during(format!("cannot read {}", table.name));
    let order = Order::of(connection, &table.name)?;
    let before = if let Spot::Before(place) = spot { Some(order.parse(place)?) } else { None };
    let (after, skip) = match spot {
        Spot::Row(row) => (None, i64::try_from(*row).unwrap_or(i64::MAX)),
        Spot::After(place) => (Some(order.parse(place)?), 0),
        Spot::Before(_) | Spot::End => (place_before(connection, &table.name, &order, before.as_ref(), limit)?, 0),
    };
    let reading = Reading { table: table.clone(), order, until: None, batch_bytes: usize::MAX, draw: None };
    let select = reading.select(after.is_some(), before.as_ref().map(|_| "<"));
    let mut builder = RowsBuilder::new(&table.columns)?;
    let (mut first, mut last) = (None, Place::default());
    let mut fill = || {
        let mut statement = connection.prepare(&format!("{select} LIMIT ? OFFSET ?"))?;
        let bounds = after.iter().chain(&before).flat_map(Place::parameters);
        let parameters = bounds.chain([&limit as &dyn ToSql, &skip as &dyn ToSql]);
        let mut rows = statement.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            let cells = builder.look(row, reading.order.by.len())?;
            builder.push(cells);
            reading.order.note(row, &mut last)?;
            first.get_or_insert_with(|| last.clone());
        }
        Ok(())
    };
    fill().map_err(failed)?;
    let ends = first.map(|first| Ok::<_, EndpointError>((first.position()?, last.position()?)));
    Ok((builder.finish()?, ends.transpose()?))
}
