//! `whimbrel status`, `pause`, `resume`, `throttle`, `stop`: the runs of this host's own processes, from a script.

use std::path::Path;

use serde_json::json;

use crate::{
    cli::{
        CliError, Exit,
        args::{Limit, ThrottleOf},
        open::Context,
    },
    host::{Found, Port},
    model::{RunPhase, percent_of, thousands},
    protocol::{Command, FromHost, Reply, Role, Snapshot, ToHost, Validating},
};

/// How long a host is given to say whether a validation goes on.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// A host with a run under way.
pub struct LiveRun {
    pub found: Found,
    pub snapshot: Snapshot,
    /// How far a validation is that goes on there.
    pub validating: Option<Validating>,
    port: Port,
}

fn is_going(phase: RunPhase) -> bool {
    matches!(phase, RunPhase::Running | RunPhase::Draining | RunPhase::Paused)
}

/// How a plan's file is named in the ledger.
pub fn key(plan: &Path) -> String {
    std::fs::canonicalize(plan).unwrap_or_else(|_| plan.to_owned()).display().to_string()
}

/// All runs under way, or that of the plan; the latest host first.
pub async fn runs(context: &Context, plan: Option<&Path>) -> Result<Vec<LiveRun>, CliError> {
    let mut runs = busy(context, plan).await?;
    runs.retain(|run| is_going(run.snapshot.phase));
    Ok(runs)
}

/// The same, and hosts of which only a validation goes on.
async fn busy(context: &Context, plan: Option<&Path>) -> Result<Vec<LiveRun>, CliError> {
    let hosts = context.hosts();
    let plan = plan.map(key);
    let mut runs = Vec::new();
    for found in hosts.live().await {
        if plan.as_ref().is_some_and(|plan| *plan != found.hello.plan) {
            continue;
        }
        let mut port = hosts.attach(&found, &context.by, Role::Command).await.map_err(CliError::failed)?;
        let Some(snapshot) = stands(&mut port).await else { continue };
        let validating = validating(&mut port).await;
        if is_going(snapshot.phase) || validating.is_some() {
            runs.push(LiveRun { found, snapshot, validating, port });
        }
    }
    Ok(runs)
}

/// The first word about the run; a host says it to whoever comes with a command.
async fn stands(port: &mut Port) -> Option<Snapshot> {
    loop {
        match port.receive().await? {
            FromHost::Snapshot(snapshot) => return Some(*snapshot),
            _ => continue,
        }
    }
}

/// What a host says right after that of a validation, also that there is none.
async fn validating(port: &mut Port) -> Option<Validating> {
    let said = tokio::time::timeout(PATIENCE, async {
        loop {
            if let FromHost::Validating(now) = port.receive().await? {
                return now;
            }
        }
    });
    said.await.ok().flatten()
}

pub async fn status(context: &Context) -> Result<Exit, CliError> {
    let runs = busy(context, None).await?;
    if context.json {
        let runs: Vec<_> = runs.iter().map(described).collect();
        context.print(&json!({ "runs": runs }))?;
        return Ok(Exit::Well);
    }
    if runs.is_empty() {
        println!("no run is under way on this host");
    }
    for LiveRun { found, snapshot, validating, .. } in &runs {
        let counts = snapshot.counts();
        let share = percent_of(counts.read, snapshot.rows()).map_or("?".to_owned(), |percent| format!("{percent} %"));
        println!(
            "{:30}  {:9} {share:>6}  {} rows written, {} errors wait  {}",
            snapshot.plan,
            snapshot.phase.word(),
            thousands(counts.written),
            snapshot.open.len(),
            found.hello.plan
        );
        if let Some(limit) = snapshot.rows_per_second {
            println!("    at most {} rows/s", thousands(limit));
        }
        if let Some(now) = validating {
            let (rows, done, of) = (thousands(now.rows), now.done, now.tables);
            println!("    validating: {}, {done} of {of} tables, {rows} rows read", now.now);
        }
    }
    Ok(Exit::Well)
}

fn described(run: &LiveRun) -> serde_json::Value {
    let LiveRun { found, snapshot, validating, .. } = run;
    json!({
        "validating": validating,
        "run": snapshot.run,
        "plan": found.hello.plan,
        "name": snapshot.plan,
        "process": found.hello.name,
        "phase": snapshot.phase,
        "counts": snapshot.counts(),
        "rows": snapshot.rows(),
        "open": snapshot.open.len(),
        "parallel": snapshot.parallel,
        "rows_per_second": snapshot.rows_per_second,
    })
}

/// The one run that is meant.
pub async fn the_run(context: &Context, plan: Option<&Path>) -> Result<LiveRun, CliError> {
    let mut runs = runs(context, plan).await?;
    let first = runs.pop();
    match first {
        Some(run) if runs.is_empty() => Ok(run),
        Some(_) => Err(CliError::usage("several runs are under way; name the plan: `whimbrel status` lists them")),
        None => Err(CliError::failed(match plan {
            Some(plan) => format!("no run of {} is under way on this host", plan.display()),
            None => "no run is under way on this host".to_owned(),
        })),
    }
}

/// Holds the run back, or lets it go.
pub async fn throttle(context: &Context, of: &ThrottleOf) -> Result<Exit, CliError> {
    let parallel = of.parallel.map(|tables| Command::Parallel { tables: usize::from(tables) });
    let limit = of.rows.map(|Limit(rows_per_second)| Command::Throttle { rows_per_second });
    tell(context, of.plan.as_deref(), parallel.into_iter().chain(limit)).await
}

/// Tells the run, and waits until it has taken it.
pub async fn tell(
    context: &Context,
    plan: Option<&Path>,
    commands: impl IntoIterator<Item = Command>,
) -> Result<Exit, CliError> {
    let mut run = the_run(context, plan).await?;
    for (id, command) in (1..).zip(commands) {
        if let Reply::Refused(why) = ask(&mut run.port, id, command).await? {
            return Err(CliError::failed(why));
        }
    }
    match context.json {
        true => context.print(&described(&run))?,
        false => println!("{}: done", run.snapshot.plan),
    }
    Ok(Exit::Well)
}

async fn ask(port: &mut Port, id: u64, command: Command) -> Result<Reply, CliError> {
    let gone = || CliError::failed("the host went away before it answered; `whimbrel status` tells what runs");
    port.send(ToHost::Command { id, command }).map_err(|_| gone())?;
    loop {
        match port.receive().await.ok_or_else(gone)? {
            FromHost::Reply { id: of, reply } if of == id => return Ok(reply),
            _ => continue,
        }
    }
}
