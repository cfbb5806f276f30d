//! Rows of SQLite into Arrow columns of the declared types.
//!
//! A cell of SQLite may hold anything, whatever its column declares. What the declared type can express exactly is
//! taken, the rest is a reject that shows the row as it is. A rejected row leaves NULLs in the builders, which are
//! filtered out when the batch is finished: rows are decoded in one pass, and rejects are rare.

use std::sync::Arc;

use datafusion::arrow::{
    array::{
        ArrayRef, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder, Date32Builder, Decimal128Builder,
        Float64Builder, Int64Builder, StringArray, StringBuilder, Time64MicrosecondBuilder,
        TimestampMicrosecondBuilder,
    },
    buffer::{Buffer, OffsetBuffer},
    compute::filter_record_batch,
    datatypes::{Field, Schema},
    error::ArrowError,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use rusqlite::{Row, blob::Blob, types::ValueRef};

use super::{
    iso,
    number::{decimal_of_integer, decimal_of_real, decimal_of_text, is_decimal, plain},
    verbatim::{self, Plain},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Reject, Result, SourceBatch},
    model::{Cell, Column, ColumnType, clip},
};

/// Gathers rows of one table into a message.
pub(super) struct RowsBuilder {
    schema: Arc<Schema>,
    columns: Vec<ColumnBuilder>,
    rows: usize,
    rejects: Vec<Reject>,
    /// Where the next row's cells go: empty, with the room of the last one's.
    spare: Vec<ValueRef<'static>>,
}

impl RowsBuilder {
    pub(super) fn new(columns: &[Column]) -> Result<Self> {
        let field = |column: &Column| Field::new(&column.name, column.ty.arrow(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let columns = columns.iter().map(ColumnBuilder::new).collect::<Result<_>>()?;
        Ok(Self { schema, columns, rows: 0, rejects: Vec::new(), spare: Vec::new() })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn has_rejects(&self) -> bool {
        !self.rejects.is_empty()
    }

    /// Puts the value that lies in `blob` in the place of the only row's NULL; `false` where the column's type wants it
    /// looked at first.
    pub(super) fn draw(&mut self, column: usize, blob: &Blob<'_>, is_text: bool) -> rusqlite::Result<bool> {
        let Some(column) = self.columns.get_mut(column) else { return Ok(false) };
        let drawn: Option<ArrayRef> = match &column.values {
            Values::Bytes(_) if !is_text => {
                let bytes = drawn(blob)?;
                let offsets = OffsetBuffer::from_lengths([bytes.len()]);
                BinaryArray::try_new(offsets, Buffer::from_vec(bytes), None).ok().map(|array| Arc::new(array) as _)
            }
            Values::Text(_) | Values::Verbatim(_, Plain::Text) if is_text => {
                let bytes = drawn(blob)?;
                let said = matches!(column.values, Values::Verbatim(..)) && bytes.starts_with(b"=");
                let offsets = OffsetBuffer::from_lengths([bytes.len()]);
                let array = StringArray::try_new(offsets, Buffer::from_vec(bytes), None).ok().filter(|_| !said);
                array.map(|array| Arc::new(array) as _)
            }
            Values::Verbatim(..) if !is_text => {
                let text = verbatim::base64_of(blob.len(), |piece, start| blob.read_at_exact(piece, start))?;
                let offsets = OffsetBuffer::from_lengths([text.len()]);
                let text = Buffer::from_vec(text.into_bytes());
                StringArray::try_new(offsets, text, None).ok().map(|array| Arc::new(array) as _)
            }
            _ => None,
        };
        let Some(array) = drawn else { return Ok(false) };
        column.values = Values::Drawn(array);
        Ok(true)
    }

    /// The cells of a row that begin at `first`. Asking SQLite for one costs, so it is done once.
    pub(super) fn look<'r>(&mut self, row: &'r Row<'_>, first: usize) -> rusqlite::Result<Vec<ValueRef<'r>>> {
        let mut cells: Vec<ValueRef<'r>> = std::mem::take(&mut self.spare);
        for index in first..first + self.columns.len() {
            cells.push(row.get_ref(index)?);
        }
        Ok(cells)
    }

    /// Takes the row that [`Self::look`] gave.
    pub(super) fn push(&mut self, mut cells: Vec<ValueRef<'_>>) {
        let mut refused = None;
        for ((index, column), value) in self.columns.iter_mut().enumerate().zip(&cells) {
            let value = if refused.is_none() { *value } else { ValueRef::Null };
            if let Err(complaint) = column.push(value) {
                column.values.push_null();
                refused = Some((index, column.complaint(value, &complaint)));
            }
        }
        if let Some((column, message)) = refused {
            let cells = self.columns.iter().zip(&cells).map(|(column, value)| column.cell(*value)).collect();
            self.rejects.push(Reject { place: self.rows, cells, column, message });
        }
        cells.clear();
        self.spare = cells.into_iter().map(|_| ValueRef::Null).collect();
        self.rows += 1;
    }

    pub(super) fn finish(self) -> Result<SourceBatch> {
        let Self { schema, columns, rows, rejects, .. } = self;
        let arrays = columns.into_iter().map(|column| column.values.finish()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options).map_err(arrow)?;
        if rejects.is_empty() {
            return Ok(SourceBatch { batch, rejects });
        }
        let mut keep = vec![true; rows];
        rejects.iter().for_each(|reject| keep[reject.place] = false);
        let batch = filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(arrow)?;
        Ok(SourceBatch { batch, rejects })
    }
}

/// All bytes of a value.
fn drawn(blob: &Blob<'_>) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = vec![0; blob.len()];
    blob.read_at_exact(&mut bytes, 0)?;
    Ok(bytes)
}

fn arrow(error: ArrowError) -> EndpointError {
    EndpointError::new(ErrorKind::Other, "cannot build a batch of SQLite rows", error.to_string())
}

/// What a row takes in a batch, about.
pub(super) fn size(cells: &[ValueRef<'_>]) -> usize {
    let size = |cell: &ValueRef<'_>| match cell {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() + 5,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 9,
    };
    cells.iter().map(size).sum()
}

/// The value as SQLite holds it. Text that is not UTF-8 shows as bytes.
pub(super) fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(integer) => Cell::Text(integer.to_string()),
        ValueRef::Real(real) => Cell::Text(format!("{real:?}")),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cell::text(text),
            Err(_) => Cell::Bytes(bytes.to_vec()),
        },
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
    }
}

fn storage(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "NULL",
        ValueRef::Integer(_) => "integer",
        ValueRef::Real(_) => "real",
        ValueRef::Text(_) => "text",
        ValueRef::Blob(_) => "blob",
    }
}

/// A column of these values; or what is wrong with the first that its type does not hold.
pub(super) fn column_of(
    column: &Column,
    len: usize,
    mut put: impl FnMut(usize, &mut dyn FnMut(ValueRef<'_>)),
) -> Result<ArrayRef> {
    let mut builder = ColumnBuilder::new(column)?;
    let mut wrong = None;
    for row in 0..len {
        put(row, &mut |value| {
            if let Err(complaint) = builder.push(value) {
                wrong.get_or_insert_with(|| builder.complaint(value, &complaint));
            }
        });
        if let Some(complaint) = wrong {
            let context = format!("cannot read column {} as {}", column.name, column.ty);
            return Err(EndpointError::new(ErrorKind::Other, context, complaint));
        }
    }
    Ok(builder.values.finish())
}

struct ColumnBuilder {
    declared: String,
    values: Values,
}

enum Values {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Decimal(Decimal128Builder, u8, u32),
    Numeric(StringBuilder),
    Float(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Naive(TimestampMicrosecondBuilder),
    Instant(TimestampMicrosecondBuilder),
    Verbatim(StringBuilder, Plain),
    /// Of one row alone.
    Drawn(ArrayRef),
}

impl ColumnBuilder {
    fn new(column: &Column) -> Result<Self> {
        let unknown = || {
            let message = format!("column {} is not of a type that SQLite columns have: {}", column.name, column.ty);
            EndpointError::new(ErrorKind::Other, "cannot read the table", message)
        };
        if let Some(plain) = Plain::parse(&column.ty) {
            return Ok(Self { declared: column.native.clone(), values: Values::Verbatim(StringBuilder::new(), plain) });
        }
        let values = match &column.ty {
            ColumnType::Boolean => Values::Boolean(BooleanBuilder::new()),
            ColumnType::Integer { bits: 64, unsigned: false } => Values::Integer(Int64Builder::new()),
            ColumnType::Decimal { precision, scale } if *precision <= super::types::DOUBLE_DIGITS => {
                let builder = Decimal128Builder::new().with_data_type(column.ty.arrow());
                Values::Decimal(builder, *precision, u32::try_from(*scale).map_err(|_| unknown())?)
            }
            ColumnType::Numeric => Values::Numeric(StringBuilder::new()),
            ColumnType::Float { bits: 64 } => Values::Float(Float64Builder::new()),
            ColumnType::Text { max: None } | ColumnType::Uuid | ColumnType::Json | ColumnType::Other(_) => {
                Values::Text(StringBuilder::new())
            }
            ColumnType::Bytes { max: None } => Values::Bytes(BinaryBuilder::new()),
            ColumnType::Date => Values::Date(Date32Builder::new()),
            ColumnType::Time => Values::Time(Time64MicrosecondBuilder::new()),
            ColumnType::Timestamp { zone: false } => Values::Naive(TimestampMicrosecondBuilder::new()),
            ColumnType::Timestamp { zone: true } => {
                Values::Instant(TimestampMicrosecondBuilder::new().with_data_type(column.ty.arrow()))
            }
            _ => return Err(unknown()),
        };
        Ok(Self { declared: column.native.clone(), values })
    }

    /// The value as its batch would hold it, so that the row can be tried again; what the column's type cannot hold as
    /// SQLite holds it.
    fn cell(&self, value: ValueRef<'_>) -> Cell {
        match (&self.values, value) {
            (_, ValueRef::Null) => Cell::Null,
            (Values::Verbatim(_, plain), value) => {
                let mut text = String::new();
                verbatim::write(value, *plain, &mut text);
                Cell::Text(text)
            }
            (_, value) => cell(value),
        }
    }

    fn push(&mut self, value: ValueRef<'_>) -> std::result::Result<(), String> {
        match (&mut self.values, value) {
            (values, ValueRef::Null) => values.push_null(),
            (Values::Verbatim(builder, plain), value) => {
                verbatim::write(value, *plain, builder);
                builder.append_value("");
            }
            (Values::Integer(builder), ValueRef::Integer(integer)) => builder.append_value(integer),
            (Values::Text(builder), ValueRef::Text(bytes)) => builder.append_value(text(bytes)?),
            (Values::Text(builder), ValueRef::Integer(integer)) => builder.append_value(integer.to_string()),
            (Values::Text(builder), ValueRef::Real(real)) => builder.append_value(format!("{real:?}")),
            (Values::Float(builder), ValueRef::Real(real)) => builder.append_value(real),
            (Values::Float(builder), ValueRef::Integer(integer)) => builder.append_value(exact_real(integer)?),
            (Values::Bytes(builder), ValueRef::Blob(bytes)) => builder.append_value(bytes),
            (Values::Boolean(builder), value) => builder.append_value(boolean(value)?),
            (Values::Decimal(builder, precision, scale), value) => {
                builder.append_value(decimal(value, *precision, *scale)?);
            }
            (Values::Numeric(builder), value) => builder.append_value(numeric(value)?),
            (Values::Date(builder), value) => builder.append_value(iso::date(iso_text(value)?)?),
            (Values::Time(builder), value) => builder.append_value(iso::time(iso_text(value)?)?),
            (Values::Naive(builder), value) => builder.append_value(iso::naive(iso_text(value)?)?),
            (Values::Instant(builder), value) => builder.append_value(iso::instant(iso_text(value)?)?),
            (Values::Integer(_) | Values::Float(_) | Values::Text(_) | Values::Bytes(_) | Values::Drawn(_), _) => {
                return Err(String::new());
            }
        }
        Ok(())
    }

    /// `'abc' (text) in a column declared INTEGER`.
    fn complaint(&self, value: ValueRef<'_>, complaint: &str) -> String {
        let declared = if self.declared.is_empty() { "without a type" } else { &self.declared };
        let shown = clip(&cell(value).display(), 60);
        let shown = if matches!(value, ValueRef::Text(_)) { format!("'{shown}'") } else { shown };
        let place = format!("{shown} ({}) in a column declared {declared}", storage(value));
        if complaint.is_empty() { place } else { format!("{place} {complaint}") }
    }
}

impl Values {
    fn push_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Decimal(builder, ..) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Numeric(builder) | Self::Text(builder) | Self::Verbatim(builder, _) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Naive(builder) | Self::Instant(builder) => builder.append_null(),
            Self::Drawn(_) => {}
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder, ..) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Numeric(mut builder) | Self::Text(mut builder) | Self::Verbatim(mut builder, _) => {
                Arc::new(builder.finish())
            }
            Self::Bytes(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
            Self::Naive(mut builder) | Self::Instant(mut builder) => Arc::new(builder.finish()),
            Self::Drawn(array) => array,
        }
    }
}

fn text(bytes: &[u8]) -> std::result::Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "is not valid UTF-8".to_owned())
}

fn iso_text(value: ValueRef<'_>) -> std::result::Result<&str, String> {
    match value {
        ValueRef::Text(bytes) => text(bytes),
        _ => Err("is not ISO 8601 text, and a number does not say what it counts from".to_owned()),
    }
}

fn exact_real(integer: i64) -> std::result::Result<f64, String> {
    let real = integer as f64;
    if real as i128 == i128::from(integer) { Ok(real) } else { Err("is no exact floating-point number".to_owned()) }
}

fn boolean(value: ValueRef<'_>) -> std::result::Result<bool, String> {
    match value {
        ValueRef::Integer(0) => Ok(false),
        ValueRef::Integer(1) => Ok(true),
        ValueRef::Text(bytes) => match bytes.to_ascii_lowercase().as_slice() {
            b"t" | b"true" => Ok(true),
            b"f" | b"false" => Ok(false),
            _ => Err(String::new()),
        },
        _ => Err(String::new()),
    }
}

fn decimal(value: ValueRef<'_>, precision: u8, scale: u32) -> std::result::Result<i128, String> {
    let unscaled = match value {
        ValueRef::Integer(integer) => decimal_of_integer(integer, precision, scale),
        ValueRef::Real(real) => decimal_of_real(real, precision, scale),
        ValueRef::Text(bytes) => decimal_of_text(text(bytes)?, precision, scale),
        _ => None,
    };
    unscaled.ok_or_else(|| format!("does not fit {precision} digits with {scale} after the point"))
}

fn numeric(value: ValueRef<'_>) -> std::result::Result<String, String> {
    match value {
        ValueRef::Integer(integer) => Ok(integer.to_string()),
        ValueRef::Real(real) if real.is_finite() => Ok(plain(real)),
        ValueRef::Text(bytes) if is_decimal(text(bytes)?) => Ok(text(bytes)?.to_owned()),
        _ => Err(String::new()),
    }
}
