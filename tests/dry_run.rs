//! Rows tried all the way into each system: what is told of them, and that nothing of them stays.

use serde_json::Value as Json;

use crate::support::{binary::Desk, ends::End, sides::SqliteFile};

const SERVERS: [&str; 3] = ["postgres", "mysql", "sqlite"];

/// 300 people, of whom 3 have no amount, 2 a name that is too long and one an amount that the check refuses.
struct Shop {
    desk: Desk,
    source: SqliteFile,
    end: End,
}

impl Shop {
    fn new(system: &str) -> Option<Self> {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("shop.sqlite"));
        source.execute(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, amount DECIMAL(10,2), born TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO people SELECT i, CASE WHEN i IN (20, 120) THEN 'a name of more than twenty letters'
                 ELSE ' name ' || i END, CASE WHEN i IN (7, 70, 170) THEN NULL WHEN i = 200 THEN -1 ELSE i END, '03/07/2019' FROM n;",
        );
        let end = End::new(system, desk.folder())?;
        let shop = Self { desk, source, end };
        shop.plan("");
        Some(shop)
    }

    fn plan(&self, more: &str) {
        let text = format!(
            "[source]\nurl = \"{}\"\n[destination]\nurl = \"{}\"\n[run]\nchunk_rows = 100\n[[table]]\nfrom = \"people\"\n{more}\n\
             [table.columns]\nname = {{ expr = \"trim(name)\", type = \"text(20)\" }}\n\
             amount = {{ from = \"amount\", default = 0, check = \"cast(amount as decimal(10,2)) >= 0\" }}\n\
             born = {{ expr = \"parse_date(born, 'MM/DD/YYYY')\" }}\n",
            self.source.url(),
            self.end.url()
        );
        self.desk.write("plan.toml", &text);
    }

    /// A table that is there, with a row of its own under a key of the source.
    fn make(&self) {
        let counted = match self.end {
            End::Postgres(_) => "serial",
            End::Mysql(_) => "integer AUTO_INCREMENT",
            _ => "integer",
        };
        self.end.execute(&[
            &format!(
                "CREATE TABLE people (id {counted} PRIMARY KEY, name varchar(20) NOT NULL, amount decimal(10,2), born date)"
            ),
            "INSERT INTO people VALUES (5, 'before', 1, '2000-01-01')",
        ]);
    }

    #[track_caller]
    fn dry(&self, code: i32, more: &[&str]) -> Json {
        let arguments: Vec<&str> = ["run", "plan.toml", "--dry-run"].iter().chain(more).copied().collect();
        self.desk.run_to(code, &arguments).values.last().unwrap()["dry_run"].clone()
    }

    /// All that a dry run could have left in the destination.
    fn traces(&self) -> Vec<Vec<Option<String>>> {
        match &self.end {
            End::Postgres(database) => {
                let mut traces = database.rows(
                    "SELECT c.relname::text, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1",
                );
                if !traces.is_empty() {
                    traces.extend(database.rows("SELECT id::text, name, amount::text FROM people ORDER BY id"));
                    traces.extend(database.rows("SELECT last_value::text, is_called::text FROM people_id_seq"));
                }
                traces
            }
            End::Mysql(database) => {
                let mut traces = database.rows(
                    "SELECT CAST(table_name AS CHAR), CAST(auto_increment AS CHAR) FROM information_schema.tables \
                     WHERE table_schema = DATABASE()",
                );
                if !traces.is_empty() {
                    traces.extend(database.rows("SELECT CAST(id AS CHAR), CAST(name AS CHAR) FROM people ORDER BY id"));
                }
                traces
            }
            End::Sqlite(file) => {
                let bytes = std::fs::read(&file.0).unwrap_or_default();
                vec![vec![Some(format!("{} {:?}", bytes.len(), bytes))]]
            }
            End::Csv(folder) => {
                let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
                entries.map(|path| vec![Some(format!("{path:?} {:?}", std::fs::read(&path)))]).collect()
            }
        }
    }
}

fn fault<'d>(table: &'d Json, column: &str, cause: &str) -> &'d Json {
    let faults = table["faults"].as_array().unwrap();
    let found = faults.iter().find(|fault| fault["column"] == column && fault["cause"] == cause);
    found.unwrap_or_else(|| panic!("no {cause} of {column}: {table:#}"))
}

fn column<'d>(table: &'d Json, name: &str) -> &'d Json {
    table["columns"].as_array().unwrap().iter().find(|column| column["column"] == name).unwrap()
}

#[test]
fn a_table_that_would_be_made_is_tried_and_nothing_stays() {
    for system in ["postgres", "mysql", "sqlite", "csv"] {
        let Some(shop) = Shop::new(system) else { continue };
        let before = shop.traces();
        let told = shop.dry(3, &[]);
        let table = &told["tables"][0];
        assert_eq!(
            (&table["read"], &table["written"], &table["faulted"], &table["whole"]),
            (&300.into(), &297.into(), &3.into(), &true.into()),
            "{system}: {table:#}"
        );
        assert_eq!(fault(table, "name", "length")["rows"], 2, "{system}");
        let check = &fault(table, "amount", "check")["examples"][0];
        assert_eq!((&check["row"], &check["value"]), (&200.into(), &"-1.00".into()), "{system}: {check}");
        let amount = column(table, "amount");
        assert_eq!((&amount["defaulted"], &amount["nulled"], &amount["faulted"]), (&3.into(), &0.into(), &1.into()));
        let name = column(table, "name");
        assert_eq!(
            (&name["converted"], &name["examples"][0]["before"], &name["examples"][0]["after"]),
            (&297.into(), &" name 1".into(), &"name 1".into())
        );
        assert_eq!(column(table, "born")["examples"][0]["after"], "2019-03-07");
        assert_eq!(column(table, "id")["converted"], 0);
        let estimate = &told["estimate"];
        assert!(estimate["from_ms"].as_u64() <= estimate["to_ms"].as_u64(), "{estimate}");
        assert!(["source", "transform", "destination"].contains(&told["bottleneck"].as_str().unwrap()));
        assert_eq!(shop.traces(), before, "{system} kept something");
        // The real run comes to the same.
        let run = shop.desk.run(&["run", "plan.toml", "--on-error", "flag"]);
        let counts = &run.result()["counts"];
        assert_eq!((&counts["written"], &counts["flagged"]), (&297.into(), &3.into()), "{system}");
    }
}

#[test]
fn a_table_that_is_there_keeps_its_rows_its_counter_and_its_file() {
    for system in SERVERS {
        // To SQLite the length of a text means nothing.
        let long = if system == "sqlite" { 0 } else { 2 };
        for (mode, faulted) in [("insert", long + 2), ("upsert", long + 1), ("replace", long + 1)] {
            let Some(shop) = Shop::new(system) else { continue };
            shop.make();
            shop.plan(&format!("mode = \"{mode}\"\nkey = [\"id\"]"));
            let before = shop.traces();
            let told = shop.dry(3, &[]);
            let table = &told["tables"][0];
            assert_eq!(
                (&table["faulted"], &table["read"]),
                (&faulted.into(), &300.into()),
                "{system} {mode}: {table:#}"
            );
            let faults = table["faults"].as_array().unwrap();
            let unique = faults.iter().find(|fault| fault["cause"] == "unique");
            assert_eq!(unique.is_some(), mode == "insert", "{system} {mode}: {table:#}");
            if let Some(unique) = unique {
                assert!(unique["examples"].to_string().contains('5'), "{system}: {unique}");
            }
            assert_eq!(shop.traces(), before, "{system} {mode} kept something");
            let runs = shop.desk.run(&["review"]);
            assert_eq!(runs.values[0]["runs"], Json::Array(Vec::new()), "a dry run is no run");
        }
    }
}

#[test]
fn a_limit_takes_just_so_many_rows_of_each_table() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        for (limit, read, whole, code) in [("19", 19, false, 0), ("150", 150, false, 3), ("300", 300, true, 3)] {
            let table = shop.dry(code, &["--limit", limit])["tables"][0].clone();
            assert_eq!((&table["read"], &table["whole"]), (&read.into(), &whole.into()), "{system} {limit}");
            assert_eq!(table["rows"], serde_json::json!({ "exact": 300 }));
        }
        let last = shop.dry(3, &["--limit", "20"])["tables"][0].clone();
        assert_eq!(fault(&last, "name", "length")["examples"][0]["row"], 20, "{system}");
    }
}

#[test]
fn references_among_tables_of_the_plan_are_no_faults_and_are_said_not_to_be_tried() {
    for system in SERVERS {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("shop.sqlite"));
        source.execute(
            "CREATE TABLE parents (id INTEGER PRIMARY KEY); INSERT INTO parents VALUES (1), (2);
             CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id));
             INSERT INTO children VALUES (1, 1), (2, 2);",
        );
        let Some(end) = End::new(system, desk.folder()) else { continue };
        end.execute(&[
            "CREATE TABLE parents (id integer PRIMARY KEY)",
            "CREATE TABLE children (id integer PRIMARY KEY, parent integer, FOREIGN KEY (parent) REFERENCES parents (id))",
        ]);
        let tables = "[[table]]\nfrom = \"parents\"\n[[table]]\nfrom = \"children\"\n";
        let text = format!("[source]\nurl = \"{}\"\n[destination]\nurl = \"{}\"\n{tables}", source.url(), end.url());
        desk.write("plan.toml", &text);
        let told = desk.run_to(0, &["run", "plan.toml", "--dry-run"]).values.last().unwrap()["dry_run"].clone();
        let children = told["tables"].as_array().unwrap().iter().find(|table| table["to"] == "children").unwrap();
        assert_eq!(children["written"], 2, "{system}");
        assert!(children["untold"].to_string().contains("parents"), "{system}: {children:#}");
        assert_eq!(end.rows("SELECT count(*) FROM parents")[0][0].as_deref(), Some("0"));
    }
}

#[test]
fn where_most_rows_would_be_faults_a_table_is_not_tried_to_its_end() {
    let shop = Shop::new("sqlite").unwrap();
    shop.source.execute(
        "WITH RECURSIVE n(i) AS (SELECT 301 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
         INSERT INTO people SELECT i, 'x', -1, '03/07/2019' FROM n;",
    );
    let table = shop.dry(3, &[])["tables"][0].clone();
    assert!(table["read"].as_u64().unwrap() < 9_000 && table["whole"] == false, "{table:#}");
    assert!(table["stopped"].as_str().unwrap().contains("the mapping is wrong"), "{table:#}");
}

#[test]
fn a_failing_check_is_told_and_a_limit_wants_a_dry_run() {
    let shop = Shop::new("sqlite").unwrap();
    shop.source.execute("DROP TABLE people");
    let told = shop.desk.run_to(5, &["run", "plan.toml", "--dry-run"]);
    assert_eq!(told.values[0]["passed"], false);
    assert_eq!(shop.desk.run(&["run", "plan.toml", "--limit", "5"]).code, Some(2));
}

#[test]
fn no_value_of_a_private_column_is_shown() {
    let shop = Shop::new("sqlite").unwrap();
    let text = std::fs::read_to_string(shop.desk.path("plan.toml")).unwrap();
    shop.desk.write("plan.toml", &text.replace("type = \"text(20)\" }", "type = \"text(20)\", private = true }"));
    let told = shop.dry(3, &[]);
    let name = column(&told["tables"][0], "name");
    assert_eq!((&name["private"], &name["examples"][0]["after"]), (&true.into(), &"(private)".into()));
    assert_eq!(column(&told["tables"][0], "born")["private"], false);
    assert_eq!(fault(&told["tables"][0], "name", "length")["examples"][0]["value"], "(private)");
    let all = told.to_string();
    assert!(!all.contains("name 1") && !all.contains("twenty letters"), "{all}");
}
