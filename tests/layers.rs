//! The arrows between the rooms, and what a file may hold, read from the source itself.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::rust::{Named, lines_without_tests, names};

/// The rooms and their levels: a room uses only rooms of lower levels, and itself.
const LEVELS: &[(&str, u8)] = &[
    ("cli", 7),
    ("console", 6),
    ("host", 5),
    ("engine", 4),
    ("verify", 4),
    ("restore", 4),
    ("sync", 4),
    ("profile", 4),
    ("binding", 3),
    ("endpoint", 2),
    ("transform", 2),
    ("ledger", 2),
    ("plan", 1),
    ("protocol", 1),
    ("model", 0),
];

/// What a room may not touch although it is below it, or not a room at all.
const BANS: &[(&str, &[&str])] = &[
    ("cli", SCREEN),
    ("console", &["sqlx", "rusqlite", "crate::endpoint", "crate::ledger", "crate::engine"]),
    ("host", &["ratatui", "tui_textarea", "sqlx", "rusqlite"]),
    ("engine", &["ratatui", "tui_textarea", "tokio::net", "std::net", "std::os::unix::net"]),
    ("verify", SCREEN),
    ("restore", SCREEN),
    ("sync", SCREEN),
    ("profile", SCREEN),
    ("binding", &["ratatui", "tui_textarea", "sqlx", "rusqlite", "tokio"]),
    ("transform", &["sqlx", "rusqlite"]),
    ("plan", &["tokio", "sqlx", "rusqlite"]),
    ("protocol", &["tokio", "ratatui", "tui_textarea"]),
    (
        "model",
        &["tokio", "sqlx", "rusqlite", "ratatui", "tui_textarea", "crossterm", "std::fs", "std::net", "std::process"],
    ),
];

const SCREEN: &[&str] = &["ratatui", "tui_textarea"];

const LONGEST_FILE: usize = 600;

#[test]
fn arrows_between_rooms_point_down() {
    let faults: Vec<String> = sources().iter().flat_map(arrows).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn files_keep_to_the_house_rules() {
    let faults: Vec<String> = sources().iter().flat_map(house_rules).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_test_file_is_a_module_of_the_one_test_binary() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (root, folder) in [("main.rs", tests.clone()), ("support/mod.rs", tests.join("support"))] {
        let text = fs::read_to_string(tests.join(root)).unwrap();
        for name in modules_in(&folder) {
            let declared = text.lines().any(|line| line.trim_start_matches("pub ") == format!("mod {name};"));
            assert!(declared, "tests/{root} lacks `mod {name};`: its tests would not run");
        }
    }
}

#[test]
fn a_broken_arrow_is_found_at_its_line() {
    let source = r##"
//! Uses `crate::endpoint::Source` in words only.
use std::sync::Arc;
use crate::{
    host::Port,
    model::{Cell, NamedCell},
    endpoint::{self, Source},
};
const TEXT: &str = "use crate::ledger::Ledger; \" crate::engine::x";
const RAW: &str = r#"crate::ledger "quoted" "#;
fn quote<'a>(c: &'a char) -> bool { *c == '"' || *c == '\'' }
fn inline() -> bool { crate::cli::verbs() && sqlx::ready() /* crate::ledger::x */ }
use super::super::ledger::Ledger;
mod tests {
    use super::*;
    use ::rusqlite::Connection;
    use crate::engine::Machine;
}
use crate::elsewhere;
"##;
    let found = arrows(&File::of("src/console/screen.rs", source));
    let expected = [
        (7, "crate::endpoint"),
        (7, "crate::endpoint::Source"),
        (12, "crate::cli::verbs"),
        (12, "sqlx::ready"),
        (13, "super::super::ledger::Ledger"),
        (17, "crate::engine::Machine"),
        (19, "crate::elsewhere"),
    ];
    let places: Vec<String> = expected.map(|(line, path)| format!("src/console/screen.rs:{line}: {path}: ")).into();
    let starts: Vec<bool> = found.iter().zip(&places).map(|(found, place)| found.starts_with(place)).collect();
    assert!(found.len() == expected.len() && starts.iter().all(|same| *same), "{found:#?}");
}

#[test]
fn rooms_of_one_level_do_not_use_each_other() {
    for (path, source, wrong) in [
        ("src/verify/mod.rs", "use crate::engine::Run;", true),
        ("src/verify/mod.rs", "use super::engine::Run;", true),
        ("src/verify/mod.rs", "mod tests { use super::engine::Run; }", false),
        ("src/verify/checks.rs", "use super::engine::Run;", false),
        ("src/endpoint/mysql/mod.rs", "use crate::endpoint::Source;", false),
        ("src/transform/mod.rs", "use crate::endpoint::Source;", true),
        ("src/model/cell.rs", "use std::{fmt, fs::File};", true),
        ("src/model/cell.rs", "use std::fmt;", false),
        ("src/plan/text.rs", "use tokio;", true),
        ("src/engine/actor.rs", "use ratatui::Frame;", true),
        ("src/newroom/mod.rs", "", true),
    ] {
        assert_eq!(!arrows(&File::of(path, source)).is_empty(), wrong, "{path}: {source}");
    }
}

#[test]
fn a_broken_house_rule_is_found_at_its_line() {
    let long = "//\n".repeat(LONGEST_FILE + 1);
    let long_tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
    for (path, source, wrong) in [
        ("src/endpoint/mysql/source.rs", "use sqlx::AssertSqlSafe;", true),
        ("src/endpoint/mysql/source.rs", "fn f() { query(sqlx::AssertSqlSafe(text)) }", true),
        ("src/endpoint/mysql/source.rs", "mod tests { use sqlx::AssertSqlSafe; }", false),
        ("src/endpoint/mysql/tests.rs", "use sqlx::AssertSqlSafe;", false),
        ("src/endpoint/mysql/sql.rs", "use sqlx::{AssertSqlSafe, query};", false),
        ("src/ledger/runs.rs", "use sqlx::AssertSqlSafe;", false),
        ("src/engine/actor.rs", "fn f() { println!(\"x\") }", true),
        ("src/engine/actor.rs", "fn f() { std::eprintln!(\"x\") }", true),
        ("src/engine/actor.rs", "// println!(\"x\")", false),
        ("src/cli/run.rs", "fn f() { println!(\"x\") }", false),
        ("src/engine/actor.rs", long.as_str(), true),
        ("src/engine/actor.rs", long_tests.as_str(), false),
        ("src/engine/tests.rs", long.as_str(), false),
    ] {
        let found = house_rules(&File::of(path, source));
        assert_eq!(!found.is_empty(), wrong, "{path}: {}", &source[..source.len().min(60)]);
        assert!(found.iter().all(|fault| fault.starts_with(&format!("{path}:"))), "{found:?}");
    }
}

/// A source file, as the rules see it.
struct File {
    /// From the crate's root, with `/`.
    path: String,
    source: String,
    names: Vec<Named>,
}

impl File {
    fn of(path: &str, source: &str) -> Self {
        Self { path: path.to_owned(), source: source.to_owned(), names: names(source) }
    }

    fn parts(&self) -> Vec<&str> {
        self.path.trim_start_matches("src/").trim_end_matches(".rs").split('/').collect()
    }

    /// The room the file belongs to; none for the crate's two roots.
    fn room(&self) -> Option<&str> {
        self.parts().first().copied().filter(|room| !matches!(*room, "lib" | "main"))
    }

    fn is_tests(&self) -> bool {
        self.parts().iter().any(|part| matches!(*part, "tests" | "testing") || part.ends_with("_tests"))
    }

    /// How many modules deep the file's own module is.
    fn depth(&self) -> usize {
        self.parts().iter().filter(|part| **part != "mod").count()
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

fn arrows(file: &File) -> Vec<String> {
    let Some(room) = file.room() else { return Vec::new() };
    if level(room).is_none() {
        return vec![format!("{}: {room}: a room that the table of levels does not know", file.at(1))];
    }
    file.names.iter().filter_map(|named| arrow_fault(file, room, named)).collect()
}

fn arrow_fault(file: &File, room: &str, named: &Named) -> Option<String> {
    let path = from_root(file, named);
    let why = match path.segments.as_slice() {
        [root, used, ..] if root == "crate" && used != room => match level(used) {
            None => Some(format!("{used} is no room")),
            Some(used_level) if Some(used_level) >= level(room) => Some(format!("{room} stands no higher than {used}")),
            Some(_) => None,
        },
        _ => None,
    };
    let why = why.or_else(|| banned(file, room, &path))?;
    Some(format!("{}: {}: {why}", file.at(named.line), named.text()))
}

fn banned(file: &File, room: &str, path: &Named) -> Option<String> {
    let (_, bans) = BANS.iter().find(|(name, _)| *name == room)?;
    let ban = bans.iter().find(|ban| path.starts_with(ban))?;
    // What tests use to set a scene is not shipped; the arrows between rooms hold for them too.
    let only_a_test = (file.is_tests() || path.in_tests) && !ban.starts_with("crate::");
    (!only_a_test).then(|| format!("{room} may not touch {ban}"))
}

/// The path with as many `super` as lead out of the room replaced by `crate`.
fn from_root(file: &File, named: &Named) -> Named {
    let supers = named.segments.iter().take_while(|segment| *segment == "super").count();
    if supers == 0 || supers < file.depth() + named.inside {
        return named.clone();
    }
    let rest = named.segments[supers..].iter().cloned();
    Named { segments: std::iter::once("crate".to_owned()).chain(rest).collect(), ..named.clone() }
}

fn level(room: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == room).map(|(_, level)| *level)
}

fn house_rules(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    if file.is_tests() {
        return faults;
    }
    let lines = lines_without_tests(&file.source);
    if lines > LONGEST_FILE {
        faults.push(format!("{}: {lines} lines, at most {LONGEST_FILE}: split it by subject", file.at(lines)));
    }
    for named in file.names.iter().filter(|named| !named.in_tests) {
        let last = named.segments.last().map_or("", String::as_str);
        if named.segments.iter().any(|segment| segment == "AssertSqlSafe") && !may_assert_sql(file) {
            faults.push(format!("{}: AssertSqlSafe belongs into endpoint/*/sql.rs", file.at(named.line)));
        }
        let prints = named.is_macro && matches!(last, "print" | "println" | "eprint" | "eprintln" | "dbg");
        if prints && !matches!(file.room(), None | Some("cli")) {
            faults.push(format!("{}: {last}! belongs into cli", file.at(named.line)));
        }
    }
    faults
}

fn may_assert_sql(file: &File) -> bool {
    matches!(file.parts().as_slice(), ["endpoint", _, "sql"] | ["ledger", ..])
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    assert!(paths.len() > 20, "the sources were not found: {paths:?}");
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        File::of(&name, &fs::read_to_string(path).unwrap())
    };
    paths.iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|end| end == "rs") {
            paths.push(path);
        }
    }
}

/// Modules that a folder's files and subfolders would make, its root left out.
fn modules_in(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_module = path.join("mod.rs").exists() || path.extension().is_some_and(|end| end == "rs");
        if is_module && !matches!(stem.as_str(), "main" | "mod") {
            names.push(stem);
        }
    }
    names
}
