//! One value of 300 MB through the binary: it arrives whole, and memory holds it about once.
//!
//! Left out of the usual run, for it takes gigabytes: `cargo test --test main weight -- --ignored --nocapture`. What is
//! not left out are values that are long enough to go in pieces, and a look at what one of 48 MB adds.

use std::{fs, io, path::Path, process::Child, thread, time::Duration};

use crate::support::{
    binary::Desk,
    servers::{MysqlDatabase, PostgresDatabase},
    sides::SqliteFile,
};

const MB: u64 = 300;
const MD5: &str = "SELECT md5(v) FROM big";

/// A source with the one value, and its MD5.
fn source() -> Option<(PostgresDatabase, String)> {
    let source = PostgresDatabase::create("weight")?;
    source.execute(&format!(
        "CREATE TABLE big (id int PRIMARY KEY, v bytea);
         ALTER TABLE big ALTER v SET STORAGE EXTERNAL;
         INSERT INTO big VALUES (1, decode(repeat('00ff5c0a27', {}), 'hex'))",
        MB * 1_000_000 / 5
    ));
    let md5 = source.rows(MD5)[0][0].clone()?;
    Some((source, md5))
}

/// The most memory that the process ever held, in MB.
fn peak(child: &mut Child) -> u64 {
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        most = most.max(kilobytes.unwrap_or(0) / 1024);
        thread::sleep(Duration::from_millis(20));
    }
    most
}

/// Moves what is there; the most memory that it took, in MB.
fn move_all(source: &str, destination: &str) -> u64 {
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", source, "--destination", destination]);
    let mut child = desk.start(&["run", "plan.toml", "--on-error", "stop"]);
    // Whoever tells of a long value waits until somebody listens.
    let mut told = child.stdout.take().unwrap();
    let listener = thread::spawn(move || io::read_to_string(&mut told).unwrap());
    let most = peak(&mut child);
    let told = listener.join().unwrap();
    assert!(child.wait().unwrap().success(), "{told}");
    most
}

/// Moves it and says how many times its size memory held at most.
#[expect(clippy::print_stdout, reason = "the figure is what the test is for")]
fn weigh(source: &str, destination: &str, name: &str) -> f64 {
    let most = move_all(source, destination);
    let times = most as f64 / MB as f64;
    println!("{MB} MB to {name}: {most} MB at most, {times:.1} times");
    times
}

#[test]
#[ignore = "takes gigabytes"]
fn to_postgres() {
    let (Some((source, md5)), Some(destination)) = (source(), PostgresDatabase::create("weight")) else { return };
    let times = weigh(&source.url(), &destination.url(), "PostgreSQL");
    assert_eq!(destination.rows(MD5)[0][0], Some(md5));
    assert!(times < 1.5, "{times}");
}

#[test]
#[ignore = "takes gigabytes"]
fn to_sqlite() {
    let Some((source, _)) = source() else { return };
    let folder = tempfile::tempdir().unwrap();
    let destination = SqliteFile::new(folder.path().join("big.sqlite"));
    let times = weigh(&source.url(), &destination.url(), "SQLite");
    let found = destination.rows("SELECT length(v), hex(substr(v, 1, 5)), hex(substr(v, -5)) FROM big");
    let expected = [&(MB * 1_000_000).to_string(), "00FF5C0A27", "00FF5C0A27"].map(|text| Some(text.to_owned()));
    assert_eq!(found, [expected]);
    assert!(times < 1.5, "{times}");
}

#[test]
#[ignore = "takes gigabytes, and a server whose max_allowed_packet is more than that"]
fn to_mariadb() {
    let (Some((source, md5)), Some(destination)) = (source(), MysqlDatabase::create("weight")) else { return };
    let times = weigh(&source.url(), &destination.url(), "MariaDB");
    assert_eq!(destination.rows(MD5)[0][0], Some(md5));
    assert!(times < 1.5, "{times}");
}

/// A file with the one value.
fn file(folder: &Path) -> SqliteFile {
    let file = SqliteFile::new(folder.join("source.sqlite"));
    let bytes = MB * 1_000_000;
    file.execute(&format!(
        "CREATE TABLE big (id INTEGER PRIMARY KEY, v BLOB); INSERT INTO big VALUES (1, randomblob({bytes}))"
    ));
    file
}

const ENDS: &str = "SELECT length(v), hex(substr(v, 1, 9)), hex(substr(v, 150000000, 9)), hex(substr(v, -9)) FROM big";

#[test]
#[ignore = "takes gigabytes"]
fn from_file_to_file() {
    let folder = tempfile::tempdir().unwrap();
    let (source, destination) = (file(folder.path()), SqliteFile::new(folder.path().join("big.sqlite")));
    let times = weigh(&source.url(), &destination.url(), "SQLite from SQLite");
    assert_eq!(destination.rows(ENDS), source.rows(ENDS));
    // Between two files bytes travel as text that says so, which is a third longer.
    assert!(times < 1.8, "{times}");
}

#[test]
#[ignore = "takes gigabytes, and a server whose max_allowed_packet is more than that"]
fn from_file_to_mariadb_and_back() {
    let Some(server) = MysqlDatabase::create("weight") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (source, back) = (file(folder.path()), SqliteFile::new(folder.path().join("back.sqlite")));
    let times = weigh(&source.url(), &server.url(), "MariaDB from SQLite");
    assert_eq!(server.rows(ENDS), source.rows(ENDS));
    assert!(times < 1.6, "{times}");
    let times = weigh(&server.url(), &back.url(), "SQLite from MariaDB");
    assert_eq!(back.rows(ENDS), source.rows(ENDS));
    assert!(times < 1.7, "{times}");
}

#[test]
#[ignore = "takes gigabytes"]
fn to_a_csv_file_and_back() {
    let (Some((source, md5)), Some(back)) = (source(), PostgresDatabase::create("weight")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let url = format!("csv:{}", folder.path().display());
    let times = weigh(&source.url(), &url, "CSV");
    // Bytes are two digits each there, and validation reads them back.
    assert!(times < 2.6, "{times}");
    back.execute("CREATE TABLE big (id int PRIMARY KEY, v bytea)");
    let desk = Desk::new();
    let sides =
        format!("[source]\nurl = \"{url}\"\n[destination]\nurl = \"{}\"\n[[table]]\nfrom = \"big\"\n", back.url());
    desk.write("back.toml", &sides);
    desk.run_to(0, &["run", "back.toml"]);
    assert_eq!(back.rows(MD5)[0][0], Some(md5));
}

/// What a value of so many MB adds to the memory of a run; the same table with a small one is what it is added to.
const LONG_MB: u64 = 48;

fn assert_held_about_once(small: u64, large: u64, most: f64) {
    let times = large.saturating_sub(small) as f64 / LONG_MB as f64;
    assert!(times < most, "{small} MB without it, {large} MB with it: {times:.1} times");
}

#[test]
fn a_long_value_between_servers_is_held_about_once() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("once"), PostgresDatabase::create("once")) else {
        return;
    };
    source.execute("CREATE TABLE big (id int PRIMARY KEY, v bytea); INSERT INTO big VALUES (1, '\\x00ff')");
    let small = move_all(&source.url(), &destination.url());
    destination.execute("DROP TABLE big");
    let bytes = LONG_MB * 1_000_000 / 5;
    source.execute(&format!("UPDATE big SET v = decode(repeat('00ff5c0a27', {bytes}), 'hex')"));
    let large = move_all(&source.url(), &destination.url());
    assert_eq!(destination.rows(MD5), source.rows(MD5));
    assert_held_about_once(small, large, 1.7);
}

#[test]
fn a_long_value_between_files_is_held_about_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| SqliteFile::new(folder.path().join(name));
    let source = file("source.sqlite");
    source.execute("CREATE TABLE big (id INTEGER PRIMARY KEY, v BLOB); INSERT INTO big VALUES (1, x'00ff')");
    let small = move_all(&source.url(), &file("small.sqlite").url());
    source.execute(&format!("UPDATE big SET v = randomblob({LONG_MB}000000)"));
    let large = move_all(&source.url(), &file("large.sqlite").url());
    assert!(file("large.sqlite").values("SELECT * FROM big") == source.values("SELECT * FROM big"));
    assert_held_about_once(small, large, 2.1);
}

/// Long values beside short ones, several in a row, in a table without a key and in one of two columns and partitions.
#[test]
fn long_values_leave_postgres_whole() {
    let (Some(source), Some(destination)) = (PostgresDatabase::create("pieces"), PostgresDatabase::create("pieces"))
    else {
        return;
    };
    source.execute(
        "CREATE TABLE keyed (a int, b text, v bytea, t text, n numeric, PRIMARY KEY (a, b)) PARTITION BY RANGE (a);
         CREATE TABLE keyed_low PARTITION OF keyed FOR VALUES FROM (0) TO (5);
         CREATE TABLE keyed_high PARTITION OF keyed FOR VALUES FROM (5) TO (100);
         INSERT INTO keyed SELECT i, 'it''s ' || i, CASE WHEN i IN (3, 4, 9) THEN decode(repeat('00ff5c', 3000000 + i), 'hex') END,
             CASE WHEN i IN (4, 7) THEN repeat('é\\x\n,', 2100000 + i) ELSE 'short' END, i / 3.0 FROM generate_series(1, 9) i;
         CREATE TABLE keyless (v bytea, c char(3));
         INSERT INTO keyless VALUES ('\\x01', 'a'), (decode(repeat('ab', 9000001), 'hex'), 'b'), (NULL, NULL), ('\\x02', 'c')",
    );
    move_all(&source.url(), &destination.url());
    for table in ["keyed", "keyless"] {
        let all = format!("SELECT md5(t::text) FROM {table} t ORDER BY 1");
        assert_eq!(destination.rows(&all), source.rows(&all), "{table}");
    }
}

/// Whatever a column of SQLite declares, a long value of any kind may lie in it.
#[test]
fn long_values_of_any_kind_go_from_file_to_file() {
    let folder = tempfile::tempdir().unwrap();
    let source = SqliteFile::new(folder.path().join("source.sqlite"));
    source.execute(
        "CREATE TABLE kinds (id INTEGER PRIMARY KEY, b BLOB, t TEXT, n INTEGER, u);
         INSERT INTO kinds VALUES (1, x'01', 'a', 1, 2.5), (2, randomblob(9000000), hex(randomblob(4500000)), 2, NULL),
             (3, hex(randomblob(4500000)), randomblob(9000000), hex(randomblob(4500000)), randomblob(9000001)),
             (4, zeroblob(8388608), '=' || hex(randomblob(4500000)), randomblob(9000000), 'it''s ' || hex(randomblob(4500000))),
             (5, NULL, NULL, NULL, NULL);
         CREATE TABLE computed (id INTEGER PRIMARY KEY, b BLOB, n AS (length(b)));
         INSERT INTO computed VALUES (1, randomblob(9000000)), (2, x'00');
         CREATE TABLE rowless (id TEXT PRIMARY KEY, b BLOB) WITHOUT ROWID;
         INSERT INTO rowless VALUES (1, randomblob(9000000)), (2, x'00')",
    );
    let destination = SqliteFile::new(folder.path().join("destination.sqlite"));
    move_all(&source.url(), &destination.url());
    for all in
        ["SELECT * FROM kinds ORDER BY id", "SELECT * FROM computed ORDER BY id", "SELECT * FROM rowless ORDER BY id"]
    {
        assert!(destination.values(all) == source.values(all), "{all}");
    }
}

/// Long records of a file, quoted and not, and what is written of them.
#[test]
fn long_values_go_through_csv_files() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("in")).unwrap();
    let plain = "x".repeat(9 << 20);
    let quoted = "é,\"\"\n\\".repeat(700_000);
    desk.write("in/big.csv", &format!("id,t,u\n1,a,\n2,{plain},\"{quoted}\"\n3,\"{quoted}\",b\n4,,\"\"\n"));
    desk.run_to(0, &["new", "out.toml", "--source", "csv:in", "--destination", "csv:out"]);
    desk.run_to(0, &["run", "out.toml"]);
    assert!(std::fs::read(desk.path("in/big.csv")).unwrap() == std::fs::read(desk.path("out/big.csv")).unwrap());

    let file = SqliteFile::new(desk.path("bytes.sqlite"));
    file.execute("CREATE TABLE b (id INTEGER PRIMARY KEY, v BLOB); INSERT INTO b VALUES (1, randomblob(9000000)), (2, NULL), (3, x'')");
    desk.run_to(0, &["new", "bytes.toml", "--source", "sqlite:bytes.sqlite", "--destination", "csv:out"]);
    desk.run_to(0, &["run", "bytes.toml"]);
    let lines = std::fs::read_to_string(desk.path("out/b.csv")).unwrap();
    let all = file.rows("SELECT '\\x' || lower(hex(v)) FROM b ORDER BY id");
    let expected = format!("id,v\n1,{}\n2,\n3,\\x\n", all[0][0].as_ref().unwrap());
    assert!(lines == expected, "{} bytes, not {}", lines.len(), expected.len());
}

/// A value over 8 MB goes into MariaDB in pieces, and into SQLite behind its row.
#[test]
fn long_values_arrive_whole() {
    let Some(server) = MysqlDatabase::create("long") else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = SqliteFile::new(folder.path().join("source.sqlite"));
    source.execute(
        "CREATE TABLE big (id INTEGER PRIMARY KEY, v BLOB, t TEXT, n INTEGER);
         INSERT INTO big VALUES (1, randomblob(9500000), 'short', 7), (2, x'00', 'x' || replace(hex(randomblob(4000000)), '7', 'é'), 8),
                                (3, NULL, NULL, 9)",
    );
    let all = "SELECT * FROM big ORDER BY id";
    let expected = source.values(all);
    let desk = Desk::new();
    let draft = |from: &str, to: &str| {
        desk.run_to(0, &["new", "plan.toml", "--force", "--source", from, "--destination", to]);
    };
    draft(&source.url(), &server.url());
    desk.run_to(0, &["run", "plan.toml"]);
    assert_eq!(
        server.count("SELECT count(*) FROM big WHERE length(v) = 9500000 OR char_length(t) = 8000001 OR n = 9"),
        3
    );
    let back = |name: &str, made: &str| {
        let file = SqliteFile::new(folder.path().join(name));
        file.execute(made);
        draft(&server.url(), &file.url());
        desk.run_to(0, &["run", "plan.toml"]);
        assert!(file.values(all) == expected, "{name}");
    };
    back("made.sqlite", "");
    // Whoever looks at the row when it comes sees the value.
    back(
        "checked.sqlite",
        "CREATE TABLE big (id INTEGER PRIMARY KEY, v BLOB CHECK (v <> zeroblob(length(v)) OR length(v) = 1), t TEXT, n INTEGER)",
    );
    back("triggered.sqlite", "CREATE TABLE big (id INTEGER PRIMARY KEY, v BLOB, t TEXT, n INTEGER);
         CREATE TRIGGER seen AFTER INSERT ON big WHEN new.v = zeroblob(9500000) BEGIN SELECT raise(ABORT, 'zeros'); END");
    back("indexed.sqlite", "CREATE TABLE big (id INTEGER PRIMARY KEY, v BLOB UNIQUE, t TEXT, n INTEGER)");

    let upsert = |from: &str, to: &str| {
        let sides = format!(
            "[source]\nurl = \"{from}\"\n[destination]\nurl = \"{to}\"\n[[table]]\nfrom = \"big\"\nmode = \"upsert\"\n"
        );
        desk.write("upsert.toml", &sides);
        desk.run_to(0, &["run", "upsert.toml"]).result()["counts"]["unchanged"].as_u64().unwrap()
    };
    assert_eq!(upsert(&source.url(), &server.url()), 3);
    source.execute("UPDATE big SET v = randomblob(9500000) WHERE id = 1");
    assert_eq!(upsert(&source.url(), &server.url()), 2);
    let file = SqliteFile::new(folder.path().join("made.sqlite"));
    assert_eq!(upsert(&server.url(), &file.url()), 2);
    assert!(file.values(all) == source.values(all));
}
