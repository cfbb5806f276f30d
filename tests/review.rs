//! Flagged rows, many at once: fixed by an expression, out to a sheet and back, and without private values.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value as Json;

use crate::support::{binary::Desk, sides::SqliteFile};

/// People whose ages are texts, some of them no numbers, and one who has none; what arrives is a whole number.
struct People {
    desk: Desk,
    run: String,
}

impl People {
    fn new(columns: &str) -> Self {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age TEXT, note TEXT);
             INSERT INTO people VALUES (1, 'Ada', '36', NULL), (2, 'Ben', '41 years', ''), (3, 'Cem', 'x7', '\\N'),
             (4, 'Dora', '29 years', 'a,b'), (5, 'Eve', 'unknown', NULL);",
        );
        SqliteFile::new(desk.path("out.sqlite"))
            .execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, note TEXT)");
        let plan = format!(
            "[plan]\nname = \"People\"\n[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \
             \"sqlite:out.sqlite\"\n[run]\non_error = \"flag\"\n[[table]]\nfrom = \"people\"\nkey = [\"id\"]\n\
             [table.columns]\nage = {{ from = \"age\", type = \"integer\" }}\n{columns}"
        );
        desk.write("plan.toml", &plan);
        let told = desk.run_to(3, &["run", "plan.toml"]);
        let run = told.result()["run"].as_str().unwrap().to_owned();
        Self { desk, run }
    }

    fn review(&self, code: i32, arguments: &[&str]) -> Json {
        let mut all = vec!["review", &self.run];
        all.extend(arguments);
        self.desk.run_to(code, &all).values.pop().unwrap()
    }

    fn arrived(&self) -> Vec<Vec<Option<String>>> {
        let out = SqliteFile::new(self.desk.path("out.sqlite"));
        out.rows("SELECT CAST(id AS TEXT), CAST(age AS TEXT), note FROM people ORDER BY id")
    }
}

fn row(cells: [Option<&str>; 3]) -> Vec<Option<String>> {
    cells.map(|cell| cell.map(str::to_owned)).to_vec()
}

const FIX: &str = "age=regexp_replace(age, '[^0-9]', '', 'g')";

#[test]
fn a_group_is_fixed_by_an_expression_seen_first() {
    let people = People::new("");
    assert_eq!(people.review(0, &[])["flagged"], 4);
    let seen = &people.review(0, &["--fix", FIX, "--column", "age", "--preview"])["fix_preview"];
    assert_eq!((&seen["changed"], &seen["unchanged"], &seen["failing"]), (&4.into(), &0.into(), &1.into()), "{seen:#}");
    // What would still fail comes first.
    assert_eq!((&seen["rows"][0]["row"], &seen["rows"][0]["before"]), (&5.into(), &"unknown".into()));
    assert_eq!((&seen["rows"][1]["before"], &seen["rows"][1]["after"]), (&"41 years".into(), &"41".into()));
    assert_eq!(people.arrived().len(), 1, "nothing was written");

    let done = people.review(1, &["--fix", FIX, "--cause", "conversion"]);
    assert_eq!((&done["flagged"], done["failures"].as_array().unwrap().len()), (&1.into(), 1));
    let ages: Vec<_> = people.arrived().into_iter().map(|row| row[1].clone().unwrap()).collect();
    assert_eq!(ages, ["36", "41", "7", "29"]);
    // The same trail as of single edits.
    let trail = people.desk.run_to(0, &["audit", &people.run]).values.pop().unwrap();
    let reviewed: Vec<&Json> =
        trail["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "reviewed").collect();
    assert_eq!(reviewed.len(), 3);
    assert!(reviewed.iter().all(|entry| entry["what"] == "edit" && entry["by"] == "tester"));
    let verdict = people.desk.run_to(0, &["validate", "plan.toml"]).values.pop().unwrap();
    assert_eq!(verdict["validation"]["outcome"], "passed", "{verdict:#}");
}

#[test]
fn a_fix_that_cannot_be_says_why_and_writes_nothing() {
    let people = People::new("");
    for (fix, words) in [("age", "COLUMN=EXPRESSION"), ("age=", "COLUMN=EXPRESSION")] {
        let told = people.review(2, &["--fix", fix, "--preview"]);
        assert!(told["error"].as_str().unwrap().contains(words), "{told}");
    }
    for (fix, words) in [("nope=trim(age)", "no source column 'nope'"), ("age=trimm(age)", "did you mean 'trim'")] {
        let told = people.review(0, &["--fix", fix, "--preview"]);
        assert!(told["fix_preview"]["rows"][0]["problem"].as_str().unwrap().contains(words), "{told}");
        people.review(1, &["--fix", fix]);
    }
    let told = people.review(2, &["--fix", FIX, "--column", "none"]);
    assert!(told["error"].as_str().unwrap().contains("no flagged row has that"), "{told}");
    assert_eq!(people.arrived().len(), 1);
}

#[test]
fn rows_go_out_to_a_sheet_are_put_right_there_and_come_back() {
    let people = People::new("");
    let sheet = people.desk.path("rows.csv");
    let path = sheet.to_str().unwrap();
    people.review(0, &["--export", path]);
    assert_eq!(fs::metadata(&sheet).unwrap().permissions().mode() & 0o777, 0o600);
    let told = people.review(2, &["--export", path]);
    assert!(told["error"].as_str().unwrap().contains("is there already"), "{told}");

    let text = fs::read_to_string(&sheet).unwrap();
    assert!(text.contains("id=2") && text.contains("41 years"), "{text}");
    fs::write(&sheet, text.replace("41 years", "41").replace("x7", "7").replace("unknown,\\N", "\\N,")).unwrap();
    let seen = people.review(0, &["--import", path, "--preview"]);
    assert_eq!(seen["import"]["changed"], 3);
    assert_eq!(seen["import"]["unchanged"][0], "people:4");
    assert_eq!(people.arrived().len(), 1);
    let done = people.review(0, &["--import", path]);
    assert_eq!(done["flagged"], 1);
    // NULL and empty are two things on the way out and back, and a text that looks like the sign of NULL stays one.
    let expected = [
        row([Some("1"), Some("36"), None]),
        row([Some("2"), Some("41"), Some("")]),
        row([Some("3"), Some("7"), Some("\\N")]),
        row([Some("5"), None, Some("")]),
    ];
    assert_eq!(people.arrived(), expected);

    // The rows are settled now. A sheet that says otherwise of one is not taken, not even what is still flagged.
    let sheet_now = fs::read_to_string(&sheet).unwrap().replace("29 years", "29");
    fs::write(&sheet, sheet_now.replace(",41,", ",42,")).unwrap();
    let told = people.review(2, &["--import", path]);
    let error = told["error"].as_str().unwrap();
    assert!(error.contains("people:2 is written with other values by tester"), "{error}");
    assert!(error.contains("nothing was imported"), "{error}");
    assert_eq!(people.arrived().len(), 4);
    // What it says as it is keeps the rest from nothing.
    fs::write(&sheet, sheet_now).unwrap();
    let seen = people.review(0, &["--import", path, "--preview"]);
    assert_eq!((&seen["import"]["changed"], seen["import"]["settled"].as_array().unwrap().len()), (&1.into(), 3));
    assert_eq!(people.review(0, &["--import", path])["flagged"], 0);
    assert_eq!(people.arrived().len(), 5);
}

#[test]
fn private_values_are_shown_exported_and_told_by_nothing_but_on_purpose() {
    let people = People::new("name = { private = true }\n");
    let told = serde_json::to_string(&people.review(0, &[])).unwrap();
    assert!(!told.contains("Ben") && told.contains("(private)") && told.contains("41 years"), "{told}");
    // What is wrong with the expression quotes no row; what is wrong with a row may.
    let told = people.review(0, &["--fix", "age=nosuch(age)", "--preview"]).to_string();
    assert!(told.contains("nosuch"), "{told}");
    let told = people.review(0, &["--fix", "age=age", "--preview"]).to_string();
    assert!(told.contains("(private)") && !told.contains("Ben"), "{told}");
    let sheet = people.desk.path("rows.csv");
    let masked = people.review(0, &["--export", sheet.to_str().unwrap()]);
    assert_eq!(masked["masked"], true);
    let text = fs::read_to_string(&sheet).unwrap();
    assert!(!text.contains("Ben"), "{text}");
    // Left out, it stays as it is.
    fs::write(&sheet, text.replace("41 years", "41")).unwrap();
    people.review(0, &["--import", sheet.to_str().unwrap()]);
    let out = SqliteFile::new(people.desk.path("out.sqlite"));
    assert_eq!(out.rows("SELECT name FROM people WHERE id = 2"), [[Some("Ben".to_owned())]]);

    let shown = people.review(0, &["--reveal", "people:3"]);
    let text = serde_json::to_string(&shown).unwrap();
    assert!(text.contains("Cem") && !text.contains("Dora"), "{text}");
    let all = people.desk.path("all.csv");
    people.review(0, &["--export", all.to_str().unwrap(), "--with-private"]);
    assert!(fs::read_to_string(&all).unwrap().contains("Dora"));
    let trail = people.desk.run_to(0, &["audit", &people.run]).values.pop().unwrap();
    let entries = trail["entries"].as_array().unwrap();
    let revealed: Vec<&Json> = entries.iter().filter(|entry| entry["action"] == "revealed").collect();
    assert_eq!(revealed.len(), 4, "one, then all three that are flagged: {trail:#}");
    assert!(revealed.iter().all(|entry| entry["by"] == "tester" && entry["row"].is_u64()));
}

#[test]
fn a_row_that_could_not_be_read_is_fixed_beside_values_that_travel_as_they_are() {
    let desk = Desk::new();
    SqliteFile::new(desk.path("source.sqlite")).execute(
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, number INTEGER, at DATETIME, any BLOB);
         INSERT INTO visits VALUES (1, 1, '2021-11-09 15:46:19', 2.5), (2, 'two', '2022-04-17 19:17:32', X'00ff'),
         (3, 'three', 17, 'it''s');",
    );
    desk.write(
        "plan.toml",
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"sqlite:out.sqlite\"\n[run]\non_error = \
         \"flag\"\n[[table]]\nfrom = \"visits\"\n[table.columns]\nnumber = { check = \"number > 0\" }\n",
    );
    let told = desk.run_to(3, &["run", "plan.toml"]);
    let run = told.result()["run"].as_str().unwrap();
    let fix = "number=case number when 'two' then 2 when 'three' then 3 end";
    let seen = desk.run_to(0, &["review", run, "--fix", fix, "--preview"]).values.pop().unwrap();
    assert_eq!((&seen["fix_preview"]["changed"], &seen["fix_preview"]["failing"]), (&2.into(), &0.into()), "{seen:#}");
    desk.run_to(0, &["review", run, "--fix", fix]);
    let rows = SqliteFile::new(desk.path("out.sqlite")).rows(
        "SELECT CAST(number AS TEXT), CAST(at AS TEXT), hex(any), typeof(at), typeof(any) FROM visits ORDER BY id",
    );
    let expected = [
        ["1", "2021-11-09 15:46:19", "322E35", "text", "real"],
        ["2", "2022-04-17 19:17:32", "00FF", "text", "blob"],
        ["3", "17", "69742773", "integer", "text"],
    ];
    let rows: Vec<Vec<&str>> =
        rows.iter().map(|row| row.iter().map(|cell| cell.as_deref().unwrap()).collect()).collect();
    assert_eq!(rows, expected);
}
