//! Mappings as a plan gives them, and batches as a source gives them.

mod checks;
mod exactness;
mod functions;
mod guards;
mod seed;
mod values;

use std::sync::Arc;

use datafusion::arrow::{
    array::ArrayRef,
    datatypes::{Field, Schema},
    record_batch::RecordBatch,
};

use super::*;
use crate::{
    model::{Cell, Column, Table, array_of, cell_at},
    plan::{Class, MappedColumn, Mapping, Origin},
};

/// 2024-06-12T14:30:22Z
const INSTANT: RunInstant = RunInstant(1_718_202_622_000);

fn table(name: &str, columns: &[(&str, &str)]) -> Table {
    let columns = columns.iter().map(|(name, ty)| Column::new(*name, ty.parse().unwrap())).collect();
    Table { name: name.into(), columns, ..Table::default() }
}

fn mapped(name: &str, ty: &str, origin: Origin) -> MappedColumn {
    let target = Column::new(name, ty.parse().unwrap());
    MappedColumn { target, meant: None, origin, values: None, default: None, check: None, class: Class::Exact }
}

fn expr(name: &str, ty: &str, sql: &str) -> MappedColumn {
    mapped(name, ty, Origin::Expr(sql.into()))
}

fn from(name: &str, ty: &str, column: &str) -> MappedColumn {
    mapped(name, ty, Origin::Column(column.into()))
}

fn mapping(source: &[(&str, &str)], columns: Vec<MappedColumn>) -> Mapping {
    let to = Table { columns: columns.iter().map(|column| column.target.clone()).collect(), ..Table::default() };
    Mapping { from: table("customers", source), to, columns, ..Mapping::default() }
}

fn compiled(mapping: &Mapping) -> Transform {
    Transform::compile(mapping, INSTANT).unwrap()
}

/// Rows of texts (`None` is NULL), in the table's types.
fn batch(table: &Table, rows: &[&[Option<&str>]]) -> RecordBatch {
    let arrays: Vec<ArrayRef> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells: Vec<Cell> = rows.iter().map(|row| row[index].map_or(Cell::Null, Cell::text)).collect();
            array_of(&column.ty, &cells).unwrap()
        })
        .collect();
    let fields: Vec<Field> = table.columns.iter().map(|c| Field::new(&c.name, c.ty.arrow(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn rows(batch: &RecordBatch) -> Vec<Vec<Cell>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|array| cell_at(array, row)).collect()).collect()
}

fn shown(batch: &RecordBatch) -> Vec<Vec<String>> {
    rows(batch).iter().map(|row| row.iter().map(Cell::display).collect()).collect()
}

/// The one value that the expression makes of the one row, or its fault's message.
fn value(source: &[(&str, &str)], row: &[Option<&str>], ty: &str, sql: &str) -> Result<String, String> {
    let mapping = mapping(source, vec![expr("made", ty, sql)]);
    let transform = Transform::compile(&mapping, INSTANT).map_err(|errors| errors[0].message.clone())?;
    let applied = transform.apply(&batch(&mapping.from, &[row])).unwrap();
    match applied.faults.as_slice() {
        [] => Ok(cell_at(applied.batch.column(0), 0).display()),
        [fault] => Err(fault.message.clone()),
        more => panic!("several faults for one row: {more:?}"),
    }
}

fn refused(source: &[(&str, &str)], sql: &str) -> ExprError {
    expression_type(&table("customers", source), sql).unwrap_err()
}
