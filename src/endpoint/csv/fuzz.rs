//! What a fuzzer may do to the reader of records: any bytes, in any pieces.

use std::io::{self, Read};

use super::{
    dialect::Dialect,
    record::{Record, Records},
};
use crate::plan::CsvOptions;

const ENCODINGS: [&str; 4] = ["utf-8", "utf-16le", "utf-16be", "windows-1252"];

/// Gives its bytes away in pieces of a given size.
struct Pieces<'b>(&'b [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.1.min(self.0.len()).min(into.len());
        let (now, rest) = self.0.split_at(size);
        into[..size].copy_from_slice(now);
        self.0 = rest;
        Ok(size)
    }
}

/// A record's line, fields with whether they were quoted, and complaint; and the offset behind it.
type Seen = (u64, Vec<(Vec<u8>, bool)>, Option<&'static str>, u64);

fn read(bytes: &[u8], piece: usize, dialect: &Dialect) -> Vec<Seen> {
    let mut records = Records::new(Pieces(bytes, piece), dialect, 0, 1);
    let mut record = Record::default();
    let mut seen = Vec::new();
    while let Ok(true) = records.read(&mut record) {
        let fields = record.fields().map(|field| (field.bytes.to_vec(), field.quoted)).collect();
        seen.push((record.line, fields, record.complaint, records.offset));
    }
    seen
}

/// The first byte chooses the encoding and the size of the pieces, the rest is the file. Asserts that pieces make no
/// difference, that every record ends behind the one before it, and that the last ends with the file.
pub fn records(data: &[u8]) {
    let Some((&choice, file)) = data.split_first() else { return };
    let encoding = ENCODINGS[usize::from(choice) % ENCODINGS.len()].to_owned();
    let Ok(dialect) = Dialect::new(&CsvOptions { encoding, ..CsvOptions::default() }) else { return };
    let whole = read(file, usize::MAX, &dialect);
    let pieces = read(file, usize::from(choice / 4) + 1, &dialect);
    assert_eq!(whole, pieces, "the same file, read in pieces");
    let offsets: Vec<u64> = whole.iter().map(|(.., offset)| *offset).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b), "every record moves on");
    assert_eq!(offsets.last().copied().unwrap_or(0), file.len() as u64, "no byte is left over");
}

#[cfg(test)]
const SEEDS: &[&[u8]] = &[
    b"\0id,name\r\n1,\"Ada, \"\"the\"\" first\"\r\n2,\n",
    b"\x07a,b\n\"line\nbreak\",\"\"\n,\n\n",
    b"\x05\"\0a\0\"\0,\0b\0\n\0",
    b"\x0e\0a\0,\0\"\0\n\0\"\0\r",
    b"\x03\"never closed, 1\n2,3\n",
];

#[cfg(test)]
proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]
    #[test]
    fn any_bytes_are_read_the_same_in_pieces(data in crate::model::fuzzing::damaged(SEEDS)) {
        records(&data);
    }
}
