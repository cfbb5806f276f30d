//! One file as a table: its columns, where its rows begin, and reading them.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs::{File, Metadata},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use datafusion::arrow::{
    array::{ArrayRef, BinaryArray, BinaryBuilder, StringArray, StringBuilder},
    buffer::{Buffer, NullBuffer, OffsetBuffer},
    datatypes::{Field as ArrowField, Schema},
    error::ArrowError,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use serde::{Deserialize, Serialize};

use super::{
    dialect::Dialect,
    error::during,
    is_bytes,
    record::{Field, Record, Records},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Position, Reject, Result, SourceBatch},
    model::{Cell, Column, ColumnType, Count},
};

/// How much of a file is read to guess how many records it has.
const SAMPLE: u64 = 64 << 10;
/// A longer record is a batch of its own, whose values stay where they lie.
const LONG: usize = 8 << 20;
/// What a batch holds at most, however narrow its rows.
const BATCH_ROWS: usize = 16_384;

/// Between two records of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// In bytes of the file as it is, whatever its encoding.
    pub(super) offset: u64,
    /// The records before it, from 0.
    pub(super) record: u64,
    /// The line that begins here, from 1.
    pub(super) line: u64,
}

impl Place {
    pub(super) fn parse(position: &Position) -> Result<Self> {
        serde_json::from_str(&position.0).map_err(|error| {
            EndpointError::new(ErrorKind::Other, "cannot go on from a stored position", error.to_string())
        })
    }

    pub(super) fn position(self) -> Position {
        let Self { offset, record, line } = self;
        Position(format!(r#"{{"offset":{offset},"record":{record},"line":{line}}}"#))
    }
}

/// By what a file that was changed gives itself away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Self> {
        path.metadata().map(|file| Self::from(&file)).map_err(during("look at", path))
    }
}

impl From<&Metadata> for Stamp {
    fn from(file: &Metadata) -> Self {
        Self { size: file.len(), modified: file.modified().ok() }
    }
}

/// A file whose head was read.
#[derive(Clone, Debug)]
pub(super) struct CsvFile {
    pub(super) path: PathBuf,
    pub(super) dialect: Dialect,
    pub(super) columns: Vec<Column>,
    /// Where the first record stands, behind mark and header.
    pub(super) start: Place,
}

impl CsvFile {
    pub(super) fn open(path: &Path, mut dialect: Dialect) -> Result<Self> {
        let mut head = Vec::new();
        let file = File::open(path).map_err(during("open", path))?;
        file.take(4).read_to_end(&mut head).map_err(during("read", path))?;
        let bom = dialect.honour_bom(&head) as u64;
        let mut file = Self {
            path: path.to_owned(),
            dialect,
            columns: Vec::new(),
            start: Place { offset: bom, record: 0, line: 1 },
        };
        let mut record = Record::default();
        let mut records = file.records(file.start)?;
        loop {
            if !records.read(&mut record).map_err(during("read", path))? {
                return Ok(file);
            }
            // Empty lines before a header say nothing.
            if !(file.dialect.header && record.is_blank()) {
                break;
            }
        }
        let names = match file.dialect.header {
            true => {
                file.start = Place { offset: records.offset, record: 0, line: records.line };
                header(&file, &record)?
            }
            false => vec![String::new(); record.len()],
        };
        file.columns = distinct(names).into_iter().map(|name| column(&name)).collect();
        Ok(file)
    }

    /// The records from a place on; nothing before it is read.
    fn records(&self, from: Place) -> Result<Records<File>> {
        let mut file = File::open(&self.path).map_err(during("open", &self.path))?;
        file.seek(SeekFrom::Start(from.offset)).map_err(during("read", &self.path))?;
        Ok(Records::new(file, &self.dialect, from.offset, from.line))
    }

    pub(super) fn rows_from(&self, from: Place) -> Result<Rows> {
        let file = Arc::new(self.clone());
        Ok(Rows { file, records: self.records(from)?, record: Record::default(), at: from, held: false })
    }

    pub(super) fn count(&self) -> Result<u64> {
        let mut rows = self.rows_from(self.start)?;
        rows.skip(u64::MAX)?;
        Ok(rows.at.record)
    }

    /// From the length of its first records.
    pub(super) fn guess_count(&self) -> Result<Count> {
        let size = Stamp::of(&self.path)?.size;
        let mut rows = self.rows_from(self.start)?;
        while rows.at.offset - self.start.offset < SAMPLE {
            if rows.skip(1)? == 0 {
                return Ok(Count::Exact(rows.at.record));
            }
        }
        let (read, rest) = (rows.at.offset - self.start.offset, size.saturating_sub(self.start.offset));
        let guess = u128::from(rows.at.record) * u128::from(rest) / u128::from(read.max(1));
        Ok(Count::Estimate(u64::try_from(guess).unwrap_or(u64::MAX)))
    }
}

fn header(file: &CsvFile, record: &Record) -> Result<Vec<String>> {
    let context = || format!("cannot read the header of {}", file.path.display());
    if let Some(complaint) = record.complaint {
        return Err(EndpointError::new(ErrorKind::Data, context(), complaint));
    }
    let name = |field: Field<'_>| match file.dialect.decode(field.bytes) {
        Some(name) => Ok(name.into_owned()),
        None => {
            let message =
                format!("it is not valid {}; say in the plan how it is encoded", file.dialect.encoding.name());
            Err(EndpointError::new(ErrorKind::Data, context(), message))
        }
    };
    record.fields().map(name).collect()
}

/// Every column gets a name of its own: `column_3` where there is none, a number behind one that is taken.
fn distinct(names: Vec<String>) -> Vec<String> {
    let all: HashSet<String> = names.iter().cloned().collect();
    let mut taken = HashSet::new();
    let mut name_of = |(index, name): (usize, String)| {
        let name = if name.is_empty() { format!("column_{}", index + 1) } else { name };
        let numbered = (2..).map(|number| format!("{name}_{number}")).filter(|other| !all.contains(other));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name);
        taken.insert(free.clone());
        free
    };
    names.into_iter().enumerate().map(&mut name_of).collect()
}

pub(super) fn column(name: &str) -> Column {
    Column::new(name, ColumnType::TEXT)
}

/// The rows of a file, one after the other.
pub(super) struct Rows {
    file: Arc<CsvFile>,
    records: Records<File>,
    record: Record,
    /// Behind the last row that was taken.
    pub(super) at: Place,
    /// `record` was read but not taken.
    held: bool,
}

impl Rows {
    /// Reads ahead; `false` where no row follows.
    pub(super) fn has_next(&mut self) -> Result<bool> {
        while !self.held {
            let path = &self.file.path;
            if !self.records.read(&mut self.record).map_err(during("read", path))? {
                return Ok(false);
            }
            self.held = !self.record.is_blank() || self.file.columns.len() == 1;
        }
        Ok(true)
    }

    fn take(&mut self) {
        self.held = false;
        self.at = Place { offset: self.records.offset, record: self.at.record + 1, line: self.records.line };
    }

    /// Passes over at most that many rows and says how many there were.
    pub(super) fn skip(&mut self, rows: u64) -> Result<u64> {
        let mut skipped = 0;
        while skipped < rows && self.has_next()? {
            self.take();
            skipped += 1;
        }
        Ok(skipped)
    }

    /// At most `limit` rows and about `bytes` bytes; empty at the end of the file.
    pub(super) fn batch(&mut self, limit: u64, bytes: usize) -> Result<SourceBatch> {
        let file = Arc::clone(&self.file);
        let mut builder = BatchBuilder::new(&file);
        let mut size = 0;
        while (builder.rows as u64) < limit && builder.rows < BATCH_ROWS && self.has_next()? {
            size += self.record.size();
            if builder.rows > 0 && size > bytes {
                break;
            }
            if builder.rows == 0 && self.record.size() > LONG && builder.fits(&self.record) {
                self.take();
                return builder.whole(&mut self.record);
            }
            builder.push(&self.record);
            self.take();
        }
        builder.finish()
    }
}

enum Values {
    Text(StringBuilder),
    Bytes(BinaryBuilder),
}

impl Values {
    fn of(ty: &ColumnType) -> Self {
        match is_bytes(ty) {
            true => Self::Bytes(BinaryBuilder::new()),
            false => Self::Text(StringBuilder::new()),
        }
    }

    fn append(&mut self, text: &str) {
        match self {
            Self::Text(values) => values.append_value(text),
            Self::Bytes(values) => values.append_option(unhex(text)),
        }
    }

    fn append_null(&mut self) {
        match self {
            Self::Text(values) => values.append_null(),
            Self::Bytes(values) => values.append_null(),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut values) => Arc::new(values.finish()),
            Self::Bytes(mut values) => Arc::new(values.finish()),
        }
    }
}

/// The bytes that `\x` and hexadecimal digits are.
fn unhex(text: &str) -> Option<Vec<u8>> {
    crate::model::unhex(text.strip_prefix("\\x")?)
}

/// Whether a text is `\x` and two hexadecimal digits for each byte.
fn is_hex(text: &str) -> bool {
    let digits = text.strip_prefix("\\x").map(str::as_bytes);
    digits.is_some_and(|digits| digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Puts the bytes that the text in `bytes` says where it begins; how many they are.
fn unhex_in_place(bytes: &mut [u8]) -> usize {
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    let length = (bytes.len() / 2).saturating_sub(1);
    for at in 0..length {
        bytes[at] = digit(bytes[2 * at + 2]) << 4 | digit(bytes[2 * at + 3]);
    }
    length
}

struct BatchBuilder<'f> {
    file: &'f CsvFile,
    columns: Vec<Values>,
    rows: usize,
    rejects: Vec<Reject>,
}

impl<'f> BatchBuilder<'f> {
    fn new(file: &'f CsvFile) -> Self {
        Self {
            file,
            columns: file.columns.iter().map(|column| Values::of(&column.ty)).collect(),
            rows: 0,
            rejects: Vec::new(),
        }
    }

    fn push(&mut self, record: &Record) {
        match self.complaint(record) {
            Some((column, message)) => {
                let message = format!("line {}: {message}", record.line);
                self.rejects.push(Reject { place: self.rows, cells: self.cells(record), column, message });
            }
            None => self.append(record),
        }
        self.rows += 1;
    }

    /// What keeps the record from being a row.
    fn complaint(&self, record: &Record) -> Option<(usize, String)> {
        let (fields, columns) = (record.len(), self.columns.len());
        if let Some(complaint) = record.complaint {
            return Some((fields.min(columns).saturating_sub(1), complaint.to_owned()));
        }
        if fields != columns {
            let message = format!("{fields} fields where the file has {columns} columns");
            return Some((fields.min(columns.saturating_sub(1)), message));
        }
        let is_malformed = |field: Field<'_>| self.file.dialect.decode(field.bytes).is_none();
        let is_plain = self.file.dialect.takes_ascii() && record.is_ascii();
        if !is_plain && let Some(malformed) = record.fields().position(is_malformed) {
            return Some((malformed, format!("not valid {}", self.file.dialect.encoding.name())));
        }
        let no_bytes = |field: Field<'_>| text_of(self.file, field).is_some_and(|text| !is_hex(&text));
        let mut fields = record.fields().zip(&self.columns);
        let other = fields.position(|(field, values)| matches!(values, Values::Bytes(_)) && no_bytes(field))?;
        Some((other, "not \\x and hexadecimal digits".to_owned()))
    }

    fn append(&mut self, record: &Record) {
        for (column, field) in self.columns.iter_mut().zip(record.fields()) {
            match text_of(self.file, field) {
                Some(text) => column.append(&text),
                None => column.append_null(),
            }
        }
    }

    /// Whether [`Self::whole`] can take the record: text that is one as it lies.
    fn fits(&self, record: &Record) -> bool {
        self.file.dialect.encoding == encoding_rs::UTF_8 && self.complaint(record).is_none()
    }

    /// The record as a batch of its own, its values where they lie.
    fn whole(mut self, record: &mut Record) -> Result<SourceBatch> {
        self.rows = 1;
        let is_null: Vec<bool> = record.fields().map(|field| text_of(self.file, field).is_none()).collect();
        let (mut bytes, ends) = record.take();
        let mut places = Vec::with_capacity(ends.len());
        let mut start = 0;
        for (end, column) in ends.into_iter().zip(&self.columns) {
            let field = bytes.get_mut(start..end).unwrap_or_default();
            let length = if let Values::Bytes(_) = column { unhex_in_place(field) } else { field.len() };
            places.push((start, length));
            start = end;
        }
        bytes.shrink_to_fit();
        let bytes = Buffer::from_vec(bytes);
        let array = |((column, (start, length)), is_null): ((&Values, (usize, usize)), bool)| {
            let field = bytes.slice_with_length(start, if is_null { 0 } else { length });
            let offsets = OffsetBuffer::from_lengths([field.len()]);
            let nulls = is_null.then(|| NullBuffer::new_null(1));
            Ok(match column {
                Values::Bytes(_) => Arc::new(BinaryArray::try_new(offsets, field, nulls)?) as ArrayRef,
                Values::Text(_) => Arc::new(StringArray::try_new(offsets, field, nulls)?),
            })
        };
        let arrays: std::result::Result<Vec<ArrayRef>, ArrowError> =
            self.columns.iter().zip(places).zip(is_null).map(array).collect();
        self.batch(arrays.map_err(unbuilt)?)
    }

    /// The fields as they are, one for each column: missing ones are NULL, the last one holds what is too much.
    fn cells(&self, record: &Record) -> Vec<Cell> {
        let mut cells: Vec<Cell> = record.fields().map(|field| self.cell(field)).collect();
        let surplus = cells.split_off(cells.len().min(self.columns.len()));
        if let Some(last) = cells.last_mut().filter(|_| !surplus.is_empty()) {
            let delimiter = char::from(self.file.dialect.delimiter).to_string();
            let all: Vec<String> = std::iter::once(&*last).chain(&surplus).map(shown).collect();
            *last = Cell::Text(all.join(&delimiter));
        }
        cells.resize(self.columns.len(), Cell::Null);
        cells
    }

    fn cell(&self, field: Field<'_>) -> Cell {
        match self.file.dialect.decode(field.bytes) {
            None => Cell::Bytes(field.bytes.to_vec()),
            Some(text) if field.quoted || text != self.file.dialect.null.as_str() => Cell::Text(text.into_owned()),
            Some(_) => Cell::Null,
        }
    }

    fn finish(mut self) -> Result<SourceBatch> {
        let arrays = std::mem::take(&mut self.columns).into_iter().map(Values::finish).collect();
        self.batch(arrays)
    }

    fn batch(self, arrays: Vec<ArrayRef>) -> Result<SourceBatch> {
        let fields = self.file.columns.iter().map(|column| ArrowField::new(&column.name, column.ty.arrow(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows - self.rejects.len()));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options).map_err(unbuilt)?;
        Ok(SourceBatch { batch, rejects: self.rejects })
    }
}

/// The field's text; `None` where it is NULL, or no text.
fn text_of<'r>(file: &CsvFile, field: Field<'r>) -> Option<Cow<'r, str>> {
    let text = file.dialect.decode(field.bytes)?;
    (field.quoted || text != file.dialect.null.as_str()).then_some(text)
}

fn unbuilt(error: ArrowError) -> EndpointError {
    EndpointError::new(ErrorKind::Other, "cannot build a batch of CSV rows", error.to_string())
}

fn shown(cell: &Cell) -> String {
    if cell.is_null() { String::new() } else { cell.display() }
}
