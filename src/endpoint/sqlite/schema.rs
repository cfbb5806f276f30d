//! The statements that make tables.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{
    error::during,
    sql::{quoted, quoted_list},
    tongue::SqliteTongue,
    types::safe_native,
};
use crate::{
    endpoint::{Result, carry::Carrier as _},
    model::{Action, Column, ForeignKey, Index, Naming, Table},
};

/// Foreign keys stand in the statement, since SQLite can add none later; unique indexes behind it, since they refuse rows
/// while they come in.
pub(super) fn create_statements(table: &Table) -> Vec<String> {
    let unique = table.indexes.iter().filter(|index| index.unique && !index.constraint);
    std::iter::once(create_table(table)).chain(unique.map(|index| index_statement(table, index))).collect()
}

pub(super) fn later_statements(table: &Table) -> Vec<String> {
    table.indexes.iter().filter(|index| !index.unique).map(|index| index_statement(table, index)).collect()
}

pub(super) fn index_statement(table: &Table, index: &Index) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    format!("CREATE {unique}INDEX {} ON {} {}", quoted(&index.name), quoted(&table.name), index.text)
}

fn create_table(table: &Table) -> String {
    let counted = table.columns.iter().find(|column| is_counted(table, column));
    let mut parts: Vec<String> = table.columns.iter().map(|column| column_clause(column, table)).collect();
    if table.has_primary_key() && counted.is_none() {
        parts.push(format!("PRIMARY KEY ({})", quoted_list(&table.key)));
    }
    let plain = table.unique.iter().filter(|unique| !table.has_unique_index(unique));
    parts.extend(plain.map(|unique| format!("UNIQUE ({})", quoted_list(unique))));
    parts.extend(table.indexes.iter().filter(|index| index.constraint).map(|index| index.text.clone()));
    parts.extend(table.checks.iter().map(|check| {
        let name = check.name.as_ref().map(|name| format!("CONSTRAINT {} ", quoted(name))).unwrap_or_default();
        format!("{name}CHECK ({})", check.condition.text)
    }));
    parts.extend(table.foreign_keys.iter().map(reference));
    format!("CREATE TABLE {} (\n    {}\n)", quoted(&table.name), parts.join(",\n    "))
}

/// Whether the column never gives a row id twice, which its own clause has to say.
fn is_counted(table: &Table, column: &Column) -> bool {
    let asked = column.counter.as_ref().is_some_and(|counter| counter.options == "AUTOINCREMENT");
    asked && column.identity && SqliteTongue.counts(table, column)
}

fn column_clause(column: &Column, table: &Table) -> String {
    let mut clause = quoted(&column.name);
    let native = safe_native(&column.native);
    if !native.is_empty() {
        clause = format!("{clause} {native}");
    }
    if is_counted(table, column) {
        clause.push_str(" PRIMARY KEY AUTOINCREMENT");
    }
    // SQLite lets NULLs into a primary key unless it is told not to.
    if !column.nullable || table.key.contains(&column.name) {
        clause.push_str(" NOT NULL");
    }
    if let Some(collation) = &column.collation {
        clause.push_str(&format!(" {collation}"));
    }
    match (&column.generation, &column.default) {
        (Some(generation), _) if column.generated => {
            let kept = if generation.stored { "STORED" } else { "VIRTUAL" };
            format!("{clause} GENERATED ALWAYS AS ({}) {kept}", generation.expression.text)
        }
        (_, Some(default)) => format!("{clause} DEFAULT ({default})"),
        (_, None) => clause,
    }
}

fn reference(key: &ForeignKey) -> String {
    let name = key.name.as_ref().map(|name| format!("CONSTRAINT {} ", quoted(name))).unwrap_or_default();
    let referenced = match key.referenced.as_slice() {
        [] => String::new(),
        columns => format!(" ({})", quoted_list(columns)),
    };
    let mut clause =
        format!("{name}FOREIGN KEY ({}) REFERENCES {}{referenced}", quoted_list(&key.columns), quoted(&key.table));
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        if action != Action::NoAction {
            clause.push_str(&format!(" ON {event} {}", action.words()));
        }
    }
    clause + key.deferral.clause()
}

/// Tables and indexes share their names, whatever their case.
pub(super) const NAMING: Naming = Naming { tables_ignore_case: true, columns_ignore_case: true, ..Naming::FREE };

/// Each name that is taken, in lower case, with the table that it is of.
pub(super) fn taken(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare("SELECT lower(name), tbl_name FROM sqlite_schema")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The names of indexes that come when all rows are in.
fn later_names(table: &Table) -> impl Iterator<Item = String> + use<> {
    let later = table.indexes.iter().filter(|index| !index.unique);
    later.map(|index| index.name.clone()).collect::<Vec<_>>().into_iter()
}

/// The table with names of unique indexes that are free.
fn with_free_names(connection: &Connection, table: &Table) -> rusqlite::Result<Table> {
    let (mut table, mut taken) = (table.clone(), taken(connection)?);
    taken.insert(table.name.to_lowercase(), String::new());
    taken.extend(later_names(&table).map(|name| (name.to_lowercase(), String::new())));
    for index in table.indexes.iter_mut().filter(|index| index.unique && !index.constraint) {
        index.name = NAMING.free(&index.name, |name| taken.contains_key(&name.to_lowercase()));
        taken.insert(index.name.to_lowercase(), String::new());
    }
    Ok(table)
}

pub(super) fn create(connection: &mut Connection, table: &Table) -> Result<()> {
    let context = format!("cannot create {}", table.name);
    let mut create = || {
        let transaction = connection.transaction()?;
        make(&transaction, table)?;
        transaction.commit()
    };
    create().map_err(during(context))
}

/// The same in the transaction that is open.
pub(super) fn make(connection: &Connection, table: &Table) -> rusqlite::Result<()> {
    let table = with_free_names(connection, table)?;
    connection.execute_batch(&create_statements(&table).join(";\n"))
}

/// Whether somebody may write here, found out by asking for the write lock and letting it go.
pub(super) fn try_to_write(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")
}
