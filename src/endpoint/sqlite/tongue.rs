//! SQLite's spelling of what all systems have, and what it can make a table with.
//!
//! Pure. May not open a file.

use datafusion::sql::sqlparser::dialect::{Dialect, SQLiteDialect};

use super::sql::{quoted, quoted_list};
use crate::{
    endpoint::{
        carry::{Carrier, MATCH_FULL},
        formula::{Tongue, common_call, is_text},
    },
    model::{Column, ColumnType, ForeignKey, Formula, Index, IndexPart, System, Table},
};

pub(super) struct SqliteTongue;

/// How a text is a literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Tongue for SqliteTongue {
    fn grammar(&self) -> &'static dyn Dialect {
        &SQLiteDialect {}
    }

    fn call(&self, name: &str, arguments: &[Formula]) -> Option<Formula> {
        let is = |argument: &Formula, text: &str| *argument == Formula::Text(text.into());
        match (name, arguments) {
            ("datetime", []) => Some(Formula::Now),
            ("datetime", [when]) if is(when, "now") => Some(Formula::Now),
            ("strftime", [form, when]) if is(form, "%Y-%m-%d %H:%M:%S") && is(when, "now") => Some(Formula::Now),
            ("date", []) => Some(Formula::Today),
            ("date", [when]) if is(when, "now") => Some(Formula::Today),
            ("length", [text]) if is_text(text) => Some(Formula::Length(Box::new(text.clone()))),
            _ => common_call(name, arguments),
        }
    }

    fn name(&self, name: &str) -> String {
        quoted(name)
    }

    fn text(&self, text: &str) -> String {
        literal(text)
    }

    /// Dates are kept as text of this form.
    fn date(&self, text: &str) -> String {
        literal(text)
    }

    /// Time stamps are text too, but of more than one form.
    fn timestamp(&self, _: &str) -> Option<String> {
        None
    }

    fn length(&self, of: String) -> String {
        format!("length({of})")
    }

    fn octets(&self, of: String) -> String {
        format!("length(CAST({of} AS BLOB))")
    }

    /// SQLite's clock is UTC, which an instant has to say.
    fn now(&self, column: &Column) -> Option<String> {
        Some(match column.ty {
            ColumnType::Timestamp { zone: true } => "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')".into(),
            _ => "CURRENT_TIMESTAMP".into(),
        })
    }

    fn utc(&self, _: &Column) -> String {
        "CURRENT_TIMESTAMP".into()
    }

    fn today(&self) -> String {
        "CURRENT_DATE".into()
    }
}

impl Carrier for SqliteTongue {
    fn system(&self) -> System {
        System::Sqlite
    }

    fn index(&self, index: &Index, _: &Table) -> Result<String, String> {
        if index.constraint {
            let names: Vec<&str> = index.parts.iter().map(|part| part.column.as_str()).collect();
            return Ok(format!("UNIQUE ({})", quoted_list(&names)));
        }
        let part = |part: &IndexPart| format!("{}{}", quoted(&part.column), if part.descending { " DESC" } else { "" });
        Ok(format!("({})", index.parts.iter().map(part).collect::<Vec<_>>().join(", ")))
    }

    fn comments(&self) -> Option<(usize, usize)> {
        None
    }

    fn counts(&self, table: &Table, column: &Column) -> bool {
        table.key == [column.name.as_str()] && column.native.eq_ignore_ascii_case("INTEGER")
    }

    fn counter_options(&self) -> &'static str {
        "AUTOINCREMENT"
    }

    fn lists_labels(&self, _: &Column) -> bool {
        false
    }

    fn lacks(&self, key: &ForeignKey) -> Vec<&'static str> {
        if key.full { vec![MATCH_FULL] } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::formula::{default, expression, write};

    #[test]
    fn users_words_are_understood() {
        let columns = [("a", "bigint"), ("Name", "text"), ("d", "date"), ("t", "timestamp")]
            .map(|(name, ty)| Column::new(name, ty.parse().unwrap()));
        for (text, meant) in [
            ("a>0 AND NAME IN ('x', 'y')", "((\"a\" > 0) AND (\"Name\" IN ('x', 'y')))"),
            ("length([Name]) BETWEEN 1 AND 9", "((length(\"Name\") >= 1) AND (length(\"Name\") <= 9))"),
            ("`d` >= '2020-01-01'", "(\"d\" >= '2020-01-01')"),
            ("a IS NOT NULL OR a != 7", "((\"a\" IS NOT NULL) OR (\"a\" <> 7))"),
        ] {
            let formula = expression(&SqliteTongue, text, &columns, None).formula;
            assert_eq!(formula.and_then(|formula| write(&SqliteTongue, &formula)).as_deref(), Some(meant), "{text}");
        }
        let stamps = expression(&SqliteTongue, "t > '2020-01-01 00:00:00'", &columns, None).formula.unwrap();
        assert_eq!(write(&SqliteTongue, &stamps), None);
        for text in ["Name LIKE 'a%'", "Name GLOB 'a*'", "typeof(a) = 'integer'", "a % 2 = 0", "Name > 'm'"] {
            assert_eq!(expression(&SqliteTongue, text, &columns, None).formula, None, "{text}");
        }
    }

    #[test]
    fn defaults_are_literals_or_the_time() {
        let column = |ty: &str| Column::new("c", ty.parse().unwrap());
        for (text, ty, meant) in [
            ("'x'", "text", Some(Formula::Text("x".into()))),
            ("\"x\"", "text", None),
            ("1", "boolean", Some(Formula::Boolean(true))),
            ("CURRENT_TIMESTAMP", "timestamp", Some(Formula::Now)),
            ("datetime('now')", "timestamp", Some(Formula::Now)),
            ("(strftime('%Y-%m-%d %H:%M:%S', 'now'))", "timestamp", Some(Formula::Now)),
            ("datetime('now', 'localtime')", "timestamp", None),
            ("date('now')", "date", Some(Formula::Today)),
            ("random()", "bigint", None),
        ] {
            assert_eq!(default(&SqliteTongue, text, &column(ty)), meant, "{text}");
        }
    }
}
