//! Both sides' tables beside each other, the verdict, and the table under the cursor in short.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::outcome_role;
use crate::{
    console::{
        app::App,
        keys::ActionId,
        theme::Role,
        widgets::{Canvas, Hit, fit, split_left, split_top, window, wrap},
    },
    model::{clean, clip, thousands},
    protocol::{Finding, MetricResult, SampleRow, TableValidation, Validation, key_words},
};

/// Lines of the verdict's remarks, at most.
const REMARKS: usize = 2;

/// Metrics that are shown.
const METRICS: usize = 4;

/// Tables that are shown, at least.
const FEWEST: usize = 2;

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect, validation: &Validation) {
    let visible = app.validate.visible();
    let width = usize::from(area.width);
    let mut verdict = verdict(canvas, validation, width);
    let below = (area.height / 2).max(9).min(area.height.saturating_sub(6));
    let room = usize::from(area.height.saturating_sub(below + 1));
    // On a small screen the tables go before the remarks.
    verdict.truncate(room.saturating_sub(2 + FEWEST).max(1));
    let above = (visible.len() + 2 + verdict.len()).min(room);
    let (upper, lower) = split_top(area, above as u16);
    let space = above.saturating_sub(2 + verdict.len());
    let rows = window(app.validate.cursor.0, visible.len(), space);
    let mut lines = vec![pair(canvas, ("", "Source Database:", Role::Header), "Destination Database:", None, width)];
    for (row, place) in rows.enumerate() {
        canvas.hit(upper, row as u16 + 1, Hit::Row(place));
        lines.push(table_line(canvas, visible[place], place == app.validate.cursor.0, width));
    }
    if visible.is_empty() {
        lines.push(canvas.span(Role::Muted, " No table has that").into());
    }
    lines.push(total_line(canvas, validation, width));
    lines.extend(verdict);
    canvas.lines(upper, lines);
    if let Some(table) = app.validate.current() {
        canvas.rule(lower, 0, &format!("Data Reconciliation · {}", table.to));
        let (_, rest) = split_top(lower, 1);
        draw_table(app, canvas, rest, table);
    }
}

/// A line of both columns.
fn pair(
    canvas: &Canvas<'_, '_>,
    (sign, left, role): (&str, &str, Role),
    right: &str,
    state: Option<(Role, String)>,
    width: usize,
) -> Line<'static> {
    let half = (width / 2).saturating_sub(2);
    let mut spans = vec![
        canvas.span(Role::Key, fit(sign, 1)),
        canvas.span(role, fit(left, half)),
        Span::raw(" "),
        canvas.span(role, clip(&clean(right), half)),
    ];
    spans.extend(state.map(|(role, text)| canvas.span(role, format!(" {text}"))));
    Line::from(spans)
}

fn rows_text(rows: Option<u64>) -> String {
    rows.map_or("?".to_owned(), thousands)
}

fn table_line(canvas: &Canvas<'_, '_>, table: &TableValidation, here: bool, width: usize) -> Line<'static> {
    let left = format!("- {}: {} rows", table.from, rows_text(table.source_rows));
    let right = format!("- {}: {} rows", table.to, rows_text(table.destination_rows));
    let why = why(table).map(|why| format!(" {why}")).unwrap_or_default();
    let state = (outcome_role(table.outcome), format!("{}{why}", table.outcome.sign()));
    let role = if here { Role::Header } else { Role::Text };
    pair(canvas, (if here { "▸" } else { "" }, &left, role), &right, Some(state), width)
}

/// What is wrong with a table, in a few words.
fn why(table: &TableValidation) -> Option<String> {
    let wrong = table.findings.iter().find(|finding| finding.outcome == table.outcome);
    match (table.differing, table.source_rows.zip(table.destination_rows)) {
        _ if table.outcome == crate::protocol::Outcome::Passed => None,
        (1.., _) => Some(format!("{} differ", thousands(table.differing))),
        (0, Some((expected, found))) if expected > found => Some(format!("{} fewer", thousands(expected - found))),
        (0, Some((expected, found))) if expected < found => Some(format!("{} more", thousands(found - expected))),
        _ => wrong.map(|finding| finding.name.clone()).or(Some("Sample".to_owned())),
    }
}

fn total_line(canvas: &Canvas<'_, '_>, validation: &Validation, width: usize) -> Line<'static> {
    let total = |rows: fn(&TableValidation) -> Option<u64>| {
        let sum: u64 = validation.tables.iter().filter_map(rows).sum();
        format!("Total: {} rows", thousands(sum))
    };
    let (left, right) = (total(|table| table.source_rows), total(|table| table.destination_rows));
    let state = (outcome_role(validation.outcome), validation.outcome.sign().to_owned());
    pair(canvas, ("", &left, Role::Text), &right, Some(state), width)
}

/// The verdict, what it is about, and what is to be said of it.
fn verdict(canvas: &Canvas<'_, '_>, validation: &Validation, width: usize) -> Vec<Line<'static>> {
    let at = i64::try_from(validation.at_ms).ok().and_then(chrono::DateTime::from_timestamp_millis);
    let at = at.filter(|_| validation.at_ms > 0).map(|at| format!(" · {}", at.format("%Y-%m-%d %H:%M UTC")));
    let of = match &validation.run {
        Some(run) => format!("run {}", run.0.chars().take(8).collect::<String>()),
        None => "the source as it is".to_owned(),
    };
    let of = format!("   {of}{} · seed {}", at.unwrap_or_default(), validation.seed);
    let word = format!(" Validation: {}", validation.outcome.word());
    let left = width.saturating_sub(word.chars().count());
    let mut lines = vec![Line::from(vec![
        canvas.span(outcome_role(validation.outcome), word),
        canvas.span(Role::Muted, clip(&of, left)),
    ])];
    let remarks = validation.remarks.iter().flat_map(|remark| wrap(&clean(remark), width.saturating_sub(2)));
    lines.extend(remarks.take(REMARKS).map(|line| canvas.span(Role::Warn, format!(" {line}")).into()));
    lines.extend(metrics(canvas, validation, width));
    lines
}

/// The plan's own figures, those first that are not alike.
fn metrics(canvas: &Canvas<'_, '_>, validation: &Validation, width: usize) -> Vec<Line<'static>> {
    let mut all: Vec<&MetricResult> = validation.metrics.iter().collect();
    all.sort_by_key(|metric| std::cmp::Reverse(metric.outcome));
    let one = |metric: &&MetricResult| {
        let sign = canvas.span(outcome_role(metric.outcome), format!(" {} ", metric.outcome.sign()));
        let text = format!("{}: {}", clean(&metric.name), metric.in_words());
        Line::from(vec![sign, canvas.span(Role::Text, clip(&text, width.saturating_sub(4)))])
    };
    let mut lines: Vec<Line<'static>> = all.iter().take(METRICS).map(one).collect();
    if all.len() > METRICS {
        let more = format!(" and {} more metrics", thousands((all.len() - METRICS) as u64));
        lines.push(canvas.span(Role::Muted, more).into());
    }
    lines
}

fn draw_table(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect, table: &TableValidation) {
    let (left, right) = split_left(area, area.width / 2);
    let findings = findings(app, canvas, table, usize::from(left.width).saturating_sub(2), usize::from(left.height));
    // Something stands between the two.
    canvas.lines(Rect { width: left.width.saturating_sub(1), ..left }, findings);
    let sample = sample(app, canvas, table, usize::from(right.width), usize::from(right.height));
    canvas.lines(right, sample);
}

/// What was looked at; of what passed the details only where there is room.
fn findings(
    app: &App,
    canvas: &Canvas<'_, '_>,
    table: &TableValidation,
    width: usize,
    height: usize,
) -> Vec<Line<'static>> {
    let lines_of = |finding: &Finding, whole: bool| {
        let role = outcome_role(finding.outcome);
        let head =
            vec![canvas.span(Role::Text, format!(" {}: ", finding.name)), canvas.span(role, finding.outcome.sign())];
        let passed = finding.outcome == crate::protocol::Outcome::Passed;
        let details = finding.details.iter().filter(|_| whole || !passed);
        let details = details.flat_map(|detail| wrap(&clean(detail), width.saturating_sub(3)));
        let role = if passed { Role::Muted } else { Role::Text };
        let details = details.map(|line| Line::from(canvas.span(role, format!("   {line}"))));
        std::iter::once(Line::from(head)).chain(details.take(if whole { 3 } else { 2 })).collect::<Vec<_>>()
    };
    let of = |whole: bool| table.findings.iter().flat_map(|finding| lines_of(finding, whole)).collect::<Vec<_>>();
    let differ = (table.differing > 0).then(|| {
        let key = app.keys.word(ActionId::ProofDetail);
        let text = format!(" {} rows differ: {key} shows them", thousands(table.differing));
        Line::from(canvas.span(Role::Error, text))
    });
    let whole = of(true);
    let mut lines = if whole.len() + usize::from(differ.is_some()) <= height { whole } else { of(false) };
    lines.splice(0..0, differ);
    lines
}

/// The rows that were drawn, those first that do not match.
fn sample(
    app: &App,
    canvas: &Canvas<'_, '_>,
    table: &TableValidation,
    width: usize,
    height: usize,
) -> Vec<Line<'static>> {
    let (drawn, matching) = (thousands(table.sample.drawn), thousands(table.sample.matching));
    let mut lines: Vec<Line<'static>> = vec![
        canvas.span(Role::Text, format!("Checking {drawn} random rows:")).into(),
        canvas.span(Role::Header, "Source | Destination | Match").into(),
    ];
    let rows = app.validate.table.value.as_ref().filter(|whole| whole.to == table.to).map(|whole| &whole.sample.rows);
    let space = height.saturating_sub(4);
    match (rows, &app.validate.table.error) {
        (Some(rows), _) => {
            let (right, wrong): (Vec<&SampleRow>, Vec<&SampleRow>) = rows.iter().partition(|row| row.matches);
            lines.extend(wrong.into_iter().chain(right).take(space).map(|row| sample_line(canvas, row, width)));
        }
        (None, Some(error)) => lines.push(canvas.span(Role::Error, format!("✗ {error}")).into()),
        (None, None) => lines.push(canvas.span(Role::Muted, "reading…").into()),
    }
    lines.push(canvas.span(Role::Text, format!("... ({matching} of {drawn} match)")).into());
    let outcome = table.sample.outcome;
    lines.push(canvas.span(outcome_role(outcome), format!("Verification: {}", outcome.word())).into());
    lines
}

fn sample_line(canvas: &Canvas<'_, '_>, row: &SampleRow, width: usize) -> Line<'static> {
    let (role, sign) = if row.matches { (Role::Ok, "✓") } else { (Role::Error, "✗") };
    let (source, destination) = sides(row);
    let each = (width.saturating_sub(8) / 2).max(4);
    Line::from(vec![
        canvas.span(Role::Text, format!("{} | {} | ", clip(&source, each), clip(&destination, each))),
        canvas.span(role, sign),
    ])
}

/// What a row of a sample is called on each side.
fn sides(row: &SampleRow) -> (String, String) {
    let source = key_words(&row.key, false);
    let destination = if row.destination.is_empty() { "not there".to_owned() } else { source.clone() };
    (source, destination)
}
