//! What a dry run came to.

use serde::{Deserialize, Serialize};

use crate::model::{Cause, Cell, Count};

/// A run of which nothing stayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    pub plan: String,
    /// The plan's.
    pub digest: String,
    /// Rows of each table that were tried, at most; `None`: all.
    pub limit: Option<u64>,
    pub at_ms: u64,
    pub elapsed_ms: u64,
    pub tables: Vec<DryTable>,
    /// What the run itself would take, from the stages of all tables.
    pub estimate: Option<Estimate>,
    /// `None` where nothing was tried.
    pub bottleneck: Option<Stage>,
    /// What the figures leave out.
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DryTable {
    pub from: String,
    pub to: String,
    /// Of the source.
    pub rows: Count,
    /// `read = written + faulted`; what the filter left out is not among them.
    pub read: u64,
    pub filtered: u64,
    /// Would be written.
    pub written: u64,
    pub faulted: u64,
    /// Of those that would be written, rows that are there as they are.
    pub unchanged: u64,
    /// Rows whose key is there already and that would take its row's place.
    pub updating: u64,
    /// All rows of the source were tried.
    pub whole: bool,
    /// Why not all were that should have been.
    pub stopped: Option<String>,
    /// Why nothing can be said of the table.
    pub failed: Option<String>,
    pub columns: Vec<DryColumn>,
    /// Rows that would be faults, by column and cause; the most frequent first.
    pub faults: Vec<DryFault>,
    pub stages: Stages,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub estimate: Option<Estimate>,
    /// What this way of trying could not tell.
    pub untold: Vec<String>,
}

/// What became of a destination column's values, of the rows that would be written; `faulted`: of those that would not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DryColumn {
    pub column: String,
    /// Where its values come from: a source column or an expression.
    pub origin: String,
    /// Come out in another form than they went in.
    pub converted: u64,
    /// Were NULL and took the plan's default.
    pub defaulted: u64,
    /// Were a value and became NULL.
    pub nulled: u64,
    pub faulted: u64,
    pub private: bool,
    /// Some of those converted, defaulted or nulled.
    pub examples: Vec<DryExample>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryExample {
    /// In the source's reading order, from 1.
    pub row: u64,
    /// `None`: no single source column feeds it.
    pub before: Option<Cell>,
    pub after: Cell,
}

/// Rows that would be faults alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryFault {
    pub column: String,
    pub cause: Cause,
    pub expected: String,
    pub rows: u64,
    pub examples: Vec<DryFaultRow>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryFaultRow {
    /// In the source's reading order, from 1; `None` where it cannot be told.
    pub row: Option<u64>,
    pub value: Option<Cell>,
    pub message: String,
}

/// How long each stage worked, whatever the others did meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages {
    pub source_ms: u64,
    pub transform_ms: u64,
    pub destination_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Source,
    Transform,
    Destination,
}

impl Stage {
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Transform => "transform",
            Self::Destination => "destination",
        }
    }
}

impl Stages {
    pub fn sum(self) -> u64 {
        self.source_ms + self.transform_ms + self.destination_ms
    }

    /// The stage that works longest, and for how long.
    pub fn longest(self) -> (Stage, u64) {
        let all = [
            (Stage::Source, self.source_ms),
            (Stage::Transform, self.transform_ms),
            (Stage::Destination, self.destination_ms),
        ];
        all.into_iter().rev().max_by_key(|(_, ms)| *ms).unwrap_or((Stage::Destination, 0))
    }
}

impl std::ops::AddAssign for Stages {
    fn add_assign(&mut self, other: Self) {
        self.source_ms += other.source_ms;
        self.transform_ms += other.transform_ms;
        self.destination_ms += other.destination_ms;
    }
}

/// From the stages working side by side without ever waiting, to one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    pub from_ms: u64,
    pub to_ms: u64,
    /// Rows a second, at the slow end and at the fast one.
    pub from_rows: u64,
    pub to_rows: u64,
}

impl Estimate {
    pub fn new(rows: u64, from_ms: u64, to_ms: u64) -> Self {
        let speed = |ms: u64| rows.saturating_mul(1000) / ms.max(1);
        Self { from_ms, to_ms, from_rows: speed(to_ms), to_rows: speed(from_ms) }
    }
}

impl DryRun {
    pub fn faulted(&self) -> u64 {
        self.tables.iter().map(|table| table.faulted).sum()
    }

    /// The first table of which nothing can be said, and why.
    pub fn failed(&self) -> Option<(&str, &str)> {
        self.tables.iter().find_map(|table| Some((table.to.as_str(), table.failed.as_deref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_that_works_longest_is_the_bottleneck() {
        let stages = Stages { source_ms: 5, transform_ms: 7, destination_ms: 6 };
        assert_eq!((stages.longest(), stages.sum()), ((Stage::Transform, 7), 18));
        let estimate = Estimate::new(1_000, 100, 400);
        assert_eq!((estimate.from_rows, estimate.to_rows), (2_500, 10_000));
    }
}
