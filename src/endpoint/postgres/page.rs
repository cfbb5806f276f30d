//! Pages of a table's rows, to look at.
//!
//! One idea: where there is a key, its values alone say which rows a page has, which an index tells without a look at the
//! rows; so the next page costs the same however far in it is.

use sqlx::{Row as _, postgres::PgConnection};

use super::{
    catalog,
    connect::Sessions,
    copy,
    error::failure,
    order::{self, Order},
    read::{BEGIN, READING, Scan},
    sql::{self, TableName},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Position, Result},
    model::{Page, Spot, Table},
};

/// Some rows in reading order, through the same decoding as a bulk read.
pub(super) async fn preview(
    sessions: &Sessions,
    table: &Table,
    schema: &str,
    version: u32,
    (spot, limit): (&Spot, u32),
) -> Result<Page> {
    let mut session = sessions.take().await?;
    let name = TableName::parse(&table.name, schema);
    let failed = |error| failure(error, format!("cannot read {}", table.name));
    let layout = catalog::layout(&mut session, &name).await.map_err(failed)?;
    sql::run(&mut session, &format!("{BEGIN}; {READING}")).await.map_err(failed)?;
    let scan = Scan::new(table, &name, layout, version);
    let ends = ends(&mut session, &scan, spot, limit).await?;
    let query = match (&ends, spot) {
        (Some((first, last)), _) => Some(scan.select(&scan.order.spanning(first, last)?)),
        (None, Spot::Row(row)) if !matches!(scan.order, Order::Key(_)) => {
            Some(format!("{} OFFSET {row} LIMIT {limit}", scan.query(None, None)?))
        }
        (None, _) => None,
    };
    let (rows, whole) = match query {
        Some(query) => copy::cells(&mut session, table, &query).await?,
        None => (Vec::new(), true),
    };
    if whole {
        sql::run(&mut session, "COMMIT").await.map_err(failed)?;
        sessions.give_back(session);
    }
    Ok(Page {
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        types: table.columns.iter().map(|column| column.ty.clone()).collect(),
        rows,
        total: table.rows,
        ends,
    })
}

/// The first and the last row of a page of a table that has a key.
async fn ends(
    reader: &mut PgConnection,
    scan: &Scan<'_>,
    spot: &Spot,
    limit: u32,
) -> Result<Option<(Position, Position)>> {
    let (order, failed) = (&scan.order, |error| failure(error, scan.context()));
    if !matches!(order, Order::Key(_)) {
        let message = "without a key, its pages are found by the number of their first row only";
        return match spot {
            Spot::Row(_) => Ok(None),
            _ => Err(EndpointError::new(ErrorKind::Other, scan.context(), message)),
        };
    }
    let (condition, by, skip) = match spot {
        Spot::Row(row) => (String::new(), order.by(), *row),
        Spot::After(place) => (order.between(Some(place), None)?, order.by(), 0),
        Spot::Before(place) => (order.before(place)?, order.backwards(), 0),
        Spot::End => (String::new(), order.backwards(), 0),
    };
    let selected = order.selected();
    let statement = format!("SELECT {selected} FROM {}{condition}{by} OFFSET {skip} LIMIT {limit}", scan.from);
    let keys = sql::rows(reader, &statement).await.map_err(failed)?;
    let position = |place: usize| {
        let row = keys.get(place)?;
        Some((0..row.len()).map(|place| row.try_get(place)).collect::<sqlx::Result<Vec<String>>>())
    };
    let (Some(one), Some(other)) = (position(0), position(keys.len().saturating_sub(1))) else { return Ok(None) };
    let (one, other) = (order::position_of(&one.map_err(failed)?), order::position_of(&other.map_err(failed)?));
    Ok(Some(match spot {
        Spot::Row(_) | Spot::After(_) => (one, other),
        Spot::Before(_) | Spot::End => (other, one),
    }))
}
