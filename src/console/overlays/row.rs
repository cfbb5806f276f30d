//! A faulty row's cells, to be changed and tried again.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::{layout::Rect, text::Line};

use super::After;
use crate::{
    console::{
        app::App,
        keys::{KeyPress, Motion, moved},
        theme::Role,
        widgets::{Canvas, Field, centred, fit, shown_cell, split_left, split_top, window},
    },
    model::{Cell, Decision, Fault, FaultId, NamedCell, Scope, thousands},
    plan::HIDDEN,
};

/// What the changed row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The answer to an open fault.
    Prompt,
    /// A retry from review.
    Review,
}

#[derive(Clone, Debug)]
pub struct RowEditor {
    fault: Fault,
    purpose: Purpose,
    cursor: usize,
    /// What the cell under the cursor is being made into.
    field: Field,
    /// Cells whose values are private: what stands there is not shown, and nothing typed leaves it as it is.
    hidden: BTreeSet<usize>,
    /// Cells that are no longer what they were.
    changed: BTreeMap<usize, Cell>,
    /// Why the row cannot be sent.
    note: Option<String>,
}

impl RowEditor {
    /// Begins at the cell that failed.
    pub fn new(app: &App, fault: Fault, purpose: Purpose) -> Self {
        let hides = |named: &NamedCell| app.hides(&fault).is_some_and(|private| private.holds(&named.name));
        let hidden = (0..fault.cells.len()).filter(|at| fault.cells.get(*at).is_some_and(hides)).collect();
        let failing = fault.cells.iter().position(|named| fault.column.as_deref() == Some(named.name.as_str()));
        let mut editor = Self {
            cursor: failing.unwrap_or(0),
            fault,
            purpose,
            field: Field::default(),
            hidden,
            changed: BTreeMap::new(),
            note: None,
        };
        editor.load();
        editor
    }

    pub fn field(&mut self) -> &mut Field {
        &mut self.field
    }

    pub fn open_fault(&self) -> Option<&FaultId> {
        (self.purpose == Purpose::Prompt).then_some(&self.fault.id)
    }

    fn cell(&self, place: usize) -> Cell {
        let original = self.fault.cells.get(place).map(|named| &named.cell);
        self.changed.get(&place).or(original).cloned().unwrap_or_default()
    }

    /// Whether what stands there is still the private value.
    fn is_hidden(&self, place: usize) -> bool {
        self.hidden.contains(&place) && !self.changed.contains_key(&place)
    }

    fn load(&mut self) {
        let text = match self.cell(self.cursor) {
            _ if self.is_hidden(self.cursor) => String::new(),
            Cell::Null => String::new(),
            cell => cell.display(),
        };
        self.field.set(&text);
    }

    /// Takes the field's text over, unless it is as it was.
    fn store(&mut self) -> bool {
        let current = self.cell(self.cursor);
        let text = self.field.text();
        let untouched = match &current {
            _ if self.is_hidden(self.cursor) => text.is_empty(),
            Cell::Null => text.is_empty(),
            cell => cell.display() == text,
        };
        if untouched {
            return true;
        }
        let original = self.fault.cells.get(self.cursor).map(|named| named.cell.clone()).unwrap_or_default();
        let cell = match &original {
            Cell::Bytes(_) => match bytes(&text) {
                Some(bytes) => Cell::Bytes(bytes),
                None => {
                    self.note = Some("This column holds bytes: write them as \\x and hexadecimal digits".into());
                    return false;
                }
            },
            Cell::Null | Cell::Text(_) => Cell::Text(text),
        };
        self.put(cell, &original);
        true
    }

    fn put(&mut self, cell: Cell, original: &Cell) {
        match cell == *original {
            true => self.changed.remove(&self.cursor),
            false => self.changed.insert(self.cursor, cell),
        };
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        self.note = None;
        match () {
            () if key.is("esc") => return After::Close,
            () if key.is("enter") => return self.send(app),
            () if key.is("ctrl-n") => {
                let original = self.fault.cells.get(self.cursor).map(|named| named.cell.clone()).unwrap_or_default();
                self.put(Cell::Null, &original);
                self.load();
            }
            () if key.is("ctrl-t") => {
                let original = self.fault.cells.get(self.cursor).map(|named| named.cell.clone()).unwrap_or_default();
                self.field.set("");
                self.put(Cell::text(""), &original);
            }
            () if key.is("ctrl-u") => {
                self.changed.remove(&self.cursor);
                self.load();
            }
            () if key.is("tab") => self.turn(Motion::Down),
            () if key.is("shift-tab") => self.turn(Motion::Up),
            () => match Motion::arrow(key) {
                Some(motion @ (Motion::Up | Motion::Down | Motion::PageUp | Motion::PageDown)) => self.turn(motion),
                _ => _ = self.field.key(key),
            },
        }
        After::Stay
    }

    fn turn(&mut self, motion: Motion) {
        if self.store() {
            self.cursor = moved(motion, self.cursor, self.fault.cells.len(), 10);
            self.load();
        }
    }

    fn send(&mut self, app: &mut App) -> After {
        if !self.store() {
            return After::Stay;
        }
        if self.changed.is_empty() {
            self.note = Some("Nothing is changed: the row would fail again".into());
            return After::Stay;
        }
        let cells: Vec<NamedCell> = self
            .changed
            .iter()
            .filter_map(|(place, cell)| {
                let name = self.fault.cells.get(*place)?.name.clone();
                Some(NamedCell { name, cell: cell.clone() })
            })
            .collect();
        match self.purpose {
            Purpose::Review => app.retry_flagged(self.fault.id.clone(), cells),
            Purpose::Prompt => {
                app.overlays.retain(|overlay| overlay.fault() != Some(&self.fault.id));
                app.answer(&self.fault, Decision::Edit { cells }, Scope::Row);
            }
        }
        After::Close
    }

    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let width = area.width.saturating_sub(2).min(90);
        let place = centred(area, width, (self.fault.cells.len() as u16).saturating_add(5).max(16));
        let title = format!("Edit row {} of {}", thousands(self.fault.row), self.fault.table);
        let hint = "↑↓ column · ctrl-n NULL · ctrl-t empty · ctrl-u reset · enter retry · esc";
        let inner = canvas.popup(place, &title, hint);
        let (head, rest) = split_top(inner, 2);
        let said = match &self.note {
            Some(note) => canvas.span(Role::Error, format!(" ✗ {note}")),
            None => canvas.span(Role::Text, format!(" {} must be: {}", self.fault.shown_column(), self.fault.expected)),
        };
        canvas.line(head, 0, said);
        for (row, at) in window(self.cursor, self.fault.cells.len(), usize::from(rest.height)).enumerate() {
            self.draw_cell(canvas, rest, row as u16, at);
        }
    }

    fn draw_cell(&self, canvas: &mut Canvas<'_, '_>, area: Rect, row: u16, at: usize) {
        let Some(named) = self.fault.cells.get(at) else { return };
        let name = (area.width / 4).clamp(6, 24);
        let here = at == self.cursor;
        let (text, role) = match self.is_hidden(at) {
            true => (HIDDEN.to_owned(), Role::Null),
            false => shown_cell(&self.cell(at)),
        };
        let role = if self.changed.contains_key(&at) { Role::Changed } else { role };
        let sign = if here { "▸ " } else { "  " };
        let was = if self.changed.contains_key(&at) {
            let was = if self.hidden.contains(&at) { "private".to_owned() } else { shown_cell(&named.cell).0 };
            format!("  (was {was})")
        } else {
            String::new()
        };
        let label = canvas.span(
            if here { Role::Key } else { Role::Muted },
            format!("{sign}{} ", fit(&named.name, usize::from(name))),
        );
        let value = canvas.span(role, format!("{text}{was}"));
        canvas.line(area, row, Line::from(vec![label, value]));
        let untyped_null = (self.cell(at).is_null() || self.is_hidden(at)) && self.field.is_empty();
        if here {
            let (_, place) = split_left(area, name + 3);
            let (_, place) = split_top(place, row);
            if untyped_null {
                canvas.cursor(place.x, place.y);
            } else {
                self.field.draw(canvas, place, true);
            }
        }
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?;
    if !digits.is_ascii() || digits.len() % 2 != 0 {
        return None;
    }
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_hexadecimal() {
        assert_eq!(bytes("\\x00fF"), Some(vec![0, 255]));
        assert_eq!(bytes("\\x"), Some(vec![]));
        for wrong in ["00", "\\x0", "\\xzz", "\\xéé"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
