//! What a console and a host say to each other: commands, asks and their answers, facts, gauges.
//!
//! Plain serde data, versioned. May not touch tokio or ratatui. One idea: facts are numbered, journaled before they are
//! sent, never lost, and folding them gives the [`Snapshot`]; gauges are latest-wins.

mod ask;
mod command;
mod dry;
mod event;
mod profile;
mod repair;
mod restore;
mod review;
mod samples;
mod snapshot;
mod validation;

pub use ask::{
    Answer, Ask, CheckItem, CheckState, ColumnView, Migration, NewMigration, ReviewAction, ReviewItem, ReviewState,
    Sampled, Secret, SideName, SideView, TableChecks, TrialRow,
};
pub use command::{Command, Reply};
pub use dry::{DryColumn, DryExample, DryFault, DryFaultRow, DryRun, DryTable, Estimate, Stage, Stages};
pub use event::{Event, Fact, HeldWhy, StartedTable};
pub use profile::{
    Bar, ColumnProfile, Conversion, Digits, Distinct, Duplicates, ExampleRow, Frequent, HIDDEN, Histogram, Kind,
    Pattern, Profiling, Reference, Rows, Span, TableProfile, Unfit, compares, followed, share,
};
pub use repair::{Repair, RepairRow, TableRepair};
pub use restore::{
    Drill, Drilled, DrilledTable, ExportedTable, Fate, Held, KeptTable, Others, OthersExport, OthersShown, PointMade,
    PointState, Restoration, RestoreAct, RestorePoint, RestorePreview, RestoreProgress, RestoreStep, RestoredTable,
    TablePreview, TakenBack,
};
pub use review::{FailedRetry, Fix, FixPreview, FixedRow, Retried, Retry, Retrying};
pub use samples::{SampleChoice, SampleReview, SampleSaying, SampleVerdict};
pub use snapshot::{Snapshot, TableProgress};
pub use validation::{
    ColumnDifference, Difference, DifferenceKind, Finding, MetricResult, Outcome, SampleRow, Sampling, TableValidation,
    Validated, Validating, Validation, key_words,
};

/// Raised whenever a message changes its meaning.
pub const VERSION: u16 = 6;

/// From console to host.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToHost {
    Ask {
        id: u64,
        ask: Ask,
    },
    Command {
        id: u64,
        command: Command,
    },
    /// A watcher wants to command.
    TakeOver,
    /// Whoever commands lets the watcher who asked, or not.
    HandOver {
        yes: bool,
    },
}

/// The first message on a stream, each way: nothing else is said before the versions agree.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hello {
    /// [`VERSION`]
    pub protocol: u16,
    /// The program's own.
    pub program: String,
    /// Who is there; of a host, its process.
    pub name: String,
    /// What the host has open, named as the ledger names it; empty from a console.
    pub plan: String,
    /// What whoever connects wants; of a host, nothing.
    pub role: Role,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To know who is there; nothing follows.
    #[default]
    Look,
    /// To tell the run something from a script, whoever sits at a console.
    Command,
    /// To sit at a console.
    Sit,
}

/// Everybody at the consoles of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Presence {
    pub operators: Vec<Operator>,
    /// Who wants the controls.
    pub asks: Option<String>,
}

impl Presence {
    /// Whether this console may change things. Where nobody says who is there, there is nobody else.
    pub fn commands(&self) -> bool {
        self.operators.is_empty() || self.operators.iter().any(|operator| operator.you && operator.commands)
    }

    /// The name of whoever may.
    pub fn commander(&self) -> &str {
        self.operators.iter().find(|operator| operator.commands).map_or("nobody", |operator| &operator.name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Operator {
    pub name: String,
    pub commands: bool,
    pub you: bool,
}

/// From host to console.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FromHost {
    /// What `id` asked for, or a sentence on why not and what to do.
    Answer {
        id: u64,
        answer: Result<Answer, String>,
    },
    Reply {
        id: u64,
        reply: Reply,
    },
    /// Sent first whenever a run is picked up or begun.
    Snapshot(Box<Snapshot>),
    Fact(Box<Fact>),
    Gauge(crate::model::Gauge),
    /// How far a restore is; the latest word counts, and the last is [`RestoreStep::Done`]. Whoever asked for it is
    /// answered when it is over.
    Restoring(RestoreProgress),
    /// How far the restore point is that a run begins with.
    Keeping(RestoreProgress),
    /// How far a retry of many flagged rows is; nothing: none is under way any more.
    Retrying(Option<Retrying>),
    /// How far a validation is; nothing: none is under way any more.
    Validating(Option<Validating>),
    /// How far a profile is; nothing: none is under way any more.
    Profiling(Option<Profiling>),
    /// Somebody else changed the plan, or opened another.
    PlanChanged,
    /// Whenever somebody comes, goes, or takes over.
    Presence(Presence),
}
