//! What a file holds: tables, columns, keys, counts.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    definition,
    error::{during, failure},
    snapshot::window,
    sql::quoted,
    types::column_type,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Mark, Result},
    model::{Action, Cell, Column, ColumnType, Count, ForeignKey, Page, Spot, Table, TableEntry, cell_at},
};

/// Below this size counting is a matter of a moment.
const SMALL_FILE: u64 = 64 << 20;
/// How many rows are looked at to tell what a column of dates really holds.
const SAMPLE: u32 = 1_000;

pub(super) fn tables(connection: &Connection, path: &Path) -> Result<Vec<TableEntry>> {
    let names = names(connection).map_err(during("cannot list the tables"))?;
    let entry = |name: String| {
        let rows = quick_count(connection, path, &name)?;
        let bytes = if is_small(path) { bytes(connection, &name) } else { None };
        Ok(TableEntry { name, rows, bytes })
    };
    names.into_iter().map(entry).collect()
}

fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' \
         ESCAPE '\\' AND name <> ?1 ORDER BY name",
    )?;
    statement.query_map([Mark::TABLE], |row| row.get(0))?.collect()
}

fn is_small(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() < SMALL_FILE)
}

fn bytes(connection: &Connection, table: &str) -> Option<u64> {
    let sql = "SELECT pgsize FROM dbstat WHERE name = ?1 AND aggregate = 1";
    connection.query_row(sql, [table], |row| row.get(0)).ok().map(i64::cast_unsigned)
}

/// Whether the table takes more room than that. Of a large file all pages of the table are looked at.
pub(super) fn exceeds(connection: &Connection, path: &Path, table: &Table, limit: u64) -> bool {
    let may = path.metadata().is_ok_and(|file| file.len() > limit);
    may && table.bytes.or_else(|| bytes(connection, &table.name)).is_some_and(|taken| taken > limit)
}

fn quick_count(connection: &Connection, path: &Path, table: &str) -> Result<Count> {
    if is_small(path) {
        return count(connection, table).map(Count::Exact);
    }
    Ok(statistics(connection, table).map_or(Count::Unknown, Count::Estimate))
}

/// What ANALYZE last found; the first figure of an index is its number of rows.
fn statistics(connection: &Connection, table: &str) -> Option<u64> {
    let sql = "SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = ?1";
    connection.query_row(sql, [table], |row| row.get(0)).ok().flatten().map(i64::cast_unsigned)
}

pub(super) fn count(connection: &Connection, table: &str) -> Result<u64> {
    let table = find(connection, table)?;
    connection
        .query_row(&format!("SELECT count(*) FROM {}", quoted(&table)), [], |row| row.get(0))
        .map(i64::cast_unsigned)
        .map_err(during(format!("cannot count {table}")))
}

/// The table's name as the schema spells it.
fn find(connection: &Connection, table: &str) -> Result<String> {
    let context = || format!("cannot look at {table}");
    connection
        .query_row("SELECT name FROM pragma_table_list(?1) WHERE schema = 'main' AND type = 'table'", [table], |row| {
            row.get(0)
        })
        .optional()
        .map_err(|error| failure(&error, context()))?
        .ok_or_else(|| EndpointError::new(ErrorKind::NoTable, context(), "there is no such table"))
}

pub(super) fn describe(connection: &Connection, path: &Path, table: &str) -> Result<Table> {
    let name = find(connection, table)?;
    let rows = quick_count(connection, path, &name)?;
    let schema = || {
        let alias = rowid_alias(connection, &name)?;
        let declared = columns(connection, &name)?;
        let indexes = unique_indexes(connection, &name)?;
        let foreign_keys = foreign_keys(connection, &name)?;
        Ok((alias, declared, indexes, foreign_keys))
    };
    let (alias, declared, indexes, foreign_keys) = schema().map_err(during(format!("cannot describe {name}")))?;
    let primary = primary_key(&declared);
    let mut columns: Vec<Column> = declared.into_iter().map(|declared| declared.column).collect();
    for column in columns.iter_mut().filter(|column| Some(&column.name) == alias.as_ref()) {
        (column.identity, column.nullable) = (true, false);
    }
    let looked =
        look_at_dates(connection, &name, &mut columns).and_then(|()| look_at_bytes(connection, &name, &mut columns));
    looked.map_err(during(format!("cannot look into {name}")))?;
    let first = primary.clone();
    let (key, unique) = keys(primary, indexes, &columns);
    let key_is_index = key != first;
    let bytes = if is_small(path) { bytes(connection, &name) } else { None };
    let mut table = Table { name, columns, key, key_is_index, unique, foreign_keys, rows, bytes, ..Table::default() };
    let completed = definition::complete(connection, &mut table);
    completed.map_err(during(format!("cannot describe {}", table.name)))?;
    Ok(table)
}

struct Declared {
    column: Column,
    /// Its place in the primary key, from 1; 0: not part of it.
    key_place: u32,
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Declared>> {
    // hidden: 1 of a virtual table, 2 and 3 generated.
    let sql = "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1) WHERE hidden <> 1";
    let declared = |row: &Row<'_>| {
        let native: String = row.get(1)?;
        let column = Column {
            nullable: !row.get::<_, bool>(2)?,
            default: row.get(3)?,
            generated: row.get::<_, u32>(5)? > 1,
            native: native.clone(),
            ..Column::new(row.get::<_, String>(0)?, column_type(&native))
        };
        Ok(Declared { column, key_place: row.get(4)? })
    };
    connection.prepare(sql)?.query_map([table], declared)?.collect()
}

fn primary_key(columns: &[Declared]) -> Vec<String> {
    let mut key: Vec<&Declared> = columns.iter().filter(|declared| declared.key_place > 0).collect();
    key.sort_by_key(|declared| declared.key_place);
    key.iter().map(|declared| declared.column.name.clone()).collect()
}

/// The column that is the row id: `INTEGER PRIMARY KEY`, spelt so. Any other primary key has an index of its own.
pub(super) fn rowid_alias(connection: &Connection, table: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT max(name) FROM pragma_table_xinfo(?1) WHERE pk > 0 \
               HAVING count(*) = 1 AND upper(max(type)) = 'INTEGER' \
               AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk')";
    connection.query_row(sql, [table], |row| row.get(0)).optional()
}

/// The columns of every unique index without condition or expression, the primary key's among them, oldest first.
fn unique_indexes(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let mut list = connection
        .prepare("SELECT name FROM pragma_index_list(?1) WHERE \"unique\" AND NOT partial ORDER BY seq DESC")?;
    let names = list.query_map([table], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut columns = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
    let mut indexes = Vec::new();
    for name in names {
        let index: Vec<Option<String>> =
            columns.query_map([&name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        indexes.extend(index.into_iter().collect::<Option<Vec<_>>>());
    }
    Ok(indexes)
}

/// The key rows are told apart by, and the further unique keys. SQLite lets NULLs into a primary key, and such a one
/// does not tell rows apart.
fn keys(primary: Vec<String>, indexes: Vec<Vec<String>>, columns: &[Column]) -> (Vec<String>, Vec<Vec<String>>) {
    let holds_no_null = |key: &Vec<String>| {
        let nullable = |name: &String| columns.iter().any(|column| column.name == *name && column.nullable);
        !key.is_empty() && !key.iter().any(nullable)
    };
    let mut all: Vec<Vec<String>> = Vec::new();
    for key in [primary].into_iter().chain(indexes) {
        if !key.is_empty() && !all.contains(&key) {
            all.push(key);
        }
    }
    let key = all.iter().position(holds_no_null).map(|place| all.remove(place)).unwrap_or_default();
    (key, all)
}

fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    // The schema's spelling of the other table, where there is one.
    let sql = "SELECT f.id, coalesce(t.name, f.\"table\"), f.\"from\", f.\"to\", f.on_delete, f.on_update FROM pragma_foreign_key_list(?1) AS f \
               LEFT JOIN sqlite_schema AS t ON t.type = 'table' AND t.name = f.\"table\" COLLATE NOCASE \
               ORDER BY f.id DESC, f.seq";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([table])?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let action = |index| row.get::<_, String>(index).map(|words| Action::of(&words));
            let (on_delete, on_update) = (action(4)?, action(5)?);
            let key = ForeignKey { table: row.get(1)?, on_delete, on_update, ..ForeignKey::default() };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.get(2)?);
            key.referenced.extend(row.get::<_, Option<String>>(3)?);
        }
    }
    let resolve = |(_, key): (i64, ForeignKey)| named_parent(connection, key);
    keys.into_iter().map(resolve).collect()
}

/// Other tables whose foreign keys refer to the table.
pub(super) fn referrers(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT s.name FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS f \
               WHERE s.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE AND s.name <> ?1 COLLATE NOCASE ORDER BY 1";
    let read = || connection.prepare(sql)?.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<Vec<_>>>();
    read().map_err(during(format!("cannot see what refers to {table}")))
}

/// A foreign key that names no columns means the other table's primary key.
fn named_parent(connection: &Connection, mut key: ForeignKey) -> rusqlite::Result<ForeignKey> {
    if key.referenced.is_empty() {
        key.referenced = primary_key(&columns(connection, &key.table)?);
    }
    Ok(key)
}

/// Many keep dates as numbers, which no format tells apart from other numbers. A column declared a date whose first
/// values are all numbers is described as what it holds, so that an expression can say what they count.
fn look_at_dates(connection: &Connection, table: &str, columns: &mut [Column]) -> rusqlite::Result<()> {
    let is_date =
        |column: &&mut Column| matches!(column.ty, ColumnType::Date | ColumnType::Time | ColumnType::Timestamp { .. });
    for column in columns.iter_mut().filter(is_date) {
        let name = quoted(&column.name);
        let sql = format!(
            "SELECT count(*), coalesce(sum(kind = 'integer'), 0), coalesce(sum(kind = 'real'), 0) FROM \
             (SELECT typeof({name}) AS kind FROM {} LIMIT {SAMPLE}) WHERE kind <> 'null'",
            quoted(table)
        );
        let (all, integers, reals): (u32, u32, u32) =
            connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        if all > 0 && integers == all {
            column.ty = ColumnType::BIGINT;
        } else if all > 0 && integers + reals == all {
            column.ty = ColumnType::DOUBLE;
        }
    }
    Ok(())
}

/// A column that declares nothing reads as text, which bytes are not. One whose first values are all bytes is of bytes.
fn look_at_bytes(connection: &Connection, table: &str, columns: &mut [Column]) -> rusqlite::Result<()> {
    for column in columns.iter_mut().filter(|column| column.native.trim().is_empty()) {
        let name = quoted(&column.name);
        let sql = format!(
            "SELECT count(*) > 0 AND count(*) = sum(kind = 'blob') FROM \
             (SELECT typeof({name}) AS kind FROM {} LIMIT {SAMPLE}) WHERE kind <> 'null'",
            quoted(table)
        );
        if connection.query_row(&sql, [], |row| row.get::<_, Option<bool>>(0))? == Some(true) {
            column.ty = ColumnType::Bytes { max: None };
        }
    }
    Ok(())
}

/// Rows as a run would read them; a row that does not fit its types shows as it is.
pub(super) fn preview(connection: &Connection, path: &Path, table: &Table, spot: &Spot, limit: u32) -> Result<Page> {
    let (sampled, ends) = window(connection, table, spot, limit)?;
    let row = |row: usize| sampled.batch.columns().iter().map(|column| cell_at(column, row)).collect::<Vec<Cell>>();
    let mut rows: Vec<(usize, Vec<Cell>)> =
        sampled.places().into_iter().enumerate().map(|(index, place)| (place, row(index))).collect();
    rows.extend(sampled.rejects.into_iter().map(|reject| (reject.place, reject.cells)));
    rows.sort_by_key(|(place, _)| *place);
    Ok(Page {
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        types: table.columns.iter().map(|column| column.ty.clone()).collect(),
        rows: rows.into_iter().map(|(_, cells)| cells).collect(),
        total: quick_count(connection, path, &table.name)?,
        ends,
    })
}
