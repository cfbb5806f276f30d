//! What screens are drawn with. One idea: everything is clipped to where it is drawn, so that no screen can be too
//! small; and every text is cleaned on its way, so that no value can steer the terminal.

mod field;
mod filter;
mod flow;
mod grid;
mod hits;
mod list;
mod wrap;

use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Style,
    symbols::border,
    text::{Line, Span},
    widgets::{Block, Clear},
};

use super::theme::{Role, Theme};
use crate::model::{clean, clip, display_width};

pub use field::Field;
pub use filter::Filter;
pub use flow::flow;
pub use grid::{GridView, draw_grid, shown_cell};
pub use hits::{Hit, Hits};
pub use list::{Cursor, window};
pub use wrap::{wrap, wrap_value};

/// A frame with a theme.
pub struct Canvas<'c, 'f> {
    pub frame: &'c mut Frame<'f>,
    pub theme: &'c Theme,
    /// Where things come to stand.
    pub hits: Hits,
}

impl Canvas<'_, '_> {
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// A piece of text; control characters are made visible.
    pub fn span(&self, role: Role, text: impl AsRef<str>) -> Span<'static> {
        Span::styled(clean(text.as_ref()), self.style(role))
    }

    /// Puts a line into row `row` of `area`.
    pub fn line(&mut self, area: Rect, row: u16, line: impl Into<Line<'static>>) {
        let area = area.intersection(self.frame.area());
        if row < area.height {
            let place = Rect { y: area.y + row, height: 1, ..area };
            self.frame.render_widget(line.into(), place);
        }
    }

    /// A line of a list: `place` in it, and whether the cursor is there.
    pub fn row(&mut self, area: Rect, row: u16, line: impl Into<Line<'static>>, place: usize, here: bool) {
        self.line(area, row, line);
        self.hit(area, row, Hit::Row(place));
        if here {
            self.mark(area, row, Role::Selection);
        }
    }

    /// What row `row` of `area` stands for.
    pub fn hit(&mut self, area: Rect, row: u16, hit: Hit) {
        let area = area.intersection(self.frame.area());
        if row < area.height {
            self.hits.add(Rect { y: area.y + row, height: 1, ..area }, hit);
        }
    }

    /// Lines from the top of `area` down.
    pub fn lines(&mut self, area: Rect, lines: impl IntoIterator<Item = Line<'static>>) {
        for (row, line) in lines.into_iter().take(usize::from(area.height)).enumerate() {
            self.line(area, row as u16, line);
        }
    }

    /// A box with a title; gives the space inside.
    pub fn panel(&mut self, area: Rect, title: impl Into<Line<'static>>, focused: bool) -> Rect {
        let area = area.intersection(self.frame.area());
        let role = if focused { Role::BorderFocus } else { Role::Border };
        let block = Block::bordered().border_set(border::ROUNDED).border_style(self.style(role)).title(title);
        let inner = block.inner(area);
        self.frame.render_widget(block, area);
        inner
    }

    /// Empties the area. A wide character whose second half lies in it goes too: the terminal would draw that half over
    /// whatever comes there.
    pub fn clear(&mut self, area: Rect) {
        self.frame.render_widget(Clear, area);
        let ground = self.theme.ground();
        let shown = area.intersection(self.frame.area());
        self.frame.buffer_mut().set_style(shown, ground);
        let Some(beside) = area.x.checked_sub(1) else { return };
        for y in area.top()..area.bottom() {
            if let Some(cell) = self.frame.buffer_mut().cell_mut((beside, y))
                && display_width(cell.symbol()) > 1
            {
                cell.set_symbol(" ");
            }
        }
    }

    /// A box over what is there already; gives the space inside.
    pub fn popup(&mut self, area: Rect, title: &str, hint: &str) -> Rect {
        let area = area.intersection(self.frame.area());
        self.clear(area);
        let title = self.title(title);
        let hint = self.span(Role::Hint, if hint.is_empty() { String::new() } else { format!(" {hint} ") });
        let inner = self.panel(area, title, true);
        if area.height > 1 && area.width > 4 {
            let place = Rect { x: area.x + 1, y: area.bottom() - 1, width: area.width - 2, height: 1 };
            self.frame.render_widget(Line::from(hint), place);
        }
        inner
    }

    pub fn title(&self, text: &str) -> Line<'static> {
        self.span(Role::Title, format!(" {text} ")).into()
    }

    /// A rule across a panel, with words in it.
    pub fn rule(&mut self, area: Rect, row: u16, text: &str) {
        let area = area.intersection(self.frame.area());
        if row >= area.height || area.x == 0 {
            return;
        }
        let width = usize::from(area.width) + 2;
        let words = clip(&clean(text), width.saturating_sub(6));
        let words = if words.is_empty() { String::new() } else { format!(" {words} ") };
        let rest = "─".repeat(width.saturating_sub(display_width(&words) + 2));
        let border = self.style(Role::BorderFocus);
        let line = Line::from(vec![
            Span::styled("├", border),
            Span::styled(words, self.style(Role::Title)),
            Span::styled(format!("{rest}┤"), border),
        ]);
        let place = Rect { x: area.x - 1, width: area.width + 2, y: area.y + row, height: 1 };
        self.frame.render_widget(line, place.intersection(self.frame.area()));
    }

    /// Gives a whole row of `area` a style.
    pub fn mark(&mut self, area: Rect, row: u16, role: Role) {
        let area = area.intersection(self.frame.area());
        if row < area.height {
            let place = Rect { y: area.y + row, height: 1, ..area };
            let style = self.style(role);
            self.frame.buffer_mut().set_style(place, style);
        }
    }

    pub fn cursor(&mut self, x: u16, y: u16) {
        if self.frame.area().contains(Position { x, y }) {
            self.frame.set_cursor_position(Position { x, y });
        }
    }
}

/// The middle of `area`, at most this large.
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Text clipped and filled up to exactly `width` columns.
pub fn fit(text: &str, width: usize) -> String {
    let text = clip(&clean(text), width);
    let fill = width.saturating_sub(display_width(&text));
    text + &" ".repeat(fill)
}

/// The same, at the right.
pub fn fit_right(text: &str, width: usize) -> String {
    let text = clip(&clean(text), width);
    " ".repeat(width.saturating_sub(display_width(&text))) + &text
}

/// The first `height` rows and the rest.
pub fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

/// The first `width` columns and the rest.
pub fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    (Rect { width, ..area }, Rect { x: area.x + width, width: area.width - width, ..area })
}
