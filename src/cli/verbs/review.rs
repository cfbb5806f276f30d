//! `whimbrel review`.

use serde_json::json;

use crate::{
    cli::{CliError, Exit, args::Review, open::Context},
    host::Workbench,
    ledger::RunRecord,
    model::{Cell, NamedCell, RunPhase, clean, thousands},
    plan::Document,
    protocol::{Outcome, ReviewAction, ReviewItem, ReviewState},
};

pub async fn perform(context: &Context, arguments: &Review) -> Result<Exit, CliError> {
    let Some(id) = &arguments.run else { return list_runs(context).await };
    let run = context.ledger.run(id).await.map_err(CliError::usage)?;
    let file = Document { path: Some(run.plan_key.clone().into()), ..Document::default() };
    let bench = context.bench(file.with_text(run.plan_text.as_str()));
    let items = bench.review(Some(run.id.clone())).await.map_err(CliError::failed)?;
    let mut failures = Vec::new();
    for (item, action) in actions(arguments, &items)? {
        if let Err(why) = bench.act(&item.fault.id, action).await {
            failures.push(why);
        }
    }
    list(context, &bench, &run, &failures).await
}

/// What is to be done with which row.
fn actions<'i>(arguments: &Review, items: &'i [ReviewItem]) -> Result<Vec<(&'i ReviewItem, ReviewAction)>, CliError> {
    let mut actions = Vec::new();
    let cells = edits(arguments)?;
    for name in &arguments.retry {
        actions.push((find(items, name)?, ReviewAction::Retry { cells: cells.clone() }));
    }
    if arguments.retry_all {
        let flagged = items.iter().filter(|item| item.state == ReviewState::Flagged);
        actions.extend(flagged.map(|item| (item, ReviewAction::Retry { cells: Vec::new() })));
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

async fn list(context: &Context, bench: &Workbench, run: &RunRecord, failures: &[String]) -> Result<Exit, CliError> {
    let items = bench.review(Some(run.id.clone())).await.map_err(CliError::failed)?;
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
