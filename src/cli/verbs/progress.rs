//! A run without the console: lines of progress, or facts as JSON lines.

use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;

use super::{answering::Answering, validate};
use crate::{
    cli::{CliError, Exit, open::Context},
    engine::{self, Prepared},
    host::{Closeness, Workbench},
    model::{Count, Counts, RunPhase, clean, clip, compact, percent_of, speed, thousands},
    plan::Masks,
    protocol::{Command, Event, Fact, Outcome, Snapshot},
};

/// How often a line of progress is printed.
const PACE: Duration = Duration::from_secs(5);

/// Faults that are printed one by one; the rest is in the ledger.
const SHOWN_FAULTS: u64 = 20;

/// Of a value so many columns are printed.
const SHOWN_WIDTH: usize = 200;

/// Performs the run to its end, telling about it on the way. SIGINT and SIGTERM stop it; it can be resumed.
///
/// What was written is validated at the end, if it is said how. `asks`: somebody answers faults, line by line.
pub async fn follow(
    context: &Context,
    prepared: Prepared,
    plan: &str,
    (bench, how): (&Workbench, Option<Closeness>),
    asks: bool,
) -> Result<Exit, CliError> {
    let mut operator = if asks { Some(Answering::begin()?) } else { None };
    let masks = bench.masks().await;
    let mut snapshot = prepared.before().clone();
    let (handle, mut facts) = engine::spawn(prepared);
    let gauge = handle.gauge();
    let mut pace = tokio::time::interval_at((Instant::now() + PACE).into(), PACE);
    let mut interrupted = Interrupts::new()?;
    loop {
        tokio::select! {
            biased;
            fact = facts.recv() => match fact {
                Ok(fact) => tell(context, &mut snapshot, hidden(&masks, fact), operator.as_mut())?,
                Err(RecvError::Lagged(_)) => {
                    for fact in context.ledger.facts_after(handle.run(), snapshot.seq).await.map_err(CliError::failed)? {
                        tell(context, &mut snapshot, hidden(&masks, fact), operator.as_mut())?;
                    }
                }
                Err(RecvError::Closed) => break,
            },
            () = interrupted.next() => {
                eprintln!("whimbrel: stopping; chunks under way are rolled back");
                handle.command(Command::Stop, &context.by).await;
            }
            said = hear(operator.as_mut()) => {
                let command = operator.as_mut().and_then(|operator| operator.hear(said.as_deref()));
                if let (Some(command), Some(operator)) = (command, operator.as_mut()) {
                    operator.answered(handle.command(command, &context.by).await);
                }
            }
            _ = pace.tick(), if !context.json && !operator.as_ref().is_some_and(Answering::is_asking) => line(&snapshot, &gauge.borrow()),
        }
    }
    let mut ended = handle.ended().await.map_err(CliError::failed)?;
    if let Some(how) = how.filter(|_| ended.phase == RunPhase::Completed) {
        tokio::select! {
            fact = validated(context, bench, &how) => fact?.iter().for_each(|fact| ended.fold(fact)),
            () = interrupted.next() => eprintln!("whimbrel: the validation is left out; `whimbrel validate {plan}`"),
        }
    }
    conclude(context, &ended, plan)
}

/// The fact as it may be shown: without private values.
fn hidden(masks: &Masks, mut fact: Fact) -> Fact {
    if let Event::FaultRaised { fault } | Event::FaultRuled { fault, .. } = &mut fact.event {
        **fault = masks.hide(fault);
    }
    fact
}

/// The validation after the run, told as its last fact.
async fn validated(context: &Context, bench: &Workbench, how: &Closeness) -> Result<Option<Fact>, CliError> {
    let (validation, fact) = match bench.validate(how).await {
        Ok(validated) => validated,
        Err(why) => {
            eprintln!("whimbrel: what was written could not be validated: {why}");
            return Ok(None);
        }
    };
    match (&fact, context.json) {
        (Some(fact), true) => context.print(fact)?,
        (_, true) => {}
        (_, false) => validate::summary(&validation),
    }
    Ok(fact)
}

async fn hear(operator: Option<&mut Answering>) -> Option<String> {
    match operator {
        Some(operator) => operator.line().await,
        None => std::future::pending().await,
    }
}

struct Interrupts {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupts {
    fn new() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(CliError::failed)?,
            terminate: signal(SignalKind::terminate()).map_err(CliError::failed)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn tell(
    context: &Context,
    snapshot: &mut Snapshot,
    fact: Fact,
    operator: Option<&mut Answering>,
) -> Result<(), CliError> {
    if fact.seq <= snapshot.seq {
        return Ok(());
    }
    snapshot.fold(&fact);
    if context.json {
        return context.print(&fact);
    }
    match &fact.event {
        Event::Started { resumed, tables, .. } => {
            let word = if *resumed { "resumed" } else { "started" };
            println!("run {} {word}: {} table(s)", fact.run, tables.len());
        }
        // It is told with the question.
        Event::FaultRaised { .. } if operator.is_some() => {}
        Event::FaultRaised { fault } | Event::FaultRuled { fault, .. } if snapshot.raised <= SHOWN_FAULTS => {
            let value = fault.value.as_ref().map(|cell| format!(" '{}'", clip(&clean(&cell.display()), SHOWN_WIDTH)));
            println!(
                "row {} of {}: column '{}' has invalid value{}; expected {}: {}",
                thousands(fault.row),
                fault.table,
                fault.shown_column(),
                value.unwrap_or_default(),
                fault.expected,
                fault.message
            );
        }
        Event::TableFinished { table, counts } => println!(
            "{table}: done; {} read, {} written{}, {} skipped, {} flagged",
            thousands(counts.read),
            thousands(counts.written),
            unchanged(counts),
            thousands(counts.skipped),
            thousands(counts.flagged)
        ),
        Event::TableHeld { table, message, .. } => println!("{table}: held; {message}"),
        Event::RestorePointMade(made) => {
            println!("restore point made: {}, {} row(s) of {} table(s)", made.name, thousands(made.rows), made.tables)
        }
        Event::Remark { message } => println!("note: {message}"),
        _ => {}
    }
    if let Some(operator) = operator {
        operator.follow(&fact.event);
    }
    Ok(())
}

/// How many of the rows written were there already as they are.
fn unchanged(counts: &Counts) -> String {
    match counts.unchanged {
        0 => String::new(),
        rows => format!(" ({} of them unchanged)", thousands(rows)),
    }
}

fn line(snapshot: &Snapshot, gauge: &crate::model::Gauge) {
    let read: u64 = gauge.tables.iter().map(|(_, read, _)| read).sum();
    let of = match snapshot.rows() {
        Count::Exact(rows) => thousands(rows),
        other => compact(other),
    };
    let share = percent_of(read, snapshot.rows()).unwrap_or(0);
    println!(
        "{share} %  {} / {of} rows  {} rows/minute  {}",
        thousands(read),
        thousands(speed(read, gauge.elapsed_ms)),
        gauge.now
    );
}

fn conclude(context: &Context, ended: &Snapshot, plan: &str) -> Result<Exit, CliError> {
    let counts = ended.counts();
    let proof = ended.validated.as_ref().map(|validated| validated.outcome);
    let exit = match ended.phase {
        RunPhase::Completed if proof.is_some_and(|proof| proof != Outcome::Passed) => Exit::Unproven,
        RunPhase::Completed if counts.skipped + counts.flagged == 0 => Exit::Well,
        RunPhase::Completed => Exit::Incomplete,
        _ => Exit::Failed,
    };
    let run = ended.run.as_ref().map(|run| run.0.as_str()).unwrap_or_default();
    if context.json {
        context.print(&serde_json::json!({
            "result": {
                "run": run, "phase": ended.phase, "counts": counts, "tables": ended.tables,
                "stopped": ended.stopped, "validated": ended.validated, "exit": exit as u8,
            }
        }))?;
        return Ok(exit);
    }
    println!(
        "{}: {} read = {} written{} + {} skipped + {} flagged",
        if ended.phase == RunPhase::Completed { "completed" } else { "stopped" },
        thousands(counts.read),
        thousands(counts.written),
        unchanged(&counts),
        thousands(counts.skipped),
        thousands(counts.flagged)
    );
    if let Some(why) = &ended.stopped {
        println!("why: {why}\nnext: mend it, then `whimbrel run {plan} --resume`");
    } else if counts.flagged > 0 {
        println!("next: `whimbrel review {run}`");
    }
    if exit == Exit::Unproven {
        println!("next: `whimbrel validate {plan}`");
    }
    Ok(exit)
}
