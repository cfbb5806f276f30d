//! Where a table is cut, and what a committed cut leaves behind.

use serde::{Deserialize, Serialize};

use super::{Counts, RunId};

/// A place between two rows of a table, in words that only its source understands. Stored with every mark.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub String);

/// A stretch of a table: the rows behind `after` up to and including `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub after: Option<Position>,
    pub until: Until,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    Position(Position),
    /// That many rows, where the source cannot tell a bound without reading (files).
    Rows(u64),
    End,
}

/// What a chunk left in the destination, in the transaction of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub run: RunId,
    /// The destination table.
    pub table: String,
    /// From 0; a retried row has a mark too, numbered from [`Mark::FIRST_RETRY`].
    pub chunk: u64,
    /// Where the chunk ended; `None`: the table ended with it.
    pub end: Option<Position>,
    pub counts: Counts,
    /// Identifies the fault whose row this mark's retry wrote; empty for a chunk.
    pub retried: String,
}

impl Mark {
    pub const FIRST_RETRY: u64 = 1 << 40;

    /// The table in which marks stand, in every destination.
    pub const TABLE: &'static str = "whimbrel_marks";
}
