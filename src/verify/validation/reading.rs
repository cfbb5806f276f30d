//! Both sides read as the same kind of rows: the source through its transform, the destination as it is.
//!
//! One idea: whatever looks at rows is a visitor on a thread that may block, which is handed batch after batch, so that
//! neither side is ever held whole.

use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;

use super::told::Told;
use crate::{
    endpoint::{EndpointError, Outlet, Position, Range, Reject, Snapshot, SourceBatch, Until},
    model::{RowEncoding, Table, batch_of, named_cells},
    transform::{Transform, TransformError},
};

/// Wire bytes to a batch.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes of batches, as Arrow holds them, between reader and visitor.
const BUDGET_BYTES: usize = 8 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    #[error("{0}. {hint}", hint = .0.hint())]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Transform(#[from] TransformError),
    #[error(transparent)]
    Ledger(#[from] crate::ledger::LedgerError),
    #[error("{0}")]
    Unmade(String),
    #[error("a worker of the validation died: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

/// SHA-256 as the words that it is.
pub(super) type Words = [u32; 8];

/// Some rows in destination columns, each with its digest and its key's.
pub(super) struct Block {
    pub(super) batch: RecordBatch,
    pub(super) rows: Vec<Words>,
    pub(super) keys: Vec<Words>,
    /// In the source's reading order, from 0.
    pub(super) chunk: Option<u64>,
    /// The rows' places in the source's reading order, from 1; of the destination's, none.
    pub(super) numbers: Vec<u64>,
    /// What the destination's columns hold although their types cannot.
    pub(super) unreadable: Vec<Reject>,
}

/// Takes rows one batch after the other; `false`: it has seen enough.
pub(super) trait Visit: Send + 'static {
    fn visit(&mut self, block: Block) -> bool;
}

/// What of a table is read.
#[derive(Clone)]
pub(super) enum Extent {
    /// All rows; the source's in chunks of so many.
    Whole { chunk_rows: u64 },
    /// Only these chunks, and of each at most so many rows.
    Some { chunks: Vec<(u64, Range)>, rows: u64 },
}

/// One side's rows of one table.
#[derive(Clone)]
pub(super) struct Reader {
    pub(super) snapshot: Arc<dyn Snapshot>,
    pub(super) table: Arc<Table>,
    /// What makes destination rows of the table's; `None`: they are.
    pub(super) transform: Option<Arc<Transform>>,
    pub(super) encoding: Arc<RowEncoding>,
    /// The key's; `None`: a row is its own key.
    pub(super) key: Option<Arc<RowEncoding>>,
    /// Its name, where it is told how much was read.
    pub(super) side: &'static str,
    pub(super) told: Arc<Told>,
}

impl Reader {
    /// Shows all rows of the extent to the visitor, and gives it back.
    pub(super) async fn show<V: Visit>(&self, extent: &Extent, visitor: V) -> Result<V, ValidateError> {
        let (sender, receiver) = mpsc::channel(1);
        let reader = self.clone();
        let worker = tokio::task::spawn_blocking(move || reader.work(receiver, visitor));
        let read = match extent {
            Extent::Whole { chunk_rows } => self.whole(*chunk_rows, &sender).await,
            Extent::Some { chunks, rows } => self.some(chunks, *rows, &sender).await,
        };
        drop(sender);
        let visitor = worker.await?;
        read?;
        visitor
    }

    async fn whole(&self, chunk_rows: u64, out: &mpsc::Sender<(u64, SourceBatch)>) -> Result<(), ValidateError> {
        if self.transform.is_none() {
            let range = Range { after: None, until: Until::End };
            self.range(0, &range, u64::MAX, out).await?;
            return Ok(());
        }
        let mut after = None;
        for chunk in 0.. {
            let range = self.snapshot.next_range(&self.table, after.as_ref(), chunk_rows).await?;
            let Some(range) = range else { break };
            after = self.range(chunk, &range, u64::MAX, out).await?;
            if after.is_none() || out.is_closed() {
                break;
            }
        }
        Ok(())
    }

    async fn some(
        &self,
        chunks: &[(u64, Range)],
        rows: u64,
        out: &mpsc::Sender<(u64, SourceBatch)>,
    ) -> Result<(), ValidateError> {
        for (chunk, range) in chunks {
            self.range(*chunk, range, rows, out).await?;
        }
        Ok(())
    }

    /// Reads a range, or its first rows, and says where it ended.
    async fn range(
        &self,
        chunk: u64,
        range: &Range,
        rows: u64,
        out: &mpsc::Sender<(u64, SourceBatch)>,
    ) -> Result<Option<Position>, ValidateError> {
        let (outlet, mut inlet) = Outlet::new(BUDGET_BYTES);
        let (snapshot, table, range) = (self.snapshot.clone(), self.table.clone(), range.clone());
        let reading = tokio::spawn(async move { snapshot.read(&table, &range, BATCH_BYTES, outlet).await });
        let mut seen = 0;
        while let Some(batch) = inlet.recv().await {
            seen += batch.rows() as u64;
            self.told.reads(&self.table.name, self.side, batch.rows());
            if out.send((chunk, batch)).await.is_err() || seen >= rows {
                break;
            }
        }
        drop(inlet);
        Ok(reading.await??)
    }

    fn work<V: Visit>(
        &self,
        mut receiver: mpsc::Receiver<(u64, SourceBatch)>,
        mut visitor: V,
    ) -> Result<V, ValidateError> {
        let mut before = 0;
        while let Some((chunk, message)) = receiver.blocking_recv() {
            let rows = message.rows() as u64;
            let mut block = self.block(chunk, before, message)?;
            let rejects = std::mem::take(&mut block.unreadable);
            let (read, unreadable) = self.read_by_text(rejects);
            block.unreadable = unreadable;
            if ![block].into_iter().chain(read).all(|block| visitor.visit(block)) {
                break;
            }
            before += rows;
        }
        Ok(visitor)
    }

    fn block(&self, chunk: u64, before: u64, message: SourceBatch) -> Result<Block, ValidateError> {
        let places = message.places();
        let Some(transform) = &self.transform else {
            return Ok(Block { unreadable: message.rejects, ..self.digested(message.batch) });
        };
        let applied = transform.apply(&message.batch)?;
        let numbers = applied.rows.iter().map(|row| before + places[*row] as u64 + 1).collect();
        Ok(Block { chunk: Some(chunk), numbers, ..self.digested(applied.batch) })
    }

    /// What is no value of its column to a source may be one all the same that was carried there: the 31st of February.
    fn read_by_text(&self, rejects: Vec<Reject>) -> (Vec<Block>, Vec<Reject>) {
        let (mut read, mut unreadable) = (Vec::new(), Vec::new());
        for reject in rejects {
            match batch_of(&self.table, &named_cells(&self.table, reject.cells.clone())) {
                Ok(batch) => read.push(self.digested(batch)),
                Err(_) => unreadable.push(reject),
            }
        }
        (read, unreadable)
    }

    pub(super) fn digested(&self, batch: RecordBatch) -> Block {
        let mut rows = Vec::with_capacity(batch.num_rows());
        self.encoding.each(&batch, |_, row| rows.push(row));
        let keys = match &self.key {
            None => rows.clone(),
            Some(key) => {
                let mut keys = Vec::with_capacity(rows.len());
                key.each(&batch, |_, row| keys.push(row));
                keys
            }
        };
        Block { batch, rows, keys, chunk: None, numbers: Vec::new(), unreadable: Vec::new() }
    }
}
