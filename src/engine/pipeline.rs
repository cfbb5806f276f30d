//! A range on its way from the source through the transform, while what came before is written.
//!
//! May not write nor judge. One idea: reading, transforming and writing each have a task of their own, and one budget of
//! bytes holds all batches between them, so whichever is slowest sets the pace and none of them piles up rows.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::JoinHandle};

use super::{attempt::AttemptError, throttle::Throttle};
use crate::{
    endpoint::{EndpointError, Hold, Inlet, Outlet, Position, Range, Snapshot, SourceBatch},
    model::{RowEncoding, RowSum},
    plan::Mapping,
    transform::{Applied, Transform, TransformError},
};

/// Wire bytes to a batch.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes of a table's batches, as Arrow holds them, between reader and writer.
const BUDGET_BYTES: usize = 16 << 20;

/// The most batches that are written at once.
const GROUP: usize = 8;

/// A batch as it was read, and what became of it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) source: SourceBatch,
    pub(super) applied: Applied,
    /// Of the rows that the destination is to take.
    pub(super) digest: RowSum,
    /// How long the transform waited for it, and worked on it.
    pub(super) took: (Duration, Duration),
    /// How long the run's limit held it back.
    pub(super) held_back: Duration,
    /// Its share of the budget.
    pub(super) _hold: Hold,
}

/// A range under way. Once it is dropped nobody takes batches any more, at which both tasks end.
pub(super) struct Pipeline {
    range: Range,
    rows: u64,
    made: mpsc::Receiver<Made>,
    reading: JoinHandle<Result<Option<Position>, EndpointError>>,
    transforming: JoinHandle<Result<(), AttemptError>>,
}

impl Pipeline {
    /// Of a range that was asked for with so many rows.
    pub(super) fn open(
        snapshot: Arc<dyn Snapshot>,
        mapping: Arc<Mapping>,
        work: (Arc<Transform>, Arc<RowEncoding>),
        (range, rows): (Range, u64),
        throttle: Arc<Throttle>,
    ) -> Self {
        let (outlet, inlet) = Outlet::new(BUDGET_BYTES);
        let (sender, made) = mpsc::channel(GROUP);
        let read = range.clone();
        let reading = tokio::spawn(async move { snapshot.read(&mapping.from, &read, BATCH_BYTES, outlet).await });
        let transforming = tokio::spawn(pass(work, inlet, sender, throttle));
        Self { range, rows, made, reading, transforming }
    }

    pub(super) fn range(&self) -> &Range {
        &self.range
    }

    /// As many as its range was asked for with; of the last one there may be fewer.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The batches that are ready, in order, at least one; none after the last one, or when something failed, which
    /// [`Pipeline::end`] tells.
    pub(super) async fn next(&mut self) -> Vec<Made> {
        let mut group = Vec::with_capacity(GROUP);
        self.made.recv_many(&mut group, GROUP).await;
        group
    }

    /// Where the range ended, if all of it came through.
    pub(super) async fn end(self) -> Result<Option<Position>, AttemptError> {
        drop(self.made);
        let (read, transformed) = (self.reading.await, self.transforming.await);
        transformed??;
        Ok(read??)
    }
}

async fn pass(
    work: (Arc<Transform>, Arc<RowEncoding>),
    mut inlet: Inlet,
    sender: mpsc::Sender<Made>,
    throttle: Arc<Throttle>,
) -> Result<(), AttemptError> {
    let mut idle = Instant::now();
    while let Some((source, hold)) = inlet.take().await {
        let waited = idle.elapsed();
        let held_back = tokio::select! {
            () = sender.closed() => break,
            held_back = throttle.pass(source.rows() as u64) => held_back,
        };
        let mut made = apply(work.clone(), source, hold).await?;
        (made.took.0, made.held_back) = (waited, held_back);
        if sender.send(made).await.is_err() {
            break;
        }
        idle = Instant::now();
    }
    Ok(())
}

/// Off the async threads, which must stay free to answer.
async fn apply(
    (transform, encoding): (Arc<Transform>, Arc<RowEncoding>),
    source: SourceBatch,
    hold: Hold,
) -> Result<Made, AttemptError> {
    let made = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        let applied = transform.apply(&source.batch)?;
        let digest = encoding.sum(&applied.batch);
        let took = (Duration::ZERO, begun.elapsed());
        let held_back = Duration::ZERO;
        Ok::<_, TransformError>(Made { source, applied, digest, took, held_back, _hold: hold })
    });
    Ok(made.await??)
}
