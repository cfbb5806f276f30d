//! Exit codes, and the errors that lead to them.

use std::process::ExitCode;

/// What a script learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Well = 0,
    /// Failed, or stopped by somebody.
    Failed = 1,
    /// The plan or the command is wrong.
    Usage = 2,
    /// Finished, with rows skipped or flagged.
    Incomplete = 3,
    /// The validation did not pass.
    Unproven = 4,
    /// The checks did not pass.
    Unchecked = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// One sentence for a human and a code for a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    pub exit: Exit,
    pub message: String,
}

impl CliError {
    pub fn failed(message: impl ToString) -> Self {
        Self { exit: Exit::Failed, message: message.to_string() }
    }

    pub fn usage(message: impl ToString) -> Self {
        Self { exit: Exit::Usage, message: message.to_string() }
    }
}
