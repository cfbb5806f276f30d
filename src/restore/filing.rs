//! Rows on their way into a file of the restore point.

use std::path::PathBuf;

use datafusion::arrow::record_batch::RecordBatch;
use tokio::sync::watch;

use super::{
    Result,
    file::RowsWriter,
    look::{Sums, Take},
    manifest::RowsKept,
};
use crate::{
    model::{Recipient, RowEncoding, RowSum, TableDigest},
    protocol::RestoreProgress,
};

/// Writes what it takes to a file that begins with the first row, and sums it.
pub(super) struct Filing {
    folder: PathBuf,
    file: String,
    recipients: Vec<Recipient>,
    /// The digest of its rows is over these.
    shape: String,
    sums: Sums,
    writer: Option<RowsWriter>,
    told: Option<watch::Sender<RestoreProgress>>,
}

impl Filing {
    /// A file of that name; the digest of what it holds is by the encoding.
    pub(super) fn new(folder: PathBuf, file: String, recipients: Vec<Recipient>, encoding: RowEncoding) -> Self {
        let shape = encoding.shape();
        Self { folder, file, recipients, shape, sums: Sums::over(vec![encoding]), writer: None, told: None }
    }

    /// Says how many rows there were.
    pub(super) fn telling(self, told: watch::Sender<RestoreProgress>) -> Self {
        Self { told: Some(told), ..self }
    }

    /// Sums by another encoding too.
    pub(super) fn also(self, encoding: Option<RowEncoding>) -> Self {
        let sums = self.sums.and(encoding);
        Self { sums, ..self }
    }

    /// The sum by that other encoding.
    pub(super) fn other(&self) -> Option<RowSum> {
        self.sums.sums.get(1).copied()
    }

    /// Makes the file last; none where there was no row. Blocks.
    pub(super) fn finish(self) -> Result<Option<RowsKept>> {
        let sum = self.sums.sums.first().copied().unwrap_or_default();
        let digest = TableDigest { shape: self.shape, sum };
        self.writer.map(|writer| writer.finish(digest)).transpose()
    }
}

impl Take for Filing {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.writer.is_none() {
            self.writer = Some(RowsWriter::begin(&self.folder, self.file.clone(), &batch.schema(), &self.recipients)?);
        }
        if let Some(writer) = &mut self.writer {
            writer.write(&batch)?;
        }
        if let Some(told) = &self.told {
            told.send_modify(|progress| progress.rows += batch.num_rows() as u64);
        }
        self.sums.take(batch)
    }
}
