//! Dates, times and timestamps out of ISO 8601 text and out of each other.

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Date32Type, Time64MicrosecondType, TimestampMicrosecondType},
    error::ArrowError,
};

use crate::model::{
    ColumnType,
    calendar::{self, Day, Moment},
};

use super::{
    Converted,
    read::{primitives, unexpected},
};

pub(super) fn to_date(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    if let Some(micros) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        return Ok(primitives::<Date32Type>(array, &to.arrow(), |row| {
            Moment::of(micros.value(row)).day().ok_or_else(|| "the timestamp is beyond all dates".into())
        }));
    }
    let texts = array.as_string_opt::<i32>().ok_or_else(|| unexpected(array))?;
    Ok(primitives::<Date32Type>(array, &to.arrow(), |row| {
        let text = texts.value(row);
        match calendar::read_date(text) {
            Ok((days, "")) => Ok(days),
            _ => Err(format!("'{text}' is not a date of the form 2024-06-12")),
        }
    }))
}

pub(super) fn to_time(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let texts = array.as_string_opt::<i32>().ok_or_else(|| unexpected(array))?;
    Ok(primitives::<Time64MicrosecondType>(array, &to.arrow(), |row| {
        let text = texts.value(row);
        match calendar::read_time(text) {
            Ok((micros, "")) => Ok(micros),
            _ => Err(format!("'{text}' is not a time of the form 14:30:22.123456")),
        }
    }))
}

pub(super) fn to_timestamp(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let zoned = matches!(to, ColumnType::Timestamp { zone: true });
    match array.data_type() {
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>();
            Ok(primitives::<TimestampMicrosecondType>(array, &to.arrow(), |row| Ok(micros.value(row))))
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            Ok(primitives::<TimestampMicrosecondType>(array, &to.arrow(), |row| {
                let midnight = Day::of(days.value(row)).midnight();
                midnight.ok_or_else(|| "the date is beyond all timestamps".into())
            }))
        }
        _ => {
            let texts = array.as_string_opt::<i32>().ok_or_else(|| unexpected(array))?;
            Ok(primitives::<TimestampMicrosecondType>(array, &to.arrow(), |row| of_text(texts.value(row), zoned)))
        }
    }
}

fn of_text(text: &str, zoned: bool) -> Result<i64, String> {
    let form = if zoned { "2024-06-12 14:30:22+00:00" } else { "2024-06-12 14:30:22" };
    let wrong = || format!("'{text}' is not a timestamp of the form {form}");
    let (wall, zone) = calendar::read_moment(text).map_err(|_| wrong())?;
    let endless = matches!(Moment::of(wall), Moment::Infinity | Moment::MinusInfinity);
    match (zoned, zone) {
        (false, None) => Ok(wall),
        (true, None) if endless => Ok(wall),
        (true, Some(offset)) => calendar::at_utc(wall, offset).ok_or_else(wrong),
        (false, Some(_)) => Err(format!("'{text}' has a time zone where the destination knows none")),
        (true, None) => Err(format!("'{text}' has no time zone, so that it names no instant")),
    }
}
