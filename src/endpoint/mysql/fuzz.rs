//! What a fuzzer may do to the decoder of rows: any bytes in any column.

use super::{
    decode::{Builder, Value, cell, understand},
    reading::{Encoding, ReadColumn, Wire},
};
use crate::model::{Cell, ColumnType, cell_at};

/// A column's type and how it arrives, in every pair that a table can be read by.
const COLUMNS: &[(&str, Wire)] = &[
    ("tinyint", Wire::Signed),
    ("smallint", Wire::Signed),
    ("integer", Wire::Signed),
    ("bigint", Wire::Signed),
    ("tinyint unsigned", Wire::Unsigned),
    ("smallint unsigned", Wire::Unsigned),
    ("integer unsigned", Wire::Unsigned),
    ("bigint unsigned", Wire::Unsigned),
    ("smallint", Wire::Unsigned),
    ("boolean", Wire::Unsigned),
    ("other(bit(5))", Wire::Unsigned),
    ("other(bit(64))", Wire::Unsigned),
    ("real", Wire::Float),
    ("double", Wire::Double),
    ("bytes", Wire::Bytes),
    ("decimal(10,2)", Wire::Text(Encoding::Utf8)),
    ("decimal(38,30)", Wire::Text(Encoding::Utf8)),
    ("decimal(65,30)", Wire::Text(Encoding::Utf8)),
    ("date", Wire::Text(Encoding::Utf8)),
    ("time", Wire::Text(Encoding::Utf8)),
    ("timestamp", Wire::Text(Encoding::Utf8)),
    ("timestamptz", Wire::Text(Encoding::Utf8)),
    ("text", Wire::Text(Encoding::Utf8)),
    ("json", Wire::Text(Encoding::Utf8)),
    ("text", Wire::Text(Encoding::Ascii)),
    ("text", Wire::Text(Encoding::Latin1)),
    ("text", Wire::Text(Encoding::Converted)),
];

/// Cells as they lie one behind the other: the first byte of each says its length, and 255 that it is NULL.
fn cells(mut data: &[u8]) -> Vec<Option<&[u8]>> {
    let mut cells = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (cell, rest) = rest.split_at(if length == 255 { 0 } else { usize::from(length).min(rest.len()) });
        cells.push((length != 255).then_some(cell));
        data = rest;
    }
    cells
}

/// The first byte chooses the column, the rest are its cells. Asserts that each becomes a value or a reject, that a value
/// shows in a batch as it shows alone, that text is kept byte for byte, and that what shows as a date, a time or a number
/// reads as the same again.
pub fn row(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else { return };
    let (name, wire) = COLUMNS[usize::from(choice) % COLUMNS.len()];
    let Ok(ty) = name.parse::<ColumnType>() else { return };
    let column = ReadColumn::new("c", ty, wire);
    let mut builder = Builder::new(&column.ty);
    let mut shown = Vec::new();
    for bytes in cells(data) {
        match bytes.map(|bytes| understand(bytes, &column)).transpose() {
            Ok(value) => {
                builder.append(value);
                shown.push(cell(bytes, &column));
                again(&column, bytes, shown.last());
            }
            Err(_) => assert!(!cell(bytes, &column).is_null(), "a reject shows what it is"),
        }
    }
    let array = builder.finish();
    let held: Vec<Cell> = (0..array.len()).map(|row| cell_at(&array, row)).collect();
    assert_eq!(held, shown, "a batch holds what was understood");
}

fn again(column: &ReadColumn, bytes: Option<&[u8]>, shown: Option<&Cell>) {
    let (Some(bytes), Some(Cell::Text(text)), Wire::Text(encoding)) = (bytes, shown, column.wire) else { return };
    if column.ty.is_text() {
        let kept = text.as_bytes() == bytes || encoding == Encoding::Latin1;
        assert!(kept, "{text:?} is not what came");
        return;
    }
    let spelt = text.trim_end_matches('Z').replace('T', " ");
    let value = |bytes| understand(bytes, column).ok();
    let (first, second): (Option<Value<'_>>, _) = (value(bytes), value(spelt.as_bytes()));
    assert_eq!(first, second, "{spelt:?} is what {:?} says", String::from_utf8_lossy(bytes));
}

#[cfg(test)]
const SEEDS: &[&[u8]] = &[
    b"\x00\x01\x80\xff\x00",
    b"\x03\x08\x00\x00\x00\x00\x00\x00\x00\x80\x08\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x07\x08\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x0a\x08\x15\x00\x00\x00\x00\x00\x00\x00",
    b"\x0c\x04\x00\x00\xc0\x7f\x04\x00\x00\x80\x3f",
    b"\x0d\x08\x9a\x99\x99\x99\x99\x99\xb9\x3f",
    b"\x0f\x0512.50\x06-12.50",
    b"\x10\x22-12345678.012345678901234567890123456789",
    b"\x11\x1f0.00000000000000000000000000001",
    b"\x12\x0a2024-02-29\x0a0000-00-00\x0a2011-00-31\x0a9999-12-31",
    b"\x13\x08-838:59:5\x0a-838:59:59\x0f01:02:03.000004\x0824:00:00",
    b"\x14\x132024-02-29 01:02:03\x1a0000-00-00 00:00:00.000000",
    b"\x15\x1a2024-02-29 23:59:59.999999",
    b"\x16\x05caf\xc3\xa9\x00\xff",
    b"\x19\x04caf\xe9",
    b"\x1a\x05\xffcaf\xe9\x02\xc3\xa9",
];

#[cfg(test)]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_000))]
    #[test]
    fn any_cell_becomes_a_value_or_a_reject(data in crate::model::fuzzing::damaged(SEEDS)) {
        row(&data);
    }
}
