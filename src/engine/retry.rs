//! Flagged rows after the run: tried again by the same way as any row, with a mark of their own, or given up.

use std::sync::Arc;

use super::{
    attempt::{AttemptError, Lane, commit_chunk, write_row},
    now_ms,
};
use crate::{
    binding::Bound,
    endpoint::{Destination, EndpointError, LoadOptions, Mark},
    ledger::{ChunkRecord, FaultRecord, FaultState, Ledger, LedgerError},
    model::{Counts, Decision, Fault, FaultId, NamedCell, edited},
    plan::Mapping,
    transform::Transform,
};

#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{0}. {hint}", hint = .0.hint())]
    Endpoint(#[from] EndpointError),
    #[error("row {row} of {table} is {state} already")]
    Settled { row: u64, table: String, state: &'static str },
    #[error("the plan no longer maps to table '{0}'; review rows with the plan of their run")]
    NoMapping(String),
    #[error("{0}")]
    Attempt(String),
    /// The row fails still; the fault says how now.
    #[error("row {} still cannot go: {}", .0.row, .0.message)]
    Fails(Box<Fault>),
}

impl From<AttemptError> for RetryError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Endpoint(error) => Self::Endpoint(error),
            AttemptError::Ledger(error) => Self::Ledger(error),
            other => Self::Attempt(other.to_string()),
        }
    }
}

async fn flagged(ledger: &Ledger, fault: &FaultId) -> Result<FaultRecord, RetryError> {
    let record = ledger.fault(fault).await?;
    match record.state {
        FaultState::Flagged => Ok(record),
        state => Err(RetryError::Settled { row: record.fault.row, table: record.fault.table, state: state.word() }),
    }
}

/// Writes the flagged row with `edits` to its source cells. The row and a mark that names the fault commit together, so
/// that a crash in between neither loses nor doubles it.
pub async fn retry(
    ledger: &Ledger,
    destination: &Arc<dyn Destination>,
    bound: Bound,
    id: &FaultId,
    edits: &[NamedCell],
    by: &str,
) -> Result<FaultRecord, RetryError> {
    let record = flagged(ledger, id).await?;
    let fault = record.fault;
    let run = ledger.run(&fault.run.0).await?;
    let transform = bound.transform.ok_or_else(|| RetryError::NoMapping(fault.table.clone()))?;
    let decision = Decision::Edit { cells: edits.to_vec() };
    let written = serde_json::to_string(&decision).map_err(LedgerError::from)?;
    let mut lane = open(destination, bound.mapping, transform).await?;
    let cells = edited(&fault.cells, edits);
    let outcome = write_row(&fault.run, &mut lane, fault.row, &cells).await;
    match outcome {
        Ok(None) => {}
        other => {
            if let Some(mut loader) = lane.loader.take() {
                let _ = loader.rollback().await;
            }
            return Err(
                other?.map_or_else(|| RetryError::NoMapping(fault.table), |now| RetryError::Fails(Box::new(now)))
            );
        }
    }
    ledger.reviewed(&fault, &written, by, None, now_ms(), &run.plan_digest).await?;
    let mark = Mark {
        run: fault.run.clone(),
        table: fault.table.clone(),
        chunk: Mark::FIRST_RETRY + retry_number(id),
        end: None,
        counts: Counts { read: 0, written: 1, flagged: 0, ..Counts::default() },
        retried: id.0.clone(),
    };
    commit_chunk(ledger, &**destination, &mut lane, &ChunkRecord { mark, faults: Vec::new() }).await?;
    ledger.set_state(&id.0, FaultState::Written).await?;
    Ok(ledger.fault(id).await?)
}

/// Gives the flagged row up, with a reason.
pub async fn discard(ledger: &Ledger, id: &FaultId, reason: &str, by: &str) -> Result<FaultRecord, RetryError> {
    let record = flagged(ledger, id).await?;
    let run = ledger.run(&record.fault.run.0).await?;
    let decision = serde_json::to_string(&Decision::Skip).map_err(LedgerError::from)?;
    ledger.reviewed(&record.fault, &decision, by, Some(reason), now_ms(), &run.plan_digest).await?;
    ledger.set_state(&id.0, FaultState::Discarded).await?;
    Ok(ledger.fault(id).await?)
}

async fn open(destination: &Arc<dyn Destination>, mapping: Mapping, transform: Transform) -> Result<Lane, RetryError> {
    destination.prepare().await?;
    let columns = mapping.columns.iter().map(|mapped| mapped.target.name.clone()).collect();
    let options = LoadOptions { columns, suspend_foreign_keys: false };
    let mut loader = destination.open(&mapping.to, &options).await?;
    loader.begin().await?;
    Ok(Lane {
        mapping: Arc::new(mapping),
        transform: Arc::new(transform),
        suspend_foreign_keys: false,
        loader: Some(loader),
    })
}

/// A number of its own for the fault's mark: 40 bits of its random id.
fn retry_number(id: &FaultId) -> u64 {
    let digits: String = id.0.chars().filter(char::is_ascii_hexdigit).collect();
    let tail = digits.get(digits.len().saturating_sub(10)..).unwrap_or_default();
    u64::from_str_radix(tail, 16).unwrap_or_default()
}
