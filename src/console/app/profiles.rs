//! What is known of the rows of source tables: asked for where it is shown, and looked for when the operator says so.

use std::collections::BTreeMap;

use super::{App, Fetched, Redraw, Request};
use crate::{
    console::{
        Screen,
        keys::{ActionId, Availability, availability},
        overlays::{Overlay, ProfileView},
    },
    protocol::{Ask, Profiling, Rows, SideName, TableProfile},
};

/// Rows of a first look, which takes a moment whatever the table.
const FIRST_ROWS: u64 = 10_000;

#[derive(Debug, Default)]
pub struct Profiles {
    /// By source table, as far as it was asked; nothing within: nobody looked.
    found: BTreeMap<String, Fetched<Option<TableProfile>>>,
    /// How far the one under way is.
    pub progress: Option<Profiling>,
}

impl Profiles {
    pub fn of(&self, table: &str) -> Option<&TableProfile> {
        self.found.get(table)?.value.as_ref()?.as_ref()
    }

    /// Why the last look at it failed.
    pub fn error(&self, table: &str) -> Option<&str> {
        self.found.get(table)?.error.as_deref()
    }

    /// The plan is another one, or says something else: what is private may have changed.
    pub fn forget(&mut self) {
        self.found.clear();
    }
}

impl App {
    /// Shows what the table's rows hold; where nobody looked yet, looks at the first of them.
    pub fn open_profile(&mut self, table: String) {
        if self.profiles.of(&table).is_none() {
            self.profiles.found.remove(&table);
            self.ask_profiled(&table);
        }
        self.open(Overlay::Profile(ProfileView::new(table)));
    }

    /// Asks for what is known of the table, unless that was asked.
    pub fn ask_profiled(&mut self, table: &str) {
        let request = Request::Profiled(table.to_owned());
        if !self.profiles.found.contains_key(table) && !self.pending.has(&request) {
            self.ask(request, Ask::Profiled { side: SideName::Source, table: table.to_owned() });
        }
    }

    fn look_into(&mut self, table: &str, rows: Rows) {
        let ask = Ask::Profile { side: SideName::Source, table: table.to_owned(), rows };
        self.ask(Request::Profile(table.to_owned()), ask);
    }

    /// An action on the profile of a table that is shown.
    pub fn profile_action(&mut self, table: &str, id: ActionId) {
        match (id, availability(id, self)) {
            (_, Availability::No(why)) => self.say(why),
            (ActionId::ProfileAll, _) => self.look_into(table, Rows::All),
            (ActionId::ProfileSample, _) => self.look_into(table, Rows::First(FIRST_ROWS)),
            (ActionId::StopProfile, _) => self.ask(Request::StopProfile, Ask::StopProfile),
            _ => {}
        }
    }

    /// The table whose profile lies on top.
    pub fn shown_profile(&self) -> Option<String> {
        match self.overlays.last() {
            Some(Overlay::Profile(view)) => Some(view.table.clone()),
            _ => None,
        }
    }

    /// What is known of the table, or came of a look at it.
    pub(super) fn profile_is(&mut self, table: &str, found: Result<Option<Box<TableProfile>>, String>, looked: bool) {
        let found = found.map(|found| found.map(|found| *found));
        let unknown = matches!(found, Ok(None));
        self.profiles.found.entry(table.to_owned()).or_default().take(found);
        let begins = unknown && !looked && self.shown_profile().as_deref() == Some(table);
        if begins && availability(ActionId::ProfileSample, self) == Availability::Yes {
            self.look_into(table, Rows::First(FIRST_ROWS));
        }
    }

    /// How far the one under way is. What one that is over found is asked for where it is shown.
    pub(super) fn profiling(&mut self, progress: Option<Profiling>) {
        let before = std::mem::replace(&mut self.profiles.progress, progress);
        self.redraw = self.redraw.max(Redraw::Soon);
        let Some(over) = before.filter(|_| self.profiles.progress.is_none()) else { return };
        if self.pending.has(&Request::Profile(over.table.clone())) {
            return;
        }
        self.profiles.found.remove(&over.table);
        let on_map = self.screen == Screen::Map && self.map_table().is_some_and(|table| table.from == over.table);
        if on_map || self.shown_profile().as_ref() == Some(&over.table) {
            self.ask_profiled(&over.table);
        }
    }
}
