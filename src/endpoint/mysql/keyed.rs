//! Rows found by their keys.

use datafusion::arrow::record_batch::RecordBatch;
use serde_json::Value;

use super::{
    catalog::{ColumnFacts, Facts},
    encode::{Bound, Target},
    keys::KeyKind,
    sql,
};
use crate::endpoint::{EndpointError, ErrorKind, Result};

/// How many keys go into one statement.
const KEYS: usize = 1_000;

/// Conditions that hold, one after another, for the rows that have these keys.
pub(super) fn conditions(facts: &Facts, keys: &RecordBatch) -> Result<Vec<String>> {
    let schema = keys.schema();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let columns = names.iter().map(|name| facts.column(name)).collect::<Option<Vec<_>>>();
    let columns = columns.ok_or_else(|| unusable("a column of the key is gone"))?;
    let targets: Vec<Target> = columns.iter().map(|facts| Target::new(facts)).collect();
    let mut brackets = Vec::with_capacity(keys.num_rows());
    for row in 0..keys.num_rows() {
        let mut literals = Vec::with_capacity(targets.len());
        for (place, (target, facts)) in targets.iter().zip(&columns).enumerate() {
            let bound = target.bound(keys.column(place), row).map_err(|objection| unusable(&objection.message))?;
            literals.push(literal(&bound, facts)?);
        }
        brackets.push(format!("({})", literals.join(", ")));
    }
    let condition = |brackets: &[String]| format!("({}) IN ({})", sql::names(&names), brackets.join(", "));
    Ok(brackets.chunks(KEYS).map(condition).collect())
}

fn literal(bound: &Bound<'_>, facts: &ColumnFacts) -> Result<String> {
    let text = |text: &str| match (&facts.charset, &facts.collation) {
        (Some(charset), Some(collation)) => {
            let kind = KeyKind::Text { charset: charset.clone(), collation: collation.clone() };
            kind.literal(&Value::String(text.to_owned()))
        }
        _ => Ok(sql::quoted(text)),
    };
    match bound {
        Bound::Integer(number) => Ok(number.to_string()),
        Bound::Unsigned(number) => Ok(number.to_string()),
        Bound::Text(value) => text(value),
        Bound::Made(value) => text(value),
        Bound::Bytes(bytes) => Ok(sql::bytes(bytes)),
        Bound::Null | Bound::Nowhere | Bound::Float(_) | Bound::Double(_) | Bound::Spatial(..) => {
            Err(unusable("no literal compares exactly with its values"))
        }
    }
}

fn unusable(message: &str) -> EndpointError {
    EndpointError::new(ErrorKind::Other, "cannot find rows by their keys", message)
}
