//! `[[table.test]]`: a row and what the mapping should make of it.

use toml::de::DeTable;

use super::reader::{Node, Reader, article, in_order};
use crate::plan::{Literal, RowTest};

const KEYS: [&str; 6] = ["name", "given", "expect", "null", "fault", "filtered"];

pub(super) fn read_tests(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Vec<RowTest> {
    let Some(node) = table.get("test") else { return Vec::new() };
    let Some(array) = node.get_ref().as_array() else {
        let kind = article(node.get_ref());
        reader.error(&node.span(), format!("'test' is {kind}; write each test as [[table.test]], in double brackets"));
        return Vec::new();
    };
    array.iter().filter_map(|item| read_test(reader, item)).collect()
}

fn read_test(reader: &mut Reader<'_>, item: &Node<'_>) -> Option<RowTest> {
    let Some(table) = item.get_ref().as_table() else {
        reader.error(&item.span(), "expected a test; write it as [[table.test]] with given = { column = value }");
        return None;
    };
    reader.known(table, "[[table.test]]", &KEYS);
    if !table.contains_key("given") {
        reader.error(&item.span(), "the test has no row; add given = { column = value }");
    }
    let test = RowTest {
        line: reader.places.at(item.span().start).0,
        name: reader.text(table, "name").map(|name| name.value.to_owned()),
        given: cells(reader, table, "given"),
        expect: cells(reader, table, "expect"),
        null: reader.names(table, "null").into_iter().map(|name| name.value).collect(),
        fault: reader.filled_text(table, "fault").map(|fault| fault.value.to_owned()),
        filtered: reader.boolean(table, "filtered").unwrap_or_default(),
    };
    if test.expect.is_empty() && test.null.is_empty() && test.fault.is_none() && !test.filtered {
        let message = "the test expects nothing; add expect = { column = value }, null = [column], fault = column or \
                       filtered = true";
        reader.error(&item.span(), message);
    }
    Some(test)
}

fn cells(reader: &mut Reader<'_>, table: &DeTable<'_>, key: &str) -> Vec<(String, Literal)> {
    let Some(found) = reader.table(table, key) else { return Vec::new() };
    let mut cells = Vec::new();
    for (name, node) in in_order(found.value) {
        let name = name.get_ref().to_string();
        if let Some(literal) = reader.scalar(node, &name) {
            cells.push((name, literal));
        }
    }
    cells
}
