//! The restore point under the cursor: what it keeps, what going back would do, and what it came to.

use ratatui::{layout::Rect, text::Line};

use super::{moment, outcome_role, size};
use crate::{
    console::{
        app::{App, Request},
        keys::ActionId,
        theme::Role,
        widgets::{Canvas, split_top, wrap},
    },
    model::thousands,
    protocol::{Held, KeptTable, OthersShown, Outcome, PointState, Restoration, RestorePoint, RestorePreview},
};

type Said = (Role, String);

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect, point: &RestorePoint) {
    canvas.rule(area, 0, title(app, point));
    let (_, rest) = split_top(area, 1);
    let width = usize::from(rest.width).saturating_sub(2);
    let wrapped = lines(app, point).into_iter().flat_map(|(role, text)| {
        // What hangs under a line is as far in as it.
        let indent = text.len() - text.trim_start().len();
        let lines = wrap(text.trim_start(), width.saturating_sub(indent));
        lines.into_iter().map(move |line| (role, format!(" {}{line}", " ".repeat(indent))))
    });
    let mut shown: Vec<Line<'static>> = wrapped.map(|(role, text)| canvas.span(role, text).into()).collect();
    let space = usize::from(rest.height);
    if shown.len() > space && space > 0 {
        let more = shown.len() + 1 - space;
        shown.truncate(space - 1);
        let key = app.keys.word(ActionId::PreviewRestore);
        shown
            .push(canvas.span(Role::Hint, format!(" … {} more lines: {key} shows all", thousands(more as u64))).into());
    }
    canvas.lines(rest, shown);
}

fn title(app: &App, point: &RestorePoint) -> &'static str {
    match (app.outcome_of(&point.name), app.restore.preview_of(&point.name)) {
        (Some(_), _) => "What going back came to",
        (None, Some(_)) => "What going back would do",
        (None, None) => "What it keeps",
    }
}

/// Everything that is known of it now, the weightiest first.
pub(super) fn lines(app: &App, point: &RestorePoint) -> Vec<Said> {
    let mut lines = match (app.outcome_of(&point.name), &app.restore.preview) {
        (Some(Ok(restored)), _) => came_to(restored),
        (Some(Err(why)), _) => vec![(Role::Error, format!("✗ Not gone back: {why}"))],
        (None, Some((name, Ok(preview)))) if *name == point.name => would_do(app, preview),
        (None, Some((name, Err(why)))) if *name == point.name => vec![(Role::Error, format!("✗ {why}"))],
        (None, _) => Vec::new(),
    };
    if !lines.is_empty() {
        lines.push((Role::Text, String::new()));
    }
    if app.pending.has(&Request::RestorePreview(point.name.clone())) {
        lines.push((Role::Warn, "Reading what is kept and what is there…".into()));
    }
    lines.extend(keeps(point));
    if lines.len() == keeps(point).len() && point.state != PointState::Purged {
        let key = app.keys.word(ActionId::PreviewRestore);
        lines.push((Role::Text, String::new()));
        lines.push((Role::Muted, format!("{key} reads what going back would do. Nothing is written.")));
    }
    lines
}

fn keeps(point: &RestorePoint) -> Vec<Said> {
    let before = match &point.before {
        Some(before) => format!("before going back to {before}"),
        None => format!("before run {}", point.run),
    };
    let until = moment(point.until_ms);
    let until = match point.state {
        PointState::Expired => format!("its time was over {until}; it can be gone back to until it is purged"),
        PointState::Purged => "what it kept is gone from this host".to_owned(),
        PointState::Interrupted => "going back to it was cut off: going back again goes on with it".to_owned(),
        PointState::Ready => format!("kept until {until}"),
    };
    let rows = format!("{} rows of {}", thousands(point.rows), counted(point.tables.len(), "table"));
    let mut lines = vec![
        (Role::Text, format!("Made {} by {}, {before}", moment(point.made_ms), point.by)),
        (Role::Text, format!("{rows}, {} on this host; {until}", size(point.bytes))),
        (Role::Muted, format!("Plan: {} ({})", point.plan_name, point.plan)),
    ];
    lines.extend(point.restored_ms.map(|at| (Role::Muted, format!("Last gone back to {}", moment(at)))));
    if point.tables.iter().any(|table| table.sealed) {
        lines.push((Role::Warn, "Encrypted: going back asks for the file with its key".to_owned()));
    }
    lines.extend(drilled(point));
    lines.extend(point.tables.iter().map(|table| (Role::Text, format!("  {}", kept(table)))));
    lines
}

/// Whether the way back was tried.
fn drilled(point: &RestorePoint) -> Option<Said> {
    match (&point.drilled, point.state) {
        (Some(drilled), _) => {
            let took = drilled.took_ms.div_ceil(1000);
            let said = format!("Drilled {}: {} in {took} s", moment(drilled.at_ms), drilled.outcome.word());
            Some((outcome_role(drilled.outcome), said))
        }
        (None, PointState::Ready | PointState::Expired) => {
            Some((Role::Muted, format!("Not drilled: `whimbrel restore {} --drill` tries the way back", point.name)))
        }
        (None, _) => None,
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(count as u64))
}

fn kept(table: &KeptTable) -> String {
    match table.held {
        Held::Absent => format!("{}: was not there", table.table),
        Held::Empty => format!("{}: was empty", table.table),
        Held::File => format!("{}: a file of {}", table.table, size(table.bytes)),
        Held::Journal => {
            let (rows, size) = (thousands(table.rows), size(table.bytes));
            format!("{}: {rows} rows that the run took the place of, {size}", table.table)
        }
        Held::Rows => format!("{}: {} rows, {}", table.table, thousands(table.rows), size(table.bytes)),
    }
}

/// What keeps it from being done and what would be lost come before what would be done.
fn would_do(app: &App, preview: &RestorePreview) -> Vec<Said> {
    let mut lines: Vec<Said> =
        preview.refusals.iter().map(|why| (Role::Error, format!("✗ Cannot be done: {why}"))).collect();
    lines.extend(preview.wants_discard.iter().map(|what| (Role::Error, format!("! {what}"))));
    if preview.refusals.is_empty() && !preview.wants_discard.is_empty() {
        let (key, keep) = (app.keys.word(ActionId::ExportOthers), if preview.may_keep() { ", or is kept" } else { "" });
        let ways = format!("What others wrote would be gone: going back asks whether it may{keep}. {key} exports it.");
        lines.push((Role::Warn, format!("  {ways}")));
    }
    lines.extend(preview.remarks.iter().map(|remark| (Role::Warn, format!("Note: {remark}"))));
    for table in &preview.tables {
        lines.push((Role::Text, format!("  {}", table.words())));
        let shown = table.shown.iter().flat_map(OthersShown::lines);
        lines.extend(shown.map(|line| (Role::Warn, format!("    others: {line}"))));
    }
    lines.extend(
        preview.runs.iter().map(|run| (Role::Text, format!("Run {run} is taken back; its faults and answers stay"))),
    );
    if preview.refusals.is_empty() {
        let key = app.keys.word(ActionId::GoBack);
        lines.push((
            Role::Muted,
            format!("{key} goes back. What is there now is kept before, as another restore point."),
        ));
    }
    lines
}

fn came_to(restored: &Restoration) -> Vec<Said> {
    let seconds = restored.took_ms.div_ceil(1_000);
    let mut lines = vec![(
        outcome_role(restored.outcome),
        format!("Restore: {}   in {} s", restored.outcome.word(), thousands(seconds)),
    )];
    for table in &restored.tables {
        let role = if table.outcome == Outcome::Passed { Role::Text } else { outcome_role(table.outcome) };
        lines.push((role, format!("  {}", table.words())));
        lines.extend(table.differs.iter().map(|what| (Role::Error, format!("    {what}"))));
    }
    lines.extend(restored.remarks.iter().map(|remark| (Role::Warn, format!("Note: {remark}"))));
    lines.extend(
        restored.runs.iter().map(|run| (Role::Text, format!("Run {run} is taken back; its faults and answers stay"))),
    );
    lines.push((Role::Muted, format!("The way back from here: {}", restored.before)));
    lines
}
