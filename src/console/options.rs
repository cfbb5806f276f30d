//! How a console is opened.

use super::{
    keys::Scope,
    theme::{Appearance, Borders, Colour, Look},
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    #[default]
    Connect,
    Tables,
    Map,
    Check,
    Run,
    Review,
}

impl Screen {
    pub const ALL: [Self; 6] = [Self::Connect, Self::Tables, Self::Map, Self::Check, Self::Run, Self::Review];

    pub fn title(self) -> &'static str {
        self.scope().title()
    }

    pub fn scope(self) -> Scope {
        match self {
            Self::Connect => Scope::Connect,
            Self::Tables => Scope::Tables,
            Self::Map => Scope::Map,
            Self::Check => Scope::Check,
            Self::Run => Scope::Run,
            Self::Review => Scope::Review,
        }
    }

    /// The screen so many places on, round the corner.
    pub fn beside(self, steps: usize) -> Self {
        let place = Self::ALL.iter().position(|screen| *screen == self).unwrap_or(0);
        Self::ALL[(place + steps) % Self::ALL.len()]
    }
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
    /// Begin the run at once, with this policy in place of the plan's where one is given.
    pub begin: Option<Option<crate::model::OnError>>,
    /// Whether the host goes on without this console.
    pub can_detach: bool,
}

impl Options {
    pub(super) fn look(&self) -> Look {
        Look::choose(self.appearance, self.colour, self.borders, |name| std::env::var(name).ok())
    }
}
