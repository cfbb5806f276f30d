//! What would make the destination what it should be, or did.

use serde::{Deserialize, Serialize};

use super::DifferenceKind;
use crate::model::NamedCell;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repair {
    /// The changes were made; else they are only shown.
    pub applied: bool,
    pub tables: Vec<TableRepair>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableRepair {
    pub to: String,
    /// Why nothing of the table is changed although rows differ.
    pub refused: Option<String>,
    /// Rows that the destination lacks, and gets.
    pub missing: u64,
    /// Rows that it has with other values, and that are changed.
    pub differing: u64,
    /// Rows that only it has.
    pub surplus: u64,
    /// Those are removed, as was asked for.
    pub removes: bool,
    /// The first of all of them.
    pub rows: Vec<RepairRow>,
    /// Rows that the destination did not take, with its words.
    pub failed: Vec<String>,
    /// What was changed.
    pub written: u64,
    pub removed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairRow {
    pub kind: DifferenceKind,
    pub key: Vec<NamedCell>,
}

impl TableRepair {
    /// So many rows are shown.
    pub const SHOWN: usize = 20;

    /// Rows that a repair changes.
    pub fn changes(&self) -> u64 {
        let removed = if self.removes { self.surplus } else { 0 };
        if self.refused.is_some() { 0 } else { self.missing + self.differing + removed }
    }
}

impl Repair {
    pub fn changes(&self) -> u64 {
        self.tables.iter().map(TableRepair::changes).sum()
    }
}
