//! Rows taken out by their keys.

use datafusion::arrow::record_batch::RecordBatch;
use sqlx::postgres::PgConnection;

use crate::model::{Cell, Column, cell_at};

use super::sql::{self, TableName, ident};

/// Takes out the rows that have these rows' keys; how many there were.
pub(super) async fn remove(
    connection: &mut PgConnection,
    name: &TableName,
    key: &[&Column],
    batch: &RecordBatch,
) -> sqlx::Result<u64> {
    let is_it =
        |(place, column): (usize, &&Column)| format!("{} = ${}::{}", ident(&column.name), place + 1, column.native);
    let conditions: Vec<String> = key.iter().enumerate().map(is_it).collect();
    let statement = format!("DELETE FROM {} WHERE {}", name.quoted(), conditions.join(" AND "));
    let mut removed = 0;
    for row in 0..batch.num_rows() {
        let mut query = sql::query(statement.clone());
        for column in key {
            let cell = batch.column_by_name(&column.name).map_or(Cell::Null, |array| cell_at(array, row));
            query = match cell {
                Cell::Null => query.bind(None::<String>),
                Cell::Text(text) => query.bind(text),
                Cell::Bytes(bytes) => query.bind(bytes),
            };
        }
        removed += query.execute(&mut *connection).await?.rows_affected();
    }
    Ok(removed)
}
