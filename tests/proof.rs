//! What stands before and after a run: checks that say more, repairs, reports.

use serde_json::Value as Json;

use crate::support::{binary::Desk, ends::End, servers::PostgresDatabase, sides::SqliteFile};

const SERVERS: [&str; 3] = ["postgres", "mysql", "sqlite"];

/// A shop of 300 people in SQLite, and a destination.
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
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, email TEXT, amount DECIMAL(10,2));
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO people SELECT i, 'name ' || i, 'person' || i || '@secret.example', i * 1.25 FROM n;
             CREATE TABLE log (note TEXT); INSERT INTO log VALUES ('a'), ('b');",
        );
        let end = End::new(system, desk.folder())?;
        let shop = Self { desk, source, end };
        shop.plan("", "");
        Some(shop)
    }

    fn plan(&self, table: &str, more: &str) {
        let text = format!(
            "[plan]\nname = \"Shop <b>\"\n[source]\nurl = \"{}\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"people\"\n{table}\n\
             [[table]]\nfrom = \"log\"\n{more}",
            self.source.url(),
            self.end.url()
        );
        self.desk.write("plan.toml", &text);
    }

    #[track_caller]
    fn checks(&self, code: i32) -> Vec<Json> {
        let told = self.desk.run_to(code, &["check", "plan.toml"]);
        told.values[0]["checks"].as_array().unwrap().clone()
    }
}

fn check<'c>(checks: &'c [Json], name: &str) -> &'c Json {
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no '{name}': {checks:#?}"))
}

#[test]
fn tests_of_a_mapping_are_tried_by_the_checks_and_a_wrong_one_fails_them() {
    let shop = Shop::new("sqlite").unwrap();
    let tests = "[[table.test]]\nname = \"trimmed\"\ngiven = { id = 1, name = \" Ada \", amount = 1.5 }\n\
                 expect = { name = \"Ada\", amount = \"1.50\" }\nnull = [\"email\"]\n\
                 [[table.test]]\ngiven = { id = 2, amount = -1 }\nfault = \"amount\"\n\
                 [[table.test]]\ngiven = { id = 3, name = \"gone\" }\nfiltered = true\n";
    let columns =
        "[table.columns]\nname = { expr = \"trim(name)\" }\namount = { from = \"amount\", check = \"amount >= 0\" }\n";
    shop.plan(&format!("where = \"name is null or name <> 'gone'\"\n{tests}{columns}"), "");
    let passed = shop.checks(0);
    assert_eq!(check(&passed, "Tests of the mapping")["details"][0], "3 passed");
    for (right, wrong, words) in [
        ("\"Ada\", amount", "\"ada\", amount", "name should be 'ada' and is 'Ada'"),
        ("amount = \"1.50\"", "amount = 2", "amount should be '2.00' and is '1.50'"),
        ("null = [\"email\"]", "null = [\"name\"]", "name should be 'NULL'"),
        ("amount = -1 }", "amount = 1 }", "should be a fault of amount, and is none"),
        ("name = \"gone\"", "name = \"here\"", "should leave the row behind"),
        ("given = { id = 1,", "given = { nobody = 1,", "has no column 'nobody'"),
        ("given = { id = 1,", "given = { id = \"one\",", "given id"),
    ] {
        let broken = tests.replacen(right, wrong, 1);
        assert_ne!(broken, tests, "{right}");
        shop.plan(&format!("where = \"name is null or name <> 'gone'\"\n{broken}{columns}"), "");
        let failed = shop.checks(5);
        let found = check(&failed, "Tests of the mapping");
        assert!(found["details"].to_string().contains(words) && found["state"] == "failed", "{words}: {found:#}");
        assert!(found["details"][0].as_str().unwrap().starts_with("line "), "{found:#}");
    }
}

#[test]
fn space_is_told_with_how_it_is_known() {
    for system in ["postgres", "mysql", "sqlite", "csv"] {
        let Some(shop) = Shop::new(system) else { continue };
        let checks = shop.checks(0);
        let space = check(&checks, "Destination has space");
        let details = space["details"].to_string();
        assert!(details.contains("are needed"), "{system}: {space:#}");
        let known = details.contains("are free, as the file system of ");
        assert_eq!(space["state"] == "passed", known, "{system}: what is unknown does not pass: {space:#}");
        assert!(known || details.contains("unknown"), "{system}: {space:#}");
        assert!(known || !["sqlite", "csv"].contains(&system), "{space:#}");
    }
}

#[test]
fn keys_that_are_there_already_are_counted_and_shown() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        shop.end.execute(&[
            "CREATE TABLE people (id integer PRIMARY KEY, name varchar(60), email varchar(60), amount decimal(10,2))",
            "INSERT INTO people VALUES (7, 'x', NULL, 1), (70, 'x', NULL, 1), (1000, 'x', NULL, 1)",
        ]);
        for (mode, words) in [("insert", "each will be a fault"), ("upsert", "takes the place")] {
            shop.plan(&format!("mode = \"{mode}\"\nkey = [\"id\"]"), "");
            let checks = shop.checks(0);
            let details = check(&checks, "No data conflicts")["details"].to_string();
            assert!(details.contains("2 of all rows of people") && details.contains(words), "{system}: {details}");
            assert!(details.contains("id = 7; id = 70"), "{system}: {details}");
        }
        shop.end.execute(&["DELETE FROM people WHERE id < 1000"]);
        let checks = shop.checks(0);
        let details = check(&checks, "No data conflicts")["details"].to_string();
        assert!(details.contains("none of all rows of people"), "{system}: {details}");
    }
}

#[test]
fn narrow_character_sets_of_mysql_are_pointed_out() {
    let Some(shop) = Shop::new("mysql") else { return };
    shop.end.execute(&[
        "CREATE TABLE people (id integer PRIMARY KEY, name varchar(60) CHARACTER SET latin1, email varchar(60), amount decimal(10,2))",
    ]);
    let checks = shop.checks(0);
    let settings = check(&checks, "Server settings");
    let details = settings["details"].to_string();
    assert!(details.contains("name (latin1)") && details.contains("CONVERT TO CHARACTER SET utf8mb4"), "{settings:#}");
    assert_eq!(settings["state"], "warned");
}

#[test]
fn a_connection_that_fails_says_at_which_step() {
    let desk = Desk::new();
    let source = SqliteFile::new(desk.path("shop.sqlite"));
    source.execute("CREATE TABLE people (id INTEGER PRIMARY KEY)");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut cases = vec![
        ("postgres://u@no-such-host.invalid/d".to_owned(), "✗ DNS"),
        (format!("postgres://u@127.0.0.1:{port}/d"), "✗ TCP"),
        (format!("mysql://u@127.0.0.1:{port}/d"), "✗ TCP"),
    ];
    if let Some(End::Postgres(database)) = End::new("postgres", desk.folder()) {
        cases.push((database.url() + "_of_nobody", "✗ database"));
    }
    if let Some(End::Mysql(database)) = End::new("mysql", desk.folder()) {
        cases.push((database.url() + "_of_nobody", "✗ database"));
        cases.push((database.url().replace("root@", "nobody-of-that-name@"), "✗ user and password"));
    }
    for (url, words) in cases {
        desk.write(
            "plan.toml",
            &format!(
                "[source]\nurl = \"{}\"\n[destination]\nurl = \"{url}\"\n[[table]]\nfrom = \"people\"\n",
                source.url()
            ),
        );
        let told = desk.run_to(5, &["check", "plan.toml"]);
        let checks = told.values[0]["checks"].as_array().unwrap().clone();
        let found = check(&checks, "Destination is accessible");
        assert!(found["details"].to_string().contains(words), "{url}: {found:#}");
    }
}

fn table_of(of: &Json, name: &str) -> Json {
    of["tables"].as_array().unwrap().iter().find(|table| table["to"] == name).unwrap().clone()
}

#[test]
fn a_repair_shows_first_then_changes_and_is_proven() {
    for system in SERVERS {
        let Some(shop) = Shop::new(system) else { continue };
        shop.desk.run_to(0, &["run", "plan.toml"]);
        shop.end.execute(&[
            "DELETE FROM people WHERE id IN (3, 257)",
            "UPDATE people SET name = 'Name 8', amount = 0 WHERE id = 8",
            "INSERT INTO people VALUES (900, 'surplus', NULL, 1)",
        ]);
        let told = shop.desk.run_to(4, &["validate", "plan.toml", "--repair"]);
        let repair = told.values[0]["repair"].clone();
        let table = table_of(&repair, "people");
        assert_eq!(
            (&repair["applied"], &table["missing"], &table["differing"], &table["surplus"], &table["written"]),
            (&false.into(), &2.into(), &1.into(), &1.into(), &0.into()),
            "{system}: {repair:#}"
        );
        let keys: Vec<&Json> = table["rows"].as_array().unwrap().iter().map(|row| &row["key"][0]["cell"]).collect();
        assert_eq!(keys, ["3", "8", "257", "900"], "{system}");
        assert_eq!(
            shop.end.rows("SELECT count(*) FROM people")[0][0].as_deref(),
            Some("299"),
            "nothing is changed yet"
        );

        let told = shop.desk.run_to(4, &["validate", "plan.toml", "--repair", "--yes"]);
        let table = table_of(&told.values[0]["repair"], "people");
        assert_eq!((&table["written"], &table["removed"]), (&3.into(), &0.into()), "{system}: {table:#}");
        let mended = shop.end.rows("SELECT count(*) FROM people WHERE id = 8 AND name = 'name 8'");
        assert_eq!(mended[0][0].as_deref(), Some("1"), "{system}");
        assert_eq!(
            shop.end.rows("SELECT count(*) FROM people WHERE id = 900")[0][0].as_deref(),
            Some("1"),
            "others' rows stay"
        );

        let told = shop.desk.run_to(0, &["validate", "plan.toml", "--repair", "--yes", "--delete-surplus"]);
        assert_eq!(table_of(&told.values[0]["repair"], "people")["removed"], 1, "{system}");
        assert_eq!(told.values[0]["validation"]["outcome"], "passed");
        shop.desk.run_to(0, &["validate", "plan.toml", "--repair"]);
        let trail = shop.desk.run_to(0, &["audit", "plan.toml"]).values[0]["entries"].as_array().unwrap().clone();
        let repaired: Vec<&Json> =
            trail.iter().filter(|entry| entry["action"] == "repaired").map(|entry| &entry["what"]).collect();
        assert_eq!(repaired, ["added", "changed", "added", "removed"], "{system}");
        assert_eq!(shop.desk.run_to(0, &["audit", "verify"]).values[0]["state"], "intact");
    }
}

#[test]
fn a_table_without_a_key_is_not_repaired_and_rows_that_were_settled_stay_settled() {
    let Some(shop) = Shop::new("sqlite") else { return };
    shop.plan("[table.columns]\namount = { from = \"amount\", check = \"amount <> 5\" }", "");
    let told = shop.desk.run_to(3, &["run", "plan.toml", "--on-error", "flag"]);
    let id = told.result()["run"].as_str().unwrap().to_owned();
    shop.end.execute(&["DELETE FROM log WHERE note = 'a'", "DELETE FROM people WHERE id = 9"]);
    let told = shop.desk.run_to(4, &["validate", "plan.toml", "--repair", "--yes"]);
    let tables = told.values[0]["repair"]["tables"].as_array().unwrap().clone();
    let of = |name: &str| tables.iter().find(|table| table["to"] == name).unwrap().clone();
    assert!(of("log")["refused"].as_str().unwrap().contains("no unique key"), "{tables:#?}");
    assert_eq!((&of("people")["written"], &of("people")["missing"]), (&1.into(), &1.into()));
    assert_eq!(shop.end.rows("SELECT count(*) FROM people WHERE id = 4")[0][0].as_deref(), Some("0"), "it was flagged");
    // One that was edited in review is put back as it was edited.
    shop.desk.run_to(0, &["review", &id, "--retry", "people:4", "--set", "amount=6"]);
    shop.end.execute(&["UPDATE people SET amount = 7 WHERE id = 4"]);
    shop.desk.run_to(4, &["validate", "plan.toml", "--tables", "people", "--repair"]);
    shop.desk.run_to(0, &["validate", "plan.toml", "--tables", "people", "--repair", "--yes"]);
    let amount = shop.end.rows("SELECT amount FROM people WHERE id = 4")[0][0].clone().unwrap();
    assert_eq!(amount.parse::<f64>().unwrap(), 6.0);
}

#[test]
fn a_report_holds_what_happened_and_no_private_value() {
    let shop = Shop::new("sqlite").unwrap();
    shop.plan(
        "[table.columns]\nemail = { expr = \"upper(email)\", private = true }\n\
         name = { from = \"name\", check = \"name not like '<%'\" }\n\
         amount = { from = \"amount\", check = \"amount <> 12.5\" }",
        "",
    );
    shop.source.execute("UPDATE people SET name = '<script>alert(1)</script>' WHERE id = 5");
    let told = shop.desk.run_to(3, &["run", "plan.toml", "--on-error", "flag"]);
    let id = told.result()["run"].as_str().unwrap().to_owned();
    shop.desk.run_to(0, &["review", &id, "--discard", "people:5", "--reason", "asked & agreed"]);
    shop.end.execute(&["UPDATE people SET email = 'other@secret.example' WHERE id = 9"]);
    shop.desk.run_to(4, &["validate", "plan.toml", "--seed", "3", "--sample", "300"]);

    let report = shop.desk.run_to(0, &["report", &id]).values[0]["report"].clone();
    assert_eq!((&report["counts"]["read"], &report["counts"]["written"]), (&302.into(), &300.into()));
    assert_eq!((&report["balanced"], &report["verdict"]), (&true.into(), &"failed".into()));
    assert_eq!(report["plan"]["private"], serde_json::json!(["people.email"]));
    assert_eq!(report["checks"]["items"][0]["name"], "Source is accessible");
    assert_eq!(report["trail"]["state"], "intact");
    let deviations = report["deviations"].as_array().unwrap();
    assert_eq!(deviations.len(), 2);
    assert_eq!(
        (&deviations[0]["state"], &deviations[0]["reason"], &deviations[0]["by"]),
        (&"discarded".into(), &"asked & agreed".into(), &"tester".into())
    );
    assert_eq!(table_of(&report["validation"], "people")["differing"], 1);
    let text = report.to_string().to_lowercase();
    assert!(!text.contains("@secret.example"), "a private value is in the object");

    let told = shop.desk.command(&["report", &id, "--out", "report.html"]).output().unwrap();
    assert!(told.status.success(), "{told:?}");
    let page = std::fs::read_to_string(shop.desk.path("report.html")).unwrap();
    assert!(!page.to_lowercase().contains("@secret.example"), "a private value is in the page");
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(1)"), "markup of a value");
    assert!(page.contains("<h1>Shop &lt;b&gt;</h1>") && page.contains("asked &amp; agreed"));
    assert!(page.contains("<svg") && page.contains("FAILED"));
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        let found = page.replace("http-equiv", "");
        assert!(!found.contains(outside), "{outside} leads elsewhere");
    }
    for claim in ["compliant", "compliance", "Part 11", "HIPAA"] {
        assert!(!page.contains(claim), "it claims {claim}");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(shop.desk.path("report.html")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(shop.desk.command(&["report", &id, "--out", "report.html"]).output().unwrap().status.code(), Some(2));
}

/// A large table does not wait for its count; what is told of it is an estimate, and what it comes to is exact.
#[test]
fn only_tables_that_are_not_large_are_counted_before_they_go() {
    let desk = Desk::new();
    let Some(source) = PostgresDatabase::create("counted") else { return };
    source.execute(
        "CREATE TABLE large AS SELECT i FROM generate_series(1, 700) i; CREATE TABLE small AS SELECT i FROM generate_series(1, 70) i;
         ANALYZE;
         UPDATE pg_class SET reltuples = 300000 WHERE relname = 'large';
         UPDATE pg_class SET reltuples = 200000 WHERE relname = 'small'",
    );
    let copy = format!("sqlite:{}", desk.path("copy.sqlite").display());
    desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", &copy]);
    let told = desk.run_to(0, &["run", "plan.toml"]);
    let started = told.events("started")[0]["tables"].as_array().unwrap().clone();
    let rows = |name: &str| &started.iter().find(|table| table["from"] == name).unwrap()["rows"];
    assert_eq!(rows("large"), &serde_json::json!({"estimate": 300_000}));
    assert_eq!(rows("small"), &serde_json::json!({"exact": 70}));
    assert_eq!(told.events("completed")[0]["counts"]["written"], 770);
    assert_eq!(told.events("validated")[0]["outcome"], "passed");
}
