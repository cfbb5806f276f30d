//! When the prompt comes up, and what an answer does.

use super::{App, IDLE_MS, Redraw, Request};
use crate::{
    console::overlays::{Overlay, Prompt},
    model::{Decision, Fault, FaultId, Rule, Scope, Verdict},
    protocol::{Command, Reply},
};

impl App {
    /// Faults that still wait for somebody, oldest first.
    pub fn waiting_faults(&self) -> impl Iterator<Item = &Fault> {
        self.run.snapshot.open.iter().filter(|fault| !self.run.answering.contains(&fault.id))
    }

    fn next_unasked(&self) -> Option<&Fault> {
        self.waiting_faults().find(|fault| !self.run.set_aside.contains(&fault.id))
    }

    /// When a prompt is to come up by itself.
    pub(super) fn prompt_due_ms(&self) -> Option<u64> {
        let may = self.overlays.is_empty() && !self.is_typing() && self.presence.commands();
        let may = may && self.next_unasked().is_some();
        may.then_some(self.last_key_ms + IDLE_MS)
    }

    pub(super) fn open_due_prompt(&mut self) {
        if self.prompt_due_ms().is_some_and(|due| due <= self.now_ms)
            && let Some(id) = self.next_unasked().map(|fault| fault.id.clone())
        {
            self.open_prompt(id);
        }
    }

    pub fn open_prompt(&mut self, fault: FaultId) {
        self.open(Overlay::Prompt(Prompt::new(fault, self.now_ms)));
        self.redraw = Redraw::Now;
    }

    /// The oldest open fault, also one that was set aside.
    pub fn open_oldest_prompt(&mut self) {
        let id = self.next_unasked().or(self.waiting_faults().next()).map(|fault| fault.id.clone());
        if let Some(id) = id {
            self.open_prompt(id);
        }
    }

    /// Sends an answer and brings the next fault up.
    pub fn answer(&mut self, fault: &Fault, decision: Decision, scope: Scope) {
        self.run.answering.insert(fault.id.clone());
        self.presume(fault, &decision, scope);
        let request = Request::Answer { fault: fault.id.clone(), decision: decision.clone() };
        let stops = decision == Decision::Stop;
        self.command(request, Command::Answer { fault: fault.id.clone(), decision, scope });
        let next = self.next_unasked().map(|fault| fault.id.clone());
        if let (false, Some(next)) = (stops, next) {
            self.open_prompt(next);
        }
    }

    /// Others that the answer settles too need not be asked about while the host does so.
    fn presume(&mut self, fault: &Fault, decision: &Decision, scope: Scope) {
        let verdict = match decision {
            Decision::Skip => Verdict::Skip,
            Decision::Flag => Verdict::Flag,
            Decision::Stop => {
                self.run.answering.extend(self.run.snapshot.open.iter().map(|open| open.id.clone()));
                return;
            }
            Decision::Edit { .. } => return,
        };
        if let Some(rule) = Rule::standing(fault, scope, verdict) {
            let alike = self.run.snapshot.open.iter().filter(|open| rule.matches(open));
            self.run.answering.extend(alike.map(|open| open.id.clone()));
        }
    }

    pub(super) fn answered(&mut self, decision: &Decision, reply: Reply) {
        match reply {
            Reply::Done => {}
            Reply::Refused(why) => {
                self.run.answering.clear();
                self.complain(format!("Answer '{}' was not taken: {why}", decision.word()));
            }
        }
    }

    /// Closes what asks about a fault that is settled by now.
    pub(super) fn close_settled_prompts(&mut self) {
        let run = &self.run;
        let before = self.overlays.len();
        self.overlays.retain(|overlay| match overlay.fault() {
            Some(id) => run.open_fault(id).is_some(),
            None => true,
        });
        if self.overlays.len() < before {
            self.say("The error was settled elsewhere");
        }
    }
}
