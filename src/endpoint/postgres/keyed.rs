//! Rows found by their keys.

use datafusion::arrow::record_batch::RecordBatch;

use crate::model::{Cell, Table, cell_at, hex};

use super::sql::{ident, idents, literal};

/// How many keys go into one statement.
const KEYS: usize = 1_000;

/// Conditions that hold, one after another, for the rows that have these keys.
pub(super) fn conditions(table: &Table, keys: &RecordBatch) -> Vec<String> {
    let schema = keys.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let natives: Vec<&str> =
        names.iter().map(|name| table.column(name).map(|column| column.native.as_str()).unwrap_or_default()).collect();
    let value = |row: usize, place: usize| match cell_at(keys.column(place), row) {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(text) => format!("{}::{}", literal(&text), natives[place]),
        Cell::Bytes(bytes) => format!("'\\x{}'::{}", hex(&bytes), natives[place]),
    };
    let bracket = |row: usize| {
        let values: Vec<String> = (0..names.len()).map(|place| value(row, place)).collect();
        format!("({})", values.join(", "))
    };
    let rows: Vec<usize> = (0..keys.num_rows()).collect();
    let condition = |rows: &[usize]| {
        let brackets: Vec<String> = rows.iter().map(|row| bracket(*row)).collect();
        match names.as_slice() {
            [one] => format!("{} IN (VALUES {})", ident(one), brackets.join(", ")),
            _ => format!("({}) IN (VALUES {})", idents(&names), brackets.join(", ")),
        }
    };
    rows.chunks(KEYS).map(condition).collect()
}
