//! What the host looks at by itself: validations, after a run and when a console asks, and profiles of tables.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::Done;
use crate::{
    host::{Closeness, Workbench, lease::ClientId},
    model::{Gauge, RunId, RunPhase},
    protocol::{Answer, Ask, FromHost, Rows, SampleSaying, SideName},
};

/// When the run has come to its end, validates what it wrote, where the plan wants that.
pub(super) async fn validate(
    workbench: Arc<Workbench>,
    run: RunId,
    mut gauge: watch::Receiver<Gauge>,
    breaks_off: Arc<Notify>,
) -> Done {
    // Its sender goes with the run.
    while gauge.changed().await.is_ok() {}
    let ended = workbench.ledger().snapshot(&run).await.map(|snapshot| snapshot.phase);
    if !matches!(ended, Ok(RunPhase::Completed)) || !workbench.validates().await {
        return Done::Validated(None);
    }
    let how = Closeness::default();
    let looked = tokio::select! {
        looked = workbench.validate(&how) => looked,
        () = breaks_off.notified() => return Done::Validated(None),
    };
    match looked {
        Ok((_, fact)) => Done::Validated(fact.map(Box::new)),
        Err(why) => {
            tracing::error!(%run, %why, "what the run wrote could not be validated");
            Done::Validated(None)
        }
    }
}

/// What a console's operator makes of sampled rows.
pub(super) async fn review(
    workbench: &Workbench,
    client: ClientId,
    id: u64,
    (saying, by): (&SampleSaying, &str),
) -> Done {
    match workbench.review_samples(None, saying, by).await {
        Ok((_, fact)) => {
            let answer = workbench.answer(Ask::Validation).await;
            Done::Looked { client, id, fact: fact.map(Box::new), answer }
        }
        Err(why) => Done::Looked { client, id, fact: None, answer: Err(why) },
    }
}

/// The validation that a console asked for.
pub(super) async fn look(workbench: &Workbench, client: ClientId, id: u64, breaks_off: &Notify) -> Done {
    let how = Closeness::default();
    let looked = tokio::select! {
        looked = workbench.validate(&how) => looked,
        () = breaks_off.notified() => Err("the validation was broken off: nothing is said of what was not read".into()),
    };
    match looked {
        Ok((_, fact)) => {
            let answer = workbench.answer(Ask::Validation).await;
            Done::Looked { client, id, fact: fact.map(Box::new), answer }
        }
        Err(why) => Done::Looked { client, id, fact: None, answer: Err(why) },
    }
}

/// The profile of a table that a console asked for.
pub(super) async fn look_into(
    workbench: &Workbench,
    client: ClientId,
    id: u64,
    (side, table, rows): (SideName, &str, Rows),
    stops: &watch::Sender<bool>,
) -> Done {
    // While one is under way, what stops it stays as it is; this one is refused.
    if workbench.profiling().borrow().is_none() {
        stops.send_replace(false);
    }
    let found = workbench.profile(side, table, (rows, Vec::new()), stops.subscribe()).await;
    Done::Say(client, FromHost::Answer { id, answer: found.map(|found| Answer::Profile(Some(Box::new(found)))) })
}
