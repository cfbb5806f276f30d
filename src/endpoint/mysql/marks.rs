//! The table in which a run's progress stands beside its rows.
//!
//! May not know how rows are loaded. One idea: a mark is written in the transaction of its rows, so the table never says
//! more or less than what is there.

use sqlx::{Arguments as _, mysql::MySqlArguments};

use super::{
    connect::{Session, text_at},
    sql::{self, Place},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Mark, Position, Result},
    model::{Counts, RunId},
};

const COLUMNS: &str = "`run`, `table_name`, `chunk`, `end_position`, `rows_read`, `rows_written`, `rows_skipped`, \
                       `rows_flagged`, `rows_filtered`, `rows_unchanged`, `retried`";

/// Makes the table of marks unless it is there: an account that may write but not create can use one made for it.
pub(super) async fn prepare(session: &mut Session, place: &Place) -> Result<()> {
    if exist(session, place).await? {
        return Ok(());
    }
    session.execute(create(place)).await.map_err(|error| error.during("cannot make the table of marks"))
}

pub(super) fn create(place: &Place) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\n  `run` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,\n  \
         `table_name` varchar(191) NOT NULL,\n  `chunk` bigint unsigned NOT NULL,\n  `end_position` longtext NULL,\n  \
         `rows_read` bigint unsigned NOT NULL,\n  `rows_written` bigint unsigned NOT NULL,\n  \
         `rows_skipped` bigint unsigned NOT NULL,\n  `rows_flagged` bigint unsigned NOT NULL,\n  \
         `rows_filtered` bigint unsigned NOT NULL,\n  `rows_unchanged` bigint unsigned NOT NULL,\n  \
         `retried` varchar(64) NOT NULL,\n  \
         `committed_at` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),\n  \
         PRIMARY KEY (`run`, `table_name`, `chunk`)\n) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        place.quoted()
    )
}

pub(super) async fn exist(session: &mut Session, place: &Place) -> Result<bool> {
    let statement = "SELECT '1' FROM information_schema.TABLES WHERE TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) \
                     AND TABLE_NAME = ?";
    let database = place.database.as_deref().unwrap_or_default();
    Ok(session.value(statement, &[database, &place.table]).await?.is_some())
}

pub(super) async fn of_run(session: &mut Session, place: &Place, run: &RunId) -> Result<Vec<Mark>> {
    if !exist(session, place).await? {
        return Ok(Vec::new());
    }
    let number = |name: &str| format!("CAST(`{name}` AS CHAR)");
    let numbers =
        ["chunk", "rows_read", "rows_written", "rows_skipped", "rows_flagged", "rows_filtered", "rows_unchanged"];
    let statement = format!(
        "SELECT `table_name`, `end_position`, `retried`, {} FROM {} WHERE `run` = ? ORDER BY `table_name`, `chunk`",
        numbers.map(number).join(", "),
        place.quoted()
    );
    let rows = session.rows(statement, &[&run.0]).await.map_err(|error| error.during("cannot read the marks"))?;
    let mark = |row| {
        let text = |index| text_at(row, index).unwrap_or_default();
        let number = |index| text(index).parse::<u64>().unwrap_or(0);
        Mark {
            run: run.clone(),
            table: text(0),
            chunk: number(3),
            end: text_at(row, 1).map(Position),
            counts: Counts {
                read: number(4),
                written: number(5),
                skipped: number(6),
                flagged: number(7),
                filtered: number(8),
                unchanged: number(9),
            },
            retried: text(2),
        }
    };
    Ok(rows.iter().map(mark).collect())
}

/// Writes the mark into the transaction that is open.
pub(super) async fn write(session: &mut Session, place: &Place, mark: &Mark) -> Result<()> {
    let mut arguments = MySqlArguments::default();
    let counts = &mark.counts;
    let end = mark.end.as_ref().map(|end| end.0.as_str());
    let numbers = [counts.read, counts.written, counts.skipped, counts.flagged, counts.filtered, counts.unchanged];
    let added = arguments
        .add(mark.run.0.as_str())
        .and_then(|()| arguments.add(mark.table.as_str()))
        .and_then(|()| arguments.add(mark.chunk))
        .and_then(|()| arguments.add(end))
        .and_then(|()| numbers.iter().try_for_each(|number| arguments.add(*number)))
        .and_then(|()| arguments.add(mark.retried.as_str()));
    added.map_err(|error| EndpointError::new(ErrorKind::Other, "cannot write a mark", error.to_string()))?;
    let statement = format!("INSERT INTO {} ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", place.quoted());
    match session.run(&statement, arguments, true).await? {
        Ok(_) => Ok(()),
        Err(complaint) => Err(complaint.into_error("cannot write a mark")),
    }
}

/// Deletes the marks of the runs, and the table where none of others is left; returns how many are. Under a lock, so that
/// no other run's mark comes in between.
pub(super) async fn forget(session: &mut Session, place: &Place, runs: &[RunId]) -> Result<u64> {
    if !exist(session, place).await? {
        return Ok(0);
    }
    let table = place.quoted();
    session.execute(format!("LOCK TABLES {table} WRITE")).await?;
    let left = take_out(session, &table, runs).await;
    session.execute("UNLOCK TABLES").await?;
    left.map_err(|error| error.during(format!("cannot take away the marks in {place}")))
}

async fn take_out(session: &mut Session, table: &str, runs: &[RunId]) -> Result<u64> {
    for run in runs {
        session.execute(format!("DELETE FROM {table} WHERE `run` = {}", sql::quoted(&run.0))).await?;
    }
    let left = session.value(format!("SELECT CAST(COUNT(*) AS CHAR) FROM {table}"), &[]).await?;
    let left = left.and_then(|text| text.parse().ok()).unwrap_or(0);
    if left == 0 {
        session.execute(format!("DROP TABLE {table}")).await?;
    }
    Ok(left)
}
