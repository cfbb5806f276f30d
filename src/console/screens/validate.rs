//! Validate: whether all rows arrived as they should, table by table.

mod tables;

use ratatui::{layout::Rect, text::Line};

use super::run::proof;
use crate::{
    console::{
        Screen,
        app::{App, Fetched, Redraw, Request},
        keys::{ActionId, KeyPress},
        overlays::{Confirm, Overlay, Proof},
        theme::Role,
        widgets::{Canvas, Cursor, Filter, split_top, wrap},
    },
    model::thousands,
    protocol::{Ask, Outcome, SampleSaying, TableValidation, Validating, Validation},
};

#[derive(Debug, Default)]
pub struct ValidateScreen {
    /// What the last validation found; nothing within: there was none since the host came up.
    pub found: Fetched<Option<Box<Validation>>>,
    /// How far the one under way is.
    pub progress: Option<Validating>,
    /// The table under the cursor, with its rows.
    pub table: Fetched<TableValidation>,
    /// Which one that is.
    shown: Option<String>,
    cursor: Cursor,
    pub filter: Filter,
}

impl ValidateScreen {
    pub fn is_under_way(&self) -> bool {
        self.progress.is_some()
    }

    /// Nothing that was found holds any more.
    pub fn forget(&mut self) {
        *self = Self { progress: self.progress.take(), ..Self::default() };
    }

    pub fn validation(&self) -> Option<&Validation> {
        self.found.value.as_ref()?.as_deref()
    }

    /// The tables that the filter lets through.
    fn visible(&self) -> Vec<&TableValidation> {
        let filter = self.filter.text();
        let has = |table: &&TableValidation| {
            table.to.to_lowercase().contains(&filter) || table.outcome.word().to_lowercase().contains(&filter)
        };
        self.validation().into_iter().flat_map(|all| &all.tables).filter(has).collect()
    }

    pub fn current(&self) -> Option<&TableValidation> {
        self.visible().get(self.cursor.0).copied()
    }

    /// The place of the next table below the cursor, round the corner, that did not pass.
    pub fn next_unproven(&self) -> Option<usize> {
        let visible = self.visible();
        let mut places = (1..visible.len()).map(|steps| (self.cursor.0 + steps) % visible.len());
        places.find(|place| visible[*place].outcome != Outcome::Passed)
    }
}

/// How an outcome looks; its word or sign stands beside it.
pub fn outcome_role(outcome: Outcome) -> Role {
    match outcome {
        Outcome::Passed => Role::Ok,
        Outcome::Inconclusive | Outcome::NotRun => Role::Warn,
        Outcome::Failed => Role::Error,
    }
}

impl App {
    pub fn validate_key(&mut self, key: KeyPress) -> bool {
        let page = self.page();
        let validate = &mut self.validate;
        let taken = if validate.filter.key(key) {
            validate.cursor = Cursor(0);
            true
        } else {
            let len = validate.visible().len();
            validate.cursor.hold(len);
            validate.cursor.key(key, len, page)
        };
        if taken {
            self.ask_validated_table();
        }
        taken
    }

    pub fn validate_action(&mut self, id: ActionId) {
        match id {
            ActionId::RunValidation => self.ask(Request::Validate, Ask::Validate),
            ActionId::StopValidation => self.open(Overlay::Confirm(Confirm::stop_validation())),
            ActionId::FilterProof => self.validate.filter.typing = true,
            ActionId::NextUnproven => {
                self.validate.cursor.0 = self.validate.next_unproven().unwrap_or(self.validate.cursor.0);
                self.ask_validated_table();
            }
            ActionId::ProofDetail => {
                let table = self.validate.current().map(|table| table.to.clone());
                self.open(Overlay::Proof(Proof::new(table.unwrap_or_default())));
            }
            _ => {}
        }
    }

    /// Goes to a table that was pointed at; says whether one stood there.
    pub fn choose_validated(&mut self, place: usize) -> bool {
        self.validate.filter.typing = false;
        let was_there = std::mem::replace(&mut self.validate.cursor.0, place) == place;
        self.ask_validated_table();
        was_there
    }

    pub fn stop_validation(&mut self) {
        self.ask(Request::StopValidation, Ask::StopValidation);
    }

    pub fn ask_validation(&mut self) {
        if !self.pending.has(&Request::Validation) {
            self.ask(Request::Validation, Ask::Validation);
        }
    }

    /// Asks for the rows of the table under the cursor, unless they are there.
    fn ask_validated_table(&mut self) {
        let Some(table) = self.validate.current().map(|table| table.to.clone()) else { return };
        if self.validate.shown.as_ref() != Some(&table) {
            self.validate.shown = Some(table.clone());
            self.validate.table = Fetched::default();
            self.ask(Request::ValidatedTable(table.clone()), Ask::ValidatedTable { table });
        }
    }

    pub fn validation_is(&mut self, found: Result<Option<Box<Validation>>, String>) {
        self.validate.found.take(found);
        let len = self.validate.visible().len();
        self.validate.cursor.hold(len);
        self.validate.shown = None;
        self.ask_validated_table();
    }

    /// Puts on record what is made of sampled rows of the table that is shown.
    pub fn review_sample(&mut self, saying: SampleSaying) {
        self.ask(Request::ReviewSample, Ask::ReviewSample(saying));
    }

    pub fn sample_reviewed(&mut self, found: Result<Option<Box<Validation>>, String>) {
        match found {
            Ok(found) => {
                self.validate.found.take(Ok(found));
                // The rows stay on the screen until they come with what was said.
                if let Some(table) = self.validate.shown.clone() {
                    self.ask(Request::ValidatedTable(table.clone()), Ask::ValidatedTable { table });
                }
            }
            Err(why) => self.complain(why),
        }
    }

    /// How far the one under way is; the one that is over is looked at.
    pub fn validating(&mut self, progress: Option<Validating>) {
        let ended = progress.is_none();
        self.validate.progress = progress;
        self.redraw = self.redraw.max(Redraw::Soon);
        if ended {
            self.validated_elsewhere();
        }
    }

    /// What was found is on the screen, or will be asked for with it.
    pub fn validated_elsewhere(&mut self) {
        if self.screen == Screen::Validate && !self.pending.has(&Request::Validate) {
            self.ask_validation();
        }
    }

    /// What is known of the last validation.
    pub fn validated(&self) -> Option<Outcome> {
        let known = self.run.snapshot.validated.as_ref().map(|validated| validated.outcome);
        self.validate.validation().map(|found| found.outcome).or(known)
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let inner = canvas.panel(area, canvas.title("Post-Migration Checks"), true);
    let inner = app.validate.filter.draw(canvas, inner);
    let head = head(app, canvas, usize::from(inner.width));
    let (top, rest) = split_top(inner, head.len() as u16);
    canvas.lines(top, head);
    match app.validate.validation() {
        Some(validation) => tables::draw(app, canvas, rest, validation),
        None => {
            let lines = nothing(app, canvas, usize::from(rest.width));
            canvas.lines(rest, lines);
        }
    }
}

/// What goes on, and what went wrong.
fn head(app: &App, canvas: &Canvas<'_, '_>, width: usize) -> Vec<Line<'static>> {
    let screen = &app.validate;
    let mut said = Vec::new();
    match (&screen.progress, &screen.found.error) {
        (Some(now), _) => {
            let (rows, tables) = (thousands(now.rows), format!("{} of {} tables", now.done, now.tables));
            let table: &str = if now.now.is_empty() { "beginning" } else { &now.now };
            said.push((Role::Warn, format!("Validating: {table} · {tables} · {rows} rows read")));
            if screen.validation().is_some() {
                said.push((Role::Muted, "Below is what the one before found.".to_owned()));
            }
        }
        (None, Some(error)) => said.push((Role::Error, format!("✗ {error}"))),
        (None, None) => {}
    }
    let lines = said.into_iter().flat_map(|(role, text)| {
        wrap(&text, width.saturating_sub(2)).into_iter().map(move |line| (role, line)).collect::<Vec<_>>()
    });
    let mut lines: Vec<Line<'static>> =
        lines.map(|(role, line)| canvas.span(role, format!(" {line}")).into()).collect();
    if !lines.is_empty() {
        lines.push(Line::raw(""));
    }
    lines
}

/// Without tables to show: the verdict, as far as the run has it.
fn nothing(app: &App, canvas: &Canvas<'_, '_>, width: usize) -> Vec<Line<'static>> {
    if app.validate.is_under_way() {
        return Vec::new();
    }
    if app.pending.has(&Request::Validation) && app.validate.found.value.is_none() {
        return vec![canvas.span(Role::Muted, " Reading what the last validation found…").into()];
    }
    let say = |role: Role, text: &str| {
        let lines = wrap(&app.keys.spell(text), width.saturating_sub(2)).into_iter();
        lines.map(|line| Line::from(canvas.span(role, format!(" {line}")))).collect::<Vec<_>>()
    };
    let mut lines = match &app.run.snapshot.validated {
        Some(validated) => {
            let proof = proof(validated, canvas, width.saturating_sub(1)).into_iter();
            proof
                .map(|mut line| {
                    line.spans.insert(0, canvas.span(Role::Text, " "));
                    line
                })
                .collect()
        }
        None => say(Role::Warn, "Validation: NOT RUN"),
    };
    lines.push(Line::raw(""));
    lines.extend(match &app.run.snapshot.validated {
        Some(_) => say(Role::Muted, "{run-validation} validates again, and then shows every table."),
        None => say(
            Role::Muted,
            "{run-validation} reads both sides and sets what the destination holds against what the run wrote. Nothing is written.",
        ),
    });
    lines
}
