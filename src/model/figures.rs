//! Figures and texts as every screen and report shows them: floored, ceiled and rounded in one place.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::Count;

/// `1234567` as `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A row count in at most six columns: `1.2M`, `25K`, `~5.3M` for an estimate, `?` when unknown. Floored.
pub fn compact(count: Count) -> String {
    let short = |rows: u64| {
        let (unit, size) = match rows {
            0..1_000 => return rows.to_string(),
            1_000..1_000_000 => ("K", 1_000),
            1_000_000..1_000_000_000 => ("M", 1_000_000),
            _ => ("B", 1_000_000_000),
        };
        let (whole, tenth) = (rows / size, rows % size * 10 / size);
        if whole < 10 && tenth > 0 { format!("{whole}.{tenth}{unit}") } else { format!("{whole}{unit}") }
    };
    match count {
        Count::Exact(rows) => short(rows),
        Count::Estimate(rows) => format!("~{}", short(rows)),
        Count::Unknown => "?".into(),
    }
}

/// `12.3 MB`, in powers of 1,000; floored.
pub fn bytes_in_words(bytes: u64) -> String {
    let (unit, size) = match bytes {
        0..1_000 => return format!("{bytes} bytes"),
        1_000..1_000_000 => ("kB", 1_000),
        1_000_000..1_000_000_000 => ("MB", 1_000_000),
        1_000_000_000..1_000_000_000_000 => ("GB", 1_000_000_000),
        _ => ("TB", 1_000_000_000_000),
    };
    let (whole, tenth) = (bytes / size, bytes % size * 10 / size);
    if whole < 100 && tenth > 0 { format!("{whole}.{tenth} {unit}") } else { format!("{whole} {unit}") }
}

/// Whole percent, floored; 100 only when nothing is left.
pub fn percent(done: u64, of: u64) -> u64 {
    match of {
        0 => 100,
        _ => (u128::from(done.min(of)) * 100 / u128::from(of)) as u64,
    }
}

/// As [`percent`]; of an estimate never 100, since there may be more than it says.
pub fn percent_of(done: u64, of: Count) -> Option<u64> {
    match of {
        Count::Exact(rows) => Some(percent(done, rows)),
        Count::Estimate(rows) => Some(percent(done, rows).min(99)),
        Count::Unknown => None,
    }
}

/// How many of `cells` a bar fills: floored, so a full bar means done.
pub fn bar(done: u64, of: u64, cells: u16) -> u16 {
    match of {
        0 => cells,
        _ => (u128::from(done.min(of)) * u128::from(cells) / u128::from(of)) as u16,
    }
}

/// Rows per minute, rounded to the thousand from one thousand up.
pub fn speed(rows: u64, elapsed_ms: u64) -> u64 {
    if elapsed_ms == 0 {
        return 0;
    }
    let per_minute = (u128::from(rows) * 60_000 / u128::from(elapsed_ms)) as u64;
    if per_minute < 1_000 { per_minute } else { (per_minute + 500) / 1_000 * 1_000 }
}

/// `23 minutes`, `1 minute`, `12 seconds`: floored.
pub fn minutes_spent(elapsed_ms: u64) -> String {
    match elapsed_ms / 60_000 {
        0 => unit(elapsed_ms / 1_000, "second"),
        minutes => unit(minutes, "minute"),
    }
}

/// What is left at `rows_per_minute`, ceiled to whole minutes; `None` while there is no rate.
pub fn minutes_left(rows: u64, rows_per_minute: u64) -> Option<String> {
    match rows_per_minute {
        0 => None,
        _ => Some(unit(rows.div_ceil(rows_per_minute), "minute")),
    }
}

fn unit(number: u64, name: &str) -> String {
    format!("{} {name}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// Text with every control character made visible, so that a value can neither move a cursor nor colour a screen.
pub fn clean(text: &str) -> String {
    let shown = |char: char| match char {
        '\t' => '→',
        '\n' => '↵',
        '\r' => '␍',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + char as u32).unwrap_or('·'),
        '\u{7f}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => '·',
        _ => char,
    };
    text.chars().map(shown).collect()
}

/// The columns that a text takes on a terminal.
pub fn display_width(text: &str) -> usize {
    text.width()
}

/// Text in at most `width` columns, ending in `…` where something was cut.
pub fn clip(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut clipped = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used + 1 > width {
            break;
        }
        clipped.push_str(grapheme);
    }
    if width > 0 {
        clipped.push('…');
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_figures_of_the_product() {
        assert_eq!(percent(1_024_567, 1_234_567), 82);
        assert_eq!(bar(1_024_567, 1_234_567, 10), 8);
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(speed(1_024_567, 23 * 60_000), 45_000);
        assert_eq!(minutes_left(1_234_567 - 1_024_567, 45_000).unwrap(), "5 minutes");
        assert_eq!(minutes_spent(23 * 60_000 + 59_999), "23 minutes");
        assert_eq!(minutes_spent(1_000), "1 second");
    }

    #[test]
    fn compact_counts_are_floored_and_estimates_marked() {
        for (count, text) in [
            (Count::Exact(1_234_567), "1.2M"),
            (Count::Estimate(5_300_000), "~5.3M"),
            (Count::Exact(25_643), "25K"),
            (Count::Exact(999), "999"),
            (Count::Exact(1_000), "1K"),
            (Count::Unknown, "?"),
        ] {
            assert_eq!(compact(count), text);
        }
    }

    #[test]
    fn hundred_percent_means_done() {
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
        assert_eq!(bar(999_999, 1_000_000, 20), 19);
        assert_eq!((percent(0, 0), bar(0, 0, 10)), (100, 10));
        assert_eq!(percent_of(10, Count::Exact(10)), Some(100));
        assert_eq!(percent_of(10, Count::Estimate(20)), Some(50));
        assert_eq!(percent_of(30, Count::Estimate(20)), Some(99), "there may be more");
        assert_eq!(percent_of(30, Count::Unknown), None);
    }

    proptest! {
        #[test]
        fn clipped_text_fits(text in "\\PC{0,40}", width in 0usize..30) {
            prop_assert!(display_width(&clip(&text, width)) <= width);
        }

        #[test]
        fn cleaned_text_has_no_control_character(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(char::is_control));
        }
    }
}
