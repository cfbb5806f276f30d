//! Whether the plan's metrics can be asked, before a run.

use super::checks::item;
use crate::{
    endpoint::{EndpointError, ErrorKind, Snapshot, Source},
    plan::{MetricPlan, Plan},
    protocol::{CheckItem, CheckState},
};

/// Has both sides look at the queries without running them; `None` where the plan has none, or a side is not open: others
/// say so.
pub async fn metric_checks(plan: &Plan, source: Option<&dyn Source>, copy: Option<&dyn Source>) -> Option<CheckItem> {
    let (source, copy) = (source?, copy?);
    if plan.metrics.is_empty() {
        return None;
    }
    let (mut details, mut state) = (Vec::new(), CheckState::Passed);
    let sides: [(&dyn Source, &str, Ask); 2] =
        [(source, "source", |metric| &metric.source), (copy, "destination", |metric| &metric.destination)];
    for (side, name, query) in sides {
        let snapshot = side.snapshot().await;
        for metric in &plan.metrics {
            let wrong = match &snapshot {
                Ok(snapshot) => cannot(&**snapshot, query(metric)).await,
                Err(error) => Some(error.clone()),
            };
            let Some(error) = wrong else { continue };
            // The run may make what the query looks for.
            let later = name == "destination" && is_no_table(&error);
            let counts = if later { CheckState::Warned } else { CheckState::Failed };
            let more = if later { "; it is asked when the run is over" } else { "" };
            state = if state == CheckState::Failed { state } else { counts };
            let MetricPlan { line, name: metric, .. } = metric;
            details.push(format!("line {line}: the metric '{metric}' on the {name}: {error}{more}"));
        }
    }
    if details.is_empty() {
        details.push(format!("{} can be asked on both sides", plan.metrics.len()));
    }
    Some(item("Metrics can be asked", state, details))
}

type Ask = fn(&MetricPlan) -> &String;

async fn cannot(snapshot: &dyn Snapshot, query: &str) -> Option<EndpointError> {
    snapshot.prepares(query).await.err()
}

/// SQLite has no number for it.
fn is_no_table(error: &EndpointError) -> bool {
    error.kind == ErrorKind::NoTable || error.message.starts_with("no such table")
}
