//! What texts look like that could be of a type of their own.

use serde::de::IgnoredAny;

use crate::{protocol::Kind, transform::DateForm};

/// As people write days and moments; where two are alike but for their width, the narrower comes first.
const FORMS: &[&str] = &[
    "YYYY-MM-DD",
    "MM/DD/YYYY",
    "DD/MM/YYYY",
    "M/D/YYYY",
    "D/M/YYYY",
    "DD.MM.YYYY",
    "D.M.YYYY",
    "DD-MM-YYYY",
    "MM-DD-YYYY",
    "YYYY/MM/DD",
    "YYYYMMDD",
    "DD-Mon-YYYY",
    "DD Mon YYYY",
    "D Month YYYY",
    "YYYY-MM-DD HH24:MI:SS",
    "YYYY-MM-DDTHH24:MI:SS",
    "YYYY-MM-DD HH24:MI",
    "MM/DD/YYYY HH24:MI:SS",
    "DD/MM/YYYY HH24:MI:SS",
    "DD.MM.YYYY HH24:MI:SS",
];

/// Longer texts are no dates, and no JSON that somebody would want to know of here.
const LONGEST_DATE: usize = 32;
const LONGEST_JSON: usize = 1 << 20;

const TRUTHS: &[&str] = &["t", "f", "true", "false", "yes", "no", "y", "n", "on", "off", "0", "1"];

/// Whether a text looks so.
type Looks = fn(&str) -> bool;

const PLAIN: [(&str, Looks); 6] = [
    ("integer", is_integer),
    ("decimal", is_decimal),
    ("boolean", is_truth),
    ("uuid", is_uuid),
    ("email", is_email),
    ("json", is_json),
];

#[derive(Debug)]
pub(super) struct Kinds {
    plain: [u64; PLAIN.len()],
    forms: Vec<(&'static str, DateForm, u64)>,
}

impl Kinds {
    pub(super) fn new() -> Self {
        let form = |text: &&'static str| Some((*text, DateForm::parse(text)?, 0));
        Self { plain: [0; PLAIN.len()], forms: FORMS.iter().filter_map(form).collect() }
    }

    pub(super) fn take(&mut self, text: &str) {
        for ((_, is), rows) in PLAIN.iter().zip(&mut self.plain) {
            *rows += u64::from(is(text));
        }
        if (8..=LONGEST_DATE).contains(&text.len()) && text.bytes().filter(u8::is_ascii_digit).count() >= 5 {
            for (_, form, rows) in &mut self.forms {
                *rows += u64::from(form.fits(text));
            }
        }
    }

    /// What some look like, the narrower kinds first; of two forms of dates that say the same of as many the narrower one.
    pub(super) fn told(&self) -> Vec<Kind> {
        let kind = |name: &str, format: Option<&str>, rows| Kind {
            name: name.into(),
            format: format.map(str::to_owned),
            rows,
        };
        let plain = PLAIN.iter().zip(self.plain).map(|((name, _), rows)| kind(name, None, rows));
        let mut told: Vec<Kind> = plain.filter(|kind| kind.rows > 0).collect();
        for (text, _, rows) in self.forms.iter().filter(|(_, _, rows)| *rows > 0) {
            let narrow = text.replace("M/D/", "MM/DD/").replace("D/M/", "DD/MM/").replace("D.M.", "DD.MM.");
            let known = |kind: &Kind| kind.format.as_ref() == Some(&narrow) && kind.rows == *rows && narrow != *text;
            if !told.iter().any(known) {
                let name = if text.contains("HH24") { "timestamp" } else { "date" };
                told.push(kind(name, Some(text), *rows));
            }
        }
        told
    }
}

/// Written as it would be shown: with zeros in front it is a text of digits.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.len() <= 38 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0')) && text != "-0"
}

fn is_decimal(text: &str) -> bool {
    match text.split_once('.') {
        None => is_integer(text),
        Some((whole, fraction)) => {
            let fits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
            fits && text.len() <= 40 && (is_integer(whole) || whole == "-0")
        }
    }
}

fn is_truth(text: &str) -> bool {
    text.len() <= 5 && TRUTHS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let labels = || domain.split('.');
    text.len() <= 254
        && !local.is_empty()
        && !text.chars().any(|char| char.is_whitespace() || char.is_control())
        && labels().count() >= 2
        && labels().all(|label| !label.is_empty() && label.chars().all(|char| char.is_alphanumeric() || char == '-'))
}

/// An object or a list: a number alone is JSON, but nobody means that.
fn is_json(text: &str) -> bool {
    let opens = text.trim_start().starts_with(['{', '[']);
    opens && text.len() <= LONGEST_JSON && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<String> {
        let mut kinds = Kinds::new();
        texts.iter().for_each(|text| kinds.take(text));
        let all = texts.len() as u64;
        let name = |kind: Kind| kind.format.map_or(kind.name.clone(), |format| format!("{} {format}", kind.name));
        kinds.told().into_iter().filter(|kind| kind.rows == all).map(name).collect()
    }

    #[test]
    fn every_form_is_one_that_parse_date_takes() {
        assert_eq!(Kinds::new().forms.len(), FORMS.len());
    }

    #[test]
    fn texts_are_taken_for_what_they_look_like() {
        for (texts, kinds) in [
            (&["1", "-17", "0"][..], &["integer", "decimal"][..]),
            (&["1.50", "-0.5", "3"], &["decimal"]),
            (&["007", "1"], &[]),
            (&["true", "F"], &["boolean"]),
            (&["03/07/2019", "12/12/2020"], &["date MM/DD/YYYY", "date DD/MM/YYYY"]),
            (&["03/17/2019"], &["date MM/DD/YYYY"]),
            (&["3/7/2019", "12/31/2020"], &["date M/D/YYYY"]),
            (&["2024-02-29"], &["date YYYY-MM-DD"]),
            (&["2024-02-30"], &[]),
            (&["2024-02-29 01:02:03"], &["timestamp YYYY-MM-DD HH24:MI:SS"]),
            (&["7-Mar-2019", "x"], &[]),
            (&["07-Mar-2019"], &["date DD-Mon-YYYY"]),
            (&["ada@example.com"], &["email"]),
            (&["ada@localhost", "@x.y", "a b@x.y"], &[]),
            (&["6f2c1f0e-0a3b-4c5d-8e9f-001122334455"], &["uuid"]),
            (&["{\"a\": [1]}", "[]"], &["json"]),
            (&["{nope"], &[]),
        ] {
            assert_eq!(names(texts), kinds, "{texts:?}");
        }
    }
}
