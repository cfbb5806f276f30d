//! Rows found by their keys.

use datafusion::arrow::record_batch::RecordBatch;

use crate::model::{Cell, Column, cell_at, hex};

use super::sql::{idents, literal};

/// How many keys go into one statement.
const KEYS: usize = 1_000;

/// Conditions that hold, one after another, for the rows that have the keys of these: their values of the columns.
pub(super) fn conditions(key: &[&Column], rows: &RecordBatch) -> Vec<String> {
    let names = idents(key.iter().map(|column| &column.name));
    let names = if key.len() == 1 { names } else { format!("({names})") };
    let bracket = |row: usize| {
        let values: Vec<String> = key.iter().map(|column| value(column, rows, row)).collect();
        format!("({})", values.join(", "))
    };
    let condition = |first: usize| {
        let brackets = (first..rows.num_rows().min(first + KEYS)).map(bracket).collect::<Vec<_>>();
        format!("{names} IN (VALUES {})", brackets.join(", "))
    };
    (0..rows.num_rows()).step_by(KEYS).map(condition).collect()
}

/// As a literal of the column's type.
fn value(column: &Column, rows: &RecordBatch, row: usize) -> String {
    let cell = rows.column_by_name(&column.name).map_or(Cell::Null, |array| cell_at(array, row));
    let text = match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Text(text) => literal(&text),
        Cell::Bytes(bytes) => literal(&format!("\\x{}", hex(&bytes))),
    };
    format!("{text}::{}", column.native)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;
    use crate::model::ColumnType;

    #[test]
    fn keys_go_together_and_cannot_leave_their_quotes() {
        let number: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=1_001));
        let word: ArrayRef = Arc::new(StringArray::from(vec!["it's"; 1_001]));
        let rows = RecordBatch::try_from_iter([("n", number), ("a\"b", word)]).unwrap();
        let (n, word) = (Column::new("n", ColumnType::BIGINT), Column::new("a\"b", ColumnType::TEXT));
        let one = conditions(&[&n], &rows);
        assert!(one.len() == 2 && one[0].starts_with("\"n\" IN (VALUES ('1'::bigint), ('2'::bigint)"), "{}", one[1]);
        let both = conditions(&[&word, &n], &rows);
        assert_eq!(both[1], "(\"a\"\"b\", \"n\") IN (VALUES ('it''s'::text, '1001'::bigint))");
    }
}
