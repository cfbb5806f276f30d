//! The order in which a table is read, and the places in it.
//!
//! A table is read by its rowid, which every row has, unless the table is `WITHOUT ROWID`: then by its primary key, as
//! a row value compared in the key's own collations.

use rusqlite::{
    Connection, OptionalExtension as _, Row, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use serde::{Deserialize, Serialize};

use super::{error::failure, sql::quoted};
use crate::endpoint::{EndpointError, ErrorKind, Position, Result};

/// What a table is ordered by: SQL expressions that are unique together and never NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) by: Vec<String>,
}

impl Order {
    pub(super) fn of(connection: &Connection, table: &str) -> Result<Self> {
        let context = || format!("cannot find the key of {table}");
        let no_table = || EndpointError::new(ErrorKind::NoTable, context(), "there is no such table");
        let without_rowid = without_rowid(connection, table).map_err(|error| failure(&error, context()))?;
        let by = match without_rowid.ok_or_else(no_table)? {
            true => primary_key(connection, table).map_err(|error| failure(&error, context()))?,
            false => vec![rowid(connection, table).map_err(|error| failure(&error, context()))?],
        };
        match by.iter().any(String::is_empty) || by.is_empty() {
            false => Ok(Self { by }),
            true => {
                let message = "its columns hide all of SQLite's names for the row id: _rowid_, rowid and oid";
                Err(EndpointError::new(ErrorKind::Other, context(), message))
            }
        }
    }

    /// `a, b`: for SELECT and ORDER BY.
    pub(super) fn list(&self) -> String {
        self.by.join(", ")
    }

    /// `(a, b) > (?, ?)`.
    pub(super) fn compare(&self, operator: &str) -> String {
        match self.by.as_slice() {
            [one] => format!("{one} {operator} ?"),
            many => format!("({}) {operator} ({})", many.join(", "), vec!["?"; many.len()].join(", ")),
        }
    }

    /// The place of a row whose first cells are the order's expressions.
    pub(super) fn place(&self, row: &Row<'_>) -> rusqlite::Result<Place> {
        let mut place = Place::default();
        self.note(row, &mut place).map(|()| place)
    }

    /// Writes the place of a row over another, whose room it takes: whoever wants the last one must note each.
    pub(super) fn note(&self, row: &Row<'_>, place: &mut Place) -> rusqlite::Result<()> {
        place.0.clear();
        for index in 0..self.by.len() {
            place.0.push(Value::from(row.get_ref(index)?));
        }
        Ok(())
    }

    /// Reads a position that this source once gave.
    pub(super) fn parse(&self, position: &Position) -> Result<Place> {
        let wrong =
            |message: String| EndpointError::new(ErrorKind::Other, "cannot go on from a stored position", message);
        let place: Place = serde_json::from_str(&position.0).map_err(|error| wrong(error.to_string()))?;
        if place.0.len() == self.by.len() {
            return Ok(place);
        }
        Err(wrong("the table's key has changed since".into()))
    }
}

fn without_rowid(connection: &Connection, table: &str) -> rusqlite::Result<Option<bool>> {
    let sql = "SELECT wr FROM pragma_table_list(?1) WHERE schema = 'main'";
    connection.query_row(sql, [table], |row| row.get(0)).optional()
}

/// Whichever of the names no column of the table has taken; one that is the row id by declaration will do too.
fn rowid(connection: &Connection, table: &str) -> rusqlite::Result<String> {
    let mut statement = connection.prepare("SELECT lower(name) FROM pragma_table_xinfo(?1)")?;
    let columns = statement.query_map([table], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let free = ["_rowid_", "rowid", "oid"].into_iter().find(|name| !columns.iter().any(|column| column == name));
    match free {
        Some(name) => Ok(name.to_owned()),
        None => Ok(super::catalog::rowid_alias(connection, table)?.map(|name| quoted(&name)).unwrap_or_default()),
    }
}

/// The columns of a `WITHOUT ROWID` table's key, each with the collation in which the key is unique.
fn primary_key(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT x.name, x.coll FROM pragma_index_list(?1) AS l, pragma_index_xinfo(l.name) AS x \
         WHERE l.origin = 'pk' AND x.key ORDER BY x.seqno",
    )?;
    let column = |row: &Row<'_>| {
        let (name, collation): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(format!("{} COLLATE {}", quoted(&name), quoted(&collation)))
    };
    statement.query_map([table], column)?.collect()
}

/// The key of one row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Place(Vec<Value>);

impl Place {
    pub(super) fn parameters(&self) -> impl Iterator<Item = &dyn ToSql> {
        self.0.iter().map(|value| value as &dyn ToSql)
    }

    pub(super) fn position(&self) -> Result<Position> {
        let text = serde_json::to_string(self);
        let wrong = |error: serde_json::Error| {
            EndpointError::new(ErrorKind::Other, "cannot write down a position", error.to_string())
        };
        text.map(Position).map_err(wrong)
    }
}

/// A value that keeps SQLite's storage class, in JSON: `5`, `"text"`, `{"real": <bits>}`, `{"blob": [..]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Integer(i64),
    Text(String),
    /// The bits, since JSON writes no infinity.
    Real {
        real: u64,
    },
    Blob {
        blob: Vec<u8>,
    },
    /// Text that is not UTF-8.
    Raw {
        text: Vec<u8>,
    },
    Null,
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Real(real) => Self::Real { real: real.to_bits() },
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Self::Text(text.to_owned()),
                Err(_) => Self::Raw { text: bytes.to_vec() },
            },
            ValueRef::Blob(bytes) => Self::Blob { blob: bytes.to_vec() },
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Real { real } => ValueRef::Real(f64::from_bits(*real)),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Raw { text } => ValueRef::Text(text),
            Self::Blob { blob } => ValueRef::Blob(blob),
        }))
    }
}
