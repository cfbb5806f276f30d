//! Rows as records, on their way into a file.
//!
//! One idea: a long value is put into its form piece by piece, and what has become much goes to the file at once, behind
//! what is durable there; a record that turns out not to be sayable is written over by the next.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
};

use datafusion::arrow::{
    array::{Array, AsArray as _},
    datatypes::DataType,
    record_batch::RecordBatch,
};

use super::dialect::Dialect;
use crate::{
    endpoint::Refusal,
    model::{Cause, Cell, cell_at, clip, hex},
};

/// So many bytes go to the file at once.
const FULL: usize = 4 << 20;

/// Bytes of a value that are put into their form at once.
const PIECE: usize = 1 << 20;

/// So much of a text that cannot be said is shown.
const SHOWN: usize = 200;

pub(super) struct Out<'f> {
    /// `None`: the records are made and let go.
    file: Option<&'f mut File>,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    at: u64,
}

impl<'f> Out<'f> {
    pub(super) fn new(file: Option<&'f mut File>, at: u64) -> Self {
        Self { file, buffer: Vec::new(), at }
    }

    /// Appends the text in the file's encoding; `false` where it cannot say it.
    pub(super) fn push(&mut self, dialect: &Dialect, text: &str) -> io::Result<bool> {
        let said = dialect.encode(text, &mut self.buffer);
        if self.buffer.len() >= FULL {
            self.spill()?;
        }
        Ok(said)
    }

    /// Everything is in the file; where that ends.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.spill()?;
        Ok(self.at)
    }

    fn spill(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.at))?;
            file.write_all(&self.buffer)?;
        }
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn place(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    /// Forgets what was pushed since it was at this place.
    fn go_back(&mut self, place: u64) {
        let kept = place.checked_sub(self.at).and_then(|kept| usize::try_from(kept).ok());
        self.at = self.at.min(place);
        self.buffer.truncate(kept.unwrap_or(0));
    }
}

/// A value on its way into a field.
enum Value<'v> {
    Null,
    Text(Cow<'v, str>),
    Bytes(&'v [u8]),
}

impl<'v> Value<'v> {
    fn at(array: Option<&'v dyn Array>, row: usize) -> Self {
        let Some(array) = array.filter(|array| array.is_valid(row)) else { return Self::Null };
        match array.data_type() {
            DataType::Utf8 => Self::Text(Cow::Borrowed(array.as_string::<i32>().value(row))),
            DataType::Binary => Self::Bytes(array.as_binary::<i32>().value(row)),
            _ => match cell_at(array, row) {
                Cell::Null => Self::Null,
                Cell::Text(text) => Self::Text(Cow::Owned(text)),
                bytes @ Cell::Bytes(_) => Self::Text(Cow::Owned(bytes.display())),
            },
        }
    }

    /// As a human is shown it.
    fn shown(&self) -> String {
        match self {
            Self::Null => Cell::Null.display(),
            Self::Text(text) => clip(text, SHOWN),
            Self::Bytes(bytes) => Cell::Bytes(bytes[..bytes.len().min(SHOWN)].to_vec()).display(),
        }
    }
}

/// The names of columns as a file's first record; the index of one that the encoding cannot say.
pub(super) fn header(dialect: &Dialect, names: &[String]) -> std::result::Result<Vec<u8>, usize> {
    let mut out = Out::new(None, 0);
    let names: Vec<Value<'_>> = names.iter().map(|name| Value::Text(Cow::Borrowed(name))).collect();
    match write_record(dialect, &names, &mut out) {
        Ok(Some(unsaid)) => Err(unsaid),
        _ => Ok(out.buffer),
    }
}

/// Whether the batch has every column that the file takes; which it lacks.
pub(super) fn check_given(batch: &RecordBatch, sources: &[Option<usize>]) -> std::result::Result<(), String> {
    match sources.iter().flatten().find(|column| **column >= batch.num_columns()) {
        Some(missing) => Err(format!("column {missing} was not given")),
        None => Ok(()),
    }
}

/// The batch's rows as records, but those that the encoding cannot say.
pub(super) fn write_rows(
    dialect: &Dialect,
    batch: &RecordBatch,
    sources: &[Option<usize>],
    out: &mut Out<'_>,
) -> io::Result<Vec<Refusal>> {
    let arrays = sources.iter().map(|source| Some(batch.columns().get((*source)?)?.as_ref()));
    let arrays: Vec<Option<&dyn Array>> = arrays.collect();
    let mut refusals = Vec::new();
    for row in 0..batch.num_rows() {
        let values: Vec<Value<'_>> = arrays.iter().map(|array| Value::at(*array, row)).collect();
        if let Some(unsaid) = write_record(dialect, &values, out)? {
            let source = sources.get(unsaid).copied().flatten();
            let column = source.map(|source| batch.schema_ref().field(source).name().clone());
            let message = format!("'{}' cannot be said in {}", values[unsaid].shown(), dialect.encoding.name());
            refusals.push(Refusal { row, cause: Cause::Conversion, column, message });
        }
    }
    Ok(refusals)
}

/// Appends one record, or nothing and the index of a value that the encoding cannot say.
fn write_record(dialect: &Dialect, values: &[Value<'_>], out: &mut Out<'_>) -> io::Result<Option<usize>> {
    let (begun, delimiter) = (out.place(), char::from(dialect.delimiter).to_string());
    for (index, value) in values.iter().enumerate() {
        let separated = index == 0 || out.push(dialect, &delimiter)?;
        if !separated || !write_field(dialect, value, out)? {
            out.go_back(begun);
            return Ok(Some(index));
        }
    }
    out.push(dialect, "\n")?;
    Ok(None)
}

/// NULL is the plain token; a text that would read as it, or break the record, is quoted. Bytes are `\x` and hex.
fn write_field(dialect: &Dialect, value: &Value<'_>, out: &mut Out<'_>) -> io::Result<bool> {
    let text = match value {
        Value::Null => return out.push(dialect, &dialect.null),
        Value::Text(text) => text,
        Value::Bytes(bytes) => {
            let mut said = out.push(dialect, "\\x")?;
            for piece in bytes.chunks(PIECE) {
                said &= out.push(dialect, &hex(piece))?;
            }
            return Ok(said);
        }
    };
    let (delimiter, quote) = (char::from(dialect.delimiter), char::from(dialect.quote));
    // At the head of a file a plain U+FEFF would be taken for a mark.
    let is_special = |char: char| [delimiter, quote, '\r', '\n', '\u{feff}'].contains(&char);
    let is_quoted = **text == dialect.null || text.contains(is_special);
    let (once, twice) = (quote.to_string(), format!("{quote}{quote}"));
    let mut said = !is_quoted || out.push(dialect, &once)?;
    let mut rest: &str = text;
    while said && !rest.is_empty() {
        let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE));
        said = match is_quoted && piece.contains(quote) {
            true => out.push(dialect, &piece.replace(quote, &twice))?,
            false => out.push(dialect, piece)?,
        };
        rest = behind;
    }
    Ok(said && (!is_quoted || out.push(dialect, &once)?))
}
