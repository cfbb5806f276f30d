//! From arguments to what the verbs work with.

use std::{
    fs::OpenOptions,
    io::IsTerminal,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::{
    CliError,
    args::{Arguments, Side, WhichSide},
};
use crate::{
    endpoint::{Catalog, EndpointError, Source, open_source},
    host::{Hosts, Workbench},
    ledger::{Ledger, Seal, default_key_folder, default_state_folder},
    plan::{Document, SecretRef, SidePlan},
    protocol::SideName,
};

/// What all verbs share.
pub struct Context {
    pub ledger: Ledger,
    pub json: bool,
    /// Who acts, for the ledger.
    pub by: String,
    /// No host of its own.
    pub in_process: bool,
    /// No screen.
    pub plain: bool,
    /// The console's theme by name.
    pub theme: Option<String>,
    pub mouse: bool,
}

impl Context {
    pub async fn new(arguments: &Arguments) -> Result<Self, CliError> {
        let folder = match &arguments.state_dir {
            Some(folder) => folder.clone(),
            None => default_state_folder().map_err(CliError::failed)?,
        };
        let seal = default_key_folder().map(Seal::at);
        let ledger = Ledger::open(&folder).await.map_err(CliError::failed)?.sealed(seal);
        log_to(&folder);
        Ok(Self {
            ledger,
            json: arguments.json,
            by: user(),
            in_process: arguments.in_process,
            plain: arguments.plain,
            theme: arguments.theme.clone(),
            mouse: !arguments.no_mouse,
        })
    }

    /// Whether there is a screen for the console.
    pub fn has_screen(&self) -> bool {
        is_terminal() && !is_dumb() && !self.plain && !self.json
    }

    /// Whether somebody is there who can be asked.
    pub fn has_operator(&self) -> bool {
        is_terminal() && !self.json
    }

    /// Why there is no screen, and what works without one.
    pub fn without_screen(&self, instead: &str) -> CliError {
        let why = match () {
            () if self.plain => "--plain leaves no screen to the console",
            () if is_terminal() && is_dumb() => "this terminal (TERM=dumb) cannot place a cursor, as the console must",
            () => "the console needs a terminal",
        };
        CliError::usage(format!("{why}; {instead}"))
    }

    /// The plan's workbench. A plan with errors is a usage error that names them all.
    pub fn workbench(&self, plan: &Path) -> Result<Workbench, CliError> {
        let document = Document::load(plan).map_err(CliError::usage)?;
        let errors = document.problems.iter().filter(|problem| problem.error);
        let errors: Vec<String> =
            errors.map(|p| format!("{}:{}:{}: {}", plan.display(), p.line, p.column, p.message)).collect();
        if !errors.is_empty() {
            return Err(CliError::usage(format!("the plan has {} error(s):\n{}", errors.len(), errors.join("\n"))));
        }
        Ok(self.bench(document))
    }

    /// The hosts of this state folder.
    pub fn hosts(&self) -> Hosts {
        Hosts::of(self.ledger.folder())
    }

    pub fn bench(&self, document: Document) -> Workbench {
        // Without a folder of its own a process still works on plans elsewhere.
        let folder = std::env::current_dir().unwrap_or_default();
        Workbench::new(document, self.ledger.clone(), self.by.clone(), folder)
    }

    /// A side that a verb names, opened.
    pub async fn side(&self, side: &Side) -> Result<Arc<dyn Catalog>, CliError> {
        let opened: Result<Arc<dyn Catalog>, EndpointError> = match &side.plan {
            Some(plan) => {
                let bench = self.workbench(plan)?;
                match side.side.into() {
                    SideName::Source => bench.source().await.map(|source| source as Arc<dyn Catalog>),
                    SideName::Destination => bench.destination().await.map(|opened| opened as Arc<dyn Catalog>),
                }
            }
            None => return Ok(self.addressed(side).await?),
        };
        opened.map_err(endpoint_error)
    }

    /// A side that a verb names by its address, opened to be read.
    pub async fn addressed(&self, side: &Side) -> Result<Arc<dyn Source>, CliError> {
        let plan = SidePlan {
            url: side.url.clone().unwrap_or_default(),
            password: side.password_env.clone().map(SecretRef::Env),
            ..SidePlan::default()
        };
        open_source(&plan, Path::new("."), None).await.map_err(endpoint_error)
    }

    /// Prints the object under `--json`.
    pub fn print(&self, object: &impl Serialize) -> Result<(), CliError> {
        println!("{}", serde_json::to_string(object).map_err(CliError::failed)?);
        Ok(())
    }
}

pub fn endpoint_error(error: EndpointError) -> CliError {
    CliError::failed(format!("{error}. {}", error.hint()))
}

impl From<WhichSide> for SideName {
    fn from(side: WhichSide) -> Self {
        match side {
            WhichSide::Source => Self::Source,
            WhichSide::Destination => Self::Destination,
        }
    }
}

/// Whether somebody sits at both ends.
fn is_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn user() -> String {
    let named =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// Logs go to a private file in the state folder: a screen has no room for them, and a pipe belongs to `--json`.
fn log_to(folder: &Path) {
    let path: PathBuf = folder.join("whimbrel.log");
    let Ok(file) = OpenOptions::new().create(true).append(true).mode(0o600).open(path) else { return };
    let filter = EnvFilter::try_from_env("WHIMBREL_LOG").unwrap_or_else(|_| EnvFilter::new("warn,whimbrel=info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Arc::new(file));
    let _ = subscriber.try_init();
}
