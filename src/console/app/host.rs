//! What the host says, routed to what asked for it.

use super::{App, Redraw, Request, Saving};
use crate::{
    console::{
        Screen,
        overlays::{Log, Overlay},
        screens::Link,
    },
    model::{Fault, Page, RunPhase},
    protocol::{
        Answer, Ask, Event, Fact, FromHost, Outcome, Presence, Reply, RestoreProgress, RestoreStep, ReviewState,
        SideName,
    },
};

impl App {
    pub(super) fn host(&mut self, message: FromHost) {
        match message {
            FromHost::Answer { id, answer } => {
                if let Some(request) = self.pending.finish(id) {
                    self.redraw = Redraw::Now;
                    self.answer_is(request, answer);
                }
            }
            FromHost::Reply { id, reply } => {
                if let Some(request) = self.pending.finish(id) {
                    self.redraw = Redraw::Now;
                    self.reply_is(request, reply);
                }
            }
            FromHost::Validating(progress) => self.validating(progress),
            FromHost::Retrying(progress) => self.retrying(progress),
            FromHost::Profiling(progress) => self.profiling(progress),
            FromHost::Snapshot(snapshot) => {
                self.run.take_snapshot(*snapshot);
                // Whoever got a snapshot for what was missed may have missed that a validation ended.
                self.validate.progress = None;
                self.after_facts();
            }
            FromHost::PlanChanged => self.ask(Request::Plan, Ask::Plan),
            FromHost::Presence(presence) => self.presence(presence),
            FromHost::Fact(fact) => self.fact(&fact),
            FromHost::Restoring(progress) => self.restoring(progress),
            FromHost::Keeping(progress) => self.keeping(progress),
            FromHost::Gauge(gauge) => {
                self.run.take_gauge(gauge);
                self.redraw = self.redraw.max(Redraw::Soon);
            }
        }
    }

    /// Before a run's first write what is there is kept, which may take its time.
    fn keeping(&mut self, progress: RestoreProgress) {
        let keeps = progress.step == RestoreStep::Keeping && self.pending.has(&Request::Start);
        if keeps && self.screen == Screen::Check {
            self.go(Screen::Run);
        }
        self.run.keeping = keeps.then_some(progress);
        self.redraw = self.redraw.max(Redraw::Soon);
    }

    /// Who is there: said where it changed, and asked where somebody wants what this operator has.
    fn presence(&mut self, presence: Presence) {
        let before = std::mem::replace(&mut self.presence, presence);
        self.redraw = Redraw::Now;
        self.overlays.retain(|overlay| !matches!(overlay, Overlay::Confirm(confirm) if confirm.hands_over()));
        match (before.commands(), self.presence.commands()) {
            (false, true) if !before.operators.is_empty() => self.say("You are at the controls"),
            (true, false) => {
                let who = self.presence.commander().to_owned();
                self.say(format!("{who} is at the controls; you watch"));
            }
            _ => {}
        }
    }

    fn fact(&mut self, fact: &Fact) {
        self.run.take_fact(fact);
        for overlay in &mut self.overlays {
            if let Overlay::Log(view) = overlay {
                view.follow(fact);
            }
        }
        match &fact.event {
            Event::Remark { message } => self.say(message.clone()),
            Event::Validated(validated) if validated.outcome == Outcome::Passed => self.say("Validation: PASSED"),
            Event::Validated(validated) => self.complain(format!("Validation: {}", validated.outcome.word())),
            Event::Started { resumed: false, .. } => self.validate.forget(),
            Event::TableHeld { table, message, .. } => self.complain(format!("{table} is held: {message}")),
            _ => {}
        }
        if self.run.snapshot.phase == RunPhase::Completed && matches!(fact.event, Event::Completed { .. }) {
            // What held before the run holds no longer: another one is checked anew.
            self.check.list.value = None;
        }
        if matches!(fact.event, Event::Validated(_)) {
            self.validated_elsewhere();
        }
        self.after_facts();
    }

    fn after_facts(&mut self) {
        self.redraw = self.redraw.max(Redraw::Soon);
        self.close_settled_prompts();
    }

    fn reply_is(&mut self, request: Request, reply: Reply) {
        match (request, reply) {
            (Request::Answer { decision, .. }, reply) => self.answered(&decision, reply),
            (_, Reply::Refused(why)) => self.complain(why),
            (_, Reply::Done) => {}
        }
    }

    fn answer_is(&mut self, request: Request, answer: Result<Answer, String>) {
        match request {
            Request::Migrations => self.migrations.list.take(expect(answer, migrations)),
            Request::Open => self.plan_opened(answer),
            Request::Plan => self.plan_answer(None, answer),
            Request::Save(saving) => self.plan_answer(Some(saving), answer),
            Request::Select(what) => self.plan_answer(Some(Saving::Edit(what)), answer),
            Request::Connect(side) => self.connected(side, answer),
            Request::Start => self.started(answer),
            Request::Act(fault) => self.review.acted(&fault, expect(answer, acted)),
            Request::Reveal(fault) => self.revealed(fault, expect(answer, acted)),
            Request::Tables => self.tables.take(expect(answer, tables)),
            Request::Count(table) => self.counted(&table, answer),
            Request::Check => self.check.list.take(expect(answer, checks)),
            Request::Functions => self.functions = expect(answer, functions).unwrap_or_default(),
            Request::Review => self.review.take(expect(answer, review)),
            Request::Validate | Request::Validation | Request::StopValidation => {
                self.validation_is(expect(answer, validation));
            }
            Request::ReviewSample => self.sample_reviewed(expect(answer, validation)),
            Request::ValidatedTable(_) => self.validate.table.take(expect(answer, validated_table)),
            Request::RestorePoints => self.points_are(expect(answer, restore_points)),
            Request::RestorePreview(name) => self.preview_is(name, expect(answer, restore_preview)),
            Request::Restore(name) => self.restored(name, expect(answer, restored)),
            Request::ExportOthers(name) => self.others_exported(&name, expect(answer, others_exported)),
            Request::Purge => self.purged(expect(answer, purged)),
            Request::Profile(table) => self.profile_is(&table, expect(answer, profile), true),
            Request::Profiled(table) => self.profile_is(&table, expect(answer, profile), false),
            Request::StopProfile => {}
            Request::Mapping(_) => self.map.checks.take(expect(answer, mapping)),
            Request::Trial(table) => {
                let sampled = expect(answer, trial).map(|sampled| self.plan.outline.hide_sample(&table, sampled));
                self.map.trial.take(sampled);
            }
            Request::RetryMany => self.retried(expect(answer, retried)),
            Request::StopRetrying => {}
            Request::PreviewFix(_)
            | Request::Values(_)
            | Request::DraftTrial(_)
            | Request::Preview { .. }
            | Request::Log => self.overlay_answer(request, answer),
            Request::Answer { .. } | Request::Command(_) => {}
        }
    }

    fn plan_answer(&mut self, saving: Option<Saving>, answer: Result<Answer, String>) {
        match answer {
            Ok(Answer::Plan { path, text, digest, problems }) => {
                self.plan_is(path, text, digest, problems, saving);
                if let (false, Some(side)) = (self.is_saving(), self.connect.test_after_save.take()) {
                    self.test_side(side);
                }
            }
            Ok(_) => self.complain(MISMATCH),
            Err(error) => {
                self.connect.test_after_save = None;
                if saving.is_none() {
                    self.plan.error = Some(error.clone());
                }
                self.complain(error);
            }
        }
    }

    /// Another plan is open: nothing that was known of the one before holds. Where its run stands was said already.
    fn plan_opened(&mut self, answer: Result<Answer, String>) {
        let new = self.overlays.iter_mut().find_map(|overlay| match overlay {
            Overlay::New(form) => Some(form),
            _ => None,
        });
        match (answer, new) {
            (Ok(Answer::Plan { path, text, digest, problems }), new) => {
                // A new plan has both sides, and wants tables next.
                let screen = if new.is_some() { Screen::Tables } else { Screen::Connect };
                self.overlays.clear();
                self.pending.clear();
                self.remember();
                self.forget_plan();
                self.go(screen);
                self.plan_is(path, text, digest, problems, None);
                [SideName::Source, SideName::Destination].into_iter().for_each(|side| self.test_side(side));
            }
            (Err(why), Some(form)) => form.refused(why),
            (Err(why), None) => self.complain(why),
            (Ok(_), _) => self.complain(MISMATCH),
        }
    }

    fn connected(&mut self, side: SideName, answer: Result<Answer, String>) {
        let form = self.connect.side_mut(side);
        match answer {
            Ok(Answer::Connected(view)) => {
                form.link = Link::Connected(view.version);
                form.forget_password();
                if side == SideName::Source {
                    self.tables.forget();
                    if self.screen == Screen::Tables {
                        self.entered();
                    }
                }
            }
            Ok(_) => form.link = Link::Failed(MISMATCH.into()),
            Err(error) => form.link = Link::Failed(error),
        }
    }

    fn started(&mut self, answer: Result<Answer, String>) {
        self.run.keeping = None;
        match answer {
            Ok(_) => {
                if self.can_detach {
                    let told = "The run lives in its host: {detach} leaves it there, `whimbrel attach` comes back";
                    self.say(self.keys.spell(told));
                }
                self.go(Screen::Run);
            }
            Err(error) => self.complain(error),
        }
    }

    fn counted(&mut self, table: &str, answer: Result<Answer, String>) {
        match answer {
            Ok(Answer::Count(rows)) => self.tables.counted(table, rows),
            Ok(_) => self.complain(MISMATCH),
            Err(error) => self.complain(error),
        }
    }

    fn overlay_answer(&mut self, request: Request, answer: Result<Answer, String>) {
        for overlay in &mut self.overlays {
            match (overlay, &request) {
                (Overlay::Rows(rows), Request::Preview { table, spot }) if rows.table == *table => {
                    let page = expect(answer, page).map(|page| {
                        let offset = rows.begins(spot, &page);
                        rows.seek(offset, &page);
                        let mut shown = self.plan.outline.hide_page(table, page);
                        let sought = rows.sought(offset).filter(|(fault, _)| self.revealed.contains(&fault.id));
                        if let Some((fault, row)) = sought {
                            unveil(&mut shown, row, fault);
                        }
                        shown
                    });
                    return rows.take(spot, page);
                }
                (Overlay::ValueMap(form), Request::Values(target)) if form.target == *target => {
                    return form.take(expect(answer, page));
                }
                (Overlay::Fix(form), Request::PreviewFix(fix)) => return form.take(fix, expect(answer, fix_preview)),
                (Overlay::Log(view), Request::Log) => return view.log.take(expect(answer, log)),
                (Overlay::Column(form), Request::DraftTrial(table)) => {
                    let sampled = expect(answer, trial).map(|sampled| self.plan.outline.hide_sample(table, sampled));
                    return form.trial.take(sampled);
                }
                (Overlay::Parts(form), Request::DraftTrial(table)) => {
                    let sampled = expect(answer, trial).map(|sampled| self.plan.outline.hide_sample(table, sampled));
                    return form.trial.take(sampled);
                }
                _ => {}
            }
        }
    }

    pub fn test_side(&mut self, side: SideName) {
        let password = self.connect.side_mut(side).password();
        self.ask(Request::Connect(side), Ask::Connect { side, password });
    }

    /// Flagged rows that wait in review.
    pub fn flagged(&self) -> u64 {
        let listed = self.review.list.value.as_ref();
        let listed = listed.map(|items| items.iter().filter(|item| item.state == ReviewState::Flagged).count() as u64);
        match (listed, self.run.is_going()) {
            (Some(listed), false) => listed,
            (listed, _) => self.run.snapshot.counts().flagged.max(listed.unwrap_or(0)),
        }
    }
}

/// Puts a row whose private values somebody here had shown back as it is.
fn unveil(page: &mut Page, row: usize, fault: &Fault) {
    let Some(cells) = page.rows.get_mut(row) else { return };
    for (cell, column) in cells.iter_mut().zip(&page.columns) {
        if let Some(named) = fault.cells.iter().find(|named| named.name == *column) {
            cell.clone_from(&named.cell);
        }
    }
}

const MISMATCH: &str = "The host answered something else than was asked; are both of the same version?";

fn expect<T>(answer: Result<Answer, String>, part: impl Fn(Answer) -> Option<T>) -> Result<T, String> {
    answer.and_then(|answer| part(answer).ok_or_else(|| MISMATCH.to_owned()))
}

fn log(answer: Answer) -> Option<Log> {
    match answer {
        Answer::Log { facts, lines } => Some(Log { facts: facts.into(), lines }),
        _ => None,
    }
}

macro_rules! parts {
    ($($name:ident: $variant:ident($value:ident) => $type:ty, $made:expr;)*) => {
        $(fn $name(answer: Answer) -> Option<$type> {
            match answer {
                Answer::$variant($value) => Some($made),
                _ => None,
            }
        })*
    };
}

parts! {
    migrations: Migrations(list) => Vec<crate::protocol::Migration>, list;
    acted: Acted(item) => crate::protocol::ReviewItem, *item;
    tables: Tables(list) => Vec<crate::model::TableEntry>, list;
    checks: Checks(list) => Vec<crate::protocol::CheckItem>, list;
    review: Review(list) => Vec<crate::protocol::ReviewItem>, list;
    fix_preview: FixPreview(preview) => crate::protocol::FixPreview, *preview;
    retried: Retried(retried) => crate::protocol::Retried, *retried;
    restore_points: RestorePoints(list) => Vec<crate::protocol::RestorePoint>, list;
    restore_preview: RestorePreview(preview) => crate::protocol::RestorePreview, *preview;
    restored: Restored(restored) => crate::protocol::Restoration, *restored;
    others_exported: OthersExported(exported) => crate::protocol::OthersExport, *exported;
    purged: Purged(names) => Vec<String>, names;
    mapping: Mapping(checks) => crate::protocol::TableChecks, *checks;
    functions: Functions(names) => Vec<String>, names;
    trial: Trial(sampled) => crate::protocol::Sampled, sampled;
    page: Page(page) => crate::model::Page, page;
    validation: Validation(found) => Option<Box<crate::protocol::Validation>>, found;
    profile: Profile(found) => Option<Box<crate::protocol::TableProfile>>, found;
    validated_table: ValidatedTable(table) => crate::protocol::TableValidation, *table;
}
