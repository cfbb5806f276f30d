//! The mouse: a click is the key, action or line that it points at; the wheel is the arrow keys.

use super::App;
use crate::console::{Screen, keys::KeyPress, overlays::Overlay, widgets::Hit};

/// What was done with the mouse, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    pub x: u16,
    pub y: u16,
    pub deed: PointerDeed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerDeed {
    Click,
    WheelUp,
    WheelDown,
}

/// Lines that a notch of the wheel goes by.
const NOTCH: usize = 3;

impl App {
    pub(super) fn point(&mut self, pointer: Pointer) {
        let wheel = |name: &str| name.parse::<KeyPress>().ok();
        let turn = match pointer.deed {
            PointerDeed::Click => return self.click(pointer.x, pointer.y),
            PointerDeed::WheelUp => wheel("up"),
            PointerDeed::WheelDown => wheel("down"),
        };
        if let (Some(key), false) = (turn, self.is_typing()) {
            (0..NOTCH).for_each(|_| self.key(key));
        }
    }

    fn click(&mut self, x: u16, y: u16) {
        match self.hits.at(x, y) {
            Some(Hit::Action(id)) => self.perform(id),
            Some(Hit::Key(key)) => self.key(key),
            Some(Hit::Row(place)) => self.choose(place),
            None => {}
        }
    }

    /// Goes to a line; on the line where one stands already, it is Enter.
    fn choose(&mut self, place: usize) {
        let was_there = match self.overlays.pop() {
            Some(mut overlay) => {
                let was_there = overlay.choose(self, place);
                self.overlays.push(overlay);
                was_there
            }
            None => self.choose_on_screen(place),
        };
        if let (true, Ok(enter)) = (was_there, "enter".parse::<KeyPress>()) {
            self.key(enter);
        }
    }

    fn choose_on_screen(&mut self, place: usize) -> bool {
        let cursor = match self.screen {
            Screen::Connect => return self.choose_field(place),
            Screen::Migrations => &mut self.migrations.cursor,
            Screen::Tables => {
                self.tables.filter.typing = false;
                &mut self.tables.cursor
            }
            Screen::Map => &mut self.map.cursor,
            Screen::Check => &mut self.check.cursor,
            Screen::Run => &mut self.run.cursor,
            Screen::Review => {
                self.review.filter.typing = false;
                &mut self.review.cursor
            }
            Screen::Validate => return self.choose_validated(place),
            Screen::Restore => {
                self.restore.filter.typing = false;
                &mut self.restore.cursor
            }
        };
        std::mem::replace(&mut cursor.0, place) == place
    }
}

impl Overlay {
    /// Goes to a line of the overlay; says whether one stood there already.
    fn choose(&mut self, app: &mut App, place: usize) -> bool {
        match self {
            Self::Actions(list) => list.choose(place),
            Self::Errors(list) => list.choose(place),
            Self::ValueMap(form) => form.choose(place),
            Self::Fix(form) => form.choose(place),
            Self::Prompt(prompt) => prompt.choose(app, place),
            Self::Rows(rows) => rows.choose(place),
            Self::Proof(proof) => proof.choose(place),
            Self::Profile(view) => view.choose(place),
            Self::Themes(themes) => themes.choose(app, place),
            _ => false,
        }
    }
}
