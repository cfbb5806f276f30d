//! One text for one value, whichever system it came out of.
//!
//! One idea: a value is brought to its normal form by the kind of its column, and the kinds of both sides decide
//! together; a text beside a number stays what it is, letter for letter, so that `007` never passes for `7`.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// A value as a driver gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    Null,
    Text(String),
    Bytes(Vec<u8>),
}

impl Raw {
    pub fn into_text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => Some(hex(&bytes)),
        }
    }
}

/// What the values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    Number,
    /// A float of 32 bits: its decimal text depends on who prints it.
    Single,
    Date,
    Time,
    Timestamp,
    Bytes,
    Json,
    Uuid,
    Text,
    /// Text whose trailing blanks mean nothing.
    Padded,
}

impl Kind {
    /// The kind under which columns of both kinds are compared.
    pub fn with(self, other: Self) -> Self {
        use Kind::{Boolean, Bytes, Date, Json, Number, Padded, Single, Text, Time, Timestamp, Uuid};
        match (self, other) {
            (one, two) if one == two => one,
            (Boolean, Number) | (Number, Boolean) => Boolean,
            (Number, Single) | (Single, Number) => Single,
            (Date, Timestamp) | (Timestamp, Date) => Timestamp,
            (kind @ (Date | Time | Timestamp | Json | Uuid | Padded | Bytes), Text)
            | (Text, kind @ (Date | Time | Timestamp | Json | Uuid | Padded | Bytes)) => kind,
            _ => Text,
        }
    }

    /// The normal form; what is no value of the kind stays as it is, marked.
    pub fn normal(self, raw: &Raw) -> String {
        let text = match raw {
            Raw::Null => return "NULL".into(),
            // A driver gives text of a binary collation as bytes.
            Raw::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if matches!(self, Self::Text | Self::Padded) => text,
                _ => return hex(bytes),
            },
            Raw::Text(text) => text.as_str(),
        };
        let normal = match self {
            Self::Boolean => boolean(text),
            Self::Number => number(text),
            Self::Single => text.parse::<f32>().ok().map(|value| value.to_string()),
            Self::Date => date(text).map(|date| date.to_string()),
            Self::Time => time(text),
            Self::Timestamp => timestamp(text),
            Self::Bytes => text.starts_with("\\x").then(|| text.to_owned()),
            Self::Json => serde_json::from_str(text).ok().map(|value| sorted(&value)),
            Self::Uuid => Some(text.to_lowercase()),
            Self::Text => Some(format!("'{text}'")),
            Self::Padded => Some(format!("'{}'", text.trim_end_matches(' '))),
        };
        normal.unwrap_or_else(|| format!("not {self:?}: '{text}'"))
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("\\x"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn boolean(text: &str) -> Option<String> {
    match text {
        "t" | "true" | "1" => Some("true".into()),
        "f" | "false" | "0" => Some("false".into()),
        _ => None,
    }
}

/// Decimal digits without leading or trailing zeros or exponent, in any length.
fn number(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let (negative, digits) = match lower.strip_prefix(['-', '+']) {
        Some(rest) => (lower.starts_with('-'), rest),
        None => (false, lower.as_str()),
    };
    let sign = if negative { "-" } else { "" };
    if matches!(digits, "nan" | "inf" | "infinity") {
        return Some(format!("{sign}{}", &digits[..3]));
    }
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let point = whole.len() as i64 + exponent.parse::<i64>().ok().filter(|exponent| exponent.abs() < 5_000)?;
    let (whole, fraction) = split_at_point(&all, point);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    Some(match (whole, fraction) {
        ("", "") => "0".into(),
        ("", fraction) => format!("{sign}0.{fraction}"),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    })
}

fn split_at_point(digits: &str, point: i64) -> (String, String) {
    match usize::try_from(point) {
        Err(_) => (String::new(), "0".repeat(point.unsigned_abs() as usize) + digits),
        Ok(point) if point >= digits.len() => (digits.to_owned() + &"0".repeat(point - digits.len()), String::new()),
        Ok(point) => (digits[..point].to_owned(), digits[point..].to_owned()),
    }
}

fn date(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

fn time(text: &str) -> Option<String> {
    Some(text.parse::<NaiveTime>().ok()?.format("%H:%M:%S%.6f").to_string())
}

fn timestamp(text: &str) -> Option<String> {
    let shown = |moment: NaiveDateTime| moment.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    if let Some(date) = date(text) {
        return Some(shown(date.and_hms_opt(0, 0, 0)?));
    }
    let text = text.replacen('T', " ", 1);
    for form in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), form) {
            return Some(shown(moment));
        }
    }
    let zoned = DateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f%#z").ok()?;
    Some(shown(zoned.with_timezone(&Utc).naive_utc()))
}

fn sorted(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let mut parts: Vec<String> = map.iter().map(|(key, value)| format!("{key:?}:{}", sorted(value))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(sorted).collect::<Vec<_>>().join(",")),
        Value::Number(figure) => number(&figure.to_string()).unwrap_or_else(|| figure.to_string()),
        other => other.to_string(),
    }
}
