//! What surrounds a run: the checks before it.
//!
//! May not touch ratatui or the engine. One idea: a check never changes data, and what it cannot find out is a warning,
//! never a pass.

mod checks;
mod modes;
mod readiness;

pub use checks::{Checked, check};
pub use readiness::{Moment, readiness};
