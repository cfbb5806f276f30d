//! `whimbrel restore`.

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    path::Path,
};

use chrono::{DateTime, Local};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    cli::{CliError, Exit, args::Restore, open::Context},
    host::Workbench,
    ledger::LedgerError,
    model::thousands,
    plan::Document,
    protocol::{
        Fate, Held, KeptTable, Others, OthersShown, Outcome, PointState, Restoration, RestorePoint, RestorePreview,
        RestoreProgress, RestoreStep,
    },
    restore::RestoreError,
};

pub async fn perform(context: &Context, arguments: &Restore) -> Result<Exit, CliError> {
    match (&arguments.name, arguments.purge) {
        (name, true) => purge(context, name.clone(), arguments).await,
        (None, false) => list(context).await,
        (Some(name), false) if arguments.drill => drill(context, name, arguments).await,
        (Some(name), false) if let Some(folder) = &arguments.export_others => {
            export(context, name, folder, arguments).await
        }
        (Some(name), false) => one(context, name, arguments).await,
    }
}

fn failed(error: RestoreError) -> CliError {
    match error {
        RestoreError::NotTyped { .. }
        | RestoreError::Identity(..)
        | RestoreError::Exported(_)
        | RestoreError::Ledger(LedgerError::NoPoint(_)) => CliError::usage(error),
        error => CliError::failed(error),
    }
}

/// A workbench on the plan as it was when the restore point was made.
async fn bench(context: &Context, name: &str) -> Result<Workbench, CliError> {
    let point = context.ledger.point(name).await.map_err(CliError::usage)?;
    let file = Document { path: Some(point.new.plan_key.clone().into()), ..Document::default() };
    Ok(context.bench(file.with_text(point.new.plan_text)))
}

async fn list(context: &Context) -> Result<Exit, CliError> {
    let points = context.bench(Document::default()).restore_points(true).await.map_err(failed)?;
    if context.json {
        context.print(&json!({ "restore_points": points }))?;
        return Ok(Exit::Well);
    }
    points.iter().for_each(print);
    if points.is_empty() {
        println!("no restore points on this host yet: a run makes one before its first write");
    }
    Ok(Exit::Well)
}

fn date(at_ms: u64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms as i64).unwrap_or_default().with_timezone(&Local);
    at.format("%Y-%m-%d %H:%M").to_string()
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", thousands(bytes.div_ceil(1_000))),
        _ => format!("{} MB", thousands(bytes.div_ceil(1_000_000))),
    }
}

fn print(point: &RestorePoint) {
    println!(
        "{}  {}  {} rows, {}, {} until {}  {}",
        point.name,
        date(point.made_ms),
        thousands(point.rows),
        size(point.bytes),
        point.state.word(),
        date(point.until_ms),
        point.plan_name
    );
    let tables: Vec<String> = point.tables.iter().map(table).collect();
    println!("    {}", tables.join(", "));
    match &point.before {
        Some(before) => println!("    before going back to {before}, by {}", point.by),
        None => println!("    before run {}, by {}", point.run.0, point.by),
    }
    if point.tables.iter().any(|table| table.sealed) {
        println!("    encrypted: going back wants --identity FILE");
    }
    match (&point.drilled, point.state) {
        (Some(drilled), _) => {
            let (word, took) = (drilled.outcome.word(), seconds(drilled.took_ms));
            println!("    drilled {}: {word} in {took}", date(drilled.at_ms));
        }
        (None, PointState::Ready | PointState::Expired) => {
            println!("    not drilled: `whimbrel restore {} --drill` tries the way back", point.name);
        }
        (None, _) => {}
    }
}

fn table(kept: &KeptTable) -> String {
    match kept.held {
        Held::Absent => format!("{} (was not there)", kept.table),
        Held::Empty => format!("{} (was empty)", kept.table),
        Held::File => format!("{} (a file of {})", kept.table, size(kept.bytes)),
        Held::Journal => format!("{} ({} rows that the run took the place of)", kept.table, thousands(kept.rows)),
        Held::Rows => format!("{} ({} rows)", kept.table, thousands(kept.rows)),
    }
}

async fn purge(context: &Context, name: Option<String>, arguments: &Restore) -> Result<Exit, CliError> {
    let typed = arguments.yes.clone().unwrap_or_default();
    let purged = context.bench(Document::default()).purge(name, typed).await.map_err(failed)?;
    if context.json {
        context.print(&json!({ "purged": purged }))?;
        return Ok(Exit::Well);
    }
    purged.iter().for_each(|name| println!("{name} is purged: what it kept is gone from this host"));
    if purged.is_empty() {
        println!("no restore point's time is over");
    }
    Ok(Exit::Well)
}

async fn one(context: &Context, name: &str, arguments: &Restore) -> Result<Exit, CliError> {
    let bench = bench(context, name).await?;
    let others = match (arguments.discard_others, arguments.keep_others) {
        (true, _) => Fate::Discard,
        (_, true) => Fate::Keep,
        (false, false) => Fate::Unsaid,
    };
    let typed = match &arguments.yes {
        Some(typed) => typed.clone(),
        None => {
            let preview = bench.restore_preview(name, arguments.identity.as_deref()).await.map_err(failed)?;
            match tell(context, &preview, others)? {
                Some(typed) => typed,
                None => return Ok(Exit::Well),
            }
        }
    };
    let (progress, told) = watch::channel(RestoreProgress::default());
    let teller = (!context.json).then(|| tokio::spawn(follow(told)));
    let restored = bench.restore(name, &typed, (others, arguments.identity.as_deref()), &progress).await;
    drop(progress);
    if let Some(teller) = teller {
        let _ = teller.await;
    }
    let restored = restored.map_err(failed)?;
    match context.json {
        true => context.print(&json!({ "restored": restored }))?,
        false => report(&restored),
    }
    Ok(if restored.outcome == Outcome::Passed { Exit::Well } else { Exit::Unproven })
}

async fn drill(context: &Context, name: &str, arguments: &Restore) -> Result<Exit, CliError> {
    let bench = bench(context, name).await?;
    let (progress, told) = watch::channel(RestoreProgress::default());
    let teller = (!context.json).then(|| tokio::spawn(follow(told)));
    let drilled = bench.drill(name, arguments.identity.as_deref(), &progress).await;
    drop(progress);
    if let Some(teller) = teller {
        let _ = teller.await;
    }
    let drilled = drilled.map_err(failed)?;
    if context.json {
        context.print(&json!({ "drill": drilled }))?;
    } else {
        for table in &drilled.tables {
            let (sign, rows, took) = (table.outcome.sign(), thousands(table.rows), seconds(table.took_ms));
            println!("{sign} {}: {}, {rows} rows, {took}", table.table, table.how);
            table.differs.iter().for_each(|what| println!("    {what}"));
        }
        drilled.remarks.iter().for_each(|remark| println!("note: {remark}"));
        println!("Drill: {} in {}; nothing of it stays", drilled.outcome.word(), seconds(drilled.took_ms));
    }
    Ok(if drilled.outcome == Outcome::Passed { Exit::Well } else { Exit::Unproven })
}

/// Ends well only where the files are proven to hold what others wrote and nothing else.
async fn export(context: &Context, name: &str, folder: &Path, arguments: &Restore) -> Result<Exit, CliError> {
    let bench = bench(context, name).await?;
    let how = (arguments.with_private, arguments.identity.as_deref());
    let exported = bench.export_others(name, folder, how).await.map_err(failed)?;
    if context.json {
        context.print(&json!({ "exported": exported }))?;
    } else {
        exported.tables.iter().for_each(|table| println!("{}", table.words()));
        if exported.tables.is_empty() {
            println!("others wrote nothing since: there is nothing to export");
        }
        if exported.masked {
            println!("private values are left out; --with-private writes them");
        }
    }
    Ok(if exported.tables.iter().all(|table| table.exact) { Exit::Well } else { Exit::Unproven })
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", thousands(ms / 1_000), ms % 1_000 / 100)
}

/// Says what it would do; the name that was typed, where somebody was there to type it.
fn tell(context: &Context, preview: &RestorePreview, others: Fate) -> Result<Option<String>, CliError> {
    if context.json {
        context.print(&json!({ "preview": preview }))?;
        return Ok(None);
    }
    print(&preview.point);
    for table in &preview.tables {
        println!("{}", table.words());
        match &table.others {
            Others::Nothing => {}
            Others::Added(rows) => println!("    others wrote {} row(s) since", thousands(*rows)),
            Others::Removed(rows) => println!("    others removed {} row(s) since", thousands(*rows)),
            Others::Changed => println!("    others changed rows since"),
            Others::Unknown(why) => println!("    whether others wrote since cannot be told: {why}"),
        }
        table.shown.iter().flat_map(OthersShown::lines).for_each(|line| println!("      {line}"));
    }
    preview.remarks.iter().for_each(|remark| println!("note: {remark}"));
    preview.runs.iter().for_each(|run| println!("run {run} is taken back"));
    preview.refusals.iter().for_each(|why| println!("cannot be done: {why}"));
    let name = &preview.point.name;
    let discards = !preview.wants_discard.is_empty();
    if !preview.refusals.is_empty() {
        return Ok(None);
    }
    if discards && others == Fate::Unsaid {
        println!("next: what others wrote would be gone; `whimbrel restore {name} --discard-others` says that it may");
        if preview.may_keep() {
            println!("      `whimbrel restore {name} --keep-others` puts the rows that they added back");
        }
        println!("      `whimbrel restore {name} --export-others FOLDER` writes it to files first");
        return Ok(None);
    }
    if !std::io::stdin().is_terminal() {
        let flag = match others {
            Fate::Unsaid => "",
            Fate::Discard => " --discard-others",
            Fate::Keep => " --keep-others",
        };
        println!("next: `whimbrel restore {name}{flag} --yes {name}`");
        return Ok(None);
    }
    print!("Type {name} to go back to it: ");
    std::io::stdout().flush().map_err(CliError::failed)?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).map_err(CliError::failed)?;
    Ok(Some(typed.trim().to_owned()))
}

/// A line for each step and table.
async fn follow(mut told: watch::Receiver<RestoreProgress>) {
    let mut last = (RestoreStep::Done, String::new());
    while told.changed().await.is_ok() {
        let progress = told.borrow_and_update().clone();
        let now = (progress.step, progress.table.clone());
        if now != last && progress.step != RestoreStep::Done {
            let of = if progress.of > 0 {
                format!("  {} / {} rows", thousands(progress.rows), thousands(progress.of))
            } else {
                String::new()
            };
            println!("{} {}{of}", progress.step.words(), progress.table);
        }
        last = now;
    }
}

fn report(restored: &Restoration) {
    for table in &restored.tables {
        println!("{}", table.words());
        table.differs.iter().for_each(|what| println!("    {what}"));
    }
    restored.remarks.iter().for_each(|remark| println!("note: {remark}"));
    restored.runs.iter().for_each(|run| println!("run {run} is taken back; its faults and answers stay on record"));
    println!("Restore: {}", restored.outcome.word());
    println!("the way back from here: `whimbrel restore {}`", restored.before);
}
