//! Changes to a plan's text that leave everything else of it as it is.

mod lines;
mod tables;
mod write;

#[cfg(test)]
mod tests;

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use super::{ColumnPlan, Drafted, PlanError, SecretRef, place::syntax_error};
use crate::model::OnError;
pub(super) use write::secret_value;

/// A change. `table` names the destination table, the plan's `to`.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Says where a destination column comes from, whether or not the plan named it before.
    SetColumn {
        table: String,
        column: String,
        plan: Box<ColumnPlan>,
    },
    /// Takes the column out of the plan, so that it maps by its own name again.
    RemoveColumn {
        table: String,
        column: String,
    },
    /// Adds a table at the end, mapped by name.
    AddTable {
        from: String,
        to: String,
    },
    /// Adds a table at the end as it is drafted.
    AddDraft(Box<Drafted>),
    /// Takes the table out with everything under it, and the comment right above it.
    RemoveTable {
        to: String,
    },
    /// No columns: takes `skip` out.
    SetSkip {
        table: String,
        columns: Vec<String>,
    },
    /// No columns: takes `key` out.
    SetKey {
        table: String,
        columns: Vec<String>,
    },
    SetFilter {
        table: String,
        filter: Option<String>,
    },
    /// Says what a side is. No password: takes it out. Label and CSV options stay.
    SetSide {
        side: Side,
        url: String,
        password: Option<SecretRef>,
    },
    /// `None` leaves a setting as it is.
    SetRun {
        on_error: Option<OnError>,
        parallel: Option<usize>,
    },
    SetName {
        name: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

impl Side {
    fn section(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}

/// The text after the edit: comments, order and layout of everything else stay. Needs a text that is valid TOML; what
/// it means is not checked, before or after.
pub fn apply(text: &str, edit: &Edit) -> Result<String, PlanError> {
    apply_all(text, std::slice::from_ref(edit))
}

/// The text after the edits, one after the other, or as it was if one of them fails.
pub fn apply_all(text: &str, edits: &[Edit]) -> Result<String, PlanError> {
    let plain = text.replace("\r\n", "\n");
    let mut document = read(&plain)?;
    edits.iter().try_for_each(|edit| change(&mut document, edit))?;
    Ok(lines::restore(text, &document.to_string()))
}

fn read(text: &str) -> Result<DocumentMut, PlanError> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let (line, column, message) = syntax_error(text).unwrap_or((1, 1, error.message().to_owned()));
        PlanError::Syntax { line, column, message }
    })
}

fn change(document: &mut DocumentMut, edit: &Edit) -> Result<(), PlanError> {
    match edit {
        Edit::SetColumn { table, column, plan } => {
            tables::set_column(tables::find(document, table)?, column, write::column_item(plan))
        }
        Edit::RemoveColumn { table, column } => tables::remove_column(tables::find(document, table)?, table, column),
        Edit::AddTable { from, to } => tables::add(document, from, to),
        Edit::AddDraft(drafted) => tables::add_draft(document, drafted),
        Edit::RemoveTable { to } => tables::remove(document, to),
        Edit::SetSkip { table, columns } => {
            put_option(tables::find(document, table)?, "skip", write::names(columns));
            Ok(())
        }
        Edit::SetKey { table, columns } => {
            put_option(tables::find(document, table)?, "key", write::names(columns));
            Ok(())
        }
        Edit::SetFilter { table, filter } => {
            put_option(tables::find(document, table)?, "where", filter.as_deref().map(value));
            Ok(())
        }
        Edit::SetSide { side, url, password } => {
            let section = section(document, side.section())?;
            put(section, "url", value(url));
            put_option(section, "password", password.as_ref().map(|secret| value(secret_value(secret))));
            Ok(())
        }
        Edit::SetRun { on_error, parallel } => set_run(document, *on_error, *parallel),
        Edit::SetName { name } => {
            put(section(document, "plan")?, "name", value(name));
            Ok(())
        }
    }
}

fn set_run(document: &mut DocumentMut, on_error: Option<OnError>, parallel: Option<usize>) -> Result<(), PlanError> {
    let run = section(document, "run")?;
    if let Some(on_error) = on_error {
        put(run, "on_error", value(write::on_error_word(on_error)));
    }
    if let Some(parallel) = parallel {
        put(run, "parallel", value(i64::try_from(parallel).unwrap_or(i64::MAX)));
    }
    Ok(())
}

/// The section of that name, made where there is none: before the tables.
fn section<'d>(document: &'d mut DocumentMut, name: &str) -> Result<&'d mut dyn TableLike, PlanError> {
    let before_tables = document.iter().filter(|(key, _)| *key != "table");
    let last = before_tables.filter_map(|(_, item)| last_position(item)).max();
    let root = document.as_table_mut();
    if !root.contains_key(name) {
        let mut table = Table::new();
        // The same place as the section before it; of two at one place the writer puts the newer one last.
        table.set_position(Some(last.unwrap_or(0)));
        root.insert(name, Item::Table(table));
    }
    let layout = || PlanError::Layout { key: name.to_owned(), expected: "a table" };
    root.get_mut(name).and_then(Item::as_table_like_mut).ok_or_else(layout)
}

fn last_position(item: &Item) -> Option<isize> {
    let table = item.as_table()?;
    let inner = table.iter().filter_map(|(_, item)| last_position(item)).max();
    inner.max(table.position())
}

/// Sets a key's value and keeps the comment behind it.
fn put(table: &mut dyn TableLike, key: &str, mut item: Item) {
    let Some(old) = table.get_mut(key) else {
        table.insert(key, item);
        return;
    };
    if let (Some(old), Some(new)) = (old.as_value(), item.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    *old = item;
}

fn put_option(table: &mut dyn TableLike, key: &str, item: Option<Item>) {
    match item {
        Some(item) => put(table, key, item),
        None => drop(table.remove(key)),
    }
}
