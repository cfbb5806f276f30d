//! The stream of a binary COPY cut into batches of raw fields.
//!
//! May not interpret a value. One idea: a message of the stream usually is one whole row but need not be, so a row is
//! looked for in whatever has come, and only what is left over waits.

use bytes::Buf as _;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// No batch has more rows, so that a batch of narrow rows does not keep its readers waiting.
const ROWS: usize = 16_384;
/// Field offsets are 32 bits wide.
const BYTES: usize = 1 << 30;

/// The bytes are no binary COPY of so many columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Rows as they came: bytes, and where each field lies in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tuples {
    bytes: Vec<u8>,
    /// Row by row; the length is -1 for NULL.
    fields: Vec<(u32, i32)>,
    columns: usize,
    rows: usize,
}

impl Tuples {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// A column's fields, row by row; `None` for NULL.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Option<&[u8]>> + '_ {
        let fields = self.fields.iter().skip(column).step_by(self.columns.max(1));
        fields.map(|(start, length)| {
            let start = *start as usize;
            usize::try_from(*length).ok().and_then(|length| self.bytes.get(start..start + length))
        })
    }

    fn push(&mut self, tuple: &[u8]) -> Result<(), Malformed> {
        let base = self.bytes.len();
        let mut at = 2;
        for _ in 0..self.columns {
            let mut rest = tuple.get(at..at + 4).ok_or(Malformed)?;
            let length = rest.get_i32();
            at += 4;
            self.fields.push(((base + at) as u32, length));
            at += usize::try_from(length).unwrap_or(0);
        }
        self.bytes.extend_from_slice(tuple);
        self.rows += 1;
        Ok(())
    }
}

/// Cuts messages into rows and rows into batches.
pub(super) struct Cutter {
    columns: usize,
    batch_bytes: usize,
    started: bool,
    left_over: Vec<u8>,
    current: Tuples,
    ready: Vec<Tuples>,
}

impl Cutter {
    pub(super) fn new(columns: usize, batch_bytes: usize) -> Self {
        let current = Tuples { columns, ..Tuples::default() };
        let batch_bytes = batch_bytes.clamp(1, BYTES);
        Self { columns, batch_bytes, started: false, left_over: Vec::new(), current, ready: Vec::new() }
    }

    /// Takes a message and gives back the batches that are full.
    pub(super) fn feed(&mut self, message: &[u8]) -> Result<Vec<Tuples>, Malformed> {
        if self.left_over.is_empty() {
            let used = self.cut(message)?;
            self.left_over.extend_from_slice(message.get(used..).unwrap_or_default());
        } else {
            let mut joined = std::mem::take(&mut self.left_over);
            joined.extend_from_slice(message);
            let used = self.cut(&joined)?;
            joined.drain(..used);
            self.left_over = joined;
        }
        Ok(std::mem::take(&mut self.ready))
    }

    /// The last batch, if it has rows.
    pub(super) fn finish(self) -> Result<Option<Tuples>, Malformed> {
        match self.left_over.is_empty() {
            true => Ok(Some(self.current).filter(|tuples| tuples.rows > 0)),
            false => Err(Malformed),
        }
    }

    /// Takes all whole rows and says how many bytes they were.
    fn cut(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut used = 0;
        if !self.started {
            match header_length(bytes)? {
                Some(length) => used = length,
                None => return Ok(0),
            }
            self.started = true;
        }
        while let Some(length) = self.tuple_length(bytes.get(used..).unwrap_or_default())? {
            let tuple = bytes.get(used..used + length).unwrap_or_default();
            used += length;
            if length > 2 || self.columns == 0 && tuple != [0xff, 0xff] {
                self.push(tuple)?;
            }
        }
        Ok(used)
    }

    fn push(&mut self, tuple: &[u8]) -> Result<(), Malformed> {
        let full = self.current.bytes.len() + tuple.len() > self.batch_bytes || self.current.rows == ROWS;
        if full && self.current.rows > 0 {
            let empty = Tuples { columns: self.columns, ..Tuples::default() };
            self.ready.push(std::mem::replace(&mut self.current, empty));
        }
        self.current.push(tuple)
    }

    /// `None` while the row is not complete; the trailer is a row of its own, two bytes long.
    fn tuple_length(&self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let Some(mut head) = bytes.get(..2) else { return Ok(None) };
        let fields = head.get_i16();
        if fields == -1 {
            return Ok(Some(2));
        }
        if usize::try_from(fields) != Ok(self.columns) {
            return Err(Malformed);
        }
        let mut at = 2;
        for _ in 0..fields {
            let Some(mut length) = bytes.get(at..at + 4) else { return Ok(None) };
            at += 4 + usize::try_from(length.get_i32()).unwrap_or(0);
        }
        Ok((at <= bytes.len()).then_some(at))
    }
}

/// The signature, four bytes of flags, four of an extension's length, the extension.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(mut rest) = bytes.get(SIGNATURE.len()..SIGNATURE.len() + 8) else { return Ok(None) };
    if !bytes.starts_with(SIGNATURE) {
        return Err(Malformed);
    }
    rest.advance(4);
    let length = SIGNATURE.len() + 8 + rest.get_u32() as usize;
    Ok((length <= bytes.len()).then_some(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Row = Vec<Option<Vec<u8>>>;

    fn stream(rows: &[Row]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        for row in rows {
            bytes.extend((row.len() as i16).to_be_bytes());
            for field in row {
                bytes.extend(field.as_ref().map_or(-1, |field| field.len() as i32).to_be_bytes());
                bytes.extend(field.iter().flatten());
            }
        }
        bytes.extend([0xff, 0xff]);
        bytes
    }

    fn read(batches: &[Tuples], columns: usize) -> Vec<Row> {
        let row = |tuples: &Tuples, row: usize| {
            (0..columns).map(|column| tuples.column(column).nth(row).unwrap().map(<[u8]>::to_vec)).collect()
        };
        batches.iter().flat_map(|tuples| (0..tuples.rows()).map(|at| row(tuples, at)).collect::<Vec<_>>()).collect()
    }

    proptest! {
        #[test]
        fn rows_survive_any_cut_of_the_stream(
            rows in prop::collection::vec(
                prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 2), 0..20),
            piece in 1_usize..40,
            batch_bytes in 1_usize..60,
        ) {
            let mut cutter = Cutter::new(2, batch_bytes);
            let mut batches = Vec::new();
            for message in stream(&rows).chunks(piece) {
                batches.extend(cutter.feed(message).unwrap());
            }
            batches.extend(cutter.finish().unwrap());
            prop_assert!(batches.iter().all(|batch| batch.rows() == 1 || batch.bytes.len() <= batch_bytes));
            prop_assert_eq!(read(&batches, 2), rows);
        }
    }

    #[test]
    fn a_stream_of_other_columns_is_refused() {
        assert_eq!(Cutter::new(3, 100).feed(&stream(&[vec![None, None]])), Err(Malformed));
        assert_eq!(Cutter::new(1, 100).feed(b"NOT A BINARY COPY AT ALL"), Err(Malformed));
    }

    #[test]
    fn rows_without_columns_are_rows() {
        let mut cutter = Cutter::new(0, 100);
        cutter.feed(&stream(&[vec![], vec![]])).unwrap();
        assert_eq!(cutter.finish().unwrap().unwrap().rows(), 2);
    }
}
