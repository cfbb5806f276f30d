//! What the rows of a table hold: its columns at the left, the facts of the one under the cursor at the right.

mod facts;

use ratatui::{layout::Rect, text::Line};

use super::After;
use crate::{
    console::{
        app::{App, Effect, Request},
        keys::{KeyPress, Motion, Scope, moved},
        theme::Role,
        widgets::{Canvas, fit, fit_right, split_left, split_top, window, wrap},
    },
    model::{Count, clean, compact, display_width, percent, thousands},
    protocol::{ColumnProfile, TableProfile, share},
};

/// What of a column comes first at the right; the others follow where there is room.
pub(super) const PARTS: [&str; 4] = ["Facts", "Values", "Histogram", "Patterns"];

#[derive(Clone, Debug, Default)]
pub struct ProfileView {
    pub table: String,
    /// 0 is the table as a whole.
    cursor: usize,
    part: usize,
}

impl ProfileView {
    pub fn new(table: String) -> Self {
        Self { table, ..Self::default() }
    }

    pub fn choose(&mut self, place: usize) -> bool {
        self.cursor = place;
        false
    }

    fn len(&self, app: &App) -> usize {
        app.profiles.of(&self.table).map_or(0, |found| found.columns.len() + 1)
    }

    fn column<'p>(&self, found: &'p TableProfile) -> Option<&'p ColumnProfile> {
        found.columns.get(self.cursor.checked_sub(1)?)
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        let parts = PARTS.len();
        if key.is("esc") || key.is("q") {
            return After::Close;
        }
        if let Some(id) = app.keys.find(&[Scope::Profile], key) {
            app.profile_action(&self.table, id);
            return After::Stay;
        }
        match Motion::of(key) {
            _ if key.is("tab") => self.part = (self.part + 1) % parts,
            _ if key.is("shift-tab") => self.part = (self.part + parts - 1) % parts,
            _ if key.is("y") => self.copy(app),
            Some(Motion::Left) => self.part = self.part.saturating_sub(1),
            Some(Motion::Right) => self.part = (self.part + 1).min(parts - 1),
            Some(motion) => self.cursor = moved(motion, self.cursor, self.len(app), app.page()),
            None => {}
        }
        After::Stay
    }

    /// The facts under the cursor go into the clipboard, as text.
    fn copy(&self, app: &mut App) {
        let Some(found) = app.profiles.of(&self.table) else { return app.say("There is nothing to copy yet") };
        let sections = match self.column(found) {
            Some(column) => facts::of_column(column, 60, 0),
            None => vec![facts::of_table(found, 200)],
        };
        let text = |line: &facts::Fact| line.iter().map(|(_, text)| text.as_str()).collect::<String>();
        let lines: Vec<String> = sections.iter().flatten().map(|line| text(line).trim_end().to_owned()).collect();
        app.effect(Effect::Copy(lines.join("\n")));
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let inner =
            canvas.popup(area, &format!("Profile of {}", self.table), "↑↓ column · ←→ part · y copy · esc close");
        let head = self.head(app, canvas, usize::from(inner.width));
        let (top, rest) = split_top(inner, head.len() as u16);
        canvas.lines(top, head);
        if let Some(found) = app.profiles.of(&self.table) {
            let left = if area.width < 100 { 28 } else { 44 };
            let (left, right) = split_left(rest, left.min(rest.width / 2));
            self.draw_columns(canvas, left, found);
            let right = Rect { x: right.x + 1, width: right.width.saturating_sub(1), ..right };
            self.draw_facts(canvas, right, found);
        }
    }

    /// What the figures are of, what goes on, and what went wrong.
    fn head(&self, app: &App, canvas: &Canvas<'_, '_>, width: usize) -> Vec<Line<'static>> {
        let mut said = Vec::new();
        let asked = app.pending.has(&Request::Profile(self.table.clone()));
        match &app.profiles.progress {
            Some(now) if now.table == self.table => {
                let whole = now.now == now.table;
                let of = match now.total {
                    Count::Unknown => String::new(),
                    _ if !whole => String::new(),
                    total => {
                        let rows = total.rows().unwrap_or(0).max(now.read);
                        format!(" of {}, {} %", compact(total), percent(now.read, rows).min(99))
                    }
                };
                let what = if now.now.is_empty() { &now.table } else { &now.now };
                said.push((Role::Warn, format!("Reading {what}: {} rows{of} · x breaks it off", thousands(now.read))));
            }
            Some(now) if asked => said.push((Role::Muted, format!("Waiting for the profile of {}", now.table))),
            None if asked => said.push((Role::Muted, "Beginning to read…".to_owned())),
            _ => {}
        }
        said.extend(app.profiles.error(&self.table).map(|error| (Role::Error, format!("✗ {error}"))));
        match app.profiles.of(&self.table) {
            Some(found) if found.broken_off => {
                said.push((Role::Warn, format!("Figures of the rows until it was {}", found.basis())));
            }
            Some(found) => said.push((Role::Text, format!("Figures of {}", found.basis()))),
            None if !said.is_empty() => {}
            None if app.pending.has(&Request::Profiled(self.table.clone())) => {
                said.push((Role::Muted, "Asking what is known of it…".to_owned()));
            }
            None => {
                said.push((Role::Muted, "Nobody looked at these rows yet: a reads all, s the first 10,000".to_owned()));
            }
        }
        let lines = said.into_iter().flat_map(|(role, text)| {
            let lines = wrap(&clean(&text), width.saturating_sub(2));
            lines.into_iter().map(move |line| (role, line)).collect::<Vec<_>>()
        });
        lines.map(|(role, line)| canvas.span(role, format!(" {line}")).into()).collect()
    }

    fn draw_columns(&self, canvas: &mut Canvas<'_, '_>, area: Rect, found: &TableProfile) {
        let width = usize::from(area.width);
        let wide = width >= 40;
        let name = width.saturating_sub(if wide { 24 } else { 10 });
        let head = format!(
            "  {} {}{}",
            fit("column", name),
            fit_right("NULL", 7),
            if wide { fit_right("distinct", 14) } else { String::new() }
        );
        let head = canvas.span(Role::Header, head);
        canvas.line(area, 0, head);
        let (_, list) = split_top(area, 1);
        let len = found.columns.len() + 1;
        let cursor = self.cursor.min(len - 1);
        for (row, place) in window(cursor, len, usize::from(list.height)).enumerate() {
            let here = place == cursor;
            let mut spans = vec![canvas.span(Role::Key, if here { "▸ " } else { "  " })];
            match place.checked_sub(1).and_then(|at| found.columns.get(at)) {
                None => spans.push(canvas.span(table_role(found), fit("(the table)", name))),
                Some(column) => {
                    spans.push(canvas.span(Role::Text, fit(&column.column, name)));
                    spans.push(
                        canvas.span(Role::Muted, format!(" {}", fit_right(&share(column.nulls, column.rows), 7))),
                    );
                    let distinct = if wide { fit_right(&column.distinct.short(), 14) } else { String::new() };
                    spans.push(canvas.span(Role::Muted, distinct));
                }
            }
            canvas.row(list, row as u16, Line::from(spans), place, here);
        }
    }

    fn draw_facts(&self, canvas: &mut Canvas<'_, '_>, area: Rect, found: &TableProfile) {
        let width = usize::from(area.width);
        let sections = match self.column(found) {
            Some(column) => {
                let tabs = self.tabs(canvas, width);
                canvas.line(area, 0, tabs);
                facts::of_column(column, width, self.part)
            }
            None => {
                let title = canvas.span(Role::Header, "The table");
                canvas.line(area, 0, title);
                vec![facts::of_table(found, width)]
            }
        };
        let (_, rest) = split_top(area, 1);
        let lines = sections.into_iter().enumerate().flat_map(|(place, lines)| {
            let gap = (place > 0).then(Vec::new);
            gap.into_iter().chain(lines)
        });
        let lines: Vec<Line<'static>> = lines
            .take(usize::from(rest.height))
            .map(|line| Line::from(line.into_iter().map(|(role, text)| canvas.span(role, text)).collect::<Vec<_>>()))
            .collect();
        canvas.lines(rest, lines);
    }

    fn tabs(&self, canvas: &Canvas<'_, '_>, width: usize) -> Line<'static> {
        let mut spans = Vec::new();
        let all: usize = PARTS.iter().map(|part| display_width(part) + 4).sum();
        for (place, part) in PARTS.iter().enumerate() {
            match place == self.part {
                true => spans.push(canvas.span(Role::Selection, format!("[{part}]"))),
                false if all <= width + 8 => spans.push(canvas.span(Role::Text, format!(" {part} "))),
                false => {}
            }
        }
        Line::from(spans)
    }
}

/// Whether something is wrong with the table as a whole.
fn table_role(found: &TableProfile) -> Role {
    let twice = found.duplicates.iter().any(|found| found.surplus > 0);
    let orphans = found.references.iter().any(|found| found.declared && found.orphans > 0);
    let unfit = found.conversions.iter().any(|found| found.failed > 0);
    if twice || orphans || unfit { Role::Warn } else { Role::Text }
}
