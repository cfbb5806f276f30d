//! One row, taken out of a batch or put into one.

use std::sync::Arc;

use datafusion::arrow::{
    datatypes::{Field, Schema},
    record_batch::RecordBatch,
};

use super::{Cell, CellError, NamedCell, Table, array_of, cell_at};

/// The cells of a row under the names of the table's columns.
pub fn named_cells(table: &Table, cells: Vec<Cell>) -> Vec<NamedCell> {
    let names = table.columns.iter().map(|column| column.name.clone());
    names.zip(cells).map(|(name, cell)| NamedCell { name, cell }).collect()
}

/// The cells of one row of a batch in the table's columns.
pub fn cells_of(table: &Table, batch: &RecordBatch, row: usize) -> Vec<NamedCell> {
    named_cells(table, batch.columns().iter().map(|array| cell_at(array, row)).collect())
}

/// `cells` with `edits` in place of those of the same names. A long cell that an edit leaves as it was told is no edit.
pub fn edited(cells: &[NamedCell], edits: &[NamedCell]) -> Vec<NamedCell> {
    let edit = |cell: &NamedCell| {
        let edit = edits.iter().find(|edit| edit.name == cell.name && edit.cell != cell.cell.told());
        edit.unwrap_or(cell).clone()
    };
    cells.iter().map(edit).collect()
}

/// One row as a batch in the table's columns, every cell converted exactly; else the index of the column that cannot be,
/// and why. A column without a cell is NULL.
pub fn batch_of(table: &Table, cells: &[NamedCell]) -> Result<RecordBatch, CellError> {
    let mut fields = Vec::with_capacity(table.columns.len());
    let mut arrays = Vec::with_capacity(table.columns.len());
    for (index, column) in table.columns.iter().enumerate() {
        let cell = cells.iter().find(|cell| cell.name == column.name).map_or(Cell::Null, |named| named.cell.clone());
        arrays.push(array_of(&column.ty, &[cell]).map_err(|error| CellError { index, ..error })?);
        fields.push(Field::new(&column.name, column.ty.arrow(), true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| CellError { index: 0, message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cell_stays_whole_where_it_is_left_as_it_was_told() {
        let cell = |name: &str, text: &str| NamedCell { name: name.into(), cell: Cell::text(text) };
        let long = "x".repeat(1 << 20);
        let cells = [cell("a", &long), cell("b", "1")];
        let told = NamedCell { name: "a".into(), cell: cells[0].cell.told() };
        assert_eq!(edited(&cells, &[told, cell("b", "2")]), [cell("a", &long), cell("b", "2")]);
        assert_eq!(edited(&cells, &[cell("a", "y")])[0], cell("a", "y"));
    }
}
