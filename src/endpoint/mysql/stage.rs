//! Rows on their way into a table in which some of them are already.
//!
//! One idea: `ON DUPLICATE KEY UPDATE` changes the row that any unique key finds, so that a colliding e-mail address would
//! overwrite a stranger. So rows come into a temporary table with the table's own types and its key, and from there those
//! whose key is there update it and the others are inserted: what collides with another key is an error, as it should be.

use super::{
    catalog::ColumnFacts,
    connect::Session,
    sql::{self, name},
};
use crate::endpoint::Result;

/// The temporary table, which each connection has for itself.
pub(super) const NAME: &str = "whimbrel_rows";
/// Its first column: the number of the row.
const NUMBER: &str = "whimbrel row";

pub(super) struct Stage {
    target: String,
    columns: Vec<ColumnFacts>,
    key: Vec<String>,
}

impl Stage {
    pub(super) async fn make(
        session: &mut Session,
        table: &str,
        columns: Vec<ColumnFacts>,
        key: &[String],
    ) -> Result<Self> {
        let stage = Self { target: name(table), columns, key: key.to_vec() };
        let context = format!("cannot make a temporary table for table '{table}'");
        session.execute(stage.create()).await.map_err(|error| error.during(context))?;
        Ok(stage)
    }

    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|facts| facts.column.name.clone()).collect()
    }

    /// The columns that rows are bound to, their number first.
    pub(super) fn bound_columns(&self) -> Vec<String> {
        std::iter::once(NUMBER.to_owned()).chain(self.names()).collect()
    }

    /// NULL is refused before it comes here, and no default may fill in for it.
    fn create(&self) -> String {
        let column = |facts: &ColumnFacts| {
            let set = facts.charset.as_ref().map(|set| format!(" CHARACTER SET {set}")).unwrap_or_default();
            let order = facts.collation.as_ref().map(|order| format!(" COLLATE {order}")).unwrap_or_default();
            format!("{} {}{set}{order} NULL", name(&facts.column.name), facts.native.full)
        };
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        format!(
            "CREATE TEMPORARY TABLE {} ({} BIGINT UNSIGNED NOT NULL PRIMARY KEY, {}, UNIQUE KEY {} ({})) ENGINE=InnoDB",
            name(NAME),
            name(NUMBER),
            columns.join(", "),
            name("the key of a row before it"),
            sql::names(&self.key)
        )
    }

    pub(super) fn clear() -> String {
        format!("DELETE FROM {}", name(NAME))
    }

    /// Takes back rows that the table refused, so that they stand in no other row's way.
    pub(super) fn without(numbers: &[u64]) -> String {
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        format!("DELETE FROM {} WHERE {} IN ({})", name(NAME), name(NUMBER), numbers.join(", "))
    }

    /// `ON standing.a = coming.a AND ...`
    fn joined(&self) -> String {
        let same = |key: &String| format!("standing.{0} = coming.{0}", name(key));
        format!("ON {}", self.key.iter().map(same).collect::<Vec<_>>().join(" AND "))
    }

    /// Counts the rows that are there already, byte for byte: what a collation calls equal is not the same value.
    pub(super) fn same(&self, range: (u64, u64)) -> String {
        let same = |facts: &ColumnFacts| {
            let (standing, coming) =
                (format!("standing.{}", name(&facts.column.name)), format!("coming.{}", name(&facts.column.name)));
            match bytes_of(&facts.native.word) {
                Some((before, after)) => format!("{before}{standing}{after} <=> {before}{coming}{after}"),
                None => format!("{standing} <=> {coming}"),
            }
        };
        format!(
            "SELECT CAST(COUNT(*) AS CHAR) FROM {} AS coming JOIN {} AS standing {} WHERE {} AND {}",
            name(NAME),
            self.target,
            self.joined(),
            within(range),
            self.columns.iter().map(same).collect::<Vec<_>>().join(" AND ")
        )
    }

    /// Changes the rows whose key is there; the server leaves alone what is the same.
    pub(super) fn update(&self, range: (u64, u64)) -> String {
        let set = |name_: &String| format!("standing.{0} = coming.{0}", name(name_));
        format!(
            "UPDATE {} AS standing JOIN {} AS coming {} SET {} WHERE {}",
            self.target,
            name(NAME),
            self.joined(),
            self.names().iter().map(set).collect::<Vec<_>>().join(", "),
            within(range)
        )
    }

    /// Adds the rows whose key is not there.
    pub(super) fn insert(&self, range: (u64, u64)) -> String {
        let coming = |each: &String| format!("coming.{}", name(each));
        let first = self.key.first().map(|key| name(key)).unwrap_or_default();
        format!(
            "INSERT INTO {0} ({1}) SELECT {2} FROM {3} AS coming LEFT JOIN {0} AS standing {4} \
             WHERE {5} AND standing.{first} IS NULL ORDER BY coming.{6}",
            self.target,
            sql::names(&self.names()),
            self.names().iter().map(coming).collect::<Vec<_>>().join(", "),
            name(NAME),
            self.joined(),
            within(range),
            name(NUMBER)
        )
    }
}

fn within((from, to): (u64, u64)) -> String {
    format!("coming.{0} >= {from} AND coming.{0} < {to}", name(NUMBER))
}

/// What makes bytes of a column whose values can be equal and differ.
fn bytes_of(word: &str) -> Option<(&'static str, &'static str)> {
    match word {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "bit" | "year"
        | "date" | "time" | "datetime" | "timestamp" => None,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" | "binary"
        | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Some(("CAST(", " AS BINARY)")),
        _ => Some(("HEX(", ")")),
    }
}
