//! A table's facts, folded batch by batch: columns, keys that come twice, references, conversions.

use datafusion::arrow::{
    array::{ArrayRef, BooleanArray},
    compute::filter_record_batch,
    record_batch::RecordBatch,
};

use super::{
    ProfileError,
    column::{ColumnFold, shown},
    conversions::Conversions,
    keys::{Keys, ROOM, together},
    references::Followed,
};
use crate::{
    endpoint::{Reject, SourceBatch},
    model::{Cell, NamedCell, Table, batch_of, cell_at, named_cells},
    protocol::{ColumnProfile, Distinct, Duplicates, ExampleRow, Rows, TableProfile},
};

/// What the counting of different values may take, in bytes, over all columns.
const DISTINCT_BYTES: usize = 32 << 20;
/// And the counting of frequent ones, of which each takes some hundred.
const FREQUENT_BYTES: usize = 32 << 20;
/// Rows that are shown of each finding.
pub(super) const EXAMPLES: usize = 3;

/// Which columns of a table are told, and what else is followed in its rows.
pub(super) struct Scope<'s> {
    pub(super) rows: Rows,
    /// None: all.
    pub(super) columns: &'s [String],
    pub(super) keys: Vec<Vec<String>>,
    pub(super) references: Vec<Followed>,
    pub(super) conversions: Vec<Conversions>,
}

pub(super) struct TableFold {
    table: Table,
    rows: Rows,
    columns: Vec<ColumnFold>,
    told: Vec<String>,
    duplicates: Vec<Twice>,
    references: Vec<Followed>,
    conversions: Vec<Conversions>,
    looked: u64,
    /// Rows that were read, those that the sample leaves out among them.
    pub(super) read: u64,
}

/// A key that should come once.
struct Twice {
    /// By the columns' places; none: all columns.
    columns: Vec<usize>,
    keys: Keys,
    found: Duplicates,
}

/// A row as those see it that follow several columns.
pub(super) struct Row<'r> {
    pub(super) number: u64,
    table: &'r Table,
    arrays: &'r [ArrayRef],
    hashes: &'r [Vec<u64>],
    at: usize,
}

impl Row<'_> {
    /// The hash of these columns; nothing where one is NULL.
    pub(super) fn key(&self, columns: &[usize]) -> Option<u64> {
        let has_null = columns.iter().any(|column| self.arrays[*column].is_null(self.at));
        (!has_null).then(|| together(columns.iter().map(|column| self.hashes[*column][self.at])))
    }

    fn whole(&self) -> u64 {
        together(self.hashes.iter().map(|hashes| hashes[self.at]))
    }

    pub(super) fn example(&self, columns: &[usize]) -> ExampleRow {
        let cell = |column: &usize| NamedCell {
            name: self.table.columns[*column].name.clone(),
            cell: match cell_at(&self.arrays[*column], self.at) {
                Cell::Null => Cell::Null,
                cell => Cell::Text(shown(&cell)),
            },
        };
        ExampleRow { row: self.number, cells: columns.iter().map(cell).collect() }
    }
}

impl TableFold {
    pub(super) fn new(table: &Table, scope: Scope<'_>) -> Self {
        let columns = table.columns.len().max(1);
        let least = (DISTINCT_BYTES / 16 / columns).clamp(1_024, 16_384);
        let counters = (FREQUENT_BYTES / 128 / columns).clamp(256, 4_096);
        let twice = |key: Vec<String>| {
            let columns = places(table, &key)?;
            let found = Duplicates { key, ..Duplicates::default() };
            Some(Twice { columns, keys: Keys::new(ROOM), found })
        };
        let told = match scope.columns {
            [] => table.columns.iter().map(|column| column.name.clone()).collect(),
            some => some.to_vec(),
        };
        Self {
            columns: table.columns.iter().map(|column| ColumnFold::new(column, (least, counters))).collect(),
            told,
            duplicates: std::iter::once(Vec::new()).chain(scope.keys).filter_map(twice).collect(),
            references: scope.references,
            conversions: scope.conversions,
            rows: scope.rows,
            table: table.clone(),
            looked: 0,
            read: 0,
        }
    }

    /// Takes a message in; `false`: enough was seen.
    pub(super) fn take(&mut self, message: SourceBatch) -> Result<bool, ProfileError> {
        let places = message.places();
        let first = self.read + 1;
        self.read += message.rows() as u64;
        let rejects: Vec<Reject> =
            message.rejects.into_iter().filter(|reject| self.is_looked_at(first + reject.place as u64)).collect();
        let looked_at: Vec<bool> = places.iter().map(|place| self.is_looked_at(first + *place as u64)).collect();
        let mut numbers: Vec<u64> = places.iter().map(|place| first + *place as u64).collect();
        let mut batch = message.batch;
        if looked_at.contains(&false) {
            batch = filter_record_batch(&batch, &BooleanArray::from(looked_at.clone()))?;
            let mut flags = looked_at.iter();
            numbers.retain(|_| flags.next().copied().unwrap_or(false));
        }
        self.fold(&batch, &numbers)?;
        for conversions in &mut self.conversions {
            conversions.take(&batch, &numbers)?;
        }
        for reject in rejects {
            self.fold_reject(first + reject.place as u64, reject)?;
        }
        Ok(!matches!(self.rows, Rows::First(rows) if self.read >= rows))
    }

    fn is_looked_at(&self, number: u64) -> bool {
        match self.rows {
            Rows::All => true,
            Rows::First(rows) => number <= rows,
            Rows::Every(step) => (number - 1).is_multiple_of(step.max(1)),
        }
    }

    fn fold(&mut self, batch: &RecordBatch, numbers: &[u64]) -> Result<(), ProfileError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.looked += batch.num_rows() as u64;
        let arrays = batch.columns();
        let hashes: Vec<Vec<u64>> =
            self.columns.iter_mut().zip(arrays).map(|(column, array)| column.fold(array)).collect::<Result<_, _>>()?;
        for (at, number) in numbers.iter().enumerate() {
            let row = Row { number: *number, table: &self.table, arrays, hashes: &hashes, at };
            self.duplicates.iter_mut().for_each(|twice| twice.take(&row));
            self.references.iter_mut().for_each(|reference| reference.take(&row));
        }
        Ok(())
    }

    /// A row of which a cell is not of its column's type: the others are.
    fn fold_reject(&mut self, number: u64, reject: Reject) -> Result<(), ProfileError> {
        for conversions in &mut self.conversions {
            conversions.reject(number, &reject, &self.table);
        }
        let mut unreadable = vec![reject.column];
        let mut cells = named_cells(&self.table, reject.cells);
        let batch = loop {
            for column in &unreadable {
                cells[*column].cell = Cell::Null;
            }
            match batch_of(&self.table, &cells) {
                Ok(batch) => break batch,
                Err(error) if !unreadable.contains(&error.index) => unreadable.push(error.index),
                Err(error) => return Err(error.into()),
            }
        };
        self.fold(&batch, &[number])?;
        unreadable.into_iter().for_each(|column| self.columns[column].unreadable());
        Ok(())
    }

    pub(super) fn told(self) -> TableProfile {
        let told = self.told;
        let mut columns: Vec<ColumnProfile> = self.columns.into_iter().map(ColumnFold::told).collect();
        self.duplicates.iter().for_each(|twice| twice.correct(&mut columns));
        columns.retain(|column| told.contains(&column.column));
        TableProfile {
            table: self.table.name,
            rows: self.rows,
            looked: self.looked,
            total: self.table.rows,
            columns,
            duplicates: self.duplicates.into_iter().map(Twice::told).collect(),
            references: self.references.into_iter().filter_map(Followed::told).collect(),
            conversions: self.conversions.into_iter().flat_map(Conversions::told).collect(),
            ..TableProfile::default()
        }
    }
}

/// The places of columns by their names; nothing where one is missing.
pub(super) fn places(table: &Table, names: &[String]) -> Option<Vec<usize>> {
    names.iter().map(|name| table.columns.iter().position(|column| column.name == *name)).collect()
}

impl Twice {
    fn take(&mut self, row: &Row<'_>) {
        let hash = match self.columns.as_slice() {
            [] => row.whole(),
            columns => match row.key(columns) {
                Some(hash) => hash,
                None => {
                    self.found.without_key += 1;
                    return;
                }
            },
        };
        if self.keys.take(hash).is_some_and(|rows| rows > 1) && self.found.examples.len() < EXAMPLES {
            self.found.examples.push(row.example(&self.columns));
        }
    }

    /// A column that is a key by itself has as many different values as there are keys, and these were counted further.
    fn correct(&self, columns: &mut [ColumnProfile]) {
        let ([only], 1) = (self.columns.as_slice(), self.keys.one_in()) else { return };
        if let Some(column) = columns.get_mut(*only) {
            column.distinct = Distinct { values: self.keys.held(), error_percent: None };
        }
    }

    fn told(self) -> Duplicates {
        Duplicates { surplus: self.keys.surplus(), one_in: self.keys.one_in(), ..self.found }
    }
}
