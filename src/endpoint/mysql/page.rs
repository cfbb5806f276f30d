//! Pages of a table's rows, to look at.

use sqlx::mysql::MySqlRow;

use super::{
    catalog,
    connect::{Session, bytes_at},
    decode::cell,
    reading::Reading,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Position, Result},
    model::{Page, Spot, Table},
};

/// Some rows, in the order of the key where there is one.
pub(super) async fn preview(session: &mut Session, table: &Table, spot: &Spot, limit: u32) -> Result<Page> {
    let facts = catalog::facts(session, &table.name).await?;
    let reading = Reading::new(table, &facts)?;
    let (condition, order, skip) = way(&reading, spot)?;
    let statement =
        format!("SELECT {}{}{condition}{order} LIMIT {limit} OFFSET {skip}", reading.selects(), reading.from());
    let context = || format!("cannot read table '{}'", reading.table);
    let mut rows = session.rows(statement, &[]).await.map_err(|error| error.during(context()))?;
    if matches!(spot, Spot::Before(_) | Spot::End) {
        rows.reverse();
    }
    let cells = |row: &MySqlRow| {
        let columns = reading.columns.iter().enumerate();
        columns.map(|(index, column)| cell(bytes_at(row, index), column)).collect()
    };
    Ok(Page {
        columns: reading.columns.iter().map(|column| column.name.clone()).collect(),
        types: reading.columns.iter().map(|column| column.ty.clone()).collect(),
        rows: rows.iter().map(cells).collect(),
        total: table.rows,
        ends: ends(&reading, &rows)?,
    })
}

/// Which rows, in which order, and how many of them not.
fn way(reading: &Reading, spot: &Spot) -> Result<(String, String, u64)> {
    let context = || format!("cannot read table '{}'", reading.table);
    let no_key = || {
        let message = "without a key, its pages are found by the number of their first row only";
        EndpointError::new(ErrorKind::Other, context(), message)
    };
    let key = || reading.key.as_ref().ok_or_else(no_key);
    Ok(match spot {
        Spot::Row(row) => (String::new(), reading.order(), *row),
        Spot::After(place) => (format!(" WHERE {}", key()?.behind(place)?), reading.order(), 0),
        Spot::Before(place) => (format!(" WHERE {}", key()?.before(place)?), key()?.backwards(), 0),
        Spot::End => (String::new(), key()?.backwards(), 0),
    })
}

fn ends(reading: &Reading, rows: &[MySqlRow]) -> Result<Option<(Position, Position)>> {
    let (Some(key), Some(first), Some(last)) = (&reading.key, rows.first(), rows.last()) else { return Ok(None) };
    let position = |row| key.position(|place| bytes_at(row, place));
    Ok(Some((position(first)?, position(last)?)))
}
