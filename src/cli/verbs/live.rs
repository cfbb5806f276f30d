//! `whimbrel status`, `pause`, `resume`, `stop`: the runs of this host's own processes, from a script.

use std::path::Path;

use serde_json::json;

use crate::{
    cli::{CliError, Exit, open::Context},
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

/// Tells the run, and waits until it has taken it.
pub async fn tell(context: &Context, plan: Option<&Path>, command: Command) -> Result<Exit, CliError> {
    let mut run = the_run(context, plan).await?;
    let gone = || CliError::failed("the host went away before it answered; `whimbrel status` tells what runs");
    run.port.send(ToHost::Command { id: 1, command }).map_err(|_| gone())?;
    let reply = loop {
        match run.port.receive().await.ok_or_else(gone)? {
            FromHost::Reply { id: 1, reply } => break reply,
            _ => continue,
        }
    };
    match reply {
        Reply::Refused(why) => Err(CliError::failed(why)),
        Reply::Done if context.json => {
            context.print(&described(&run))?;
            Ok(Exit::Well)
        }
        Reply::Done => {
            println!("{}: done", run.snapshot.plan);
            Ok(Exit::Well)
        }
    }
}
