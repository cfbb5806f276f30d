//! Numbers of every exact type, as one.

use datafusion::arrow::datatypes::i256;

use super::encode::{LONG, push_text};

/// An integer of 64 bits follows.
const INTEGER: u8 = 3;
/// The digits after the point and an integer of 128 bits follow.
const DECIMAL: u8 = 4;

/// Room for any number that is no text.
const LONGEST: usize = 38;

pub(super) fn push_integer(value: i64, out: &mut Vec<u8>) {
    out.push(INTEGER);
    out.extend_from_slice(&value.to_le_bytes());
}

/// `value` with a point before its last `scale` digits.
pub(super) fn push_decimal(value: i128, scale: u8, out: &mut Vec<u8>) {
    let (value, scale) = match i64::try_from(value) {
        Ok(short) => {
            let (short, scale) = without_zeros(short, scale);
            (i128::from(short), scale)
        }
        Err(_) => without_zeros_128(value, scale),
    };
    match i64::try_from(value) {
        Ok(integer) if scale == 0 => push_integer(integer, out),
        _ => {
            out.push(DECIMAL);
            out.push(scale);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

fn without_zeros(mut value: i64, mut scale: u8) -> (i64, u8) {
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    (value, scale)
}

fn without_zeros_128(mut value: i128, mut scale: u8) -> (i128, u8) {
    while scale > 0 && value % 10 == 0 {
        (value, scale) = (value / 10, scale - 1);
    }
    (value, scale)
}

pub(super) fn push_wide(value: i256, scale: u8, out: &mut Vec<u8>) {
    match value.to_i128() {
        Some(value) => push_decimal(value, scale, out),
        None => push_number(&format!("{value}e-{scale}"), out),
    }
}

/// A number as text, with or without point and exponent. What is none (`NaN`) is the word that it is.
pub(super) fn push_number(text: &str, out: &mut Vec<u8>) {
    let Some((negative, digits, exponent)) = parts(text) else { return push_text(LONG, text.as_bytes(), out) };
    match small(negative, &digits, exponent) {
        Some((value, scale)) => push_decimal(value, scale, out),
        None => {
            let sign = if negative { "-" } else { "" };
            push_text(LONG, format!("{sign}{digits}e{exponent}").as_bytes(), out);
        }
    }
}

/// Sign, digits without zeros at either end, and the power of ten that they are multiplied with.
fn parts(text: &str) -> Option<(bool, String, i64)> {
    let (negative, rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (mantissa, power) = match rest.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.strip_prefix('+').unwrap_or(power).parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    let exponent = power.checked_add((all.len() - digits.len()) as i64)?.checked_sub(fraction.len() as i64)?;
    match digits.trim_start_matches('0') {
        "" => Some((false, "0".to_owned(), 0)),
        digits => Some((negative, digits.to_owned(), exponent)),
    }
}

fn small(negative: bool, digits: &str, exponent: i64) -> Option<(i128, u8)> {
    let zeros = usize::try_from(exponent.max(0)).ok()?;
    if digits.len().checked_add(zeros)? > LONGEST {
        return None;
    }
    let value = digits.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(u32::try_from(zeros).ok()?)?)?;
    let scale = u8::try_from(exponent.min(0).unsigned_abs()).ok()?;
    Some((if negative { -value } else { value }, scale))
}
