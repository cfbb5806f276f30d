//! `whimbrel` and `whimbrel PLAN`: the console.

use std::path::Path;

use crate::{
    cli::{CliError, Exit, has_terminal, open::Context},
    console::{self, Options, Screen},
    host::{self, Workbench},
    model::{OnError, RunPhase},
    plan::Document,
};

/// Opens the plan in the console; without one, the plans that ran on this host are listed.
pub async fn open(context: &Context, plan: Option<&Path>) -> Result<Exit, CliError> {
    let Some(plan) = plan else { return list(context).await };
    let document = Document::load(plan).map_err(CliError::usage)?;
    if !has_terminal() {
        return Err(CliError::usage("the console needs a terminal; `whimbrel run PLAN` works without one"));
    }
    show(context, context.bench(document), Screen::Connect, None).await
}

/// The console on its run screen, the run begun.
pub async fn run_screen(context: &Context, bench: Workbench, on_error: Option<OnError>) -> Result<Exit, CliError> {
    show(context, bench, Screen::Run, Some(on_error)).await
}

/// The console on a plan that is ready.
pub async fn show(
    context: &Context,
    bench: Workbench,
    start: Screen,
    begin: Option<Option<OnError>>,
) -> Result<Exit, CliError> {
    let key = bench.plan_key().await;
    let (port, host) = host::serve(bench);
    let options = Options { start, begin, user: context.by.clone(), ..Options::default() };
    let result = console::run(port, options).await;
    let _ = host.await;
    result.map_err(CliError::failed)?;
    verdict(context, &key).await
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
    let runs = context.ledger.runs(None).await.map_err(CliError::failed)?;
    if runs.is_empty() {
        println!("no migrations on this host yet; `whimbrel demo` shows one, `whimbrel new` drafts a plan");
    }
    let mut seen = Vec::new();
    for run in runs {
        if seen.contains(&run.plan_key) {
            continue;
        }
        println!("{:40}  {}", run.plan_name, run.plan_key);
        seen.push(run.plan_key);
    }
    Ok(Exit::Well)
}
