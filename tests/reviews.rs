//! What reviewers say of sampled rows: in the verdict, the trail and the report, and for how long.

use serde_json::Value as Json;

use crate::support::{binary::Desk, ends::End, sides::SqliteFile};

const SYSTEMS: [&str; 3] = ["postgres", "mysql", "sqlite"];

/// A hundred people moved from SQLite, validated with all of them in the sample.
fn moved(system: &str) -> Option<(Desk, End, String)> {
    let desk = Desk::new();
    let source = SqliteFile::new(desk.path("shop.sqlite"));
    source.execute(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO people SELECT i, 'name ' || i, 'p' || i || '@secret.example' FROM n;",
    );
    let end = End::new(system, desk.folder())?;
    let text = format!(
        "[source]\nurl = \"{}\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"people\"\n[table.columns]\n\
         email = {{ from = \"email\", private = true }}\n",
        source.url(),
        end.url()
    );
    desk.write("plan.toml", &text);
    let told = desk.run_to(0, &["run", "plan.toml"]);
    let run = told.result()["run"].as_str().unwrap().to_owned();
    Some((desk, end, run))
}

#[track_caller]
fn say(desk: &Desk, code: i32, arguments: &[&str]) -> Json {
    let told = desk.run_to(code, &[&["validate"], arguments].concat());
    told.values.last().unwrap()["validation"].clone()
}

fn people(validation: &Json) -> &Json {
    &validation["tables"][0]
}

#[test]
fn a_rejected_row_is_in_verdict_trail_and_report_until_it_is_approved() {
    for system in SYSTEMS {
        let Some((desk, _end, run)) = moved(system) else { continue };
        let shown = say(&desk, 0, &["plan.toml", "--samples"]);
        assert_eq!(people(&shown)["sample"]["rows"].as_array().unwrap().len(), 100, "{system}");
        assert!(!shown.to_string().contains("@secret.example"), "{system}: private values are not shown");

        let approved = say(&desk, 0, &["plan.toml", "--approve", "people"]);
        assert_eq!(people(&approved)["sample"]["approved"], 100, "{system}");
        let reject = ["--reject", "people:7", "--comment", "no such person", "--reviewer", "Dr. Lee"];
        let rejected = say(&desk, 4, &[&[run.as_str()], &reject[..]].concat());
        assert_eq!((&rejected["outcome"], &people(&rejected)["sample"]["rejected"]), (&"failed".into(), &1.into()));

        let report = desk.run_to(0, &["report", &run]).values[0]["report"].clone();
        assert_eq!(report["verdict"], "failed", "{system}");
        let page = desk.command(&["report", &run, "--out", "-"]).output().unwrap();
        let page = String::from_utf8(page.stdout).unwrap();
        assert!(page.contains("rejected by Dr. Lee (put on record by"), "{system}");
        assert!(page.contains("no such person") && !page.contains("@secret.example"), "{system}");
        let trail = desk.run_to(0, &["audit", &run]).values[0]["entries"].as_array().unwrap().clone();
        let said: Vec<&Json> = trail.iter().filter(|entry| entry["action"] == "sample-reviewed").collect();
        assert_eq!(said.len(), 101, "{system}");
        assert_eq!(
            (&said[100]["what"], &said[100]["reason"], &said[100]["table"]),
            (&"rejected by Dr. Lee".into(), &"no such person".into(), &"people".into())
        );
        let state = desk.run(&["audit", "verify"]).values[0]["state"].clone();
        assert_eq!(state, "intact", "{system}");

        let again = say(&desk, 4, &["plan.toml", "--sample", "5", "--seed", "3"]);
        assert_eq!(again["outcome"], "failed", "{system}: not forgotten by a sample that lacks the row");
        assert!(again.to_string().contains("rejected by Dr. Lee"), "{system}");
        let withdrawn = say(&desk, 0, &["plan.toml", "--approve", "people:7", "--comment", "a twin"]);
        assert_eq!(withdrawn["outcome"], "passed", "{system}");
        let counted = desk.run_to(0, &["report", &run]).values[0]["report"]["verdict"].clone();
        assert_eq!(counted, "passed", "{system}");
    }
}

#[test]
fn a_row_that_changed_since_wants_a_new_look() {
    let Some((desk, end, _)) = moved("sqlite") else { return };
    end.execute(&["UPDATE people SET name = 'x' WHERE id = 7"]);
    say(&desk, 4, &["plan.toml", "--sample", "100"]);
    say(&desk, 4, &["plan.toml", "--reject", "people:7", "--comment", "wrong name"]);
    end.execute(&["UPDATE people SET name = 'name 7' WHERE id = 7"]);
    let mended = say(&desk, 4, &["plan.toml", "--sample", "100"]);
    assert_eq!(mended["outcome"], "inconclusive", "{mended:#}");
    assert!(mended.to_string().contains("nobody looked at it since"));
    let approved = say(&desk, 0, &["plan.toml", "--approve", "people:7"]);
    assert_eq!(approved["outcome"], "passed");
}

#[test]
fn what_cannot_be_said_is_refused_with_what_to_do() {
    let Some((desk, _end, run)) = moved("sqlite") else { return };
    for (arguments, words) in [
        (vec!["plan.toml", "--approve", "people:700"], "--samples"),
        (vec!["plan.toml", "--approve", "nobody"], "it has people"),
        (vec!["plan.toml", "--reject", "people", "--comment", "x"], "names no row"),
        (vec!["plan.toml", "--reject", "people:7", "--comment", " "], "say why"),
        (vec!["0000", "--samples"], "no plan 0000"),
    ] {
        let told = desk.run_to(2, &[&["validate"], &arguments[..]].concat());
        assert!(told.values[0]["error"].as_str().unwrap().contains(words), "{words}: {told:#?}");
    }
    let trail = desk.run_to(0, &["audit", &run]).values[0]["entries"].to_string();
    assert!(!trail.contains("sample-reviewed"), "nothing of it is on record");
}
