//! The stream of a binary COPY cut into batches of raw fields.
//!
//! May not interpret a value. One idea: a message of the stream usually is one whole row but need not be, so a row is
//! looked for in whatever has come, and only what is left over waits.

use bytes::{Buf as _, Bytes};
use datafusion::arrow::{
    array::NullBufferBuilder,
    buffer::{Buffer, NullBuffer, OffsetBuffer},
};

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
    bytes: Bytes,
    /// Row by row; the length is -1 for NULL.
    fields: Vec<(u32, i32)>,
    columns: usize,
    rows: usize,
}

/// The fields of a column one behind the other, where each ends, and which are none.
pub(super) type Joined = (OffsetBuffer<i32>, Buffer, Option<NullBuffer>);

impl Tuples {
    /// One row, each field lying in `bytes` from where it starts on; the length is -1 for NULL.
    pub(super) fn of_one_row(bytes: Bytes, fields: Vec<(u32, i32)>) -> Self {
        Self { bytes, columns: fields.len(), fields, rows: 1 }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    fn places(&self, column: usize) -> impl Iterator<Item = Option<(usize, usize)>> + '_ {
        let fields = self.fields.iter().skip(column).step_by(self.columns.max(1));
        fields.map(|(start, length)| Some((*start as usize, usize::try_from(*length).ok()?)))
    }

    /// A column's fields, row by row; `None` for NULL.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Option<&[u8]>> + '_ {
        self.places(column).map(|place| place.and_then(|(start, length)| self.bytes.get(start..start + length)))
    }

    /// The field of a single row is not copied: it may be a very large one.
    pub(super) fn joined(&self, column: usize) -> Joined {
        let lengths = self.column(column).map(|field| field.map_or(0, <[u8]>::len));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let mut nulls = NullBufferBuilder::new(self.rows);
        self.column(column).for_each(|field| nulls.append(field.is_some()));
        let buffer = match (self.rows, self.places(column).next().flatten()) {
            (1, Some((start, length))) if start + length <= self.bytes.len() => {
                Buffer::from(self.bytes.slice(start..start + length))
            }
            _ => {
                let mut bytes = Vec::with_capacity(offsets.last().map_or(0, |end| *end as usize));
                self.column(column).flatten().for_each(|field| bytes.extend_from_slice(field));
                Buffer::from_vec(bytes)
            }
        };
        (offsets, buffer, nulls.finish())
    }
}

/// Cuts messages into rows and rows into batches.
pub(super) struct Cutter {
    columns: usize,
    batch_bytes: usize,
    started: bool,
    left_over: Vec<u8>,
    /// The batch that grows.
    bytes: Vec<u8>,
    fields: Vec<(u32, i32)>,
    rows: usize,
    ready: Vec<Tuples>,
}

impl Cutter {
    pub(super) fn new(columns: usize, batch_bytes: usize) -> Self {
        Self {
            columns,
            batch_bytes: batch_bytes.clamp(1, BYTES),
            started: false,
            left_over: Vec::new(),
            bytes: Vec::new(),
            fields: Vec::new(),
            rows: 0,
            ready: Vec::new(),
        }
    }

    /// Takes a message and gives back the batches that are full.
    pub(super) fn feed(&mut self, message: &Bytes) -> Result<Vec<Tuples>, Malformed> {
        if self.left_over.is_empty() {
            let used = self.cut(message)?;
            self.left_over.extend_from_slice(message.get(used..).unwrap_or_default());
        } else {
            self.left_over.extend_from_slice(message);
            let joined = Bytes::from(std::mem::take(&mut self.left_over));
            let used = self.cut(&joined)?;
            self.left_over.extend_from_slice(joined.get(used..).unwrap_or_default());
        }
        Ok(std::mem::take(&mut self.ready))
    }

    /// The last batch, if it has rows.
    pub(super) fn finish(mut self) -> Result<Option<Tuples>, Malformed> {
        match self.left_over.is_empty() {
            true => {
                self.end_batch();
                Ok(self.ready.pop())
            }
            false => Err(Malformed),
        }
    }

    fn end_batch(&mut self) {
        if self.rows > 0 {
            let room = (self.bytes.len(), self.fields.len());
            let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(room.0)).into();
            let fields = std::mem::replace(&mut self.fields, Vec::with_capacity(room.1));
            self.ready.push(Tuples { bytes, fields, columns: self.columns, rows: std::mem::take(&mut self.rows) });
        }
    }

    /// Takes all whole rows and says how many bytes they were.
    fn cut(&mut self, message: &Bytes) -> Result<usize, Malformed> {
        let mut used = 0;
        if !self.started {
            match header_length(message)? {
                Some(length) => used = length,
                None => return Ok(0),
            }
            self.started = true;
        }
        while let Some(length) = self.take(message, used)? {
            used += length;
        }
        Ok(used)
    }

    /// Takes the row at `start` and says how long it is; `None` while it is not complete. The trailer is a row of its own,
    /// two bytes long, and not taken.
    fn take(&mut self, message: &Bytes, start: usize) -> Result<Option<usize>, Malformed> {
        let bytes = message.get(start..).unwrap_or_default();
        let Some(mut head) = bytes.get(..2) else { return Ok(None) };
        let count = head.get_i16();
        if count == -1 {
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.columns) {
            return Err(Malformed);
        }
        let (before, base) = (self.fields.len(), self.bytes.len());
        let mut at = 2;
        for _ in 0..count {
            let Some(mut length) = bytes.get(at..at + 4) else {
                at = usize::MAX;
                break;
            };
            let length = length.get_i32();
            at += 4;
            self.fields.push(((base + at) as u32, length));
            at += usize::try_from(length).unwrap_or(0);
        }
        if at > bytes.len() {
            self.fields.truncate(before);
            return Ok(None);
        }
        self.put(message, start..start + at, before);
        Ok(Some(at))
    }

    /// A row whose fields, counted from the end of the batch, stand behind the first `before` ones.
    fn put(&mut self, message: &Bytes, tuple: std::ops::Range<usize>, before: usize) {
        let base = self.bytes.len();
        if self.rows > 0 && (base + tuple.len() > self.batch_bytes || self.rows == ROWS) {
            let own = self.fields.split_off(before);
            self.end_batch();
            self.fields.extend(own.into_iter().map(|(start, length)| (start - base as u32, length)));
        }
        self.rows += 1;
        if self.rows == 1 && tuple.len() > self.batch_bytes {
            let fields = std::mem::take(&mut self.fields);
            self.ready.push(Tuples { bytes: message.slice(tuple), fields, columns: self.columns, rows: 1 });
            self.rows = 0;
        } else {
            self.bytes.extend_from_slice(message.get(tuple).unwrap_or_default());
        }
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
                batches.extend(cutter.feed(&Bytes::copy_from_slice(message)).unwrap());
            }
            batches.extend(cutter.finish().unwrap());
            prop_assert!(batches.iter().all(|batch| batch.rows() == 1 || batch.bytes.len() <= batch_bytes));
            prop_assert_eq!(read(&batches, 2), rows);
        }
    }

    #[test]
    fn a_stream_of_other_columns_is_refused() {
        assert_eq!(Cutter::new(3, 100).feed(&stream(&[vec![None, None]]).into()), Err(Malformed));
        assert_eq!(Cutter::new(1, 100).feed(&Bytes::from_static(b"NOT A BINARY COPY AT ALL")), Err(Malformed));
    }

    #[test]
    fn rows_without_columns_are_rows() {
        let mut cutter = Cutter::new(0, 100);
        cutter.feed(&stream(&[vec![], vec![]]).into()).unwrap();
        assert_eq!(cutter.finish().unwrap().unwrap().rows(), 2);
    }
}
