//! The TOML document that holds a migration: parsed with positions, checked, edited in place, digested; and a table's
//! plan set against what both sides really have.
//!
//! May not touch: tokio, sqlx, endpoint, transform. One idea: [`Plan`] is what the document means, [`Document`] is its
//! text; an edit changes the text in place (comments stay) and the meaning is read anew.

mod address;
mod class;
mod digest;
mod document;
mod draft;
mod edit;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod mapping;
mod mention;
mod model;
mod place;
mod private;
mod read;
mod resolve;
mod suggest;
mod when;

#[cfg(test)]
mod samples;

pub use address::{Address, address, without_password};
pub use class::{classify, loss};
pub use digest::{digest, mapping_digest};
pub use document::Document;
pub use draft::{Drafted, draft};
pub use edit::{Edit, Side, apply, apply_all};
pub use error::PlanError;
pub use mapping::{Class, MappedColumn, Mapping, Origin};
pub use mention::mentions;
pub use model::{
    ColumnPlan, CsvOptions, Kind, Literal, MetricPlan, Plan, RestoreOptions, RowTest, RunOptions, SecretRef, SidePlan,
    TablePlan, Tolerance, Unlisted, ValueMap,
};
pub use place::{Phrase, Spans};
pub use private::{HIDDEN, Masks, Private};
pub use read::{Parsed, parse};
pub use resolve::{Finding, Subject, examine, rename_foreign_keys, resolve, resolve_placed};
pub use when::{MOMENT, When, WhenError, Window, moment};
