//! Who gets a key: the top overlay, else the screen's field, else the screen's list, else the keymap.

use super::App;
use crate::console::{Screen, keys::KeyPress, overlays::After, widgets::Field};

impl App {
    pub(super) fn key(&mut self, key: KeyPress) {
        if let Some(overlay) = self.overlays.pop() {
            return self.overlay_key(overlay, key);
        }
        let taken = match self.screen {
            Screen::Migrations => self.migrations_key(key),
            Screen::Connect => self.connect_key(key),
            Screen::Tables => self.tables_key(key),
            Screen::Map => self.map_key(key),
            Screen::Check => self.check_key(key),
            Screen::Run => self.run_key(key),
            Screen::Review => self.review_key(key),
            Screen::Validate => self.validate_key(key),
            Screen::Restore => self.restore_key(key),
        };
        if !taken && let Some(id) = self.keys.find(&self.scopes(), key) {
            self.perform(id);
        }
    }

    /// The overlay is off the stack while it works, so that it may open others above it.
    fn overlay_key(&mut self, mut overlay: crate::console::overlays::Overlay, key: KeyPress) {
        let place = self.overlays.len();
        if overlay.key(self, key) == After::Stay {
            let place = place.min(self.overlays.len());
            self.overlays.insert(place, overlay);
        }
    }

    /// The field of the screen that takes what is typed.
    pub(super) fn screen_field(&mut self) -> Option<&mut Field> {
        match self.screen {
            Screen::Connect => self.connect.form_mut().editing.as_mut(),
            Screen::Tables => self.tables.filter.typed(),
            Screen::Review => self.review.filter.typed(),
            Screen::Validate => self.validate.filter.typed(),
            Screen::Restore => self.restore.filter.typed(),
            Screen::Migrations | Screen::Map | Screen::Check | Screen::Run => None,
        }
    }
}
