//! A table's rows, a page at a time; never more than a page is held.

use ratatui::{layout::Rect, text::Line};

use super::{After, Overlay, TextView};
use crate::{
    console::{
        app::{App, Effect, Fetched, Request},
        keys::{ActionId, KeyPress, Motion, Scope, moved},
        theme::Role,
        widgets::{Canvas, GridView, draw_grid, split_top, wrap},
    },
    model::{Cell, Count, Page, thousands},
};

#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub table: String,
    page: Fetched<Page>,
    /// Of the page that is held.
    offset: u64,
    view: GridView,
}

impl Rows {
    pub fn new(table: String) -> Self {
        Self { table, ..Self::default() }
    }

    pub fn take(&mut self, offset: u64, page: Result<Page, String>) {
        let end = page.as_ref().is_ok_and(|page| page.rows.is_empty() && offset > 0);
        if end {
            return;
        }
        if page.is_ok() {
            self.view.row = if offset < self.offset { usize::MAX } else { 0 };
            self.offset = offset;
        }
        self.page.take(page);
        self.view.row = self.view.row.min(self.len().saturating_sub(1));
    }

    pub fn choose(&mut self, place: usize) -> bool {
        std::mem::replace(&mut self.view.row, place) == place
    }

    fn len(&self) -> usize {
        self.page.value.as_ref().map_or(0, |page| page.rows.len())
    }

    fn cell(&self) -> Option<(&str, &Cell)> {
        let page = self.page.value.as_ref()?;
        let cell = page.rows.get(self.view.row)?.get(self.view.column)?;
        Some((page.columns.get(self.view.column)?, cell))
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        if key.is("esc") || key.is("q") {
            return After::Close;
        }
        if let Some(id) = app.keys.find(&[Scope::Preview], key) {
            self.action(app, id);
        } else if let Some(motion) = Motion::of(key) {
            self.turn(app, motion);
        }
        After::Stay
    }

    fn turn(&mut self, app: &mut App, motion: Motion) {
        let columns = self.page.value.as_ref().map_or(0, |page| page.columns.len());
        let last = self.len().saturating_sub(1);
        match motion {
            Motion::Left => self.view.column = self.view.column.saturating_sub(1),
            Motion::Right => self.view.column = (self.view.column + 1).min(columns.saturating_sub(1)),
            Motion::Down | Motion::PageDown if self.view.row == last => self.next(app),
            Motion::Up | Motion::PageUp if self.view.row == 0 => self.previous(app),
            motion => self.view.row = moved(motion, self.view.row, self.len(), app.page()),
        }
    }

    fn next(&mut self, app: &mut App) {
        let held = self.len() as u64;
        let total = self.page.value.as_ref().and_then(|page| page.total.exact());
        if held > 0 && total.is_none_or(|total| self.offset + held < total) {
            app.ask_page(&self.table, self.offset + held);
        }
    }

    fn previous(&mut self, app: &mut App) {
        if self.offset > 0 {
            app.ask_page(&self.table, self.offset.saturating_sub(u64::from(crate::console::app::PAGE_ROWS)));
        }
    }

    pub fn action(&mut self, app: &mut App, id: ActionId) {
        match (id, self.cell()) {
            (ActionId::NextPage, _) => self.next(app),
            (ActionId::PreviousPage, _) => self.previous(app),
            (ActionId::Inspect, Some((column, cell))) => {
                let title = format!("{}.{column}", self.table);
                app.open(Overlay::Text(TextView::cell(title, cell)));
            }
            (ActionId::CopyCell, Some((_, cell))) => {
                let text = if cell.is_null() { String::new() } else { cell.display() };
                app.effect(Effect::Copy(text));
            }
            (ActionId::CopyRow, Some(_)) => {
                let row = self.page.value.as_ref().and_then(|page| page.rows.get(self.view.row));
                let cells: Vec<String> = row.into_iter().flatten().map(Cell::display).collect();
                app.effect(Effect::Copy(cells.join("\t")));
            }
            _ => {}
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let asking =
            app.pending.any(|request| matches!(request, Request::Preview { table, .. } if *table == self.table));
        let wait = if asking { " …" } else { "" };
        let inner = canvas.popup(area, &format!("Rows of {}{wait}", self.table), "");
        match (&self.page.value, &self.page.error) {
            (_, Some(error)) => {
                let lines = wrap(&format!("✗ {error}"), usize::from(inner.width));
                let lines: Vec<Line<'static>> =
                    lines.into_iter().map(|line| canvas.span(Role::Error, line).into()).collect();
                canvas.lines(inner, lines);
            }
            (None, None) => {
                let line = canvas.span(Role::Muted, " Reading rows…");
                canvas.line(inner, 0, line);
            }
            (Some(page), None) => self.draw_page(canvas, inner, page),
        }
    }

    fn draw_page(&self, canvas: &mut Canvas<'_, '_>, inner: Rect, page: &Page) {
        let (grid, _) = split_top(inner, inner.height.saturating_sub(1));
        draw_grid(canvas, grid, page, self.view);
        let foot = match page.rows.is_empty() {
            true => "The table has no rows".to_owned(),
            false => format!("... (showing {} rows)", self.range(page)),
        };
        let after = (page.rows.len() as u16 + 2).min(grid.height);
        let foot = canvas.span(Role::Muted, foot);
        canvas.line(inner, after, foot);
    }

    /// `3 of 1,234,567`, `101 to 200 of ~5,300,000`.
    fn range(&self, page: &Page) -> String {
        let held = page.rows.len() as u64;
        let which = match self.offset {
            0 => thousands(held),
            offset => format!("{} to {}", thousands(offset + 1), thousands(offset + held)),
        };
        match page.total {
            Count::Exact(total) => format!("{which} of {}", thousands(total)),
            Count::Estimate(total) => format!("{which} of ~{}", thousands(total)),
            Count::Unknown => which,
        }
    }
}
