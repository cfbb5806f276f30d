//! Run-time SQL: quoting of names and values, and the only place that hands built text to the server.
//!
//! May not know any table or type. One idea: a name is quoted where it enters a statement and nowhere else, so text
//! that reaches [`run`] is always made of parts that went through [`ident`] or [`literal`].

use sqlx::{
    AssertSqlSafe, SqlSafeStr as _, SqlStr,
    postgres::{PgArguments, PgConnection, PgRow, Postgres},
    query::Query,
};

/// The most bytes that a name may have; the server would cut a longer one without an error.
pub(super) const NAME_BYTES: usize = 63;

/// A name as an identifier.
pub(super) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Names as a comma-separated list of identifiers.
pub(super) fn idents<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| ident(name.as_ref())).collect();
    quoted.join(", ")
}

/// A value as a string literal; every session runs with `standard_conforming_strings`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Runs statements that give no rows.
pub(super) async fn run(connection: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

/// Runs one statement without parameters; returns how many rows it affected.
pub(super) async fn affected(connection: &mut PgConnection, sql: &str) -> sqlx::Result<u64> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|done| done.rows_affected())
}

/// A statement that takes parameters, to be bound by the caller.
pub(super) fn query(sql: String) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(sql))
}

/// A statement that is only to be prepared.
pub(super) fn statement(sql: String) -> SqlStr {
    AssertSqlSafe(sql).into_sql_str()
}

/// The rows of one statement without parameters; never cached as a prepared statement.
pub(super) async fn rows(connection: &mut PgConnection, sql: &str) -> sqlx::Result<Vec<PgRow>> {
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await
}

/// The first row of one statement without parameters.
pub(super) async fn first(connection: &mut PgConnection, sql: &str) -> sqlx::Result<Option<PgRow>> {
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_optional(connection).await
}

/// A table's place: the schema and its name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TableName {
    pub(super) schema: String,
    pub(super) name: String,
}

impl TableName {
    pub(super) fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// Reads what a plan writes: `table`, `schema.table`, or `"odd.schema".table`.
    pub(super) fn parse(text: &str, default_schema: &str) -> Self {
        if let Some((schema, name)) = text.strip_prefix('"').and_then(|rest| rest.split_once("\".")) {
            return Self::new(schema.replace("\"\"", "\""), name);
        }
        match text.split_once('.') {
            Some((schema, name)) if !schema.is_empty() && !name.is_empty() => Self::new(schema, name),
            _ => Self::new(default_schema, text),
        }
    }

    /// What a plan writes; the inverse of [`TableName::parse`].
    pub(super) fn display(&self, default_schema: &str) -> String {
        if self.schema == default_schema && !self.name.contains('.') && !self.name.starts_with('"') {
            return self.name.clone();
        }
        let odd = self.schema.contains('.') || self.schema.starts_with('"');
        let schema = if odd { ident(&self.schema) } else { self.schema.clone() };
        format!("{schema}.{}", self.name)
    }

    /// For a statement, always with its schema.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_cannot_leave_their_quotes() {
        assert_eq!(ident("a\"; drop table b; --"), "\"a\"\"; drop table b; --\"");
        assert_eq!(literal("it's \\ ''"), "'it''s \\ '''''");
        assert_eq!(idents(["a", "B c"]), "\"a\", \"B c\"");
    }

    #[test]
    fn a_displayed_name_reads_back_to_the_same_table() {
        for (schema, name) in [
            ("public", "customers"),
            ("public", "a.b"),
            ("crm", "customers"),
            ("crm", "a.b"),
            ("odd.schema", "t"),
            ("\"q", "t.u"),
            ("public", "\"x\".y"),
        ] {
            let table = TableName::new(schema, name);
            assert_eq!(TableName::parse(&table.display("public"), "public"), table, "{schema} {name}");
        }
        assert_eq!(TableName::new("public", "t").display("public"), "t");
        assert_eq!(TableName::new("crm", "t").display("public"), "crm.t");
    }
}
