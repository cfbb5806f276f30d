//! The functions that expressions have beside DataFusion's own.
//!
//! `parse_date(text, pattern)`, `parse_timestamp(text, pattern)`, `split_name(text, part)`, `run_date()`. A text that a
//! function cannot read fails its row with a message that holds the text; NULL stays NULL. Patterns and parts are
//! literals and checked when the expression is compiled.

mod arguments;
mod name;
mod parse_date;
mod pattern;
mod run_date;
mod split_name;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let functions = [
        ScalarUDF::new_from_impl(parse_date::ParseDate::date()),
        ScalarUDF::new_from_impl(parse_date::ParseDate::timestamp()),
        ScalarUDF::new_from_impl(split_name::SplitName::new()),
        ScalarUDF::new_from_impl(run_date::RunDate::new()),
    ];
    functions.map(Arc::new).into()
}
