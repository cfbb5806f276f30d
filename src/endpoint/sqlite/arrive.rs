//! Values that travelled as they are held, read as the types of other columns would read them.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array as _, ArrayRef, AsArray as _},
    datatypes::{DataType, Field, Schema},
    record_batch::{RecordBatch, RecordBatchOptions},
};
use rusqlite::types::ValueRef;

use super::{
    decode::{cell, column_of},
    verbatim::{self, Plain},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Result},
    model::{Cell, Column},
};

pub(super) fn arrived(batch: &RecordBatch, travelled: &[Column], columns: &[Column]) -> Result<RecordBatch> {
    let schema = batch.schema();
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let column = columns.iter().find(|column| column.name == *field.name());
        let from = travelled.iter().find(|column| column.name == *field.name());
        let plain = from.and_then(|from| Plain::parse(&from.ty));
        match (column, plain) {
            (Some(column), Some(plain)) if Plain::parse(&column.ty).is_none() => {
                fields.push(Arc::new(Field::new(&column.name, column.ty.arrow(), true)));
                arrays.push(read(array, plain, column)?);
            }
            _ => {
                fields.push(field.clone());
                arrays.push(array.clone());
            }
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|error| EndpointError::new(ErrorKind::Other, "cannot build a batch of SQLite rows", error.to_string()))
}

fn read(array: &ArrayRef, plain: Plain, column: &Column) -> Result<ArrayRef> {
    let unsaid = || {
        let context = format!("cannot read column {} as {}", column.name, column.ty);
        EndpointError::new(ErrorKind::Other, context, "it is no text that says what SQLite holds")
    };
    if *array.data_type() != DataType::Utf8 {
        return Err(unsaid());
    }
    let texts = array.as_string::<i32>();
    let (mut scratch, mut says) = (Vec::new(), true);
    let read = column_of(column, texts.len(), |row, push| {
        if texts.is_null(row) {
            return push(ValueRef::Null);
        }
        match verbatim::read(texts.value(row), plain, &mut scratch) {
            Some(value) => push(value),
            None => says = false,
        }
    })?;
    if says { Ok(read) } else { Err(unsaid()) }
}

/// What SQLite holds, of a text that says so.
pub(super) fn as_held(travelled: &Column, found: Cell) -> Cell {
    let (Some(plain), Cell::Text(text)) = (Plain::parse(&travelled.ty), &found) else { return found };
    let mut scratch = Vec::new();
    let held = verbatim::read(text, plain, &mut scratch).map(cell);
    held.unwrap_or(found)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringArray;

    use super::*;
    use crate::model::ColumnType;

    fn column(native: &str) -> Column {
        Column { native: native.into(), ..Column::new("a", ColumnType::TEXT) }
    }

    fn travelling(native: &str) -> Column {
        let column = column(native);
        let ty = verbatim::travelling(&column).unwrap();
        Column { ty, ..column }
    }

    fn arrived_as(native: &str, values: &[Option<&str>], ty: ColumnType) -> Result<ArrayRef> {
        let array: ArrayRef = Arc::new(StringArray::from(values.to_vec()));
        let batch = RecordBatch::try_from_iter([("a", array)]).unwrap();
        let to = Column { ty, ..column(native) };
        Ok(arrived(&batch, &[travelling(native)], &[to])?.column(0).clone())
    }

    #[test]
    fn values_arrive_as_a_reader_of_the_type_reads_them() {
        let numbers = arrived_as("INTEGER", &[Some("7"), None], ColumnType::BIGINT).unwrap();
        let cells =
            |array: &ArrayRef| (0..array.len()).map(|row| crate::model::cell_at(array, row)).collect::<Vec<_>>();
        assert_eq!(cells(&numbers), [Cell::text("7"), Cell::Null]);
        let texts = arrived_as("TEXT", &[Some("a"), Some("='=b'"), Some("=5")], ColumnType::TEXT).unwrap();
        assert_eq!(cells(&texts), [Cell::text("a"), Cell::text("=b"), Cell::text("5")]);
        let days = arrived_as("DATE", &[Some("='2024-02-29'")], ColumnType::Date).unwrap();
        assert_eq!(cells(&days), [Cell::text("2024-02-29")]);
        let wrong = arrived_as("INTEGER", &[Some("='x'")], ColumnType::BIGINT).unwrap_err().to_string();
        assert!(wrong.contains("column a") && wrong.contains("'x' (text)"), "{wrong}");
    }

    #[test]
    fn what_is_held_is_told_from_the_text_that_says_it() {
        let held = |native: &str, text: &str| as_held(&travelling(native), Cell::text(text));
        assert_eq!(held("TEXT", "='=b'"), Cell::text("=b"));
        assert_eq!(held("BLOB", "=X'00ff'"), Cell::Bytes(vec![0, 255]));
        assert_eq!(held("DATE", "='2024-02-29'"), Cell::text("2024-02-29"));
        assert_eq!(held("INTEGER", "7"), Cell::text("7"));
        assert_eq!(as_held(&travelling("TEXT"), Cell::Null), Cell::Null);
        assert_eq!(as_held(&column("TEXT"), Cell::text("='x'")), Cell::text("='x'"), "its own type says nothing");
    }
}
