//! The demo, headless: its known bad rows, every answer that a script can give, stop and resume.

use std::collections::BTreeMap;

use serde_json::Value;
use whimbrel::cli::demo::{BadRow, make_shop};

use crate::support::{binary::Desk, sides::SqliteFile};

const SEED: u64 = 7;

fn known() -> Vec<BadRow> {
    let folder = tempfile::tempdir().unwrap();
    make_shop(folder.path(), SEED).unwrap().bad_rows
}

fn by_place<'v>(faults: impl IntoIterator<Item = &'v Value>) -> BTreeMap<(String, u64), &'v Value> {
    let place =
        |fault: &'v Value| ((fault["table"].as_str().unwrap().to_owned(), fault["row"].as_u64().unwrap()), fault);
    faults.into_iter().map(place).collect()
}

fn counts(result: &Value) -> [u64; 4] {
    ["read", "written", "skipped", "flagged"].map(|name| result["counts"][name].as_u64().unwrap())
}

#[test]
fn exactly_the_known_bad_rows_are_faults() {
    let desk = Desk::new();
    let told = desk.run_to(3, &["demo", "--headless", "--on-error", "flag"]);
    assert_eq!(counts(told.result()), [42_800, 42_788, 0, 12]);
    let raised = by_place(told.events("fault-ruled").into_iter().map(|event| &event["fault"]));
    let known = known();
    assert_eq!(raised.len(), known.len());
    for bad in known {
        let fault = raised[&(bad.table.to_owned(), bad.row)];
        assert_eq!(fault["column"], bad.column, "{fault}");
        assert_eq!(fault["value"], bad.value, "{fault}");
        assert_eq!(fault["cause"], serde_json::to_value(bad.cause).unwrap(), "{fault}");
        assert!(!fault["expected"].as_str().unwrap().is_empty() && !fault["message"].as_str().unwrap().is_empty());
    }
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_990);
    assert_eq!(vault.count("SELECT count(*) FROM orders"), 29_998);
    assert_eq!(
        vault.count("SELECT count(*) FROM customers WHERE name <> trim(name) OR user_email <> lower(user_email)"),
        0
    );
}

#[test]
fn skipped_rows_are_counted_and_leave_nothing_to_review() {
    let desk = Desk::new();
    let told = desk.run_to(3, &["demo", "--headless", "--on-error", "skip"]);
    assert_eq!(counts(told.result()), [42_800, 42_788, 12, 0]);
    let run = told.result()["run"].as_str().unwrap().to_owned();
    assert_eq!(desk.run_to(0, &["review", &run]).values[0]["flagged"], 0);
}

#[test]
fn a_stopped_run_is_finished_by_resume() {
    let desk = Desk::new();
    let told = desk.run_to(1, &["demo", "--headless", "--on-error", "stop"]);
    assert_eq!(told.result()["phase"], "stopped");
    assert_eq!(told.events("fault-raised").len(), 1);
    let plan = "whimbrel-demo/demo.toml";
    let refused = desk.run_to(2, &["run", plan]);
    assert!(refused.values[0]["error"].as_str().unwrap().contains("--resume"), "{refused:?}");
    let told = desk.run_to(3, &["run", plan, "--resume", "--on-error", "flag"]);
    assert_eq!(counts(told.result()), [42_800, 42_788, 0, 12]);
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_990);
    assert_eq!(vault.count("SELECT count(DISTINCT id) FROM orders"), 29_998);
}

#[test]
fn flagged_rows_are_edited_retried_and_given_up_in_review() {
    let desk = Desk::new();
    let told = desk.run_to(3, &["demo", "--headless"]);
    let run = told.result()["run"].as_str().unwrap().to_owned();
    let first = known().into_iter().find(|bad| bad.value == "ABC123").unwrap();
    let row = format!("{}:{}", first.table, first.row);
    let failed = desk.run_to(1, &["review", &run, "--retry", &row]);
    assert!(failed.values[0]["failures"][0].as_str().unwrap().contains("ABC123"), "{failed:?}");
    let wrong = desk.run_to(1, &["review", &run, "--retry", &row, "--set", "customer_id=still wrong"]);
    assert_eq!(wrong.values[0]["flagged"], 12);
    let mended = desk.run_to(0, &["review", &run, "--retry", &row, "--set", "customer_id=999999"]);
    assert_eq!(mended.values[0]["flagged"], 11);
    let again = desk.run_to(1, &["review", &run, "--retry", &row]);
    assert!(again.values[0]["failures"][0].as_str().unwrap().contains("written already"), "{again:?}");
    let second = known().into_iter().find(|bad| bad.value == "unknown").unwrap();
    let row = format!("{}:{}", second.table, second.row);
    let given_up = desk.run_to(0, &["review", &run, "--discard", &row, "--reason", "a test account"]);
    assert_eq!(given_up.values[0]["flagged"], 10);
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers WHERE id = 999999"), 1);
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_991);
}

#[test]
fn checks_that_fail_keep_the_run_from_starting() {
    let desk = Desk::new();
    desk.run_to(3, &["demo", "--headless"]);
    let plan = std::fs::read_to_string(desk.path("whimbrel-demo/demo.toml")).unwrap();
    desk.write("whimbrel-demo/broken.toml", &plan.replace("trim(name)", "trimm(name)"));
    let told = desk.run_to(5, &["run", "whimbrel-demo/broken.toml"]);
    assert!(serde_json::to_string(&told.values).unwrap().contains("did you mean 'trim'"), "{told:?}");
    desk.write("whimbrel-demo/typo.toml", &plan.replace("skip = [\"entry_no\"", "skpi = [\"entry_no\""));
    let told = desk.run_to(2, &["check", "whimbrel-demo/typo.toml"]);
    let error = told.values[0]["error"].as_str().unwrap();
    assert!(error.contains("did you mean 'skip'") && error.contains("typo.toml:23:"), "{error}");
}

/// Runs the headless demo with its standard output already closed at the other end, or on a full disk.
fn demo_into(desk: &Desk, stdout: std::process::Stdio) -> std::process::Output {
    let mut demo = desk.command(&["demo", "--headless", "--on-error", "flag"]);
    demo.stdout(stdout).stderr(std::process::Stdio::piped()).output().unwrap()
}

#[test]
fn whoever_reads_no_more_lines_does_not_end_the_run() {
    let desk = Desk::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = demo_into(&desk, writer.into());
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_990);
}

#[cfg(target_os = "linux")]
#[test]
fn lines_that_a_full_disk_did_not_take_are_told() {
    let desk = Desk::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = demo_into(&desk, full.into());
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("not all could be printed to standard output: No space left on device"), "{told}");
    let vault = SqliteFile::new(desk.path("whimbrel-demo/credvault.sqlite"));
    assert_eq!(vault.count("SELECT count(*) FROM customers"), 11_990);
}
