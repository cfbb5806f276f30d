//! Expressions out of one system's words and into another's.
//!
//! Knows SQL's grammar and no system: what a system says in its own way, its [`Tongue`] tells. One idea: what is not
//! certain to mean the same is no formula at all, and its reader says so rather than guess.

mod read;
mod write;

use datafusion::sql::sqlparser::dialect::Dialect;

use crate::model::{Column, Formula, Kind};

pub(super) use read::{default, expression};
pub(super) use write::{literal, write};

/// How a system spells what formulas are made of.
pub(super) trait Tongue: Sync {
    fn grammar(&self) -> &'static dyn Dialect;

    /// What a call means; `None` where it means something that formulas do not hold. `name` is in lower case.
    fn call(&self, name: &str, arguments: &[Formula]) -> Option<Formula>;

    fn name(&self, name: &str) -> String;

    fn text(&self, text: &str) -> String;

    fn date(&self, text: &str) -> String;

    /// `None` where text and time stamps of the system do not compare for certain.
    fn timestamp(&self, text: &str) -> Option<String>;

    fn length(&self, of: String) -> String;

    fn octets(&self, of: String) -> String;

    /// The current date and time as the default of a column.
    fn now(&self, column: &Column) -> Option<String>;

    /// The current moment as the default of a column that holds the clock time of UTC.
    fn utc(&self, column: &Column) -> String;

    /// The current date as the default of a column.
    fn today(&self) -> String;
}

/// What every system's functions mean alike.
pub(super) fn common_call(name: &str, arguments: &[Formula]) -> Option<Formula> {
    match (name, arguments) {
        ("current_timestamp", [] | [Formula::Number(_)]) => Some(Formula::Now),
        ("current_date", []) => Some(Formula::Today),
        ("char_length" | "character_length", [text]) if is_text(text) => Some(Formula::Length(Box::new(text.clone()))),
        ("octet_length", [text]) if is_text(text) => Some(Formula::Octets(Box::new(text.clone()))),
        _ => None,
    }
}

pub(super) fn is_text(formula: &Formula) -> bool {
    formula.kind() == Some(Kind::Text)
}

/// Whether this is a day of the calendar, from year 1 to 9999, as `2024-02-29`.
fn is_date(text: &str) -> bool {
    text.len() == 10 && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok_and(|_| !text.starts_with("0000"))
}

/// Whether this is `2024-02-29 23:59:59`, with at most six digits behind the seconds.
fn is_timestamp(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction = (1..=6).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = chrono::NaiveDateTime::parse_from_str(whole, "%Y-%m-%d %H:%M:%S").is_ok();
    is_fraction && is_whole && whole.get(..10).is_some_and(is_date)
}

/// Whether this is a decimal number as every system reads it.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_system_reads_is_a_literal() {
        assert!(is_date("2024-02-29") && !is_date("2023-02-29") && !is_date("0000-00-00") && !is_date("2024-2-9"));
        assert!(is_timestamp("2024-02-29 23:59:59.5") && is_timestamp("2024-02-29 00:00:00"));
        assert!(!is_timestamp("2024-02-29") && !is_timestamp("0000-00-00 00:00:00"));
        assert!(!is_timestamp("2024-02-29 00:00:00+00") && !is_timestamp("2024-02-29 00:00:00.1234567"));
        assert!(is_number("-1.50") && is_number("0") && !is_number("1e5") && !is_number("") && !is_number("1."));
    }
}
