//! Files put back as they were, or taken away again; what the marks say of their lengths goes with them.

use std::{
    fs::{self, File},
    path::Path,
};

use super::{
    error::during,
    folder::{Folder, name},
    sidecar,
};
use crate::endpoint::{ErrorKind, Result};

/// A copy beside the file takes its place when it is durable.
pub(super) fn put_back(folder: &Folder, table: &str, kept: &Path) -> Result<()> {
    let path = match folder.find(table) {
        Err(error) if error.kind == ErrorKind::NoTable => folder.place_for(table)?,
        found => found?,
    };
    let new = folder.path.join(format!(".{}.back", name(&path)));
    forget(folder, &path)?;
    let replace = || {
        fs::copy(kept, &new)?;
        if let Ok(before) = fs::metadata(&path) {
            fs::set_permissions(&new, before.permissions())?;
        }
        File::open(&new)?.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&folder.path)?.sync_all()
    };
    replace().map_err(during("put back", &path))
}

pub(super) fn drop_tables(folder: &Folder, tables: &[String]) -> Result<()> {
    for table in tables {
        let path = match folder.find(table) {
            Err(error) if error.kind == ErrorKind::NoTable => continue,
            found => found?,
        };
        forget(folder, &path)?;
        fs::remove_file(&path).map_err(during("remove", &path))?;
    }
    Ok(())
}

fn forget(folder: &Folder, path: &Path) -> Result<()> {
    sidecar::settle(&folder.path)?;
    if sidecar::load(&folder.path)?.files.contains_key(&name(path)) {
        sidecar::update(&folder.path, |marks| {
            marks.files.remove(&name(path));
            Ok(())
        })?;
    }
    Ok(())
}
