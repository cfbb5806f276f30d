//! The journal of a table that is too large to be kept whole: of each chunk, before it is committed, the rows whose place it
//! takes, and the keys of all that it wrote.
//!
//! One idea: a chunk that is written and not committed holds its rows against everybody else, and shows them to nobody. So
//! whoever looks from outside sees the rows as the commit will find them, and none of them can change any more.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use datafusion::arrow::{compute::concat_batches, error::ArrowError, record_batch::RecordBatch};
use uuid::Uuid;

use super::{
    RestoreError, Result,
    definition::{by_key, encoding, key_columns},
    file,
    filing::Filing,
    keep::Seal,
    look::{self, Take as _},
    manifest::{Entry, RowsKept, TableKept},
    shelf::{Shelf, failed},
};
use crate::{
    endpoint::{Destination, Source},
    ledger::{Ledger, LedgerError, PointPhase, RunRecord},
    model::{Recipient, RowEncoding, Table},
    protocol::Held,
};

/// How many bytes of keys wait until somebody looks for their rows.
const WAITING_BYTES: usize = 1 << 20;

/// A table of which a restore point keeps what a run takes the place of.
pub struct Journalled {
    folder: PathBuf,
    kept: TableKept,
}

impl Journalled {
    /// The table, if the run's restore point keeps it so and is still there.
    pub async fn of(ledger: &Ledger, run: &RunRecord, table: &str) -> Result<Option<Self>> {
        let is_held = |held: &crate::protocol::KeptTable| held.table == table && held.held == Held::Journal;
        let points = ledger.points(Some(&run.plan_key)).await?.into_iter();
        let own = |point: &crate::ledger::PointRecord| point.new.run == run.id && point.new.before.is_none();
        let mut points = points.filter(|point| own(point) && point.phase == PointPhase::Ready);
        let Some(point) = points.find(|point| point.tables.iter().any(is_held)) else { return Ok(None) };
        let shelf = Shelf::of(ledger);
        let manifest = shelf.manifest(&point)?;
        let kept = manifest.tables.into_iter().find(|kept| kept.name == table);
        Ok(kept.map(|kept| Self { folder: shelf.place(&point.name), kept }))
    }

    /// Begins to keep. `copy`: the destination, opened to be read.
    pub fn journal(
        self,
        destination: &dyn Destination,
        copy: Arc<dyn Source>,
        recipient: Option<Recipient>,
    ) -> Option<Journal> {
        let TableKept { key, written, definition, .. } = self.kept;
        let table = by_key(&definition?, (&key, &written), destination);
        Some(Journal {
            rows: encoding(&table.columns, destination),
            keys: encoding(key_columns(&table, &key), destination),
            seal: Seal::of(recipient),
            folder: self.folder,
            copy,
            table,
            key,
            waiting: Vec::new(),
            entry: None,
            filings: None,
        })
    }
}

/// Keeps what the chunks of one table take the place of.
pub struct Journal {
    folder: PathBuf,
    copy: Arc<dyn Source>,
    table: Table,
    key: Vec<String>,
    /// How rows and how keys are summed.
    rows: RowEncoding,
    keys: RowEncoding,
    seal: Seal,
    /// Keys of rows that nobody looked for yet.
    waiting: Vec<RecordBatch>,
    /// The name of the chunk's entry, once something is written for it.
    entry: Option<String>,
    /// Its rows and its keys; absent while they are written to.
    filings: Option<(Filing, Filing)>,
}

impl Journal {
    /// These rows are written in the open transaction.
    pub async fn took(&mut self, rows: &RecordBatch) -> Result<()> {
        self.waiting.push(keys_of(rows, &self.key).map_err(|source| self.unkept(source))?);
        let bytes: usize = self.waiting.iter().map(RecordBatch::get_array_memory_size).sum();
        if bytes > WAITING_BYTES { self.look().await } else { Ok(()) }
    }

    /// What the chunk's rows take the place of is on disk and was read back: what the ledger is to remember; none where the
    /// chunk has no rows.
    pub async fn close(&mut self) -> Result<Option<String>> {
        self.look().await?;
        let Some((rows, keys)) = self.filings.take() else { return Ok(None) };
        let (folder, identities) = (self.folder.clone(), self.seal.own.clone());
        let (of_rows, of_keys) = (self.rows.clone(), self.keys.clone());
        let last = move || {
            let (rows, keys) = (rows.finish()?, keys.finish()?);
            File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed(&folder))?;
            let verify = |kept: &Option<RowsKept>, encoding: &RowEncoding| {
                kept.iter().try_for_each(|kept| file::verify(&folder, kept, encoding, &identities))
            };
            verify(&rows, &of_rows)?;
            verify(&keys, &of_keys)?;
            Ok::<_, RestoreError>(keys.map(|keys| Entry { rows, keys }))
        };
        let entry = tokio::task::spawn_blocking(last).await??;
        self.entry = None;
        Ok(entry.map(|entry| serde_json::to_string(&entry)).transpose().map_err(LedgerError::from)?)
    }

    /// The chunk came to nothing: so does what was kept of it.
    pub fn abandon(&mut self) {
        self.waiting.clear();
        self.filings = None;
        if let Some(entry) = self.entry.take() {
            for file in files(&entry) {
                // What stays goes with the restore point.
                let _ = fs::remove_file(self.folder.join(file));
            }
        }
    }

    /// Looks for the rows whose keys wait.
    async fn look(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(first) = waiting.first() else { return Ok(()) };
        let keys = concat_batches(&first.schema(), &waiting).map_err(|source| self.unkept(source))?;
        let (rows, mut filed) = self.filings.take().unwrap_or_else(|| self.begin());
        let snapshot = self.copy.snapshot().await?;
        let rows = look::read_keys(&snapshot, &self.table, keys.clone(), rows).await?;
        let filed = tokio::task::spawn_blocking(move || filed.take(keys).map(|()| filed)).await??;
        self.filings = Some((rows, filed));
        Ok(())
    }

    /// The files of a chunk that has none yet.
    fn begin(&mut self) -> (Filing, Filing) {
        let entry = self.entry.insert(Uuid::now_v7().simple().to_string());
        let [rows, keys] = files(entry);
        let filing = |file, encoding: &RowEncoding| {
            Filing::new(self.folder.clone(), file, self.seal.recipients.clone(), encoding.clone())
        };
        (filing(rows, &self.rows), filing(keys, &self.keys))
    }

    fn unkept(&self, source: ArrowError) -> RestoreError {
        RestoreError::Columns { path: self.folder.clone(), source }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// The files of an entry of that name: its rows and its keys.
pub(super) fn files(entry: &str) -> [String; 2] {
    [format!("journal-{entry}.rows.arrow"), format!("journal-{entry}.keys.arrow")]
}

fn keys_of(rows: &RecordBatch, key: &[String]) -> std::result::Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let places = key.iter().map(|name| schema.index_of(name)).collect::<std::result::Result<Vec<_>, _>>()?;
    rows.project(&places)
}

/// Whether every file is the one that was written.
pub(super) fn check(folder: &Path, entries: &[Entry]) -> Result<()> {
    entries.iter().flat_map(Entry::files).try_for_each(|kept| file::check(folder, kept))
}
