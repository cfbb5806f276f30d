//! What the host says, routed to what asked for it.

use super::{App, Redraw, Request, Saving};
use crate::{
    console::{Screen, overlays::Overlay, screens::Link},
    protocol::{Answer, Ask, Event, Fact, FromHost, Reply, ReviewState, SideName},
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
            FromHost::Snapshot(snapshot) => {
                self.run.take_snapshot(*snapshot);
                self.after_facts();
            }
            FromHost::Fact(fact) => self.fact(&fact),
            FromHost::Gauge(gauge) => {
                self.run.take_gauge(gauge);
                self.redraw = self.redraw.max(Redraw::Soon);
            }
        }
    }

    fn fact(&mut self, fact: &Fact) {
        self.run.take_fact(fact);
        match &fact.event {
            Event::Remark { message } => self.say(message.clone()),
            Event::TableHeld { table, message, .. } => self.complain(format!("{table} is held: {message}")),
            _ => {}
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
            Request::Plan => self.plan_answer(None, answer),
            Request::Save(saving) => self.plan_answer(Some(saving), answer),
            Request::Select(table) => {
                let what = format!("selection of {table}");
                self.plan_answer(Some(Saving::Edit(what)), answer);
            }
            Request::Connect(side) => self.connected(side, answer),
            Request::Start => self.started(answer),
            Request::Act(fault) => self.review.acted(&fault, expect(answer, acted)),
            Request::Tables => self.tables.list.take(expect(answer, tables)),
            Request::Count(table) => self.counted(&table, answer),
            Request::Check => self.check.list.take(expect(answer, checks)),
            Request::Review => self.review.take(expect(answer, review)),
            Request::Mapping(_) => self.map.checks.take(expect(answer, mapping)),
            Request::Trial(_) => self.map.trial.take(expect(answer, trial)),
            Request::DraftTrial(_) | Request::Preview { .. } => self.overlay_answer(request, answer),
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

    fn connected(&mut self, side: SideName, answer: Result<Answer, String>) {
        let form = self.connect.side_mut(side);
        match answer {
            Ok(Answer::Connected(view)) => {
                form.link = Link::Connected(view.version);
                form.forget_password();
                if side == SideName::Source {
                    self.tables.list = super::Fetched::default();
                }
            }
            Ok(_) => form.link = Link::Failed(MISMATCH.into()),
            Err(error) => form.link = Link::Failed(error),
        }
    }

    fn started(&mut self, answer: Result<Answer, String>) {
        match answer {
            Ok(_) => self.go(Screen::Run),
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
                (Overlay::Rows(rows), Request::Preview { table, offset }) if rows.table == *table => {
                    let page = expect(answer, page);
                    return rows.take(*offset, page);
                }
                (Overlay::Column(form), Request::DraftTrial(_)) => {
                    return form.trial.take(expect(answer, trial));
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

const MISMATCH: &str = "The host answered something else than was asked; are both of the same version?";

fn expect<T>(answer: Result<Answer, String>, part: impl Fn(Answer) -> Option<T>) -> Result<T, String> {
    answer.and_then(|answer| part(answer).ok_or_else(|| MISMATCH.to_owned()))
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
    acted: Acted(item) => crate::protocol::ReviewItem, *item;
    tables: Tables(list) => Vec<crate::model::TableEntry>, list;
    checks: Checks(list) => Vec<crate::protocol::CheckItem>, list;
    review: Review(list) => Vec<crate::protocol::ReviewItem>, list;
    mapping: Mapping(checks) => crate::protocol::TableChecks, *checks;
    trial: Trial(sampled) => crate::protocol::Sampled, sampled;
    page: Page(page) => crate::model::Page, page;
}
