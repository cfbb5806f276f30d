//! What a row is, apart from how a system holds or spells it: one encoding, one SHA-256, and sums of them.
//!
//! A row is written column by column, in the mapping's order, each value as a tag and what the tag says follows; text and
//! bytes carry their length, so that no two rows run together. Sums are taken modulo 2^256 beside a count: the order of
//! rows does not matter, and a row that is there twice counts twice (XOR would hide it).
//!
//! What is the same value:
//! - numbers without regard to their type or scale: the integer `1`, the decimals `1.0` and `1.00`, the `numeric` text `1`;
//!   `-0` is `0`
//! - floats by their bits, but `-0.0` is `0.0` and every NaN is one NaN; a `real` is the double that it is exactly. A float
//!   is never the same as an integer or a decimal
//! - text by its bytes, whichever Arrow layout it has: no trimming, no case, no normal form of Unicode. Where the
//!   destination pads text (`char(n)`) blanks at its end mean nothing, where it pads bytes (`binary(n)`) zeros at their end
//! - UUIDs in any spelling; JSON by what it says: the order and blanks of an object mean nothing, of two members of one
//!   name the last counts, and its numbers are numbers
//! - days, times of day, moments and instants, each of its own kind, by the microsecond
//!
//! NULL is nothing else, and an empty text is not NULL.

mod encode;
mod json;
mod number;
mod stream;
mod sum;
#[cfg(test)]
mod tests;

use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};
use sha2::{Digest as _, Sha256, block_api::compress256};

use self::{encode::Encoder, stream::Stream};
use super::{Column, ColumnType, hex};

pub use sum::{RowSum, TableDigest};

/// What a system adds to the end of shorter values of a column and nobody can tell from the values' own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    Blanks,
    Zeros,
}

/// How a column's values are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Blanks,
    Zeros,
    Uuid,
    Json,
    Numeric,
}

impl Form {
    fn of(ty: &ColumnType, padding: Option<Padding>) -> Self {
        match (ty, padding) {
            (ColumnType::Uuid, _) => Self::Uuid,
            (ColumnType::Json, _) => Self::Json,
            (ColumnType::Numeric, _) => Self::Numeric,
            (_, Some(Padding::Blanks)) => Self::Blanks,
            (_, Some(Padding::Zeros)) => Self::Zeros,
            (_, None) => Self::Plain,
        }
    }
}

/// The columns that make up a row, and how each is understood.
#[derive(Clone, Debug)]
pub struct RowEncoding {
    names: Vec<String>,
    forms: Vec<Form>,
    shape: [u8; 32],
    /// SHA-256 after its first block, which is the shape's: rows of different shapes never have one digest.
    begun: [u32; 8],
}

/// SHA-256's own first state.
const BEGIN: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

const BLOCK: usize = 64;

/// Rows encoded at once: few enough for their bytes to stay near the processor.
const AT_ONCE: usize = 512;

/// Rows that come to more bytes than this together are not laid out but hashed where they lie: one may be very large.
const LAID_OUT: usize = 8 << 20;

impl RowEncoding {
    /// For rows of these destination columns, in this order, each with what its system pads it with.
    pub fn of<'c>(columns: impl IntoIterator<Item = (&'c Column, Option<Padding>)>) -> Self {
        let (mut names, mut forms, mut hash) = (Vec::new(), Vec::new(), Sha256::new_with_prefix("whimbrel rows 1"));
        for (column, padding) in columns {
            let form = Form::of(&column.ty, padding);
            for text in [&column.name, &column.ty.to_string(), &format!("{form:?}")] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
            names.push(column.name.clone());
            forms.push(form);
        }
        let shape: [u8; 32] = hash.finalize().into();
        let mut begun = BEGIN;
        compress256(&mut begun, &[first_block(&shape)]);
        Self { names, forms, shape, begun }
    }

    /// Names the columns, their types and how they are understood: sums of one shape can be compared.
    pub fn shape(&self) -> String {
        hex(&self.shape)
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The sum over the batch's rows. A column that the batch lacks is NULL.
    pub fn sum(&self, batch: &RecordBatch) -> RowSum {
        let mut sum = RowSum::default();
        self.each(batch, |_, row| sum.add_row(row));
        sum
    }

    /// Each row's number in the batch and its digest, in order.
    pub fn each(&self, batch: &RecordBatch, mut take: impl FnMut(usize, [u32; 8])) {
        let columns: Vec<_> = self.names.iter().map(|name| batch.column_by_name(name)).collect();
        let mut encoder = Encoder::default();
        for first in (0..batch.num_rows()).step_by(AT_ONCE) {
            let rows = AT_ONCE.min(batch.num_rows() - first);
            encoder.begin(rows);
            for (column, form) in columns.iter().zip(&self.forms) {
                encoder.measure(*column, *form, first);
            }
            if encoder.bytes() > LAID_OUT {
                (0..rows).for_each(|row| take(first + row, self.poured(&encoder, &columns, first, row)));
                continue;
            }
            encoder.lay_out();
            for (index, column) in columns.iter().enumerate() {
                encoder.write(*column, index, first);
            }
            for (row, blocks) in encoder.rows().enumerate() {
                let mut state = self.begun;
                compress256(&mut state, blocks);
                take(first + row, state);
            }
        }
    }

    /// The digest of a row, value by value.
    fn poured(&self, encoder: &Encoder, columns: &[Option<&ArrayRef>], first: usize, row: usize) -> [u32; 8] {
        let mut stream = Stream::behind_one_block(self.begun);
        for (index, column) in columns.iter().enumerate() {
            encoder.pour(*column, index, (first, row), &mut stream);
        }
        stream.finish()
    }
}

/// What stands before every row of the shape.
fn first_block(shape: &[u8; 32]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..14].copy_from_slice(b"whimbrel row 1");
    block[32..].copy_from_slice(shape);
    block
}
