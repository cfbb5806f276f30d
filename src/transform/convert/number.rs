//! Decimal numbers in text, without a digit lost.

use datafusion::arrow::datatypes::i256;

/// Exponents beyond this are refused before anything is written out.
const MOST_EXPONENT: i32 = 1000;

/// `[+-]digits[.digits][e[+-]digits]`, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    exponent: i32,
}

/// Why a number is no value of a decimal type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Non-zero digits behind the scale.
    Fraction,
    /// More digits than the precision.
    Size,
}

impl<'t> Number<'t> {
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let any = !whole.is_empty() || !fraction.is_empty();
        (any && digits(whole) && digits(fraction)).then_some(Self { negative, whole, fraction, exponent })
    }

    /// The value times ten to the `scale`, with at most `precision` digits.
    pub(super) fn unscaled(&self, precision: u8, scale: i8) -> Result<i256, Misfit> {
        let mut digits = [self.whole, self.fraction].concat();
        let behind = i64::try_from(self.fraction.len()).map_err(|_| Misfit::Size)?;
        let shift = i64::from(scale) - behind + i64::from(self.exponent);
        if digits.bytes().all(|digit| digit == b'0') {
            return Ok(i256::ZERO);
        }
        if shift < 0 {
            let kept = digits.len().saturating_sub(usize::try_from(-shift).unwrap_or(usize::MAX));
            if digits.bytes().skip(kept).any(|digit| digit != b'0') {
                return Err(Misfit::Fraction);
            }
            digits.truncate(kept);
        } else {
            digits.extend(std::iter::repeat_n('0', usize::try_from(shift).unwrap_or(0)));
        }
        let significant = digits.trim_start_matches('0');
        if significant.len() > usize::from(precision) {
            return Err(Misfit::Size);
        }
        signed(significant, self.negative)
    }

    /// Digits without sign `+`, exponent or needless zeros in front; zeros behind the point stay as they were written.
    pub(super) fn plain(&self) -> String {
        let (whole, fraction) = self.shifted();
        let whole = whole.trim_start_matches('0');
        let zero = whole.is_empty() && fraction.bytes().all(|digit| digit == b'0');
        let sign = if self.negative && !zero { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }

    /// The digits in front of and behind the point once the exponent has moved it.
    fn shifted(&self) -> (String, String) {
        let (mut whole, mut fraction) = (self.whole.to_owned(), self.fraction.to_owned());
        let places = usize::try_from(self.exponent.unsigned_abs()).unwrap_or(0);
        if self.exponent > 0 {
            fraction.extend(std::iter::repeat_n('0', places.saturating_sub(fraction.len())));
            let behind = fraction.split_off(places);
            whole.push_str(&fraction);
            fraction = behind;
        } else {
            let zeros = "0".repeat(places.saturating_sub(whole.len()));
            let front = whole.len().saturating_sub(places);
            fraction = [zeros.as_str(), &whole[front..], &fraction].concat();
            whole.truncate(front);
        }
        (whole, fraction)
    }
}

fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().filter(|exponent: &i32| exponent.abs() <= MOST_EXPONENT)
}

fn signed(digits: &str, negative: bool) -> Result<i256, Misfit> {
    let value = match digits.parse::<i128>() {
        _ if digits.is_empty() => i256::ZERO,
        Ok(value) => i256::from_i128(value),
        Err(_) => i256::from_string(digits).ok_or(Misfit::Size)?,
    };
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// Ten to the power of `exponent`, up to 76.
pub(super) fn power_of_ten(exponent: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(exponent)
}
