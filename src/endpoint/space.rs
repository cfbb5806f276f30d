//! What is left where a destination keeps its rows.

use std::path::Path;

/// Room for rows, as far as it can be known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes that are free; `None`: nobody here can tell.
    pub free: Option<u64>,
    /// How that is known, or why it is not.
    pub how: String,
}

impl Space {
    /// Of the file system that holds the path, or would.
    pub fn of(path: &Path) -> Self {
        let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
        let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
        match rustix::fs::statvfs(there) {
            Ok(found) => Self {
                free: Some(found.f_bavail.saturating_mul(found.f_frsize)),
                how: format!("as the file system of {} says", there.display()),
            },
            Err(error) => {
                Self { free: None, how: format!("the file system of {} does not say: {error}", there.display()) }
            }
        }
    }

    /// Of a server's folder, where the server is on this machine and its folder can be seen.
    pub(super) fn of_server(name: &str, local: bool, folder: Option<&str>, size: Option<u64>) -> Self {
        let folder = folder.map(Path::new).filter(|folder| local && folder.is_absolute() && folder.exists());
        match folder {
            Some(folder) => Self::of(folder),
            None => {
                let size = size.map(|bytes| format!("; its database takes {}", crate::model::bytes_in_words(bytes)));
                Self {
                    free: None,
                    how: format!("{name} does not tell what is left of its disk{}", size.unwrap_or_default()),
                }
            }
        }
    }
}
