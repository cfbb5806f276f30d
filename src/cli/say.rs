//! What is printed.
//!
//! One idea: whoever closed the pipe behind a verb (`whimbrel tables | head`) wants no more lines, which is no reason to end
//! a run in its middle; but lines that a full disk did not take are missed, so that the verb must not end well. The
//! standard library's macros would panic at both.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    sync::OnceLock,
};

/// Why lines were not taken.
static MISSED: OnceLock<String> = OnceLock::new();

/// Prints to standard output.
pub(super) fn out(words: Arguments<'_>) {
    note(io::stdout().lock().write_fmt(words));
}

/// Prints to standard error; where it takes nothing, there is nobody to tell.
pub(super) fn aside(words: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(words);
}

/// Why something that was to be printed is missing, if it is.
pub(super) fn missed() -> Option<&'static str> {
    note(io::stdout().lock().flush());
    MISSED.get().map(String::as_str)
}

fn note(written: io::Result<()>) {
    if let Some(error) = written.err().filter(|error| error.kind() != ErrorKind::BrokenPipe) {
        let _ = MISSED.set(error.to_string());
    }
}

macro_rules! print {
    ($($words:tt)*) => { $crate::cli::say::out(format_args!($($words)*)) };
}

macro_rules! println {
    () => { $crate::cli::say::out(format_args!("\n")) };
    ($($words:tt)*) => { $crate::cli::say::out(format_args!("{}\n", format_args!($($words)*))) };
}

macro_rules! eprint {
    ($($words:tt)*) => { $crate::cli::say::aside(format_args!($($words)*)) };
}

macro_rules! eprintln {
    ($($words:tt)*) => { $crate::cli::say::aside(format_args!("{}\n", format_args!($($words)*))) };
}
