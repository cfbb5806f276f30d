//! A look at some rows for what a declaration leaves open: what a column without one holds, what another one holds beside
//! its type, and how long the text of a key is.
//!
//! One statement a table over so many rows: it says what is likely, and a run holds every row to it.

use rusqlite::{Connection, Row};

use super::sql::quoted;
use crate::model::{Column, ColumnType, Sight, Sighting, Table};

const ROWS: u32 = 100_000;

/// Whether a look at the column can say anything.
fn is_open(table: &Table, column: &Column) -> bool {
    !column.generated
        && !column.identity
        && (undeclared(column) || beside(column).is_some() || table.sharing(column) > 0)
}

fn undeclared(column: &Column) -> bool {
    column.native.trim().is_empty() && column.ty == ColumnType::TEXT
}

/// When a value is none of the declared type, though text holds it: a condition on `v` and its class `k`.
fn beside(column: &Column) -> Option<&'static str> {
    Some(match column.ty {
        ColumnType::Integer { .. } => "k IN ('text', 'real')",
        ColumnType::Float { .. } => "k = 'text'",
        ColumnType::Boolean => {
            "(k = 'integer' AND v NOT IN (0, 1)) OR k = 'real' OR \
             (k = 'text' AND lower(v) NOT IN ('t', 'f', 'true', 'false'))"
        }
        ColumnType::Date | ColumnType::Time | ColumnType::Timestamp { .. } => "k IN ('integer', 'real')",
        _ => return None,
    })
}

/// Whether text holds what the column's own type does not.
pub(super) fn reads_as(column: &Column, ty: &ColumnType) -> bool {
    *ty == ColumnType::TEXT && beside(column).is_some()
}

/// What was counted of one column.
struct Seen {
    values: u64,
    integers: u64,
    reals: u64,
    beside: u64,
    length: u32,
    bytes: u32,
}

pub(super) fn sightings(connection: &Connection, table: &Table) -> rusqlite::Result<Vec<Sighting>> {
    let open = table.columns.iter().filter(|column| is_open(table, column));
    let mut seen = Vec::new();
    for column in open {
        let (counted, rows) = count(connection, table, column)?;
        seen.extend(sight(table, column, &counted).map(|(sight, values)| Sighting {
            column: column.name.clone(),
            sight,
            values,
            rows,
        }));
    }
    Ok(seen)
}

fn count(connection: &Connection, table: &Table, column: &Column) -> rusqlite::Result<(Seen, u64)> {
    let name = quoted(&column.name);
    let sql = format!(
        "SELECT count(*), count(v), coalesce(sum(k = 'integer'), 0), coalesce(sum(k = 'real'), 0), \
         coalesce(sum({}), 0), coalesce(max(length(v)), 0), coalesce(max(length(CAST(v AS BLOB))), 0) \
         FROM (SELECT {name} AS v, typeof({name}) AS k FROM {} LIMIT {ROWS})",
        beside(column).unwrap_or("0"),
        quoted(&table.name)
    );
    let seen = |row: &Row<'_>| {
        let number = |at: usize| row.get::<_, i64>(at).map(i64::cast_unsigned);
        let small = |at: usize| number(at).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        let seen = Seen {
            values: number(1)?,
            integers: number(2)?,
            reals: number(3)?,
            beside: number(4)?,
            length: small(5)?,
            bytes: small(6)?,
        };
        Ok((seen, number(0)?))
    };
    connection.query_row(&sql, [], seen)
}

fn sight(table: &Table, column: &Column, seen: &Seen) -> Option<(Sight, u64)> {
    let shared = table.sharing(column);
    match () {
        () if seen.values == 0 => None,
        () if undeclared(column) && seen.integers == seen.values => {
            Some((Sight::Only(ColumnType::BIGINT), seen.values))
        }
        () if undeclared(column) && seen.integers + seen.reals == seen.values => {
            Some((Sight::Only(ColumnType::DOUBLE), seen.values))
        }
        () if seen.beside > 0 => Some((Sight::Beside, seen.beside)),
        () if shared > 0 => {
            let bytes = matches!(column.ty, ColumnType::Bytes { .. });
            let length = if bytes { seen.bytes } else { seen.length };
            Some((Sight::Longest { length, bytes, shared }, seen.values))
        }
        () => None,
    }
}
