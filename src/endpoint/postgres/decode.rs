//! Raw fields of a binary COPY as Arrow arrays.
//!
//! May not talk to a server. One idea: columns are decoded one after the other, and a field that its column's type
//! cannot hold leaves a gap there; only at the end are rows with gaps taken out, so the loops stay tight.

use std::{collections::BTreeMap, sync::Arc};

use datafusion::arrow::{
    array::{ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, NullBufferBuilder},
    array::{PrimitiveArray, StringArray, StringBuilder},
    buffer::ScalarBuffer,
    compute::filter_record_batch,
    datatypes as arrow,
    record_batch::{RecordBatch, RecordBatchOptions},
};

use crate::{
    endpoint::{Reject, SourceBatch},
    model::{Cell, Column, ColumnType, NAN_128, NAN_256, calendar::wrapped, cell_at},
};

use super::{
    calendar::{EPOCH_DAYS, EPOCH_MICROS},
    numeric,
    tuples::Tuples,
};

/// A column does not come in the form that its description says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) column: String,
}

/// How the column is named in the `SELECT` that [`decode`] understands: binary where the form is known, else text.
pub(super) fn selected(column: &Column) -> String {
    let name = super::sql::ident(&column.name);
    match column.ty {
        ColumnType::Numeric | ColumnType::Json | ColumnType::Other(_) => format!("{name}::text"),
        _ => name,
    }
}

/// The batch that a table's rows travel in.
pub(super) fn schema_of(columns: &[Column]) -> arrow::SchemaRef {
    let field = |column: &Column| arrow::Field::new(&column.name, column.ty.arrow(), true);
    Arc::new(arrow::Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Why one field became a gap.
struct Gap {
    row: usize,
    cell: Cell,
    message: String,
}

enum Odd {
    /// The value is what it says but the type cannot hold it.
    Value(String, String),
    /// The bytes are no value of the type.
    Form,
}

type Field<T> = Result<T, Odd>;

pub(super) fn decode(tuples: &Tuples, columns: &[Column], schema: &arrow::SchemaRef) -> Result<SourceBatch, Mismatch> {
    let mut gaps: BTreeMap<usize, Vec<(usize, Gap)>> = BTreeMap::new();
    let mut arrays = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let mut found = Vec::new();
        let array = decode_column(tuples, place, &column.ty, &mut found);
        arrays.push(array.ok_or_else(|| Mismatch { column: column.name.clone() })?);
        for gap in found {
            gaps.entry(gap.row).or_default().push((place, gap));
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(tuples.rows()));
    let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
        .map_err(|error| Mismatch { column: error.to_string() })?;
    if gaps.is_empty() {
        return Ok(SourceBatch { batch, rejects: Vec::new() });
    }
    let kept: BooleanArray = (0..tuples.rows()).map(|row| Some(!gaps.contains_key(&row))).collect();
    let rejects = gaps.into_iter().filter_map(|(row, gaps)| reject(&batch, row, gaps)).collect();
    let batch = filter_record_batch(&batch, &kept).map_err(|error| Mismatch { column: error.to_string() })?;
    Ok(SourceBatch { batch, rejects })
}

/// The row with all its cells; the first gap is what it is rejected for.
fn reject(batch: &RecordBatch, row: usize, gaps: Vec<(usize, Gap)>) -> Option<Reject> {
    let (column, message) = gaps.first().map(|(place, gap)| (*place, gap.message.clone()))?;
    let mut cells: Vec<Cell> = batch.columns().iter().map(|array| cell_at(array, row)).collect();
    for (place, gap) in gaps {
        cells[place] = gap.cell;
    }
    Some(Reject { place: row, cells, column, message })
}

/// `None` where the bytes are not of the type's form.
fn decode_column(tuples: &Tuples, place: usize, ty: &ColumnType, gaps: &mut Vec<Gap>) -> Option<ArrayRef> {
    let array: ArrayRef = match ty {
        ColumnType::Boolean => boolean(tuples, place)?,
        ColumnType::Integer { bits: 16, .. } => {
            Arc::new(primitive::<arrow::Int16Type>(tuples, place, gaps, |bytes| Ok(i16::from_be_bytes(fixed(bytes)?)))?)
        }
        ColumnType::Integer { bits: 32, .. } => {
            Arc::new(primitive::<arrow::Int32Type>(tuples, place, gaps, |bytes| Ok(i32::from_be_bytes(fixed(bytes)?)))?)
        }
        ColumnType::Integer { .. } => {
            Arc::new(primitive::<arrow::Int64Type>(tuples, place, gaps, |bytes| Ok(i64::from_be_bytes(fixed(bytes)?)))?)
        }
        ColumnType::Float { bits: 32 } => Arc::new(primitive::<arrow::Float32Type>(tuples, place, gaps, |bytes| {
            Ok(f32::from_be_bytes(fixed(bytes)?))
        })?),
        ColumnType::Float { .. } => Arc::new(primitive::<arrow::Float64Type>(tuples, place, gaps, |bytes| {
            Ok(f64::from_be_bytes(fixed(bytes)?))
        })?),
        ColumnType::Decimal { precision, scale } => decimal(tuples, place, gaps, *precision, *scale)?,
        ColumnType::Date => Arc::new(primitive::<arrow::Date32Type>(tuples, place, gaps, date)?),
        ColumnType::Time => Arc::new(primitive::<arrow::Time64MicrosecondType>(tuples, place, gaps, time)?),
        ColumnType::Timestamp { zone } => timestamps(tuples, place, gaps, *zone)?,
        ColumnType::Bytes { .. } => bytes(tuples, place)?,
        ColumnType::Uuid => uuids(tuples, place)?,
        ColumnType::Text { .. } | ColumnType::Numeric | ColumnType::Json | ColumnType::Other(_) => {
            texts(tuples, place, gaps)
        }
    };
    Some(array)
}

fn fixed<const N: usize>(bytes: &[u8]) -> Field<[u8; N]> {
    bytes.try_into().map_err(|_| Odd::Form)
}

fn primitive<T: ArrowPrimitiveType>(
    tuples: &Tuples,
    place: usize,
    gaps: &mut Vec<Gap>,
    read: impl Fn(&[u8]) -> Field<T::Native>,
) -> Option<PrimitiveArray<T>> {
    let mut values: Vec<T::Native> = Vec::with_capacity(tuples.rows());
    let mut nulls = NullBufferBuilder::new(tuples.rows());
    for (row, field) in tuples.column(place).enumerate() {
        match field.map(&read) {
            Some(Ok(value)) => {
                values.push(value);
                nulls.append_non_null();
                continue;
            }
            Some(Err(Odd::Value(text, message))) => gaps.push(Gap { row, cell: Cell::Text(text), message }),
            Some(Err(Odd::Form)) => return None,
            None => {}
        }
        values.push(T::Native::default());
        nulls.append_null();
    }
    PrimitiveArray::try_new(ScalarBuffer::from(values), nulls.finish()).ok()
}

fn boolean(tuples: &Tuples, place: usize) -> Option<ArrayRef> {
    let fields = tuples.column(place).map(|field| match field {
        None => Some(None),
        Some([0]) => Some(Some(false)),
        Some([1]) => Some(Some(true)),
        Some(_) => None,
    });
    Some(Arc::new(fields.collect::<Option<BooleanArray>>()?))
}

fn uuids(tuples: &Tuples, place: usize) -> Option<ArrayRef> {
    let mut builder = StringBuilder::with_capacity(tuples.rows(), tuples.rows() * 36);
    let mut text = uuid::Uuid::encode_buffer();
    for field in tuples.column(place) {
        match field {
            None => builder.append_null(),
            Some(bytes) => {
                builder.append_value(uuid::Uuid::from_slice(bytes).ok()?.hyphenated().encode_lower(&mut text))
            }
        }
    }
    Some(Arc::new(builder.finish()))
}

/// All fields are joined first and checked to be UTF-8 at once; only where that fails is each looked at.
fn texts(tuples: &Tuples, place: usize, gaps: &mut Vec<Gap>) -> ArrayRef {
    let (offsets, bytes, nulls) = tuples.joined(place);
    match StringArray::try_new(offsets, bytes, nulls) {
        Ok(array) => Arc::new(array),
        Err(_) => Arc::new(checked_texts(tuples, place, gaps)),
    }
}

fn bytes(tuples: &Tuples, place: usize) -> Option<ArrayRef> {
    let (offsets, bytes, nulls) = tuples.joined(place);
    Some(Arc::new(BinaryArray::try_new(offsets, bytes, nulls).ok()?))
}

/// A database without an encoding (SQL_ASCII) hands out any bytes.
fn checked_texts(tuples: &Tuples, place: usize, gaps: &mut Vec<Gap>) -> StringArray {
    let checked = tuples.column(place).enumerate().map(|(row, field)| {
        let bytes = field?;
        let text = std::str::from_utf8(bytes);
        if text.is_err() {
            let message = "the text is not valid UTF-8".to_owned();
            gaps.push(Gap { row, cell: Cell::Bytes(bytes.to_vec()), message });
        }
        text.ok()
    });
    checked.collect()
}

fn decimal(tuples: &Tuples, place: usize, gaps: &mut Vec<Gap>, precision: u8, scale: i8) -> Option<ArrayRef> {
    Some(if precision <= 38 {
        let read = |bytes: &[u8]| number(bytes, precision, scale, NAN_128);
        let array = primitive::<arrow::Decimal128Type>(tuples, place, gaps, read)?;
        Arc::new(array.with_precision_and_scale(precision, scale).ok()?)
    } else {
        let read = |bytes: &[u8]| number(bytes, precision, scale, NAN_256);
        let array = primitive::<arrow::Decimal256Type>(tuples, place, gaps, read)?;
        Arc::new(array.with_precision_and_scale(precision, scale).ok()?)
    })
}

fn number<N: numeric::Unscaled>(bytes: &[u8], precision: u8, scale: i8, nan: N) -> Field<N> {
    match numeric::unscaled(bytes, scale) {
        Err(numeric::Misfit::Special("NaN")) => Ok(nan),
        outcome => outcome.map_err(|misfit| odd_number(misfit, precision, scale)),
    }
}

fn odd_number(misfit: numeric::Misfit, precision: u8, scale: i8) -> Odd {
    match misfit {
        numeric::Misfit::Special(name) => Odd::Value(name.into(), format!("'{name}' is not a decimal number")),
        numeric::Misfit::Digits(text) => {
            let message = format!("'{text}' does not fit {precision} digits with {scale} after the point");
            Odd::Value(text, message)
        }
        numeric::Misfit::Format => Odd::Form,
    }
}

fn date(bytes: &[u8]) -> Field<i32> {
    match i32::from_be_bytes(fixed(bytes)?) {
        endless @ (i32::MAX | i32::MIN) => Ok(endless),
        since => since.checked_add(EPOCH_DAYS).ok_or(Odd::Form),
    }
}

fn time(bytes: &[u8]) -> Field<i64> {
    Ok(i64::from_be_bytes(fixed(bytes)?))
}

fn timestamps(tuples: &Tuples, place: usize, gaps: &mut Vec<Gap>, zone: bool) -> Option<ArrayRef> {
    let array = primitive::<arrow::TimestampMicrosecondType>(tuples, place, gaps, timestamp)?;
    Some(if zone { Arc::new(array.with_timezone("+00:00")) } else { Arc::new(array) })
}

fn timestamp(bytes: &[u8]) -> Field<i64> {
    match i64::from_be_bytes(fixed(bytes)?) {
        endless @ (i64::MAX | i64::MIN) => Ok(endless),
        since => wrapped(since, EPOCH_MICROS).ok_or_else(|| {
            let last = if since.checked_add(EPOCH_MICROS).is_some() { '7' } else { '8' };
            let text = format!("294247-01-10 04:00:54.77580{last}");
            let message = format!("'{text}' is one of the two microseconds as which infinity travels");
            Odd::Value(text, message)
        }),
    }
}
