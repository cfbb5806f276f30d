//! `whimbrel` and `whimbrel PLAN`: the console.

use std::{path::Path, sync::Arc};

use crate::{
    cli::{CliError, Exit, has_terminal, open::Context},
    console::{self, Begin, Options, Screen},
    engine::now_ms,
    host::{self, Workbench},
    model::RunPhase,
    plan::Document,
};

/// Opens the plan in the console; without one, the console on the list of migrations, or that list in lines where there
/// is no terminal.
pub async fn open(context: &Context, plan: Option<&Path>) -> Result<Exit, CliError> {
    let terminal = has_terminal() && !context.json;
    let (document, start) = match plan {
        None if !terminal => return list(context).await,
        None => (Document::default(), Screen::Migrations),
        Some(plan) => (Document::load(plan).map_err(CliError::usage)?, Screen::Connect),
    };
    if !terminal {
        return Err(CliError::usage("the console needs a terminal; `whimbrel run PLAN` works without one"));
    }
    show(context, context.bench(document), start, None).await
}

/// The console on its run screen, the run begun.
pub async fn run_screen(context: &Context, bench: Workbench, begin: Begin) -> Result<Exit, CliError> {
    show(context, bench, Screen::Run, Some(begin)).await
}

/// The console on a plan that is ready.
pub async fn show(context: &Context, bench: Workbench, start: Screen, begin: Option<Begin>) -> Result<Exit, CliError> {
    let bench = Arc::new(bench);
    let (port, host) = host::serve(bench.clone());
    let options = Options { start, begin, user: context.by.clone(), opened_ms: now_ms(), ..Options::default() };
    let result = console::run(port, options).await;
    let _ = host.await;
    result.map_err(CliError::failed)?;
    // The one that was open last.
    verdict(context, &bench.plan_key().await).await
}

/// The exit code tells a script how the plan's latest run stands.
async fn verdict(context: &Context, plan_key: &str) -> Result<Exit, CliError> {
    let Some(run) = context.ledger.runs(Some(plan_key)).await.map_err(CliError::failed)?.into_iter().next() else {
        return Ok(Exit::Well);
    };
    let counts = context.ledger.snapshot(&run.id).await.map_err(CliError::failed)?.counts();
    Ok(match run.phase {
        RunPhase::Completed if counts.skipped + counts.flagged == 0 => Exit::Well,
        RunPhase::Completed => Exit::Incomplete,
        _ => Exit::Failed,
    })
}

async fn list(context: &Context) -> Result<Exit, CliError> {
    let migrations = context.bench(Document::default()).migrations().await.map_err(CliError::failed)?;
    if context.json {
        context.print(&migrations)?;
        return Ok(Exit::Well);
    }
    if migrations.is_empty() {
        println!("no migrations on this host yet; `whimbrel demo` shows one, `whimbrel new` drafts a plan");
    }
    for migration in migrations {
        let phase = migration.phase.map_or("not run here", RunPhase::word);
        println!("{:40}  {phase:14}  {}", migration.name, migration.path);
    }
    Ok(Exit::Well)
}
