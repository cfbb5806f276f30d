//! A mistake in a plan, at its place.

use serde::{Deserialize, Serialize};

/// A mistake in the plan's text, with its place (from 1; 0 where it has none).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub line: usize,
    pub column: usize,
    /// An error keeps the plan from running; else it is a warning.
    pub error: bool,
    pub message: String,
}
