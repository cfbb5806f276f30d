//! Rows that others wrote after a run: told apart from those of the restore point and of the run, shown, and exported.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value as Json, json};

use crate::support::{
    binary::Desk,
    ends::{End, counted_and_watched},
    sides::SqliteFile,
};

const SERVERS: [&str; 3] = ["postgres", "mysql", "sqlite"];
/// A pair of keys of the age format.
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

/// A destination that held rows before a run wrote to it in every mode.
struct Shop {
    desk: Desk,
    source: SqliteFile,
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
             INSERT INTO log SELECT 'run ' || id % 7, id % 5 FROM people;
             CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT);
             INSERT INTO tags SELECT id, 'tag ' || id FROM people;",
        );
        let end = End::new(system, desk.folder())?;
        end.execute(&[
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(60), amount DECIMAL(10,2), note VARCHAR(20))",
            "CREATE TABLE log (note VARCHAR(60), number INTEGER CHECK (number < 1000000))",
            "CREATE TABLE tags (id INTEGER PRIMARY KEY, tag VARCHAR(60))",
        ]);
        let values = |value: &dyn Fn(u32) -> String| (1..=200).map(value).collect::<Vec<_>>().join(", ");
        end.execute(&[
            &format!("INSERT INTO customers VALUES {}", values(&|i| format!("({i}, 'old {i}', {i}.5, 'n {i}')"))),
            &format!("INSERT INTO log VALUES {}", values(&|i| format!("('before {}', {})", i % 3, i % 5))),
            &format!("INSERT INTO tags VALUES {}", values(&|i| format!("({i}, 'before {i}')"))),
        ]);
        let shop = Self { desk, source, end };
        shop.plan("", "");
        Some(shop)
    }

    fn plan(&self, restore: &str, more: &str) {
        let text = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[run]\nchunk_rows = 70\n{restore}\n\
             [[table]]\nfrom = \"people\"\nto = \"customers\"\nmode = \"upsert\"\n{more}\n[[table]]\nfrom = \"log\"\n\
             [[table]]\nfrom = \"tags\"\nmode = \"replace\"\n[[table]]\nfrom = \"people\"\nto = \"made\"\n",
            self.end.url()
        );
        self.desk.write("plan.toml", &text);
    }

    /// Runs the plan; the name of its restore point.
    #[track_caller]
    fn run(&self, code: i32, more: &[&str]) -> String {
        let arguments: Vec<&str> = ["run", "plan.toml"].iter().chain(more).copied().collect();
        let told = self.desk.run_to(code, &arguments);
        told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned()
    }

    /// What others do after the run, to each table otherwise.
    fn others(&self) {
        self.end.execute(&[
            "INSERT INTO customers VALUES (9001, 'of others', 1, 'kept')",
            "UPDATE customers SET name = 'changed' WHERE id = 5",
            "INSERT INTO log VALUES ('of others', 1), ('', 2), (NULL, 3), ('\\\\ and , and \"', 4)",
            // As a row that was there, and as one that the run wrote.
            "INSERT INTO log VALUES ('before 1', 1), ('run 1', 2)",
            "UPDATE tags SET tag = 'of others' WHERE id = 150",
            "DELETE FROM tags WHERE id = 151",
            "INSERT INTO made (id, name) VALUES (9001, NULL)",
        ]);
    }

    fn all(&self) -> Vec<Vec<Option<String>>> {
        let tables: [(&str, &[&str]); 4] = [
            ("customers", &["id", "name", "amount", "note"]),
            ("log", &["note", "number"]),
            ("tags", &["id", "tag"]),
            ("made", &["id", "name", "amount"]),
        ];
        tables.iter().flat_map(|(table, columns)| self.end.table(table, columns)).collect()
    }

    #[track_caller]
    fn export(&self, code: i32, name: &str, folder: &str, more: &[&str]) -> Json {
        let arguments: Vec<&str> = ["restore", name, "--export-others", folder].iter().chain(more).copied().collect();
        let last = self.desk.run_to(code, &arguments).values.last().unwrap().clone();
        last.get("exported").cloned().unwrap_or(last)
    }

    /// What the tables hold that were there before the run.
    fn before(&self) -> Vec<Vec<Option<String>>> {
        let tables: [(&str, &[&str]); 3] =
            [("customers", &["id", "name", "amount", "note"]), ("log", &["note", "number"]), ("tags", &["id", "tag"])];
        tables.iter().flat_map(|(table, columns)| self.end.table(table, columns)).collect()
    }

    #[track_caller]
    fn restore(&self, code: i32, name: &str, more: &[&str]) -> Json {
        let arguments: Vec<&str> = ["restore", name, "--yes", name].iter().chain(more).copied().collect();
        let last = self.desk.run_to(code, &arguments).values.last().unwrap().clone();
        last.get("restored").cloned().unwrap_or(last)
    }

    /// The lines of an exported file, the first as it is and the others sorted.
    fn lines(&self, folder: &str, table: &str) -> Vec<String> {
        let text = fs::read_to_string(self.desk.path(folder).join(format!("{table}.csv"))).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1..].sort();
        lines
    }
}

fn table<'v>(all: &'v Json, name: &str) -> &'v Json {
    let tables = all["tables"].as_array().unwrap();
    tables.iter().find(|table| table["table"] == name).unwrap_or_else(|| panic!("no {name} in {all:#}"))
}

#[test]
fn what_others_wrote_comes_out_row_by_row_and_nothing_else() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let name = shop.run(0, &[]);
        let nothing = shop.export(0, &name, "none", &[]);
        assert_eq!(nothing["tables"], json!([]), "{system}: {nothing:#}");
        shop.others();
        let after = shop.all();
        let exported = shop.export(0, &name, "out", &[]);
        assert!(shop.all() == after, "{system}: the destination changed");
        let rows = ["customers", "log", "tags", "made"].map(|name| table(&exported, name)["rows"].as_u64().unwrap());
        assert_eq!(rows, [2, 6, 1, 1], "{system}: {exported:#}");
        assert!(exported["tables"].as_array().unwrap().iter().all(|table| table["exact"] == true), "{exported:#}");
        assert_eq!((&table(&exported, "log")["told"], &exported["masked"]), (&Json::Null, &json!(false)));
        for (name, lost) in [("customers", "1 row(s)"), ("tags", "2 row(s)")] {
            let told = table(&exported, name)["told"].as_str().unwrap();
            assert!(told.contains("others also changed or removed") && told.contains(lost), "{system}: {told}");
        }
        let customers = shop.lines("out", "customers");
        assert_eq!(
            customers,
            ["id,name,amount,note", "5,changed,5.50,n 5", "9001,of others,1.00,kept"].map(|line| {
                // SQLite holds no zeros behind the point.
                if system == "sqlite" { line.replace("5.50", "5.5").replace("1.00", "1") } else { line.to_owned() }
            })
        );
        let backslash = if system == "mysql" { "\"\\\\ and , and \"\"\",4" } else { "\"\\\\\\ and , and \"\"\",4" };
        let mut log = ["\\N,3", ",2", "before 1,1", "of others,1", "run 1,2", backslash];
        log.sort_unstable();
        assert_eq!(shop.lines("out", "log")[1..], log, "{system}");
        assert_eq!(shop.lines("out", "tags"), ["id,tag", "150,of others"], "{system}");
        assert_eq!(shop.lines("out", "made"), ["id,name,amount", "9001,\\N,\\N"], "{system}");
        let mode = |path: &str| fs::metadata(shop.desk.path(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("out"), mode("out/log.csv")), (0o700, 0o600), "{system}");
        let trail = shop.desk.run_to(0, &["audit"]).values[0]["entries"].clone();
        let noted = trail.as_array().unwrap().iter().filter(|entry| entry["action"] == "others-exported");
        assert_eq!(noted.count(), 4, "{system}");

        fs::remove_file(shop.desk.path("out/made.csv")).unwrap();
        let refused = shop.export(2, &name, "out", &[]);
        assert!(refused["error"].as_str().unwrap().contains("customers.csv is there already"), "{refused}");
        assert!(!shop.desk.path("out/made.csv").exists(), "nothing is written where one file stands in the way");
        assert_eq!(shop.lines("out", "tags").len(), 2);
    }
}

#[test]
fn rows_that_were_edited_or_skipped_in_review_are_not_of_others() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        shop.source.execute("INSERT INTO log VALUES ('too much', 99999999), ('edited', 88888888)");
        let name = shop.run(3, &["--on-error", "flag"]);
        let run = shop.desk.run_to(0, &["review"]).values[0]["runs"][0]["run"].as_str().unwrap().to_owned();
        shop.desk.run_to(0, &["review", &run, "--retry", "log:302", "--set", "number=8"]);
        shop.others();
        let exported = shop.export(0, &name, "out", &[]);
        assert_eq!(table(&exported, "log")["rows"], 6, "{system}: {exported:#}");
        assert!(table(&exported, "log")["told"].is_null(), "{system}: {exported:#}");
    }
}

#[test]
fn where_the_source_changed_since_it_is_said_that_rows_of_the_run_may_be_among_them() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let name = shop.run(0, &[]);
        shop.others();
        shop.source.execute("UPDATE tags SET tag = 'another' WHERE id = 300; DELETE FROM people WHERE id = 120");
        let exported = shop.export(4, &name, "out", &[]);
        let tags = table(&exported, "tags");
        assert_eq!((&tags["exact"], &tags["rows"]), (&json!(false), &json!(2)), "{system}: {exported:#}");
        assert!(tags["told"].as_str().unwrap().contains("rows of that run may be among them"), "{system}: {tags:#}");
        assert_eq!(shop.lines("out", "tags"), ["id,tag", "150,of others", "300,tag 300"], "{system}");
        assert_eq!(table(&exported, "log")["exact"], true, "{system}: its source is as it was");
        fs::rename(shop.desk.path("source.sqlite"), shop.desk.path("gone.sqlite")).unwrap();
        let exported = shop.export(4, &name, "later", &[]);
        let tags = table(&exported, "tags");
        assert!(tags["file"].is_null() && tags["told"].as_str().unwrap().contains("cannot be made again"), "{tags:#}");
        // What was kept needs no source, but this is of a run as well.
        assert_eq!(shop.desk.run_to(0, &["restore", &name]).values[0]["preview"]["refusals"], json!([]), "{system}");
    }
}

#[test]
fn the_preview_shows_some_of_them_and_no_private_value() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        shop.plan("", "[table.columns]\nname = { private = true }\nid = { private = true }");
        let name = shop.run(0, &[]);
        shop.others();
        let preview = shop.desk.run_to(0, &["restore", &name]).values[0]["preview"].clone();
        let remarks = preview["remarks"].to_string();
        assert!(remarks.contains("customers: the run does not write note"), "{system}: {remarks}");
        assert!(!remarks.contains("tags:") && !remarks.contains("log:"), "{system}: {remarks}");
        let shown = |name: &str| table(&preview, name)["shown"].clone();
        let private = json!({"name": "id", "cell": "(private)"});
        assert_eq!(shown("customers")["rows"], json!([[private.clone()], [private]]), "{system}: {preview:#}");
        assert_eq!(shown("tags")["rows"], json!([[{"name": "id", "cell": "150"}]]), "{system}");
        assert_eq!(shown("log")["rows"].as_array().unwrap().len(), 5, "{system}");
        assert_eq!(shown("log")["rows"][0].as_array().unwrap().len(), 2, "{system}: no key, so first cells");
        let text = shop.desk.command(&["restore", &name]).output().unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(text.contains("id = 150") && text.contains("--export-others FOLDER"), "{system}: {text}");

        let exported = shop.export(0, &name, "out", &[]);
        assert_eq!(exported["masked"], true, "{system}");
        assert!(
            shop.lines("out", "customers")
                .contains(&"\\P,\\P,5.50,n 5".replace("5.50", if system == "sqlite" { "5.5" } else { "5.50" }))
        );
        let open = shop.export(0, &name, "open", &["--with-private"]);
        assert_eq!(open["masked"], false, "{system}");
        assert!(shop.lines("open", "customers").iter().any(|line| line.starts_with("5,changed,")), "{system}");
    }
}

#[test]
fn after_a_restore_what_came_then_is_of_others() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let name = shop.run(0, &[]);
        let restored = shop.desk.run_to(0, &["restore", &name, "--yes", &name]).values.last().unwrap().clone();
        let before = restored["restored"]["before"].as_str().unwrap().to_owned();
        shop.end.execute(&[
            "INSERT INTO log VALUES ('of others', 1)",
            "INSERT INTO customers VALUES (9001, 'of others', 1, NULL)",
        ]);
        let exported = shop.export(0, &before, "out", &[]);
        let rows = ["customers", "log"].map(|name| table(&exported, name)["rows"].as_u64().unwrap());
        assert_eq!((rows, shop.lines("out", "log")[1].as_str()), ([1, 1], "of others,1"), "{system}: {exported:#}");
        assert!(exported["tables"].as_array().unwrap().iter().all(|table| table["told"].is_null()), "{exported:#}");
    }
}

#[test]
fn of_a_table_with_a_journal_rows_of_the_run_that_others_changed_come_out() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let plan = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[run]\nchunk_rows = 70\n[restore]\n\
             max_gb = 0\n[[table]]\nfrom = \"people\"\nto = \"customers\"\nmode = \"upsert\"\n",
            shop.end.url()
        );
        shop.desk.write("plan.toml", &plan);
        let name = shop.run(0, &["--no-validate"]);
        shop.end.execute(&[
            // One of their own, one that was there before, one of the run's.
            "INSERT INTO customers VALUES (9001, 'of others', 1, 'kept')",
            "UPDATE customers SET name = 'changed' WHERE id = 5",
            "UPDATE customers SET name = 'changed' WHERE id = 150",
        ]);
        let exported = shop.export(0, &name, "out", &[]);
        let customers = table(&exported, "customers");
        assert_eq!((&customers["rows"], &customers["exact"]), (&json!(1), &json!(true)), "{system}: {exported:#}");
        assert!(customers["told"].as_str().unwrap().contains("others added stays where it is"), "{system}");
        assert!(shop.lines("out", "customers")[1].starts_with("150,changed,187.5"), "{system}");
    }
}

#[test]
fn an_sqlite_table_that_a_file_filled_is_told_apart_by_the_types_that_were_read() {
    let desk = Desk::new();
    fs::write(desk.path("in.csv"), "id,name,day\n1,a,2024-02-29\n2,,2024-03-01\n").unwrap();
    let end = End::new("sqlite", desk.folder()).unwrap();
    end.execute(&[
        "CREATE TABLE kept (id INTEGER, name TEXT, day DATE)",
        "INSERT INTO kept VALUES (7, '=x', '2000-01-01'), (8, NULL, NULL)",
    ]);
    let plan = format!(
        "[source]\nurl = \"csv:in.csv\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"in\"\nto = \"kept\"\n",
        end.url()
    );
    desk.write("plan.toml", &plan);
    let told = desk.run_to(0, &["run", "plan.toml"]);
    let name = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
    end.execute(&["INSERT INTO kept VALUES (7, '=x', '2000-01-01'), (9, '=y', NULL), (1, 'b', '2024-02-29')"]);
    let exported = desk.run_to(0, &["restore", &name, "--export-others", "out"]).values[0]["exported"].clone();
    let kept = table(&exported, "kept");
    assert_eq!((&kept["rows"], &kept["exact"], &kept["told"]), (&json!(3), &json!(true), &Json::Null), "{exported:#}");
    let text = fs::read_to_string(desk.path("out/kept.csv")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["1,b,2024-02-29", "7,=x,2000-01-01", "9,=y,\\N", "id,name,day"]);
}

#[test]
fn records_that_others_put_into_files_come_out() {
    let desk = Desk::new();
    let end = End::new("csv", desk.folder()).unwrap();
    let End::Csv(folder) = &end else { panic!() };
    let source = SqliteFile::new(desk.path("source.sqlite"));
    source.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO a VALUES (1, 'x'), (2, 'y')");
    fs::write(folder.join("kept.csv"), "id,name\r\n\"7\",\"old, quoted\"\r\n").unwrap();
    fs::write(folder.join("replaced.csv"), "id,name\r\n7,old\r\n").unwrap();
    let plan = format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"a\"\nto = \"kept\"\n\
         [[table]]\nfrom = \"a\"\nto = \"replaced\"\nmode = \"replace\"\n[[table]]\nfrom = \"a\"\nto = \"made\"\n",
        end.url()
    );
    desk.write("plan.toml", &plan);
    let told = desk.run_to(0, &["run", "plan.toml"]);
    let name = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
    for file in ["kept.csv", "replaced.csv", "made.csv"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        fs::write(folder.join(file), format!("{text}9,of others\r\n")).unwrap();
    }
    let exported = desk.run_to(0, &["restore", &name, "--export-others", "out"]).values[0]["exported"].clone();
    for name in ["kept", "replaced", "made"] {
        let found = table(&exported, name);
        assert_eq!((&found["rows"], &found["exact"]), (&json!(1), &json!(true)), "{exported:#}");
        let text = fs::read_to_string(desk.path("out").join(format!("{name}.csv"))).unwrap();
        assert_eq!(text, "id,name\n9,of others\n", "{name}");
    }
}

#[test]
fn rows_that_others_added_are_put_back_behind_those_of_the_point() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let before = shop.before();
        let name = shop.run(0, &[]);
        let added = [
            "INSERT INTO customers VALUES (9001, 'of others', 1, 'kept'), (9002, NULL, NULL, '')",
            // As one that was there, and as one that the run wrote.
            "INSERT INTO log VALUES ('before 1', 1), ('run 1', 2), (NULL, NULL)",
            "INSERT INTO tags VALUES (9001, 'of others')",
        ];
        shop.end.execute(&added);
        let restored = shop.restore(0, &name, &["--keep-others"]);
        assert_eq!(restored["outcome"], "passed", "{system}: {restored:#}");
        assert!(restored["remarks"].to_string().contains("customers: 2 row(s) that others added are put back"));
        let found = shop.before();
        let kept: Vec<_> = found.iter().filter(|row| !before.contains(row)).cloned().collect();
        let text = |text: &str| Some(text.to_owned());
        let amount = text(if system == "sqlite" { "1" } else { "1.00" });
        let customers = vec![text("9001"), text("of others"), amount, text("kept")];
        let empty = vec![text("9002"), None, None, text("")];
        let others = [customers, empty, vec![None, None], vec![text("run 1"), text("2")]];
        assert!(others.iter().all(|row| kept.contains(row)), "{system}: {kept:?}");
        assert!(kept.contains(&vec![text("9001"), text("of others")]) && kept.len() == 5, "{system}: {kept:?}");
        assert_eq!(found.len(), before.len() + 6, "{system}: a row that is as another is there once more");
        let shelf = shop.desk.path("home/.local/state/whimbrel/restore");
        let left =
            fs::read_dir(shelf).unwrap().flatten().filter(|entry| entry.path().to_string_lossy().contains("others"));
        assert_eq!(left.count(), 0, "{system}: what was taken aside stays there");
    }
}

#[test]
fn rows_of_others_are_not_put_back_in_the_place_of_the_points_own_or_where_others_did_more() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let name = shop.run(0, &[]);
        // The run replaced the table, so that the keys of what was there are free.
        shop.end.execute(&["INSERT INTO tags VALUES (5, 'of others'), (6, 'of others'), (9001, 'of others')"]);
        let after = shop.all();
        let refused = shop.restore(1, &name, &["--keep-others"])["error"].as_str().unwrap().to_owned();
        for words in ["tags: rows of the restore point have keys", "id = 5", "id = 6", "--discard-others"] {
            assert!(refused.contains(words), "{system}: {words} in {refused}");
        }
        assert!(!refused.contains("9001"), "{system}: {refused}");
        assert!(shop.all() == after, "{system}: something was written");

        shop.end.execute(&[
            "DELETE FROM tags WHERE id IN (5, 6)",
            "UPDATE customers SET name = 'changed' WHERE id = 7",
            "INSERT INTO made (id, name) VALUES (9001, 'of others')",
        ]);
        let refused = shop.restore(1, &name, &["--keep-others"])["error"].as_str().unwrap().to_owned();
        for words in ["customers: others also changed or removed 1 row(s)", "made: the run made it"] {
            assert!(refused.contains(words), "{system}: {words} in {refused}");
        }
        assert!(!refused.contains("tags:"), "{system}: {refused}");
        shop.desk.run_to(2, &["restore", &name, "--yes", &name, "--keep-others", "--discard-others"]);
    }
}

#[test]
fn a_counter_stays_beyond_rows_of_others_that_are_put_back() {
    for system in SERVERS {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute("CREATE TABLE a (name TEXT); INSERT INTO a VALUES ('x'), ('y')");
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let (counted, _) = counted_and_watched(system);
        end.execute(&[
            &format!("CREATE TABLE a ({counted}, name VARCHAR(20))"),
            "INSERT INTO a (name) VALUES ('old'), ('older')",
        ]);
        let plan = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"a\"\n\
             [table.columns]\nid = {{ skip = true }}\n",
            end.url()
        );
        desk.write("plan.toml", &plan);
        let told = desk.run_to(0, &["run", "plan.toml"]);
        let name = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
        end.execute(&["INSERT INTO a (name) VALUES ('of others')"]);
        let told = desk.run_to(0, &["restore", &name, "--yes", &name, "--keep-others"]);
        assert_eq!(told.values.last().unwrap()["restored"]["outcome"], "passed", "{system}: {told:#?}");
        end.execute(&["INSERT INTO a (name) VALUES ('later')"]);
        let ids: Vec<Option<String>> = end.table("a", &["id"]).into_iter().flatten().collect();
        let mut ids: Vec<u32> = ids.iter().flatten().map(|id| id.parse().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 5, 6], "{system}");
    }
}

#[test]
fn what_is_encrypted_is_told_apart_with_its_key_alone() {
    let Some(shop) = Shop::new("sqlite") else { return };
    shop.plan(&format!("[restore]\nrecipient = \"{PUBLIC}\""), "");
    shop.desk.write("key.txt", &format!("{SECRET}\n"));
    let name = shop.run(0, &[]);
    let before = shop.before();
    shop.end.execute(&["INSERT INTO log VALUES ('of others', 1)"]);
    let closed = shop.export(4, &name, "closed", &[]);
    assert!(table(&closed, "log")["told"].as_str().unwrap().contains("--identity FILE"), "{closed:#}");
    assert!(!shop.desk.path("closed/log.csv").exists());
    let open = shop.export(0, &name, "open", &["--identity", "key.txt"]);
    assert_eq!((&table(&open, "log")["rows"], shop.lines("open", "log")[1].as_str()), (&json!(1), "of others,1"));
    let restored = shop.restore(0, &name, &["--keep-others", "--identity", "key.txt"]);
    assert_eq!(restored["outcome"], "passed", "{restored:#}");
    let found = shop.before();
    assert!(found.len() < before.len() && found.contains(&vec![Some("of others".into()), Some("1".into())]));
}

#[test]
fn a_restore_that_keeps_rows_of_others_and_is_killed_is_gone_on_with() {
    let mut interrupted = 0;
    for system in SERVERS {
        let desk = Desk::new();
        let Some(end) = End::new(system, desk.folder()) else { continue };
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source
            .execute("CREATE TABLE a (id INTEGER PRIMARY KEY, name VARCHAR(20)); INSERT INTO a VALUES (30007, 'run')");
        let mut plan = format!("[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n", end.url());
        let tables = ["first", "second", "third"];
        for table in tables {
            let values: Vec<String> = (1..=20_000).map(|id| format!("({id}, '{table} {id}')")).collect();
            end.execute(&[&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, name VARCHAR(20))")]);
            for some in values.chunks(5_000) {
                end.execute(&[&format!("INSERT INTO {table} VALUES {}", some.join(", "))]);
            }
            plan.push_str(&format!("[[table]]\nfrom = \"a\"\nto = \"{table}\"\n"));
        }
        desk.write("plan.toml", &plan);
        let rows = || tables.map(|table| end.table(table, &["id", "name"]));
        let mut wanted = rows();
        let told = desk.run_to(0, &["run", "plan.toml"]);
        let name = told.events("restore-point-made")[0]["name"].as_str().unwrap().to_owned();
        for (table, wanted) in tables.iter().zip(&mut wanted) {
            end.execute(&[&format!("INSERT INTO {table} VALUES (50001, 'of others'), (50002, '{table} too')")]);
            wanted.push(vec![Some("50001".into()), Some("of others".into())]);
            wanted.push(vec![Some("50002".into()), Some(format!("{table} too"))]);
            wanted.sort_unstable();
        }
        let (all, mut done) = (rows(), false);
        let arguments = ["restore", name.as_str(), "--yes", name.as_str(), "--keep-others"];
        let ledger = SqliteFile::new(desk.path("home/.local/state/whimbrel/ledger.sqlite"));
        let how_far = || {
            let rows = ledger.rows("SELECT done FROM restores WHERE ended_ms IS NULL");
            rows.into_iter().flatten().flatten().collect::<String>()
        };
        for table in ["\"spared\"", "\"first\"", "\"second\""] {
            let mut child = desk.start(&arguments);
            while child.try_wait().unwrap().is_none() && !how_far().contains(table) {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            let _ = child.kill();
            let _ = child.wait();
            let listed = desk.run_to(0, &["restore"]).values[0]["restore_points"].clone();
            let this = listed.as_array().unwrap().iter().find(|point| point["name"] == name.as_str()).unwrap();
            interrupted += usize::from(this["state"] == "interrupted");
            done = !this["restored_ms"].is_null();
            if done {
                break;
            }
        }
        if done {
            assert!(rows() == wanted, "{system}");
            continue;
        }
        let told = desk.run_to(0, &arguments).values.last().unwrap()["restored"].clone();
        assert_eq!(told["outcome"], "passed", "{system}: {told:#}");
        assert!(rows() == wanted, "{system}");

        // The way back from the way back holds those rows too, and nobody wrote since.
        let before = told["before"].as_str().unwrap();
        let preview = desk.run_to(0, &["restore", before]).values[0]["preview"].clone();
        assert_eq!(preview["wants_discard"], json!([]), "{system}: {preview:#}");
        let back = desk.run_to(0, &["restore", before, "--yes", before]).values.last().unwrap().clone();
        assert_eq!(back["restored"]["outcome"], "passed", "{system}: {back:#}");
        assert!(rows() == all, "{system}");
    }
    assert!(interrupted > 0, "no restore was caught in its middle");
}

#[test]
fn a_plan_that_ran_twice_is_told_apart_from_what_others_wrote() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        let plan = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"log\"\n",
            shop.end.url()
        );
        shop.desk.write("plan.toml", &plan);
        let name = shop.run(0, &[]);
        shop.run(0, &[]);
        shop.end.execute(&["INSERT INTO log VALUES ('of others', 1), ('run 1', 2)"]);
        let exported = shop.export(0, &name, "out", &[]);
        let log = table(&exported, "log");
        assert_eq!((&log["rows"], &log["exact"], &log["told"]), (&json!(2), &json!(true), &Json::Null), "{exported:#}");
        assert_eq!(shop.lines("out", "log"), ["note,number", "of others,1", "run 1,2"], "{system}");
        // Another source for a second run leaves the first one's rows without theirs.
        shop.source.execute("DELETE FROM log WHERE number = 3");
        shop.run(0, &[]);
        let exported = shop.export(4, &name, "later", &[]);
        assert!(table(&exported, "log")["told"].as_str().unwrap().contains("any more"), "{system}: {exported:#}");
    }
}
