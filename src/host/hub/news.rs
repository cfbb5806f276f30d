//! What is going on, as it is said to whoever is connected: facts and gauges of the run, and how far other work is.
//!
//! One idea: each of these waits for its next word and never returns where nothing goes on, so that the hub can wait for
//! all of them at once.

use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::Live;
use crate::{
    ledger::Ledger,
    model::RunId,
    protocol::{FromHost, RestoreProgress, RestoreStep, Retrying},
};

/// How far the restore under way is, at most ten times a second; at last that it is over, whatever it came to.
pub(super) async fn told(restoring: &mut Option<watch::Receiver<RestoreProgress>>) -> Option<RestoreProgress> {
    let Some(receiver) = restoring else { return std::future::pending().await };
    tokio::time::sleep(Duration::from_millis(100)).await;
    match receiver.changed().await {
        Ok(()) => Some(receiver.borrow_and_update().clone()),
        Err(_) => {
            *restoring = None;
            Some(RestoreProgress { step: RestoreStep::Done, ..RestoreProgress::default() })
        }
    }
}

/// How far a retry of many rows is, at most ten times a second.
pub(super) async fn paced(retrying: &mut watch::Receiver<Option<Retrying>>) -> Option<Retrying> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    match retrying.changed().await {
        Ok(()) => *retrying.borrow_and_update(),
        Err(_) => std::future::pending().await,
    }
}

/// How far a restore point is, at most ten times a second.
pub(super) async fn kept(keeping: &mut watch::Receiver<RestoreProgress>) -> Option<RestoreProgress> {
    // First the wait: whoever is cut off in it has missed nothing.
    tokio::time::sleep(Duration::from_millis(100)).await;
    keeping.changed().await.ok()?;
    Some(keeping.borrow_and_update().clone())
}

/// The next news of the run, in the order of its facts; never returns where there is no run.
pub(super) async fn next(run: &mut Option<Live>, ledger: &Ledger) -> Vec<FromHost> {
    let Some(live) = run else { return std::future::pending().await };
    loop {
        tokio::select! {
            biased;
            fact = live.facts.recv() => match fact {
                Ok(fact) => {
                    live.seq = fact.seq;
                    return vec![FromHost::Fact(Box::new(fact))];
                }
                Err(broadcast::error::RecvError::Lagged(_)) => return missed(live, ledger, live.handle.run().clone()).await,
                Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
            },
            changed = live.gauge.changed() => match changed {
                Ok(()) => return vec![FromHost::Gauge(live.gauge.borrow_and_update().clone())],
                // The run is over; its last facts may still be on their way.
                Err(_) => match live.facts.recv().await {
                    Ok(fact) => {
                        live.seq = fact.seq;
                        return vec![FromHost::Fact(Box::new(fact))];
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
                },
            },
        }
    }
}

/// What a lagging listener missed is in the ledger.
async fn missed(live: &mut Live, ledger: &Ledger, run: RunId) -> Vec<FromHost> {
    let facts = ledger.facts_after(&run, live.seq).await.unwrap_or_default();
    if let Some(last) = facts.last() {
        live.seq = last.seq;
    }
    facts.into_iter().map(|fact| FromHost::Fact(Box::new(fact))).collect()
}
