//! Text to read, whole: wrapped, scrollable, with control characters made visible.

use ratatui::{layout::Rect, text::Line};

use super::After;
use crate::{
    console::{
        app::{App, Effect},
        keys::{KeyPress, Motion},
        theme::Role,
        widgets::{Canvas, wrap, wrap_value},
    },
    model::{Cell, thousands},
};

#[derive(Clone, Debug)]
pub struct TextView {
    title: String,
    text: String,
    role: Role,
    /// Whether every character counts.
    exact: bool,
    /// What else there is to know.
    note: String,
    top: usize,
}

impl TextView {
    pub fn new(title: String, text: String) -> Self {
        Self { title, text, role: Role::Text, exact: false, note: String::new(), top: 0 }
    }

    pub fn cell(title: String, cell: &Cell) -> Self {
        let (role, note) = match cell {
            Cell::Null => (Role::Null, "no value".to_owned()),
            Cell::Text(text) => match text.chars().count() {
                1 => (Role::Text, "1 character".to_owned()),
                count => (Role::Text, format!("{} characters", thousands(count as u64))),
            },
            Cell::Bytes(bytes) => (Role::Text, format!("{} bytes", thousands(bytes.len() as u64))),
        };
        Self { role, note, exact: true, ..Self::new(title, cell.display()) }
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        let page = app.page();
        match Motion::of(key) {
            Some(Motion::Up) => self.top = self.top.saturating_sub(1),
            Some(Motion::Down) => self.top += 1,
            Some(Motion::PageUp) => self.top = self.top.saturating_sub(page),
            Some(Motion::PageDown) => self.top += page,
            Some(Motion::Top) => self.top = 0,
            Some(Motion::Bottom) => self.top = usize::MAX / 2,
            _ if key.is("y") => app.effect(Effect::Copy(self.text.clone())),
            _ if key.is("esc") || key.is("enter") || key.is("q") => return After::Close,
            _ => {}
        }
        let most = self.lines(app.width.saturating_sub(4)).len();
        self.top = self.top.min(most.saturating_sub(1));
        After::Stay
    }

    /// As many lines as a box of this width makes of the text.
    fn lines(&self, width: u16) -> Vec<String> {
        let width = usize::from(width.saturating_sub(2));
        if self.exact { wrap_value(&self.text, width) } else { wrap(&self.text, width) }
    }

    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let width = area.width.saturating_sub(4);
        let lines = self.lines(width);
        let height = (lines.len() as u16).saturating_add(3).clamp(6, area.height.max(6));
        let place = crate::console::widgets::centred(area, width, height);
        let inner = canvas.popup(place, &self.title, "↑↓ scroll · y copy · esc close");
        let space = usize::from(inner.height).saturating_sub(1);
        let top = self.top.min(lines.len().saturating_sub(space));
        let shown: Vec<Line<'static>> =
            lines.iter().skip(top).take(space).map(|line| canvas.span(self.role, line).into()).collect();
        canvas.lines(inner, shown);
        let note = canvas.span(Role::Muted, &self.note);
        canvas.line(inner, inner.height.saturating_sub(1), note);
    }
}
