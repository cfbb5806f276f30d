//! A compiled mapping applied to a batch: filter, columns, checks; each row ends in exactly one place.

use std::collections::BTreeMap;

use datafusion::arrow::{
    array::{Array, AsArray, BooleanArray},
    compute::filter_record_batch,
    error::ArrowError,
    record_batch::{RecordBatch, RecordBatchOptions},
};

use crate::model::{Cause, Cell, cell_at};

use super::{
    Transform, TransformError,
    column::TargetColumn,
    table::{Condition, FILTER},
};

/// What became of a batch. Each input row is in exactly one of `rows`, `filtered` and `faults`.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The rows that made it, in the order they came, typed as [`Transform::target_schema`].
    pub batch: RecordBatch,
    /// The input row of each output row, ascending.
    pub rows: Vec<usize>,
    /// Input rows that the filter leaves behind, ascending.
    pub filtered: Vec<usize>,
    /// Ascending by row, one per row.
    pub faults: Vec<RowFault>,
}

/// Why one row did not make it: its first failing column in the mapping's order; checks come after all columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// From 0, in the input batch.
    pub row: usize,
    /// The source column, where exactly one feeds the destination column.
    pub column: Option<String>,
    /// The destination column, or `where`.
    pub target: String,
    /// What that source column holds.
    pub value: Option<Cell>,
    pub expected: String,
    pub cause: Cause,
    pub message: String,
}

/// What becomes of each column by itself, whatever the others of a row come to.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Rows that the filter lets through.
    pub rows: usize,
    /// Of each destination column, in the order of [`Transform::target_columns`]: the rows that it fails, ascending.
    pub failures: Vec<Vec<RowFault>>,
}

impl Transform {
    /// Tries every column on every row that the filter lets through; checks are not tried.
    pub fn attempt(&self, batch: &RecordBatch) -> Result<Tried, TransformError> {
        let batch = self.source_batch(batch)?;
        let mut work = Work::new(&batch);
        let live = match &self.filter {
            Some(filter) => self.filter(filter, &batch, &mut work)?,
            None => batch,
        };
        let mut failures = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let failed = column.make(&live)?.failures.into_iter().map(|failure| {
                let expected = column.expected(failure.cause);
                let explained = Explained { expected, cause: failure.cause, message: failure.message };
                let row = work.rows[failure.row];
                RowFault { row, ..self.fault(&live, failure.row, column.source, &column.target.name, explained) }
            });
            failures.push(failed.collect());
        }
        Ok(Tried { rows: live.num_rows(), failures })
    }

    /// What each destination column is expected to be, in the order of [`Transform::target_columns`].
    pub fn expectations(&self) -> Vec<String> {
        self.columns.iter().map(TargetColumn::expectation).collect()
    }

    /// Makes destination rows. A row that cannot be made is named in `faults` and touches no other.
    pub fn apply(&self, batch: &RecordBatch) -> Result<Applied, TransformError> {
        let batch = self.source_batch(batch)?;
        let mut work = Work::new(&batch);
        let live = match &self.filter {
            Some(filter) => self.filter(filter, &batch, &mut work)?,
            None => batch,
        };
        let made = self.make(&live, &mut work)?;
        let made = self.check(made, &live, &mut work)?;
        Ok(Applied {
            batch: made,
            rows: work.rows,
            filtered: work.filtered,
            faults: work.faults.into_values().collect(),
        })
    }

    /// The batch with exactly the source's columns, in their order.
    fn source_batch(&self, batch: &RecordBatch) -> Result<RecordBatch, TransformError> {
        let wanted = self.source.schema();
        let mut columns = Vec::with_capacity(wanted.fields().len());
        for field in wanted.fields() {
            let found = batch.column_by_name(field.name());
            let array = found.ok_or_else(|| TransformError::Missing(field.name().clone()))?;
            if array.data_type() != field.data_type() {
                return Err(TransformError::Type {
                    name: field.name().clone(),
                    expected: field.data_type().to_string(),
                    found: array.data_type().to_string(),
                });
            }
            columns.push(array.clone());
        }
        Ok(put_together(wanted.clone(), columns, batch.num_rows())?)
    }

    fn filter(&self, filter: &Condition, batch: &RecordBatch, work: &mut Work) -> Result<RecordBatch, ArrowError> {
        let evaluated = filter.expression.evaluate(batch)?;
        let source = filter.expression.only_column();
        let failed: BTreeMap<usize, String> = evaluated.failures.into_iter().collect();
        let truth = evaluated.array.as_boolean();
        let is_true = |row: usize| truth.is_valid(row) && truth.value(row);
        work.filtered = (0..batch.num_rows()).filter(|row| !is_true(*row) && !failed.contains_key(row)).collect();
        for (row, message) in failed {
            let expected = filter.text.clone();
            let fault =
                self.fault(batch, row, source, FILTER, Explained { expected, cause: Cause::Expression, message });
            work.faults.insert(row, fault);
        }
        work.keep(batch, is_true)
    }

    fn make(&self, live: &RecordBatch, work: &mut Work) -> Result<RecordBatch, ArrowError> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let made = column.make(live)?;
            for failure in made.failures {
                let expected = column.expected(failure.cause);
                let explained = Explained { expected, cause: failure.cause, message: failure.message };
                work.fail(self, live, failure.row, column, explained);
            }
            arrays.push(made.array);
        }
        put_together(self.schema.clone(), arrays, live.num_rows())
    }

    /// Drops the rows that failed, then those that a check refuses.
    fn check(&self, made: RecordBatch, live: &RecordBatch, work: &mut Work) -> Result<RecordBatch, ArrowError> {
        let (mut made, mut live) = work.keep_good(&made, live)?;
        for (index, check) in &self.checks {
            let evaluated = check.expression.evaluate(&made)?;
            let truth = evaluated.array.as_boolean();
            let refused = (0..made.num_rows()).filter(|row| truth.is_valid(*row) && !truth.value(*row));
            let refused = refused.map(|row| (row, Cause::Check, format!("the check says no: {}", check.text)));
            let broken = evaluated.failures.into_iter().map(|(row, message)| (row, Cause::Expression, message));
            for (row, cause, message) in refused.chain(broken) {
                let explained = Explained { expected: check.text.clone(), cause, message };
                work.fail(self, &live, row, &self.columns[*index], explained);
            }
            (made, live) = work.keep_good(&made, &live)?;
        }
        Ok(made)
    }

    fn fault(
        &self,
        batch: &RecordBatch,
        row: usize,
        source: Option<usize>,
        target: &str,
        explained: Explained,
    ) -> RowFault {
        RowFault {
            row,
            column: source.map(|index| self.source.schema().field(index).name().clone()),
            target: target.to_owned(),
            value: source.map(|index| cell_at(batch.column(index), row)),
            expected: explained.expected,
            cause: explained.cause,
            message: explained.message,
        }
    }
}

struct Explained {
    expected: String,
    cause: Cause,
    message: String,
}

/// Where the rows of a batch stand while it is worked on.
struct Work {
    /// The input row of each row that is still in the batch.
    rows: Vec<usize>,
    filtered: Vec<usize>,
    faults: BTreeMap<usize, RowFault>,
}

impl Work {
    fn new(batch: &RecordBatch) -> Self {
        Self { rows: (0..batch.num_rows()).collect(), filtered: Vec::new(), faults: BTreeMap::new() }
    }

    /// Records the fault of a row of the live batch, unless it has one.
    fn fail(&mut self, of: &Transform, live: &RecordBatch, row: usize, column: &TargetColumn, explained: Explained) {
        let Some(input) = self.rows.get(row).copied() else { return };
        self.faults.entry(input).or_insert_with(|| RowFault {
            row: input,
            ..of.fault(live, row, column.source, &column.target.name, explained)
        });
    }

    fn keep_good(&mut self, made: &RecordBatch, live: &RecordBatch) -> Result<(RecordBatch, RecordBatch), ArrowError> {
        let good: Vec<bool> = self.rows.iter().map(|input| !self.faults.contains_key(input)).collect();
        let live = picked(live, &good)?;
        Ok((self.keep(made, |row| good[row])?, live))
    }

    fn keep(&mut self, batch: &RecordBatch, is_kept: impl Fn(usize) -> bool) -> Result<RecordBatch, ArrowError> {
        let kept: Vec<bool> = (0..batch.num_rows()).map(is_kept).collect();
        let mut flags = kept.iter();
        self.rows.retain(|_| flags.next().copied().unwrap_or(false));
        picked(batch, &kept)
    }
}

fn picked(batch: &RecordBatch, kept: &[bool]) -> Result<RecordBatch, ArrowError> {
    if kept.iter().all(|kept| *kept) {
        return Ok(batch.clone());
    }
    filter_record_batch(batch, &BooleanArray::from(kept.to_vec()))
}

/// A batch that keeps its number of rows even without columns.
fn put_together(
    schema: datafusion::arrow::datatypes::SchemaRef,
    columns: Vec<datafusion::arrow::array::ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new_with_options(schema, columns, &RecordBatchOptions::new().with_row_count(Some(rows)))
}
