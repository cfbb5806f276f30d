//! What things mean on the screen, and how a terminal shows that.
//!
//! Code asks for a [`Role`]; colours appear in `themes/*.toml` only. One idea: meaning is never colour alone, so the
//! theme without colour has to carry every screen.

mod degrade;
mod detect;

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

pub use degrade::degrade;
pub use detect::{Appearance, Borders, Colour, Look};

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

/// A style for every role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Theme {
    styles: BTreeMap<Role, Style>,
}

#[derive(Deserialize)]
struct File {
    palette: BTreeMap<String, String>,
    roles: BTreeMap<Role, Spec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    fg: Option<String>,
    bg: Option<String>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    italic: bool,
    #[serde(default)]
    reverse: bool,
    #[serde(default)]
    underline: bool,
}

impl Theme {
    /// A built-in theme; the one without colour if its file should not read.
    pub fn built_in(appearance: Appearance) -> Self {
        let text = match appearance {
            Appearance::Dark => include_str!("../../../themes/dark.toml"),
            Appearance::Light => include_str!("../../../themes/light.toml"),
        };
        Self::read(text).unwrap_or_else(|_| Self::mono())
    }

    fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let styles = file.roles.iter().map(|(role, spec)| Ok((*role, spec.style(&file.palette)?)));
        Ok(Self { styles: styles.collect::<Result<_, String>>()? })
    }

    /// Bold, reverse and underline only.
    pub fn mono() -> Self {
        let plain = Style::new();
        let styles = [
            (Role::Title, plain.bold()),
            (Role::Selection, plain.reversed()),
            (Role::Header, plain.bold()),
            (Role::Warn, plain.underlined()),
            (Role::Error, plain.bold().underlined()),
            (Role::Danger, plain.bold().reversed()),
            (Role::Key, plain.bold()),
            (Role::Changed, plain.bold()),
            (Role::StageNow, plain.bold().reversed()),
            (Role::Toast, plain.reversed()),
            (Role::Field, plain.underlined()),
            (Role::BorderFocus, plain.bold()),
        ];
        Self { styles: styles.into() }
    }

    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }
}

impl Spec {
    fn style(&self, palette: &BTreeMap<String, String>) -> Result<Style, String> {
        let colour = |name: &Option<String>| match name {
            None => Ok(None),
            Some(name) => {
                let value = palette.get(name).unwrap_or(name);
                value.parse::<Color>().map(Some).map_err(|_| format!("unknown colour '{value}'"))
            }
        };
        let marks = [
            (self.bold, Modifier::BOLD),
            (self.italic, Modifier::ITALIC),
            (self.reverse, Modifier::REVERSED),
            (self.underline, Modifier::UNDERLINED),
        ];
        let mut style = Style { fg: colour(&self.fg)?, bg: colour(&self.bg)?, ..Style::new() };
        for (_, modifier) in marks.into_iter().filter(|(set, _)| *set) {
            style = style.add_modifier(modifier);
        }
        Ok(style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_theme_files_read_and_name_every_role() {
        for text in [include_str!("../../../themes/dark.toml"), include_str!("../../../themes/light.toml")] {
            assert_eq!(Theme::read(text).unwrap().styles.len(), Role::Field as usize + 1);
        }
    }

    #[test]
    fn the_theme_without_colour_has_none() {
        for style in Theme::mono().styles.values() {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    #[test]
    fn an_unknown_colour_is_named() {
        let error = Theme::read("[palette]\n[roles]\ntext = { fg = \"blurple\" }").unwrap_err();
        assert!(error.contains("blurple"), "{error}");
    }
}
