//! What goes wrong with a row, and what somebody decides about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cell, RunId, clean};

/// Identifies a fault within this host's ledger; UUID v7, so ids sort by time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub String);

/// Why a row could not go as it is. Together with the column it groups faults that one answer may settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A cell that the source holds but that its column's declared type cannot express.
    Unreadable,
    /// The value does not convert to the destination's type.
    Conversion,
    /// The expression fails on this row.
    Expression,
    /// The value map does not list the value.
    Unlisted,
    /// The column's check says no.
    Check,
    /// NULL where the destination allows none.
    Null,
    /// Longer than the destination's column.
    Length,
    /// A key that the destination already holds.
    Unique,
    /// A reference to a row that the destination does not hold.
    Reference,
    /// The destination refused the row for another reason of its data.
    Refused,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "unreadable",
            Self::Conversion => "conversion",
            Self::Expression => "expression",
            Self::Unlisted => "unlisted",
            Self::Check => "check",
            Self::Null => "null",
            Self::Length => "length",
            Self::Unique => "unique",
            Self::Reference => "reference",
            Self::Refused => "refused",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedCell {
    pub name: String,
    pub cell: Cell,
}

/// A row that could not go as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub id: FaultId,
    pub run: RunId,
    /// The destination table, which names the mapping.
    pub table: String,
    /// The row's place in the source's reading order, from 1.
    pub row: u64,
    /// The source column that holds the offending value, where one can be named.
    pub column: Option<String>,
    /// The destination column that was being made.
    pub target: Option<String>,
    /// Told by its beginning where it is very long, as is `message`.
    pub value: Option<Cell>,
    /// What would have been right: `Integer`, `at most 10 characters`, `length(name) > 0`.
    pub expected: String,
    pub cause: Cause,
    /// The converter's or the server's own words.
    pub message: String,
    /// The row as the source holds it.
    pub cells: Vec<NamedCell>,
    /// SHA-256 over `cells`, in hex: an answer holds only for the row that was shown.
    pub digest: String,
}

impl Fault {
    /// The fault as it is told of a row that is kept elsewhere: of very long cells the beginning.
    pub fn told(&self) -> Self {
        let told = |named: &NamedCell| NamedCell { name: named.name.clone(), cell: named.cell.told() };
        let cells = self.cells.iter().map(told).collect();
        Self {
            id: self.id.clone(),
            run: self.run.clone(),
            table: self.table.clone(),
            column: self.column.clone(),
            target: self.target.clone(),
            value: self.value.clone(),
            expected: self.expected.clone(),
            message: self.message.clone(),
            digest: self.digest.clone(),
            cells,
            ..*self
        }
    }

    /// The column a human is told about: the source's where known, else the destination's.
    pub fn shown_column(&self) -> &str {
        self.column.as_deref().or(self.target.as_deref()).unwrap_or("(row)")
    }

    /// What is wrong, what would be right, and the system's own words where those say more: for a human, a line each.
    pub fn words(&self) -> Vec<String> {
        let column = self.shown_column();
        let what = match &self.value {
            Some(Cell::Null) => format!("Column '{column}' has invalid value: NULL"),
            Some(cell) => format!("Column '{column}' has invalid value: \"{}\"", clean(&cell.display())),
            None => format!("Column '{column}': {}", self.message),
        };
        let own = self.value.as_ref().filter(|_| !self.message.is_empty()).map(|_| self.message.clone());
        [what, format!("Expected: {}", self.expected)].into_iter().chain(own).collect()
    }
}

/// An answer to a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "do")]
pub enum Decision {
    /// Go on without the row.
    Skip,
    /// Halt the run; it can be resumed.
    Stop,
    /// Go on, and keep the row for review.
    Flag,
    /// Change source cells and try the row again.
    Edit { cells: Vec<NamedCell> },
}

impl Decision {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Stop => "stop",
            Self::Flag => "flag",
            Self::Edit { .. } => "edit",
        }
    }
}

/// How far a decision reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    #[default]
    Row,
    /// The same column of the same table failing for the same cause.
    ColumnAndCause,
    Table,
    Run,
}

impl Scope {
    pub fn word(self) -> &'static str {
        match self {
            Self::Row => "this row",
            Self::ColumnAndCause => "the same column and cause",
            Self::Table => "this table",
            Self::Run => "the whole run",
        }
    }
}

/// A standing decision. `None` matches anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub table: Option<String>,
    pub column: Option<String>,
    pub cause: Option<Cause>,
    pub verdict: Verdict,
}

/// What a rule can say: everything but an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Skip,
    Stop,
    Flag,
}

impl From<Verdict> for Decision {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Skip => Self::Skip,
            Verdict::Stop => Self::Stop,
            Verdict::Flag => Self::Flag,
        }
    }
}

impl Rule {
    /// The rule that answering `fault` with `verdict` for `scope` leaves standing; none for a single row.
    pub fn standing(fault: &Fault, scope: Scope, verdict: Verdict) -> Option<Self> {
        let table = Some(fault.table.clone());
        match scope {
            Scope::Row => None,
            Scope::ColumnAndCause => {
                Some(Self { table, column: Some(fault.shown_column().to_owned()), cause: Some(fault.cause), verdict })
            }
            Scope::Table => Some(Self { table, column: None, cause: None, verdict }),
            Scope::Run => Some(Self { table: None, column: None, cause: None, verdict }),
        }
    }

    pub fn matches(&self, fault: &Fault) -> bool {
        self.table.as_ref().is_none_or(|table| *table == fault.table)
            && self.column.as_ref().is_none_or(|column| column == fault.shown_column())
            && self.cause.is_none_or(|cause| cause == fault.cause)
    }
}
