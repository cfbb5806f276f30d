//! What can go wrong with a plan as a file, with an edit, or with an address.

use std::{io, path::PathBuf};

/// A failure of this room: one sentence and what to do next. Never repeats a URL, which may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("there is no plan at {}; check the path, or draft one with `whimbrel new`", path.display())]
    NotFound { path: PathBuf },
    #[error("cannot read {}: {source}; check that it is a file and that this account may read it", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is not text in UTF-8; save it in that encoding", path.display())]
    NotText { path: PathBuf },
    #[error("cannot write {}: {source}; check the folder, its permissions and the free space", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("the plan has no file yet; say where to save it")]
    NoPath,
    #[error("line {line}, column {column}: {message}; correct this before other changes")]
    Syntax { line: usize, column: usize, message: String },
    #[error("the plan has no table that goes to '{table}'{hint}")]
    NoTable { table: String, hint: String },
    #[error("the plan already has a table that goes to '{0}'; change that one, or choose another name")]
    TableExists(String),
    #[error("the plan of '{table}' does not name column '{column}'{hint}")]
    NoColumn { table: String, column: String, hint: String },
    #[error("'{key}' is not written as {expected}; correct this by hand before other changes")]
    Layout { key: String, expected: &'static str },
    #[error("{0}")]
    Address(String),
}
