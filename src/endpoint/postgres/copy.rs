//! A binary COPY out of the server into Arrow batches: the one way in which values leave PostgreSQL.
//!
//! May not know ranges or snapshots. One idea: preview, bulk read and validation all come through [`stream`], so that a
//! value looks the same wherever it is seen.

use futures::TryStreamExt as _;
use sqlx::postgres::PgConnection;

use crate::{
    endpoint::{EndpointError, ErrorKind, Outlet, Result, SourceBatch},
    model::{Cell, Table, cell_at},
};

use super::{
    decode::{self, Mismatch},
    error::failure,
    tuples::{Cutter, Malformed, Tuples},
};

/// To a batch of rows that become cells.
const CELLS_BYTES: usize = 1 << 20;

/// The `SELECT` list whose rows [`stream`] decodes.
pub(super) fn selected(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(decode::selected).collect();
    columns.join(", ")
}

/// A connection through which a longer message came keeps as much room for the next.
const WORN_BYTES: usize = 8 << 20;

/// Sends the query's rows, which are [`selected`] of the table. `false` where the connection must be dropped: it is in the
/// middle of an answer, since the receiver had enough before the end, or it holds on to the room of a very large value.
pub(super) async fn stream(
    connection: &mut PgConnection,
    table: &Table,
    query: &str,
    batch_bytes: usize,
    out: &Outlet,
) -> Result<bool> {
    let failed = |error| failure(error, format!("cannot read {}", table.name));
    let malformed = |Malformed| changed(table, "the server sent rows of another shape".into());
    let statement = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let mut messages = connection.copy_out_raw(&statement).await.map_err(failed)?;
    let mut sending = Sending { table, schema: decode::schema_of(&table.columns), out };
    let mut cutter = Cutter::new(table.columns.len(), batch_bytes);
    let mut worn = false;
    while let Some(message) = messages.try_next().await.map_err(failed)? {
        worn |= message.len() > WORN_BYTES;
        for tuples in cutter.feed(&message).map_err(malformed)? {
            if !sending.send(&tuples).await? {
                return Ok(false);
            }
        }
    }
    match cutter.finish().map_err(malformed)? {
        Some(tuples) => Ok(sending.send(&tuples).await? && !worn),
        None => Ok(!worn),
    }
}

struct Sending<'t> {
    table: &'t Table,
    schema: datafusion::arrow::datatypes::SchemaRef,
    out: &'t Outlet,
}

impl Sending<'_> {
    async fn send(&mut self, tuples: &Tuples) -> Result<bool> {
        let decoded = decode::decode(tuples, &self.table.columns, &self.schema);
        let batch = decoded.map_err(|Mismatch { column }| {
            changed(self.table, format!("column '{column}' is not of the type that it was described with"))
        })?;
        let taken = self.out.send(batch).await.is_ok();
        self.out.settle().await;
        Ok(taken)
    }
}

fn changed(table: &Table, message: String) -> EndpointError {
    EndpointError::new(ErrorKind::Other, format!("cannot read {}", table.name), message)
}

/// The query's rows as cells, those that no batch can hold included, in their order.
pub(super) async fn cells(connection: &mut PgConnection, table: &Table, query: &str) -> Result<(Vec<Vec<Cell>>, bool)> {
    let (out, mut received) = Outlet::new(CELLS_BYTES);
    let collect = async {
        let mut rows = Vec::new();
        while let Some(message) = received.recv().await {
            rows.extend(rows_of(&message));
        }
        rows
    };
    let send = async move {
        let sent = stream(connection, table, query, CELLS_BYTES, &out).await;
        drop(out);
        sent
    };
    let (sent, rows) = tokio::join!(send, collect);
    Ok((rows, sent?))
}

fn rows_of(message: &SourceBatch) -> Vec<Vec<Cell>> {
    let cells = |row| message.batch.columns().iter().map(|array| cell_at(array, row)).collect();
    let mut rows: Vec<(usize, Vec<Cell>)> =
        message.places().into_iter().enumerate().map(|(row, place)| (place, cells(row))).collect();
    rows.extend(message.rejects.iter().map(|reject| (reject.place, reject.cells.clone())));
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, cells)| cells).collect()
}
