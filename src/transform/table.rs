//! A table's whole mapping, compiled once per run.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};

use crate::plan::Mapping;

use super::{
    CompileError, ExprError, RunInstant,
    column::TargetColumn,
    expression::{Columns, Expression, on_deep_stack},
};

/// The name under which the filter's errors and faults go.
pub(super) const FILTER: &str = "where";

/// The name under which errors go that are no column's.
const TABLE: &str = "(table)";

/// Makes destination rows of source rows.
///
/// Holds no state: batches may come in any order, from several threads, again after a crash, and give the same rows.
#[derive(Clone, Debug)]
pub struct Transform {
    pub(super) source: Columns,
    pub(super) filter: Option<Condition>,
    pub(super) columns: Vec<TargetColumn>,
    /// By the index of the column that it belongs to.
    pub(super) checks: Vec<(usize, Condition)>,
    pub(super) schema: SchemaRef,
}

/// A condition and its own words.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) text: String,
    pub(super) expression: Expression,
}

impl Condition {
    fn compile(columns: &Columns, text: &str, instant: RunInstant) -> Result<Self, ExprError> {
        Ok(Self { text: text.to_owned(), expression: Expression::condition(columns, text, instant)? })
    }
}

impl Transform {
    /// Compiles the mapping, or says everything that is wrong with it.
    pub fn compile(mapping: &Mapping, instant: RunInstant) -> Result<Self, Vec<CompileError>> {
        on_deep_stack(|| compile(mapping, instant)).unwrap_or_else(|error| Err(vec![CompileError::at(TABLE, error)]))
    }

    /// The names of the columns that are written, in the order of [`Transform::target_schema`].
    pub fn target_columns(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.target.name.as_str()).collect()
    }

    /// Each column typed as [`crate::model::ColumnType::arrow`] says, every field nullable.
    pub fn target_schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

fn compile(mapping: &Mapping, instant: RunInstant) -> Result<Transform, Vec<CompileError>> {
    let source = Columns::of(&mapping.from).map_err(|error| vec![CompileError::at(TABLE, error)])?;
    let mut errors = Vec::new();
    let filter = mapping.filter.as_ref().map(|text| Condition::compile(&source, text, instant));
    let filter = filter.and_then(|filter| kept(filter, FILTER, &mut errors));
    let mut columns = Vec::new();
    for mapped in &mapping.columns {
        let compiled = TargetColumn::compile(&source, mapped, instant);
        columns.extend(kept(compiled, &mapped.target.name, &mut errors));
    }
    let checks = checks(mapping, instant, &mut errors);
    if errors.is_empty() {
        Ok(Transform { schema: schema(&columns), source, filter, columns, checks })
    } else {
        Err(errors)
    }
}

fn kept<T>(result: Result<T, ExprError>, column: &str, errors: &mut Vec<CompileError>) -> Option<T> {
    result.map_err(|error| errors.push(CompileError::at(column, error))).ok()
}

fn checks(mapping: &Mapping, instant: RunInstant, errors: &mut Vec<CompileError>) -> Vec<(usize, Condition)> {
    let targets = mapping.columns.iter().map(|column| (column.target.name.clone(), column.target.ty.clone()));
    let targets = match Columns::new(targets.collect()) {
        Ok(targets) => targets,
        Err(error) => {
            errors.push(CompileError::at(TABLE, error));
            return Vec::new();
        }
    };
    let mut checks = Vec::new();
    for (index, mapped) in mapping.columns.iter().enumerate() {
        let Some(text) = &mapped.check else { continue };
        let check = Condition::compile(&targets, text, instant);
        checks.extend(kept(check, &mapped.target.name, errors).map(|check| (index, check)));
    }
    checks
}

fn schema(columns: &[TargetColumn]) -> SchemaRef {
    let field = |column: &TargetColumn| Field::new(&column.target.name, column.target.ty.arrow(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}
