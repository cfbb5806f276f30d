//! Tables that are too large to be kept whole: what a run takes the place of is kept chunk by chunk, and goes back.

use std::fs;

use serde_json::Value as Json;

use crate::support::{
    binary::Desk,
    compare::assert_same_lines,
    ends::{End, counted_and_watched},
    sides::SqliteFile,
};

const SERVERS: [&str; 3] = ["postgres", "mysql", "sqlite"];
/// A pair of keys of the age format.
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const COLUMNS: [&str; 3] = ["id", "name", "amount"];

/// A destination whose table counts as large, and a source of which half the keys are there.
struct Shop {
    desk: Desk,
    source: SqliteFile,
    end: End,
}

impl Shop {
    fn new(system: &str, mode: &str) -> Option<Self> {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, amount DECIMAL(10,2));
             WITH RECURSIVE n(i) AS (SELECT 201 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
             INSERT INTO customers SELECT i, CASE WHEN i % 10 = 0 THEN NULL ELSE 'new ''name'' ' || i END, i * 1.25 FROM n;",
        );
        let end = End::new(system, desk.folder())?;
        let (counted, trigger) = counted_and_watched(system);
        end.execute(&[
            &format!(
                "CREATE TABLE customers ({counted}, name VARCHAR(60), amount DECIMAL(10,2) CHECK (amount < 100000))"
            ),
            "CREATE TABLE seen (id INTEGER)",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, \
             FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE)",
        ]);
        let rows: Vec<String> =
            (1..=400).map(|i| if i % 7 == 0 { "(NULL, 7)".into() } else { format!("('old {i}', {i}.5)") }).collect();
        end.execute(&[
            &format!("INSERT INTO customers (name, amount) VALUES {}", rows.join(", ")),
            "INSERT INTO orders SELECT id, id FROM customers",
            trigger,
        ]);
        let shop = Self { desk, source, end };
        shop.plan(mode, "");
        Some(shop)
    }

    fn plan(&self, mode: &str, restore: &str) {
        let text = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[run]\nchunk_rows = 70\n[restore]\n\
             max_gb = 0\n{restore}\n[[table]]\nfrom = \"customers\"\nmode = \"{mode}\"\n",
            self.end.url()
        );
        self.desk.write("plan.toml", &text);
    }

    fn rows(&self) -> Vec<Vec<Option<String>>> {
        self.end.table("customers", &COLUMNS)
    }

    fn orders(&self) -> usize {
        self.end.table("orders", &["id"]).len()
    }

    /// Runs the plan; its restore point.
    #[track_caller]
    fn run(&self, code: i32, more: &[&str]) -> String {
        let arguments: Vec<&str> = ["run", "plan.toml", "--no-validate"].iter().chain(more).copied().collect();
        let told = self.desk.run_to(code, &arguments);
        told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned()
    }

    fn preview(&self, name: &str) -> Json {
        self.desk.run_to(0, &["restore", name]).values[0]["preview"].clone()
    }

    #[track_caller]
    fn restore(&self, code: i32, name: &str, more: &[&str]) -> Json {
        let arguments: Vec<&str> = ["restore", name, "--yes", name].iter().chain(more).copied().collect();
        let last = self.desk.run_to(code, &arguments).values.last().unwrap().clone();
        last.get("restored").cloned().unwrap_or(last)
    }

    fn ledger(&self) -> SqliteFile {
        SqliteFile::new(self.desk.path("home/.local/state/whimbrel/ledger.sqlite"))
    }
}

#[test]
fn rows_that_were_added_go_and_those_that_stood_in_their_way_stay() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system, "insert") else { continue };
        let before = shop.rows();
        let name = shop.run(3, &["--on-error", "flag"]);
        assert_eq!(shop.rows().len(), 600, "{system}");
        let preview = shop.preview(&name);
        let point = &preview["point"]["tables"][0];
        assert_eq!((&point["held"], &point["rows"]), (&"journal".into(), &0.into()), "{system}: {preview:#}");
        let table = &preview["tables"][0];
        assert_eq!((&table["act"], &table["now"], &table["others"]), (&"undo".into(), &200.into(), &"nothing".into()));
        assert_eq!(preview["wants_discard"].as_array().unwrap().len(), 0, "{system}");

        // A row that is tried again under another key is taken back too.
        let run = preview["runs"][0].as_str().unwrap();
        shop.desk.run_to(0, &["review", run, "--retry", "customers:1", "--set", "id=7001"]);
        assert_eq!(shop.rows().len(), 601, "{system}");
        let restored = shop.restore(0, &name, &[]);
        assert_eq!(restored["outcome"], "passed", "{system}: {restored:#}");
        assert_same_lines(&before, &shop.rows(), system);
        assert_eq!(shop.orders(), 400, "{system}: what refers to rows stays");
        assert_eq!(shop.preview(&name)["tables"][0]["act"], "nothing", "{system}");
        // The way back from the way back.
        let undone = shop.restore(0, restored["before"].as_str().unwrap(), &[]);
        assert_eq!(undone["outcome"], "passed", "{system}: {undone:#}");
        assert_eq!(shop.rows().len(), 601, "{system}");
    }
}

#[test]
fn rows_that_were_changed_are_as_they_were() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system, "upsert") else { continue };
        let before = shop.rows();
        let name = shop.run(0, &[]);
        let after = shop.rows();
        shop.end.execute(&["DELETE FROM customers WHERE id = 401"]);
        let repair = shop.desk.run_to(4, &["validate", "plan.toml", "--repair", "--yes"]).values[0]["repair"].clone();
        let refused = repair["tables"][0]["refused"].as_str().unwrap();
        assert!(refused.contains("a repair could not be taken back"), "{system}: {repair:#}");
        shop.end.execute(&["INSERT INTO customers (id, name, amount) VALUES (401, 'new ''name'' 401', 501.25)"]);
        let preview = shop.preview(&name);
        let table = &preview["tables"][0];
        assert_eq!((&table["act"], &table["rows"]), (&"undo".into(), &200.into()), "{system}: {preview:#}");
        assert_eq!(table["others"], "nothing", "{system}: a run that was not validated is known all the same");
        let restored = shop.restore(0, &name, &[]);
        assert_eq!(restored["outcome"], "passed", "{system}: {restored:#}");
        assert_same_lines(&before, &shop.rows(), system);
        assert_eq!(shop.orders(), 400, "{system}");
        shop.restore(0, restored["before"].as_str().unwrap(), &[]);
        assert_same_lines(&after, &shop.rows(), system);
    }
}

#[test]
fn a_run_that_stopped_is_taken_back_and_one_that_went_on_too() {
    for system in SERVERS {
        for resumes in [false, true] {
            let Some(shop) = Shop::new(system, "upsert") else { continue };
            let before = shop.rows();
            shop.source.execute("UPDATE customers SET amount = 100001 WHERE id = 450");
            let name = shop.run(1, &["--on-error", "stop"]);
            assert_ne!(shop.rows(), before, "{system}: some chunks were committed");
            if resumes {
                let told =
                    shop.desk.run_to(3, &["run", "plan.toml", "--resume", "--on-error", "skip", "--no-validate"]);
                assert!(told.events("restore-point-made").is_empty());
                assert_eq!(shop.rows().len(), 599, "{system}");
            }
            let restored = shop.restore(0, &name, &[]);
            assert_eq!(restored["outcome"], "passed", "{system}: {restored:#}");
            assert_same_lines(&before, &shop.rows(), system);
        }
    }
}

#[test]
fn what_a_chunk_was_about_to_write_that_never_came_stays_with_whoever_wrote_it() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system, "upsert") else { continue };
        let before = shop.rows();
        let name = shop.run(0, &[]);
        // As if the run had died between its last chunk's journal and the commit of that.
        let last = "SELECT max(chunk) FROM chunks";
        let chunk = shop.ledger().rows(last)[0][0].clone().unwrap();
        shop.ledger().execute(&format!("UPDATE chunks SET committed = 0 WHERE chunk = {chunk}"));
        shop.end.execute(&[
            &format!("DELETE FROM whimbrel_marks WHERE chunk = {chunk}"),
            "DELETE FROM customers WHERE id > 550",
            "INSERT INTO customers (id, name, amount) VALUES (590, 'of others', 1)",
        ]);
        let preview = shop.preview(&name);
        assert_eq!(preview["tables"][0]["others"], "nothing", "{system}: {preview:#}");
        let restored = shop.restore(0, &name, &[]);
        assert_eq!(restored["outcome"], "passed", "{system}: {restored:#}");
        let mut expected = before;
        let kept = shop.rows();
        expected.extend(kept.iter().filter(|row| row[0].as_deref() == Some("590")).cloned());
        expected.sort_unstable();
        assert_eq!(kept.len(), 401, "{system}");
        assert_same_lines(&expected, &kept, system);
    }
}

#[test]
fn of_the_rows_of_others_only_those_that_the_run_wrote_are_asked_about() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system, "upsert") else { continue };
        let before = shop.rows();
        let name = shop.run(0, &[]);
        shop.end.execute(&[
            "UPDATE customers SET name = 'of others' WHERE id = 300",
            "UPDATE customers SET name = 'of others too' WHERE id = 5",
            "INSERT INTO customers (id, name, amount) VALUES (9001, 'of others', 1)",
        ]);
        assert_eq!(shop.preview(&name)["tables"][0]["others"], "changed", "{system}");
        let refused = shop.restore(1, &name, &[]);
        assert!(refused["error"].as_str().unwrap().contains("--discard-others"), "{refused}");
        shop.restore(0, &name, &["--discard-others"]);
        let mut expected = before;
        let others = |row: &&Vec<Option<String>>| matches!(row[0].as_deref(), Some("5" | "9001"));
        expected.retain(|row| row[0].as_deref() != Some("5"));
        expected.extend(shop.rows().iter().filter(others).cloned());
        expected.sort_unstable();
        assert_same_lines(&expected, &shop.rows(), system);
        assert!(shop.rows().iter().any(|row| row[1].as_deref() == Some("of others too")), "{system}");
    }
}

#[test]
fn a_later_run_is_gone_back_from_first() {
    let shop = Shop::new("sqlite", "upsert").unwrap();
    let before = shop.rows();
    let first = shop.run(0, &[]);
    shop.source.execute("UPDATE customers SET name = 'second'");
    let second = shop.run(0, &[]);
    let refused = shop.restore(1, &first, &["--discard-others"]);
    assert!(refused["error"].as_str().unwrap().contains("go back to the restore point of that run first"), "{refused}");
    shop.restore(0, &second, &[]);
    shop.restore(0, &first, &[]);
    assert_same_lines(&before, &shop.rows(), "sqlite");
}

#[test]
fn what_can_only_be_kept_whole_is_refused_and_the_checks_say_which_is_which() {
    let shop = Shop::new("sqlite", "upsert").unwrap();
    let check = |state: &str| {
        let told = shop.desk.run(&["check", "plan.toml"]);
        let checks = told.values[0]["checks"].as_array().unwrap().clone();
        let item = checks.into_iter().find(|check| check["name"] == "Restore point").unwrap();
        assert_eq!(item["state"], state, "{item}");
        item["details"].to_string()
    };
    assert!(check("passed").contains("customers: it is larger than max_gb = 0, so only the rows whose place"));
    shop.plan("replace", "");
    assert!(check("failed").contains("the run replaces all of its rows"));
    let before = shop.rows();
    let refused = shop.desk.run_to(5, &["run", "plan.toml", "--force"]);
    assert!(format!("{refused:?}").contains("the run replaces all of its rows"), "{refused:#?}");
    assert_same_lines(&before, &shop.rows(), "sqlite");
    shop.source.execute("CREATE TABLE log (note TEXT); INSERT INTO log VALUES ('x')");
    shop.end.execute(&["CREATE TABLE log (note TEXT)", "INSERT INTO log VALUES ('before')"]);
    let plan = fs::read_to_string(shop.desk.path("plan.toml")).unwrap();
    let (head, _) = plan.split_once("[[table]]").unwrap();
    shop.desk.write("plan.toml", &format!("{head}[[table]]\nfrom = \"log\"\n"));
    assert!(check("failed").contains("it has no unique key"));
}

#[test]
fn what_is_kept_for_a_key_is_read_by_its_holder_alone_and_only_as_it_was_written() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system, "upsert") else { continue };
        let before = shop.rows();
        shop.plan("upsert", &format!("recipient = \"{PUBLIC}\""));
        shop.desk.write("key.txt", SECRET);
        let name = shop.run(0, &[]);
        let preview = shop.preview(&name);
        assert_eq!(preview["point"]["tables"][0]["sealed"], true, "{system}: {preview:#}");
        assert!(preview["tables"][0]["others"]["unknown"].as_str().unwrap().contains("--identity"), "{preview:#}");
        let refused = shop.restore(1, &name, &["--discard-others"]);
        assert!(refused["error"].as_str().unwrap().contains("--identity"), "{refused}");
        let folder = shop.desk.path("home/.local/state/whimbrel/restore").join(&name);
        let journal: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let journal: Vec<_> = journal.iter().filter(|path| path.to_string_lossy().contains("journal-")).collect();
        assert_eq!(journal.len(), 9, "six chunks, of which three found rows: {journal:?}");
        for path in &journal {
            let whole = fs::read(path).unwrap();
            assert!(whole.starts_with(b"age-encryption.org/v1\n"), "{system}");
            fs::write(path, &whole[1..]).unwrap();
            let refused = shop.restore(1, &name, &["--identity", "key.txt"]);
            assert!(refused["error"].as_str().unwrap().contains("is not what was written"), "{refused}");
            fs::write(path, whole).unwrap();
        }
        assert_eq!(shop.restore(0, &name, &["--identity", "key.txt"])["outcome"], "passed", "{system}");
        assert_same_lines(&before, &shop.rows(), system);
    }
}

#[test]
fn a_key_that_its_system_calls_equal_comes_back_as_it_was_spelled() {
    for (system, key) in [("mysql", "VARCHAR(20)"), ("sqlite", "TEXT COLLATE NOCASE NOT NULL")] {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute(
            "CREATE TABLE words (word TEXT NOT NULL PRIMARY KEY, number INTEGER);
             INSERT INTO words VALUES ('abc', 10), ('DEF', 20), ('new', 30)",
        );
        end.execute(&[
            &format!("CREATE TABLE words (word {key} PRIMARY KEY, number INTEGER)"),
            "INSERT INTO words VALUES ('ABC', 1), ('def', 2), ('other', 3)",
        ]);
        let before = end.table("words", &["word", "number"]);
        let text = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[restore]\nmax_gb = 0\n[[table]]\n\
             from = \"words\"\nmode = \"upsert\"\nkey = [\"word\"]\n",
            end.url()
        );
        desk.write("plan.toml", &text);
        let told = desk.run_to(0, &["run", "plan.toml"]);
        let name = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
        assert_eq!(end.table("words", &["word", "number"]).len(), 4, "{system}");
        let restored = desk.run_to(0, &["restore", &name, "--yes", &name]).values.last().unwrap()["restored"].clone();
        assert_eq!(restored["outcome"], "passed", "{system}: {restored:#}");
        assert_same_lines(&before, &end.table("words", &["word", "number"]), system);
    }
}
