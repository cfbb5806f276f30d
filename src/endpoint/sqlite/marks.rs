//! The table in which a run's progress stands beside its rows.
//!
//! May not know how rows are loaded. One idea: a mark is written in the transaction of its rows, so the table never says
//! more or less than what is there.

use rusqlite::{Connection, Row, params};

use super::{
    error::during,
    sql::{delete_all, quoted},
};
use crate::{
    endpoint::{Mark, Position, Result},
    model::{Counts, RunId},
};

pub(super) fn prepare(connection: &Connection, place: &str) -> Result<()> {
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {} (run TEXT NOT NULL, table_name TEXT NOT NULL, chunk INTEGER NOT NULL, \
         end_position TEXT, rows_read INTEGER NOT NULL, rows_written INTEGER NOT NULL, rows_skipped INTEGER NOT NULL, \
         rows_flagged INTEGER NOT NULL, rows_filtered INTEGER NOT NULL, rows_unchanged INTEGER NOT NULL, \
         retried TEXT NOT NULL, committed_at TEXT NOT NULL, PRIMARY KEY (run, table_name, chunk)) WITHOUT ROWID",
        quoted(place)
    );
    connection.execute_batch(&sql).map_err(during("cannot make the table of marks"))
}

/// Writes the mark into the transaction that is open.
pub(super) fn write(connection: &Connection, place: &str, mark: &Mark) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT INTO {} (run, table_name, chunk, end_position, rows_read, rows_written, rows_skipped, rows_flagged, \
         rows_filtered, rows_unchanged, retried, committed_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
        quoted(place)
    );
    let counts = &mark.counts;
    let values = params![
        mark.run.0,
        mark.table,
        mark.chunk.cast_signed(),
        mark.end.as_ref().map(|end| &end.0),
        counts.read.cast_signed(),
        counts.written.cast_signed(),
        counts.skipped.cast_signed(),
        counts.flagged.cast_signed(),
        counts.filtered.cast_signed(),
        counts.unchanged.cast_signed(),
        mark.retried,
    ];
    connection.prepare_cached(&sql)?.execute(values).map(drop)
}

fn exist(connection: &Connection, place: &str) -> rusqlite::Result<bool> {
    let there = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    Ok(connection.query_row(there, [place], |row| row.get::<_, i64>(0))? > 0)
}

pub(super) fn of_run(connection: &Connection, place: &str, run: &RunId) -> Result<Vec<Mark>> {
    let read = || {
        if !exist(connection, place)? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT table_name, chunk, end_position, rows_read, rows_written, rows_skipped, rows_flagged, \
             rows_filtered, rows_unchanged, retried FROM {} WHERE run = ?1 ORDER BY table_name, chunk",
            quoted(place)
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
            unchanged: count(8)?,
        },
        retried: row.get(9)?,
    })
}

/// Deletes the marks of the runs, and the table where none of others is left; returns how many are.
pub(super) fn forget(connection: &mut Connection, place: &str, runs: &[RunId]) -> Result<u64> {
    let mut forget = || {
        if !exist(connection, place)? {
            return Ok(0);
        }
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for run in runs {
            transaction.execute(&format!("{} WHERE run = ?1", delete_all(place)), [&run.0])?;
        }
        let count = format!("SELECT count(*) FROM {}", quoted(place));
        let left: i64 = transaction.query_row(&count, [], |row| row.get(0))?;
        if left == 0 {
            transaction.execute_batch(&format!("DROP TABLE {}", quoted(place)))?;
        }
        transaction.commit()?;
        Ok(left.cast_unsigned())
    };
    forget().map_err(during(format!("cannot take away the marks in {place}")))
}
