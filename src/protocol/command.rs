//! What an operator tells a run.

use serde::{Deserialize, Serialize};

use crate::model::{Decision, FaultId, Scope};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Brings chunks under way to their end, then waits.
    Pause,
    /// Goes on after a pause; tables that were held are tried again.
    Resume,
    /// Halts; chunks under way are rolled back. The run can be resumed by a new start.
    Stop,
    /// How many tables go at once, from now on.
    Parallel { tables: usize },
    /// At most so many rows a second from now on, all tables together; none: as many as go.
    Throttle { rows_per_second: Option<u64> },
    /// Settles a fault, and by `scope` others like it, now and to come.
    Answer { fault: FaultId, decision: Decision, scope: Scope },
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    Done,
    /// Why not, in a sentence.
    Refused(String),
}
