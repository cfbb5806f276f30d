//! Where a run stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Identifies a run on every host: UUID v7.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happens to a fault that no rule settles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    #[default]
    Ask,
    Skip,
    Stop,
    Flag,
}

/// How a table's rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Rows are added; one whose key is there already is a fault.
    #[default]
    Insert,
    /// A row whose key is there already takes its place; one that is there as it is stays untouched.
    Upsert,
    /// The table is emptied once in the run, in the transaction of its first chunk.
    Replace,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Insert, Self::Upsert, Self::Replace];

    /// As a plan writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Upsert => "upsert",
            Self::Replace => "replace",
        }
    }
}

/// Row accounting. `read = written + skipped + flagged` holds for everything committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub read: u64,
    pub written: u64,
    pub skipped: u64,
    pub flagged: u64,
    /// Rows that the plan's filter left out; not part of `read`.
    pub filtered: u64,
    /// Of those written, rows that were there already as they are, so that nothing was changed.
    #[serde(default)]
    pub unchanged: u64,
}

impl Counts {
    pub fn reconcile(&self) -> bool {
        self.read == self.written + self.skipped + self.flagged
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.written += other.written;
        self.skipped += other.skipped;
        self.flagged += other.flagged;
        self.filtered += other.filtered;
        self.unchanged += other.unchanged;
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TablePhase {
    #[default]
    Waiting,
    Running,
    /// Faults wait for an answer.
    Parked,
    /// Held because the fault budget is spent or the systems do not answer.
    Held,
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunPhase {
    /// Not begun.
    #[default]
    Ready,
    Running,
    /// Chunks under way are being brought to their end.
    Draining,
    Paused,
    /// Halted by a decision or a failure; can be resumed.
    Stopped,
    Completed,
}

impl RunPhase {
    const ALL: [Self; 6] = [Self::Ready, Self::Running, Self::Draining, Self::Paused, Self::Stopped, Self::Completed];

    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Completed => "completed",
        }
    }

    /// The phase of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.word() == word)
    }

    pub fn is_over(self) -> bool {
        matches!(self, Self::Stopped | Self::Completed)
    }
}

/// Figures that are true for a moment; only the latest matters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gauge {
    /// Milliseconds since the run was started or resumed.
    pub elapsed_ms: u64,
    /// Per destination table: rows read and written so far, chunks under way included.
    pub tables: Vec<(String, u64, u64)>,
    pub bytes_read: u64,
    pub bytes_written: u64,
    /// Of this process: percent of one core, and resident bytes.
    pub cpu_percent: f32,
    pub memory_bytes: u64,
    /// What goes on now: `writing orders`.
    pub now: String,
    /// How long rows were waited for, made and written since the run was started or resumed, all tables together: the
    /// stages work side by side, and the one that the others wait for sets the pace.
    #[serde(default)]
    pub source_ms: u64,
    #[serde(default)]
    pub transform_ms: u64,
    #[serde(default)]
    pub destination_ms: u64,
    /// How long rows were held back by the run's limit, all tables together.
    #[serde(default)]
    pub throttle_ms: u64,
}
