//! The rows that a journal speaks of, read back from it.
//!
//! One idea: a row whose key an earlier entry has was the run's own by then, so of each key the first entry counts. Keys are
//! told apart by their digests, as many at once as memory is given for, and the files are read again for the next ones.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use datafusion::arrow::{array::BooleanArray, compute::filter_record_batch, record_batch::RecordBatch};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    Identity, RestoreError, Result,
    definition::{by_key, encoding, key_columns},
    file,
    filing::Filing,
    journal::files,
    look::{self, Sums, Take},
    manifest::{Entry, RowsKept, TableKept},
};
use crate::{
    endpoint::{Destination, Snapshot},
    model::{Recipient, RowEncoding, RowSum, Table, buckets::short},
};

/// How many keys are told apart at once.
const AT_ONCE: u64 = 1 << 20;
/// How many keys are looked for at once.
const TOGETHER: usize = 4_000;

/// Batches from a file, one ahead of whoever takes them, and what came of reading it.
pub(super) type Flow = (mpsc::Receiver<RecordBatch>, JoinHandle<Result<()>>);

#[derive(Clone, Debug)]
pub struct Touched {
    folder: PathBuf,
    pub(super) entries: Vec<Entry>,
    /// As its rows are kept.
    pub(super) table: Table,
    pub(super) key: Vec<String>,
    pub(super) rows: RowEncoding,
    pub(super) keys: RowEncoding,
    identities: Vec<Identity>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Every key once.
    Keys,
    /// Of each key the row that had it first.
    Rows,
}

impl Touched {
    /// `entries` in the order in which they were written; none where the table was not kept so.
    pub(super) fn of(
        kept: &TableKept,
        entries: Vec<Entry>,
        (folder, identities): (PathBuf, Vec<Identity>),
        destination: &dyn Destination,
    ) -> Option<Self> {
        let table = by_key(kept.definition.as_ref()?, (&kept.key, &kept.written), destination);
        let rows = encoding(&table.columns, destination);
        let keys = encoding(key_columns(&table, &kept.key), destination);
        Some(Self { folder, entries, table, key: kept.key.clone(), rows, keys, identities })
    }

    /// Whether nobody here can read it.
    pub(super) fn is_closed(&self) -> bool {
        self.identities.is_empty() && self.entries.iter().any(|entry| entry.keys.sealed)
    }

    /// How many keys were written, those that came more than once counted as often.
    pub(super) fn times(&self) -> u64 {
        self.entries.iter().map(|entry| entry.keys.rows()).sum()
    }

    /// Reads every file back.
    pub(super) async fn verify(&self) -> Result<()> {
        let own = self.clone();
        let verify = move || {
            own.entries.iter().try_for_each(|entry| {
                let rows = entry.rows.iter().map(|kept| (kept, &own.rows));
                let mut all = rows.chain([(&entry.keys, &own.keys)]);
                all.try_for_each(|(kept, encoding)| file::verify(&own.folder, kept, encoding, &own.identities))
            })
        };
        tokio::task::spawn_blocking(verify).await?
    }

    /// Every key that was written, once.
    pub(super) fn keys(&self) -> Flow {
        self.flow(What::Keys)
    }

    /// The rows that were there before the first of them was written.
    pub(super) fn rows(&self) -> Flow {
        self.flow(What::Rows)
    }

    /// The sum of those rows.
    pub(super) async fn sum(&self) -> Result<RowSum> {
        let (mut batches, reading) = self.rows();
        let mut sum = RowSum::default();
        while let Some(batch) = batches.recv().await {
            sum += self.rows.sum(&batch);
        }
        reading.await??;
        Ok(sum)
    }

    /// Hands over the rows that have these keys now, read as `table` is; and says how many keys there are.
    pub(super) async fn now<T: Take>(&self, snapshot: &Arc<dyn Snapshot>, table: &Table, taker: T) -> Result<(T, u64)> {
        let mut once = Once { taker, keys: self.keys.clone(), seen: HashSet::new() };
        let (mut batches, reading) = self.keys();
        let mut found = 0;
        while let Some(batch) = batches.recv().await {
            for first in (0..batch.num_rows()).step_by(TOGETHER) {
                let keys = batch.slice(first, TOGETHER.min(batch.num_rows() - first));
                found += keys.num_rows() as u64;
                once = look::read_keys(snapshot, table, keys, once).await?;
            }
        }
        reading.await??;
        Ok((once.taker, found))
    }

    /// Their sums by these encodings.
    pub(super) async fn sums(
        &self,
        snapshot: &Arc<dyn Snapshot>,
        table: &Table,
        encodings: Vec<RowEncoding>,
    ) -> Result<(Vec<RowSum>, u64)> {
        let (sums, keys) = self.now(snapshot, table, Sums::over(encodings)).await?;
        Ok((sums.sums, keys))
    }

    /// Keeps what these keys hold now, in files whose names begin so; none where there are no keys.
    pub(super) async fn keep(
        &self,
        snapshot: &Arc<dyn Snapshot>,
        (folder, recipients, name): (PathBuf, Vec<Recipient>, &str),
    ) -> Result<Option<Entry>> {
        let filing =
            |file, encoding: &RowEncoding| Filing::new(folder.clone(), file, recipients.clone(), encoding.clone());
        let [rows, keys] = files(name);
        let (rows, _) = self.now(snapshot, &self.table, filing(rows, &self.rows)).await?;
        let mut keys = filing(keys, &self.keys);
        let own = self.clone();
        let last = move || {
            let mut taken = Ok(());
            own.walk(What::Keys, |batch| {
                taken = keys.take(batch);
                taken.is_ok()
            })?;
            taken?;
            let rows = rows.finish()?;
            Ok::<_, RestoreError>(keys.finish()?.map(|keys| Entry { rows, keys }))
        };
        tokio::task::spawn_blocking(last).await?
    }

    fn flow(&self, what: What) -> Flow {
        let (sender, receiver) = mpsc::channel(1);
        let own = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            own.walk(what, |batch| sender.blocking_send(batch).is_ok()).map(|_| ())
        });
        (receiver, reading)
    }

    /// `false`: whoever takes wants no more.
    fn walk(&self, what: What, take: impl FnMut(RecordBatch) -> bool) -> Result<bool> {
        self.walk_in_parts(self.times().div_ceil(AT_ONCE).max(1), what, take)
    }

    fn walk_in_parts(&self, parts: u64, what: What, mut take: impl FnMut(RecordBatch) -> bool) -> Result<bool> {
        let parts = u128::from(parts);
        for part in 0..parts {
            let (mut seen, mut given) = (HashSet::new(), HashSet::new());
            for entry in &self.entries {
                if let (What::Rows, Some(rows)) = (what, &entry.rows) {
                    let first = |key| key % parts == part && !seen.contains(&key) && given.insert(key);
                    if !self.sift(rows, first, &mut take)? {
                        return Ok(false);
                    }
                }
                let first = |key| key % parts == part && seen.insert(key);
                let wanted = what == What::Keys;
                if !self.sift(&entry.keys, first, |batch| !wanted || take(batch))? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Hands over the rows of the file whose keys are wanted.
    fn sift(
        &self,
        kept: &RowsKept,
        mut wants: impl FnMut(u128) -> bool,
        mut take: impl FnMut(RecordBatch) -> bool,
    ) -> Result<bool> {
        let mut outcome = Ok(true);
        file::read(&self.folder, kept, &self.identities, |batch| {
            outcome = sifted(&batch, &self.keys, &mut wants).map(|batch| batch.num_rows() == 0 || take(batch));
            matches!(outcome, Ok(true))
        })?;
        outcome.map_err(|source| RestoreError::Columns { path: self.folder.join(&kept.file), source })
    }
}

/// The rows of the batch whose keys are wanted.
fn sifted(
    batch: &RecordBatch,
    keys: &RowEncoding,
    mut wants: impl FnMut(u128) -> bool,
) -> std::result::Result<RecordBatch, datafusion::arrow::error::ArrowError> {
    let mut wanted = vec![false; batch.num_rows()];
    keys.each(batch, |row, digest| wanted[row] = wants(short(&digest)));
    filter_record_batch(batch, &BooleanArray::from(wanted))
}

/// A row that two keys find, since its system calls them equal, is handed over once.
struct Once<T> {
    taker: T,
    keys: RowEncoding,
    seen: HashSet<u128>,
}

impl<T: Take> Take for Once<T> {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        if self.seen.len() as u64 > AT_ONCE {
            self.seen.clear();
        }
        let seen = &mut self.seen;
        let once = sifted(&batch, &self.keys, |key| seen.insert(key));
        self.taker.take(once.map_err(|source| RestoreError::Columns { path: PathBuf::new(), source })?)
    }

    fn has_enough(&self) -> bool {
        self.taker.has_enough()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::{
        array::{ArrayRef, AsArray as _, Int64Array, StringArray},
        datatypes::Int64Type,
    };

    use super::*;
    use crate::model::{Column, ColumnType};

    /// Rows of these keys, each with where it is from.
    fn rows(keys: &[i64], from: &str) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
        let names: ArrayRef = Arc::new(StringArray::from(vec![from; keys.len()]));
        RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
    }

    fn filed(folder: &std::path::Path, file: String, batch: RecordBatch, encoding: &RowEncoding) -> Option<RowsKept> {
        let mut filing = Filing::new(folder.to_owned(), file, Vec::new(), encoding.clone());
        filing.take(batch).unwrap();
        filing.finish().unwrap()
    }

    /// Entries of these keys, with the rows that had them.
    fn touched(folder: &std::path::Path, entries: &[(&[i64], &[i64], &str)]) -> Touched {
        let columns = vec![Column::new("id", ColumnType::BIGINT), Column::new("name", ColumnType::TEXT)];
        let table = Table { name: "t".into(), key: vec!["id".into()], columns, ..Table::default() };
        let whole = RowEncoding::of(table.columns.iter().map(|column| (column, None)));
        let by_key = RowEncoding::of(table.columns.iter().take(1).map(|column| (column, None)));
        let entry = |(number, (keys, had, from)): (usize, &(&[i64], &[i64], &str))| {
            let [rows_file, keys_file] = files(&number.to_string());
            let keys = rows(keys, "").project(&[0]).unwrap();
            Entry {
                rows: filed(folder, rows_file, rows(had, from), &whole),
                keys: filed(folder, keys_file, keys, &by_key).unwrap(),
            }
        };
        Touched {
            folder: folder.to_owned(),
            entries: entries.iter().enumerate().map(entry).collect(),
            key: table.key.clone(),
            table,
            rows: whole,
            keys: by_key,
            identities: Vec::new(),
        }
    }

    fn walked(touched: &Touched, parts: u64, what: What) -> Vec<(i64, String)> {
        let mut found = Vec::new();
        let all = touched.walk_in_parts(parts, what, |batch| {
            let ids = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
            let names = batch.columns().get(1).map(|names| names.as_string::<i32>().clone());
            let name = |row| names.as_ref().map_or("", |names| names.value(row)).to_owned();
            found.extend(ids.iter().enumerate().map(|(row, id)| (*id, name(row))));
            true
        });
        assert!(all.unwrap());
        found.sort();
        found
    }

    #[test]
    fn of_each_key_the_first_entry_counts_however_many_are_told_apart_at_once() {
        let folder = tempfile::tempdir().unwrap();
        // The second entry found 3 as the first had left it, and the third all that came before.
        let entries: [(&[i64], &[i64], &str); 3] =
            [(&[1, 2, 3], &[1], "before"), (&[3, 4], &[3, 4], "second"), (&[1, 4, 5], &[1, 4], "third")];
        let touched = touched(folder.path(), &entries);
        assert_eq!(touched.times(), 8);
        for parts in [1, 2, 7] {
            let rows = walked(&touched, parts, What::Rows);
            assert_eq!(rows, [(1, "before".to_owned()), (4, "second".to_owned())], "in {parts} parts");
            let keys: Vec<i64> = walked(&touched, parts, What::Keys).into_iter().map(|(key, _)| key).collect();
            assert_eq!(keys, [1, 2, 3, 4, 5], "in {parts} parts");
        }
    }

    #[test]
    fn whoever_has_enough_is_given_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let touched = touched(folder.path(), &[(&[1], &[], ""), (&[2], &[], "")]);
        let mut given = 0;
        let all = touched.walk(What::Keys, |batch| {
            given += batch.num_rows();
            false
        });
        assert!(!all.unwrap() && given == 1);
    }
}
