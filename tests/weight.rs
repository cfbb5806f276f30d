//! One value of 300 MB through the binary: it arrives whole, and memory holds it only a few times.
//!
//! Measured: 4 times its size into PostgreSQL and SQLite, 5 times into MariaDB. Left out of the usual run, for it takes
//! gigabytes: `cargo test --test main weight -- --ignored --nocapture`.

use std::{fs, process::Child, thread, time::Duration};

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
fn weigh(source: &PostgresDatabase, destination: &str, name: &str) -> f64 {
    let desk = Desk::new();
    desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", destination]);
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
    let times = weigh(&source, &destination.url(), "PostgreSQL");
    assert_eq!(destination.rows(MD5)[0][0], Some(md5));
    assert!(times < 8.0, "{times}");
}

#[test]
#[ignore = "takes gigabytes"]
fn to_sqlite() {
    let Some((source, _)) = source() else { return };
    let folder = tempfile::tempdir().unwrap();
    let destination = SqliteFile::new(folder.path().join("big.sqlite"));
    let times = weigh(&source, &destination.url(), "SQLite");
    let found = destination.rows("SELECT length(v), hex(substr(v, 1, 5)), hex(substr(v, -5)) FROM big");
    let expected = [&(MB * 1_000_000).to_string(), "00FF5C0A27", "00FF5C0A27"].map(|text| Some(text.to_owned()));
    assert_eq!(found, [expected]);
    assert!(times < 8.0, "{times}");
}

#[test]
#[ignore = "takes gigabytes, and a server whose max_allowed_packet is more than that"]
fn to_mariadb() {
    let (Some((source, md5)), Some(destination)) = (source(), MysqlDatabase::create("weight")) else { return };
    let times = weigh(&source, &destination.url(), "MariaDB");
    assert_eq!(destination.rows(MD5)[0][0], Some(md5));
    assert!(times < 8.0, "{times}");
}
