//! The server's binary numeric.
//!
//! Pure. One idea: its base-10000 digits run to the last digit that is not zero, so only the last group can hold digits
//! behind the declared scale, and only zeros there.

use datafusion::arrow::datatypes::i256;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;
/// The most digits behind the point.
const MAX_SCALE: u16 = 0x3FFF;

/// Why a numeric is no decimal of the declared scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// `NaN`, `Infinity` or `-Infinity`.
    Special(&'static str),
    /// More digits than declared; the text is the number.
    Digits(String),
    /// Not a numeric at all.
    Format,
}

/// An integer that digits are gathered in.
pub(super) trait Unscaled: Sized + Copy {
    const ZERO: Self;
    fn times_plus(self, factor: i64, digit: i64) -> Option<Self>;
    fn negated(self) -> Self;
}

impl Unscaled for i128 {
    const ZERO: Self = 0;

    fn times_plus(self, factor: i64, digit: i64) -> Option<Self> {
        self.checked_mul(i128::from(factor))?.checked_add(i128::from(digit))
    }

    fn negated(self) -> Self {
        -self
    }
}

impl Unscaled for i256 {
    const ZERO: Self = i256::ZERO;

    fn times_plus(self, factor: i64, digit: i64) -> Option<Self> {
        self.checked_mul(i256::from_i128(factor.into()))?.checked_add(i256::from_i128(digit.into()))
    }

    fn negated(self) -> Self {
        self.wrapping_neg()
    }
}

struct Header<'b> {
    weight: i32,
    sign: u16,
    scale: usize,
    digits: &'b [u8],
}

impl<'b> Header<'b> {
    fn read(bytes: &'b [u8]) -> Option<Self> {
        let (head, digits) = bytes.split_at_checked(8)?;
        let word = |place: usize| Some(u16::from_be_bytes([*head.get(place)?, *head.get(place + 1)?]));
        let whole = digits.len() == 2 * usize::from(word(0)?);
        let weight = i32::from(word(2)? as i16);
        whole.then_some(Self { weight, sign: word(4)?, scale: usize::from(word(6)?), digits })
    }

    fn digits(&self) -> impl Iterator<Item = i64> + '_ {
        self.digits.chunks_exact(2).map(|pair| i64::from(u16::from_be_bytes([pair[0], pair[1]])))
    }
}

/// The number as an integer of `10^-scale`.
pub(super) fn unscaled<N: Unscaled>(bytes: &[u8], scale: i8) -> Result<N, Misfit> {
    let header = Header::read(bytes).ok_or(Misfit::Format)?;
    match header.sign {
        NAN => return Err(Misfit::Special("NaN")),
        INFINITY => return Err(Misfit::Special("Infinity")),
        MINUS_INFINITY => return Err(Misfit::Special("-Infinity")),
        _ => {}
    }
    let gathered = gather::<N>(&header, i32::from(scale)).ok_or_else(|| Misfit::Digits(text(&header)))?;
    Ok(if header.sign == NEGATIVE { gathered.negated() } else { gathered })
}

fn gather<N: Unscaled>(header: &Header<'_>, scale: i32) -> Option<N> {
    let mut sum = N::ZERO;
    let mut exponent = 4 * (header.weight + 1) + scale;
    for digit in header.digits() {
        exponent -= 4;
        sum = match exponent {
            0.. => sum.times_plus(10_000, digit)?,
            -3..=-1 => {
                let dropped = 10_i64.pow(exponent.unsigned_abs());
                if digit % dropped != 0 {
                    return None;
                }
                sum.times_plus(10_000 / dropped, digit / dropped)?
            }
            _ if digit == 0 => sum,
            _ => return None,
        };
    }
    for _ in 0..exponent.max(0) {
        sum = sum.times_plus(10, 0)?;
    }
    Some(sum)
}

fn text(header: &Header<'_>) -> String {
    let mut digits = header.digits();
    let mut text = String::from(if header.sign == NEGATIVE { "-" } else { "" });
    let whole: String = (0..=header.weight).map(|_| format!("{:04}", digits.next().unwrap_or(0))).collect();
    let trimmed = whole.trim_start_matches('0');
    text.push_str(if trimmed.is_empty() { "0" } else { trimmed });
    let leading = usize::try_from(-1 - header.weight).unwrap_or(0);
    let mut fraction = "0000".repeat(leading);
    fraction.extend(digits.map(|digit| format!("{digit:04}")));
    if header.scale > 0 {
        text.push('.');
        text.extend(fraction.chars().chain(std::iter::repeat('0')).take(header.scale));
    }
    text
}

/// Appends what is no number; `None` where the text names no such thing.
pub(super) fn push_special(out: &mut Vec<u8>, name: &str) -> Option<()> {
    let sign = match name {
        "NaN" => NAN,
        "Infinity" => INFINITY,
        "-Infinity" => MINUS_INFINITY,
        _ => return None,
    };
    push_words(out, [0, 0, sign, 0]);
    Some(())
}

fn push_words<const N: usize>(out: &mut Vec<u8>, words: [u16; N]) {
    words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
}

/// Appends an integer of `10^-scale`; `None` where it has more digits than the server counts.
pub(super) fn push(out: &mut Vec<u8>, number: i128, scale: u8) -> Option<()> {
    let pad = (4 - scale % 4) % 4;
    let aligned = number.unsigned_abs().checked_mul(10_u128.pow(pad.into()));
    let Some(mut rest) = aligned else {
        let mut text = Vec::new();
        super::write::decimal(&mut text, number, scale.into());
        return push_text(out, &text);
    };
    let mut groups = [0_u16; 12];
    let (mut count, mut zeros) = (0, 0);
    while rest > 0 {
        let (next, group) = match u64::try_from(rest) {
            Ok(small) => (u128::from(small / 10_000), (small % 10_000) as u16),
            Err(_) => (rest / 10_000, (rest % 10_000) as u16),
        };
        rest = next;
        match group {
            0 if count == 0 => zeros += 1,
            group => {
                groups[count] = group;
                count += 1;
            }
        }
    }
    let weight = if count == 0 { 0 } else { (count + zeros) as i16 - 1 - i16::from((scale + pad) / 4) };
    let sign = if number < 0 { NEGATIVE } else { 0 };
    push_words(out, [count as u16, weight.cast_unsigned(), sign, scale.into()]);
    groups[..count].iter().rev().for_each(|group| out.extend_from_slice(&group.to_be_bytes()));
    Some(())
}

/// Appends a number given as text; `None` where it is none, or one beyond what the server counts.
pub(super) fn push_text(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    if std::str::from_utf8(text).is_ok_and(|name| push_special(out, name).is_some()) {
        return Some(());
    }
    let (sign, unsigned) = match text {
        [b'-', rest @ ..] => (NEGATIVE, rest),
        [b'+', rest @ ..] => (0, rest),
        _ => (0, text),
    };
    let (whole, fraction) = match unsigned.iter().position(|byte| *byte == b'.') {
        Some(point) => (&unsigned[..point], &unsigned[point + 1..]),
        None => (unsigned, &[][..]),
    };
    let scale = u16::try_from(fraction.len()).ok().filter(|scale| *scale <= MAX_SCALE)?;
    let digits = whole.len() + fraction.len();
    if digits == 0 || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return None;
    }
    // Zeros before the first digit that fill its group.
    let lead = (4 - whole.len() % 4) % 4;
    let mut padded = vec![b'0'; lead];
    padded.extend_from_slice(whole);
    padded.extend_from_slice(fraction);
    padded.resize(padded.len().next_multiple_of(4), b'0');
    let group = |four: &[u8]| four.iter().fold(0_u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let groups: Vec<u16> = padded.chunks_exact(4).map(group).collect();
    let first = groups.iter().position(|group| *group != 0);
    let last = groups.iter().rposition(|group| *group != 0);
    let (Some(first), Some(last)) = (first, last) else {
        push_words(out, [0, 0, 0, scale]);
        return Some(());
    };
    let weight = i16::try_from(((lead + whole.len()) / 4) as i64 - 1 - first as i64).ok()?;
    let count = u16::try_from(last + 1 - first).ok()?;
    push_words(out, [count, weight.cast_unsigned(), sign, scale]);
    groups[first..=last].iter().for_each(|group| out.extend_from_slice(&group.to_be_bytes()));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_read_back(number in any::<i128>(), scale in 0_u8..=38) {
            let number = number % 10_i128.pow(38);
            let mut wire = Vec::new();
            prop_assert_eq!(push(&mut wire, number, scale), Some(()));
            prop_assert_eq!(unscaled::<i128>(&wire, scale as i8), Ok(number));
            let mut written = Vec::new();
            super::super::write::decimal(&mut written, number, scale.into());
            let mut again = Vec::new();
            prop_assert_eq!(push_text(&mut again, &written), Some(()));
            prop_assert_eq!(again, wire);
        }
    }

    #[test]
    fn what_is_no_plain_number_is_left_to_the_server() {
        for text in ["", ".", "-", "1e5", " 1", "1_000", "0x10", "1.2.3", "inf"] {
            assert_eq!(push_text(&mut Vec::new(), text.as_bytes()), None, "{text}");
        }
    }

    fn wire(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
        let words = [digits.len() as u16, weight as u16, sign, scale];
        words.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn digits_become_integers_of_the_scale() {
        assert_eq!(unscaled::<i128>(&wire(0, 0, 2, &[12, 3400]), 2), Ok(1234));
        assert_eq!(unscaled::<i128>(&wire(0, NEGATIVE, 2, &[12, 3400]), 4), Ok(-123_400));
        assert_eq!(unscaled::<i128>(&wire(-2, 0, 7, &[1230]), 7), Ok(123));
        assert_eq!(unscaled::<i128>(&wire(2, 0, 0, &[1]), 1), Ok(1_000_000_000));
        assert_eq!(unscaled::<i128>(&wire(0, 0, 0, &[]), 5), Ok(0));
        assert_eq!(unscaled::<i256>(&wire(1, NEGATIVE, 0, &[9, 1]), 1), Ok(i256::from_i128(-900_010)));
    }

    #[test]
    fn what_is_no_such_decimal_says_what_it_is() {
        assert_eq!(unscaled::<i128>(&wire(0, NAN, 0, &[]), 2), Err(Misfit::Special("NaN")));
        assert_eq!(unscaled::<i128>(&wire(0, MINUS_INFINITY, 0, &[]), 2), Err(Misfit::Special("-Infinity")));
        assert_eq!(unscaled::<i128>(&wire(0, NEGATIVE, 3, &[12, 3450]), 2), Err(Misfit::Digits("-12.345".into())));
        assert_eq!(unscaled::<i128>(&wire(-1, 0, 4, &[5]), 2), Err(Misfit::Digits("0.0005".into())));
        assert_eq!(unscaled::<i128>(&[0, 1], 2), Err(Misfit::Format));
    }
}
