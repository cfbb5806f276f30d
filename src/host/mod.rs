//! What outlives the terminal: serves a console's asks, runs the engine for it.
//!
//! May not touch ratatui or sqlx.

mod dry;
mod frame;
mod hub;
mod kept;
mod lease;
mod log;
mod making;
mod mappings;
mod migrations;
mod port;
mod profiling;
mod restore;
mod review;
mod samples;
pub mod sheet;
mod socket;
mod validation;
mod views;
mod workbench;

pub use hub::serve;
pub use port::Port;
pub use socket::{Found, HostError, Hosts};
pub use validation::Closeness;
pub use workbench::Workbench;
