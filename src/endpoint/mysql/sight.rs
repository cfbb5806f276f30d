//! A look at some rows for what a declared type leaves open: whether a `tinyint(1)` is a truth value, whether a `time` is a
//! time of day, whether dates are on the calendar.
//!
//! One statement a table over so many rows, in no order: it says what is likely, and a run holds every row to it.

use super::{connect::Session, connect::text_at, sql, types::word_of};
use crate::{
    endpoint::Result,
    model::{Column, Sight, Sighting, Table},
};

const ROWS: u32 = 100_000;

/// What would show in a column, and the condition for a value to show it.
fn question(table: &Table, column: &Column) -> Option<(Sight, String)> {
    let name = sql::name(&column.name);
    let refers = |key: &Vec<String>| key.contains(&column.name);
    let in_key = refers(&table.key) || table.foreign_keys.iter().any(|key| refers(&key.columns));
    match word_of(&column.native) {
        "tinyint" if column.native.starts_with("tinyint(1)") && !in_key && !column.identity => {
            Some((Sight::OnlyTruth, format!("{name} NOT IN (0, 1)")))
        }
        "time" if !in_key => Some((Sight::BeyondADay, format!("{name} < '00:00:00' OR {name} > '24:00:00'"))),
        "date" | "datetime" | "timestamp" if !in_key => {
            Some((Sight::OffCalendar, format!("MONTH({name}) = 0 OR DAYOFMONTH({name}) = 0")))
        }
        _ => None,
    }
}

pub(super) async fn sightings(session: &mut Session, table: &Table) -> Result<Vec<Sighting>> {
    let questions: Vec<(&Column, Sight, String)> = table
        .columns
        .iter()
        .filter(|column| !column.generated)
        .filter_map(|column| question(table, column).map(|(sight, condition)| (column, sight, condition)))
        .collect();
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let counts = questions.iter().map(|(column, _, condition)| {
        format!("CAST(IFNULL(SUM({condition}), 0) AS CHAR), CAST(COUNT({}) AS CHAR)", sql::name(&column.name))
    });
    let columns: Vec<String> = questions.iter().map(|(column, ..)| column.name.clone()).collect();
    let statement = format!(
        "SELECT CAST(COUNT(*) AS CHAR), {} FROM (SELECT {} FROM {} LIMIT {ROWS}) looked",
        counts.collect::<Vec<_>>().join(", "),
        sql::names(&columns),
        sql::name(&table.name)
    );
    let answer = session.rows(statement, &[]).await?;
    let number = |at| answer.first().and_then(|row| text_at(row, at)).and_then(|text| text.parse().ok()).unwrap_or(0);
    let seen = questions.iter().enumerate().filter_map(|(index, (column, sight, _))| {
        let (values, filled): (u64, u64) = (number(1 + 2 * index), number(2 + 2 * index));
        let shows = if *sight == Sight::OnlyTruth { values == 0 && filled > 0 } else { values > 0 };
        shows.then(|| Sighting { column: column.name.clone(), sight: sight.clone(), values, rows: number(0) })
    });
    Ok(seen.collect())
}
