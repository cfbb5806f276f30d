//! Single values as fields of a text COPY.
//!
//! Pure. One idea: a field is written straight into the line's bytes, and what cannot be written exactly is an
//! [`Unfit`], never something near it.

use std::{fmt::LowerExp, io::Write as _};

use datafusion::arrow::datatypes::i256;

use super::types::Trap;

/// Why a value cannot be sent as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// No text of the server's can hold it.
    Nul,
    Long,
    Fraction,
    /// A day that no calendar has.
    NoDate,
    /// A time beyond a day.
    NoTime,
}

pub(super) fn integer(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(out, value.unsigned_abs());
}

pub(super) fn unsigned(out: &mut Vec<u8>, value: u64) {
    let start = out.len();
    push_reversed(out, value);
    out[start..].reverse();
}

fn push_reversed(out: &mut Vec<u8>, mut value: u64) {
    loop {
        out.push(b'0' + (value % 10) as u8);
        value /= 10;
        if value == 0 {
            return;
        }
    }
}

/// A float that can say what it is.
pub(super) trait Float: Copy + LowerExp + Into<f64> {}

impl Float for f32 {}
impl Float for f64 {}

/// The shortest text that reads back to the same number.
pub(super) fn float<F: Float>(out: &mut Vec<u8>, value: F) {
    let wide: f64 = value.into();
    let _ = match () {
        () if wide.is_nan() => out.write_all(b"NaN"),
        () if wide == f64::INFINITY => out.write_all(b"Infinity"),
        () if wide == f64::NEG_INFINITY => out.write_all(b"-Infinity"),
        () => write!(out, "{value:e}"),
    };
}

pub(super) fn decimal(out: &mut Vec<u8>, value: i128, scale: usize) {
    if value < 0 {
        out.push(b'-');
    }
    let magnitude = value.unsigned_abs();
    let start = out.len();
    match u64::try_from(magnitude) {
        Ok(small) => push_reversed(out, small),
        Err(_) => out.extend(magnitude.to_string().bytes().rev()),
    }
    point(out, start, scale);
}

pub(super) fn wide_decimal(out: &mut Vec<u8>, value: i256, scale: usize) {
    let text = value.to_string();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    if digits.len() < text.len() {
        out.push(b'-');
    }
    let start = out.len();
    out.extend(digits.bytes().rev());
    point(out, start, scale);
}

/// Puts the point among digits that stand there in reverse, and turns them round.
fn point(out: &mut Vec<u8>, start: usize, scale: usize) {
    if scale > 0 {
        while out.len() - start <= scale {
            out.push(b'0');
        }
        out.insert(start + scale, b'.');
    }
    out[start..].reverse();
}

pub(super) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(value.len() * 2 + 3);
    out.extend_from_slice(b"\\\\x");
    for byte in value {
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

/// Microseconds that a column of coarser steps keeps as they are.
pub(super) fn stepped(micros: i64, trap: Trap) -> Result<i64, Unfit> {
    match trap {
        // Infinity is no multiple of anything.
        Trap::Step { micros: step } if micros % step != 0 && micros != i64::MAX && micros != i64::MIN => {
            Err(Unfit::Fraction)
        }
        _ => Ok(micros),
    }
}

pub(super) fn text(out: &mut Vec<u8>, value: &str, trap: Trap) -> Result<(), Unfit> {
    check_text(value, trap)?;
    let bytes = value.as_bytes();
    let mut plain = 0;
    for (place, byte) in bytes.iter().enumerate() {
        let escaped = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..place]);
        out.extend_from_slice(&[b'\\', escaped]);
        plain = place + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
    Ok(())
}

pub(super) fn check_text(value: &str, trap: Trap) -> Result<(), Unfit> {
    if value.as_bytes().contains(&0) {
        return Err(Unfit::Nul);
    }
    let fits = match trap {
        Trap::Characters { max, .. } if value.len() <= max => true,
        Trap::Characters { max, blanks_count: true } => value.chars().count() <= max,
        Trap::Characters { max, blanks_count: false } => value.trim_end_matches(' ').chars().count() <= max,
        Trap::Bytes { max } => value.len() <= max,
        Trap::Scale { digits } => return if keeps_digits(value, digits) { Ok(()) } else { Err(Unfit::Fraction) },
        Trap::None | Trap::Step { .. } => true,
    };
    if fits { Ok(()) } else { Err(Unfit::Long) }
}

/// Whether a number has no digit but zero behind so many places after the point. What is no number is the server's to
/// refuse.
fn keeps_digits(text: &str, places: i32) -> bool {
    let unsigned = text.trim().trim_start_matches(['-', '+']);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or(0)),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let significant = whole.trim_end_matches('0');
    let last = match (fraction.is_empty(), significant.is_empty()) {
        (false, _) => fraction.len() as i32,
        (true, false) => -((whole.len() - significant.len()) as i32),
        (true, true) => return true,
    };
    !mantissa.starts_with(|first: char| first.is_ascii_digit() || first == '.') || last - exponent <= places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"before".to_vec();
        write(&mut out);
        String::from_utf8(out.split_off(6)).unwrap()
    }

    #[test]
    fn decimals_have_their_point() {
        for (value, scale, text) in [
            (0, 2, "0.00"),
            (-5, 2, "-0.05"),
            (12_345, 2, "123.45"),
            (12_345, 0, "12345"),
            (i128::MIN, 10, "-17014118346046923173168730371.5884105728"),
        ] {
            assert_eq!(written(|out| decimal(out, value, scale)), text);
            assert_eq!(written(|out| wide_decimal(out, i256::from_i128(value), scale)), text);
        }
    }

    #[test]
    fn text_is_escaped_and_looked_at_before_the_server_cuts_it() {
        assert_eq!(written(|out| text(out, "a\\.\tb\r\n\\N", Trap::None).unwrap()), "a\\\\.\\tb\\r\\n\\\\N");
        let mut out = Vec::new();
        assert_eq!(text(&mut out, "a\0", Trap::None), Err(Unfit::Nul));
        let counted = Trap::Characters { max: 2, blanks_count: true };
        assert_eq!(text(&mut out, "éé", counted), Ok(()));
        assert_eq!(text(&mut out, "éé ", counted), Err(Unfit::Long));
        assert_eq!(text(&mut out, "éé ", Trap::Characters { max: 2, blanks_count: false }), Ok(()));
        assert_eq!(text(&mut out, "é", Trap::Bytes { max: 1 }), Err(Unfit::Long));
        assert_eq!(stepped(1_500, Trap::Step { micros: 1_000 }), Err(Unfit::Fraction));
    }

    #[test]
    fn a_numeric_keeps_its_digits_or_is_refused() {
        for (number, places, keeps) in [
            ("1.50", 1, true),
            ("1.55", 1, false),
            ("-1200", -2, true),
            ("1250", -2, false),
            ("1.5e3", -2, true),
            ("1.25e1", 0, false),
            ("0.000", -5, true),
            ("NaN", 0, true),
            ("-Infinity", 0, true),
        ] {
            assert_eq!(keeps_digits(number, places), keeps, "{number} {places}");
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back(whole in any::<i64>(), wide in any::<u64>(), double in any::<f64>(), single in any::<f32>()) {
            prop_assert_eq!(written(|out| integer(out, whole)), whole.to_string());
            prop_assert_eq!(written(|out| unsigned(out, wide)), wide.to_string());
            let back: f64 = written(|out| float(out, double)).parse().unwrap();
            prop_assert!(back.to_bits() == double.to_bits() || double.is_nan() && back.is_nan());
            let back: f32 = written(|out| float(out, single)).parse().unwrap();
            prop_assert!(back.to_bits() == single.to_bits() || single.is_nan() && back.is_nan());
        }
    }
}
