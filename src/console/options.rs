//! How a console is opened.

use super::{
    keys::Scope,
    theme::{Appearance, Borders, Colour, Look},
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
}

impl Screen {
    /// The stages of a migration, in their order.
    pub const STAGES: [Self; 6] = [Self::Connect, Self::Tables, Self::Map, Self::Check, Self::Run, Self::Review];

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
    pub appearance: Appearance,
    pub colour: Colour,
    pub borders: Borders,
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
    pub(super) fn look(&self) -> Look {
        Look::choose(self.appearance, self.colour, self.borders, |name| std::env::var(name).ok())
    }
}
