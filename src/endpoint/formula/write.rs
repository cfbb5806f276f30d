//! From a formula to a system's words.

use super::Tongue;
use crate::model::{Column, ColumnType, Formula};

/// The formula as a condition, every part in brackets of its own; `None` where the system has no words for it.
pub(in crate::endpoint) fn write(tongue: &dyn Tongue, formula: &Formula) -> Option<String> {
    let part = |formula: &Formula| write(tongue, formula);
    let all = |parts: &[Formula], between: &str| {
        let parts = parts.iter().map(part).collect::<Option<Vec<_>>>()?;
        Some(format!("({})", parts.join(between)))
    };
    Some(match formula {
        Formula::Column { name, .. } => tongue.name(name),
        Formula::Number(digits) => digits.clone(),
        Formula::Text(text) => tongue.text(text),
        Formula::Boolean(value) => if *value { "TRUE" } else { "FALSE" }.into(),
        Formula::Date(text) => tongue.date(text),
        Formula::Timestamp(text) => tongue.timestamp(text)?,
        Formula::Null => "NULL".into(),
        Formula::Now | Formula::Instant | Formula::Today => return None,
        Formula::Length(of) => tongue.length(part(of)?),
        Formula::Octets(of) => tongue.octets(part(of)?),
        Formula::Arithmetic(left, sign, right) => format!("({} {sign} {})", part(left)?, part(right)?),
        Formula::Compare(left, how, right) => format!("({} {} {})", part(left)?, how.sign(), part(right)?),
        Formula::In(value, list) => format!("({} IN {})", part(value)?, all(list, ", ")?),
        Formula::IsNull(value) => format!("({} IS NULL)", part(value)?),
        Formula::And(parts) => all(parts, " AND ")?,
        Formula::Or(parts) => all(parts, " OR ")?,
        Formula::Not(inner) => match &**inner {
            Formula::IsNull(value) => format!("({} IS NOT NULL)", part(value)?),
            Formula::In(value, list) => format!("({} NOT IN {})", part(value)?, all(list, ", ")?),
            other => format!("(NOT {})", part(other)?),
        },
    })
}

/// A default for a column of this system.
pub(in crate::endpoint) fn literal(tongue: &dyn Tongue, formula: &Formula, column: &Column) -> Option<String> {
    match (formula, &column.ty) {
        (Formula::Null, _) => Some("NULL".into()),
        (Formula::Instant, ColumnType::Timestamp { zone: false }) => Some(tongue.utc(column)),
        (Formula::Now | Formula::Instant, ColumnType::Timestamp { .. }) => tongue.now(column),
        (Formula::Today, ColumnType::Date) => Some(tongue.today()),
        (Formula::Now | Formula::Instant | Formula::Today, _) => None,
        (Formula::Boolean(value), ColumnType::Integer { .. }) => Some(u8::from(*value).to_string()),
        (Formula::Number(digits), ColumnType::Text { .. }) => Some(tongue.text(digits)),
        (Formula::Text(_), ColumnType::Json | ColumnType::Uuid | ColumnType::Text { .. } | ColumnType::Other(_)) => {
            write(tongue, formula)
        }
        (literal, ty) if literal.kind().is_some_and(|kind| kind.fits(ty)) => write(tongue, literal),
        _ => None,
    }
}
