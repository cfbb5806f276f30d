//! Where things came to stand on the screen, for whoever points at them.

use ratatui::layout::{Position, Rect};

use crate::console::keys::{ActionId, KeyPress};

/// What a place stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    Action(ActionId),
    /// As good as this key.
    Key(KeyPress),
    /// A line of the list that has the keys.
    Row(usize),
}

#[derive(Clone, Debug, Default)]
pub struct Hits(Vec<(Rect, Hit)>);

impl Hits {
    pub fn add(&mut self, area: Rect, hit: Hit) {
        self.0.push((area, hit));
    }

    /// What lay below has nothing to say.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What lies on top at a place.
    pub fn at(&self, x: u16, y: u16) -> Option<Hit> {
        self.0.iter().rev().find(|(area, _)| area.contains(Position { x, y })).map(|(_, hit)| *hit)
    }

    /// Every place, for tests.
    #[cfg(test)]
    pub fn all(&self) -> &[(Rect, Hit)] {
        &self.0
    }
}
