//! A table's rows, a page at a time; never more than a page is held. Around a faulty row they have their numbers.

use ratatui::{layout::Rect, text::Line};

use super::{After, Overlay, TextView};
use crate::{
    console::{
        app::{App, Effect, Fetched, PAGE_ROWS, Request},
        keys::{ActionId, KeyPress, Motion, Scope, moved},
        theme::Role,
        widgets::{Canvas, GridView, draw_grid, fit_right, split_left, split_top, window, wrap},
    },
    model::{Cell, Count, Fault, Page, Spot, thousands},
};

#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub table: String,
    page: Fetched<Page>,
    /// The number of the first row that is held, from 0 on; none where it was come to from the end of a table that nobody
    /// has counted.
    offset: Option<u64>,
    view: GridView,
    around: Option<Around>,
}

/// Rows that are looked at for what stands beside a faulty one.
#[derive(Clone, Debug)]
struct Around {
    fault: Fault,
    /// Where the row was found, from 0 on; nothing: the source is another one by now.
    at: Option<u64>,
}

impl Rows {
    /// So many rows before a faulty row, and as many after it.
    pub const BESIDE: u32 = 10;

    /// The rows of a source table around a faulty one.
    pub fn around(table: String, fault: Fault) -> Self {
        Self { around: Some(Around { fault, at: None }), ..Self::new(table) }
    }

    /// The number of the first row of a page that was asked for so.
    pub fn begins(&self, spot: &Spot, page: &Page) -> Option<u64> {
        let (held, rows) = (self.len() as u64, page.rows.len() as u64);
        match spot {
            Spot::Row(row) => Some(*row),
            Spot::After(_) => self.offset.map(|offset| offset + held),
            // Fewer than were asked for: the table begins with them.
            Spot::Before(_) if rows < u64::from(PAGE_ROWS) => Some(0),
            Spot::Before(_) => self.offset.map(|offset| offset.saturating_sub(rows)),
            Spot::End if rows < u64::from(PAGE_ROWS) => Some(0),
            Spot::End => page.total.exact().map(|total| total.saturating_sub(rows)),
        }
    }

    /// Looks for the faulty row in a page as it was read: by all its cells, else by its place and the cell that fails.
    pub fn seek(&mut self, offset: Option<u64>, page: &Page) {
        let (Some(Around { fault, at }), Some(offset)) = (&mut self.around, offset) else { return };
        let cell = |row: &[Cell], name: &str| {
            page.columns.iter().position(|column| column == name).and_then(|at| row.get(at)).cloned()
        };
        let is_it =
            |row: &Vec<Cell>| fault.cells.iter().all(|named| cell(row, &named.name).as_ref() == Some(&named.cell));
        let place = page.rows.iter().position(is_it).or_else(|| {
            let place = usize::try_from(fault.row.checked_sub(offset + 1)?).ok()?;
            let failing = fault.cells.iter().find(|named| Some(&named.name) == fault.column.as_ref())?;
            let row = page.rows.get(place)?;
            (cell(row, &failing.name).as_ref() == Some(&failing.cell)).then_some(place)
        });
        if let Some(place) = place {
            *at = Some(offset + place as u64);
        }
    }

    /// The faulty row, and where it stands in a page from there on.
    pub fn sought(&self, offset: Option<u64>) -> Option<(&Fault, usize)> {
        let Around { fault, at } = self.around.as_ref()?;
        Some((fault, usize::try_from((*at)?.checked_sub(offset?)?).ok()?))
    }

    pub fn new(table: String) -> Self {
        Self { table, ..Self::default() }
    }

    pub fn take(&mut self, spot: &Spot, page: Result<Page, String>) {
        let end = page.as_ref().is_ok_and(|page| page.rows.is_empty() && self.page.value.is_some());
        if end {
            return;
        }
        if let Ok(read) = &page {
            let offset = self.begins(spot, read);
            let back = match spot {
                Spot::Row(row) => self.offset.is_some_and(|offset| *row < offset && *row > 0),
                Spot::After(_) => false,
                Spot::Before(_) | Spot::End => true,
            };
            self.view.row = if back { usize::MAX } else { 0 };
            self.stand_on_fault(offset, &page);
            self.offset = offset;
        }
        self.page.take(page);
        self.view.row = self.view.row.min(self.len().saturating_sub(1));
    }

    /// The first page around a faulty row opens on the cell that fails.
    fn stand_on_fault(&mut self, offset: Option<u64>, page: &Result<Page, String>) {
        let (Some((fault, row)), Ok(page), None) = (self.sought(offset), page, &self.page.value) else { return };
        let failing = page.columns.iter().position(|column| Some(column) == fault.column.as_ref());
        self.view = GridView { row, column: failing.unwrap_or(0) };
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
        let Some(page) = self.page.value.as_ref().filter(|page| !page.rows.is_empty()) else { return };
        let end = self.offset.map(|offset| offset + page.rows.len() as u64);
        if end.zip(page.total.exact()).is_some_and(|(end, total)| end >= total) {
            return;
        }
        let behind = page.ends.as_ref().map(|(_, last)| Spot::After(last.clone()));
        if let Some(spot) = behind.or(end.map(Spot::Row)) {
            app.ask_page(&self.table, spot);
        }
    }

    fn previous(&mut self, app: &mut App) {
        if self.offset == Some(0) {
            return;
        }
        let before = self.page.value.as_ref().and_then(|page| page.ends.as_ref());
        let before = before.map(|(first, _)| Spot::Before(first.clone()));
        let row = self.offset.map(|offset| Spot::Row(offset.saturating_sub(u64::from(PAGE_ROWS))));
        if let Some(spot) = before.or(row) {
            app.ask_page(&self.table, spot);
        }
    }

    /// The last rows: by the key, or where there is none by their number, if somebody counted them.
    fn last(&mut self, app: &mut App) {
        let Some(page) = self.page.value.as_ref().filter(|page| !page.rows.is_empty()) else { return };
        let row = page.total.exact().map(|total| Spot::Row(total.saturating_sub(u64::from(PAGE_ROWS))));
        match page.ends.as_ref().map(|_| Spot::End).or(row) {
            Some(spot) => app.ask_page(&self.table, spot),
            None => app.say(format!("{} has no key and nobody counted its rows: its end is far", self.table)),
        }
    }

    pub fn action(&mut self, app: &mut App, id: ActionId) {
        match (id, self.cell()) {
            (ActionId::NextPage, _) => self.next(app),
            (ActionId::PreviousPage, _) => self.previous(app),
            (ActionId::FirstPage, _) => app.ask_page(&self.table, Spot::Row(0)),
            (ActionId::LastPage, _) => self.last(app),
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
        let around = self.around.as_ref().map(|around| format!("around row {} ", thousands(around.fault.row)));
        let title = format!("Rows {}of {}{wait}", around.unwrap_or_default(), self.table);
        let inner = canvas.popup(area, &title, "");
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
        let beside = self.draw_numbers(canvas, grid, page);
        draw_grid(canvas, beside, page, self.view);
        let after = (page.rows.len() as u16 + 2).min(grid.height);
        let gone = self.around.as_ref().filter(|around| around.at.is_none());
        let foot = match (page.rows.is_empty(), gone) {
            (_, Some(around)) => {
                let row = thousands(around.fault.row);
                canvas.span(Role::Warn, format!("! The source has changed: what failed as row {row} is not there now"))
            }
            (true, None) => canvas.span(Role::Muted, "The table has no rows"),
            (false, None) => canvas.span(Role::Muted, format!("... (showing {})", self.range(page))),
        };
        canvas.line(inner, after, foot);
    }

    /// The rows' numbers, the faulty one marked, where rows are looked at around one; gives what is left for the rows.
    fn draw_numbers(&self, canvas: &mut Canvas<'_, '_>, area: Rect, page: &Page) -> Rect {
        let (Some(_), Some(offset)) = (&self.around, self.offset) else { return area };
        let number = |row: usize| thousands(offset + row as u64 + 1);
        let width = number(page.rows.len()).len();
        let (numbers, rest) = split_left(area, width as u16 + 4);
        let faulty = self.sought(self.offset).map(|(_, row)| row);
        for (place, row) in
            window(self.view.row, page.rows.len(), usize::from(area.height).saturating_sub(2)).enumerate()
        {
            let (role, sign) = if faulty == Some(row) { (Role::Error, "✗") } else { (Role::Muted, " ") };
            let span = canvas.span(role, format!("{sign} {}", fit_right(&number(row), width)));
            canvas.line(numbers, place as u16 + 2, span);
        }
        rest
    }

    /// `3 of 1,234,567 rows`, `rows 101 to 200 of ~5,300,000`.
    fn range(&self, page: &Page) -> String {
        let held = page.rows.len() as u64;
        let of = match page.total {
            Count::Exact(total) => format!(" of {}", thousands(total)),
            Count::Estimate(total) => format!(" of ~{}", thousands(total)),
            Count::Unknown => String::new(),
        };
        match self.offset {
            None => format!("{} rows{of}", thousands(held)),
            Some(0) => format!("{}{of} rows", thousands(held)),
            Some(offset) => format!("rows {} to {}{of}", thousands(offset + 1), thousands(offset + held)),
        }
    }
}
