//! Arrow batches as lines of a text COPY.
//!
//! May not talk to a server. One idea: what the server would change without a word (a text cut, a fraction rounded, a
//! NUL) is refused here, before it is sent; everything else is the server's to judge.

use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, LargeStringArray,
        PrimitiveArray, StringArray, StringViewArray,
    },
    datatypes as arrow,
    datatypes::DataType,
    record_batch::RecordBatch,
};

use crate::{
    endpoint::Refusal,
    model::{Cause, Column, NAN_128, NAN_256},
};

use super::{
    calendar,
    types::Trap,
    write::{self, Unfit},
};

/// The server takes no longer line.
const LINE_BYTES: usize = 0x3fff_ffff;

/// A column that is written.
pub(super) struct Target {
    pub(super) column: Column,
    trap: Trap,
}

impl Target {
    pub(super) fn new(column: Column) -> Self {
        Self { trap: Trap::of(&column), column }
    }
}

/// A batch's column is not of the type that its destination column travels in.
#[derive(Debug)]
pub(super) struct Mistyped {
    pub(super) column: String,
    pub(super) found: String,
}

/// Lines of one batch. Rows that cannot be sent have none.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// For each line, where it starts, and its row in the batch.
    starts: Vec<(usize, usize)>,
    /// The number that each line begins with, one more than the line before; `None`: lines have none.
    pub(super) number: Option<i64>,
}

impl Lines {
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// The row in the batch that a line holds.
    pub(super) fn row(&self, line: usize) -> usize {
        self.starts.get(line).map_or(0, |(_, row)| *row)
    }

    /// The number of a line, or that of the line which would follow the last.
    pub(super) fn number(&self, line: usize) -> i64 {
        self.number.unwrap_or(0).saturating_add_unsigned(line as u64)
    }

    pub(super) fn bytes(&self, from: usize, to: usize) -> &[u8] {
        let start = |line: usize| self.starts.get(line).map_or(self.bytes.len(), |(start, _)| *start);
        self.bytes.get(start(from)..start(to)).unwrap_or_default()
    }

    /// Takes a batch in place of the one before; the rows that cannot be sent are returned.
    pub(super) fn fill(&mut self, batch: &RecordBatch, targets: &[Target]) -> Result<Vec<Refusal>, Mistyped> {
        self.bytes.clear();
        self.starts.clear();
        let values = batch.columns().iter().zip(targets).map(|(array, target)| Values::of(array, target));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let mut refusals = Vec::new();
        for row in 0..batch.num_rows() {
            let start = self.bytes.len();
            match self.push_row(&values, targets, row) {
                Ok(()) => self.starts.push((start, row)),
                Err(refusal) => {
                    self.bytes.truncate(start);
                    refusals.push(refusal);
                }
            }
        }
        Ok(refusals)
    }

    fn push_row(&mut self, values: &[Values<'_>], targets: &[Target], row: usize) -> Result<(), Refusal> {
        let start = self.bytes.len();
        if self.number.is_some() {
            let number = self.number(self.starts.len());
            write::integer(&mut self.bytes, number);
            self.bytes.push(b'\t');
        }
        for (place, (values, target)) in values.iter().zip(targets).enumerate() {
            if place > 0 {
                self.bytes.push(b'\t');
            }
            values.push(&mut self.bytes, target.trap, row).map_err(|unfit| refusal(unfit, target, row))?;
        }
        self.bytes.push(b'\n');
        if self.bytes.len() - start > LINE_BYTES {
            let message = "the row is larger than PostgreSQL takes in one piece (1 GB)".to_owned();
            return Err(Refusal { row, cause: Cause::Length, column: None, message });
        }
        Ok(())
    }
}

fn refusal(unfit: Unfit, target: &Target, row: usize) -> Refusal {
    let native = &target.column.native;
    let (cause, message) = match unfit {
        Unfit::Nul => (Cause::Refused, "PostgreSQL text cannot hold the character NUL (0x00)".to_owned()),
        Unfit::Long => (Cause::Length, format!("value too long for type {native}")),
        Unfit::NoDate => (Cause::Refused, "the day is on no calendar, and PostgreSQL has no such date".to_owned()),
        Unfit::NoTime => (Cause::Refused, "the time is not within a day, which is all that time holds".to_owned()),
        Unfit::Fraction => (Cause::Refused, format!("value has more digits than type {native} keeps")),
    };
    Refusal { row, cause, column: Some(target.column.name.clone()), message }
}

/// A column of a batch, its type told once and not for every row.
enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int8(&'a PrimitiveArray<arrow::Int8Type>),
    Int16(&'a PrimitiveArray<arrow::Int16Type>),
    Int32(&'a PrimitiveArray<arrow::Int32Type>),
    Int64(&'a PrimitiveArray<arrow::Int64Type>),
    UInt8(&'a PrimitiveArray<arrow::UInt8Type>),
    UInt16(&'a PrimitiveArray<arrow::UInt16Type>),
    UInt32(&'a PrimitiveArray<arrow::UInt32Type>),
    UInt64(&'a PrimitiveArray<arrow::UInt64Type>),
    Float32(&'a PrimitiveArray<arrow::Float32Type>),
    Float64(&'a PrimitiveArray<arrow::Float64Type>),
    Decimal128(&'a Decimal128Array, usize),
    Decimal256(&'a Decimal256Array, usize),
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    TextView(&'a StringViewArray),
    Bytes(&'a BinaryArray),
    Date(&'a PrimitiveArray<arrow::Date32Type>),
    Time(&'a PrimitiveArray<arrow::Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<arrow::TimestampMicrosecondType>, bool),
}

impl<'a> Values<'a> {
    fn of(array: &'a ArrayRef, target: &Target) -> Result<Self, Mistyped> {
        let found = array.data_type();
        if !travels_as(found, &target.column.ty.arrow()) {
            return Err(Mistyped { column: target.column.name.clone(), found: found.to_string() });
        }
        Ok(match found {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int8 => Self::Int8(array.as_primitive()),
            DataType::Int16 => Self::Int16(array.as_primitive()),
            DataType::Int32 => Self::Int32(array.as_primitive()),
            DataType::Int64 => Self::Int64(array.as_primitive()),
            DataType::UInt8 => Self::UInt8(array.as_primitive()),
            DataType::UInt16 => Self::UInt16(array.as_primitive()),
            DataType::UInt32 => Self::UInt32(array.as_primitive()),
            DataType::UInt64 => Self::UInt64(array.as_primitive()),
            DataType::Float32 => Self::Float32(array.as_primitive()),
            DataType::Float64 => Self::Float64(array.as_primitive()),
            DataType::Decimal128(_, scale) => Self::Decimal128(array.as_primitive(), usize::from(scale.unsigned_abs())),
            DataType::Decimal256(_, scale) => Self::Decimal256(array.as_primitive(), usize::from(scale.unsigned_abs())),
            DataType::LargeUtf8 => Self::LargeText(array.as_string()),
            DataType::Utf8View => Self::TextView(array.as_string_view()),
            DataType::Binary => Self::Bytes(array.as_binary()),
            DataType::Date32 => Self::Date(array.as_primitive()),
            DataType::Time64(_) => Self::Time(array.as_primitive()),
            DataType::Timestamp(_, zone) => Self::Timestamp(array.as_primitive(), zone.is_some()),
            _ => Self::Text(array.as_string()),
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Null => true,
            Self::Boolean(array) => array.is_null(row),
            Self::Int8(array) => array.is_null(row),
            Self::Int16(array) => array.is_null(row),
            Self::Int32(array) => array.is_null(row),
            Self::Int64(array) => array.is_null(row),
            Self::UInt8(array) => array.is_null(row),
            Self::UInt16(array) => array.is_null(row),
            Self::UInt32(array) => array.is_null(row),
            Self::UInt64(array) => array.is_null(row),
            Self::Float32(array) => array.is_null(row),
            Self::Float64(array) => array.is_null(row),
            Self::Decimal128(array, _) => array.is_null(row),
            Self::Decimal256(array, _) => array.is_null(row),
            Self::Text(array) => array.is_null(row),
            Self::LargeText(array) => array.is_null(row),
            Self::TextView(array) => array.is_null(row),
            Self::Bytes(array) => array.is_null(row),
            Self::Date(array) => array.is_null(row),
            Self::Time(array) => array.is_null(row),
            Self::Timestamp(array, _) => array.is_null(row),
        }
    }

    fn push(&self, out: &mut Vec<u8>, trap: Trap, row: usize) -> Result<(), Unfit> {
        if self.is_null(row) {
            out.extend_from_slice(b"\\N");
            return Ok(());
        }
        match self {
            Self::Null => {}
            Self::Boolean(array) => out.push(if array.value(row) { b't' } else { b'f' }),
            Self::Int8(array) => write::integer(out, array.value(row).into()),
            Self::Int16(array) => write::integer(out, array.value(row).into()),
            Self::Int32(array) => write::integer(out, array.value(row).into()),
            Self::Int64(array) => write::integer(out, array.value(row)),
            Self::UInt8(array) => write::integer(out, array.value(row).into()),
            Self::UInt16(array) => write::integer(out, array.value(row).into()),
            Self::UInt32(array) => write::integer(out, array.value(row).into()),
            Self::UInt64(array) => write::unsigned(out, array.value(row)),
            Self::Float32(array) => write::float(out, array.value(row)),
            Self::Float64(array) => write::float(out, array.value(row)),
            Self::Decimal128(array, scale) => match array.value(row) {
                NAN_128 => out.extend_from_slice(b"NaN"),
                value => write::decimal(out, value, *scale),
            },
            Self::Decimal256(array, scale) => match array.value(row) {
                NAN_256 => out.extend_from_slice(b"NaN"),
                value => write::wide_decimal(out, value, *scale),
            },
            Self::Text(array) => return write::text(out, array.value(row), trap),
            Self::LargeText(array) => return write::text(out, array.value(row), trap),
            Self::TextView(array) => return write::text(out, array.value(row), trap),
            Self::Bytes(array) => write::bytes(out, array.value(row)),
            Self::Date(array) => return calendar::push_date(out, array.value(row)),
            Self::Time(array) => return calendar::push_time(out, write::stepped(array.value(row), trap)?),
            Self::Timestamp(array, zone) => {
                return calendar::push_timestamp(out, write::stepped(array.value(row), trap)?, *zone);
            }
        }
        Ok(())
    }
}

/// Whether an array may stand where `expected` travels: only the spelling of a text or of UTC may differ.
fn travels_as(found: &DataType, expected: &DataType) -> bool {
    match (found, expected) {
        (DataType::Null, _) => true,
        (DataType::LargeUtf8 | DataType::Utf8View, DataType::Utf8) => true,
        (DataType::Timestamp(unit, zone), DataType::Timestamp(expected_unit, expected_zone)) => {
            unit == expected_unit && zone.is_some() == expected_zone.is_some()
        }
        _ => found == expected,
    }
}
