//! A field for one line of text. The editing is the text area's; the drawing is our own, since a value may hold
//! anything and a secret must not show.

use std::fmt;

use ratatui::{layout::Rect, text::Line};
use tui_textarea::{CursorMove, TextArea};

use super::Canvas;
use crate::{
    console::{keys::KeyPress, theme::Role},
    model::{clean, display_width},
};

/// The most that one paste may bring.
const PASTE_CAP: usize = 64 * 1024;

#[derive(Clone, Default)]
pub struct Field {
    area: TextArea<'static>,
    secret: bool,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret { f.write_str("***") } else { write!(f, "{:?}", self.text()) }
    }
}

impl Field {
    pub fn new(text: &str) -> Self {
        let mut field = Self::default();
        field.set(text);
        field
    }

    pub fn secret() -> Self {
        Self { secret: true, ..Self::default() }
    }

    /// Exactly what was set or typed, line breaks included.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Replaces the text, and forgets what was there.
    pub fn set(&mut self, text: &str) {
        self.area = TextArea::new(text.split('\n').map(str::to_owned).collect());
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
    }

    /// Takes a key in; says whether the text changed. Never makes a line break.
    pub fn key(&mut self, key: KeyPress) -> bool {
        if key.is("enter") || key.is("ctrl-m") || key.is("tab") {
            return false;
        }
        // As in a shell; the widget would undo.
        if key.is("ctrl-u") {
            return self.area.delete_line_by_head();
        }
        self.area.input(key.event())
    }

    /// Takes a paste in, without the line break at its end; those within become spaces. Says whether there were any.
    pub fn paste(&mut self, text: &str) -> bool {
        let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= PASTE_CAP).last().unwrap_or(0);
        let text = if text.len() > PASTE_CAP { text.get(..end).unwrap_or_default() } else { text };
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim_end_matches('\n');
        self.area.insert_str(text.replace('\n', " "));
        text.contains('\n')
    }

    /// The name that ends at the cursor; none within a text in quotes.
    pub fn name_before(&self) -> Option<String> {
        let cursor = self.area.cursor();
        let (row, column) = (cursor.0, cursor.1);
        let before: Vec<char> = self.area.lines().get(row)?.chars().take(column).collect();
        let quotes = before.iter().filter(|char| **char == '\'').count();
        let begin = before.iter().rposition(|char| !char.is_alphanumeric() && *char != '_').map_or(0, |at| at + 1);
        let name: String = before.get(begin..)?.iter().collect();
        (quotes % 2 == 0 && name.starts_with(|char: char| !char.is_ascii_digit())).then_some(name)
    }

    /// Puts a text in the place of the name that ends at the cursor.
    pub fn complete(&mut self, with: &str) {
        let typed = self.name_before().map_or(0, |name| name.chars().count());
        (0..typed).for_each(|_| _ = self.area.delete_char());
        self.area.insert_str(with);
    }

    /// Draws the text in one row, the part with the cursor; `focused` puts the terminal's cursor there.
    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, area: Rect, focused: bool) {
        let area = area.intersection(canvas.frame.area());
        if area.is_empty() {
            return;
        }
        let before: usize = self.area.cursor().1
            + self.area.lines().iter().take(self.area.cursor().0).map(|line| line.chars().count() + 1).sum::<usize>();
        let shown = match self.secret {
            true => "•".repeat(self.text().chars().count()),
            false => clean(&self.text()),
        };
        let before: String = shown.chars().take(before).collect();
        let width = usize::from(area.width);
        let skip = if focused { (display_width(&before) + 1).saturating_sub(width) } else { 0 };
        let (visible, skipped) = from_column(&shown, skip);
        let style = canvas.style(if focused { Role::Field } else { Role::Text });
        canvas.line(area, 0, Line::styled(super::fit(visible, width), style));
        if focused {
            canvas.cursor(area.x + (display_width(&before) - skipped) as u16, area.y);
        }
    }
}

/// The text from a display column on, and how many columns were really left out.
fn from_column(text: &str, column: usize) -> (&str, usize) {
    let mut used = 0;
    for (at, char) in text.char_indices() {
        if used >= column {
            return (text.get(at..).unwrap_or_default(), used);
        }
        used += display_width(char.encode_utf8(&mut [0; 4]));
    }
    ("", used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_what_it_was() {
        for text in ["", "a\nb", "tab\there", " é😀 ", "\r\n"] {
            assert_eq!(Field::new(text).text(), text);
        }
    }

    #[test]
    fn a_paste_stays_one_line() {
        let mut field = Field::new("a");
        assert!(!field.paste("bc\r\n"));
        assert_eq!(field.text(), "abc");
        assert!(field.paste("d\ne"));
        assert_eq!(field.text(), "abcd e");
        field.set("");
        field.paste(&"é".repeat(PASTE_CAP));
        assert!(field.text().len() <= PASTE_CAP + 2);
    }

    #[test]
    fn a_name_is_completed_where_the_cursor_is() {
        let mut field = Field::new("upper(na) + 1");
        (0..5).for_each(|_| _ = field.key("left".parse().unwrap()));
        assert_eq!(field.name_before().as_deref(), Some("na"));
        field.complete("name");
        assert_eq!(field.text(), "upper(name) + 1");
        assert_eq!(Field::new("concat('na").name_before(), None);
        assert_eq!(Field::new("a + 12").name_before(), None);
        assert_eq!(Field::new("").name_before(), None);
    }

    #[test]
    fn keys_edit_and_enter_does_not() {
        let mut field = Field::new("ab");
        for key in ["left", "x", "enter", "ctrl-m"] {
            field.key(key.parse().unwrap());
        }
        assert_eq!(field.text(), "axb");
        field.key("ctrl-u".parse().unwrap());
        assert_eq!(field.text(), "b", "what is before the cursor goes");
    }

    #[test]
    fn a_secret_is_in_no_debug_text() {
        let mut field = Field::secret();
        field.paste("hunter2");
        assert_eq!(format!("{field:?}"), "***");
    }
}
