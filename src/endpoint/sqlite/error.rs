//! SQLite's result codes, sorted into the kinds that decide what happens next.

use rusqlite::ffi;

use crate::endpoint::{EndpointError, ErrorKind};

/// The failure in SQLite's own words, with its extended result code.
pub(super) fn failure(error: &rusqlite::Error, context: impl Into<String>) -> EndpointError {
    let (message, code) = words(error);
    let kind = code.map_or(ErrorKind::Other, kind);
    let failure = EndpointError::new(kind, context, message);
    match code {
        Some(code) => failure.with_code(code.to_string()),
        None => failure,
    }
}

/// For `map_err`: what was being done stands beside the call.
pub(super) fn during(context: impl Into<String>) -> impl FnOnce(rusqlite::Error) -> EndpointError {
    let context = context.into();
    move |error| failure(&error, context)
}

/// The message and the extended result code.
pub(super) fn words(error: &rusqlite::Error) -> (String, Option<i32>) {
    match error {
        rusqlite::Error::SqliteFailure(cause, message) => {
            let message = message.clone().unwrap_or_else(|| cause.to_string());
            (message, Some(cause.extended_code))
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => (msg.clone(), Some(error.extended_code)),
        other => (other.to_string(), None),
    }
}

/// The low byte of an extended code is its primary code.
fn kind(code: i32) -> ErrorKind {
    match code & 0xff {
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => ErrorKind::Busy,
        ffi::SQLITE_FULL | ffi::SQLITE_NOMEM | ffi::SQLITE_IOERR => ErrorKind::Resources,
        ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_AUTH => ErrorKind::Permission,
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB | ffi::SQLITE_CANTOPEN => ErrorKind::NoDatabase,
        ffi::SQLITE_CONSTRAINT | ffi::SQLITE_MISMATCH | ffi::SQLITE_TOOBIG => ErrorKind::Data,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(code: i32) -> ErrorKind {
        failure(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None), "testing").kind
    }

    #[test]
    fn a_full_disk_is_never_the_fault_of_a_row() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_NOMEM, ffi::SQLITE_IOERR_FSYNC] {
            assert_eq!(kind_of(code), ErrorKind::Resources);
        }
        assert_eq!(kind_of(ffi::SQLITE_BUSY_SNAPSHOT), ErrorKind::Busy);
        assert_eq!(kind_of(ffi::SQLITE_READONLY_DIRECTORY), ErrorKind::Permission);
        assert_eq!(kind_of(ffi::SQLITE_CONSTRAINT_UNIQUE), ErrorKind::Data);
        assert_eq!(kind_of(ffi::SQLITE_NOTADB), ErrorKind::NoDatabase);
    }

    #[test]
    fn the_message_is_sqlites_own() {
        let error =
            rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), Some("database is locked".into()));
        let failure = failure(&error, "cannot write x.db");
        assert_eq!(failure.to_string(), "cannot write x.db: database is locked");
        assert_eq!(failure.code.as_deref(), Some("5"));
        assert!(failure.is_transient());
    }
}
