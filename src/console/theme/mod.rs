//! What things mean on the screen, and how a terminal shows that.
//!
//! Code asks for a [`Role`]; colours appear in `themes/*.toml` only. One idea: meaning is never colour alone, so the
//! theme without colour has to carry every screen.

mod degrade;
mod depth;
mod detect;
mod file;
mod shelf;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ratatui::style::Style;
use serde::Deserialize;

pub use degrade::degrade;
pub use depth::Depth;
pub use detect::{Borders, Colour, Look, Wishes};
pub use file::ThemeError;
pub use shelf::Shelf;

/// What a piece of a screen means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    #[default]
    Text,
    Muted,
    Title,
    Border,
    BorderFocus,
    Selection,
    Header,
    Ok,
    Warn,
    Error,
    Danger,
    Key,
    Hint,
    Gauge,
    GaugeRest,
    Null,
    Changed,
    Stage,
    StageNow,
    Toast,
    Field,
}

/// A style for every role, and what lies under all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Theme {
    ground: Style,
    styles: BTreeMap<Role, Style>,
}

impl Theme {
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }

    /// The whole screen's, where the theme brings its own ground.
    pub fn ground(&self) -> Style {
        self.ground
    }

    /// The same in colours that a terminal has.
    fn fitted(&self, depth: Depth) -> Self {
        let fit = |style: Style| Style {
            fg: style.fg.map(|colour| depth.fit(colour)),
            bg: style.bg.map(|colour| depth.fit(colour)),
            ..style
        };
        let styles = self.styles.iter().map(|(role, style)| (*role, fit(*style)));
        Self { ground: fit(self.ground), styles: styles.collect() }
    }
}
