//! New Migration: a name, a type, both sides. What it makes is a plan's file, which the screens then fill.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::After;
use crate::{
    console::{
        app::{App, Request},
        keys::{KeyPress, Motion, moved},
        theme::Role,
        widgets::{Canvas, Field, centred, fit, split_left, split_top, wrap},
    },
    plan::Kind,
    protocol::{Ask, NewMigration},
};

const NAME: usize = 0;
const TYPE: usize = 1;
const SOURCE: usize = 2;
const ROWS: usize = 4;
const LABELS: [&str; ROWS] = ["Name", "Type", "Source", "Destination"];

/// How far the values stand from the left.
const INDENT: u16 = 15;

#[derive(Clone, Debug, Default)]
pub struct NewForm {
    /// Name, source, destination.
    fields: [Field; 3],
    kind: Kind,
    row: usize,
    /// Why the form makes no plan.
    wrong: Option<String>,
}

/// What a type means, for its radio button.
fn meaning(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::OneTime => ("One-time", "Copy data once"),
        Kind::Continuous => ("Continuous", "Keep syncing"),
        Kind::Scheduled => ("Scheduled", "Run on schedule"),
    }
}

/// Whether a migration has that name already, whatever its case.
fn is_taken(app: &App, name: &str) -> bool {
    let known = app.migrations.list.value.iter().flatten();
    known.into_iter().any(|migration| migration.name.to_lowercase() == name.to_lowercase())
}

impl NewForm {
    pub fn field(&mut self) -> Option<&mut Field> {
        let place = Self::place(self.row)?;
        self.fields.get_mut(place)
    }

    /// Which field a row has.
    fn place(row: usize) -> Option<usize> {
        match row {
            NAME => Some(0),
            TYPE => None,
            row => Some(row - 1),
        }
    }

    fn text(&self, row: usize) -> String {
        Self::place(row).map(|place| self.fields[place].text().trim().to_owned()).unwrap_or_default()
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        match () {
            () if key.is("esc") => return After::Close,
            () if key.is("enter") && self.row + 1 == ROWS => self.create(app),
            () if key.is("enter") || key.is("tab") => self.row = (self.row + 1) % ROWS,
            () if key.is("shift-tab") => self.row = (self.row + ROWS - 1) % ROWS,
            () => match Motion::arrow(key) {
                Some(motion @ (Motion::Up | Motion::Down)) => self.row = moved(motion, self.row, ROWS, ROWS),
                _ if self.row == TYPE => self.turn(key),
                _ => _ = self.field().map(|field| field.key(key)),
            },
        }
        After::Stay
    }

    fn turn(&mut self, key: KeyPress) {
        let place = Kind::ALL.iter().position(|kind| *kind == self.kind).unwrap_or(0);
        let steps = match () {
            () if key.is("right") || key.is("space") => 1,
            () if key.is("left") => Kind::ALL.len() - 1,
            () => 0,
        };
        self.kind = Kind::ALL[(place + steps) % Kind::ALL.len()];
    }

    fn create(&mut self, app: &mut App) {
        if app.pending.has(&Request::Open) {
            return;
        }
        let name = self.text(NAME);
        let empty = [NAME, SOURCE, SOURCE + 1].into_iter().find(|row| self.text(*row).is_empty());
        self.wrong = match empty {
            Some(row) => {
                self.row = row;
                Some(format!("{} is missing", LABELS[row]))
            }
            None if is_taken(app, &name) => {
                self.row = NAME;
                Some(format!("A migration is called '{name}' already: choose another name"))
            }
            None => None,
        };
        if self.wrong.is_none() {
            let kind = self.kind.word().to_owned();
            let (source, destination) = (self.text(SOURCE), self.text(SOURCE + 1));
            app.ask(Request::Open, Ask::New(NewMigration { name, kind, source, destination }));
        }
    }

    /// The host made no plan of it.
    pub fn refused(&mut self, why: String) {
        self.wrong = Some(why);
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let place = centred(area, 78, 15);
        let inner = canvas.popup(place, "New Migration", "↑↓ field · ←→ type · enter next, create · esc cancel");
        let at = |row: usize| if row > TYPE { row as u16 + 4 } else { row as u16 + 1 };
        for row in 0..ROWS {
            self.draw_row(canvas, inner, at(row), row);
        }
        let width = usize::from(inner.width).saturating_sub(4);
        let (role, text) = match &self.wrong {
            _ if app.pending.has(&Request::Open) => (Role::Muted, "Writing the plan…".to_owned()),
            Some(wrong) => (Role::Error, format!("✗ {wrong}")),
            None => (Role::Hint, self.help().to_owned()),
        };
        let lines = wrap(&text, width).into_iter().map(|line| canvas.span(role, format!("  {line}")).into());
        let lines: Vec<Line<'static>> = lines.collect();
        let (_, rest) = split_top(inner, at(ROWS - 1) + 2);
        canvas.lines(rest, lines);
    }

    fn help(&self) -> &'static str {
        match (self.row, self.kind) {
            (NAME, _) => "What the migration is called; its plan is written into this folder under that name",
            (TYPE, Kind::OneTime) => "The rows are copied once",
            (TYPE, Kind::Continuous) => {
                "This version cannot keep two sides in sync: the plan can be made, and the checks will refuse to start it"
            }
            (TYPE, Kind::Scheduled) => {
                "A run starts whenever the plan's window opens, as long as `whimbrel run PLAN` is up"
            }
            _ => {
                "postgres://user@host/database  mysql://user@host/database  sqlite:path  csv:folder. No password: \
                 Connect asks for it"
            }
        }
    }

    fn draw_row(&self, canvas: &mut Canvas<'_, '_>, inner: Rect, at: u16, row: usize) {
        let here = row == self.row;
        let label = format!("{}{}", if here { "▸ " } else { "  " }, fit(LABELS[row], usize::from(INDENT) - 2));
        let mut line = Line::from(canvas.span(if here { Role::Key } else { Role::Muted }, label));
        match Self::place(row) {
            None => return self.draw_kinds(canvas, inner, at, line),
            Some(_) if here => {}
            Some(place) => line.push_span(canvas.span(Role::Text, self.fields[place].text())),
        }
        canvas.line(inner, at, line);
        if let (true, Some(place)) = (here, Self::place(row)) {
            let (_, right) = split_left(inner, INDENT);
            let (_, right) = split_top(right, at);
            self.fields[place].draw(canvas, Rect { width: right.width.saturating_sub(1), ..right }, true);
        }
    }

    fn draw_kinds(&self, canvas: &mut Canvas<'_, '_>, inner: Rect, at: u16, mut label: Line<'static>) {
        for (step, kind) in Kind::ALL.into_iter().enumerate() {
            let chosen = kind == self.kind;
            let (name, words) = meaning(kind);
            let role = if chosen { Role::Text } else { Role::Muted };
            let button = format!("{} {}", if chosen { "●" } else { "○" }, fit(name, 12));
            let spans = [canvas.span(role, button), canvas.span(Role::Muted, words)];
            let mut line = match step {
                0 => std::mem::take(&mut label),
                _ => Line::from(Span::raw(" ".repeat(usize::from(INDENT)))),
            };
            line.spans.extend(spans);
            canvas.line(inner, at + step as u16, line);
        }
    }
}
