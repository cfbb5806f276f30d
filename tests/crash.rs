//! `kill -9` at random moments, into every system, keyed and keyless, in every mode: the same rows as if nothing had
//! happened, and nothing but the bad rows called bad.
//!
//! `WHIMBREL_TEST_KILLS` says how often each system's run is killed.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::Child,
    thread::sleep,
    time::Duration,
};

use crate::support::{binary::Desk, ends::End, servers::PostgresDatabase, sides::SqliteFile};

const COLUMNS: [&str; 3] = ["id", "name", "amount"];
/// Rows whose number this divides are bad, and flagged.
const BAD: u64 = 499;
const CHUNK: u64 = 250;

type Rows = BTreeMap<u64, (String, String)>;

fn kills() -> u64 {
    std::env::var("WHIMBREL_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

/// Random numbers that are the same each time.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A keyed and a keyless table of as many rows each.
fn source(desk: &Desk, rows: u64) -> SqliteFile {
    let file = SqliteFile::new(desk.path("source.sqlite"));
    file.execute(&format!(
        "CREATE TABLE keyed (id INTEGER PRIMARY KEY, name TEXT, amount TEXT);
         CREATE TABLE keyless (id INTEGER, name TEXT, amount TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO keyed SELECT i, 'name ' || i, CASE WHEN i % {BAD} = 0 THEN 'bad' ELSE i * 7 END FROM n;
         INSERT INTO keyless SELECT * FROM keyed;"
    ));
    file
}

/// Tables of the destination, with where they come from, their mode, and whether they hold rows before.
const TABLES: [(&str, &str, &str, bool); 7] = [
    ("insert_keyed", "keyed", "insert", false),
    ("insert_keyless", "keyless", "insert", false),
    ("upsert_keyed", "keyed", "upsert", true),
    ("replace_keyed", "keyed", "replace", true),
    ("replace_keyless", "keyless", "replace", true),
    ("replace_parent", "keyed", "replace", true),
    // Its rows refer to those of the one before.
    ("replace_child", "keyed", "replace", true),
];

fn tables(end: &End) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str, bool)> {
    let files = matches!(end, End::Csv(_));
    TABLES.iter().filter(move |(_, _, mode, _)| !(files && *mode == "upsert"))
}

fn plan(end: &End) -> String {
    let mut text = format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[run]\non_error = \"flag\"\n\
         parallel = 3\nchunk_rows = {CHUNK}\n",
        end.url()
    );
    for (to, from, mode, _) in tables(end) {
        text.push_str(&format!(
            "[[table]]\nfrom = \"{from}\"\nto = \"{to}\"\nmode = \"{mode}\"\n[table.columns]\n\
             amount = {{ expr = \"CAST(amount AS BIGINT)\" }}\n"
        ));
    }
    text
}

/// What tables hold before: some rows as they will be, some of the same keys that differ, some of no key of the source.
fn before(rows: u64) -> Rows {
    let as_it_is =
        (1..rows / 10).filter(|id| id % BAD != 0).map(|id| (id, (format!("name {id}"), (id * 7).to_string())));
    let old = (rows / 10..rows / 5).map(|id| (id, ("old".to_owned(), "0".to_owned())));
    let beyond = (rows + 1..rows + 10).map(|id| (id, ("beyond".to_owned(), "1".to_owned())));
    as_it_is.chain(old).chain(beyond).collect()
}

fn after(mode: &str, rows: u64) -> Rows {
    let mut all = if mode == "upsert" { before(rows) } else { Rows::new() };
    let good = (1..=rows).filter(|id| id % BAD != 0);
    all.extend(good.map(|id| (id, (format!("name {id}"), (id * 7).to_string()))));
    all
}

fn fill(end: &End, rows: u64) {
    for (table, from, _, _) in tables(end).filter(|(_, _, _, filled)| *filled) {
        let rows = before(rows);
        if let End::Csv(folder) = end {
            let lines: String = rows.iter().map(|(id, (name, amount))| format!("{id},{name},{amount}\n")).collect();
            std::fs::write(folder.join(format!("{table}.csv")), format!("id,name,amount\n{lines}")).unwrap();
            continue;
        }
        let key = if *from == "keyed" { "PRIMARY KEY" } else { "" };
        let refers = match *table {
            "replace_child" => ", FOREIGN KEY (id) REFERENCES replace_parent (id) ON DELETE CASCADE",
            _ => "",
        };
        end.execute(&[&format!("CREATE TABLE {table} (id BIGINT {key}, name VARCHAR(40), amount BIGINT{refers})")]);
        let values: Vec<String> =
            rows.iter().map(|(id, (name, amount))| format!("({id}, '{name}', {amount})")).collect();
        for values in values.chunks(500) {
            end.execute(&[&format!("INSERT INTO {table} VALUES {}", values.join(", "))]);
        }
    }
}

/// Lets the run commit so many chunks, and a little more, and kills it. `false`: it came to its end before.
fn let_live(mut child: Child, chunks: u64, micros: u64) -> bool {
    let mut seen = 0;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while seen < chunks {
        let Some(Ok(line)) = lines.next() else {
            let code = child.wait().unwrap().code();
            assert_eq!(code, Some(3));
            return false;
        };
        seen += u64::from(line.contains("\"chunk-committed\""));
    }
    sleep(Duration::from_micros(micros));
    let ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    !ended
}

/// One migration, killed as often as there is something to kill, and resumed each time; returns how often.
fn scenario(system: &str, kills: u64, seeded: &mut Seeded) -> Option<u64> {
    let rows = (kills * 500).clamp(4_000, 40_000);
    let desk = Desk::new();
    let end = End::new(system, desk.folder())?;
    source(&desk, rows);
    fill(&end, rows);
    desk.write("plan.toml", &plan(&end));
    let (mut killed, mut over) = (0, false);
    while killed < kills && !over {
        let child = desk.start(&["run", "plan.toml", "--resume"]);
        // Some die before their first chunk, wherever they are.
        let (chunks, micros) = match seeded.below(5) {
            0 => (0, seeded.below(400_000)),
            most => (most, seeded.below(30_000)),
        };
        // One that had come to its end, and was killed on its way out, is not gone on with: it would begin anew.
        over = !let_live(child, chunks, micros) || is_completed(&desk);
        killed += u64::from(!over);
    }
    if !over {
        let told = desk.run_to(3, &["run", "plan.toml", "--resume"]);
        check_counts(&told.result()["counts"], &end, rows);
    }
    check_rows(&desk, &end, rows, &latest(&desk));
    Some(killed)
}

fn is_completed(desk: &Desk) -> bool {
    desk.run_to(0, &["review"]).values[0]["runs"][0]["phase"] == "completed"
}

fn latest(desk: &Desk) -> String {
    desk.run_to(0, &["review"]).values[0]["runs"][0]["run"].as_str().unwrap().to_owned()
}

fn check_counts(counts: &serde_json::Value, end: &End, rows: u64) {
    let (tables, bad) = (tables(end).count() as u64, rows / BAD);
    assert_eq!(counts["read"], tables * rows);
    assert_eq!(counts["written"], tables * (rows - bad));
    assert_eq!(counts["flagged"], tables * bad);
    assert_eq!(counts["skipped"], 0);
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all
}

/// All rows are there, once, as they should be; and what is called bad is bad.
fn check_rows(desk: &Desk, end: &End, rows: u64, run: &str) {
    for (table, _, mode, _) in tables(end) {
        let expected: Vec<Vec<Option<String>>> = after(mode, rows)
            .into_iter()
            .map(|(id, (name, amount))| vec![Some(id.to_string()), Some(name), Some(amount)])
            .collect();
        let expected = sorted(expected);
        let found = end.table(table, &COLUMNS);
        assert!(found == expected, "{table}: {} rows for {}", found.len(), expected.len());
    }
    let told = desk.run_to(0, &["review", run]);
    let flagged = told.values[0]["rows"].as_array().unwrap();
    assert_eq!(flagged.len() as u64, tables(end).count() as u64 * (rows / BAD), "no flagged row is lost or doubled");
    let other: Vec<_> = flagged.iter().filter(|row| row["fault"]["cause"] != "expression").collect();
    assert!(other.is_empty(), "{other:#?}");
}

fn killed_into(system: &str, seed: u64) {
    let mut seeded = Seeded(seed);
    let (mut done, kills) = (0, kills());
    while done < kills {
        let Some(killed) = scenario(system, (kills - done).min(80), &mut seeded) else { return };
        done += killed;
    }
}

#[test]
fn killed_into_postgres() {
    killed_into("postgres", 1);
}

#[test]
fn killed_into_mysql() {
    killed_into("mysql", 2);
}

#[test]
fn killed_into_sqlite() {
    killed_into("sqlite", 3);
}

#[test]
fn killed_into_files() {
    killed_into("csv", 4);
}

/// An account that may make no table: no marks, so that chunks are repeated by key, and a keyless table comes whole.
#[test]
fn killed_without_marks() {
    let rows = 8_000;
    let mut seeded = Seeded(5);
    let Some(database) = PostgresDatabase::create("unmarked") else { return };
    let role = format!("{}_role", database.name());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         CREATE TABLE insert_keyed (id bigint PRIMARY KEY, name text, amount bigint);
         CREATE TABLE insert_keyless (id bigint, name text, amount bigint);
         GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let desk = Desk::new();
    source(&desk, rows);
    let url = database.url().replace("postgres@", &format!("{role}@"));
    let end = End::Postgres(database);
    let text = plan(&end).replace(&end.url(), &url);
    let kept: Vec<&str> = text.split("[[table]]").take(3).collect();
    desk.write("plan.toml", &kept.join("[[table]]"));
    let mut killed = 0;
    while killed < kills() {
        let child = desk.start(&["run", "plan.toml", "--resume"]);
        let chunks = seeded.below(3);
        if !let_live(child, chunks, seeded.below(100_000)) || is_completed(&desk) {
            break;
        }
        killed += 1;
    }
    assert!(killed > 0);
    if killed == kills() {
        desk.run_to(3, &["run", "plan.toml", "--resume"]);
    }
    for table in ["insert_keyed", "insert_keyless"] {
        let ids = end.table(table, &["id"]);
        let found = sorted(ids.iter().map(|row| row[0].as_ref().unwrap().parse::<u64>().unwrap()).collect());
        let expected: Vec<u64> = after("insert", rows).into_keys().collect();
        assert!(found == expected, "{table}: {} rows for {}", found.len(), expected.len());
    }
    end.execute(&[&format!("DROP OWNED BY {role}"), &format!("DROP ROLE {role}")]);
}
