//! What goes wrong with the ledger.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("cannot make the state folder {path}: {source}; name another with --state-dir")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("the state folder {path} belongs to others too (mode {mode:o}); run `chmod 700` on it")]
    Exposed { path: PathBuf, mode: u32 },
    #[error("the key of the audit trail cannot be used at {path}: {source}; make its folder writable for this account")]
    Key { path: PathBuf, source: std::io::Error },
    #[error("no home folder is set; name a state folder with --state-dir")]
    NoHome,
    #[error("the ledger cannot be used: {0}; free space on its disk or name another state folder with --state-dir")]
    Database(#[from] sqlx::Error),
    #[error("the ledger holds something that this version does not understand: {0}")]
    Content(#[from] serde_json::Error),
    #[error("the ledger was written by a newer version (schema {found}, this one knows {known}); update whimbrel")]
    Newer { found: i64, known: i64 },
    #[error("another whimbrel is running this plan (lock {path}); attach to it, or stop it first")]
    Locked { path: PathBuf },
    #[error("no run '{0}' in the ledger; `whimbrel review` without a run lists them")]
    NoRun(String),
    #[error("no restore point '{0}'; `whimbrel restore` lists them")]
    NoPoint(String),
    #[error("no flagged row '{0}' in that run")]
    NoFault(String),
}
