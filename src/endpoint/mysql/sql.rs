//! The one place that writes run-time SQL of this system: names, literals, and the voucher that sqlx asks for.
//!
//! Every session of this folder sets `sql_mode` itself, without `ANSI_QUOTES` and `NO_BACKSLASH_ESCAPES`: that is what
//! makes backticks and backslashes mean the same on every server.

use sqlx::AssertSqlSafe;

use crate::{
    endpoint::{EndpointError, ErrorKind},
    model::hex,
};

/// Vouches for a statement whose names and values went through this module.
pub(super) fn vouched(statement: impl Into<String>) -> AssertSqlSafe<String> {
    AssertSqlSafe(statement.into())
}

/// A value that could not be made a parameter.
pub(super) fn cannot_bind(error: sqlx::error::BoxDynError) -> EndpointError {
    EndpointError::new(ErrorKind::Other, "cannot bind a value", error.to_string())
}

/// A name, quoted.
pub(super) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Names, quoted, with commas between.
pub(super) fn names(all: &[String]) -> String {
    all.iter().map(|each| name(each)).collect::<Vec<_>>().join(", ")
}

/// A text literal that a human can read, for statements that are shown.
pub(super) fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for c in text.chars() {
        match c {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str("\\\\"),
            '\0' => literal.push_str("\\0"),
            _ => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

/// Bytes as a literal.
pub(super) fn bytes(value: &[u8]) -> String {
    format!("x'{}'", hex(value))
}

/// `INSERT INTO t (a, b) VALUES (?, ?), (?, ?)` for that many rows; `row` is one row's bracket.
pub(super) fn insert(table: &str, columns: &[String], row: &str, rows: usize) -> String {
    let mut statement = format!("INSERT INTO {} ({}) VALUES ", name(table), names(columns));
    statement.reserve((row.len() + 1) * rows);
    for index in 0..rows {
        if index > 0 {
            statement.push(',');
        }
        statement.push_str(row);
    }
    statement
}

/// A table's place, which may be in another database: `table` or `database.table`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) database: Option<String>,
    pub(super) table: String,
}

impl Place {
    pub(super) fn parse(text: &str) -> Self {
        match text.split_once('.') {
            Some((database, table)) if !database.is_empty() && !table.is_empty() => {
                Self { database: Some(database.to_owned()), table: table.to_owned() }
            }
            _ => Self { database: None, table: text.to_owned() },
        }
    }

    pub(super) fn quoted(&self) -> String {
        match &self.database {
            Some(database) => format!("{}.{}", name(database), name(&self.table)),
            None => name(&self.table),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.database {
            Some(database) => write!(f, "{database}.{}", self.table),
            None => f.write_str(&self.table),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(name("a`b"), "`a``b`");
        assert_eq!(quoted("it's \\ \0"), "'it''s \\\\ \\0'");
        assert_eq!(bytes(&[0, 255, 39]), "x'00ff27'");
    }

    #[test]
    fn an_insert_repeats_its_row() {
        assert_eq!(insert("t", &["a".into()], "(?)", 3), "INSERT INTO `t` (`a`) VALUES (?),(?),(?)");
    }
}
