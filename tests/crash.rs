//! `kill -9` at random moments, resumed each time: the same rows as if nothing had happened.

use std::{thread::sleep, time::Duration};

use crate::support::{
    binary::{Desk, told},
    servers::PostgresDatabase,
    sides::SqliteFile,
};

const ROWS: u64 = 200_000;
const KILLS: usize = 20;

/// A keyed and a keyless table of as many rows each; every 9,973rd row is bad and flagged.
fn source(desk: &Desk) -> SqliteFile {
    let file = SqliteFile::new(desk.path("source.sqlite"));
    file.execute(&format!(
        "CREATE TABLE keyed (id INTEGER PRIMARY KEY, name TEXT, amount TEXT);
         CREATE TABLE keyless (name TEXT, amount TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO keyed SELECT i, 'name ' || i, CASE WHEN i % 9973 = 0 THEN 'bad' ELSE i * 7 END FROM n;
         INSERT INTO keyless SELECT name, amount FROM keyed;"
    ));
    file
}

fn plan(destination: &str) -> String {
    let table = |name: &str| {
        format!("[[table]]\nfrom = \"{name}\"\n[table.columns]\namount = {{ from = \"amount\", type = \"integer\" }}\n")
    };
    format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{destination}\"\n[run]\non_error = \"flag\"\n\
         parallel = 2\nchunk_rows = 5000\n{}{}",
        table("keyed"),
        table("keyless")
    )
}

/// Starts the run and kills it, again and again, each time a little later or earlier; then lets it end. `false`: this
/// machine is so fast that the run ended before it was killed often enough.
fn kill_and_resume(desk: &Desk, longest_ms: u64) -> bool {
    let mut seed = 0x9e37_79b9_u64;
    for _ in 0..KILLS {
        let mut child = desk.start(&["run", "plan.toml", "--resume"]);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sleep(Duration::from_millis(20 + (seed >> 33) % longest_ms));
        if child.try_wait().unwrap().is_some() {
            let told = told(&child.wait_with_output().unwrap());
            assert_eq!(told.code, Some(3), "{told:#?}");
            return false;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let told = desk.run_to(3, &["run", "plan.toml", "--resume"]);
    let counts = &told.result()["counts"];
    let bad = 2 * (ROWS / 9_973);
    assert_eq!(counts["read"], 2 * ROWS);
    assert_eq!(counts["written"], 2 * ROWS - bad);
    assert_eq!(counts["flagged"], bad);
    let run = told.result()["run"].as_str().unwrap();
    assert_eq!(desk.run_to(0, &["review", run]).values[0]["flagged"], bad, "no flagged row is lost or doubled");
    true
}

/// How long a life may last, shorter for faster machines.
const LIVES_MS: [u64; 5] = [110, 70, 40, 20, 10];

fn compare(source: &SqliteFile, destination: impl Fn(&str) -> Vec<Vec<Option<String>>>) {
    let columns = |table: &str| if table == "keyed" { "id, name, amount" } else { "name, amount" };
    for table in ["keyed", "keyless"] {
        let columns = columns(table);
        let good = format!("SELECT {columns} FROM {table} WHERE amount <> 'bad' ORDER BY name");
        let all = format!("SELECT {columns} FROM {table} ORDER BY name");
        let expected = sorted(source.rows(&good));
        assert!(sorted(destination(&all)) == expected, "{table} differs");
    }
}

fn sorted(mut rows: Vec<Vec<Option<String>>>) -> Vec<Vec<Option<String>>> {
    rows.sort_unstable();
    rows
}

#[test]
fn killed_twenty_times_into_sqlite() {
    let scenario = |longest_ms| {
        let desk = Desk::new();
        let source = source(&desk);
        desk.write("plan.toml", &plan("sqlite:destination.sqlite"));
        let killed = kill_and_resume(&desk, longest_ms);
        let destination = SqliteFile::new(desk.path("destination.sqlite"));
        compare(&source, |sql| destination.rows(sql));
        killed
    };
    assert!(LIVES_MS.into_iter().any(scenario), "it cannot be killed often enough");
}

#[test]
fn killed_twenty_times_into_postgres() {
    let scenario = |longest_ms| {
        let Some(destination) = PostgresDatabase::create("crash") else { return true };
        let desk = Desk::new();
        let source = source(&desk);
        desk.write("plan.toml", &plan(&destination.url()));
        let killed = kill_and_resume(&desk, longest_ms);
        compare(&source, |sql| destination.rows(sql));
        killed
    };
    assert!(LIVES_MS.into_iter().any(scenario), "it cannot be killed often enough");
}
