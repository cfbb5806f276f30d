//! Review: flagged rows by column and cause; each is edited and tried again, tried again as it is, or given up.

use std::collections::BTreeMap;

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        Screen,
        app::{App, Fetched, Redraw, Request},
        keys::{ActionId, KeyPress},
        overlays::{Confirm, FixForm, Input, Overlay, Purpose, RowEditor},
        theme::Role,
        widgets::{Canvas, Cursor, Filter, fit, shown_cell, split_left, window, wrap},
    },
    model::{Fault, FaultId, NamedCell, thousands},
    protocol::{Ask, Fix, Retried, Retrying, ReviewAction, ReviewItem, ReviewState},
};

#[derive(Debug, Default)]
pub struct ReviewScreen {
    pub list: Fetched<Vec<ReviewItem>>,
    pub cursor: Cursor,
    pub filter: Filter,
    /// How far a retry of many rows is.
    pub progress: Option<Retrying>,
    /// Why the last attempt with a row failed.
    failures: BTreeMap<FaultId, String>,
}

impl ReviewScreen {
    /// Rows that the filter lets through; groups stand together.
    fn visible(&self) -> Vec<&ReviewItem> {
        let filter = self.filter.text();
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

    /// The rows that fail like the one under the cursor and wait, as far as the filter lets them through.
    pub fn group(&self) -> Vec<FaultId> {
        let Some(current) = self.current() else { return Vec::new() };
        let alike =
            |item: &&&ReviewItem| item.state == ReviewState::Flagged && group(&item.fault) == group(&current.fault);
        self.visible().iter().filter(alike).map(|item| item.fault.id.clone()).collect()
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
        if review.filter.key(key) {
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
            (ActionId::FilterReview, _) => self.review.filter.typing = true,
            (ActionId::ReloadReview, _) => self.ask(Request::Review, Ask::Review { run: None }),
            (ActionId::EditRow, Some(fault)) => {
                let editor = RowEditor::new(self, fault, Purpose::Review);
                self.open(Overlay::Row(Box::new(editor)));
            }
            (ActionId::FixGroup, Some(fault)) => {
                let column =
                    fault.column.as_deref().filter(|column| fault.cells.iter().any(|cell| cell.name == *column));
                let form = FixForm::new(about(&fault), self.review.group(), column);
                self.open(Overlay::Fix(Box::new(form)));
            }
            (ActionId::RetryGroup, Some(fault)) => {
                let confirm = Confirm::retry_group(&about(&fault), self.review.group());
                self.open(Overlay::Confirm(confirm));
            }
            (ActionId::StopRetrying, _) => self.open(Overlay::Confirm(Confirm::stop_retrying())),
            (ActionId::LookAround, Some(fault)) => self.look_around(&fault),
            (ActionId::Reveal, Some(fault)) => self.reveal(&fault),
            (ActionId::RetryRow, Some(fault)) => self.retry_flagged(fault.id, Vec::new()),
            (ActionId::DiscardRow, Some(fault)) => self.open(Overlay::Input(Input::discard(&fault))),
            _ => {}
        }
    }

    /// Whether many rows are being tried again, by this console or another.
    pub fn is_retrying(&self) -> bool {
        self.review.progress.is_some() || self.pending.has(&Request::RetryMany)
    }

    pub fn retry_group(&mut self, faults: Vec<FaultId>, fix: Option<Fix>) {
        self.ask(Request::RetryMany, Ask::RetryMany { faults, fix });
    }

    /// How far many rows are; when it is over they are read anew.
    pub fn retrying(&mut self, progress: Option<Retrying>) {
        let over = progress.is_none() && self.review.progress.is_some();
        self.review.progress = progress;
        self.redraw = self.redraw.max(Redraw::Soon);
        if over && self.screen == Screen::Review {
            self.ask(Request::Review, Ask::Review { run: None });
        }
    }

    /// What the retry that was asked for here came to.
    pub fn retried(&mut self, retried: Result<Retried, String>) {
        self.review.progress = None;
        match retried {
            Ok(retried) => {
                let counts = format!(
                    "{} written, {} still fail, {} not tried",
                    thousands(retried.written),
                    thousands(retried.failed.len() as u64),
                    thousands(retried.left)
                );
                match (&retried.stopped, retried.failed.is_empty()) {
                    (Some(why), _) => self.complain(format!("{counts}: {why}")),
                    (None, true) => self.say(format!("{} rows are written", thousands(retried.written))),
                    (None, false) => self.complain(counts),
                }
                let failed = retried.failed.into_iter().map(|failed| (failed.fault, failed.why));
                self.review.failures.extend(failed);
            }
            Err(why) => self.complain(why),
        }
        self.ask(Request::Review, Ask::Review { run: None });
    }

    pub fn retry_flagged(&mut self, fault: FaultId, cells: Vec<NamedCell>) {
        self.act(fault, ReviewAction::Retry { cells });
    }

    pub fn act(&mut self, fault: FaultId, action: ReviewAction) {
        self.ask(Request::Act(fault.clone()), Ask::Act { fault, action });
    }
}

fn about(fault: &Fault) -> String {
    let group = group(fault);
    format!("{}.{} · {}", group.0, group.1, group.2)
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let (left, right) = split_left(area, (area.width / 2).clamp(30, 64));
    let visible = app.review.visible();
    let flagged = visible.iter().filter(|item| item.state == ReviewState::Flagged).count();
    let title = match app.review.progress {
        Some(now) => format!(
            "Trying again: {} of {} · {} written",
            thousands(now.done),
            thousands(now.of),
            thousands(now.written)
        ),
        None if app.is_retrying() => "Trying rows again…".to_owned(),
        None => format!("Flagged rows · {} wait", thousands(flagged as u64)),
    };
    let title = canvas.title(&title);
    let inner = canvas.panel(left, title, true);
    let inner = app.review.filter.draw(canvas, inner);
    draw_list(app, canvas, inner, &visible);
    let title = app.review.current().map(|item| format!("Row {} of {}", thousands(item.fault.row), item.fault.table));
    let inner = canvas.panel(right, canvas.title(title.as_deref().unwrap_or("Row")), false);
    if let Some(item) = app.review.current() {
        draw_detail(app, canvas, inner, item);
    }
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
    let layout = layout(visible);
    let at = layout.iter().position(|line| *line == Listed::Item(cursor)).unwrap_or(0);
    let rows = window(at, layout.len(), usize::from(inner.height));
    for (row, listed) in layout[rows].iter().enumerate() {
        match listed {
            Listed::Group(place, alike) => {
                let group = group(&visible[*place].fault);
                let text = format!("{}.{} · {} ({})", group.0, group.1, group.2, thousands(*alike as u64));
                let line = canvas.span(Role::Header, fit(&text, width));
                canvas.line(inner, row as u16, line);
            }
            Listed::Item(place) => {
                let here = *place == cursor;
                let line = item_line(app, canvas, visible[*place], here, width);
                canvas.row(inner, row as u16, line, *place, here);
            }
        }
    }
}

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    /// Of the group that begins with a row: how many are in it.
    Group(usize, usize),
    Item(usize),
}

/// What stands where; groups stand together already. Nothing is made into text that is not on the screen.
fn layout(visible: &[&ReviewItem]) -> Vec<Listed> {
    let same = |one: &&ReviewItem, other: &&ReviewItem| {
        let (one, other) = (&one.fault, &other.fault);
        (&one.table, one.shown_column(), one.cause) == (&other.table, other.shown_column(), other.cause)
    };
    let mut lines = Vec::with_capacity(visible.len());
    let mut place = 0;
    for group in visible.chunk_by(same) {
        lines.push(Listed::Group(place, group.len()));
        lines.extend((place..place + group.len()).map(Listed::Item));
        place += group.len();
    }
    lines
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
    let value = app.shown_fault(fault).value.as_ref().map(|cell| shown_cell(cell).0).unwrap_or_default();
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
    let fault = app.shown_fault(&item.fault);
    fault_words(&fault).into_iter().for_each(|(role, text)| say(role, &text));
    // Why it failed again may quote any of the row.
    let quotes = app.hides(&item.fault).is_some();
    match (app.review.failures.get(&item.fault.id), item.state) {
        (Some(_), ReviewState::Flagged) if quotes => say(Role::Error, "✗ The last try failed (private)"),
        (Some(why), ReviewState::Flagged) => say(Role::Error, &format!("✗ The last try failed: {why}")),
        (_, ReviewState::Written) => say(Role::Ok, &format!("✓ Written{}", by(item))),
        (_, ReviewState::Discarded) => say(Role::Muted, &format!("Discarded{}", by(item))),
        _ => {}
    }
    say(Role::Text, "");
    lines.extend(fault.cells.iter().map(|named| cell_line(canvas, named, &fault, width)));
    canvas.lines(inner, lines);
}

fn by(item: &ReviewItem) -> String {
    let by = item.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let reason = item.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    by + &reason
}

/// A fault in the product's words.
pub fn fault_words(fault: &Fault) -> Vec<(Role, String)> {
    [Role::Error, Role::Text, Role::Muted].into_iter().zip(fault.words()).collect()
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
