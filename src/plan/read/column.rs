//! One destination column: where it comes from.

use std::{collections::BTreeMap, ops::Range};

use toml::de::{DeTable, DeValue};

use super::reader::{Node, Reader, article, in_order};
use crate::{
    model::ColumnType,
    plan::{
        ColumnPlan, Phrase, Unlisted, ValueMap,
        place::{PhraseSpan, TableSpans},
        suggest::did_you_mean,
    },
};

const KEYS: [&str; 13] = [
    "from",
    "expr",
    "type",
    "values",
    "unlisted",
    "default",
    "check",
    "skip",
    "accept_loss",
    "private",
    "note",
    "by",
    "on",
];

pub(super) fn read(reader: &mut Reader<'_>, name: &str, node: &Node<'_>, spans: &mut TableSpans) -> ColumnPlan {
    match node.get_ref() {
        DeValue::String(from) => {
            if from.is_empty() {
                reader.error(&node.span(), format!("column '{name}' names no source column; fill it or take it out"));
            }
            ColumnPlan { from: Some(from.to_string()), ..ColumnPlan::default() }
        }
        DeValue::Table(table) => read_table(reader, name, &node.span(), table, spans),
        other => {
            let kind = article(other);
            let message = format!(
                "column '{name}' is {kind}; expected a source column in quotes, or a table: {{ expr = \"...\" }}"
            );
            reader.error(&node.span(), message);
            ColumnPlan::default()
        }
    }
}

fn read_table(
    reader: &mut Reader<'_>,
    name: &str,
    span: &Range<usize>,
    table: &DeTable<'_>,
    spans: &mut TableSpans,
) -> ColumnPlan {
    reader.known(table, &format!("column '{name}'"), &KEYS);
    let plan = ColumnPlan {
        from: reader.filled_text(table, "from").map(|from| from.value.to_owned()),
        expr: read_phrase(reader, table, "expr", Phrase::Expr(name.to_owned()), spans),
        ty: read_type(reader, table),
        values: read_values(reader, name, span, table),
        default: table.get("default").and_then(|node| reader.scalar(node, "default")),
        check: read_phrase(reader, table, "check", Phrase::Check(name.to_owned()), spans),
        skip: reader.boolean(table, "skip").unwrap_or_default(),
        accept_loss: reader.boolean(table, "accept_loss").unwrap_or_default(),
        private: reader.boolean(table, "private").unwrap_or_default(),
        note: reader.text(table, "note").map(|note| note.value.to_owned()),
        by: reader.text(table, "by").map(|by| by.value.to_owned()),
        on: read_day(reader, table),
    };
    check_together(reader, name, span, table, &plan);
    plan
}

/// What each key alone cannot tell.
fn check_together(reader: &mut Reader<'_>, name: &str, span: &Range<usize>, table: &DeTable<'_>, plan: &ColumnPlan) {
    let place = |key: &str| table.get(key).map_or_else(|| span.clone(), |node| node.span());
    if table.contains_key("from") && table.contains_key("expr") {
        reader.error(&place("expr"), format!("column '{name}' has both from and expr; keep one"));
    }
    let others = in_order(table).into_iter().map(|(key, _)| key.get_ref().as_ref());
    let others: Vec<&str> =
        others.filter(|key| KEYS.contains(key) && !["skip", "private", "note", "by", "on"].contains(key)).collect();
    if plan.skip && !others.is_empty() {
        let others = others.join(", ");
        reader
            .error(&place("skip"), format!("column '{name}' is skipped but also has {others}; keep one or the other"));
    }
    let takes_default = plan.values.as_ref().is_some_and(|values| values.unlisted == Unlisted::Default);
    if takes_default && !table.contains_key("default") {
        reader.error(&place("unlisted"), format!("column '{name}' has unlisted = \"default\" but no default; add one"));
    }
}

fn read_phrase(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    key: &str,
    phrase: Phrase,
    spans: &mut TableSpans,
) -> Option<String> {
    let found = reader.filled_text(table, key)?;
    spans.phrases.insert(phrase, PhraseSpan::new(&reader.places, found.span, found.value));
    Some(found.value.to_owned())
}

/// A date, as TOML has them or in quotes.
fn read_day(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<String> {
    let node = table.get("on")?;
    match node.get_ref() {
        DeValue::Datetime(day) => Some(day.to_string()),
        _ => reader.as_text(node, "on").map(|day| day.value.to_owned()),
    }
}

fn read_type(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<ColumnType> {
    let found = reader.text(table, "type")?;
    match found.value.parse::<ColumnType>() {
        Ok(ty) => Some(ty),
        Err(error) => {
            let bare = found.value.split('(').next().unwrap_or_default().trim();
            let known = ColumnType::NAMES.iter().map(|name| name.split('(').next().unwrap_or_default());
            let hint = if ColumnType::NAMES.contains(&bare) { String::new() } else { did_you_mean(bare, known) };
            reader.error(&found.span, format!("{error}{hint}"));
            None
        }
    }
}

fn read_values(reader: &mut Reader<'_>, name: &str, span: &Range<usize>, table: &DeTable<'_>) -> Option<ValueMap> {
    let words = [("fault", Unlisted::Fault), ("default", Unlisted::Default), ("keep", Unlisted::Keep)];
    let unlisted = reader.word(table, "unlisted", &words);
    if !table.contains_key("values") {
        if let Some(node) = table.get("unlisted") {
            reader.error(
                &node.span(),
                format!("column '{name}' has unlisted but no values; add values = {{ old = \"new\" }}"),
            );
        }
        return None;
    }
    let values = reader.table(table, "values")?;
    if values.value.is_empty() {
        reader.error(span, format!("the values of column '{name}' are empty; list some or take them out"));
    }
    let entries = in_order(values.value).into_iter();
    let entries: BTreeMap<_, _> = entries
        .filter_map(|(key, node)| Some((key.get_ref().to_string(), reader.scalar(node, key.get_ref())?)))
        .collect();
    Some(ValueMap { entries, unlisted: unlisted.unwrap_or_default() })
}
