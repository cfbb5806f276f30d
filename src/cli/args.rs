//! What may stand on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{model::OnError, protocol::Rows};

/// An operator's console for data migrations.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXITS)]
pub struct Arguments {
    /// The plan to open in the console.
    pub plan: Option<PathBuf>,
    /// Where this host's ledger is [default: $XDG_STATE_HOME/whimbrel].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub state_dir: Option<PathBuf>,
    /// Print one JSON object, or JSON lines while working.
    #[arg(long, global = true)]
    pub json: bool,
    /// No host: what runs ends with this program.
    #[arg(long, global = true)]
    pub in_process: bool,
    /// No screen: lines, and in a terminal questions that are answered by a line.
    #[arg(long, global = true)]
    pub plain: bool,
    /// The console's colours: dark, light, high-contrast, deuteranopia, tritanopia, mono, or a theme of your own
    /// [default: $WHIMBREL_THEME].
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// Leave the mouse to the terminal, which then selects text.
    #[arg(long, global = true)]
    pub no_mouse: bool,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

const EXITS: &str = "Addresses: postgres://user@host:port/database  mysql://user@host:port/database  sqlite:path  \
                     csv:folder-or-file\n\nExit codes: 0 all well; 1 failed or stopped; 2 the plan or the command is \
                     wrong; 3 finished, with rows skipped or flagged; 4 the validation did not pass; 5 the \
                     checks did not pass.";

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// A complete small migration on embedded databases, bad rows included.
    Demo(Demo),
    /// Draft a plan from both sides.
    New(New),
    /// List the tables of a side.
    Tables(Tables),
    /// Show rows of a table.
    Preview(Preview),
    /// What the rows of a table hold, column by column: NULLs, values, lengths, patterns, what the plan's mapping cannot
    /// convert, keys that come twice, references to nothing.
    Profile(ProfileOf),
    /// The mapping of every column, with who decided it, when and why: as Markdown or CSV.
    Mapping(MappingOf),
    /// The checks before a run.
    Check(Check),
    /// Run a plan: in a terminal on the console's run screen, else with lines of progress. A scheduled plan waits for its
    /// window, runs, and waits for the next one.
    Run(Run),
    /// The runs under way on this host.
    Status,
    /// The console on a run under way.
    Attach(OfRun),
    /// Bring chunks under way to their end, then wait.
    Pause(OfRun),
    /// Go on after a pause; tables that were held are tried again.
    Resume(OfRun),
    /// Hold a run back while it goes on: to so many rows a second, to so many tables at once.
    Throttle(ThrottleOf),
    /// Halt a run; it can be resumed by a new start.
    Stop(OfRun),
    /// List, retry, edit or discard flagged rows.
    Review(Review),
    /// Set what the destination holds against what the run wrote: counts, checksums, a sample side by side.
    Validate(Validate),
    /// The audit trail: who did what, when, to which row; `audit verify` tells whether it is what was written.
    Audit(Audit),
    /// List restore points, or go back to one: to what the destination's tables held before a run.
    Restore(Restore),
    /// The evidence of a run in one file to read, print or keep: what was moved, checked, decided and proven.
    Report(Report),
    /// Declare a migration over: take its marks out of the destination.
    Finish(Finish),
    /// What a console starts, so that a run outlives it.
    #[command(hide = true)]
    Host(HostOf),
}

#[derive(Debug, Args)]
pub struct OfRun {
    /// The run's plan; needed where several run.
    pub plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(id = "throttled", required = true, multiple = true, args = ["rows", "parallel"])]
pub struct ThrottleOf {
    /// The run's plan; needed where several run.
    pub plan: Option<PathBuf>,
    /// At most so many rows a second, all tables together; `off`: as many as go.
    #[arg(long, value_name = "ROWS|off", value_parser = limit)]
    pub rows: Option<Limit>,
    /// How many tables go at once.
    #[arg(long, value_name = "TABLES", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub parallel: Option<u8>,
}

/// A run's limit; none: as many rows as go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub Option<u64>);

/// `5000`, `5_000` or `off`.
fn limit(text: &str) -> Result<Limit, String> {
    match text.replace(['_', ','], "").parse() {
        _ if text == "off" => Ok(Limit(None)),
        Ok(rows) if rows > 0 => Ok(Limit(Some(rows))),
        _ => Err(format!("'{text}' is neither a number of rows a second, as 5000, nor off")),
    }
}

#[derive(Debug, Args)]
pub struct HostOf {
    pub plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Where the demo's files go; they are made anew there.
    #[arg(long, default_value = "whimbrel-demo")]
    pub folder: PathBuf,
    /// Run it through without the console.
    #[arg(long)]
    pub headless: bool,
    /// What happens to rows that cannot go as they are (with --headless).
    #[arg(long, value_enum, default_value = "flag")]
    pub on_error: Policy,
    /// The seed of the shop's data.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct New {
    /// The plan's file, to be written.
    pub plan: PathBuf,
    #[arg(long, value_name = "URL")]
    pub source: String,
    #[arg(long, value_name = "URL")]
    pub destination: String,
    /// Only these tables.
    #[arg(long, value_delimiter = ',')]
    pub tables: Vec<String>,
    /// The environment variable that holds the source's password.
    #[arg(long, value_name = "VARIABLE")]
    pub source_password_env: Option<String>,
    /// The environment variable that holds the destination's password.
    #[arg(long, value_name = "VARIABLE")]
    pub destination_password_env: Option<String>,
    /// Write over a plan that is there.
    #[arg(long)]
    pub force: bool,
}

/// A side: of a plan, or by its address.
#[derive(Debug, Args)]
pub struct Side {
    /// The plan whose side it is.
    #[arg(long, value_name = "FILE", required_unless_present = "url", conflicts_with = "url")]
    pub plan: Option<PathBuf>,
    /// Which side of the plan.
    #[arg(long, value_enum, default_value = "source", conflicts_with = "url")]
    pub side: WhichSide,
    /// The side's address, without a plan.
    #[arg(long)]
    pub url: Option<String>,
    /// The environment variable that holds the password (with --url).
    #[arg(long, value_name = "VARIABLE", requires = "url")]
    pub password_env: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum WhichSide {
    Source,
    Destination,
}

#[derive(Debug, Args)]
pub struct Tables {
    #[command(flatten)]
    pub side: Side,
    /// Count every table exactly.
    #[arg(long)]
    pub count: bool,
}

#[derive(Debug, Args)]
pub struct Preview {
    pub table: String,
    #[command(flatten)]
    pub side: Side,
    #[arg(long, default_value_t = 10)]
    pub limit: u32,
    #[arg(long, default_value_t = 0)]
    pub offset: u64,
}

#[derive(Debug, Args)]
pub struct ProfileOf {
    /// The table; none: all tables of the plan, or of the side.
    pub table: Option<String>,
    #[command(flatten)]
    pub side: Side,
    /// Look at a sample only: the first rows (`10000`), or a share of them, evenly over the table (`5%`).
    #[arg(long, value_name = "ROWS|SHARE%", value_parser = sample)]
    pub sample: Option<Rows>,
    /// Tell only these columns.
    #[arg(long, value_delimiter = ',', requires = "table")]
    pub columns: Vec<String>,
}

/// `10000`: the first rows; `5%`: one row in 20.
fn sample(text: &str) -> Result<Rows, String> {
    let wrong = || format!("'{text}' is neither a number of rows, as 10000, nor a share of them, as 5%");
    if let Some(share) = text.strip_suffix('%') {
        let share: f64 = share.trim().parse().map_err(|_| wrong())?;
        return match share {
            share if share > 0.0 && share <= 50.0 => Ok(Rows::Every((100.0 / share).round() as u64)),
            100.0 => Ok(Rows::All),
            _ => Err(format!("a share of '{text}' cannot be taken evenly: up to 50% can, or leave --sample out")),
        };
    }
    match text.replace(['_', ','], "").parse() {
        Ok(rows) if rows > 0 => Ok(Rows::First(rows)),
        _ => Err(wrong()),
    }
}

#[derive(Debug, Args)]
pub struct MappingOf {
    pub plan: PathBuf,
    #[arg(long, value_enum, default_value = "md")]
    pub format: Form,
    /// Only these destination tables.
    #[arg(long, value_delimiter = ',')]
    pub tables: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    Md,
    Csv,
}

#[derive(Debug, Args)]
pub struct Check {
    pub plan: PathBuf,
}

#[derive(Debug, Args)]
pub struct Run {
    pub plan: PathBuf,
    /// What happens to rows that cannot go as they are; where nobody can be asked, `ask` is `stop`.
    #[arg(long, value_enum)]
    pub on_error: Option<Policy>,
    /// Only these destination tables.
    #[arg(long, value_delimiter = ',')]
    pub tables: Vec<String>,
    /// Go on with this plan's unfinished run, or start one where there is none.
    #[arg(long)]
    pub resume: bool,
    /// Start although a check wants a confirmation: outside the plan's window, or on production without a test. A
    /// scheduled plan runs once, now.
    #[arg(long)]
    pub force: bool,
    /// Leave out the validation when the run is over.
    #[arg(long)]
    pub no_validate: bool,
    /// Try the rows all the way into the destination and keep none: what would be written, changed or faulty, and how
    /// long the run would take.
    #[arg(long, conflicts_with_all = ["resume", "on_error", "no_validate", "force"])]
    pub dry_run: bool,
    /// With --dry-run: only the first rows of each table.
    #[arg(long, value_name = "ROWS", requires = "dry_run", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}

#[derive(Debug, Args)]
pub struct Audit {
    /// A plan, a run by its id or the id's beginning, or `verify`; none: the whole trail.
    pub what: Option<String>,
}

#[derive(Debug, Args)]
pub struct Validate {
    /// The plan; with samples also a run, by its id or the id's beginning.
    #[arg(value_name = "PLAN|RUN")]
    pub plan: PathBuf,
    /// Only these destination tables.
    #[arg(long, value_delimiter = ',')]
    pub tables: Vec<String>,
    /// How many rows of each table are shown side by side.
    #[arg(long, default_value_t = 100, value_name = "ROWS")]
    pub sample: usize,
    /// What the sample is drawn with: the same seed draws the same rows.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Show which rows a repair would add and change, of tables with a unique key.
    #[arg(long)]
    pub repair: bool,
    /// With --repair: make the changes, then validate again.
    #[arg(long, requires = "repair")]
    pub yes: bool,
    /// With --repair: remove the rows that only the destination has.
    #[arg(long, requires = "repair")]
    pub delete_surplus: bool,
    #[command(flatten)]
    pub reviewing: Reviewing,
}

/// Looking at the samples of the last validation, and saying what one makes of them.
#[derive(Debug, Default, Args)]
#[group(id = "reviewing", multiple = true, conflicts_with_all = ["repair", "sample", "seed"])]
pub struct Reviewing {
    /// Show the samples of the last validation, side by side and with what was said of them.
    #[arg(long)]
    pub samples: bool,
    /// Approve a sampled row, by its key's values or place (#3); without a row all that match and are not decided.
    #[arg(long, value_name = "TABLE[:KEY]")]
    pub approve: Vec<String>,
    /// Reject a sampled row: the validation does not pass until it is approved. Wants --comment.
    #[arg(long, value_name = "TABLE:KEY", requires = "comment")]
    pub reject: Vec<String>,
    /// Say something of a sampled row and decide nothing. Wants --comment.
    #[arg(long, value_name = "TABLE:KEY", requires = "comment")]
    pub remark: Vec<String>,
    /// What is to be said of it.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Who looked at the rows, if not this account.
    #[arg(long, value_name = "NAME")]
    pub reviewer: Option<String>,
}

impl Reviewing {
    /// Whether samples are looked at, and nothing is read anew.
    pub fn is_wanted(&self) -> bool {
        self.samples || !(self.approve.is_empty() && self.reject.is_empty() && self.remark.is_empty())
    }
}

#[derive(Debug, Args)]
pub struct Report {
    /// The run, by its id or the id's beginning; `whimbrel review` lists them.
    pub run: String,
    /// The file to write, `-` for standard output [default: whimbrel-report-RUN.html]; with --json none unless named.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// The restore point; none: they are listed.
    pub name: Option<String>,
    /// Its name once more: go back to it without being asked.
    #[arg(long, value_name = "NAME", requires = "name")]
    pub yes: Option<String>,
    /// Although others wrote since; a restore point of what is there now is made first in any case.
    #[arg(long, requires = "name")]
    pub discard_others: bool,
    /// Put the rows that others added back behind the restore point's own, where none of these has their key.
    #[arg(long, requires = "name", conflicts_with = "discard_others")]
    pub keep_others: bool,
    /// The file with the key of what is encrypted, as `age-keygen` writes it.
    #[arg(long, value_name = "FILE", requires = "name")]
    pub identity: Option<PathBuf>,
    /// Write the rows that others wrote since to CSV files in this folder, a table to a file; the destination stays as it is.
    #[arg(long, value_name = "FOLDER", requires = "name", conflicts_with_all = ["yes", "discard_others", "keep_others", "drill", "purge"])]
    pub export_others: Option<PathBuf>,
    /// Values of private columns too.
    #[arg(long, requires = "export_others")]
    pub with_private: bool,
    /// Try the way back on scratch tables and drop them again; the tables themselves are not touched.
    #[arg(long, requires = "name", conflicts_with_all = ["yes", "discard_others", "keep_others", "purge"])]
    pub drill: bool,
    /// Take what is kept off this host: of all whose time is over, or of this one.
    #[arg(long, conflicts_with_all = ["discard_others", "keep_others"])]
    pub purge: bool,
}

#[derive(Debug, Args)]
pub struct Finish {
    pub plan: PathBuf,
    /// Although a run is unfinished or rows are flagged: neither can be gone on with afterwards.
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Policy {
    Ask,
    Skip,
    Stop,
    Flag,
}

impl From<Policy> for OnError {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Ask => Self::Ask,
            Policy::Skip => Self::Skip,
            Policy::Stop => Self::Stop,
            Policy::Flag => Self::Flag,
        }
    }
}

#[derive(Debug, Args)]
pub struct Review {
    /// The run, by its id or the id's beginning; none: the runs are listed.
    pub run: Option<String>,
    /// Try a row again, named as TABLE:ROW; may be given several times.
    #[arg(long, value_name = "TABLE:ROW", requires = "run")]
    pub retry: Vec<String>,
    /// Try all flagged rows again, or those that --table, --column and --cause name.
    #[arg(long, requires = "run", conflicts_with = "retry")]
    pub retry_all: bool,
    /// Make a source column of flagged rows anew by an SQL expression over the row, and try them again.
    #[arg(long, value_name = "COLUMN=EXPRESSION", requires = "run", conflicts_with_all = ["retry", "retry_all"])]
    pub fix: Option<String>,
    /// Only flagged rows of this destination table.
    #[arg(long, requires = "run")]
    pub table: Option<String>,
    /// Only rows of which this column fails.
    #[arg(long, requires = "run")]
    pub column: Option<String>,
    /// Only rows that fail for this cause: conversion, null, unique, ...
    #[arg(long, requires = "run")]
    pub cause: Option<String>,
    /// With --fix or --import: say what it would do, and do nothing.
    #[arg(long)]
    pub preview: bool,
    /// Write flagged rows to a CSV file, or to a folder with a file for each table.
    #[arg(long, value_name = "FILE", requires = "run", conflicts_with_all = ["retry", "retry_all", "fix", "discard"])]
    pub export: Option<PathBuf>,
    /// With --export: private values too; the audit trail says that you did.
    #[arg(long, requires = "export")]
    pub with_private: bool,
    /// Take changed values back from such a file, and try these rows again; all of the file or nothing.
    #[arg(long, value_name = "FILE", requires = "run", conflicts_with_all = ["retry", "retry_all", "fix", "discard", "export"])]
    pub import: Option<PathBuf>,
    /// With --retry: a source column's new value, as COLUMN=VALUE.
    #[arg(long, value_name = "COLUMN=VALUE", requires = "retry")]
    pub set: Vec<String>,
    /// With --retry: a source column that becomes NULL.
    #[arg(long, value_name = "COLUMN", requires = "retry")]
    pub set_null: Vec<String>,
    /// Show the private values of a row, named as TABLE:ROW; the audit trail says that you did.
    #[arg(long, value_name = "TABLE:ROW", requires = "run")]
    pub reveal: Vec<String>,
    /// Give a row up, named as TABLE:ROW.
    #[arg(long, value_name = "TABLE:ROW", requires = "run", requires = "reason")]
    pub discard: Vec<String>,
    /// Why rows are given up.
    #[arg(long)]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn a_sample_is_rows_or_a_share() {
        use crate::protocol::Rows;
        for (text, rows) in
            [("100", Rows::First(100)), ("10_000", Rows::First(10_000)), ("5%", Rows::Every(20)), ("100%", Rows::All)]
        {
            assert_eq!(super::sample(text), Ok(rows), "{text}");
        }
        for text in ["", "0", "-1", "x%", "0%", "70%", "1.5"] {
            assert!(super::sample(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_limit_is_rows_or_off() {
        use super::{Limit, limit};
        for (text, rows) in [("5000", Some(5_000)), ("5_000", Some(5_000)), ("off", None)] {
            assert_eq!(limit(text), Ok(Limit(rows)), "{text}");
        }
        for text in ["", "0", "-1", "none", "1.5"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
