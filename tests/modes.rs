//! How rows are written: added, put in the place of others, or in place of all. Each a second time changes nothing.

use crate::support::{binary::Desk, ends::End, servers::PostgresDatabase, sides::SqliteFile};

const ROWS: u64 = 1_000;
const COLUMNS: [&str; 3] = ["id", "name", "amount"];
const SERVERS: [&str; 3] = ["postgres", "mysql", "sqlite"];

fn source(desk: &Desk) -> SqliteFile {
    let file = SqliteFile::new(desk.path("source.sqlite"));
    file.execute(&format!(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, amount DECIMAL(10,2));
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO things SELECT i, 'name ' || i, i * 7 FROM n;
         CREATE TABLE blank (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, amount DECIMAL(10,2));"
    ));
    file
}

fn plan(desk: &Desk, url: &str, run: &str, table: &str) {
    let text = format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{url}\"\n[run]\nchunk_rows = 300\n{run}\n\
         [[table]]\n{table}\n"
    );
    desk.write("plan.toml", &text);
}

/// The destination's table with 10 rows as they are in the source, 10 others of the source's keys, and 5 beyond.
fn filled(end: &End) {
    end.execute(&["CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, amount DECIMAL(10,2))"]);
    let row = |id: u64| match id {
        1..=10 => format!("({id}, 'name {id}', {})", id * 7),
        _ => format!("({id}, 'old {id}', 0)"),
    };
    let ids = (1..=20).chain(ROWS + 1..=ROWS + 5);
    let values: Vec<String> = ids.map(row).collect();
    end.execute(&[&format!("INSERT INTO things VALUES {}", values.join(", "))]);
}

/// Each row's place and version, where the server tells.
fn versions(end: &End) -> Vec<Vec<Option<String>>> {
    match end {
        End::Postgres(_) => end.rows("SELECT id, ctid::text, xmin::text FROM things ORDER BY id"),
        End::Mysql(_) => end.rows("CHECKSUM TABLE things EXTENDED"),
        _ => end.table("things", &COLUMNS),
    }
}

#[test]
fn an_upsert_changes_what_differs_and_a_second_one_nothing() {
    for system in SERVERS {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let source = source(&desk);
        filled(&end);
        plan(&desk, &end.url(), "", "from = \"things\"\nmode = \"upsert\"");
        let before = versions(&end);
        let told = desk.run_to(0, &["run", "plan.toml"]);
        let counts = &told.result()["counts"];
        assert_eq!((&counts["written"], &counts["unchanged"]), (&ROWS.into(), &10.into()), "{system}: {counts}");
        let expected = |columns: &str| {
            let mut rows = source.rows(&format!("SELECT {columns} FROM things WHERE id <= {ROWS}"));
            rows.sort_unstable();
            rows
        };
        let (mut written, beyond): (Vec<_>, Vec<_>) =
            end.table("things", &["id", "name"]).into_iter().partition(|row| row[0].as_deref() != Some("1001"));
        written.retain(|row| row[0].as_ref().unwrap().parse::<u64>().unwrap() <= ROWS);
        assert!(written == expected("id, name"), "{system}");
        assert_eq!(beyond[0][1].as_deref(), Some("old 1001"), "{system}: what the source does not have stays");
        let after = versions(&end);
        if system == "postgres" {
            assert_eq!(before[..10], after[..10], "what was the same is not touched");
        }

        let told = desk.run_to(0, &["run", "plan.toml"]);
        let counts = &told.result()["counts"];
        assert_eq!((&counts["written"], &counts["unchanged"]), (&ROWS.into(), &ROWS.into()), "{system}");
        assert_eq!(versions(&end), after, "{system}");
        let plain = desk.command(&["run", "plan.toml", "--plain"]).output().unwrap();
        let plain = String::from_utf8(plain.stdout).unwrap();
        assert!(plain.contains("1,000 written (1,000 of them unchanged)"), "{plain}");
    }
}

#[test]
fn a_replaced_table_holds_the_source_s_rows_and_no_other() {
    for system in ["postgres", "mysql", "sqlite", "csv"] {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let source = source(&desk);
        match &end {
            End::Csv(path) => std::fs::write(path.join("things.csv"), "id,name,amount\n5,old,1\n2000,old,2\n").unwrap(),
            end => filled(end),
        }
        plan(&desk, &end.url(), "", "from = \"things\"\nmode = \"replace\"");
        let mut expected = source.rows("SELECT id, name FROM things");
        expected.sort_unstable();
        for _ in 0..2 {
            let told = desk.run_to(0, &["run", "plan.toml"]);
            assert_eq!(told.result()["counts"]["written"], ROWS, "{system}");
            assert!(end.table("things", &["id", "name"]) == expected, "{system}");
        }
        // A source without rows leaves a table without rows.
        plan(&desk, &end.url(), "", "from = \"blank\"\nto = \"things\"\nmode = \"replace\"");
        desk.run_to(0, &["run", "plan.toml"]);
        assert_eq!(end.table("things", &["id"]), Vec::<Vec<Option<String>>>::new(), "{system}");
    }
}

#[test]
fn tables_that_refer_to_each_other_are_replaced_together() {
    for system in SERVERS {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER, boss INTEGER);
             CREATE TABLE toy (id INTEGER PRIMARY KEY, child INTEGER);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) INSERT INTO parent SELECT i FROM n;
             INSERT INTO child SELECT id, {ROWS} + 1 - id, max(1, id - 1) FROM parent;
             INSERT INTO toy SELECT id, id FROM child;"
        ));
        end.execute(&[
            "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
            "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER, boss INTEGER,
                 FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE, FOREIGN KEY (boss) REFERENCES child (id))",
            "CREATE TABLE toy (id INTEGER PRIMARY KEY, child INTEGER, FOREIGN KEY (child) REFERENCES child (id))",
            "INSERT INTO parent VALUES (1), (5000)",
            "INSERT INTO child VALUES (1, 5000, NULL), (5000, 1, 1), (5001, 1, 5000)",
            "INSERT INTO toy VALUES (7, 5000)",
        ]);
        let table = |name: &str| format!("[[table]]\nfrom = \"{name}\"\nmode = \"replace\"\n");
        let rest = [table("child"), table("toy")].concat();
        plan(&desk, &end.url(), "parallel = 3", &format!("from = \"parent\"\nmode = \"replace\"\n{}", table("child")));
        let (state, text) = details(&desk, 5, "Writing modes valid");
        assert!(state == "failed" && text.contains("toy would refer to rows that are gone"), "{system}: {text}");

        plan(&desk, &end.url(), "parallel = 3", &format!("from = \"parent\"\nmode = \"replace\"\n{rest}"));
        let (state, text) = details(&desk, 0, "Writing modes valid");
        assert!(state == "passed" && text.contains("toy and child are emptied with parent"), "{system}: {text}");
        let told = desk.run(&["run", "plan.toml", "--tables", "parent,child"]);
        assert!(format!("{told:?}").contains("without toy"), "{system}: {told:?}");
        assert_eq!(end.rows("SELECT count(*) FROM toy")[0][0].as_deref(), Some("1"), "{system}");

        for _ in 0..2 {
            let told = desk.run_to(0, &["run", "plan.toml"]);
            assert_eq!(told.result()["counts"]["written"], 3 * ROWS, "{system}");
            for (name, columns) in [("parent", "id"), ("child", "id, parent, boss"), ("toy", "id, child")] {
                let read = format!("SELECT {columns} FROM {name} ORDER BY id");
                assert!(end.rows(&read) == source.rows(&read), "{system}: {name}");
            }
        }
        desk.run_to(0, &["run", "plan.toml", "--tables", "toy"]);
        assert_eq!(end.rows("SELECT count(*) FROM toy")[0][0], Some(ROWS.to_string()), "{system}");
    }
}

#[test]
fn an_insert_into_a_table_with_rows_is_warned_of_and_meets_them_as_faults() {
    for system in SERVERS {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        source(&desk);
        plan(&desk, &end.url(), "fault_percent = 100", "from = \"things\"");
        desk.run_to(0, &["run", "plan.toml"]);
        let before = end.table("things", &COLUMNS);
        let told = desk.run_to(0, &["check", "plan.toml"]);
        let conflicts =
            told.values[0]["checks"].as_array().unwrap().iter().find(|item| item["name"] == "No data conflicts");
        let conflicts = conflicts.unwrap();
        assert_eq!(conflicts["state"], "warned", "{conflicts}");
        assert!(conflicts["details"][0].as_str().unwrap().contains("holds 1,000 rows already"), "{conflicts}");
        let told = desk.run_to(3, &["run", "plan.toml", "--on-error", "skip"]);
        assert_eq!(told.result()["counts"]["skipped"], ROWS, "{system}");
        assert_eq!(end.table("things", &COLUMNS), before, "{system}");
    }
}

/// The details of a check.
fn details(desk: &Desk, code: i32, name: &str) -> (String, String) {
    let told = desk.run_to(code, &["check", "plan.toml"]);
    let items = told.values[0]["checks"].as_array().unwrap().clone();
    let item = items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{items:#?}"));
    let details: Vec<&str> = item["details"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    (item["state"].as_str().unwrap().to_owned(), details.join("\n"))
}

#[test]
fn the_checks_say_how_rows_will_be_written_and_what_cannot_be() {
    for system in SERVERS {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        source(&desk);
        filled(&end);
        end.execute(&[
            "CREATE TABLE child (thing INTEGER, FOREIGN KEY (thing) REFERENCES things (id))",
            "CREATE TABLE loose (id INTEGER, name VARCHAR(40), amount DECIMAL(10,2))",
        ]);
        plan(&desk, &end.url(), "marks = \"progress\"", "from = \"things\"\nmode = \"upsert\"\nkey = [\"id\"]");
        let (state, text) = details(&desk, 0, "Writing modes valid");
        assert_eq!(state, "passed");
        assert!(text.contains("things: upsert by (id)") && text.contains("stand in progress"), "{text}");
        plan(
            &desk,
            &end.url(),
            "",
            "from = \"blank\"\nto = \"things\"\nmode = \"upsert\"\n[table.columns]\nid = { expr = \"id % 7\" }",
        );
        let (state, text) = details(&desk, 0, "Writing modes valid");
        assert!(state == "warned" && text.contains("of two rows with one key the later one stays"), "{state} {text}");
        plan(&desk, &end.url(), "", "from = \"things\"\nmode = \"upsert\"\nkey = [\"id\"]");
        let (state, text) = details(&desk, 0, "No data conflicts");
        assert!(state == "passed" && text.contains("a row whose key comes is updated"), "{state} {text}");

        plan(&desk, &end.url(), "", "from = \"things\"\nmode = \"replace\"");
        let (state, text) = details(&desk, 5, "Writing modes valid");
        assert!(state == "failed" && text.contains("child would refer to rows that are gone"), "{system}: {text}");

        plan(&desk, &end.url(), "", "from = \"things\"\nto = \"loose\"\nmode = \"upsert\"");
        let (_, text) = details(&desk, 5, "Column mappings valid");
        assert!(text.contains("needs a unique key on exactly these columns"), "{system}: {text}");
        plan(&desk, &end.url(), "", "from = \"things\"\nto = \"loose\"\nmode = \"replace\"");
        assert_eq!(details(&desk, 0, "Writing modes valid").0, "passed");
    }
    let desk = Desk::new();
    source(&desk);
    plan(&desk, "csv:out", "", "from = \"things\"\nmode = \"upsert\"");
    let told = desk.run_to(2, &["check", "plan.toml"]);
    assert!(
        told.values[0]["error"].as_str().unwrap().contains("plan.toml:10:8: a CSV file has no rows to update by key"),
        "{told:?}"
    );
}

#[test]
fn a_migration_is_declared_over_and_leaves_nothing_behind() {
    for system in ["postgres", "mysql", "sqlite", "csv"] {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        source(&desk).execute("INSERT INTO things VALUES (5000, 'bad', 'bad')");
        let marks = if system == "csv" { "" } else { "marks = \"progress\"" };
        let column = "[table.columns]\namount = { from = \"amount\", type = \"integer\" }";
        plan(&desk, &end.url(), marks, &format!("from = \"things\"\n{column}"));
        let error = |code: i32, arguments: &[&str]| {
            let told = desk.run_to(code, arguments);
            told.values[0]["error"].as_str().unwrap_or_else(|| panic!("{told:?}")).to_owned()
        };
        assert!(error(1, &["finish", "plan.toml"]).contains("no run of this plan"));
        desk.run_to(1, &["run", "plan.toml", "--on-error", "stop"]);
        assert!(error(1, &["finish", "plan.toml"]).contains("is not finished"));
        let told = desk.run_to(3, &["run", "plan.toml", "--resume", "--on-error", "flag"]);
        let run = told.result()["run"].as_str().unwrap().to_owned();
        assert!(error(1, &["finish", "plan.toml"]).contains("1 row(s)"));
        assert!(has_marks(&end), "{system}");
        let told = desk.run_to(0, &["finish", "plan.toml", "--force"]);
        assert_eq!((&told.values[0]["finished"][0], &told.values[0]["marks_left"]), (&run.clone().into(), &0.into()));
        assert!(!has_marks(&end), "{system}");
        let told = desk.run_to(1, &["review", &run, "--retry-all"]);
        assert!(told.values[0]["failures"][0].as_str().unwrap().contains("declared over"), "{told:?}");
        assert!(error(1, &["finish", "plan.toml"]).contains("no run of this plan"));
    }
}

fn has_marks(end: &End) -> bool {
    let rows = match end {
        End::Postgres(_) => end.rows("SELECT to_regclass('progress')::text WHERE to_regclass('progress') IS NOT NULL"),
        End::Mysql(_) => end.rows("SHOW TABLES LIKE 'progress'"),
        End::Sqlite(_) => end.rows("SELECT name FROM sqlite_schema WHERE name = 'progress'"),
        End::Csv(path) => return path.join(".whimbrel_marks.json").exists(),
    };
    !rows.is_empty()
}

#[test]
fn without_a_place_for_marks_a_chunk_can_be_repeated() {
    let Some(database) = PostgresDatabase::create("unmarked") else { return };
    let desk = Desk::new();
    let source = source(&desk);
    let role = format!("{}_role", database.name());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         CREATE TABLE keyed (id int PRIMARY KEY, name text, amount numeric);
         CREATE TABLE keyless (id int, name text, amount numeric);
         GRANT SELECT, INSERT, UPDATE, TRUNCATE ON keyed, keyless TO {role}"
    ));
    let url = database.url().replace("postgres@", &format!("{role}@"));
    let tables = "from = \"things\"\nto = \"keyed\"\n[[table]]\nfrom = \"things\"\nto = \"keyless\"";
    plan(&desk, &url, "", tables);
    let (state, text) = details(&desk, 0, "Writing modes valid");
    assert_eq!(state, "warned");
    assert!(text.contains("keyed: insert; without marks its rows are written by key (id)"), "{text}");
    assert!(text.contains("keyless: insert; without marks and without a unique key it loads whole"), "{text}");
    assert!(text.contains("GRANT CREATE ON SCHEMA"), "{text}");
    let told = desk.run_to(0, &["run", "plan.toml"]);
    let chunks = |table: &str| told.events("chunk-committed").iter().filter(|event| event["table"] == table).count();
    assert_eq!((chunks("keyed"), chunks("keyless")), (4, 1));
    let mut expected = source.rows("SELECT id, name FROM things");
    expected.sort_unstable();
    for table in ["keyed", "keyless"] {
        let mut rows = database.rows(&format!("SELECT id, name FROM {table}"));
        rows.sort_unstable();
        assert!(rows == expected, "{table}");
    }
    // With rows there, nothing could tell them from those of a new run.
    let told = desk.run_to(2, &["run", "plan.toml"]);
    assert!(told.values[0]["error"].as_str().unwrap().contains("keyed holds rows already"), "{told:?}");
    desk.run_to(0, &["finish", "plan.toml"]);
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn a_run_that_goes_on_says_first_what_stands() {
    let desk = Desk::new();
    source(&desk).execute("UPDATE things SET amount = 'bad' WHERE id = 700");
    let end = End::new("sqlite", desk.folder()).unwrap();
    let column = "[table.columns]\namount = { from = \"amount\", type = \"integer\" }";
    plan(&desk, &end.url(), "", &format!("from = \"things\"\n{column}\n[[table]]\nfrom = \"blank\""));
    desk.run_to(1, &["run", "plan.toml"]);
    let told = desk.run_to(3, &["run", "plan.toml", "--resume", "--on-error", "skip"]);
    let kinds: Vec<&str> = told.values.iter().filter_map(|value| value["event"]["event"].as_str()).collect();
    let first = |kind: &str| kinds.iter().position(|event| *event == kind).unwrap();
    assert!(first("remark") < first("table-started"), "{kinds:?}");
    let words = told.events("remark")[0]["message"].as_str().unwrap();
    assert!(words.contains("things at 600 of 1,000"), "{words}");
    assert!(words.contains("rows changed since the start of the run"), "{words}");
}
