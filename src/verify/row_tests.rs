//! The plan's own tests of its mappings, through the very transform that a run uses.

use crate::{
    binding::{Binding, Bound},
    model::{Cell, NamedCell, Table, batch_of, cell_at},
    plan::{Literal, Plan, RowTest},
    protocol::{CheckItem, CheckState},
    transform::Transform,
};

use super::checks::item;

/// Runs all tests of the plan; `None` where it has none.
pub fn row_tests(plan: &Plan, binding: &Binding) -> Option<CheckItem> {
    let mut details = Vec::new();
    let mut all = 0;
    for table in plan.tables.iter().filter(|table| !table.tests.is_empty()) {
        let bound = binding.tables.iter().find(|bound| bound.mapping.to.name == table.to);
        for test in &table.tests {
            all += 1;
            let wrong = match bound.and_then(|bound| Some((bound, bound.transform.as_ref()?))) {
                Some((bound, transform)) => judge(test, bound, transform),
                None => vec!["the mapping has errors".to_owned()],
            };
            let name = test.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
            details.extend(
                wrong.into_iter().map(|wrong| format!("line {}: the test{name} of {}: {wrong}", test.line, table.to)),
            );
        }
    }
    let state = if details.is_empty() { CheckState::Passed } else { CheckState::Failed };
    if details.is_empty() {
        details.push(format!("{all} passed"));
    }
    (all > 0).then(|| item("Tests of the mapping", state, details))
}

/// What is not as the test expects.
fn judge(test: &RowTest, bound: &Bound, transform: &Transform) -> Vec<String> {
    let mapping = &bound.mapping;
    if let Some((unknown, _)) = test.given.iter().find(|(name, _)| mapping.from.column(name).is_none()) {
        return vec![format!("{} has no column '{unknown}'", mapping.from.name)];
    }
    let cells: Vec<NamedCell> = test.given.iter().map(named).collect();
    let batch = match batch_of(&mapping.from, &cells) {
        Ok(batch) => batch,
        Err(error) => {
            let column = mapping.from.columns.get(error.index).map(|column| column.name.as_str()).unwrap_or_default();
            return vec![format!("given {column}: {}", error.message)];
        }
    };
    let applied = match transform.apply(&batch) {
        Ok(applied) => applied,
        Err(error) => return vec![error.to_string()],
    };
    if let Some(fault) = applied.faults.first() {
        return match &test.fault {
            Some(expected) if *expected == fault.target => Vec::new(),
            _ => vec![format!("the row is a fault of {}: {}", fault.target, fault.message)],
        };
    }
    if let Some(expected) = &test.fault {
        return vec![format!("the row should be a fault of {expected}, and is none")];
    }
    match (applied.filtered.is_empty(), test.filtered) {
        (false, true) => return Vec::new(),
        (false, false) => return vec!["the filter leaves the row behind".to_owned()],
        (true, true) => return vec!["the filter should leave the row behind, and does not".to_owned()],
        (true, false) => {}
    }
    let names = transform.target_columns();
    let made =
        |name: &str| names.iter().position(|target| *target == name).map(|at| cell_at(applied.batch.column(at), 0));
    let null = test.null.iter().map(|name| (name, None));
    let expected = test.expect.iter().map(|(name, literal)| (name, Some(literal))).chain(null);
    expected.filter_map(|(name, literal)| differs(&mapping.to, name, literal, made(name))).collect()
}

fn named((name, Literal(text)): &(String, Literal)) -> NamedCell {
    NamedCell { name: name.clone(), cell: Cell::text(text) }
}

/// In what the cell is not what was expected; both are compared as values of the column's type.
fn differs(to: &Table, name: &str, expected: Option<&Literal>, made: Option<Cell>) -> Option<String> {
    let Some(made) = made else { return Some(format!("{name} is no column that is written")) };
    let expected = match expected {
        None => Cell::Null,
        Some(Literal(text)) => {
            let column = to.column(name)?.clone();
            let alone = Table { columns: vec![column], ..Table::default() };
            match batch_of(&alone, &[NamedCell { name: name.to_owned(), cell: Cell::text(text) }]) {
                Ok(batch) => cell_at(batch.column(0), 0),
                Err(error) => return Some(format!("expected {name}: {}", error.message)),
            }
        }
    };
    (made != expected).then(|| format!("{name} should be '{}' and is '{}'", expected.display(), made.display()))
}
