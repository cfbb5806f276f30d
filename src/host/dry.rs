//! A run of the plan as it is now, of which nothing stays.

use super::Workbench;
use crate::{
    engine::{DryJob, PrepareError, dry_run},
    protocol::DryRun,
};

impl Workbench {
    /// Tries the plan's tables, or these; `limit` rows of each, or all.
    pub async fn dry_run(&self, only: Vec<String>, limit: Option<u64>) -> Result<DryRun, PrepareError> {
        self.forget().await;
        let (source, destination) = (self.source().await?, self.destination().await?);
        dry_run(DryJob { document: self.document().await, source, destination, only, limit }).await
    }
}
