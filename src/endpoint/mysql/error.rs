//! What the server's numbers mean for whoever has to decide: retry, ask, or give up.
//!
//! The number decides before the SQLSTATE does, since both servers use some states (`HY000` above all) for everything.

use std::io;

use sqlx::mysql::MySqlDatabaseError;

use crate::endpoint::{EndpointError, ErrorKind};

/// What the server said: its number, its SQLSTATE and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) number: u16,
    pub(super) state: String,
    pub(super) message: String,
}

impl Complaint {
    pub(super) fn of(error: &sqlx::Error) -> Option<Self> {
        let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
        let state = error.code().unwrap_or_default().to_owned();
        Some(Self { number: error.number(), state, message: error.message().to_owned() })
    }

    pub(super) fn kind(&self) -> ErrorKind {
        known_number(self.number)
            .or_else(|| self.disk_is_full().then_some(ErrorKind::Resources))
            .or_else(|| known_state(&self.state))
            .unwrap_or(ErrorKind::Other)
    }

    /// Engines hand on the system's own error number in their message.
    fn disk_is_full(&self) -> bool {
        matches!(self.number, 3 | 1026 | 1030) && (self.message.contains("28") || self.message.contains("No space"))
    }

    pub(super) fn into_error(self, context: impl Into<String>) -> EndpointError {
        let code = self.number.to_string();
        EndpointError::new(self.kind(), context, self.message).with_code(code)
    }
}

fn known_number(number: u16) -> Option<ErrorKind> {
    Some(match number {
        // Deadlock, lock wait, record changed since the snapshot.
        1020 | 1205 | 1213 | 3058 | 3572 => ErrorKind::Busy,
        // Memory, threads, connections, full disk or table (also at the commit), limits of the account.
        1021 | 1037 | 1038 | 1040 | 1041 | 1114 | 1135 | 1180 | 1181 | 1203 | 1226 | 1637 => ErrorKind::Resources,
        // Gone away, lost, killed, shutting down, network trouble, inactive for too long.
        1053 | 1077 | 1078 | 1079 | 1080 | 1152 | 1158..=1161 | 1317 | 1927 | 2006 | 2013 | 4031 => ErrorKind::Lost,
        1969 | 3024 => ErrorKind::Timeout,
        // Set to be read only: the server, the transaction, InnoDB.
        1290 | 1792 | 1836 | 1874 => ErrorKind::ReadOnly,
        1044 | 1142 | 1143 | 1227 | 1370 => ErrorKind::Permission,
        1045 | 1129 | 1130 | 1251 | 1698 | 1820 | 1862 | 3118 | 3878 | 4151 => ErrorKind::Authentication,
        3159 => ErrorKind::Tls,
        1049 => ErrorKind::NoDatabase,
        1146 => ErrorKind::NoTable,
        // NULL, no default, range, truncation, wrong value, length, duplicates, references, checks, character sets.
        1048 | 1062 | 1216 | 1264 | 1265 | 1292 | 1300 | 1364 | 1366 | 1406 | 1411 | 1452 | 1525 | 1977 | 3140
        | 3819 | 3854 => ErrorKind::Data,
        _ => return None,
    })
}

fn known_state(state: &str) -> Option<ErrorKind> {
    match state.get(..2)? {
        // 45: a trigger that says no.
        "22" | "23" | "45" => Some(ErrorKind::Data),
        "08" => Some(ErrorKind::Lost),
        "40" => Some(ErrorKind::Busy),
        _ => None,
    }
}

/// A failure of sqlx, sorted.
pub(super) fn sorted(context: impl Into<String>, error: sqlx::Error) -> EndpointError {
    if let Some(complaint) = Complaint::of(&error) {
        return complaint.into_error(context);
    }
    let kind = match &error {
        sqlx::Error::Io(error) => io_kind(error),
        sqlx::Error::Tls(_) => ErrorKind::Tls,
        // The answer made no sense: the connection is of no further use.
        sqlx::Error::Protocol(_) => ErrorKind::Lost,
        sqlx::Error::Configuration(_) => ErrorKind::Address,
        _ => ErrorKind::Other,
    };
    EndpointError::new(kind, context, plain(error))
}

/// While connecting some failures mean something else than later.
pub(super) fn sorted_connect(place: &str, error: sqlx::Error) -> EndpointError {
    let context = format!("cannot connect to {place}");
    let kind = match &error {
        sqlx::Error::Io(error) => match error.kind() {
            // Both ends speak, but rustls cannot agree with what it hears.
            io::ErrorKind::InvalidData => Some(ErrorKind::Tls),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Some(ErrorKind::Refused),
            io::ErrorKind::PermissionDenied => Some(ErrorKind::Permission),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(ErrorKind::Timeout),
            _ => None,
        },
        // sqlx names authentication methods that it cannot speak in these two.
        sqlx::Error::Protocol(text) if text.contains("auth") => Some(ErrorKind::Authentication),
        sqlx::Error::Configuration(error) if error.to_string().contains("RSA") => Some(ErrorKind::Tls),
        _ => None,
    };
    let error = sorted(context, error);
    EndpointError { kind: kind.unwrap_or(error.kind), ..error }
}

fn io_kind(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ErrorKind::Refused,
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Lost,
    }
}

/// sqlx's words without its preamble.
fn plain(error: sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) | sqlx::Error::Configuration(error) => error.to_string(),
        sqlx::Error::Protocol(message) => message,
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(number: u16, state: &str, message: &str) -> ErrorKind {
        Complaint { number, state: state.into(), message: message.into() }.kind()
    }

    #[test]
    fn only_what_the_data_did_is_data() {
        for (number, state) in [(1062, "23000"), (1406, "22001"), (1364, "HY000"), (4025, "23000"), (1644, "45000")] {
            assert_eq!(kind(number, state, ""), ErrorKind::Data, "{number}");
        }
        assert_eq!(kind(1114, "HY000", "The table is full"), ErrorKind::Resources);
        assert_eq!(kind(1030, "HY000", "Got error 28 \"No space left on device\""), ErrorKind::Resources);
        assert_eq!(kind(1030, "HY000", "Got error 122 from storage engine"), ErrorKind::Other);
        assert_eq!(kind(1213, "40001", ""), ErrorKind::Busy);
        assert_eq!(kind(1927, "70100", ""), ErrorKind::Lost);
        assert_eq!(kind(1047, "08S01", ""), ErrorKind::Lost);
        assert_eq!(kind(1142, "42000", ""), ErrorKind::Permission);
        assert_eq!(kind(1064, "42000", ""), ErrorKind::Other);
    }
}
