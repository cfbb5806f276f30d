//! Flagged rows after the run: tried again by the same way as any row, with a mark of their own, or given up.

use std::sync::Arc;

use super::{
    attempt::{AttemptError, Lane},
    chunk::{commit_chunk, settle, write_row},
    now_ms,
    pace::Pace,
    precaution::Precaution,
    writing::Writing,
};
use crate::{
    binding::{Bound, encoding},
    endpoint::{Destination, EndpointError, Mark},
    ledger::{ChunkRecord, FaultRecord, FaultState, Ledger, LedgerError, RunRecord},
    model::{Counts, Decision, Fault, FaultId, NamedCell, RunId, TableDigest, edited},
    plan::{Mapping, RunOptions},
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
    #[error("the migration of run {0} was declared over; its rows are reviewed no more")]
    Closed(RunId),
    #[error(
        "row {row} of {table} cannot be tried again: the destination keeps no marks and {table} has no unique key, so \
         nothing could tell afterwards whether it is there; write it by hand, then discard it here"
    )]
    Untold { row: u64, table: String },
    /// The row fails still; the fault says how now.
    #[error("row {} still cannot go: {}", .0.row, .0.message)]
    Fails(Box<Fault>),
}

impl From<AttemptError> for RetryError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Endpoint(error) | AttemptError::Unsure(error) => Self::Endpoint(error),
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
/// that a crash in between neither loses nor doubles it; what the precaution keeps of chunks it keeps of this row.
pub async fn retry(
    ledger: &Ledger,
    destination: &Arc<dyn Destination>,
    bound: Bound,
    (id, edits): (&FaultId, &[NamedCell]),
    precaution: &dyn Precaution,
    (options, by): (&RunOptions, &str),
) -> Result<FaultRecord, RetryError> {
    let record = flagged(ledger, id).await?;
    let fault = record.fault;
    let run = open_run(ledger, &fault.run).await?;
    let transform = bound.transform.ok_or_else(|| RetryError::NoMapping(fault.table.clone()))?;
    let decision = Decision::Edit { cells: edits.to_vec() };
    let written = serde_json::to_string(&decision).map_err(LedgerError::from)?;
    let writing = Writing::of_rows(&bound.mapping, options, run.unmarked);
    if writing.whole {
        return Err(RetryError::Untold { row: fault.row, table: fault.table });
    }
    let chunk = Mark::FIRST_RETRY + retry_number(id);
    // The commit of an attempt before may be one that nobody saw.
    let pending = ledger.pending_chunks(&fault.run).await?;
    if let Some(mark) = pending.iter().find(|mark| mark.chunk == chunk && mark.table == fault.table)
        && settle(ledger, &**destination, &writing, mark).await?
    {
        ledger.set_state(&id.0, FaultState::Written).await?;
        return Ok(ledger.fault(id).await?);
    }
    let journal = precaution.journal(&run, &bound.mapping).await?;
    let mut lane = Lane { journal, ..open(destination, bound.mapping, transform, writing).await? };
    let cells = edited(&fault.cells, edits);
    let sum = match write_row(&fault.run, &mut lane, fault.row, &cells).await {
        Ok(Ok(sum)) => sum,
        failed => {
            if let Some(mut loader) = lane.loader.take() {
                let _ = loader.rollback().await;
            }
            return Err(match failed? {
                Err(now) => RetryError::Fails(now),
                Ok(_) => RetryError::NoMapping(fault.table),
            });
        }
    };
    ledger.reviewed(&fault, &written, by, None, now_ms(), &run.plan_digest).await?;
    let mark = Mark {
        run: fault.run.clone(),
        table: fault.table.clone(),
        chunk,
        end: None,
        counts: Counts { written: 1, ..Counts::default() },
        retried: id.0.clone(),
    };
    let digest = TableDigest { shape: lane.encoding.shape(), sum };
    commit_chunk(ledger, &**destination, &mut lane, &ChunkRecord { mark, faults: Vec::new(), digest }).await?;
    ledger.set_state(&id.0, FaultState::Written).await?;
    Ok(ledger.fault(id).await?)
}

/// Gives the flagged row up, with a reason.
pub async fn discard(ledger: &Ledger, id: &FaultId, reason: &str, by: &str) -> Result<FaultRecord, RetryError> {
    let record = flagged(ledger, id).await?;
    let run = open_run(ledger, &record.fault.run).await?;
    let decision = serde_json::to_string(&Decision::Skip).map_err(LedgerError::from)?;
    ledger.reviewed(&record.fault, &decision, by, Some(reason), now_ms(), &run.plan_digest).await?;
    ledger.set_state(&id.0, FaultState::Discarded).await?;
    Ok(ledger.fault(id).await?)
}

/// Puts on record that `by` has the private values of a row shown.
pub async fn reveal(ledger: &Ledger, id: &FaultId, by: &str) -> Result<FaultRecord, RetryError> {
    let record = ledger.fault(id).await?;
    ledger.revealed(&record.fault, by, now_ms()).await?;
    Ok(record)
}

async fn open(
    destination: &Arc<dyn Destination>,
    mapping: Mapping,
    transform: Transform,
    writing: Writing,
) -> Result<Lane, RetryError> {
    if !writing.options.unmarked {
        destination.prepare().await?;
    }
    let mut loader = destination.open(&mapping.to, &writing.options).await?;
    loader.begin().await?;
    Ok(Lane {
        encoding: Arc::new(encoding(&mapping, &**destination)),
        mapping: Arc::new(mapping),
        transform: Arc::new(transform),
        writing,
        loader: Some(loader),
        pace: Pace::new(None),
        ahead: None,
        unsure: None,
        journal: None,
    })
}

/// The run, unless its migration is over.
async fn open_run(ledger: &Ledger, run: &RunId) -> Result<RunRecord, RetryError> {
    let record = ledger.run(&run.0).await?;
    if record.closed_ms.is_some() {
        return Err(RetryError::Closed(record.id));
    }
    Ok(record)
}

/// A number of its own for the fault's mark: 40 bits of its random id.
fn retry_number(id: &FaultId) -> u64 {
    let digits: String = id.0.chars().filter(char::is_ascii_hexdigit).collect();
    let tail = digits.get(digits.len().saturating_sub(10)..).unwrap_or_default();
    u64::from_str_radix(tail, 16).unwrap_or_default()
}
