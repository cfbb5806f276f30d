//! What the plan's mapping makes of the values: the converters of a run, tried on each column by itself.

use datafusion::arrow::record_batch::RecordBatch;

use super::{ProfileError, column::shown, fold::EXAMPLES};
use crate::{
    endpoint::Reject,
    model::{Cell, Table},
    plan::{Mapping, Origin},
    protocol::{Conversion, Unfit},
    transform::{CompileError, RunInstant, Transform},
};

pub(super) struct Conversions {
    transform: Transform,
    told: Vec<Conversion>,
    /// For each, the source column that it is.
    sources: Vec<Option<String>>,
}

impl Conversions {
    /// Of the table's rows as its source describes them; `named`: there are several such mappings.
    pub(super) fn of(
        mapping: &Mapping,
        table: &Table,
        instant: RunInstant,
        named: bool,
    ) -> Result<Self, Vec<CompileError>> {
        let mapping = Mapping { from: table.clone(), ..mapping.clone() };
        let transform = Transform::compile(&mapping, instant)?;
        let columns = mapping.columns.iter().zip(transform.expectations());
        let told = columns.map(|(mapped, expected)| {
            let name = &mapped.target.name;
            let column = if named { format!("{}.{name}", mapping.to.name) } else { name.clone() };
            Conversion { column, expected, ..Conversion::default() }
        });
        let source = |origin: &Origin| match origin {
            Origin::Column(name) => Some(name.clone()),
            Origin::Expr(_) | Origin::Default => None,
        };
        let sources = mapping.columns.iter().map(|mapped| source(&mapped.origin)).collect();
        Ok(Self { told: told.collect(), sources, transform })
    }

    pub(super) fn take(&mut self, batch: &RecordBatch, numbers: &[u64]) -> Result<(), ProfileError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let tried = self.transform.attempt(batch)?;
        for (told, failures) in self.told.iter_mut().zip(tried.failures) {
            told.tried += tried.rows as u64;
            told.failed += failures.len() as u64;
            let room = EXAMPLES.saturating_sub(told.examples.len());
            let examples = failures.into_iter().take(room).map(|fault| Unfit {
                row: numbers.get(fault.row).copied().unwrap_or_default(),
                value: fault.value.map(|value| if value.is_null() { value } else { Cell::Text(shown(&value)) }),
                message: fault.message,
            });
            told.examples.extend(examples);
        }
        Ok(())
    }

    /// A row that its source cannot read fails wherever its column goes.
    pub(super) fn reject(&mut self, number: u64, reject: &Reject, table: &Table) {
        let Some(column) = table.columns.get(reject.column) else { return };
        let fed = self.told.iter_mut().zip(&self.sources).filter(|(_, source)| source.as_ref() == Some(&column.name));
        for (told, _) in fed {
            told.tried += 1;
            told.failed += 1;
            if told.examples.len() < EXAMPLES {
                let value = reject.cells.get(reject.column).map(|cell| Cell::Text(shown(cell)));
                told.examples.push(Unfit { row: number, value, message: reject.message.clone() });
            }
        }
    }

    pub(super) fn told(self) -> Vec<Conversion> {
        self.told
    }
}
