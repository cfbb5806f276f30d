//! A group of flagged rows, fixed by an expression: tried on all of them first, then they are written.
//!
//! One idea: what was previewed is what is done. Enter previews; only the text that the preview is of can be applied.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{After, column::as_name};
use crate::{
    console::{
        app::{App, Request},
        keys::{KeyPress, Motion, moved},
        theme::Role,
        widgets::{Canvas, Field, fit, shown_cell, split_left, split_top, window, wrap},
    },
    model::{FaultId, thousands},
    protocol::{Ask, Fix, FixPreview, FixedRow},
};

#[derive(Clone, Debug)]
pub struct FixForm {
    /// What the rows have in common.
    about: String,
    faults: Vec<FaultId>,
    column: Field,
    expr: Field,
    on_expr: bool,
    /// What the expression would make of the rows.
    preview: Option<Result<FixPreview, String>>,
    cursor: usize,
    note: Option<&'static str>,
}

impl FixForm {
    /// `column`: the source column that fails, where there is one.
    pub fn new(about: String, faults: Vec<FaultId>, column: Option<&str>) -> Self {
        let expr = column.map(as_name).unwrap_or_default();
        Self {
            about,
            faults,
            column: Field::new(column.unwrap_or_default()),
            expr: Field::new(&expr),
            on_expr: column.is_some(),
            preview: None,
            cursor: 0,
            note: None,
        }
    }

    pub fn field(&mut self) -> &mut Field {
        if self.on_expr { &mut self.expr } else { &mut self.column }
    }

    /// A row that was pointed at.
    pub fn choose(&mut self, place: usize) -> bool {
        self.cursor = place;
        false
    }

    fn fix(&self) -> Fix {
        Fix { column: self.column.text().trim().to_owned(), expr: self.expr.text().trim().to_owned() }
    }

    /// The preview, if it is of what stands in the fields.
    fn current(&self) -> Option<&FixPreview> {
        self.preview.as_ref()?.as_ref().ok().filter(|preview| preview.fix == self.fix())
    }

    pub fn take(&mut self, fix: &Fix, preview: Result<FixPreview, String>) {
        if *fix == self.fix() {
            self.cursor = 0;
            self.preview = Some(preview);
        }
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        self.note = None;
        match (Motion::arrow(key), ()) {
            _ if key.is("esc") => return After::Close,
            _ if key.is("tab") || key.is("shift-tab") => self.on_expr = !self.on_expr,
            _ if key.is("enter") => return self.enter(app),
            (Some(motion @ (Motion::Up | Motion::Down | Motion::PageUp | Motion::PageDown)), ()) => {
                let len = self.current().map_or(0, |preview| preview.rows.len());
                self.cursor = moved(motion, self.cursor, len, app.page());
            }
            _ => _ = self.field().key(key),
        }
        After::Stay
    }

    /// Previews what stands there; where that was previewed, does it.
    fn enter(&mut self, app: &mut App) -> After {
        let fix = self.fix();
        if fix.column.is_empty() || fix.expr.is_empty() {
            self.note = Some("A source column and an expression are needed");
            return After::Stay;
        }
        if self.current().is_some() {
            app.retry_group(self.faults.clone(), Some(fix));
            return After::Close;
        }
        self.preview = None;
        app.ask(Request::PreviewFix(fix.clone()), Ask::PreviewFix { faults: self.faults.clone(), fix });
        After::Stay
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let count = thousands(self.faults.len() as u64);
        let title = format!("Fix {count} rows");
        let hint = match self.current() {
            Some(_) => format!("enter try {count} rows again · ↑↓ rows · tab field · esc cancel"),
            None => "enter preview · tab field · esc cancel".to_owned(),
        };
        let inner = canvas.popup(area, &title, &hint);
        let line = canvas.span(Role::Muted, format!(" {}", self.about));
        canvas.line(inner, 0, line);
        for (row, (name, field, here)) in
            [("Column", &self.column, !self.on_expr), ("becomes", &self.expr, self.on_expr)].into_iter().enumerate()
        {
            let (_, rest) = split_top(inner, row as u16 + 1);
            let (label, place) = split_left(Rect { height: rest.height.min(1), ..rest }, 10);
            let role = if here { Role::Key } else { Role::Muted };
            let span = canvas.span(role, format!("{}{name}", if here { "▸" } else { " " }));
            canvas.line(label, 0, span);
            field.draw(canvas, Rect { width: place.width.saturating_sub(1), ..place }, here);
        }
        let (_, rest) = split_top(inner, 4);
        self.draw_preview(app, canvas, rest);
    }

    fn draw_preview(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let width = usize::from(area.width);
        let say = |role: Role, text: &str| -> Vec<(Role, String)> {
            wrap(text, width.saturating_sub(2)).into_iter().map(|line| (role, line)).collect()
        };
        let asking = app.pending.any(|request| matches!(request, Request::PreviewFix(_)));
        let said = match (&self.note, &self.preview, self.current()) {
            (Some(note), ..) => say(Role::Error, &format!("✗ {note}")),
            (None, Some(Err(why)), _) => say(Role::Error, &format!("✗ {why}")),
            (None, _, Some(preview)) => say(Role::Text, &summary(preview)),
            (None, ..) if asking => say(Role::Warn, "Trying it on the rows…"),
            (None, ..) => say(
                Role::Muted,
                "An SQL expression over the row's source columns, as in the plan: trim(name), \
                 regexp_replace(id, '[^0-9]', ''). Nothing is written before you have seen what it makes.",
            ),
        };
        let height = said.len() as u16;
        let lines: Vec<Line<'static>> =
            said.into_iter().map(|(role, text)| canvas.span(role, format!(" {text}")).into()).collect();
        canvas.lines(area, lines);
        let Some(preview) = self.current() else { return };
        let (_, rest) = split_top(area, height + 1);
        for (row, at) in window(self.cursor, preview.rows.len(), usize::from(rest.height)).enumerate() {
            let line = row_line(canvas, &preview.rows[at], at == self.cursor, width);
            canvas.row(rest, row as u16, line, at, at == self.cursor);
        }
    }
}

fn summary(preview: &FixPreview) -> String {
    let failing = match preview.failing {
        0 => "none would still fail".to_owned(),
        failing => format!("{} would still fail and stay flagged", thousands(failing)),
    };
    format!("{} change, {} stay as they are; {failing}.", thousands(preview.changed), thousands(preview.unchanged))
}

fn row_line(canvas: &Canvas<'_, '_>, row: &FixedRow, here: bool, width: usize) -> Line<'static> {
    let value = (width.saturating_sub(20) / 3).max(6);
    let (before, role) = shown_cell(&row.before);
    let mut spans = vec![
        canvas.span(Role::Key, if here { "▸" } else { " " }),
        canvas.span(Role::Muted, fit(&format!("row {}", thousands(row.row)), 13)),
        canvas.span(role, fit(&before, value)),
        canvas.span(Role::Muted, " → "),
    ];
    let (after, role) = match &row.after {
        Some(cell) if *cell == row.before => (shown_cell(cell).0, Role::Muted),
        Some(cell) => (shown_cell(cell).0, Role::Changed),
        None => (String::new(), Role::Text),
    };
    spans.push(canvas.span(role, fit(&after, value)));
    spans.push(match &row.problem {
        Some(problem) => canvas.span(Role::Error, format!(" ✗ {}", fit(problem, width.saturating_sub(2 * value + 20)))),
        None => Span::raw(""),
    });
    Line::from(spans)
}
