//! Asking the host.

use super::{App, Effect, Request};
use crate::{
    console::{
        Screen,
        overlays::{Overlay, Rows},
    },
    model::{Fault, Spot},
    protocol::{Ask, Command, SideName, ToHost},
};

/// Rows of a sample, and of a page of rows.
const SAMPLE_ROWS: u32 = 20;
pub const PAGE_ROWS: u32 = 100;

impl App {
    pub fn ask(&mut self, request: Request, ask: Ask) {
        let id = self.pending.begin(request);
        self.effect(Effect::Send(ToHost::Ask { id, ask }));
    }

    pub fn command(&mut self, request: Request, command: Command) {
        let id = self.pending.begin(request);
        self.effect(Effect::Send(ToHost::Command { id, command }));
    }

    pub(super) fn opened(&mut self) {
        if let Some(complaint) = self.look.complaint.take() {
            self.complain(complaint);
        }
        self.ask(Request::Plan, Ask::Plan);
        if let Some(begin) = self.begins {
            self.begin(begin);
        }
        self.entered();
    }

    pub fn go(&mut self, screen: Screen) {
        self.screen = screen;
        self.entered();
    }

    /// Asks for what the screen shows and has not got.
    pub fn entered(&mut self) {
        match self.screen {
            Screen::Migrations => self.ask_migrations(),
            Screen::Tables if self.tables.list.value.is_none() => self.ask_tables(),
            Screen::Map if self.plan.loaded => self.ask_mapping(),
            Screen::Check if self.check.list.value.is_none() => self.ask_checks(),
            Screen::Review => self.ask(Request::Review, Ask::Review { run: None }),
            Screen::Validate => self.ask_validation(),
            Screen::Restore => self.ask_points(),
            _ => {}
        }
    }

    pub fn ask_migrations(&mut self) {
        self.ask(Request::Migrations, Ask::Migrations);
    }

    pub fn ask_tables(&mut self) {
        if !self.pending.has(&Request::Tables) {
            self.ask(Request::Tables, Ask::Tables { side: SideName::Source });
        }
    }

    pub fn ask_checks(&mut self) {
        if !self.pending.has(&Request::Check) {
            self.ask(Request::Check, Ask::Check);
        }
    }

    /// Asks for the mapping of the table that the map shows, and for its sample; again only where the plan changed.
    pub fn ask_mapping(&mut self) {
        let Some((from, table)) = self.map_table().map(|table| (table.from.clone(), table.to.clone())) else { return };
        self.ask_profiled(&from);
        let known = self.map.shown.as_deref() == Some(table.as_str()) && self.map.checks.value.is_some();
        if known && !self.map.stale {
            return;
        }
        if self.map.shown.as_deref() != Some(table.as_str()) {
            self.map.show(&table);
        }
        self.map.stale = false;
        self.ask(Request::Mapping(table.clone()), Ask::Mapping { table: table.clone(), text: None });
        self.ask(Request::Trial(table.clone()), Ask::Trial { table, text: None, offset: 0, limit: SAMPLE_ROWS });
    }

    /// Tries a plan that is not saved on the table's sample.
    pub fn try_draft(&mut self, table: &str, text: String) {
        let ask = Ask::Trial { table: table.to_owned(), text: Some(text), offset: 0, limit: SAMPLE_ROWS };
        self.ask(Request::DraftTrial(table.to_owned()), ask);
    }

    pub fn ask_page(&mut self, table: &str, spot: Spot) {
        self.ask_rows(table, spot, PAGE_ROWS);
    }

    fn ask_rows(&mut self, table: &str, spot: Spot, limit: u32) {
        let request = Request::Preview { table: table.to_owned(), spot: spot.clone() };
        let ask = Ask::Preview { side: SideName::Source, table: table.to_owned(), spot, limit };
        self.ask(request, ask);
    }

    /// Shows the source's rows before and after a faulty one, as the source has them now.
    pub fn look_around(&mut self, fault: &Fault) {
        let from =
            self.plan.outline.tables.iter().find(|table| table.to == fault.table).map(|table| table.from.clone());
        let Some(from) = from else { return self.say(format!("The plan has no table {} any more", fault.table)) };
        let offset = fault.row.saturating_sub(1 + u64::from(Rows::BESIDE));
        self.ask_rows(&from, Spot::Row(offset), 2 * Rows::BESIDE + 1);
        self.open(Overlay::Rows(Rows::around(from, fault.clone())));
    }
}
