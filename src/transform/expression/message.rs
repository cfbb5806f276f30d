//! DataFusion's errors in words for an operator.

use datafusion::{arrow::error::ArrowError, common::SchemaError, error::DataFusionError};

use crate::transform::ExprError;

use super::Columns;

/// The innermost message, without the layers' own prefixes.
pub(super) fn words(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::External(inner) => inner.to_string(),
        DataFusionError::ArrowError(inner, _) => arrow_words(inner),
        DataFusionError::SchemaError(inner, _) => inner.to_string(),
        DataFusionError::SQL(inner, _) => inner.to_string().trim_start_matches("sql parser error: ").to_owned(),
        DataFusionError::Internal(text) => first_line(text),
        other => other.message().into_owned(),
    }
}

fn arrow_words(error: &ArrowError) -> String {
    match error {
        ArrowError::CastError(text)
        | ArrowError::ParseError(text)
        | ArrowError::ComputeError(text)
        | ArrowError::InvalidArgumentError(text)
        | ArrowError::ArithmeticOverflow(text) => text.clone(),
        ArrowError::DivideByZero => "division by zero".into(),
        ArrowError::ExternalError(inner) => inner.to_string(),
        other => other.to_string(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or(text).to_owned()
}

/// Why one row failed.
pub(super) fn row_words(error: &DataFusionError) -> String {
    let text = words(error);
    let text = text.strip_prefix("Execution error: ").unwrap_or(&text);
    uncastable(text).unwrap_or_else(|| plain_types(text))
}

/// Arrow's names of types, and what a plan calls them.
const TYPES: &[(&str, &str)] = &[
    ("Utf8View", "text"),
    ("LargeUtf8", "text"),
    ("Utf8", "text"),
    ("Int64", "bigint"),
    ("Int32", "integer"),
    ("Int16", "smallint"),
    ("Int8", "tinyint"),
    ("Float64", "double"),
    ("Float32", "real"),
    ("Decimal128", "decimal"),
    ("Decimal256", "decimal"),
    ("Date32", "date"),
];

/// Only whole words, and nothing in quotes: that may be a value.
fn plain_types(text: &str) -> String {
    if text.contains('\'') {
        return text.to_owned();
    }
    let plain = |word: &str| TYPES.iter().find(|(arrow, _)| *arrow == word).map_or(word, |(_, plain)| plain).to_owned();
    let mut made = String::with_capacity(text.len());
    let mut word = String::new();
    for letter in text.chars() {
        if letter.is_alphanumeric() {
            word.push(letter);
        } else {
            made.push_str(&plain(&std::mem::take(&mut word)));
            made.push(letter);
        }
    }
    made + &plain(&word)
}

/// `Cannot cast string '12a4' to value of Int64 type`, as an operator would say it.
fn uncastable(text: &str) -> Option<String> {
    let rest = text.strip_prefix("Cannot cast string '")?;
    let (value, ty) = rest.rsplit_once("' to value of ")?;
    let ty = ty.strip_suffix(" type")?;
    let noun = match ty {
        "Boolean" => "a boolean",
        _ if ty.starts_with("Int") || ty.starts_with("UInt") => "an integer in range",
        _ if ty.starts_with("Float") || ty.starts_with("Decimal") => "a number in range",
        _ if ty.starts_with("Date") => "a date",
        _ if ty.starts_with("Timestamp") => "a timestamp",
        _ if ty.starts_with("Time") => "a time",
        _ => return None,
    };
    Some(format!("'{value}' is not {noun}"))
}

/// The parser's words and ours.
const WORDS: &[(&str, &str)] = &[
    ("recursion limit exceeded", "the expression nests too deeply"),
    ("found: EOF", "found the end"),
    ("Expected: ", "expected "),
];

pub(super) fn syntax_error(sql: &str, error: &DataFusionError) -> ExprError {
    let text = words(error);
    let (message, line, column) = match text.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((message, line.trim().parse().ok()?, column.trim().parse().ok()?))
    }) {
        Some((message, line, column)) => (message.to_owned(), line, column),
        None => (text, 0, 0),
    };
    let message = WORDS.iter().fold(message, |message, (theirs, ours)| message.replace(theirs, ours));
    let message = if lacks_end(sql) { format!("{message}; a CASE needs its END") } else { message };
    ExprError { message, line, column }
}

/// The parser takes such a CASE for a column's name and complains about what follows.
fn lacks_end(sql: &str) -> bool {
    let count = |wanted: &str| {
        let words = sql.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.filter(|word| word.eq_ignore_ascii_case(wanted)).count()
    };
    count("case") > count("end")
}

/// With the place, where the planner knows it, and the name that was probably meant.
pub(super) fn compile_error(error: &DataFusionError, columns: &Columns) -> ExprError {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let place = |get: fn(&datafusion::common::Location) -> u64| {
        span.map_or(0, |span| usize::try_from(get(&span.start)).unwrap_or(0))
    };
    let message = match error.find_root() {
        DataFusionError::SchemaError(inner, _) => match inner.as_ref() {
            SchemaError::FieldNotFound { field, .. } => unknown_column(&field.flat_name(), columns),
            other => other.to_string(),
        },
        _ => planner_words(&row_words(error)),
    };
    ExprError { message, line: place(|start| start.line), column: place(|start| start.column) }
}

fn unknown_column(name: &str, columns: &Columns) -> String {
    let alone = name.rsplit_once('.').map(|(_, last)| last).filter(|last| columns.index(last).is_some());
    match alone.or_else(|| nearest(name, columns.names())) {
        Some(near) => format!("there is no column '{name}'; did you mean '{near}'?"),
        None => format!("there is no column '{name}'; text is written in single quotes"),
    }
}

fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let lower = name.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&lower, &known.to_lowercase());
    let allowed = name.chars().count().div_ceil(3);
    names.map(|known| (distance(known), known)).filter(|(far, _)| *far <= allowed).min().map(|(_, known)| known)
}

fn planner_words(text: &str) -> String {
    let prefixes = ["user-defined coercion failed with: ", "Error during planning: ", "Execution error: "];
    let text = prefixes.iter().fold(text, |text, prefix| text.rsplit_once(prefix).map_or(text, |(_, rest)| rest));
    if let Some((function, types)) = arguments(text) {
        return format!("{function}() does not take {}; cast what it is given", plain_types(types));
    }
    let text = text.strip_suffix(" to valid types").map_or_else(
        || text.to_owned(),
        |start| format!("{}; cast both sides to one type", start.replace("Cannot coerce arithmetic", "there is no")),
    );
    // Some messages go on with the parser's own structures, which hold the places of their parts.
    let text = match text.split_once(" { ") {
        Some((start, rest)) if rest.contains("Span(") => start.trim_end_matches(char::is_alphanumeric),
        _ => &text,
    };
    let text =
        text.replace("Invalid function '", "there is no function '").replace(".\nDid you mean", "; did you mean");
    plain_types(text.trim_end())
}

/// Of `Failed to coerce arguments to satisfy a call to 'f' function: coercion from A, B to the signature ... failed`.
fn arguments(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("Failed to coerce arguments to satisfy a call to '")?;
    let (function, rest) = rest.split_once("' function: coercion from ")?;
    Some((function, rest.split_once(" to the signature")?.0))
}
