//! Edits of `[[table]]` and what is under it.

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::{put, read};
use crate::plan::{Drafted, PlanError, draft::draft_table, suggest::did_you_mean};

const LAYOUT: &str = "[[table]], in double brackets";

fn layout(key: &str, expected: &'static str) -> PlanError {
    PlanError::Layout { key: key.to_owned(), expected }
}

fn goes_to(table: &dyn TableLike) -> Option<&str> {
    table.get("to").or_else(|| table.get("from")).and_then(Item::as_str)
}

/// All tables of the plan, in either notation.
fn all(document: &mut DocumentMut) -> Result<Vec<&mut dyn TableLike>, PlanError> {
    match document.get_mut("table") {
        None => Ok(Vec::new()),
        Some(Item::ArrayOfTables(tables)) => Ok(tables.iter_mut().map(|table| table as &mut dyn TableLike).collect()),
        Some(Item::Value(Value::Array(tables))) => {
            let tables = tables.iter_mut().filter_map(Value::as_inline_table_mut);
            Ok(tables.map(|table| table as &mut dyn TableLike).collect())
        }
        Some(_) => Err(layout("table", LAYOUT)),
    }
}

pub(super) fn find<'d>(document: &'d mut DocumentMut, to: &str) -> Result<&'d mut dyn TableLike, PlanError> {
    let mut tables = all(document)?;
    let Some(place) = tables.iter().position(|table| goes_to(*table) == Some(to)) else {
        let hint = did_you_mean(to, tables.iter().filter_map(|table| goes_to(*table)));
        let hint = if hint.is_empty() { "; add it first".to_owned() } else { hint };
        return Err(PlanError::NoTable { table: to.to_owned(), hint });
    };
    Ok(tables.swap_remove(place))
}

pub(super) fn add(document: &mut DocumentMut, from: &str, to: &str) -> Result<(), PlanError> {
    if all(document)?.iter().any(|table| goes_to(*table) == Some(to)) {
        return Err(PlanError::TableExists(to.to_owned()));
    }
    let item = document.entry("table").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    match item {
        Item::ArrayOfTables(tables) => {
            let mut table = Table::new();
            table.insert("from", value(from));
            table.insert("to", value(to));
            tables.push(table);
            Ok(())
        }
        Item::Value(Value::Array(tables)) => {
            tables.push(InlineTable::from_iter([("from", from), ("to", to)]));
            Ok(())
        }
        _ => Err(layout("table", LAYOUT)),
    }
}

/// A draft is text, comments and all; where tables stand in one array it comes as its values.
pub(super) fn add_draft(document: &mut DocumentMut, drafted: &Drafted) -> Result<(), PlanError> {
    let to = &drafted.to.as_ref().unwrap_or(&drafted.from).name;
    if all(document)?.iter().any(|table| goes_to(*table) == Some(to)) {
        return Err(PlanError::TableExists(to.clone()));
    }
    let text = draft_table(drafted);
    if let Some(Item::Value(Value::Array(tables))) = document.get_mut("table") {
        let mut drafted = read(&text)?;
        let table =
            drafted.get_mut("table").and_then(Item::as_array_of_tables_mut).and_then(|tables| tables.get_mut(0));
        tables.extend(table.map(|table| std::mem::take(table).into_inline_table()));
        return Ok(());
    }
    let before = document.to_string();
    let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    *document = read(&format!("{before}{end}{text}"))?;
    Ok(())
}

pub(super) fn remove(document: &mut DocumentMut, to: &str) -> Result<(), PlanError> {
    find(document, to)?;
    match document.get_mut("table") {
        Some(Item::ArrayOfTables(tables)) => tables.retain(|table| goes_to(table) != Some(to)),
        Some(Item::Value(Value::Array(tables))) => {
            tables.retain(|table| table.as_inline_table().is_none_or(|table| goes_to(table) != Some(to)));
        }
        _ => return Err(layout("table", LAYOUT)),
    }
    let left = all(document)?.len();
    if left == 0 {
        document.remove("table");
    }
    Ok(())
}

pub(super) fn set_column(table: &mut dyn TableLike, column: &str, item: Item) -> Result<(), PlanError> {
    if !table.contains_key("columns") {
        table.insert("columns", Item::Table(Table::new()));
    }
    let columns = table.get_mut("columns").and_then(Item::as_table_like_mut);
    put(columns.ok_or_else(|| layout("columns", "a table"))?, column, item);
    Ok(())
}

pub(super) fn remove_column(table: &mut dyn TableLike, to: &str, column: &str) -> Result<(), PlanError> {
    let columns = table.get_mut("columns").and_then(Item::as_table_like_mut);
    let Some(columns) = columns else {
        let hint = "; it maps by its own name already".to_owned();
        return Err(PlanError::NoColumn { table: to.to_owned(), column: column.to_owned(), hint });
    };
    if columns.remove(column).is_none() {
        let hint = did_you_mean(column, columns.iter().map(|(name, _)| name));
        let hint = if hint.is_empty() { "; it maps by its own name already".to_owned() } else { hint };
        return Err(PlanError::NoColumn { table: to.to_owned(), column: column.to_owned(), hint });
    }
    Ok(())
}
