//! The report as one page: no script, nothing from elsewhere, made to be printed.
//!
//! One idea: text enters the page through [`text`] and nowhere else, so that no value can become markup.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{
    ChecksPart, Deviation, Report, back, chart,
    samples::{reviewed, reviews, shown},
};
use crate::{
    ledger::TrailState,
    model::{Cell, NamedCell, clip, thousands},
    protocol::{CheckState, Difference, DifferenceKind, MetricResult, Outcome, TableValidation},
};

/// Rows that are listed one by one; the rest is in the object of `--json`.
const LISTED: usize = 500;
/// What of a value is shown.
const WIDTH: usize = 120;

const STYLE: &str = "
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1.5rem }
h1 { font-size: 1.7rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #c9d1d9; padding-bottom: .2rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem } p { margin: .4rem 0 } .quiet { color: #57606a } small { color: #57606a }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 } th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #e6e9ec }
th { font-weight: 600; color: #57606a } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } td.n { white-space: nowrap } tr.sum td { font-weight: 600; border-top: 1px solid #8c959f }
td { overflow-wrap: anywhere } code, pre { font: 12px/1.45 ui-monospace, monospace } pre { white-space: pre-wrap; background: #f6f8fa; padding: .8rem; border-radius: 4px }
.verdicts { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0 } .verdict { border: 1px solid #c9d1d9; border-left-width: 6px; border-radius: 4px; padding: .5rem .9rem; min-width: 10rem }
.verdict b { display: block; font-size: 1.1rem } .good { border-left-color: #1a7f37 } .bad { border-left-color: #cf222e } .unsure { border-left-color: #9a6700 }
.sign { font-weight: 700; white-space: nowrap } .sign.good { color: #1a7f37 } .sign.bad { color: #cf222e } .sign.unsure { color: #9a6700 }
svg { width: 100%; height: auto } svg rect { fill: #4c7bb0 } svg text { font: 12px system-ui, sans-serif; fill: #57606a } svg .axis { stroke: #8c959f }
@media print { body { margin: 0; max-width: none; font-size: 11px } h2 { break-after: avoid } tr, .verdict { break-inside: avoid } pre { border: 1px solid #c9d1d9 } }
";

/// Text as it stands in the page, and never more than text; what steers a terminal or turns the direction is shown by name.
pub(super) fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for char in raw.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(char),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(safe, "U+{:04X}", char as u32);
            }
            control if control.is_control() => {
                let _ = write!(safe, "U+{:04X}", control as u32);
            }
            other => safe.push(other),
        }
    }
    safe
}

pub(super) fn moment(ms: u64) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(ms as i64).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Null => "<small>NULL</small>".to_owned(),
        cell => text(&clip(&cell.display(), WIDTH)),
    }
}

fn named(cells: &[NamedCell]) -> String {
    let cells = cells.iter().map(|named| format!("{} = {}", text(&named.name), cell(&named.cell)));
    cells.collect::<Vec<_>>().join(", ")
}

fn tone(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "good",
        Outcome::Failed => "bad",
        Outcome::Inconclusive | Outcome::NotRun => "unsure",
    }
}

pub(super) fn sign(outcome: Outcome) -> String {
    format!("<span class=\"sign {}\">{} {}</span>", tone(outcome), outcome.sign(), outcome.word())
}

fn tick(good: bool) -> &'static str {
    if good { "<span class=\"sign good\">✓</span>" } else { "<span class=\"sign bad\">✗</span>" }
}

/// A table; `numbers` says which columns are numbers. The cells are markup already.
pub(super) fn table(head: &[&str], numbers: &[usize], rows: &[Vec<String>]) -> String {
    let class = |place: usize| if numbers.contains(&place) { " class=\"n\"" } else { "" };
    let mut page = String::from("<table><thead><tr>");
    head.iter().enumerate().for_each(|(place, name)| page.push_str(&format!("<th{}>{name}</th>", class(place))));
    page.push_str("</tr></thead><tbody>\n");
    for row in rows {
        let is_sum = row.first().is_some_and(|first| first == "Total");
        page.push_str(if is_sum { "<tr class=\"sum\">" } else { "<tr>" });
        row.iter().enumerate().for_each(|(place, cell)| page.push_str(&format!("<td{}>{cell}</td>", class(place))));
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table>\n");
    page
}

pub(super) fn page(report: &Report) -> String {
    let parts = [
        verdicts(report),
        about(report),
        accounting(report),
        throughput(report),
        checks(report.checks.as_ref()),
        validation(report),
        back::way_back(report),
        deviations(&report.deviations),
        acts(report),
        trail(&report.trail),
        list("What was not checked", &report.unchecked),
        list("Remarks of the run", &report.remarks),
        format!("<h2>The plan</h2>\n<pre>{}</pre>\n", text(&report.plan.text)),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>{title}: evidence of a run</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<p class=\"quiet\">Evidence of run <code>{}</code>, made {} by {}</p>\n{}\n<p class=\"quiet\">This \
         report says what was done and found. It is no statement that any rule is met.</p>\n</body>\n</html>\n",
        text(&report.run.0),
        moment(report.made_ms),
        text(&report.program),
        parts.concat(),
        title = text(&report.plan.name),
    )
}

fn verdicts(report: &Report) -> String {
    use crate::model::RunPhase;
    let run = match report.phase {
        RunPhase::Completed if report.counts.skipped + report.counts.flagged == 0 => ("good", "completed"),
        RunPhase::Completed => ("unsure", "completed, with rows left behind"),
        phase => ("bad", phase.word()),
    };
    let trail = match &report.trail {
        TrailState::Intact { .. } => ("good", "intact"),
        TrailState::UnsignedTail { .. } => ("unsure", "unsigned tail"),
        TrailState::Broken { .. } => ("bad", "broken"),
        TrailState::Truncated { .. } => ("bad", "truncated"),
    };
    let rows = if report.balanced { ("good", "balanced") } else { ("bad", "not balanced") };
    let proof = (tone(report.verdict), report.verdict.word());
    let all = [("Run", run), ("Rows", rows), ("Validation", proof), ("Audit trail", trail)];
    let one =
        |(what, (tone, word)): (&str, (&str, &str))| format!("<div class=\"verdict {tone}\">{what}<b>{word}</b></div>");
    format!("<div class=\"verdicts\">{}</div>\n", all.map(one).concat())
}

fn about(report: &Report) -> String {
    let plan = &report.plan;
    let label = plan.label.as_ref().map(|label| format!(" ({})", text(label))).unwrap_or_default();
    let ended = report.ended_ms.map_or("not ended".to_owned(), moment);
    let took = report.ended_ms.map(|ended| ended.saturating_sub(report.started_ms).div_ceil(1_000));
    let mut rows = vec![
        ("Source", text(&plan.source)),
        ("Destination", format!("{}{label}", text(&plan.destination))),
        (
            "Plan",
            format!(
                "{}<br><small>SHA-256 of its meaning: <code>{}</code></small>",
                text(&plan.path),
                text(&plan.digest)
            ),
        ),
        ("Started", format!("{} by {}", moment(report.started_ms), text(&report.by))),
        ("Ended", format!("{ended}{}", took.map(|s| format!(", after {} s", thousands(s))).unwrap_or_default())),
    ];
    if let Some(read) = report.read_ms {
        let age = age(report.made_ms.saturating_sub(read));
        rows.push(("Source as of", format!("{}, {age} before this report was made", moment(read))));
    }
    if let Some(why) = &report.stopped {
        rows.push(("Stopped", text(why)));
    }
    if !plan.private.is_empty() {
        rows.push(("Private columns", format!("{}; their values are left out", text(&plan.private.join(", ")))));
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    table(&["", ""], &[], &rows)
}

/// `3 days`, `5 hours`, `2 minutes`.
fn age(ms: u64) -> String {
    let minutes = ms / 60_000;
    let (number, unit) = match minutes {
        0..120 => (minutes, "minutes"),
        120..2_880 => (minutes / 60, "hours"),
        _ => (minutes / 1_440, "days"),
    };
    format!("{} {unit}", thousands(number))
}

fn accounting(report: &Report) -> String {
    let numbers = |counts: &crate::model::Counts| {
        [counts.read, counts.written, counts.skipped, counts.flagged, counts.filtered, counts.unchanged].map(thousands)
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for table in &report.tables {
        let source = table.rows.map_or("?".to_owned(), thousands);
        let head = [format!("{} → {}", text(&table.from), text(&table.to)), source];
        rows.push(head.into_iter().chain(numbers(&table.counts)).chain([tick(table.balanced).to_owned()]).collect());
    }
    let head = ["Total".to_owned(), String::new()];
    rows.push(head.into_iter().chain(numbers(&report.counts)).chain([tick(report.balanced).to_owned()]).collect());
    let names = [
        "Table",
        "In the source",
        "Read",
        "Written",
        "Skipped",
        "Flagged",
        "Left by filter",
        "Of written, there as they were",
        "",
    ];
    format!(
        "<h2>Rows</h2>\n<p class=\"quiet\">For each table, read = written + skipped + flagged.</p>\n{}",
        table(&names, &[1, 2, 3, 4, 5, 6, 7], &rows)
    )
}

fn throughput(report: &Report) -> String {
    let drawing = chart::throughput(&report.throughput, report.started_ms);
    drawing.map(|drawing| format!("<h2>Throughput</h2>\n{drawing}\n")).unwrap_or_default()
}

fn checks(checks: Option<&ChecksPart>) -> String {
    let Some(checks) = checks else { return "<h2>Checks before the run</h2>\n<p>None are kept.</p>\n".to_owned() };
    let row = |item: &crate::protocol::CheckItem| {
        let (tone, sign) = match item.state {
            CheckState::Passed => ("good", "✓"),
            CheckState::Warned => ("unsure", "!"),
            CheckState::Unconfirmed => ("unsure", "?"),
            CheckState::Failed => ("bad", "✗"),
        };
        let details: Vec<String> = item.details.iter().map(|detail| text(detail)).collect();
        vec![format!("<span class=\"sign {tone}\">{sign}</span>"), text(&item.name), details.join("<br>")]
    };
    let rows: Vec<Vec<String>> = checks.items.iter().map(row).collect();
    format!(
        "<h2>Checks before the run</h2>\n<p class=\"quiet\">{}</p>\n{}",
        moment(checks.at_ms),
        table(&["", "Check", "Found"], &[], &rows)
    )
}

fn validation(report: &Report) -> String {
    let mut page = format!("<h2>Validation: {}</h2>\n", sign(report.verdict));
    let Some(validation) = &report.validation else { return page + "<p>No validation is kept.</p>\n" };
    let _ = writeln!(
        page,
        "<p class=\"quiet\">{}, samples drawn with seed {}</p>",
        moment(validation.at_ms),
        validation.seed
    );
    validation.remarks.iter().for_each(|remark| page.push_str(&format!("<p>{}</p>\n", text(remark))));
    let rows: Vec<Vec<String>> = validation
        .tables
        .iter()
        .map(|table| {
            let rows = |rows: Option<u64>| rows.map_or("?".to_owned(), thousands);
            vec![text(&table.to), rows(table.source_rows), rows(table.destination_rows), sign(table.outcome)]
        })
        .collect();
    page.push_str(&table(&["Table", "Should be there", "Are there", ""], &[1, 2], &rows));
    page.push_str(&metrics(&validation.metrics));
    validation.tables.iter().for_each(|table| page.push_str(&validated(table)));
    if report.validations.len() > 1 {
        let row = |(at, short): &(u64, crate::protocol::Validated)| {
            vec![moment(*at), sign(short.outcome), text(&short.by), text(short.why.as_deref().unwrap_or_default())]
        };
        let rows: Vec<Vec<String>> = report.validations.iter().map(row).collect();
        page.push_str("<h3>All validations of the run</h3>\n");
        page.push_str(&table(&["When", "Verdict", "By", "Why"], &[], &rows));
    }
    page
}

fn metrics(metrics: &[MetricResult]) -> String {
    let value = |value: &Option<String>| value.as_ref().map_or("<small>none</small>".to_owned(), |value| text(value));
    let row = |metric: &MetricResult| {
        let details: Vec<String> = metric.details.iter().map(|detail| text(detail)).collect();
        let apart = metric.difference.as_deref().map(text).unwrap_or_default();
        let (source, destination) = (value(&metric.source), value(&metric.destination));
        let (name, tolerance) = (text(&metric.name), text(&metric.tolerance));
        vec![name, source, destination, apart, tolerance, sign(metric.outcome), details.join("<br>")]
    };
    let rows: Vec<Vec<String>> = metrics.iter().map(row).collect();
    match rows.is_empty() {
        true => String::new(),
        false => {
            let names = ["Metric", "Source", "Destination", "Apart", "Tolerance", "", ""];
            format!("<h3>Metrics</h3>\n{}", table(&names, &[1, 2, 3, 4], &rows))
        }
    }
}

fn validated(validated: &TableValidation) -> String {
    let mut page = format!("<h3>{}</h3>\n", text(&validated.to));
    let finding = |finding: &crate::protocol::Finding| {
        let details: Vec<String> = finding.details.iter().map(|detail| text(detail)).collect();
        vec![sign(finding.outcome), text(&finding.name), details.join("<br>")]
    };
    page.push_str(&table(&["", "Layer", "Found"], &[], &validated.findings.iter().map(finding).collect::<Vec<_>>()));
    if validated.differing > 0 {
        page.push_str(&format!("<p>{} row(s) differ; the first:</p>\n", thousands(validated.differing)));
        let rows: Vec<Vec<String>> = validated.differences.iter().map(difference).collect();
        page.push_str(&table(&["Key", "What", "Column: source → destination"], &[], &rows));
    }
    let sample = &validated.sample;
    page.push_str(&format!(
        "<p>Sample: {} of {} rows match. {}</p>\n",
        thousands(sample.matching),
        thousands(sample.rows.len() as u64),
        sign(sample.outcome)
    ));
    page.push_str(&reviewed(sample));
    let rows: Vec<Vec<String>> = shown(&sample.rows)
        .map(|row| {
            let there =
                if row.destination.is_empty() { "<small>not there</small>".into() } else { named(&row.destination) };
            vec![named(&row.source), there, tick(row.matches).to_owned(), reviews(row)]
        })
        .collect();
    if !rows.is_empty() {
        page.push_str(&table(&["Source, as mapped", "Destination", "", "Reviewed"], &[], &rows));
    }
    page
}

fn difference(difference: &Difference) -> Vec<String> {
    let what = match difference.kind {
        DifferenceKind::Missing => "missing",
        DifferenceKind::Surplus => "only in the destination",
        DifferenceKind::Different => "differs",
        DifferenceKind::Times => "another number of times",
    };
    let columns = difference
        .columns
        .iter()
        .map(|column| format!("{}: {} → {}", text(&column.column), cell(&column.source), cell(&column.destination)));
    vec![named(&difference.key), what.to_owned(), columns.collect::<Vec<_>>().join("<br>")]
}

fn deviations(deviations: &[Deviation]) -> String {
    let mut page = format!("<h2>Rows that did not go as they were: {}</h2>\n", thousands(deviations.len() as u64));
    if deviations.is_empty() {
        return page;
    }
    let rows: Vec<Vec<String>> = deviations
        .iter()
        .take(LISTED)
        .map(|row| {
            let value = row.value.as_ref().map(cell).unwrap_or_default();
            let who = row.by.as_ref().map(|by| text(by)).unwrap_or_default();
            let reason = row.reason.as_ref().map(|reason| format!("<br>{}", text(reason))).unwrap_or_default();
            vec![
                text(&row.table),
                thousands(row.row),
                text(&row.column),
                value,
                format!(
                    "{}: {}<br><small>expected {}</small>",
                    row.cause,
                    text(&clip(&row.message, 240)),
                    text(&row.expected)
                ),
                row.state.to_owned(),
                who + &reason,
            ]
        })
        .collect();
    page.push_str(&table(&["Table", "Row", "Column", "Value", "Why", "Became", "By"], &[1], &rows));
    page + &rest(deviations.len())
}

fn acts(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report
        .acts
        .iter()
        .take(LISTED)
        .map(|entry| {
            let row = match (&entry.table, entry.row) {
                (Some(table), Some(row)) => format!("row {} of {}", thousands(row), text(table)),
                (Some(table), None) => text(table),
                _ => String::new(),
            };
            let by = if entry.by.is_empty() { "whimbrel" } else { &entry.by };
            let what = entry.what.as_ref().map(|what| format!(": {}", text(what))).unwrap_or_default();
            let reason = entry.reason.as_ref().map(|reason| text(reason)).unwrap_or_default();
            vec![entry.seq.to_string(), moment(entry.at_ms), text(by), text(&entry.action) + &what, row, reason]
        })
        .collect();
    format!(
        "<h2>Who did what</h2>\n{}{}",
        table(&["Entry", "When", "Who", "What", "On", "Reason"], &[0], &rows),
        rest(report.acts.len())
    )
}

fn rest(all: usize) -> String {
    match all.saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("<p class=\"quiet\">... and {} more, which --json lists.</p>\n", thousands(more as u64)),
    }
}

fn trail(trail: &TrailState) -> String {
    let (words, head) = match trail {
        TrailState::Intact { entries, head } => {
            (format!("Intact: {} entries, all signed.", thousands(*entries)), Some(head))
        }
        TrailState::UnsignedTail { entries, from, head } => (
            format!(
                "All {} entries are as they were written, but from {} on none is signed.",
                thousands(*entries),
                thousands(*from)
            ),
            Some(head),
        ),
        TrailState::Broken { at, why } => (format!("Broken at entry {}: {}.", thousands(*at), text(why)), None),
        TrailState::Truncated { signed, found } => {
            (format!("Truncated: {} entries were signed, {} are there.", thousands(*signed), thousands(*found)), None)
        }
    };
    let head = head.map(|head| {
        format!(
            "<p>Head of the chain when this was made: <code>{}</code>. Kept elsewhere, it shows whether the trail was \
                 rewritten later.</p>\n",
            text(head)
        )
    });
    format!("<h2>Audit trail</h2>\n<p>{words}</p>\n{}", head.unwrap_or_default())
}

fn list(title: &str, sentences: &[String]) -> String {
    if sentences.is_empty() {
        return String::new();
    }
    let items: Vec<String> = sentences.iter().map(|sentence| format!("<li>{}</li>", text(sentence))).collect();
    format!("<h2>{title}</h2>\n<ul>{}</ul>\n", items.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup_and_nothing_hides_in_it() {
        assert_eq!(text("<b a=\"x\">'&\u{1b}[0m\u{202e}"), "&lt;b a=&quot;x&quot;&gt;&#39;&amp;U+001B[0mU+202E");
        assert_eq!(cell(&Cell::text("<script>")), "&lt;script&gt;");
        assert_eq!(named(&[NamedCell { name: "<i>".into(), cell: Cell::Null }]), "&lt;i&gt; = <small>NULL</small>");
    }
}
