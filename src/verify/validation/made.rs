//! What a run wrote, made again: the rows that the source holds, as the run's mapping makes them, with those that somebody
//! skipped or edited as they were settled.
//!
//! Nothing of the destination is read. Whether it is what the run wrote, only the run's own digest can tell.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    evidence::{Evidence, Settled},
    reading::{Block, Extent, Reader, ValidateError, Visit},
    told::Told,
};
use crate::{
    binding::{Binding, encoding},
    endpoint::{Destination, Snapshot},
    ledger::{Ledger, RunRecord},
    model::buckets::Digests,
};

/// What the rows of a run are made of.
pub struct Making<'m> {
    /// As the run had it.
    pub binding: &'m Binding,
    pub source: Arc<dyn Snapshot>,
    pub destination: &'m dyn Destination,
    pub ledger: &'m Ledger,
    pub run: RunRecord,
    /// How the source is cut where the run does not say.
    pub chunk_rows: u64,
}

/// Hands over the digests of all rows of the run in a table of the destination; says the shape of what they are over.
pub async fn made(making: &Making<'_>, table: &str, out: mpsc::Sender<Digests>) -> Result<String, ValidateError> {
    let bound = making.binding.tables.iter().find(|bound| bound.mapping.to.name == table);
    let bound = bound.ok_or_else(|| ValidateError::Unmade(format!("the plan of the run does not have {table}")))?;
    if let Some(problem) = bound.problems.iter().find(|problem| problem.error) {
        return Err(ValidateError::Unmade(format!("the mapping of the run is wrong now: {}", problem.message)));
    }
    let encoding = Arc::new(encoding(&bound.mapping, making.destination));
    let source = Reader {
        snapshot: making.source.clone(),
        table: Arc::new(bound.mapping.from.clone()),
        transform: bound.transform.clone().map(Arc::new),
        encoding: encoding.clone(),
        key: None,
        side: "source",
        told: Arc::new(Told::nobody()),
    };
    let evidence = Evidence::of(making.ledger, making.run.clone()).await?;
    let settled = Settled::of(making.ledger, Some(&evidence), table, &source).await?;
    let extent = match evidence.committed(table) {
        none if none.is_empty() => Extent::Whole { chunk_rows: making.chunk_rows },
        chunks => Extent::Some { chunks, rows: u64::MAX },
    };
    for (blocks, adds) in [(settled.not, false), (settled.instead, true)] {
        for block in blocks {
            // Whoever wants no more has let go of the other end.
            if out.send((block.rows, adds)).await.is_err() {
                return Ok(encoding.shape());
            }
        }
    }
    source.show(&extent, Handing(out)).await?;
    Ok(encoding.shape())
}

struct Handing(mpsc::Sender<Digests>);

impl Visit for Handing {
    fn visit(&mut self, block: Block) -> bool {
        self.0.blocking_send((block.rows, true)).is_ok()
    }
}
