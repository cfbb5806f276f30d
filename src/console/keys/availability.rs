//! Whether an action can be done now, and if not, why: in words for the operator.

use super::ActionId as Id;
use crate::{
    console::{
        Screen,
        app::{App, Request},
        screens::MapRow,
    },
    model::RunPhase,
    protocol::{CheckState, PointState, ReviewState},
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
    match judged(id, app) {
        Availability::No(why) => Availability::No(app.keys.spell(&why)),
        yes => yes,
    }
}

/// Sentences that name an action have its name in braces, for its key.
fn judged(id: Id, app: &App) -> Availability {
    if !app.presence.commands() && is_command(id) {
        return Availability::No(format!(
            "{} is at the controls; {{take-over}} asks for them",
            app.presence.commander()
        ));
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
        | Id::Restore
        | Id::NextScreen
        | Id::PreviousScreen
            if app.plan.loaded && !app.plan.is_open() =>
        {
            Availability::No("No migration is open: {open-migration} opens one, {new-migration} makes a new one".into())
        }
        Id::Migrations | Id::OpenMigration | Id::NewMigration => Availability::unless(migrations_reason(id, app)),
        Id::Start => start(app),
        id if edits_plan(id) => Availability::unless(plan_reason(id, app)),
        Id::TestSide
        | Id::RunChecks
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
        | Id::Throttle
        | Id::Stop
        | Id::RollBack
        | Id::TableDetail
        | Id::Errors
        | Id::Answer => Availability::unless(run_reason(id, app)),
        Id::RunValidation | Id::StopValidation | Id::ProofDetail | Id::NextUnproven => {
            Availability::unless(validate_reason(id, app))
        }
        Id::PreviewRestore | Id::GoBack | Id::ExportOthers | Id::PurgePoint | Id::PurgeExpired => {
            Availability::unless(restore_reason(id, app))
        }
        Id::LookAround if app.review.current().is_none() => Availability::No("There is no row under the cursor".into()),
        Id::Reveal => Availability::unless(reveal_reason(app)),
        Id::FixGroup | Id::RetryGroup | Id::StopRetrying => Availability::unless(group_reason(id, app)),
        Id::ApproveRow | Id::RejectRow | Id::RemarkRow | Id::ApproveMatching => {
            Availability::unless(sample_reason(app))
        }
        Id::ProfileAll | Id::ProfileSample | Id::StopProfile => Availability::unless(profile_reason(id, app)),
        Id::EditRow | Id::RetryRow | Id::DiscardRow => Availability::unless(review_reason(app)),
        Id::Detach if !app.can_detach => {
            Availability::No("The run lives in this process: there is no host to leave it to".into())
        }
        _ => Availability::Yes,
    }
}

/// What makes another plan of the one that is open, which it may not become while it runs.
fn edits_plan(id: Id) -> bool {
    edits_mapping(id) || matches!(id, Id::ToggleTable | Id::ToggleTables | Id::Undo | Id::Redo)
}

/// What changes the mapping of the table on 3 Map.
fn edits_mapping(id: Id) -> bool {
    matches!(id, Id::EditColumn | Id::SkipColumn | Id::SplitColumn | Id::MergeColumns | Id::EditValues | Id::EditFilter)
}

/// What only whoever is at the controls may do.
fn is_command(id: Id) -> bool {
    edits_plan(id)
        || matches!(
            id,
            Id::OpenMigration
                | Id::NewMigration
                | Id::EditSide
                | Id::TestSide
                | Id::Start
                | Id::PauseResume
                | Id::Stop
                | Id::MoreParallel
                | Id::LessParallel
                | Id::Throttle
                | Id::Answer
                | Id::EditRow
                | Id::RetryRow
                | Id::DiscardRow
                | Id::Reveal
                | Id::FixGroup
                | Id::RetryGroup
                | Id::StopRetrying
                | Id::RunValidation
                | Id::StopValidation
                | Id::GoBack
                | Id::PurgePoint
                | Id::ExportOthers
                | Id::PurgeExpired
                | Id::ApproveRow
                | Id::RejectRow
                | Id::RemarkRow
                | Id::ApproveMatching
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
    if app.is_restoring() {
        return no(RESTORING);
    }
    if app.is_retrying() {
        return no("Flagged rows are being tried again: {stop-retrying} on {review} Review breaks it off");
    }
    if app.validate.is_under_way() {
        return no("A validation is under way: {stop-validation} on {validate} Validate breaks it off");
    }
    if app.pending.has(&Request::Check) {
        return no("The checks are still running");
    }
    let Some(checks) = &app.check.list.value else { return no("Run the checks first: {check}, then {run-checks}") };
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
const RESTORING: &str = "The destination is being taken back: not before that is over";

fn plan_reason(id: Id, app: &App) -> Option<&'static str> {
    if !app.plan.loaded {
        return Some("The plan is not there yet");
    }
    if edits_plan(id) && app.run.is_going() {
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
            (!selected).then_some("Select the table first: {toggle-table}")
        }
        _ => map_reason(id, app),
    }
}

fn map_reason(id: Id, app: &App) -> Option<&'static str> {
    let looks = matches!(id, Id::ShowCreate | Id::NextTable | Id::PreviousTable | Id::PreviewMapped | Id::ProfileTable);
    if (looks || edits_mapping(id)) && app.map_table().is_none() {
        return Some("The plan has no table yet: {tables} selects some");
    }
    let checks = app.map.checks.value.as_ref();
    match id {
        Id::NextTable | Id::PreviousTable if app.plan.outline.tables.len() < 2 => Some("The plan has one table"),
        Id::EditColumn if !matches!(app.map.row(app), Some(MapRow::Column(_))) => {
            Some("A column that nothing uses can only be skipped: x")
        }
        Id::SkipColumn if app.map.row(app).is_none() => Some("There is no column under the cursor"),
        Id::SplitColumn => split_reason(app),
        Id::MergeColumns if !matches!(app.map.row(app), Some(MapRow::Column(_))) => {
            Some("There is no destination column under the cursor")
        }
        Id::EditValues => values_reason(app),
        Id::ShowCreate if checks.is_none_or(|checks| checks.exists) => Some("The destination table is there already"),
        _ => None,
    }
}

fn split_reason(app: &App) -> Option<&'static str> {
    match (app.map.row(app), &app.map.checks.value) {
        (Some(MapRow::Unused(_) | MapRow::Left(_)), Some(_)) => None,
        (Some(MapRow::Column(view)), Some(checks)) if checks.from.column(&view.source).is_some() => None,
        _ => Some("There is no source column under the cursor"),
    }
}

fn values_reason(app: &App) -> Option<&'static str> {
    let (Some(MapRow::Column(view)), Some(checks)) = (app.map.row(app), &app.map.checks.value) else {
        return Some("There is no destination column under the cursor");
    };
    let private = app.map_table().and_then(|table| app.plan.outline.private(&table.to));
    match checks.from.column(&view.source) {
        None => Some("Only a column that is fed by one source column has a value map"),
        Some(_) if private.is_some_and(|private| private.holds(&view.source)) => {
            Some("Its values are private: {edit-column} edits the map as text")
        }
        Some(_) => None,
    }
}

fn run_reason(id: Id, app: &App) -> Option<&'static str> {
    let run = &app.run;
    if !run.has_begun() {
        return Some("There is no run yet");
    }
    match id {
        Id::PauseResume | Id::MoreParallel | Id::LessParallel | Id::Throttle | Id::Stop
            if run.snapshot.phase.is_over() =>
        {
            Some("The run is over")
        }
        Id::PauseResume if run.snapshot.phase == RunPhase::Draining => Some("Chunks under way come to their end first"),
        Id::RollBack if !run.snapshot.phase.is_over() => Some("Stop the run first"),
        Id::RollBack if run.snapshot.point.is_none() => Some("No restore point was made before this run"),
        Id::LessParallel if run.snapshot.parallel <= 1 => Some("One table at once is the least"),
        Id::TableDetail if run.snapshot.tables.is_empty() => Some("The run has no table"),
        Id::Errors if run.faults.is_empty() => Some("No error so far"),
        Id::Answer if app.waiting_faults().next().is_none() => Some("No error waits for an answer"),
        _ => None,
    }
}

fn sample_reason(app: &App) -> Option<&'static str> {
    match app.validate.table.value.as_ref() {
        Some(_) if app.pending.has(&Request::ReviewSample) => Some("What was said before is being put on record"),
        Some(_) if app.validate.validation().is_none_or(|found| found.run.is_none()) => {
            Some("Samples are reviewed for a run, and this validation is of none")
        }
        Some(table) if table.sample.rows.is_empty() => Some("No row was drawn"),
        Some(_) => None,
        None => Some("The rows are not there yet"),
    }
}

fn validate_reason(id: Id, app: &App) -> Option<&'static str> {
    let under_way = app.validate.is_under_way();
    match id {
        Id::RunValidation if !app.plan.loaded => Some("The plan is not there yet"),
        Id::RunValidation if app.run.is_going() => Some(GOING),
        Id::RunValidation if app.is_restoring() => Some(RESTORING),
        Id::RunValidation if under_way || app.pending.has(&Request::Validate) => Some("The validation is under way"),
        Id::StopValidation if !under_way => Some("No validation is under way"),
        Id::ProofDetail if app.validate.current().is_none() => Some("There is no table under the cursor"),
        Id::NextUnproven if app.validate.next_unproven().is_none() => Some("No other table is shown that did not pass"),
        _ => None,
    }
}

fn restore_reason(id: Id, app: &App) -> Option<&'static str> {
    let restore = &app.restore;
    if id == Id::PurgeExpired {
        return restore.expired().next().is_none().then_some("No restore point's time is over");
    }
    let Some(point) = restore.current() else { return Some("There is no restore point under the cursor") };
    let preview = restore.preview_of(&point.name);
    match id {
        _ if point.state == PointState::Purged => Some("Its rows are gone from this host"),
        _ if app.is_restoring() => Some(RESTORING),
        Id::PreviewRestore if app.pending.has(&Request::RestorePreview(point.name.clone())) => Some("It is being read"),
        Id::ExportOthers if app.run.is_going() => Some("Stop the run first"),
        Id::ExportOthers if app.is_exporting() => Some("It is being exported"),
        Id::GoBack if app.run.is_going() => Some("Stop the run first"),
        Id::GoBack if preview.is_none() => Some("Read first what it would do: {preview-restore}"),
        Id::GoBack if preview.is_some_and(|preview| !preview.refusals.is_empty()) => {
            Some("It cannot be gone back to; what it would do says why")
        }
        _ => None,
    }
}

fn profile_reason(id: Id, app: &App) -> Option<&'static str> {
    let under_way = app.profiles.progress.is_some();
    let asked = app.pending.any(|request| matches!(request, Request::Profile(_)));
    match id {
        Id::StopProfile if !under_way => Some("No profile is under way"),
        Id::ProfileAll | Id::ProfileSample if under_way || asked => {
            Some("A profile is under way: {stop-profile} breaks it off")
        }
        _ => None,
    }
}

fn group_reason(id: Id, app: &App) -> Option<&'static str> {
    match id {
        Id::StopRetrying if app.review.progress.is_none() => Some("No rows are being tried again"),
        Id::StopRetrying => None,
        _ if app.is_retrying() => Some("Rows are being tried again already"),
        _ if app.review.group().is_empty() => Some("No row of this group is flagged"),
        _ => None,
    }
}

fn reveal_reason(app: &App) -> Option<&'static str> {
    match app.review.current() {
        None => Some("There is no row under the cursor"),
        Some(item) if app.hides(&item.fault).is_none() => Some("Nothing of this row is hidden"),
        Some(_) => None,
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
