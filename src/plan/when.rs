//! When a plan may run: not before a moment, on some days, between two times of the day.
//!
//! Pure: the caller says what time it is, on the clock of the host that runs the plan. One idea: a window that passes
//! midnight belongs to the day it opens on, so `fri 22:00-05:00` is open on Saturday at four.

use std::{fmt, str::FromStr};

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Weekday};

/// All that a plan says of the time to run; nothing said: any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct When {
    pub not_before: Option<NaiveDateTime>,
    pub window: Option<Window>,
    /// The days on which the window opens.
    pub days: Weekdays,
}

/// From `opens` on and before `closes`, which may be on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub opens: NaiveTime,
    pub closes: NaiveTime,
}

/// A set of days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekdays(u8);

impl Default for Weekdays {
    fn default() -> Self {
        Self(0x7f)
    }
}

/// How far ahead an opening is looked for: some day of any week is in it.
const AHEAD_DAYS: u64 = 8;

impl When {
    /// Whether anything is said.
    pub fn is_limited(&self) -> bool {
        *self != Self::default()
    }

    pub fn is_open(&self, now: NaiveDateTime) -> bool {
        self.not_before.is_none_or(|first| first <= now) && self.is_in_window(now)
    }

    fn is_in_window(&self, now: NaiveDateTime) -> bool {
        let today = now.date();
        let yesterday = today.checked_sub_days(Days::new(1));
        [Some(today), yesterday].into_iter().flatten().any(|day| {
            let (opens, closes) = self.span(day);
            self.days.has(day) && opens <= now && now < closes
        })
    }

    /// When the window of that day opens and closes; a day without a window is open all day.
    fn span(&self, day: NaiveDate) -> (NaiveDateTime, NaiveDateTime) {
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        match self.window {
            None => (day.and_time(NaiveTime::MIN), next.and_time(NaiveTime::MIN)),
            Some(Window { opens, closes }) if opens < closes => (day.and_time(opens), day.and_time(closes)),
            Some(Window { opens, closes }) => (day.and_time(opens), next.and_time(closes)),
        }
    }

    /// When it opens the next time after `now`: the window that is open does not count, except for its not having
    /// begun before `not_before`.
    pub fn next_opening(&self, now: NaiveDateTime) -> NaiveDateTime {
        let from = self.not_before.filter(|first| *first > now).unwrap_or(now);
        if from > now && self.is_in_window(from) {
            return from;
        }
        let days = (0..=AHEAD_DAYS).filter_map(|ahead| from.date().checked_add_days(Days::new(ahead)));
        let openings = days.filter(|day| self.days.has(*day)).map(|day| self.span(day).0);
        openings.into_iter().find(|opening| *opening > from).unwrap_or(from)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(first) = self.not_before {
            parts.push(format!("not before {}", first.format(MOMENT)));
        }
        if self.days != Weekdays::default() {
            parts.push(self.days.to_string());
        }
        if let Some(window) = self.window {
            parts.push(window.to_string());
        }
        f.write_str(&if parts.is_empty() { "any time".to_owned() } else { parts.join(", ") })
    }
}

/// How a plan writes a moment.
pub const MOMENT: &str = "%Y-%m-%d %H:%M";

/// Why a text says no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no {1}")]
pub struct WhenError(String, &'static str);

/// `2026-06-12 22:00`
pub fn moment(text: &str) -> Result<NaiveDateTime, WhenError> {
    let parsed = NaiveDateTime::parse_from_str(text.trim(), MOMENT);
    parsed.map_err(|_| WhenError(text.to_owned(), "moment like 2026-06-12 22:00"))
}

impl FromStr for Window {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let wrong = || WhenError(text.to_owned(), "window like 22:00-05:00");
        let (opens, closes) = text.split_once('-').ok_or_else(wrong)?;
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").map_err(|_| wrong());
        let window = Self { opens: time(opens)?, closes: time(closes)? };
        if window.opens == window.closes { Err(wrong()) } else { Ok(window) }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { opens, closes } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", opens.hour(), opens.minute(), closes.hour(), closes.minute())
    }
}

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Weekdays {
    pub fn has(self, day: NaiveDate) -> bool {
        self.0 & bit(day.weekday()) != 0
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.num_days_from_monday()
}

impl FromStr for Weekdays {
    type Err = WhenError;

    /// `mon-fri`, `sat,sun`, `fri-mon,wed`.
    fn from_str(text: &str) -> Result<Self, WhenError> {
        let wrong = || WhenError(text.to_owned(), "list of days like mon-fri or sat,sun");
        let place = |name: &str| NAMES.iter().position(|known| known.eq_ignore_ascii_case(name.trim()));
        let mut days = 0;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (place(first).ok_or_else(wrong)?, place(last).ok_or_else(wrong)?);
            let count = (last + 7 - first) % 7;
            days |= (0..=count).fold(0, |days, step| days | 1 << ((first + step) % 7));
        }
        Ok(Self(days))
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES.iter().enumerate().filter(|(place, _)| self.0 & 1 << place != 0);
        f.write_str(&names.map(|(_, name)| *name).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        moment(text).unwrap()
    }

    fn when(not_before: Option<&str>, window: Option<&str>, days: &str) -> When {
        When {
            not_before: not_before.map(at),
            window: window.map(|window| window.parse().unwrap()),
            days: days.parse().unwrap(),
        }
    }

    /// 2026-06-12 is a Friday.
    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_opens_on() {
        let friday_night = when(None, Some("22:00-05:00"), "fri");
        for (now, open) in [
            ("2026-06-12 21:59", false),
            ("2026-06-12 22:00", true),
            ("2026-06-13 04:59", true),
            ("2026-06-13 05:00", false),
            ("2026-06-13 22:30", false),
            ("2026-06-12 03:00", false),
        ] {
            assert_eq!(friday_night.is_open(at(now)), open, "{now}");
        }
    }

    #[test]
    fn nothing_opens_before_its_first_moment() {
        let later = when(Some("2026-06-12 23:30"), Some("22:00-05:00"), "mon-sun");
        assert!(!later.is_open(at("2026-06-12 23:00")) && later.is_open(at("2026-06-12 23:30")));
        assert_eq!(later.next_opening(at("2026-06-01 12:00")), at("2026-06-12 23:30"));
        assert_eq!(later.next_opening(at("2026-06-12 23:40")), at("2026-06-13 22:00"));
        let by_day = when(Some("2026-06-12 12:00"), Some("22:00-05:00"), "mon-sun");
        assert_eq!(by_day.next_opening(at("2026-06-01 12:00")), at("2026-06-12 22:00"));
    }

    #[test]
    fn the_next_opening_is_the_next_day_that_counts() {
        let weekend = when(None, Some("02:00-03:00"), "sat,sun");
        assert_eq!(weekend.next_opening(at("2026-06-12 10:00")), at("2026-06-13 02:00"));
        assert_eq!(weekend.next_opening(at("2026-06-13 02:00")), at("2026-06-14 02:00"));
        assert_eq!(weekend.next_opening(at("2026-06-14 02:30")), at("2026-06-20 02:00"));
        let mondays = when(None, None, "mon");
        assert_eq!(mondays.next_opening(at("2026-06-15 00:00")), at("2026-06-22 00:00"));
    }

    #[test]
    fn days_and_windows_read_and_print() {
        for (text, printed) in [("mon-fri", "mon,tue,wed,thu,fri"), ("Sat, sun", "sat,sun"), ("sat-mon", "mon,sat,sun")]
        {
            assert_eq!(text.parse::<Weekdays>().unwrap().to_string(), printed);
        }
        assert_eq!("9:00-17:30".parse::<Window>().unwrap().to_string(), "09:00-17:30");
        for wrong in ["22:00", "22-05", "25:00-05:00", "22:00-22:00", ""] {
            assert!(wrong.parse::<Window>().is_err(), "{wrong}");
        }
        assert!("mo".parse::<Weekdays>().is_err() && "mon-".parse::<Weekdays>().is_err());
        assert!(!When::default().is_limited() && When::default().is_open(at("2026-06-12 10:00")));
        assert_eq!(when(None, Some("22:00-05:00"), "fri").to_string(), "fri, 22:00-05:00");
    }
}
