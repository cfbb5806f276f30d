//! What a console asks of a host beside the run itself: looking at both sides, trying a mapping, checks, review.

use serde::{Deserialize, Serialize};

use super::{
    Fact, Fate, Fix, FixPreview, OthersExport, Restoration, RestorePoint, RestorePreview, Retried, Rows, SampleSaying,
    TableProfile, TableValidation, Validation,
};
use crate::model::{Cell, Fault, FaultId, NamedCell, OnError, Page, Problem, RunId, RunPhase, Spot, Table, TableEntry};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SideName {
    Source,
    Destination,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// The migrations that this host knows of: plans that ran here, and plans in the folder it was started in.
    Migrations,
    /// Takes the plan of that file from now on. Refused while a run goes on. Answers with [`Answer::Plan`]; where its
    /// latest run stands comes before.
    Open {
        path: String,
    },
    /// Writes a new plan into the folder it was started in, and opens it. Refused where a migration of that name is
    /// known already. Answers with [`Answer::Plan`].
    New(NewMigration),
    /// The plan's text as the host holds it.
    Plan,
    /// Takes the text as the plan from now on and saves it to its file. Refused while a run goes on, or if it has
    /// errors. Answers with [`Answer::Plan`].
    Save {
        text: String,
    },
    /// Connects to a side of the current plan; a password given here is kept for this session in memory only.
    Connect {
        side: SideName,
        password: Option<Secret>,
    },
    Tables {
        side: SideName,
    },
    Describe {
        side: SideName,
        table: String,
    },
    Count {
        side: SideName,
        table: String,
    },
    Preview {
        side: SideName,
        table: String,
        spot: Spot,
        limit: u32,
    },
    /// How the mapping to this destination table stands: columns on both sides, what feeds what, problems. `text` is
    /// the plan's text to take instead of the current one (an unsaved draft).
    Mapping {
        table: String,
        text: Option<String>,
    },
    /// Sampled rows before and after the mapping of that draft.
    Trial {
        table: String,
        text: Option<String>,
        offset: u64,
        limit: u32,
    },
    /// Adds tables of the source to the plan, mapped by name; or takes them out. Saves. Answers with [`Answer::Plan`].
    Select {
        tables: Vec<String>,
        selected: bool,
    },
    /// Runs the checks.
    Check,
    /// Begins the run, or goes on with this plan's unfinished one. Facts follow. Refused while a check failed, and
    /// unless `confirmed` while one wants a confirmation.
    Start {
        on_error: Option<OnError>,
        confirmed: bool,
    },
    /// Flagged rows of the plan's latest run, or of the given one.
    Review {
        run: Option<RunId>,
    },
    Act {
        fault: FaultId,
        action: ReviewAction,
    },
    /// What the fix would make of these flagged rows. Answers with [`Answer::FixPreview`]; nothing is written.
    PreviewFix {
        faults: Vec<FaultId>,
        fix: Fix,
    },
    /// Tries these flagged rows again, each with its value made anew by the fix. [`super::FromHost::Retrying`] tells how far
    /// it is; answers with [`Answer::Retried`] when it is over.
    RetryMany {
        faults: Vec<FaultId>,
        fix: Option<Fix>,
    },
    /// Ends a retry of many behind the row under way. Answers with [`Answer::Done`].
    StopRetrying,
    /// The restore points of this host, the latest first: those of the open plan, or of all.
    RestorePoints {
        all: bool,
    },
    /// What going back to this restore point of the open plan would do. Reads both what is kept and what is there.
    RestorePreview {
        name: String,
    },
    /// Goes back to it. `typed` is its name as the operator typed it. Refused while a run goes on, and where others wrote
    /// since unless `others` says what becomes of that. What is encrypted wants the file of its key: `identity` is that file's path on the
    /// host's machine, and never the key. [`super::FromHost::Restoring`] tells how far it is; answers with
    /// [`Answer::Restored`] when it is over.
    Restore {
        name: String,
        typed: String,
        others: Fate,
        identity: Option<String>,
    },
    /// Writes what others wrote since to files in a folder of the host's machine; `identity` as for [`Ask::Restore`]. Values
    /// of private columns are left out. Answers with [`Answer::OthersExported`].
    ExportOthers {
        name: String,
        folder: String,
        identity: Option<String>,
    },
    /// Takes what is kept of a restore point off this host; `typed` as for [`Ask::Restore`] unless its time is over. No
    /// name: of all whose time is over. Answers with [`Answer::Purged`].
    Purge {
        name: Option<String>,
        typed: String,
    },
    /// Sets what the destination holds against what the latest run wrote, or against the source. Answers with
    /// [`Answer::Validation`] when it is over; how far it is comes on the way. Refused while a run goes on.
    Validate,
    /// Breaks a validation off.
    StopValidation,
    /// What the last validation of the latest run found, without the rows.
    Validation,
    /// The rows of a table that the last validation drew, and those that differ.
    ValidatedTable {
        table: String,
    },
    /// Puts on record what a reviewer makes of rows of the last validation's sample. Answers with [`Answer::Validation`],
    /// whose verdict counts it.
    ReviewSample(SampleSaying),
    /// Looks at a table's rows, and keeps what they hold. Answers with [`Answer::Profile`] when it is over; how far it is
    /// comes on the way. One at a time.
    Profile {
        side: SideName,
        table: String,
        rows: Rows,
    },
    /// Breaks a profile off: it tells what was seen until then.
    StopProfile,
    /// What the last look at the table found. Answers with [`Answer::Profile`].
    Profiled {
        side: SideName,
        table: String,
    },
    /// What expressions may call.
    Functions,
    /// The newest facts of the latest run, and the newest lines of the host's log.
    Log,
}

/// What a new plan says before its tables are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMigration {
    pub name: String,
    /// `one-time`, `scheduled` or `continuous`, as a plan spells it.
    pub kind: String,
    /// Addresses without passwords.
    pub source: String,
    pub destination: String,
}

/// A migration in the list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    pub name: String,
    /// The plan's file, in full.
    pub path: String,
    /// As a plan spells it; empty where the file cannot be read as one.
    pub kind: String,
    /// Addresses without passwords; empty where unknown.
    pub source: String,
    pub destination: String,
    pub tables: usize,
    /// Where the latest run of this host stands; none: it did not run here.
    pub phase: Option<RunPhase>,
    /// When that run began, in milliseconds since 1970 UTC.
    pub started_ms: Option<u64>,
    /// Rows that the latest run wrote, and those that it flagged.
    pub written: u64,
    pub flagged: u64,
    /// Why it cannot be opened.
    pub problem: Option<String>,
}

/// A secret on its way; shown as `***` wherever it is printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewAction {
    /// Tries the row again, with these source cells changed (none: as it is).
    Retry {
        cells: Vec<NamedCell>,
    },
    Discard {
        reason: String,
    },
    /// Nothing is done to the row but that its private values are shown, which the audit trail tells.
    Reveal,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Migrations(Vec<Migration>),
    Plan {
        path: String,
        text: String,
        digest: String,
        problems: Vec<Problem>,
    },
    Connected(SideView),
    Tables(Vec<TableEntry>),
    Table(Box<Table>),
    Count(u64),
    Page(Page),
    Mapping(Box<TableChecks>),
    Trial(Sampled),
    Checks(Vec<CheckItem>),
    /// The run is under way; facts follow.
    Started(RunId),
    Review(Vec<ReviewItem>),
    /// What became of a review action: the item as it is now.
    Acted(Box<ReviewItem>),
    FixPreview(Box<FixPreview>),
    Retried(Box<Retried>),
    Done,
    RestorePoints(Vec<RestorePoint>),
    RestorePreview(Box<RestorePreview>),
    Restored(Box<Restoration>),
    OthersExported(Box<OthersExport>),
    /// The names of those whose rows are gone.
    Purged(Vec<String>),
    /// Each table's samples and differences are counted, and come one table at a time. Nothing: the latest run was not
    /// validated.
    Validation(Option<Box<Validation>>),
    /// Long values are cut.
    ValidatedTable(Box<TableValidation>),
    /// Nothing: the table was not looked at since the host came up. Values of private columns are left out.
    Profile(Option<Box<TableProfile>>),
    Functions(Vec<String>),
    /// Oldest first.
    Log {
        facts: Vec<Fact>,
        lines: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideView {
    pub side: SideName,
    pub version: String,
}

/// How one table's mapping stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableChecks {
    pub from: Table,
    /// The destination table as it is, or as it would be created.
    pub to: Table,
    /// Whether it is there already.
    pub exists: bool,
    /// What would create it.
    pub statements: Vec<String>,
    pub columns: Vec<ColumnView>,
    /// Source columns that nothing uses and nothing skips.
    pub unused: Vec<String>,
    pub problems: Vec<Problem>,
}

/// One destination column of a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnView {
    pub target: String,
    pub target_type: String,
    /// What makes it: a column's name, an expression, empty where nothing does.
    pub source: String,
    pub source_type: String,
    /// `same name`, `rename`, `expression`, `values`, `skipped`, `unfilled`.
    pub how: String,
    /// `exact`, `widening`, `checked` (a value that would lose is a fault), `lossy`.
    pub class: String,
    pub problem: Option<String>,
}

/// Rows before and after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    pub source_columns: Vec<String>,
    pub target_columns: Vec<String>,
    pub rows: Vec<TrialRow>,
    /// Why the mapping could not be tried at all: an expression that does not parse, say.
    pub error: Option<Problem>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRow {
    pub before: Vec<Cell>,
    /// Empty where the row fails or the filter leaves it out.
    pub after: Vec<Cell>,
    pub filtered: bool,
    /// The failing destination column and why.
    pub fault: Option<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    Passed,
    /// Worth knowing; the run may start.
    Warned,
    /// The run may start once the operator says that it shall all the same.
    Unconfirmed,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckItem {
    /// `Source is accessible`
    pub name: String,
    pub state: CheckState,
    /// Reasons, each with what to do.
    pub details: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReviewState {
    Flagged,
    /// Retried and written.
    Written,
    Discarded,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewItem {
    pub fault: Fault,
    pub state: ReviewState,
    /// Who did the last thing with it, and what they said.
    pub by: Option<String>,
    pub reason: Option<String>,
}

impl ReviewItem {
    /// As it is shown: of very long cells the beginning.
    pub fn told(self) -> Self {
        Self { fault: self.fault.told(), ..self }
    }
}
