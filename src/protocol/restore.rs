//! Restore points: what a destination's tables held before a run, and the way back to it.

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::model::{NamedCell, RunId, clip, thousands};

/// What the tables of one run held before its first write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePoint {
    /// `migration_2024_06_12_backup`
    pub name: String,
    /// Milliseconds since 1970 UTC.
    pub made_ms: u64,
    /// Until when it is kept.
    pub until_ms: u64,
    pub by: String,
    /// The run that was about to write.
    pub run: RunId,
    /// The plan's file, in full, and its name.
    pub plan: String,
    pub plan_name: String,
    /// The restore point before whose restoring this one was made; none: it was made before a run.
    pub before: Option<String>,
    pub state: PointState,
    pub tables: Vec<KeptTable>,
    /// Rows that are kept, and how much room they take on this host.
    pub rows: u64,
    pub bytes: u64,
    /// When it was last gone back to.
    pub restored_ms: Option<u64>,
    /// How the last drill of the way back went.
    #[serde(default)]
    pub drilled: Option<Drilled>,
}

/// The way back, tried on scratch tables of which none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    pub id: String,
    pub point: String,
    pub outcome: Outcome,
    /// When it began, in milliseconds since 1970 UTC, and how long it took.
    pub at_ms: u64,
    pub took_ms: u64,
    pub by: String,
    pub tables: Vec<DrilledTable>,
    pub remarks: Vec<String>,
}

/// A drill in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    pub outcome: Outcome,
    pub at_ms: u64,
    pub took_ms: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrilledTable {
    pub table: String,
    /// What was done for it.
    pub how: String,
    pub rows: u64,
    pub outcome: Outcome,
    pub took_ms: u64,
    /// What did not come out as it was.
    pub differs: Vec<String>,
}

impl Drill {
    pub fn in_short(&self) -> Drilled {
        Drilled { outcome: self.outcome, at_ms: self.at_ms, took_ms: self.took_ms }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointState {
    /// Its rows were read back and are what the tables held.
    #[default]
    Ready,
    /// A restore of it was cut off: restoring goes on with it.
    Interrupted,
    /// Its time is over; it can be gone back to until it is purged.
    Expired,
    /// Its rows are gone.
    Purged,
}

impl PointState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Interrupted => "interrupted",
            Self::Expired => "expired",
            Self::Purged => "purged",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTable {
    pub table: String,
    pub held: Held,
    pub rows: u64,
    pub bytes: u64,
    /// It is encrypted: going back wants an identity.
    #[serde(default)]
    pub sealed: bool,
}

/// What there was of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// The table was not there.
    #[default]
    Absent,
    /// It held no rows.
    Empty,
    Rows,
    /// The table is a file, which is kept as it was.
    File,
    /// The table was too large to be kept whole: rows are kept as the run takes their place.
    Journal,
}

/// What going back would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePreview {
    pub point: RestorePoint,
    pub tables: Vec<TablePreview>,
    /// Runs that are taken back with it, the one it was made for included, the latest first.
    pub runs: Vec<RunId>,
    /// What a human should know before.
    pub remarks: Vec<String>,
    /// Why it is not done unless rows of others may be discarded.
    pub wants_discard: Vec<String>,
    /// Why it cannot be done.
    pub refusals: Vec<String>,
}

impl RestorePreview {
    /// Whether others only added rows, and to tables that are emptied: then these may be put back.
    pub fn may_keep(&self) -> bool {
        let mut touched = self.tables.iter().filter(|table| table.others != Others::Nothing).peekable();
        let added = |table: &TablePreview| {
            let emptied = matches!(table.act, RestoreAct::Reload | RestoreAct::Empty);
            emptied && matches!(table.others, Others::Added(_))
        };
        touched.peek().is_some() && touched.all(added)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePreview {
    pub table: String,
    pub act: RestoreAct,
    /// Rows to put back.
    pub rows: u64,
    /// Rows that are there now, of a table that was not kept whole those that the run wrote; none: the table is not there, or
    /// is a file.
    pub now: Option<u64>,
    pub others: Others,
    /// Some rows of others; none where they wrote none.
    #[serde(default)]
    pub shown: Option<OthersShown>,
}

/// The first rows that others wrote to a table, or changed in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OthersShown {
    /// Of each the key or, where there is none, the first cells.
    pub rows: Vec<Vec<NamedCell>>,
    /// Why there is no row, or what else may be among them.
    pub told: Option<String>,
}

impl OthersShown {
    /// So many rows are shown.
    pub const ROWS: usize = 5;

    /// A line for each row, and what is to be said of them.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        const LONGEST: usize = 40;
        let cell = |named: &NamedCell| format!("{} = {}", named.name, clip(&named.cell.display(), LONGEST));
        let row = move |row: &Vec<NamedCell>| row.iter().map(cell).collect::<Vec<_>>().join(", ");
        self.rows.iter().map(row).chain(self.told.iter().map(|told| format!("({told})")))
    }
}

/// What others wrote since, in files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OthersExport {
    pub point: String,
    pub folder: String,
    pub tables: Vec<ExportedTable>,
    /// Private values were left out.
    pub masked: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedTable {
    pub table: String,
    /// None, where there is no such row.
    pub file: Option<String>,
    pub rows: u64,
    /// It was proven that these are the rows that others added or changed, and no others.
    pub exact: bool,
    /// What may be among them, or is not.
    pub told: Option<String>,
}

impl ExportedTable {
    /// What was written, and how sure it is.
    pub fn words(&self) -> String {
        let sign = if self.exact { "✓" } else { "!" };
        let what = match &self.file {
            Some(file) => format!("{} row(s) of others in {file}", thousands(self.rows)),
            None => "no row of others to export".to_owned(),
        };
        let told = self.told.as_ref().map(|told| format!("; {told}")).unwrap_or_default();
        format!("{sign} {}: {what}{told}", self.table)
    }
}

impl TablePreview {
    /// What would be done to it, and to how many rows.
    pub fn words(&self) -> String {
        let back = if self.rows > 0 { format!(", {} rows put back", thousands(self.rows)) } else { String::new() };
        let which = if self.act == RestoreAct::Undo { " with these keys" } else { "" };
        let now = self.now.map(|rows| format!(", {} rows{which} are there now", thousands(rows))).unwrap_or_default();
        format!("{}: {}{back}{now}", self.table, self.act.words())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreAct {
    /// It is as it was.
    #[default]
    Nothing,
    /// The run made it: it is dropped.
    Drop,
    /// It is emptied.
    Empty,
    /// It is emptied and its rows are put back.
    Reload,
    /// It is gone: it is made again and its rows are put back.
    Create,
    /// Its file is put back.
    File,
    /// The rows that the run wrote are taken out, and those whose place they took are put back.
    Undo,
}

impl RestoreAct {
    /// As the end of `the table is ...`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nothing => "left as it is",
            Self::Drop => "dropped",
            Self::Empty => "emptied",
            Self::Reload => "emptied and reloaded",
            Self::Create => "made again and loaded",
            Self::File => "put back as a file",
            Self::Undo => "rid of the rows that the run wrote",
        }
    }
}

/// What others than the run did to a table since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// The table holds what the run left there.
    #[default]
    Nothing,
    /// So many rows more than the run left there.
    Added(u64),
    /// So many rows less.
    Removed(u64),
    /// As many rows, and not the same.
    Changed,
    /// It cannot be told, and why.
    Unknown(String),
}

/// What becomes of what others wrote since, where it is gone back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Nothing is said of it: where others wrote, it is not gone back.
    #[default]
    Unsaid,
    /// It may go.
    Discard,
    /// Rows that others added are put back.
    Keep,
}

/// How far a restore is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreProgress {
    pub point: String,
    pub step: RestoreStep,
    /// The table under way, where there is one.
    pub table: String,
    /// Rows put back so far, of all that are to be.
    pub rows: u64,
    pub of: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreStep {
    /// The files are read back before anything is written.
    #[default]
    Checking,
    /// A restore point of what is there now is made.
    Keeping,
    PuttingBack,
    /// What was put back is read back.
    Verifying,
    Done,
}

impl RestoreStep {
    pub fn words(self) -> &'static str {
        match self {
            Self::Checking => "checking the restore point",
            Self::Keeping => "keeping what is there now",
            Self::PuttingBack => "putting back",
            Self::Verifying => "verifying",
            Self::Done => "done",
        }
    }
}

/// What a restore came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoration {
    pub point: String,
    pub outcome: Outcome,
    /// The restore point of the state before: the way back from here.
    pub before: String,
    pub at_ms: u64,
    pub took_ms: u64,
    pub tables: Vec<RestoredTable>,
    /// Runs that were taken back.
    pub runs: Vec<RunId>,
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredTable {
    pub table: String,
    pub act: RestoreAct,
    pub outcome: Outcome,
    pub rows: u64,
    /// What is not as it was.
    pub differs: Vec<String>,
}

impl RestoredTable {
    /// What was done to it, and what that came to.
    pub fn words(&self) -> String {
        format!("{} {}: {}, {} rows", self.outcome.sign(), self.table, self.act.words(), thousands(self.rows))
    }
}

/// A restore point that a run made, as a fact of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointMade {
    pub name: String,
    pub tables: u64,
    pub rows: u64,
    pub bytes: u64,
    pub until_ms: u64,
}

/// A restore that took a run back, as a fact of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    pub point: String,
    pub outcome: Outcome,
    pub by: String,
}
