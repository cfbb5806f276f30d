//! What each value of a column becomes: a line for every value that the first rows hold or that the map lists.
//!
//! One idea: an empty line is a value that the map does not list, so that nothing is mapped by looking at it.

use std::collections::BTreeMap;

use ratatui::{layout::Rect, text::Line};

use super::{After, Confirm, Overlay, values};
use crate::{
    console::{
        app::{App, Fetched},
        draft::Edit,
        keys::{KeyPress, Motion, moved},
        theme::Role,
        widgets::{Canvas, Field, Hit, fit, split_left, split_top, window, wrap},
    },
    model::{Cell, Page, thousands},
    plan::{ColumnPlan, Literal, Unlisted, ValueMap},
};

/// Rows of the source that values are taken from.
pub const LOOKED_AT: u32 = 1_000;
/// Values that are offered: a column with more is none for a map.
const MOST: usize = 200;

/// A value and what it becomes.
#[derive(Clone, Debug)]
struct Entry {
    value: String,
    becomes: Field,
    /// How many of the rows looked at hold it.
    rows: u64,
}

#[derive(Clone, Debug)]
pub struct ValueMapForm {
    pub table: String,
    /// The source table and its column.
    pub from: String,
    source: String,
    pub target: String,
    before: ColumnPlan,
    entries: Vec<Entry>,
    /// A value to be added.
    other: Field,
    unlisted: Unlisted,
    cursor: usize,
    /// Rows that were looked at, how many of them are NULL, and how many values did not get a line.
    looked: Fetched<(u64, u64, u64)>,
}

impl ValueMapForm {
    pub fn new(table: &str, (from, source): (&str, &str), target: &str, before: ColumnPlan) -> Self {
        let map = before.values.clone().unwrap_or_default();
        let entry = |(value, literal): (String, Literal)| Entry { value, becomes: Field::new(&literal.0), rows: 0 };
        Self {
            table: table.to_owned(),
            from: from.to_owned(),
            source: source.to_owned(),
            target: target.to_owned(),
            entries: map.entries.into_iter().map(entry).collect(),
            other: Field::default(),
            unlisted: map.unlisted,
            before,
            cursor: 0,
            looked: Fetched::default(),
        }
    }

    /// The values of the rows: those that are often there first, behind those that the map lists.
    pub fn take(&mut self, page: Result<Page, String>) {
        let looked = page.and_then(|page| {
            let at = page.columns.iter().position(|column| *column == self.source);
            let at = at.ok_or_else(|| format!("{} has no column '{}' any more", self.from, self.source))?;
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            let mut nulls = 0;
            for cell in page.rows.iter().filter_map(|row| row.get(at)) {
                match cell {
                    Cell::Text(text) => *counts.entry(text).or_default() += 1,
                    Cell::Null => nulls += 1,
                    Cell::Bytes(_) => {}
                }
            }
            let more = self.add(counts);
            Ok((page.rows.len() as u64, nulls, more))
        });
        self.looked.take(looked);
    }

    /// Says how many values got no line.
    fn add(&mut self, mut counts: BTreeMap<&str, u64>) -> u64 {
        for entry in &mut self.entries {
            entry.rows = counts.remove(entry.value.as_str()).unwrap_or(0);
        }
        let mut new: Vec<(&str, u64)> = counts.into_iter().collect();
        new.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        let room = MOST.saturating_sub(self.entries.len());
        let entry =
            |(value, rows): &(&str, u64)| Entry { value: (*value).to_owned(), becomes: Field::default(), rows: *rows };
        self.entries.extend(new.iter().take(room).map(entry));
        new.len().saturating_sub(room) as u64
    }

    fn is_other(&self) -> bool {
        self.cursor == self.entries.len()
    }

    fn is_unlisted(&self) -> bool {
        self.cursor > self.entries.len()
    }

    /// The field that takes text, if the cursor is on one.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.is_other() {
            true => Some(&mut self.other),
            false => self.entries.get_mut(self.cursor).map(|entry| &mut entry.becomes),
        }
    }

    fn map(&self) -> ValueMap {
        let listed = self.entries.iter().filter(|entry| !entry.becomes.text().trim().is_empty());
        let entries = listed.map(|entry| (entry.value.clone(), Literal(entry.becomes.text().trim().to_owned())));
        ValueMap { entries: entries.collect(), unlisted: self.unlisted }
    }

    fn plan(&self) -> ColumnPlan {
        let map = self.map();
        let values = (!map.entries.is_empty()).then_some(map);
        // A column that is named by nothing maps by its name; with a map it says from where.
        let from = self.before.from.clone().or_else(|| values.as_ref().map(|_| self.source.clone()));
        ColumnPlan { from, values, ..self.before.clone() }
    }

    fn is_touched(&self) -> bool {
        self.plan().values != self.before.values
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        let len = self.entries.len() + 2;
        match Motion::arrow(key) {
            _ if key.is("esc") => return self.leave(app),
            _ if key.is("enter") && self.is_other() && !self.other.is_empty() => self.add_other(),
            _ if key.is("enter") => return self.save(app),
            _ if key.is("tab") => self.cursor = (self.cursor + 1) % len,
            _ if key.is("shift-tab") => self.cursor = (self.cursor + len - 1) % len,
            Some(motion @ (Motion::Up | Motion::Down | Motion::PageUp | Motion::PageDown)) => {
                self.cursor = moved(motion, self.cursor, len, app.page());
            }
            _ if self.is_unlisted() => self.turn(key),
            _ => {
                if let Some(field) = self.field() {
                    field.key(key);
                }
            }
        }
        After::Stay
    }

    fn turn(&mut self, key: KeyPress) {
        if key.is("space") || key.is("right") || key.is("left") {
            self.unlisted = values::turned(self.unlisted, key.is("left"));
        }
    }

    fn add_other(&mut self) {
        let value = self.other.text();
        match self.entries.iter().position(|entry| entry.value == value) {
            Some(place) => self.cursor = place,
            None => self.entries.push(Entry { value, becomes: Field::default(), rows: 0 }),
        }
        // On the new line, where the place of the field to add was.
        self.other.set("");
    }

    fn leave(&self, app: &mut App) -> After {
        if self.is_touched() {
            app.open(Overlay::Confirm(Confirm::drop_draft()));
            return After::Stay;
        }
        After::Close
    }

    fn save(&mut self, app: &mut App) -> After {
        if !self.is_touched() {
            return After::Close;
        }
        let mut plan = self.plan();
        if plan.values.is_some() && self.unlisted == Unlisted::Default && plan.default.is_none() {
            let why = "The column has no default that unlisted values could take: {edit-column} gives it one";
            app.complain(app.keys.spell(why));
            return After::Stay;
        }
        (plan.by, plan.on) = (Some(app.user.clone()), Some(app.today()));
        let edit = Edit::SetColumn { table: self.table.clone(), column: self.target.clone(), plan: Box::new(plan) };
        match app.edit(&format!("value map of {}", self.target), &edit) {
            true => After::Close,
            false => After::Stay,
        }
    }

    /// A line that was pointed at.
    pub fn choose(&mut self, place: usize) -> bool {
        self.cursor = place;
        false
    }

    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let title = format!("Value map of {}.{} from {}", self.table, self.target, self.source);
        let inner = canvas.popup(area, &title, "↑↓ value · type what it becomes · enter save · esc leave");
        let (said, rest) = split_top(inner, 2);
        let (role, text) = self.said();
        let lines: Vec<Line<'static>> = wrap(&text, usize::from(said.width).saturating_sub(2))
            .into_iter()
            .map(|line| canvas.span(role, format!(" {line}")).into())
            .collect();
        canvas.lines(said, lines);
        let len = self.entries.len() + 2;
        for (row, at) in window(self.cursor, len, usize::from(rest.height)).enumerate() {
            self.draw_line(canvas, rest, row as u16, at);
            canvas.hit(rest, row as u16, Hit::Row(at));
        }
    }

    fn said(&self) -> (Role, String) {
        match (&self.looked.value, &self.looked.error) {
            (_, Some(error)) => (Role::Error, format!("✗ {error}")),
            (None, None) => (Role::Muted, "Reading the first rows…".into()),
            (Some((rows, nulls, more)), None) => {
                let nulls = if *nulls > 0 { format!(", {} of them NULL", thousands(*nulls)) } else { String::new() };
                let more =
                    if *more > 0 { format!("; {} more values are not shown", thousands(*more)) } else { String::new() };
                (
                    Role::Muted,
                    format!(
                        "Values of the first {} rows{nulls}{more}. What stays empty is unlisted.",
                        thousands(*rows)
                    ),
                )
            }
        }
    }

    fn draw_line(&self, canvas: &mut Canvas<'_, '_>, area: Rect, row: u16, at: usize) {
        let here = at == self.cursor;
        let sign = canvas.span(Role::Key, if here { "▸ " } else { "  " });
        let name = usize::from(area.width / 3).clamp(8, 40);
        let (_, line) = split_top(area, row);
        let (left, right) = split_left(Rect { height: line.height.min(1), ..line }, name as u16 + 4);
        let (place, counted) = split_left(right, right.width.saturating_sub(14));
        let label = match self.entries.get(at) {
            Some(entry) => canvas.span(Role::Text, fit(&format!("\"{}\"", entry.value), name)),
            None if at == self.entries.len() => canvas.span(Role::Muted, fit("another value", name)),
            None => canvas.span(Role::Muted, fit("unlisted values", name)),
        };
        canvas.line(left, 0, Line::from(vec![sign, label]));
        match self.entries.get(at) {
            Some(entry) => {
                let arrow = canvas.span(Role::Muted, "→ ");
                canvas.line(place, 0, arrow);
                let (_, place) = split_left(place, 2);
                entry.becomes.draw(canvas, place, here);
                let rows = canvas.span(Role::Muted, format!("{} rows", thousands(entry.rows)));
                canvas.line(counted, 0, rows);
            }
            None if at == self.entries.len() => self.other.draw(canvas, place, here),
            None => {
                let role = if here { Role::Selection } else { Role::Text };
                let words = canvas.span(role, values::unlisted_words(self.unlisted));
                canvas.line(place, 0, words);
            }
        }
    }
}
