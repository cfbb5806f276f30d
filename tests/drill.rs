//! Drills of the way back: what they prove, what they never touch, and that nothing of them stays, whatever happens.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use serde_json::Value as Json;

use crate::support::{
    binary::Desk,
    ends::{End, counted_and_watched},
    pty::{ENTER, Terminal},
    sides::SqliteFile,
};

const SERVERS: [&str; 3] = ["postgres", "mysql", "sqlite"];

/// A destination of many rows of many types, and a run that replaced them.
struct Shop {
    desk: Desk,
    end: End,
    point: String,
}

impl Shop {
    fn new(system: &str, rows: u32) -> Option<Self> {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (7, 'of the run')");
        let end = End::new(system, desk.folder())?;
        let counted = match system {
            "postgres" => "id SERIAL PRIMARY KEY",
            "mysql" => "id INTEGER AUTO_INCREMENT PRIMARY KEY",
            _ => "id INTEGER PRIMARY KEY AUTOINCREMENT",
        };
        end.execute(&[
            &format!(
                "CREATE TABLE people ({counted}, name VARCHAR(60) NOT NULL DEFAULT 'x', amount DECIMAL(12,4), born DATE, \
                 UNIQUE (name, amount))"
            ),
            "CREATE TABLE log (note VARCHAR(60), number INTEGER)",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER, FOREIGN KEY (person) REFERENCES people (id))",
        ]);
        let values: Vec<String> =
            (1..=rows).map(|i| format!("('näme ''{i}', {i}.0625, '2001-02-{:02}')", i % 28 + 1)).collect();
        for some in values.chunks(5_000) {
            end.execute(&[&format!("INSERT INTO people (name, amount, born) VALUES {}", some.join(", "))]);
        }
        end.execute(&[
            "INSERT INTO log VALUES ('twice', 1), ('twice', 1), (NULL, NULL)",
            "INSERT INTO orders VALUES (1, 1)",
        ]);
        let mut plan = format!("[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n", end.url());
        for (to, mode) in [("people", "upsert"), ("log", "replace"), ("made", "insert")] {
            let columns = if to == "log" { "[table.columns]\nnote = \"name\"\nnumber = \"id\"\n" } else { "" };
            plan.push_str(&format!("[[table]]\nfrom = \"a\"\nto = \"{to}\"\nmode = \"{mode}\"\n{columns}"));
        }
        desk.write("plan.toml", &plan);
        let told = desk.run_to(0, &["run", "plan.toml"]);
        let point = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
        Some(Self { desk, end, point })
    }

    /// Names of all tables, and all rows.
    fn all(&self) -> Vec<String> {
        let names = match &self.end {
            End::Postgres(_) => "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
            End::Mysql(_) => {
                "SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
            }
            _ => "SELECT name FROM sqlite_schema WHERE type = 'table'",
        };
        let mut all: Vec<String> = self.end.rows(names).iter().map(|row| format!("table {row:?}")).collect();
        all.sort_unstable();
        for (table, columns) in [("people", &["id", "name", "amount", "born"][..]), ("log", &["note", "number"])] {
            all.extend(self.end.table(table, columns).iter().map(|row| format!("{table} {row:?}")));
        }
        all
    }

    #[track_caller]
    fn drill(&self, code: i32) -> Json {
        self.desk.run_to(code, &["restore", &self.point, "--drill"]).values.last().unwrap()["drill"].clone()
    }

    fn listed(&self) -> Json {
        self.desk.run_to(0, &["restore"]).values[0]["restore_points"][0].clone()
    }
}

#[test]
fn a_drill_proves_the_rows_and_leaves_nothing_but_its_record() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system, 500) else { continue };
        let before = shop.all();
        assert_eq!(shop.listed()["drilled"], Json::Null);
        let drill = shop.drill(0);
        assert_eq!(drill["outcome"], "passed", "{system}: {drill:#}");
        let mut rows: Vec<u64> =
            drill["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_u64().unwrap()).collect();
        rows.sort_unstable();
        assert_eq!(rows, [0, 3, 500], "{system}: {drill:#}");
        assert!(shop.all() == before, "{system}: the tables are as the run left them, and no other is there");
        let listed = shop.listed();
        assert_eq!((&listed["drilled"]["outcome"], listed["state"].as_str()), (&"passed".into(), Some("ready")));
        assert!(listed["drilled"]["took_ms"].as_u64().unwrap() > 0, "{listed:#}");
        let run = listed["run"].as_str().unwrap();
        let report = shop.desk.run_to(0, &["report", run]).values[0]["report"].clone();
        assert_eq!(report["drills"][0]["id"], drill["id"], "{system}");
        let trail = shop.desk.run_to(0, &["audit", run]).values[0]["entries"].to_string();
        assert!(trail.contains("restore-drilled"), "{system}");
        // The way itself is still open.
        let restored = shop.desk.run_to(0, &["restore", &shop.point, "--yes", &shop.point]);
        assert_eq!(restored.values.last().unwrap()["restored"]["outcome"], "passed", "{system}");
    }
}

#[test]
fn a_drill_that_is_killed_is_cleared_by_the_next_one() {
    let mut caught = 0;
    for system in SERVERS {
        let Some(shop) = Shop::new(system, 20_000) else { continue };
        let before = shop.all();
        for wait in [200, 400, 700, 1_000, 1_400, 1_900, 2_500, 3_200, 4_000] {
            let mut child = shop.desk.start(&["restore", &shop.point, "--drill"]);
            sleep(Duration::from_millis(wait));
            let _ = child.kill();
            let _ = child.wait();
            // A server may take a moment to see that its client is gone.
            sleep(Duration::from_millis(100));
            caught += usize::from(shop.all() != before);
        }
        assert_eq!(shop.drill(0)["outcome"], "passed", "{system}");
        assert!(shop.all() == before, "{system}: what the killed ones left is gone");
    }
    assert!(caught > 0, "no drill was caught with a scratch table");
}

#[test]
fn files_are_drilled_too_and_one_that_was_tampered_with_is_found() {
    let desk = Desk::new();
    let end = End::new("csv", desk.folder()).unwrap();
    let End::Csv(folder) = &end else { panic!() };
    let source = SqliteFile::new(desk.path("source.sqlite"));
    source.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (1, 'x')");
    fs::write(folder.join("a.csv"), "id,name\r\n\"7\",\"of others\"\r\n").unwrap();
    let plan = format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"a\"\nmode = \"replace\"\n",
        end.url()
    );
    desk.write("plan.toml", &plan);
    let told = desk.run_to(0, &["run", "plan.toml"]);
    let name = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
    let names = || {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let drill = desk.run_to(0, &["restore", &name, "--drill"]).values.last().unwrap()["drill"].clone();
    assert_eq!(drill["outcome"], "passed", "{drill:#}");
    assert_eq!(names(), before);
    let shelf = desk.path("home/.local/state/whimbrel/restore").join(&name);
    let mut kept = fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.find(|path| !path.ends_with("manifest.json")).unwrap();
    fs::write(&kept, "tampered").unwrap();
    let told = desk.run_to(1, &["restore", &name, "--drill"]);
    assert!(told.values[0]["error"].as_str().unwrap().contains("is not what was written"), "{told:#?}");
}

#[test]
fn a_drill_proves_counters_and_keys_and_misses_a_trigger_that_is_gone() {
    for system in SERVERS {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customers VALUES (7, 'of the run')");
        let (counted, trigger) = counted_and_watched(system);
        end.execute(&[
            &format!("CREATE TABLE customers ({counted}, name VARCHAR(60) UNIQUE)"),
            "CREATE TABLE seen (id INTEGER)",
            "INSERT INTO customers (name) VALUES ('a'), ('b'), ('c')",
            "DELETE FROM customers WHERE name <> 'a'",
            trigger,
        ]);
        let plan = |restore: &str| {
            let (url, table) = (end.url(), "[[table]]\nfrom = \"customers\"\nmode = \"upsert\"\nkey = [\"id\"]\n");
            let text = format!(
                "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{url}\"\n[restore]\ndrill = true\n{restore}\n{table}"
            );
            desk.write("plan.toml", &text);
        };
        plan("");
        let told = desk.run_to(0, &["run", "plan.toml"]);
        let name = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
        let listed = || desk.run_to(0, &["restore"]).values[0]["restore_points"][0].clone();
        assert_eq!(listed()["drilled"]["outcome"], "passed", "{system}: before the run wrote anything");
        let drill = || {
            let told = desk.run(&["restore", &name, "--drill"]);
            (told.code, told.values.last().unwrap()["drill"].clone())
        };
        let (code, drilled) = drill();
        assert!(code == Some(0) && !drilled["remarks"].to_string().contains("no twin"), "{system}: {drilled:#}");
        match &end {
            End::Postgres(_) => end.execute(&["DROP TRIGGER sees ON customers"]),
            end => end.execute(&["DROP TRIGGER sees"]),
        }
        let (code, drilled) = drill();
        assert_eq!(code, Some(4), "{system}: {drilled:#}");
        assert!(drilled.to_string().contains("its trigger sees is gone"), "{system}: {drilled:#}");
        // What is encrypted can be drilled by whoever made it, and needs no key for that.
        plan(&format!("recipient = \"{PUBLIC}\""));
        desk.run_to(0, &["run", "plan.toml"]);
        assert_eq!(listed()["drilled"]["outcome"], "passed", "{system}");
        assert_eq!(listed()["tables"][0]["sealed"], true, "{system}");
    }
}

/// A pair of keys of the age format.
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const STRANGER: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

#[test]
fn what_is_encrypted_is_gone_back_to_with_its_key_alone() {
    for system in ["postgres", "mysql", "sqlite", "csv"] {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (1, 'new')");
        match &end {
            End::Csv(folder) => fs::write(folder.join("a.csv"), "id,name\r\n\"7\",\"treasure\"\r\n").unwrap(),
            end => end.execute(&[
                "CREATE TABLE a (id INTEGER PRIMARY KEY, name VARCHAR(60))",
                "INSERT INTO a VALUES (7, 'treasure')",
            ]),
        }
        let before = end.table("a", &["id", "name"]);
        let plan = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[restore]\nrecipient = \"{PUBLIC}\"\n\
             [[table]]\nfrom = \"a\"\nmode = \"replace\"\n",
            end.url()
        );
        desk.write("plan.toml", &plan);
        desk.write("key.txt", &format!("# created\n{SECRET}\n"));
        desk.write("other.txt", STRANGER);
        let told = desk.run_to(0, &["run", "plan.toml"]);
        let name = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
        let shelf = desk.path("home/.local/state/whimbrel/restore").join(&name);
        for file in fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path()) {
            let bytes = fs::read(&file).unwrap();
            assert!(!bytes.windows(8).any(|window| window == b"treasure"), "{system}: {}", file.display());
            assert!(file.ends_with("manifest.json") || bytes.starts_with(b"age-encryption.org/v1\n"), "{system}");
        }
        let yes = ["restore", &name, "--yes", &name];
        let refused = desk.run_to(1, &yes);
        assert!(refused.values.last().unwrap()["error"].as_str().unwrap().contains("--identity FILE"), "{refused:#?}");
        let wrong = desk.run_to(1, &[&yes[..], &["--identity", "other.txt"]].concat());
        assert!(
            wrong.values.last().unwrap()["error"].as_str().unwrap().contains("none of the identities"),
            "{wrong:#?}"
        );
        desk.run_to(2, &[&yes[..], &["--identity", "plan.toml"]].concat());
        assert_ne!(end.table("a", &["id", "name"]), before, "{system}: nothing was put back");

        let drill = desk.run_to(0, &["restore", &name, "--drill", "--identity", "key.txt"]);
        assert_eq!(drill.values.last().unwrap()["drill"]["outcome"], "passed", "{system}: {drill:#?}");
        let restored = desk.run_to(0, &[&yes[..], &["--identity", "key.txt"]].concat());
        assert_eq!(restored.values.last().unwrap()["restored"]["outcome"], "passed", "{system}");
        assert_eq!(end.table("a", &["id", "name"]), before, "{system}");
        // The way back from there is encrypted, too.
        let listed = desk.run_to(0, &["restore"]).values[0]["restore_points"].clone();
        assert!(listed.as_array().unwrap().iter().all(|point| point["tables"][0]["sealed"] == true), "{listed:#}");
        let left: Vec<_> = fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.iter().all(|path| path.extension().is_none_or(|end| end != "open")), "{left:?}");
    }
}

#[test]
fn what_is_encrypted_is_gone_back_to_from_the_console_by_the_path_of_its_key() {
    let desk = Desk::new();
    let target = SqliteFile::new(desk.path("target.sqlite"));
    SqliteFile::new(desk.path("source.sqlite"))
        .execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (1, 'new')");
    target.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (7, 'treasure')");
    desk.write(
        "plan.toml",
        &format!(
            "[plan]\nname = \"sealed\"\n[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\n\
             url = \"sqlite:target.sqlite\"\n[restore]\nrecipient = \"{PUBLIC}\"\n[[table]]\nfrom = \"a\"\n\
             mode = \"replace\"\n"
        ),
    );
    desk.write("key.txt", &format!("# created\n{SECRET}\n"));
    desk.write("other.txt", STRANGER);
    desk.run_to(0, &["run", "plan.toml"]);
    let listed = desk.run_to(0, &["restore"]).values[0]["restore_points"].clone();
    let name = listed[0]["name"].as_str().unwrap().to_owned();

    let mut terminal = Terminal::open(&desk, &["plan.toml"], 24, 80);
    terminal.wait_for("✓ completed");
    terminal.press("8");
    terminal.wait_for(&name);
    terminal.press(ENTER);
    terminal.wait_for("Encrypted: going back asks for the file with its key");
    for (file, says) in [("other.txt", "none of the identities"), ("key.txt", "Restore: PASSED")] {
        terminal.wait_for("a: emptied and reloaded");
        terminal.press("b");
        terminal.wait_for("The file with its key");
        // The one that was named last stands there.
        terminal.press(&"\x7f".repeat(20));
        terminal.press(file);
        terminal.press("\t");
        terminal.press(&name);
        terminal.press(ENTER);
        terminal.wait_for(says);
        terminal.press(ENTER);
    }
    assert_eq!(target.rows("SELECT name FROM a"), [[Some("treasure".to_owned())]]);
    terminal.wait_for("↑↓ scroll");
    terminal.press("\x1b");
    terminal.wait_for("b go back");
    terminal.press("q");
    terminal.exit_code();
    // The key is in nothing that stays, and the path in no memory.
    let state = desk.path("home");
    for file in walk(&state) {
        let bytes = fs::read(&file).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!has(&SECRET[..40]) && !has("key.txt"), "{}", file.display());
    }
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let each = |entry: fs::DirEntry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => walk(&entry.path()),
        kind if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    };
    entries.flat_map(each).collect()
}

#[test]
fn a_recipient_that_is_mistyped_is_told_before_anything_is_written() {
    let desk = Desk::new();
    let mistyped = PUBLIC.replace("zvky", "zvkz");
    desk.write(
        "plan.toml",
        &format!(
            "[source]\nurl = \"sqlite:a\"\n[destination]\nurl = \"sqlite:b\"\n[restore]\nrecipient = \"{mistyped}\"\n\
             [[table]]\nfrom = \"a\"\n"
        ),
    );
    let told = desk.run_to(2, &["check", "plan.toml"]);
    assert!(
        told.values[0]["error"].as_str().unwrap().contains("plan.toml:6:13: 'recipient' is no public key"),
        "{told:#?}"
    );
}
