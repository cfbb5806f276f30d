//! Dates and times as SQLite keeps them: ISO 8601 text, there and back, exactly or not at all.

use chrono::{DateTime, Datelike as _, NaiveDate};

const DAY: i64 = 86_400_000_000;
/// From the first day of the common era to 1970-01-01.
const EPOCH: i32 = 719_163;

type Complaint = &'static str;

/// Days since 1970. A time of exactly midnight may follow.
pub(super) fn date(text: &str) -> Result<i32, Complaint> {
    let wrong = "is not a date as YYYY-MM-DD";
    let (days, rest) = leading_date(text.as_bytes()).ok_or(wrong)?;
    match rest.split_first() {
        None => Ok(days),
        Some((b' ' | b'T', rest)) => match leading_time(rest)? {
            (0, b"") => Ok(days),
            _ => Err("has a time of day, which a date cannot hold"),
        },
        Some(_) => Err(wrong),
    }
}

/// Microseconds since midnight.
pub(super) fn time(text: &str) -> Result<i64, Complaint> {
    match leading_time(text.as_bytes())? {
        (micros, b"") => Ok(micros),
        _ => Err(NOT_A_TIME),
    }
}

/// Microseconds since 1970 of a wall clock; UTC's is taken as it stands.
pub(super) fn naive(text: &str) -> Result<i64, Complaint> {
    match timestamp(text)? {
        (micros, None | Some(0)) => Ok(micros),
        _ => Err("has an offset from UTC, which a column without time zone cannot hold"),
    }
}

/// Microseconds since 1970 of an instant; without an offset it is UTC, as SQLite's own functions take it.
pub(super) fn instant(text: &str) -> Result<i64, Complaint> {
    let (micros, offset) = timestamp(text)?;
    Ok(micros - offset.unwrap_or(0) * 60_000_000)
}

const NOT_A_TIME: &str = "is not a time as HH:MM:SS";
const NOT_A_TIMESTAMP: &str = "is not a date and time as YYYY-MM-DD HH:MM:SS";

/// Microseconds of the wall clock, and its offset in minutes if it has one.
fn timestamp(text: &str) -> Result<(i64, Option<i64>), Complaint> {
    let (days, rest) = leading_date(text.as_bytes()).ok_or(NOT_A_TIMESTAMP)?;
    let midnight = i64::from(days) * DAY;
    match rest.split_first() {
        None => Ok((midnight, None)),
        Some((b' ' | b'T' | b't', rest)) => {
            let (micros, rest) = leading_time(rest)?;
            Ok((midnight + micros, offset(rest).ok_or(NOT_A_TIMESTAMP)?))
        }
        Some(_) => Err(NOT_A_TIMESTAMP),
    }
}

fn leading_date(text: &[u8]) -> Option<(i32, &[u8])> {
    let (head, rest) = text.split_at_checked(10)?;
    if head[4] != b'-' || head[7] != b'-' {
        return None;
    }
    let year = number(&head[..4])?;
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), number(&head[5..7])?, number(&head[8..])?)?;
    Some((date.num_days_from_ce() - EPOCH, rest))
}

fn leading_time(text: &[u8]) -> Result<(i64, &[u8]), Complaint> {
    let (head, rest) = text.split_at_checked(5).ok_or(NOT_A_TIME)?;
    let minutes = (head[2] == b':').then(|| Some((number(&head[..2])?, number(&head[3..])?))).flatten();
    let (hour, minute) = minutes.ok_or(NOT_A_TIME)?;
    let (second, rest) = match rest {
        [b':', tens, ones, rest @ ..] => (number(&[*tens, *ones]).ok_or(NOT_A_TIME)?, rest),
        _ => (0, rest),
    };
    let (micros, rest) = match rest {
        [b'.', rest @ ..] => fraction(rest)?,
        _ => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return Err(NOT_A_TIME);
    }
    Ok((i64::from(hour * 3600 + minute * 60 + second) * 1_000_000 + micros, rest))
}

fn fraction(text: &[u8]) -> Result<(i64, &[u8]), Complaint> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = text.split_at(digits);
    if digits == 0 {
        return Err(NOT_A_TIME);
    }
    if fraction.iter().skip(6).any(|digit| *digit != b'0') {
        return Err("is finer than a microsecond");
    }
    let micros = (0..6).fold(0, |micros, place| micros * 10 + fraction.get(place).map_or(0, |d| i64::from(d - b'0')));
    Ok((micros, rest))
}

/// `Z`, `+HH`, `+HHMM` or `+HH:MM` in minutes; `Some(None)` where there is none.
fn offset(text: &[u8]) -> Option<Option<i64>> {
    let (sign, hours, minutes) = match text {
        [] => return Some(None),
        [b'Z' | b'z'] => return Some(Some(0)),
        [sign, a, b] => (sign, [*a, *b], [b'0'; 2]),
        [sign, a, b, c, d] | [sign, a, b, b':', c, d] => (sign, [*a, *b], [*c, *d]),
        _ => return None,
    };
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(&hours)?, number(&minutes)?);
    (hours <= 18 && minutes <= 59).then(|| Some(sign * i64::from(hours * 60 + minutes)))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0')))
}

const YEARS: Complaint = "lies outside of the years 0000 to 9999, which is all that ISO text in SQLite can hold";

/// `YYYY-MM-DD`.
pub(super) fn write_date(days: i32, into: &mut String) -> Result<(), Complaint> {
    let date = days.checked_add(EPOCH).and_then(NaiveDate::from_num_days_from_ce_opt).ok_or(YEARS)?;
    if !(0..=9999).contains(&date.year()) {
        return Err(YEARS);
    }
    write_digits(date.year().cast_unsigned(), 4, into);
    into.push('-');
    write_digits(date.month(), 2, into);
    into.push('-');
    write_digits(date.day(), 2, into);
    Ok(())
}

/// `HH:MM:SS`, with six digits of a second where they say something.
pub(super) fn write_time(micros: i64, into: &mut String) -> Result<(), Complaint> {
    if !(0..DAY).contains(&micros) {
        return Err("is no time of day");
    }
    let (seconds, micros) = ((micros / 1_000_000) as u32, (micros % 1_000_000) as u32);
    write_digits(seconds / 3600, 2, into);
    into.push(':');
    write_digits(seconds / 60 % 60, 2, into);
    into.push(':');
    write_digits(seconds % 60, 2, into);
    if micros > 0 {
        into.push('.');
        write_digits(micros, 6, into);
    }
    Ok(())
}

/// The last `width` digits. Formatting takes a good part of a bulk load, so this goes without the format machinery.
fn write_digits(number: u32, width: u32, into: &mut String) {
    for place in (0..width).rev() {
        into.push(char::from(b'0' + (number / 10u32.pow(place) % 10) as u8));
    }
}

/// `YYYY-MM-DD HH:MM:SS`, for an instant with `+00:00`, which sorts right beside fractions (`Z` would not).
pub(super) fn write_timestamp(micros: i64, zone: bool, into: &mut String) -> Result<(), Complaint> {
    let instant = DateTime::from_timestamp_micros(micros).ok_or(YEARS)?;
    let days = instant.date_naive().num_days_from_ce() - EPOCH;
    write_date(days, into)?;
    into.push(' ');
    write_time(micros.rem_euclid(DAY), into)?;
    if zone {
        into.push_str("+00:00");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_that_sqlite_users_write_are_read() {
        for text in ["2024-06-12 14:30", "2024-06-12T14:30:00", "2024-06-12 14:30:00.000", "2024-06-12T14:30:00Z"] {
            assert_eq!(naive(text), Ok(1_718_202_600_000_000), "{text}");
        }
        assert_eq!(naive("2024-06-12"), Ok(1_718_150_400_000_000));
        assert_eq!(naive("1969-12-31 23:59:59.999999"), Ok(-1));
        assert_eq!(instant("2024-06-12 16:30:00+02:00"), Ok(1_718_202_600_000_000));
        assert_eq!(instant("2024-06-12 16:30:00+02"), Ok(1_718_202_600_000_000));
        assert_eq!(date("2024-02-29 00:00:00"), date("2024-02-29"));
        assert_eq!(time("23:59:59.5"), Ok(86_399_500_000));
    }

    #[test]
    fn what_would_lose_or_guess_is_refused() {
        for text in ["2023-02-29", "12/31/2024", "2024-1-1", "2024-06-12 14:30:00 PM", "", "0000-00-00", "2024-06-12 "]
        {
            assert!(naive(text).is_err(), "{text}");
            assert!(date(text).is_err(), "{text}");
        }
        assert!(naive("2024-06-12 14:30:00+02:00").unwrap_err().contains("offset"));
        assert!(naive("2024-06-12 14:30:00.1234567").unwrap_err().contains("microsecond"));
        assert!(naive("2024-06-12 14:30:00.1234560").is_ok());
        assert!(date("2024-06-12 14:30:00").unwrap_err().contains("time of day"));
        assert!(time("24:00:00").is_err() && time("12:60").is_err() && time("12:00:60").is_err());
        assert!(write_date(i32::MAX, &mut String::new()).is_err());
        assert!(write_timestamp(i64::MAX, true, &mut String::new()).is_err());
    }

    proptest! {
        #[test]
        fn written_timestamps_read_the_same(micros in -62_167_219_200_000_000i64..253_402_300_800_000_000, zone: bool) {
            let mut text = String::new();
            write_timestamp(micros, zone, &mut text).unwrap();
            prop_assert_eq!(if zone { instant(&text) } else { naive(&text) }, Ok(micros));
        }

        #[test]
        fn text_order_is_time_order(a in 0i64..10_000_000_000, b in 0i64..10_000_000_000) {
            let text = |micros| { let mut text = String::new(); write_timestamp(micros, true, &mut text).unwrap(); text };
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }
}
