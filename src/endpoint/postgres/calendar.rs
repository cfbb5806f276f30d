//! Days and microseconds as PostgreSQL's own calendar text, over its whole range.
//!
//! Pure. One idea: it says `BC` where the world counts years below 1, and it has no 0th of May.

use std::io::Write as _;

use super::write::Unfit;
use crate::model::calendar::{Day, Moment, civil};

/// From 1970-01-01 to 2000-01-01, where the server counts from.
pub(super) const EPOCH_DAYS: i32 = 10_957;
pub(super) const DAY_MICROS: i64 = 86_400_000_000;
pub(super) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * DAY_MICROS;

/// Appends `2024-02-29`; says whether the year is before Christ, which the caller has to append last.
fn push_day(out: &mut Vec<u8>, days: i64) -> bool {
    let (year, month, day) = civil(days);
    let before = year <= 0;
    let year = if before { 1 - year } else { year };
    if (0..=9999).contains(&year) {
        push_pair(out, (year / 100) as u8);
        push_pair(out, (year % 100) as u8);
    } else {
        let _ = write!(out, "{year}");
    }
    out.push(b'-');
    push_pair(out, month);
    out.push(b'-');
    push_pair(out, day);
    before
}

fn push_pair(out: &mut Vec<u8>, number: u8) {
    out.extend_from_slice(&[b'0' + number / 10, b'0' + number % 10]);
}

fn push_era(out: &mut Vec<u8>, before: bool) {
    if before {
        out.extend_from_slice(b" BC");
    }
}

/// `Err`: the server has no such date.
pub(super) fn push_date(out: &mut Vec<u8>, days: i32) -> Result<(), Unfit> {
    match Day::of(days) {
        Day::Infinity => out.extend_from_slice(b"infinity"),
        Day::MinusInfinity => out.extend_from_slice(b"-infinity"),
        Day::Odd(_) => return Err(Unfit::NoDate),
        Day::Common(days) => {
            let before = push_day(out, days);
            push_era(out, before);
        }
    }
    Ok(())
}

/// Appends `23:59:59.999999`, without a fraction where there is none; a whole day is `24:00:00`.
fn push_clock(out: &mut Vec<u8>, micros: i64) {
    let seconds = micros / 1_000_000;
    push_pair(out, (seconds / 3600) as u8);
    out.push(b':');
    push_pair(out, (seconds / 60 % 60) as u8);
    out.push(b':');
    push_pair(out, (seconds % 60) as u8);
    let fraction = micros % 1_000_000;
    if fraction != 0 {
        let _ = write!(out, ".{fraction:06}");
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Appends `2024-02-29 23:59:59.5`, with `+00` where it is an instant.
pub(super) fn push_timestamp(out: &mut Vec<u8>, micros: i64, zone: bool) -> Result<(), Unfit> {
    match Moment::of(micros) {
        Moment::Infinity => out.extend_from_slice(b"infinity"),
        Moment::MinusInfinity => out.extend_from_slice(b"-infinity"),
        Moment::Odd(..) => return Err(Unfit::NoDate),
        Moment::Common(days, time) => {
            let before = push_day(out, days);
            out.push(b' ');
            push_clock(out, time);
            if zone {
                out.extend_from_slice(b"+00");
            }
            push_era(out, before);
        }
    }
    Ok(())
}

/// As [`push_clock`]; beyond a day the server has no time.
pub(super) fn push_time(out: &mut Vec<u8>, micros: i64) -> Result<(), Unfit> {
    if !(0..=DAY_MICROS).contains(&micros) {
        return Err(Unfit::NoTime);
    }
    push_clock(out, micros);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::calendar::OddDay;

    fn text(push: impl FnOnce(&mut Vec<u8>) -> Result<(), Unfit>) -> Result<String, Unfit> {
        let mut out = Vec::new();
        push(&mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_ends_of_the_servers_calendar() {
        assert_eq!(text(|out| push_date(out, -719_163)).as_deref(), Ok("0001-12-31 BC"));
        assert_eq!(text(|out| push_date(out, -719_162)).as_deref(), Ok("0001-01-01"));
        assert_eq!(text(|out| push_date(out, 2_145_031_948 + 10_957)).as_deref(), Ok("5874897-12-31"));
        assert_eq!(text(|out| push_date(out, i32::MIN)).as_deref(), Ok("-infinity"));
        assert_eq!(text(|out| push_timestamp(out, -1, true)).as_deref(), Ok("1969-12-31 23:59:59.999999+00"));
        assert_eq!(text(|out| push_timestamp(out, i64::MAX, true)).as_deref(), Ok("infinity"));
        assert_eq!(text(|out| push_time(out, 1_500_000)).as_deref(), Ok("00:00:01.5"));
        assert_eq!(text(|out| push_time(out, DAY_MICROS)).as_deref(), Ok("24:00:00"));
    }

    #[test]
    fn what_the_server_has_not_is_refused() {
        let zero = OddDay::new(2011, 0, 0).unwrap();
        assert_eq!(text(|out| push_date(out, zero.days())), Err(Unfit::NoDate));
        assert_eq!(text(|out| push_timestamp(out, zero.moment(5), false)), Err(Unfit::NoDate));
        assert_eq!(text(|out| push_time(out, -1)), Err(Unfit::NoTime));
        assert_eq!(text(|out| push_time(out, DAY_MICROS + 1)), Err(Unfit::NoTime));
    }
}
