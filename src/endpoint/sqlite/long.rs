//! Bytes too long to be copied as often as SQLite copies what is bound to a statement.
//!
//! One idea: the row goes in with zeros in their place, and they go straight into its pages, in the same transaction. Only
//! where nothing looks at them in between.

use rusqlite::{Connection, MAIN_DB};

use super::verbatim::Plain;
use crate::model::{ColumnType, Table};

/// Below this a copy costs nothing.
pub(super) const LONG: usize = 8 << 20;

/// The columns that may get their bytes so: of a table with row ids and without checks, triggers and computed columns,
/// those of bytes that are in no key and no index.
pub(super) fn columns(connection: &Connection, table: &Table) -> rusqlite::Result<Vec<String>> {
    let holds_bytes =
        |ty: &ColumnType| matches!(ty, ColumnType::Bytes { .. }) || Plain::parse(ty) == Some(Plain::Nothing);
    let bytes = table.columns.iter().filter(|column| holds_bytes(&column.ty));
    let names: Vec<&String> = bytes.map(|column| &column.name).collect();
    let looked_at = !table.checks.is_empty()
        || table.columns.iter().any(|column| column.generated)
        || table.indexes.iter().any(|index| index.special.is_some());
    if names.is_empty() || looked_at || !is_plain(connection, &table.name)? {
        return Ok(Vec::new());
    }
    let indexed = |name: &String| {
        let own = table.indexes.iter().any(|index| index.columns.contains(name));
        own || table.keys().any(|key| key.contains(name))
    };
    Ok(names.into_iter().filter(|name| !indexed(name)).cloned().collect())
}

fn is_plain(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT (SELECT count(*) FROM pragma_table_list(?1) WHERE schema = 'main' AND type = 'table' AND wr = 0) = 1 \
               AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE)";
    connection.query_row(sql, [table], |row| row.get(0))
}

/// Puts the bytes into the row that was inserted last.
pub(super) fn pour(connection: &Connection, table: &str, column: &str, bytes: &[u8]) -> rusqlite::Result<()> {
    let row = connection.last_insert_rowid();
    let mut blob = connection.blob_open(MAIN_DB, table, column, row, false)?;
    blob.write_at(bytes, 0)?;
    blob.close()
}
