//! A table of the run in detail.

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        app::{App, figures},
        theme::Role,
        widgets::{Canvas, centred, wrap},
    },
    model::{Count, TablePhase, minutes_left, thousands},
};

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect, name: &str) {
    let place = centred(area, 60, 16);
    let inner = canvas.popup(place, name, "esc close");
    let figures = figures(&app.run);
    let table = figures.tables.iter().find(|table| table.name == name);
    let progress = app.run.snapshot.tables.iter().find(|table| table.to == name);
    let (Some(table), Some(progress)) = (table, progress) else { return };
    let state = match table.phase {
        TablePhase::Waiting => "waits for its turn",
        TablePhase::Running => "running",
        TablePhase::Parked => "parked: errors wait for an answer",
        TablePhase::Held => "held",
        TablePhase::Done => "done",
    };
    let rows = match table.rows {
        Count::Exact(rows) => thousands(rows),
        Count::Estimate(rows) => format!("~{} (estimate)", thousands(rows)),
        Count::Unknown => "not known".into(),
    };
    let left = table.rows.rows().map(|rows| rows.saturating_sub(table.done));
    let left = left.zip(table.speed).and_then(|(left, speed)| minutes_left(left, speed));
    let counts = table.counts;
    let pairs = [
        ("Source table", progress.from.clone()),
        ("State", state.to_owned()),
        ("Source rows", rows),
        ("Read", thousands(counts.read)),
        ("Written", thousands(counts.written)),
        ("Skipped", thousands(counts.skipped)),
        ("Flagged", thousands(counts.flagged)),
        ("Left out by the filter", thousands(counts.filtered)),
        ("Open errors", thousands(table.open as u64)),
        ("Speed", table.speed.map_or("—".into(), |speed| format!("{} rows/minute", thousands(speed)))),
        ("Estimated", left.map_or("—".into(), |left| format!("{left} remaining"))),
    ];
    let mut lines: Vec<Line<'static>> = pairs
        .into_iter()
        .map(|(name, value)| {
            Line::from(vec![canvas.span(Role::Muted, format!(" {name:<24}")), canvas.span(Role::Text, value)])
        })
        .collect();
    if let Some(why) = &progress.held {
        let why = wrap(why, usize::from(inner.width).saturating_sub(2));
        lines.extend(why.into_iter().map(|line| canvas.span(Role::Error, format!(" {line}")).into()));
    }
    canvas.lines(inner, lines);
}
