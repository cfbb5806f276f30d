//! Arrow batches as lines of a COPY: binary where every column's form is known, else text.
//!
//! May not talk to a server. One idea: what the server would change without a word (a text cut, a fraction rounded, a
//! NUL) is refused here, before it is sent; everything else is the server's to judge.

use std::collections::BTreeMap;

use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, LargeStringArray,
        PrimitiveArray, StringArray, StringViewArray,
    },
    compute::filter_record_batch,
    datatypes as arrow,
    datatypes::DataType,
    record_batch::RecordBatch,
};

use crate::{
    endpoint::Refusal,
    model::{Cause, Column, NAN_128, NAN_256},
};

use super::{
    binary::{self, HEADER, Odd, Rows, Wire},
    calendar,
    types::Trap,
    write::{self, Unfit},
};

/// The server takes no longer line.
const LINE_BYTES: usize = 0x3fff_ffff;

/// A column that is written.
pub(super) struct Target {
    pub(super) column: Column,
    pub(super) trap: Trap,
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

/// The way that a COPY goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Text,
    Binary,
}

/// Lines of one batch. Rows that cannot be sent have none.
#[derive(Default)]
pub(super) struct Lines {
    form: Form,
    text: Vec<u8>,
    /// For each line of text, where it starts.
    starts: Vec<usize>,
    binary: Rows,
    /// For each line, its row in the batch.
    rows: Vec<usize>,
    /// The number that each line begins with, one more than the line before; `None`: lines have none.
    pub(super) number: Option<i64>,
}

impl Lines {
    /// Such as begin with a number, the first with 0.
    pub(super) fn numbered() -> Self {
        Self { number: Some(0), ..Self::default() }
    }

    /// Lets go of large values, which are sent from where the batch holds them.
    pub(super) fn let_go(&mut self) {
        self.binary.large.clear();
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// The COPY that takes the lines as they are: this one, of text, or its binary likeness.
    pub(super) fn copy(&self, statement: &str) -> String {
        match self.form {
            Form::Text => statement.to_owned(),
            Form::Binary => format!("{statement} (FORMAT binary)"),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row in the batch that a line holds.
    pub(super) fn row(&self, line: usize) -> usize {
        self.rows.get(line).copied().unwrap_or(0)
    }

    /// The number of a line, or that of the line which would follow the last.
    pub(super) fn number(&self, line: usize) -> i64 {
        self.number.unwrap_or(0).saturating_add_unsigned(line as u64)
    }

    /// What a COPY of some lines consists of, in this order.
    pub(super) fn pieces(&self, from: usize, to: usize) -> Vec<&[u8]> {
        match self.form {
            Form::Text => vec![stretch(&self.text, &self.starts, from, to)],
            Form::Binary => self.binary_pieces(from, to),
        }
    }

    fn binary_pieces(&self, from: usize, to: usize) -> Vec<&[u8]> {
        let Rows { bytes, starts, large } = &self.binary;
        let start = |line: usize| starts.get(line).copied().unwrap_or(bytes.len());
        let (mut at, end) = (start(from), start(to));
        let mut pieces = Vec::new();
        // The header stands right before the first line, else it goes by itself.
        match from {
            0 => at = 0,
            _ => pieces.push(&HEADER[..]),
        }
        // No row begins with a value, but one may end with it.
        let within = |place: usize| start(from) < place && place <= end;
        for (place, value) in large.iter().filter(|(place, _)| within(*place)) {
            pieces.extend([bytes.get(at..*place).unwrap_or_default(), value.as_slice()]);
            at = *place;
        }
        pieces.push(bytes.get(at..end).unwrap_or_default());
        pieces
    }

    /// Takes a batch in place of the one before; the rows that cannot be sent are returned.
    pub(super) fn fill(&mut self, batch: &RecordBatch, targets: &[Target]) -> Result<Vec<Refusal>, Mistyped> {
        for (array, target) in batch.columns().iter().zip(targets) {
            check_type(array, target)?;
        }
        let wires: Option<Vec<Wire>> = targets.iter().map(|target| Wire::of(&target.column)).collect();
        if let Some(wires) = wires.filter(|_| batch.get_array_memory_size() < LINE_BYTES)
            && let Ok(refusals) = self.fill_binary(batch, targets, &wires)
        {
            self.form = Form::Binary;
            return Ok(refusals);
        }
        self.form = Form::Text;
        self.fill_text(batch, targets)
    }

    fn fill_binary(&mut self, batch: &RecordBatch, targets: &[Target], wires: &[Wire]) -> Result<Vec<Refusal>, Odd> {
        let unfit = binary::unfit(batch, targets);
        match unfit.is_empty() {
            true => self.binary.fill(batch, wires, self.number)?,
            false => self.binary.fill(&without(batch, &unfit)?, wires, self.number)?,
        }
        self.rows.clear();
        self.rows.extend((0..batch.num_rows()).filter(|row| !unfit.contains_key(row)));
        Ok(unfit.into_iter().map(|(row, (unfit, place))| refusal(unfit, &targets[place], row)).collect())
    }

    fn fill_text(&mut self, batch: &RecordBatch, targets: &[Target]) -> Result<Vec<Refusal>, Mistyped> {
        self.text.clear();
        self.starts.clear();
        self.rows.clear();
        let columns: Vec<_> = batch.columns().iter().map(|array| (array, Values::of(array))).collect();
        let mut refusals = Vec::new();
        for row in 0..batch.num_rows() {
            let start = self.text.len();
            match self.push_row(&columns, targets, row) {
                Ok(()) => {
                    self.starts.push(start);
                    self.rows.push(row);
                }
                Err(refusal) => {
                    self.text.truncate(start);
                    refusals.push(refusal);
                }
            }
        }
        Ok(refusals)
    }

    fn push_row(&mut self, columns: &[(&ArrayRef, Values<'_>)], targets: &[Target], row: usize) -> Result<(), Refusal> {
        let start = self.text.len();
        if self.number.is_some() {
            let number = self.number(self.rows.len());
            write::integer(&mut self.text, number);
            self.text.push(b'\t');
        }
        for (place, ((array, values), target)) in columns.iter().zip(targets).enumerate() {
            if place > 0 {
                self.text.push(b'\t');
            }
            let values = if array.is_null(row) { &Values::Null } else { values };
            values.push(&mut self.text, target.trap, row).map_err(|unfit| refusal(unfit, target, row))?;
        }
        self.text.push(b'\n');
        if self.text.len() - start > LINE_BYTES {
            let message = "the row is larger than PostgreSQL takes in one piece (1 GB)".to_owned();
            return Err(Refusal { row, cause: Cause::Length, column: None, message });
        }
        Ok(())
    }
}

fn stretch<'b>(bytes: &'b [u8], starts: &[usize], from: usize, to: usize) -> &'b [u8] {
    let start = |line: usize| starts.get(line).copied().unwrap_or(bytes.len());
    bytes.get(start(from)..start(to)).unwrap_or_default()
}

fn without(batch: &RecordBatch, unfit: &BTreeMap<usize, (Unfit, usize)>) -> Result<RecordBatch, Odd> {
    let kept: BooleanArray = (0..batch.num_rows()).map(|row| Some(!unfit.contains_key(&row))).collect();
    filter_record_batch(batch, &kept).map_err(|_| Odd)
}

fn check_type(array: &ArrayRef, target: &Target) -> Result<(), Mistyped> {
    let found = array.data_type();
    match travels_as(found, &target.column.ty.arrow()) {
        true => Ok(()),
        false => Err(Mistyped { column: target.column.name.clone(), found: found.to_string() }),
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
    fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
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
        }
    }

    fn push(&self, out: &mut Vec<u8>, trap: Trap, row: usize) -> Result<(), Unfit> {
        match self {
            Self::Null => out.extend_from_slice(b"\\N"),
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
