//! What people said of sampled rows.

use serde::{Deserialize, Serialize};

/// What a reviewer made of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleVerdict {
    Approved,
    /// It keeps the validation from passing until it is approved.
    Rejected,
    /// Something is said of it, and nothing decided.
    Remarked,
}

impl SampleVerdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Remarked => "remarked",
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Self::Approved => "✓",
            Self::Rejected => "✗",
            Self::Remarked => "…",
        }
    }
}

/// What was said of a row, by whom and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleReview {
    pub verdict: SampleVerdict,
    /// Whoever looked at the row; often, not always, the account below.
    pub reviewer: String,
    /// The account under which it was put on record.
    pub by: String,
    /// Milliseconds since 1970 UTC.
    pub at_ms: u64,
    pub comment: Option<String>,
}

/// Which rows of a table's sample are spoken of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleChoice {
    /// All that match on both sides and of which nothing was decided yet.
    AllMatching,
    /// One: by its id, its place in the sample (`#3`), or the values of its key with commas between.
    Row(String),
}

/// What is to be put on record of sampled rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleSaying {
    /// The destination's table.
    pub table: String,
    pub rows: SampleChoice,
    pub verdict: SampleVerdict,
    /// None: the account under which it is said.
    pub reviewer: Option<String>,
    pub comment: Option<String>,
}
