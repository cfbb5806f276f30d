//! The migrations that a host knows of: plans that ran here, and plans in the folder that it was started in.
//!
//! One idea: a plan's file is its identity, so one that ran here and lies in the folder too is one migration.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::hub::is_run_elsewhere;
use crate::{
    ledger::{Ledger, LedgerError, RunRecord},
    model::RunPhase,
    plan::{Document, Kind, SidePlan, address, draft, without_password},
    protocol::{Migration, NewMigration},
};

/// All of them: those that ran here first, the latest run first, then the others by name.
pub(super) async fn list(ledger: &Ledger, folder: &Path) -> Result<Vec<Migration>, LedgerError> {
    let mut latest: BTreeMap<String, RunRecord> = BTreeMap::new();
    for run in ledger.runs(None).await? {
        latest.entry(run.plan_key.clone()).or_insert(run);
    }
    // A demo that was made anew has put its earlier runs out of the way; their plan is no file.
    latest.retain(|path, _| Path::new(path).is_file());
    let mut migrations = Vec::new();
    for (path, run) in &latest {
        let counts = ledger.snapshot(&run.id).await?.counts();
        let elsewhere = !run.phase.is_over() && is_run_elsewhere(ledger, path);
        migrations.push(Migration {
            // Of a run that nobody has, its process died.
            phase: Some(if run.phase.is_over() || elsewhere { run.phase } else { RunPhase::Stopped }),
            started_ms: u64::try_from(run.started_ms).ok(),
            written: counts.written,
            flagged: counts.flagged,
            ..described(Path::new(path))
        });
    }
    migrations.sort_by_key(|migration| std::cmp::Reverse(migration.started_ms));
    let mut others: Vec<Migration> = plans_in(folder)
        .into_iter()
        .filter(|path| !latest.contains_key(&path.display().to_string()))
        .map(|path| described(&path))
        .collect();
    others.sort_by(|a, b| a.name.cmp(&b.name));
    migrations.extend(others);
    Ok(migrations)
}

/// The plans that lie in the folder, in full.
fn plans_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let tomls = entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    tomls.filter(|path| is_plan(path)).filter_map(|path| fs::canonicalize(path).ok()).collect()
}

/// Whether a file is a plan and no other TOML: it has both sides, in whatever state.
fn is_plan(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let has = |section: &str| text.lines().any(|line| line.trim_end().starts_with(section));
    has("[source]") && has("[destination]")
}

/// What the plan's file says.
fn described(path: &Path) -> Migration {
    let mut migration = Migration {
        name: path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        path: path.display().to_string(),
        kind: String::new(),
        source: String::new(),
        destination: String::new(),
        tables: 0,
        phase: None,
        started_ms: None,
        written: 0,
        flagged: 0,
        problem: None,
    };
    match Document::load(path) {
        // One with errors opens all the same, and Map and Check say what they are.
        Ok(Document { plan: Some(plan), .. }) => {
            migration.name = plan.name;
            migration.kind = plan.kind.word().to_owned();
            migration.source = without_password(&plan.source.url);
            migration.destination = without_password(&plan.destination.url);
            migration.tables = plan.tables.len();
        }
        Ok(document) => {
            let first = document.problems.iter().find(|problem| problem.error);
            migration.problem =
                first.map(|problem| format!("line {}, column {}: {}", problem.line, problem.column, problem.message));
        }
        Err(error) => migration.problem = Some(error.to_string()),
    }
    migration
}

/// Writes a new plan into the folder, under its name. An error is a sentence for whoever named it.
pub(super) fn create(folder: &Path, new: &NewMigration) -> Result<Document, String> {
    let path = folder.join(file_name(&new.name)?);
    if path.exists() {
        return Err(format!("{} is there already: choose another name", path.display()));
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == new.kind).unwrap_or_default();
    let side = |url: &str| SidePlan { url: url.to_owned(), ..SidePlan::default() };
    for (side, url) in [("source", &new.source), ("destination", &new.destination)] {
        address(url, folder).map_err(|error| format!("the {side}: {error}"))?;
    }
    let text = draft((&new.name, kind), &side(&new.source), &side(&new.destination), &[]);
    let document = Document { path: Some(path), ..Document::default() }.with_text(text);
    if let Some(problem) = document.problems.iter().find(|problem| problem.error) {
        return Err(problem.message.clone());
    }
    document.save().map_err(|error| error.to_string())?;
    Ok(document)
}

/// `Postgres to CredVault Migration` is kept as `postgres-to-credvault-migration.toml`.
fn file_name(name: &str) -> Result<String, String> {
    let plain = |char: char| if char.is_alphanumeric() { char } else { ' ' };
    let words: String = name.to_lowercase().chars().map(plain).collect();
    let stem = words.split_whitespace().collect::<Vec<_>>().join("-");
    // A file's name has at most 255 bytes.
    match stem.len() {
        0 => Err("the name must have a letter or a digit in it".to_owned()),
        1..=200 => Ok(format!("{stem}.toml")),
        _ => Err("the name is too long for a file: 200 bytes at most".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str) -> NewMigration {
        NewMigration {
            name: name.into(),
            kind: "scheduled".into(),
            source: "sqlite:a.db".into(),
            destination: "postgres://ada@db.example.com/new".into(),
        }
    }

    #[test]
    fn a_new_migration_is_a_plan_under_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let made = create(folder.path(), &new("Postgres to CredVault Migration")).unwrap();
        let path = folder.path().join("postgres-to-credvault-migration.toml");
        assert_eq!(made.path.as_deref(), Some(path.as_path()));
        let described = described(&path);
        assert_eq!(
            (described.name.as_str(), described.kind.as_str()),
            ("Postgres to CredVault Migration", "scheduled")
        );
        assert_eq!((described.problem, described.tables), (None, 0));
        let again = create(folder.path(), &new("postgres TO credvault migration!")).unwrap_err();
        assert!(again.contains("there already"), "{again}");
    }

    #[test]
    fn what_makes_no_plan_is_refused_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        for (wrong, why) in [
            (new(" / "), "a letter or a digit"),
            (new(&"x".repeat(300)), "too long"),
            (
                NewMigration { source: "postgres://ada:secret@db/new".into(), ..new("a") },
                "the source: a password may not stand in the URL",
            ),
            (NewMigration { destination: "oracle://db/new".into(), ..new("b") }, "the destination: no known system"),
        ] {
            let refused = create(folder.path(), &wrong).unwrap_err();
            assert!(refused.contains(why) && !refused.contains("secret"), "{refused}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn plans_of_the_folder_are_known_and_other_files_are_not() {
        let (state, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ledger = Ledger::open(&state.path().join("state")).await.unwrap();
        create(folder.path(), &new("b")).unwrap();
        create(folder.path(), &new("a")).unwrap();
        fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"x\"\n").unwrap();
        fs::write(folder.path().join("broken.toml"), "[source]\nurl = 1\n[destination]\n").unwrap();
        let listed = list(&ledger, folder.path()).await.unwrap();
        let names: Vec<&str> = listed.iter().map(|migration| migration.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "broken"]);
        assert!(listed[2].problem.as_ref().is_some_and(|problem| problem.contains("url")));
    }
}
