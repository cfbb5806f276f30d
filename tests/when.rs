//! When a plan may run, and whether production was tried before: what `run` refuses, and what it waits for.

use std::{process::Stdio, time::Duration};

use chrono::{Local, TimeDelta};

use crate::support::{binary::Desk, sides::SqliteFile};

/// A plan that copies the demo's products, with more lines at its head and in its destination.
fn plan(desk: &Desk, name: &str, head: &str, destination: &str) -> String {
    let text = format!(
        "{head}\n[source]\nurl = \"sqlite:whimbrel-demo/credvault.sqlite\"\n[destination]\nurl = \"sqlite:{name}.sqlite\"\n\
         {destination}\n[[table]]\nfrom = \"products\"\n"
    );
    desk.write(&format!("{name}.toml"), &text);
    format!("{name}.toml")
}

/// Tables of the destination, which the checks may have made an empty file of.
fn tables(desk: &Desk, name: &str) -> u64 {
    let file = desk.path(&format!("{name}.sqlite"));
    if file.exists() { SqliteFile::new(file).count("SELECT count(*) FROM sqlite_master") } else { 0 }
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.run_to(3, &["demo", "--headless", "--on-error", "skip"]);
    desk
}

/// Two hours from now till four hours from now, on the clock's face.
fn closed_window() -> String {
    let at = |hours| (Local::now() + TimeDelta::hours(hours)).format("%H:%M").to_string();
    format!("[when]\nwindow = \"{}-{}\"", at(2), at(4))
}

#[test]
fn outside_its_window_a_plan_runs_only_by_force() {
    let desk = desk();
    let plan = plan(&desk, "later", &closed_window(), "");
    let refused = desk.run_to(5, &["run", &plan]);
    let checks = refused.values[0]["checks"].as_array().unwrap();
    let time = checks.iter().find(|check| check["name"] == "Time to run").unwrap();
    assert_eq!(time["state"], "unconfirmed", "{time}");
    assert!(time["details"][0].as_str().unwrap().contains("next from"), "{time}");
    assert_eq!(tables(&desk, "later"), 0, "nothing was written");
    desk.run_to(0, &["run", &plan, "--force"]);
    assert_eq!(SqliteFile::new(desk.path("later.sqlite")).count("SELECT count(*) FROM products"), 800);
}

#[test]
fn production_wants_a_test_run_of_the_same_mapping() {
    let desk = desk();
    let production = plan(&desk, "real", "", "label = \"production\"");
    desk.run_to(5, &["run", &production]);
    assert_eq!(tables(&desk, "real"), 0, "nothing was written");
    let test = plan(&desk, "test", "", "label = \"test\"");
    desk.run_to(0, &["run", &test]);
    desk.run_to(0, &["run", &production]);
    assert_eq!(SqliteFile::new(desk.path("real.sqlite")).count("SELECT count(*) FROM products"), 800);
}

#[test]
fn a_scheduled_plan_waits_and_runs_without_a_terminal() {
    let desk = desk();
    let opens = Local::now() + TimeDelta::seconds(61);
    let closes = opens + TimeDelta::hours(2);
    let head = format!(
        "[plan]\nkind = \"scheduled\"\n[when]\nwindow = \"{}-{}\"",
        opens.format("%H:%M"),
        closes.format("%H:%M")
    );
    let plan = plan(&desk, "nightly", &head, "");
    let mut command = desk.command(&["run", &plan, "--json"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "it waits");
    assert!(!desk.path("nightly.sqlite").exists(), "nothing is written before its time");
    let copied = || desk.run(&["review"]).values[0]["runs"].as_array().unwrap()[0]["name"] == "nightly";
    let since = std::time::Instant::now();
    while !copied() {
        assert!(since.elapsed() < Duration::from_secs(180), "it did not run");
        std::thread::sleep(Duration::from_secs(1));
    }
    while desk.run(&["review"]).values[0]["runs"][0]["phase"] != "completed" {
        assert!(since.elapsed() < Duration::from_secs(180), "it did not end");
        std::thread::sleep(Duration::from_secs(1));
    }
    assert!(child.try_wait().unwrap().is_none(), "it waits for the next opening");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(SqliteFile::new(desk.path("nightly.sqlite")).count("SELECT count(*) FROM products"), 800);
}
