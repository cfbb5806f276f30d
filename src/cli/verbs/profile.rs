//! `whimbrel profile`.

mod text;

use std::{
    io::{IsTerminal as _, Write as _},
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use tokio::sync::watch;

use crate::{
    cli::{
        CliError, Exit,
        args::ProfileOf,
        open::{Context, endpoint_error},
    },
    endpoint::Source,
    host::Workbench,
    model::{Count, compact, thousands},
    profile::{Line, Subject, profile},
    protocol::{Profiling, Rows, SideName, TableProfile},
};

/// What is looked at: a plan's side, with its mapping, or what an address leads to.
enum Subjects {
    Plan(Box<Workbench>, SideName),
    Address(Arc<dyn Source>),
}

pub async fn perform(context: &Context, arguments: &ProfileOf) -> Result<Exit, CliError> {
    let subjects = match &arguments.side.plan {
        Some(plan) => Subjects::Plan(Box::new(context.workbench(plan)?), arguments.side.side.into()),
        None => Subjects::Address(context.addressed(&arguments.side).await?),
    };
    let tables = match &arguments.table {
        Some(table) => vec![table.clone()],
        None => subjects.tables().await?,
    };
    let (stops, stop) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stops.send_replace(true);
        }
        // Whoever asks again does not want to wait.
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(Exit::Failed as i32);
        }
    });
    let how = (arguments.sample.unwrap_or_default(), arguments.columns.clone());
    let mut found = Vec::with_capacity(tables.len());
    for table in &tables {
        let looked = subjects.look(table, how.clone(), stop.clone()).await?;
        if !context.json {
            text::print(&looked);
        }
        found.push(looked);
        if *stop.borrow() {
            break;
        }
    }
    if context.json {
        context.print(&json!({ "profiles": found }))?;
    }
    let broken_off = *stop.borrow();
    if broken_off {
        eprintln!("whimbrel: broken off; {} of {} table(s) looked at to the end", whole(&found), tables.len());
    }
    Ok(if broken_off { Exit::Failed } else { Exit::Well })
}

fn whole(found: &[TableProfile]) -> usize {
    found.iter().filter(|profile| !profile.broken_off).count()
}

impl Subjects {
    /// The plan's tables of that side, else all that are there.
    async fn tables(&self) -> Result<Vec<String>, CliError> {
        match self {
            Self::Plan(bench, side) => {
                let planned = bench.planned().await.map_err(CliError::usage)?;
                if planned.is_empty() {
                    return Err(CliError::usage(
                        "the plan has no table yet; name one: whimbrel profile TABLE --plan FILE",
                    ));
                }
                Ok(planned.into_iter().map(|(from, to)| if *side == SideName::Source { from } else { to }).collect())
            }
            Self::Address(source) => {
                let tables = source.tables().await.map_err(endpoint_error)?;
                Ok(tables.into_iter().map(|entry| entry.name).collect())
            }
        }
    }

    async fn look(
        &self,
        table: &str,
        (rows, columns): (Rows, Vec<String>),
        stop: watch::Receiver<bool>,
    ) -> Result<TableProfile, CliError> {
        match self {
            Self::Plan(bench, side) => {
                let _watched = Watched::of(bench.profiling());
                bench.profile(*side, table, (rows, columns), stop).await.map_err(CliError::failed)
            }
            Self::Address(source) => {
                let (progress, told) = watch::channel(None);
                let _watched = Watched::of(told);
                let subject = Subject { table: table.to_owned(), rows, columns, mappings: Vec::new() };
                profile(source, &subject, Line { progress, stop }).await.map_err(CliError::failed)
            }
        }
    }
}

/// Says how far a profile is, in one line of a terminal that is gone afterwards; nothing where standard error is none.
struct Watched(Option<tokio::task::JoinHandle<()>>);

impl Watched {
    fn of(mut told: watch::Receiver<Option<Profiling>>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        Self(Some(tokio::spawn(async move {
            while told.changed().await.is_ok() {
                if let Some(now) = told.borrow_and_update().clone() {
                    eprint!("\r\x1b[K{}", progress(&now));
                    let _ = std::io::stderr().flush();
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
            eprint!("\r\x1b[K");
        }
    }
}

fn progress(now: &Profiling) -> String {
    let of = match now.total {
        Count::Exact(rows) if now.now == now.table => format!(" of {}", thousands(rows)),
        rows @ Count::Estimate(_) if now.now == now.table => format!(" of {}", compact(rows)),
        _ => String::new(),
    };
    format!("{}: {}{of} rows read; ctrl-c breaks off", now.now, thousands(now.read))
}
