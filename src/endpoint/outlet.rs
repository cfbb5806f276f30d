//! The way from a reader to whoever takes its rows, as wide as a budget of bytes.
//!
//! May not look into a batch. One idea: what bounds memory is not how many batches wait but how large they are, and a batch
//! counts until the last one who works on it lets go, not only while it waits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::SourceBatch;

/// The budget is counted in pieces of so many bytes.
const PIECE: usize = 1024;
/// However small they are, no more batches wait.
const WAITING: usize = 64;

/// Where a reader puts its batches.
#[derive(Clone, Debug)]
pub struct Outlet {
    sender: mpsc::Sender<(SourceBatch, Hold)>,
    budget: Arc<Semaphore>,
    pieces: u32,
}

/// Where they come out, in order.
#[derive(Debug)]
pub struct Inlet {
    receiver: mpsc::Receiver<(SourceBatch, Hold)>,
}

/// A batch's share of the budget, given back when dropped.
#[derive(Debug)]
pub struct Hold {
    _share: OwnedSemaphorePermit,
}

/// Nobody takes batches any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// Room for one batch.
#[derive(Debug)]
pub struct Room<'o> {
    place: mpsc::Permit<'o, (SourceBatch, Hold)>,
    hold: Hold,
}

impl Room<'_> {
    pub fn put(self, batch: SourceBatch) {
        self.place.send((batch, self.hold));
    }
}

impl Outlet {
    /// A way for batches of `budget` bytes at once; one that is larger goes alone.
    pub fn new(budget: usize) -> (Self, Inlet) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let pieces = u32::try_from(budget.div_ceil(PIECE)).unwrap_or(u32::MAX).clamp(1, u32::MAX >> 4);
        (Self { sender, budget: Arc::new(Semaphore::new(pieces as usize)), pieces }, Inlet { receiver })
    }

    /// Waits until there is room for a batch of so many bytes.
    pub async fn room(&self, bytes: usize) -> Result<Room<'_>, Closed> {
        let share = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX).clamp(1, self.pieces);
        let budget = self.budget.clone().acquire_many_owned(share);
        let share = tokio::select! {
            _ = self.sender.closed() => return Err(Closed),
            share = budget => share.map_err(|_| Closed)?,
        };
        let place = self.sender.reserve().await.map_err(|_| Closed)?;
        Ok(Room { place, hold: Hold { _share: share } })
    }

    pub async fn send(&self, batch: SourceBatch) -> Result<(), Closed> {
        self.room(batch.bytes()).await?.put(batch);
        Ok(())
    }

    /// After a batch that filled the budget, waits until it is let go, so that nobody builds the next one beside it.
    pub async fn settle(&self) {
        if self.budget.available_permits() > 0 {
            return;
        }
        tokio::select! {
            () = self.sender.closed() => {}
            _ = self.budget.acquire_many(self.pieces) => {}
        }
    }
}

impl Inlet {
    /// The next batch, its share of the budget given back at once.
    pub async fn recv(&mut self) -> Option<SourceBatch> {
        Some(self.take().await?.0)
    }

    /// The next batch, and its share of the budget for as long as it is held.
    pub async fn take(&mut self) -> Option<(SourceBatch, Hold)> {
        self.receiver.recv().await
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::{datatypes::Schema, record_batch::RecordBatch};

    use super::*;

    fn batch() -> SourceBatch {
        SourceBatch { batch: RecordBatch::new_empty(Arc::new(Schema::empty())), rejects: Vec::new() }
    }

    #[tokio::test]
    async fn a_batch_counts_until_it_is_let_go() {
        let (outlet, mut inlet) = Outlet::new(3 * PIECE);
        outlet.room(2 * PIECE).await.unwrap().put(batch());
        let (_, hold) = inlet.take().await.unwrap();
        let mut more = Box::pin(outlet.room(2 * PIECE));
        assert!(futures::poll!(&mut more).is_pending());
        drop(hold);
        more.await.unwrap().put(batch());
        drop(inlet);
        assert_eq!(outlet.send(batch()).await, Err(Closed));
    }

    #[tokio::test]
    async fn a_batch_beyond_the_budget_goes_alone() {
        let (outlet, mut inlet) = Outlet::new(PIECE);
        outlet.room(usize::MAX).await.unwrap().put(batch());
        assert!(futures::poll!(Box::pin(outlet.settle())).is_pending());
        assert!(inlet.recv().await.is_some());
        outlet.settle().await;
        outlet.room(1).await.unwrap().put(batch());
    }
}
