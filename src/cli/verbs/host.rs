//! `whimbrel host`: what a console starts so that a run outlives it.

use std::{path::Path, sync::Arc};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::{CliError, Exit, open::Context},
    plan::Document,
};

/// Serves the plan until nobody is connected and no run goes on. In a session of its own, so that no terminal's end
/// reaches it; SIGTERM stops its run in order.
pub async fn perform(context: &Context, plan: Option<&Path>) -> Result<Exit, CliError> {
    // Fails only where the process leads a session already, which is as good.
    let _ = rustix::process::setsid();
    // Listened to, and not acted upon: the end of a terminal and a stray ctrl-c.
    let _hang_up = signal(SignalKind::hangup()).map_err(CliError::failed)?;
    let _interrupt = signal(SignalKind::interrupt()).map_err(CliError::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::failed)?;
    let document = match plan {
        Some(plan) => Document::load(plan).map_err(CliError::usage)?,
        None => Document::default(),
    };
    let bench = Arc::new(context.bench(document));
    let end = async move {
        terminate.recv().await;
    };
    if let Err(error) = context.hosts().be(bench, end).await {
        tracing::error!(%error, "the host cannot be one");
        return Err(CliError::failed(error));
    }
    Ok(Exit::Well)
}
