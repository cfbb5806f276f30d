//! Rows on their way into a table in which some of them are already.
//!
//! May not decide what happens to a row that is refused. One idea: rows come by COPY into a temporary table with the
//! table's own types, NULL rules, checks and key, which names a bad line at COPY's speed; from there one statement takes
//! a stretch of them over by key. What differs is told by the bytes a row is stored as, since what the server calls equal
//! (`1.0` and `1.00`, a letter and its capital under some collations) is not the same value.

use std::collections::BTreeSet;

use sqlx::{Row as _, postgres::PgConnection};

use crate::model::Column;

use super::{
    catalog,
    sql::{self, TableName, ident, idents},
};

/// The temporary table, which each connection has for itself.
pub(super) const NAME: &str = "whimbrel_rows";
/// What keeps a key from coming twice in a chunk.
pub(super) const KEY: &str = "the key of a row before it";
/// Its first column: the number of the row.
const NUMBER: &str = "whimbrel row";

pub(super) struct Stage {
    columns: Vec<Column>,
    key: Vec<String>,
    /// The table that rows end in.
    target: String,
    triggered: bool,
}

fn place() -> String {
    format!("pg_temp.{}", ident(NAME))
}

impl Stage {
    /// Makes the temporary table, empty after each transaction.
    pub(super) async fn make(
        connection: &mut PgConnection,
        name: &TableName,
        columns: Vec<Column>,
        key: &[String],
    ) -> sqlx::Result<Self> {
        let triggered = catalog::is_triggered(connection, name).await?;
        let stage = Self { columns, key: key.to_vec(), target: name.quoted(), triggered };
        sql::run(connection, &stage.create()).await?;
        for (check, definition, columns) in catalog::checks(connection, name).await? {
            if columns.iter().all(|column| stage.names().any(|name| name == column)) {
                let statement = format!("ALTER TABLE {} ADD CONSTRAINT {} {definition}", place(), ident(&check));
                sql::run(connection, &statement).await?;
            }
        }
        Ok(stage)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    fn create(&self) -> String {
        let (place, number, columns) = (place(), ident(NUMBER), idents(self.names()));
        let filled = self.columns.iter().filter(|column| !column.nullable);
        let filled: String =
            filled.map(|column| format!("ALTER TABLE {place} ALTER {} SET NOT NULL; ", ident(&column.name))).collect();
        format!(
            "DROP TABLE IF EXISTS {place}; CREATE TEMPORARY TABLE {} ON COMMIT DELETE ROWS AS \
             SELECT 0::bigint AS {number}, {columns} FROM {} WHERE false; \
             ALTER TABLE {place} ADD PRIMARY KEY ({number}); {filled}\
             ALTER TABLE {place} ADD CONSTRAINT {} UNIQUE ({})",
            ident(NAME),
            self.target,
            ident(KEY),
            idents(&self.key)
        )
    }

    pub(super) fn copy(&self) -> String {
        format!("COPY {} ({}, {}) FROM STDIN", place(), ident(NUMBER), idents(self.names()))
    }

    /// Takes the rows numbered from `from` to before `to` over. Rows that are there as they are count as not affected.
    pub(super) fn merge(&self, (from, to): (i64, i64)) -> String {
        let columns = idents(self.names());
        let of =
            |table: &str| self.names().map(|name| format!("{table}.{}", ident(name))).collect::<Vec<_>>().join(", ");
        let settable = self.columns.iter().filter(|column| !(column.identity && self.key.contains(&column.name)));
        let set: Vec<String> = settable.map(|column| format!("{0} = excluded.{0}", ident(&column.name))).collect();
        let update = match set.as_slice() {
            [] => "NOTHING".to_owned(),
            set => format!(
                "UPDATE SET {} WHERE NOT pg_catalog.record_image_eq(ROW({}), ROW({}))",
                set.join(", "),
                of("standing"),
                of("excluded")
            ),
        };
        format!(
            "INSERT INTO {} AS standing ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {} \
             WHERE {} ORDER BY {} ON CONFLICT ({}) DO {update}",
            self.target,
            place(),
            within((from, to)),
            ident(NUMBER),
            idents(&self.key)
        )
    }

    /// How many of the rows a merge must affect, asked where triggers could leave some out without a word.
    pub(super) async fn owed(&self, connection: &mut PgConnection, range: (i64, i64)) -> sqlx::Result<Option<u64>> {
        if !self.triggered {
            return Ok(None);
        }
        let of =
            |table: &str| self.names().map(|name| format!("{table}.{}", ident(name))).collect::<Vec<_>>().join(", ");
        let same = self.key.iter().map(|name| format!("standing.{0} = coming.{0}", ident(name))).collect::<Vec<_>>();
        let statement = format!(
            "SELECT count(*) AS owed FROM {} AS coming WHERE {} AND NOT EXISTS \
             (SELECT FROM {} AS standing WHERE {} AND pg_catalog.record_image_eq(ROW({}), ROW({})))",
            place(),
            within(range),
            self.target,
            same.join(" AND "),
            of("standing"),
            of("coming")
        );
        let row = sql::first(connection, &statement).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Some(row.try_get::<i64, _>("owed")?.unsigned_abs()))
    }

    /// Takes back rows that the table refused, so that they stand in no other row's way.
    pub(super) fn without(numbers: &BTreeSet<i64>) -> String {
        let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
        format!("DELETE FROM {} WHERE {} IN ({})", place(), ident(NUMBER), numbers.join(", "))
    }
}

fn within((from, to): (i64, i64)) -> String {
    format!("{0} >= {from} AND {0} < {to}", ident(NUMBER))
}
