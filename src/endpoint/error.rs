//! What went wrong with a system, sorted by what can be done about it.

use std::time::Duration;

/// The kind decides the policy: retry, ask, or give up. See [`EndpointError::is_transient`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The host name does not resolve.
    Name,
    /// Nobody listens there.
    Refused,
    Timeout,
    /// The server's certificate, or the lack of TLS.
    Tls,
    /// User or password.
    Authentication,
    /// The server has no such database, or there is no such file or folder.
    NoDatabase,
    NoTable,
    /// The account may not do this.
    Permission,
    /// The connection broke, the server went away or shuts down.
    Lost,
    /// A deadlock, lock timeout or serialization failure.
    Busy,
    /// Disk full, out of memory, too many connections.
    Resources,
    /// The server takes no writes for now: a standby, or set to be read only.
    ReadOnly,
    /// The address or an option is wrong.
    Address,
    /// What the data did, where no single row could be named.
    Data,
    /// Any other complaint of the server.
    Other,
}

/// A failure of one side, with the server's own message and what to do next.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{context}: {message}")]
pub struct EndpointError {
    pub kind: ErrorKind,
    /// What was being done: `cannot connect to db.example.com:5432`.
    pub context: String,
    /// The server's or the system's own words.
    pub message: String,
    /// SQLSTATE or the system's own number, if there was one.
    pub code: Option<String>,
}

impl EndpointError {
    pub fn new(kind: ErrorKind, context: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, context: context.into(), message: message.into(), code: None }
    }

    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same failure, saying what was being done.
    pub fn during(mut self, context: impl Into<String>) -> Self {
        self.context = context.into();
        self
    }

    /// Whether the same attempt may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Lost
                | ErrorKind::Busy
                | ErrorKind::Resources
                | ErrorKind::ReadOnly
                | ErrorKind::Timeout
                | ErrorKind::Refused
        )
    }

    /// How long to wait before attempt `attempt` (from 1): a second, doubled each time, a minute at most.
    pub fn back_off(attempt: u32) -> Duration {
        Duration::from_secs(1 << attempt.saturating_sub(1).min(6)).min(Duration::from_secs(60))
    }

    /// One sentence on what to do next.
    pub fn hint(&self) -> &'static str {
        match self.kind {
            ErrorKind::Name => "Check the host name, and that this machine's DNS knows it.",
            ErrorKind::Refused => "Check host and port, that the server runs, and that no firewall is in between.",
            ErrorKind::Timeout => "Check the network and firewalls between this machine and the server.",
            ErrorKind::Tls => super::doctor::tls_part(&self.message),
            ErrorKind::Authentication => "Check user and password, and that the server lets this user in from here.",
            ErrorKind::NoDatabase => "Check the name of the database or the path of the file.",
            ErrorKind::NoTable => "Check the table's name; `whimbrel tables` lists them.",
            ErrorKind::Permission => "Grant the account what it lacks, or use another account.",
            ErrorKind::Lost => "Check that the server is up; the run can be resumed.",
            ErrorKind::Busy => "Somebody else holds a lock; try again when they are done.",
            ErrorKind::Resources => "Free disk, memory or connections on that side; the run can be resumed.",
            ErrorKind::ReadOnly => {
                "Connect to the primary, or let the server take writes again; the run can be resumed."
            }
            ErrorKind::Address => "Check the URL; see `whimbrel help` for the forms it may take.",
            ErrorKind::Data | ErrorKind::Other => "The message is the server's own.",
        }
    }
}
