//! Tables, columns, keys and counts as every catalog describes them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Action, Cell, Check, ColumnType, Counter, Deferral, Expression, Formula, Generation, Index, Kind, OwnType, Position,
};

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
    /// The key is no primary key but one of `indexes`.
    #[serde(default)]
    pub key_is_index: bool,
    /// For a table that is made from another: its rows are known to keep the key without being held to it, so that the
    /// primary key may be built when all of them are in.
    #[serde(default)]
    pub key_holds: bool,
    /// Further unique keys.
    pub unique: Vec<Vec<String>>,
    pub foreign_keys: Vec<ForeignKey>,
    /// All indexes but the primary key's; those of `unique` are among them where the catalog told them.
    #[serde(default)]
    pub indexes: Vec<Index>,
    #[serde(default)]
    pub checks: Vec<Check>,
    #[serde(default)]
    pub comment: Option<String>,
    /// The system's own words on how the text of columns compares that say nothing of it, where a table has a say in that.
    #[serde(default)]
    pub collation: Option<String>,
    /// Types of the database's own that columns are of, each behind those that it needs.
    #[serde(default)]
    pub types: Vec<OwnType>,
    /// What else is peculiar about it, and no other table is made with, each as the end of a sentence: `is partitioned`.
    #[serde(default)]
    pub peculiar: Vec<String>,
    /// For a table that is made from another: what of that one it does not get, in sentences.
    #[serde(default)]
    pub left_out: Vec<String>,
    pub rows: Count,
    pub bytes: Option<u64>,
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a unique index that is carried on its own is over just these columns.
    pub fn has_unique_index(&self, columns: &[String]) -> bool {
        let over = |index: &&Index| index.special.is_none() && index.parts.iter().map(|part| &part.column).eq(columns);
        self.indexes.iter().filter(|index| index.unique).any(|index| over(&index))
    }

    /// Whether a table made from this one has a primary key.
    pub fn has_primary_key(&self) -> bool {
        let is_index = self.key_is_index && self.has_unique_index(&self.key);
        !self.key.is_empty() && !is_index
    }

    /// Whether every column of the formula still compares in this table as it did where the formula was written.
    pub fn suits(&self, formula: &Formula) -> bool {
        let fits = |(name, kind): (&str, Kind)| self.column(name).is_some_and(|column| kind.fits(&column.ty));
        formula.columns().into_iter().all(fits)
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
    /// The default as it means the same everywhere.
    #[serde(default)]
    pub default_formula: Option<Formula>,
    /// How it is computed, where it is and the catalog says so.
    #[serde(default)]
    pub generation: Option<Generation>,
    #[serde(default)]
    pub counter: Option<Counter>,
    /// The system's own words on how its text compares, where they are not what the system would say by itself.
    #[serde(default)]
    pub collation: Option<String>,
    /// Its text compares without regard to case.
    #[serde(default)]
    pub folds_case: bool,
    /// Its system stores no text as it came but one that means the same: of a JSON the order of keys, repeated keys and the
    /// spelling of numbers are lost.
    #[serde(default)]
    pub rewrites: bool,
    /// The system's own words on what it is set to when its row changes.
    #[serde(default)]
    pub on_update: Option<String>,
    /// The only values that it takes, where its type lists them.
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default)]
    pub comment: Option<String>,
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
            default_formula: None,
            generation: None,
            counter: None,
            collation: None,
            folds_case: false,
            rewrites: false,
            on_update: None,
            labels: Vec::new(),
            comment: None,
        }
    }

    /// The condition that it holds none but its labels.
    pub fn label_check(&self) -> Option<Expression> {
        if self.labels.is_empty() {
            return None;
        }
        let column = Formula::Column { name: self.name.clone(), kind: Kind::Text };
        let labels = self.labels.iter().cloned().map(Formula::Text).collect();
        Some(Expression {
            text: format!("the labels of {}", self.name),
            columns: vec![self.name.clone()],
            formula: Some(Formula::In(Box::new(column), labels)),
            ..Expression::default()
        })
    }

    /// Whether a row can be written without a value for this column.
    pub fn may_be_left_out(&self) -> bool {
        self.nullable || self.default.is_some() || self.generated || self.identity
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub name: Option<String>,
    pub columns: Vec<String>,
    /// The referenced table, named as [`Table::name`].
    pub table: String,
    pub referenced: Vec<String>,
    #[serde(default)]
    pub on_delete: Action,
    #[serde(default)]
    pub on_update: Action,
    #[serde(default)]
    pub deferral: Deferral,
    /// Of several columns all are NULL or none is.
    #[serde(default)]
    pub full: bool,
}

impl ForeignKey {
    /// `orders (customer_id) -> customers (id)`, for a human.
    pub fn label(&self, table: &str) -> String {
        format!("{table} ({}) -> {} ({})", self.columns.join(", "), self.table, self.referenced.join(", "))
    }
}

/// A window of rows to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub columns: Vec<String>,
    pub types: Vec<ColumnType>,
    pub rows: Vec<Vec<Cell>>,
    /// The rows that the whole table has.
    pub total: Count,
    /// Where its first and its last row stand; none where the page is empty or its source has no such places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<(Position, Position)>,
}

/// Where a page begins, in the order that a table is read in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spot {
    /// With the row of this number, from 0 on: a server counts its way there.
    Row(u64),
    /// Behind this place.
    After(Position),
    /// So that it ends before this place.
    Before(Position),
    /// So that it ends with the table.
    End,
}
