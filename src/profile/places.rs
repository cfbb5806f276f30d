//! Where a value lies on a histogram, and what a place there is called.
//!
//! One idea: moments lie on days and times of day on hours, so that a stretch whose width is a power of two begins at a
//! round one: at midnight, or at three.

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array},
    compute::cast,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
    error::ArrowError,
};

use crate::model::{ColumnType, NAN_128, NAN_256, calendar};

const HOUR: f64 = 3_600_000_000.0;

/// Each value's place; NULL where there is no value, NaN where it has none. Nothing where the type has no places.
pub(super) fn places(array: &ArrayRef, ty: &ColumnType) -> Result<Option<Float64Array>, ArrowError> {
    let of = |place: &dyn Fn(usize) -> f64| -> Float64Array {
        (0..array.len()).map(|row| array.is_valid(row).then(|| place(row))).collect()
    };
    let no_number = |is_one: bool, row: usize, floats: &Float64Array| if is_one { floats.value(row) } else { f64::NAN };
    Ok(Some(match (ty, array.data_type()) {
        (ColumnType::Integer { .. } | ColumnType::Float { .. }, _) => floats(array)?,
        (_, DataType::Decimal128(..)) => {
            let (values, floats) = (array.as_primitive::<Decimal128Type>(), floats(array)?);
            of(&|row| no_number(values.value(row) != NAN_128, row, &floats))
        }
        (_, DataType::Decimal256(..)) => {
            let (values, floats) = (array.as_primitive::<Decimal256Type>(), floats(array)?);
            of(&|row| no_number(values.value(row) != NAN_256, row, &floats))
        }
        (ColumnType::Numeric, DataType::Utf8) => {
            let texts = array.as_string::<i32>();
            of(&|row| texts.value(row).parse().unwrap_or(f64::NAN))
        }
        (_, DataType::Date32) => {
            let days = array.as_primitive::<Date32Type>();
            of(&|row| Some(days.value(row)).filter(|day| calendar::is_common_day(*day)).map_or(f64::NAN, f64::from))
        }
        (_, DataType::Timestamp(..)) => {
            let moments = array.as_primitive::<TimestampMicrosecondType>();
            let common = |row: usize| Some(moments.value(row)).filter(|moment| calendar::is_common_moment(*moment));
            of(&|row| common(row).map_or(f64::NAN, |moment| moment as f64 / calendar::DAY as f64))
        }
        (_, DataType::Time64(_)) => {
            let times = array.as_primitive::<Time64MicrosecondType>();
            of(&|row| times.value(row) as f64 / HOUR)
        }
        _ => return Ok(None),
    }))
}

fn floats(array: &ArrayRef) -> Result<Float64Array, ArrowError> {
    Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// A place as its type writes it; `width` is how far the next one is.
pub(super) fn label(place: f64, width: f64, ty: &ColumnType) -> String {
    let mut text = String::new();
    match ty {
        ColumnType::Date => calendar::push_date(place as i32, &mut text),
        ColumnType::Timestamp { .. } if width >= 1.0 => calendar::push_date(place as i32, &mut text),
        ColumnType::Timestamp { .. } => {
            calendar::push_moment((place * calendar::DAY as f64).round() as i64, ' ', "", &mut text);
        }
        ColumnType::Time => calendar::push_time((place * HOUR).round() as i64, &mut text),
        _ if place.abs() >= 1e15 || (place != 0.0 && place.abs() < 1e-6) => text = format!("{place:.3e}"),
        ColumnType::Integer { .. } => text = format!("{place}"),
        // A stretch may be so narrow that all of its digits say nothing to anybody.
        _ => text = trimmed(&format!("{place:.6}")),
    }
    text
}

fn trimmed(number: &str) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}
