//! Flagged rows of a run: what is done with them, one by one or many at once.

use serde::{Deserialize, Serialize};

use crate::model::{Cell, FaultId};

/// A column of flagged rows made anew: by an expression over the row's source columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// A source column.
    pub column: String,
    pub expr: String,
}

impl Fix {
    /// From `COLUMN=EXPRESSION`.
    pub fn parse(text: &str) -> Option<Self> {
        let (column, expr) = text.split_once('=')?;
        let (column, expr) = (column.trim().to_owned(), expr.trim().to_owned());
        (!column.is_empty() && !expr.is_empty()).then_some(Self { column, expr })
    }
}

/// What a fix would make of rows; nothing was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixPreview {
    pub fix: Fix,
    /// Rows whose value would be another one, and those whose value would be the same.
    pub changed: u64,
    pub unchanged: u64,
    /// Rows that would still fail, as far as the expression and the mapping tell: what the destination refuses shows
    /// when they are tried.
    pub failing: u64,
    /// The first [`FixPreview::SHOWN`] of them, failing ones first.
    pub rows: Vec<FixedRow>,
}

impl FixPreview {
    pub const SHOWN: usize = 200;
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedRow {
    pub table: String,
    pub row: u64,
    pub before: Cell,
    /// None where the expression fails.
    pub after: Option<Cell>,
    /// Why the row would still fail.
    pub problem: Option<String>,
}

/// How far a retry of many rows is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrying {
    pub done: u64,
    pub of: u64,
    pub written: u64,
}

/// What a retry of many rows came to. Each row is written whole with its trail, or stays flagged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    pub written: u64,
    pub failed: Vec<FailedRetry>,
    /// Rows that were not tried.
    pub left: u64,
    /// Why they were not.
    pub stopped: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRetry {
    pub fault: FaultId,
    pub why: String,
}

/// A row to try again, and what of it is changed before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    pub fault: FaultId,
    pub cells: Vec<crate::model::NamedCell>,
}
