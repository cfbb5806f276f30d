//! Tables: what the source has, and what of it the plan takes along.

use std::collections::BTreeMap;

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        app::{App, Fetched, Request},
        keys::{ActionId, KeyPress},
        overlays::{Overlay, Rows},
        theme::Role,
        widgets::{Canvas, Cursor, Field, fit, fit_right, split_top, window, wrap},
    },
    model::{Count, TableEntry, compact, display_width, thousands},
    protocol::{Ask, SideName},
};

#[derive(Debug, Default)]
pub struct TablesScreen {
    pub list: Fetched<Vec<TableEntry>>,
    pub cursor: Cursor,
    pub filter: Field,
    /// Whether the filter takes what is typed.
    pub filtering: bool,
}

impl TablesScreen {
    /// The tables that the filter lets through.
    pub fn visible(&self) -> Vec<&TableEntry> {
        let filter = self.filter.text().to_lowercase();
        let entries = self.list.value.iter().flatten();
        entries.filter(|entry| entry.name.to_lowercase().contains(&filter)).collect()
    }

    pub fn current(&self) -> Option<&TableEntry> {
        self.visible().get(self.cursor.0).copied()
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
        self.plan.outline.tables.iter().any(|planned| planned.from == table)
    }

    pub fn tables_key(&mut self, key: KeyPress) -> bool {
        let page = self.page();
        let tables = &mut self.tables;
        if tables.filtering {
            match () {
                () if key.is("enter") || key.is("down") => tables.filtering = false,
                () if key.is("esc") => {
                    tables.filtering = false;
                    tables.filter.set("");
                }
                () => _ = tables.filter.key(key),
            }
            tables.cursor = Cursor(0);
            return true;
        }
        let len = tables.visible().len();
        tables.cursor.key(key, len, page)
    }

    pub fn tables_action(&mut self, id: ActionId) {
        let current = self.tables.current().map(|table| table.name.clone());
        match (id, current) {
            (ActionId::FilterTables, _) => self.tables.filtering = true,
            (ActionId::ReloadTables, _) => self.ask_tables(),
            (ActionId::ToggleTable, Some(table)) => self.toggle_table(table),
            (ActionId::ToggleTables, _) => self.toggle_tables(),
            (ActionId::CountTable, Some(table)) => {
                let ask = Ask::Count { side: SideName::Source, table: table.clone() };
                self.ask(Request::Count(table), ask);
            }
            (ActionId::PreviewTable, Some(table)) => self.open_rows(table),
            (ActionId::MapTable, Some(table)) => self.map_source(&table),
            _ => {}
        }
    }

    fn toggle_table(&mut self, table: String) {
        let selected = !self.is_selected(&table);
        self.select(format!("selection of {table}"), vec![table], selected);
        let len = self.tables.visible().len();
        self.tables.cursor = Cursor((self.tables.cursor.0 + 1).min(len.saturating_sub(1)));
    }

    /// All that the filter lets through: into the plan, or out of it where all are in.
    fn toggle_tables(&mut self) {
        let shown: Vec<String> = self.tables.visible().into_iter().map(|table| table.name.clone()).collect();
        let left: Vec<String> = shown.iter().filter(|table| !self.is_selected(table)).cloned().collect();
        let (tables, selected) = if left.is_empty() { (shown, false) } else { (left, true) };
        self.select(format!("selection of {} tables", thousands(tables.len() as u64)), tables, selected);
    }

    fn select(&mut self, what: String, tables: Vec<String>, selected: bool) {
        self.ask(Request::Select(what), Ask::Select { tables, selected });
    }

    pub fn open_rows(&mut self, table: String) {
        self.ask_page(&table, 0);
        self.open(Overlay::Rows(Rows::new(table)));
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let tables = &app.tables;
    let visible = tables.visible();
    let title = title(app, canvas, visible.len());
    let inner = canvas.panel(area, title, true);
    let inner = draw_filter(app, canvas, inner);
    let asking = app.pending.has(&Request::Tables);
    if let (Some(error), false) = (&tables.list.error, asking) {
        let text = format!("✗ {error}");
        let lines = wrap(&text, usize::from(inner.width)).into_iter().map(|line| canvas.span(Role::Error, line).into());
        let lines: Vec<Line<'static>> = lines.collect();
        return canvas.lines(inner, lines.into_iter().chain([Line::raw("  r tries again")]));
    }
    if visible.is_empty() {
        let text = match (asking, &tables.list.value) {
            (true, _) | (_, None) => " Reading the list of tables…",
            (false, Some(all)) if all.is_empty() => " The source has no tables",
            (false, Some(_)) => " No table has that in its name",
        };
        let line = canvas.span(Role::Muted, text);
        return canvas.line(inner, 0, line);
    }
    let marks: BTreeMap<&str, bool> = visible.iter().map(|t| (t.name.as_str(), app.is_selected(&t.name))).collect();
    let longest = visible.iter().map(|table| display_width(&table.name)).max().unwrap_or(0);
    let longest = (longest + 7).min(usize::from(inner.width).saturating_sub(34).max(10));
    let rows = window(tables.cursor.0, visible.len(), usize::from(inner.height));
    for (row, place) in rows.enumerate() {
        let table = visible[place];
        let line = entry_line(app, canvas, table, marks[table.name.as_str()], longest, place == tables.cursor.0);
        canvas.line(inner, row as u16, line);
        if place == tables.cursor.0 {
            canvas.mark(inner, row as u16, Role::Selection);
        }
    }
}

fn title(app: &App, canvas: &Canvas<'_, '_>, visible: usize) -> Line<'static> {
    let all = app.tables.list.value.as_ref().map_or(0, Vec::len);
    let selected = app.tables.list.value.iter().flatten().filter(|table| app.is_selected(&table.name)).count();
    let shown = if visible < all { format!(" · {visible} shown") } else { String::new() };
    canvas.title(&format!("Tables of the source · {selected} of {all} selected{shown}"))
}

fn draw_filter(app: &App, canvas: &mut Canvas<'_, '_>, inner: Rect) -> Rect {
    let tables = &app.tables;
    if !tables.filtering && tables.filter.is_empty() {
        return inner;
    }
    let (line, rest) = split_top(inner, 1);
    let slash = canvas.span(Role::Key, " / ");
    canvas.line(line, 0, slash);
    let place = Rect { x: line.x + 3, width: line.width.saturating_sub(3), ..line };
    tables.filter.draw(canvas, place, tables.filtering);
    rest
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
