//! A migration declared over: its marks leave the destination, and none of its runs goes on.
//!
//! May not touch a row of data. One idea: marks go before the ledger closes, so that a crash in between leaves a migration
//! that can be finished again.

use super::now_ms;
use crate::{
    endpoint::{Destination, EndpointError},
    ledger::{FaultState, Ledger, LedgerError},
    model::{RunId, RunPhase, thousands},
};

#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{0}. {hint}", hint = .0.hint())]
    Endpoint(#[from] EndpointError),
    #[error("no run of this plan is left to finish on this host")]
    Nothing,
    #[error(
        "run {0} of this plan is not finished; go on with it by `whimbrel run PLAN --resume`, or give it up with --force"
    )]
    Unfinished(RunId),
    #[error("{rows} row(s) of run {run} are flagged still; review them with `whimbrel review {run}`, or leave them with --force", rows = thousands(*.rows))]
    Flagged { run: RunId, rows: u64 },
}

/// What was finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub runs: Vec<RunId>,
    /// Where the marks stood.
    pub marks: String,
    /// Marks of other migrations that stand there still.
    pub left: u64,
}

/// Takes the marks of all runs of the plan out of the destination and closes the runs in the ledger. `force`: although
/// one is unfinished, or rows are flagged.
pub async fn finish(
    ledger: &Ledger,
    destination: &dyn Destination,
    plan_key: &str,
    force: bool,
    by: &str,
) -> Result<Finished, FinishError> {
    let _lock = ledger.lock_plan(plan_key)?;
    let runs = ledger.runs(Some(plan_key)).await?;
    let open: Vec<_> = runs.into_iter().filter(|run| run.closed_ms.is_none()).collect();
    let Some(latest) = open.first() else { return Err(FinishError::Nothing) };
    if latest.phase != RunPhase::Completed && !force {
        return Err(FinishError::Unfinished(latest.id.clone()));
    }
    let mut finished = Finished { runs: Vec::new(), marks: destination.marks_place(), left: 0 };
    for run in open {
        let faults = ledger.review(&run.id).await?;
        let rows = faults.iter().filter(|fault| fault.state == FaultState::Flagged).count() as u64;
        if rows > 0 && !force {
            return Err(FinishError::Flagged { run: run.id, rows });
        }
        finished.runs.push(run.id);
    }
    finished.left = destination.forget(&finished.runs).await?;
    ledger.close_runs(plan_key, now_ms(), by).await?;
    Ok(finished)
}
