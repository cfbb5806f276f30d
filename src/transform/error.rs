//! What cannot be compiled, and what cannot be evaluated for a reason that is no row's fault.

use datafusion::arrow::error::ArrowError;

/// An expression that does not stand. The place is within the expression's own text, from 1; 0 where unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    pub message: String,
    pub line: usize,
    pub column: usize,
}

impl ExprError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 0, column: 0 }
    }
}

/// One thing in a mapping that does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column}: {message}")]
pub struct CompileError {
    /// The destination column that was to be made, `where` for the filter, `(table)` for neither.
    pub column: String,
    pub message: String,
    /// Within the expression's text, from 1; 0 where unknown.
    pub line: usize,
    pub position: usize,
}

impl CompileError {
    pub(super) fn at(column: &str, error: ExprError) -> Self {
        Self { column: column.to_owned(), message: error.message, line: error.line, position: error.column }
    }
}

/// A batch that cannot be transformed at all: not the rows are wrong but what was handed over.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    #[error("the batch has no column '{0}'; the source table has changed, describe it again")]
    Missing(String),
    #[error("column '{name}' came as {found} instead of {expected}; the source table has changed, describe it again")]
    Type { name: String, expected: String, found: String },
    #[error("the batch could not be put together: {0}")]
    Arrow(#[from] ArrowError),
}
