//! Map: which source column feeds which destination column, and what that does to sampled rows.

mod known;
mod sample;

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        app::{App, Fetched, Request},
        draft::Edit,
        keys::{ActionId, KeyPress},
        overlays::{ColumnForm, Input, LOOKED_AT, Overlay, PartsForm, TextView, ValueMapForm},
        theme::Role,
        widgets::{Canvas, Cursor, fit, split_top, window, wrap},
    },
    model::Spot,
    plan::ColumnPlan,
    protocol::{Ask, ColumnView, Sampled, SideName, TableChecks},
};

pub use sample::draw_sample;

#[derive(Debug, Default)]
pub struct MapScreen {
    /// Which table of the plan.
    pub table: usize,
    /// The destination table that what follows belongs to.
    pub shown: Option<String>,
    pub checks: Fetched<TableChecks>,
    /// What is shown is of an older plan; it stays until the new comes.
    pub stale: bool,
    pub trial: Fetched<Sampled>,
    pub cursor: Cursor,
}

/// A line of the map.
#[derive(Clone, Debug, PartialEq)]
pub enum MapRow {
    /// A destination column.
    Column(ColumnView),
    /// A source column that nothing uses.
    Unused(String),
    /// A source column that is left behind on purpose.
    Left(String),
}

impl MapScreen {
    /// Turns to another table.
    pub fn show(&mut self, table: &str) {
        *self = Self { table: self.table, shown: Some(table.to_owned()), ..Self::default() };
    }

    /// The plan changed.
    pub fn forget(&mut self) {
        self.stale = true;
        self.checks.error = None;
        self.trial.error = None;
    }

    pub fn rows(&self, app: &App) -> Vec<MapRow> {
        let Some(checks) = &self.checks.value else { return Vec::new() };
        let columns = checks.columns.iter().cloned().map(MapRow::Column);
        let unused = checks.unused.iter().cloned().map(MapRow::Unused);
        let left = app.map_table().map(|table| table.skip.clone()).unwrap_or_default();
        columns.chain(unused).chain(left.into_iter().map(MapRow::Left)).collect()
    }

    pub fn row(&self, app: &App) -> Option<MapRow> {
        self.rows(app).get(self.cursor.0).cloned()
    }
}

impl App {
    pub fn map_key(&mut self, key: KeyPress) -> bool {
        let (len, page) = (self.map.rows(self).len(), self.page());
        self.map.cursor.hold(len);
        self.map.cursor.key(key, len, page)
    }

    pub fn map_action(&mut self, id: ActionId) {
        let Some(table) = self.map_table().cloned() else { return };
        let tables = self.plan.outline.tables.len();
        match id {
            ActionId::EditColumn => self.edit_column(),
            ActionId::SkipColumn => self.skip_column(),
            ActionId::EditValues => self.edit_values(),
            ActionId::SplitColumn => self.split_column(),
            ActionId::MergeColumns => self.merge_columns(),
            ActionId::NextTable => self.turn_to((self.map.table + 1) % tables),
            ActionId::PreviousTable => self.turn_to((self.map.table + tables - 1) % tables),
            ActionId::EditFilter => {
                let filter = table.filter.as_deref().unwrap_or_default();
                self.open(Overlay::Input(Input::filter(&table.to, filter)));
            }
            ActionId::PreviewMapped => self.open_rows(table.from),
            ActionId::ProfileTable => self.open_profile(table.from),
            ActionId::ShowCreate => {
                let statements = self.map.checks.value.as_ref().map(|checks| checks.statements.join("\n\n"));
                let title = format!("What would create {}", table.to);
                self.open(Overlay::Text(TextView::new(title, statements.unwrap_or_default())));
            }
            _ => {}
        }
    }

    /// Opens the map of values, and has rows looked at for what there is.
    fn edit_values(&mut self) {
        let (Some(table), Some(MapRow::Column(view))) = (self.map_table().cloned(), self.map.row(self)) else { return };
        let plan = table.columns.get(&view.target).cloned().unwrap_or_default();
        let form = ValueMapForm::new(&table.to, (&table.from, &view.source), &view.target, plan);
        self.open(Overlay::ValueMap(Box::new(form)));
        let ask = Ask::Preview { side: SideName::Source, table: table.from, spot: Spot::Row(0), limit: LOOKED_AT };
        self.ask(Request::Values(view.target), ask);
    }

    /// Opens the form that splits the source column under the cursor among destination columns that nothing fills.
    fn split_column(&mut self) {
        let (Some(table), Some(row)) = (self.map_table(), self.map.row(self)) else { return };
        let (MapRow::Column(ColumnView { source: column, .. }) | MapRow::Unused(column) | MapRow::Left(column)) = row;
        let on_purpose = |target: &str| table.columns.get(target).is_some_and(|plan| plan.skip);
        let columns = self.map.checks.value.iter().flat_map(|checks| &checks.columns);
        let unfilled = columns.filter(|view| view.source.is_empty() && !on_purpose(&view.target));
        let into: Vec<String> = unfilled.map(|view| view.target.clone()).collect();
        self.open_parts(PartsForm::split(&table.to, &column, &into));
    }

    /// Opens the form that makes the destination column under the cursor of several source columns.
    fn merge_columns(&mut self) {
        let (Some(table), Some(MapRow::Column(view))) = (self.map_table(), self.map.row(self)) else { return };
        let Some(checks) = &self.map.checks.value else { return };
        let own = checks.from.column(&view.source).map(|column| column.name.clone());
        let from: Vec<String> = own.into_iter().chain(checks.unused.iter().cloned()).collect();
        self.open_parts(PartsForm::merge(&table.to, &from, &view.target));
    }

    fn open_parts(&mut self, mut form: PartsForm) {
        form.changed(self);
        self.open(Overlay::Parts(Box::new(form)));
    }

    fn turn_to(&mut self, table: usize) {
        self.map.table = table;
        self.ask_mapping();
    }

    fn edit_column(&mut self) {
        let (Some(table), Some(MapRow::Column(view))) = (self.map_table().cloned(), self.map.row(self)) else { return };
        let written = table.columns.get(&view.target).cloned();
        // What is not written maps by name; the form leaves that unsaid, so that an expression can take its place.
        let plan = written.unwrap_or_default();
        let mut form = ColumnForm::new(&table.to, view, plan);
        form.changed(self);
        if self.functions.is_empty() && !self.pending.has(&Request::Functions) {
            self.ask(Request::Functions, Ask::Functions);
        }
        self.open(Overlay::Column(Box::new(form)));
    }

    fn skip_column(&mut self) {
        let (Some(table), Some(row)) = (self.map_table().cloned(), self.map.row(self)) else { return };
        let mut left = table.skip.clone();
        let (what, edit) = match row {
            MapRow::Column(view) if table.columns.get(&view.target).is_some_and(|plan| plan.skip) => {
                (format!("filling of {}", view.target), Edit::RemoveColumn { table: table.to, column: view.target })
            }
            MapRow::Column(view) => {
                let plan = Box::new(ColumnPlan { skip: true, ..ColumnPlan::default() });
                let what = format!("skip of {}", view.target);
                (what, Edit::SetColumn { table: table.to, column: view.target, plan })
            }
            MapRow::Unused(name) => {
                left.push(name.clone());
                (format!("skip of {name}"), Edit::SetSkip { table: table.to, columns: left })
            }
            MapRow::Left(name) => {
                left.retain(|column| *column != name);
                (format!("use of {name}"), Edit::SetSkip { table: table.to, columns: left })
            }
        };
        self.edit(&what, &edit);
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let Some(table) = app.map_table() else {
        let inner = canvas.panel(area, canvas.title("Mapping"), true);
        let text = match app.plan.loaded {
            true => app.keys.spell(" The plan has no table yet: {tables} selects some"),
            false => " Reading the plan…".to_owned(),
        };
        let line = canvas.span(Role::Muted, text);
        return canvas.line(inner, 0, line);
    };
    let below = (area.height / 3).clamp(5, 14);
    let (upper, lower) = split_top(area, area.height.saturating_sub(below));
    let create = app.map.checks.value.as_ref().is_some_and(|checks| !checks.exists);
    let create = if create { " · will be created" } else { "" };
    let place = app.map.table.min(app.plan.outline.tables.len() - 1) + 1;
    let title = format!("{} → {} · table {place} of {}{create}", table.from, table.to, app.plan.outline.tables.len());
    let inner = canvas.panel(upper, canvas.title(&title), true);
    draw_columns(app, canvas, inner);
    draw_trial(app, canvas, lower);
}

fn draw_columns(app: &App, canvas: &mut Canvas<'_, '_>, inner: Rect) {
    let rows = app.map.rows(app);
    if rows.is_empty() {
        let lines = match &app.map.checks.error {
            Some(error) => wrap(&format!("✗ {error}"), usize::from(inner.width)),
            None => vec![" Reading the mapping…".into()],
        };
        let lines: Vec<Line<'static>> = lines.into_iter().map(|line| canvas.span(Role::Text, line).into()).collect();
        return canvas.lines(inner, lines);
    }
    let cursor = app.map.cursor.0.min(rows.len() - 1);
    let known = rows.iter().any(|row| !known::in_short(app, row).is_empty());
    let widths = Widths::of(usize::from(inner.width), known);
    let column = |name: &str| format!("{} {}", fit(name, widths.name), fit("type", widths.ty));
    let facts = if widths.facts > 0 { "      what the rows hold" } else { "" };
    let head = format!("  {}   {} mapping{facts}", column("source"), column("destination"));
    let head = canvas.span(Role::Header, head);
    canvas.line(inner, 0, head);
    let notes = note_lines(app, canvas, &rows[cursor], usize::from(inner.width));
    let space = usize::from(inner.height).saturating_sub(1 + notes.len());
    for (at, place) in window(cursor, rows.len(), space).enumerate() {
        let line = row_line(app, canvas, &rows[place], &widths, place == cursor);
        canvas.row(inner, at as u16 + 1, line, place, place == cursor);
    }
    let (_, foot) = split_top(inner, inner.height.saturating_sub(notes.len() as u16));
    canvas.lines(foot, notes);
}

struct Widths {
    name: usize,
    ty: usize,
    /// What a profile knows, beside each column; 0: there is no room, and only the one under the cursor has it.
    facts: usize,
}

/// From so many columns on there is room for what a profile knows.
const ROOMY: usize = 110;

impl Widths {
    fn of(width: usize, known: bool) -> Self {
        let facts = if known && width >= ROOMY { (width / 3).min(60) } else { 0 };
        let width = width - facts;
        let ty = if width < 90 { 11 } else { 16 };
        Self { name: width.saturating_sub(2 + 2 + 4 + 2 * ty + 14).max(16) / 2, ty, facts }
    }
}

fn row_line(app: &App, canvas: &Canvas<'_, '_>, row: &MapRow, widths: &Widths, here: bool) -> Line<'static> {
    let mut line = mapping_line(app, canvas, row, widths, here);
    if widths.facts > 0 {
        let start = 2 + 2 * (widths.name + 1 + widths.ty) + 3 + 11;
        line.push_span(" ".repeat(start.saturating_sub(line.width()) + 1));
        line.push_span(canvas.span(Role::Muted, fit(&known::in_short(app, row), widths.facts)));
    }
    line
}

fn mapping_line(app: &App, canvas: &Canvas<'_, '_>, row: &MapRow, widths: &Widths, here: bool) -> Line<'static> {
    let sign = canvas.span(Role::Key, if here { "▸ " } else { "  " });
    let column = |role: Role, name: &str, ty: &str| {
        canvas.span(role, format!("{} {}", fit(name, widths.name), fit(ty, widths.ty)))
    };
    match row {
        MapRow::Column(view) => {
            let bad = view.problem.is_some() || view.class == "lossy";
            let role = if view.source.is_empty() { Role::Muted } else { Role::Text };
            let class = if view.class.is_empty() || view.source.is_empty() { &view.how } else { &view.class };
            let (class_role, bad_sign) = if bad { (Role::Error, "✗ ") } else { (class_role(&view.class), "") };
            Line::from(vec![
                sign,
                column(role, &view.source, &view.source_type),
                canvas.span(Role::Muted, if view.source.is_empty() { "   " } else { " → " }),
                column(role, &view.target, &view.target_type),
                canvas.span(class_role, format!(" {bad_sign}{class}")),
            ])
        }
        MapRow::Unused(name) => Line::from(vec![
            sign,
            column(Role::Warn, name, ""),
            canvas.span(Role::Warn, app.keys.spell("   ! unused: {skip-column} leaves it behind")),
        ]),
        MapRow::Left(name) => {
            Line::from(vec![sign, column(Role::Muted, name, ""), canvas.span(Role::Muted, "   left behind on purpose")])
        }
    }
}

fn class_role(class: &str) -> Role {
    match class {
        "checked" => Role::Warn,
        "lossy" => Role::Error,
        _ => Role::Ok,
    }
}

/// What is to be said about the column under the cursor, and about the table.
fn note_lines(app: &App, canvas: &Canvas<'_, '_>, row: &MapRow, width: usize) -> Vec<Line<'static>> {
    let mut notes = Vec::new();
    if let MapRow::Column(view) = row {
        match (&view.problem, view.class.as_str()) {
            (Some(problem), _) => notes.push((Role::Error, format!(" ✗ {}: {problem}", view.target))),
            (None, "lossy") => {
                notes
                    .push((Role::Error, format!(" ✗ {} can lose: accept it (enter) or map it otherwise", view.target)));
            }
            (None, "checked") => {
                notes.push((
                    Role::Muted,
                    format!(" {}: {}; a value that would lose is an error", view.target, view.how),
                ));
            }
            (None, _) => notes.push((Role::Muted, format!(" {}: {}", view.target, view.how))),
        }
    }
    notes.extend(known::notes(app, row));
    let filter = app.map_table().and_then(|table| table.filter.clone());
    notes.extend(filter.map(|filter| (Role::Muted, format!(" where {filter}"))));
    let problems = app.map.checks.value.iter().flat_map(|checks| &checks.problems).take(2);
    notes.extend(problems.map(|problem| {
        let (role, sign) = if problem.error { (Role::Error, "✗") } else { (Role::Warn, "!") };
        (role, format!(" {sign} {}", problem.message))
    }));
    let lines = notes.into_iter().flat_map(|(role, text)| {
        let lines = wrap(text.trim_start(), width.saturating_sub(1)).into_iter().take(2);
        lines.map(move |line| (role, format!(" {line}"))).collect::<Vec<_>>()
    });
    lines.map(|(role, text)| canvas.span(role, text).into()).collect()
}

fn draw_trial(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let asking = app.pending.any(|request| matches!(request, Request::Trial(_)));
    let title = if asking { "Sampled rows, before and after …" } else { "Sampled rows, before and after" };
    let inner = canvas.panel(area, canvas.title(title), false);
    let focus = app.map.row(app);
    let (target, source) = match &focus {
        Some(MapRow::Column(view)) => (view.target.as_str(), view.source.as_str()),
        Some(MapRow::Unused(name) | MapRow::Left(name)) => ("", name.as_str()),
        None => ("", ""),
    };
    let targets: Vec<&str> = Some(target).filter(|target| !target.is_empty()).into_iter().collect();
    match (&app.map.trial.value, &app.map.trial.error) {
        (_, Some(error)) => {
            let lines = wrap(&format!("✗ {error}"), usize::from(inner.width));
            let lines: Vec<Line<'static>> =
                lines.into_iter().map(|line| canvas.span(Role::Error, line).into()).collect();
            canvas.lines(inner, lines);
        }
        (Some(sampled), None) => draw_sample(canvas, inner, sampled, &targets, source, asking),
        (None, None) => {
            let line = canvas.span(Role::Muted, " Reading a sample…");
            canvas.line(inner, 0, line);
        }
    }
}
