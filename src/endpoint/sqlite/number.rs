//! Decimal numbers against SQLite's doubles: exactly, or not at all.
//!
//! The one idea: up to 15 digits every decimal has a double of its own, so `unscaled / 10^scale`, which IEEE 754 rounds
//! correctly, is that double, and it names no other decimal of 15 digits.

use std::fmt::Write;

const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The double of a decimal of at most 15 digits.
pub(super) fn real_of_decimal(unscaled: i128, scale: u32) -> Option<f64> {
    let power = POWERS.get(scale as usize)?;
    (unscaled.unsigned_abs() < 10u128.pow(15)).then(|| unscaled as f64 / power)
}

/// The double of a text of at most 15 digits and a point among them; `None` of any other, and of a negative nothing.
pub(super) fn real_of_plain(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.')?;
    if whole.is_empty() || fraction.is_empty() || digits.len() > 16 {
        return None;
    }
    let mut unscaled: u64 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        unscaled = unscaled * 10 + u64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    let real = unscaled as f64 / POWERS.get(fraction.len())?;
    match digits.len() == text.len() {
        true => Some(real),
        false => (unscaled > 0).then_some(-real),
    }
}

pub(super) fn decimal_of_real(real: f64, precision: u8, scale: u32) -> Option<i128> {
    let scaled = (real * POWERS.get(scale as usize)?).round();
    if scaled.abs() >= 1e15 || !scaled.is_finite() {
        return None;
    }
    let unscaled = scaled as i128;
    (real_of_decimal(unscaled, scale) == Some(real)).then_some(unscaled).and_then(|unscaled| fits(unscaled, precision))
}

pub(super) fn decimal_of_integer(integer: i64, precision: u8, scale: u32) -> Option<i128> {
    i128::from(integer).checked_mul(10i128.checked_pow(scale)?).and_then(|unscaled| fits(unscaled, precision))
}

pub(super) fn decimal_of_text(text: &str, precision: u8, scale: u32) -> Option<i128> {
    if !is_decimal(text) {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = (scale as usize).checked_sub(fraction.len())?;
    fits(format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()?, precision)
}

fn fits(unscaled: i128, precision: u8) -> Option<i128> {
    (unscaled.unsigned_abs() < 10u128.pow(u32::from(precision))).then_some(unscaled)
}

/// Digits with at most a sign and a point, and no exponent.
pub(super) fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all(whole) && all(fraction)
}

/// The shortest decimal that reads back as this double, without an exponent.
pub(super) fn plain(real: f64) -> String {
    format!("{real}")
}

/// Appends a double as `{:?}` does, where it is a common one of at most two decimals; false, and nothing, where it is
/// not. What has that many digits is the shortest decimal of its double, being the only one that short.
pub(super) fn push_cents(real: f64, out: &mut impl Write) -> bool {
    let cents = (real * 100.0).round();
    if !(1.0..1e13).contains(&cents) || cents / 100.0 != real {
        return false;
    }
    let cents = cents as u64;
    let mut text = [b'0'; 20];
    let mut start = text.len() - 3;
    text[start] = b'.';
    text[start + 1] += (cents / 10 % 10) as u8;
    text[start + 2] += (cents % 10) as u8;
    let mut whole = cents / 100;
    while whole > 0 || start == text.len() - 3 {
        start -= 1;
        text[start] += (whole % 10) as u8;
        whole /= 10;
    }
    let end = text.len() - usize::from(cents.is_multiple_of(10));
    out.write_str(std::str::from_utf8(&text[start..end]).unwrap_or_default()).is_ok()
}

/// Whether `text`, put into a column with a numeric affinity, would read back as this very text. SQLite turns what
/// looks like a number into one: `007` into 7, `1.0` into 1.
pub(super) fn text_survives(text: &str) -> bool {
    match sqlite_number(text) {
        None => true,
        Some(Number::Integer(integer)) => integer.to_string() == text,
        // With more digits SQLite may find another double than we do.
        Some(Number::Real(_)) if text.len() > 16 => false,
        Some(Number::Real(real)) => format!("{real:?}") == text && real.fract() != 0.0,
    }
}

/// The number that `text` says, if SQLite can hold exactly that.
pub(super) fn exact_number(text: &str) -> Option<Number> {
    match sqlite_number(text)? {
        Number::Real(real) if !real.is_finite() || normal(&plain(real)) != normal(text) => None,
        number => Some(number),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer(i64),
    Real(f64),
}

fn sqlite_number(text: &str) -> Option<Number> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    if !trimmed.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    match trimmed.parse() {
        Ok(integer) => Some(Number::Integer(integer)),
        Err(_) => trimmed.parse().ok().map(Number::Real),
    }
}

/// Without sign of plus, leading zeros, or zeros that end a fraction.
fn normal(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    format!("{sign}{}.{}", whole.trim_start_matches('0'), fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_double_is_a_decimal_only_if_it_is_that_decimal() {
        assert_eq!(decimal_of_real(0.99, 10, 2), Some(99));
        assert_eq!(decimal_of_real(-13.86, 10, 2), Some(-1386));
        assert_eq!(decimal_of_real(0.1 + 0.2, 10, 2), None);
        assert_eq!(decimal_of_real(0.999, 10, 2), None);
        assert_eq!(decimal_of_real(100_000_000.0, 10, 2), None);
        assert_eq!(decimal_of_real(f64::INFINITY, 10, 2), None);
        assert_eq!(decimal_of_real(f64::NAN, 10, 2), None);
        assert_eq!(decimal_of_integer(99_999_999, 10, 2), Some(9_999_999_900));
        assert_eq!(decimal_of_integer(100_000_000, 10, 2), None);
        assert_eq!(decimal_of_text("-1.50", 10, 2), Some(-150));
        assert_eq!(decimal_of_text("1.505", 10, 2), None);
        assert_eq!(decimal_of_text("1e2", 10, 2), None);
    }

    #[test]
    fn text_that_sqlite_would_turn_into_a_number_is_known() {
        for text in ["abc", "", "2024-06-12", "1-2", "42", "-7", "1.5", "{\"a\":1}", "0x1F"] {
            assert!(text_survives(text), "{text}");
        }
        for text in ["007", "1.0", "1e5", " 1", "+1", "-0", ".5", "1.50", "99999999999999999999", "0.12345678901234567"]
        {
            assert!(!text_survives(text), "{text}");
        }
        for text in ["1.50", "-007", "0.1", "9007199254740993"] {
            assert!(exact_number(text).is_some(), "{text}");
        }
        for text in ["0.1234567890123456789", "18446744073709551615", "abc", "1e999"] {
            assert!(exact_number(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_text_says_the_double_that_it_is_read_as(text in "-?[0-9]{0,9}\\.?[0-9]{0,9}(e5)?") {
            if let Some(real) = real_of_plain(&text) {
                prop_assert_eq!(Some(real.to_bits()), text.parse::<f64>().ok().map(f64::to_bits));
            }
        }

        #[test]
        fn a_text_of_15_digits_is_plain(whole in 0u64..10_000_000, fraction in 0u64..100_000_000) {
            let text = format!("{whole}.{fraction:08}");
            prop_assert!(real_of_plain(&text).is_some());
        }
    }

    proptest! {
        #[test]
        fn cents_are_shown_as_any_double_is(cents in 0u64..=20_000_000_000_000, factor in 1.0f64..1.000_000_1) {
            for real in [cents as f64 / 100.0, cents as f64 / 10_000.0, cents as f64, cents as f64 / 100.0 * factor] {
                let mut text = String::new();
                let pushed = push_cents(real, &mut text);
                prop_assert_eq!(text, if pushed { format!("{real:?}") } else { String::new() });
            }
        }

        #[test]
        fn fifteen_digits_survive_a_double(unscaled in -999_999_999_999_999i128..=999_999_999_999_999, scale in 0u32..=15) {
            let real = real_of_decimal(unscaled, scale).unwrap();
            prop_assert_eq!(decimal_of_real(real, 15, scale), Some(unscaled));
        }
    }
}
