//! What outlives the terminal: serves a console's asks, runs the engine for it.
//!
//! May not touch ratatui or sqlx.

mod local;
mod migrations;
mod port;
mod views;
mod workbench;

pub use local::serve;
pub use port::Port;
pub use workbench::Workbench;
