//! Dates and times as SQLite keeps them: ISO 8601 text, there and back, exactly or not at all.

use crate::model::calendar::{Misread, at_utc, push_moment, read_date, read_moment, read_time};

type Complaint = &'static str;

/// Days since 1970. A time of exactly midnight may follow.
pub(super) fn date(text: &str) -> Result<i32, Complaint> {
    let wrong = "is not a date as YYYY-MM-DD";
    let (days, rest) = read_date(text).map_err(|misread| said(misread, wrong))?;
    match rest.strip_prefix([' ', 'T']).map(read_time) {
        None if rest.is_empty() => Ok(days),
        Some(Ok((0, ""))) => Ok(days),
        Some(Ok(_)) => Err("has a time of day, which a date cannot hold"),
        _ => Err(wrong),
    }
}

/// Microseconds since midnight.
pub(super) fn time(text: &str) -> Result<i64, Complaint> {
    match read_time(text).map_err(|misread| said(misread, NOT_A_TIME))? {
        (micros, "") => Ok(micros),
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
    let (micros, ahead) = timestamp(text)?;
    at_utc(micros, ahead.unwrap_or(0)).ok_or(NOT_A_TIMESTAMP)
}

const NOT_A_TIME: &str = "is not a time as HH:MM:SS";
const NOT_A_TIMESTAMP: &str = "is not a date and time as YYYY-MM-DD HH:MM:SS";

/// Microseconds of the wall clock, and how many it is ahead of UTC if it says so.
fn timestamp(text: &str) -> Result<(i64, Option<i64>), Complaint> {
    read_moment(text).map_err(|misread| said(misread, NOT_A_TIMESTAMP))
}

fn said(misread: Misread, form: Complaint) -> Complaint {
    match misread {
        Misread::Form => form,
        Misread::Finer => "is finer than a microsecond",
    }
}

/// `YYYY-MM-DD HH:MM:SS`, for an instant with `+00:00`, which sorts right beside fractions (`Z` would not).
pub(super) fn write_timestamp(micros: i64, zone: bool, into: &mut String) {
    push_moment(micros, ' ', if zone { "+00:00" } else { "" }, into);
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
        for text in ["2023-02-29", "12/31/2024", "2024-1-1", "2024-06-12 14:30:00 PM", "", "2023-13-00", "2024-06-12 "]
        {
            assert!(naive(text).is_err(), "{text}");
            assert!(date(text).is_err(), "{text}");
        }
        assert!(naive("2024-06-12 14:30:00+02:00").unwrap_err().contains("offset"));
        assert!(naive("2024-06-12 14:30:00.1234567").unwrap_err().contains("microsecond"));
        assert!(naive("2024-06-12 14:30:00.1234560").is_ok());
        assert!(date("2024-06-12 14:30:00").unwrap_err().contains("time of day"));
        assert!(time("1:00").is_err() && time("12:60").is_err() && time("12:00:60").is_err());
    }

    proptest! {
        #[test]
        fn written_timestamps_read_the_same(micros in -62_167_219_200_000_000i64..253_402_300_800_000_000, zone: bool) {
            let mut text = String::new();
            write_timestamp(micros, zone, &mut text);
            prop_assert_eq!(if zone { instant(&text) } else { naive(&text) }, Ok(micros));
        }

        #[test]
        fn text_order_is_time_order(a in 0i64..10_000_000_000, b in 0i64..10_000_000_000) {
            let text = |micros| { let mut text = String::new(); write_timestamp(micros, true, &mut text); text };
            prop_assert_eq!(a.cmp(&b), text(a).cmp(&text(b)));
        }
    }
}
