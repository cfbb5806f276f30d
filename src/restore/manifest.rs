//! What a restore point says of itself, in a file beside its rows.

use serde::{Deserialize, Serialize};

use super::Result;
use crate::{
    ledger::LedgerError,
    model::{Column, CounterStand, Mode, RunId, System, Table, TableDigest},
    protocol::{Held, KeptTable},
};

pub(super) const FORMAT: &str = "whimbrel restore point 1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: String,
    pub name: String,
    pub run: RunId,
    /// The plan's file, name and digest.
    pub plan: String,
    pub plan_name: String,
    pub plan_digest: String,
    /// Milliseconds since 1970 UTC.
    pub made_ms: u64,
    pub until_ms: u64,
    pub by: String,
    /// The restore point before whose restoring it was made.
    pub before: Option<String>,
    pub system: System,
    /// The server's own name and version.
    pub server: String,
    /// The destination's address, which holds no password.
    pub destination: String,
    /// In an order in which a table comes behind those that it refers to.
    pub tables: Vec<TableKept>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableKept {
    pub name: String,
    pub held: Held,
    /// How the run writes it.
    pub mode: Mode,
    /// The columns that the run writes, as it knows them; its digest of rows is over these.
    pub written: Vec<Column>,
    /// Over the columns that the run writes, what the table held.
    pub held_of_written: Option<TableDigest>,
    /// As the catalog described it; none where it was not there.
    pub definition: Option<Table>,
    pub counters: Vec<CounterStand>,
    /// The names of its triggers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<String>,
    pub rows: Option<RowsKept>,
    /// Of a table whose rows are kept by their keys: the columns of its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Those rows, where they were known when the point was made; else the ledger knows the entries of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journal: Vec<Entry>,
}

/// What was kept of some rows before they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The rows that had these keys; none had where there is no file.
    pub rows: Option<RowsKept>,
    pub keys: RowsKept,
}

impl Entry {
    pub(super) fn files(&self) -> impl Iterator<Item = &RowsKept> {
        self.rows.iter().chain([&self.keys])
    }

    pub(super) fn of(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text).map_err(LedgerError::from)?)
    }
}

/// A file of the restore point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowsKept {
    pub file: String,
    pub bytes: u64,
    /// Of the file, in hex.
    pub sha256: String,
    /// Of the rows in it; none where the file is the table.
    pub digest: Option<TableDigest>,
    /// It is encrypted in the age format.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// Of an encrypted file that is the table: its SHA-256 as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl RowsKept {
    /// How many rows the file holds.
    pub(super) fn rows(&self) -> u64 {
        self.digest.as_ref().map_or(0, |digest| digest.sum.rows)
    }

    /// The SHA-256 of the file that was kept, as it was.
    pub(super) fn original(&self) -> &str {
        self.content.as_deref().unwrap_or(&self.sha256)
    }
}

impl TableKept {
    pub(super) fn rows(&self) -> u64 {
        let journalled = self.journal.iter().filter_map(|entry| entry.rows.as_ref());
        self.rows.iter().chain(journalled).map(RowsKept::rows).sum()
    }

    /// Every file of the table, as far as the manifest knows them.
    pub(super) fn files(&self) -> impl Iterator<Item = &RowsKept> {
        self.rows.iter().chain(self.journal.iter().flat_map(Entry::files))
    }

    pub(super) fn in_short(&self) -> KeptTable {
        let bytes = self.files().map(|file| file.bytes).sum();
        let sealed = self.files().any(|file| file.sealed);
        KeptTable { table: self.name.clone(), held: self.held, rows: self.rows(), bytes, sealed }
    }
}

impl Manifest {
    pub fn bytes(&self) -> u64 {
        self.tables.iter().flat_map(TableKept::files).map(|file| file.bytes).sum()
    }

    pub fn rows(&self) -> u64 {
        self.tables.iter().map(TableKept::rows).sum()
    }
}
