//! A query of the operator's own, asked for one value.
//!
//! One idea: it stands as a subquery in a statement of ours, prepared and in a transaction that only reads, so that it can
//! neither be two statements nor end that transaction nor write.

use super::connect::{Session, text_at};
use crate::endpoint::{Asked, Result, asked::bare};

const CONTEXT: &str = "the query cannot be asked";

fn scalar(query: &str) -> String {
    format!("SELECT CAST((\n{}\n) AS CHAR) AS value", bare(query))
}

pub(super) async fn ask(session: &mut Session, query: &str) -> Result<Asked> {
    let rows = match session.rows(scalar(query), &[]).await {
        Ok(rows) => rows,
        Err(error) => {
            return match error.code.as_deref() {
                Some("1241") => Ok(Asked::ManyColumns),
                Some("1242") => Ok(Asked::ManyRows),
                _ => Err(error.during(CONTEXT)),
            };
        }
    };
    if let Some(value) = rows.first().and_then(|row| text_at(row, 0)) {
        return Ok(Asked::Value(value));
    }
    let exists = format!("SELECT CAST(EXISTS (\n{}\n) AS CHAR)", bare(query));
    let there = session.value(exists, &[]).await.map_err(|error| error.during(CONTEXT))?;
    Ok(if there.as_deref() == Some("1") { Asked::Null } else { Asked::NoRow })
}

pub(super) async fn prepares(session: &mut Session, query: &str) -> Result<()> {
    session.probe(scalar(query)).await.map_err(|error| error.during(CONTEXT))
}
