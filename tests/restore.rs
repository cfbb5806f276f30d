//! Restore points that runs make, and the way back: everything as it was, on every system, whatever stands in between.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use serde_json::Value as Json;

use crate::support::{
    binary::{Desk, Told},
    compare::assert_same_lines,
    ends::{End, counted_and_watched},
    sides::SqliteFile,
};

const SERVERS: [&str; 3] = ["postgres", "mysql", "sqlite"];

/// A destination that lives: tables with rows, children, a view, a trigger, counters; and a plan that writes to it in
/// every mode.
struct Shop {
    desk: Desk,
    end: End,
}

impl Shop {
    fn new(system: &str) -> Option<Self> {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, amount DECIMAL(10,2));
             WITH RECURSIVE n(i) AS (SELECT 101 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
             INSERT INTO people SELECT i, CASE WHEN i % 10 = 0 THEN NULL ELSE 'new ''name'' ' || i END, i * 1.25 FROM n;
             CREATE TABLE log (note TEXT, number INTEGER);
             INSERT INTO log SELECT 'run ' || id, id FROM people;
             CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT);
             INSERT INTO tags SELECT id, 'tag ' || id FROM people;",
        );
        let end = End::new(system, desk.folder())?;
        let shop = Self { desk, end };
        shop.furnish(system);
        shop.plan("");
        Some(shop)
    }

    fn plan(&self, more: &str) {
        let text = format!(
            "[plan]\nname = \"Shop\"\n[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[run]\n\
             chunk_rows = 70\n{more}\n[[table]]\nfrom = \"people\"\nto = \"customers\"\nmode = \"upsert\"\n\
             [[table]]\nfrom = \"log\"\n[[table]]\nfrom = \"tags\"\nmode = \"replace\"\n\
             [[table]]\nfrom = \"people\"\nto = \"made\"\n[[table]]\nfrom = \"tags\"\nto = \"blank\"\n",
            self.end.url()
        );
        self.desk.write("plan.toml", &text);
    }

    fn furnish(&self, system: &str) {
        let (counted, trigger) = counted_and_watched(system);
        self.end.execute(&[
            &format!("CREATE TABLE customers ({counted}, name VARCHAR(60), amount DECIMAL(10,2))"),
            "CREATE TABLE seen (id INTEGER)",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, \
             FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE)",
            "CREATE TABLE log (note VARCHAR(60), number INTEGER)",
            "CREATE INDEX log_by_number ON log (number)",
            "CREATE TABLE tags (id INTEGER PRIMARY KEY, tag VARCHAR(60))",
            "CREATE TABLE blank (id INTEGER PRIMARY KEY, tag VARCHAR(60))",
            "CREATE VIEW rich AS SELECT id, name FROM customers WHERE amount > 100",
        ]);
        let values = |value: &dyn Fn(u32) -> String| (1..=200).map(value).collect::<Vec<_>>().join(", ");
        let customers = values(&|i| if i % 7 == 0 { "(NULL, 7)".into() } else { format!("('old {i}', {i}.5)") });
        self.end.execute(&[
            &format!("INSERT INTO customers (name, amount) VALUES {customers}"),
            &format!("INSERT INTO orders VALUES {}", values(&|i| format!("({i}, {i})"))),
            &format!("INSERT INTO log VALUES {}", values(&|i| format!("('before {}', {})", i % 3, i % 5))),
            &format!("INSERT INTO tags VALUES {}", values(&|i| format!("({i}, 'before {i}')"))),
            "DELETE FROM customers WHERE id = 200",
            "DELETE FROM orders WHERE id = 200",
            trigger,
        ]);
    }

    /// A row that the destination, a file, will not take stops a run in its middle.
    fn refuse_one(&self) {
        SqliteFile::new(self.desk.path("source.sqlite")).execute("INSERT INTO people VALUES (405, 'x', 1)");
        self.end.execute(&["CREATE TRIGGER refuses BEFORE INSERT ON customers WHEN NEW.id = 405 \
                            BEGIN SELECT RAISE(ABORT, 'not this one'); END"]);
    }

    /// All rows, counters and definitions; of what the trigger writes and of marks nothing.
    fn all(&self) -> Vec<String> {
        let mut all = Vec::new();
        let tables = [
            ("customers", "id, name, amount"),
            ("orders", "id, customer"),
            ("log", "note, number"),
            ("tags", "id, tag"),
            ("blank", "id, tag"),
        ];
        for (table, columns) in tables {
            let columns: Vec<&str> = columns.split(", ").collect();
            all.extend(self.end.table(table, &columns).iter().map(|row| format!("{table} {row:?}")));
        }
        let asked: &[&str] = match &self.end {
            End::Postgres(_) => &[
                "SELECT last_value::text, is_called::text FROM customers_id_seq",
                "SELECT table_name::text, column_name::text, data_type::text, column_default::text FROM information_schema.columns \
                 WHERE table_schema = 'public' ORDER BY 1, ordinal_position",
                "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid > 16000 ORDER BY 1, 2",
                "SELECT indexdef::text FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
                "SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal",
                "SELECT * FROM rich ORDER BY id",
            ],
            End::Mysql(_) => &[
                "SHOW CREATE TABLE customers",
                "SHOW CREATE TABLE orders",
                "SHOW CREATE TABLE log",
                "SHOW CREATE TABLE tags",
                "SHOW CREATE TABLE blank",
                "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
                "SHOW TABLES",
                "SELECT id, name FROM rich ORDER BY id",
            ],
            _ => &[
                "SELECT name, seq FROM sqlite_sequence ORDER BY 1",
                "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY 1, 2",
                "SELECT id, name FROM rich ORDER BY id",
            ],
        };
        all.extend(asked.iter().flat_map(|sql| self.end.rows(sql)).map(|row| format!("{row:?}")));
        // They go with the runs that are taken back.
        all.retain(|line| !line.contains("whimbrel_marks"));
        all
    }

    fn seen(&self) -> usize {
        self.end.table("seen", &["id"]).len()
    }

    /// Runs the plan to its end; the name of the restore point that it made.
    #[track_caller]
    fn run(&self) -> String {
        let told = self.desk.run_to(0, &["run", "plan.toml"]);
        point_of(&told)
    }

    fn list(&self) -> Vec<Json> {
        let told = self.desk.run_to(0, &["restore"]);
        told.values[0]["restore_points"].as_array().unwrap().clone()
    }

    fn preview(&self, name: &str) -> Json {
        self.desk.run_to(0, &["restore", name]).values[0]["preview"].clone()
    }

    #[track_caller]
    fn restore(&self, code: i32, name: &str, more: &[&str]) -> Json {
        let arguments: Vec<&str> = ["restore", name, "--yes", name].iter().chain(more).copied().collect();
        self.desk.run_to(code, &arguments).values.last().unwrap().clone()
    }

    fn shelf(&self) -> PathBuf {
        self.desk.path("home/.local/state/whimbrel/restore")
    }

    fn actions(&self) -> Vec<String> {
        let told = self.desk.run_to(0, &["audit"]);
        let entries = told.values[0]["entries"].as_array().unwrap();
        entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
    }
}

#[track_caller]
fn point_of(told: &Told) -> String {
    let made = told.events("restore-point-made");
    assert_eq!(made.len(), 1, "{told:#?}");
    made[0]["name"].as_str().unwrap().to_owned()
}

fn table<'v>(preview: &'v Json, name: &str) -> &'v Json {
    preview["tables"].as_array().unwrap().iter().find(|table| table["table"] == name).unwrap()
}

#[test]
fn a_run_is_taken_back_with_rows_definitions_and_counters_and_can_run_again() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let before = shop.all();
        let name = shop.run();
        assert!(name.starts_with("migration_20") && name.ends_with("_backup"), "{name}");
        assert_ne!(shop.all(), before, "{system}");
        let listed = shop.list();
        assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&name.as_str().into(), &"ready".into()));
        assert_eq!((&listed[0]["rows"], listed[0]["by"].as_str()), (&599.into(), Some("tester")), "{system}");
        let kept = listed[0]["until_ms"].as_u64().unwrap() - listed[0]["made_ms"].as_u64().unwrap();
        assert_eq!(kept, 30 * 24 * 60 * 60 * 1000);

        let preview = shop.preview(&name);
        let acts: Vec<&str> = ["customers", "log", "tags", "made", "blank"]
            .map(|name| table(&preview, name)["act"].as_str().unwrap())
            .into();
        assert_eq!(acts, ["reload", "reload", "reload", "drop", "empty"], "{system}: {preview:#}");
        let others: Vec<&Json> = preview["tables"].as_array().unwrap().iter().map(|table| &table["others"]).collect();
        assert!(others.iter().all(|others| **others == "nothing"), "{system}: {preview:#}");
        assert_eq!(table(&preview, "customers")["rows"], 199);

        let seen = shop.seen();
        let restored = shop.restore(0, &name, &[])["restored"].clone();
        assert_eq!(restored["outcome"], "passed", "{system}: {restored:#}");
        assert_same_lines(&before, &shop.all(), system);
        if system != "mysql" {
            assert_eq!(shop.seen(), seen, "{system}: a trigger saw rows that only came back");
        }
        assert_eq!(table(&shop.preview(&name), "customers")["act"], "nothing", "{system}");
        let actions = shop.actions();
        for action in ["restore-point-made", "restore-begun", "run-closed", "restored"] {
            assert!(actions.iter().any(|told| told == action), "{system}: no {action} in {actions:?}");
        }

        let again = shop.run();
        assert_eq!(again, format!("{name}_3"), "{system}: the second is of before the restore");
        shop.restore(0, &again, &[]);
        assert_same_lines(&before, &shop.all(), system);
        // The way back from the way back: what the first run wrote is there again.
        let undone = shop.restore(0, restored["before"].as_str().unwrap(), &["--discard-others"]);
        assert_eq!(undone["restored"]["outcome"], "passed", "{system}: {undone:#}");
        assert_eq!(shop.end.table("made", &["id"]).len(), 300, "{system}");
        assert_eq!(shop.end.table("customers", &["id"]).len(), 400, "{system}");
    }
}

#[test]
fn what_others_wrote_since_is_told_and_kept_before_it_goes() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let before = shop.all();
        let name = shop.run();
        let new = "INSERT INTO customers (id, name, amount) VALUES (9001, 'of others', 1)";
        shop.end.execute(&[
            new,
            "INSERT INTO made (id, name) VALUES (9001, 'of others')",
            "INSERT INTO log VALUES ('of others', 1)",
            "INSERT INTO log VALUES ('of others', 2)",
            "UPDATE tags SET tag = 'of others' WHERE id = 150",
        ]);
        let after = shop.all();
        let preview = shop.preview(&name);
        let others = |table: &str| self::table(&preview, table)["others"].clone();
        assert_eq!(others("customers"), serde_json::json!({"added": 1}), "{system}: {preview:#}");
        assert_eq!(others("made"), serde_json::json!({"added": 1}), "{system}");
        assert_eq!(others("log"), serde_json::json!({"added": 2}), "{system}");
        assert_eq!(others("tags"), "changed", "{system}");
        assert_eq!(others("blank"), "nothing", "{system}");
        assert_eq!(preview["wants_discard"].as_array().unwrap().len(), 4);
        let refused = shop.restore(1, &name, &[]);
        assert!(refused["error"].as_str().unwrap().contains("--discard-others"), "{refused}");
        assert_same_lines(&after, &shop.all(), system);

        let restored = shop.restore(0, &name, &["--discard-others"])["restored"].clone();
        assert_same_lines(&before, &shop.all(), system);
        let back = shop.restore(0, restored["before"].as_str().unwrap(), &[]);
        assert_eq!(back["restored"]["outcome"], "passed", "{system}: {back:#}");
        assert_same_lines(&after, &shop.all(), system);
        assert_eq!(shop.end.table("made", &["id"]).len(), 301, "{system}");
    }
}

#[test]
fn a_name_that_is_not_typed_or_not_known_changes_nothing() {
    let shop = Shop::new("sqlite").unwrap();
    let name = shop.run();
    let after = shop.all();
    shop.desk.run_to(2, &["restore", &name, "--yes", "something"]);
    shop.desk.run_to(2, &["restore", "migration_1999_01_01_backup"]);
    let shown = shop.desk.command(&["restore", &name]).output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("customers: emptied and reloaded, 199 rows put back, 400 rows are there now"), "{text}");
    assert!(text.contains(&format!("next: `whimbrel restore {name} --yes {name}`")), "{text}");
    assert_same_lines(&after, &shop.all(), "sqlite");
}

/// Every file of the restore points, with its mode.
fn files(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        found.push((path.clone(), entry.metadata().unwrap().permissions().mode() & 0o777));
        if path.is_dir() {
            found.extend(files(&path));
        }
    }
    found
}

#[test]
fn files_are_private_and_one_that_was_tampered_with_is_refused() {
    let shop = Shop::new("sqlite").unwrap();
    let name = shop.run();
    let kept = files(&shop.shelf());
    assert!(kept.iter().all(|(path, mode)| *mode == if path.is_dir() { 0o700 } else { 0o600 }), "{kept:?}");
    let rows: Vec<_> = kept.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "arrow")).collect();
    assert_eq!(rows.len(), 3, "what is empty or not there has no file: {kept:?}");
    let after = shop.all();
    for (path, _) in kept.iter().filter(|(path, _)| path.is_file()) {
        let whole = fs::read(path).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, &bytes).unwrap();
        let refused = shop.restore(1, &name, &[]);
        let why = refused["error"].as_str().unwrap();
        assert!(why.contains("is not what was written") && why.contains(path.to_str().unwrap()), "{why}");
        fs::write(path, whole).unwrap();
    }
    assert_same_lines(&after, &shop.all(), "sqlite");
    shop.restore(0, &name, &[]);
}

#[test]
fn a_restore_that_is_killed_is_gone_on_with() {
    let mut interrupted = 0;
    for system in SERVERS {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute(
            "CREATE TABLE a (id INTEGER PRIMARY KEY, name VARCHAR(20)); INSERT INTO a VALUES (7, 'of the run')",
        );
        for table in ["first", "second", "third"] {
            let values: Vec<String> = (1..=20_000).map(|id| format!("({id}, '{table} {id}')")).collect();
            end.execute(&[&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, name VARCHAR(20))")]);
            for some in values.chunks(5_000) {
                end.execute(&[&format!("INSERT INTO {table} VALUES {}", some.join(", "))]);
            }
        }
        let rows = || ["first", "second", "third"].map(|table| end.table(table, &["id", "name"]));
        let before = rows();
        let mut plan = format!("[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n", end.url());
        for table in ["first", "second", "third"] {
            plan.push_str(&format!("[[table]]\nfrom = \"a\"\nto = \"{table}\"\nmode = \"replace\"\n"));
        }
        desk.write("plan.toml", &plan);
        let name = point_of(&desk.run_to(0, &["run", "plan.toml"]));
        for wait in [60, 120, 200, 300, 450, 650, 900, 1300] {
            let mut child = desk.start(&["restore", &name, "--yes", &name]);
            sleep(Duration::from_millis(wait));
            let _ = child.kill();
            let _ = child.wait();
            let listed = desk.run_to(0, &["restore"]).values[0]["restore_points"].clone();
            let this = listed.as_array().unwrap().iter().find(|point| point["name"] == name.as_str()).unwrap();
            interrupted += usize::from(this["state"] == "interrupted");
        }
        let restored = desk.run_to(0, &["restore", &name, "--yes", &name]);
        assert_eq!(restored.values.last().unwrap()["restored"]["outcome"], "passed", "{system}");
        assert!(rows() == before, "{system}");
        desk.run_to(0, &["run", "plan.toml"]);
    }
    assert!(interrupted > 0, "no restore was caught in its middle");
}

#[test]
fn a_run_that_was_killed_can_be_taken_back() {
    let shop = Shop::new("sqlite").unwrap();
    shop.refuse_one();
    let before = shop.all();
    let told = shop.desk.run_to(1, &["run", "plan.toml", "--on-error", "stop"]);
    let name = point_of(&told);
    let preview = shop.preview(&name);
    let restored = shop.restore(0, &name, &["--discard-others"]);
    assert_eq!(restored["restored"]["outcome"], "passed", "{preview:#} {restored:#}");
    assert_same_lines(&before, &shop.all(), "sqlite");
    // The stopped run is over: another one begins.
    let told = shop.desk.run_to(3, &["run", "plan.toml", "--on-error", "flag", "--no-validate"]);
    assert_eq!(told.events("started")[0]["resumed"], false);
}

#[test]
fn a_resumed_run_keeps_its_restore_point() {
    let shop = Shop::new("sqlite").unwrap();
    shop.refuse_one();
    let before = shop.all();
    let name = point_of(&shop.desk.run_to(1, &["run", "plan.toml", "--on-error", "stop"]));
    let ledger = SqliteFile::new(shop.desk.path("home/.local/state/whimbrel/ledger.sqlite"));
    ledger.execute("UPDATE restore_points SET until_ms = made_ms + 1");
    assert_eq!(shop.desk.run_to(0, &["restore", "--purge"]).values[0]["purged"], serde_json::json!([]));
    let refused = shop.desk.run_to(1, &["restore", &name, "--purge", "--yes", &name]);
    assert!(refused.values[0]["error"].as_str().unwrap().contains("which is not over"), "{refused:#?}");
    let resumed = shop.desk.run(&["run", "plan.toml", "--resume", "--on-error", "skip"]);
    assert!(resumed.events("restore-point-made").is_empty(), "{resumed:#?}");
    assert_eq!(shop.list().len(), 1);
    shop.restore(0, &name, &["--discard-others"]);
    assert_same_lines(&before, &shop.all(), "sqlite");
}

#[test]
fn what_is_kept_is_purged_when_its_time_is_over_and_not_before() {
    let shop = Shop::new("sqlite").unwrap();
    let name = shop.run();
    assert_eq!(shop.desk.run_to(0, &["restore", "--purge"]).values[0]["purged"], serde_json::json!([]));
    shop.desk.run_to(2, &["restore", &name, "--purge"]);
    let ledger = SqliteFile::new(shop.desk.path("home/.local/state/whimbrel/ledger.sqlite"));
    ledger.execute("UPDATE restore_points SET until_ms = made_ms + 1");
    assert_eq!(shop.list()[0]["state"], "expired");
    assert_eq!(shop.desk.run_to(0, &["restore", "--purge"]).values[0]["purged"], serde_json::json!([name]));
    assert!(!shop.shelf().join(&name).exists());
    assert_eq!(shop.list()[0]["state"], "purged");
    let refused = shop.restore(1, &name, &[]);
    assert!(refused["error"].as_str().unwrap().contains("purged"), "{refused}");
    assert_eq!(shop.actions().last().unwrap(), "restore-point-purged");
    let second = shop.run_again(&name);
    assert_eq!(
        shop.desk.run_to(0, &["restore", &second, "--purge", "--yes", &second]).values[0]["purged"][0],
        second.as_str()
    );
}

impl Shop {
    /// Runs once more, when nothing of the rows of the first run is there; the name is the next one of the day.
    fn run_again(&self, first: &str) -> String {
        let told = self.desk.run(&["run", "plan.toml", "--on-error", "skip", "--no-validate"]);
        let name = point_of(&told);
        assert_eq!(name, format!("{first}_2"));
        name
    }
}

#[test]
fn a_plan_can_do_without_and_the_checks_say_so_loudly() {
    let shop = Shop::new("sqlite").unwrap();
    let check = |state: &str| {
        let told = shop.desk.run(&["check", "plan.toml"]);
        let checks = told.values[0]["checks"].as_array().unwrap().clone();
        let item = checks.into_iter().find(|check| check["name"] == "Restore point").unwrap();
        assert_eq!(item["state"], state, "{item}");
        item["details"].to_string()
    };
    assert!(check("passed").contains("kept 30 days"));
    shop.plan("[restore]\nkeep_days = 3\n");
    assert!(check("passed").contains("kept 3 days"));
    shop.plan("[restore]\npoints = false\n");
    assert!(check("warned").contains("NO WAY BACK"));
    let told = shop.desk.run_to(0, &["run", "plan.toml"]);
    assert!(told.events("restore-point-made").is_empty());
    assert!(told.events("remark").iter().any(|remark| remark["message"].as_str().unwrap().contains("NO WAY BACK")));
    assert!(shop.list().is_empty() && !shop.shelf().exists());
}

#[test]
fn a_table_whose_definition_changed_is_told_and_refused_where_its_rows_do_not_fit() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let name = shop.run();
        let after = shop.end.table("tags", &["id", "tag"]);
        shop.end.execute(&["ALTER TABLE tags RENAME COLUMN tag TO label"]);
        let refused = shop.restore(1, &name, &["--discard-others"]);
        assert!(refused["error"].as_str().unwrap().contains("tags has no column tag any more"), "{system}: {refused}");
        shop.end.execute(&["ALTER TABLE tags RENAME COLUMN label TO tag"]);
        assert!(shop.end.table("tags", &["id", "tag"]) == after, "{system}");
        shop.end.execute(&["ALTER TABLE tags ADD COLUMN more INTEGER"]);
        let failed = shop.restore(4, &name, &["--discard-others"]);
        assert_eq!(failed["restored"]["outcome"], "failed", "{system}");
        let told = failed["restored"].to_string();
        assert!(told.contains("column more was not there"), "{system}: {told}");
    }
}

#[test]
fn files_come_back_byte_for_byte() {
    let desk = Desk::new();
    let end = End::new("csv", desk.folder()).unwrap();
    let End::Csv(folder) = &end else { panic!() };
    let source = SqliteFile::new(desk.path("source.sqlite"));
    source.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (1, 'x'), (2, 'y')");
    let old = "id,name\r\n\"7\",\"of others, quoted\"\r\n";
    fs::write(folder.join("kept.csv"), old).unwrap();
    fs::write(folder.join("replaced.csv"), old).unwrap();
    let plan = format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"a\"\nto = \"kept\"\n\
         [[table]]\nfrom = \"a\"\nto = \"replaced\"\nmode = \"replace\"\n[[table]]\nfrom = \"a\"\nto = \"made\"\n",
        end.url()
    );
    desk.write("plan.toml", &plan);
    let name = point_of(&desk.run_to(0, &["run", "plan.toml"]));
    assert!(folder.join("made.csv").exists());
    let restored = desk.run_to(0, &["restore", &name, "--yes", &name]);
    assert_eq!(restored.values.last().unwrap()["restored"]["outcome"], "passed", "{restored:#?}");
    assert_eq!(fs::read_to_string(folder.join("kept.csv")).unwrap(), old);
    assert_eq!(fs::read_to_string(folder.join("replaced.csv")).unwrap(), old);
    assert!(!folder.join("made.csv").exists());
    desk.run_to(0, &["run", "plan.toml"]);
}
