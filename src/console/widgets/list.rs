//! A cursor in a list that is longer than its panel.

use crate::console::keys::{KeyPress, Motion, moved};

/// Where an operator stands in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub usize);

impl Cursor {
    /// Moves by a key of the usual ones; says whether it was one.
    pub fn key(&mut self, key: KeyPress, len: usize, page: usize) -> bool {
        match Motion::of(key) {
            None | Some(Motion::Left | Motion::Right) => false,
            Some(motion) => {
                self.0 = moved(motion, self.0, len, page);
                true
            }
        }
    }

    /// Back into a list that got shorter.
    pub fn hold(&mut self, len: usize) {
        self.0 = self.0.min(len.saturating_sub(1));
    }
}

/// The part of a list of `len` that shows in `height` rows with the cursor in it, away from the edges.
pub fn window(cursor: usize, len: usize, height: usize) -> std::ops::Range<usize> {
    let start = cursor.saturating_sub(height / 2).min(len.saturating_sub(height));
    start..len.min(start.saturating_add(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_in_the_window() {
        for len in 0..20 {
            for height in 1..8 {
                for cursor in 0..len {
                    let window = window(cursor, len, height);
                    assert!(window.contains(&cursor) && window.len() == height.min(len));
                }
            }
        }
        assert_eq!(window(5, 3, 0), 3..3);
    }
}
