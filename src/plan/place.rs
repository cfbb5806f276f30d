//! Where things stand in a plan's text. Lines and columns count from 1; columns count characters.

use std::collections::BTreeMap;

use toml_edit::Document as Tree;

/// Turns byte offsets of a text into lines and columns.
pub(super) struct Places<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    pub(super) fn at(&self, byte: usize) -> (usize, usize) {
        let byte = (0..=byte.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts[line - 1];
        let before = self.text[start..byte].chars().filter(|c| *c != '\u{feff}');
        (line, before.count() + 1)
    }

    pub(super) fn slice(&self, span: std::ops::Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }
}

/// A piece of SQL in a table's plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phrase {
    /// The table's `where`.
    Filter,
    /// The `expr` of a destination column.
    Expr(String),
    /// The `check` of a destination column.
    Check(String),
}

/// Where a plan's tables, columns and expressions stand in its text, as (line, column).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    pub(super) tables: BTreeMap<String, TableSpans>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TableSpans {
    pub(super) at: (usize, usize),
    pub(super) columns: BTreeMap<String, (usize, usize)>,
    pub(super) keys: BTreeMap<String, (usize, usize)>,
    pub(super) skips: BTreeMap<String, (usize, usize)>,
    pub(super) phrases: BTreeMap<Phrase, PhraseSpan>,
}

/// A phrase's text, and the place of each of its characters and of its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PhraseSpan {
    text: String,
    places: Vec<(usize, usize)>,
}

impl Spans {
    /// Where the destination table's `[[table]]` begins.
    pub fn table(&self, to: &str) -> Option<(usize, usize)> {
        self.tables.get(to).map(|table| table.at)
    }

    /// Where the destination column is named.
    pub fn column(&self, to: &str, column: &str) -> Option<(usize, usize)> {
        self.tables.get(to)?.columns.get(column).copied()
    }

    /// Where a column of the table's `key` stands.
    pub fn key(&self, to: &str, column: &str) -> Option<(usize, usize)> {
        self.tables.get(to)?.keys.get(column).copied()
    }

    /// Where a column of the table's `skip` stands.
    pub fn skip(&self, to: &str, column: &str) -> Option<(usize, usize)> {
        self.tables.get(to)?.skips.get(column).copied()
    }

    /// Where the phrase's character number `offset` (from 0) stands; its end for any offset behind it. Escapes and
    /// line breaks of the TOML string are accounted for.
    pub fn expression(&self, to: &str, phrase: &Phrase, offset: usize) -> Option<(usize, usize)> {
        let places = &self.tables.get(to)?.phrases.get(phrase)?.places;
        places.get(offset).or(places.last()).copied()
    }

    /// The same for a place that an SQL parser gives: line and column inside the phrase, from 1.
    pub fn expression_line(&self, to: &str, phrase: &Phrase, line: usize, column: usize) -> Option<(usize, usize)> {
        let text = &self.tables.get(to)?.phrases.get(phrase)?.text;
        let before: usize = text.split_inclusive('\n').take(line.max(1) - 1).map(|line| line.chars().count()).sum();
        self.expression(to, phrase, before + column.max(1) - 1)
    }
}

impl PhraseSpan {
    /// Places the characters of `value`, which the TOML string `places.slice(span)` stands for.
    pub(super) fn new(places: &Places<'_>, span: std::ops::Range<usize>, value: &str) -> Self {
        let raw = places.slice(span.clone());
        let mut offsets = inner_offsets(raw);
        if offsets.len() != value.chars().count() + 1 {
            offsets.truncate(1);
        }
        let places = offsets.into_iter().map(|offset| places.at(span.start + offset)).collect();
        Self { text: value.to_owned(), places }
    }
}

/// For each character that a TOML string stands for, the byte of `raw` at which it begins; and where the string ends.
/// Only the beginning where `raw` is no whole string, as after a syntax error.
fn inner_offsets(raw: &str) -> Vec<usize> {
    let Some((quote, width)) = quotes(raw) else { return vec![0] };
    let end = raw.len() - width;
    let mut at = width;
    if width == 3 {
        at += ["\r\n", "\n"].into_iter().find(|first| raw[at..end].starts_with(first)).map_or(0, str::len);
    }
    let mut offsets = Vec::new();
    while let Some(rest) = raw.get(at..end).filter(|rest| !rest.is_empty()) {
        let escapes = quote == '"' && rest.starts_with('\\');
        if !(escapes && is_line_continuation(rest)) {
            offsets.push(at);
        }
        at += if escapes { escape_length(rest) } else { first_length(rest) };
    }
    offsets.push(end);
    offsets
}

/// The quote that encloses a TOML string, and how many of them.
fn quotes(raw: &str) -> Option<(char, usize)> {
    let quote = raw.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let encloses = |width: usize| {
        let quotes = quote.to_string().repeat(width);
        raw.len() >= 2 * width && raw.starts_with(&quotes) && raw.ends_with(&quotes)
    };
    [3, 1].into_iter().find(|width| encloses(*width)).map(|width| (quote, width))
}

fn first_length(rest: &str) -> usize {
    rest.chars().next().map_or(1, char::len_utf8)
}

fn is_line_continuation(rest: &str) -> bool {
    rest.strip_prefix('\\').is_some_and(|rest| rest.trim_start_matches([' ', '\t', '\r']).starts_with('\n'))
}

fn escape_length(rest: &str) -> usize {
    if is_line_continuation(rest) {
        return rest.len() - rest[1..].trim_start_matches([' ', '\t', '\r', '\n']).len();
    }
    match rest[1..].chars().next() {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(other) => 1 + other.len_utf8(),
        None => 1,
    }
}

/// The place at which `text` stops being TOML, with the parser's words; `None` where it is TOML.
pub(super) fn syntax_error(text: &str) -> Option<(usize, usize, String)> {
    let error = Tree::parse(text).err()?;
    let (line, column) = Places::new(text).at(error.span().map_or(0, |span| span.start));
    Some((line, column, error.message().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn characters(raw: &str) -> Vec<char> {
        let mut offsets = inner_offsets(raw);
        offsets.pop();
        offsets.into_iter().map(|at| raw[at..].chars().next().unwrap()).collect()
    }

    #[test]
    fn every_character_of_a_string_has_its_place() {
        assert_eq!(characters("'a\\b'"), ['a', '\\', 'b']);
        assert_eq!(characters(r#""a\"b""#), ['a', '\\', 'b']);
        assert_eq!(characters(r#""é\u00e9x\n""#), ['é', '\\', 'x', '\\']);
        assert_eq!(characters("\"\"\"\na \\\n   b\"\"\""), ['a', ' ', 'b']);
        assert_eq!(characters("'''\r\nab'''"), ['a', 'b']);
        assert_eq!(characters("\"\""), [] as [char; 0]);
    }

    #[test]
    fn a_string_that_is_none_has_a_beginning() {
        for raw in ["", "é1.é", "\"", "\"é", "\"\"\"é", "'é", "é\""] {
            assert_eq!(inner_offsets(raw), [0], "{raw}");
        }
        for raw in ["\"\\uéé\"", "\"\\\"", "\"\\Ué\""] {
            assert!(inner_offsets(raw).len() > 1, "{raw}");
        }
    }

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let text = "é = 1\r\nb = 'ü' # x\n";
        let places = Places::new(text);
        assert_eq!(places.at(0), (1, 1));
        assert_eq!(places.at(text.find('=').unwrap()), (1, 3));
        assert_eq!(places.at(text.find('#').unwrap()), (2, 9));
        assert_eq!(places.at(usize::MAX), (3, 1));
    }
}
