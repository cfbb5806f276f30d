//! Rows that may take another one's place.
//!
//! May not decide what happens to a row that is refused. One idea: SQLite would let a row take the place of one that the
//! same chunk has just written, so the chunk's keys are kept in a temporary table under the key's own collations.

use rusqlite::{Connection, Row};

use super::{
    sql::{quoted, quoted_list},
    types::safe_native,
};
use crate::model::Table;

/// The statements of an upsert.
pub(super) struct Upsert {
    /// Where in a row the key's columns stand.
    pub(super) key: Vec<usize>,
    pub(super) write: String,
    /// Keeps the row's key; it fails where the chunk has had it.
    pub(super) keep: String,
    /// Forgets the key that was kept last.
    pub(super) forget: String,
    /// Finds the row, bound as for `write`, if it is there as it is. Only asked where a trigger may have ignored it.
    pub(super) find: Option<String>,
    make: String,
}

impl Upsert {
    pub(super) fn new(table: &Table, columns: &[String], key: &[String]) -> Self {
        let (place, name) = (keys_of(table), quoted(&table.name));
        let position = |name: &String| columns.iter().position(|column| column == name);
        let places = |count: usize| vec!["?"; count].join(", ");
        let set: Vec<String> = columns.iter().map(|column| format!("{0} = excluded.{0}", quoted(column))).collect();
        let differs = |column: &String| {
            let (standing, coming) = (format!("{name}.{}", quoted(column)), format!("excluded.{}", quoted(column)));
            format!("typeof({standing}) <> typeof({coming}) OR {standing} COLLATE BINARY IS NOT {coming}")
        };
        let same = |(place, column): (usize, &String)| format!("{} COLLATE BINARY IS ?{}", quoted(column), place + 1);
        let all_same: Vec<String> = columns.iter().enumerate().map(same).collect();
        Self {
            key: key.iter().filter_map(position).collect(),
            write: format!(
                "INSERT OR ABORT INTO {name} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {} WHERE {}",
                quoted_list(columns),
                places(columns.len()),
                quoted_list(key),
                set.join(", "),
                columns.iter().map(differs).collect::<Vec<_>>().join(" OR ")
            ),
            keep: format!("INSERT INTO {place} VALUES ({})", places(key.len())),
            forget: format!("DELETE FROM {place} WHERE rowid = (SELECT max(rowid) FROM {place})"),
            find: Some(format!("SELECT 1 FROM {name} WHERE {}", all_same.join(" AND "))),
            make: String::new(),
        }
    }

    /// Looks at what only the file can tell.
    pub(super) fn settle(&mut self, connection: &Connection, table: &Table, key: &[String]) -> rusqlite::Result<()> {
        let triggers = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE";
        if connection.query_row(triggers, [&table.name], |row| row.get::<_, i64>(0))? == 0 {
            self.find = None;
        }
        let collations = collations(connection, &table.name, key)?;
        let column = |name: &String| {
            let native = table.column(name).map(|column| safe_native(&column.native)).unwrap_or_default();
            let collation = collations.iter().find(|(of, _)| of == name);
            let collation = collation.map(|(_, order)| format!(" COLLATE {}", quoted(order))).unwrap_or_default();
            format!("{} {native}{collation}", quoted(name))
        };
        let columns: Vec<String> = key.iter().map(column).collect();
        let place = keys_of(table);
        self.make = format!(
            "DROP TABLE IF EXISTS {place}; CREATE TABLE {place} ({}, UNIQUE ({}));",
            columns.join(", "),
            quoted_list(key)
        );
        Ok(())
    }

    /// An empty table of keys, for a new chunk.
    pub(super) fn begin(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(&self.make)
    }
}

/// Loaders share a connection, so each table has a table of keys for itself.
fn keys_of(table: &Table) -> String {
    format!("temp.{}", quoted(&format!("whimbrel keys of {}", table.name)))
}

/// The collation of each of the key's columns, as the unique index over them has it.
fn collations(connection: &Connection, table: &str, key: &[String]) -> rusqlite::Result<Vec<(String, String)>> {
    let mut indexes = connection.prepare("SELECT name FROM pragma_index_list(?1) WHERE \"unique\" AND NOT partial")?;
    let names = indexes.query_map([table], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut columns = connection.prepare("SELECT name, coll FROM pragma_index_xinfo(?1) WHERE \"key\"")?;
    for name in names {
        let pair = |row: &Row<'_>| Ok((row.get::<_, Option<String>>(0)?.unwrap_or_default(), row.get(1)?));
        let found: Vec<(String, String)> = columns.query_map([&name], pair)?.collect::<rusqlite::Result<_>>()?;
        if found.len() == key.len() && key.iter().all(|name| found.iter().any(|(of, _)| of == name)) {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
