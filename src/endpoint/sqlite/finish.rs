//! What is left to do when all rows are in: indexes, foreign keys, counters, statistics.
//!
//! May not touch a row. Doing it again changes nothing.

use rusqlite::{Connection, Row, params};

use super::{
    definition::last,
    error::{during, failure, words},
    schema::{NAMING, index_statement, taken},
    sql::quoted,
    tongue::literal,
};
use crate::{
    endpoint::Result,
    model::{Index, Table, thousands},
};

/// How many values of orphans are told.
const SHOWN: usize = 5;

/// Builds the indexes, checks the foreign keys, which loading did not, moves counters, refreshes statistics, and leaves the
/// file whole without its log.
pub(super) fn finish(connection: &Connection, created: &[Table], loaded: &[Table]) -> Result<Vec<String>> {
    let mut tables: Vec<&str> = created.iter().chain(loaded).map(|table| table.name.as_str()).collect();
    tables.sort_unstable();
    tables.dedup();
    let mut remarks = Vec::new();
    for table in created {
        remarks.extend(add_indexes(connection, table)?);
        move_counter(connection, table).map_err(during(format!("cannot move the counter of {}", table.name)))?;
    }
    for table in &tables {
        remarks.extend(broken_references(connection, table)?);
    }
    for table in &tables {
        remarks.extend(counter_behind(connection, table).map_err(during(format!("cannot look at {table}")))?);
        let context = format!("cannot refresh the statistics of {table}");
        connection.execute_batch(&format!("ANALYZE {}", quoted(table))).map_err(during(context))?;
    }
    // A reader may hold the log back; then it stays, and is as safe there.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(during("cannot fold the write-ahead log into the file"))?;
    Ok(remarks)
}

/// Builds the indexes that are not there yet; a remark for each that cannot be.
fn add_indexes(connection: &Connection, table: &Table) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for index in table.indexes.iter().filter(|index| !index.unique) {
        let taken = taken(connection).map_err(during("cannot look for names of indexes"))?;
        let is_ours =
            |name: &str| taken.get(&name.to_lowercase()).is_some_and(|owner| owner.eq_ignore_ascii_case(&table.name));
        let is_table = |name: &str| name.eq_ignore_ascii_case(&table.name);
        let is_siblings = |name: &str| {
            let same = |other: &&Index| other.name.eq_ignore_ascii_case(name);
            table.indexes.iter().filter(same).any(|other| other.name != index.name)
        };
        let others = |name: &str| {
            is_siblings(name) || taken.contains_key(&name.to_lowercase()) && (!is_ours(name) || is_table(name))
        };
        let name = NAMING.free(&index.name, others);
        if is_ours(&name) {
            continue;
        }
        let statement = index_statement(table, &Index { name, ..index.clone() });
        if let Err(error) = connection.execute_batch(&statement) {
            let error = failure(&error, format!("the index {} of {} is left out", index.name, table.name));
            if error.is_transient() {
                return Err(error);
            }
            remarks.push(format!("{error}. To add it later: {statement}"));
        }
    }
    Ok(remarks)
}

/// Ids that the source had given are not given again.
fn move_counter(connection: &Connection, table: &Table) -> rusqlite::Result<()> {
    let next = table.columns.iter().find_map(|column| column.counter.as_ref().filter(|_| column.identity)?.next);
    let Some(given) = next.map(|next| next.saturating_sub(1)).filter(|given| *given > 0) else { return Ok(()) };
    let counts = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'";
    let text = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 AND sql LIKE '%AUTOINCREMENT%'";
    let made_here = connection.query_row(counts, [], |row| row.get::<_, i64>(0))? > 0
        && connection.query_row(text, [&table.name], |row| row.get::<_, i64>(0))? > 0;
    if !made_here {
        return Ok(());
    }
    let moved = "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1";
    if connection.execute(moved, params![table.name, given])? == 0 {
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", params![table.name, given])?;
    }
    Ok(())
}

/// A counter that would give an id that is there already, which SQLite itself never lets happen: read back all the same.
pub(super) fn counter_behind(connection: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let Some(last) = last(connection, table)? else { return Ok(None) };
    let sql = format!("SELECT max(rowid) FROM {}", quoted(table));
    let greatest: Option<i64> = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(greatest.filter(|greatest| *greatest > last).map(|greatest| {
        format!("The counter of {table} stands at {last} and {greatest} is there already; set it in sqlite_sequence.")
    }))
}

pub(super) fn broken_references(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT parent, fkid, count(*) FROM pragma_foreign_key_check(?1) GROUP BY parent, fkid";
    let check = || {
        let mut statement = connection.prepare(sql)?;
        let broken = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned()));
        let broken: Vec<(String, i64, u64)> = statement.query_map([table], broken)?.collect::<rusqlite::Result<_>>()?;
        broken.iter().map(|(parent, key, rows)| orphans(connection, table, parent, *key, *rows)).collect()
    };
    match check() {
        Ok(remarks) => Ok(remarks),
        // The other table lacks the unique key that a reference needs: worth knowing, not a failure of the run.
        Err(error) if words(&error).0.contains("foreign key mismatch") => {
            Ok(vec![format!("The foreign keys of {table} could not be checked: {}.", words(&error).0)])
        }
        Err(error) => Err(failure(&error, format!("cannot check the foreign keys of {table}"))),
    }
}

/// A sentence on the rows that refer to none, with some of the values by which they do.
fn orphans(connection: &Connection, table: &str, parent: &str, key: i64, rows: u64) -> rusqlite::Result<String> {
    let columns = "SELECT \"from\" FROM pragma_foreign_key_list(?1) WHERE id = ?2 ORDER BY seq";
    let mut statement = connection.prepare(columns)?;
    let columns: Vec<String> =
        statement.query_map(params![table, key], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let some = some_orphans(connection, table, &columns, key)?;
    let (noun, verb) = if rows == 1 { ("row", "refers") } else { ("rows", "refer") };
    let more = if rows > some.len() as u64 { "; ..." } else { "" };
    Ok(format!(
        "{} {noun} of {table} {verb} to rows of {parent} that are not there ({}{more}); PRAGMA foreign_key_check({table}) \
         lists them.",
        thousands(rows),
        some.join("; ")
    ))
}

/// Tables without row ids name no rows: then no values are told.
fn some_orphans(connection: &Connection, table: &str, columns: &[String], key: i64) -> rusqlite::Result<Vec<String>> {
    let shown = |name: &String| {
        format!("{} || coalesce(substr({}, 1, 60), 'NULL')", literal(&format!("{name} = ")), quoted(name))
    };
    let shown: Vec<String> = columns.iter().map(shown).collect();
    if shown.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT DISTINCT {} FROM {} WHERE rowid IN (SELECT rowid FROM pragma_foreign_key_check(?1) WHERE fkid = ?2) \
         ORDER BY 1 LIMIT {SHOWN}",
        shown.join(" || ', ' || "),
        quoted(table)
    );
    let Ok(mut statement) = connection.prepare(&sql) else { return Ok(Vec::new()) };
    statement.query_map(params![table, key], |row| row.get(0))?.collect()
}
