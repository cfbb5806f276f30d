//! The table in which a run's progress stands beside its rows.
//!
//! May not know how rows are loaded. One idea: a mark is written in the transaction of its rows, so the table never says
//! more or less than what is there.

use sqlx::{
    Row as _,
    postgres::{PgConnection, PgRow},
};

use crate::{
    endpoint::{Mark, Position, Result},
    model::{Counts, RunId},
};

use super::{
    error::failure,
    sql::{self, TableName, ident, literal},
};

const COLUMNS: &str =
    "run, table_name, chunk, end_position, read, written, skipped, flagged, filtered, unchanged, retried";

/// Makes the table. Two that make it at once can fail on each other even so; what counts is that it is there then.
pub(super) async fn prepare(connection: &mut PgConnection, place: &TableName) -> Result<()> {
    if is_there(connection, place).await.map_err(|error| failure(error, "cannot look for the marks"))? {
        return Ok(());
    }
    let statement = format!(
        "CREATE SCHEMA IF NOT EXISTS {}; CREATE TABLE IF NOT EXISTS {} (run text NOT NULL, table_name text NOT NULL, chunk bigint NOT NULL, \
         end_position text, read bigint NOT NULL, written bigint NOT NULL, skipped bigint NOT NULL, \
         flagged bigint NOT NULL, filtered bigint NOT NULL, unchanged bigint NOT NULL, retried text NOT NULL DEFAULT '', \
         committed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (run, table_name, chunk))",
        ident(&place.schema),
        place.quoted()
    );
    // One that is there needs no right to create another.
    let there = format!("SELECT FROM pg_namespace WHERE nspname = {}", literal(&place.schema));
    let there = sql::first(connection, &there).await.map_err(|error| failure(error, "cannot look for the marks"))?;
    let statement = match there {
        Some(_) => statement.split_once("; ").map_or(statement.as_str(), |(_, table)| table),
        None => &statement,
    };
    let Err(error) = sql::run(connection, statement).await else { return Ok(()) };
    match sql::run(connection, &format!("SELECT {COLUMNS} FROM {} LIMIT 0", place.quoted())).await {
        Ok(()) => Ok(()),
        Err(_) => Err(failure(error, format!("cannot create the table {}", place.quoted()))),
    }
}

async fn is_there(connection: &mut PgConnection, place: &TableName) -> sqlx::Result<bool> {
    let there = sqlx::query("SELECT to_regclass($1) IS NOT NULL AS there").bind(place.quoted());
    there.fetch_one(connection).await.and_then(|row| row.try_get("there"))
}

/// Deletes the marks of the runs, and the table where none of others is left; returns how many are.
pub(super) async fn forget(connection: &mut PgConnection, place: &TableName, runs: &[RunId]) -> Result<u64> {
    let failed = |error| failure(error, format!("cannot take away the marks in {}", place.quoted()));
    if !is_there(connection, place).await.map_err(failed)? {
        return Ok(0);
    }
    let runs: Vec<String> = runs.iter().map(|run| literal(&run.0)).collect();
    let table = place.quoted();
    // Locked first, so that no other run's mark comes in between.
    let delete = format!(
        "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; DELETE FROM {table} WHERE run IN ({})",
        if runs.is_empty() { "NULL".to_owned() } else { runs.join(", ") }
    );
    sql::run(connection, &delete).await.map_err(failed)?;
    let row = sql::first(connection, &format!("SELECT count(*) AS rows FROM {table}")).await.map_err(failed)?;
    let left: i64 = row.ok_or(sqlx::Error::RowNotFound).and_then(|row| row.try_get("rows")).map_err(failed)?;
    let end = if left == 0 { format!("DROP TABLE {table}; COMMIT") } else { "COMMIT".to_owned() };
    sql::run(connection, &end).await.map_err(failed)?;
    Ok(left.unsigned_abs())
}

/// All marks of the run; none where the table is not there yet.
pub(super) async fn of_run(connection: &mut PgConnection, place: &TableName, run: &RunId) -> Result<Vec<Mark>> {
    let failed = |error| failure(error, format!("cannot read the marks of run {run}"));
    if !is_there(connection, place).await.map_err(failed)? {
        return Ok(Vec::new());
    }
    let statement = format!("SELECT {COLUMNS} FROM {} WHERE run = $1 ORDER BY table_name, chunk", place.quoted());
    let rows = sql::query(statement).bind(&run.0).fetch_all(connection).await.map_err(failed)?;
    rows.iter().map(mark).collect::<sqlx::Result<_>>().map_err(failed)
}

fn mark(row: &PgRow) -> sqlx::Result<Mark> {
    let number = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    Ok(Mark {
        run: RunId(row.try_get("run")?),
        table: row.try_get("table_name")?,
        chunk: number("chunk")?,
        end: row.try_get::<Option<String>, _>("end_position")?.map(Position),
        counts: Counts {
            read: number("read")?,
            written: number("written")?,
            skipped: number("skipped")?,
            flagged: number("flagged")?,
            filtered: number("filtered")?,
            unchanged: number("unchanged")?,
        },
        retried: row.try_get("retried")?,
    })
}

/// Writes the mark into the transaction that is open.
pub(super) async fn write(connection: &mut PgConnection, place: &TableName, mark: &Mark) -> sqlx::Result<()> {
    let statement = format!("INSERT INTO {} ({COLUMNS}) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)", place.quoted());
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let counts = &mark.counts;
    let query = sql::query(statement)
        .bind(&mark.run.0)
        .bind(&mark.table)
        .bind(number(mark.chunk))
        .bind(mark.end.as_ref().map(|end| &end.0))
        .bind(number(counts.read))
        .bind(number(counts.written))
        .bind(number(counts.skipped))
        .bind(number(counts.flagged))
        .bind(number(counts.filtered))
        .bind(number(counts.unchanged))
        .bind(&mark.retried);
    query.execute(connection).await.map(|_| ())
}
