//! `whimbrel` and `whimbrel PLAN`: the console.

use std::{path::Path, sync::Arc};

use super::live;
use crate::{
    cli::{CliError, Exit, open::Context},
    console::{self, Begin, ConsoleError, Ended, Options, Screen},
    engine::now_ms,
    host::{self, Found},
    ledger::default_key_folder,
    model::RunPhase,
    plan::Document,
    protocol::Role,
};

/// Opens the plan in the console; without one, the console on the list of migrations, or that list in lines where there
/// is no terminal. A run under way is picked up.
pub async fn open(context: &Context, plan: Option<&Path>) -> Result<Exit, CliError> {
    let terminal = context.has_screen();
    let Some(plan) = plan else {
        return match terminal {
            false => list(context).await,
            true => show(context, None, Screen::Migrations, None).await,
        };
    };
    // A plan that is not there is told before anything is started.
    Document::load(plan).map_err(CliError::usage)?;
    if !terminal {
        return Err(context.without_screen(
            "`whimbrel check PLAN`, `whimbrel run PLAN` (which asks line by line where somebody is there), `whimbrel \
             validate PLAN` and `whimbrel review` work without one",
        ));
    }
    show(context, Some(plan), Screen::Connect, None).await
}

/// The console on a run under way.
pub async fn attach(context: &Context, plan: Option<&Path>) -> Result<Exit, CliError> {
    if !context.has_screen() {
        return Err(context.without_screen("`whimbrel status`, `pause`, `resume` and `stop` work without one"));
    }
    let run = live::the_run(context, plan).await?;
    sit(context, &run.found, Screen::Run, None).await
}

/// The console on a plan: at the host that runs it, else at one of its own, else (as told) without any.
pub async fn show(
    context: &Context,
    plan: Option<&Path>,
    start: Screen,
    begin: Option<Begin>,
) -> Result<Exit, CliError> {
    if context.in_process {
        return alone(context, plan, start, begin).await;
    }
    if let Some(run) = live::runs(context, plan).await?.first() {
        return sit(context, &run.found, Screen::Run, None).await;
    }
    let host = context.hosts().start(plan).await.map_err(CliError::failed)?;
    sit(context, &host, start, begin).await
}

fn options(context: &Context, start: Screen, begin: Option<Begin>, can_detach: bool) -> Options {
    Options {
        start,
        begin,
        user: context.by.clone(),
        opened_ms: now_ms(),
        can_detach,
        theme: context.theme.clone(),
        mouse: context.mouse,
        config: default_key_folder(),
        state: Some(context.ledger.folder().to_owned()),
        folder: std::env::current_dir().unwrap_or_default(),
        ..Options::default()
    }
}

fn ended(result: Result<Ended, ConsoleError>) -> Result<Ended, CliError> {
    result.map_err(|error| match error {
        ConsoleError::Theme(error) => CliError::usage(error),
        error => CliError::failed(error),
    })
}

/// A console at a host that outlives it.
async fn sit(context: &Context, host: &Found, start: Screen, begin: Option<Begin>) -> Result<Exit, CliError> {
    let port = context.hosts().attach(host, &context.by, Role::Sit).await.map_err(CliError::failed)?;
    let ended = ended(console::run(port, options(context, start, begin, true)).await)?;
    if ended.goes_on && ended.exit != console::Exit::Gone {
        let process = &host.hello.name;
        println!("The run goes on in its host (process {process}). `whimbrel attach` comes back to it.");
        return Ok(Exit::Well);
    }
    verdict(context, &ended.plan).await
}

/// A console with its host in this process.
async fn alone(context: &Context, plan: Option<&Path>, start: Screen, begin: Option<Begin>) -> Result<Exit, CliError> {
    let document = match plan {
        Some(plan) => Document::load(plan).map_err(CliError::usage)?,
        None => Document::default(),
    };
    let (port, host) = host::serve(Arc::new(context.bench(document)));
    let result = console::run(port, options(context, start, begin, false)).await;
    let _ = host.await;
    let ended = ended(result)?;
    verdict(context, &ended.plan).await
}

/// The exit code tells a script how the plan's latest run stands.
async fn verdict(context: &Context, plan: &str) -> Result<Exit, CliError> {
    let plan_key = live::key(Path::new(plan));
    let Some(run) = context.ledger.runs(Some(&plan_key)).await.map_err(CliError::failed)?.into_iter().next() else {
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
