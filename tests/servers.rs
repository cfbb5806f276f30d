//! What the other tests stand on: a database of one's own, and that it goes away.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::support::{
    script::{statements_of, text_of},
    servers::{MysqlDatabase, PostgresDatabase},
    shops::{CHINOOK, SAKILA, chinook, sakila},
    sides::SqliteFile,
};

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn a_postgres_database_is_its_tests_own_and_goes_even_after_a_panic() {
    let Some(witness) = PostgresDatabase::create("witness") else { return };
    let Some(database) = PostgresDatabase::create("Left behind?") else { return };
    database.execute(
        "CREATE TABLE t (a int, b text, c bytea); INSERT INTO t VALUES (1, 'é😀', '\\x00ff'), (2, NULL, NULL)",
    );
    let rows = database.rows("SELECT * FROM t ORDER BY a");
    assert_eq!(rows, [[text("1"), text("é😀"), text("\\x00ff")], [text("2"), None, None]]);

    let name = database.name().to_owned();
    let there = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(witness.count(&there), 1);
    let outcome = catch_unwind(AssertUnwindSafe(move || {
        let _held = database;
        std::panic::resume_unwind(Box::new("a failing test"));
    }));
    assert!(outcome.is_err());
    assert_eq!(witness.count(&there), 0);
}

#[tokio::test]
async fn a_database_goes_although_somebody_is_still_connected() {
    use sqlx::{Connection, MySqlConnection, PgConnection};
    let Some(postgres) = PostgresDatabase::create("busy") else { return };
    let Some(witness) = PostgresDatabase::create("witness") else { return };
    let held = PgConnection::connect(&postgres.url()).await.unwrap();
    let there = format!("SELECT count(*) FROM pg_database WHERE datname = '{}'", postgres.name());
    drop(postgres);
    assert_eq!(witness.count(&there), 0);
    drop(held);

    let Some(mysql) = MysqlDatabase::create("busy") else { return };
    let Some(witness) = MysqlDatabase::create("witness") else { return };
    mysql.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let mut held = MySqlConnection::connect(&mysql.url()).await.unwrap();
    sqlx::raw_sql("START TRANSACTION; SELECT * FROM t").execute(&mut held).await.unwrap();
    let there = format!("SELECT count(*) FROM information_schema.schemata WHERE schema_name = '{}'", mysql.name());
    drop(mysql);
    assert_eq!(witness.count(&there), 0);
}

#[test]
fn a_mysql_database_is_its_tests_own_and_gives_every_value() {
    let Some(database) = MysqlDatabase::create("values") else { return };
    database.execute(
        "CREATE TABLE t (a int, b varchar(9), c blob, d decimal(10,2), e datetime(6), f binary(2));
         INSERT INTO t VALUES (1, 'é😀', x'00ff', 1.50, '2024-02-29 23:59:59.000001', 'ab'), (2, NULL, NULL, NULL, NULL, NULL)",
    );
    let first = ["1", "é😀", "\\x00ff", "1.50", "2024-02-29 23:59:59.000001", "\\x6162"].map(text);
    let rows = database.rows("SELECT * FROM t ORDER BY a");
    assert_eq!(rows, [first, [text("2"), None, None, None, None, None]]);
}

#[test]
fn a_script_is_cut_into_statements_as_the_client_does() {
    let script = "-- a comment\nDROP SCHEMA IF EXISTS s;\nCREATE SCHEMA s;\nUSE s;\n\nCREATE TABLE t (\n  a int\n);\n\
                  DELIMITER ;;\nCREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; END;;\n\
                  DELIMITER ;\nINSERT INTO t VALUES (1);\n";
    assert_eq!(
        statements_of(script),
        [
            "CREATE TABLE t (\n  a int\n)",
            "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; END",
            "INSERT INTO t VALUES (1)",
        ]
    );
    let Some(database) = MysqlDatabase::create("script") else { return };
    database.run_script(script);
    assert_eq!(database.count("SELECT count(*) FROM t"), 1);
}

#[test]
fn bytes_in_a_script_become_hex_and_text_stays() {
    let script =
        b"-- it's a comment\nINSERT INTO t VALUES ('it''s', 'a\\'b', '\x89P\\0\\r\\n\\Z''\\'\\\\', '\xc3\xa9');";
    assert_eq!(
        text_of(script),
        "-- it's a comment\nINSERT INTO t VALUES ('it''s', 'a\\'b', x'8950000d0a1a27275c', 'é');"
    );
}

#[test]
fn an_sqlite_file_gives_every_value() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteFile::new(folder.path().join("values.sqlite"));
    file.execute("CREATE TABLE t (a, b, c, d); INSERT INTO t VALUES (1, 0.1, 'é', x'00ff'), (NULL, 1e300, '', x'')");
    let rows = file.rows("SELECT a, b, c, d FROM t WHERE a = 1");
    assert_eq!(rows, [["1", "0.1", "é", "\\x00ff"].map(text)]);
    assert_eq!(file.count("SELECT count(*) FROM t"), 2);
}

#[test]
fn the_sample_shops_hold_what_they_are_known_to() {
    if let Some(chinook) = chinook() {
        for (table, rows) in CHINOOK {
            assert_eq!(chinook.count(&format!("SELECT count(*) FROM {table}")), *rows, "{table}");
        }
        assert_eq!(CHINOOK.iter().map(|(_, rows)| rows).sum::<u64>(), 15_607);
    }
    if let Some(sakila) = sakila("sakila") {
        for (table, rows) in SAKILA {
            assert_eq!(sakila.count(&format!("SELECT count(*) FROM {table}")), *rows, "{table}");
        }
        // As the client loads it.
        let picture = sakila.rows("SELECT length(picture), md5(picture) FROM staff WHERE staff_id = 1");
        assert_eq!(picture, [[text("36365"), text("633ca8e521307444eb54a499fbe42832")]]);
        let tables = "SELECT count(*) FROM information_schema.tables \
                      WHERE table_schema = database() AND table_type = 'BASE TABLE'";
        assert_eq!(sakila.count(tables), SAKILA.len() as u64);
    }
}
