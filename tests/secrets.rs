//! A secret is in no file, no output and no process list.

use std::{fs, io::Read, path::Path, process::Stdio};

use crate::support::{binary::Desk, servers::PostgresDatabase, sides::SqliteFile};

const SECRET: &str = "xyzzy-4711-plugh";

fn holding_secret(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holding_secret(&path, found);
        } else if fs::read(&path).unwrap().windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
}

#[test]
fn a_password_leaves_no_trace() {
    let Some(destination) = PostgresDatabase::create("secret") else { return };
    let desk = Desk::new();
    SqliteFile::new(desk.path("a.sqlite")).execute("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    let plan = |url: &str| {
        format!(
            "[source]\nurl = \"sqlite:a.sqlite\"\n[destination]\nurl = \"{url}\"\npassword = {{ env = \"DB_SECRET\" }}\n\
             [[table]]\nfrom = \"t\"\n"
        )
    };
    desk.write("good.toml", &plan(&destination.url()));
    desk.write("bad.toml", &plan("mysql://nobody@127.0.0.1:3306/nothing"));
    for (plan, code) in [("good.toml", 0), ("bad.toml", 5)] {
        let mut command = desk.command(&["run", plan, "--json"]);
        command.env("DB_SECRET", SECRET).env("WHIMBREL_LOG", "trace");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let line = fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
        let (mut out, mut err) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{out}{err}");
        assert!(!format!("{line}{out}{err}").contains(SECRET), "{plan}: {line}{out}{err}");
    }
    let mut found = Vec::new();
    holding_secret(desk.folder(), &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let url = format!("postgres://me:{SECRET}@127.0.0.1/db");
    desk.write("plan.toml", &format!("[source]\nurl = \"{url}\"\n[destination]\nurl = \"sqlite:b.sqlite\"\n"));
    let told = desk.run_to(2, &["check", "plan.toml"]);
    let text = format!("{told:?}");
    assert!(text.contains("password") && !text.contains(SECRET), "{text}");
}
