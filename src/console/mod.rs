//! Everything that knows a terminal: the loop, screens, overlays, widgets, keys, themes.
//!
//! May not touch sqlx, the endpoints, the ledger, the engine or the transformer: it knows a host through its
//! [`Port`](crate::host::Port). One idea: [`update`] is pure and synchronous, and [`runtime`] is the only place with a
//! clock and channels, so the console answers a key whatever databases and network do.

mod address;
mod app;
mod draft;
mod fuzzy;
mod input;
mod keys;
mod memory;
mod options;
mod overlays;
mod runtime;
mod screens;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod widgets;

pub use app::{App, Effect, Exit, Message, Redraw, update};
pub use keys::{ACTIONS, Action, ActionId, KeyPress, key_table};
pub use options::{Begin, Options, Screen};
pub use runtime::{ConsoleError, Ended, run};
pub use screens::draw;
pub use theme::{Borders, Colour, Look, ThemeError, Wishes};
