//! The plan's own figures, asked of both sides: alike, apart, no single value, and never able to write.

use serde_json::Value as Json;

use crate::support::{binary::Desk, ends::End, sides::SqliteFile};

struct Shop {
    desk: Desk,
    source: SqliteFile,
    end: End,
}

impl Shop {
    fn new(system: &str, metrics: &str) -> Option<Self> {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("shop.sqlite"));
        source.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, amount DECIMAL(10,2), note TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
             INSERT INTO orders SELECT i, i * 1.25, 'n' || i FROM n;",
        );
        let end = End::new(system, desk.folder())?;
        let shop = Self { desk, source, end };
        shop.plan(metrics);
        Some(shop)
    }

    fn plan(&self, metrics: &str) {
        let text = format!(
            "[source]\nurl = \"{}\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"orders\"\n{metrics}",
            self.source.url(),
            self.end.url()
        );
        self.desk.write("plan.toml", &text);
    }

    #[track_caller]
    fn validate(&self, code: i32) -> Json {
        self.desk.run_to(code, &["validate", "plan.toml"]).values[0]["validation"].clone()
    }
}

fn metric(name: &str, query: &str, more: &str) -> String {
    format!("[[metric]]\nname = \"{name}\"\nquery = \"{query}\"\n{more}\n")
}

fn outcome<'v>(validation: &'v Json, name: &str) -> (&'v str, String) {
    let metrics = validation["metrics"].as_array().unwrap();
    let found = metrics.iter().find(|metric| metric["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no '{name}' in {validation:#}"));
    (found["outcome"].as_str().unwrap(), found.to_string())
}

#[test]
fn figures_are_asked_on_every_system_and_count_in_the_verdict() {
    for system in ["postgres", "mysql", "sqlite"] {
        let alike = metric("rows", "SELECT count(*) FROM orders;", "")
            + &metric("revenue", "SELECT round(sum(amount), 2) FROM orders -- all of it", "tolerance = 0.005")
            + &metric("none", "SELECT max(id) FROM orders WHERE id < 0", "")
            + "[[metric]]\nname = \"other\"\nsource = \"SELECT 1000\"\ndestination = \"SELECT 1004\"\ntolerance = \"0.5%\"\n";
        let Some(shop) = Shop::new(system, &alike) else { continue };
        let told = shop.desk.run_to(0, &["run", "plan.toml"]);
        assert_eq!(told.result()["validated"]["outcome"], "passed", "{system}: {told:#?}");
        let passed = shop.validate(0);
        for name in ["rows", "revenue", "none", "other"] {
            assert_eq!(outcome(&passed, name).0, "passed", "{system}: {passed:#}");
        }
        shop.plan(
            &("[[metric]]\nname = \"apart\"\nsource = \"SELECT 1000\"\ndestination = \"SELECT 1005.01\"\ntolerance = \"0.5%\"\n"
                .to_owned()
                + &metric("no row", "SELECT id FROM orders WHERE id < 0", "")
                + &metric("rows", "SELECT id FROM orders WHERE id < 3", "")
                + &metric("columns", "SELECT 1, 2", "")
                + &metric("unknown", "SELECT nothing FROM orders", "")),
        );
        let failed = shop.validate(4);
        assert_eq!(failed["outcome"], "failed", "{system}: a metric takes the verdict with it");
        let (apart, words) = outcome(&failed, "apart");
        assert!(apart == "failed" && words.contains("\"5.01\""), "{system}: {words}");
        for (name, words) in [
            ("no row", "gives no row"),
            ("rows", "more than one row"),
            ("columns", "more than one column"),
            ("unknown", "nothing"),
        ] {
            let (outcome, told) = outcome(&failed, name);
            assert!(outcome == "inconclusive" && told.contains(words), "{system}: {told}");
        }
        let some = shop.desk.run(&["validate", "plan.toml", "--tables", "orders"]).values[0]["validation"].clone();
        assert!(some["outcome"] == "passed" && some["remarks"].to_string().contains("left out"), "{system}: {some:#}");
    }
}

#[test]
fn no_query_of_a_plan_can_write() {
    for system in ["postgres", "mysql", "sqlite"] {
        let Some(shop) = Shop::new(system, "") else { continue };
        shop.desk.run_to(0, &["run", "plan.toml"]);
        for query in [
            "DELETE FROM orders",
            "SELECT 1; DELETE FROM orders",
            "SELECT 1) AS x; COMMIT; DELETE FROM orders; SELECT (1",
            "COMMIT",
            "WITH gone AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM gone",
            "UPDATE orders SET note = 'x'",
        ] {
            shop.plan(&metric("bad", query, ""));
            let found = shop.validate(4);
            assert_eq!(outcome(&found, "bad").0, "inconclusive", "{system}: {query}");
            let checks = shop.desk.run_to(5, &["check", "plan.toml"]).values[0].to_string();
            assert!(checks.contains("the metric 'bad' on the source"), "{system}: {query}");
        }
        shop.plan(&metric("rows", "SELECT count(*) FROM orders WHERE note <> 'x'", ""));
        let found = shop.validate(0);
        assert!(outcome(&found, "rows").1.contains("\"200\""), "{system}: nothing was written");
    }
}

#[test]
fn checks_try_the_queries_before_there_is_a_table_and_files_say_that_they_cannot() {
    let Some(shop) = Shop::new("sqlite", &metric("rows", "SELECT count(*) FROM orders", "")) else { return };
    let checks = shop.desk.run_to(0, &["check", "plan.toml"]).values[0].to_string();
    assert!(checks.contains("it is asked when the run is over"), "{checks}");
    shop.desk.run_to(0, &["run", "plan.toml"]);
    let told = shop.desk.run(&["check", "plan.toml"]).values[0].to_string();
    assert!(told.contains("1 can be asked on both sides"), "{told}");

    let Some(files) = Shop::new("csv", &metric("rows", "SELECT count(*) FROM orders", "")) else { return };
    let told = files.desk.run_to(5, &["check", "plan.toml"]).values[0].to_string();
    assert!(told.contains("CSV files cannot be asked by SQL"), "{told}");
}

#[test]
fn values_of_private_columns_are_in_no_metric_that_is_shown() {
    let metrics =
        metric("secret", "SELECT max(note) FROM orders", "") + &metric("rows", "SELECT count(*) FROM orders", "");
    let Some(shop) =
        Shop::new("sqlite", &format!("[table.columns]\nnote = {{ from = \"note\", private = true }}\n{metrics}"))
    else {
        return;
    };
    let run = shop.desk.run_to(0, &["run", "plan.toml"]).result()["run"].as_str().unwrap().to_owned();
    let found = shop.validate(0);
    assert!(
        outcome(&found, "secret").1.contains("(private)") && outcome(&found, "rows").1.contains("\"200\""),
        "{found:#}"
    );
    let page = shop.desk.command(&["report", &run, "--out", "-"]).output().unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.contains("<h3>Metrics</h3>") && !page.contains("n99"), "the greatest text is n99");
}
