//! What keeps a restore point from being made, or the way back from being gone.

use std::path::PathBuf;

use datafusion::arrow::error::ArrowError;

use crate::{
    endpoint::{EndpointError, ErrorKind},
    ledger::LedgerError,
    model::RunId,
};

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("{0}. {hint}", hint = .0.hint())]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "cannot keep what is in {path}: {source}; free space on its disk, or name another state folder with --state-dir"
    )]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("{path} cannot be written as columns: {source}")]
    Columns { path: PathBuf, source: ArrowError },
    #[error(
        "{table} is {gb} GB, and [restore] max_gb = {max_gb}; a larger table is kept row by row as the run writes it, but not \
         this one: {why}; raise max_gb if there is room on this host, or let the run go without a way back with points = false"
    )]
    TooLarge { table: String, gb: u64, max_gb: u32, why: String },
    #[error(
        "a row of {table} cannot be kept: {column} holds what its type does not ({message}); put it right, or let the run \
         go without a way back with [restore] points = false"
    )]
    Unkeepable { table: String, column: String, message: String },
    #[error("{0} is not what was written when the restore point was made: {1}; nothing was put back")]
    Tampered(PathBuf, String),
    #[error("what is kept is encrypted: name the file that holds its key with --identity FILE; nothing was put back")]
    Sealed,
    #[error("the identity file {0} {1}")]
    Identity(PathBuf, String),
    #[error("what was kept of {0} reads back as something else ({1}); look at this host's disk and memory")]
    Unlike(String, String),
    #[error("restore point {0} is not finished: whoever made it was cut off before its run wrote anything")]
    Unfinished(String),
    #[error("what restore point {0} kept was purged")]
    Purged(String),
    #[error("restore point {0} is gone back to right now, or was cut off while it was; restore it before it is purged")]
    InUse(String),
    #[error(
        "restore point {name} is the way back of run {run}, which is not over; let it come to its end, go back to the point, or \
         declare the migration over with `whimbrel finish PLAN --force` before it is purged"
    )]
    RunOpen { name: String, run: RunId },
    #[error("'{typed}' is not the name of the restore point: type {name}")]
    NotTyped { name: String, typed: String },
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    #[error(
        "{}; what is there now would be gone: --discard-others says that it may, --keep-others puts back what others added", 
        .0.join("; ")
    )]
    Others(Vec<String>),
    #[error(
        "what others wrote cannot be kept: {}; export it (--export-others FOLDER) and let it go (--discard-others); nothing \
         was written", .0.join("; ")
    )]
    NotSpared(Vec<String>),
    #[error("{table} does not take back {rows} of its rows: {message}")]
    NotTaken { table: String, rows: usize, message: String },
    #[error(
        "the way back to {point} was tried, as [restore] drill = true asks for, and does not hold: {}; `whimbrel restore \
         {point} --drill` tries it again", .why.join("; ")
    )]
    NoWayBack { point: String, why: Vec<String> },
    #[error("{0} is there already: name another folder, or take it away; nothing was written")]
    Exported(PathBuf),
    #[error("{path} cannot be written: {source}; name another folder, or make room")]
    Export { path: PathBuf, source: std::io::Error },
    #[error("a worker of the restore died: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

impl From<RestoreError> for EndpointError {
    /// What a run understands of it: a disk of this host that is full is waited for as one of the destination's is.
    fn from(error: RestoreError) -> Self {
        let kind = match error {
            RestoreError::Endpoint(error) => return error,
            RestoreError::Folder { .. } => ErrorKind::Resources,
            _ => ErrorKind::Other,
        };
        Self::new(kind, "cannot keep what the run takes the place of", error.to_string())
    }
}
