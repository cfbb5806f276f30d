//! Review: flagged rows by column and cause; each is edited and tried again, tried again as it is, or given up.

use std::collections::BTreeMap;

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        app::{App, Fetched, Request},
        keys::{ActionId, KeyPress},
        overlays::{Input, Overlay, Purpose, RowEditor},
        theme::Role,
        widgets::{Canvas, Cursor, Field, fit, shown_cell, split_left, split_top, window, wrap},
    },
    model::{Fault, FaultId, NamedCell, thousands},
    protocol::{Ask, ReviewAction, ReviewItem, ReviewState},
};

#[derive(Debug, Default)]
pub struct ReviewScreen {
    pub list: Fetched<Vec<ReviewItem>>,
    cursor: Cursor,
    pub filter: Field,
    /// Whether the filter takes what is typed.
    pub filtering: bool,
    /// Why the last attempt with a row failed.
    failures: BTreeMap<FaultId, String>,
}

impl ReviewScreen {
    /// Rows that the filter lets through; groups stand together.
    fn visible(&self) -> Vec<&ReviewItem> {
        let filter = self.filter.text().to_lowercase();
        let matches = |item: &&ReviewItem| {
            let fault = &item.fault;
            let text = format!("{} {} {} {}", fault.table, fault.shown_column(), fault.cause, fault.message);
            text.to_lowercase().contains(&filter)
        };
        self.list.value.iter().flatten().filter(matches).collect()
    }

    pub fn current(&self) -> Option<&ReviewItem> {
        let visible = self.visible();
        visible.get(self.cursor.0.min(visible.len().saturating_sub(1))).copied()
    }

    pub fn take(&mut self, list: Result<Vec<ReviewItem>, String>) {
        self.list.take(list.map(|mut items| {
            items.sort_by_cached_key(|item| (group(&item.fault), item.fault.row));
            items
        }));
    }

    /// What became of an attempt with a row.
    pub fn acted(&mut self, fault: &FaultId, item: Result<ReviewItem, String>) {
        match item {
            Ok(item) => {
                self.failures.remove(fault);
                let place = self.list.value.iter_mut().flatten().find(|old| old.fault.id == *fault);
                if let Some(place) = place {
                    *place = item;
                }
            }
            Err(error) => {
                self.failures.insert(fault.clone(), error);
            }
        }
    }
}

fn group(fault: &Fault) -> (String, String, String) {
    (fault.table.clone(), fault.shown_column().to_owned(), fault.cause.to_string())
}

impl App {
    pub fn review_key(&mut self, key: KeyPress) -> bool {
        let page = self.page();
        let review = &mut self.review;
        if review.filtering {
            match () {
                () if key.is("enter") || key.is("down") => review.filtering = false,
                () if key.is("esc") => {
                    review.filtering = false;
                    review.filter.set("");
                }
                () => _ = review.filter.key(key),
            }
            review.cursor = Cursor(0);
            return true;
        }
        let len = review.visible().len();
        review.cursor.hold(len);
        review.cursor.key(key, len, page)
    }

    pub fn review_action(&mut self, id: ActionId) {
        let current = self.review.current().map(|item| item.fault.clone());
        match (id, current) {
            (ActionId::FilterReview, _) => self.review.filtering = true,
            (ActionId::ReloadReview, _) => self.ask(Request::Review, Ask::Review { run: None }),
            (ActionId::EditRow, Some(fault)) => {
                self.open(Overlay::Row(Box::new(RowEditor::new(fault, Purpose::Review))))
            }
            (ActionId::RetryRow, Some(fault)) => self.retry_flagged(fault.id, Vec::new()),
            (ActionId::DiscardRow, Some(fault)) => self.open(Overlay::Input(Input::discard(&fault))),
            _ => {}
        }
    }

    pub fn retry_flagged(&mut self, fault: FaultId, cells: Vec<NamedCell>) {
        self.act(fault, ReviewAction::Retry { cells });
    }

    pub fn act(&mut self, fault: FaultId, action: ReviewAction) {
        self.ask(Request::Act(fault.clone()), Ask::Act { fault, action });
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let (left, right) = split_left(area, (area.width / 2).clamp(30, 64));
    let visible = app.review.visible();
    let flagged = visible.iter().filter(|item| item.state == ReviewState::Flagged).count();
    let title = canvas.title(&format!("Flagged rows · {} wait", thousands(flagged as u64)));
    let inner = canvas.panel(left, title, true);
    let inner = draw_filter(app, canvas, inner);
    draw_list(app, canvas, inner, &visible);
    let title = app.review.current().map(|item| format!("Row {} of {}", thousands(item.fault.row), item.fault.table));
    let inner = canvas.panel(right, canvas.title(title.as_deref().unwrap_or("Row")), false);
    if let Some(item) = app.review.current() {
        draw_detail(app, canvas, inner, item);
    }
}

fn draw_filter(app: &App, canvas: &mut Canvas<'_, '_>, inner: Rect) -> Rect {
    let review = &app.review;
    if !review.filtering && review.filter.is_empty() {
        return inner;
    }
    let (line, rest) = split_top(inner, 1);
    let slash = canvas.span(Role::Key, " / ");
    canvas.line(line, 0, slash);
    let place = Rect { x: line.x + 3, width: line.width.saturating_sub(3), ..line };
    review.filter.draw(canvas, place, review.filtering);
    rest
}

fn draw_list(app: &App, canvas: &mut Canvas<'_, '_>, inner: Rect, visible: &[&ReviewItem]) {
    let width = usize::from(inner.width);
    if visible.is_empty() {
        let asking = app.pending.has(&Request::Review);
        let lines = match (&app.review.list.error, asking, app.review.filter.is_empty()) {
            (Some(error), false, _) => wrap(&format!("✗ {error}"), width),
            (_, true, _) => vec![" Reading the flagged rows…".into()],
            (_, false, true) => vec![" No row is flagged.".into()],
            (_, false, false) => vec![" No row has that".into()],
        };
        let lines: Vec<Line<'static>> = lines.into_iter().map(|line| canvas.span(Role::Muted, line).into()).collect();
        return canvas.lines(inner, lines);
    }
    let cursor = app.review.cursor.0.min(visible.len() - 1);
    let (mut lines, mut cursor_line, mut last) = (Vec::new(), 0, None);
    for (place, item) in visible.iter().enumerate() {
        let group = group(&item.fault);
        if last.as_ref() != Some(&group) {
            let alike = visible.iter().filter(|other| self::group(&other.fault) == group).count();
            let text = format!("{}.{} · {} ({alike})", group.0, group.1, group.2);
            lines.push(canvas.span(Role::Header, fit(&text, width)).into());
            last = Some(group);
        }
        if place == cursor {
            cursor_line = lines.len();
        }
        lines.push(item_line(app, canvas, item, place == cursor, width));
    }
    let rows = window(cursor_line, lines.len(), usize::from(inner.height));
    let shown: Vec<Line<'static>> = lines.drain(rows.clone()).collect();
    canvas.lines(inner, shown);
    canvas.mark(inner, (cursor_line - rows.start) as u16, Role::Selection);
}

fn item_line(app: &App, canvas: &Canvas<'_, '_>, item: &ReviewItem, here: bool, width: usize) -> Line<'static> {
    let fault = &item.fault;
    let working = app.pending.has(&Request::Act(fault.id.clone()));
    let (role, state) = match item.state {
        _ if working => (Role::Warn, "… working"),
        ReviewState::Flagged if app.review.failures.contains_key(&fault.id) => (Role::Error, "✗ failed"),
        ReviewState::Flagged => (Role::Warn, "! flagged"),
        ReviewState::Written => (Role::Ok, "✓ written"),
        ReviewState::Discarded => (Role::Muted, "- discarded"),
    };
    let value = fault.value.as_ref().map(|cell| shown_cell(cell).0).unwrap_or_default();
    let row = format!("row {}", thousands(fault.row));
    Line::from(vec![
        canvas.span(Role::Key, if here { "▸ " } else { "  " }),
        canvas.span(Role::Text, fit(&row, 11)),
        canvas.span(Role::Changed, format!(" {}", fit(&value, width.saturating_sub(26)))),
        canvas.span(role, format!(" {}", fit(state, 11))),
    ])
}

fn draw_detail(app: &App, canvas: &mut Canvas<'_, '_>, inner: Rect, item: &ReviewItem) {
    let width = usize::from(inner.width).saturating_sub(1);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut say = |role: Role, text: &str| {
        lines.extend(wrap(text, width).into_iter().map(|line| canvas.span(role, format!(" {line}")).into()));
    };
    fault_words(&item.fault).into_iter().for_each(|(role, text)| say(role, &text));
    match (app.review.failures.get(&item.fault.id), item.state) {
        (Some(why), ReviewState::Flagged) => say(Role::Error, &format!("✗ The last try failed: {why}")),
        (_, ReviewState::Written) => say(Role::Ok, &format!("✓ Written{}", by(item))),
        (_, ReviewState::Discarded) => say(Role::Muted, &format!("Discarded{}", by(item))),
        _ => {}
    }
    say(Role::Text, "");
    lines.extend(item.fault.cells.iter().map(|named| cell_line(canvas, named, &item.fault, width)));
    canvas.lines(inner, lines);
}

fn by(item: &ReviewItem) -> String {
    let by = item.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let reason = item.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    by + &reason
}

/// A fault in the product's words.
pub fn fault_words(fault: &Fault) -> Vec<(Role, String)> {
    let value = fault.value.as_ref().map(|cell| match cell {
        crate::model::Cell::Null => "NULL".to_owned(),
        cell => format!("\"{}\"", shown_cell(cell).0),
    });
    let column = fault.shown_column();
    let what = match value {
        Some(value) => format!("Column '{column}' has invalid value: {value}"),
        None => format!("Column '{column}': {}", fault.message),
    };
    let mut words = vec![(Role::Error, what), (Role::Text, format!("Expected: {}", fault.expected))];
    if fault.value.is_some() && !fault.message.is_empty() {
        words.push((Role::Muted, fault.message.clone()));
    }
    words
}

fn cell_line(canvas: &Canvas<'_, '_>, named: &NamedCell, fault: &Fault, width: usize) -> Line<'static> {
    let (text, role) = shown_cell(&named.cell);
    let role = if fault.column.as_deref() == Some(named.name.as_str()) { Role::Changed } else { role };
    let name = (width / 3).clamp(8, 20);
    Line::from(vec![
        canvas.span(Role::Muted, format!(" {} ", fit(&named.name, name))),
        canvas.span(role, fit(&text, width.saturating_sub(name + 1))),
    ])
}
