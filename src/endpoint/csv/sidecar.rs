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
use crate::{
    endpoint::{EndpointError, ErrorKind, Mark, Result},
    model::RunId,
};

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
    /// The file that takes its place: all that is left to do for it is to be renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replacing: Option<String>,
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

/// Puts files that were replaced in their place, should whoever committed them have died before that.
pub(super) fn settle(folder: &Path) -> Result<()> {
    if load(folder)?.files.values().all(|written| written.replacing.is_none()) {
        return Ok(());
    }
    update(folder, |ledger| {
        for (name, written) in &mut ledger.files {
            let Some(new) = written.replacing.take() else { continue };
            let path = folder.join(name);
            match fs::rename(folder.join(new), &path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(during("replace", &path)(error));
                }
                // It was renamed already.
                _ => {}
            }
        }
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(during("write", folder))
    })
}

/// Takes out the marks of the runs, and the file with them where none of others is left; returns how many are.
pub(super) fn forget(folder: &Path, runs: &[RunId]) -> Result<u64> {
    settle(folder)?;
    let mut left = 0;
    update(folder, |ledger| {
        ledger.marks.retain(|mark| !runs.contains(&mark.run));
        left = ledger.marks.len() as u64;
        Ok(())
    })?;
    if left == 0 {
        for name in [NAME, LOCK] {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(during("remove", &path))?;
        }
    }
    Ok(left)
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

pub(super) const FILE: &str = NAME;

pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}
