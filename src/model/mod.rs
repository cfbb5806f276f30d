//! The words all rooms share: tables, columns, types, cells, faults, decisions, progress.
//!
//! Plain data and pure functions. Nothing here reads a clock, a file, a socket or a terminal.

pub mod buckets;
pub mod calendar;
mod cell;
mod definition;
mod digest;
mod exact;
mod fault;
mod figures;
mod formula;
#[cfg(test)]
pub mod fuzzing;
mod hex;
mod mark;
mod order;
mod problem;
mod progress;
mod recipient;
mod row;
mod sighting;
mod table;
mod types;

pub use cell::{Cell, CellError, NAN_128, NAN_256, array_of, cell_at, row_digest, text_at, told};
pub use definition::{
    Action, Check, Counter, CounterStand, Deferral, Expression, Generation, Index, IndexPart, Naming, OwnType, Thing,
};
pub use digest::{Padding, RowEncoding, RowSum, TableDigest};
pub use exact::Exact;
pub use fault::{Cause, Decision, Fault, FaultId, NamedCell, Rule, Scope, Verdict};
pub use figures::{
    bar, bytes_in_words, clean, clip, compact, display_width, minutes_left, minutes_spent, percent, percent_of, speed,
    thousands,
};
pub use formula::{Comparison, Formula, Kind};
pub use hex::{hex, unhex};
pub use mark::{Mark, Position, Range, Until};
pub use order::{LoadOrder, load_order};
pub use problem::Problem;
pub use progress::{Counts, Gauge, Mode, OnError, RunId, RunPhase, TablePhase};
pub use recipient::Recipient;
pub use row::{batch_of, cells_of, edited, named_cells};
pub use sighting::{Advice, Sight, Sighting};
pub use table::{Column, Count, ForeignKey, Page, Spot, System, Table, TableEntry};
pub use types::{ColumnType, TypeError};
