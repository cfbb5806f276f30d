//! Too many faults: the mapping is wrong, and nothing is skipped by the thousand.

use crate::support::{binary::Desk, sides::SqliteFile};

const PLAN: &str = r#"
[source]
url = "sqlite:source.sqlite"
[destination]
url = "sqlite:destination.sqlite"
[run]
on_error = "skip"
[[table]]
from = "t"
[table.columns]
amount = { from = "amount", type = "integer" }
"#;

fn desk(bad_of_ten: u64) -> Desk {
    let desk = Desk::new();
    SqliteFile::new(desk.path("source.sqlite")).execute(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, amount TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
         INSERT INTO t SELECT i, CASE WHEN i % 10 < {bad_of_ten} THEN 'x' ELSE i END FROM n;"
    ));
    desk
}

#[test]
fn a_share_of_bad_rows_over_the_budget_stops_a_run_that_nobody_attends() {
    let desk = desk(6);
    desk.write("plan.toml", PLAN);
    let told = desk.run_to(1, &["run", "plan.toml"]);
    let why = told.result()["stopped"].as_str().unwrap();
    assert!(why.contains("600 of 1000 rows") && why.contains("the mapping is wrong, not the rows"), "{why}");
    assert_eq!(told.result()["counts"]["skipped"], 0);
    assert_eq!(SqliteFile::new(desk.path("destination.sqlite")).count("SELECT count(*) FROM t"), 0);
}

#[test]
fn within_the_budget_they_are_skipped_one_by_one() {
    let desk = desk(4);
    desk.write("plan.toml", PLAN);
    assert_eq!(desk.run_to(3, &["run", "plan.toml"]).result()["counts"]["skipped"], 400);
}

#[test]
fn a_count_of_bad_rows_over_the_budget_does_the_same() {
    let desk = desk(4);
    desk.write("plan.toml", &PLAN.replace("on_error", "fault_budget = 399\non_error"));
    let told = desk.run_to(1, &["run", "plan.toml"]);
    assert!(told.result()["stopped"].as_str().unwrap().contains("more than 399 rows"), "{told:?}");
}
