//! A table's mapping compiled to DataFusion expressions and evaluated on Arrow batches; names the rows that fail.
//!
//! May not touch: sqlx, the engine, an endpoint, any I/O. One idea: a batch is evaluated whole, and only when that fails
//! is it halved until single rows are left; a row is a fault only if it fails alone, so no row is ever judged by its
//! neighbours. Conversions are ours and strict ([`convert`]), because Arrow's own round, wrap and fall back to NULL.

mod apply;
mod column;
mod convert;
mod error;
mod expression;
mod functions;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod instant;
mod table;
mod values;

#[cfg(test)]
mod tests;

pub use apply::{Applied, RowFault, Tried};
pub use error::{CompileError, ExprError, TransformError};
pub use expression::{column_names, expression_type, function_names};
pub use functions::DateForm;
pub use instant::RunInstant;
pub use table::Transform;
