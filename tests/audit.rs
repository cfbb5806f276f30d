//! The audit trail of real runs: what is in it, what must not be, and that tampering shows.

use serde_json::Value as Json;

use crate::support::{binary::Desk, sides::SqliteFile};

/// The demo with an answer in review; the run's id.
fn run(desk: &Desk) -> String {
    let told = desk.run_to(3, &["demo", "--headless", "--on-error", "flag"]);
    let id = told.result()["run"].as_str().unwrap().to_owned();
    let rows = desk.run(&["review", &id]).values[0]["rows"].as_array().unwrap().clone();
    let fault = &rows[0]["fault"];
    let row = format!("{}:{}", fault["table"].as_str().unwrap(), fault["row"]);
    desk.run_to(0, &["review", &id, "--discard", &row, "--reason", "a test of 2019"]);
    id
}

fn state(desk: &Desk, code: i32) -> Json {
    desk.run_to(code, &["audit", "verify"]).values.last().unwrap().clone()
}

fn ledger(desk: &Desk) -> SqliteFile {
    SqliteFile::new(desk.path("home/.local/state/whimbrel/ledger.sqlite"))
}

#[test]
fn a_run_leaves_a_trail_of_who_did_what_to_which_row() {
    let desk = Desk::new();
    assert_eq!(state(&desk, 0)["entries"], 0);
    let id = run(&desk);
    let entries = desk.run_to(0, &["audit", &id]).values[0]["entries"].as_array().unwrap().clone();
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..2], ["restore-point-made", "run-begun"]);
    assert_eq!(actions.iter().filter(|action| **action == "ruled").count(), 12);
    assert_eq!(actions[14..], ["run-completed", "validated", "reviewed"]);
    let reviewed = entries.last().unwrap();
    assert_eq!(
        (&reviewed["by"], &reviewed["what"], &reviewed["reason"]),
        (&"tester".into(), &"skip".into(), &"a test of 2019".into())
    );
    assert!(
        reviewed["row"].is_u64()
            && reviewed["table"].is_string()
            && reviewed["plan_digest"].as_str().unwrap().len() == 64
    );
    assert_eq!(entries[15]["what"], "PASSED");
    assert_eq!(
        desk.run_to(0, &["audit", "whimbrel-demo/demo.toml"]).values[0]["entries"].as_array().unwrap().len(),
        entries.len()
    );
    assert_eq!(state(&desk, 0)["state"], "intact");
    let key = desk.path("home/.config/whimbrel/audit.key");
    assert_eq!(std::fs::metadata(&key).unwrap().len(), 32);
    // The rows' values are the faults', and no business of the trail.
    let faults = ledger(&desk).rows("SELECT json_extract(fault, '$.value') FROM faults");
    let trail = ledger(&desk).rows("SELECT group_concat(entry) FROM audit")[0][0].clone().unwrap();
    for value in faults.into_iter().flatten().flatten().filter(|value| value.len() > 4) {
        assert!(!trail.contains(&value), "{value} is in the trail");
    }
}

#[test]
fn what_is_changed_cut_or_added_by_hand_shows() {
    let desk = Desk::new();
    run(&desk);
    let file = ledger(&desk);
    let entry = file.rows("SELECT entry FROM audit WHERE seq = 6")[0][0].clone().unwrap();
    let put =
        |entry: &str| file.execute(&format!("UPDATE audit SET entry = '{}' WHERE seq = 6", entry.replace('\'', "''")));
    put(&entry.replace("\"flag\"", "\"skip\""));
    let broken = state(&desk, 1);
    assert_eq!((&broken["state"], &broken["at"]), (&"broken".into(), &6.into()));
    put(&entry);
    assert_eq!(state(&desk, 0)["state"], "intact");

    file.execute(
        "CREATE TABLE kept AS SELECT * FROM audit WHERE seq > 15; DELETE FROM audit WHERE seq > 15;
        CREATE TABLE signed AS SELECT * FROM checkpoints WHERE seq > 15; DELETE FROM checkpoints WHERE seq > 15",
    );
    let cut = state(&desk, 1);
    assert_eq!((&cut["state"], &cut["signed"], &cut["found"]), (&"truncated".into(), &17.into(), &15.into()));
    file.execute("INSERT INTO audit SELECT * FROM kept; INSERT INTO checkpoints SELECT * FROM signed; DROP TABLE kept; DROP TABLE signed");
    assert_eq!(state(&desk, 0)["state"], "intact");

    // A crash before the signature: all is there, the tail unsigned until the next one.
    std::fs::remove_file(desk.path("home/.config/whimbrel/audit.head")).unwrap();
    file.execute("DELETE FROM checkpoints WHERE seq > 15");
    let tail = state(&desk, 3);
    assert_eq!((&tail["state"], &tail["from"]), (&"unsigned-tail".into(), &16.into()));
    desk.run_to(0, &["finish", "whimbrel-demo/demo.toml", "--force"]);
    assert_eq!(state(&desk, 0)["entries"], 18);
}
