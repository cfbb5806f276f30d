//! Whimbrel: an operator's console for data migrations.
//!
//! Rooms, from the ground up; arrows point down only, and `tests/layers.rs` holds it:
//!
//! | level | room | holds |
//! | --- | --- | --- |
//! | 7 | [`cli`] | arguments, wiring, one file per verb, `--json`, exit codes |
//! | 6 | [`console`] | everything that knows a terminal |
//! | 5 | [`host`] | what outlives the terminal: serves a console's asks and its run |
//! | 4 | [`engine`] | a run: a pure machine and the actor that performs its steps |
//! | 4 | [`verify`] | what surrounds a run: the checks before it, the validation after it |
//! | 4 | [`profile`] | what the rows of a table hold |
//! | 4 | [`restore`] | restore points, and the way back to them |
//! | 3 | [`binding`] | a plan set against both sides as they are |
//! | 2 | [`endpoint`] | `Source` and `Destination`; a folder per system |
//! | 2 | [`transform`] | a table's mapping compiled to expressions |
//! | 2 | [`ledger`] | what this host remembers |
//! | 1 | [`plan`] | the TOML document |
//! | 1 | [`protocol`] | commands, asks, facts, gauges |
//! | 0 | [`model`] | the words all rooms share |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod binding;
pub mod cli;
pub mod console;
pub mod endpoint;
pub mod engine;
pub mod host;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod profile;
pub mod protocol;
pub mod restore;
pub mod transform;
pub mod verify;
