//! A table's rows shown to whoever folds them.
//!
//! One idea: folding works on a thread that may block and is handed batch after batch, so that neither the reader nor
//! whoever waits for an answer is held up, and only a few batches are ever held.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{ProfileError, told::Told};
use crate::{
    endpoint::{Outlet, Range, Snapshot, SourceBatch, Until},
    model::Table,
    protocol::Rows,
};

/// Wire bytes to a batch.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes of batches, as Arrow holds them, between reader and whoever folds.
const BUDGET_BYTES: usize = 16 << 20;

/// Takes rows batch after batch; `false`: it has seen enough.
pub(super) trait Fold: Send + 'static {
    fn take(&mut self, message: SourceBatch) -> Result<bool, ProfileError>;
}

/// How a reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With the table.
    Whole,
    /// Rows follow that were not asked for.
    Enough,
    /// It was broken off.
    Stopped,
}

/// Shows the rows that are asked for, and gives the fold back.
pub(super) async fn show<F: Fold>(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    rows: Rows,
    told: &mut Told,
    fold: F,
) -> Result<(F, Ended), ProfileError> {
    let range = match rows {
        Rows::First(rows) => snapshot.next_range(table, None, rows).await?,
        Rows::All | Rows::Every(_) => Some(Range { after: None, until: Until::End }),
    };
    let Some(range) = range else { return Ok((fold, Ended::Whole)) };
    let (sender, receiver) = mpsc::channel(2);
    let worker = tokio::task::spawn_blocking(move || work(receiver, fold));
    let (outlet, mut inlet) = Outlet::new(BUDGET_BYTES);
    let reading = {
        let (snapshot, table) = (snapshot.clone(), table.clone());
        tokio::spawn(async move { snapshot.read(&table, &range, BATCH_BYTES, outlet).await })
    };
    let mut stopped = told.is_stopped();
    while !stopped {
        let next = tokio::select! {
            biased;
            () = told.stopped() => {
                stopped = true;
                None
            }
            next = inlet.take() => next,
        };
        let Some((batch, hold)) = next else { break };
        told.reads(batch.rows() as u64);
        if sender.send((batch, hold)).await.is_err() {
            break;
        }
    }
    drop(sender);
    drop(inlet);
    let (fold, enough) = worker.await??;
    let end = reading.await?;
    Ok(match (stopped, enough) {
        (true, _) => (fold, Ended::Stopped),
        // Where a range of so many rows ends only its reader knows.
        (false, _) => (fold, if end?.is_none() && !enough { Ended::Whole } else { Ended::Enough }),
    })
}

fn work<F: Fold>(
    mut receiver: mpsc::Receiver<(SourceBatch, crate::endpoint::Hold)>,
    mut fold: F,
) -> Result<(F, bool), ProfileError> {
    while let Some((batch, hold)) = receiver.blocking_recv() {
        let more = fold.take(batch)?;
        drop(hold);
        if !more {
            // What was read beyond tells only that there is more.
            return Ok((fold, receiver.blocking_recv().is_some()));
        }
    }
    Ok((fold, false))
}
