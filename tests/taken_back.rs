//! Random runs over random data in random modes, killed at random, taken back: everything is as it was.
//!
//! `WHIMBREL_TEST_RESTORES` says how often on each system.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
};

use crate::support::{
    binary::Desk,
    ends::{End, counted_and_watched},
    sides::SqliteFile,
};

fn restores() -> u64 {
    std::env::var("WHIMBREL_TEST_RESTORES").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

/// Random numbers that are the same each time.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

struct Shop {
    desk: Desk,
    source: SqliteFile,
    end: End,
    random: Seeded,
}

/// How many times each thing happened, so that a test of nothing is none.
type Tally = BTreeMap<&'static str, u64>;

impl Shop {
    fn new(system: &str) -> Option<Self> {
        let desk = Desk::new();
        let source = SqliteFile::new(desk.path("source.sqlite"));
        source.execute(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, amount DECIMAL(10,2));
             CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER);
             CREATE TABLE log (note TEXT, number INTEGER);
             CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT);",
        );
        let end = End::new(system, desk.folder())?;
        let shop = Self { desk, source, end, random: Seeded(7) };
        shop.furnish(system);
        Some(shop)
    }

    fn furnish(&self, system: &str) {
        let (counted, trigger) = counted_and_watched(system);
        self.end.execute(&[
            &format!("CREATE TABLE customers ({counted}, name VARCHAR(60), amount DECIMAL(10,2))"),
            "CREATE TABLE seen (id INTEGER)",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, \
             FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE)",
            "CREATE TABLE log (note VARCHAR(60), number INTEGER)",
            "CREATE INDEX log_by_number ON log (number)",
            "CREATE TABLE tags (id INTEGER PRIMARY KEY, tag VARCHAR(60) NOT NULL)",
            trigger,
        ]);
    }

    /// Other rows on both sides, and another plan.
    fn shuffle(&mut self) {
        let random = &mut self.random;
        let (old, new) = (1 + random.below(300), 50 + random.below(400));
        let first = 1 + random.below(old);
        self.end.execute(&["DELETE FROM orders", "DELETE FROM customers", "DELETE FROM log", "DELETE FROM tags"]);
        let all = |value: &mut dyn FnMut(u64) -> String| (1..=old).map(value).collect::<Vec<_>>().join(", ");
        let customers = all(&mut |i| format!("('old {i} {}', {}.25)", random.below(1_000), i));
        self.end.execute(&[&format!("INSERT INTO customers (name, amount) VALUES {customers}")]);
        if random.below(5) > 0 {
            let log = all(&mut |i| format!("('before {}', {})", i % 3, random.below(9)));
            self.end.execute(&[&format!("INSERT INTO log VALUES {log}")]);
            let tags = all(&mut |i| format!("({i}, 'before {}')", random.below(1_000)));
            self.end.execute(&[&format!("INSERT INTO tags VALUES {tags}")]);
            self.end.execute(&["INSERT INTO orders SELECT id, id FROM customers WHERE amount > 20"]);
        }
        let last = first + new;
        let seed = random.below(1_000);
        self.source.execute(&format!(
            "DELETE FROM customers; DELETE FROM orders; DELETE FROM log; DELETE FROM tags;
             WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})
             INSERT INTO customers SELECT i, 'new {seed} ' || i, i * 1.5 FROM n;
             INSERT INTO orders SELECT id, CASE WHEN id % 5 = 0 THEN NULL ELSE id END FROM customers;
             INSERT INTO log SELECT 'run ' || id, id FROM customers;
             INSERT INTO tags SELECT id, CASE WHEN id % 41 = 0 THEN NULL ELSE 'tag {seed}' END FROM customers;"
        ));
        self.plan();
    }

    fn plan(&mut self) {
        let random = &mut self.random;
        // Tables that are kept only as the run takes the place of their rows.
        let journalled = random.below(2) == 0;
        let mut text = format!(
            "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[run]\nchunk_rows = {}\nparallel = {}\n",
            self.end.url(),
            10 + random.below(60),
            1 + random.below(3)
        );
        // Of what others refer to only some modes can be.
        if journalled {
            text.push_str("[restore]\nmax_gb = 0\n");
        }
        for (table, modes) in [
            ("customers", &["insert", "upsert"][..]),
            ("orders", &["insert", "upsert", "replace"]),
            ("log", &["insert", "replace"]),
            ("tags", &["insert", "upsert", "replace"]),
        ] {
            if journalled && table == "log" {
                continue;
            }
            let modes = if journalled { &["insert", "upsert"][..] } else { modes };
            text.push_str(&format!("[[table]]\nfrom = \"{table}\"\nmode = \"{}\"\n", random.one(modes)));
        }
        if random.below(2) == 0 {
            text.push_str("[[table]]\nfrom = \"tags\"\nto = \"made\"\n");
        }
        self.desk.write("plan.toml", &text);
    }

    /// Rows, counters, references, triggers and definitions.
    fn state(&self) -> Vec<String> {
        let mut all = Vec::new();
        let tables = [
            ("customers", &["id", "name", "amount"][..]),
            ("orders", &["id", "customer"]),
            ("log", &["note", "number"]),
            ("tags", &["id", "tag"]),
        ];
        for (table, columns) in tables {
            all.extend(self.end.table(table, columns).iter().map(|row| format!("{table} {row:?}")));
        }
        let asked: &[&str] = match &self.end {
            End::Postgres(_) => &[
                "SELECT last_value::text, is_called::text FROM customers_id_seq",
                "SELECT table_name::text, column_name::text, data_type::text, column_default::text \
                 FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position",
                "SELECT conrelid::regclass::text, pg_get_constraintdef(oid), convalidated::text FROM pg_constraint \
                 WHERE conrelid > 16000 ORDER BY 1, 2",
                "SELECT indexdef::text FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
                "SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal",
            ],
            End::Mysql(_) => &[
                "SHOW CREATE TABLE customers",
                "SHOW CREATE TABLE orders",
                "SHOW CREATE TABLE log",
                "SHOW CREATE TABLE tags",
                "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
                "SHOW TABLES",
            ],
            _ => &[
                "SELECT name, seq FROM sqlite_sequence ORDER BY 1",
                "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY 1, 2",
                "PRAGMA foreign_key_check",
                "PRAGMA integrity_check",
            ],
        };
        all.extend(asked.iter().flat_map(|sql| self.end.rows(sql)).map(|row| format!("{row:?}")));
        all.retain(|line| !line.contains("whimbrel_marks"));
        all
    }

    /// Runs the plan and kills it when it told so many facts; the restore point that it made, if it came that far.
    fn run_and_kill(&self, facts: u64) -> (Option<String>, bool) {
        let mut child = self.desk.start(&["run", "plan.toml", "--on-error", "skip", "--no-validate"]);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut point, mut told) = (None, 0);
        for line in lines.map_while(Result::ok) {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            told += 1;
            if value["event"]["event"] == "restore-point-made" {
                point = value["event"]["name"].as_str().map(str::to_owned);
            }
            if point.is_some() && told >= facts {
                break;
            }
        }
        let killed = matches!(child.try_wait(), Ok(None));
        let _ = child.kill();
        let _ = child.wait();
        (point, killed)
    }

    fn once(&mut self, number: u64, tally: &mut Tally) {
        self.shuffle();
        let before = self.state();
        let facts = self.random.below(60);
        let plan = std::fs::read_to_string(self.desk.path("plan.toml")).unwrap();
        let (point, killed) = self.run_and_kill(facts);
        let point = point.unwrap_or_else(|| panic!("run {number} made no restore point:\n{plan}"));
        *tally.entry("killed").or_default() += u64::from(killed);
        *tally.entry("changed").or_default() += u64::from(self.state() != before);
        let arguments = ["restore", &point, "--yes", &point, "--discard-others"];
        let restored = self.desk.run_to(0, &arguments);
        let restored = &restored.values.last().unwrap()["restored"];
        assert_eq!(restored["outcome"], "passed", "run {number}: {restored:#}\n{plan}");
        let after = self.state();
        let gone = before.iter().find(|line| !after.contains(line));
        let new = after.iter().find(|line| !before.contains(line));
        assert!(before == after, "run {number} after {facts} facts: was {gone:?}, is {new:?}\n{plan}");
    }
}

#[expect(clippy::print_stdout, reason = "what the runs came to is told with --nocapture")]
fn taken_back(system: &str) {
    let Some(mut shop) = Shop::new(system) else { return };
    let (times, mut tally) = (restores(), Tally::new());
    for number in 1..=times {
        shop.once(number, &mut tally);
    }
    println!("{system}: {times} runs taken back, {tally:?}");
    assert!(tally["killed"] * 4 >= times, "{system}: few of {times} runs were killed in their middle: {tally:?}");
    assert!(tally["changed"] * 4 >= times, "{system}: few of {times} runs changed anything: {tally:?}");
}

#[test]
fn random_runs_into_postgres_are_taken_back_whole() {
    taken_back("postgres");
}

#[test]
fn random_runs_into_mysql_are_taken_back_whole() {
    taken_back("mysql");
}

#[test]
fn random_runs_into_sqlite_are_taken_back_whole() {
    taken_back("sqlite");
}
