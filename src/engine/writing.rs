//! How one table's rows are written in a run, and whether a chunk stands.
//!
//! One idea: where the destination can keep no marks, a chunk must be harmless to repeat. A table with a unique key is
//! written by that key; one without is written whole in one transaction, and whether that came through is told by the
//! table itself, which was empty before.

use crate::{
    endpoint::{Destination, EndpointError, LoadOptions, Mark},
    model::Mode,
    plan::{Mapping, RunOptions},
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Writing {
    pub(super) options: LoadOptions,
    /// The table is emptied with its first chunk.
    pub(super) replaces: bool,
    /// All rows in one transaction.
    pub(super) whole: bool,
}

impl Writing {
    pub(super) fn of(mapping: &Mapping, suspend_foreign_keys: bool, run: &RunOptions, unmarked: bool) -> Self {
        let by_key = mapping.mode == Mode::Upsert || unmarked;
        let update_by = if by_key { mapping.finds_by.clone() } else { Vec::new() };
        Self {
            replaces: mapping.mode == Mode::Replace,
            whole: unmarked && update_by.is_empty(),
            options: LoadOptions {
                columns: mapping.columns.iter().map(|mapped| mapped.target.name.clone()).collect(),
                suspend_foreign_keys,
                update_by,
                empties_first: Vec::new(),
                lock_wait: run.lock_wait,
                unmarked,
                puts_back: false,
            },
        }
    }

    /// The same for single rows of a run whose table stands: unless the plan says so, none takes another one's place.
    pub(super) fn of_rows(mapping: &Mapping, run: &RunOptions, unmarked: bool) -> Self {
        let mut writing = Self { replaces: false, ..Self::of(mapping, false, run, unmarked) };
        if mapping.mode != Mode::Upsert {
            writing.options.update_by.clear();
        }
        writing
    }

    /// Whether rows that are there already would be taken for the run's own, so that there may be none.
    pub(super) fn needs_empty(&self, mapping: &Mapping) -> bool {
        self.options.unmarked && mapping.exists && mapping.mode == Mode::Insert
    }

    /// Whether a chunk whose commit nobody saw came through, as far as that matters.
    pub(super) async fn stands(&self, destination: &dyn Destination, mark: &Mark) -> Result<bool, EndpointError> {
        if !self.options.unmarked {
            let marks = destination.marks(&mark.run).await?;
            return Ok(marks.iter().any(|stands| stands.table == mark.table && stands.chunk == mark.chunk));
        }
        match self.whole && !self.replaces && mark.retried.is_empty() {
            true => Ok(destination.count(&mark.table).await? > 0),
            false => Ok(false),
        }
    }
}
