//! One moment of a file, read through one connection that keeps its read transaction open.
//!
//! All tables share the connection, so it is held for a batch at a time and never while a batch is handed on: a table
//! whose reader waits for room keeps no other table from being read.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use rusqlite::{Connection, ToSql, params_from_iter};

use super::{
    ask,
    connection::{Access, blocking, open},
    decode::{RowsBuilder, size},
    draw::{Draw, LongRow},
    error::{during, failure},
    order::{Order, Place},
    sql::{quoted, quoted_list},
};
use crate::{
    endpoint::{Asked, EndpointError, ErrorKind, Outlet, Position, Range, Result, Snapshot, SourceBatch, Until},
    model::Table,
};

/// What a batch holds at most, however narrow its rows.
const BATCH_ROWS: usize = 16_384;

pub(super) struct Moment {
    connection: Arc<Mutex<Connection>>,
    /// Of each table that was read, how its long rows are found.
    draws: Arc<Mutex<HashMap<String, Option<Arc<Draw>>>>>,
}

impl Moment {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let connection = open(path, Access::Read)?;
        // A transaction sees the moment of its first look.
        connection
            .execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1;")
            .map_err(during(format!("cannot take a snapshot of {}", path.display())))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), draws: Arc::default() })
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
        let (mut last, mut ahead) = (after, Ahead::Unknown);
        loop {
            let (reading, after) = (Arc::clone(&reading), last.clone());
            let (stretch, next) = self.with(move |connection| reading.batch(connection, after, ahead)).await?;
            ahead = next;
            if let Some((batch, end)) = stretch.rows {
                last = Some(end);
                if out.send(batch).await.is_err() {
                    return last.map(|place| place.position()).transpose();
                }
                out.settle().await;
            }
            if !stretch.more {
                break;
            }
        }
        self.end(reading).await
    }
}

impl Moment {
    async fn way(&self, table: &Table) -> Result<(Order, Option<Arc<Draw>>)> {
        let known = self.draws.lock().unwrap_or_else(PoisonError::into_inner).get(&table.name).cloned();
        let (table, draws) = (table.clone(), Arc::clone(&self.draws));
        self.with(move |connection| {
            let order = Order::of(connection, &table.name)?;
            if let Some(known) = known {
                return Ok((order, known));
            }
            let draw = Draw::of(connection, &table, &order);
            let draw = draw.map_err(during(format!("cannot read {}", table.name)))?.map(Arc::new);
            draws.lock().unwrap_or_else(PoisonError::into_inner).insert(table.name, draw.clone());
            Ok((order, draw))
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
    draw: Option<Arc<Draw>>,
}

struct Stretch {
    rows: Option<(SourceBatch, Place)>,
    /// Whether it ended for its size, or before a long row, and not for want of rows.
    more: bool,
}

/// The long row that comes next.
enum Ahead {
    Unknown,
    Row(LongRow),
    None,
}

impl Reading {
    fn batch(&self, connection: &Connection, after: Option<Place>, ahead: Ahead) -> Result<(Stretch, Ahead)> {
        let failed = |error: rusqlite::Error| failure(&error, format!("cannot read {}", self.table.name));
        let ahead = self.ahead(connection, after.as_ref(), ahead).map_err(failed)?;
        let mut builder = RowsBuilder::new(&self.table.columns)?;
        let until = match &ahead {
            Ahead::Row(row) => Some((&row.place, "<")),
            Ahead::Unknown | Ahead::None => self.until.as_ref().map(|until| (until, "<=")),
        };
        let (end, more) = self.fill(connection, (after.as_ref(), until), &mut builder).map_err(failed)?;
        let before_long = matches!(ahead, Ahead::Row(_));
        match (end, ahead) {
            (None, Ahead::Row(row)) => {
                let batch = self.long(connection, &row)?;
                Ok((Stretch { rows: Some((batch, row.place)), more: true }, Ahead::Unknown))
            }
            (end, ahead) => {
                let rows = end.map(|end| Ok::<_, EndpointError>((builder.finish()?, end))).transpose()?;
                Ok((Stretch { rows, more: more || before_long }, ahead))
            }
        }
    }

    fn ahead(&self, connection: &Connection, after: Option<&Place>, ahead: Ahead) -> rusqlite::Result<Ahead> {
        match (&self.draw, ahead) {
            (Some(draw), Ahead::Unknown) => {
                let next = draw.next(connection, &self.order, after, self.until.as_ref())?;
                Ok(next.map_or(Ahead::None, Ahead::Row))
            }
            (_, ahead) => Ok(ahead),
        }
    }

    /// A long row alone; where its values cannot be drawn, as any other.
    fn long(&self, connection: &Connection, row: &LongRow) -> Result<SourceBatch> {
        let failed = |error: rusqlite::Error| failure(&error, format!("cannot read {}", self.table.name));
        let mut builder = RowsBuilder::new(&self.table.columns)?;
        if let Some(draw) = &self.draw
            && draw.row(connection, &self.order, row, &mut builder).map_err(failed)?
        {
            return builder.finish();
        }
        let mut builder = RowsBuilder::new(&self.table.columns)?;
        self.fill(connection, (None, Some((&row.place, "="))), &mut builder).map_err(failed)?;
        builder.finish()
    }

    fn fill(
        &self,
        connection: &Connection,
        (after, until): (Option<&Place>, Option<(&Place, &str)>),
        builder: &mut RowsBuilder,
    ) -> rusqlite::Result<(Option<Place>, bool)> {
        let mut statement = connection.prepare_cached(&self.select(after.is_some(), until.map(|(_, how)| how)))?;
        let bounds = after.into_iter().chain(until.map(|(place, _)| place)).flat_map(Place::parameters);
        let mut rows = statement.query(params_from_iter(bounds))?;
        let (mut end, mut bytes, mut more) = (Place::default(), 0, false);
        while let Some(row) = rows.next()? {
            let cells = builder.look(row, self.order.by.len())?;
            bytes += size(&cells);
            more = builder.rows() > 0 && (bytes > self.batch_bytes || builder.rows() >= BATCH_ROWS);
            if more {
                break;
            }
            builder.push(cells);
            self.order.note(row, &mut end)?;
        }
        Ok(((builder.rows() > 0).then_some(end), more))
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

/// Some rows for a preview.
pub(super) fn window(connection: &Connection, table: &Table, offset: u64, limit: u32) -> Result<SourceBatch> {
    let order = Order::of(connection, &table.name)?;
    let mut builder = RowsBuilder::new(&table.columns)?;
    let reading = Reading { table: table.clone(), order, until: None, batch_bytes: usize::MAX, draw: None };
    let sql = format!("{} LIMIT ? OFFSET ?", reading.select(false, None));
    let mut fill = || {
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query((limit, i64::try_from(offset).unwrap_or(i64::MAX)))?;
        while let Some(row) = rows.next()? {
            let cells = builder.look(row, reading.order.by.len())?;
            builder.push(cells);
        }
        Ok(())
    };
    fill().map_err(during(format!("cannot read {}", table.name)))?;
    builder.finish()
}
