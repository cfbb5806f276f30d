//! Reads a plan's text: its meaning, every fault in it at once, and where things stand.
//!
//! One idea: the tree comes from a parser that goes on after a syntax error, and every reader puts a default where it
//! found a fault, so that one pass finds all faults. Nothing that is missing is complained about once the syntax is
//! broken, since it may only have been lost.

mod column;
mod csv;
mod metric;
mod reader;
mod side;
mod table;
mod test;
mod when;

#[cfg(test)]
mod tests;

use toml::de::DeTable;

use super::{Kind, Plan, RestoreOptions, RunOptions, SidePlan, Spans, place::syntax_error};
use crate::model::{Mode, OnError, Problem, Recipient};
use reader::Reader;

/// What reading a plan's text gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The meaning; `None` if there is any error.
    pub plan: Option<Plan>,
    /// All faults, errors and warnings, in the order of the text.
    pub problems: Vec<Problem>,
    /// Where tables, columns and expressions stand; filled as far as they could be read.
    pub spans: Spans,
}

const RUN_KEYS: [&str; 9] = [
    "on_error",
    "parallel",
    "chunk_rows",
    "rows_per_second",
    "fault_budget",
    "fault_percent",
    "lock_wait",
    "marks",
    "validate",
];

const RESTORE_KEYS: [&str; 5] = ["points", "keep_days", "max_gb", "recipient", "drill"];

const SECTIONS: [&str; 8] = ["plan", "source", "destination", "when", "run", "restore", "table", "metric"];

/// Reads the text of a plan. Never fails: what is wrong is in [`Parsed::problems`].
pub fn parse(text: &str) -> Parsed {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(text);
    for error in &errors {
        reader.syntax(error.span(), error.message());
    }
    if errors.is_empty()
        && let Some((line, column, message)) = syntax_error(text)
    {
        reader.syntax_at(line, column, &message);
    }
    let mut spans = Spans::default();
    let plan = read_plan(&mut reader, root.get_ref(), &mut spans);
    check_files(&mut reader, root.get_ref(), &plan);
    let problems = reader.finish();
    let sound = !problems.iter().any(|problem| problem.error);
    Parsed { plan: sound.then_some(plan), problems, spans }
}

fn read_plan(reader: &mut Reader<'_>, root: &DeTable<'_>, spans: &mut Spans) -> Plan {
    reader.known(root, "a plan", &SECTIONS);
    let (name, kind) = read_head(reader, root);
    Plan {
        name,
        kind,
        source: read_side(reader, root, "source"),
        destination: read_side(reader, root, "destination"),
        run: read_run(reader, root),
        restore: read_restore(reader, root),
        when: when::read(reader, root, kind),
        tables: table::read_tables(reader, root, spans),
        metrics: metric::read_metrics(reader, root),
    }
}

/// What a destination of files cannot do.
fn check_files(reader: &mut Reader<'_>, root: &DeTable<'_>, plan: &Plan) {
    if !plan.destination.url.starts_with("csv:") {
        return;
    }
    let tables = root.get("table").and_then(|node| node.get_ref().as_array());
    let modes = tables.into_iter().flatten().filter_map(|item| item.get_ref().as_table()?.get("mode"));
    for mode in modes.filter(|mode| mode.get_ref().as_str() == Some(Mode::Upsert.word())) {
        reader.error(&mode.span(), "a CSV file has no rows to update by key; use mode = \"insert\" or \"replace\"");
    }
    if let Some(marks) = root.get("run").and_then(|run| run.get_ref().as_table()?.get("marks")) {
        reader.error(&marks.span(), "marks of a CSV destination stand in .whimbrel_marks.json; take 'marks' out");
    }
}

fn read_head(reader: &mut Reader<'_>, root: &DeTable<'_>) -> (String, Kind) {
    let Some(plan) = reader.table(root, "plan") else { return Default::default() };
    reader.known(plan.value, "[plan]", &["name", "kind"]);
    let name = reader.text(plan.value, "name").map(|name| name.value.to_owned());
    let kinds = Kind::ALL.map(|kind| (kind.word(), kind));
    (name.unwrap_or_default(), reader.word(plan.value, "kind", &kinds).unwrap_or_default())
}

fn read_side(reader: &mut Reader<'_>, root: &DeTable<'_>, name: &str) -> SidePlan {
    match reader.table(root, name) {
        Some(table) => side::read(reader, &table, name),
        None => {
            if !root.contains_key(name) {
                reader.missing(
                    None,
                    format!("there is no [{name}]; add it with url = \"postgres://user@host/database\""),
                );
            }
            SidePlan::default()
        }
    }
}

fn read_run(reader: &mut Reader<'_>, root: &DeTable<'_>) -> RunOptions {
    let mut run = RunOptions::default();
    let Some(section) = reader.table(root, "run") else { return run };
    let table = section.value;
    reader.known(table, "[run]", &RUN_KEYS);
    let words = [("ask", OnError::Ask), ("skip", OnError::Skip), ("stop", OnError::Stop), ("flag", OnError::Flag)];
    run.on_error = reader.word(table, "on_error", &words).unwrap_or(run.on_error);
    if let Some(parallel) = reader.number(table, "parallel", 1..=64) {
        run.parallel = usize::try_from(parallel).unwrap_or(run.parallel);
    }
    run.chunk_rows = reader.number(table, "chunk_rows", 1..=10_000_000).or(run.chunk_rows);
    run.rows_per_second = reader.number(table, "rows_per_second", 1..=1_000_000_000);
    run.fault_budget = reader.number(table, "fault_budget", 0..=i64::MAX as u64).unwrap_or(run.fault_budget);
    if let Some(percent) = reader.number(table, "fault_percent", 1..=100) {
        run.fault_percent = u8::try_from(percent).unwrap_or(run.fault_percent);
    }
    if let Some(seconds) = reader.number(table, "lock_wait", 1..=86_400) {
        run.lock_wait = u32::try_from(seconds).unwrap_or(run.lock_wait);
    }
    run.validate = reader.boolean(table, "validate").unwrap_or(run.validate);
    run.marks = reader.filled_text(table, "marks").map(|marks| marks.value.to_owned());
    run
}

fn read_restore(reader: &mut Reader<'_>, root: &DeTable<'_>) -> RestoreOptions {
    let mut restore = RestoreOptions::default();
    let Some(section) = reader.table(root, "restore") else { return restore };
    let table = section.value;
    reader.known(table, "[restore]", &RESTORE_KEYS);
    restore.points = reader.boolean(table, "points").unwrap_or(restore.points);
    restore.drill = reader.boolean(table, "drill").unwrap_or(restore.drill);
    let mut small = |key: &str, range| u32::try_from(reader.number(table, key, range)?).ok();
    restore.keep_days = small("keep_days", 1..=36_500).unwrap_or(restore.keep_days);
    restore.max_gb = small("max_gb", 0..=1_000_000).unwrap_or(restore.max_gb);
    if let Some(found) = reader.filled_text(table, "recipient") {
        if Recipient::parse(found.value).is_none() {
            let message = "'recipient' is no public key of the age format (age1...); `age-keygen` makes a pair of keys";
            reader.error(&found.span, message);
        }
        restore.recipient = Some(found.value.trim().to_owned());
    }
    restore
}
