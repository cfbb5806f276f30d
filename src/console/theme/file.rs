//! A theme as its file says it: palette, roles, and what it takes from another.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::{Role, Theme};

/// Why there is no such theme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    #[error("there is no theme '{name}'; there are {known}")]
    Unknown { name: String, known: String },
    #[error("theme {name}: {why}")]
    Broken { name: String, why: String },
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) inherits: Option<String>,
    ground: Option<Spec>,
    #[serde(default)]
    palette: BTreeMap<String, String>,
    #[serde(default)]
    roles: BTreeMap<Role, Spec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    fg: Option<String>,
    bg: Option<String>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    dim: bool,
    #[serde(default)]
    italic: bool,
    #[serde(default)]
    reverse: bool,
    #[serde(default)]
    underline: bool,
}

impl File {
    /// An error says in which line and column.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let (line, column) =
                (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count());
            format!("line {line}, column {}: {}", column + 1, error.message().replace('\n', " "))
        })
    }

    /// What it says, over what `parent` says.
    pub(super) fn over(self, parent: Self) -> Self {
        let mut whole = parent;
        whole.inherits = None;
        whole.ground = self.ground.or(whole.ground);
        whole.palette.extend(self.palette);
        whole.roles.extend(self.roles);
        whole
    }

    pub(super) fn theme(&self) -> Result<Theme, String> {
        let styles = self.roles.iter().map(|(role, spec)| Ok((*role, spec.style(&self.palette)?)));
        let ground = self.ground.as_ref().map(|ground| ground.style(&self.palette)).transpose()?;
        Ok(Theme { ground: ground.unwrap_or_default(), styles: styles.collect::<Result<_, String>>()? })
    }
}

impl Spec {
    fn style(&self, palette: &BTreeMap<String, String>) -> Result<Style, String> {
        let colour = |name: &Option<String>| match name {
            None => Ok(None),
            Some(name) => {
                let value = palette.get(name).unwrap_or(name);
                value.parse::<Color>().map(Some).map_err(|_| {
                    format!("'{value}' is no colour: write #rrggbb, a number up to 255, or a name like light-red")
                })
            }
        };
        let marks = [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
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
