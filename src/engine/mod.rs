//! A run: a pure machine (inputs in, steps out) and the actor that performs its steps.
//!
//! May not touch ratatui or sockets. One idea: a chunk is attempted as a whole with the answers known so far; an attempt
//! that meets a fault nobody has decided is rolled back and its table parked, so that no transaction ever waits for a
//! human, and attempting it again with the answers gives the same rows.

mod actor;
mod attempt;
mod chunk;
mod dry;
mod finish;
mod judge;
mod machine;
#[cfg(test)]
mod machine_tests;
mod meter;
mod pace;
mod pipeline;
mod precaution;
mod prepare;
mod readers;
mod resume;
mod retry;
mod rows;
mod steps;
mod throttle;
mod writing;

pub use actor::{RunError, RunHandle, spawn};
pub use dry::{DryJob, dry_run};
pub use finish::{FinishError, Finished, finish};
pub use machine::Machine;
pub use precaution::{Journal, Precaution};
pub use prepare::{Job, PrepareError, Prepared, prepare};
pub use retry::{RetryError, discard, retry, reveal};
pub use steps::{AttemptSpec, Input, Step, TableStart};

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
