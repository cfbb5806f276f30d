//! What a validation found.

use serde::{Deserialize, Serialize};

use super::{SampleReview, SampleVerdict};
use crate::model::{Cell, NamedCell, RunId, TableDigest, clean, clip, thousands};

/// How sure it is that all is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    #[default]
    NotRun,
    /// It cannot be told.
    Inconclusive,
    Failed,
}

impl Outcome {
    /// As every screen and report has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NotRun => "NOT RUN",
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Self::Passed => "✓",
            Self::Failed => "✗",
            Self::Inconclusive => "!",
            Self::NotRun => "-",
        }
    }
}

/// A whole plan's validation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    pub outcome: Outcome,
    /// The run whose rows were looked for; `None`: what the source holds now was.
    pub run: Option<RunId>,
    /// The plan's digest.
    pub digest: String,
    /// What the samples were drawn with: the same seed draws the same rows.
    pub seed: u64,
    pub at_ms: u64,
    /// What is to be said of all of it.
    pub remarks: Vec<String>,
    pub tables: Vec<TableValidation>,
    /// The plan's own figures of both sides.
    #[serde(default)]
    pub metrics: Vec<MetricResult>,
}

/// A figure that both sides should have alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricResult {
    pub name: String,
    pub outcome: Outcome,
    /// The values as the sides write them; none: NULL, or no single value.
    pub source: Option<String>,
    pub destination: Option<String>,
    /// How far they may be apart: `0`, `0.01`, `0.5 %`.
    pub tolerance: String,
    /// How far they are, where both are numbers.
    pub difference: Option<String>,
    pub details: Vec<String>,
}

impl MetricResult {
    /// `10.50 in the source, 10.5 in the destination (tolerance 0)`, and why where that is not all.
    pub fn in_words(&self) -> String {
        let value = |value: &Option<String>| value.as_ref().map_or("-".to_owned(), |value| clip(&clean(value), WIDTH));
        let apart = self.difference.as_ref().filter(|_| self.outcome != Outcome::Passed);
        let apart = apart.map(|apart| format!(", {apart} apart")).unwrap_or_default();
        let why = self.details.first().map(|why| format!("; {}", clean(why))).unwrap_or_default();
        let (source, destination) = (value(&self.source), value(&self.destination));
        format!("{source} in the source, {destination} in the destination{apart} (tolerance {}){why}", self.tolerance)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableValidation {
    pub from: String,
    pub to: String,
    pub outcome: Outcome,
    /// Rows that should be there, of the run or of the source as it is.
    pub source_rows: Option<u64>,
    pub destination_rows: Option<u64>,
    /// The rows that should be there.
    pub expected: Option<TableDigest>,
    /// The rows that are.
    pub found: Option<TableDigest>,
    pub findings: Vec<Finding>,
    pub sample: Sampling,
    /// How many rows differ; the first of them are in `differences`.
    pub differing: u64,
    pub differences: Vec<Difference>,
}

/// One line of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub name: String,
    pub outcome: Outcome,
    pub details: Vec<String>,
}

/// Rows that were drawn, side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampling {
    pub outcome: Outcome,
    /// How many were drawn; a view may hold fewer of them.
    #[serde(default)]
    pub drawn: u64,
    pub matching: u64,
    /// How many of them a reviewer approved, and rejected.
    #[serde(default)]
    pub approved: u64,
    #[serde(default)]
    pub rejected: u64,
    pub rows: Vec<SampleRow>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRow {
    /// What identifies it in the destination; of a table without key, all of it.
    pub key: Vec<NamedCell>,
    pub matches: bool,
    /// As the mapping makes it of the source's row.
    pub source: Vec<NamedCell>,
    /// Empty where it is not there.
    pub destination: Vec<NamedCell>,
    /// Follows from all values of both sides: what was said of a row holds for it as it was then.
    #[serde(default)]
    pub id: String,
    /// What was said of it, oldest first.
    #[serde(default)]
    pub reviews: Vec<SampleReview>,
}

impl SampleRow {
    /// What counts of all that was said: the last word that decides.
    pub fn decided(&self) -> Option<&SampleReview> {
        self.reviews.iter().rev().find(|review| review.verdict != SampleVerdict::Remarked)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// The destination lacks it.
    Missing,
    /// Only the destination has it.
    Surplus,
    /// Both have it, with other values.
    Different,
    /// Both have it, a different number of times.
    Times,
}

/// A row that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub kind: DifferenceKind,
    /// Of the source's reading order, from 0; `None` for a row that only the destination has.
    pub chunk: Option<u64>,
    /// The row's place in the source's reading order, from 1.
    pub row: Option<u64>,
    /// What identifies it in the destination; of a table without key, all of it.
    pub key: Vec<NamedCell>,
    pub columns: Vec<ColumnDifference>,
    /// How often each side has it.
    pub source_times: u64,
    pub destination_times: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDifference {
    pub column: String,
    /// Where its values come from: a source column or an expression.
    pub origin: String,
    /// As the mapping makes it of the source's row.
    pub source: Cell,
    pub destination: Cell,
}

impl Difference {
    /// `row 45,632 (chunk 0), id = 7: the destination lacks it`.
    pub fn place(&self) -> String {
        let what = match self.kind {
            DifferenceKind::Missing => "the destination lacks it".to_owned(),
            DifferenceKind::Surplus => "only the destination has it".to_owned(),
            DifferenceKind::Different => "it differs".to_owned(),
            DifferenceKind::Times => {
                let (source, destination) = (self.source_times, self.destination_times);
                format!("the source has it {source} time(s), the destination {destination}")
            }
        };
        let row = match (self.row, self.chunk) {
            (Some(row), Some(chunk)) => format!("row {} (chunk {chunk}), ", thousands(row)),
            _ => String::new(),
        };
        format!("{row}{}: {what}", key_words(&self.key, true))
    }
}

/// What of a value is said of a row.
const WIDTH: usize = 60;

/// What identifies a row, in words: `id = 7`, or the values alone.
pub fn key_words(key: &[NamedCell], names: bool) -> String {
    let said = |cell: &NamedCell| {
        let value = clip(&clean(&cell.cell.display()), WIDTH);
        if names { format!("{} = {value}", cell.name) } else { value }
    };
    key.iter().map(said).collect::<Vec<_>>().join(", ")
}

/// How far a validation is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validating {
    pub tables: u64,
    /// Tables that are through.
    pub done: u64,
    /// The table that is read, and which side of it.
    pub now: String,
    /// Rows read so far, of both sides.
    pub rows: u64,
}

/// A validation in a line, as a fact of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validated {
    pub outcome: Outcome,
    pub tables: u64,
    pub source_rows: u64,
    pub destination_rows: u64,
    pub sampled: u64,
    pub matching: u64,
    pub differing: u64,
    /// The first reason, where it did not pass.
    pub why: Option<String>,
    pub by: String,
}

impl Validation {
    /// The verdict of all of it follows from its parts.
    pub fn conclude(&mut self) {
        let tables = self.tables.iter().map(|table| table.outcome);
        self.outcome = tables.chain(self.metrics.iter().map(|metric| metric.outcome)).max().unwrap_or_default();
    }

    pub fn in_short(&self, by: &str) -> Validated {
        let sum = |rows: fn(&TableValidation) -> u64| self.tables.iter().map(rows).sum();
        let not_passed = |finding: &&Finding| finding.outcome == self.outcome && self.outcome != Outcome::Passed;
        let named = self.tables.iter().flat_map(|table| table.findings.iter().map(move |finding| (table, finding)));
        let first = named.filter(|(_, finding)| not_passed(finding)).map(|(table, finding)| {
            let detail = finding.details.first().map(|detail| format!(": {detail}")).unwrap_or_default();
            format!("{}: {}{detail}", table.to, finding.name)
        });
        let counts = |metric: &&MetricResult| metric.outcome == self.outcome && self.outcome != Outcome::Passed;
        let metrics = self.metrics.iter().filter(counts);
        let metrics = metrics.map(|metric| format!("metric {}: {}", metric.name, metric.in_words()));
        Validated {
            outcome: self.outcome,
            tables: self.tables.len() as u64,
            source_rows: sum(|table| table.source_rows.unwrap_or(0)),
            destination_rows: sum(|table| table.destination_rows.unwrap_or(0)),
            sampled: sum(|table| table.sample.drawn),
            matching: sum(|table| table.sample.matching),
            differing: sum(|table| table.differing),
            why: first
                .chain(metrics)
                .chain(self.remarks.iter().filter(|_| self.outcome != Outcome::Passed).cloned())
                .next(),
            by: by.to_owned(),
        }
    }
}
