//! Migrations: all that this host knows of, and where each stands.

use ratatui::{layout::Rect, text::Line};

use crate::{
    console::{
        app::{App, Fetched, Request},
        keys::{ActionId, KeyPress},
        overlays::Overlay,
        theme::Role,
        widgets::{Canvas, Cursor, fit, split_top, window, wrap},
    },
    model::{RunPhase, clean, clip, display_width, thousands},
    protocol::{Ask, Migration},
};

#[derive(Debug, Default)]
pub struct MigrationsScreen {
    pub list: Fetched<Vec<Migration>>,
    pub cursor: Cursor,
}

impl MigrationsScreen {
    pub fn current(&self) -> Option<&Migration> {
        self.list.value.as_ref()?.get(self.cursor.0)
    }
}

impl App {
    pub fn migrations_key(&mut self, key: KeyPress) -> bool {
        let (len, page) = (self.migrations.list.value.as_ref().map_or(0, Vec::len), self.page());
        self.migrations.cursor.hold(len);
        self.migrations.cursor.key(key, len, page)
    }

    pub fn migrations_action(&mut self, id: ActionId) {
        let path = self.migrations.current().map(|migration| migration.path.clone());
        match (id, path) {
            (ActionId::OpenMigration, Some(path)) => self.ask(Request::Open, Ask::Open { path }),
            (ActionId::NewMigration, _) => self.open(Overlay::New(Box::default())),
            (ActionId::ReloadMigrations, _) => self.ask_migrations(),
            _ => {}
        }
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let inner = canvas.panel(area, canvas.title("Migrations"), true);
    let list = &app.migrations.list;
    if let (Some(error), false) = (&list.error, app.pending.has(&Request::Migrations)) {
        let lines = wrap(&format!("✗ {error}"), usize::from(inner.width));
        let lines: Vec<Line<'static>> = lines.into_iter().map(|line| canvas.span(Role::Error, line).into()).collect();
        return canvas.lines(inner, lines);
    }
    let Some(all) = &list.value else {
        let line = canvas.span(Role::Muted, " Looking for migrations…");
        return canvas.line(inner, 0, line);
    };
    if all.is_empty() {
        return draw_empty(app, canvas, inner);
    }
    let height = usize::from(inner.height).saturating_sub(4);
    let (rows, detail) = split_top(inner, height as u16);
    let widths = Widths::of(all, usize::from(inner.width));
    for (row, place) in window(app.migrations.cursor.0, all.len(), height).enumerate() {
        let here = place == app.migrations.cursor.0;
        let line = line(canvas, &all[place], &widths, here);
        canvas.row(rows, row as u16, line, place, here);
    }
    if let Some(migration) = app.migrations.current() {
        draw_detail(canvas, detail, migration);
    }
}

fn draw_empty(app: &App, canvas: &mut Canvas<'_, '_>, inner: Rect) {
    let lines = [
        (Role::Text, " No migration is known on this host, and no plan lies in this folder."),
        (Role::Text, ""),
        (Role::Key, " {new-migration}  New Migration: a name, a source, a destination"),
        (Role::Text, ""),
        (Role::Muted, " Or, from the shell:"),
        (Role::Muted, "    whimbrel demo                                          a complete small one"),
        (Role::Muted, "    whimbrel new PLAN --source URL --destination URL       drafts a plan"),
    ];
    let lines: Vec<Line<'static>> =
        lines.into_iter().map(|(role, text)| canvas.span(role, app.keys.spell(text)).into()).collect();
    canvas.lines(inner, lines);
}

struct Widths {
    name: usize,
    state: usize,
}

impl Widths {
    fn of(all: &[Migration], width: usize) -> Self {
        let longest = all.iter().map(|migration| display_width(&migration.name)).max().unwrap_or(0);
        let state = 30.min(width / 3);
        Self { name: (longest + 2).clamp(12, width.saturating_sub(state + 16).max(12)), state }
    }
}

fn line(canvas: &Canvas<'_, '_>, migration: &Migration, widths: &Widths, here: bool) -> Line<'static> {
    let (role, state) = state(migration);
    Line::from(vec![
        canvas.span(Role::Key, if here { "▸ " } else { "  " }),
        canvas.span(Role::Text, fit(&clean(&migration.name), widths.name)),
        canvas.span(Role::Muted, fit(&migration.kind, 12)),
        canvas.span(role, clip(&state, widths.state)),
    ])
}

/// Where it stands, in the words that the header has for the run.
fn state(migration: &Migration) -> (Role, String) {
    let flagged = match migration.flagged {
        0 => String::new(),
        flagged => format!(" · {} flagged", thousands(flagged)),
    };
    match migration.phase {
        _ if migration.problem.is_some() => (Role::Error, "✗ cannot be opened".into()),
        None => (Role::Muted, "○ not run here".into()),
        Some(RunPhase::Completed) => (Role::Ok, format!("✓ completed{flagged}")),
        Some(RunPhase::Stopped) => (Role::Warn, format!("✗ stopped{flagged}")),
        Some(_) => (Role::Ok, format!("● running{flagged}")),
    }
}

fn draw_detail(canvas: &mut Canvas<'_, '_>, area: Rect, migration: &Migration) {
    canvas.rule(area, 0, "");
    let width = usize::from(area.width).saturating_sub(2);
    let (_, rest) = split_top(area, 1);
    let route = format!("{} → {}", clean(&migration.source), clean(&migration.destination));
    let mut lines = vec![(Role::Muted, clean(&migration.path))];
    match &migration.problem {
        Some(problem) => lines.extend(wrap(problem, width).into_iter().map(|line| (Role::Error, line))),
        None => {
            let rows = migration.phase.map(|_| format!(" · {} rows written", thousands(migration.written)));
            let tables = thousands(migration.tables as u64);
            lines.push((Role::Text, route));
            lines.push((Role::Text, format!("{tables} tables in the plan{}", rows.unwrap_or_default())));
        }
    }
    let lines = lines.into_iter().map(|(role, text)| canvas.span(role, format!(" {}", clip(&text, width))).into());
    let lines: Vec<Line<'static>> = lines.collect();
    canvas.lines(rest, lines);
}
