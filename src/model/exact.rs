//! Numbers with a point, exact: read from text, taken from each other, held against a limit.
//!
//! One idea: what does not fit is not rounded, it is no number here.

use std::fmt;

use datafusion::arrow::datatypes::i256;

/// Digits that are read at most; products of two such still fit.
const DIGITS: usize = 36;

/// `units / 10^scale`, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    units: i256,
    scale: u32,
}

impl Exact {
    pub const ZERO: Self = Self { units: i256::ZERO, scale: 0 };

    pub fn is_zero(self) -> bool {
        self.units == i256::ZERO
    }

    /// `-12.50`, `7`, `1.5e3`; `None` for what is no number or has more digits than are told apart.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        let digits = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let mut all = all.trim_start_matches('0').to_owned();
        if scale < 0 {
            let more = usize::try_from(-scale).ok().filter(|more| *more <= DIGITS)?;
            all.push_str(&"0".repeat(more));
        }
        let scale = u32::try_from(scale.max(0)).ok()?;
        if all.len() > DIGITS || scale as usize > DIGITS {
            return None;
        }
        let units = if all.is_empty() { i256::ZERO } else { i256::from_string(&all)? };
        let units = if mantissa.starts_with('-') { units.checked_neg()? } else { units };
        Some(Self { units, scale })
    }

    /// How far the two are apart, never below nothing.
    pub fn apart(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.beside(other)?;
        Some(Self { units: left.checked_sub(right)?.checked_abs()?, scale })
    }

    pub fn is_at_most(self, limit: Self) -> Option<bool> {
        let (own, limit, _) = self.beside(limit)?;
        Some(own <= limit)
    }

    /// So many percent of it, whatever its sign.
    pub fn percent(self, percent: Self) -> Option<Self> {
        let units = self.units.checked_mul(percent.units)?.checked_abs()?;
        Some(Self { units, scale: self.scale + percent.scale + 2 })
    }

    pub fn is_negative(self) -> bool {
        self.units.is_negative()
    }

    /// Both in units of the same size.
    fn beside(self, other: Self) -> Option<(i256, i256, u32)> {
        let scale = self.scale.max(other.scale);
        let scaled = |exact: Self| {
            let factor = i256::from_i128(10).checked_pow(scale - exact.scale)?;
            exact.units.checked_mul(factor)
        };
        Some((scaled(self)?, scaled(other)?, scale))
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.units.wrapping_abs().to_string(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.is_negative() { "-" } else { "" };
        match fraction.is_empty() {
            true => write!(f, "{sign}{whole}"),
            false => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_read_as_they_are_written() {
        for (text, shown) in [
            ("0", "0"),
            ("-12.50", "-12.50"),
            ("+7", "7"),
            (" 0.001 ", "0.001"),
            ("1.5e3", "1500"),
            ("1.5E-3", "0.0015"),
            ("-.5", "-0.5"),
            ("00012", "12"),
            ("123456789012345678901234567890.123456", "123456789012345678901234567890.123456"),
        ] {
            assert_eq!(exact(text).to_string(), shown, "{text}");
        }
        for text in ["", "-", ".", "1,5", "0x1", "NaN", "Infinity", "1e", "1e999", &"9".repeat(40)] {
            assert_eq!(Exact::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_difference_is_exact_where_floats_are_not() {
        assert_eq!(exact("0.3").apart(exact("0.1")).map(|apart| apart.to_string()).as_deref(), Some("0.2"));
        assert_eq!(exact("-1").apart(exact("1.00")).map(|apart| apart.to_string()).as_deref(), Some("2.00"));
        assert_eq!(exact("0.10").is_at_most(exact("0.1")), Some(true));
        assert_eq!(exact("0.1000000000000000000001").is_at_most(exact("0.1")), Some(false));
        assert_eq!(exact("-200").percent(exact("0.5")).map(|part| part.to_string()).as_deref(), Some("1.000"));
        let wide = exact("99999999999999999999999999999999.9999");
        assert_eq!(wide.percent(exact("99.999")).and_then(|part| wide.is_at_most(part)), Some(false));
    }
}
