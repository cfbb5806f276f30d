//! A complaint of the server about a row's data, and the row, column and cause that it names.
//!
//! May not talk to a server. One idea: messages come in the server's language, so a line is found by the table's name
//! and the number after it, and a column only where a name of ours stands in the right place.

use std::collections::BTreeMap;

use sqlx::postgres::PgDatabaseError;

use crate::{endpoint::Refusal, model::Cause};

use super::error;

/// What is kept of a complaint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    code: String,
    message: String,
    column: Option<String>,
    constraint: Option<String>,
    /// From `COPY t, line 5, column c: "..."`: the line, and what follows it.
    line: Option<usize>,
    behind_line: String,
}

impl Complaint {
    pub(super) fn new(complaint: &PgDatabaseError, table: &str) -> Self {
        let (line, behind_line) = complaint.r#where().and_then(|context| named_line(context, table)).unzip();
        Self {
            code: complaint.code().to_owned(),
            message: error::words(complaint),
            column: complaint.column().map(str::to_owned),
            constraint: complaint.constraint().map(str::to_owned),
            line,
            behind_line: behind_line.unwrap_or_default().to_owned(),
        }
    }

    /// Of a row that was tried by itself: the message and its detail, and names that are empty where none is told.
    pub(super) fn told(code: String, (message, detail): (String, String), column: String, constraint: String) -> Self {
        let some = |name: String| (!name.is_empty()).then_some(name);
        let message = error::sentence(&message, some(detail).as_deref());
        Self { code, message, column: some(column), constraint: some(constraint), ..Self::default() }
    }

    /// The line at fault, from 0, of so many that were sent.
    pub(super) fn line(&self, sent: usize) -> Option<usize> {
        self.line.filter(|line| (1..=sent).contains(line)).map(|line| line - 1)
    }

    /// Whether a key that came before was in the way.
    pub(super) fn is_twin(&self) -> bool {
        self.cause() == Cause::Unique
    }

    fn cause(&self) -> Cause {
        match self.code.as_str() {
            "23505" => Cause::Unique,
            "23503" => Cause::Reference,
            "23502" => Cause::Null,
            "22001" => Cause::Length,
            _ => Cause::Refused,
        }
    }

    /// The column that the server names, or the only one that the constraint is about.
    fn column(&self, columns: &[&str], constraints: &BTreeMap<String, Vec<String>>) -> Option<String> {
        let of_constraint = || match constraints.get(self.constraint.as_ref()?)?.as_slice() {
            [column] => Some(column.clone()),
            _ => None,
        };
        self.column.clone().or_else(of_constraint).or_else(|| self.column_behind_line(columns))
    }

    /// `, column NAME: "value"`, whatever the word for column; the longest name that fits, since names may hold colons.
    fn column_behind_line(&self, columns: &[&str]) -> Option<String> {
        let (_, rest) = self.behind_line.strip_prefix([',', '、'])?.trim_start().split_once(' ')?;
        let fits =
            |name: &&&str| rest.strip_prefix(**name).is_some_and(|tail| tail.starts_with(':') || tail.is_empty());
        columns.iter().filter(fits).max_by_key(|name| name.len()).map(|name| (*name).to_owned())
    }
}

/// The number after the table's name in the line of the context that speaks of the COPY, and what stands behind it.
fn named_line<'c>(context: &'c str, table: &str) -> Option<(usize, &'c str)> {
    context.lines().filter(|line| line.contains("COPY")).find_map(|line| {
        let behind_name = line.split_once(table)?.1;
        let start = behind_name.find(|char: char| char.is_ascii_digit())?;
        let digits = behind_name.get(start..)?;
        let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
        Some((digits.get(..end)?.parse().ok()?, digits.get(end..)?))
    })
}

pub(super) fn refusal(
    complaint: &Complaint,
    row: usize,
    columns: &[&str],
    constraints: &BTreeMap<String, Vec<String>>,
) -> Refusal {
    let column = complaint.column(columns, constraints);
    Refusal { row, cause: complaint.cause(), column, message: complaint.message.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(context: &str, table: &str) -> Complaint {
        let (line, behind_line) = named_line(context, table).unzip();
        Complaint { line, behind_line: behind_line.unwrap_or_default().to_owned(), ..Complaint::default() }
    }

    #[test]
    fn the_line_is_found_in_any_language() {
        for (context, table, line, column) in [
            ("COPY t, line 5, column a: \"x1\"", "t", 4, Some("a")),
            ("COPY t, Zeile 12, Spalte a: »x«", "t", 11, Some("a")),
            ("COPY t, ligne 7 : « a\tb »", "t", 6, None),
            ("COPY orders2024, line 3: \"1\t2\"", "orders2024", 2, None),
            ("COPY t, line 9, column a:b: \"x\"", "t", 8, Some("a:b")),
            ("PL/pgSQL function f() line 3 at RAISE\nCOPY t, line 2", "t", 1, None),
            ("COPY line 4, line 2, column a: null input", "line 4", 1, Some("a")),
        ] {
            let complaint = complaint(context, table);
            assert_eq!(complaint.line(100), Some(line), "{context}");
            assert_eq!(complaint.column(&["a", "a:b", "b"], &BTreeMap::new()).as_deref(), column, "{context}");
        }
    }

    #[test]
    fn a_line_that_was_not_sent_is_not_believed() {
        assert_eq!(complaint("COPY t, line 5", "t").line(4), None);
        assert_eq!(complaint("SQL statement \"SELECT 1 FROM ONLY t\"", "t").line(4), None);
        assert_eq!(complaint("COPY t, line 99999999999999999999", "t").line(4), None);
    }
}
