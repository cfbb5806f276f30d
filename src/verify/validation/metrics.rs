//! Figures of the plan's own, asked of both sides at the moments that are validated.
//!
//! One idea: numbers are compared as the digits they are, never as floats; whatever is no single value is said and never
//! passes.

use super::Moments;
use crate::{
    endpoint::{Asked, EndpointError},
    model::Exact,
    plan::{MetricPlan, Tolerance},
    protocol::{MetricResult, Outcome},
};

/// Asks both sides for every metric.
pub(super) async fn metrics(metrics: &[MetricPlan], moments: &Moments) -> Vec<MetricResult> {
    let mut results = Vec::with_capacity(metrics.len());
    for metric in metrics {
        let source = moments.source.ask(&metric.source).await;
        let destination = moments.copy.ask(&metric.destination).await;
        results.push(judged(metric, source, destination));
    }
    results
}

fn judged(
    metric: &MetricPlan,
    source: Result<Asked, EndpointError>,
    destination: Result<Asked, EndpointError>,
) -> MetricResult {
    let mut result =
        MetricResult { name: metric.name.clone(), tolerance: metric.tolerance.to_string(), ..MetricResult::default() };
    let (left, right) = (told("the source", source), told("the destination", destination));
    result.source = left.as_ref().ok().cloned().flatten();
    result.destination = right.as_ref().ok().cloned().flatten();
    match (left, right) {
        (Ok(left), Ok(right)) => compare(&mut result, metric.tolerance, (left, right)),
        (left, right) => {
            result.outcome = Outcome::Inconclusive;
            result.details = [left.err(), right.err()].into_iter().flatten().collect();
        }
    }
    result
}

/// The value, `None` for NULL; or why there is no such thing as its value.
fn told(side: &str, asked: Result<Asked, EndpointError>) -> Result<Option<String>, String> {
    match asked {
        Ok(Asked::Value(value)) => Ok(Some(value)),
        Ok(Asked::Null) => Ok(None),
        Ok(Asked::NoRow) => Err(format!("{side} gives no row; a metric is one value")),
        Ok(Asked::ManyRows) => Err(format!("{side} gives more than one row; a metric is one value")),
        Ok(Asked::ManyColumns) => Err(format!("{side} gives more than one column; a metric is one value")),
        Err(error) => Err(format!("{side}: {error}. {}", error.hint())),
    }
}

fn compare(result: &mut MetricResult, tolerance: Tolerance, sides: (Option<String>, Option<String>)) {
    let (left, right) = match sides {
        (Some(left), Some(right)) => (left, right),
        (None, None) => {
            result.outcome = Outcome::Passed;
            return result.details.push("both sides give NULL".into());
        }
        (left, _) => {
            let side = if left.is_none() { "source" } else { "destination" };
            result.outcome = Outcome::Failed;
            return result.details.push(format!("only the {side} gives NULL"));
        }
    };
    let Some((left, right)) = Exact::parse(&left).zip(Exact::parse(&right)) else {
        let same = left == right;
        result.outcome = if same { Outcome::Passed } else { Outcome::Failed };
        if !tolerance.is_exact() {
            result.outcome = result.outcome.max(Outcome::Inconclusive);
            result.details.push("a tolerance wants numbers of at most 36 digits on both sides".into());
        }
        return;
    };
    let apart = left.apart(right);
    result.difference = apart.map(|apart| apart.to_string());
    let limit = if tolerance.is_percent { left.percent(tolerance.limit) } else { Some(tolerance.limit) };
    result.outcome = match apart.zip(limit).and_then(|(apart, limit)| apart.is_at_most(limit)) {
        Some(true) => Outcome::Passed,
        Some(false) => Outcome::Failed,
        None => {
            result.details.push("the numbers have too many digits to be compared".into());
            Outcome::Inconclusive
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::ErrorKind;

    fn metric(tolerance: &str) -> MetricPlan {
        let (number, is_percent) = tolerance.strip_suffix('%').map_or((tolerance, false), |number| (number, true));
        let tolerance = Tolerance { limit: Exact::parse(number).unwrap(), is_percent };
        MetricPlan { name: "m".into(), tolerance, ..MetricPlan::default() }
    }

    fn outcome(tolerance: &str, left: &str, right: &str) -> Outcome {
        let value = |text: &str| Ok(Asked::Value(text.to_owned()));
        judged(&metric(tolerance), value(left), value(right)).outcome
    }

    #[test]
    fn numbers_are_compared_to_the_last_digit_within_the_tolerance() {
        assert_eq!(outcome("0", "10.50", "10.5"), Outcome::Passed);
        assert_eq!(outcome("0", "0.1", "0.10000000000000000001"), Outcome::Failed);
        assert_eq!(outcome("0.01", "10.50", "10.51"), Outcome::Passed);
        assert_eq!(outcome("0.01", "10.50", "10.5100001"), Outcome::Failed);
        assert_eq!(outcome("0.5%", "-200", "-201"), Outcome::Passed);
        assert_eq!(outcome("0.5%", "-200", "-201.001"), Outcome::Failed);
        assert_eq!(outcome("5%", "0", "0.0001"), Outcome::Failed);
        assert_eq!(outcome("0", "2024-06-12", "2024-06-12"), Outcome::Passed);
        assert_eq!(outcome("0", "2024-06-12", "2024-06-13"), Outcome::Failed);
        assert_eq!(outcome("1", "2024-06-12", "2024-06-12"), Outcome::Inconclusive);
    }

    #[test]
    fn what_is_no_single_value_is_said_and_never_passes() {
        let one = || Ok(Asked::Value("1".into()));
        let error = || Err(EndpointError::new(ErrorKind::Other, "cannot ask", "no such column: x"));
        for (source, destination, outcome, words) in [
            (Ok(Asked::Null), Ok(Asked::Null), Outcome::Passed, "both sides give NULL"),
            (one(), Ok(Asked::Null), Outcome::Failed, "only the destination gives NULL"),
            (Ok(Asked::Null), one(), Outcome::Failed, "only the source gives NULL"),
            (Ok(Asked::NoRow), one(), Outcome::Inconclusive, "the source gives no row"),
            (one(), Ok(Asked::ManyRows), Outcome::Inconclusive, "the destination gives more than one row"),
            (one(), Ok(Asked::ManyColumns), Outcome::Inconclusive, "more than one column"),
            (error(), one(), Outcome::Inconclusive, "no such column: x"),
        ] {
            let result = judged(&metric("0"), source, destination);
            assert_eq!(result.outcome, outcome, "{words}");
            assert!(result.details.join("; ").contains(words), "{result:?}");
        }
        let failed = judged(&metric("1"), one(), Ok(Asked::Value("3.5".into())));
        assert_eq!((failed.difference.as_deref(), failed.tolerance.as_str()), (Some("2.5"), "1"));
    }
}
