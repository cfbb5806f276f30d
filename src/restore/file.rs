//! Rows in a file of columns: Arrow's stream format, its buffers compressed.
//!
//! One idea: what writes sums the bytes as they go, and what reads goes over the file twice, first for its SHA-256 and then
//! for its rows, so that nothing is decoded that is not what was written.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use datafusion::arrow::{
    datatypes::SchemaRef,
    error::ArrowError,
    ipc::{
        CompressionType,
        reader::StreamReader,
        writer::{IpcWriteOptions, StreamWriter},
    },
    record_batch::RecordBatch,
};
use sha2::{Digest as _, Sha256};

use super::{
    RestoreError, Result,
    manifest::RowsKept,
    shelf::{failed, private},
};
use crate::model::{RowEncoding, RowSum, TableDigest, hex};

/// What goes to the disk at once.
const PIECE: usize = 1 << 18;

/// Sums what goes through it.
struct Summed<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes batches to a new file.
pub(super) struct RowsWriter {
    path: PathBuf,
    name: String,
    writer: StreamWriter<BufWriter<Summed<File>>>,
}

impl RowsWriter {
    /// A file of that name in the folder, for batches of the schema.
    pub(super) fn begin(folder: &Path, name: String, schema: &SchemaRef) -> Result<Self> {
        let path = folder.join(&name);
        let file = private(&path).map_err(failed(&path))?;
        let summed = BufWriter::with_capacity(PIECE, Summed { inner: file, hash: Sha256::new(), bytes: 0 });
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD));
        let writer = options.and_then(|options| StreamWriter::try_new_with_options(summed, schema, options));
        match writer {
            Ok(writer) => Ok(Self { path, name, writer }),
            Err(error) => Err(unwritten(&path, error)),
        }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|error| unwritten(&self.path, error))
    }

    /// Makes the file last.
    pub(super) fn finish(mut self, digest: TableDigest) -> Result<RowsKept> {
        self.writer.finish().map_err(|error| unwritten(&self.path, error))?;
        let summed = self.writer.into_inner().map_err(|error| unwritten(&self.path, error))?;
        let summed = summed.into_inner().map_err(|error| failed(&self.path)(error.into_error()))?;
        summed.inner.sync_all().map_err(failed(&self.path))?;
        let sha256 = hex(&summed.hash.finalize());
        Ok(RowsKept { file: self.name, bytes: summed.bytes, sha256, digest: Some(digest) })
    }
}

/// A full disk is told by the system and not by Arrow.
fn unwritten(path: &Path, error: ArrowError) -> RestoreError {
    match error {
        ArrowError::IoError(_, source) => failed(path)(source),
        source => RestoreError::Columns { path: path.to_owned(), source },
    }
}

/// Copies a file as it is.
pub(super) fn copy(from: &Path, folder: &Path, name: String) -> Result<RowsKept> {
    let path = folder.join(&name);
    let copied = || -> io::Result<RowsKept> {
        let mut source = File::open(from)?;
        let mut summed = Summed { inner: private(&path)?, hash: Sha256::new(), bytes: 0 };
        io::copy(&mut source, &mut summed)?;
        summed.inner.sync_all()?;
        Ok(RowsKept { file: name, bytes: summed.bytes, sha256: hex(&summed.hash.finalize()), digest: None })
    };
    copied().map_err(failed(from))
}

/// The SHA-256 of a file, in hex.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    let mut summed = Summed { inner: io::sink(), hash: Sha256::new(), bytes: 0 };
    io::copy(&mut File::open(path)?, &mut summed)?;
    Ok(hex(&summed.hash.finalize()))
}

/// Whether the file is the one that was written.
pub(super) fn check(folder: &Path, kept: &RowsKept) -> Result<()> {
    let path = folder.join(&kept.file);
    match sha256(&path) {
        Ok(found) if found == kept.sha256 => Ok(()),
        Ok(found) => {
            let why = format!("its SHA-256 is {found}, and {} was written down", kept.sha256);
            Err(RestoreError::Tampered(path, why))
        }
        Err(error) => Err(RestoreError::Tampered(path, error.to_string())),
    }
}

/// Hands over the file's batches one by one until `take` wants no more.
pub(super) fn read(folder: &Path, kept: &RowsKept, mut take: impl FnMut(RecordBatch) -> bool) -> Result<()> {
    let path = folder.join(&kept.file);
    let damaged = |error: ArrowError| RestoreError::Tampered(path.clone(), error.to_string());
    let file = File::open(&path).map_err(|error| RestoreError::Tampered(path.clone(), error.to_string()))?;
    let reader = StreamReader::try_new(BufReader::with_capacity(PIECE, file), None).map_err(damaged)?;
    for batch in reader {
        if !take(batch.map_err(damaged)?) {
            break;
        }
    }
    Ok(())
}

/// Reads the file back: its bytes, and the rows in them.
pub(super) fn verify(folder: &Path, kept: &RowsKept, encoding: &RowEncoding) -> Result<()> {
    check(folder, kept)?;
    let Some(digest) = &kept.digest else { return Ok(()) };
    let mut sum = RowSum::default();
    read(folder, kept, |batch| {
        sum += encoding.sum(&batch);
        true
    })?;
    match sum == digest.sum && encoding.shape() == digest.shape {
        true => Ok(()),
        false => Err(RestoreError::Unlike(kept.file.clone(), format!("{sum} instead of {}", digest.sum))),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use datafusion::arrow::{
        array::{ArrayRef, Int64Array, StringArray},
        datatypes::{DataType, Field, Schema},
    };

    use super::*;
    use crate::model::{Column, ColumnType};

    fn columns() -> [Column; 2] {
        [Column::new("id", ColumnType::BIGINT), Column::new("name", ColumnType::TEXT)]
    }

    fn encoding() -> RowEncoding {
        RowEncoding::of(columns().iter().map(|column| (column, None)))
    }

    fn batch(from: i64) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter((from..from + 500).map(|id| (id % 9 > 0).then_some(id))));
        let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..500).map(|id| format!("name {id}"))));
        let field = |(name, ty): (&str, DataType)| Field::new(name, ty, true);
        let fields = [("id", DataType::Int64), ("name", DataType::Utf8)].map(field);
        RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), vec![ids, names]).unwrap()
    }

    fn kept(folder: &Path) -> RowsKept {
        let mut writer = RowsWriter::begin(folder, "0001.arrow".into(), &batch(0).schema()).unwrap();
        let mut sum = RowSum::default();
        for batch in [batch(0), batch(500)] {
            writer.write(&batch).unwrap();
            sum += encoding().sum(&batch);
        }
        writer.finish(TableDigest { shape: encoding().shape(), sum }).unwrap()
    }

    #[test]
    fn rows_read_back_as_they_were_and_take_less_room() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path());
        verify(folder.path(), &kept, &encoding()).unwrap();
        let mut read_back = Vec::new();
        read(folder.path(), &kept, |batch| {
            read_back.push(batch);
            true
        })
        .unwrap();
        assert_eq!(read_back, [batch(0), batch(500)]);
        assert_eq!(kept.bytes, fs::metadata(folder.path().join("0001.arrow")).unwrap().len());
        let plain: usize = read_back.iter().map(RecordBatch::get_array_memory_size).sum();
        assert!(kept.bytes < plain as u64 / 3, "{} of {plain}", kept.bytes);
    }

    #[test]
    fn a_byte_that_changed_and_rows_that_are_others_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path());
        let other = RowEncoding::of([(&columns()[0], None)]);
        assert!(matches!(verify(folder.path(), &kept, &other), Err(RestoreError::Unlike(..))));
        let path = folder.path().join(&kept.file);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 20;
        bytes[last] ^= 4;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(verify(folder.path(), &kept, &encoding()), Err(RestoreError::Tampered(..))));
        fs::remove_file(&path).unwrap();
        assert!(matches!(check(folder.path(), &kept), Err(RestoreError::Tampered(..))));
    }

    #[test]
    fn a_file_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        kept(folder.path());
        let again = RowsWriter::begin(folder.path(), "0001.arrow".into(), &batch(0).schema());
        assert!(matches!(again, Err(RestoreError::Folder { .. })));
    }
}
