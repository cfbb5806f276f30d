//! What the machine is told and what it asks for. Plain data.

use std::time::Duration;

use crate::{
    endpoint::Position,
    ledger::Answered,
    model::{Counts, Decision, Fault, Rule, Scope},
    protocol::{Command, Event, Reply, StartedTable},
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
    /// [`Step::Finish`] is done; remarks for a human.
    Finished {
        remarks: Vec<String>,
    },
    /// [`Step::Finish`] failed. `transient`: trying again may help.
    Unfinished {
        message: String,
        transient: bool,
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
    /// No more rows a second from now on.
    Throttle(Option<u64>),
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
