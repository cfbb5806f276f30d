//! Columns into rows of bytes, each padded as SHA-256 wants its message.
//!
//! One idea: a first pass over the columns measures every value, so that a second one writes each to its place in one
//! buffer, and nothing is allocated or looked up for a value. What cannot be measured without being made (decimals, JSON)
//! is made once and copied.

use std::ops::Range;

use datafusion::arrow::{
    array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray},
    buffer::NullBuffer,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
        Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use uuid::Uuid;

use super::{
    BLOCK, Form,
    json::push_json,
    number::{push_decimal, push_number, push_wide},
    stream::Stream,
};
use crate::model::{Cell, NAN_128, NAN_256, cell_at};

pub(super) const NULL: u8 = 0;
pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;
/// The integer's tag is 3, as [`super::number`] writes it, and the decimal's 4.
const INTEGER: u8 = 3;
pub(super) const LONG: u8 = 5;
const FLOAT: u8 = 6;
const TEXT: u8 = 7;
const BYTES: u8 = 8;
const DAY: u8 = 9;
const TIME: u8 = 10;
const MOMENT: u8 = 11;
const INSTANT: u8 = 12;
const UUID: u8 = 13;
const JSON: u8 = 14;

/// A tag and 64 bits.
const WIDE: usize = 9;

/// Does the work with `value`, which looks at the array's bytes by row, without what the form says means nothing. A macro,
/// so that the look is a plain one for each kind of array.
macro_rules! with_bytes {
    ($array:expr, $form:expr, $value:ident => $work:expr) => {
        match $array.data_type() {
            DataType::Utf8 => with_bytes!(@form $array.as_string::<i32>(), $form, $value => $work),
            DataType::LargeUtf8 => with_bytes!(@form $array.as_string::<i64>(), $form, $value => $work),
            DataType::Utf8View => with_bytes!(@form $array.as_string_view(), $form, $value => $work),
            DataType::Binary => with_bytes!(@form $array.as_binary::<i32>(), $form, $value => $work),
            _ => with_bytes!(@form $array.as_binary::<i64>(), $form, $value => $work),
        }
    };
    (@form $values:expr, $form:expr, $value:ident => $work:expr) => {{
        let values = $values;
        let bytes = |row: usize| -> &[u8] { values.value(row).as_ref() };
        match $form {
            Form::Blanks => {
                let $value = |row: usize| trimmed(bytes(row), b' ');
                $work
            }
            Form::Zeros => {
                let $value = |row: usize| trimmed(bytes(row), 0);
                $work
            }
            _ => {
                let $value = bytes;
                $work
            }
        }
    }};
}

/// Text or bytes behind their length, in groups of seven bits.
pub(super) fn push_text(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    push_head(tag, bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn push_head(tag: u8, mut length: usize, out: &mut Vec<u8>) {
    out.push(tag);
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

fn text_size(length: usize) -> usize {
    let bits = usize::BITS - (length | 1).leading_zeros();
    1 + bits.div_ceil(7) as usize + length
}

/// Values that had to be made to be measured.
#[derive(Debug, Default)]
struct Made {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Made {
    fn value(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }
}

/// How a column's values go into their rows.
#[derive(Debug)]
enum Way {
    /// Straight out of the array.
    Straight(Form),
    Made(Made),
}

/// Some rows of a batch. Used again and again, it allocates little.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// Of each row: first its length, then where its next value goes.
    at: Vec<usize>,
    /// Where each row ends, in blocks.
    ends: Vec<usize>,
    ways: Vec<Way>,
    blocks: Vec<[u8; BLOCK]>,
}

impl Encoder {
    pub(super) fn begin(&mut self, rows: usize) {
        self.ways.clear();
        self.at.clear();
        self.at.resize(rows, 0);
    }

    /// Adds the sizes of a column's values to their rows.
    pub(super) fn measure(&mut self, column: Option<&ArrayRef>, form: Form, first: usize) {
        let Some(array) = column else {
            self.at.iter_mut().for_each(|at| *at += 1);
            return self.ways.push(Way::Straight(form));
        };
        let way = match array.data_type() {
            DataType::Boolean => {
                self.at.iter_mut().for_each(|at| *at += 1);
                Way::Straight(form)
            }
            ty if is_wide(ty) => {
                self.add(array, first, |_| WIDE);
                Way::Straight(form)
            }
            ty if is_long(ty) && matches!(form, Form::Plain | Form::Blanks | Form::Zeros) => {
                with_bytes!(array, form, value => self.add(array, first, |row| text_size(value(row).len())));
                Way::Straight(form)
            }
            _ => {
                let made = make(array, form, first, self.at.len());
                let mut begin = 0;
                for (at, end) in self.at.iter_mut().zip(&made.ends) {
                    *at += end - begin;
                    begin = *end;
                }
                Way::Made(made)
            }
        };
        self.ways.push(way);
    }

    fn add(&mut self, array: &ArrayRef, first: usize, size: impl Fn(usize) -> usize) {
        match array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.at.iter_mut().enumerate().for_each(|(row, at)| *at += size(first + row)),
            Some(nulls) => self.at.iter_mut().enumerate().for_each(|(row, at)| {
                *at += if nulls.is_null(first + row) { 1 } else { size(first + row) };
            }),
        }
    }

    /// What all rows come to.
    pub(super) fn bytes(&self) -> usize {
        self.at.iter().sum()
    }

    /// Gives each row its place, with SHA-256's own end behind it: a bit, zeros, and the length of all in bits.
    pub(super) fn lay_out(&mut self) {
        self.ends.clear();
        let mut end = 0;
        for at in &self.at {
            end += (at + WIDE).div_ceil(BLOCK);
            self.ends.push(end);
        }
        self.blocks.clear();
        self.blocks.resize(end, [0; BLOCK]);
        let bytes = self.blocks.as_flattened_mut();
        let mut begin = 0;
        for (at, end) in self.at.iter_mut().zip(&self.ends) {
            let length = *at;
            bytes[begin + length] = 0x80;
            bytes[end * BLOCK - 8..end * BLOCK].copy_from_slice(&(((BLOCK + length) * 8) as u64).to_be_bytes());
            *at = begin;
            begin = end * BLOCK;
        }
    }

    /// Writes a column's values behind what their rows have so far.
    pub(super) fn write(&mut self, column: Option<&ArrayRef>, index: usize, first: usize) {
        let Self { at, ways, blocks, .. } = self;
        let mut out = Out { at, bytes: blocks.as_flattened_mut(), first };
        let Some(array) = column else { return out.at.iter_mut().for_each(|at| *at += 1) };
        match &ways[index] {
            Way::Made(made) => out.made(made),
            Way::Straight(form) => out.straight(array, *form),
        }
    }

    /// Sends one row's value of a column, which was measured and not laid out, straight on.
    pub(super) fn pour(&self, column: Option<&ArrayRef>, index: usize, place: (usize, usize), stream: &mut Stream) {
        let (first, row) = place;
        let Some(array) = column.filter(|array| !array.is_null(first + row)) else { return stream.push(&[NULL]) };
        match &self.ways[index] {
            Way::Made(made) => stream.push(made.value(row)),
            Way::Straight(form) if is_long(array.data_type()) => {
                with_bytes!(array, *form, value => pour_text(tag_of(array), value(first + row), stream));
            }
            Way::Straight(form) => {
                let (mut at, mut bytes) = ([0], [0; WIDE]);
                Out { at: &mut at, bytes: &mut bytes, first: first + row }.straight(array, *form);
                stream.push(&bytes[..at[0]]);
            }
        }
    }

    /// Each row's message, whole blocks.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[[u8; BLOCK]]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).map(|(begin, end)| &self.blocks[*begin..*end])
    }
}

fn is_wide(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::Float32
            | DataType::Float64
            | DataType::Date32
            | DataType::Time64(TimeUnit::Microsecond)
            | DataType::Timestamp(TimeUnit::Microsecond, _)
    )
}

/// Whether a value may be of any length.
fn is_long(ty: &DataType) -> bool {
    use DataType::{Binary, LargeBinary, LargeUtf8, Utf8, Utf8View};
    matches!(ty, Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary)
}

fn tag_of(array: &ArrayRef) -> u8 {
    if matches!(array.data_type(), DataType::Binary | DataType::LargeBinary) { BYTES } else { TEXT }
}

fn pour_text(tag: u8, value: &[u8], stream: &mut Stream) {
    let mut head = Vec::with_capacity(WIDE);
    push_head(tag, value.len(), &mut head);
    stream.push(&head);
    stream.push(value);
}

fn trimmed(bytes: &[u8], padding: u8) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != padding).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// Where values are written.
struct Out<'o> {
    at: &'o mut [usize],
    bytes: &'o mut [u8],
    first: usize,
}

impl Out<'_> {
    fn made(&mut self, made: &Made) {
        let mut begin = 0;
        for (at, end) in self.at.iter_mut().zip(&made.ends) {
            let value = &made.bytes[begin..*end];
            self.bytes[*at..*at + value.len()].copy_from_slice(value);
            (*at, begin) = (*at + value.len(), *end);
        }
    }

    fn straight(&mut self, array: &ArrayRef, form: Form) {
        match array.data_type() {
            DataType::Boolean => self.booleans(array),
            DataType::Int8 => self.integers::<Int8Type>(array),
            DataType::Int16 => self.integers::<Int16Type>(array),
            DataType::Int32 => self.integers::<Int32Type>(array),
            DataType::Int64 => self.integers::<Int64Type>(array),
            DataType::UInt8 => self.integers::<UInt8Type>(array),
            DataType::UInt16 => self.integers::<UInt16Type>(array),
            DataType::UInt32 => self.integers::<UInt32Type>(array),
            DataType::Float32 => self.wide::<Float32Type>(array, FLOAT, |value| bits(f64::from(value))),
            DataType::Float64 => self.wide::<Float64Type>(array, FLOAT, bits),
            DataType::Date32 => self.wide::<Date32Type>(array, DAY, |days| i64::from(days).cast_unsigned()),
            DataType::Time64(_) => self.wide::<Time64MicrosecondType>(array, TIME, i64::cast_unsigned),
            DataType::Timestamp(_, zone) => {
                let tag = if zone.is_some() { INSTANT } else { MOMENT };
                self.wide::<TimestampMicrosecondType>(array, tag, i64::cast_unsigned);
            }
            _ => self.texts(array, tag_of(array), form),
        }
    }

    fn booleans(&mut self, array: &ArrayRef) {
        let values = array.as_boolean();
        for (row, at) in self.at.iter_mut().enumerate() {
            let row = self.first + row;
            self.bytes[*at] = match (values.is_null(row), values.value(row)) {
                (true, _) => NULL,
                (false, false) => FALSE,
                (false, true) => TRUE,
            };
            *at += 1;
        }
    }

    fn integers<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef)
    where
        i64: TryFrom<T::Native>,
    {
        // All that come here are narrower than 64 bits, or signed.
        self.wide::<T>(array, INTEGER, |value| i64::try_from(value).unwrap_or_default().cast_unsigned());
    }

    fn wide<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef, tag: u8, bits: impl Fn(T::Native) -> u64) {
        let values: &PrimitiveArray<T> = array.as_primitive();
        let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0);
        for (row, at) in self.at.iter_mut().enumerate() {
            let row = self.first + row;
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                // The buffer is zero, and so is NULL.
                *at += 1;
                continue;
            }
            let place = &mut self.bytes[*at..*at + WIDE];
            place[0] = tag;
            place[1..].copy_from_slice(&bits(values.value(row)).to_le_bytes());
            *at += WIDE;
        }
    }

    fn texts(&mut self, array: &ArrayRef, tag: u8, form: Form) {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        with_bytes!(array, form, value => self.each_text(tag, nulls.as_ref(), value));
    }

    fn each_text<'v>(&mut self, tag: u8, nulls: Option<&NullBuffer>, value: impl Fn(usize) -> &'v [u8]) {
        for (row, at) in self.at.iter_mut().enumerate() {
            let row = self.first + row;
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                *at += 1;
                continue;
            }
            let value = value(row);
            self.bytes[*at] = tag;
            *at += 1;
            let mut length = value.len();
            while length >= 0x80 {
                self.bytes[*at] = length as u8 | 0x80;
                length >>= 7;
                *at += 1;
            }
            self.bytes[*at] = length as u8;
            *at += 1;
            self.bytes[*at..*at + value.len()].copy_from_slice(value);
            *at += value.len();
        }
    }
}

fn bits(value: f64) -> u64 {
    if value.is_nan() {
        return f64::NAN.to_bits();
    }
    if value == 0.0 { 0 } else { value.to_bits() }
}

/// The values of a column from row `first` on, made.
fn make(array: &ArrayRef, form: Form, first: usize, rows: usize) -> Made {
    let rows = first..first + rows;
    match array.data_type() {
        DataType::UInt64 => {
            let values = array.as_primitive::<UInt64Type>();
            each(array, rows, |row, out| push_decimal(i128::from(values.value(row)), 0, out))
        }
        DataType::Decimal128(_, scale @ 0..) => {
            let (values, scale) = (array.as_primitive::<Decimal128Type>(), scale.unsigned_abs());
            each(array, rows, |row, out| match values.value(row) {
                NAN_128 => push_number("NaN", out),
                value => push_decimal(value, scale, out),
            })
        }
        DataType::Decimal256(_, scale @ 0..) => {
            let (values, scale) = (array.as_primitive::<Decimal256Type>(), scale.unsigned_abs());
            each(array, rows, |row, out| match values.value(row) {
                NAN_256 => push_number("NaN", out),
                value => push_wide(value, scale, out),
            })
        }
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            each(array, rows, |row, out| push_formed(values.value(row), form, out))
        }
        _ => each(array, rows, |row, out| match cell_at(array, row) {
            Cell::Null => out.push(NULL),
            Cell::Text(text) => push_formed(&text, form, out),
            Cell::Bytes(bytes) => push_text(BYTES, &bytes, out),
        }),
    }
}

fn each(array: &ArrayRef, rows: Range<usize>, mut push: impl FnMut(usize, &mut Vec<u8>)) -> Made {
    let mut made = Made { bytes: Vec::with_capacity(rows.len() * 2 * WIDE), ends: Vec::with_capacity(rows.len()) };
    let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    for row in rows {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            made.bytes.push(NULL);
        } else {
            push(row, &mut made.bytes);
        }
        made.ends.push(made.bytes.len());
    }
    made
}

fn push_formed(text: &str, form: Form, out: &mut Vec<u8>) {
    let begin = out.len();
    match form {
        Form::Numeric => return push_number(text, out),
        Form::Uuid => {
            if let Ok(uuid) = Uuid::try_parse(text) {
                out.push(UUID);
                return out.extend_from_slice(uuid.as_bytes());
            }
        }
        Form::Json => {
            out.push(JSON);
            if push_json(text, out).is_some() {
                return;
            }
            out.truncate(begin);
        }
        Form::Plain | Form::Blanks | Form::Zeros => {}
    }
    push_text(TEXT, text.as_bytes(), out);
}
