//! `whimbrel run`.

use super::{check, console, dry, progress, schedule};
use crate::{
    cli::{CliError, Exit, args::Run, open::Context},
    console::{Begin, Screen},
    engine::{PrepareError, prepare},
    host::{Closeness, Workbench},
    model::OnError,
    plan::Kind,
    protocol::{RestoreProgress, RestoreStep},
};

/// How a run without a console goes.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// In place of the plan's policy.
    pub on_error: Option<OnError>,
    /// Goes on with an unfinished run.
    pub resume: bool,
    /// Only these destination tables; none: all.
    pub only: Vec<String>,
    /// What the checks want confirmed is confirmed.
    pub force: bool,
    /// What was written is not validated.
    pub no_validate: bool,
    /// Somebody is there to answer faults, line by line.
    pub asks: bool,
}

pub async fn perform(context: &Context, arguments: &Run) -> Result<Exit, CliError> {
    let bench = context.workbench(&arguments.plan)?;
    if arguments.dry_run {
        return dry::perform(context, &bench, arguments).await;
    }
    let way = Way {
        on_error: arguments.on_error.map(OnError::from),
        resume: arguments.resume,
        only: arguments.tables.clone(),
        force: arguments.force,
        no_validate: arguments.no_validate,
        asks: context.has_operator() && arguments.on_error.is_none_or(|policy| OnError::from(policy) == OnError::Ask),
    };
    let plan = arguments.plan.display().to_string();
    if bench.kind().await == Some(Kind::Scheduled) && !arguments.force {
        return schedule::keep(context, &arguments.plan, way).await;
    }
    if context.has_screen() && !arguments.no_validate && arguments.tables.is_empty() {
        let begin = Begin { on_error: way.on_error, confirmed: way.force };
        return console::show(context, Some(&arguments.plan), Screen::Run, Some(begin)).await;
    }
    headless(context, &bench, way, &plan).await
}

/// The checks, then the run, asking nobody but whoever answers line by line.
pub async fn headless(context: &Context, bench: &Workbench, way: Way, plan: &str) -> Result<Exit, CliError> {
    // Both hold too much for the stack of whoever waits for them.
    let items = Box::pin(bench.check()).await;
    let passed = check::passed(&items);
    let unconfirmed = check::unconfirmed(&items).next().is_some() && !way.force;
    if !passed || unconfirmed {
        if context.json {
            context.print(&serde_json::json!({ "passed": passed, "checks": items }))?;
        } else {
            check::print(&items);
        }
        match passed {
            true => eprintln!("whimbrel: a check wants your word; nothing was written. --force starts all the same"),
            false => eprintln!("whimbrel: the checks did not pass; nothing was written"),
        }
        return Ok(Exit::Unchecked);
    }
    let only = way.only.clone();
    let job = bench.job(way.on_error, way.resume, way.asks, way.only).await.map_err(CliError::failed)?;
    let teller = (!context.json).then(|| tokio::spawn(follow(bench.keeping())));
    let prepared = prepare(job).await;
    if let Some(teller) = teller {
        teller.abort();
    }
    let prepared = prepared.map_err(prepare_error)?;
    bench.keep_checks(prepared.run_id(), &items).await;
    let how = (!way.no_validate && bench.validates().await).then(|| Closeness { only, ..Closeness::default() });
    Box::pin(progress::follow(context, prepared, plan, (bench, how), way.asks)).await
}

/// A line for each table that is kept before the first write.
async fn follow(mut told: tokio::sync::watch::Receiver<RestoreProgress>) {
    let mut last = String::new();
    while told.changed().await.is_ok() {
        let progress = told.borrow_and_update().clone();
        if progress.step == RestoreStep::Keeping && progress.table != last {
            println!("keeping what {} holds, for the way back", progress.table);
            last = progress.table;
        }
    }
}

pub fn prepare_error(error: PrepareError) -> CliError {
    match error {
        PrepareError::Endpoint(error) => crate::cli::open::endpoint_error(error),
        PrepareError::Ledger(error) => CliError::failed(error),
        error @ PrepareError::Precaution(_) => CliError::failed(error),
        error => CliError::usage(error),
    }
}
