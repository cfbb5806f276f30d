//! `.whimbrel_marks.json`: what runs have written to the files of a folder.
//!
//! A file system has no transaction over two files, so the marks hold the length each data file had when its rows were
//! durable, in a file that is replaced as a whole. Whatever stands behind that length is the rest of a chunk that never
//! was, as long as the file is `open`; else somebody else wrote it.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::error::during;
use crate::endpoint::{EndpointError, ErrorKind, Mark, Result};

const NAME: &str = ".whimbrel_marks.json";
const NEW: &str = ".whimbrel_marks.json.new";
const LOCK: &str = ".whimbrel_marks.lock";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// By file name.
    pub(super) files: BTreeMap<String, Written>,
    pub(super) marks: Vec<Mark>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// The bytes that are durable.
    pub(super) length: u64,
    /// A chunk is being written behind them.
    pub(super) open: bool,
    /// The columns of a file without header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) columns: Vec<String>,
    /// The columns that hold bytes, which a file cannot tell from text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) bytes: Vec<String>,
}

pub(super) fn load(folder: &Path) -> Result<Ledger> {
    let path = folder.join(NAME);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Ledger::default()),
        Err(error) => return Err(during("read", &path)(error)),
    };
    serde_json::from_slice(&text).map_err(|error| {
        EndpointError::new(ErrorKind::Other, format!("cannot read {}", path.display()), error.to_string())
    })
}

/// Changes the marks, all or nothing, one at a time on this machine.
pub(super) fn update(folder: &Path, change: impl FnOnce(&mut Ledger) -> Result<()>) -> Result<()> {
    let lock_path = folder.join(LOCK);
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
    let lock = lock.map_err(during("open", &lock_path))?;
    lock.lock().map_err(during("lock", &lock_path))?;
    let mut ledger = load(folder)?;
    change(&mut ledger)?;
    store(folder, &ledger)
}

fn store(folder: &Path, ledger: &Ledger) -> Result<()> {
    let (path, new) = (folder.join(NAME), folder.join(NEW));
    let text = serde_json::to_vec(ledger).map_err(|error| {
        EndpointError::new(ErrorKind::Other, format!("cannot write {}", path.display()), error.to_string())
    })?;
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(during("write", &path))
}

pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}
