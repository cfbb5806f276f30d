//! Reading a table whole, batch by batch under the budget, past whoever wants to see it.

use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;

use super::{RestoreError, Result};
use crate::{
    endpoint::{EndpointError, Outlet, Range, Reject, Snapshot, Until},
    model::{RowEncoding, RowSum, Table},
};

/// Wire bytes to a batch.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes of batches, as Arrow holds them, between reader and taker.
const BUDGET_BYTES: usize = 8 << 20;

/// Takes rows on a thread that may block.
pub(super) trait Take: Send + 'static {
    fn take(&mut self, batch: RecordBatch) -> Result<()>;

    /// It has seen all that it wants.
    fn has_enough(&self) -> bool {
        false
    }
}

/// Sums of rows, over several choices of columns at once.
#[derive(Debug)]
pub(super) struct Sums {
    encodings: Vec<RowEncoding>,
    pub(super) sums: Vec<RowSum>,
}

impl Sums {
    pub(super) fn over(encodings: Vec<RowEncoding>) -> Self {
        let sums = vec![RowSum::default(); encodings.len()];
        Self { encodings, sums }
    }

    /// One more, before anything is taken.
    pub(super) fn and(mut self, encoding: Option<RowEncoding>) -> Self {
        self.encodings.extend(encoding);
        Self::over(self.encodings)
    }
}

impl Take for Sums {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        for (sum, encoding) in self.sums.iter_mut().zip(&self.encodings) {
            *sum += encoding.sum(&batch);
        }
        Ok(())
    }
}

/// Whether the table holds no row, by one look.
pub(super) async fn is_empty(snapshot: &dyn Snapshot, table: &Table) -> Result<bool> {
    Ok(snapshot.next_range(table, None, 1).await?.is_none())
}

/// Hands all rows of the table to the taker, and gives it back. A row that the table's types cannot hold is an error.
pub(super) async fn read<T: Take>(snapshot: &Arc<dyn Snapshot>, table: &Table, taker: T) -> Result<T> {
    let (from, whole) = (snapshot.clone(), table.clone());
    let range = Range { after: None, until: Until::End };
    let reading = |outlet| async move { from.read(&whole, &range, BATCH_BYTES, outlet).await.map(|_| ()) };
    hand_over(table, taker, reading).await
}

/// The same for the rows that have these keys.
pub(super) async fn read_keys<T: Take>(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    keys: RecordBatch,
    taker: T,
) -> Result<T> {
    let (from, whole) = (snapshot.clone(), table.clone());
    let reading = |outlet| async move { from.read_keys(&whole, &keys, BATCH_BYTES, outlet).await };
    hand_over(table, taker, reading).await
}

async fn hand_over<T: Take, R>(table: &Table, mut taker: T, reading: impl FnOnce(Outlet) -> R) -> Result<T>
where
    R: Future<Output = std::result::Result<(), EndpointError>> + Send + 'static,
{
    let (outlet, mut inlet) = Outlet::new(BUDGET_BYTES);
    let (sender, mut receiver) = mpsc::channel::<RecordBatch>(1);
    let worker = tokio::task::spawn_blocking(move || {
        while !taker.has_enough()
            && let Some(batch) = receiver.blocking_recv()
        {
            taker.take(batch)?;
        }
        Ok::<T, RestoreError>(taker)
    });
    let reading = tokio::spawn(reading(outlet));
    let mut rejected = None;
    while let Some(message) = inlet.recv().await {
        rejected = message.rejects.into_iter().next();
        if rejected.is_some() || sender.send(message.batch).await.is_err() {
            break;
        }
    }
    drop((inlet, sender));
    let taken = worker.await?;
    let read = reading.await?;
    let taker = taken?;
    match rejected {
        Some(reject) => Err(unkeepable(table, reject)),
        None => read.map(|()| taker).map_err(RestoreError::from),
    }
}

fn unkeepable(table: &Table, reject: Reject) -> RestoreError {
    let column = table.columns.get(reject.column).map(|column| column.name.clone()).unwrap_or_default();
    RestoreError::Unkeepable { table: table.name.clone(), column, message: reject.message }
}
