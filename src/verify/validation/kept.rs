//! A row that is kept to be shown.
//!
//! One idea: its digest tells whether it is the same row as another, so of a long value no more is kept than is read.

use datafusion::arrow::array::{Array, AsArray as _};
use datafusion::arrow::datatypes::DataType;
use sha2::{Digest as _, Sha256};

use super::reading::{Block, Words};
use crate::model::{Cell, NamedCell, cell_at, hex, thousands};

/// A value of more bytes is cut.
const LONG: usize = 4096;
/// So many bytes stand for a long value that is no text.
const BEGINNING: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) digest: Words,
    pub(super) cells: Vec<NamedCell>,
}

impl Kept {
    pub(super) fn of(block: &Block, row: usize) -> Self {
        let schema = block.batch.schema();
        let columns = schema.fields().iter().zip(block.batch.columns());
        let cells = columns.map(|(field, array)| NamedCell { name: field.name().clone(), cell: shown(array, row) });
        Self { digest: block.rows[row], cells: cells.collect() }
    }
}

/// The value; of a long one the beginning, its length and its SHA-256, which tells two apart that begin alike.
fn shown(array: &dyn Array, row: usize) -> Cell {
    let whole = match array.data_type() {
        _ if array.is_null(row) => b"",
        DataType::Utf8 => array.as_string::<i32>().value(row).as_bytes(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).as_bytes(),
        DataType::Utf8View => array.as_string_view().value(row).as_bytes(),
        DataType::Binary => array.as_binary::<i32>().value(row),
        DataType::LargeBinary => array.as_binary::<i64>().value(row),
        _ => b"",
    };
    if whole.len() <= LONG {
        return cell_at(array, row);
    }
    let beginning = match std::str::from_utf8(whole) {
        Ok(text) if !matches!(array.data_type(), DataType::Binary | DataType::LargeBinary) => {
            text[..text.floor_char_boundary(LONG)].to_owned()
        }
        _ => format!("\\x{}", hex(&whole[..BEGINNING])),
    };
    let length = thousands(whole.len() as u64);
    Cell::Text(format!("{beginning}... ({length} bytes, SHA-256 {})", hex(&Sha256::digest(whole))))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{BinaryArray, StringArray};

    use super::*;

    #[test]
    fn of_a_long_value_only_its_beginning_is_kept() {
        let (short, long) = ("x".repeat(LONG), format!("{}é", "x".repeat(LONG - 1)));
        let texts = StringArray::from(vec![Some(short.as_str()), Some(&long), None]);
        assert_eq!(shown(&texts, 0), Cell::Text(short));
        assert_eq!(shown(&texts, 2), Cell::Null);
        let digest = hex(&Sha256::digest(&long));
        assert_eq!(
            shown(&texts, 1),
            Cell::Text(format!("{}... (4,097 bytes, SHA-256 {digest})", "x".repeat(LONG - 1)))
        );
        let Cell::Text(bytes) = shown(&BinaryArray::from(vec![&[255; 5000][..]]), 0) else { panic!() };
        assert!(bytes.starts_with("\\xffff") && bytes.contains("ff... (5,000 bytes, SHA-256 "), "{bytes}");
    }
}
