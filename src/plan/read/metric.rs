//! `[[metric]]`: a figure that both sides should have alike.

use toml::de::DeTable;

use super::reader::{Node, Reader, article};
use crate::{
    model::Exact,
    plan::{MetricPlan, Tolerance},
};

const KEYS: [&str; 5] = ["name", "query", "source", "destination", "tolerance"];

pub(super) fn read_metrics(reader: &mut Reader<'_>, root: &DeTable<'_>) -> Vec<MetricPlan> {
    let Some(node) = root.get("metric") else { return Vec::new() };
    let Some(array) = node.get_ref().as_array() else {
        let kind = article(node.get_ref());
        reader.error(&node.span(), format!("'metric' is {kind}; write each metric as [[metric]], in double brackets"));
        return Vec::new();
    };
    let mut metrics: Vec<MetricPlan> = Vec::new();
    for item in array.iter() {
        let Some(metric) = read_metric(reader, item) else { continue };
        if metrics.iter().any(|other| other.name == metric.name) {
            reader
                .error(&item.span(), format!("another metric is called '{}' too; give one another name", metric.name));
        }
        metrics.push(metric);
    }
    metrics
}

fn read_metric(reader: &mut Reader<'_>, item: &Node<'_>) -> Option<MetricPlan> {
    let Some(table) = item.get_ref().as_table() else {
        reader.error(&item.span(), "expected a metric; write it as [[metric]] with name and query");
        return None;
    };
    reader.known(table, "[[metric]]", &KEYS);
    let mut text = |key: &str| reader.filled_text(table, key).map(|found| found.value.trim().to_owned());
    let (name, both, source, destination) = (text("name"), text("query"), text("source"), text("destination"));
    let mut lacks = |why: &str| reader.missing(Some(&item.span()), format!("the metric {why}"));
    if !table.contains_key("name") {
        lacks("has no name; add name = \"revenue\"");
    }
    let (has_both, has_source) = (table.contains_key("query"), table.contains_key("source"));
    let has_destination = table.contains_key("destination");
    match (has_both, has_source, has_destination) {
        (true, false, false) | (false, true, true) => {}
        (true, ..) => lacks("has a query for both sides and one for a side; take one of them out"),
        (false, false, false) => lacks("asks nothing; add query = \"SELECT ...\", or source and destination"),
        (false, ..) => lacks("asks one side only; add the other's query, or write query for both"),
    }
    let tolerance = table.get("tolerance").and_then(|node| tolerance(reader, node)).unwrap_or_default();
    Some(MetricPlan {
        line: reader.places.at(item.span().start).0,
        name: name.unwrap_or_default(),
        source: source.or_else(|| both.clone()).unwrap_or_default(),
        destination: destination.or(both).unwrap_or_default(),
        tolerance,
    })
}

fn tolerance(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Tolerance> {
    let text = reader.scalar(node, "tolerance")?.0;
    let (number, is_percent) = match text.trim().strip_suffix('%') {
        Some(number) => (number, true),
        None => (text.as_str(), false),
    };
    match Exact::parse(number).filter(|number| !number.is_negative()) {
        Some(limit) => Some(Tolerance { limit, is_percent }),
        None => {
            let message =
                format!("'tolerance' is '{text}'; expected a number from 0 on like 0.01, or a share like \"0.5%\"");
            reader.error(&node.span(), message);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::parse;

    const SIDES: &str =
        "[source]\nurl = \"sqlite:a.db\"\n[destination]\nurl = \"sqlite:b.db\"\n[[table]]\nfrom = \"t\"\n";

    fn first(metric: &str) -> String {
        let parsed = parse(&format!("{SIDES}[[metric]]\n{metric}"));
        parsed.problems.first().map(|problem| format!("{}: {}", problem.line, problem.message)).unwrap_or_default()
    }

    #[test]
    fn a_metric_asks_both_sides_within_a_tolerance() {
        let text = format!(
            "{SIDES}[[metric]]\nname = \"rows\"\nquery = \"SELECT count(*) FROM t\"\n[[metric]]\nname = \"sum\"\n\
             source = \"SELECT sum(a) FROM t\"\ndestination = \"SELECT sum(b) FROM u\"\ntolerance = \"0.5%\"\n\
             [[metric]]\nname = \"near\"\nquery = \"SELECT 1\"\ntolerance = 0.01\n"
        );
        let parsed = parse(&text);
        let metrics = parsed.plan.map(|plan| plan.metrics).unwrap_or_else(|| panic!("{:?}", parsed.problems));
        assert_eq!(
            (metrics[0].source.as_str(), &metrics[0].source),
            ("SELECT count(*) FROM t", &metrics[0].destination)
        );
        assert_eq!(metrics[1].destination, "SELECT sum(b) FROM u");
        let tolerances: Vec<String> = metrics.iter().map(|metric| metric.tolerance.to_string()).collect();
        assert_eq!(tolerances, ["0", "0.5 %", "0.01"]);
        assert_eq!(metrics[1].line, 10);
    }

    #[test]
    fn what_is_wrong_with_a_metric_is_told_with_its_place() {
        for (metric, words) in [
            ("query = \"SELECT 1\"", "has no name"),
            ("name = \"a\"", "asks nothing"),
            ("name = \"a\"\nsource = \"SELECT 1\"", "asks one side only"),
            ("name = \"a\"\nquery = \"SELECT 1\"\nsource = \"SELECT 1\"", "take one of them out"),
            ("name = \"a\"\nquery = \"SELECT 1\"\ntolerance = -1", "expected a number from 0 on"),
            ("name = \"a\"\nquery = \"SELECT 1\"\ntolerance = \"half\"", "expected a number from 0 on"),
            ("name = \"a\"\nquery = \"\"", "'query' is empty"),
            (
                "name = \"a\"\nquery = \"SELECT 1\"\n[[metric]]\nname = \"a\"\nquery = \"SELECT 2\"",
                "another metric is called",
            ),
            ("nme = \"a\"\nname = \"a\"\nquery = \"SELECT 1\"", "unknown key 'nme'"),
        ] {
            let found = first(metric);
            assert!(found.contains(words), "{metric}: {found}");
        }
    }
}
