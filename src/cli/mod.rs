//! Arguments, wiring, one file per verb, `--json`, exit codes.
//!
//! May not touch ratatui. The only room that prints.

#[macro_use]
mod say;

mod args;
pub mod demo;
mod exit;
mod open;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use crate::protocol::Command;
use args::{Arguments, Verb};
pub use exit::{CliError, Exit};

/// Runs the program: its verbs, its exit codes.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(dispatch(&arguments));
            // A blocked read of the terminal must not keep the process.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(CliError::failed(format!("cannot start: {error}"))),
    };
    let result = match (result, say::missed()) {
        (Ok(_), Some(why)) => Err(CliError::failed(format!("not all could be printed to standard output: {why}"))),
        (result, _) => result,
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            report(&arguments, &error);
            error.exit.into()
        }
    }
}

fn report(arguments: &Arguments, error: &CliError) {
    if arguments.json {
        println!("{}", serde_json::json!({ "error": error.message, "exit": error.exit as u8 }));
    } else {
        eprintln!("whimbrel: {}", error.message);
    }
}

async fn dispatch(arguments: &Arguments) -> Result<Exit, CliError> {
    let context = open::Context::new(arguments).await?;
    match &arguments.verb {
        None => verbs::console::open(&context, arguments.plan.as_deref()).await,
        Some(Verb::Demo(demo)) => verbs::demo::perform(&context, demo).await,
        Some(Verb::New(new)) => verbs::new::perform(&context, new).await,
        Some(Verb::Tables(tables)) => verbs::tables::perform(&context, tables).await,
        Some(Verb::Preview(preview)) => verbs::preview::perform(&context, preview).await,
        Some(Verb::Profile(profile)) => verbs::profile::perform(&context, profile).await,
        Some(Verb::Mapping(mapping)) => verbs::mapping::perform(&context, mapping).await,
        Some(Verb::Check(check)) => verbs::check::perform(&context, check).await,
        Some(Verb::Run(run)) => Box::pin(verbs::run::perform(&context, run)).await,
        Some(Verb::Status) => verbs::live::status(&context).await,
        Some(Verb::Attach(of)) => verbs::console::attach(&context, of.plan.as_deref()).await,
        Some(Verb::Pause(of)) => verbs::live::tell(&context, of.plan.as_deref(), [Command::Pause]).await,
        Some(Verb::Resume(of)) => verbs::live::tell(&context, of.plan.as_deref(), [Command::Resume]).await,
        Some(Verb::Throttle(of)) => verbs::live::throttle(&context, of).await,
        Some(Verb::Stop(of)) => verbs::live::tell(&context, of.plan.as_deref(), [Command::Stop]).await,
        Some(Verb::Host(of)) => verbs::host::perform(&context, of.plan.as_deref()).await,
        Some(Verb::Review(review)) => verbs::review::perform(&context, review).await,
        Some(Verb::Validate(validate)) => verbs::validate::perform(&context, validate).await,
        Some(Verb::Audit(audit)) => verbs::audit::perform(&context, audit).await,
        Some(Verb::Restore(restore)) => verbs::restore::perform(&context, restore).await,
        Some(Verb::Report(report)) => verbs::report::perform(&context, report).await,
        Some(Verb::Finish(finish)) => verbs::finish::perform(&context, finish).await,
    }
}
