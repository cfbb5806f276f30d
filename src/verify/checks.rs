//! The list that stands between a plan and its run.

use crate::{
    binding::{Binding, Bound, left_behind},
    endpoint::{Destination, EndpointError, Source},
    model::{Mode, thousands},
    plan::Mapping,
    protocol::{CheckItem, CheckState},
};

use super::{modes, surroundings, validation::collisions};

/// What the checks look at; a side that could not be opened is its error.
pub struct Checked<'c> {
    pub source: Result<&'c dyn Source, &'c EndpointError>,
    pub destination: Result<&'c dyn Destination, &'c EndpointError>,
    /// The destination, opened to be read; `None`: it could not be.
    pub copy: Option<&'c dyn Source>,
    pub binding: Option<Result<&'c Binding, &'c EndpointError>>,
}

/// All checks, in the order in which they are shown. The run may start when none has failed.
pub async fn check(checked: &Checked<'_>) -> Vec<CheckItem> {
    let mut items = vec![source(checked).await, destination(checked).await];
    match checked.binding {
        Some(Ok(binding)) => {
            items.push(mappings(binding));
            items.push(order(binding));
            if let (Ok(source), Ok(destination)) = (checked.source, checked.destination) {
                items.push(definitions(binding, source, destination).await);
                items.push(modes::modes(binding, destination).await);
                items.push(conflicts(binding, (source, checked.copy), destination).await);
                items.push(surroundings::space(binding, source, destination).await);
                items.push(surroundings::settings(binding, destination).await);
                items.push(permissions(binding, destination).await);
            }
        }
        Some(Err(error)) => items.push(failed("Column mappings valid", sentence(error))),
        None => items.push(failed("Column mappings valid", "not known until both sides answer".into())),
    }
    items
}

pub(super) fn sentence(error: &EndpointError) -> String {
    format!("{error}. {}", error.hint())
}

pub(super) fn item(name: &str, state: CheckState, details: Vec<String>) -> CheckItem {
    CheckItem { name: name.to_owned(), state, details }
}

pub(super) fn failed(name: &str, detail: String) -> CheckItem {
    item(name, CheckState::Failed, vec![detail])
}

async fn source(checked: &Checked<'_>) -> CheckItem {
    let name = "Source is accessible";
    match checked.source {
        Err(error) => failed(name, sentence(error)),
        Ok(source) => match source.version().await {
            Ok(version) => item(name, CheckState::Passed, vec![version]),
            Err(error) => failed(name, sentence(&error)),
        },
    }
}

async fn destination(checked: &Checked<'_>) -> CheckItem {
    let name = "Destination is accessible";
    match checked.destination {
        Err(error) => failed(name, sentence(error)),
        Ok(destination) => match destination.version().await {
            Ok(version) => item(name, CheckState::Passed, vec![version]),
            Err(error) => failed(name, sentence(&error)),
        },
    }
}

fn mappings(binding: &Binding) -> CheckItem {
    let name = "Column mappings valid";
    if binding.tables.is_empty() {
        return failed(name, "the plan names no table; select some, or add a [[table]]".into());
    }
    let all = || binding.tables.iter().flat_map(|table| table.problems.iter().map(move |problem| (table, problem)));
    let mut details: Vec<String> = all().map(|(table, problem)| place(table, problem.line, &problem.message)).collect();
    let errors = all().filter(|(_, problem)| problem.error).count();
    for table in &binding.tables {
        if !table.mapping.unused.is_empty() {
            let unused = table.mapping.unused.join(", ");
            details.push(format!(
                "{}: source columns that nothing uses: {unused}; list them in skip if that is meant",
                table.mapping.from.name
            ));
        }
        if !table.statements.is_empty() {
            details.push(format!("{} will be created", table.mapping.to.name));
        }
    }
    let warned = all().next().is_some() || binding.tables.iter().any(|table| !table.mapping.unused.is_empty());
    let state = match (errors, warned) {
        (0, false) => CheckState::Passed,
        (0, true) => CheckState::Warned,
        _ => CheckState::Failed,
    };
    item(name, state, details)
}

fn place(table: &Bound, line: usize, message: &str) -> String {
    match line {
        0 => format!("{}: {message}", table.mapping.to.name),
        line => format!("line {line}: {message}"),
    }
}

/// Tables that refer to each other in a circle load all the same; the operator should know how.
fn order(binding: &Binding) -> CheckItem {
    let name = "Load order";
    let cycles: Vec<String> = binding
        .order
        .cycles
        .iter()
        .map(|cycle| match cycle.as_slice() {
            [one] => format!("{one} refers to itself: its foreign key is checked when all rows are in"),
            many => format!(
                "{} refer to each other: their foreign keys are checked when all rows are in",
                many.join(" and ")
            ),
        })
        .collect();
    let state = if cycles.is_empty() { CheckState::Passed } else { CheckState::Warned };
    let mut details = cycles;
    details.insert(0, binding.order.tables.join(", "));
    item(name, state, details)
}

/// Rows that are in a destination table already, and what becomes of them.
async fn conflicts(
    binding: &Binding,
    (source, copy): (&dyn Source, Option<&dyn Source>),
    destination: &dyn Destination,
) -> CheckItem {
    let name = "No data conflicts";
    let mut details = Vec::new();
    let mut state = CheckState::Passed;
    for bound in binding.tables.iter().filter(|bound| bound.mapping.exists) {
        let mapping = &bound.mapping;
        match destination.count(&mapping.to.name).await {
            Ok(0) => continue,
            Ok(rows) => {
                details.push(format!("{} holds {} rows already; {}", mapping.to.name, thousands(rows), fate(mapping)))
            }
            Err(error) => return failed(name, sentence(&error)),
        }
        if let Some(copy) = copy.filter(|_| mapping.mode != Mode::Replace) {
            match collisions(bound, source, copy, destination).await {
                Ok(collided) => details.extend(collided.and_then(|found| surroundings::colliding(mapping, &found))),
                Err(error) => {
                    state = CheckState::Warned;
                    details.push(format!("keys of {} could not be compared: {error}", mapping.to.name));
                }
            }
        }
        if mapping.mode != Mode::Upsert && !details.is_empty() {
            state = CheckState::Warned;
        }
    }
    match triggers(binding, destination).await {
        Ok(triggers) if triggers.is_empty() => {}
        Ok(triggers) => {
            state = CheckState::Warned;
            details.extend(triggers);
        }
        Err(error) => return failed(name, sentence(&error)),
    }
    item(name, state, details)
}

/// What becomes of rows that are there.
fn fate(mapping: &Mapping) -> &'static str {
    match mapping.mode {
        Mode::Insert if mapping.finds_by.is_empty() => {
            "they stay, and without a unique key nothing keeps a row from coming a second time; mode = \"replace\" would \
             empty the table first"
        }
        Mode::Insert => "they stay, and a key that comes again is a fault; mode = \"upsert\" would update its row",
        Mode::Upsert => "a row whose key comes is updated, the others stay",
        Mode::Replace => "all of them are removed with the first chunk",
    }
}

/// Triggers of tables that are there: they may change what is written, or refuse it.
async fn triggers(binding: &Binding, destination: &dyn Destination) -> Result<Vec<String>, EndpointError> {
    let existing = binding.tables.iter().filter(|table| table.mapping.exists).map(|table| &table.mapping.to.name);
    let existing: Vec<&String> = existing.collect();
    if existing.is_empty() {
        return Ok(Vec::new());
    }
    let things = destination.things().await?;
    let of = |table: &String| {
        let its = things.iter().filter(|thing| thing.kind == "triggers" && thing.table.as_ref() == Some(table));
        let names: Vec<&str> = its.map(|thing| thing.name.as_str()).collect();
        let advice = "see every row that is written; disable them for the run if they must not change it";
        (!names.is_empty()).then(|| format!("the triggers of {table} ({}) {advice}", names.join(", ")))
    };
    Ok(existing.into_iter().filter_map(of).collect())
}

/// What created tables do not get of what the source's are, and what is no table at all.
async fn definitions(binding: &Binding, source: &dyn Source, destination: &dyn Destination) -> CheckItem {
    let name = "Definitions carried whole";
    let created: Vec<&Bound> = binding.tables.iter().filter(|table| !table.mapping.exists).collect();
    if created.is_empty() {
        return item(name, CheckState::Passed, Vec::new());
    }
    let tables: Vec<_> = created.iter().map(|table| table.mapping.to.clone()).collect();
    let objections = match destination.objections(&tables).await {
        Ok(objections) => objections,
        Err(error) => return failed(name, sentence(&error)),
    };
    let things = match source.things().await {
        Ok(things) => things,
        Err(error) => return failed(name, sentence(&error)),
    };
    let sources: Vec<&str> = created.iter().map(|table| table.mapping.from.name.as_str()).collect();
    let left_out = tables.into_iter().flat_map(|table| table.left_out);
    let left_out: Vec<String> = left_out.chain(left_behind(&things, &sources)).collect();
    let state = match (objections.is_empty(), left_out.is_empty()) {
        (true, true) => CheckState::Passed,
        (true, false) => CheckState::Warned,
        (false, _) => CheckState::Failed,
    };
    item(name, state, objections.into_iter().chain(left_out).collect())
}

async fn permissions(binding: &Binding, destination: &dyn Destination) -> CheckItem {
    let name = "Permissions correct";
    let creates = binding.tables.iter().any(|table| !table.mapping.exists);
    let existing = binding.tables.iter().filter(|table| table.mapping.exists);
    let existing: Vec<_> = existing.map(|table| table.mapping.to.clone()).collect();
    let findings = destination.permissions(creates, &existing).await;
    let lacking = modes::lacking(binding, destination).await;
    match findings.and_then(|findings| Ok(findings.into_iter().chain(lacking?).collect::<Vec<_>>())) {
        Ok(findings) if findings.is_empty() => item(name, CheckState::Passed, Vec::new()),
        Ok(findings) => item(name, CheckState::Failed, findings),
        Err(error) => failed(name, sentence(&error)),
    }
}
