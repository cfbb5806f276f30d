//! What a fuzzer may do to the patterns of dates: any pattern, any text.

use super::functions::Pattern;

/// The first line is the pattern, the rest the text. Asserts that what is read is a day between the years 1 and 9999.
pub fn date_pattern(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, text) = text.split_once('\n').unwrap_or((text, "2024-06-12"));
    let Ok(pattern) = pattern.parse::<Pattern>() else { return };
    if let Some(moment) = pattern.read(text) {
        assert!((-719_162..=2_932_896).contains(&moment.days), "{moment:?} of {text:?}");
        assert_eq!(moment.micros().div_euclid(86_400_000_000), i64::from(moment.days), "within its day");
    }
}

#[cfg(test)]
const SEEDS: &[&[u8]] = &[
    b"MM/DD/YYYY\n06/12/2024",
    b"YYYY-MM-DD HH24:MI:SS\n2024-02-29 23:59:59",
    b"D MONTH YYYY\n1 february 2023",
    b"DD-MON-YYYY\n31-Dec-9999",
    "M.D.YYYY\n1.é.2024".as_bytes(),
];

#[cfg(test)]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_000))]
    #[test]
    fn any_pattern_reads_days_of_the_calendar(data in crate::model::fuzzing::damaged(SEEDS)) {
        date_pattern(&data);
    }
}
