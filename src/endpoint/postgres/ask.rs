//! A query of the operator's own, asked for one value.
//!
//! One idea: it stands as a subquery in a statement of ours, prepared and in a transaction that only reads, so that it can
//! neither be two statements nor end that transaction nor write.

use sqlx::{Executor as _, Row as _, postgres::PgConnection};

use super::{
    error::{complaint, failure},
    sql,
};
use crate::endpoint::{Asked, Result, asked::bare};

const CONTEXT: &str = "the query cannot be asked";

fn scalar(query: &str) -> String {
    format!("SELECT (\n{}\n)::text AS value", bare(query))
}

pub(super) async fn ask(reader: &mut PgConnection, query: &str) -> Result<Asked> {
    let row = match sql::query(scalar(query)).persistent(false).fetch_one(&mut *reader).await {
        Ok(row) => row,
        Err(error) => return shape(&error).ok_or_else(|| failure(error, CONTEXT)),
    };
    let value: Option<String> = row.try_get("value").map_err(|error| failure(error, CONTEXT))?;
    if let Some(value) = value {
        return Ok(Asked::Value(value));
    }
    let exists = sql::query(format!("SELECT EXISTS (\n{}\n) AS there", bare(query))).persistent(false);
    let row = exists.fetch_one(reader).await.map_err(|error| failure(error, CONTEXT))?;
    let there: bool = row.try_get("there").map_err(|error| failure(error, CONTEXT))?;
    Ok(if there { Asked::Null } else { Asked::NoRow })
}

pub(super) async fn prepares(reader: &mut PgConnection, query: &str) -> Result<()> {
    let prepared = reader.prepare(sql::statement(scalar(query))).await;
    prepared.map(drop).map_err(|error| failure(error, CONTEXT))
}

/// Where the complaint is that the answer is no single value.
fn shape(error: &sqlx::Error) -> Option<Asked> {
    let complaint = complaint(error)?;
    match complaint.code() {
        "21000" => Some(Asked::ManyRows),
        // By its routine, since the words come in the server's language.
        "42601" if complaint.routine() == Some("transformSubLink") => Some(Asked::ManyColumns),
        _ => None,
    }
}
