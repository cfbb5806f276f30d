//! `whimbrel review`.

mod fix;
mod sheets;

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    cli::{CliError, Exit, args::Review, open::Context},
    ledger::RunRecord,
    model::{Cell, NamedCell, RunPhase, clean, thousands},
    plan::{Document, HIDDEN, Masks},
    protocol::{Outcome, ReviewAction, ReviewItem, ReviewState},
};

pub async fn perform(context: &Context, arguments: &Review) -> Result<Exit, CliError> {
    let Some(id) = &arguments.run else { return list_runs(context).await };
    let run = context.ledger.run(id).await.map_err(CliError::usage)?;
    let file = Document { path: Some(run.plan_key.clone().into()), ..Document::default() };
    let bench = context.bench(file.with_text(run.plan_text.as_str()));
    let items = bench.review(Some(run.id.clone())).await.map_err(CliError::failed)?;
    let masks = bench.masks().await;
    let chosen = chosen(arguments, &items)?;
    if arguments.preview && arguments.fix.is_none() && arguments.import.is_none() {
        return Err(CliError::usage("--preview goes with --fix or --import"));
    }
    if let Some(path) = &arguments.export {
        return sheets::export(context, &bench, &chosen, path, arguments.with_private).await;
    }
    let many = match (&arguments.fix, &arguments.import) {
        (Some(fix), _) if arguments.preview => return fix::preview(context, &bench, &chosen, fix).await,
        (Some(fix), _) => Some(fix::fixed(context, &bench, &chosen, fix).await?),
        (None, Some(path)) => match sheets::import(context, &items, &run, path, arguments.preview).await? {
            Some(retries) => Some(fix::retry(context, &bench, retries, None).await?),
            None => return Ok(Exit::Well),
        },
        (None, None) if arguments.retry_all => Some(fix::again(context, &bench, &chosen).await?),
        (None, None) => None,
    };
    let (mut failures, mut revealed) =
        (many.map(|many| fix::failures(many, &items, &masks)).unwrap_or_default(), BTreeSet::new());
    for (item, action) in actions(arguments, &items)? {
        let reveals = action == ReviewAction::Reveal;
        match bench.act(&item.fault.id, action).await {
            Ok(_) if reveals => _ = revealed.insert(item.fault.id.clone()),
            Ok(_) => {}
            Err(why) => failures.push(told(&masks, item, why)),
        }
    }
    let mut items = bench.review(Some(run.id.clone())).await.map_err(CliError::failed)?;
    for item in items.iter_mut().filter(|item| !revealed.contains(&item.fault.id)) {
        item.fault = masks.hide(&item.fault);
    }
    list(context, &run, &items, &failures)
}

/// The flagged rows that the arguments name.
fn chosen<'i>(arguments: &Review, items: &'i [ReviewItem]) -> Result<Vec<&'i ReviewItem>, CliError> {
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let fits = |item: &&ReviewItem| {
        let fault = &item.fault;
        item.state == ReviewState::Flagged
            && is(&arguments.table, &fault.table)
            && is(&arguments.column, fault.shown_column())
            && is(&arguments.cause, &fault.cause.to_string())
    };
    let chosen: Vec<&ReviewItem> = items.iter().filter(fits).collect();
    let narrowed = arguments.table.is_some() || arguments.column.is_some() || arguments.cause.is_some();
    if narrowed && chosen.is_empty() {
        let said = "no flagged row has that table, column and cause; `whimbrel review RUN` lists what there is";
        return Err(CliError::usage(said));
    }
    Ok(chosen)
}

/// What is to be done with which row.
fn actions<'i>(arguments: &Review, items: &'i [ReviewItem]) -> Result<Vec<(&'i ReviewItem, ReviewAction)>, CliError> {
    let mut actions = Vec::new();
    let cells = edits(arguments)?;
    for name in &arguments.retry {
        actions.push((find(items, name)?, ReviewAction::Retry { cells: cells.clone() }));
    }
    for name in &arguments.reveal {
        actions.push((find(items, name)?, ReviewAction::Reveal));
    }
    for name in &arguments.discard {
        let reason = arguments.reason.clone().unwrap_or_default();
        actions.push((find(items, name)?, ReviewAction::Discard { reason }));
    }
    Ok(actions)
}

fn edits(arguments: &Review) -> Result<Vec<NamedCell>, CliError> {
    let mut cells = Vec::new();
    for set in &arguments.set {
        let (name, value) =
            set.split_once('=').ok_or_else(|| CliError::usage(format!("'{set}' is not COLUMN=VALUE")))?;
        cells.push(NamedCell { name: name.to_owned(), cell: Cell::text(value) });
    }
    cells.extend(arguments.set_null.iter().map(|name| NamedCell { name: name.clone(), cell: Cell::Null }));
    Ok(cells)
}

fn find<'i>(items: &'i [ReviewItem], name: &str) -> Result<&'i ReviewItem, CliError> {
    let unknown = || CliError::usage(format!("no flagged row '{name}'; rows are named TABLE:ROW"));
    let (table, row) = name.rsplit_once(':').ok_or_else(unknown)?;
    let row: u64 = row.parse().map_err(|_| unknown())?;
    items.iter().find(|item| item.fault.table == table && item.fault.row == row).ok_or_else(unknown)
}

/// Why a row still fails may quote any of it.
fn told(masks: &Masks, item: &ReviewItem, why: String) -> String {
    let fault = &item.fault;
    match masks.table(&fault.table) {
        Some(_) => format!("row {} of {} still cannot go: {HIDDEN}; --reveal shows the row", fault.row, fault.table),
        None => why,
    }
}

fn list(context: &Context, run: &RunRecord, items: &[ReviewItem], failures: &[String]) -> Result<Exit, CliError> {
    let flagged = items.iter().filter(|item| item.state == ReviewState::Flagged).count();
    if context.json {
        context.print(&json!({ "run": run.id, "flagged": flagged, "rows": items, "failures": failures }))?;
    } else {
        items.iter().for_each(print);
        println!("{flagged} of {} row(s) still flagged", items.len());
        failures.iter().for_each(|why| eprintln!("whimbrel: {why}"));
    }
    Ok(if failures.is_empty() { Exit::Well } else { Exit::Failed })
}

fn print(item: &ReviewItem) {
    let fault = &item.fault;
    let state = match item.state {
        ReviewState::Flagged => "flagged",
        ReviewState::Written => "written",
        ReviewState::Discarded => "discarded",
    };
    let value = fault.value.as_ref().map(|cell| format!(" = '{}'", clean(&cell.display()))).unwrap_or_default();
    println!(
        "{}:{}  {state}  {}{value}: {} (expected {})",
        fault.table,
        fault.row,
        fault.shown_column(),
        fault.message,
        fault.expected
    );
    if let (Some(by), Some(reason)) = (&item.by, &item.reason) {
        println!("    {by}: {reason}");
    }
}

async fn list_runs(context: &Context) -> Result<Exit, CliError> {
    let runs = context.ledger.runs(None).await.map_err(CliError::failed)?;
    let mut rows = Vec::new();
    for mut run in runs {
        // Nobody holds the plan of a run that was cut off.
        if !run.phase.is_over() && context.ledger.lock_plan(&run.plan_key).is_ok() {
            run.phase = RunPhase::Stopped;
        }
        let snapshot = context.ledger.snapshot(&run.id).await.map_err(CliError::failed)?;
        let flagged = context.ledger.review(&run.id).await.map_err(CliError::failed)?;
        let flagged = flagged.iter().filter(|record| record.state == crate::ledger::FaultState::Flagged).count();
        let proof = snapshot.validated.as_ref().map_or(Outcome::NotRun, |validated| validated.outcome);
        rows.push((run, snapshot.counts(), flagged, proof));
    }
    if context.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(run, counts, flagged, proof)| {
                json!({ "run": run.id, "plan": run.plan_key, "name": run.plan_name, "phase": run.phase,
                        "counts": counts, "flagged": flagged, "validation": proof })
            })
            .collect();
        context.print(&json!({ "runs": rows }))?;
        return Ok(Exit::Well);
    }
    for (run, counts, flagged, proof) in &rows {
        let phase = format!("{:?}", run.phase).to_lowercase();
        println!(
            "{}  {phase:9}  {:>12} rows  {flagged:>6} flagged  validation {:12}  {}",
            run.id,
            thousands(counts.read),
            proof.word(),
            run.plan_name
        );
    }
    if rows.is_empty() {
        println!("no runs on this host yet");
    }
    Ok(Exit::Well)
}
