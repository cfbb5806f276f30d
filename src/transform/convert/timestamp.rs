//! Dates, times and timestamps out of ISO 8601 text and out of each other.

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Date32Type, Time64MicrosecondType, TimestampMicrosecondType},
    error::ArrowError,
};

use chrono::{Datelike, NaiveDate};

use crate::model::ColumnType;

use super::{
    Converted,
    read::{primitives, unexpected},
};

const MICROS_OF_SECOND: i64 = 1_000_000;
const MICROS_OF_DAY: i64 = 86_400 * MICROS_OF_SECOND;

/// 1970-01-01, counted from the first day of year 1.
const EPOCH: i32 = 719_163;

pub(super) fn to_date(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    if let Some(micros) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        return Ok(primitives::<Date32Type>(array, &to.arrow(), |row| {
            let days = micros.value(row).div_euclid(MICROS_OF_DAY);
            i32::try_from(days).map_err(|_| "the timestamp is beyond all dates".into())
        }));
    }
    let texts = array.as_string_opt::<i32>().ok_or_else(|| unexpected(array))?;
    Ok(primitives::<Date32Type>(array, &to.arrow(), |row| {
        let text = texts.value(row);
        match date(text) {
            Some((days, "")) => Ok(days),
            _ => Err(format!("'{text}' is not a date of the form 2024-06-12")),
        }
    }))
}

pub(super) fn to_time(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let texts = array.as_string_opt::<i32>().ok_or_else(|| unexpected(array))?;
    Ok(primitives::<Time64MicrosecondType>(array, &to.arrow(), |row| {
        let text = texts.value(row);
        match time(text) {
            Some((micros, "")) => Ok(micros),
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
                let micros = i64::from(days.value(row)).checked_mul(MICROS_OF_DAY);
                micros.ok_or_else(|| "the date is beyond all timestamps".into())
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
    let (wall, zone) = wall_clock(text).ok_or_else(|| format!("'{text}' is not a timestamp of the form {form}"))?;
    match (zoned, zone) {
        (false, None) => Ok(wall),
        (true, Some(offset)) => Ok(wall - offset),
        (false, Some(_)) => Err(format!("'{text}' has a time zone where the destination knows none")),
        (true, None) => Err(format!("'{text}' has no time zone, so that it names no instant")),
    }
}

/// The microseconds that the text shows since 1970, and how far its zone is from UTC if it names one.
fn wall_clock(text: &str) -> Option<(i64, Option<i64>)> {
    let (days, rest) = date(text)?;
    let day = i64::from(days) * MICROS_OF_DAY;
    if rest.is_empty() {
        return Some((day, None));
    }
    let (time, rest) = time(rest.strip_prefix([' ', 'T'])?)?;
    let zone = if rest.is_empty() { None } else { Some(zone(rest)?) };
    Some((day + time, zone))
}

/// `2024-06-12` as days since 1970, and what follows.
fn date(text: &str) -> Option<(i32, &str)> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let year = i32::try_from(year).ok().filter(|year| *year > 0)?;
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some((date.num_days_from_ce() - EPOCH, rest))
}

/// `14:30[:22[.123456]]` as microseconds, and what follows.
fn time(text: &str) -> Option<(i64, &str)> {
    let (hour, rest) = digits(text, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, micros, rest) = match rest.strip_prefix(':') {
        Some(rest) => seconds(rest)?,
        None => (0, 0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Some((seconds * MICROS_OF_SECOND + micros, rest))
}

/// `22[.123456]` as seconds and microseconds, and what follows.
fn seconds(text: &str) -> Option<(u32, i64, &str)> {
    let (second, rest) = digits(text, 2)?;
    let (micros, rest) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    Some((second, micros, rest))
}

/// The digits behind a point as microseconds; finer digits must be zeros.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let width = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(width);
    let (micros, finer) = digits.split_at(width.min(6));
    if width == 0 || finer.bytes().any(|digit| digit != b'0') {
        return None;
    }
    Some((format!("{micros:0<6}").parse().ok()?, rest))
}

/// `Z`, `+02`, `+0200`, `+02:00` as microseconds ahead of UTC.
fn zone(text: &str) -> Option<i64> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = digits(text.strip_prefix(['+', '-'])?, 2)?;
    let rest = rest.strip_prefix(':').filter(|rest| !rest.is_empty()).unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() { (0, rest) } else { digits(rest, 2)? };
    let sound = rest.is_empty() && hours <= 15 && minutes <= 59;
    sound.then(|| sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60 * MICROS_OF_SECOND)
}

fn digits(text: &str, width: usize) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(width)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((plain.then(|| digits.parse().ok()).flatten()?, rest))
}
