//! The fixtures of the sample plans: each loads into the system it is written for.

use std::{fs, path::Path};

use crate::support::{
    servers::{MysqlDatabase, PostgresDatabase},
    sides::SqliteFile,
};

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

#[test]
fn postgres_fixtures_load() {
    let Some(database) = PostgresDatabase::create("fixtures") else { return };
    database.execute(&fixture("library.sql"));
    assert_eq!(database.count("SELECT count(*) FROM books"), 5);
    assert_eq!(database.count("SELECT count(*) FROM loans WHERE returned_at IS NULL"), 3);
    database.execute(&fixture("old_database.sql"));
    assert_eq!(database.count("SELECT count(*) FROM customers"), 6);
}

#[test]
fn mysql_fixtures_load() {
    let Some(database) = MysqlDatabase::create("fixtures") else { return };
    database.execute(&fixture("helpdesk.sql"));
    assert_eq!(database.count("SELECT count(*) FROM tickets WHERE state <> 'spam'"), 5);
}

#[test]
fn sqlite_fixtures_load() {
    let folder = tempfile::tempdir().unwrap();
    let contacts = SqliteFile::new(folder.path().join("contacts.sqlite"));
    contacts.execute(&fixture("contacts.sql"));
    assert_eq!(contacts.count("SELECT count(*) FROM contacts"), 5);
    let vault = SqliteFile::new(folder.path().join("credvault.sqlite"));
    vault.execute(&fixture("credvault.sql"));
    assert_eq!(vault.count("SELECT count(*) FROM sqlite_master WHERE type = 'table'"), 3);
}

#[test]
fn csv_fixtures_are_in_the_encoding_that_their_plan_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sensors");
    let bytes = fs::read(folder.join("stations.csv")).unwrap();
    assert!(std::str::from_utf8(&bytes).is_err());
    assert!(encoding_rs::WINDOWS_1252.decode(&bytes).0.contains("Zürich"));
}
