//! Rows taken out by their keys.

use datafusion::arrow::record_batch::RecordBatch;
use sqlx::postgres::PgConnection;

use crate::model::Column;

use super::{
    keyed,
    sql::{self, TableName},
};

/// Takes out the rows that have these rows' keys; how many there were.
pub(super) async fn remove(
    connection: &mut PgConnection,
    name: &TableName,
    key: &[&Column],
    batch: &RecordBatch,
) -> sqlx::Result<u64> {
    let mut removed = 0;
    for condition in keyed::conditions(key, batch) {
        removed += sql::affected(connection, &format!("DELETE FROM {} WHERE {condition}", name.quoted())).await?;
    }
    Ok(removed)
}
