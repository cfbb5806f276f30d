//! The console's state and the one function that changes it.
//!
//! May not touch a terminal, a clock or a channel. One idea: [`update`] takes a message and gives back effects as data, so
//! that whatever an operator and a host can do to it is a list of messages in a test.

mod ask;
mod edit;
mod fault;
mod figures;
mod host;
mod key;
mod message;
mod pending;
mod perform;
mod pointer;
mod private;
mod profiles;
mod run;
mod update;

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    Begin, Options, Screen,
    draft::Outline,
    keys::{Keymap, Scope},
    memory::{Memory, Place},
    overlays::Overlay,
    screens::{
        CheckScreen, ConnectScreen, MapScreen, MigrationsScreen, RestoreScreen, ReviewScreen, TablesScreen,
        ValidateScreen,
    },
    theme::Look,
    widgets::Hits,
};
use crate::{
    model::{FaultId, Problem},
    protocol::Presence,
};

pub use ask::PAGE_ROWS;
pub use figures::{Bottleneck, Figures, TableFigures, figures};
pub use message::{Effect, Exit, Message, Redraw};
pub use pending::{Pending, Request, Saving};
pub use pointer::{Pointer, PointerDeed};
pub use profiles::Profiles;
pub use run::{FaultRecord, RunState};
pub use update::update;

/// How long the prompt waits for an operator to stop typing.
pub const IDLE_MS: u64 = 2_000;
/// How long a prompt that opened takes no keys.
pub const ARMING_MS: u64 = 300;

/// Something that was asked for: the newest value, which stays while it is asked for again, and the newest error.
#[derive(Clone, Debug)]
pub struct Fetched<T> {
    pub value: Option<T>,
    pub error: Option<String>,
}

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self { value: None, error: None }
    }
}

impl<T> Fetched<T> {
    pub fn take(&mut self, result: Result<T, String>) {
        match result {
            Ok(value) => *self = Self { value: Some(value), error: None },
            Err(error) => self.error = Some(error),
        }
    }
}

/// How many edits can be taken back.
const DEPTH: usize = 100;

/// The plan as the host holds it.
#[derive(Clone, Debug, Default)]
pub struct PlanState {
    pub loaded: bool,
    pub error: Option<String>,
    pub path: String,
    pub text: String,
    pub digest: String,
    pub problems: Vec<Problem>,
    pub outline: Outline,
    /// Texts before edits, each with what the edit did.
    pub undo: Vec<(String, String)>,
    pub redo: Vec<(String, String)>,
}

impl PlanState {
    /// Whether there is a plan at all: a console may be opened without one.
    pub fn is_open(&self) -> bool {
        !self.path.is_empty() || !self.text.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.error)
    }

    /// Keeps the text before an edit.
    fn keep_for_undo(&mut self, what: String, before: String) {
        self.redo.clear();
        self.undo.push((what, before));
        let over = self.undo.len().saturating_sub(DEPTH);
        self.undo.drain(..over);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub text: String,
    pub bad: bool,
    pub until_ms: u64,
}

/// All that the console knows.
#[derive(Debug)]
pub struct App {
    pub look: Look,
    pub keys: Keymap,
    /// Where the operator was in each migration.
    pub memory: Memory,
    /// What relative paths of plans are relative to.
    folder: PathBuf,
    pub user: String,
    pub can_detach: bool,
    /// Who else is at this host.
    pub presence: Presence,
    /// Begin the run once the host listens.
    begins: Option<Begin>,
    /// When the console opened, in milliseconds since 1970 UTC.
    opened_ms: u64,
    pub width: u16,
    pub height: u16,
    pub now_ms: u64,
    pub last_key_ms: u64,
    pub screen: Screen,
    /// The last is the one that gets keys.
    pub overlays: Vec<Overlay>,
    pub toasts: Vec<Toast>,
    pub migrations: MigrationsScreen,
    pub plan: PlanState,
    pub connect: ConnectScreen,
    pub tables: TablesScreen,
    pub map: MapScreen,
    pub check: CheckScreen,
    pub run: RunState,
    pub review: ReviewScreen,
    pub validate: ValidateScreen,
    pub restore: RestoreScreen,
    pub profiles: Profiles,
    pub pending: Pending,
    /// Rows whose private values somebody here wanted to see.
    revealed: BTreeSet<FaultId>,
    /// What expressions may call.
    pub functions: Vec<String>,
    pub redraw: Redraw,
    /// Where things stand on the screen that was drawn last.
    pub hits: Hits,
    /// Whether the mouse is reported.
    pub mouse: bool,
    effects: Vec<Effect>,
}

impl App {
    pub fn new(options: &Options, look: Look) -> Self {
        Self {
            look,
            keys: Keymap::default(),
            memory: Memory::default(),
            folder: options.folder.clone(),
            user: options.user.clone(),
            can_detach: options.can_detach,
            presence: Presence::default(),
            begins: options.begin,
            opened_ms: options.opened_ms,
            width: 80,
            height: 24,
            now_ms: 0,
            last_key_ms: 0,
            screen: options.start,
            overlays: Vec::new(),
            toasts: Vec::new(),
            migrations: MigrationsScreen::default(),
            plan: PlanState::default(),
            connect: ConnectScreen::default(),
            tables: TablesScreen::default(),
            map: MapScreen::default(),
            check: CheckScreen::default(),
            run: RunState::default(),
            review: ReviewScreen::default(),
            validate: ValidateScreen::default(),
            restore: RestoreScreen::default(),
            profiles: Profiles::default(),
            pending: Pending::default(),
            revealed: BTreeSet::new(),
            functions: Vec::new(),
            redraw: Redraw::Now,
            hits: Hits::default(),
            mouse: options.mouse,
            effects: Vec::new(),
        }
    }

    /// Where keys are looked up, nearest first.
    pub fn scopes(&self) -> Vec<Scope> {
        match self.overlays.last() {
            Some(Overlay::Rows(_)) => vec![Scope::Preview],
            Some(Overlay::Proof(proof)) if proof.shows_sample() => vec![Scope::Sample],
            Some(Overlay::Profile(_)) => vec![Scope::Profile],
            Some(_) => Vec::new(),
            None => vec![self.screen.scope(), Scope::Everywhere],
        }
    }

    /// Whether a field of the screen takes what is typed.
    pub fn is_typing(&self) -> bool {
        self.overlays.is_empty()
            && match self.screen {
                Screen::Connect => self.connect.form().editing.is_some(),
                Screen::Tables => self.tables.filter.typing,
                Screen::Review => self.review.filter.typing,
                Screen::Validate => self.validate.filter.typing,
                Screen::Restore => self.restore.filter.typing,
                Screen::Migrations | Screen::Map | Screen::Check | Screen::Run => false,
            }
    }

    /// Today, in UTC, as a plan writes it.
    pub fn today(&self) -> String {
        let ms = i64::try_from(self.opened_ms.saturating_add(self.now_ms)).unwrap_or_default();
        chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default().format("%Y-%m-%d").to_string()
    }

    /// Rows of a list that a page key goes by.
    pub fn page(&self) -> usize {
        usize::from(self.height.saturating_sub(8)).max(1)
    }

    /// When the console next wants to be told the time, if nothing else happens: in milliseconds from now.
    pub fn wakes_in(&self) -> Option<u64> {
        let toast = self.toasts.iter().map(|toast| toast.until_ms).min();
        let prompt = self.prompt_due_ms();
        let due = [toast, prompt].into_iter().flatten().min()?;
        Some(due.saturating_sub(self.now_ms))
    }

    /// A path as it was typed, from where the console was opened on.
    pub fn whole_path(&self, path: &str) -> String {
        self.folder.join(path).display().to_string()
    }

    /// The plan that is open, by its whole path.
    fn plan_key(&self) -> String {
        self.whole_path(&self.plan.path)
    }

    /// Notes where the operator is in the migration that is open.
    pub fn remember(&mut self) {
        if self.plan.path.is_empty() || self.screen == Screen::Migrations {
            return;
        }
        let place = Place {
            screen: self.screen.title().to_lowercase(),
            table: self.map_table().map(|table| table.to.clone()),
            filter: self.tables.filter.field.text(),
            left_ms: self.opened_ms.saturating_add(self.now_ms),
        };
        let key = self.plan_key();
        self.memory.put(&key, place);
    }

    /// Goes back to where the operator was in the migration that was opened just now.
    pub(super) fn come_back(&mut self) {
        let Some(place) = self.memory.place(&self.plan_key()).cloned() else { return };
        let tables = &self.plan.outline.tables;
        if let Some(at) = tables.iter().position(|table| Some(&table.to) == place.table.as_ref()) {
            self.map.table = at;
        }
        self.tables.filter.field.set(&place.filter);
        self.tables.follow_filter();
        let screen = Screen::STAGES.into_iter().find(|screen| screen.title().to_lowercase() == place.screen);
        if let (Some(screen), Screen::Connect) = (screen, self.screen) {
            self.go(screen);
        }
    }

    /// Forgets all that was known of the plan and both sides; the run is the host's to tell.
    fn forget_plan(&mut self) {
        self.plan = PlanState::default();
        self.connect = ConnectScreen::default();
        self.tables = TablesScreen::default();
        self.map = MapScreen::default();
        self.check = CheckScreen::default();
        self.review = ReviewScreen::default();
        self.validate.forget();
        self.restore.forget();
        self.revealed.clear();
        self.profiles.forget();
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.toast(text.into(), false);
    }

    pub fn complain(&mut self, text: impl Into<String>) {
        self.toast(text.into(), true);
    }

    fn toast(&mut self, text: String, bad: bool) {
        let until_ms = self.now_ms + if bad { 10_000 } else { 4_000 };
        self.toasts.retain(|toast| toast.text != text);
        self.toasts.push(Toast { text, bad, until_ms });
        let over = self.toasts.len().saturating_sub(3);
        self.toasts.drain(..over);
    }

    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub fn open(&mut self, overlay: Overlay) {
        self.overlays.push(overlay);
    }
}
