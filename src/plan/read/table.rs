//! `[[table]]`.

use std::ops::Range;

use toml::de::DeTable;

use super::{
    column,
    reader::{Found, Node, Reader, article, in_order},
    test,
};
use crate::{
    model::Mode,
    plan::{
        ColumnPlan, Phrase, Spans, TablePlan,
        place::{PhraseSpan, TableSpans},
    },
};

const KEYS: [&str; 8] = ["from", "to", "mode", "key", "skip", "where", "columns", "test"];

pub(super) fn read_tables(reader: &mut Reader<'_>, root: &DeTable<'_>, spans: &mut Spans) -> Vec<TablePlan> {
    let Some(node) = root.get("table") else { return Vec::new() };
    let Some(array) = node.get_ref().as_array() else {
        let kind = article(node.get_ref());
        reader.error(&node.span(), format!("'table' is {kind}; write each table as [[table]], in double brackets"));
        return Vec::new();
    };
    let mut tables: Vec<TablePlan> = Vec::new();
    for item in array.iter() {
        let Some((table, places)) = read_table(reader, item) else { continue };
        if tables.iter().any(|other| other.to == table.to) {
            let place = item_place(item);
            reader.error(&place, format!("a second table goes to '{}'; take one out or change its 'to'", table.to));
        } else {
            spans.tables.insert(table.to.clone(), places);
        }
        tables.push(table);
    }
    tables
}

/// Where a table says what it goes to.
fn item_place(item: &Node<'_>) -> Range<usize> {
    let table = item.get_ref().as_table();
    let named = table.and_then(|table| table.get("to").or_else(|| table.get("from")));
    named.map_or_else(|| item.span(), |node| node.span())
}

fn read_table(reader: &mut Reader<'_>, item: &Node<'_>) -> Option<(TablePlan, TableSpans)> {
    let Some(table) = item.get_ref().as_table() else {
        reader.error(&item.span(), "expected a table; write it as [[table]] with from = \"...\"");
        return None;
    };
    reader.known(table, "[[table]]", &KEYS);
    let mut spans = TableSpans { at: reader.places.at(item.span().start), ..TableSpans::default() };
    let named = |found: Option<Found<&str>>| found.map(|found| found.value.to_owned());
    let from = named(reader.filled_text(table, "from"));
    let to = named(reader.filled_text(table, "to"));
    if !table.contains_key("from") {
        reader.missing(Some(&item.span()), "[[table]] has no from; add the source table: from = \"...\"");
    }
    let key = reader.names(table, "key");
    let skip = reader.names(table, "skip");
    let filter = reader.filled_text(table, "where");
    if let Some(filter) = &filter {
        let span = PhraseSpan::new(&reader.places, filter.span.clone(), filter.value);
        spans.phrases.insert(Phrase::Filter, span);
    }
    spans.keys = key.iter().map(|name| (name.value.clone(), reader.places.at(name.span.start))).collect();
    spans.skips = skip.iter().map(|name| (name.value.clone(), reader.places.at(name.span.start))).collect();
    let plan = TablePlan {
        to: to.or_else(|| from.clone())?,
        from: from.unwrap_or_default(),
        mode: reader.word(table, "mode", &Mode::ALL.map(|mode| (mode.word(), mode))).unwrap_or_default(),
        key: key.into_iter().map(|name| name.value).collect(),
        skip: skip.into_iter().map(|name| name.value).collect(),
        filter: filter.map(|filter| filter.value.to_owned()),
        columns: read_columns(reader, table, &mut spans),
        tests: test::read_tests(reader, table),
    };
    Some((plan, spans))
}

fn read_columns(reader: &mut Reader<'_>, table: &DeTable<'_>, spans: &mut TableSpans) -> Vec<(String, ColumnPlan)> {
    let Some(columns) = reader.table(table, "columns") else { return Vec::new() };
    let mut plans = Vec::new();
    for (key, node) in in_order(columns.value) {
        let name = key.get_ref().to_string();
        if name.is_empty() {
            reader.error(&key.span(), "a column has an empty name; name the destination column");
        }
        spans.columns.insert(name.clone(), reader.places.at(key.span().start));
        let plan = column::read(reader, &name, node, spans);
        plans.push((name, plan));
    }
    plans
}
