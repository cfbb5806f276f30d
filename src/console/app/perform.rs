//! Actions of the catalogue, performed.

use super::{App, Effect, Exit, Request};
use crate::{
    console::{
        Begin, Screen,
        keys::{ACTIONS, ActionId as Id, Availability, Scope, availability},
        overlays::{ActionList, Confirm, LogView, Overlay, ThemeList},
    },
    model::RunPhase,
    protocol::{Ask, Command, ToHost},
};

impl App {
    /// Performs an action, or says why not.
    pub fn perform(&mut self, id: Id) {
        match availability(id, self) {
            Availability::Yes => self.perform_available(id),
            Availability::No(why) => self.say(why),
        }
    }

    fn perform_available(&mut self, id: Id) {
        match id {
            Id::Migrations => self.go(Screen::Migrations),
            Id::Connect => self.go(Screen::Connect),
            Id::Tables => self.go(Screen::Tables),
            Id::Map => self.go(Screen::Map),
            Id::Check => self.go(Screen::Check),
            Id::Run => self.go(Screen::Run),
            Id::Review => self.go(Screen::Review),
            Id::Validate => self.go(Screen::Validate),
            Id::Restore => self.go(Screen::Restore),
            Id::NextScreen => self.go(self.screen.beside(1)),
            Id::PreviousScreen => self.go(self.screen.beside(Screen::STAGES.len() - 1)),
            Id::Help => self.open(Overlay::Actions(ActionList::help(self.scopes()))),
            Id::Palette => self.open(Overlay::Actions(ActionList::palette(self.scopes()))),
            Id::Theme => self.open(Overlay::Themes(ThemeList::new(&self.look))),
            Id::Log => self.open_log(),
            Id::Mouse => self.switch_mouse(),
            Id::Repaint => self.effect(Effect::Repaint),
            Id::Suspend => self.effect(Effect::Suspend),
            Id::TakeOver => self.take_over(),
            Id::Detach => self.effect(Effect::Quit(Exit::Detached)),
            Id::Quit => self.quit(),
            Id::Undo => self.undo(),
            Id::Redo => self.redo(),
            Id::Back => self.back(),
            Id::Start => self.open(Overlay::Confirm(Confirm::start(self))),
            Id::Stop => self.open(Overlay::Confirm(Confirm::stop(self))),
            Id::RollBack => self.roll_back(),
            Id::Answer => self.open_oldest_prompt(),
            Id::PauseResume => self.pause_or_resume(),
            Id::MoreParallel => self.set_parallel(self.run.snapshot.parallel.saturating_add(1)),
            Id::LessParallel => self.set_parallel(self.run.snapshot.parallel.saturating_sub(1)),
            _ => self.perform_on_screen(id),
        }
    }

    fn perform_on_screen(&mut self, id: Id) {
        match self.scopes().first() {
            Some(Scope::Migrations) => self.migrations_action(id),
            Some(Scope::Connect) => self.connect_action(id),
            Some(Scope::Tables) => self.tables_action(id),
            Some(Scope::Map) => self.map_action(id),
            Some(Scope::Check) => self.check_action(id),
            Some(Scope::Run) => self.run_action(id),
            Some(Scope::Review) => self.review_action(id),
            Some(Scope::Validate) => self.validate_action(id),
            Some(Scope::Restore) => self.restore_action(id),
            Some(Scope::Profile) => {
                if let Some(table) = self.shown_profile() {
                    self.profile_action(&table, id);
                }
            }
            // An overlay knows its own keys.
            Some(Scope::Preview | Scope::Sample) => {
                let action = ACTIONS.iter().find(|action| action.id == id);
                if let Some(key) = action.and_then(|action| self.keys.keys(action).into_iter().next()) {
                    self.key(key);
                }
            }
            _ => {}
        }
    }

    /// Esc on a screen: the filter goes, all else stays.
    fn back(&mut self) {
        match self.screen {
            Screen::Tables => {
                self.tables.filter.clear();
                self.tables.follow_filter();
            }
            Screen::Review => self.review.filter.clear(),
            Screen::Validate => self.validate.filter.clear(),
            Screen::Restore => self.restore.filter.clear(),
            _ => {}
        }
    }

    fn open_log(&mut self) {
        self.open(Overlay::Log(LogView::default()));
        self.ask(Request::Log, Ask::Log);
    }

    fn switch_mouse(&mut self) {
        self.mouse = !self.mouse;
        self.effect(Effect::Mouse(self.mouse));
        self.say(match self.mouse {
            true => "The mouse points and scrolls here",
            false => "The mouse is the terminal's own: it selects text",
        });
    }

    /// Asks for the controls, or answers whoever asks for them.
    fn take_over(&mut self) {
        match self.presence.asks.clone() {
            Some(who) if self.presence.commands() => self.open(Overlay::Confirm(Confirm::hand_over(&who))),
            _ => {
                self.effect(Effect::Send(ToHost::TakeOver));
                let who = self.presence.commander().to_owned();
                self.say(format!("{who} is asked for the controls; without an answer they are yours in 30 seconds"));
            }
        }
    }

    fn quit(&mut self) {
        match self.run.is_going() || self.is_restoring() {
            true => self.open(Overlay::Confirm(Confirm::quit(self))),
            false => self.effect(Effect::Quit(Exit::Quit)),
        }
    }

    fn pause_or_resume(&mut self) {
        let command = match self.run.snapshot.phase {
            RunPhase::Running if !self.run.is_held() => Command::Pause,
            _ => Command::Resume,
        };
        self.command(Request::Command(command.clone()), command);
    }

    fn set_parallel(&mut self, tables: usize) {
        let command = Command::Parallel { tables: tables.max(1) };
        self.command(Request::Command(command.clone()), command);
    }

    /// Holds the run back to so many rows a second, or lets it go.
    pub fn throttle(&mut self, rows_per_second: Option<u64>) {
        let command = Command::Throttle { rows_per_second };
        self.command(Request::Command(command.clone()), command);
    }

    pub(super) fn begin(&mut self, Begin { on_error, confirmed }: Begin) {
        self.ask(Request::Start, Ask::Start { on_error, confirmed });
    }

    /// Starts the run once the operator has read what it will do and what the checks want confirmed.
    pub fn start(&mut self) {
        self.begin(Begin { on_error: None, confirmed: true });
    }

    pub fn stop(&mut self) {
        self.command(Request::Command(Command::Stop), Command::Stop);
    }
}
