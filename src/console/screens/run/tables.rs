//! A line per table: name, bar, percent, rows, speed, flagged.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    console::{
        app::{App, Figures, TableFigures},
        theme::Role,
        widgets::{Canvas, Hit, fit, fit_right, window},
    },
    model::{Count, TablePhase, bar, display_width, thousands},
};

/// What each column of the list takes.
struct Widths {
    name: usize,
    bar: usize,
    rows: usize,
    speed: usize,
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect, figures: &Figures) {
    let tables = &figures.tables;
    if tables.is_empty() {
        let line = canvas.span(Role::Muted, " No table yet");
        return canvas.line(area, 0, line);
    }
    let cursor = app.run.cursor.0.min(tables.len() - 1);
    let shown = window(cursor, tables.len(), usize::from(area.height));
    let widths = Widths::of(&tables[shown.clone()], usize::from(area.width));
    for (row, place) in shown.enumerate() {
        let line = table_line(canvas, &tables[place], &widths, place == cursor);
        canvas.line(area, row as u16, line);
        canvas.hit(area, row as u16, Hit::Row(place));
    }
}

impl Widths {
    /// Of the tables on the screen: there may be thousands.
    fn of(tables: &[TableFigures], width: usize) -> Self {
        let longest = |of: fn(&TableFigures) -> usize| tables.iter().map(of).max().unwrap_or(0);
        let rows = longest(|table| display_width(&rows_text(table)));
        let speed = longest(|table| display_width(&speed_text(table)));
        let words = longest(|table| words(table).iter().map(|(_, text)| display_width(text) + 2).sum());
        let name = longest(|table| display_width(&table.name)).clamp(4, 24);
        let rest =
            width.saturating_sub(2 + 1 + 6 + 2 + rows + 2 + speed + words.min(if width < 100 { 18 } else { 30 }));
        let name = name.min(rest.saturating_sub(8)).max(4);
        Self { name, bar: rest.saturating_sub(name).clamp(4, 20), rows, speed }
    }
}

/// A bar of exactly `width` columns.
pub(super) fn bar_text(done: u64, of: u64, width: usize) -> (String, String) {
    let filled = usize::from(bar(done, of, width as u16)).min(width);
    ("█".repeat(filled), "░".repeat(width - filled))
}

fn table_line(canvas: &Canvas<'_, '_>, table: &TableFigures, widths: &Widths, here: bool) -> Line<'static> {
    let role = match table.phase {
        TablePhase::Waiting => Role::Muted,
        _ => Role::Text,
    };
    let (filled, rest) = match (table.phase, table.rows.rows()) {
        (TablePhase::Done, _) => bar_text(1, 1, widths.bar),
        (_, None) => bar_text(0, 1, widths.bar),
        (_, Some(rows)) => bar_text(table.done.min(rows.saturating_sub(1)), rows.max(1), widths.bar),
    };
    let mut spans = vec![
        canvas.span(Role::Key, if here { "▸ " } else { "  " }),
        canvas.span(if here { Role::Header } else { role }, fit(&table.name, widths.name)),
        Span::raw(" "),
        canvas.span(Role::Gauge, filled),
        canvas.span(Role::GaugeRest, rest),
        canvas.span(role, format!("{}  ", fit_right(&percent_text(table), 6))),
        canvas.span(role, fit_right(&rows_text(table), widths.rows)),
        canvas.span(Role::Muted, format!("  {}", fit_right(&speed_text(table), widths.speed))),
    ];
    spans.extend(words(table).into_iter().map(|(role, text)| canvas.span(role, format!("  {text}"))));
    Line::from(spans)
}

fn percent_text(table: &TableFigures) -> String {
    match (table.phase, table.percent) {
        (TablePhase::Done, _) => "done".into(),
        (TablePhase::Waiting, Some(0) | None) => "—".into(),
        (_, Some(percent)) => format!("{percent} %"),
        (_, None) => "?".into(),
    }
}

pub(super) fn count_text(count: Count) -> String {
    match count {
        Count::Exact(rows) => thousands(rows),
        Count::Estimate(rows) => format!("~{}", thousands(rows)),
        Count::Unknown => "?".into(),
    }
}

fn rows_text(table: &TableFigures) -> String {
    match table.phase {
        TablePhase::Done => thousands(table.done),
        _ => format!("{} / {}", thousands(table.done), count_text(table.rows)),
    }
}

fn speed_text(table: &TableFigures) -> String {
    table.speed.map(|speed| format!("{} rows/min", thousands(speed))).unwrap_or_default()
}

/// What else there is to say, the worst first.
fn words(table: &TableFigures) -> Vec<(Role, String)> {
    let mut words = Vec::new();
    match table.phase {
        TablePhase::Held => words.push((Role::Error, "held".into())),
        TablePhase::Parked => words.push((Role::Warn, "parked".into())),
        _ => {}
    }
    if table.open > 0 {
        words.push((Role::Error, format!("{} open", thousands(table.open as u64))));
    }
    if table.counts.flagged > 0 {
        words.push((Role::Warn, format!("{} flagged", thousands(table.counts.flagged))));
    }
    words
}
