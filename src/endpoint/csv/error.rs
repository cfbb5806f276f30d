//! What the file system says, sorted into the kinds that decide what happens next.

use std::{io, path::Path};

use crate::endpoint::{EndpointError, ErrorKind};

pub(super) fn failure(error: &io::Error, context: impl Into<String>) -> EndpointError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => ErrorKind::NoDatabase,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Permission,
        io::ErrorKind::InvalidData => ErrorKind::Data,
        io::ErrorKind::WouldBlock | io::ErrorKind::ResourceBusy => ErrorKind::Busy,
        io::ErrorKind::AlreadyExists | io::ErrorKind::InvalidFilename => ErrorKind::Other,
        // A full disk, a quota, too many open files, a device that fails: never the fault of a row.
        _ => ErrorKind::Resources,
    };
    let failure = EndpointError::new(kind, context, error.to_string());
    match error.raw_os_error() {
        Some(code) => failure.with_code(code.to_string()),
        None => failure,
    }
}

/// For `map_err`: what was being done with which file.
pub(super) fn during<'p>(action: &'p str, path: &'p Path) -> impl FnOnce(io::Error) -> EndpointError + 'p {
    move |error| failure(&error, format!("cannot {action} {}", path.display()))
}

/// Runs what blocks on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EndpointError> + Send + 'static,
) -> Result<T, EndpointError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(EndpointError::new(ErrorKind::Other, "the file's thread ended", error.to_string())))
}
