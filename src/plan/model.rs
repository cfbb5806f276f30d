//! What a plan says, apart from how its text is laid out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::When;
use crate::model::{ColumnType, Exact, Mode, OnError};

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub name: String,
    pub kind: Kind,
    pub source: SidePlan,
    pub destination: SidePlan,
    pub run: RunOptions,
    pub restore: RestoreOptions,
    pub when: When,
    pub tables: Vec<TablePlan>,
    pub metrics: Vec<MetricPlan>,
}

/// A figure that both sides should have alike: a query on each that gives one value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricPlan {
    /// Where it stands in the plan's text.
    pub line: usize,
    pub name: String,
    pub source: String,
    pub destination: String,
    pub tolerance: Tolerance,
}

/// How far two figures may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    pub limit: Exact,
    /// The limit is a share of the source's figure, in percent.
    pub is_percent: bool,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { limit: Exact::ZERO, is_percent: false }
    }
}

impl Tolerance {
    pub fn is_exact(self) -> bool {
        self.limit.is_zero()
    }
}

impl std::fmt::Display for Tolerance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.limit, if self.is_percent { " %" } else { "" })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    #[default]
    OneTime,
    Scheduled,
    Continuous,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::OneTime, Self::Continuous, Self::Scheduled];

    /// As a plan spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::OneTime => "one-time",
            Self::Scheduled => "scheduled",
            Self::Continuous => "continuous",
        }
    }
}

/// One side of the migration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SidePlan {
    /// `postgres://user@host:port/database`, `mysql://...`, `sqlite:path`, `csv:directory-or-file`. Relative paths are
    /// relative to the plan's folder. Never holds a password.
    pub url: String,
    pub password: Option<SecretRef>,
    /// What the banner calls it: `production`, `staging`.
    pub label: Option<String>,
    pub csv: CsvOptions,
}

/// Where a secret is to be had; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    Env(String),
    File(String),
    Command(String),
    Ask,
}

/// How files of a CSV side are written. The defaults are RFC 4180 with a header, in UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    pub delimiter: char,
    pub quote: char,
    pub header: bool,
    /// An encoding label of the WHATWG standard: `utf-8`, `windows-1252`, `utf-16le`.
    pub encoding: String,
    /// An unquoted field of exactly this text is NULL.
    pub null: String,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: ',', quote: '"', header: true, encoding: "utf-8".into(), null: String::new() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    pub on_error: OnError,
    /// Tables at once.
    pub parallel: usize,
    /// Rows to a chunk: what one transaction of the destination holds; `None`: as many as go in a few seconds.
    pub chunk_rows: Option<u64>,
    /// At most so many rows a second, all tables together; `None`: as many as go.
    pub rows_per_second: Option<u64>,
    /// Faults per table after which the table is held, since then the mapping is wrong and not the rows.
    pub fault_budget: u64,
    /// The same as a share of a chunk's rows, in percent; chunks under 100 rows are exempt.
    pub fault_percent: u8,
    /// How many seconds a statement waits for a lock that somebody else holds before the chunk is tried again.
    pub lock_wait: u32,
    /// The destination's table of marks, with its schema where that is not the default one.
    pub marks: Option<String>,
    /// What the destination holds is validated when the run is over.
    pub validate: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            on_error: OnError::Ask,
            parallel: 4,
            chunk_rows: None,
            rows_per_second: None,
            fault_budget: 100_000,
            fault_percent: 50,
            lock_wait: 30,
            marks: None,
            validate: true,
        }
    }
}

/// How what the destination's tables hold is kept before a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreOptions {
    /// A restore point is made before the first write.
    pub points: bool,
    /// How many days it is kept.
    pub keep_days: u32,
    /// Of a table that is larger, in gigabytes as its system counts it, only the rows are kept whose place the run takes; where
    /// that cannot be, the run does not start.
    pub max_gb: u32,
    /// For whom what is kept is encrypted: a public key of the age format. None: it is not.
    pub recipient: Option<String>,
    /// The way back is tried as soon as the point is made, and the run does not start where it does not hold. That costs about
    /// as much as the point itself: all rows are written to scratch tables and read back.
    pub drill: bool,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self { points: true, keep_days: 30, max_gb: 50, recipient: None, drill: false }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    pub from: String,
    pub to: String,
    pub mode: Mode,
    /// Destination columns that identify a row; empty: the destination's or the source's own key.
    pub key: Vec<String>,
    /// Source columns left behind on purpose.
    pub skip: Vec<String>,
    /// `where`: an SQL condition over the source columns; rows for which it is not true stay behind.
    pub filter: Option<String>,
    /// Destination column to where it comes from, in the document's order.
    pub columns: Vec<(String, ColumnPlan)>,
    /// Rows and what the mapping should make of them.
    pub tests: Vec<RowTest>,
}

/// A row of the source and what the mapping should make of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RowTest {
    /// Where it stands in the plan's text.
    pub line: usize,
    pub name: Option<String>,
    /// Source columns; others are NULL.
    pub given: Vec<(String, Literal)>,
    /// Destination columns; others may be anything.
    pub expect: Vec<(String, Literal)>,
    /// Destination columns that should be NULL.
    pub null: Vec<String>,
    /// The row should be a fault of this destination column.
    pub fault: Option<String>,
    /// The row should be left behind by the filter.
    pub filtered: bool,
}

/// Where a destination column comes from. `from` and `expr` exclude each other; `skip` excludes all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnPlan {
    pub from: Option<String>,
    /// An SQL expression over the source columns.
    pub expr: Option<String>,
    /// Overrides the type of a column that is created, and converts to it.
    pub ty: Option<ColumnType>,
    pub values: Option<ValueMap>,
    /// Replaces NULL, as text that converts to the column's type.
    pub default: Option<Literal>,
    /// An SQL condition over the destination columns of the same row; a row for which it is false is a fault.
    pub check: Option<String>,
    /// The destination column is left unfilled on purpose.
    pub skip: bool,
    /// The operator accepts that this mapping can lose.
    pub accept_loss: bool,
    /// Its values are shown in no report.
    pub private: bool,
    /// Why the mapping is as it is, who said so, and on which day: for the mapping's document.
    pub note: Option<String>,
    pub by: Option<String>,
    pub on: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueMap {
    pub entries: BTreeMap<String, Literal>,
    pub unlisted: Unlisted,
}

/// What becomes of a value that a map does not list. NULL is never looked up: it stays NULL for `default` to replace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unlisted {
    #[default]
    Fault,
    /// The column's default is taken.
    Default,
    /// The value is kept as it is.
    Keep,
}

/// A TOML scalar as written in a plan; the text form converts to the column's type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Literal(pub String);
