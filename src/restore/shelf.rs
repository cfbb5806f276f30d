//! Where restore points stand on this host: a folder each, private to its owner, whole or not there.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    Manifest, RestoreError, Result,
    manifest::{Entry, FORMAT, RowsKept},
};
use crate::{
    ledger::{Ledger, LedgerError, PointPhase, PointRecord},
    model::hex,
    protocol::{Drill, Held, PointState, RestorePoint},
};

const MANIFEST: &str = "manifest.json";

#[derive(Clone, Debug)]
pub(super) struct Shelf {
    root: PathBuf,
}

pub(super) fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> RestoreError + '_ {
    move |source| RestoreError::Folder { path: path.to_owned(), source }
}

impl Shelf {
    pub(super) fn of(ledger: &Ledger) -> Self {
        Self { root: ledger.folder().join("restore") }
    }

    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn part(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.part"))
    }

    /// An empty folder to fill; what was left there by whoever was cut off is gone.
    pub(super) fn begin(&self, name: &str) -> Result<PathBuf> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.root).map_err(failed(&self.root))?;
        let part = self.part(name);
        remove(&part)?;
        DirBuilder::new().mode(0o700).create(&part).map_err(failed(&part))?;
        Ok(part)
    }

    /// Writes the manifest and makes the whole of it last; returns the manifest's SHA-256.
    pub(super) fn settle(&self, manifest: &Manifest) -> Result<String> {
        let (part, place) = (self.part(&manifest.name), self.place(&manifest.name));
        let path = part.join(MANIFEST);
        let text = serde_json::to_vec_pretty(manifest).map_err(LedgerError::from)?;
        let write = || {
            let mut file = private(&path)?;
            file.write_all(&text)?;
            file.sync_all()?;
            File::open(&part)?.sync_all()?;
            fs::rename(&part, &place)?;
            File::open(&self.root)?.sync_all()
        };
        write().map_err(failed(&path))?;
        Ok(hex(&Sha256::digest(&text)))
    }

    /// The point's manifest, which must be the one that was written.
    pub(super) fn manifest(&self, point: &PointRecord) -> Result<Manifest> {
        match point.phase {
            PointPhase::Making => return Err(RestoreError::Unfinished(point.name.clone())),
            PointPhase::Purged => return Err(RestoreError::Purged(point.name.clone())),
            PointPhase::Ready => {}
        }
        let path = self.place(&point.name).join(MANIFEST);
        let text = fs::read(&path).map_err(|error| RestoreError::Tampered(path.clone(), error.to_string()))?;
        let found = hex(&Sha256::digest(&text));
        let tampered = |why: String| RestoreError::Tampered(path.clone(), why);
        if found != point.manifest {
            return Err(tampered(format!("its SHA-256 is {found}, and {} was written down", point.manifest)));
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| tampered(error.to_string()))?;
        match manifest.format == FORMAT {
            true => Ok(manifest),
            false => Err(tampered(format!("its form is '{}', which this version does not know", manifest.format))),
        }
    }

    /// Takes all that is kept under the name away.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        remove(&self.part(name))?;
        remove(&self.place(name))
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

/// A new file that only its owner can read.
pub(super) fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

/// The restore points of a plan, or of this host, as they are shown, the latest first.
pub async fn shown(ledger: &Ledger, plan_key: Option<&str>, now_ms: u64) -> Result<Vec<RestorePoint>> {
    let mut shown = Vec::new();
    for point in ledger.points(plan_key).await? {
        if point.phase != PointPhase::Making {
            shown.push(show(ledger, point, now_ms).await?);
        }
    }
    Ok(shown)
}

pub(super) async fn show(ledger: &Ledger, point: PointRecord, now_ms: u64) -> Result<RestorePoint> {
    let restores = ledger.restores(&point.name).await?;
    let interrupted = restores.iter().any(|restore| restore.ended_ms.is_none());
    let new = point.new;
    let (mut tables, mut bytes) = (point.tables, point.bytes);
    if new.before.is_none() {
        // What is kept of these grows with their run.
        for table in tables.iter_mut().filter(|table| table.held == Held::Journal) {
            for entry in ledger.journal(&new.run, &table.table).await? {
                let entry = Entry::of(&entry)?;
                table.rows += entry.rows.as_ref().map_or(0, RowsKept::rows);
                table.bytes += entry.files().map(|file| file.bytes).sum::<u64>();
                table.sealed |= entry.keys.sealed;
            }
            bytes += table.bytes;
        }
    }
    Ok(RestorePoint {
        state: match point.phase {
            PointPhase::Purged => PointState::Purged,
            _ if interrupted => PointState::Interrupted,
            _ if now_ms >= new.until_ms => PointState::Expired,
            _ => PointState::Ready,
        },
        rows: tables.iter().map(|table| table.rows).sum(),
        restored_ms: restores.iter().find_map(|restore| restore.ended_ms),
        drilled: ledger.drills(&point.name).await?.first().map(Drill::in_short),
        name: point.name,
        made_ms: new.made_ms,
        until_ms: new.until_ms,
        by: new.by,
        run: new.run,
        plan: new.plan_key,
        plan_name: new.plan_name,
        before: new.before,
        tables,
        bytes,
    })
}
