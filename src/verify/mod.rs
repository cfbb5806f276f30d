//! What surrounds a run: the checks before it, the validation after it.
//!
//! May not touch ratatui or the engine. One idea: neither changes data (but for a repair that was asked for), and what they
//! cannot find out never passes.

mod checks;
mod metric_checks;
mod modes;
mod outside;
mod readiness;
mod report;
mod row_tests;
mod surroundings;
mod validation;

pub use checks::{Checked, check};
pub use metric_checks::metric_checks;
pub use outside::outside;
pub use readiness::{Moment, readiness};
pub use report::{Report, report, without_private};
pub use row_tests::row_tests;
pub use validation::{Making, Mending, Subject, ValidateError, chosen, count_reviews, made, mend, validate};
