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

/// How sending a query's rows ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    All,
    /// All, but the connection holds on to the room of a very large value and is better dropped.
    Worn,
    /// The receiver had enough before the end. The connection is in the middle of an answer and must be dropped.
    Unwanted,
}

/// Sends the query's rows, which are [`selected`] of the table.
pub(super) async fn stream(
    connection: &mut PgConnection,
    table: &Table,
    query: &str,
    batch_bytes: usize,
    out: &Outlet,
) -> Result<Sent> {
    let failed = |error| failure(error, format!("cannot read {}", table.name));
    let mut messages = connection.copy_out_raw(&copied(query)).await.map_err(failed)?;
    let mut sending = Sending { table, schema: decode::schema_of(&table.columns), out };
    let mut cutter = Cutter::new(table.columns.len(), batch_bytes);
    let mut sent = Sent::All;
    while let Some(message) = messages.try_next().await.map_err(failed)? {
        if message.len() > WORN_BYTES {
            sent = Sent::Worn;
        }
        for tuples in cutter.feed(&message).map_err(|Malformed| misshapen(table))? {
            if !sending.send(&tuples).await? {
                return Ok(Sent::Unwanted);
            }
        }
    }
    if let Some(tuples) = cutter.finish().map_err(|Malformed| misshapen(table))?
        && !sending.send(&tuples).await?
    {
        return Ok(Sent::Unwanted);
    }
    Ok(sent)
}

/// Sends rows that came another way; `false` where the receiver has had enough.
pub(super) async fn send(table: &Table, tuples: &Tuples, out: &Outlet) -> Result<bool> {
    Sending { table, schema: decode::schema_of(&table.columns), out }.send(tuples).await
}

/// The rows of a query of so many columns, one after the other, as they come.
pub(super) async fn each(
    connection: &mut PgConnection,
    table: &Table,
    (query, columns): (&str, usize),
    mut take: impl FnMut(&Tuples) + Send,
) -> Result<()> {
    let failed = |error| failure(error, format!("cannot read {}", table.name));
    let mut messages = connection.copy_out_raw(&copied(query)).await.map_err(failed)?;
    let mut cutter = Cutter::new(columns, 1);
    while let Some(message) = messages.try_next().await.map_err(failed)? {
        let rows = cutter.feed(&message).map_err(|Malformed| misshapen(table))?;
        rows.iter().for_each(&mut take);
    }
    let last = cutter.finish().map_err(|Malformed| misshapen(table))?;
    last.iter().for_each(take);
    Ok(())
}

fn copied(query: &str) -> String {
    format!("COPY ({query}) TO STDOUT (FORMAT binary)")
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

fn misshapen(table: &Table) -> EndpointError {
    changed(table, "the server sent rows of another shape".into())
}

fn changed(table: &Table, message: String) -> EndpointError {
    EndpointError::new(ErrorKind::Other, format!("cannot read {}", table.name), message)
}

/// The query's rows as cells, those that no batch can hold included, in their order; and whether the connection is still good.
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
    Ok((rows, sent? == Sent::All))
}

fn rows_of(message: &SourceBatch) -> Vec<Vec<Cell>> {
    let cells = |row| message.batch.columns().iter().map(|array| cell_at(array, row)).collect();
    let mut rows: Vec<(usize, Vec<Cell>)> =
        message.places().into_iter().enumerate().map(|(row, place)| (place, cells(row))).collect();
    rows.extend(message.rejects.iter().map(|reject| (reject.place, reject.cells.clone())));
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, cells)| cells).collect()
}
