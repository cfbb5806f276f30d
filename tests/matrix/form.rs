//! What the values of a column mean, and one text for each meaning.

use chrono::{DateTime, Utc};

use crate::support::normal::{Kind, Raw};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Boolean,
    /// Decimal digits: zeros at the ends mean nothing.
    Number,
    /// The sign of zero counts.
    Double,
    Single,
    Date,
    Time,
    /// A clock on a wall.
    Timestamp,
    /// A moment, told in UTC.
    Instant,
    /// `\x` and hex.
    Bytes,
    Uuid,
    /// Letter for letter.
    Text,
    /// Blanks at the end mean nothing.
    Padded,
}

impl Form {
    pub fn normal(self, text: &str) -> String {
        let raw = || Raw::Text(text.to_owned());
        match self {
            Self::Boolean => Kind::Boolean.normal(&raw()),
            Self::Number => Kind::Number.normal(&raw()),
            Self::Double => text.parse::<f64>().map_or_else(|_| foreign(self, text), |value| format!("{value:?}")),
            Self::Single => text.parse::<f32>().map_or_else(|_| foreign(self, text), |value| format!("{value:?}")),
            Self::Date => date(text),
            Self::Time => clock(text),
            Self::Timestamp => moment(text.trim_end_matches('Z')),
            Self::Instant => instant(text),
            Self::Uuid => text.to_lowercase(),
            Self::Bytes | Self::Text => text.to_owned(),
            Self::Padded => text.trim_end_matches(' ').to_owned(),
        }
    }
}

fn foreign(form: Form, text: &str) -> String {
    format!("not {form:?}: {text}")
}

/// Years as ISO 8601 counts them: 1 BC is 0000, and beyond four digits there is a sign.
fn date(text: &str) -> String {
    let (text, before) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let Some((year, rest)) = digits.split_once('-') else { return text.to_owned() };
    let Ok(year) = year.parse::<i64>() else { return text.to_owned() };
    let year = if before {
        1 - year
    } else if sign {
        -year
    } else {
        year
    };
    let plus = if year > 9999 {
        "+"
    } else if year < 0 {
        "-"
    } else {
        ""
    };
    format!("{plus}{:04}-{rest}", year.abs())
}

/// Without zeros that end a fraction.
fn clock(text: &str) -> String {
    let text = if text.matches(':').count() == 1 { format!("{text}:00") } else { text.to_owned() };
    match text.split_once('.') {
        Some((whole, fraction)) => {
            let fraction = fraction.trim_end_matches('0');
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        }
        None => text,
    }
}

fn moment(text: &str) -> String {
    let (text, era) = text.strip_suffix(" BC").map_or((text, ""), |text| (text, " BC"));
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    if day.ends_with("infinity") {
        return day.to_owned();
    }
    format!("{} {}", date(&format!("{day}{era}")), clock(time))
}

fn instant(text: &str) -> String {
    let (bare, era) = text.strip_suffix(" BC").map_or((text, ""), |text| (text, " BC"));
    let utc = ["+00:00", "+00", "Z"].iter().find_map(|zone| bare.strip_suffix(zone));
    if let Some(utc) = utc {
        return moment(&format!("{utc}{era}"));
    }
    match DateTime::parse_from_str(&bare.replacen('T', " ", 1), "%Y-%m-%d %H:%M:%S%.f%#z") {
        Ok(zoned) => moment(&zoned.with_timezone(&Utc).naive_utc().format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
        Err(_) => moment(text),
    }
}

#[test]
fn one_meaning_has_one_text() {
    for (form, texts) in [
        (Form::Date, &["0044-03-15 BC", "-0043-03-15"][..]),
        (Form::Date, &["12345-01-02", "+12345-01-02"]),
        (Form::Time, &["25:00:00", "25:00:00.000000"]),
        (Form::Timestamp, &["2024-01-01 00:00:00", "2024-01-01", "2024-01-01T00:00:00.000"]),
        (Form::Instant, &["2024-06-12 16:30:00+02:00", "2024-06-12T14:30:00Z", "2024-06-12 14:30:00"]),
        (Form::Timestamp, &["0001-12-31 23:00:00 BC", "0000-12-31 23:00:00"]),
        (Form::Double, &["1e300", "1E+300"]),
    ] {
        assert!(texts.iter().all(|text| form.normal(text) == form.normal(texts[0])), "{form:?} {texts:?}");
    }
    for (form, one, two) in [
        (Form::Double, "-0", "0"),
        (Form::Text, "1.0", "1"),
        (Form::Number, "1", "NaN"),
        (Form::Instant, "2024-06-12 16:30:00+02:00", "2024-06-12 16:30:00+00"),
        (Form::Timestamp, "infinity", "-infinity"),
    ] {
        assert_ne!(form.normal(one), form.normal(two), "{form:?}");
    }
}
