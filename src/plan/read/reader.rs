//! Typed access to a TOML tree that collects what is wrong instead of stopping at it.

use std::ops::{Range, RangeInclusive};

use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

use crate::{
    model::Problem,
    plan::{Literal, place::Places, suggest::nearest},
};

pub(super) type Node<'t> = Spanned<DeValue<'t>>;

/// A value and the bytes of the text it stands at.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

pub(super) struct Reader<'t> {
    pub(super) places: Places<'t>,
    problems: Vec<Problem>,
    /// The syntax is broken: what is missing may only have been lost.
    broken: bool,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { places: Places::new(text), problems: Vec::new(), broken: false }
    }

    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems.dedup();
        self.problems
    }

    pub(super) fn syntax(&mut self, span: Option<Range<usize>>, message: &str) {
        let (line, column) = self.places.at(span.map_or(0, |span| span.start));
        self.syntax_at(line, column, message);
    }

    pub(super) fn syntax_at(&mut self, line: usize, column: usize, message: &str) {
        self.broken = true;
        let remedy = if message.contains("unquoted key") { "; put any other name in quotes" } else { "" };
        let message = format!("not valid TOML: {message}{remedy}");
        self.problems.push(Problem { line, column, error: true, message });
    }

    pub(super) fn error(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.push(span, true, message.into());
    }

    pub(super) fn warning(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.push(span, false, message.into());
    }

    /// Something required is not there; `span` is of what should hold it.
    pub(super) fn missing(&mut self, span: Option<&Range<usize>>, message: impl Into<String>) {
        match span {
            _ if self.broken => {}
            Some(span) => self.error(span, message),
            None => self.problems.push(Problem { line: 0, column: 0, error: true, message: message.into() }),
        }
    }

    fn push(&mut self, span: &Range<usize>, error: bool, message: String) {
        let (line, column) = self.places.at(span.start);
        self.problems.push(Problem { line, column, error, message });
    }

    /// Complains about every key of `table` that is not in `allowed`; `place` names the table.
    pub(super) fn known(&mut self, table: &DeTable<'_>, place: &str, allowed: &[&str]) {
        for (key, _) in in_order(table) {
            let name = key.get_ref().as_ref();
            if !allowed.contains(&name) {
                let hint = match nearest(name, allowed.iter().copied()) {
                    Some(meant) => format!("did you mean '{meant}'?"),
                    None => format!("known are {}", allowed.join(", ")),
                };
                self.error(&key.span(), format!("unknown key '{name}' in {place}; {hint}"));
            }
        }
    }

    pub(super) fn table<'v, 'd>(&mut self, table: &'v DeTable<'d>, key: &str) -> Option<Found<&'v DeTable<'d>>> {
        let node = table.get(key)?;
        let found = node.get_ref().as_table().map(|value| Found { value, span: node.span() });
        if found.is_none() {
            let message = format!("'{key}' is {}; expected a table", article(node.get_ref()));
            self.error(&node.span(), message);
        }
        found
    }

    pub(super) fn text<'v>(&mut self, table: &'v DeTable<'_>, key: &str) -> Option<Found<&'v str>> {
        let node = table.get(key)?;
        self.as_text(node, key)
    }

    /// Text that may not be empty.
    pub(super) fn filled_text<'v>(&mut self, table: &'v DeTable<'_>, key: &str) -> Option<Found<&'v str>> {
        let found = self.text(table, key)?;
        if found.value.trim().is_empty() {
            self.error(&found.span, format!("'{key}' is empty; fill it or take it out"));
            return None;
        }
        Some(found)
    }

    pub(super) fn as_text<'v>(&mut self, node: &'v Node<'_>, key: &str) -> Option<Found<&'v str>> {
        if let Some(value) = node.get_ref().as_str() {
            return Some(Found { value, span: node.span() });
        }
        self.error(&node.span(), format!("'{key}' is {}; expected text in quotes", article(node.get_ref())));
        None
    }

    pub(super) fn boolean(&mut self, table: &DeTable<'_>, key: &str) -> Option<bool> {
        let node = table.get(key)?;
        let value = node.get_ref().as_bool();
        if value.is_none() {
            self.error(&node.span(), format!("'{key}' is {}; expected true or false", article(node.get_ref())));
        }
        value
    }

    pub(super) fn number(&mut self, table: &DeTable<'_>, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let node = table.get(key)?;
        let expected = match *range.end() {
            end if end > u64::from(u32::MAX) => format!("a whole number from {}", range.start()),
            end => format!("a whole number from {} to {end}", range.start()),
        };
        let Some(integer) = node.get_ref().as_integer() else {
            self.error(&node.span(), format!("'{key}' is {}; expected {expected}", article(node.get_ref())));
            return None;
        };
        let value = whole(integer).and_then(|value| u64::try_from(value).ok()).filter(|value| range.contains(value));
        if value.is_none() {
            self.error(&node.span(), format!("'{key}' is {integer}; expected {expected}"));
        }
        value
    }

    pub(super) fn word<T: Copy>(&mut self, table: &DeTable<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let found = self.text(table, key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == found.value) {
            return Some(*value);
        }
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = nearest(found.value, allowed.iter().copied()).map(|word| format!("; did you mean '{word}'?"));
        let (allowed, hint) = (allowed.join(", "), hint.unwrap_or_default());
        self.error(&found.span, format!("'{key}' is '{}'; allowed are {allowed}{hint}", found.value));
        None
    }

    /// A list of names, each once and none empty.
    pub(super) fn names(&mut self, table: &DeTable<'_>, key: &str) -> Vec<Found<String>> {
        let Some(node) = table.get(key) else { return Vec::new() };
        let Some(array) = node.get_ref().as_array() else {
            let kind = article(node.get_ref());
            self.error(&node.span(), format!("'{key}' is {kind}; expected a list of column names: [\"a\", \"b\"]"));
            return Vec::new();
        };
        let mut names: Vec<Found<String>> = Vec::new();
        for item in array.iter() {
            let Some(found) = self.as_text(item, key) else { continue };
            if found.value.is_empty() {
                self.error(&found.span, format!("'{key}' holds an empty name; take it out"));
            } else if names.iter().any(|name| name.value == found.value) {
                self.error(&found.span, format!("'{key}' names '{}' twice; take one out", found.value));
            } else {
                names.push(Found { value: found.value.to_owned(), span: found.span });
            }
        }
        names
    }

    /// A scalar as the text that converts to a column's type.
    pub(super) fn scalar(&mut self, node: &Node<'_>, key: &str) -> Option<Literal> {
        let text = match node.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(integer) => match whole(integer).and_then(|value| i64::try_from(value).ok()) {
                Some(value) => value.to_string(),
                None => {
                    self.error(&node.span(), format!("'{key}' is beyond what TOML counts to; write it in quotes"));
                    return None;
                }
            },
            DeValue::Float(float) => float.as_str().trim_start_matches('+').to_owned(),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(value) => value.to_string(),
            DeValue::Array(_) | DeValue::Table(_) => {
                let kind = article(node.get_ref());
                self.error(&node.span(), format!("'{key}' is {kind}; expected text, a number, true or false"));
                return None;
            }
        };
        Some(Literal(text))
    }
}

/// A table's entries in the order of the text.
pub(super) fn in_order<'v, 'd>(table: &'v DeTable<'d>) -> Vec<(&'v Spanned<toml::de::DeString<'d>>, &'v Node<'d>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn whole(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// What a value is, for a sentence.
pub(super) fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
