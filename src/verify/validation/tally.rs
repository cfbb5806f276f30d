//! What a side's rows of a table come to: their sum, the same by buckets of keys, and figures of each column.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use datafusion::arrow::{
    array::{Array, ArrayRef, ArrowPrimitiveType, AsArray},
    datatypes::{
        DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
        UInt16Type, UInt32Type, UInt64Type,
    },
};

use super::{
    floats::FloatSum,
    kept::Kept,
    reading::{Block, Visit, Words},
};
use crate::model::{
    NAN_128, RowEncoding, RowSum,
    buckets::{BUCKETS, HELD, bucket, short},
    clip,
};

/// How many unreadable rows are told.
const TOLD: usize = 5;

/// A column's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) nulls: i64,
    pub(super) empties: i64,
    /// The control total of exact numbers, in units of the last digit; `None` where there is none, or it is too great.
    pub(super) total: Option<i128>,
    /// The exact sum of floats, where they are.
    pub(super) floats: Option<Box<FloatSum>>,
}

#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) sum: RowSum,
    pub(super) buckets: Vec<RowSum>,
    /// By column, in the rows' order.
    pub(super) figures: Vec<Figures>,
    pub(super) unreadable: u64,
    pub(super) told: Vec<String>,
    /// Rows that are looked for by their keys, and what is there of them.
    pub(super) wanted: HashMap<Words, Vec<Kept>>,
}

impl Tally {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            sum: RowSum::default(),
            buckets: vec![RowSum::default(); BUCKETS],
            figures: vec![Figures { total: Some(0), ..Figures::default() }; columns],
            unreadable: 0,
            told: Vec::new(),
            wanted: HashMap::new(),
        }
    }

    /// Adds the rows, or takes out such as were added.
    pub(super) fn count(&mut self, block: &Block, added: bool) {
        for (row, key) in block.rows.iter().zip(&block.keys) {
            let mut one = RowSum::default();
            one.add_row(*row);
            for sum in [&mut self.sum, &mut self.buckets[bucket(key)]] {
                match added {
                    true => *sum += one,
                    false => sum.take_out(one),
                }
            }
        }
        for (figures, array) in self.figures.iter_mut().zip(block.batch.columns()) {
            figures.count(array, if added { 1 } else { -1 });
        }
    }

    /// The buckets in which the two differ.
    pub(super) fn differing(&self, other: &Self) -> Vec<usize> {
        (0..BUCKETS).filter(|bucket| self.buckets[*bucket] != other.buckets[*bucket]).collect()
    }
}

impl Visit for Tally {
    fn visit(&mut self, block: Block) -> bool {
        self.count(&block, true);
        self.unreadable += block.unreadable.len() as u64;
        for reject in block.unreadable.iter().take(TOLD.saturating_sub(self.told.len())) {
            self.told.push(clip(&reject.message, 200));
        }
        if !self.wanted.is_empty() {
            for (index, key) in block.keys.iter().enumerate() {
                if let Some(found) = self.wanted.get_mut(key).filter(|found| found.len() < 2) {
                    found.push(Kept::of(&block, index));
                }
            }
        }
        true
    }
}

impl Figures {
    fn count(&mut self, array: &ArrayRef, sign: i64) {
        self.nulls += sign * array.logical_null_count() as i64;
        self.empties += sign * empties(array) as i64;
        let total = total(array).and_then(|total| total.checked_mul(i128::from(sign)));
        self.count_floats(array, sign);
        self.total = self.total.zip(total).and_then(|(sum, more)| sum.checked_add(more));
    }
}

impl Figures {
    fn count_floats(&mut self, array: &ArrayRef, sign: i64) {
        match array.data_type() {
            DataType::Float32 => {
                let sum = self.floats.get_or_insert_default();
                array.as_primitive::<Float32Type>().iter().flatten().for_each(|value| sum.add(f64::from(value), sign));
            }
            DataType::Float64 => {
                let sum = self.floats.get_or_insert_default();
                array.as_primitive::<Float64Type>().iter().flatten().for_each(|value| sum.add(value, sign));
            }
            _ => {}
        }
    }
}

fn empties(array: &ArrayRef) -> usize {
    let count = |is_empty: &dyn Fn(usize) -> bool| {
        (0..array.len()).filter(|row| array.is_valid(*row) && is_empty(*row)).count()
    };
    match array.data_type() {
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            count(&|row| values.value_length(row) == 0)
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            count(&|row| values.value_length(row) == 0)
        }
        _ => 0,
    }
}

/// The exact sum of exact numbers.
fn total(array: &ArrayRef) -> Option<i128> {
    fn sum<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<i128>
    where
        i128: From<T::Native>,
    {
        array.as_primitive::<T>().iter().flatten().map(i128::from).try_fold(0, i128::checked_add)
    }
    match array.data_type() {
        DataType::Int8 => sum::<Int8Type>(array),
        DataType::Int16 => sum::<Int16Type>(array),
        DataType::Int32 => sum::<Int32Type>(array),
        DataType::Int64 => sum::<Int64Type>(array),
        DataType::UInt8 => sum::<UInt8Type>(array),
        DataType::UInt16 => sum::<UInt16Type>(array),
        DataType::UInt32 => sum::<UInt32Type>(array),
        DataType::UInt64 => sum::<UInt64Type>(array),
        DataType::Decimal128(..) => {
            let values = array.as_primitive::<Decimal128Type>().iter().flatten();
            values
                .map(|value| Some(value).filter(|value| *value != NAN_128))
                .try_fold(0_i128, |sum, value| sum.checked_add(value?))
        }
        _ => None,
    }
}

/// What some buckets hold, key by key: one side's rows added, the other's taken out.
pub(super) struct Net {
    buckets: Vec<bool>,
    adds: bool,
    /// Of the rows of one key that are added the last stands, as an upsert leaves it.
    last_wins: bool,
    /// Keys that are not known yet are taken in; else they are only counted.
    takes_in: bool,
    pub(super) entries: HashMap<u128, Entry>,
    /// Rows whose keys were not taken in.
    pub(super) others: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    rows: i64,
    sum: u128,
}

impl Net {
    pub(super) fn over(buckets: &[usize], last_wins: bool) -> Self {
        let mut wanted = vec![false; BUCKETS];
        buckets.iter().for_each(|bucket| wanted[*bucket] = true);
        Self { buckets: wanted, adds: true, last_wins, takes_in: true, entries: HashMap::new(), others: 0 }
    }

    /// From now on rows are taken out. `strict`: such as were not added count too; else what others have under the key of
    /// a row that was not written is theirs.
    pub(super) fn turned(mut self, strict: bool) -> Self {
        self.entries.retain(|_, entry| strict || *entry != Entry::default());
        Self { adds: false, takes_in: strict, ..self }
    }

    pub(super) fn count(&mut self, block: &Block, adds: bool) {
        let full = self.entries.len() as u64 >= 2 * HELD;
        for (row, key) in block.rows.iter().zip(&block.keys).filter(|(_, key)| self.buckets[bucket(key)]) {
            let known = short(key);
            if !self.entries.contains_key(&known) && (!self.takes_in || full) {
                self.others += 1;
                continue;
            }
            let entry = self.entries.entry(known).or_default();
            if adds && self.last_wins {
                *entry = Entry::default();
            }
            entry.rows += if adds { 1 } else { -1 };
            entry.sum = if adds { entry.sum.wrapping_add(short(row)) } else { entry.sum.wrapping_sub(short(row)) };
        }
    }

    /// The keys whose rows are not the same, in no particular order. `surplus`: those of which the other side has too
    /// many are among them.
    pub(super) fn differing(&self, surplus: bool) -> impl Iterator<Item = u128> {
        let differs = move |entry: &Entry| if surplus { *entry != Entry::default() } else { entry.rows > 0 };
        self.entries.iter().filter(move |(_, entry)| differs(entry)).map(|(key, _)| *key)
    }
}

impl Visit for Net {
    fn visit(&mut self, block: Block) -> bool {
        let adds = self.adds;
        self.count(&block, adds);
        true
    }
}

/// The rows of some keys.
pub(super) struct Collected {
    pub(super) rows: BTreeMap<u128, Found>,
    /// Each column for itself.
    columns: Arc<[(String, RowEncoding)]>,
}

/// One side's rows of a key.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) times: u64,
    pub(super) first: Option<First>,
}

/// A row, its values each for itself, and where the source has it.
#[derive(Clone, Debug)]
pub(super) struct First {
    pub(super) kept: Kept,
    pub(super) columns: Vec<RowSum>,
    pub(super) chunk: Option<u64>,
    pub(super) number: Option<u64>,
}

impl Collected {
    pub(super) fn of(keys: &[u128], columns: &Arc<[(String, RowEncoding)]>) -> Self {
        Self { rows: keys.iter().map(|key| (*key, Found::default())).collect(), columns: columns.clone() }
    }
}

impl Visit for Collected {
    fn visit(&mut self, block: Block) -> bool {
        for (index, key) in block.keys.iter().enumerate() {
            let Some(found) = self.rows.get_mut(&short(key)) else { continue };
            found.times += 1;
            if found.first.is_none() {
                let row = block.batch.slice(index, 1);
                found.first = Some(First {
                    kept: Kept::of(&block, index),
                    columns: self.columns.iter().map(|(_, alone)| alone.sum(&row)).collect(),
                    chunk: block.chunk,
                    number: block.numbers.get(index).copied(),
                });
            }
        }
        true
    }
}
