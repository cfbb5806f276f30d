//! DataFusion set up once for all expressions: its functions and ours, and the parser's options.

use std::sync::{Arc, LazyLock};

use datafusion::{
    common::DFSchema,
    error::DataFusionError,
    execution::{FunctionRegistry, SessionState, SessionStateBuilder},
    logical_expr::{Expr, Volatility},
    prelude::SessionConfig,
    sql::sqlparser::ast::{self, ExprWithAlias},
};

use crate::transform::{ExprError, functions};

use super::{depth, message, refuse::LOSING, types};

static STATE: LazyLock<SessionState> = LazyLock::new(build);

pub(super) fn state() -> &'static SessionState {
    &STATE
}

/// Aggregate and window functions come with the default features, so that they are refused by name and not as unknown.
fn build() -> SessionState {
    let mut state = SessionStateBuilder::new_with_default_features()
        .with_config(config())
        .with_type_planner(Arc::new(types::Plain))
        .build();
    for function in functions::all() {
        // A session takes every function; one that were missing would fail the tests of functions.
        let _ = state.register_udf(function);
    }
    state
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new();
    let options = config.options_mut();
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    config
}

/// Every function that an expression may call, by name.
pub fn function_names() -> Vec<String> {
    let functions = state().scalar_functions().values();
    let may = functions.filter(|function| function.signature().volatility != Volatility::Volatile);
    let mut names: Vec<String> =
        may.map(|function| function.name().to_owned()).filter(|name| !LOSING.contains(&name.as_str())).collect();
    names.sort();
    names.dedup();
    names
}

pub(super) fn parse(sql: &str) -> Result<ast::Expr, ExprError> {
    depth::check_length(sql)?;
    let dialect = state().config_options().sql_parser.dialect;
    let parsed = state().sql_to_expr_with_alias(sql, &dialect).map_err(|error| message::syntax_error(sql, &error))?;
    match parsed.alias {
        Some(alias) => Err(ExprError::new(format!("the expression ends before '{alias}': nothing may follow it"))),
        None => Ok(parsed.expr),
    }
}

pub(super) fn logical(expr: ast::Expr, frame: &DFSchema) -> Result<Expr, DataFusionError> {
    state().create_logical_expr_from_sql_expr(ExprWithAlias { expr, alias: None }, frame)
}
