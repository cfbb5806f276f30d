//! The statements that make tables and marks.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::{
    error::during,
    sql::{quoted, quoted_list},
    tongue::SqliteTongue,
    types::safe_native,
};
use crate::{
    endpoint::{Mark, Position, Result, carry::Carrier as _},
    model::{Action, Column, Counts, ForeignKey, Index, Naming, RunId, Table},
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
        let table = with_free_names(&transaction, table)?;
        transaction.execute_batch(&create_statements(&table).join(";\n"))?;
        transaction.commit()
    };
    create().map_err(during(context))
}

pub(super) fn create_marks(connection: &Connection) -> Result<()> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (run TEXT NOT NULL, table_name TEXT NOT NULL, chunk INTEGER NOT NULL, \
         end_position TEXT, rows_read INTEGER NOT NULL, rows_written INTEGER NOT NULL, rows_skipped INTEGER NOT NULL, \
         rows_flagged INTEGER NOT NULL, rows_filtered INTEGER NOT NULL, retried TEXT NOT NULL, \
         committed_at TEXT NOT NULL, PRIMARY KEY (run, table_name, chunk)) WITHOUT ROWID",
        Mark::TABLE
    );
    connection.execute_batch(&sql).map_err(during("cannot make the table of marks"))
}

pub(super) const INSERT_MARK: &str = "INSERT INTO whimbrel_marks (run, table_name, chunk, end_position, rows_read, \
    rows_written, rows_skipped, rows_flagged, rows_filtered, retried, committed_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))";

pub(super) fn marks(connection: &Connection, run: &RunId) -> Result<Vec<Mark>> {
    let read = || {
        let there = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        if connection.query_row(there, [Mark::TABLE], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT table_name, chunk, end_position, rows_read, rows_written, rows_skipped, rows_flagged, \
             rows_filtered, retried FROM {} WHERE run = ?1 ORDER BY table_name, chunk",
            Mark::TABLE
        );
        connection.prepare(&sql)?.query_map([&run.0], |row| mark(run, row))?.collect()
    };
    read().map_err(during("cannot read the marks"))
}

fn mark(run: &RunId, row: &Row<'_>) -> rusqlite::Result<Mark> {
    let count = |index: usize| row.get::<_, i64>(index).map(i64::cast_unsigned);
    Ok(Mark {
        run: run.clone(),
        table: row.get(0)?,
        chunk: count(1)?,
        end: row.get::<_, Option<String>>(2)?.map(Position),
        counts: Counts {
            read: count(3)?,
            written: count(4)?,
            skipped: count(5)?,
            flagged: count(6)?,
            filtered: count(7)?,
        },
        retried: row.get(8)?,
    })
}

/// Whether somebody may write here, found out by asking for the write lock and letting it go.
pub(super) fn try_to_write(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")
}
