//! Appending rows to a file so that a crash leaves each chunk there as a whole, or not at all.
//!
//! The order is all: the ledger says that a chunk is open; rows are appended; `commit` makes them durable first, and then
//! replaces the ledger with one that has the mark and the new length. A loader that finds a file open cuts it back to
//! the length that is recorded. A file that is emptied stays as it is: a new one is written beside it, which the ledger
//! names from the commit on, and is renamed then; whoever comes next does what is left of that.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use tokio::sync::OwnedMutexGuard;

use super::{
    dialect::Dialect,
    error::{blocking, during},
    file::CsvFile,
    folder::{Folder, name},
    open,
    out::{Out, check_given, header, write_rows},
    sidecar::{self, Written},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, LoadOptions, Loader, Mark, Refusal, Result},
    model::{ColumnType, Table},
};

/// One writer at a time for each file.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    async fn wait(&self, path: &Path) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(path.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

pub(super) fn create(folder: &Folder, table: &Table) -> Result<()> {
    let path = folder.place_for(&table.name)?;
    let context = || format!("cannot create {}", path.display());
    if path.exists() {
        return Err(EndpointError::new(ErrorKind::Other, context(), "there is a file of that name already"));
    }
    let dialect = folder.dialect(&path);
    let mut head = dialect.bom().to_vec();
    let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    if dialect.header {
        let header = header(&dialect, &names).map_err(|column| {
            let message = format!("the name of column {} cannot be said in {}", names[column], dialect.encoding.name());
            EndpointError::new(ErrorKind::Other, context(), message)
        })?;
        head.extend(header);
    }
    let columns = if dialect.header { Vec::new() } else { names };
    let bytes = table.columns.iter().filter(|column| matches!(column.ty, ColumnType::Bytes { .. }));
    let bytes = bytes.map(|column| column.name.clone()).collect();
    let written = Written { length: head.len() as u64, columns, bytes, ..Written::default() };
    sidecar::update(&folder.path, |ledger| {
        ledger.files.insert(name(&path), written);
        Ok(())
    })?;
    let new = folder.path.join(format!(".{}.new", name(&path)));
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(&head)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(&folder.path)?.sync_all()
    };
    write().map_err(during("create", &path))
}

/// Loads one table.
pub(super) struct Load {
    folder: Folder,
    path: PathBuf,
    table: String,
    /// For each column of the file, the column of the batch that fills it.
    sources: Arc<Vec<Option<usize>>>,
    turns: Turns,
    append: Option<Append>,
}

impl Load {
    pub(super) fn new(folder: &Folder, turns: Turns, table: &Table, options: &LoadOptions) -> Result<Self> {
        if !options.update_by.is_empty() {
            let context = format!("cannot load {}", table.name);
            let message = "a file has no rows to update by key; use another mode";
            return Err(EndpointError::new(ErrorKind::Other, context, message));
        }
        let file = open(folder, &table.name)?;
        let names: Vec<&String> = file.columns.iter().map(|column| &column.name).collect();
        if let Some(missing) = options.columns.iter().find(|column| !names.contains(column)) {
            let context = format!("cannot load {}", table.name);
            return Err(EndpointError::new(ErrorKind::Other, context, format!("its file has no column {missing}")));
        }
        let source = |name: &String| options.columns.iter().position(|column| column == name);
        let sources = Arc::new(names.into_iter().map(source).collect());
        Ok(Self { folder: folder.clone(), path: file.path, table: table.name.clone(), sources, turns, append: None })
    }

    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Append) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut append = self.append.take().ok_or_else(|| {
            EndpointError::new(ErrorKind::Other, format!("cannot write to {}", self.table), "no chunk was begun")
        })?;
        let (append, outcome) = blocking(move || {
            let outcome = work(&mut append);
            Ok((append, outcome))
        })
        .await?;
        self.append = Some(append);
        outcome
    }
}

#[async_trait]
impl Loader for Load {
    async fn begin(&mut self) -> Result<()> {
        self.rollback().await?;
        let turn = self.turns.wait(&self.path).await;
        let (folder, path) = (self.folder.clone(), self.path.clone());
        self.append = Some(blocking(move || Append::begin(&folder, &path, turn)).await?);
        Ok(())
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Refusal>> {
        let (batch, sources) = (batch.clone(), Arc::clone(&self.sources));
        self.with(move |append| append.write(&batch, &sources)).await
    }

    async fn empty(&mut self) -> Result<()> {
        self.with(Append::empty).await
    }

    async fn commit(&mut self, mark: &Mark) -> Result<()> {
        let mark = mark.clone();
        let outcome = self.with(move |append| append.commit(&mark)).await;
        self.append = None;
        outcome
    }

    async fn rollback(&mut self) -> Result<()> {
        if self.append.is_none() {
            return Ok(());
        }
        let outcome = self.with(Append::rollback).await;
        self.append = None;
        outcome
    }
}

/// A chunk on its way into a file.
struct Append {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    dialect: Dialect,
    /// The durable bytes before it.
    start: u64,
    length: u64,
    /// The new file, where rows go to one that takes the file's place.
    new: Option<PathBuf>,
    /// Whether the ledger now says what becomes of it.
    settled: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Append {
    fn begin(folder: &Folder, path: &Path, turn: OwnedMutexGuard<()>) -> Result<Self> {
        sidecar::settle(&folder.path)?;
        let dialect = CsvFile::open(path, folder.dialect(path))?.dialect;
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(during("write", path))?;
        file.try_lock().map_err(|error| during("lock", path)(error.into()))?;
        let size = file.metadata().map_err(during("look at", path))?.len();
        let mut start = size;
        sidecar::update(&folder.path, |ledger| {
            let written = ledger.files.entry(name(path)).or_insert(Written { length: size, ..Written::default() });
            if size < written.length {
                return Err(shorter(path, &folder.path, written.length));
            }
            if !written.open {
                // What somebody else has appended is theirs to keep.
                written.length = size;
            }
            written.open = true;
            start = written.length;
            Ok(())
        })?;
        let ends = file.set_len(start).and_then(|()| ends_with_line(&mut file, &dialect, start));
        let ends_with_line = ends.map_err(during("write", path))?;
        let (folder, path) = (folder.path.clone(), path.to_owned());
        let mut append =
            Self { folder, path, file, dialect, start, length: start, new: None, settled: false, _turn: turn };
        if !ends_with_line {
            append.end_line()?;
        }
        Ok(append)
    }

    /// From here on rows go to a new file with the same head, which takes the place of this one at the commit.
    fn empty(&mut self) -> Result<()> {
        let head = CsvFile::open(&self.path, self.dialect.clone())?.start.offset.min(self.start);
        let new = self.folder.join(new_name(&self.path));
        let mut make = || {
            let mut bytes = vec![0; usize::try_from(head).unwrap_or_default()];
            // It may have been given the end of its last line.
            self.file.set_len(self.start)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.read_exact(&mut bytes)?;
            let mut file = File::options().create(true).truncate(true).read(true).write(true).open(&new)?;
            file.write_all(&bytes)?;
            Ok(file)
        };
        let file = make().map_err(during("make", &new))?;
        (self.file, self.start, self.length, self.new) = (file, head, head, Some(new));
        match ends_with_line(&mut self.file, &self.dialect, head).map_err(during("read", &self.path))? {
            true => Ok(()),
            false => self.end_line(),
        }
    }

    /// Appends what `make` makes; what fails half-way is written over.
    fn append<T>(&mut self, make: impl FnOnce(&Dialect, &mut Out<'_>) -> io::Result<T>) -> Result<T> {
        let mut out = Out::new(Some(&mut self.file), self.length);
        let made = make(&self.dialect, &mut out).and_then(|made| Ok((made, out.finish()?)));
        let (made, length) = made.map_err(during("write", &self.path))?;
        self.length = length;
        Ok(made)
    }

    fn end_line(&mut self) -> Result<()> {
        self.append(|dialect, out| out.push(dialect, "\n").map(drop))
    }

    fn write(&mut self, batch: &RecordBatch, sources: &[Option<usize>]) -> Result<Vec<Refusal>> {
        let context = || format!("cannot write to {}", self.path.display());
        check_given(batch, sources).map_err(|message| EndpointError::new(ErrorKind::Other, context(), message))?;
        self.append(|dialect, out| write_rows(dialect, batch, sources, out))
    }

    /// Rows first, then the mark; from the moment the ledger may be replaced it alone says what holds.
    fn commit(&mut self, mark: &Mark) -> Result<()> {
        let durable = self.file.set_len(self.length).and_then(|()| self.file.sync_all());
        durable.map_err(during("write", &self.path))?;
        self.settled = true;
        let (file, length) = (name(&self.path), self.length);
        let replacing = self.new.as_deref().map(name);
        if replacing.is_some() {
            File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(during("write", &self.folder))?;
        }
        sidecar::update(&self.folder, |ledger| {
            let same = |other: &Mark| (&other.run, &other.table, other.chunk) == (&mark.run, &mark.table, mark.chunk);
            if ledger.marks.iter().any(same) {
                let context = format!("cannot commit chunk {} of {}", mark.chunk, mark.table);
                return Err(EndpointError::new(ErrorKind::Data, context, "this chunk has been committed before"));
            }
            let written = ledger.files.entry(file).or_default();
            (written.length, written.open, written.replacing) = (length, false, replacing);
            ledger.marks.push(mark.clone());
            Ok(())
        })?;
        sidecar::settle(&self.folder)
    }

    fn rollback(&mut self) -> Result<()> {
        self.settled = true;
        let cut = match &self.new {
            Some(new) => fs::remove_file(new),
            None => self.file.set_len(self.start).and_then(|()| self.file.sync_all()),
        };
        cut.map_err(during("cut back", &self.path))?;
        let file = name(&self.path);
        sidecar::update(&self.folder, |ledger| {
            ledger.files.entry(file).or_default().open = false;
            Ok(())
        })
    }
}

impl Drop for Append {
    /// Leaves no half chunk for others to see; the ledger still says `open`, so that what fails here is done later.
    fn drop(&mut self) {
        if !self.settled {
            let _ = match &self.new {
                Some(new) => fs::remove_file(new),
                None => self.file.set_len(self.start),
            };
        }
    }
}

/// Hidden, so that it is no table.
fn new_name(path: &Path) -> String {
    format!(".{}.replacing", name(path))
}

fn shorter(path: &Path, folder: &Path, length: u64) -> EndpointError {
    let message = format!(
        "it is shorter than the {length} bytes that runs have written; put it back, or delete {} to forget those runs",
        sidecar::path(folder).display()
    );
    EndpointError::new(ErrorKind::Other, format!("cannot write to {}", path.display()), message)
}

/// Whether a record can be appended at `end` as it is.
fn ends_with_line(file: &mut File, dialect: &Dialect, end: u64) -> std::io::Result<bool> {
    let width = dialect.units().width();
    if end < width as u64 || end == dialect.bom().len() as u64 {
        return Ok(true);
    }
    let mut unit = vec![0; width];
    file.seek(SeekFrom::Start(end - width as u64))?;
    file.read_exact(&mut unit)?;
    Ok(matches!(dialect.units().ascii(&unit), b'\n' | b'\r'))
}
