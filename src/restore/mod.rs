//! Restore points: what the destination's tables hold before a run, kept on this host; and the way back to it.
//!
//! May not touch the engine or a terminal. One idea: a point is worth what its reading back proves, so its files are read
//! back before the run may write, again before anything is put back, and the tables themselves after that; a table that
//! holds no rows, or is not there, costs a look and nothing else.

mod back;
mod crypt;
mod definition;
mod drill;
mod error;
mod export;
mod file;
mod filing;
mod journal;
mod keep;
mod limit;
mod look;
mod manifest;
mod others;
mod preview;
mod proof;
mod purge;
mod readiness;
mod shelf;
mod show_others;
mod sift;
mod spare;
mod touched;
mod undo;

pub use back::{Order, restore};
pub use crypt::Identity;
pub use drill::{clear_drills, drill, drill_locked};
pub use error::RestoreError;
pub use export::{Export, export_others};
pub use journal::{Journal, Journalled};
pub use keep::{Keeping, Kept, Wanted, keep};
pub use manifest::Manifest;
pub use preview::{Way, preview};
pub use purge::{Purging, purge};
pub use readiness::readiness;
pub use shelf::shown;
pub use sift::Makes;
pub use touched::Touched;

pub type Result<T> = std::result::Result<T, RestoreError>;
