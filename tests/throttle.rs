//! A run that is held back: by its plan, by a script, and by an operator, while it goes on.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{
    binary::Desk,
    pty::{ENTER, RIGHT, Terminal},
    sides::SqliteFile,
};

/// Far more rows than go at one a second while a test waits.
const ROWS: u64 = 20_000;

/// A plan over a table of so many rows, with more of `[run]`.
fn desk(run: &str) -> Desk {
    let desk = Desk::new();
    SqliteFile::new(desk.path("source.sqlite")).execute(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);\n\
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
         INSERT INTO t SELECT i, printf('%2000d', i) FROM n;"
    ));
    desk.write(
        "plan.toml",
        &format!(
            "[plan]\nname = \"held back\"\n[source]\nurl = \"sqlite:source.sqlite\"\n\
             [destination]\nurl = \"sqlite:target.sqlite\"\n[run]\n{run}\n[[table]]\nfrom = \"t\"\n"
        ),
    );
    desk
}

fn count(desk: &Desk) -> u64 {
    SqliteFile::new(desk.path("target.sqlite")).count("SELECT count(*) FROM t")
}

/// Starts the plan in the console, and leaves the run to its host.
fn leave_running(desk: &Desk, shown: &str) {
    let mut terminal = Terminal::open(desk, &["plan.toml"], 24, 80);
    terminal.wait_for("1 Connect");
    terminal.press("4");
    terminal.wait_for("Ready: s starts the migration");
    terminal.press("s");
    terminal.wait_for("Start the migration?");
    terminal.press_in_prompt(&[RIGHT, ENTER]);
    terminal.wait_for("● running");
    terminal.wait_for(shown);
    terminal.press("\x04");
    assert_eq!(terminal.exit_code(), 0);
}

fn the_run(desk: &Desk) -> Value {
    desk.run_to(0, &["status"]).values[0]["runs"][0].clone()
}

#[test]
fn a_limit_of_the_plan_holds_until_a_script_takes_it_away() {
    let desk = desk("rows_per_second = 1");
    leave_running(&desk, "at most 1 rows/s");
    let run = the_run(&desk);
    assert_eq!((&run["rows_per_second"], &run["phase"]), (&1.into(), &"running".into()));
    assert_eq!(desk.run(&["throttle"]).code, Some(2), "nothing is said");
    assert_eq!(desk.run(&["throttle", "--rows", "0"]).code, Some(2));
    desk.run_to(0, &["throttle", "--rows", "2", "--parallel", "3"]);
    let run = the_run(&desk);
    assert_eq!((&run["rows_per_second"], &run["parallel"]), (&2.into(), &3.into()));
    assert!(count(&desk) < ROWS);
    desk.run_to(0, &["throttle", "plan.toml", "--rows", "off"]);
    let mut terminal = Terminal::open(&desk, &["plan.toml"], 40, 120);
    terminal.press("5");
    terminal.wait_for("✓ completed");
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(count(&desk), ROWS);
    let trail = desk.run_to(0, &["audit"]);
    let entries = trail.values[0]["entries"].as_array().unwrap();
    let said = |action: &str| -> Vec<String> {
        let entries = entries.iter().filter(|entry| entry["action"] == action);
        entries
            .map(|entry| format!("{} by {}", entry["what"].as_str().unwrap(), entry["by"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(said("throttle-set"), ["2 rows a second by tester", "no limit by tester"]);
    assert_eq!(said("parallel-set"), ["3 tables at once by tester"]);
}

#[test]
fn a_chunk_that_a_new_limit_outgrows_does_not_keep_a_pause_waiting() {
    let desk = desk("rows_per_second = 1_000");
    leave_running(&desk, "at most 1,000 rows/s");
    desk.run_to(0, &["throttle", "--rows", "1"]);
    desk.run_to(0, &["pause"]);
    // At one row a second, the rest of a chunk of two thousand would take half an hour.
    let since = Instant::now();
    while the_run(&desk)["phase"] != "paused" {
        assert!(since.elapsed() < Duration::from_secs(90), "{:?}", the_run(&desk));
        thread::sleep(Duration::from_millis(50));
    }
    assert!(count(&desk) < ROWS);
    desk.run_to(0, &["throttle", "--rows", "off"]);
    desk.run_to(0, &["resume"]);
    let mut terminal = Terminal::open(&desk, &["plan.toml"], 24, 80);
    terminal.press("5");
    terminal.wait_for("✓ completed");
    terminal.press("q");
    assert_eq!((terminal.exit_code(), count(&desk)), (0, ROWS));
    let trail = desk.run_to(0, &["audit"]);
    let entries = trail.values[0]["entries"].as_array().unwrap();
    for action in ["run-paused", "run-continued"] {
        assert!(entries.iter().any(|entry| entry["action"] == action && entry["by"] == "tester"), "{action}");
    }
}
