//! The pure half: what happens next, given what has happened. Knows no clock, database or channel.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    endpoint::{EndpointError, Position},
    ledger::Answered,
    model::{Counts, Decision, Fault, FaultId, Rule, RunPhase, Scope, TablePhase, Verdict},
    protocol::{Command, Event, HeldWhy, Reply, Snapshot, StartedTable},
};

/// A table as a run finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct TableStart {
    pub table: StartedTable,
    /// Destination tables that must be done before this one starts.
    pub after_tables: Vec<String>,
    /// Where its next chunk starts, and that chunk's number.
    pub position: Option<Position>,
    pub chunk: u64,
    /// Answers given before a stop or crash, whose rows are not committed.
    pub answered: Vec<Answered>,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Begin,
    /// `by` says who; the reply comes as a step.
    Command {
        command: Command,
        by: String,
    },
    /// The chunk is durable. `end` is where the table goes on; `None`: the table ended with it.
    Committed {
        table: String,
        counts: Counts,
        end: Option<Position>,
        /// Faults that a rule or the plan settled, with what and who.
        ruled: Vec<(Fault, Decision, String)>,
    },
    /// No row follows.
    Exhausted {
        table: String,
    },
    /// The attempt met faults that nobody has decided; it was rolled back.
    Asked {
        table: String,
        faults: Vec<Fault>,
    },
    /// The attempt met a fault that a rule or the plan answers with stop; it was rolled back.
    Halted {
        table: String,
        fault: Box<Fault>,
        by: String,
    },
    /// More faults than the plan allows; rolled back.
    OverBudget {
        table: String,
        message: String,
    },
    /// A system failed; rolled back. `transient`: trying again may help.
    Failed {
        table: String,
        message: String,
        transient: bool,
    },
    /// The attempt ended early because it was told to.
    Abandoned {
        table: String,
    },
    /// The time of a [`Step::Wait`] is over.
    Waited {
        table: String,
    },
    /// [`Step::Finish`] is done; remarks for a human, or why it failed.
    Finished {
        result: Result<Vec<String>, String>,
    },
}

/// What to do now.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Journal, then send.
    Emit(Event),
    Reply(Reply),
    /// Try the table's next chunk.
    Attempt(Box<AttemptSpec>),
    /// Feed back [`Input::Waited`] later.
    Wait {
        table: String,
        time: Duration,
    },
    /// Keep the answer.
    Decide {
        fault: Box<Fault>,
        decision: Decision,
        scope: Scope,
        by: String,
    },
    /// Tell all attempts under way to end early; each reports.
    Abort,
    /// All rows are in: foreign keys, sequences.
    Finish,
    /// Nothing more will come of this machine.
    End,
}

/// The table's next chunk, to be tried.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptSpec {
    pub table: String,
    pub after: Option<Position>,
    pub chunk: u64,
    /// What stands of the table.
    pub before: Counts,
    pub answered: Vec<Answered>,
    pub rules: Vec<Rule>,
    /// The operator has let the table go on in spite of its many faults.
    pub budget_waived: bool,
}

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
    snapshot: Snapshot,
    /// Whether somebody is there to answer; else what would wait stops the run.
    attended: bool,
    resumed: bool,
    stopping: Option<(String, String)>,
    finishing: bool,
    steps: Vec<Step>,
}

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
        Self { tables, starts, snapshot, attended, resumed, stopping: None, finishing: false, steps: Vec::new() }
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
            Input::Finished { result } => self.finished(result),
            Input::Waited { table } => self.release(&table),
            other => self.attempt_ended(other),
        }
        self.go_on();
        std::mem::take(&mut self.steps)
    }

    fn begin(&mut self) {
        self.emit(Event::Started {
            plan: self.snapshot.plan.clone(),
            digest: self.snapshot.digest.clone(),
            on_error: self.snapshot.on_error,
            resumed: self.resumed,
            tables: self.starts.clone(),
        });
        self.emit(Event::ParallelSet { tables: self.snapshot.parallel });
    }

    fn command(&mut self, command: Command, by: String) {
        match (command, self.snapshot.phase) {
            (Command::Pause, RunPhase::Running) => {
                self.emit(Event::Draining);
                self.done();
            }
            (Command::Pause, _) => self.refuse("the run is not running"),
            (Command::Resume, _) if self.stopping.is_some() => self.refuse("the run is being stopped"),
            (Command::Resume, RunPhase::Paused | RunPhase::Draining) => {
                self.emit(Event::Continued);
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
                self.emit(Event::ParallelSet { tables: tables.clamp(1, 64) });
                self.done();
            }
            (Command::Answer { fault, decision, scope }, _) => self.answer(&fault, decision, scope, &by),
        }
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
            let time = EndpointError::back_off(failures);
            self.emit(Event::Remark {
                message: format!("{name}: {message}; trying again in {} s ({failures} of {ATTEMPTS})", time.as_secs()),
            });
            self.steps.push(Step::Wait { table: name, time });
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

    fn finished(&mut self, result: Result<Vec<String>, String>) {
        self.finishing = false;
        match result {
            Ok(remarks) => {
                for message in remarks {
                    self.emit(Event::Remark { message });
                }
                let counts = self.snapshot.counts();
                self.emit(Event::Completed { counts });
                self.steps.push(Step::End);
            }
            Err(message) => self.stop(&format!("all rows are in, but the last steps failed: {message}"), "whimbrel"),
        }
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
