//! What stands beside a table's rows, put back to where it was: its sequences; and tables that are taken away again.

use sqlx::{Row as _, postgres::PgConnection};

use crate::{endpoint::Result, model::CounterStand};

use super::{
    error::failure,
    sequences::SEQUENCES,
    sql::{self, TableName, literal},
};

/// Every sequence that fills a column of the table, with the value that it gave last or gives first.
pub(super) async fn counters(connection: &mut PgConnection, place: &TableName) -> Result<Vec<CounterStand>> {
    let failed = |error| failure(error, format!("cannot read the sequences of {}", place.name));
    let found = sqlx::query(SEQUENCES).bind(&place.schema).bind(&place.name);
    let found = found.fetch_all(&mut *connection).await.map_err(failed)?;
    let names = found.iter().map(|row| row.try_get("sequence")).collect::<sqlx::Result<Vec<String>>>();
    let mut names = names.map_err(failed)?;
    names.sort_unstable();
    names.dedup();
    let mut stands = Vec::with_capacity(names.len());
    for name in names {
        let row = sql::first(connection, &format!("SELECT last_value, is_called FROM {name}")).await;
        let row = row.and_then(|row| row.ok_or(sqlx::Error::RowNotFound)).map_err(failed)?;
        let value: i64 = row.try_get("last_value").map_err(failed)?;
        let given = row.try_get("is_called").map_err(failed)?;
        stands.push(CounterStand { name, value: value.into(), given });
    }
    Ok(stands)
}

pub(super) async fn set_counters(connection: &mut PgConnection, stands: &[CounterStand]) -> Result<()> {
    for CounterStand { name, value, given } in stands {
        let set = sql::run(connection, &format!("SELECT setval({}, {value}, {given})", literal(name))).await;
        set.map_err(|error| failure(error, format!("cannot set the sequence {name} to {value}")))?;
    }
    Ok(())
}

/// All in one statement, so that foreign keys between them are in nobody's way; what else depends on one keeps them all.
pub(super) async fn drop_tables(connection: &mut PgConnection, tables: &[TableName]) -> Result<()> {
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = tables.iter().map(TableName::quoted).collect();
    let dropped = sql::run(connection, &format!("DROP TABLE IF EXISTS {}", names.join(", "))).await;
    dropped.map_err(|error| failure(error, format!("cannot drop {}", names.join(", "))))
}
