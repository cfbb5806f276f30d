//! The run's one snapshot of the source, and what happens when it is lost.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::endpoint::{EndpointError, Snapshot, Source};

/// Opens the snapshot when first asked, and a new one after it was lost.
pub(super) struct Readers {
    source: Arc<dyn Source>,
    current: Mutex<Option<Arc<dyn Snapshot>>>,
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        Self { source, current: Mutex::new(None) }
    }

    pub(super) async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, EndpointError> {
        let mut current = self.current.lock().await;
        if let Some(snapshot) = &*current {
            return Ok(snapshot.clone());
        }
        let snapshot = self.source.snapshot().await?;
        *current = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// Forgets the snapshot, unless somebody has already opened another.
    pub(super) async fn lost(&self, snapshot: &Arc<dyn Snapshot>) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|held| Arc::ptr_eq(held, snapshot)) {
            *current = None;
        }
    }
}
