//! What this host remembers: runs and their facts, chunks, faults with the rows as they were, decisions with who and
//! when. SQLite under the state folder, private to its owner.
//!
//! May not touch the engine. One idea: what a chunk skips or flags is recorded as pending *before* the destination
//! commits the chunk, and made final after; on the next start the destination's mark decides what pending means. So a
//! row is in no gap between the two databases, whenever the power goes.

mod audit;
mod chunks;
mod drills;
mod error;
mod evidence;
mod faults;
mod open;
mod points;
mod runs;
mod samples;
mod schema;
mod seal;
#[cfg(test)]
mod tests;

pub use audit::{AuditEntry, TrailState};
pub use chunks::ChunkRecord;
pub use drills::OpenDrill;
pub use error::LedgerError;
pub use evidence::EvidenceKind;
pub use faults::{Answered, FaultRecord, FaultState};
pub use open::{Ledger, PlanLock, default_state_folder};
pub use points::{NewPoint, PointPhase, PointRecord, RestoreRecord};
pub use runs::{NewRun, RunRecord};
pub use samples::SampleRecord;
pub use seal::{Seal, default_key_folder};

pub type Result<T> = std::result::Result<T, LedgerError>;
