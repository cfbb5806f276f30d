//! The comparison that other tests rest on: what it takes for the same, and what it must not.

use crate::support::{
    compare::{At, difference},
    normal::{Kind, Raw},
    servers::{MysqlDatabase, PostgresDatabase},
    sides::SqliteFile,
};

#[test]
fn the_same_value_has_one_form() {
    for (kind, texts) in [
        (Kind::Number, &["1.50", "1.5", "01.5", "15e-1", "+1.500E0"][..]),
        (Kind::Number, &["0", "0.00", "-0", "000", "0e5"]),
        (Kind::Number, &["-0.001", "-1e-3", "-.001"]),
        (Kind::Number, &["1e20", "100000000000000000000", "1e+20"]),
        (Kind::Number, &["NaN", "nan"]),
        (Kind::Single, &["0.1", "0.10000000149011612"]),
        (Kind::Boolean, &["t", "true", "1"]),
        (
            Kind::Timestamp,
            &["2024-02-29 00:00:00", "2024-02-29", "2024-02-29T00:00:00.000000Z", "2024-02-29 01:00:00+01"],
        ),
        (Kind::Time, &["23:59:59.5", "23:59:59.500000"]),
        (Kind::Json, &[r#"{"a": 1, "b": [true, null]}"#, r#"{"b":[true,null],"a":1.0}"#]),
        (Kind::Uuid, &["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
        (Kind::Padded, &["ab  ", "ab"]),
    ] {
        let forms: Vec<String> = texts.iter().map(|text| kind.normal(&Raw::Text((*text).into()))).collect();
        assert!(forms.iter().all(|form| *form == forms[0] && !form.starts_with("not ")), "{kind:?} {forms:?}");
    }
}

#[test]
fn values_that_are_not_the_same_keep_apart() {
    for (kind, one, two) in [
        (Kind::Number, "0.1", "0.10000000000000001"),
        (Kind::Number, "9007199254740993", "9007199254740992"),
        (Kind::Number, "1", "-1"),
        (Kind::Number, "100", "10"),
        (Kind::Text.with(Kind::Number), "007", "7"),
        (Kind::Text, "ab ", "ab"),
        (Kind::Text, "NULL", "null"),
        (Kind::Timestamp, "2024-02-29 00:00:00", "2024-02-29 00:00:00.000001"),
        (Kind::Boolean, "t", "f"),
        (Kind::Json, r#"{"a":"1"}"#, r#"{"a":1}"#),
    ] {
        let normal = |text: &str| kind.normal(&Raw::Text(text.into()));
        assert_ne!(normal(one), normal(two), "{kind:?}");
    }
    assert_ne!(Kind::Text.normal(&Raw::Null), Kind::Text.normal(&Raw::Text("NULL".into())));
    assert_ne!(Kind::Bytes.normal(&Raw::Bytes(vec![])), Kind::Bytes.normal(&Raw::Null));
}

#[test]
fn tables_of_three_systems_are_the_same_until_one_value_differs() {
    let (Some(postgres), Some(mysql)) = (PostgresDatabase::create("same"), MysqlDatabase::create("same")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteFile::new(folder.path().join("same.sqlite"));
    postgres.execute(
        "CREATE TABLE t (id bigint, ok boolean, price numeric(10,2), ratio double precision, small real, day date,
             at timestamp, note text, raw bytea, code char(4));
         INSERT INTO t VALUES (2, false, 1.50, 0.1, 0.1, '2024-02-29', '2024-02-29 12:00:00.5', 'é😀 ', '\\x00ff', 'ab'),
             (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    );
    mysql.execute(
        "CREATE TABLE t (id bigint unsigned, ok tinyint(1), price decimal(10,2), ratio double, small float, day date,
             at datetime(6), note text, raw blob, code char(4));
         INSERT INTO t VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
             (2, 0, 1.50, 0.1, 0.1, '2024-02-29', '2024-02-29 12:00:00.5', 'é😀 ', x'00ff', 'ab')",
    );
    sqlite.execute(
        "CREATE TABLE t (id INTEGER, ok BOOLEAN, price DECIMAL(10,2), ratio REAL, small REAL, day DATE,
             at TEXT, note TEXT, raw BLOB, code TEXT);
         INSERT INTO t VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
             (2, 0, 1.5, 0.1, 0.1, '2024-02-29', '2024-02-29T12:00:00.500000', 'é😀 ', x'00ff', 'ab')",
    );
    assert_eq!(difference(At(&postgres, "t"), At(&mysql, "t"), &[]), None);
    assert_eq!(difference(At(&postgres, "t"), At(&sqlite, "t"), &[]), None);
    assert_eq!(difference(At(&mysql, "t"), At(&sqlite, "t"), &[]), None);

    sqlite.execute("UPDATE t SET note = 'é😀' WHERE id = 2");
    let told = difference(At(&mysql, "t"), At(&sqlite, "t"), &[]).unwrap();
    assert!(told.contains("first in row 2") && told.contains("≠ note (Text): 'é😀 ' | note: 'é😀'"), "{told}");
    assert_eq!(difference(At(&mysql, "t"), At(&sqlite, "t"), &[("id", "id"), ("price", "price")]), None);

    mysql.execute("INSERT INTO t (id) VALUES (3), (3)");
    let told = difference(At(&mysql, "t"), At(&postgres, "t"), &[]).unwrap();
    assert!(told.contains("(4 rows)") && told.contains("(2 rows)") && told.contains("(no row)"), "{told}");
    mysql.execute("ALTER TABLE t DROP COLUMN code");
    let told = difference(At(&mysql, "t"), At(&postgres, "t"), &[]).unwrap();
    assert_eq!(told, "MySQL has no column t.code");
    assert_eq!(difference(At(&mysql, "gone"), At(&postgres, "t"), &[]).unwrap(), "MySQL has no table gone");
}
