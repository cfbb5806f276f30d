//! Sequences that fill columns: moved past what was loaded, never back.

use sqlx::{
    Row as _,
    postgres::{PgConnection, PgRow},
};

use crate::{endpoint::Result, model::Table};

use super::{
    error::failure,
    finish::remark,
    sql::{self, TableName, ident, literal},
};

/// Moves every sequence that fills a column of the table past the values that were loaded, and past what the source's had
/// given. Then reads it again. What does not hold is told in sentences.
pub(super) async fn move_all(connection: &mut PgConnection, schema: &str, table: &Table) -> Result<Vec<String>> {
    let place = TableName::parse(&table.name, schema);
    let mut remarks = Vec::new();
    for sequence in of(connection, table, &place).await? {
        match sql::run(connection, &sequence.statement(&place)).await {
            Ok(()) => remarks.extend(behind_one(connection, table, &place, &sequence).await?),
            Err(error) => {
                let what = format!("cannot move the sequence of {}.{}", table.name, sequence.column);
                remarks.push(remark(failure(error, what), "")?);
            }
        }
    }
    Ok(remarks)
}

/// The table's sequences that would give a value that is there already.
pub(super) async fn behind(connection: &mut PgConnection, schema: &str, table: &Table) -> Result<Vec<String>> {
    let place = TableName::parse(&table.name, schema);
    let mut remarks = Vec::new();
    for sequence in of(connection, table, &place).await? {
        remarks.extend(behind_one(connection, table, &place, &sequence).await?);
    }
    Ok(remarks)
}

async fn of(connection: &mut PgConnection, table: &Table, place: &TableName) -> Result<Vec<Sequence>> {
    let failed = |error| failure(error, format!("cannot find the sequences of {}", table.name));
    let query = sqlx::query(SEQUENCES).bind(&place.schema).bind(&place.name);
    let rows = query.fetch_all(connection).await.map_err(failed)?;
    let sequence = |row: &PgRow| -> sqlx::Result<Sequence> {
        let column: String = row.try_get("column")?;
        let step: i64 = row.try_get("step")?;
        let counter = table.column(&column).and_then(|column| column.counter.as_ref());
        Ok(Sequence {
            name: row.try_get("sequence")?,
            rising: row.try_get("rising")?,
            given: counter.and_then(|counter| counter.next).map(|next| next.saturating_sub(step)),
            column,
        })
    };
    rows.iter().map(sequence).collect::<sqlx::Result<_>>().map_err(failed)
}

/// A sequence that would still give a value that is there fails the first insert after the migration.
async fn behind_one(
    connection: &mut PgConnection,
    table: &Table,
    place: &TableName,
    sequence: &Sequence,
) -> Result<Option<String>> {
    let failed = |error| failure(error, format!("cannot read the sequence of {}.{}", table.name, sequence.column));
    let row = sql::first(connection, &sequence.question(place)).await.map_err(failed)?;
    let row = row.ok_or(sqlx::Error::RowNotFound).map_err(failed)?;
    if row.try_get::<bool, _>("beyond").map_err(failed)? {
        return Ok(None);
    }
    let (next, extreme): (i64, Option<i64>) =
        (row.try_get("next").map_err(failed)?, row.try_get("extreme").map_err(failed)?);
    Ok(Some(format!(
        "The sequence {} would give {next} next, and {}.{} holds {} already: give it a START or MAXVALUE that fits, with \
         ALTER SEQUENCE.",
        sequence.name,
        table.name,
        sequence.column,
        extreme.unwrap_or_default()
    )))
}

/// Sequences that a column owns (identity, serial) or that its default draws from.
pub(super) const SEQUENCES: &str = "
    SELECT DISTINCT a.attname::text AS column, format('%I.%I', sn.nspname, s.relname) AS sequence,
           q.seqincrement > 0 AS rising, q.seqincrement AS step
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    JOIN pg_depend e
      ON (e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_class'::regclass
          AND e.refobjid = a.attrelid AND e.refobjsubid = a.attnum AND e.deptype IN ('a', 'i'))
      OR (e.classid = 'pg_attrdef'::regclass AND e.objid = d.oid AND e.refclassid = 'pg_class'::regclass)
    JOIN pg_class s ON s.relkind = 'S'
     AND s.oid = CASE WHEN e.classid = 'pg_class'::regclass THEN e.objid ELSE e.refobjid END
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_sequence q ON q.seqrelid = s.oid
    WHERE a.attrelid = format('%I.%I', $1::text, $2::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped";

struct Sequence {
    column: String,
    /// Quoted, with its schema.
    name: String,
    rising: bool,
    /// The last value that the source's counter may have given.
    given: Option<i64>,
}

impl Sequence {
    /// The most extreme value of the column, as `m.value`; NULL where there is none.
    fn extreme(&self, table: &TableName, given: Option<i64>) -> String {
        let aggregate = if self.rising { "max" } else { "min" };
        let column = format!("{aggregate}({})::bigint", ident(&self.column));
        let value = match given.filter(|given| self.rising && *given > 0) {
            Some(given) => format!("greatest({column}, {given})"),
            None => column,
        };
        format!("(SELECT {value} AS value FROM {}) m", table.quoted())
    }

    fn statement(&self, table: &TableName) -> String {
        let beyond = if self.rising { ">" } else { "<" };
        format!(
            "SELECT setval({}, m.value) FROM {}, {} s \
             WHERE m.value {beyond} s.last_value OR m.value = s.last_value AND NOT s.is_called",
            literal(&self.name),
            self.extreme(table, self.given),
            self.name
        )
    }

    /// Whether the value that comes next lies beyond all that are there.
    fn question(&self, table: &TableName) -> String {
        let beyond = if self.rising { ">" } else { "<" };
        format!(
            "SELECT n.next, m.value AS extreme, coalesce(n.next {beyond} m.value, true) AS beyond FROM {}, \
             (SELECT CASE WHEN s.is_called THEN s.last_value + q.seqincrement ELSE s.last_value END AS next \
              FROM {} s, pg_sequence q WHERE q.seqrelid = {}::regclass) n",
            self.extreme(table, None),
            self.name,
            literal(&self.name)
        )
    }
}
