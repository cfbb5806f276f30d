//! The statements that make tables and marks, and what is done once all rows are in.

use rusqlite::{Connection, Row};

use super::{
    error::{during, failure, words},
    sql::{quoted, quoted_list},
    types::safe_native,
};
use crate::{
    endpoint::{Mark, Position, Result},
    model::{Column, Counts, ForeignKey, RunId, Table, thousands},
};

/// Foreign keys stand in the statement, since SQLite can add none later.
pub(super) fn create_table(table: &Table) -> String {
    let mut parts: Vec<String> = table.columns.iter().map(|column| column_clause(column, &table.key)).collect();
    if !table.key.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", quoted_list(&table.key)));
    }
    parts.extend(table.unique.iter().map(|unique| format!("UNIQUE ({})", quoted_list(unique))));
    parts.extend(table.foreign_keys.iter().map(reference));
    format!("CREATE TABLE {} (\n    {}\n)", quoted(&table.name), parts.join(",\n    "))
}

fn column_clause(column: &Column, key: &[String]) -> String {
    let mut clause = quoted(&column.name);
    let native = safe_native(&column.native);
    if !native.is_empty() {
        clause = format!("{clause} {native}");
    }
    // SQLite lets NULLs into a primary key unless it is told not to.
    if !column.nullable || key.contains(&column.name) {
        clause.push_str(" NOT NULL");
    }
    match &column.default {
        Some(default) => format!("{clause} DEFAULT ({default})"),
        None => clause,
    }
}

fn reference(key: &ForeignKey) -> String {
    let name = key.name.as_ref().map(|name| format!("CONSTRAINT {} ", quoted(name))).unwrap_or_default();
    let referenced = match key.referenced.as_slice() {
        [] => String::new(),
        columns => format!(" ({})", quoted_list(columns)),
    };
    format!("{name}FOREIGN KEY ({}) REFERENCES {}{referenced}", quoted_list(&key.columns), quoted(&key.table))
}

pub(super) fn create(connection: &mut Connection, table: &Table) -> Result<()> {
    let context = format!("cannot create {}", table.name);
    let mut create = || {
        let transaction = connection.transaction()?;
        transaction.execute_batch(&create_table(table))?;
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

/// Checks the foreign keys, which loading did not, refreshes statistics, and leaves the file whole without its log.
pub(super) fn finish(connection: &Connection, created: &[Table], loaded: &[Table]) -> Result<Vec<String>> {
    let mut tables: Vec<&str> = created.iter().chain(loaded).map(|table| table.name.as_str()).collect();
    tables.sort_unstable();
    tables.dedup();
    let mut remarks = Vec::new();
    for table in &tables {
        remarks.extend(broken_references(connection, table)?);
    }
    for table in &tables {
        let context = format!("cannot refresh the statistics of {table}");
        connection.execute_batch(&format!("ANALYZE {}", quoted(table))).map_err(during(context))?;
    }
    // A reader may hold the log back; then it stays, and is as safe there.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(during("cannot fold the write-ahead log into the file"))?;
    Ok(remarks)
}

fn broken_references(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT parent, count(*) FROM pragma_foreign_key_check(?1) GROUP BY parent, fkid";
    let remark = |row: &Row<'_>| {
        let (parent, rows) = (row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned());
        let (noun, verb) = if rows == 1 { ("row", "refers") } else { ("rows", "refer") };
        Ok(format!(
            "{} {noun} of {table} {verb} to rows of {parent} that are not there; PRAGMA foreign_key_check({table}) lists \
             them.",
            thousands(rows)
        ))
    };
    let check = || connection.prepare(sql)?.query_map([table], remark)?.collect::<rusqlite::Result<Vec<_>>>();
    match check() {
        Ok(remarks) => Ok(remarks),
        // The other table lacks the unique key that a reference needs: worth knowing, not a failure of the run.
        Err(error) if words(&error).0.contains("foreign key mismatch") => {
            Ok(vec![format!("The foreign keys of {table} could not be checked: {}.", words(&error).0)])
        }
        Err(error) => Err(failure(&error, format!("cannot check the foreign keys of {table}"))),
    }
}

/// Whether somebody may write here, found out by asking for the write lock and letting it go.
pub(super) fn try_to_write(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")
}
