//! Real databases, moved whole: every table created, every value compared.

use crate::support::{
    binary::Desk,
    compare::{At, assert_same_rows},
    servers::{MysqlDatabase, PostgresDatabase},
    shops::{CHINOOK, SAKILA, chinook, sakila},
    sides::{Side, SqliteFile},
};

/// `new`, `check`, `run --on-error stop`; then all tables compared by value.
fn migrate(tables: &[(&str, u64)], source: (&str, &dyn Side), destination: (&str, &dyn Side)) {
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", source.0, "--destination", destination.0]);
    desk.run_to(0, &["check", "plan.toml"]);
    let told = desk.run_to(0, &["run", "plan.toml", "--on-error", "stop"]);
    let rows: u64 = tables.iter().map(|(_, rows)| rows).sum();
    assert_eq!(told.result()["counts"]["written"], rows);
    for (table, rows) in tables {
        let of = |name: &str| {
            let all = told.result()["tables"].as_array().unwrap();
            all.iter().find(|entry| entry["to"] == *table).unwrap()["counts"][name].as_u64().unwrap()
        };
        assert_eq!((of("read"), of("written")), (*rows, *rows), "{table}");
        assert_same_rows(At(source.1, table), At(destination.1, table));
    }
}

#[test]
fn chinook_to_postgres() {
    let (Some(source), Some(destination)) = (chinook(), PostgresDatabase::create("chinook")) else { return };
    migrate(CHINOOK, (&source.url(), &source), (&destination.url(), &destination));
    let valid = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated";
    assert_eq!(destination.count(valid), 11, "foreign keys, the self-reference among them");
}

#[test]
fn chinook_to_mariadb() {
    let (Some(source), Some(destination)) = (chinook(), MysqlDatabase::create("chinook")) else { return };
    migrate(CHINOOK, (&source.url(), &source), (&destination.url(), &destination));
}

#[test]
fn chinook_to_a_new_file() {
    let Some(source) = chinook() else { return };
    let desk = Desk::new();
    let destination = SqliteFile::new(desk.path("new.sqlite"));
    migrate(CHINOOK, (&source.url(), &source), (&destination.url(), &destination));
}

#[test]
fn sakila_to_postgres() {
    let (Some(source), Some(destination)) = (sakila("sakilapg"), PostgresDatabase::create("sakila")) else { return };
    migrate(SAKILA, (&source.url(), &source), (&destination.url(), &destination));
}

#[test]
fn sakila_to_a_new_file() {
    let Some(source) = sakila("sakilalite") else { return };
    let desk = Desk::new();
    let destination = SqliteFile::new(desk.path("sakila.sqlite"));
    migrate(SAKILA, (&source.url(), &source), (&destination.url(), &destination));
}

/// On through PostgreSQL and a file, and back into MariaDB: there the same values must stand as at the start.
fn round_trip(tables: &[(&str, u64)], first: &MysqlDatabase) {
    let desk = Desk::new();
    let (Some(postgres), Some(last)) = (PostgresDatabase::create("round"), MysqlDatabase::create("round")) else {
        return;
    };
    let file = SqliteFile::new(desk.path("round.sqlite"));
    migrate(tables, (&first.url(), first), (&postgres.url(), &postgres));
    migrate(tables, (&postgres.url(), &postgres), (&file.url(), &file));
    migrate(tables, (&file.url(), &file), (&last.url(), &last));
    for (table, _) in tables {
        assert_same_rows(At(first, table), At(&last, table));
    }
}

#[test]
fn sakila_comes_back_as_it_left() {
    let Some(first) = sakila("sakilaround") else { return };
    round_trip(SAKILA, &first);
}

#[test]
fn chinook_comes_back_as_it_left() {
    let (Some(source), Some(first)) = (chinook(), MysqlDatabase::create("chinookround")) else { return };
    migrate(CHINOOK, (&source.url(), &source), (&first.url(), &first));
    round_trip(CHINOOK, &first);
}
