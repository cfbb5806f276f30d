//! The TOML document that holds a migration: parsed with positions, checked, edited in place, digested.
//!
//! May not touch: tokio, sqlx. One idea: [`Plan`] is what the document means, [`Document`] is its text; an edit changes
//! the text in place (comments stay) and the meaning is read anew.

mod mapping;
mod model;

pub use mapping::{Class, MappedColumn, Mapping, Origin};
pub use model::{
    ColumnPlan, CsvOptions, Kind, Literal, Plan, RunOptions, SecretRef, SidePlan, TablePlan, Unlisted, ValueMap,
};
