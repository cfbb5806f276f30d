//! Tables: what the source has, and what of it the plan takes along.

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        app::{App, Fetched, Request},
        fuzzy::fits,
        keys::{ActionId, KeyPress},
        overlays::{Overlay, Rows},
        theme::Role,
        widgets::{Canvas, Cursor, Filter, fit, fit_right, window, wrap},
    },
    model::{Count, Spot, TableEntry, compact, display_width, thousands},
    protocol::{Ask, SideName},
};

#[derive(Debug, Default)]
pub struct TablesScreen {
    pub list: Fetched<Vec<TableEntry>>,
    pub cursor: Cursor,
    pub filter: Filter,
    /// Places in the list of the tables that the filter lets through, the best first: looked for only when one of both
    /// changes, since a source may have thousands.
    visible: Vec<usize>,
    /// What that was looked for with.
    query: String,
    /// The width of the longest name among them.
    longest: usize,
    /// Names that were looked at, for tests of how much work a key makes.
    #[cfg(test)]
    pub looked: std::cell::Cell<usize>,
}

impl TablesScreen {
    pub fn take(&mut self, list: Result<Vec<TableEntry>, String>) {
        self.list.take(list);
        self.look();
    }

    pub fn forget(&mut self) {
        self.list = Fetched::default();
        self.look();
    }

    /// Looks again where the filter has changed.
    pub fn follow_filter(&mut self) {
        if self.filter.field.text() != self.query {
            self.cursor = Cursor(0);
            self.look();
        }
    }

    fn look(&mut self) {
        self.query = self.filter.field.text();
        let entries = self.list.value.iter().flatten().enumerate();
        #[cfg(test)]
        let entries = entries.inspect(|_| self.looked.set(self.looked.get() + 1));
        let mut scored: Vec<(u32, usize, usize)> = entries
            .filter_map(|(place, entry)| Some((fits(&self.query, &entry.name)?, place, display_width(&entry.name))))
            .collect();
        if !self.query.is_empty() {
            scored.sort_by_key(|(score, place, _)| (std::cmp::Reverse(*score), *place));
        }
        self.longest = scored.iter().map(|(_, _, width)| *width).max().unwrap_or(0);
        self.visible = scored.into_iter().map(|(_, place, _)| place).collect();
        self.cursor.hold(self.visible.len());
    }

    /// How many tables the filter lets through.
    pub fn shown(&self) -> usize {
        self.visible.len()
    }

    fn at(&self, row: usize) -> Option<&TableEntry> {
        self.list.value.as_ref()?.get(*self.visible.get(row)?)
    }

    /// The tables that the filter lets through.
    fn visible(&self) -> impl Iterator<Item = &TableEntry> {
        (0..self.visible.len()).filter_map(|row| self.at(row))
    }

    pub fn current(&self) -> Option<&TableEntry> {
        self.at(self.cursor.0)
    }

    pub fn counted(&mut self, table: &str, rows: u64) {
        let mut entries = self.list.value.iter_mut().flatten();
        if let Some(entry) = entries.find(|entry| entry.name == table) {
            entry.rows = Count::Exact(rows);
        }
    }
}

impl App {
    pub fn is_selected(&self, table: &str) -> bool {
        self.plan.outline.takes(table)
    }

    pub fn tables_key(&mut self, key: KeyPress) -> bool {
        let page = self.page();
        let tables = &mut self.tables;
        if tables.filter.key(key) {
            tables.follow_filter();
            return true;
        }
        let len = tables.shown();
        tables.cursor.key(key, len, page)
    }

    pub fn tables_action(&mut self, id: ActionId) {
        let current = self.tables.current().map(|table| table.name.clone());
        match (id, current) {
            (ActionId::FilterTables, _) => self.tables.filter.typing = true,
            (ActionId::ReloadTables, _) => self.ask_tables(),
            (ActionId::ToggleTable, Some(table)) => self.toggle_table(table),
            (ActionId::ToggleTables, _) => self.toggle_tables(),
            (ActionId::CountTable, Some(table)) => {
                let ask = Ask::Count { side: SideName::Source, table: table.clone() };
                self.ask(Request::Count(table), ask);
            }
            (ActionId::PreviewTable, Some(table)) => self.open_rows(table),
            (ActionId::ProfileTable, Some(table)) => self.open_profile(table),
            (ActionId::MapTable, Some(table)) => self.map_source(&table),
            _ => {}
        }
    }

    fn toggle_table(&mut self, table: String) {
        let selected = !self.is_selected(&table);
        self.select(format!("selection of {table}"), vec![table], selected);
        let len = self.tables.shown();
        self.tables.cursor = Cursor((self.tables.cursor.0 + 1).min(len.saturating_sub(1)));
    }

    /// All that the filter lets through: into the plan, or out of it where all are in.
    fn toggle_tables(&mut self) {
        let shown: Vec<String> = self.tables.visible().map(|table| table.name.clone()).collect();
        let left: Vec<String> = shown.iter().filter(|table| !self.is_selected(table)).cloned().collect();
        let (tables, selected) = if left.is_empty() { (shown, false) } else { (left, true) };
        self.select(format!("selection of {} tables", thousands(tables.len() as u64)), tables, selected);
    }

    fn select(&mut self, what: String, tables: Vec<String>, selected: bool) {
        self.ask(Request::Select(what), Ask::Select { tables, selected });
    }

    pub fn open_rows(&mut self, table: String) {
        self.ask_page(&table, Spot::Row(0));
        self.open(Overlay::Rows(Rows::new(table)));
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let tables = &app.tables;
    let inner = canvas.panel(area, title(app, canvas), true);
    let inner = tables.filter.draw(canvas, inner);
    let asking = app.pending.has(&Request::Tables);
    if let (Some(error), false) = (&tables.list.error, asking) {
        let text = format!("✗ {error}");
        let lines = wrap(&text, usize::from(inner.width)).into_iter().map(|line| canvas.span(Role::Error, line).into());
        let lines: Vec<Line<'static>> = lines.collect();
        return canvas
            .lines(inner, lines.into_iter().chain([Line::raw(app.keys.spell("  {reload-tables} tries again"))]));
    }
    if tables.shown() == 0 {
        let text = match (asking, &tables.list.value) {
            (true, _) | (_, None) => " Reading the list of tables…",
            (false, Some(all)) if all.is_empty() => " The source has no tables",
            (false, Some(_)) => " No table has such a name",
        };
        let line = canvas.span(Role::Muted, text);
        return canvas.line(inner, 0, line);
    }
    let longest = (tables.longest + 7).min(usize::from(inner.width).saturating_sub(34).max(10));
    for (row, place) in window(tables.cursor.0, tables.shown(), usize::from(inner.height)).enumerate() {
        if let Some(table) = tables.at(place) {
            let here = place == tables.cursor.0;
            let line = entry_line(app, canvas, table, app.is_selected(&table.name), longest, here);
            canvas.row(inner, row as u16, line, place, here);
        }
    }
}

fn title(app: &App, canvas: &Canvas<'_, '_>) -> Line<'static> {
    let entries = || app.tables.list.value.iter().flatten();
    let (all, visible) = (entries().count(), app.tables.shown());
    let selected = entries().filter(|table| app.is_selected(&table.name)).count();
    let shown = if visible < all { format!(" · {} shown", thousands(visible as u64)) } else { String::new() };
    let (selected, all) = (thousands(selected as u64), thousands(all as u64));
    canvas.title(&format!("Tables of the source · {selected} of {all} selected{shown}"))
}

fn entry_line(
    app: &App,
    canvas: &Canvas<'_, '_>,
    table: &TableEntry,
    selected: bool,
    width: usize,
    here: bool,
) -> Line<'static> {
    let counting = app.pending.has(&Request::Count(table.name.clone()));
    let rows = match table.rows {
        _ if counting => "counting…".into(),
        Count::Exact(rows) if rows >= 1_000 => format!("{} rows", thousands(rows)),
        Count::Unknown => "? rows".into(),
        rows => format!("{} rows", compact(rows)),
    };
    let bytes = table.bytes.map(size).unwrap_or_default();
    let box_sign = if selected { "☑" } else { "☐" };
    let name = if selected { table.name.clone() } else { format!("{} (skip)", table.name) };
    let role = if selected { Role::Text } else { Role::Muted };
    Line::from(vec![
        canvas.span(Role::Key, if here { "▸" } else { " " }),
        canvas.span(if selected { Role::Ok } else { Role::Muted }, format!("{box_sign} ")),
        canvas.span(role, fit(&name, width)),
        canvas.span(role, fit_right(&rows, 18)),
        canvas.span(Role::Muted, fit_right(&bytes, 10)),
    ])
}

/// Bytes in a few columns: `142 MB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..10_000_000_000 => format!("{} MB", thousands(bytes / 1_000_000)),
        _ => format!("{} GB", thousands(bytes / 1_000_000_000)),
    }
}
