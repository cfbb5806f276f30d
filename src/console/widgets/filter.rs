//! The filter of a list: a line above it that takes what is typed after `/`.

use ratatui::layout::Rect;

use super::{Canvas, Field, split_top};
use crate::console::{keys::KeyPress, theme::Role};

#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub field: Field,
    /// Whether it takes what is typed.
    pub typing: bool,
}

impl Filter {
    /// Takes a key in while it is typed into; says whether it did.
    pub fn key(&mut self, key: KeyPress) -> bool {
        if !self.typing {
            return false;
        }
        match () {
            () if key.is("enter") || key.is("down") => self.typing = false,
            () if key.is("esc") => self.clear(),
            () => _ = self.field.key(key),
        }
        true
    }

    pub fn clear(&mut self) {
        self.typing = false;
        self.field.set("");
    }

    /// What is looked for, in small letters.
    pub fn text(&self) -> String {
        self.field.text().to_lowercase()
    }

    pub fn is_empty(&self) -> bool {
        self.field.is_empty()
    }

    /// The field, while it takes what is typed.
    pub fn typed(&mut self) -> Option<&mut Field> {
        self.typing.then_some(&mut self.field)
    }

    /// Draws it above the list, if there is something to show; gives the space below.
    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, inner: Rect) -> Rect {
        if !self.typing && self.is_empty() {
            return inner;
        }
        let (line, rest) = split_top(inner, 1);
        let slash = canvas.span(Role::Key, " / ");
        canvas.line(line, 0, slash);
        let place = Rect { x: line.x + 3, width: line.width.saturating_sub(3), ..line };
        self.field.draw(canvas, place, self.typing);
        rest
    }
}
