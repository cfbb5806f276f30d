//! What stands beside a table's rows, put back to where it was: its counter; and tables that are taken away again.

use super::{connect::Session, finish::next, sql};
use crate::{endpoint::Result, model::CounterStand};

/// As the column that it fills declares it.
const NAME: &str = "AUTO_INCREMENT";

/// How many seconds a statement that changes a table waits for whoever uses it.
const PATIENCE: u32 = 30;

pub(super) async fn counters(session: &mut Session, table: &str) -> Result<Vec<CounterStand>> {
    let stand = |value| CounterStand { name: NAME.to_owned(), value, given: false };
    Ok(next(session, table).await?.map(stand).into_iter().collect())
}

/// The server itself never sets a counter back to ids that are there.
pub(super) async fn set_counters(session: &mut Session, table: &str, stands: &[CounterStand]) -> Result<()> {
    let now = next(session, table).await?;
    for stand in stands.iter().filter(|stand| now != Some(stand.value)) {
        session.execute(format!("SET SESSION lock_wait_timeout = {PATIENCE}")).await?;
        let statement = format!("ALTER TABLE {} {NAME} = {}", sql::name(table), stand.value);
        let context = format!("cannot set the counter of table '{table}'");
        session.execute(statement).await.map_err(|error| error.during(context))?;
    }
    Ok(())
}

pub(super) async fn drop_tables(session: &mut Session, tables: &[String]) -> Result<()> {
    session.execute(format!("SET SESSION lock_wait_timeout = {PATIENCE}")).await?;
    for table in tables {
        let dropped = session.execute(format!("DROP TABLE IF EXISTS {}", sql::name(table))).await;
        dropped.map_err(|error| error.during(format!("cannot drop table '{table}'")))?;
    }
    Ok(())
}
