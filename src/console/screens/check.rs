//! Check: what must hold before a start, each with its reason.

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        app::{App, Fetched, Request},
        keys::{ActionId, Availability, KeyPress, availability},
        theme::Role,
        widgets::{Canvas, Cursor, Hit, window, wrap},
    },
    protocol::{CheckItem, CheckState},
};

#[derive(Debug, Default)]
pub struct CheckScreen {
    pub list: Fetched<Vec<CheckItem>>,
    pub cursor: Cursor,
}

impl CheckScreen {
    /// What the operator is asked to confirm before a start.
    pub fn unconfirmed(&self) -> impl Iterator<Item = &CheckItem> {
        self.list.value.iter().flatten().filter(|check| check.state == CheckState::Unconfirmed)
    }
}

impl App {
    pub fn check_key(&mut self, key: KeyPress) -> bool {
        let (len, page) = (self.check.list.value.as_ref().map_or(0, Vec::len), self.page());
        self.check.cursor.key(key, len, page)
    }

    pub fn check_action(&mut self, id: ActionId) {
        if id == ActionId::RunChecks {
            self.check.list.error = None;
            self.ask_checks();
        }
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let inner = canvas.panel(area, canvas.title("Checks before the migration"), true);
    let width = usize::from(inner.width);
    let asking = app.pending.has(&Request::Check);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut cursor_line = 0;
    let mut places = Vec::new();
    for (place, check) in app.check.list.value.iter().flatten().enumerate() {
        if place == app.check.cursor.0 {
            cursor_line = lines.len();
        }
        lines.extend(check_lines(canvas, check, width, place == app.check.cursor.0));
        places.resize(lines.len(), place);
    }
    if let Some(error) = &app.check.list.error {
        let text = format!("✗ The checks could not be run: {error}");
        lines.extend(wrap(&text, width).into_iter().map(|line| canvas.span(Role::Error, line).into()));
    }
    if asking {
        let text = if lines.is_empty() { " Running the checks…" } else { " Running the checks again…" };
        lines.insert(0, canvas.span(Role::Warn, text).into());
        lines.insert(1, Line::raw(""));
        cursor_line += 2;
        places.splice(0..0, [0, 0]);
    }
    let verdict = verdict(app, canvas, asking);
    let space = usize::from(inner.height).saturating_sub(2);
    let rows = window(cursor_line, lines.len(), space);
    for (row, place) in places.iter().skip(rows.start).take(rows.len()).enumerate() {
        canvas.hit(inner, row as u16, Hit::Row(*place));
    }
    canvas.lines(inner, lines.drain(rows));
    canvas.line(inner, inner.height.saturating_sub(1), verdict);
}

fn check_lines(canvas: &Canvas<'_, '_>, check: &CheckItem, width: usize, here: bool) -> Vec<Line<'static>> {
    let (role, sign) = match check.state {
        CheckState::Passed => (Role::Ok, "✓"),
        CheckState::Warned => (Role::Warn, "!"),
        CheckState::Unconfirmed => (Role::Warn, "?"),
        CheckState::Failed => (Role::Error, "✗"),
    };
    let head = vec![
        canvas.span(Role::Key, if here { "▸" } else { " " }),
        canvas.span(role, sign),
        canvas.span(if here { Role::Header } else { Role::Text }, format!(" {}", check.name)),
    ];
    let role = if check.state == CheckState::Passed { Role::Muted } else { Role::Text };
    let details = check.details.iter().flat_map(|detail| wrap(detail, width.saturating_sub(6)));
    let details = details.map(|line| canvas.span(role, format!("     {line}")).into());
    std::iter::once(Line::from(head)).chain(details).collect()
}

fn verdict(app: &App, canvas: &Canvas<'_, '_>, asking: bool) -> Line<'static> {
    match availability(ActionId::Start, app) {
        _ if asking || app.check.list.value.is_none() => Line::raw(""),
        Availability::Yes if app.check.unconfirmed().next().is_some() => canvas
            .span(
                Role::Warn,
                app.keys.spell(" Ready once you confirm what stands by ?: {start} asks, then starts the migration"),
            )
            .into(),
        Availability::Yes => canvas.span(Role::Ok, app.keys.spell(" Ready: {start} starts the migration")).into(),
        Availability::No(why) => canvas.span(Role::Warn, format!(" Start is locked: {why}")).into(),
    }
}
