//! The server's and the driver's complaints, sorted by what can be done about them.
//!
//! May not talk to a server. One idea: the SQLSTATE class decides the kind, never the words, because the words come in
//! the server's language.

use std::io;

use sqlx::{Error, postgres::PgDatabaseError};

use crate::endpoint::{EndpointError, ErrorKind};

/// The server's complaint, where the failure is one.
pub(super) fn complaint(error: &Error) -> Option<&PgDatabaseError> {
    match error {
        Error::Database(database) => database.try_downcast_ref::<PgDatabaseError>(),
        _ => None,
    }
}

/// The failure of a statement on an open connection.
pub(super) fn failure(error: Error, context: impl Into<String>) -> EndpointError {
    let (kind, message, code) = match complaint(&error) {
        Some(complaint) => (kind_of(complaint.code()), words(complaint), Some(complaint.code().to_owned())),
        None => (transport_kind(&error), error.to_string(), None),
    };
    let failure = EndpointError::new(kind, context, message);
    match code {
        Some(code) => failure.with_code(code),
        None => failure,
    }
}

/// Severity is left out: the kind says it. Detail is part of the message, since it names the key or the row.
pub(super) fn words(complaint: &PgDatabaseError) -> String {
    sentence(complaint.message(), complaint.detail())
}

/// A message of the server and its detail.
pub(super) fn sentence(message: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{message}; {detail}"),
        None => message.to_owned(),
    }
}

/// Whether the complaint is about a row's data, so that this row and no other can be left out.
pub(super) fn is_about_data(code: &str) -> bool {
    // 21000: two rows of one statement have the same key.
    matches!(code, "42804" | "428C9" | "21000") || matches!(class(code), "22" | "23")
}

fn class(code: &str) -> &str {
    code.get(..2).unwrap_or("")
}

/// What can be done about a SQLSTATE.
pub(super) fn kind_of(code: &str) -> ErrorKind {
    match code {
        "55P03" => ErrorKind::Busy,
        "42501" => ErrorKind::Permission,
        "42P01" => ErrorKind::NoTable,
        "3D000" => ErrorKind::NoDatabase,
        // Cancelled by somebody, or by a limit of the server.
        "57014" => ErrorKind::Timeout,
        "25006" => ErrorKind::ReadOnly,
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" => ErrorKind::Lost,
        _ => match class(code) {
            "08" => ErrorKind::Lost,
            "28" => ErrorKind::Authentication,
            "40" => ErrorKind::Busy,
            // 58: the server's system failed it, a disk above all.
            "53" | "58" => ErrorKind::Resources,
            "22" | "23" => ErrorKind::Data,
            _ => ErrorKind::Other,
        },
    }
}

fn transport_kind(error: &Error) -> ErrorKind {
    match error {
        Error::Io(error) => io_kind(error),
        Error::Tls(_) => ErrorKind::Tls,
        Error::Configuration(_) | Error::InvalidArgument(_) => ErrorKind::Address,
        Error::Protocol(message) if message.contains("authentication") => ErrorKind::Authentication,
        Error::PoolTimedOut => ErrorKind::Timeout,
        // An answer that makes no sense is that of a connection of no further use.
        Error::Protocol(_) | Error::PoolClosed | Error::WorkerCrashed => ErrorKind::Lost,
        _ => ErrorKind::Other,
    }
}

fn io_kind(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        _ if is_unknown_name(error) => ErrorKind::Name,
        Io::ConnectionRefused | Io::NotFound | Io::HostUnreachable | Io::NetworkUnreachable => ErrorKind::Refused,
        Io::AddrNotAvailable | Io::NetworkDown => ErrorKind::Refused,
        Io::TimedOut => ErrorKind::Timeout,
        Io::InvalidData => ErrorKind::Tls,
        Io::PermissionDenied => ErrorKind::Permission,
        Io::InvalidInput => ErrorKind::Address,
        _ => ErrorKind::Lost,
    }
}

/// The standard library gives a failed look-up no kind of its own: its fixed prefix on Unix, Winsock's numbers.
fn is_unknown_name(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(11001..=11004)) || error.to_string().starts_with("failed to lookup address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_decides_the_kind() {
        for (code, kind) in [
            ("57P01", ErrorKind::Lost),
            ("08006", ErrorKind::Lost),
            ("40P01", ErrorKind::Busy),
            ("55P03", ErrorKind::Busy),
            ("53100", ErrorKind::Resources),
            ("42501", ErrorKind::Permission),
            ("42P01", ErrorKind::NoTable),
            ("28P01", ErrorKind::Authentication),
            ("3D000", ErrorKind::NoDatabase),
            ("57014", ErrorKind::Timeout),
            ("25006", ErrorKind::ReadOnly),
            ("58030", ErrorKind::Resources),
            ("22003", ErrorKind::Data),
            ("23505", ErrorKind::Data),
            ("42601", ErrorKind::Other),
        ] {
            assert_eq!(kind_of(code), kind, "{code}");
        }
    }

    #[test]
    fn a_full_disk_or_a_lost_server_is_never_about_a_row() {
        for code in ["53100", "57P01", "40001", "42P01", "58030", "XX000", ""] {
            assert!(!is_about_data(code), "{code}");
        }
        for code in ["22001", "23503", "42804", "428C9"] {
            assert!(is_about_data(code), "{code}");
        }
    }
}
