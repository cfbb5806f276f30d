//! Signed checkpoints of the trail: an Ed25519 key that is kept outside the state folder, and the last checkpoint beside
//! it, so that whoever rewrites or shortens what is in the folder is found out.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::{LedgerError, Result};
use crate::model::{hex, unhex};

/// What is signed: that the trail's entry of that number has that hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    format: String,
    pub(super) seq: u64,
    pub(super) hash: String,
    at_ms: u64,
    /// The public key, in hex.
    key: String,
}

const FORMAT: &str = "whimbrel audit checkpoint 1";

impl Checkpoint {
    /// The checkpoint, if its signature holds and is by the trusted key, where one is known.
    pub(super) fn verified(text: &str, signature: &str, trusted: Option<&str>) -> Option<Self> {
        let checkpoint: Self = serde_json::from_str(text).ok().filter(|point: &Self| point.format == FORMAT)?;
        let (key, bytes) = (digits(&checkpoint.key)?, digits(signature)?);
        UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &bytes).ok()?;
        trusted.is_none_or(|trusted| trusted == checkpoint.key).then_some(checkpoint)
    }
}

/// The place of the key.
#[derive(Clone, Debug)]
pub struct Seal {
    folder: PathBuf,
}

/// `$XDG_CONFIG_HOME/whimbrel`, else `~/.config/whimbrel`.
pub fn default_key_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    base.map(|base| base.join("whimbrel"))
}

impl Seal {
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn key_path(&self) -> PathBuf {
        self.folder.join("audit.key")
    }

    fn anchor_path(&self) -> PathBuf {
        self.folder.join("audit.head")
    }

    /// The public key, in hex; `None` where there is no key yet.
    pub(super) fn public_key(&self) -> Option<String> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&fs::read(self.key_path()).ok()?).ok()?;
        Some(hex(pair.public_key().as_ref()))
    }

    /// The last checkpoint and its signature, as they were kept beside the key.
    pub(super) fn anchor(&self) -> Option<(String, String)> {
        let text = fs::read_to_string(self.anchor_path()).ok()?;
        let (checkpoint, signature) = text.trim_end().split_once('\n')?;
        Some((checkpoint.to_owned(), signature.to_owned()))
    }

    pub(super) fn keep_anchor(&self, checkpoint: &str, signature: &str) -> Result<()> {
        let (path, new) = (self.anchor_path(), self.folder.join("audit.head.new"));
        let write = || {
            private(&new)?.write_all(format!("{checkpoint}\n{signature}\n").as_bytes())?;
            fs::rename(&new, &path)
        };
        write().map_err(|source| LedgerError::Key { path: path.clone(), source })
    }

    /// A checkpoint and its signature. The key is made when it is first needed.
    pub(super) fn sign(&self, seq: u64, hash: &str, at_ms: u64) -> Result<(String, String)> {
        let path = self.key_path();
        let failed = |source| LedgerError::Key { path: path.clone(), source };
        let seed = self.seed().map_err(failed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|rejected| failed(std::io::Error::other(rejected.to_string())))?;
        let key = hex(pair.public_key().as_ref());
        let checkpoint = Checkpoint { format: FORMAT.into(), seq, hash: hash.to_owned(), at_ms, key };
        let text = serde_json::to_string(&checkpoint)?;
        let signature = hex(pair.sign(text.as_bytes()).as_ref());
        Ok((text, signature))
    }

    fn seed(&self) -> std::io::Result<Vec<u8>> {
        let path = self.key_path();
        match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            read => return read,
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut seed = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut seed)?;
        let new = self.folder.join(format!("audit.key.{}", std::process::id()));
        let mut file = private(&new)?;
        file.write_all(&seed)?;
        file.sync_all()?;
        // Of two processes that make one at once, the first's stays.
        let linked = fs::hard_link(&new, &path);
        fs::remove_file(&new)?;
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::read(&path),
        }
    }
}

fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

/// Only lower-case digits: one text for the same bytes.
fn digits(text: &str) -> Option<Vec<u8>> {
    unhex(text).filter(|bytes| hex(bytes) == text)
}
