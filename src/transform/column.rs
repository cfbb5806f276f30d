//! One destination column: where its values come from and what they go through.
//!
//! origin, value map, default, conversion, NOT NULL, length; in this order. The check comes last, over whole rows.

use datafusion::arrow::{
    array::{Array, ArrayRef},
    error::ArrowError,
    record_batch::RecordBatch,
};

use crate::{
    model::{Cause, Column, ColumnType},
    plan::{MappedColumn, Origin},
};

use super::{
    ExprError, RunInstant,
    convert::{Failure, Way, too_long},
    expression::{Columns, Expression},
    values::{Picked, Values, nothing},
};

#[derive(Clone, Debug)]
pub(super) struct TargetColumn {
    pub(super) target: Column,
    origin: CompiledOrigin,
    /// The source column that alone feeds it.
    pub(super) source: Option<usize>,
    values: Option<Values>,
    /// None where no row takes the origin's own value.
    conversion: Option<Way>,
    /// What the plan makes of the values.
    meant: ColumnType,
}

#[derive(Clone, Debug)]
enum CompiledOrigin {
    Column(usize),
    Expression(Expression),
    Nothing,
}

/// A column of the destination; NULL where a row failed.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) array: ArrayRef,
    /// The first failure of each row that has one, ascending.
    pub(super) failures: Vec<Failure>,
}

impl TargetColumn {
    pub(super) fn compile(columns: &Columns, mapped: &MappedColumn, instant: RunInstant) -> Result<Self, ExprError> {
        let (origin, from, source) = match &mapped.origin {
            Origin::Column(name) => {
                let index =
                    columns.index(name).ok_or_else(|| ExprError::new(format!("there is no column '{name}'")))?;
                (CompiledOrigin::Column(index), columns.ty(name).cloned(), Some(index))
            }
            Origin::Expr(sql) => {
                let expression = Expression::compile(columns, sql, instant)?;
                let source = expression.only_column();
                let from = expression.ty().clone();
                (CompiledOrigin::Expression(expression), Some(from), source)
            }
            Origin::Default => (CompiledOrigin::Nothing, None, None),
        };
        let values = Values::compile(mapped).map_err(ExprError::new)?;
        let own = from.filter(|_| values.as_ref().is_none_or(Values::may_take_own));
        let conversion = own.map(|from| conversion(&from, mapped)).transpose()?;
        let meant = mapped.meant.as_ref().unwrap_or(&mapped.target.ty).clone();
        Ok(Self { target: mapped.target.clone(), origin, source, values, conversion, meant })
    }

    /// What a fault says that was expected.
    pub(super) fn expected(&self, cause: Cause) -> String {
        let values = self.values.as_ref().and_then(Values::expected);
        match (cause, values) {
            (Cause::Unlisted, Some(expected)) => expected.to_owned(),
            _ => self.meant.expectation(),
        }
    }

    pub(super) fn expectation(&self) -> String {
        self.meant.expectation()
    }

    pub(super) fn make(&self, batch: &RecordBatch) -> Result<Made, ArrowError> {
        let mut failed = Failed::new(batch.num_rows());
        let origin = self.origin(batch, &mut failed)?;
        let picked = self.values.as_ref().map(|values| values.pick(&origin)).transpose()?;
        let own = self.convert(&origin, picked.as_ref(), &mut failed)?;
        let array = match (&self.values, picked) {
            (Some(values), Some(picked)) => {
                let array = values.take(&picked, &own)?;
                failed.extend(picked.failures);
                array
            }
            _ => own,
        };
        if !self.target.nullable && array.null_count() > 0 {
            failed.extend(nulls(&array));
        }
        failed.extend(too_long(&array, &self.target.ty));
        Ok(Made { array, failures: failed.failures() })
    }

    fn origin(&self, batch: &RecordBatch, failed: &mut Failed) -> Result<ArrayRef, ArrowError> {
        match &self.origin {
            CompiledOrigin::Column(index) => Ok(batch.column(*index).clone()),
            CompiledOrigin::Nothing => Ok(nothing(&self.target.ty, batch.num_rows())),
            CompiledOrigin::Expression(expression) => {
                let evaluated = expression.evaluate(batch)?;
                let failure = |(row, message)| Failure { row, cause: Cause::Expression, message };
                failed.extend(evaluated.failures.into_iter().map(failure));
                Ok(evaluated.array)
            }
        }
    }

    /// A value that no row takes cannot fail one.
    fn convert(&self, origin: &ArrayRef, picked: Option<&Picked>, failed: &mut Failed) -> Result<ArrayRef, ArrowError> {
        let Some(conversion) = &self.conversion else { return Ok(nothing(&self.target.ty, origin.len())) };
        let converted = conversion.apply(origin)?;
        let taken = |failure: &Failure| picked.is_none_or(|picked| picked.takes_own(failure.row));
        failed.extend(converted.failures.into_iter().filter(taken));
        Ok(converted.array)
    }
}

fn conversion(from: &ColumnType, mapped: &MappedColumn) -> Result<Way, ExprError> {
    let to = &mapped.target.ty;
    Way::between(from, mapped.meant.as_ref(), to).ok_or_else(|| {
        ExprError::new(format!("{from} does not convert to {to}; write an expression that makes one of the other"))
    })
}

fn nulls(array: &ArrayRef) -> impl Iterator<Item = Failure> {
    let rows = (0..array.len()).filter(|row| array.is_null(*row));
    rows.map(|row| Failure { row, cause: Cause::Null, message: "NULL where the destination allows none".into() })
}

/// Failures by row, of which the first counts: later ones follow from it.
struct Failed {
    seen: Vec<bool>,
    failures: Vec<Failure>,
}

impl Failed {
    fn new(rows: usize) -> Self {
        Self { seen: vec![false; rows], failures: Vec::new() }
    }

    fn extend(&mut self, failures: impl IntoIterator<Item = Failure>) {
        for failure in failures {
            if !std::mem::replace(&mut self.seen[failure.row], true) {
                self.failures.push(failure);
            }
        }
    }

    fn failures(mut self) -> Vec<Failure> {
        self.failures.sort_by_key(|failure| failure.row);
        self.failures
    }
}
