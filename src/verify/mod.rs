//! What surrounds a run: the checks before it, the validation after it.
//!
//! May not touch ratatui or the engine. One idea: neither changes data, and what they cannot find out never passes.

mod checks;
mod modes;
mod readiness;
mod validation;

pub use checks::{Checked, check};
pub use readiness::{Moment, readiness};
pub use validation::{Subject, ValidateError, validate};
