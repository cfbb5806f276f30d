//! What other tools lost, broke or dropped without a word when they made tables: each test is named by its hazard.

mod computed;
mod counters;
mod definitions;
mod keys;
mod looks;
mod names;
mod things;
mod types;

use serde_json::Value;

use crate::support::{
    binary::{Desk, Told},
    servers::{MysqlDatabase, PostgresDatabase},
    sides::SqliteFile,
};

/// A migration that creates its tables, from drafting its plan to its end.
struct Moved {
    desk: Desk,
    checks: Vec<Value>,
    told: Told,
}

/// Drafts a plan for all tables, changes its text, checks it and runs it; the run must end with this code.
#[track_caller]
fn migrate_with(source: &str, destination: &str, code: i32, change: impl Fn(String) -> String) -> Moved {
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", source, "--destination", destination]);
    let text = change(std::fs::read_to_string(desk.path("plan.toml")).unwrap());
    desk.write("plan.toml", &text);
    let checked = desk.run_to(0, &["check", "plan.toml"]);
    let checks = checked.values[0]["checks"].as_array().unwrap().clone();
    let told = desk.run_to(code, &["run", "plan.toml", "--on-error", "flag"]);
    Moved { desk, checks, told }
}

#[track_caller]
fn migrate(source: &str, destination: &str) -> Moved {
    migrate_with(source, destination, 0, |text| text)
}

impl Moved {
    /// What the checks say is left behind.
    fn left_behind(&self) -> Vec<String> {
        let item = self.checks.iter().find(|item| item["name"] == "Definitions carried whole").unwrap();
        let details: Vec<String> =
            item["details"].as_array().unwrap().iter().map(|detail| detail.as_str().unwrap().to_owned()).collect();
        assert_eq!(item["state"], if details.is_empty() { "passed" } else { "warned" });
        details
    }

    /// What the run remarked.
    fn remarks(&self) -> Vec<String> {
        let message = |event: &&Value| event["message"].as_str().unwrap().to_owned();
        self.told.events("remark").iter().map(message).collect()
    }

    /// The checks and the run both tell of it.
    #[track_caller]
    fn tells(&self, part: &str) {
        for (who, said) in [("the checks", self.left_behind()), ("the run", self.remarks())] {
            assert!(said.iter().any(|line| line.contains(part)), "{who} do not tell '{part}': {said:#?}");
        }
    }

    #[track_caller]
    fn tells_nothing(&self) {
        assert_eq!((self.left_behind(), self.remarks()), (Vec::new(), Vec::new()));
    }
}

/// A new SQLite file that goes with its folder.
struct Scratch {
    file: SqliteFile,
    _folder: tempfile::TempDir,
}

impl Scratch {
    fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::new(folder.path().join("scratch.sqlite"));
        file.execute(&format!("PRAGMA foreign_keys = 0; PRAGMA user_version = 1; {sql}"));
        Self { file, _folder: folder }
    }
}

/// A database of each kind, or nothing where a server is not there.
struct Ends {
    postgres: PostgresDatabase,
    mysql: MysqlDatabase,
    sqlite: Scratch,
}

impl Ends {
    fn new(label: &str) -> Option<Self> {
        let (postgres, mysql) = (PostgresDatabase::create(label)?, MysqlDatabase::create(label)?);
        Some(Self { postgres, mysql, sqlite: Scratch::new("") })
    }

    fn urls(&self) -> [String; 3] {
        [self.postgres.url(), self.mysql.url(), self.sqlite.file.url()]
    }
}

/// Whether PostgreSQL refuses a statement for what it does to the data.
fn postgres_refuses(database: &PostgresDatabase, sql: &str) -> bool {
    let quoted = sql.replace('\'', "''");
    database.execute(&format!(
        "CREATE TABLE IF NOT EXISTS verdict (v text);
         DO $$ BEGIN EXECUTE '{quoted}'; INSERT INTO verdict VALUES ('taken');
         EXCEPTION WHEN integrity_constraint_violation OR check_violation OR unique_violation OR foreign_key_violation
         THEN INSERT INTO verdict VALUES ('refused'); END $$"
    ));
    let taken = database.count("SELECT count(*) FROM verdict WHERE v = 'taken'") > 0;
    database.execute("DROP TABLE verdict");
    !taken
}

/// Whether MariaDB refuses a statement.
fn mysql_refuses(database: &MysqlDatabase, sql: &str) -> bool {
    database.execute("CREATE TABLE verdict (v int)");
    database.execute(&format!(
        "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLSTATE '23000' INSERT INTO verdict VALUES (1); {sql}; END"
    ));
    let refused = database.count("SELECT count(*) FROM verdict") > 0;
    database.execute("DROP TABLE verdict");
    refused
}

/// Rows as lines; MariaDB's text of a binary collation comes as bytes.
fn texts(rows: Vec<Vec<Option<String>>>) -> Vec<String> {
    let plain = |cell: Option<String>| {
        let cell = cell.unwrap_or_default();
        cell.strip_prefix("\\x").and_then(unhex).unwrap_or(cell)
    };
    rows.into_iter().map(|row| row.into_iter().map(plain).collect::<Vec<_>>().join("|")).collect()
}

fn unhex(hex: &str) -> Option<String> {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    String::from_utf8((0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?).ok()
}
