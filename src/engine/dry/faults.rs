//! Rows that would be faults, by column and cause.

use std::collections::BTreeMap;

use crate::{
    endpoint::Collisions,
    model::{Cause, Fault},
    protocol::{DryFault, DryFaultRow},
};

/// So many rows of a kind are shown.
const SHOWN: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Kinds(BTreeMap<(String, String), DryFault>);

impl Kinds {
    pub(super) fn take(&mut self, fault: Fault) {
        let column = fault.shown_column().to_owned();
        let kind = self.kind(column, fault.cause, fault.expected);
        kind.rows += 1;
        if kind.examples.len() < SHOWN {
            kind.examples.push(DryFaultRow { row: Some(fault.row), value: fault.value, message: fault.message });
        }
    }

    /// Rows whose key is in the table already; which they are by number nobody knows.
    pub(super) fn collide(&mut self, collisions: Collisions, table: &str) {
        if collisions.rows == 0 {
            return;
        }
        let expected = format!("a key that {table} does not hold yet");
        let kind = self.kind("(row)".into(), Cause::Unique, expected);
        kind.rows += collisions.rows;
        let example = |message| DryFaultRow { message, ..DryFaultRow::default() };
        kind.examples.extend(collisions.examples.into_iter().map(example));
    }

    fn kind(&mut self, column: String, cause: Cause, expected: String) -> &mut DryFault {
        let kind = self.0.entry((column.clone(), cause.to_string()));
        kind.or_insert_with(|| DryFault { column, cause, expected, rows: 0, examples: Vec::new() })
    }

    /// The most frequent first.
    pub(super) fn told(self) -> Vec<DryFault> {
        let mut told: Vec<DryFault> = self.0.into_values().collect();
        told.sort_by_key(|kind| std::cmp::Reverse(kind.rows));
        told
    }
}
