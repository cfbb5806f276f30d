//! `whimbrel audit`.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::live;
use crate::{
    cli::{CliError, Exit, args::Audit, open::Context},
    ledger::{AuditEntry, TrailState},
    model::{RunId, clean, thousands},
};

pub async fn perform(context: &Context, arguments: &Audit) -> Result<Exit, CliError> {
    match arguments.what.as_deref() {
        Some("verify") => verify(context).await,
        what => show(context, what).await,
    }
}

async fn verify(context: &Context) -> Result<Exit, CliError> {
    let state = context.ledger.verify_trail().await.map_err(CliError::failed)?;
    match context.json {
        true => context.print(&state)?,
        false => println!("{}", words(&state)),
    }
    Ok(match state {
        TrailState::Intact { .. } => Exit::Well,
        TrailState::UnsignedTail { .. } => Exit::Incomplete,
        TrailState::Broken { .. } | TrailState::Truncated { .. } => Exit::Failed,
    })
}

fn words(state: &TrailState) -> String {
    match state {
        TrailState::Intact { entries, head } => {
            format!("intact: {} entries, all signed; head {head}", thousands(*entries))
        }
        TrailState::UnsignedTail { entries, from, head } => format!(
            "unsigned tail: all {} entries are as they were written, but from {} on none is signed; head {head}",
            thousands(*entries),
            thousands(*from)
        ),
        TrailState::Broken { at, why } => format!("broken at {}: {why}", thousands(*at)),
        TrailState::Truncated { signed, found } => {
            format!("truncated: {} entries were signed, {} are there", thousands(*signed), thousands(*found))
        }
    }
}

async fn show(context: &Context, what: Option<&str>) -> Result<Exit, CliError> {
    let runs = match what {
        None => None,
        Some(what) => Some(runs(context, what).await?),
    };
    let entries = context.ledger.trail(runs.as_deref()).await.map_err(CliError::failed)?;
    if context.json {
        context.print(&json!({ "entries": entries }))?;
        return Ok(Exit::Well);
    }
    entries.iter().for_each(print);
    println!(
        "{} entries; `whimbrel audit verify` tells whether they are what was written",
        thousands(entries.len() as u64)
    );
    Ok(Exit::Well)
}

/// The run of that id, or all runs of the plan.
async fn runs(context: &Context, what: &str) -> Result<Vec<RunId>, CliError> {
    let ledger = &context.ledger;
    let of_plan = ledger.runs(Some(&live::key(Path::new(what)))).await.map_err(CliError::failed)?;
    if !of_plan.is_empty() {
        return Ok(of_plan.into_iter().map(|run| run.id).collect());
    }
    Ok(vec![ledger.run(what).await.map_err(CliError::usage)?.id])
}

fn print(entry: &AuditEntry) {
    let at = DateTime::<Utc>::from_timestamp_millis(entry.at_ms as i64).unwrap_or_default();
    let row = match (&entry.table, entry.row) {
        (Some(table), Some(row)) => format!("  row {} of {table}", thousands(row)),
        _ => String::new(),
    };
    let what = entry.what.as_ref().map(|what| format!(": {}", clean(what))).unwrap_or_default();
    let reason = entry.reason.as_ref().map(|reason| format!(" ({})", clean(reason))).unwrap_or_default();
    println!(
        "{:>6}  {}  {}  {}{what}{row}{reason}  plan {}",
        entry.seq,
        at.to_rfc3339_opts(SecondsFormat::Secs, true),
        if entry.by.is_empty() { "whimbrel" } else { &entry.by },
        entry.action,
        entry.plan_digest.get(..7).unwrap_or_default()
    );
}
