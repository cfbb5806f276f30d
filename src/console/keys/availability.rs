//! Whether an action can be done now, and if not, why: in words for the operator.

use super::ActionId as Id;
use crate::{
    console::{
        Screen,
        app::{App, Request},
        screens::MapRow,
    },
    model::RunPhase,
    protocol::{CheckState, ReviewState},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    Yes,
    No(String),
}

impl Availability {
    fn unless(why: Option<&str>) -> Self {
        why.map_or(Self::Yes, |why| Self::No(why.to_owned()))
    }
}

/// Whether `id` can be done as things stand.
pub fn availability(id: Id, app: &App) -> Availability {
    if !app.presence.commands() && is_command(id) {
        return Availability::No(format!("{} is at the controls; T asks for them", app.presence.commander()));
    }
    match id {
        Id::TakeOver if app.presence.commands() && app.presence.asks.is_none() => {
            Availability::No("You are at the controls, and nobody asks for them".into())
        }
        Id::Connect
        | Id::Tables
        | Id::Map
        | Id::Check
        | Id::Run
        | Id::Review
        | Id::Validate
        | Id::NextScreen
        | Id::PreviousScreen
            if app.plan.loaded && !app.plan.is_open() =>
        {
            Availability::No("No migration is open: enter opens one, n makes a new one".into())
        }
        Id::Migrations | Id::OpenMigration | Id::NewMigration => Availability::unless(migrations_reason(id, app)),
        Id::Start => start(app),
        Id::TestSide
        | Id::RunChecks
        | Id::ToggleTable
        | Id::ToggleTables
        | Id::EditColumn
        | Id::SkipColumn
        | Id::EditFilter
        | Id::Undo
        | Id::Redo
        | Id::ShowCreate
        | Id::CountTable
        | Id::PreviewTable
        | Id::PreviewMapped
        | Id::ProfileTable
        | Id::MapTable
        | Id::NextTable
        | Id::PreviousTable => Availability::unless(plan_reason(id, app)),
        Id::PauseResume
        | Id::MoreParallel
        | Id::LessParallel
        | Id::Stop
        | Id::TableDetail
        | Id::Errors
        | Id::Answer => Availability::unless(run_reason(id, app)),
        Id::RunValidation | Id::StopValidation | Id::ProofDetail | Id::NextUnproven => {
            Availability::unless(validate_reason(id, app))
        }
        Id::ProfileAll | Id::ProfileSample | Id::StopProfile => Availability::unless(profile_reason(id, app)),
        Id::EditRow | Id::RetryRow | Id::DiscardRow => Availability::unless(review_reason(app)),
        Id::Detach if !app.can_detach => {
            Availability::No("The run lives in this process: there is no host to leave it to".into())
        }
        _ => Availability::Yes,
    }
}

/// What only whoever is at the controls may do.
fn is_command(id: Id) -> bool {
    matches!(
        id,
        Id::OpenMigration
            | Id::NewMigration
            | Id::EditSide
            | Id::TestSide
            | Id::ToggleTable
            | Id::ToggleTables
            | Id::EditColumn
            | Id::SkipColumn
            | Id::EditFilter
            | Id::Undo
            | Id::Redo
            | Id::Start
            | Id::PauseResume
            | Id::Stop
            | Id::MoreParallel
            | Id::LessParallel
            | Id::Answer
            | Id::EditRow
            | Id::RetryRow
            | Id::DiscardRow
            | Id::RunValidation
            | Id::StopValidation
            | Id::ProfileAll
            | Id::ProfileSample
            | Id::StopProfile
    )
}

fn start(app: &App) -> Availability {
    let no = |why: &str| Availability::No(why.to_owned());
    if app.run.is_going() {
        return no("The run is going on already");
    }
    if app.pending.has(&Request::Start) {
        return no("The run is being started");
    }
    if app.validate.is_under_way() {
        return no("A validation is under way: x on 7 Validate breaks it off");
    }
    if app.pending.has(&Request::Check) {
        return no("The checks are still running");
    }
    let Some(checks) = &app.check.list.value else { return no("Run the checks first: 4, then r") };
    match checks.iter().filter(|check| check.state == CheckState::Failed).count() {
        0 => Availability::Yes,
        1 => no("1 check failed"),
        failed => Availability::No(format!("{failed} checks failed")),
    }
}

fn migrations_reason(id: Id, app: &App) -> Option<&'static str> {
    if app.run.is_going() && id != Id::Migrations {
        return Some("Another migration opens when the run is over: stop it first");
    }
    match id {
        Id::OpenMigration if app.pending.has(&Request::Open) => Some("It is being opened"),
        Id::OpenMigration if app.migrations.current().is_none() => Some("There is no migration under the cursor"),
        _ => None,
    }
}

const GOING: &str = "Not while the run goes on";

fn plan_reason(id: Id, app: &App) -> Option<&'static str> {
    if !app.plan.loaded {
        return Some("The plan is not there yet");
    }
    let edits = matches!(
        id,
        Id::ToggleTable | Id::ToggleTables | Id::EditColumn | Id::SkipColumn | Id::EditFilter | Id::Undo | Id::Redo
    );
    if edits && app.run.is_going() {
        return Some(GOING);
    }
    match id {
        Id::RunChecks if app.run.is_going() => Some(GOING),
        Id::RunChecks if app.pending.has(&Request::Check) => Some("The checks are running"),
        Id::Undo if app.plan.undo.is_empty() => Some("There is nothing to undo"),
        Id::Redo if app.plan.redo.is_empty() => Some("There is nothing to do again"),
        Id::ToggleTables => (app.tables.shown() == 0).then_some("No table is shown"),
        Id::ToggleTable | Id::CountTable | Id::PreviewTable => {
            app.tables.current().is_none().then_some("There is no table under the cursor")
        }
        Id::ProfileTable if app.screen == Screen::Tables => {
            app.tables.current().is_none().then_some("There is no table under the cursor")
        }
        Id::MapTable => {
            let selected = app.tables.current().is_some_and(|table| app.is_selected(&table.name));
            (!selected).then_some("Select the table first: space")
        }
        _ => map_reason(id, app),
    }
}

fn map_reason(id: Id, app: &App) -> Option<&'static str> {
    let on_map = matches!(
        id,
        Id::EditColumn
            | Id::SkipColumn
            | Id::EditFilter
            | Id::ShowCreate
            | Id::NextTable
            | Id::PreviousTable
            | Id::PreviewMapped
            | Id::ProfileTable
    );
    if on_map && app.map_table().is_none() {
        return Some("The plan has no table yet: 2 selects some");
    }
    let checks = app.map.checks.value.as_ref();
    match id {
        Id::NextTable | Id::PreviousTable if app.plan.outline.tables.len() < 2 => Some("The plan has one table"),
        Id::EditColumn if !matches!(app.map.row(app), Some(MapRow::Column(_))) => {
            Some("A column that nothing uses can only be skipped: x")
        }
        Id::SkipColumn if app.map.row(app).is_none() => Some("There is no column under the cursor"),
        Id::ShowCreate if checks.is_none_or(|checks| checks.exists) => Some("The destination table is there already"),
        _ => None,
    }
}

fn run_reason(id: Id, app: &App) -> Option<&'static str> {
    let run = &app.run;
    if !run.has_begun() {
        return Some("There is no run yet");
    }
    match id {
        Id::PauseResume | Id::MoreParallel | Id::LessParallel | Id::Stop if run.snapshot.phase.is_over() => {
            Some("The run is over")
        }
        Id::PauseResume if run.snapshot.phase == RunPhase::Draining => Some("Chunks under way come to their end first"),
        Id::LessParallel if run.snapshot.parallel <= 1 => Some("One table at once is the least"),
        Id::TableDetail if run.snapshot.tables.is_empty() => Some("The run has no table"),
        Id::Errors if run.faults.is_empty() => Some("No error so far"),
        Id::Answer if app.waiting_faults().next().is_none() => Some("No error waits for an answer"),
        _ => None,
    }
}

fn validate_reason(id: Id, app: &App) -> Option<&'static str> {
    let under_way = app.validate.is_under_way();
    match id {
        Id::RunValidation if !app.plan.loaded => Some("The plan is not there yet"),
        Id::RunValidation if app.run.is_going() => Some(GOING),
        Id::RunValidation if under_way || app.pending.has(&Request::Validate) => Some("The validation is under way"),
        Id::StopValidation if !under_way => Some("No validation is under way"),
        Id::ProofDetail if app.validate.current().is_none() => Some("There is no table under the cursor"),
        Id::NextUnproven if app.validate.next_unproven().is_none() => Some("No other table is shown that did not pass"),
        _ => None,
    }
}

fn profile_reason(id: Id, app: &App) -> Option<&'static str> {
    let under_way = app.profiles.progress.is_some();
    let asked = app.pending.any(|request| matches!(request, Request::Profile(_)));
    match id {
        Id::StopProfile if !under_way => Some("No profile is under way"),
        Id::ProfileAll | Id::ProfileSample if under_way || asked => Some("A profile is under way: x breaks it off"),
        _ => None,
    }
}

fn review_reason(app: &App) -> Option<&'static str> {
    match app.review.current() {
        None => Some("There is no row under the cursor"),
        Some(item) if item.state != ReviewState::Flagged => Some("The row is settled already"),
        Some(item) if app.pending.has(&Request::Act(item.fault.id.clone())) => Some("The row is being worked on"),
        Some(_) => None,
    }
}
