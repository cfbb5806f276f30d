//! Rows tried at a destination that keeps none of them.
//!
//! May not decide what is tried. One idea: what is tried goes the way of every other row, through the system's own loader,
//! which is never asked to commit; where a transaction in the table itself would leave traces, or there is no table yet, it
//! goes into a temporary one of the same definition.

use super::Loader;

/// The table as a run would find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dry {
    /// It is there already.
    pub exists: bool,
    /// The run would empty it first.
    pub replaces: bool,
}

/// A loader of which nothing stays.
pub struct DryLoader {
    pub loader: Box<dyn Loader>,
    /// Rows go into an empty table of their own, and not beside those that are there.
    pub apart: bool,
    /// What this way of trying cannot tell or leaves behind, in sentences.
    pub untold: Vec<String>,
}

/// Rows that were tried apart and have a key that is there already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collisions {
    pub rows: u64,
    /// Some of the keys: `id = 7`.
    pub examples: Vec<String>,
}

impl Collisions {
    /// So many keys are shown.
    pub const SHOWN: usize = 5;
}
