//! Arrow batches as rows of a binary COPY.
//!
//! May not talk to a server. One idea: fields are laid out row by row but written column by column: first each column adds
//! its lengths, then each writes where its rows have come to, so the inner loops know their type. Where one value has no
//! certain binary form, the whole batch has none and goes as text, which the server reads by its own rules.

use std::collections::BTreeMap;

use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, GenericByteArray, OffsetSizeTrait, PrimitiveArray, StringViewArray,
    },
    buffer::Buffer,
    datatypes as arrow,
    datatypes::ArrowNativeType as _,
    datatypes::{ByteArrayType, DataType},
    record_batch::RecordBatch,
};

use crate::model::{
    Column, ColumnType, NAN_128, NAN_256,
    calendar::{Day, Moment},
};

use super::{
    calendar::{DAY_MICROS, EPOCH_DAYS, EPOCH_MICROS},
    encode::Target,
    numeric,
    types::Trap,
    write::{self, Unfit},
};

/// The signature, no flags, no extension.
pub(super) const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// A value of so many bytes is not copied into its row but sent from where it lies.
const LARGE: usize = 1 << 20;
/// Microseconds around 1970 that are plain ones for sure.
const PLAIN_MOMENTS: i64 = 200_000_000_000_000_000;

/// The form in which a column takes its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Boolean,
    Integer,
    Float,
    Numeric,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
    Uuid,
    /// Text behind a version.
    Jsonb,
}

impl Wire {
    /// `None` where the binary form is not known.
    pub(super) fn of(column: &Column) -> Option<Self> {
        Some(match &column.ty {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Integer { bits: 16 | 32 | 64, unsigned: false } => Self::Integer,
            ColumnType::Float { .. } => Self::Float,
            ColumnType::Decimal { .. } | ColumnType::Numeric => Self::Numeric,
            ColumnType::Text { .. } => Self::Text,
            ColumnType::Bytes { .. } => Self::Bytes,
            ColumnType::Date => Self::Date,
            ColumnType::Time => Self::Time,
            ColumnType::Timestamp { .. } => Self::Timestamp,
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Json if column.native == "json" => Self::Text,
            ColumnType::Json if column.native == "jsonb" => Self::Jsonb,
            // The label of an enum.
            ColumnType::Other(_) if !column.labels.is_empty() => Self::Text,
            _ => return None,
        })
    }
}

/// Why a batch goes as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Odd;

/// Rows as they are sent.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// [`HEADER`], then the rows but for their large values.
    pub(super) bytes: Vec<u8>,
    /// For each row, where it starts.
    pub(super) starts: Vec<usize>,
    /// Large values, by where in `bytes` they belong.
    pub(super) large: Vec<(usize, Buffer)>,
}

/// The first reason of each row that cannot be sent, and its column; ascending.
pub(super) fn unfit(batch: &RecordBatch, targets: &[Target]) -> BTreeMap<usize, (Unfit, usize)> {
    let mut found = BTreeMap::new();
    for (place, (array, target)) in batch.columns().iter().zip(targets).enumerate() {
        unfit_of(array, target.trap, &mut |row, unfit| {
            found.entry(row).or_insert((unfit, place));
        });
    }
    found
}

fn unfit_of(array: &ArrayRef, trap: Trap, found: &mut dyn FnMut(usize, Unfit)) {
    let mut judge = |row: usize, judged: Result<(), Unfit>| {
        if let Err(unfit) = judged {
            found(row, unfit);
        }
    };
    let valid = |row: &usize| array.is_valid(*row);
    match array.data_type() {
        DataType::Utf8 => unfit_texts(array.as_string::<i32>(), trap, &mut judge),
        DataType::LargeUtf8 => unfit_texts(array.as_string::<i64>(), trap, &mut judge),
        DataType::Utf8View => {
            let texts = array.as_string_view();
            (0..texts.len()).filter(valid).for_each(|row| judge(row, write::check_text(texts.value(row), trap)));
        }
        DataType::Date32 => {
            let days = array.as_primitive::<arrow::Date32Type>();
            let odd = |row: &usize| matches!(Day::of(days.value(*row)), Day::Odd(_));
            (0..days.len()).filter(valid).filter(odd).for_each(|row| judge(row, Err(Unfit::NoDate)));
        }
        DataType::Time64(_) => {
            let times = array.as_primitive::<arrow::Time64MicrosecondType>();
            (0..times.len()).filter(valid).for_each(|row| judge(row, check_time(times.value(row), trap)));
        }
        DataType::Timestamp(..) => {
            let moments = array.as_primitive::<arrow::TimestampMicrosecondType>();
            (0..moments.len()).filter(valid).for_each(|row| judge(row, check_moment(moments.value(row), trap)));
        }
        _ => {}
    }
}

/// Where nothing is cut, one look over all texts at once finds the character that none may hold.
fn unfit_texts<O: OffsetSizeTrait>(
    texts: &datafusion::arrow::array::GenericStringArray<O>,
    trap: Trap,
    judge: &mut dyn FnMut(usize, Result<(), Unfit>),
) {
    let offsets = texts.value_offsets();
    let all = match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => texts.value_data().get(first.as_usize()..last.as_usize()).unwrap_or_default(),
        _ => return,
    };
    if trap == Trap::None && !all.contains(&0) {
        return;
    }
    for row in (0..texts.len()).filter(|row| texts.is_valid(*row)) {
        judge(row, write::check_text(texts.value(row), trap));
    }
}

fn check_time(micros: i64, trap: Trap) -> Result<(), Unfit> {
    let micros = write::stepped(micros, trap)?;
    if (0..=DAY_MICROS).contains(&micros) { Ok(()) } else { Err(Unfit::NoTime) }
}

fn check_moment(micros: i64, trap: Trap) -> Result<(), Unfit> {
    let micros = write::stepped(micros, trap)?;
    match is_plain(micros) || !matches!(Moment::of(micros), Moment::Odd(..)) {
        true => Ok(()),
        false => Err(Unfit::NoDate),
    }
}

fn is_plain(micros: i64) -> bool {
    (-PLAIN_MOMENTS..PLAIN_MOMENTS).contains(&micros)
}

impl Rows {
    /// Takes a batch, of which every row can be sent, in place of the one before. `first`: the number that its first row
    /// begins with, and the others one more each.
    pub(super) fn fill(&mut self, batch: &RecordBatch, wires: &[Wire], first: Option<i64>) -> Result<(), Odd> {
        let fields = batch.columns().iter().zip(wires).map(|(array, wire)| Fields::of(array, *wire));
        let fields = fields.collect::<Result<Vec<_>, Odd>>()?;
        let count = i16::try_from(fields.len() + usize::from(first.is_some())).map_err(|_| Odd)?;
        let mut lengths = vec![2 + first.map_or(0, |_| 12); batch.num_rows()];
        fields.iter().for_each(|fields| fields.measure(&mut lengths));
        let mut at = HEADER.len();
        self.starts.clear();
        for length in lengths {
            self.starts.push(at);
            at += length;
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(&HEADER);
        self.bytes.resize(at, 0);
        self.large.clear();
        let mut cursors = self.starts.clone();
        for (row, cursor) in cursors.iter_mut().enumerate() {
            put(&mut self.bytes, cursor, &count.to_be_bytes());
            if let Some(first) = first {
                put(&mut self.bytes, cursor, &8_i32.to_be_bytes());
                put(&mut self.bytes, cursor, &first.saturating_add_unsigned(row as u64).to_be_bytes());
            }
        }
        for fields in &fields {
            fields.write(&mut self.bytes, &mut cursors, &mut self.large);
        }
        self.large.sort_by_key(|(at, _)| *at);
        Ok(())
    }
}

fn put(out: &mut [u8], cursor: &mut usize, bytes: &[u8]) {
    let end = *cursor + bytes.len();
    out[*cursor..end].copy_from_slice(bytes);
    *cursor = end;
}

const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// A column's values, ready to be laid out.
enum Fields<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int16(&'a PrimitiveArray<arrow::Int16Type>),
    Int32(&'a PrimitiveArray<arrow::Int32Type>),
    Int64(&'a PrimitiveArray<arrow::Int64Type>),
    Float32(&'a PrimitiveArray<arrow::Float32Type>),
    Float64(&'a PrimitiveArray<arrow::Float64Type>),
    Date(&'a PrimitiveArray<arrow::Date32Type>),
    Time(&'a PrimitiveArray<arrow::Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<arrow::TimestampMicrosecondType>),
    Text(&'a datafusion::arrow::array::StringArray, Prefix),
    LargeText(&'a datafusion::arrow::array::LargeStringArray, Prefix),
    TextView(&'a StringViewArray, Prefix),
    Bytes(&'a datafusion::arrow::array::BinaryArray),
    /// Made for this purpose; each row's bytes end where the next one's begin.
    Made(&'a ArrayRef, Made),
}

/// What stands before each value.
type Prefix = &'static [u8];

#[derive(Default)]
struct Made {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Made {
    fn value(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }

    /// One value of each row that is not NULL.
    fn of(array: &ArrayRef, mut push: impl FnMut(usize, &mut Vec<u8>) -> Result<(), Odd>) -> Result<Self, Odd> {
        let mut made = Self::default();
        for row in 0..array.len() {
            if array.is_valid(row) {
                push(row, &mut made.bytes)?;
            }
            made.ends.push(made.bytes.len());
        }
        Ok(made)
    }
}

impl<'a> Fields<'a> {
    fn of(array: &'a ArrayRef, wire: Wire) -> Result<Self, Odd> {
        Ok(match (wire, array.data_type()) {
            (_, DataType::Null) => Self::Null,
            (Wire::Boolean, DataType::Boolean) => Self::Boolean(array.as_boolean()),
            (Wire::Integer, DataType::Int16) => Self::Int16(array.as_primitive()),
            (Wire::Integer, DataType::Int32) => Self::Int32(array.as_primitive()),
            (Wire::Integer, DataType::Int64) => Self::Int64(array.as_primitive()),
            (Wire::Float, DataType::Float32) => Self::Float32(array.as_primitive()),
            (Wire::Float, DataType::Float64) => Self::Float64(array.as_primitive()),
            (Wire::Date, DataType::Date32) => Self::Date(array.as_primitive()),
            (Wire::Time, DataType::Time64(_)) => Self::Time(array.as_primitive()),
            (Wire::Timestamp, DataType::Timestamp(..)) => Self::Timestamp(moments(array.as_primitive())?),
            (Wire::Text | Wire::Jsonb, DataType::Utf8) => Self::Text(array.as_string(), prefix(wire)),
            (Wire::Text | Wire::Jsonb, DataType::LargeUtf8) => Self::LargeText(array.as_string(), prefix(wire)),
            (Wire::Text | Wire::Jsonb, DataType::Utf8View) => Self::TextView(array.as_string_view(), prefix(wire)),
            (Wire::Bytes, DataType::Binary) => Self::Bytes(array.as_binary()),
            (Wire::Numeric, _) => Self::Made(array, numerics(array)?),
            (Wire::Uuid, DataType::Utf8) => Self::Made(array, uuids(array)?),
            _ => return Err(Odd),
        })
    }

    /// Adds each row's bytes to its length.
    fn measure(&self, lengths: &mut [usize]) {
        match self {
            Self::Null => lengths.iter_mut().for_each(|length| *length += 4),
            Self::Boolean(array) => measure_fixed(*array, 1, lengths),
            Self::Int16(array) => measure_fixed(*array, 2, lengths),
            Self::Int32(array) => measure_fixed(*array, 4, lengths),
            Self::Float32(array) => measure_fixed(*array, 4, lengths),
            Self::Date(array) => measure_fixed(*array, 4, lengths),
            Self::Int64(array) => measure_fixed(*array, 8, lengths),
            Self::Float64(array) => measure_fixed(*array, 8, lengths),
            Self::Time(array) => measure_fixed(*array, 8, lengths),
            Self::Timestamp(array) => measure_fixed(*array, 8, lengths),
            Self::Text(array, prefix) => measure_bytes(array, prefix, lengths),
            Self::LargeText(array, prefix) => measure_bytes(array, prefix, lengths),
            Self::Bytes(array) => measure_bytes(array, &[], lengths),
            Self::TextView(array, prefix) => {
                measure(*array, lengths, |row| prefix.len() + array.value(row).len());
            }
            Self::Made(array, made) => measure(*array, lengths, |row| made.value(row).len()),
        }
    }

    /// Writes each row's field where the row has come to.
    fn write(&self, out: &mut [u8], cursors: &mut [usize], large: &mut Vec<(usize, Buffer)>) {
        match self {
            Self::Null => cursors.iter_mut().for_each(|cursor| put(out, cursor, &NULL)),
            Self::Boolean(array) => write_fixed(*array, out, cursors, |row| [u8::from(array.value(row))]),
            Self::Int16(array) => write_fixed(*array, out, cursors, |row| array.value(row).to_be_bytes()),
            Self::Int32(array) => write_fixed(*array, out, cursors, |row| array.value(row).to_be_bytes()),
            Self::Int64(array) => write_fixed(*array, out, cursors, |row| array.value(row).to_be_bytes()),
            Self::Float32(array) => write_fixed(*array, out, cursors, |row| array.value(row).to_be_bytes()),
            Self::Float64(array) => write_fixed(*array, out, cursors, |row| array.value(row).to_be_bytes()),
            Self::Time(array) => write_fixed(*array, out, cursors, |row| array.value(row).to_be_bytes()),
            Self::Date(array) => write_fixed(*array, out, cursors, |row| day(array.value(row)).to_be_bytes()),
            Self::Timestamp(array) => write_fixed(*array, out, cursors, |row| {
                // Those that have no such number were looked for before.
                moment(array.value(row)).unwrap_or_default().to_be_bytes()
            }),
            Self::Text(array, prefix) => write_bytes(array, prefix, out, cursors, large),
            Self::LargeText(array, prefix) => write_bytes(array, prefix, out, cursors, large),
            Self::Bytes(array) => write_bytes(array, &[], out, cursors, large),
            Self::TextView(array, prefix) => {
                write_plain(*array, prefix, out, cursors, |row| array.value(row).as_bytes())
            }
            Self::Made(array, made) => write_plain(*array, &[], out, cursors, |row| made.value(row)),
        }
    }
}

fn prefix(wire: Wire) -> Prefix {
    if wire == Wire::Jsonb { &[1] } else { &[] }
}

fn measure(array: &dyn Array, lengths: &mut [usize], bytes: impl Fn(usize) -> usize) {
    for (row, length) in lengths.iter_mut().enumerate() {
        *length += 4 + if array.is_valid(row) { bytes(row) } else { 0 };
    }
}

fn measure_fixed(array: &dyn Array, width: usize, lengths: &mut [usize]) {
    match array.null_count() {
        0 => lengths.iter_mut().for_each(|length| *length += 4 + width),
        _ => measure(array, lengths, |_| width),
    }
}

/// Where a large value is not copied, its row is shorter by it.
fn measure_bytes<T: ByteArrayType>(array: &GenericByteArray<T>, prefix: Prefix, lengths: &mut [usize]) {
    measure(array, lengths, |row| {
        let length = array.value_length(row).as_usize();
        prefix.len() + if length < LARGE { length } else { 0 }
    });
}

fn write_fixed<const N: usize>(
    array: &dyn Array,
    out: &mut [u8],
    cursors: &mut [usize],
    value: impl Fn(usize) -> [u8; N],
) {
    let nulls = array.nulls();
    for (row, cursor) in cursors.iter_mut().enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            put(out, cursor, &NULL);
            continue;
        }
        put(out, cursor, &(N as i32).to_be_bytes());
        put(out, cursor, &value(row));
    }
}

fn write_plain<'v>(
    array: &dyn Array,
    prefix: Prefix,
    out: &mut [u8],
    cursors: &mut [usize],
    value: impl Fn(usize) -> &'v [u8],
) {
    let nulls = array.nulls();
    for (row, cursor) in cursors.iter_mut().enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            put(out, cursor, &NULL);
            continue;
        }
        let bytes = value(row);
        put(out, cursor, &((prefix.len() + bytes.len()) as i32).to_be_bytes());
        put(out, cursor, prefix);
        put(out, cursor, bytes);
    }
}

fn write_bytes<T: ByteArrayType>(
    array: &GenericByteArray<T>,
    prefix: Prefix,
    out: &mut [u8],
    cursors: &mut [usize],
    large: &mut Vec<(usize, Buffer)>,
) {
    let (offsets, values, nulls) = (array.value_offsets(), array.value_data(), array.nulls());
    for (row, cursor) in cursors.iter_mut().enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            put(out, cursor, &NULL);
            continue;
        }
        let (start, end) = (offsets[row].as_usize(), offsets[row + 1].as_usize());
        put(out, cursor, &((prefix.len() + end - start) as i32).to_be_bytes());
        put(out, cursor, prefix);
        match end - start < LARGE {
            true => put(out, cursor, &values[start..end]),
            false => large.push((*cursor, array.values().slice_with_length(start, end - start))),
        }
    }
}

fn day(days: i32) -> i32 {
    match days {
        i32::MAX | i32::MIN => days,
        days => days.wrapping_sub(EPOCH_DAYS),
    }
}

/// All of them, if the server counts every one.
fn moments(
    array: &PrimitiveArray<arrow::TimestampMicrosecondType>,
) -> Result<&PrimitiveArray<arrow::TimestampMicrosecondType>, Odd> {
    let counted = |row: &usize| array.is_null(*row) || moment(array.value(*row)).is_some();
    if (0..array.len()).all(|row| counted(&row)) { Ok(array) } else { Err(Odd) }
}

/// Counted from 2000, as the server does.
fn moment(micros: i64) -> Option<i64> {
    if is_plain(micros) {
        return Some(micros - EPOCH_MICROS);
    }
    match Moment::of(micros) {
        Moment::Infinity => Some(i64::MAX),
        Moment::MinusInfinity => Some(i64::MIN),
        Moment::Odd(..) => None,
        Moment::Common(days, time) => {
            let since = (days - i64::from(EPOCH_DAYS)).checked_mul(DAY_MICROS)?.checked_add(time)?;
            (since != i64::MAX && since != i64::MIN).then_some(since)
        }
    }
}

fn uuids(array: &ArrayRef) -> Result<Made, Odd> {
    let texts = array.as_string::<i32>();
    Made::of(array, |row, out| {
        let text = Some(texts.value(row)).filter(|text| text.len() == 36);
        let id = text.and_then(|text| uuid::Uuid::try_parse(text).ok()).ok_or(Odd)?;
        out.extend_from_slice(id.as_bytes());
        Ok(())
    })
}

fn numerics(array: &ArrayRef) -> Result<Made, Odd> {
    match array.data_type() {
        DataType::Decimal128(_, scale @ 0..) => {
            let (numbers, scale) = (array.as_primitive::<arrow::Decimal128Type>(), scale.unsigned_abs());
            Made::of(array, |row, out| match numbers.value(row) {
                NAN_128 => numeric::push_special(out, "NaN").ok_or(Odd),
                number => numeric::push(out, number, scale).ok_or(Odd),
            })
        }
        DataType::Decimal256(_, scale @ 0..) => {
            let numbers = array.as_primitive::<arrow::Decimal256Type>();
            Made::of(array, |row, out| match numbers.value(row) {
                NAN_256 => numeric::push_special(out, "NaN").ok_or(Odd),
                number => {
                    let mut text = Vec::new();
                    write::wide_decimal(&mut text, number, usize::from(scale.unsigned_abs()));
                    numeric::push_text(out, &text).ok_or(Odd)
                }
            })
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            Made::of(array, |row, out| numeric::push_text(out, texts.value(row).as_bytes()).ok_or(Odd))
        }
        _ => Err(Odd),
    }
}
