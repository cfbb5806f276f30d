//! The themes: the one under the cursor is on the screen at once; Esc brings the one before back.

use ratatui::{layout::Rect, text::Line};

use super::After;
use crate::console::{
    app::App,
    keys::{KeyPress, Motion, moved},
    theme::{Look, Role},
    widgets::{Canvas, centred, fit, window},
};

#[derive(Clone, Debug)]
pub struct ThemeList {
    names: Vec<String>,
    cursor: usize,
    before: Box<Look>,
    /// Why a theme cannot be shown.
    wrong: Option<String>,
}

impl ThemeList {
    pub fn new(look: &Look) -> Self {
        let names = look.shelf.names();
        let cursor = names.iter().position(|name| *name == look.name).unwrap_or(0);
        Self { names, cursor, before: Box::new(look.clone()), wrong: None }
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        match Motion::of(key) {
            _ if key.is("esc") || key.is("q") => {
                app.look = (*self.before).clone();
                return After::Close;
            }
            _ if key.is("enter") => return After::Close,
            Some(motion) => {
                self.cursor = moved(motion, self.cursor, self.names.len(), self.names.len());
                self.show(app);
            }
            None => {}
        }
        After::Stay
    }

    pub fn choose(&mut self, app: &mut App, place: usize) -> bool {
        let was_there = std::mem::replace(&mut self.cursor, place) == place;
        self.show(app);
        was_there
    }

    fn show(&mut self, app: &mut App) {
        let Some(name) = self.names.get(self.cursor) else { return };
        self.wrong = None;
        match app.look.clone().with(name) {
            Ok(look) => app.look = look,
            Err(why) => self.wrong = Some(why.to_string()),
        }
    }

    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let place = centred(area, 60, self.names.len() as u16 + 5);
        let inner = canvas.popup(place, "Theme", "↑↓ try · enter keep · esc back");
        let height = usize::from(inner.height).saturating_sub(2);
        for (row, at) in window(self.cursor, self.names.len(), height).enumerate() {
            let here = at == self.cursor;
            let name = canvas.span(Role::Text, fit(&self.names[at], usize::from(inner.width).saturating_sub(3)));
            let line = Line::from(vec![canvas.span(Role::Key, if here { " ▸ " } else { "   " }), name]);
            canvas.row(inner, row as u16, line, at, here);
        }
        let said = match &self.wrong {
            Some(wrong) => canvas.span(Role::Error, format!(" ✗ {wrong}")),
            None => canvas.span(Role::Muted, " --theme NAME and WHIMBREL_THEME choose it from the start"),
        };
        canvas.line(inner, inner.height.saturating_sub(1), said);
    }
}
