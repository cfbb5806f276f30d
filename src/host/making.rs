//! What runs of the plan wrote, made again from their source, for whoever wants to know which rows are not of them.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};

use super::{
    Workbench,
    validation::{CHUNK_ROWS, Written},
};
use crate::{
    binding::Binding,
    endpoint::{EndpointError, Snapshot, Source, open_source},
    ledger::RunRecord,
    model::{RunId, buckets::Digests},
    plan::SidePlan,
    protocol::SideName,
    restore::Makes,
    transform::RunInstant,
    verify::{Making, made},
};

/// One moment of the source, and the mappings of the runs that were asked for.
pub(super) struct Maker<'w> {
    bench: &'w Workbench,
    source: Mutex<Option<Arc<dyn Snapshot>>>,
    bindings: Mutex<BTreeMap<RunId, Arc<Binding>>>,
}

impl<'w> Maker<'w> {
    pub(super) fn of(bench: &'w Workbench) -> Self {
        Self { bench, source: Mutex::default(), bindings: Mutex::default() }
    }

    async fn source(&self) -> Result<Arc<dyn Snapshot>, EndpointError> {
        let mut open = self.source.lock().await;
        if let Some(snapshot) = &*open {
            return Ok(snapshot.clone());
        }
        let snapshot = self.bench.source().await?.snapshot().await?;
        *open = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The mappings by which the run wrote: the plan may be another one by now.
    async fn binding(&self, run: &RunRecord) -> Result<Arc<Binding>, String> {
        let mut known = self.bindings.lock().await;
        if let Some(binding) = known.get(&run.id) {
            return Ok(binding.clone());
        }
        let (document, plan) = self.bench.read(Some(run.plan_text.clone())).await?;
        let written = Written::of(self.bench.ledger(), &run.id).await.map_err(|error| error.to_string())?;
        self.bench.forget().await;
        let instant = RunInstant(run.instant_ms);
        let binding = self.bench.bind_as_written(&document, &plan, instant, Some(written)).await.map_err(told)?;
        let binding = Arc::new(binding);
        known.insert(run.id.clone(), binding.clone());
        Ok(binding)
    }
}

fn told(error: EndpointError) -> String {
    format!("{error}. {}", error.hint())
}

#[async_trait]
impl Makes for Maker<'_> {
    async fn made(&self, run: &RunRecord, table: &str, out: mpsc::Sender<Digests>) -> Result<String, String> {
        let binding = self.binding(run).await?;
        let destination = self.bench.destination().await.map_err(told)?;
        let making = Making {
            binding: &binding,
            source: self.source().await.map_err(told)?,
            destination: &*destination,
            ledger: self.bench.ledger(),
            run: run.clone(),
            chunk_rows: CHUNK_ROWS,
        };
        made(&making, table, out).await.map_err(|error| error.to_string())
    }

    async fn file(&self, path: &Path) -> Result<Arc<dyn Source>, EndpointError> {
        let (side, base, _) = self.bench.side(SideName::Destination).await?;
        let side = SidePlan { url: format!("csv:{}", path.display()), ..side };
        open_source(&side, &base, None).await
    }
}
