//! Bytes too long to be copied as often as SQLite copies what is bound to a statement.
//!
//! One idea: the row goes in with zeros in their place, and they go straight into its pages, in the same transaction. Only
//! where nothing looks at them in between.

use rusqlite::{Connection, MAIN_DB};

use super::verbatim::{self, Plain};
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

/// Whether the table has row ids and no triggers.
pub(super) fn is_plain(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT (SELECT count(*) FROM pragma_table_list(?1) WHERE schema = 'main' AND type = 'table' AND wr = 0) = 1 \
               AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE)";
    connection.query_row(sql, [table], |row| row.get(0))
}

/// Bytes on their way into a row that is there without them.
pub(super) enum Poured<'v> {
    Bytes(&'v [u8]),
    /// A text that says them in base64, and how many they are.
    Said(&'v str, usize),
}

impl<'v> Poured<'v> {
    /// `None` where they are few, or more than SQLite takes, which says so itself.
    pub(super) fn bytes(bytes: &'v [u8]) -> Option<Self> {
        fits(bytes.len()).then_some(Self::Bytes(bytes))
    }

    /// The same of what a text says; `None` too where it says no bytes in base64.
    pub(super) fn said(text: &'v str) -> Option<Self> {
        if text.len() < LONG {
            return None;
        }
        let length = verbatim::base64_pieces(text)?.try_fold(0, |length, piece| Some(length + piece?.len()))?;
        fits(length).then_some(Self::Said(text, length))
    }

    pub(super) fn len(&self) -> i32 {
        let length = match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Said(_, length) => *length,
        };
        i32::try_from(length).unwrap_or(i32::MAX)
    }
}

fn fits(length: usize) -> bool {
    length >= LONG && i32::try_from(length).is_ok()
}

/// Puts the bytes into the row that was inserted last.
pub(super) fn pour(connection: &Connection, table: &str, column: &str, poured: &Poured<'_>) -> rusqlite::Result<()> {
    let row = connection.last_insert_rowid();
    let mut blob = connection.blob_open(MAIN_DB, table, column, row, false)?;
    match poured {
        Poured::Bytes(bytes) => blob.write_at(bytes, 0)?,
        Poured::Said(text, _) => {
            let mut at = 0;
            for piece in verbatim::base64_pieces(text).into_iter().flatten().flatten() {
                blob.write_at(&piece, at)?;
                at += piece.len();
            }
        }
    }
    blob.close()
}
