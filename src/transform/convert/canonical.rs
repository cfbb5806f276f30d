//! The forms in which values travel, whatever form a function gave them.

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::{CastOptions, cast_with_options},
    datatypes::{
        DataType, Int64Type, Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
        TimestampNanosecondType,
    },
    error::ArrowError,
};

use crate::model::ColumnType;

use super::{
    Converted,
    read::{lost, primitives},
};

/// The type whose values an Arrow array of `ty` holds; `None` for lists, structs, intervals and their like.
pub(in crate::transform) fn column_type(ty: &DataType) -> Option<ColumnType> {
    let integer = |bits, unsigned| Some(ColumnType::Integer { bits, unsigned });
    match ty {
        DataType::Boolean => Some(ColumnType::Boolean),
        DataType::Int8 => integer(8, false),
        DataType::Int16 => integer(16, false),
        DataType::Int32 => integer(32, false),
        DataType::Int64 => integer(64, false),
        DataType::UInt8 => integer(8, true),
        DataType::UInt16 => integer(16, true),
        DataType::UInt32 => integer(32, true),
        DataType::UInt64 => integer(64, true),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => decimal(*precision, *scale),
        DataType::Float16 | DataType::Float32 => Some(ColumnType::Float { bits: 32 }),
        DataType::Float64 => Some(ColumnType::DOUBLE),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Some(ColumnType::TEXT),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            Some(ColumnType::Bytes { max: None })
        }
        DataType::Date32 => Some(ColumnType::Date),
        DataType::Time32(_) | DataType::Time64(_) => Some(ColumnType::Time),
        DataType::Date64 => Some(ColumnType::Timestamp { zone: false }),
        DataType::Timestamp(_, zone) => Some(ColumnType::Timestamp { zone: zone.is_some() }),
        DataType::Dictionary(_, values) => column_type(values),
        _ => None,
    }
}

fn decimal(precision: u8, scale: i8) -> Option<ColumnType> {
    let fits = (1..=76).contains(&precision) && scale >= 0 && i16::from(scale) <= i16::from(precision);
    fits.then_some(ColumnType::Decimal { precision, scale })
}

/// The array in the form `ty`, which is its [`column_type`]'s own.
pub(super) fn of(array: &ArrayRef, ty: &DataType) -> Result<Converted, ArrowError> {
    match (array.data_type(), ty) {
        (found, wanted) if found == wanted => Ok(Converted::whole(array.clone())),
        (DataType::Timestamp(TimeUnit::Nanosecond, _), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>();
            Ok(primitives::<TimestampMicrosecondType>(array, ty, |row| micros(nanos.value(row), "timestamp")))
        }
        (DataType::Time64(TimeUnit::Nanosecond), DataType::Time64(_)) => {
            let nanos = array.as_primitive::<Time64NanosecondType>();
            Ok(primitives::<Time64MicrosecondType>(array, ty, |row| micros(nanos.value(row), "time")))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), DataType::Timestamp(_, Some(zone))) => {
            let instants = array.as_primitive::<TimestampMicrosecondType>().clone();
            Ok(Converted::whole(std::sync::Arc::new(instants.with_timezone(zone.clone()))))
        }
        _ => widened(array, ty),
    }
}

fn micros(nanos: i64, kind: &str) -> Result<i64, String> {
    if nanos % 1000 == 0 { Ok(nanos / 1000) } else { Err(format!("the {kind} is finer than a microsecond")) }
}

/// Casts that only change the form: coarser units of time, other layouts of text, bytes and decimals.
fn widened(array: &ArrayRef, ty: &DataType) -> Result<Converted, ArrowError> {
    let array = match array.data_type() {
        DataType::Date64 => &cast_with_options(array, &DataType::Int64, &SAFE).map(|millis| of_millis(&millis))?,
        _ => array,
    };
    let cast = cast_with_options(array, ty, &SAFE)?;
    Ok(lost(array, cast, |_| "the value is out of range".into()))
}

fn of_millis(millis: &ArrayRef) -> ArrayRef {
    let values = millis.as_primitive::<Int64Type>().clone();
    std::sync::Arc::new(values.reinterpret_cast::<datafusion::arrow::datatypes::TimestampMillisecondType>())
}

/// What does not fit turns NULL rather than failing the batch.
pub(super) const SAFE: CastOptions<'static> =
    CastOptions { safe: true, format_options: datafusion::arrow::util::display::FormatOptions::new() };
