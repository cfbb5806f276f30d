//! A query of the operator's own, asked for one value, through a connection that only reads.

use rusqlite::{Connection, Statement, types::ValueRef};

use super::error::during;
use crate::endpoint::{Asked, EndpointError, ErrorKind, Result, asked::bare};

const CONTEXT: &str = "the query cannot be asked";

/// One statement that only reads; two are refused.
fn prepared<'c>(connection: &'c Connection, query: &str) -> Result<Statement<'c>> {
    let statement = connection.prepare(bare(query)).map_err(during(CONTEXT))?;
    match statement.readonly() && statement.column_count() > 0 {
        true => Ok(statement),
        false => Err(EndpointError::new(ErrorKind::Permission, CONTEXT, "it is no query that only reads")),
    }
}

pub(super) fn prepares(connection: &Connection, query: &str) -> Result<()> {
    prepared(connection, query).map(drop)
}

pub(super) fn ask(connection: &Connection, query: &str) -> Result<Asked> {
    let mut statement = prepared(connection, query)?;
    if statement.column_count() > 1 {
        return Ok(Asked::ManyColumns);
    }
    let mut rows = statement.query([]).map_err(during(CONTEXT))?;
    let Some(row) = rows.next().map_err(during(CONTEXT))? else { return Ok(Asked::NoRow) };
    let value = match row.get_ref(0).map_err(during(CONTEXT))? {
        ValueRef::Null => Asked::Null,
        ValueRef::Integer(value) => Asked::Value(value.to_string()),
        ValueRef::Real(value) => Asked::Value(value.to_string()),
        ValueRef::Text(text) => Asked::Value(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Asked::Value(format!("\\x{}", crate::model::hex(bytes))),
    };
    match rows.next().map_err(during(CONTEXT))? {
        Some(_) => Ok(Asked::ManyRows),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_told_from_all_else_and_nothing_is_written() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)").unwrap();
        for (query, asked) in [
            ("SELECT count(*) FROM t;", Asked::Value("2".into())),
            ("SELECT sum(a) / 4.0 FROM t", Asked::Value("0.75".into())),
            ("SELECT max(a) FROM t WHERE a > 5", Asked::Null),
            ("SELECT a FROM t WHERE a > 5", Asked::NoRow),
            ("SELECT a FROM t", Asked::ManyRows),
            ("SELECT 1, 2", Asked::ManyColumns),
        ] {
            assert_eq!(ask(&connection, query).unwrap(), asked, "{query}");
        }
        for query in
            ["DELETE FROM t", "DELETE FROM t RETURNING a", "SELECT 1; DELETE FROM t", "COMMIT", "SELECT b FROM t"]
        {
            assert!(ask(&connection, query).is_err() && prepares(&connection, query).is_err(), "{query}");
        }
        assert_eq!(ask(&connection, "SELECT count(*) FROM t").unwrap(), Asked::Value("2".into()));
    }
}
