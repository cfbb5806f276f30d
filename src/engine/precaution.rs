//! What must be safe before a run writes, and before each of its chunks is committed; others do that.

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;

use crate::{endpoint::EndpointError, ledger::RunRecord, plan::Mapping, protocol::Event};

/// Something that must have been done before a run writes: a restore point made, say.
#[async_trait]
pub trait Precaution: Send + Sync {
    /// The run is about to write by these mappings: what is to be told of it when it begins. An error keeps it from
    /// beginning at all.
    async fn take(&self, run: &RunRecord, mappings: &[&Mapping]) -> Result<Event, String>;

    /// What keeps, chunk by chunk, whatever rows of this table take the place of; none where nothing needs to be kept.
    async fn journal(&self, run: &RunRecord, mapping: &Mapping) -> Result<Option<Box<dyn Journal>>, EndpointError>;
}

/// Keeps of one table what its chunks take the place of. What it is told of a chunk stands, written and not yet committed,
/// so that nobody else can change it, and is seen by nobody else.
#[async_trait]
pub trait Journal: Send {
    /// The destination took these rows, its columns as they are written.
    async fn took(&mut self, rows: &RecordBatch) -> Result<(), EndpointError>;

    /// The chunk is about to be committed: makes what is kept of it last. Returns what the ledger is to remember of it; none
    /// where it took no rows.
    async fn close(&mut self) -> Result<Option<String>, EndpointError>;

    /// The chunk came to nothing.
    fn abandon(&mut self);
}
