//! How a console is opened.

use std::path::PathBuf;

use super::{
    keys::{ActionId, Keymap, Scope},
    theme::{Borders, Colour, Look, ThemeError, Wishes},
};
use crate::model::OnError;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// All migrations of this host, above the stages of any.
    Migrations,
    #[default]
    Connect,
    Tables,
    Map,
    Check,
    Run,
    Review,
    Validate,
    Restore,
}

impl Screen {
    /// The stages of a migration, in their order.
    pub const STAGES: [Self; 8] =
        [Self::Connect, Self::Tables, Self::Map, Self::Check, Self::Run, Self::Review, Self::Validate, Self::Restore];

    pub fn title(self) -> &'static str {
        self.scope().title()
    }

    pub fn scope(self) -> Scope {
        match self {
            Self::Migrations => Scope::Migrations,
            Self::Connect => Scope::Connect,
            Self::Tables => Scope::Tables,
            Self::Map => Scope::Map,
            Self::Check => Scope::Check,
            Self::Run => Scope::Run,
            Self::Review => Scope::Review,
            Self::Validate => Scope::Validate,
            Self::Restore => Scope::Restore,
        }
    }

    /// What goes there.
    pub fn action(self) -> ActionId {
        match self {
            Self::Migrations => ActionId::Migrations,
            Self::Connect => ActionId::Connect,
            Self::Tables => ActionId::Tables,
            Self::Map => ActionId::Map,
            Self::Check => ActionId::Check,
            Self::Run => ActionId::Run,
            Self::Review => ActionId::Review,
            Self::Validate => ActionId::Validate,
            Self::Restore => ActionId::Restore,
        }
    }

    /// The stage so many places on, round the corner.
    pub fn beside(self, steps: usize) -> Self {
        match Self::STAGES.iter().position(|screen| *screen == self) {
            Some(place) => Self::STAGES[(place + steps) % Self::STAGES.len()],
            None => Self::default(),
        }
    }
}

/// A run that begins with the console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Begin {
    /// In place of the plan's policy.
    pub on_error: Option<OnError>,
    /// What the checks want confirmed is confirmed.
    pub confirmed: bool,
}

/// What the caller decides.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The screen to open on.
    pub start: Screen,
    /// A theme's name.
    pub theme: Option<String>,
    pub colour: Colour,
    pub borders: Borders,
    /// Where the operator's own settings are.
    pub config: Option<PathBuf>,
    /// Where this host's state is, and with it what the console remembers.
    pub state: Option<PathBuf>,
    /// What relative paths of plans are relative to.
    pub folder: PathBuf,
    /// Whether clicks and the wheel are for the console.
    pub mouse: bool,
    /// Whose decisions these are.
    pub user: String,
    /// Begin the run at once.
    pub begin: Option<Begin>,
    /// The time of the opening, in milliseconds since 1970 UTC.
    pub opened_ms: u64,
    /// Whether the host goes on without this console.
    pub can_detach: bool,
}

impl Options {
    /// The keys, and what is wrong with the operator's file of them, in whose place the catalogue's own are taken.
    pub(super) fn keymap(&self) -> (Keymap, Option<String>) {
        let file = self.config.as_ref().map(|config| config.join("keys.toml"));
        let Some((file, text)) = file.and_then(|file| Some((file.clone(), std::fs::read_to_string(file).ok()?))) else {
            return (Keymap::default(), None);
        };
        match Keymap::read(&text) {
            Ok(keys) => (keys, None),
            Err(wrong) => {
                let more = if wrong.len() > 1 { format!(" (and {} more)", wrong.len() - 1) } else { String::new() };
                let first = wrong.first().map(String::as_str).unwrap_or_default();
                (Keymap::default(), Some(format!("{}: {first}{more}; the keys are as they come", file.display())))
            }
        }
    }

    pub(super) fn look(&self) -> Result<Look, ThemeError> {
        let wishes = Wishes {
            theme: self.theme.clone(),
            colour: self.colour,
            borders: self.borders,
            folder: self.config.as_ref().map(|config| config.join("themes")),
        };
        Look::choose(&wishes, |name| std::env::var(name).ok())
    }
}
