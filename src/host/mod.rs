//! What outlives the terminal: serves a console's asks, runs the engine for it.
//!
//! May not touch ratatui or sqlx.

mod port;

pub use port::Port;
