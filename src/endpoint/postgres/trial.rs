//! Rows that the table will probably refuse, tried one by one inside of the server.
//!
//! Decides nothing. One idea: a COPY of one row and its savepoint are two journeys, and a batch may hold thousands of
//! suspects; a function of the session inserts each in a block of its own and gives back what the server said of those that
//! it refused, so that all of them are one COPY and one query.

use datafusion::arrow::record_batch::RecordBatch;
use sqlx::{Row as _, postgres::PgConnection};

use super::{
    catalog,
    encode::{Lines, Mistyped, Target},
    load::send,
    refusal::Complaint,
    sql::{self, TableName, ident, idents},
};
use crate::endpoint::Refusal;

/// The temporary table, and the function over it.
const NAME: &str = "whimbrel_trial";
/// Its first column: the number of the line.
const NUMBER: &str = "whimbrel row";

/// Fewer suspects are as well tried by a COPY each.
pub(super) const FEW: usize = 2;

/// What the server said of the rows that were tried.
pub(super) struct Outcome {
    /// The line, and the complaint about it.
    pub(super) refused: Vec<(usize, Complaint)>,
    /// Rows that the table took.
    pub(super) taken: u64,
}

pub(super) struct Trial {
    statement: String,
    pub(super) lines: Lines,
}

impl Trial {
    /// `None` where an INSERT would not do what a COPY does, since the table rewrites it.
    pub(super) async fn make(
        connection: &mut PgConnection,
        name: &TableName,
        targets: &[Target],
    ) -> sqlx::Result<Option<Self>> {
        if catalog::is_rewritten(connection, name).await? {
            return Ok(None);
        }
        let columns = idents(targets.iter().map(|target| &target.column.name));
        let (place, number) = (format!("pg_temp.{}", ident(NAME)), ident(NUMBER));
        let create = format!(
            "DROP TABLE IF EXISTS {place} CASCADE; CREATE TEMPORARY TABLE {} ON COMMIT DELETE ROWS AS \
             SELECT 0::bigint AS {number}, {columns} FROM {} WHERE false; {}",
            ident(NAME),
            name.quoted(),
            function(name, targets)
        );
        sql::run(connection, &create).await?;
        let statement = format!("COPY {place} ({number}, {columns}) FROM STDIN");
        Ok(Some(Self { statement, lines: Lines::numbered() }))
    }

    /// Puts rows into a form that can be sent; those that cannot be are returned.
    pub(super) fn fill(&mut self, batch: &RecordBatch, targets: &[Target]) -> Result<Vec<Refusal>, Mistyped> {
        self.lines.fill(batch, targets)
    }

    /// Tries the rows as they were filled, in their order. An error that is about data is one of a row that not even the
    /// temporary table takes.
    pub(super) async fn run(&self, connection: &mut PgConnection) -> sqlx::Result<Outcome> {
        sql::run(connection, &format!("TRUNCATE pg_temp.{}", ident(NAME))).await?;
        send(connection, &self.lines.copy(&self.statement), self.lines.pieces(0, self.lines.len())).await?;
        let rows = sql::rows(connection, &format!("SELECT * FROM pg_temp.{}()", ident(NAME))).await?;
        let mut outcome = Outcome { refused: Vec::new(), taken: 0 };
        for row in &rows {
            let number: i64 = row.try_get("told_number")?;
            match row.try_get::<Option<String>, _>("told_state")? {
                Some(code) => {
                    let text = |name: &str| row.try_get::<String, _>(name);
                    let words = (text("told_message")?, text("told_detail")?);
                    let complaint = Complaint::told(code, words, text("told_column")?, text("told_constraint")?);
                    outcome.refused.push((usize::try_from(number).unwrap_or(0), complaint));
                }
                None => outcome.taken = number.unsigned_abs(),
            }
        }
        Ok(outcome)
    }
}

/// Gives a row for each refused one, and a last one without a state that says how many were taken. It catches what the
/// loader takes for a fault of a row; anything else ends the query.
fn function(name: &TableName, targets: &[Target]) -> String {
    let columns = idents(targets.iter().map(|target| &target.column.name));
    let values: Vec<String> = targets.iter().map(|target| format!("coming.{}", ident(&target.column.name))).collect();
    let body = format!(
        "DECLARE coming record; took bigint; in_all bigint := 0;
BEGIN
  FOR coming IN SELECT * FROM pg_temp.{temporary} ORDER BY {number} LOOP
    BEGIN
      INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({values});
      GET DIAGNOSTICS took = ROW_COUNT;
      in_all := in_all + took;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR datatype_mismatch OR generated_always
        OR cardinality_violation THEN
      GET STACKED DIAGNOSTICS told_state = RETURNED_SQLSTATE, told_message = MESSAGE_TEXT,
        told_detail = PG_EXCEPTION_DETAIL, told_column = COLUMN_NAME, told_constraint = CONSTRAINT_NAME;
      told_number := coming.{number};
      RETURN NEXT;
    END;
  END LOOP;
  told_number := in_all;
  told_state := NULL;
  RETURN NEXT;
END",
        temporary = ident(NAME),
        number = ident(NUMBER),
        target = name.quoted(),
        values = values.join(", "),
    );
    format!(
        "CREATE OR REPLACE FUNCTION pg_temp.{}(OUT told_number bigint, OUT told_state text, OUT told_message text, \
         OUT told_detail text, OUT told_column text, OUT told_constraint text) RETURNS SETOF record LANGUAGE plpgsql AS {}",
        ident(NAME),
        sql::literal(&body)
    )
}
