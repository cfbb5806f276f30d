//! What a console and a host say to each other: commands, asks and their answers, facts, gauges.
//!
//! Plain serde data, versioned. May not touch tokio or ratatui. One idea: facts are numbered, journaled before they are
//! sent, never lost, and folding them gives the [`Snapshot`]; gauges are latest-wins.

mod ask;
mod command;
mod event;
mod snapshot;

pub use ask::{
    Answer, Ask, CheckItem, CheckState, ColumnView, Migration, NewMigration, ReviewAction, ReviewItem, ReviewState,
    Sampled, Secret, SideName, SideView, TableChecks, TrialRow,
};
pub use command::{Command, Reply};
pub use event::{Event, Fact, HeldWhy, StartedTable};
pub use snapshot::{Snapshot, TableProgress};

/// Raised whenever a message changes its meaning.
pub const VERSION: u16 = 1;

/// From console to host.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToHost {
    Ask { id: u64, ask: Ask },
    Command { id: u64, command: Command },
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
}
