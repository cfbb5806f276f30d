//! Flagged rows out to CSV files and back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    cli::{CliError, Exit, open::Context},
    host::{
        Workbench,
        sheet::{self, Settled},
    },
    ledger::RunRecord,
    model::thousands,
    protocol::{Retry, ReviewAction, ReviewItem, ReviewState},
};

/// Writes the rows, each table to a file of its own. Private values stay behind, unless they are asked for.
pub(super) async fn export(
    context: &Context,
    bench: &Workbench,
    chosen: &[&ReviewItem],
    path: &Path,
    with_private: bool,
) -> Result<Exit, CliError> {
    let mut tables: BTreeMap<&str, Vec<&ReviewItem>> = BTreeMap::new();
    chosen.iter().for_each(|item| tables.entry(&item.fault.table).or_default().push(item));
    let files = files(&tables, path)?;
    let masks = bench.masks().await;
    let hides = tables.keys().any(|table| masks.table(table).is_some());
    let plan = bench.plan().await;
    let mut written = Vec::new();
    for (file, (table, items)) in files.iter().zip(&tables) {
        if with_private && masks.table(table).is_some() {
            for item in items {
                bench.act(&item.fault.id, ReviewAction::Reveal).await.map_err(CliError::failed)?;
            }
        }
        let masks = (!with_private).then_some(&masks);
        let text = sheet::write(items, plan.as_ref(), masks).map_err(CliError::failed)?;
        put(file, &text)?;
        written.push(json!({ "file": file, "table": table, "rows": items.len() }));
        if !context.json {
            println!("{}: {} row(s) of {table}", file.display(), thousands(items.len() as u64));
        }
    }
    let masked = hides && !with_private;
    if context.json {
        context.print(&json!({ "exported": written, "masked": masked }))?;
    } else if masked {
        println!("private values are left out, and stay as they are at an import; --with-private writes them");
    }
    Ok(Exit::Well)
}

/// A file for each table.
fn files(tables: &BTreeMap<&str, Vec<&ReviewItem>>, path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if tables.is_empty() {
        return Err(CliError::usage("no row is flagged: there is nothing to export"));
    }
    if path.is_dir() {
        return Ok(tables.keys().map(|table| path.join(format!("{}.csv", table.replace(['/', '\\'], "_")))).collect());
    }
    if tables.len() > 1 {
        let names: Vec<&str> = tables.keys().copied().collect();
        let why =
            format!("rows of {} are flagged: name a folder that is there, or one table with --table", names.join(", "));
        return Err(CliError::usage(why));
    }
    Ok(vec![path.to_owned()])
}

/// A new file that only its owner can read.
fn put(file: &Path, text: &[u8]) -> Result<(), CliError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::usage(format!("{} is there already; name another file, or take it away", file.display()))
        }
        _ => CliError::failed(format!("{} cannot be written: {error}", file.display())),
    };
    let mut open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    open.write_all(text).and_then(|()| open.sync_all()).map_err(failed)
}

/// What rows that are written by now were written with.
async fn settled(context: &Context, run: &RunRecord, items: &[ReviewItem]) -> Result<Settled, CliError> {
    let written = items.iter().filter(|item| item.state == ReviewState::Written);
    let tables: BTreeSet<&str> = written.map(|item| item.fault.table.as_str()).collect();
    let mut settled = Settled::new();
    for table in tables {
        let rows = context.ledger.settled(&run.id, table).await.map_err(CliError::failed)?;
        settled.extend(rows.into_iter().map(|(fault, _, edits)| (fault.id, edits)));
    }
    Ok(settled)
}

/// What a sheet changes, once it is told; none: nothing is to be done.
pub(super) async fn import(
    context: &Context,
    items: &[ReviewItem],
    run: &RunRecord,
    path: &Path,
    preview: bool,
) -> Result<Option<Vec<Retry>>, CliError> {
    let text =
        fs::read(path).map_err(|error| CliError::usage(format!("{} cannot be read: {error}", path.display())))?;
    let settled = settled(context, run, items).await?;
    let judged = sheet::read(&text, &run.id.0, items, &settled)
        .map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    let (sound, nothing) = (judged.is_sound(), judged.retries.is_empty());
    if !context.json {
        println!("{} row(s) are changed, {} as they were", judged.retries.len(), judged.unchanged.len());
        if !judged.settled.is_empty() {
            println!("{} row(s) are settled already, and left so: {}", judged.settled.len(), judged.settled.join(", "));
        }
        judged.unknown.iter().for_each(|row| println!("{row} is not flagged in this run"));
        judged.meanwhile.iter().for_each(|row| println!("{row} since the file was written"));
    }
    if !sound {
        let what: Vec<&str> = judged.unknown.iter().chain(&judged.meanwhile).map(String::as_str).collect();
        let rows = if context.json { format!(" ({})", what.join("; ")) } else { String::new() };
        return Err(CliError::usage(format!(
            "{} row(s) of {} are unknown or settled otherwise meanwhile{rows}: nothing was imported; take these lines out, or export anew",
            what.len(),
            path.display()
        )));
    }
    if preview || nothing {
        if context.json {
            let import =
                json!({ "changed": judged.retries.len(), "unchanged": judged.unchanged, "settled": judged.settled });
            context.print(&json!({ "import": import }))?;
        } else {
            println!("nothing was written");
        }
        return Ok(None);
    }
    Ok(Some(judged.retries))
}
