//! Days and microseconds as calendar text, over PostgreSQL's whole range.
//!
//! Pure. One idea: chrono ends long before the server's own calendar does, and formatting through it is slow, so the
//! two directions that need text (a row that does not fit, a row that is loaded) share this proleptic Gregorian one.

use std::io::Write as _;

/// From 1970-01-01 to 2000-01-01, where the server counts from.
pub(super) const EPOCH_DAYS: i32 = 10_957;
pub(super) const DAY_MICROS: i64 = 86_400_000_000;
pub(super) const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * DAY_MICROS;

/// 0001-01-01: what lies before needs `BC`, which no other system reads.
pub(super) const FIRST_DAY: i64 = -719_162;

/// The last day that a batch's other readers can name (chrono's).
pub(super) fn last_day() -> i64 {
    use chrono::Datelike as _;
    i64::from(chrono::NaiveDate::MAX.num_days_from_ce()) + FIRST_DAY - 1
}

/// Year, month and day of a day counted from 1970-01-01; year 0 is 1 BC.
fn civil(days: i64) -> (i64, u8, u8) {
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

pub(super) fn push_date(out: &mut Vec<u8>, days: i64) {
    let before = push_day(out, days);
    push_era(out, before);
}

/// Appends `23:59:59.999999`, without a fraction where there is none; a whole day is `24:00:00`.
pub(super) fn push_time(out: &mut Vec<u8>, micros: i64) {
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
pub(super) fn push_timestamp(out: &mut Vec<u8>, micros: i64, zone: bool) {
    push_moment(out, micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS), zone);
}

/// The same, for a moment whose microseconds since 1970 no integer of 64 bits holds.
pub(super) fn push_moment(out: &mut Vec<u8>, days: i64, micros: i64, zone: bool) {
    let before = push_day(out, days);
    out.push(b' ');
    push_time(out, micros);
    if zone {
        out.extend_from_slice(b"+00");
    }
    push_era(out, before);
}

/// What one of the functions above appends, as text.
pub(super) fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    push(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike as _, NaiveDate};
    use proptest::prelude::*;

    #[test]
    fn the_ends_of_the_servers_calendar() {
        assert_eq!(text(|out| push_date(out, -719_163)), "0001-12-31 BC");
        assert_eq!(text(|out| push_date(out, FIRST_DAY)), "0001-01-01");
        assert_eq!(text(|out| push_date(out, 2_145_031_948 + 10_957)), "5874897-12-31");
        assert_eq!(text(|out| push_timestamp(out, -1, true)), "1969-12-31 23:59:59.999999+00");
        assert_eq!(text(|out| push_time(out, 1_500_000)), "00:00:01.5");
        assert_eq!(text(|out| push_time(out, DAY_MICROS)), "24:00:00");
    }

    proptest! {
        #[test]
        fn days_agree_with_chrono(days in FIRST_DAY..=2_932_896_i64) {
            let day = NaiveDate::from_num_days_from_ce_opt((days - FIRST_DAY + 1) as i32).unwrap();
            prop_assert_eq!(civil(days), (i64::from(day.year()), day.month() as u8, day.day() as u8));
        }
    }
}
