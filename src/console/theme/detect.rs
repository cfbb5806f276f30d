//! Which theme and which characters a terminal gets, from options and environment; asks the terminal nothing.

use std::path::PathBuf;

use super::{Depth, Shelf, Theme, ThemeError};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// On, unless `NO_COLOR` is set or `TERM` is `dumb`.
    #[default]
    Auto,
    On,
    Off,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Borders {
    /// ASCII for `TERM=linux` and where the locale is not UTF-8.
    #[default]
    Auto,
    Unicode,
    Ascii,
}

/// What the operator wants of the looks.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// A theme's name, of which an unknown one is an error.
    pub theme: Option<String>,
    pub colour: Colour,
    pub borders: Borders,
    /// Where the operator's own themes are.
    pub folder: Option<PathBuf>,
}

/// How everything is shown on one terminal.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub theme: Theme,
    /// The theme's name.
    pub name: String,
    /// All that could be taken instead.
    pub shelf: Shelf,
    pub depth: Depth,
    /// Whether there is colour at all.
    pub coloured: bool,
    /// Line drawing and signs as ASCII.
    pub ascii: bool,
    /// Whether letters outside of ASCII can be shown.
    pub utf8: bool,
    /// What is wrong with what the environment asks for.
    pub complaint: Option<String>,
}

impl Look {
    /// `variable` looks up the environment. Only a theme that was asked for by option is an error: for any other there
    /// is one that works, and a complaint.
    pub fn choose(wishes: &Wishes, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ThemeError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let coloured = match wishes.colour {
            Colour::On => true,
            Colour::Off => false,
            Colour::Auto => set("NO_COLOR").is_none() && term != "dumb",
        };
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let utf8 = wishes.borders == Borders::Unicode || locale.contains("utf-8") || locale.contains("utf8");
        let ascii = match wishes.borders {
            Borders::Ascii => true,
            Borders::Unicode => false,
            Borders::Auto => term == "linux" || !utf8,
        };
        let shelf = wishes.folder.as_deref().map(Shelf::with_folder).unwrap_or_default();
        let look = Self { shelf, depth: Depth::detect(set), coloured, ascii, utf8, ..Self::default() };
        if let Some(name) = &wishes.theme {
            return look.clone().with(name);
        }
        let ground = if is_light(set("COLORFGBG").as_deref()) { "light" } else { "dark" };
        match set("WHIMBREL_THEME") {
            None => look.with(ground),
            Some(name) => look.clone().with(&name).or_else(|error| {
                Ok(Self { complaint: Some(format!("WHIMBREL_THEME: {error}")), ..look.with(ground)? })
            }),
        }
    }

    /// The same in another theme. Without colour it stays without.
    pub fn with(mut self, name: &str) -> Result<Self, ThemeError> {
        let theme = self.shelf.theme(name)?;
        self.theme = if self.coloured { theme.fitted(self.depth) } else { Shelf::default().theme("mono")? };
        self.name = name.to_owned();
        Ok(self)
    }
}

/// Some terminals say which of their colours are text and ground: `0;15` is black on white.
fn is_light(fgbg: Option<&str>) -> bool {
    matches!(fgbg.and_then(|colours| colours.rsplit(';').next()), Some("7" | "15"))
}
