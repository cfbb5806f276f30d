//! Opening the file, and running what blocks away from the async threads.

use std::{fs::File, io, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::error::during;
use crate::endpoint::{EndpointError, ErrorKind, Result};

/// How long SQLite itself waits for a lock of another process.
const BUSY: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    /// Reads and writes a file that is there.
    Write,
    /// As `Write`, making the file where there is none.
    Create,
}

pub(super) fn open(path: &Path, access: Access) -> Result<Connection> {
    let context = format!("cannot open {}", path.display());
    if access != Access::Create {
        readable(path).map_err(|(kind, message)| EndpointError::new(kind, context.clone(), message))?;
    }
    let flags = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Create => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(during(context.clone()))?;
    configure(&connection, access).map_err(during(context.clone()))?;
    let read_only = connection.is_readonly("main").map_err(during(context.clone()))?;
    if access != Access::Read && read_only {
        return Err(EndpointError::new(ErrorKind::Permission, context, "this account may not write the file"));
    }
    Ok(connection)
}

/// SQLite says "unable to open database file" for all of these; the system knows better.
fn readable(path: &Path) -> std::result::Result<(), (ErrorKind, String)> {
    if path.is_dir() {
        return Err((ErrorKind::NoDatabase, "this is a folder, not a database file".into()));
    }
    match File::open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err((ErrorKind::Permission, error.to_string()))
        }
        Err(error) => Err((ErrorKind::NoDatabase, error.to_string())),
    }
}

fn configure(connection: &Connection, access: Access) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // Foreign keys are checked once everything is in (see `finish`): a row may come before the row it refers to.
    connection.pragma_update(None, "foreign_keys", false)?;
    if access == Access::Read {
        connection.pragma_update(None, "query_only", true)?;
        // A misspelt "column" would otherwise read as that very text. Not for writers: their triggers are the user's.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    }
    // The first look into the file: what is not a database says so here.
    connection.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0)).map(drop)
}

/// Runs what blocks on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(EndpointError::new(ErrorKind::Other, "SQLite's thread ended", error.to_string())))
}
