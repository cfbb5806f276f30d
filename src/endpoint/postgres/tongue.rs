//! PostgreSQL's spelling of what all systems have, and what it can make a table with.
//!
//! Pure. May not talk to a server.

use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect};

use crate::{
    endpoint::{
        carry::Carrier,
        formula::{Tongue, common_call, is_text},
    },
    model::{Column, ColumnType, ForeignKey, Formula, Index, System, Table},
};

use super::sql::{ident, idents, literal};

pub(super) struct PostgresTongue;

impl Tongue for PostgresTongue {
    fn grammar(&self) -> &'static dyn Dialect {
        &PostgreSqlDialect {}
    }

    fn call(&self, name: &str, arguments: &[Formula]) -> Option<Formula> {
        match (name, arguments) {
            ("now" | "transaction_timestamp" | "localtimestamp", []) => Some(Formula::Now),
            ("length", [text]) if is_text(text) => Some(Formula::Length(Box::new(text.clone()))),
            _ => common_call(name, arguments),
        }
    }

    fn name(&self, name: &str) -> String {
        ident(name)
    }

    fn text(&self, text: &str) -> String {
        literal(text)
    }

    fn date(&self, text: &str) -> String {
        format!("DATE {}", literal(text))
    }

    fn timestamp(&self, text: &str) -> Option<String> {
        Some(format!("TIMESTAMP {}", literal(text)))
    }

    fn length(&self, of: String) -> String {
        format!("char_length({of})")
    }

    fn octets(&self, of: String) -> String {
        format!("octet_length({of})")
    }

    fn now(&self, _: &Column) -> Option<String> {
        Some("CURRENT_TIMESTAMP".into())
    }

    fn utc(&self, _: &Column) -> String {
        "(CURRENT_TIMESTAMP AT TIME ZONE 'UTC')".into()
    }

    fn today(&self) -> String {
        "CURRENT_DATE".into()
    }
}

impl Carrier for PostgresTongue {
    fn system(&self) -> System {
        System::Postgres
    }

    fn index(&self, index: &Index, table: &Table) -> Result<String, String> {
        let columns = index.parts.iter().map(|part| table.column(&part.column));
        if let Some(column) = columns.flatten().find(|column| !is_sorted(column)) {
            return Err(format!("{} is of type {}, which has no order", column.name, column.native));
        }
        let names = || index.parts.iter().map(|part| &part.column);
        if index.constraint && index.unique {
            return Ok(format!("UNIQUE ({})", idents(names())));
        }
        let part = |part: &crate::model::IndexPart| {
            format!("{}{}", ident(&part.column), if part.descending { " DESC" } else { "" })
        };
        Ok(format!("USING btree ({})", index.parts.iter().map(part).collect::<Vec<_>>().join(", ")))
    }

    fn comments(&self) -> Option<(usize, usize)> {
        Some((usize::MAX, usize::MAX))
    }

    fn counts(&self, _: &Table, column: &Column) -> bool {
        matches!(column.ty, ColumnType::Integer { .. } | ColumnType::Decimal { scale: 0, .. } | ColumnType::Numeric)
    }

    fn lists_labels(&self, _: &Column) -> bool {
        false
    }

    fn lacks(&self, _: &ForeignKey) -> Vec<&'static str> {
        Vec::new()
    }
}

fn is_sorted(column: &Column) -> bool {
    let bare = column.native.split(['(', ' ']).next().unwrap_or_default();
    !matches!(bare, "json" | "xml" | "point" | "line" | "lseg" | "box" | "path" | "polygon" | "circle")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::formula::{default, expression, write};

    fn columns() -> Vec<Column> {
        [
            ("price", "decimal(10,2)"),
            ("qty", "integer"),
            ("status", "text"),
            ("day", "date"),
            ("at", "timestamp"),
            ("active", "boolean"),
            ("E mail", "varchar(9)"),
        ]
        .map(|(name, ty)| Column::new(name, ty.parse().unwrap()))
        .into()
    }

    #[test]
    fn the_servers_own_words_are_understood() {
        for (text, meant) in [
            ("(price > (0)::numeric)", "(\"price\" > 0)"),
            (
                "((status)::text = ANY ((ARRAY['a'::character varying, 'it''s'::character varying])::text[]))",
                "(\"status\" IN ('a', 'it''s'))",
            ),
            ("(status <> ALL (ARRAY['x'::text, 'y'::text]))", "(\"status\" NOT IN ('x', 'y'))"),
            ("((qty >= 1) AND (qty <= 5))", "((\"qty\" >= 1) AND (\"qty\" <= 5))"),
            ("((qty IS NULL) OR ((qty)::numeric <= price))", "((\"qty\" IS NULL) OR (\"qty\" <= \"price\"))"),
            ("(length((\"E mail\")::text) > 3)", "(char_length(\"E mail\") > 3)"),
            ("(day >= '2020-01-01'::date)", "(\"day\" >= DATE '2020-01-01')"),
            ("(at < '2020-01-01 00:00:00'::timestamp without time zone)", "(\"at\" < TIMESTAMP '2020-01-01 00:00:00')"),
            ("(active = true)", "(\"active\" = TRUE)"),
            ("((NOT active) OR ((qty + 1) > '-5'::integer))", "((NOT \"active\") OR ((\"qty\" + 1) > -5))"),
        ] {
            let formula = expression(&PostgresTongue, text, &columns(), None).formula;
            let written = formula.and_then(|formula| write(&PostgresTongue, &formula));
            assert_eq!(written.as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn what_may_mean_something_else_is_no_formula() {
        for text in [
            "(status > 'm'::text)",
            "(status ~ '^a'::text)",
            "(status ~~ 'a%'::text)",
            "(lower(status) = status)",
            "((price)::integer > 3)",
            "(at < now())",
            "(day = '0000-00-00'::text)",
            "(qty / 2 > 1)",
            "(qty = ANY (my_array))",
            "((qty > 0)) trailing",
            "(price > 'NaN'::numeric)",
        ] {
            assert_eq!(expression(&PostgresTongue, text, &columns(), None).formula, None, "{text}");
        }
        let deep = format!("{}qty > 0{}", "(".repeat(3000), ")".repeat(3000));
        assert_eq!(expression(&PostgresTongue, &deep, &columns(), None).formula, None);
    }

    #[test]
    fn defaults_are_literals_or_the_time() {
        let column = |ty: &str| Column::new("c", ty.parse().unwrap());
        for (text, ty, meant) in [
            ("'new'::text", "text", Some(Formula::Text("new".into()))),
            ("'new'::character varying", "varchar(9)", Some(Formula::Text("new".into()))),
            ("'-1'::integer", "integer", Some(Formula::Number("-1".into()))),
            ("0.5", "decimal(4,2)", Some(Formula::Number("0.5".into()))),
            ("true", "boolean", Some(Formula::Boolean(true))),
            ("now()", "timestamptz", Some(Formula::Instant)),
            ("CURRENT_TIMESTAMP", "timestamp", Some(Formula::Now)),
            ("CURRENT_DATE", "date", Some(Formula::Today)),
            ("(now())::date", "date", Some(Formula::Today)),
            ("'2024-01-01'::date", "date", Some(Formula::Date("2024-01-01".into()))),
            ("NULL::character varying", "text", Some(Formula::Null)),
            ("'{}'::jsonb", "json", Some(Formula::Text("{}".into()))),
            ("gen_random_uuid()", "uuid", None),
            ("nextval('s'::regclass)", "integer", None),
            ("('a'::text || 'b'::text)", "text", None),
            ("(now() + '1 day'::interval)", "timestamptz", None),
            ("'now'::text", "timestamp", None),
        ] {
            assert_eq!(default(&PostgresTongue, text, &column(ty)), meant, "{text} of {ty}");
        }
    }
}
