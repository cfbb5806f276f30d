//! Days, moments and times of day as they travel, and the texts that they are.
//!
//! Pure. One idea: systems hold what no calendar has. PostgreSQL knows a day at the end of time, MySQL the 0th of May and
//! a time of 838 hours. Arrow's integers have room far beyond every calendar, so such values travel there, and whoever
//! makes text of a value, or a value of text, comes here. A destination that cannot hold one refuses it.

/// Microseconds.
pub const DAY: i64 = 86_400_000_000;

/// Where days that no calendar has begin: below every day that any system can name.
const ODD_DAYS: i32 = -2_000_000_000;
/// Year 9999, month 12, day 31, and all before.
const ODD_COUNT: i32 = 10_000 * 13 * 32;

/// Moments behind the last that 64 bits count from 1970, as they wrap around: PostgreSQL counts from 2000.
const WRAPPED: i64 = i64::MIN + 1_000_000_000_000_000;
/// Where moments of [`ODD_DAYS`] begin.
const ODD_MOMENTS: i64 = WRAPPED + DAY;

/// What a number of days means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    Infinity,
    MinusInfinity,
    /// Since 1970, in the Gregorian calendar continued both ways.
    Common(i64),
    /// On no calendar.
    Odd(OddDay),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OddDay {
    pub year: u32,
    pub month: u32,
    pub day: u32,
}

/// What a number of microseconds means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Infinity,
    MinusInfinity,
    /// The day since 1970, and the microseconds of that day.
    Common(i64, i64),
    Odd(OddDay, i64),
}

impl OddDay {
    /// `None` for what no system holds as a date.
    pub fn new(year: u32, month: u32, day: u32) -> Option<Self> {
        (year <= 9999 && month <= 12 && day <= 31).then_some(Self { year, month, day })
    }

    fn number(self) -> i32 {
        ((self.year * 13 + self.month) * 32 + self.day).cast_signed()
    }

    fn of(number: i32) -> Option<Self> {
        let number = u32::try_from(number).ok().filter(|_| number < ODD_COUNT)?;
        Some(Self { year: number / 32 / 13, month: number / 32 % 13, day: number % 32 })
    }

    pub fn days(self) -> i32 {
        ODD_DAYS + self.number()
    }

    pub fn moment(self, micros: i64) -> i64 {
        ODD_MOMENTS + i64::from(self.number()) * DAY + micros
    }
}

impl Day {
    pub fn of(days: i32) -> Self {
        match days {
            i32::MAX => Self::Infinity,
            i32::MIN => Self::MinusInfinity,
            _ => match OddDay::of(days.wrapping_sub(ODD_DAYS)) {
                Some(odd) if days < 0 => Self::Odd(odd),
                _ => Self::Common(days.into()),
            },
        }
    }

    /// The moment at which the day begins; `None` beyond what moments are counted in.
    pub fn midnight(self) -> Option<i64> {
        match self {
            Self::Infinity => Some(i64::MAX),
            Self::MinusInfinity => Some(i64::MIN),
            Self::Odd(odd) => Some(odd.moment(0)),
            Self::Common(days) => days.checked_mul(DAY).filter(|micros| *micros > WRAPPED),
        }
    }
}

impl Moment {
    pub fn of(micros: i64) -> Self {
        let common = |micros: i128| {
            let day = i128::from(DAY);
            // A day of 128 bits of microseconds fits into 64 bits by far.
            Self::Common(micros.div_euclid(day) as i64, micros.rem_euclid(day) as i64)
        };
        match micros {
            i64::MAX => Self::Infinity,
            i64::MIN => Self::MinusInfinity,
            _ if micros < WRAPPED => common(i128::from(micros) + (1 << 64)),
            _ => {
                match micros.checked_sub(ODD_MOMENTS).filter(|since| (0..i64::from(ODD_COUNT) * DAY).contains(since)) {
                    Some(since) => match OddDay::of((since / DAY) as i32) {
                        Some(odd) => Self::Odd(odd, since % DAY),
                        None => common(micros.into()),
                    },
                    None => common(micros.into()),
                }
            }
        }
    }

    /// The day it is on; `None` for one that no number of days names.
    pub fn day(self) -> Option<i32> {
        match self {
            Self::Infinity => Some(i32::MAX),
            Self::MinusInfinity => Some(i32::MIN),
            Self::Odd(odd, _) => Some(odd.days()),
            Self::Common(days, _) => i32::try_from(days).ok(),
        }
    }
}

/// A moment counted from 1970 by whoever counts from elsewhere; `None` where that takes more than wrapping once.
pub fn wrapped(micros: i64, shift: i64) -> Option<i64> {
    match micros.checked_add(shift) {
        Some(i64::MIN | i64::MAX) => None,
        Some(micros) => Some(micros),
        None => Some(micros.wrapping_add(shift)).filter(|micros| (i64::MIN + 1..WRAPPED).contains(micros)),
    }
}

/// Whether the day can be computed with.
pub fn is_common_day(days: i32) -> bool {
    (-90_000_000..=90_000_000).contains(&days)
}

/// Whether the moment can be computed with.
pub fn is_common_moment(micros: i64) -> bool {
    (-8_000_000_000_000_000_000..=8_000_000_000_000_000_000).contains(&micros)
}

/// Year, month and day of a day counted from 1970-01-01; year 0 is 1 BC.
pub fn civil(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u8, day as u8)
}

/// The inverse of [`civil`]; `None` for a day that its month does not have.
pub fn days_of(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let shifted = if month <= 2 { year - 1 } else { year };
    let month_from_march = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let year_of_era = shifted.rem_euclid(400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = shifted.div_euclid(400) * 146_097 + day_of_era - 719_468;
    (1..=length).contains(&day).then_some(days)
}

/// Appends `2024-02-29`; years beyond four digits have a sign.
pub fn push_date(days: i32, out: &mut String) {
    push_day(Day::of(days), out);
}

fn push_day(day: Day, out: &mut String) {
    let (year, month, day) = match day {
        Day::Infinity => return out.push_str("infinity"),
        Day::MinusInfinity => return out.push_str("-infinity"),
        Day::Odd(odd) => (odd.year.into(), odd.month, odd.day),
        Day::Common(days) => {
            let (year, month, day) = civil(days);
            (year, month.into(), day.into())
        }
    };
    match year {
        0..=9999 => {}
        10_000.. => out.push('+'),
        _ => out.push('-'),
    }
    push_digits(year.unsigned_abs(), 4, out);
    let ([m1, m2], [d1, d2]) = (two_digits(month), two_digits(day));
    push_ascii(&[b'-', m1, m2, b'-', d1, d2], out);
}

/// Appends `23:59:59.999999`; the fraction has 0, 3 or 6 digits. Times beyond a day have more hours, and may have a sign.
pub fn push_time(micros: i64, out: &mut String) {
    if micros < 0 {
        out.push('-');
    }
    let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    push_digits(seconds / 3600, 2, out);
    let ([m1, m2], [s1, s2]) = (two_digits((seconds / 60 % 60) as u32), two_digits((seconds % 60) as u32));
    push_ascii(&[b':', m1, m2, b':', s1, s2], out);
    if fraction > 0 {
        out.push('.');
        if fraction % 1000 == 0 { push_digits(fraction / 1000, 3, out) } else { push_digits(fraction, 6, out) }
    }
}

/// Appends date and time with `between` them and `zone` behind, which infinity does not have.
pub fn push_moment(micros: i64, between: char, zone: &str, out: &mut String) {
    let (day, time) = match Moment::of(micros) {
        Moment::Infinity => return push_day(Day::Infinity, out),
        Moment::MinusInfinity => return push_day(Day::MinusInfinity, out),
        Moment::Common(days, time) => (Day::Common(days), time),
        Moment::Odd(odd, time) => (Day::Odd(odd), time),
    };
    push_day(day, out);
    out.push(between);
    push_time(time, out);
    out.push_str(zone);
}

/// Formatting takes a good part of a bulk load, so this goes without the format machinery.
fn push_digits(number: u64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut start) = (number, digits.len());
    while rest > 0 || digits.len() - start < width {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    push_ascii(&digits[start..], out);
}

fn two_digits(number: u32) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

/// At once: one character at a time is slow.
fn push_ascii(ascii: &[u8], out: &mut String) {
    out.push_str(std::str::from_utf8(ascii).unwrap_or_default());
}

/// Why a text is no date, time or moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misread {
    Form,
    /// It says more than microseconds.
    Finer,
}

/// A date at the head of a text, and what follows. A month or day of 0 is read, a day that its month lacks is not.
pub fn read_date(text: &str) -> Result<(i32, &str), Misread> {
    match year_month_day(text) {
        Some(((year, month, day), rest)) => Ok((plain_days(year, month, day).ok_or(Misread::Form)?, rest)),
        None => read_rare_date(text),
    }
}

/// The numbers of a date as nearly all are written, in four digits, two and two, and what follows.
pub fn year_month_day(text: &str) -> Option<((u32, u32, u32), &str)> {
    let (date, rest) = text.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        let digit = |digit: &u8| digit.checked_sub(b'0').filter(|digit| *digit < 10).map(u32::from);
        digits.iter().try_fold(0, |number, next| Some(number * 10 + digit(next)?))
    };
    Some(((number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?), rest))
}

fn plain_days(year: u32, month: u32, day: u32) -> Option<i32> {
    if month == 0 || day == 0 {
        return OddDay::new(year, month, day).map(OddDay::days);
    }
    days_of(year.into(), month, day).and_then(|days| i32::try_from(days).ok())
}

/// What has a sign, more digits, or no end.
fn read_rare_date(text: &str) -> Result<(i32, &str), Misread> {
    for (word, days) in [("infinity", i32::MAX), ("-infinity", i32::MIN)] {
        if let Some(rest) = text.strip_prefix(word) {
            return Ok((days, rest));
        }
    }
    let signed = text.strip_prefix(['-', '+']);
    let unsigned = signed.ok_or(Misread::Form)?;
    let width = unsigned.bytes().take_while(u8::is_ascii_digit).count().clamp(4, 7);
    let (year, rest) = digits(unsigned, width)?;
    let (month, rest) = digits(rest.strip_prefix('-').ok_or(Misread::Form)?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-').ok_or(Misread::Form)?, 2)?;
    let year = if text.starts_with('-') { -i64::from(year) } else { i64::from(year) };
    let days = days_of(year, month, day).and_then(|days| i32::try_from(days).ok());
    Ok((days.ok_or(Misread::Form)?, rest))
}

/// `[-]14:30[:22[.123456]]` at the head of a text, and what follows; hours may have three digits.
pub fn read_time(text: &str) -> Result<(i64, &str), Misread> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let width = unsigned.bytes().take_while(u8::is_ascii_digit).count().clamp(2, 3);
    let (hours, rest) = digits(unsigned, width)?;
    let (minutes, rest) = digits(rest.strip_prefix(':').ok_or(Misread::Form)?, 2)?;
    let (seconds, micros, rest) = match rest.strip_prefix(':') {
        Some(rest) => read_seconds(rest)?,
        None => (0, 0, rest),
    };
    if minutes > 59 || seconds > 59 {
        return Err(Misread::Form);
    }
    let whole = (i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
    let micros = whole * 1_000_000 + micros;
    Ok((if unsigned.len() < text.len() { -micros } else { micros }, rest))
}

fn read_seconds(text: &str) -> Result<(u32, i64, &str), Misread> {
    let (seconds, rest) = digits(text, 2)?;
    let Some(rest) = rest.strip_prefix('.') else { return Ok((seconds, 0, rest)) };
    let width = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = rest.split_at(width);
    if width == 0 {
        return Err(Misread::Form);
    }
    if fraction.bytes().skip(6).any(|digit| digit != b'0') {
        return Err(Misread::Finer);
    }
    let digit = |place| fraction.as_bytes().get(place).map_or(0, |digit| i64::from(digit - b'0'));
    Ok((seconds, (0..6).fold(0, |micros, place| micros * 10 + digit(place)), rest))
}

/// A whole text as the microseconds since 1970 that it shows, and how many its zone is ahead of UTC, if it names one.
pub fn read_moment(text: &str) -> Result<(i64, Option<i64>), Misread> {
    let (days, rest) = read_date(text)?;
    let day = Day::of(days);
    if rest.is_empty() {
        return Ok((day.midnight().ok_or(Misread::Form)?, None));
    }
    let (time, rest) = read_time(rest.strip_prefix([' ', 'T', 't']).ok_or(Misread::Form)?)?;
    if !(0..DAY).contains(&time) {
        return Err(Misread::Form);
    }
    let micros = match day {
        Day::Infinity | Day::MinusInfinity => return Err(Misread::Form),
        Day::Odd(odd) => odd.moment(time),
        Day::Common(days) => {
            let micros = i128::from(days) * i128::from(DAY) + i128::from(time);
            let low = i64::try_from(micros).ok().filter(|micros| *micros > WRAPPED && *micros < i64::MAX);
            let wrapped = || i64::try_from(micros - (1 << 64)).ok().filter(|low| (i64::MIN + 1..WRAPPED).contains(low));
            low.or_else(wrapped).ok_or(Misread::Form)?
        }
    };
    Ok((micros, if rest.is_empty() { None } else { Some(read_zone(rest)?) }))
}

/// The instant of [`read_moment`]'s wall clock. Only what is common can be moved.
pub fn at_utc(micros: i64, ahead: i64) -> Option<i64> {
    match Moment::of(micros) {
        _ if ahead == 0 => Some(micros),
        Moment::Common(..) if micros > WRAPPED => micros.checked_sub(ahead),
        _ => None,
    }
}

/// `Z`, `+02`, `+0200`, `+02:00` as microseconds ahead of UTC.
fn read_zone(text: &str) -> Result<i64, Misread> {
    if text == "Z" || text == "z" {
        return Ok(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = digits(text.strip_prefix(['+', '-']).ok_or(Misread::Form)?, 2)?;
    let rest = rest.strip_prefix(':').filter(|rest| !rest.is_empty()).unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() { (0, rest) } else { digits(rest, 2)? };
    let sound = rest.is_empty() && hours <= 18 && minutes <= 59;
    if sound { Ok(sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60_000_000) } else { Err(Misread::Form) }
}

fn digits(text: &str, width: usize) -> Result<(u32, &str), Misread> {
    let (digits, rest) = text.split_at_checked(width).ok_or(Misread::Form)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().map(|number| (number, rest)).ok_or(Misread::Form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike as _, NaiveDate};
    use proptest::prelude::*;

    fn date(days: i32) -> String {
        let mut text = String::new();
        push_date(days, &mut text);
        text
    }

    fn moment(micros: i64) -> String {
        let mut text = String::new();
        push_moment(micros, ' ', "", &mut text);
        text
    }

    #[test]
    fn what_no_calendar_has_reads_as_it_is_shown() {
        for text in [
            "infinity",
            "-infinity",
            "0000-00-00",
            "2011-00-00",
            "2011-04-00",
            "0000-05-06",
            "-0043-03-15",
            "-4713-11-24",
            "+12345-01-02",
            "+5874897-12-31",
            "9999-12-31",
        ] {
            assert_eq!(read_date(text).map(|(days, rest)| (date(days), rest)), Ok((text.to_owned(), "")));
        }
        for text in [
            "infinity",
            "-infinity",
            "2011-00-00 12:30:00.500",
            "-4713-11-24 00:00:00",
            "+294247-01-10 04:00:54.775806",
            "+294276-12-31 23:59:59.999999",
        ] {
            assert_eq!(read_moment(text).map(|(micros, zone)| (moment(micros), zone)), Ok((text.to_owned(), None)));
        }
        assert_eq!(OddDay::new(2011, 2, 31).map(|odd| date(odd.days())).as_deref(), Some("2011-02-31"));
        assert_eq!(
            wrapped(i64::MAX - 1, 946_684_800_000_000).map(moment).as_deref(),
            Some("+294277-01-09 04:00:54.775806")
        );
        assert_eq!(read_moment("2011-00-00").map(|(micros, _)| moment(micros)), Ok("2011-00-00 00:00:00".into()));
        for text in ["2011-02-31", "2011-13-01", "20111-01-01", "infinity 12:00", "2011-1-1", "", "+1-01-01", "12:00"] {
            assert!(read_moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_may_be_longer_than_a_day() {
        for (text, micros) in [
            ("23:59:59.999999", DAY - 1),
            ("24:00:00", DAY),
            ("838:59:59", 3_020_399_000_000),
            ("-838:59:59.001", -3_020_399_001_000),
            ("-00:00:01", -1_000_000),
        ] {
            assert_eq!(read_time(text), Ok((micros, "")));
            let mut shown = String::new();
            push_time(micros, &mut shown);
            assert_eq!(shown, text);
        }
        assert_eq!(read_time("14:30"), Ok((52_200_000_000, "")));
        assert_eq!(read_time("12:00:00.1234567"), Err(Misread::Finer));
        assert!(read_time("1:00").is_err() && read_time("12:60").is_err() && read_time("12:00:00.").is_err());
    }

    proptest! {
        #[test]
        fn days_agree_with_chrono(days in -90_000_000_i32..=90_000_000) {
            let day = NaiveDate::from_num_days_from_ce_opt(days + 719_163).unwrap();
            prop_assert_eq!(civil(days.into()), (i64::from(day.year()), day.month() as u8, day.day() as u8));
            prop_assert_eq!(days_of(day.year().into(), day.month(), day.day()), Some(days.into()));
            let shown = date(days);
            prop_assert_eq!(read_date(&shown), Ok((days, "")));
        }

        #[test]
        fn every_moment_reads_as_it_is_shown(micros: i64) {
            prop_assume!(!matches!(Moment::of(micros), Moment::Odd(..)));
            let shown = moment(micros);
            prop_assert_eq!(read_moment(&shown).map(|(micros, _)| micros), Ok(micros), "{}", shown);
        }
    }
}
