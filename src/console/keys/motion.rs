//! Moving about, the same in every list: arrows and vi keys, page, home and end.

use crossterm::event::KeyCode;

use super::KeyPress;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

impl Motion {
    /// Arrows only, as beside a field that takes letters.
    pub fn arrow(key: KeyPress) -> Option<Self> {
        Some(match key.code {
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::Left => Self::Left,
            KeyCode::Right => Self::Right,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::Top,
            KeyCode::End => Self::Bottom,
            _ => return None,
        })
    }

    pub fn of(key: KeyPress) -> Option<Self> {
        Self::arrow(key).or_else(|| match key.char()? {
            'k' => Some(Self::Up),
            'j' => Some(Self::Down),
            'h' => Some(Self::Left),
            'l' => Some(Self::Right),
            'g' => Some(Self::Top),
            'G' => Some(Self::Bottom),
            _ => None,
        })
    }
}

/// Where a cursor at `at` in a list of `len` comes to stand; sideways motions leave it.
pub fn moved(motion: Motion, at: usize, len: usize, page: usize) -> usize {
    let last = len.saturating_sub(1);
    match motion {
        Motion::Up => at.saturating_sub(1),
        Motion::Down => at.saturating_add(1),
        Motion::PageUp => at.saturating_sub(page.max(1)),
        Motion::PageDown => at.saturating_add(page.max(1)),
        Motion::Top => 0,
        Motion::Bottom => last,
        Motion::Left | Motion::Right => at,
    }
    .min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stays_in_its_list() {
        assert_eq!(moved(Motion::Down, 2, 3, 10), 2);
        assert_eq!(moved(Motion::Up, 0, 3, 10), 0);
        assert_eq!(moved(Motion::PageDown, 0, 30, 10), 10);
        assert_eq!(moved(Motion::Bottom, 0, 0, 10), 0);
        assert_eq!(Motion::of("G".parse().unwrap()), Some(Motion::Bottom));
        assert_eq!(Motion::of("down".parse().unwrap()), Some(Motion::Down));
        assert_eq!(Motion::of("ctrl-j".parse().unwrap()), None);
    }
}
