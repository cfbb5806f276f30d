//! `whimbrel run`.

use super::{check, console, progress};
use crate::{
    cli::{CliError, Exit, args::Run, has_terminal, open::Context},
    engine::{PrepareError, prepare},
    host::Workbench,
    model::OnError,
};

pub async fn perform(context: &Context, arguments: &Run) -> Result<Exit, CliError> {
    let bench = context.workbench(&arguments.plan)?;
    let on_error = arguments.on_error.map(OnError::from);
    if has_terminal() && !context.json && !arguments.plain && arguments.tables.is_empty() {
        return console::run_screen(context, bench, on_error).await;
    }
    let plan = arguments.plan.display().to_string();
    headless(context, &bench, on_error, arguments.resume, arguments.tables.clone(), &plan).await
}

/// The checks, then the run, asking nobody.
pub async fn headless(
    context: &Context,
    bench: &Workbench,
    on_error: Option<OnError>,
    resume: bool,
    only: Vec<String>,
    plan: &str,
) -> Result<Exit, CliError> {
    let items = bench.check().await;
    if !check::passed(&items) {
        if context.json {
            context.print(&serde_json::json!({ "passed": false, "checks": items }))?;
        } else {
            check::print(&items);
            eprintln!("whimbrel: the checks did not pass; nothing was written");
        }
        return Ok(Exit::Unchecked);
    }
    let job = bench.job(on_error, resume, false, only).await.map_err(CliError::failed)?;
    let prepared = prepare(job).await.map_err(prepare_error)?;
    progress::follow(context, prepared, plan).await
}

fn prepare_error(error: PrepareError) -> CliError {
    match error {
        PrepareError::Endpoint(error) => crate::cli::open::endpoint_error(error),
        PrepareError::Ledger(error) => CliError::failed(error),
        error => CliError::usage(error),
    }
}
