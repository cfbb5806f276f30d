//! One value of 300 MB through the binary: it arrives whole, and memory holds it only a few times.
//!
//! Left out of the usual run, for it takes gigabytes: `cargo test --test main weight -- --ignored --nocapture`. What is
//! not left out are values that are long enough to go in pieces.

use std::{fs, path::Path, process::Child, thread, time::Duration};

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

/// Moves it and says how many times its size memory held at most.
#[expect(clippy::print_stdout, reason = "the figure is what the test is for")]
fn weigh(source: &str, destination: &str, name: &str) -> f64 {
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", source, "--destination", destination]);
    let mut child = desk.start(&["run", "plan.toml", "--on-error", "stop"]);
    let most = peak(&mut child);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
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
    assert!(times < 3.0, "{times}");
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
    assert!(times < 3.0, "{times}");
}

#[test]
#[ignore = "takes gigabytes, and a server whose max_allowed_packet is more than that"]
fn to_mariadb() {
    let (Some((source, md5)), Some(destination)) = (source(), MysqlDatabase::create("weight")) else { return };
    let times = weigh(&source.url(), &destination.url(), "MariaDB");
    assert_eq!(destination.rows(MD5)[0][0], Some(md5));
    assert!(times < 3.0, "{times}");
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
    // Between two files bytes travel as text that says so, which is twice as long.
    assert!(times < 4.0, "{times}");
}

#[test]
#[ignore = "takes gigabytes, and a server whose max_allowed_packet is more than that"]
fn from_file_to_mariadb_and_back() {
    let Some(server) = MysqlDatabase::create("weight") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (source, back) = (file(folder.path()), SqliteFile::new(folder.path().join("back.sqlite")));
    let times = weigh(&source.url(), &server.url(), "MariaDB from SQLite");
    assert_eq!(server.rows(ENDS), source.rows(ENDS));
    assert!(times < 2.5, "{times}");
    let times = weigh(&server.url(), &back.url(), "SQLite from MariaDB");
    assert_eq!(back.rows(ENDS), source.rows(ENDS));
    assert!(times < 2.8, "{times}");
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
