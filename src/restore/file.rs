//! Rows in a file of columns: Arrow's stream format, its buffers compressed.
//!
//! One idea: what writes sums the bytes as they go, and what reads goes over the file twice, first for its SHA-256 and then
//! for its rows, so that nothing is decoded that is not what was written.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
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
    crypt::{Identity, Opening, Sealing},
    manifest::RowsKept,
    shelf::{failed, private},
};
use crate::model::{Recipient, RowEncoding, RowSum, TableDigest, hex};

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

/// Where a kept file's bytes go, encrypted or not.
enum Sink {
    Plain(Summed<File>),
    Sealed(Box<Sealing<Summed<File>>>),
}

impl Sink {
    fn begin(path: &Path, recipients: &[Recipient]) -> io::Result<Self> {
        let summed = Summed { inner: private(path)?, hash: Sha256::new(), bytes: 0 };
        Ok(match recipients.is_empty() {
            true => Self::Plain(summed),
            false => Self::Sealed(Box::new(Sealing::begin(summed, recipients)?)),
        })
    }

    /// Makes the file last.
    fn finish(self) -> io::Result<Summed<File>> {
        let summed = match self {
            Self::Plain(summed) => summed,
            Self::Sealed(sealing) => sealing.finish()?,
        };
        summed.inner.sync_all()?;
        Ok(summed)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(summed) => summed.write(bytes),
            Self::Sealed(sealing) => sealing.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(summed) => summed.flush(),
            Self::Sealed(sealing) => sealing.flush(),
        }
    }
}

/// Writes batches to a new file.
pub(super) struct RowsWriter {
    path: PathBuf,
    name: String,
    sealed: bool,
    writer: StreamWriter<BufWriter<Sink>>,
}

impl RowsWriter {
    /// A file of that name in the folder, for batches of the schema; encrypted where there are recipients.
    pub(super) fn begin(folder: &Path, name: String, schema: &SchemaRef, recipients: &[Recipient]) -> Result<Self> {
        let path = folder.join(&name);
        let sink = Sink::begin(&path, recipients).map_err(failed(&path))?;
        let sealed = !recipients.is_empty();
        let summed = BufWriter::with_capacity(PIECE, sink);
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD));
        let writer = options.and_then(|options| StreamWriter::try_new_with_options(summed, schema, options));
        match writer {
            Ok(writer) => Ok(Self { path, name, sealed, writer }),
            Err(error) => Err(unwritten(&path, error)),
        }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|error| unwritten(&self.path, error))
    }

    /// Makes the file last.
    pub(super) fn finish(mut self, digest: TableDigest) -> Result<RowsKept> {
        self.writer.finish().map_err(|error| unwritten(&self.path, error))?;
        let sink = self.writer.into_inner().map_err(|error| unwritten(&self.path, error))?;
        let sink = sink.into_inner().map_err(|error| failed(&self.path)(error.into_error()))?;
        let summed = sink.finish().map_err(failed(&self.path))?;
        let (file, sealed, sha256) = (self.name, self.sealed, hex(&summed.hash.finalize()));
        Ok(RowsKept { file, bytes: summed.bytes, sha256, digest: Some(digest), sealed, content: None })
    }
}

/// A full disk is told by the system and not by Arrow.
fn unwritten(path: &Path, error: ArrowError) -> RestoreError {
    match error {
        ArrowError::IoError(_, source) => failed(path)(source),
        source => RestoreError::Columns { path: path.to_owned(), source },
    }
}

/// Copies a file as it is; encrypted where there are recipients.
pub(super) fn copy(from: &Path, folder: &Path, name: String, recipients: &[Recipient]) -> Result<RowsKept> {
    let path = folder.join(&name);
    let copied = || -> io::Result<RowsKept> {
        let mut source = File::open(from)?;
        let mut read = Summed { inner: Sink::begin(&path, recipients)?, hash: Sha256::new(), bytes: 0 };
        io::copy(&mut source, &mut read)?;
        let original = hex(&read.hash.finalize());
        let summed = read.inner.finish()?;
        let (sealed, sha256) = (!recipients.is_empty(), hex(&summed.hash.finalize()));
        let content = sealed.then_some(original);
        Ok(RowsKept { file: name, bytes: summed.bytes, sha256, digest: None, sealed, content })
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

/// What the file holds, with encryption taken off.
fn plain(folder: &Path, kept: &RowsKept, identities: &[Identity]) -> Result<Box<dyn Read>> {
    let path = folder.join(&kept.file);
    let damaged = |error: io::Error| RestoreError::Tampered(path.clone(), error.to_string());
    let file = File::open(&path).map_err(damaged)?;
    match (kept.sealed, identities) {
        (false, _) => Ok(Box::new(file)),
        (true, []) => Err(RestoreError::Sealed),
        (true, identities) => Ok(Box::new(Opening::begin(file, identities).map_err(damaged)?)),
    }
}

/// A kept file as it was, to be read for as long as this lives.
pub(super) struct Original {
    pub(super) path: PathBuf,
    is_copy: bool,
}

impl Drop for Original {
    fn drop(&mut self) {
        if self.is_copy {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Takes encryption off a file that is a table.
pub(super) fn original(folder: &Path, kept: &RowsKept, identities: &[Identity]) -> Result<Original> {
    if !kept.sealed {
        return Ok(Original { path: folder.join(&kept.file), is_copy: false });
    }
    let path = folder.join(format!("{}.open", kept.file));
    let mut source = plain(folder, kept, identities)?;
    let mut write = || {
        // Whoever was cut off left it.
        let _ = fs::remove_file(&path);
        io::copy(&mut source, &mut private(&path)?).map(drop)
    };
    let written = write();
    let original = Original { path: path.clone(), is_copy: true };
    written.map(|()| original).map_err(failed(&path))
}

/// Hands over the file's batches one by one until `take` wants no more.
pub(super) fn read(
    folder: &Path,
    kept: &RowsKept,
    identities: &[Identity],
    mut take: impl FnMut(RecordBatch) -> bool,
) -> Result<()> {
    let path = folder.join(&kept.file);
    let damaged = |error: ArrowError| RestoreError::Tampered(path.clone(), error.to_string());
    let file = plain(folder, kept, identities)?;
    let reader = StreamReader::try_new(BufReader::with_capacity(PIECE, file), None).map_err(damaged)?;
    for batch in reader {
        if !take(batch.map_err(damaged)?) {
            break;
        }
    }
    Ok(())
}

/// Reads the file back: its bytes, and the rows in them.
pub(super) fn verify(folder: &Path, kept: &RowsKept, encoding: &RowEncoding, identities: &[Identity]) -> Result<()> {
    check(folder, kept)?;
    let Some(digest) = &kept.digest else { return verify_original(folder, kept, identities) };
    let mut sum = RowSum::default();
    read(folder, kept, identities, |batch| {
        sum += encoding.sum(&batch);
        true
    })?;
    match sum == digest.sum && encoding.shape() == digest.shape {
        true => Ok(()),
        false => Err(RestoreError::Unlike(kept.file.clone(), format!("{sum} instead of {}", digest.sum))),
    }
}

/// Whether an encrypted file opens to what it was.
fn verify_original(folder: &Path, kept: &RowsKept, identities: &[Identity]) -> Result<()> {
    let Some(content) = &kept.content else { return Ok(()) };
    let mut summed = Summed { inner: io::sink(), hash: Sha256::new(), bytes: 0 };
    let path = folder.join(&kept.file);
    io::copy(&mut plain(folder, kept, identities)?, &mut summed)
        .map_err(|error| RestoreError::Tampered(path, error.to_string()))?;
    match hex(&summed.hash.finalize()) == *content {
        true => Ok(()),
        false => Err(RestoreError::Unlike(kept.file.clone(), "another file".to_owned())),
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
        sealed(folder, &[])
    }

    fn sealed(folder: &Path, recipients: &[Recipient]) -> RowsKept {
        let mut writer = RowsWriter::begin(folder, "0001.arrow".into(), &batch(0).schema(), recipients).unwrap();
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
        verify(folder.path(), &kept, &encoding(), &[]).unwrap();
        let mut read_back = Vec::new();
        read(folder.path(), &kept, &[], |batch| {
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
        assert!(matches!(verify(folder.path(), &kept, &other, &[]), Err(RestoreError::Unlike(..))));
        let path = folder.path().join(&kept.file);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 20;
        bytes[last] ^= 4;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(verify(folder.path(), &kept, &encoding(), &[]), Err(RestoreError::Tampered(..))));
        fs::remove_file(&path).unwrap();
        assert!(matches!(check(folder.path(), &kept), Err(RestoreError::Tampered(..))));
    }

    #[test]
    fn encrypted_rows_read_back_with_the_identity_and_not_without() {
        let folder = tempfile::tempdir().unwrap();
        let (own, stranger) = (Identity::new(), Identity::new());
        let kept = sealed(folder.path(), &[own.recipient()]);
        assert!(kept.sealed);
        let whole = fs::read(folder.path().join(&kept.file)).unwrap();
        assert!(whole.starts_with(b"age-encryption.org/v1\n") && kept.bytes == whole.len() as u64);
        check(folder.path(), &kept).unwrap();
        verify(folder.path(), &kept, &encoding(), std::slice::from_ref(&own)).unwrap();
        assert!(matches!(verify(folder.path(), &kept, &encoding(), &[]), Err(RestoreError::Sealed)));
        let other = verify(folder.path(), &kept, &encoding(), &[stranger]).unwrap_err().to_string();
        assert!(other.contains("none of the identities"), "{other}");

        let from = folder.path().join("from.csv");
        fs::write(&from, "id\n7\n").unwrap();
        let file = copy(&from, folder.path(), "0002.csv".into(), &[own.recipient()]).unwrap();
        assert_eq!(file.original(), sha256(&from).unwrap());
        verify(folder.path(), &file, &encoding(), std::slice::from_ref(&own)).unwrap();
        let path = {
            let original = original(folder.path(), &file, std::slice::from_ref(&own)).unwrap();
            assert_eq!(fs::read(&original.path).unwrap(), b"id\n7\n");
            original.path.clone()
        };
        assert!(!path.exists(), "what was taken off its encryption does not stay");
    }

    #[test]
    fn a_file_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        kept(folder.path());
        let again = RowsWriter::begin(folder.path(), "0001.arrow".into(), &batch(0).schema(), &[]);
        assert!(matches!(again, Err(RestoreError::Folder { .. })));
    }
}
