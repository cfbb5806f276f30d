//! From a failing row to a fault, and from an edited row back to a batch.

use datafusion::arrow::record_batch::RecordBatch;
use uuid::Uuid;

use crate::{
    endpoint::{Refusal, Reject},
    model::{Cause, Cell, CellError, Fault, FaultId, NamedCell, RunId, cell_at, named_cells, row_digest, told},
    plan::{Mapping, Origin},
    transform::RowFault,
};

/// Makes the faults of one table in one run.
#[derive(Debug)]
pub(super) struct Faults<'m> {
    pub(super) run: &'m RunId,
    pub(super) mapping: &'m Mapping,
}

impl Faults<'_> {
    fn fault(&self, row: u64, cells: Vec<NamedCell>, cause: Cause, expected: String, message: String) -> Fault {
        Fault {
            id: FaultId(Uuid::now_v7().to_string()),
            run: self.run.clone(),
            table: self.mapping.to.name.clone(),
            row,
            column: None,
            target: None,
            value: None,
            expected,
            cause,
            message: told(&message),
            digest: row_digest(&cells),
            cells,
        }
    }

    /// A row that the source could not express in its own types.
    pub(super) fn unreadable(&self, row: u64, reject: Reject) -> Fault {
        let column = self.mapping.from.columns.get(reject.column);
        let value = reject.cells.get(reject.column).map(Cell::told);
        let expected = column.map(|column| column.ty.expectation()).unwrap_or_default();
        let cells = named_cells(&self.mapping.from, reject.cells);
        Fault {
            column: column.map(|column| column.name.clone()),
            value,
            ..self.fault(row, cells, Cause::Unreadable, expected, reject.message)
        }
    }

    /// A row that the mapping could not transform.
    pub(super) fn transformed(&self, row: u64, cells: Vec<NamedCell>, failed: RowFault) -> Fault {
        Fault {
            column: failed.column,
            target: Some(failed.target),
            value: failed.value.as_ref().map(Cell::told),
            ..self.fault(row, cells, failed.cause, failed.expected, failed.message)
        }
    }

    /// A row that the destination did not take; `written` holds it at `refusal.row`, in destination columns.
    pub(super) fn refused(&self, row: u64, cells: Vec<NamedCell>, written: &RecordBatch, refusal: Refusal) -> Fault {
        let target = refusal.column;
        let mapped = target.as_ref().and_then(|name| self.mapping.columns.iter().find(|c| c.target.name == *name));
        let column = mapped.and_then(|mapped| match &mapped.origin {
            Origin::Column(name) => Some(name.clone()),
            Origin::Expr(_) | Origin::Default => None,
        });
        let array = target.as_ref().and_then(|name| written.column_by_name(name));
        let value = array.map(|array| cell_at(array, refusal.row).told());
        let expected = match (refusal.cause, mapped) {
            (Cause::Unique, _) => format!("a key that {} does not hold yet", self.mapping.to.name),
            (Cause::Reference, _) => "a reference to a row that is there".to_owned(),
            (Cause::Null, _) => "a value, since NULL is not allowed".to_owned(),
            (_, Some(mapped)) => mapped.target.ty.expectation(),
            (_, None) => format!("a row that {} takes", self.mapping.to.name),
        };
        Fault { column, target, value, ..self.fault(row, cells, refusal.cause, expected, refusal.message) }
    }

    /// An edited row that the plan's filter would leave behind.
    pub(super) fn left_out(&self, row: u64, cells: Vec<NamedCell>) -> Fault {
        let expected = self.mapping.filter.clone().unwrap_or_default();
        self.fault(row, cells, Cause::Refused, expected, "the row does not meet the table's where".into())
    }

    /// An edited row that cannot even be read as the source's types.
    pub(super) fn unusable(&self, row: u64, cells: Vec<NamedCell>, error: CellError) -> Fault {
        let column = self.mapping.from.columns.get(error.index);
        let expected = column.map(|column| column.ty.expectation()).unwrap_or_default();
        Fault {
            column: column.map(|column| column.name.clone()),
            ..self.fault(row, cells, Cause::Conversion, expected, error.message)
        }
    }
}
