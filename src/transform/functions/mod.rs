//! The functions that expressions have beside DataFusion's own.
//!
//! `parse_date(text, pattern)`, `parse_timestamp(text, pattern)`, `split_name(text, part)`, `run_date()`. A text that a
//! function cannot read fails its row with a message that holds the text; NULL stays NULL. Patterns and parts are
//! literals and checked when the expression is compiled. And `now()` is the instant that it names: DataFusion's has no zone
//! unless the session has one, and with that its `to_timestamp` breaks the type that it promised.

mod arguments;
mod name;
mod parse_date;
mod pattern;
mod run_date;
mod split_name;

pub use pattern::DateForm;
#[cfg(any(test, fuzzing))]
pub(super) use pattern::Pattern;

use std::sync::Arc;

use datafusion::{config::ConfigOptions, functions::datetime::now::NowFunc, logical_expr::ScalarUDF};

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let functions = [
        ScalarUDF::new_from_impl(parse_date::ParseDate::date()),
        ScalarUDF::new_from_impl(parse_date::ParseDate::timestamp()),
        ScalarUDF::new_from_impl(split_name::SplitName::new()),
        ScalarUDF::new_from_impl(run_date::RunDate::new()),
        ScalarUDF::new_from_impl(now()),
    ];
    functions.map(Arc::new).into()
}

fn now() -> NowFunc {
    let mut options = ConfigOptions::default();
    options.execution.time_zone = Some("+00:00".into());
    NowFunc::new_with_config(&options)
}
