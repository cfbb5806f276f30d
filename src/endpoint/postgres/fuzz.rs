//! What a fuzzer may do to the reader of a binary COPY: any bytes, in any messages.

use bytes::Bytes;

use super::{
    decode::{decode, schema_of},
    tuples::{Cutter, Malformed, Tuples},
};
use crate::model::{Column, ColumnType};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

const TYPES: [&str; 14] = [
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double",
    "decimal(12,3)",
    "decimal(60,10)",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "text",
];

fn cut<'m>(messages: impl Iterator<Item = &'m [u8]>, columns: usize) -> Result<Vec<Tuples>, Malformed> {
    let mut cutter = Cutter::new(columns, 256);
    let mut batches = Vec::new();
    for message in messages {
        batches.extend(cutter.feed(&Bytes::copy_from_slice(message))?);
    }
    batches.extend(cutter.finish()?);
    Ok(batches)
}

/// The first byte chooses the columns and the size of messages; the rest is the stream behind its header. Asserts that
/// the cut into messages makes no difference, and that every row comes out as a row or as a reject.
pub fn copy(data: &[u8]) {
    let Some((&choice, rows)) = data.split_first() else { return };
    let first = usize::from(choice) % TYPES.len();
    let types = TYPES.iter().cycle().skip(first).take(1 + usize::from(choice) / TYPES.len() % 3);
    let named =
        types.enumerate().filter_map(|(at, ty)| Some(Column::new(format!("c{at}"), ty.parse::<ColumnType>().ok()?)));
    let columns: Vec<Column> = named.collect();
    let stream = [SIGNATURE, rows].concat();
    let whole = cut(std::iter::once(stream.as_slice()), columns.len());
    let pieces = cut(stream.chunks(usize::from(choice) + 1), columns.len());
    assert_eq!(whole, pieces, "the same stream, in other messages");
    let schema = schema_of(&columns);
    for tuples in whole.unwrap_or_default() {
        if let Ok(batch) = decode(&tuples, &columns, &schema) {
            assert_eq!(batch.rows(), tuples.rows(), "no row is lost");
        }
    }
}

#[cfg(test)]
const SEEDS: &[&[u8]] = &[
    b"\0\0\x01\0\0\0\x01\x01\0\x01\xff\xff\xff\xff\xff\xff",
    b"\x02\0\x01\0\0\0\x04\0\0\0\x07\0\x01\0\0\0\x04\xff\xff\xff\xff\xff\xff",
    b"\x06\0\x01\0\0\0\x0c\0\x02\0\0\0\0\0\x02\0\x0c\x0d\x80\xff\xff",
    b"\x06\0\x01\0\0\0\x08\0\0\0\0\xc0\0\0\0\xff\xff",
    b"\x08\0\x01\0\0\0\x04\x7f\xff\xff\xff\0\x01\0\0\0\x04\0\0\x20\0\xff\xff",
    b"\x14\0\x02\0\0\0\x08\0\x02\x7f\0\0\0\0\0\0\0\0\x08\x80\0\0\0\0\0\0\0\xff\xff",
    b"\x0d\0\x01\0\0\0\x05caf\xc3\xa9\0\x01\0\0\0\0\xff\xff",
];

#[cfg(test)]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_000))]
    #[test]
    fn any_stream_is_cut_the_same_in_other_messages(data in crate::model::fuzzing::damaged(SEEDS)) {
        copy(&data);
    }
}
