//! Facts: what has happened in a run, for ever.

use serde::{Deserialize, Serialize};

use super::{PointMade, TakenBack, Validated};
use crate::model::{Count, Counts, Decision, Fault, FaultId, OnError, Rule, RunId};

/// A numbered, journaled event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    pub run: RunId,
    /// From 1, without gaps within a run.
    pub seq: u64,
    /// Milliseconds since 1970 UTC.
    pub at_ms: u64,
    pub event: Event,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The run began, or began again after a stop or crash; tables in load order. What already stands comes with it.
    Started {
        plan: String,
        digest: String,
        on_error: OnError,
        resumed: bool,
        tables: Vec<StartedTable>,
    },
    TableStarted {
        table: String,
    },
    /// The rows of one chunk are durable in the destination.
    ChunkCommitted {
        table: String,
        chunk: u64,
        counts: Counts,
    },
    FaultRaised {
        fault: Box<Fault>,
    },
    /// Who settled it is in the ledger's decision.
    FaultSettled {
        fault: FaultId,
        table: String,
        decision: Decision,
        by: String,
    },
    /// A rule or the plan settled a fault at once; its chunk is committed. At most [`Event::RULED_SHOWN`] a chunk are told
    /// one by one: all are counted, and those flagged are in review.
    FaultRuled {
        fault: Box<Fault>,
        decision: Decision,
        by: String,
    },
    RuleAdded {
        rule: Rule,
        by: String,
    },
    /// The table waits for answers.
    TableParked {
        table: String,
        faults: u64,
    },
    /// The table goes on after answers.
    TableUnparked {
        table: String,
    },
    TableHeld {
        table: String,
        why: HeldWhy,
        message: String,
    },
    TableReleased {
        table: String,
    },
    TableFinished {
        table: String,
        counts: Counts,
    },
    /// A pause was asked for; chunks under way come to their end.
    Draining {
        #[serde(default)]
        by: String,
    },
    Paused,
    Continued {
        #[serde(default)]
        by: String,
    },
    /// `by` is empty where it is what the run began with.
    ParallelSet {
        tables: usize,
        #[serde(default)]
        by: String,
    },
    /// The run takes at most so many rows a second. `by` is empty where it is what the run began with.
    ThrottleSet {
        rows_per_second: Option<u64>,
        by: String,
    },
    /// Something a human should know that is no failure.
    Remark {
        message: String,
    },
    Stopped {
        why: String,
        by: String,
    },
    Completed {
        counts: Counts,
    },
    /// After the run: what the destination holds was set against what the run wrote.
    Validated(Validated),
    /// What the destination's tables held before the run's first write is kept.
    RestorePointMade(PointMade),
    /// The destination was taken back to before the run.
    TakenBack(TakenBack),
}

impl Event {
    pub const RULED_SHOWN: usize = 100;
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedTable {
    pub from: String,
    pub to: String,
    /// The source's rows, as known at the start.
    pub rows: Count,
    /// What earlier attempts of this run committed.
    pub counts: Counts,
    pub done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldWhy {
    /// Too many faults: the mapping is wrong, not the rows.
    Budget,
    /// A system does not answer, is full or refuses; a human must look.
    System,
}
