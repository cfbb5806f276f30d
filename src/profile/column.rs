//! One column's facts, folded from batches.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
    record_batch::RecordBatch,
};

use super::{
    distinct::LeastHashes,
    extremes::{Extremes, has_order},
    frequent::Counters,
    histogram::Stretches,
    kinds::Kinds,
    patterns::pattern_of,
    places::{label, places},
};
use crate::{
    model::{Cell, Column, ColumnType, RowEncoding, cell_at},
    protocol::{Bar, ColumnProfile, Digits, Frequent, Histogram, Pattern, Span},
};

/// Values that are told.
const TOP: usize = 10;
const PATTERN_COUNTERS: usize = 256;
const PATTERNS: usize = 8;
/// What of a value is shown, in characters.
const SHOWN: usize = 200;

pub(super) struct ColumnFold {
    ty: ColumnType,
    hasher: Hasher,
    facts: ColumnProfile,
    distinct: LeastHashes,
    top: Counters<String>,
    patterns: Counters<String>,
    kinds: Kinds,
    extremes: Extremes,
    /// Of values, or of the lengths of texts.
    stretches: Stretches,
}

/// Hashes the values of a column; those of another that are equal have the same hash.
pub(super) struct Hasher {
    encoding: RowEncoding,
    schema: Arc<Schema>,
}

impl Hasher {
    pub(super) fn of(ty: &ColumnType) -> Self {
        Self {
            encoding: RowEncoding::of([(&neutral(ty), None)]),
            schema: Arc::new(Schema::new(vec![Field::new("v", ty.arrow(), true)])),
        }
    }

    /// Of each row: what is NULL has one as well.
    pub(super) fn hashes(&self, array: &ArrayRef) -> Result<Vec<u64>, ArrowError> {
        let batch = RecordBatch::try_new(self.schema.clone(), vec![array.clone()])?;
        let mut hashes = Vec::with_capacity(array.len());
        self.encoding.each(&batch, |_, words| hashes.push(u64::from(words[0]) << 32 | u64::from(words[1])));
        Ok(hashes)
    }
}

/// The column under which values are hashed: the same for all columns, so that equal values have equal hashes whichever
/// column they are in.
fn neutral(ty: &ColumnType) -> Column {
    let ty = match ty {
        ty if ty.is_number() && !matches!(ty, ColumnType::Float { .. }) => ColumnType::Numeric,
        ColumnType::Uuid | ColumnType::Json => ty.clone(),
        _ => ColumnType::TEXT,
    };
    Column::new("v", ty)
}

impl ColumnFold {
    /// So many different values are told apart, and of so many it is counted how often each comes; beyond that both are
    /// estimated.
    pub(super) fn new(column: &Column, (least, counters): (usize, usize)) -> Self {
        let whole = matches!(column.ty, ColumnType::Integer { .. } | ColumnType::Date | ColumnType::Text { .. });
        Self {
            ty: column.ty.clone(),
            hasher: Hasher::of(&column.ty),
            facts: ColumnProfile { column: column.name.clone(), ty: column.ty.to_string(), ..ColumnProfile::default() },
            distinct: LeastHashes::new(least),
            top: Counters::new(counters),
            patterns: Counters::new(PATTERN_COUNTERS),
            kinds: Kinds::new(),
            extremes: Extremes::default(),
            stretches: Stretches::new(whole),
        }
    }

    /// Takes the values in, and gives the hash of each.
    pub(super) fn fold(&mut self, array: &ArrayRef) -> Result<Vec<u64>, ArrowError> {
        let hashes = self.hasher.hashes(array)?;
        self.facts.rows += array.len() as u64;
        self.facts.nulls += array.null_count() as u64;
        for (row, hash) in hashes.iter().enumerate().filter(|(row, _)| array.is_valid(*row)) {
            self.distinct.take(*hash);
            self.top.take(*hash, || shown(&cell_at(array, row)));
        }
        if has_order(&self.ty) {
            self.extremes.take(array, &self.ty)?;
        }
        match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().iter().flatten().for_each(|text| self.take_text(text)),
            DataType::Binary => {
                array.as_binary::<i32>().iter().flatten().for_each(|bytes| widen(&mut self.facts.bytes, bytes.len()))
            }
            _ => {}
        }
        if let Some(places) = places(array, &self.ty)? {
            self.take_places(&places);
        }
        Ok(hashes)
    }

    fn take_places(&mut self, places: &Float64Array) {
        places.iter().flatten().for_each(|place| self.stretches.take(place));
    }

    fn take_text(&mut self, text: &str) {
        let characters = text.chars().count();
        widen(&mut self.facts.bytes, text.len());
        widen(&mut self.facts.characters, characters);
        self.facts.empty += u64::from(text.is_empty());
        self.facts.non_ascii += u64::from(!text.is_ascii());
        self.facts.blank_ends +=
            u64::from(text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace));
        match self.ty {
            ColumnType::Numeric => self.take_digits(text),
            ColumnType::Text { .. } => {
                self.stretches.take(characters as f64);
                if !text.is_empty() {
                    self.kinds.take(text);
                    self.take_pattern(text);
                }
            }
            ColumnType::Other(_) if !text.is_empty() => self.take_pattern(text),
            _ => {}
        }
    }

    fn take_pattern(&mut self, text: &str) {
        let pattern = pattern_of(text);
        let hash = super::keys::hash_of(pattern.as_bytes());
        self.patterns.take(hash, || pattern);
    }

    fn take_digits(&mut self, text: &str) {
        let digits = text.trim_start_matches(['-', '+']);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let most = self.facts.digits.get_or_insert_default();
        let whole = whole.trim_start_matches('0').len() as u32;
        *most = Digits { whole: most.whole.max(whole), fraction: most.fraction.max(fraction.len() as u32) };
    }

    /// The NULL that was folded last stands for a value that is not of the column's type.
    pub(super) fn unreadable(&mut self) {
        self.facts.nulls = self.facts.nulls.saturating_sub(1);
        self.facts.unreadable += 1;
    }

    pub(super) fn told(mut self) -> ColumnProfile {
        let (least, greatest) = self.extremes.told();
        let cut = |cell: Cell| if matches!(cell, Cell::Null) { cell } else { Cell::Text(shown(&cell)) };
        let of_lengths = matches!(self.ty, ColumnType::Text { .. });
        let bars: Vec<Bar> = self
            .stretches
            .told()
            .into_iter()
            .map(|(from, to, rows)| {
                let text = |place| if of_lengths { format!("{place}") } else { label(place, to - from, &self.ty) };
                Bar { from: text(from), to: text(to), rows }
            })
            .collect();
        let histogram = Histogram { of_lengths, bars, beside: self.stretches.beside };
        let top = self.top.told(TOP).into_iter().map(|(text, rows)| Frequent { value: Cell::Text(text), rows });
        let patterns = self.patterns.told(PATTERNS).into_iter();
        ColumnProfile {
            distinct: self.distinct.told(),
            top: top.collect(),
            top_error: self.top.error(),
            least: least.map(cut),
            greatest: greatest.map(cut),
            histogram: (!histogram.bars.is_empty()).then_some(histogram),
            patterns: patterns.map(|(pattern, rows)| Pattern { pattern, rows }).collect(),
            pattern_error: self.patterns.error(),
            kinds: self.kinds.told(),
            ..self.facts
        }
    }
}

fn widen(span: &mut Option<Span>, length: usize) {
    let length = length as u64;
    let span = span.get_or_insert(Span { shortest: length, longest: length });
    *span = Span { shortest: span.shortest.min(length), longest: span.longest.max(length) };
}

/// A value for a human, a long one cut.
pub(super) fn shown(cell: &Cell) -> String {
    let text = match cell {
        // All of a large one in hex would be twice its size.
        Cell::Bytes(bytes) => Cell::Bytes(bytes[..bytes.len().min(SHOWN)].to_vec()).display(),
        cell => cell.display(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::array_of;

    fn of(ty: &str, texts: &[Option<&str>]) -> ColumnProfile {
        let ty: ColumnType = ty.parse().unwrap();
        let mut fold = ColumnFold::new(&Column::new("c", ty.clone()), (1_000, 100));
        for part in texts.chunks(2) {
            let cells: Vec<Cell> = part.iter().map(|text| text.map_or(Cell::Null, Cell::text)).collect();
            fold.fold(&array_of(&ty, &cells).unwrap()).unwrap();
        }
        fold.told()
    }

    #[test]
    fn a_text_is_told_from_all_sides() {
        let told = of("text", &[Some("ab-12"), None, Some(""), Some(" é"), Some("ab-12"), Some("cd-34")]);
        assert_eq!((told.rows, told.nulls, told.empty, told.blank_ends, told.non_ascii), (6, 1, 1, 1, 1));
        assert_eq!(told.distinct.values, 4);
        assert_eq!((told.top[0].value.clone(), told.top[0].rows, told.top_error), (Cell::text("ab-12"), 2, 0));
        assert_eq!((told.least, told.greatest), (Some(Cell::text("")), Some(Cell::text("cd-34"))));
        assert_eq!(told.characters, Some(Span { shortest: 0, longest: 5 }));
        assert_eq!(told.bytes, Some(Span { shortest: 0, longest: 5 }));
        assert_eq!((told.patterns[0].pattern.as_str(), told.patterns[0].rows), ("aa-99", 3));
        let histogram = told.histogram.unwrap();
        assert!(histogram.of_lengths);
        assert_eq!(histogram.bars.iter().map(|bar| bar.rows).sum::<u64>(), 5);
    }

    #[test]
    fn one_value_counts_once_however_it_is_written() {
        assert_eq!(of("numeric", &[Some("1"), Some("1.0"), Some("1.00"), Some("2.125")]).distinct.values, 2);
        assert_eq!(of("numeric", &[Some("-100.5"), Some("2.125")]).digits, Some(Digits { whole: 3, fraction: 3 }));
        assert_eq!(of("boolean", &[Some("true"), Some("true")]).distinct.values, 1);
    }

    #[test]
    fn equal_numbers_of_two_types_have_one_hash() {
        let hash = |ty: &str| {
            let ty: ColumnType = ty.parse().unwrap();
            let mut fold = ColumnFold::new(&Column::new("c", ty.clone()), (10, 10));
            fold.fold(&array_of(&ty, &[Cell::text("7")]).unwrap()).unwrap()[0]
        };
        let hashes = ["integer", "bigint unsigned", "decimal(10,2)", "decimal(50,2)", "numeric"].map(hash);
        assert!(hashes.iter().all(|other| *other == hashes[0]), "{hashes:?}");
        assert_ne!(hash("text"), hashes[0]);
    }

    #[test]
    fn days_and_moments_stand_on_a_histogram_by_their_names() {
        let told = of("date", &[Some("2024-01-01"), Some("2024-01-03"), Some("infinity")]);
        let histogram = told.histogram.unwrap();
        assert_eq!(
            (histogram.bars[0].from.as_str(), histogram.bars[0].to.as_str(), histogram.beside),
            ("2024-01-01", "2024-01-02", 1)
        );
        let told = of("timestamp", &[Some("2024-01-01T00:00:00"), Some("2024-01-02T12:00:00")]);
        let bars = told.histogram.unwrap().bars;
        assert_eq!(bars.iter().map(|bar| bar.rows).sum::<u64>(), 2);
        assert_eq!(bars[0].from, "2024-01-01 00:00:00");
    }

    #[test]
    fn nothing_is_told_of_no_value() {
        let told = of("integer", &[None, None]);
        assert_eq!((told.rows, told.nulls, told.distinct.values), (2, 2, 0));
        assert!(told.histogram.is_none() && told.least.is_none() && told.top.is_empty());
        assert_eq!(told.in_short(), "100 % NULL · 0 distinct");
    }
}
