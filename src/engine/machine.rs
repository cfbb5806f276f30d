//! The pure half: what happens next, given what has happened. Knows no clock, database or channel.

use std::collections::BTreeSet;

use super::steps::{AttemptSpec, Input, Step, TableStart};
use crate::{
    endpoint::{EndpointError, Position},
    ledger::Answered,
    model::{Counts, Decision, Fault, FaultId, Rule, RunPhase, Scope, TablePhase, Verdict},
    protocol::{Command, Event, HeldWhy, Reply, Snapshot, StartedTable},
};

#[derive(Clone, Debug)]
struct Table {
    name: String,
    after_tables: Vec<String>,
    position: Option<Position>,
    chunk: u64,
    counts: Counts,
    answered: Vec<Answered>,
    /// An attempt or a wait is under way.
    busy: bool,
    failures: u32,
    budget_waived: bool,
}

/// How often a transient failure is tried again before the table is held for a human.
const ATTEMPTS: u32 = 5;

#[derive(Debug)]
pub struct Machine {
    tables: Vec<Table>,
    starts: Vec<StartedTable>,
    /// What a human should know before the first step.
    remark: Option<String>,
    /// What was done before it.
    first: Option<Event>,
    snapshot: Snapshot,
    /// Whether somebody is there to answer; else what would wait stops the run.
    attended: bool,
    resumed: bool,
    stopping: Option<(String, String)>,
    /// The last steps are under way, or wait to be tried again.
    finishing: bool,
    finish_failures: u32,
    steps: Vec<Step>,
}

/// What stands for the last steps where a table waits.
const LAST_STEPS: &str = "";

impl Machine {
    /// A run of `tables`, in load order. `before` is where the run stood, with its plan, policy and parallelism set;
    /// `attended` says whether somebody is there to answer.
    pub fn new(before: Snapshot, attended: bool, resumed: bool, tables: Vec<TableStart>) -> Self {
        let starts = tables.iter().map(|start| start.table.clone()).collect();
        let tables = tables
            .into_iter()
            .map(|start| Table {
                name: start.table.to,
                after_tables: start.after_tables,
                position: start.position,
                chunk: start.chunk,
                counts: start.table.counts,
                answered: start.answered,
                busy: false,
                failures: 0,
                budget_waived: false,
            })
            .collect();
        let snapshot = Snapshot { phase: RunPhase::Ready, parallel: before.parallel.max(1), ..before };
        Self {
            tables,
            starts,
            remark: None,
            first: None,
            snapshot,
            attended,
            resumed,
            stopping: None,
            finishing: false,
            finish_failures: 0,
            steps: Vec::new(),
        }
    }

    /// The same, with something to say at its beginning.
    pub fn with_remark(mut self, remark: Option<String>) -> Self {
        self.remark = remark;
        self
    }

    /// The same, with what was done before its beginning.
    pub fn with_first(mut self, first: Option<Event>) -> Self {
        self.first = first;
        self
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Takes in what happened; returns what to do, in order.
    pub fn handle(&mut self, input: Input) -> Vec<Step> {
        if self.snapshot.phase.is_over() {
            if matches!(input, Input::Command { .. }) {
                self.refuse("the run is over");
            }
            return std::mem::take(&mut self.steps);
        }
        match input {
            Input::Begin => self.begin(),
            Input::Command { command, by } => self.command(command, by),
            Input::Finished { remarks } => self.finished(remarks),
            Input::Unfinished { message, transient } => self.unfinished(&message, transient),
            Input::Waited { table } if table == LAST_STEPS => self.finishing = false,
            Input::Waited { table } => self.release(&table),
            other => self.attempt_ended(other),
        }
        self.go_on();
        std::mem::take(&mut self.steps)
    }

    fn begin(&mut self) {
        let limit = self.snapshot.rows_per_second;
        self.emit(Event::Started {
            plan: self.snapshot.plan.clone(),
            digest: self.snapshot.digest.clone(),
            on_error: self.snapshot.on_error,
            resumed: self.resumed,
            tables: self.starts.clone(),
        });
        self.emit(Event::ParallelSet { tables: self.snapshot.parallel, by: String::new() });
        if limit.is_some() {
            self.throttle(limit, String::new());
        }
        if let Some(first) = self.first.take() {
            self.emit(first);
        }
        if let Some(message) = self.remark.take() {
            self.emit(Event::Remark { message });
        }
    }

    fn command(&mut self, command: Command, by: String) {
        match (command, self.snapshot.phase) {
            (Command::Pause, RunPhase::Running) => {
                self.emit(Event::Draining { by });
                self.done();
            }
            (Command::Pause, _) => self.refuse("the run is not running"),
            (Command::Resume, _) if self.stopping.is_some() => self.refuse("the run is being stopped"),
            (Command::Resume, RunPhase::Paused | RunPhase::Draining) => {
                self.emit(Event::Continued { by });
                self.release_held();
                self.done();
            }
            (Command::Resume, _) if self.any(TablePhase::Held) => {
                self.release_held();
                self.done();
            }
            (Command::Resume, _) => self.refuse("the run is not paused"),
            (Command::Stop, _) => {
                self.stop("stopped by the operator", &by);
                self.done();
            }
            (Command::Parallel { tables }, _) => {
                self.emit(Event::ParallelSet { tables: tables.clamp(1, 64), by });
                self.done();
            }
            (Command::Throttle { rows_per_second: Some(0) }, _) => {
                self.refuse("no rows at all is a pause, not a limit")
            }
            (Command::Throttle { rows_per_second }, _) => {
                self.throttle(rows_per_second, by);
                self.done();
            }
            (Command::Answer { fault, decision, scope }, _) => self.answer(&fault, decision, scope, &by),
        }
    }

    fn throttle(&mut self, rows_per_second: Option<u64>, by: String) {
        self.emit(Event::ThrottleSet { rows_per_second, by });
        self.steps.push(Step::Throttle(rows_per_second));
    }

    fn answer(&mut self, id: &FaultId, decision: Decision, scope: Scope, by: &str) {
        let Some(fault) = self.snapshot.open.iter().find(|open| open.id == *id).cloned() else {
            return self.refuse("that row has been answered already");
        };
        let standing = match (&decision, scope) {
            (Decision::Edit { .. }, Scope::Row) | (_, Scope::Row) => None,
            (Decision::Edit { .. }, _) => return self.refuse("an edit applies to one row only"),
            (Decision::Skip, _) => Rule::standing(&fault, scope, Verdict::Skip),
            (Decision::Flag, _) => Rule::standing(&fault, scope, Verdict::Flag),
            (Decision::Stop, _) => Rule::standing(&fault, scope, Verdict::Stop),
        };
        self.settle(fault, decision, scope, by);
        if let Some(rule) = standing.filter(|rule| rule.verdict != Verdict::Stop) {
            self.emit(Event::RuleAdded { rule: rule.clone(), by: by.to_owned() });
            let alike: Vec<Fault> = self.snapshot.open.iter().filter(|open| rule.matches(open)).cloned().collect();
            for fault in alike {
                self.settle(fault, rule.verdict.into(), scope, by);
            }
        }
        self.done();
    }

    fn settle(&mut self, fault: Fault, decision: Decision, scope: Scope, by: &str) {
        let table = fault.table.clone();
        self.steps.push(Step::Decide {
            fault: Box::new(fault.clone()),
            decision: decision.clone(),
            scope,
            by: by.to_owned(),
        });
        self.emit(Event::FaultSettled {
            fault: fault.id.clone(),
            table: table.clone(),
            decision: decision.clone(),
            by: by.to_owned(),
        });
        if decision == Decision::Stop {
            let why = format!("row {} of {}: {}", fault.row, fault.table, fault.message);
            return self.stop(&why, by);
        }
        if let Some(state) = self.table_mut(&table) {
            state.answered.push(Answered { fault, decision, by: by.to_owned() });
        }
        if !self.snapshot.open.iter().any(|open| open.table == table) {
            self.emit(Event::TableUnparked { table });
        }
    }

    fn attempt_ended(&mut self, input: Input) {
        let name = match &input {
            Input::Committed { table, .. }
            | Input::Exhausted { table }
            | Input::Asked { table, .. }
            | Input::Halted { table, .. }
            | Input::OverBudget { table, .. }
            | Input::Failed { table, .. }
            | Input::Abandoned { table } => table.clone(),
            _ => return,
        };
        let Some(table) = self.table_mut(&name) else { return };
        table.busy = false;
        match input {
            Input::Committed { counts, end, ruled, .. } => {
                for (fault, decision, by) in ruled {
                    self.emit(Event::FaultRuled { fault: Box::new(fault), decision, by });
                }
                self.committed(name, counts, end);
            }
            Input::Exhausted { .. } => self.table_done(name),
            Input::Asked { faults, .. } => self.asked(name, faults),
            Input::Halted { fault, by, .. } => self.halted(*fault, &by),
            Input::OverBudget { message, .. } => self.hold(name, HeldWhy::Budget, message),
            Input::Failed { message, transient, .. } => self.failed(name, message, transient),
            _ => {}
        }
    }

    fn committed(&mut self, name: String, counts: Counts, end: Option<Position>) {
        let Some(table) = self.table_mut(&name) else { return };
        let chunk = table.chunk;
        let ended = end.is_none();
        table.chunk += 1;
        table.position = end;
        table.counts += counts;
        table.answered.clear();
        table.failures = 0;
        self.emit(Event::ChunkCommitted { table: name.clone(), chunk, counts });
        if ended {
            self.table_done(name);
        }
    }

    fn table_done(&mut self, name: String) {
        let Some(table) = self.table_mut(&name) else { return };
        let counts = table.counts;
        self.emit(Event::TableFinished { table: name, counts });
    }

    fn asked(&mut self, name: String, faults: Vec<Fault>) {
        if self.stopping.is_some() || faults.is_empty() {
            return;
        }
        let count = faults.len() as u64;
        for fault in faults {
            self.emit(Event::FaultRaised { fault: Box::new(fault) });
        }
        self.emit(Event::TableParked { table: name, faults: count });
    }

    fn halted(&mut self, fault: Fault, by: &str) {
        // What other tables meet while the run stops, they meet again when it goes on.
        if self.stopping.is_some() {
            return;
        }
        let why = format!("row {} of {}: {}", fault.row, fault.table, fault.message);
        self.emit(Event::FaultRaised { fault: Box::new(fault.clone()) });
        self.emit(Event::FaultSettled {
            fault: fault.id.clone(),
            table: fault.table.clone(),
            decision: Decision::Stop,
            by: by.to_owned(),
        });
        self.stop(&why, by);
    }

    fn failed(&mut self, name: String, message: String, transient: bool) {
        let stopping = self.stopping.is_some();
        let Some(table) = self.table_mut(&name) else { return };
        table.failures += 1;
        let failures = table.failures;
        if stopping {
            return;
        }
        if transient && failures <= ATTEMPTS {
            table.busy = true;
            self.try_again(&name, &name, &message, failures);
        } else {
            self.hold(name, HeldWhy::System, message);
        }
    }

    fn hold(&mut self, table: String, why: HeldWhy, message: String) {
        if self.stopping.is_some() {
            return;
        }
        self.emit(Event::TableHeld { table: table.clone(), why, message: message.clone() });
        if !self.attended {
            self.stop(&format!("{table}: {message}"), "whimbrel");
        }
    }

    fn release(&mut self, name: &str) {
        if let Some(table) = self.table_mut(name) {
            table.busy = false;
        }
    }

    fn release_held(&mut self) {
        let held = |progress: &&crate::protocol::TableProgress| progress.phase == TablePhase::Held;
        let names: Vec<String> = self.snapshot.tables.iter().filter(held).map(|table| table.to.clone()).collect();
        for name in names {
            if let Some(table) = self.table_mut(&name) {
                table.failures = 0;
                table.budget_waived = true;
            }
            self.emit(Event::TableReleased { table: name });
        }
    }

    fn stop(&mut self, why: &str, by: &str) {
        if self.stopping.is_none() {
            self.stopping = Some((why.to_owned(), by.to_owned()));
            self.steps.push(Step::Abort);
        }
    }

    /// What follows once an input is taken in: begin attempts, come to a pause, a stop or the end.
    fn go_on(&mut self) {
        if self.snapshot.phase.is_over() {
            return;
        }
        let idle = self.tables.iter().all(|table| !table.busy);
        if let Some((why, by)) = self.stopping.clone() {
            if idle && !self.finishing {
                self.emit(Event::Stopped { why, by });
                self.steps.push(Step::End);
            }
            return;
        }
        match self.snapshot.phase {
            RunPhase::Draining if idle => self.emit(Event::Paused),
            RunPhase::Running => {
                self.start_attempts();
                let done = self.snapshot.tables.iter().all(|table| table.phase == TablePhase::Done);
                if done && !self.finishing {
                    self.finishing = true;
                    self.steps.push(Step::Finish);
                }
            }
            _ => {}
        }
    }

    fn start_attempts(&mut self) {
        let done: BTreeSet<String> =
            self.snapshot.tables.iter().filter(|table| table.phase == TablePhase::Done).map(|t| t.to.clone()).collect();
        let mut busy = self.tables.iter().filter(|table| table.busy).count();
        for index in 0..self.tables.len() {
            if busy >= self.snapshot.parallel {
                break;
            }
            let phase = self.snapshot.tables[index].phase;
            let table = &self.tables[index];
            let blocked = table.after_tables.iter().any(|before| !done.contains(before));
            if table.busy || !matches!(phase, TablePhase::Waiting | TablePhase::Running) || blocked {
                continue;
            }
            busy += 1;
            self.attempt(index, phase);
        }
    }

    fn attempt(&mut self, index: usize, phase: TablePhase) {
        let name = self.tables[index].name.clone();
        if phase == TablePhase::Waiting {
            self.emit(Event::TableStarted { table: name.clone() });
        }
        let table = &mut self.tables[index];
        table.busy = true;
        let spec = AttemptSpec {
            table: name,
            after: table.position.clone(),
            chunk: table.chunk,
            before: table.counts,
            answered: table.answered.clone(),
            rules: self.snapshot.rules.clone(),
            budget_waived: table.budget_waived,
        };
        self.steps.push(Step::Attempt(Box::new(spec)));
    }

    fn finished(&mut self, remarks: Vec<String>) {
        self.finishing = false;
        for message in remarks {
            self.emit(Event::Remark { message });
        }
        let counts = self.snapshot.counts();
        self.emit(Event::Completed { counts });
        self.steps.push(Step::End);
    }

    fn unfinished(&mut self, message: &str, transient: bool) {
        self.finish_failures += 1;
        let failures = self.finish_failures;
        if self.stopping.is_none() && transient && failures <= ATTEMPTS {
            self.try_again("the last steps", LAST_STEPS, message, failures);
            return;
        }
        self.finishing = false;
        self.stop(&format!("all rows are in, but the last steps failed: {message}"), "whimbrel");
    }

    fn try_again(&mut self, what: &str, table: &str, message: &str, failures: u32) {
        let time = EndpointError::back_off(failures);
        self.emit(Event::Remark {
            message: format!("{what}: {message}; trying again in {} s ({failures} of {ATTEMPTS})", time.as_secs()),
        });
        self.steps.push(Step::Wait { table: table.to_owned(), time });
    }

    fn any(&self, phase: TablePhase) -> bool {
        self.snapshot.tables.iter().any(|table| table.phase == phase)
    }

    fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.name == name)
    }

    fn emit(&mut self, event: Event) {
        self.snapshot.apply(&event);
        self.steps.push(Step::Emit(event));
    }

    fn done(&mut self) {
        self.steps.push(Step::Reply(Reply::Done));
    }

    fn refuse(&mut self, why: &str) {
        self.steps.push(Step::Reply(Reply::Refused(why.to_owned())));
    }
}
