//! Generated columns: never written, and still computed where the system is the same.

use super::*;

#[test]
fn generated_stored() {
    let (Some(source), Some(ends)) = (PostgresDatabase::create("stored"), Ends::new("storeds")) else { return };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int, total int GENERATED ALWAYS AS (a * b) STORED);
         INSERT INTO t VALUES (1, 6, 7), (2, NULL, 1)",
    );
    migrate(&source.url(), &ends.postgres.url()).tells_nothing();
    assert_eq!(texts(ends.postgres.rows("UPDATE t SET b = 8 WHERE id = 1 RETURNING total")), ["48"]);
    for url in &ends.urls()[1..] {
        migrate(&source.url(), url).tells("t.total is computed in the source ((a * b)); here its values are written");
    }
    assert_eq!(texts(ends.mysql.rows("SELECT total FROM t ORDER BY id")), ["42", ""]);
    assert_eq!(texts(ends.sqlite.file.rows("SELECT total FROM t ORDER BY id")), ["42", ""]);
}

#[test]
fn generated_virtual() {
    let (Some(source), Some(ends)) = (MysqlDatabase::create("virtual"), Ends::new("virtuals")) else { return };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(20), short varchar(3) AS (left(name, 3)) VIRTUAL,
                         kept int AS (char_length(name) * 2) STORED, KEY (short));
         INSERT INTO t (id, name) VALUES (1, 'Alice'), (2, NULL)",
    );
    migrate(&source.url(), &ends.mysql.url()).tells_nothing();
    let kinds = "SELECT column_name, extra, generation_expression FROM information_schema.columns
                 WHERE table_schema = database() AND table_name = 't' ORDER BY ordinal_position";
    assert_eq!(ends.mysql.rows(kinds), source.rows(kinds));
    ends.mysql.execute("UPDATE t SET name = 'Bobby' WHERE id = 1");
    assert_eq!(texts(ends.mysql.rows("SELECT short, kept FROM t ORDER BY id")), ["Bob|10", "|"]);
    migrate(&source.url(), &ends.postgres.url()).tells("t.short is computed in the source");
    assert_eq!(texts(ends.postgres.rows("SELECT short, kept FROM t ORDER BY id")), ["Ali|10", "|"]);
}

#[test]
fn generated_in_sqlite() {
    let source = Scratch::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, twice INT GENERATED ALWAYS AS (a * 2) VIRTUAL,
                         thrice INT AS (a * 3) STORED);
         INSERT INTO t (id, a) VALUES (1, 5);",
    );
    let Some(ends) = Ends::new("sqlitegen") else { return };
    migrate(&source.file.url(), &ends.sqlite.file.url()).tells_nothing();
    let kinds = "SELECT name, hidden FROM pragma_table_xinfo('t')";
    assert_eq!(ends.sqlite.file.rows(kinds), source.file.rows(kinds));
    ends.sqlite.file.execute("UPDATE t SET a = 6");
    assert_eq!(texts(ends.sqlite.file.rows("SELECT twice, thrice FROM t")), ["12|18"]);
    migrate(&source.file.url(), &ends.mysql.url()).tells("t.twice is computed in the source (a * 2)");
}

#[test]
fn generated_follows_a_rename() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("regen"), PostgresDatabase::create("regens"))
    else {
        return;
    };
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a int, up int GENERATED ALWAYS AS (a + 1) STORED,
                         odd text GENERATED ALWAYS AS (a || 'x') STORED); INSERT INTO t VALUES (1, 5)",
    );
    let moved = migrate_with(&source.url(), &destination.url(), 0, |text| text + "[table.columns]\nbase = \"a\"\n");
    let left = moved.left_behind();
    assert!(left.len() == 1 && left[0].starts_with("t.odd is computed in the source"), "{left:?}");
    let after = destination.rows("UPDATE t SET base = 9 RETURNING up, odd");
    assert_eq!(texts(after), ["10|5x"]);
}
