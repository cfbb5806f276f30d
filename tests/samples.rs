//! The sample plans, run as they are by the real binary against what each says it expects.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::support::{
    servers::{MysqlDatabase, PostgresDatabase},
    sides::SqliteFile,
};

/// Finished, with rows flagged.
const FLAGGED: i32 = 3;

#[test]
fn quick_start() {
    let sample = Sample::new("quick-start");
    sample.sqlite("contacts.sqlite").execute(fixture("contacts.sql").as_str());
    sample.check_and_run(0);
    let book = sample.sqlite("address-book.sqlite");
    assert_eq!(book.count("SELECT count(*) FROM people"), 5);
    assert_eq!(
        book.rows("SELECT full_name, phone, city, born FROM people WHERE id IN (1, 3) ORDER BY id"),
        [
            [Some("Alice Smith"), Some("+1 555 0100"), Some("Springfield"), Some("1980-02-29")],
            [Some("Søren Ångström"), Some(""), Some("unknown"), None]
        ]
        .map(owned)
    );
}

#[test]
fn postgres_to_sqlite() {
    let Some(source) = PostgresDatabase::create("library") else { return };
    source.execute(&fixture("library.sql"));
    let sample = Sample::new("postgres-to-sqlite").with_source(&source.url());
    sample.check_and_run(0);
    let file = sample.sqlite("library.sqlite");
    let counted = ["authors", "books", "loans"].map(|table| file.count(&format!("SELECT count(*) FROM {table}")));
    assert_eq!(counted, [3, 5, 3]);
    assert_eq!(
        file.rows("SELECT isbn, released, hex(cover), price = 8.99 FROM books WHERE title LIKE 'Frankenstein%'"),
        [owned([Some("9780141439471"), Some("1818-01-01"), Some("89504E470D0A"), Some("1")])]
    );
    assert_eq!(file.count("SELECT count(*) FROM loans WHERE returned_at IS NOT NULL"), 0);
    assert_eq!(file.count("SELECT count(*) FROM pragma_table_info('books') WHERE name = 'shelf_note'"), 0);
}

#[test]
fn mysql_to_postgres() {
    let Some(source) = MysqlDatabase::create("helpdesk") else { return };
    let Some(destination) = PostgresDatabase::create("helpdesk") else { return };
    source.execute(&fixture("helpdesk.sql"));
    let sample = Sample::new("mysql-to-postgres").with_source(&source.url()).with_destination(&destination.url());
    sample.check_and_run(FLAGGED);
    assert_eq!(destination.count("SELECT count(*) FROM users"), 3);
    assert_eq!(
        destination.rows("SELECT id, reporter_id, state_code, title, priority, fee FROM issues ORDER BY id"),
        [
            [Some("1"), Some("1"), Some("9"), Some("Printer on fire"), Some("1"), Some("0.00")],
            [Some("2"), Some("2"), Some("2"), Some("Password"), Some("3"), Some("12.50")],
            [Some("6"), Some("1"), Some("9"), Some("Done"), Some("255"), Some("1.10")],
        ]
        .map(owned)
    );
    assert_eq!(destination.rows("SELECT DISTINCT is_admin FROM users WHERE id = 1"), [owned([Some("t")])]);
}

#[test]
fn csv_to_postgres() {
    let Some(destination) = PostgresDatabase::create("sensors") else { return };
    let sample = Sample::new("csv-to-postgres").with_destination(&destination.url());
    copy_folder(&fixtures().join("sensors"), &sample.folder.path().join("sensors"));
    sample.check_and_run(FLAGGED);
    assert_eq!(
        destination.rows("SELECT id, place, height_m FROM stations ORDER BY id"),
        [
            [Some("1"), Some("Zürich"), Some("556")],
            [Some("2"), Some("Åre"), None],
            [Some("3"), Some("Bad; Gastein"), Some("1002")],
        ]
        .map(owned)
    );
    assert_eq!(
        destination.rows("SELECT station_id, taken_on, celsius, valid FROM readings ORDER BY taken_on"),
        [
            [Some("3"), Some("2023-12-31"), Some("-12.25"), Some("t")],
            [Some("2"), Some("2024-01-01"), None, Some("f")],
            [Some("1"), Some("2024-02-29"), Some("-0.50"), Some("t")],
            [Some("1"), Some("2024-06-12"), Some("21.50"), Some("t")],
        ]
        .map(owned)
    );
}

#[test]
fn credvault() {
    let Some(source) = PostgresDatabase::create("olddatabase") else { return };
    source.execute(&fixture("old_database.sql"));
    let sample = Sample::new("credvault").with_source(&source.url());
    let vault = sample.sqlite("credvault.sqlite");
    vault.execute(&fixture("credvault.sql"));
    sample.check_and_run(FLAGGED);
    let counted =
        ["customers", "products", "orders"].map(|table| vault.count(&format!("SELECT count(*) FROM {table}")));
    assert_eq!(counted, [3, 3, 4]);
    assert_eq!(
        vault.rows("SELECT id, name, user_email, created_at, tier_code, internal_tag FROM customers ORDER BY id"),
        [
            [Some("1"), Some("Alice Smith"), Some("ALICE@EXAMPLE.COM"), Some("2024-06-12"), Some("1"), None],
            [Some("2"), Some("Bob Johnson"), Some("BOB@EXAMPLE.COM"), Some("2020-02-29"), Some("2"), None],
            [Some("3"), Some("unknown"), Some("ZOE@EXAMPLE.COM"), Some("1999-12-31"), Some("2"), None],
        ]
        .map(owned)
    );
    let ages =
        "SELECT count(*) FROM customers WHERE full_age + 1980 = CAST(strftime('%Y', 'now') AS INTEGER) AND id = 1";
    assert_eq!(vault.count(ages), 1);
}

#[test]
fn every_sample_plan_is_run_by_a_test() {
    let tests = include_str!("samples.rs");
    for entry in fs::read_dir(root().join("sample-plans")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "toml") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(tests.contains(&format!("Sample::new(\"{name}\")")), "nothing runs {}", path.display());
        }
    }
}

/// A sample plan in a folder of its own, its servers' addresses replaced by the test's.
struct Sample {
    folder: TempDir,
    plan: PathBuf,
}

impl Sample {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = folder.path().join(format!("{name}.toml"));
        fs::copy(root().join("sample-plans").join(format!("{name}.toml")), &plan).unwrap();
        Self { folder, plan }
    }

    fn with_source(self, url: &str) -> Self {
        self.with_url("[source]", url)
    }

    fn with_destination(self, url: &str) -> Self {
        self.with_url("[destination]", url)
    }

    fn with_url(self, side: &str, url: &str) -> Self {
        let mut section = String::new();
        let mut replaced = 0;
        let line = |line: &str| {
            if line.starts_with('[') {
                section = line.trim_end().to_owned();
            }
            if section != side || !line.starts_with("url = ") {
                return line.to_owned();
            }
            replaced += 1;
            format!("url = {url:?}")
        };
        let text = fs::read_to_string(&self.plan).unwrap();
        let text: Vec<String> = text.lines().map(line).collect();
        assert_eq!(replaced, 1, "{side} has no url of its own");
        fs::write(&self.plan, text.join("\n") + "\n").unwrap();
        self
    }

    fn sqlite(&self, name: &str) -> SqliteFile {
        SqliteFile::new(self.folder.path().join(name))
    }

    fn check_and_run(&self, ends_with: i32) {
        let plan = self.plan.to_str().unwrap();
        self.whimbrel(&["check", plan, "--json"], 0);
        self.whimbrel(&["run", plan, "--on-error", "flag", "--json"], ends_with);
    }

    /// Runs the binary far from the user's own files; what it prints must be JSON.
    fn whimbrel(&self, arguments: &[&str], ends_with: i32) {
        let home = self.folder.path().join("home");
        fs::create_dir_all(&home).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_whimbrel"));
        for variable in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            command.env_remove(variable);
        }
        let output = command.args(arguments).env("HOME", &home).current_dir("/").output().unwrap();
        let told = told(&output);
        assert_eq!(output.status.code(), Some(ends_with), "whimbrel {}\n{told}", arguments.join(" "));
        let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
        let values: Result<Vec<_>, _> = values.collect();
        assert!(values.is_ok_and(|values| !values.is_empty()), "no JSON: {told}");
    }
}

fn told(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixtures() -> PathBuf {
    root().join("tests/fixtures")
}

fn fixture(name: &str) -> String {
    fs::read_to_string(fixtures().join(name)).unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn owned<const N: usize>(row: [Option<&str>; N]) -> Vec<Option<String>> {
    row.into_iter().map(|value| value.map(str::to_owned)).collect()
}
