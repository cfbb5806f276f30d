//! What stands beside a table's rows, put back to where it was: its counter; and tables that are taken away again.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{definition::last, error::during, sql::quoted};
use crate::{endpoint::Result, model::CounterStand};

/// Where SQLite keeps its counters.
const NAME: &str = "sqlite_sequence";

/// None where the table never gave an id, or does not count beyond its greatest one.
pub(super) fn counters(connection: &Connection, table: &str) -> Result<Vec<CounterStand>> {
    let last = last(connection, table).map_err(during(format!("cannot read the counter of {table}")))?;
    let stand = |value: i64| CounterStand { name: NAME.to_owned(), value: value.into(), given: true };
    Ok(last.map(stand).into_iter().collect())
}

pub(super) fn set_counters(connection: &Connection, table: &str, stands: &[CounterStand]) -> Result<()> {
    let set = || {
        let there = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'";
        if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
            return Ok(());
        }
        let transaction = connection.unchecked_transaction()?;
        transaction.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
        for stand in stands {
            let value = i64::try_from(stand.value).unwrap_or(i64::MAX);
            transaction.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", params![table, value])?;
        }
        transaction.commit()
    };
    set().map_err(during(format!("cannot set the counter of {table}")))
}

pub(super) fn drop_tables(connection: &Connection, tables: &[String]) -> Result<()> {
    for table in tables {
        let dropped = connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", quoted(table)));
        dropped.map_err(during(format!("cannot drop {table}")))?;
    }
    Ok(())
}
