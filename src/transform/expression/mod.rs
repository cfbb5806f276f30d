//! One SQL expression: compiled under the guards, evaluated row by row where it must be.
//!
//! The guards: constants are folded with one instant per run ([`session`]), integer arithmetic never wraps
//! ([`arithmetic`]), a number with a point is a decimal, nothing that looks beyond its row or changes by itself is let
//! in ([`refuse`]), names keep their case, and a row is reported only if it fails alone ([`evaluate`]).
//!
//! What SQL means by a function stays what DataFusion means by it: `cast(1.99 as int)` is 1, `1 / 2` is 0, `cast(t as
//! numeric)` keeps 10 digits after the point, `power(10, 400)` is infinity, `trim` takes blanks only (no NBSP),
//! `cast(t as timestamp)` turns a zone in the text to UTC. A mapping that converts without a cast does none of this.

mod arithmetic;
mod depth;
mod evaluate;
mod message;
mod refuse;
mod session;
mod types;

pub use session::function_names;

use std::{ops::ControlFlow, sync::Arc};

use datafusion::{
    arrow::datatypes::{DataType, Field, Schema, SchemaRef},
    common::DFSchema,
    error::DataFusionError,
    logical_expr::{
        Expr, execution_props::ExecutionProps, physical_planning_context::PhysicalPlanningContext,
        simplify::SimplifyContext,
    },
    optimizer::simplify_expressions::ExprSimplifier,
    physical_expr::{PhysicalExpr, create_physical_expr},
    sql::sqlparser::ast::{self, visit_expressions},
};

use crate::model::{ColumnType, Table};

use super::{ExprError, RunInstant, convert::column_type};

pub(super) use depth::on_deep_stack;

/// A compiled expression over the columns of one schema.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    /// Over the columns that it reads only, so that halving a wide batch stays cheap.
    physical: Arc<dyn PhysicalExpr>,
    /// What its values are converted from.
    ty: ColumnType,
    /// The columns of the schema that it reads, ascending.
    columns: Vec<usize>,
    /// It is a column and nothing more, so that its values pass as they are.
    bare: bool,
}

impl Expression {
    pub(super) fn compile(columns: &Columns, sql: &str, instant: RunInstant) -> Result<Self, ExprError> {
        let logical = parse(columns, sql)?;
        let bare = bare_column(&logical).and_then(|name| columns.ty(name)).cloned();
        let explain = |error: DataFusionError| message::compile_error(&error, columns);
        let read = columns.read_by(&logical);
        let narrow = columns.only(&read)?;
        let physical = narrow.plan(logical, instant).map_err(explain)?;
        let data_type = physical.data_type(&narrow.schema).map_err(explain)?;
        let is_bare = bare.is_some();
        let ty = bare.or_else(|| column_type(&data_type)).ok_or_else(|| unheld(&data_type))?;
        Ok(Self { physical, ty, columns: read, bare: is_bare })
    }

    /// As [`Expression::compile`], for what must be true or false.
    pub(super) fn condition(columns: &Columns, sql: &str, instant: RunInstant) -> Result<Self, ExprError> {
        let expression = Self::compile(columns, sql, instant)?;
        if expression.ty == ColumnType::Boolean {
            return Ok(expression);
        }
        let found = expression.ty.expectation();
        Err(ExprError::new(format!(
            "a condition must be true or false, this gives: {found}; compare it with something"
        )))
    }

    pub(super) fn ty(&self) -> &ColumnType {
        &self.ty
    }

    /// The column's index, if exactly one feeds it.
    pub(super) fn only_column(&self) -> Option<usize> {
        match self.columns.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }
}

/// The columns that an expression may name, and their types.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    named: Vec<(String, ColumnType)>,
    schema: SchemaRef,
    frame: Arc<DFSchema>,
}

impl Columns {
    pub(super) fn new(named: Vec<(String, ColumnType)>) -> Result<Self, ExprError> {
        let fields: Vec<Field> = named.iter().map(|(name, ty)| Field::new(name, ty.arrow(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let frame = DFSchema::try_from(schema.clone()).map_err(|error| ExprError::new(message::words(&error)))?;
        Ok(Self { named, schema, frame: Arc::new(frame) })
    }

    pub(super) fn of(table: &Table) -> Result<Self, ExprError> {
        Self::new(table.columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect())
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.named.iter().position(|(column, _)| column == name)
    }

    pub(super) fn ty(&self, name: &str) -> Option<&ColumnType> {
        self.named.iter().find(|(column, _)| column == name).map(|(_, ty)| ty)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|(name, _)| name.as_str())
    }

    fn read_by(&self, logical: &Expr) -> Vec<usize> {
        let names = logical.column_refs();
        (0..self.named.len()).filter(|index| names.iter().any(|column| column.name == self.named[*index].0)).collect()
    }

    fn only(&self, indices: &[usize]) -> Result<Self, ExprError> {
        Self::new(indices.iter().filter_map(|index| self.named.get(*index)).cloned().collect())
    }

    fn plan(&self, logical: Expr, instant: RunInstant) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
        let state = session::state();
        let context = SimplifyContext::builder()
            .with_schema(self.frame.clone())
            .with_config_options(state.config_options().clone())
            .with_query_execution_start_time(instant.time())
            .build();
        let simplifier = ExprSimplifier::new(context);
        let coerced = simplifier.coerce(logical, &self.frame)?;
        let checked = arithmetic::check_logical(coerced, &self.frame)?;
        let simplified = simplifier.simplify(checked)?;
        let mut props = ExecutionProps::new();
        props.config_options = Some(state.config_options().clone());
        arithmetic::check_physical(create_physical_expr(
            &simplified,
            &self.frame,
            &props,
            &PhysicalPlanningContext::default(),
        )?)
    }
}

/// The type of the values that the expression makes of a row of `from`.
pub fn expression_type(from: &Table, sql: &str) -> Result<ColumnType, ExprError> {
    on_deep_stack(|| Ok(Expression::compile(&Columns::of(from)?, sql, RunInstant::ANY)?.ty))?
}

/// The columns that an expression names, each once, in the order of their first mention; none if it does not parse.
pub fn column_names(sql: &str) -> Vec<String> {
    let names = on_deep_stack(|| session::parse(sql).map(|parsed| names_in(&parsed)));
    names.flatten().unwrap_or_default()
}

fn names_in(parsed: &ast::Expr) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let _ = visit_expressions(parsed, |expr| {
        if let ast::Expr::Identifier(name) = expr
            && !names.contains(&name.value)
        {
            names.push(name.value.clone());
        }
        ControlFlow::<()>::Continue(())
    });
    names
}

fn parse(columns: &Columns, sql: &str) -> Result<Expr, ExprError> {
    if sql.trim().is_empty() {
        return Err(ExprError::new("the expression is empty"));
    }
    let parsed = session::parse(sql)?;
    refuse::in_syntax(&parsed)?;
    let logical = session::logical(parsed, &columns.frame).map_err(|error| message::compile_error(&error, columns))?;
    refuse::in_logic(&logical)?;
    depth::check_levels(&logical)?;
    Ok(logical)
}

fn bare_column(logical: &Expr) -> Option<&str> {
    match logical {
        Expr::Column(column) => Some(&column.name),
        _ => None,
    }
}

fn unheld(ty: &DataType) -> ExprError {
    ExprError::new(format!(
        "the expression makes values of type {ty}, which no column holds; cast them to another type"
    ))
}
