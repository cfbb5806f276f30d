//! From the wire to Arrow, one row at a time: a row goes in whole or becomes a reject.

use std::{borrow::Cow, sync::Arc};

use datafusion::arrow::{
    array::{
        ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder,
        Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder, Time64MicrosecondBuilder,
        TimestampMicrosecondBuilder, UInt8Builder, UInt16Builder, UInt32Builder, UInt64Builder,
    },
    datatypes::{DataType, i256},
};

use super::reading::{Encoding, LOSSY, ReadColumn, Wire};
use crate::model::{
    Cell, ColumnType,
    calendar::{DAY, Day, OddDay, days_of, read_time, year_month_day},
    cell_at,
};

/// A cell, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'r> {
    Integer(i64),
    Unsigned(u64),
    Float(f32),
    Double(f64),
    Decimal(i128),
    Wide(i256),
    /// Microseconds of a day or since 1970.
    Micros(i64),
    Days(i32),
    Text(Cow<'r, str>),
    Bytes(&'r [u8]),
}

impl Value<'_> {
    /// The number of a value that is one; whoever asks has seen to it that the column's type and the value's agree.
    fn whole(&self) -> i64 {
        match self {
            Self::Integer(number) | Self::Micros(number) => *number,
            Self::Unsigned(number) => number.cast_signed(),
            Self::Days(number) => i64::from(*number),
            _ => 0,
        }
    }
}

/// Understands what arrived for a column, or says why its type cannot hold it.
pub(super) fn understand<'r>(bytes: &'r [u8], column: &ReadColumn) -> Result<Value<'r>, String> {
    match column.wire {
        Wire::Signed => Ok(Value::Integer(signed(bytes))),
        Wire::Unsigned if matches!(column.ty, ColumnType::Integer { unsigned: false, .. }) => {
            i64::try_from(unsigned(bytes)).map(Value::Integer).map_err(|error| error.to_string())
        }
        Wire::Unsigned => Ok(match column.ty.bits() {
            Some(width) => Value::Text(Cow::Owned(format!("{:0width$b}", unsigned(bytes), width = width.into()))),
            None => Value::Unsigned(unsigned(bytes)),
        }),
        Wire::Float => bytes.try_into().map(|bytes| Value::Float(f32::from_le_bytes(bytes))).map_err(|_| garbled()),
        Wire::Double => bytes.try_into().map(|bytes| Value::Double(f64::from_le_bytes(bytes))).map_err(|_| garbled()),
        Wire::Bytes => Ok(Value::Bytes(bytes)),
        Wire::Text(encoding) => typed(text(bytes, encoding)?, &column.ty),
    }
}

fn garbled() -> String {
    "the server sent another number of bytes than the type has".into()
}

fn text(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, String> {
    let wrong = || "it is not valid text in its column's character set".to_owned();
    match encoding {
        Encoding::Latin1 => Ok(encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0),
        Encoding::Ascii if !bytes.is_ascii() => Err(wrong()),
        _ => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| wrong()),
    }
}

fn typed<'r>(text: Cow<'r, str>, ty: &ColumnType) -> Result<Value<'r>, String> {
    let refused = || format!("'{text}' is nothing that {} can hold", ty.expectation());
    match ty {
        ColumnType::Decimal { precision, scale } if *precision <= 38 => {
            unscaled(&text, *precision, *scale).map(Value::Decimal).ok_or_else(refused)
        }
        ColumnType::Decimal { precision, scale } => {
            let digits = unscaled_text(&text, *precision, *scale).ok_or_else(refused)?;
            i256::from_string(&digits).map(Value::Wide).ok_or_else(refused)
        }
        ColumnType::Date => days(&text).map(Value::Days).ok_or_else(refused),
        ColumnType::Time => micros_of_time(&text).map(Value::Micros).ok_or_else(refused),
        ColumnType::Timestamp { .. } => micros(&text).map(Value::Micros).ok_or_else(refused),
        _ => Ok(Value::Text(text)),
    }
}

/// `-12.50` at scale 3 is -12500; `None` if that is no number, or one of more digits than the type has: 38 at most.
fn unscaled(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (sign, whole, fraction, missing) = parts(text, scale)?;
    let (mut digits, mut counted) = (0_i128, 0);
    for byte in whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', missing)) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        counted += u8::from(digits != 0 || digit != 0);
        if counted > precision {
            return None;
        }
        digits = digits * 10 + i128::from(digit);
    }
    (!whole.is_empty()).then_some(if sign.is_empty() { digits } else { -digits })
}

/// As [`unscaled`], of any number of digits.
fn unscaled_text(text: &str, precision: u8, scale: i8) -> Option<String> {
    let (sign, whole, fraction, missing) = parts(text, scale)?;
    let digits = format!("{whole}{fraction}{}", "0".repeat(missing));
    let counted = digits.trim_start_matches('0').len();
    let is_number = !whole.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_number && counted <= precision.into()).then(|| format!("{sign}{digits}"))
}

/// A number's sign, its digits before and behind the point, and how many zeros it lacks to have `scale` of these.
fn parts(text: &str, scale: i8) -> Option<(&str, &str, &str, usize)> {
    let (sign, number) = text.split_at(usize::from(text.starts_with('-')));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    Some((sign, whole, fraction, missing))
}

/// Days since 1970. Zero months and days, and days that no calendar has, are what the server holds too.
fn days(text: &str) -> Option<i32> {
    let ((year, month, day), _) = year_month_day(text).filter(|(_, rest)| rest.is_empty())?;
    match days_of(year.into(), month, day) {
        Some(days) => i32::try_from(days).ok(),
        None => Some(OddDay::new(year, month, day)?.days()),
    }
}

/// Microseconds of `[-]hh:mm:ss.ffffff`; hours go from -838 to 838 here.
fn micros_of_time(text: &str) -> Option<i64> {
    read_time(text).ok().filter(|(_, rest)| rest.is_empty()).map(|(micros, _)| micros)
}

fn micros(text: &str) -> Option<i64> {
    let (date, clock) = text.split_at_checked("0000-00-00".len())?;
    let time = micros_of_time(clock.strip_prefix(' ')?).filter(|time| (0..DAY).contains(time))?;
    match Day::of(days(date)?) {
        Day::Odd(odd) => Some(odd.moment(time)),
        day => day.midnight()?.checked_add(time),
    }
}

fn signed(bytes: &[u8]) -> i64 {
    let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    i64::from_le_bytes(widened(bytes, fill))
}

fn unsigned(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(widened(bytes, 0))
}

fn widened(bytes: &[u8], fill: u8) -> [u8; 8] {
    let mut wide = [fill; 8];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    wide
}

/// A cell without regard to its column's type: text where it is text, else its bytes.
pub(super) fn raw_cell(bytes: &[u8], wire: Wire) -> Cell {
    match wire {
        Wire::Signed => Cell::text(signed(bytes).to_string()),
        Wire::Unsigned => Cell::text(unsigned(bytes).to_string()),
        Wire::Text(encoding) => match text(bytes, encoding) {
            Ok(text) => Cell::text(text),
            Err(_) if encoding == Encoding::Converted => {
                Cell::Bytes(bytes.strip_prefix(&[LOSSY]).unwrap_or(bytes).to_vec())
            }
            Err(_) => Cell::Bytes(bytes.to_vec()),
        },
        Wire::Float | Wire::Double | Wire::Bytes => Cell::Bytes(bytes.to_vec()),
    }
}

/// The cell as faults and previews show it: as a batch would, where the type can hold it.
pub(super) fn cell(bytes: Option<&[u8]>, column: &ReadColumn) -> Cell {
    let Some(bytes) = bytes else { return Cell::Null };
    let Ok(value) = understand(bytes, column) else { return raw_cell(bytes, column.wire) };
    let mut builder = Builder::new(&column.ty);
    builder.append(Some(value));
    cell_at(&builder.finish(), 0)
}

/// A column under construction.
pub(super) enum Builder {
    Boolean(BooleanBuilder),
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt8(UInt8Builder),
    UInt16(UInt16Builder),
    UInt32(UInt32Builder),
    UInt64(UInt64Builder),
    Decimal(Decimal128Builder),
    Wide(Decimal256Builder),
    Float(Float32Builder),
    Double(Float64Builder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Bytes(BinaryBuilder),
    Text(StringBuilder),
}

impl Builder {
    pub(super) fn new(ty: &ColumnType) -> Self {
        let arrow = ty.arrow();
        match arrow {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int8 => Self::Int8(Int8Builder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::UInt8 => Self::UInt8(UInt8Builder::new()),
            DataType::UInt16 => Self::UInt16(UInt16Builder::new()),
            DataType::UInt32 => Self::UInt32(UInt32Builder::new()),
            DataType::UInt64 => Self::UInt64(UInt64Builder::new()),
            DataType::Decimal128(..) => Self::Decimal(Decimal128Builder::new().with_data_type(arrow)),
            DataType::Decimal256(..) => Self::Wide(Decimal256Builder::new().with_data_type(arrow)),
            DataType::Float32 => Self::Float(Float32Builder::new()),
            DataType::Float64 => Self::Double(Float64Builder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Time64(_) => Self::Time(Time64MicrosecondBuilder::new()),
            DataType::Timestamp(..) => Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(arrow)),
            DataType::Binary => Self::Bytes(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends a value that [`understand`] gave for a column of the builder's type.
    pub(super) fn append(&mut self, value: Option<Value<'_>>) {
        match self {
            Self::Boolean(to) => to.append_option(value.map(|value| value.whole() != 0)),
            Self::Int8(to) => to.append_option(value.map(|value| value.whole() as i8)),
            Self::Int16(to) => to.append_option(value.map(|value| value.whole() as i16)),
            Self::Int32(to) => to.append_option(value.map(|value| value.whole() as i32)),
            Self::Int64(to) => to.append_option(value.map(|value| value.whole())),
            Self::UInt8(to) => to.append_option(value.map(|value| value.whole() as u8)),
            Self::UInt16(to) => to.append_option(value.map(|value| value.whole() as u16)),
            Self::UInt32(to) => to.append_option(value.map(|value| value.whole() as u32)),
            Self::UInt64(to) => to.append_option(value.map(|value| value.whole() as u64)),
            Self::Date(to) => to.append_option(value.map(|value| value.whole() as i32)),
            Self::Time(to) => to.append_option(value.map(|value| value.whole())),
            Self::Timestamp(to) => to.append_option(value.map(|value| value.whole())),
            Self::Decimal(to) => match value {
                Some(Value::Decimal(digits)) => to.append_value(digits),
                _ => to.append_null(),
            },
            Self::Wide(to) => match value {
                Some(Value::Wide(digits)) => to.append_value(digits),
                _ => to.append_null(),
            },
            Self::Float(to) => match value {
                Some(Value::Float(number)) => to.append_value(number),
                _ => to.append_null(),
            },
            Self::Double(to) => match value {
                Some(Value::Double(number)) => to.append_value(number),
                _ => to.append_null(),
            },
            Self::Bytes(to) => match value {
                Some(Value::Bytes(bytes)) => to.append_value(bytes),
                _ => to.append_null(),
            },
            Self::Text(to) => match value {
                Some(Value::Text(text)) => to.append_value(text),
                _ => to.append_null(),
            },
        }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(from) => Arc::new(from.finish()),
            Self::Int8(from) => Arc::new(from.finish()),
            Self::Int16(from) => Arc::new(from.finish()),
            Self::Int32(from) => Arc::new(from.finish()),
            Self::Int64(from) => Arc::new(from.finish()),
            Self::UInt8(from) => Arc::new(from.finish()),
            Self::UInt16(from) => Arc::new(from.finish()),
            Self::UInt32(from) => Arc::new(from.finish()),
            Self::UInt64(from) => Arc::new(from.finish()),
            Self::Decimal(from) => Arc::new(from.finish()),
            Self::Wide(from) => Arc::new(from.finish()),
            Self::Float(from) => Arc::new(from.finish()),
            Self::Double(from) => Arc::new(from.finish()),
            Self::Date(from) => Arc::new(from.finish()),
            Self::Time(from) => Arc::new(from.finish()),
            Self::Timestamp(from) => Arc::new(from.finish()),
            Self::Bytes(from) => Arc::new(from.finish()),
            Self::Text(from) => Arc::new(from.finish()),
        }
    }
}
