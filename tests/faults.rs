//! What goes wrong beside the rows: servers that restart, connections that are cut, locks, full disks. All of it is tried
//! again or held, and none of it is ever called the fault of a row.

use std::{
    io::{BufRead as _, BufReader},
    net::ToSocketAddrs as _,
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::sleep,
    time::Duration,
};

use serde_json::Value;

use crate::support::{
    binary::{Desk, told},
    own::{OwnMysql, OwnPostgres, SmallDisk},
    proxy::{State, forgetful},
    servers::{MysqlDatabase, PostgresDatabase, run_on_mysql, run_on_postgres},
    sides::SqliteFile,
};

const ROWS: u64 = 20_000;

fn source(desk: &Desk, width: usize) {
    let file = SqliteFile::new(desk.path("source.sqlite"));
    file.execute(&format!(
        "CREATE TABLE keyed (id INTEGER PRIMARY KEY, name TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO keyed SELECT i, 'name ' || i || hex(zeroblob({width})) FROM n;
         CREATE TABLE keyless AS SELECT * FROM keyed;"
    ));
}

/// Both tables, in this mode where it takes a key.
fn plan(desk: &Desk, url: &str, mode: &str, run: &str) {
    let text = format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{url}\"\n[run]\non_error = \"flag\"\n\
         chunk_rows = 500\n{run}\n[[table]]\nfrom = \"keyed\"\nmode = \"{mode}\"\n[[table]]\nfrom = \"keyless\"\n"
    );
    desk.write("plan.toml", &text);
}

/// A run whose facts are read as they come.
struct Run {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    seen: Vec<Value>,
}

impl Run {
    fn start(desk: &Desk) -> Self {
        Self::of(desk.start(&["run", "plan.toml", "--resume"]))
    }

    fn of(mut child: Child) -> Self {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, seen: Vec::new() }
    }

    fn next(&mut self) -> Option<&Value> {
        let value = serde_json::from_str(&self.lines.next()?.unwrap()).unwrap();
        self.seen.push(value);
        self.seen.last()
    }

    /// Reads until so many chunks more are committed; `false` where the run ended before.
    fn chunks(&mut self, chunks: u32) -> bool {
        let mut left = chunks;
        while left > 0 {
            let Some(value) = self.next() else { return false };
            left -= u32::from(value["event"]["event"] == "chunk-committed");
        }
        true
    }

    fn end(mut self) -> (ExitStatus, Vec<Value>) {
        while self.next().is_some() {}
        (self.child.wait().unwrap(), self.seen)
    }
}

fn result(seen: &[Value]) -> &Value {
    seen.iter().rev().find_map(|value| value.get("result")).unwrap_or_else(|| panic!("{seen:#?}"))
}

fn remarks(seen: &[Value]) -> String {
    let events = seen.iter().map(|value| &value["event"]);
    let words = events.filter_map(|event| event["message"].as_str());
    words.collect::<Vec<_>>().join("\n")
}

/// The run ended well, with every row written once and none called bad.
#[track_caller]
fn all_came(status: ExitStatus, seen: &[Value], count: impl Fn(&str) -> u64) {
    let faults: Vec<&Value> = seen.iter().filter(|value| value["event"]["fault"].is_object()).take(2).collect();
    assert_eq!(status.code(), Some(0), "{}\n{faults:?}\n{:?}", remarks(seen), seen.last());
    let counts = &result(seen)["counts"];
    assert_eq!((&counts["read"], &counts["written"]), (&(2 * ROWS).into(), &(2 * ROWS).into()), "{counts}");
    for table in ["keyed", "keyless"] {
        assert_eq!(count(&format!("SELECT count(*) FROM {table}")), ROWS, "{table}");
        assert_eq!(count(&format!("SELECT count(DISTINCT id) FROM {table}")), ROWS, "{table}");
    }
}

#[test]
fn postgres_restarts_in_the_middle() {
    let Some(server) = OwnPostgres::start() else { return };
    for (mode, how) in [("insert", "immediate"), ("upsert", "fast"), ("replace", "immediate")] {
        let desk = Desk::new();
        source(&desk, 0);
        run_on_postgres(&server.url(), "DROP TABLE IF EXISTS keyed, keyless");
        plan(&desk, &server.url(), mode, "");
        let mut run = Run::start(&desk);
        assert!(run.chunks(7));
        server.down(how);
        sleep(Duration::from_millis(300));
        server.up();
        let (status, seen) = run.end();
        all_came(status, &seen, |sql| run_on_postgres(&server.url(), sql).unwrap());
        assert!(remarks(&seen).contains("trying again in"), "{}", remarks(&seen));
    }
}

#[test]
fn mariadb_restarts_in_the_middle() {
    let Some(mut server) = OwnMysql::start() else { return };
    for mode in ["insert", "upsert", "replace"] {
        let desk = Desk::new();
        source(&desk, 0);
        run_on_mysql(&server.url("mysql"), "CREATE OR REPLACE DATABASE whimbrel CHARACTER SET utf8mb4");
        let url = server.url("whimbrel");
        plan(&desk, &url, mode, "");
        let mut run = Run::start(&desk);
        assert!(run.chunks(7));
        server.down();
        sleep(Duration::from_millis(300));
        server.up();
        let (status, seen) = run.end();
        all_came(status, &seen, |sql| run_on_mysql(&url, sql).unwrap());
        assert!(remarks(&seen).contains("trying again in"), "{}", remarks(&seen));
    }
}

#[test]
fn connections_are_cut_again_and_again() {
    for mode in ["insert", "upsert"] {
        if let Some(database) = PostgresDatabase::create("cut") {
            let desk = Desk::new();
            source(&desk, 0);
            plan(&desk, &database.url(), mode, "");
            let mut run = Run::start(&desk);
            while run.chunks(20) {
                database.execute(&format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' \
                     AND application_name = 'whimbrel'",
                    database.name()
                ));
            }
            let (status, seen) = run.end();
            all_came(status, &seen, |sql| database.count(sql));
            assert!(remarks(&seen).contains("trying again in"), "{}", remarks(&seen));
        }
        if let Some(database) = MysqlDatabase::create("cut") {
            let desk = Desk::new();
            source(&desk, 0);
            plan(&desk, &database.url(), mode, "");
            let mut run = Run::start(&desk);
            while run.chunks(20) {
                database.end_other_sessions().unwrap();
            }
            let (status, seen) = run.end();
            all_came(status, &seen, |sql| database.count(sql));
            assert!(remarks(&seen).contains("trying again in"), "{}", remarks(&seen));
        }
    }
}

/// The database's address through a proxy that swallows the answers to so many commits of the table `keyed`.
fn way(database: &PostgresDatabase, commits: usize) -> (String, Arc<State>) {
    let mut url = url::Url::parse(&database.url()).unwrap();
    let host = url.host_str().unwrap_or("127.0.0.1").to_owned();
    let server = (host, url.port().unwrap_or(5432)).to_socket_addrs().unwrap().next().unwrap();
    let (port, state) = forgetful(server, "keyed", commits);
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    (format!("{url}?sslmode=disable"), state)
}

/// The same for a flagged row that is tried again: the second try finds it written.
#[test]
fn a_retry_whose_answer_is_lost_is_asked_after_by_the_next_one() {
    let Some(database) = PostgresDatabase::create("unsure_row") else { return };
    let (url, state) = way(&database, 0);
    let desk = Desk::new();
    source(&desk, 0);
    SqliteFile::new(desk.path("source.sqlite")).execute("UPDATE keyed SET name = 'bad' WHERE id = 7");
    database.execute("CREATE TABLE keyed (id bigint PRIMARY KEY, name text CHECK (name <> 'bad'))");
    plan(&desk, &url, "insert", "");
    let run = desk.run_to(3, &["run", "plan.toml"]).result()["run"].as_str().unwrap().to_owned();
    let retry = ["review", &run, "--retry", "keyed:7", "--set", "name=good"];
    state.swallow(1);
    assert_ne!(desk.run(&retry).code, Some(0));
    assert_eq!(database.count("SELECT count(*) FROM keyed WHERE name = 'good'"), 1);
    sleep(Duration::from_secs(2));
    let told = desk.run_to(0, &retry);
    assert_eq!(told.values.last().unwrap()["flagged"], 0, "{told:?}");
    assert_eq!(database.count("SELECT count(*) FROM keyed"), ROWS);
}

/// The server commits a chunk, its word of that is lost, and so is the server for a while: whether the chunk stands can be
/// asked only later, and until then nothing of it may be written again.
#[test]
fn a_commit_whose_answer_is_lost_is_asked_after_when_the_server_is_back() {
    for mode in ["insert", "upsert"] {
        let Some(database) = PostgresDatabase::create("unsure") else { return };
        let (way, _) = way(&database, 3);
        let desk = Desk::new();
        source(&desk, 0);
        // Its key is there from the start, so that rows that come twice would be called faults.
        database.execute("CREATE TABLE keyed (id bigint PRIMARY KEY, name text)");
        plan(&desk, &way, mode, "");
        let (status, seen) = Run::start(&desk).end();
        all_came(status, &seen, |sql| database.count(sql));
        assert!(remarks(&seen).contains("trying again in"), "{}", remarks(&seen));
    }
}

/// A lock is waited for, then tried again; where it stays, the run stops and says so. No row is blamed.
#[test]
fn a_lock_that_stays_stops_the_run_and_one_that_goes_does_not() {
    let Some(database) = PostgresDatabase::create("locked") else { return };
    let desk = Desk::new();
    source(&desk, 0);
    plan(&desk, &database.url(), "insert", "lock_wait = 1");
    let lock = |seconds: u32| {
        let statement = format!("BEGIN; LOCK TABLE keyed IN SHARE MODE; SELECT pg_sleep({seconds}); COMMIT");
        let url = database.url();
        std::thread::spawn(move || run_on_postgres(&url, &statement))
    };
    database.execute("CREATE TABLE keyed (id bigint PRIMARY KEY, name text)");
    let holder = lock(600);
    sleep(Duration::from_millis(500));
    let told = desk.run_to(1, &["run", "plan.toml"]);
    let stopped = told.result()["stopped"].as_str().unwrap();
    assert!(stopped.contains("lock timeout") && stopped.contains("Somebody else holds a lock"), "{stopped}");
    assert_eq!(told.events("fault-raised").len() + told.events("fault-ruled").len(), 0);
    assert_eq!(told.result()["tables"][0]["counts"]["read"], 0);
    database.execute(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE '%pg_sleep%' \
         AND pid <> pg_backend_pid()",
        database.name()
    ));
    let _ = holder.join();
    let holder = lock(3);
    sleep(Duration::from_millis(500));
    let (status, seen) = Run::start(&desk).end();
    all_came(status, &seen, |sql| database.count(sql));
    let _ = holder.join();
}

#[test]
fn a_full_disk_of_postgres_is_waited_for_and_no_row_s_fault() {
    let Some(server) = OwnPostgres::start() else { return };
    let Some(disk) = SmallDisk::mount(server.place("small"), 3) else { return };
    run_on_postgres(&server.url(), &format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display()));
    let desk = Desk::new();
    source(&desk, 200);
    for mode in ["insert", "upsert"] {
        run_on_postgres(
            &server.url(),
            "DROP TABLE IF EXISTS keyed, keyless; CREATE TABLE keyed (id bigint PRIMARY KEY, name text) TABLESPACE small;
             CREATE TABLE keyless (id bigint, name text)",
        );
        plan(&desk, &server.url(), mode, "");
        let told = desk.run_to(1, &["run", "plan.toml"]);
        let stopped = told.result()["stopped"].as_str().unwrap();
        assert!(stopped.contains("No space left on device") && stopped.contains("Free disk"), "{stopped}");
        assert_eq!(told.events("fault-raised").len() + told.events("fault-ruled").len(), 0);
        disk.resize(64);
        let (status, seen) = Run::start(&desk).end();
        all_came(status, &seen, |sql| run_on_postgres(&server.url(), sql).unwrap());
        run_on_postgres(&server.url(), "DROP TABLE keyed; CHECKPOINT");
        disk.resize(3);
    }
}

/// A run whose files cannot grow beyond so many bytes: on a disk of its own where we are root, else by the system's limit.
fn on_a_full_disk(desk: &Desk, place: &str, grow: impl FnOnce()) -> (Vec<Value>, String) {
    let mut command = desk.command(&["run", "plan.toml", "--resume", "--json"]);
    if !crate::support::own::is_root() {
        let program = command.get_program().to_owned();
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""]).arg(program);
        limited.args(command.get_args()).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.current_dir(desk.folder()).process_group(0);
        command = limited;
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{place}: {output:?}");
    grow();
    let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    (values.map(Result::unwrap).collect(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn wait_for_bytes(folder: &std::path::Path) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let written = || {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.flatten().any(|entry| entry.metadata().is_ok_and(|data| data.len() > 0))
    };
    while !written() {
        assert!(std::time::Instant::now() < until, "nothing was written");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn a_full_disk_under_a_file_is_no_row_s_fault() {
    for (url, place) in [("sqlite:small/end.sqlite", "SQLite"), ("csv:small", "CSV")] {
        let desk = Desk::new();
        source(&desk, 50);
        std::fs::create_dir_all(desk.path("small")).unwrap();
        let disk = SmallDisk::mount(desk.path("small"), 64);
        plan(&desk, url, "insert", "parallel = 1");
        let (seen, text) = std::thread::scope(|scope| {
            // The checks find room enough; it goes when the first bytes are written.
            scope.spawn(|| {
                if let Some(disk) = &disk {
                    wait_for_bytes(disk.path());
                    disk.resize(3);
                }
            });
            on_a_full_disk(&desk, place, || {
                if let Some(disk) = &disk {
                    disk.resize(64);
                }
            })
        });
        assert!(!text.contains("fault-r"), "{place}");
        let stopped = result(&seen)["stopped"].as_str().unwrap();
        assert!(stopped.contains("Free disk"), "{place}: {stopped}");
        let (status, seen) = Run::start(&desk).end();
        assert_eq!(status.code(), Some(0), "{place}: {}", remarks(&seen));
        assert_eq!(result(&seen)["counts"]["written"], 2 * ROWS, "{place}");
        if place == "SQLite" {
            let end = SqliteFile::new(desk.path("small/end.sqlite"));
            for table in ["keyed", "keyless"] {
                assert_eq!(end.count(&format!("SELECT count(DISTINCT id) FROM {table}")), ROWS);
                assert_eq!(end.count(&format!("SELECT count(*) FROM {table}")), ROWS);
            }
        }
    }
}

/// In its middle: it is held there while its connections are cut.
#[test]
fn a_validation_whose_connections_are_cut_looks_again() {
    let Some(database) = PostgresDatabase::create("looks") else { return };
    let desk = Desk::new();
    source(&desk, 200);
    plan(&desk, &database.url(), "insert", "");
    desk.run_to(0, &["run", "plan.toml", "--no-validate"]);
    let own = format!("FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'whimbrel'", database.name());
    // Whoever gave its snapshot to others waits until all is read.
    let reading = format!("SELECT count(*) {own} AND state = 'idle in transaction'");
    let told = loop {
        let mut child = desk.start(&["validate", "plan.toml"]);
        while database.count(&reading) == 0 && child.try_wait().unwrap().is_none() {}
        signal(&child, "-STOP");
        let caught = database.count(&reading) > 0;
        if caught {
            database.execute(&format!("SELECT pg_terminate_backend(pid) {own}"));
        }
        signal(&child, "-CONT");
        let output = child.wait_with_output().unwrap();
        // It may have come to its end before it was held.
        if caught {
            break told(&output);
        }
    };
    assert_eq!(told.code, Some(0), "{told:#?}");
    let text = serde_json::to_string(&told.values).unwrap();
    assert!(text.contains("looked at again") && text.contains("\"passed\""), "{told:#?}");
}

fn signal(child: &Child, signal: &str) {
    let _ = Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status();
}

/// Every row bad, so that the ledger must grow; what it cannot keep does not happen.
#[test]
fn a_full_disk_under_the_ledger_ends_the_run_and_loses_nothing() {
    let Some(database) = PostgresDatabase::create("ledger") else { return };
    let desk = Desk::new();
    source(&desk, 50);
    std::fs::create_dir_all(desk.path("home/.local/state")).unwrap();
    let disk = SmallDisk::mount(desk.path("home/.local"), 2);
    let plan = format!(
        "[source]\nurl = \"sqlite:source.sqlite\"\n[destination]\nurl = \"{}\"\n[run]\non_error = \"flag\"\n\
         chunk_rows = 500\n[[table]]\nfrom = \"keyed\"\n[table.columns]\n\
         id = {{ expr = \"CASE WHEN id % 3 = 0 THEN CAST(name AS BIGINT) ELSE id END\" }}\n",
        database.url()
    );
    desk.write("plan.toml", &plan);
    let (seen, text) = on_a_full_disk(&desk, "ledger", || {
        if let Some(disk) = &disk {
            disk.resize(256);
        }
    });
    assert!(text.contains("the ledger cannot be used") && text.contains("free space on its disk"), "{seen:#?}");
    let before = database.count("SELECT count(*) FROM keyed");
    let told = desk.run_to(3, &["run", "plan.toml", "--resume"]);
    let counts = &told.result()["counts"];
    assert_eq!((&counts["read"], &counts["flagged"]), (&ROWS.into(), &(ROWS / 3).into()));
    assert_eq!(database.count("SELECT count(DISTINCT id) FROM keyed"), ROWS - ROWS / 3);
    assert!(before < ROWS - ROWS / 3, "the run ended in its middle");
    let run = told.result()["run"].as_str().unwrap();
    assert_eq!(desk.run_to(0, &["review", run]).values[0]["flagged"], ROWS / 3);
}
