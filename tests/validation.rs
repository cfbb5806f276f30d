//! What a validation finds, and what it must not: on every system, after a run and without one.

use serde_json::Value as Json;

use crate::support::{
    binary::{Desk, Told},
    ends::End,
    sides::SqliteFile,
};

const SERVERS: [&str; 3] = ["postgres", "mysql", "sqlite"];

/// A shop in SQLite, and a plan that moves it in chunks of 100 rows.
struct Move {
    desk: Desk,
    source: SqliteFile,
    destination: End,
}

impl Move {
    fn new(system: &str) -> Option<Self> {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("shop.sqlite"));
        source.execute(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, amount DECIMAL(10,2), born DATE);
             CREATE TABLE log (note TEXT, number INTEGER);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
             INSERT INTO people SELECT i, CASE WHEN i % 10 = 0 THEN NULL WHEN i % 11 = 0 THEN '' ELSE 'name ' || i END,
                 i * 1.25, date('2000-01-01', '+' || i || ' days') FROM n;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO log SELECT 'note ' || (i % 7), i / 3 FROM n;",
        );
        let destination = End::new(system, desk.folder())?;
        let shop = Self { desk, source, destination };
        shop.plan("");
        Some(shop)
    }

    fn plan(&self, more: &str) {
        let text = format!(
            "[source]\nurl = \"{}\"\n[destination]\nurl = \"{}\"\n[run]\nchunk_rows = 100\n[[table]]\nfrom = \"people\"\n{more}\n\
             [[table]]\nfrom = \"log\"\n",
            self.source.url(),
            self.destination.url()
        );
        self.desk.write("plan.toml", &text);
    }

    /// Moves all of it; the validation after it must come to this.
    #[track_caller]
    fn run(&self, outcome: &str) -> Told {
        let told = self.desk.run(&["run", "plan.toml", "--on-error", "flag"]);
        assert_eq!(told.result()["validated"]["outcome"], outcome, "{told:#?}");
        told
    }

    #[track_caller]
    fn validate(&self, outcome: &str) -> Json {
        validated(&self.desk, &["validate", "plan.toml", "--seed", "7"], outcome)
    }
}

#[track_caller]
fn validated(desk: &Desk, arguments: &[&str], outcome: &str) -> Json {
    let told = desk.run_to(if outcome == "passed" { 0 } else { 4 }, arguments);
    let validation = told.values.last().unwrap()["validation"].clone();
    assert_eq!(validation["outcome"], outcome, "{validation:#}");
    validation
}

fn table<'v>(validation: &'v Json, name: &str) -> &'v Json {
    let tables = validation["tables"].as_array().unwrap();
    tables.iter().find(|table| table["to"] == name).unwrap()
}

fn finding<'v>(table: &'v Json, name: &str) -> &'v Json {
    let findings = table["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["name"] == name).unwrap_or_else(|| panic!("no '{name}' in {table:#}"))
}

/// The table's only difference.
#[track_caller]
fn only<'v>(validation: &'v Json, name: &str) -> &'v Json {
    let differences = table(validation, name)["differences"].as_array().unwrap();
    assert!(differences.len() == 1 && table(validation, name)["differing"] == 1, "{validation:#}");
    &differences[0]
}

#[test]
fn one_byte_one_row_a_row_twice_and_two_values_swapped_are_each_found_and_named() {
    for system in SERVERS {
        let Some(shop) = Move::new(system) else { continue };
        shop.run("passed");
        let passed = shop.validate("passed");
        assert_eq!(table(&passed, "people")["sample"]["matching"], 100);
        assert_eq!(
            (&table(&passed, "people")["source_rows"], &table(&passed, "people")["destination_rows"]),
            (&400.into(), &400.into())
        );

        shop.destination.execute(&["UPDATE people SET name = 'Name 257' WHERE id = 257"]);
        let failed = shop.validate("failed");
        let difference = only(&failed, "people");
        assert_eq!(
            (&difference["kind"], &difference["row"], &difference["chunk"]),
            (&"different".into(), &257.into(), &2.into()),
            "{system}"
        );
        assert_eq!(difference["key"], serde_json::json!([{"name": "id", "cell": "257"}]));
        let column = serde_json::json!([
            {"column": "name", "origin": "people.name", "source": "name 257", "destination": "Name 257"}
        ]);
        assert_eq!(difference["columns"], column, "{system}");
        assert_eq!(table(&failed, "log")["outcome"], "passed");

        let undo = "UPDATE people SET name = 'name 257' WHERE id = 257";
        shop.destination.execute(&[undo, "DELETE FROM people WHERE id = 131"]);
        let failed = shop.validate("failed");
        let difference = only(&failed, "people");
        assert_eq!((&difference["kind"], &difference["row"]), (&"missing".into(), &131.into()), "{system}");
        assert_eq!(finding(table(&failed, "people"), "Record count match")["outcome"], "failed");
        assert_eq!(finding(table(&failed, "people"), "Control totals match")["outcome"], "failed");

        let undo = "INSERT INTO people VALUES (131, 'name 131', 163.75, '2000-05-11')";
        shop.destination.execute(&[undo]);
        shop.validate("passed");

        shop.destination.execute(&["INSERT INTO people VALUES (900, 'new', 1, '2000-01-01')"]);
        let failed = shop.validate("failed");
        assert_eq!(
            (&only(&failed, "people")["kind"], &only(&failed, "people")["row"]),
            (&"surplus".into(), &Json::Null)
        );
        shop.destination
            .execute(&["DELETE FROM people WHERE id = 900", "UPDATE people SET name = NULL WHERE name = ''"]);
        let failed = shop.validate("failed");
        let nulls = finding(table(&failed, "people"), "No null mismatches");
        assert_eq!(nulls["outcome"], "failed", "{system}: an empty text is not NULL");

        shop.destination.execute(&["UPDATE people SET name = '' WHERE name IS NULL AND id % 10 <> 0"]);
        shop.validate("passed");
        shop.destination.execute(&[
            "UPDATE people SET name = CASE id WHEN 3 THEN 'name 4' ELSE 'name 3' END WHERE id IN (3, 4)",
            "INSERT INTO log VALUES ('note 1', 0)",
        ]);
        let failed = shop.validate("failed");
        let keys: Vec<&Json> = table(&failed, "people")["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["key"][0]["cell"])
            .collect();
        assert_eq!(keys, ["3", "4"], "{system}");
        let twice = only(&failed, "log");
        assert_eq!(
            (&twice["kind"], &twice["source_times"], &twice["destination_times"]),
            (&"times".into(), &1.into(), &2.into())
        );
        assert_eq!(
            twice["key"],
            serde_json::json!([{"name": "note", "cell": "note 1"}, {"name": "number", "cell": "0"}])
        );
    }
}

#[test]
fn a_file_that_was_touched_is_found_out() {
    let shop = Move::new("csv").unwrap();
    shop.run("passed");
    let path = shop.desk.path("end/people.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let touched = |from: &str, to: &str| {
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let failed = shop.validate("failed");
        let differences = table(&failed, "people")["differences"].as_array().unwrap();
        differences.iter().map(|difference| difference["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // A file keeps no key, but the plan says what it is.
    let line = |id: usize| text.lines().nth(id).unwrap().to_owned() + "\n";
    assert_eq!(touched("name 257", "name 2S7"), ["different"]);
    assert_eq!(touched(&line(131), ""), ["missing"]);
    assert_eq!(touched(&line(131), &(line(131) + &line(131))), ["times"]);
    assert_eq!(touched("\n10,,", "\n10,\"\","), ["different"]);
    let swapped =
        text.replacen("name 3,", "name _,", 1).replacen("name 4,", "name 3,", 1).replacen("name _,", "name 4,", 1);
    std::fs::write(&path, swapped).unwrap();
    assert_eq!(table(&shop.validate("failed"), "people")["differing"], 2);
    std::fs::write(&path, text).unwrap();
    shop.validate("passed");
}

#[test]
fn rows_that_were_there_before_are_left_out_of_the_verdict() {
    for system in SERVERS {
        for mode in ["insert", "upsert"] {
            let Some(shop) = Move::new(system) else { continue };
            shop.plan(&format!("mode = \"{mode}\""));
            shop.destination.execute(&[
                "CREATE TABLE people (id integer PRIMARY KEY, name varchar(60), amount decimal(10,2), born date)",
                "INSERT INTO people VALUES (1001, 'before', 1, '2000-01-01')",
            ]);
            shop.run("passed");
            shop.destination.execute(&["UPDATE people SET name = 'after' WHERE id = 1001"]);
            let passed = shop.validate("passed");
            let records = finding(table(&passed, "people"), "Record count match");
            assert!(records["details"].to_string().contains("1 were there before the run"), "{records:#}");
            shop.destination
                .execute(&["UPDATE people SET amount = 1 WHERE id = 30", "DELETE FROM people WHERE id = 31"]);
            let failed = shop.validate("failed");
            let kinds: Vec<&Json> =
                table(&failed, "people")["differences"].as_array().unwrap().iter().map(|row| &row["kind"]).collect();
            assert_eq!(kinds, ["different", "missing"], "{system} {mode}");
        }
    }
}

#[test]
fn rows_that_were_skipped_flagged_or_edited_are_expected_as_they_were_settled() {
    for system in SERVERS {
        let Some(shop) = Move::new(system) else { continue };
        shop.plan("[table.columns]\namount = { from = \"amount\", check = \"amount < 499\" }");
        // The destination refuses one of them, the check three.
        shop.destination.execute(&[
            "CREATE TABLE people (id integer PRIMARY KEY, name varchar(60) UNIQUE, amount decimal(10,2), born date)",
        ]);
        shop.source.execute("UPDATE people SET name = 'name 5' WHERE id = 6");
        let told = shop.run("passed");
        let flagged = told.result()["counts"]["flagged"].as_u64().unwrap();
        let id = told.result()["run"].as_str().unwrap();
        shop.desk.run_to(0, &["review", id, "--retry", "people:6", "--set", "name=another"]);
        shop.validate("passed");
        shop.destination.execute(&["UPDATE people SET born = '1999-09-09' WHERE id = 100"]);
        let failed = shop.validate("failed");
        assert_eq!(only(&failed, "people")["key"][0]["cell"], "100", "{system}");
        let rows = 400 - flagged + 1;
        assert_eq!(table(&failed, "people")["destination_rows"], rows);
        shop.destination.execute(&["UPDATE people SET name = 'third' WHERE id = 6"]);
        let failed = shop.validate("failed");
        let edited = &table(&failed, "people")["differences"].as_array().unwrap()[0];
        assert_eq!(
            (&edited["key"][0]["cell"], &edited["kind"]),
            (&"6".into(), &"different".into()),
            "{system}: {failed:#}"
        );
    }
}

#[test]
fn without_a_run_the_source_is_read_and_a_run_that_is_not_over_is_not_validated() {
    let shop = Move::new("sqlite").unwrap();
    shop.run("passed");
    let elsewhere = shop.desk.path("elsewhere").display().to_string();
    let anew = ["validate", "plan.toml", "--state-dir", &elsewhere];
    let passed = validated(&shop.desk, &anew, "passed");
    assert_eq!(passed["run"], Json::Null);
    shop.destination.execute(&["UPDATE people SET born = '1999-01-01' WHERE id = 400"]);
    let failed = validated(&shop.desk, &anew, "failed");
    assert_eq!(only(&failed, "people")["columns"][0]["column"], "born");
    shop.source.execute("UPDATE people SET born = '1999-01-01' WHERE id = 400");
    validated(&shop.desk, &anew, "passed");
    // Both have changed alike: the run wrote something else.
    let unsure = shop.validate("inconclusive");
    assert_eq!(finding(table(&unsure, "people"), "Checksum")["outcome"], "inconclusive");

    let stopped = Move::new("sqlite").unwrap();
    stopped.plan("[table.columns]\namount = { from = \"amount\", check = \"amount < 499\" }");
    let told = stopped.desk.run(&["run", "plan.toml", "--on-error", "stop"]);
    assert_eq!(told.result()["validated"], Json::Null);
    let not_run = stopped.validate("not-run");
    assert!(not_run["remarks"][0].as_str().unwrap().contains("--resume"), "{not_run:#}");
}

#[test]
fn a_validation_can_be_left_out_and_its_result_is_a_fact_of_the_run() {
    let shop = Move::new("sqlite").unwrap();
    let told = shop.desk.run_to(0, &["run", "plan.toml", "--no-validate"]);
    assert_eq!(told.result()["validated"], Json::Null);
    shop.validate("passed");
    let other = Move::new("sqlite").unwrap();
    let text = std::fs::read_to_string(other.desk.path("plan.toml")).unwrap();
    other.desk.write("plan.toml", &text.replace("chunk_rows = 100", "chunk_rows = 100\nvalidate = false"));
    let told = other.desk.run_to(0, &["run", "plan.toml"]);
    assert_eq!(told.result()["validated"], Json::Null);
    let third = Move::new("sqlite").unwrap();
    let told = third.run("passed");
    assert_eq!(told.events("validated").len(), 1);
    let short = &told.result()["validated"];
    assert_eq!(
        (&short["source_rows"], &short["destination_rows"], &short["sampled"]),
        (&700.into(), &700.into(), &200.into())
    );
}

#[test]
fn one_seed_draws_the_same_rows_and_another_draws_others() {
    let shop = Move::new("sqlite").unwrap();
    shop.run("passed");
    let draw = |seed: &str| {
        let validation = validated(&shop.desk, &["validate", "plan.toml", "--sample", "9", "--seed", seed], "passed");
        let rows = table(&validation, "people")["sample"]["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["key"][0]["cell"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(draw("1").len(), 9);
    assert_eq!(draw("1"), draw("1"));
    assert_ne!(draw("1"), draw("2"));
}

#[test]
fn orphans_and_counters_that_fell_behind_are_told() {
    for system in SERVERS {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("shop.sqlite"));
        source.execute(
            "CREATE TABLE parents (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
             CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id));
             INSERT INTO parents VALUES (1, 'a'), (2, 'b'), (3, 'c');
             INSERT INTO children VALUES (1, 1), (2, 2), (3, NULL);",
        );
        let Some(destination) = End::new(system, desk.folder()) else { continue };
        desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", &destination.url()]);
        desk.run_to(0, &["run", "plan.toml"]);
        match &destination {
            End::Postgres(database) => database.execute(
                "ALTER TABLE children DROP CONSTRAINT children_parent_fkey; DELETE FROM parents WHERE id = 2;
                 ALTER TABLE children ADD FOREIGN KEY (parent) REFERENCES parents (id) NOT VALID;
                 SELECT setval(pg_get_serial_sequence('parents', 'id'), 1);",
            ),
            End::Mysql(database) => {
                database.execute("SET foreign_key_checks = 0; DELETE FROM parents WHERE id = 2");
            }
            End::Sqlite(file) => file.execute(
                "PRAGMA foreign_keys = OFF; DELETE FROM parents WHERE id = 2; UPDATE sqlite_sequence SET seq = 1;",
            ),
            End::Csv(_) => {}
        }
        let failed = validated(&desk, &["validate", "plan.toml"], "failed");
        let references = finding(table(&failed, "children"), "References hold");
        assert_eq!(references["outcome"], "failed", "{system}: {failed:#}");
        assert!(references["details"][0].as_str().unwrap().contains("parent = 2"), "{references:#}");
        let counters = finding(table(&failed, "parents"), "Counters are ahead");
        // InnoDB's own counter never falls behind.
        assert_eq!(counters["outcome"], if system == "mysql" { "passed" } else { "failed" }, "{system}: {counters:#}");
    }
}

#[test]
fn sums_of_floats_are_the_same_in_whatever_order_they_are_read() {
    for system in SERVERS {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("source.sqlite"));
        // Added up in this order they are 0, and 1 the other way round.
        source.execute(
            "CREATE TABLE a (id INTEGER PRIMARY KEY, place INTEGER NOT NULL, amount REAL);
             INSERT INTO a VALUES (1, 3, 1.0), (2, 2, 1e16), (3, 1, -1e16)",
        );
        let Some(end) = End::new(system, desk.folder()) else { continue };
        end.execute(&["CREATE TABLE a (id INTEGER NOT NULL, place INTEGER PRIMARY KEY, amount DOUBLE PRECISION)"]);
        let plan = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"a\"\nkey = [\"place\"]\n",
            end.url()
        );
        desk.write("plan.toml", &plan);
        desk.run_to(0, &["run", "plan.toml", "--no-validate"]);
        // As another host would: both sides are read whole.
        std::fs::remove_dir_all(desk.path("home/.local/state/whimbrel")).unwrap();
        let validation = validated(&desk, &["validate", "plan.toml"], "passed");
        let found = validation["tables"][0]["findings"].as_array().unwrap();
        let totals = found.iter().find(|finding| finding["name"] == "Control totals match").unwrap();
        assert_eq!(totals["outcome"], "passed", "{system}: {totals:#}");
        end.execute(&["UPDATE a SET amount = amount + 0.5 WHERE id = 1"]);
        let told = validated(&desk, &["validate", "plan.toml"], "failed").to_string();
        // From SQLite to SQLite numbers travel as they are written, and none are added up.
        assert!(system == "sqlite" || told.contains("the exact sums of its floats differ"), "{system}: {told}");
    }
}
