//! Tables, columns, keys and counts as every catalog describes them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cell, ColumnType};

/// A system that can stand on either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    Postgres,
    Mysql,
    Sqlite,
    Csv,
}

impl System {
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Mysql, Self::Sqlite, Self::Csv];

    /// The port that a server of this system listens on when nobody says otherwise.
    pub fn default_port(self) -> Option<u16> {
        match self {
            Self::Postgres => Some(5432),
            Self::Mysql => Some(3306),
            Self::Sqlite | Self::Csv => None,
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Sqlite => "SQLite",
            Self::Csv => "CSV",
        })
    }
}

/// How many rows a table has, and how far that figure may be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Count {
    Exact(u64),
    /// From the server's statistics; shown with `~` and never part of a verdict.
    Estimate(u64),
    #[default]
    Unknown,
}

impl Count {
    pub fn rows(self) -> Option<u64> {
        match self {
            Self::Exact(rows) | Self::Estimate(rows) => Some(rows),
            Self::Unknown => None,
        }
    }

    pub fn exact(self) -> Option<u64> {
        match self {
            Self::Exact(rows) => Some(rows),
            Self::Estimate(_) | Self::Unknown => None,
        }
    }
}

/// One line of a catalog: enough to list a table, cheap to get for thousands of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    pub name: String,
    pub rows: Count,
    pub bytes: Option<u64>,
}

/// A table in full.
///
/// `name` is what a plan writes in `from` or `to`: the bare name in the connection's default schema, else
/// `schema.name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// The primary key, else the first unique key without NULLs; empty for a keyless table.
    pub key: Vec<String>,
    /// Further unique keys.
    pub unique: Vec<Vec<String>>,
    pub foreign_keys: Vec<ForeignKey>,
    pub rows: Count,
    pub bytes: Option<u64>,
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub ty: ColumnType,
    /// The system's own spelling of the type, for a human.
    pub native: String,
    pub nullable: bool,
    /// The default as the system's own expression text.
    pub default: Option<String>,
    /// Computed by the system from other columns; never written.
    pub generated: bool,
    /// Filled by a sequence, identity or auto-increment when left out.
    pub identity: bool,
}

impl Column {
    /// A plain nullable column, as a mapping that creates a table makes them.
    pub fn new(name: impl Into<String>, ty: ColumnType) -> Self {
        Self {
            name: name.into(),
            native: ty.to_string(),
            ty,
            nullable: true,
            default: None,
            generated: false,
            identity: false,
        }
    }

    /// Whether a row can be written without a value for this column.
    pub fn may_be_left_out(&self) -> bool {
        self.nullable || self.default.is_some() || self.generated || self.identity
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub name: Option<String>,
    pub columns: Vec<String>,
    /// The referenced table, named as [`Table::name`].
    pub table: String,
    pub referenced: Vec<String>,
}

/// A window of rows to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub columns: Vec<String>,
    pub types: Vec<ColumnType>,
    pub rows: Vec<Vec<Cell>>,
    /// The rows that the whole table has.
    pub total: Count,
}
