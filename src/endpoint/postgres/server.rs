//! What of the server itself stands in the way of rows: its disk, its version, its settings.

use sqlx::{Row as _, postgres::PgConnection};

use crate::endpoint::{Result, Space};

use super::{error::failure, sql};

/// The oldest version that this room knows.
const OLDEST: u32 = 120_000;

async fn text(connection: &mut PgConnection, statement: &str) -> sqlx::Result<Option<String>> {
    let row = sql::first(connection, statement).await?;
    row.map(|row| row.try_get::<Option<String>, _>(0)).transpose().map(Option::flatten)
}

pub(super) async fn space(connection: &mut PgConnection, local: bool) -> Result<Space> {
    let failed = |error| failure(error, "cannot look at the server's disk");
    let allowed =
        "SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'member') THEN current_setting('data_directory') END";
    let folder = text(connection, allowed).await.map_err(failed)?;
    let size = text(connection, "SELECT pg_database_size(current_database())::text").await.map_err(failed)?;
    let size = size.and_then(|size| size.parse().ok());
    Ok(Space::of_server("PostgreSQL", local, folder.as_deref(), size))
}

pub(super) async fn cautions(connection: &mut PgConnection, version: u32) -> Result<Vec<String>> {
    let failed = |error| failure(error, "cannot look at the server's settings");
    let mut cautions = Vec::new();
    if (1..OLDEST).contains(&version) {
        cautions.push(format!("the server is of version {}; 12 is the oldest that was tried", version / 10_000));
    }
    let encoding = text(connection, "SELECT current_setting('server_encoding')").await.map_err(failed)?;
    if let Some(encoding) = encoding.filter(|encoding| encoding != "UTF8") {
        cautions.push(format!(
            "the database is in {encoding}: a text with a character that {encoding} lacks will be a fault; CREATE DATABASE \
             ... ENCODING 'UTF8' TEMPLATE template0 makes one that takes all"
        ));
    }
    let standby = text(connection, "SELECT pg_is_in_recovery()::text").await.map_err(failed)?;
    if standby.as_deref() == Some("true") {
        cautions.push("the server is a standby and takes no writes; connect to its primary".to_owned());
    }
    Ok(cautions)
}
