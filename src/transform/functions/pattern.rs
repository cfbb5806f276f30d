//! The patterns of `parse_date`: `MM/DD/YYYY`, `D Month YYYY`, `YYYY-MM-DD HH24:MI:SS`.
//!
//! A pattern is strict. What it reads has exactly its form, to the last character, and is a day of the calendar. `YY` is
//! refused since it names no century, and so is a number of free width that another number follows.

use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDate};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transform) struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Year,
    /// Two digits, or one or two.
    Month(Width),
    Day(Width),
    /// `Jan`
    ShortMonth,
    /// `January`
    LongMonth,
    Hour,
    Minute,
    Second,
    Separator(char),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Two,
    OneOrTwo,
}

/// A day since 1970 and a second of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transform) struct Moment {
    pub(in crate::transform) days: i32,
    second: u32,
}

impl Moment {
    pub(in crate::transform) fn micros(self) -> i64 {
        (i64::from(self.days) * 86_400 + i64::from(self.second)) * 1_000_000
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern '{pattern}' {problem}; it is written like MM/DD/YYYY or YYYY-MM-DD HH24:MI:SS")]
pub(in crate::transform) struct PatternError {
    pattern: String,
    problem: String,
}

/// Longest first, so that `MM` is not read as two `M`.
const WORDS: &[(&str, Part)] = &[
    ("MONTH", Part::LongMonth),
    ("YYYY", Part::Year),
    ("HH24", Part::Hour),
    ("MON", Part::ShortMonth),
    ("MM", Part::Month(Width::Two)),
    ("MI", Part::Minute),
    ("DD", Part::Day(Width::Two)),
    ("HH", Part::Hour),
    ("SS", Part::Second),
    ("M", Part::Month(Width::OneOrTwo)),
    ("D", Part::Day(Width::OneOrTwo)),
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = |problem: String| PatternError { pattern: text.to_owned(), problem };
        let parts = split(text).map_err(wrong)?;
        complain(&parts).map_or(Ok(()), |problem| Err(wrong(problem.to_owned())))?;
        Ok(Self { text: text.to_owned(), parts })
    }
}

fn split(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let word =
            WORDS.iter().find(|(word, _)| rest.get(..word.len()).is_some_and(|start| word.eq_ignore_ascii_case(start)));
        let (part, length) = match word {
            Some((word, part)) => (*part, word.len()),
            None if next == 'T' || !next.is_alphanumeric() => (Part::Separator(next), next.len_utf8()),
            None => return Err(unknown(rest)),
        };
        parts.push(part);
        rest = &rest[length..];
    }
    Ok(parts)
}

fn unknown(rest: &str) -> String {
    let word: String = rest.chars().take_while(|letter| letter.is_alphanumeric()).collect();
    if word.eq_ignore_ascii_case("YY") {
        return "has YY, which names no century: only YYYY is read".into();
    }
    format!("has '{word}', which is none of YYYY, MM, M, Mon, Month, DD, D, HH24, MI, SS")
}

fn complain(parts: &[Part]) -> Option<&'static str> {
    let count = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count();
    let year = count(|part| matches!(part, Part::Year));
    let month = count(|part| matches!(part, Part::Month(_) | Part::ShortMonth | Part::LongMonth));
    let day = count(|part| matches!(part, Part::Day(_)));
    let hour = count(|part| matches!(part, Part::Hour));
    let minute = count(|part| matches!(part, Part::Minute));
    let second = count(|part| matches!(part, Part::Second));
    if (year, month, day) != (1, 1, 1) {
        return Some("must have year, month and day, each once");
    }
    if hour > 1 || minute > 1 || second > 1 || minute > hour || second > minute {
        return Some("must have hour, minute and second at most once, and none without the one before");
    }
    let runs_on = |pair: &[Part]| matches!(pair, [Part::Month(Width::OneOrTwo) | Part::Day(Width::OneOrTwo), next] if next.is_number());
    parts.windows(2).any(runs_on).then_some("has a number right behind M or D, so that where it starts is unclear")
}

impl Part {
    fn is_number(&self) -> bool {
        !matches!(self, Self::Separator(_) | Self::ShortMonth | Self::LongMonth)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Fields {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Pattern {
    pub(super) fn is_timed(&self) -> bool {
        self.parts.contains(&Part::Hour)
    }

    /// `None` if the text has another form or is no day of the calendar.
    pub(in crate::transform) fn read(&self, text: &str) -> Option<Moment> {
        let mut fields = Fields::default();
        let rest = self.parts.iter().try_fold(text, |rest, part| part.read(rest, &mut fields))?;
        if rest.is_empty() { fields.moment() } else { None }
    }
}

/// A form in which days or moments are written, as `parse_date` and `parse_timestamp` take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateForm(Pattern);

impl DateForm {
    /// `None` if there is no such form.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// Whether the text has just this form, and is a day of the calendar.
    pub fn fits(&self, text: &str) -> bool {
        self.0.read(text).is_some()
    }
}

impl Part {
    /// Takes its share off the text and gives the rest.
    fn read<'t>(&self, text: &'t str, fields: &mut Fields) -> Option<&'t str> {
        let (value, rest) = match self {
            Self::Separator(separator) => return text.strip_prefix(*separator),
            Self::ShortMonth => month(text, |name| &name[..3])?,
            Self::LongMonth => month(text, |name| name)?,
            Self::Year => number(text, 4, 4)?,
            Self::Month(Width::OneOrTwo) | Self::Day(Width::OneOrTwo) => number(text, 1, 2)?,
            _ => number(text, 2, 2)?,
        };
        let field = match self {
            Self::Year => &mut fields.year,
            Self::Day(_) => &mut fields.day,
            Self::Hour => &mut fields.hour,
            Self::Minute => &mut fields.minute,
            Self::Second => &mut fields.second,
            _ => &mut fields.month,
        };
        *field = value;
        Some(rest)
    }
}

fn number(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let width = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if width < least {
        return None;
    }
    let (digits, rest) = text.split_at(width);
    Some((digits.parse().ok()?, rest))
}

fn month(text: &str, form: fn(&'static str) -> &'static str) -> Option<(u32, &str)> {
    (1..).zip(MONTHS.map(form)).find_map(|(number, name)| {
        let (start, rest) = text.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some((number, rest))
    })
}

impl Fields {
    fn moment(&self) -> Option<Moment> {
        let year = i32::try_from(self.year).ok().filter(|year| *year > 0)?;
        let date = NaiveDate::from_ymd_opt(year, self.month, self.day)?;
        if self.hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let days = date.num_days_from_ce() - EPOCH;
        Some(Moment { days, second: (self.hour * 60 + self.minute) * 60 + self.second })
    }
}

/// 1970-01-01, counted from the first day of year 1.
const EPOCH: i32 = 719_163;
