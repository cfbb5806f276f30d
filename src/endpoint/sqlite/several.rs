//! Several rows by one statement.
//!
//! One idea: to begin and end a statement costs a good part of what a row does, so rows share one where nothing is lost by
//! it. No trigger may leave one of them out unseen, and no index make it dear to be ready to undo the statement; where one of
//! the rows does not go, none of them does, and each is tried by itself.

use rusqlite::Connection;

use super::{long::is_plain, sql::insert_rows};
use crate::model::Table;

/// More rows gain no more.
const ROWS: usize = 16;
/// `SQLITE_MAX_VARIABLE_NUMBER`, as SQLite comes.
const PARAMETERS: usize = 32_766;

pub(super) struct Several {
    pub(super) sql: String,
    pub(super) rows: usize,
}

impl Several {
    /// `None` where rows go one by one.
    pub(super) fn of(connection: &Connection, table: &Table, columns: &[String]) -> rusqlite::Result<Option<Self>> {
        let rows = ROWS.min(PARAMETERS / columns.len().max(1));
        let indexed = !table.indexes.is_empty() || !table.unique.is_empty();
        let may = rows > 1 && !columns.is_empty() && !indexed && is_plain(connection, &table.name)?;
        Ok(may.then(|| Self { sql: insert_rows(&table.name, columns, rows), rows }))
    }
}
