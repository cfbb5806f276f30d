//! A table's plan set against what both sides really have: which column feeds which.

use std::collections::BTreeSet;

use crate::model::{Column, ColumnType, Mode, Problem, Table};

use super::{Literal, ValueMap};

/// One table's mapping, every name resolved. Made by `resolve`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    pub from: Table,
    /// The destination as it is, or as the mapping would have it created (in the model's own types: the destination
    /// may hold them differently, see `Destination::column_for`).
    pub to: Table,
    pub mode: Mode,
    /// Whether the destination table is there already.
    pub exists: bool,
    /// The destination columns that are written, in the destination's order.
    pub columns: Vec<MappedColumn>,
    /// Destination columns that are not written.
    pub unfilled: Vec<String>,
    /// Source columns that nothing uses and nothing skips.
    pub unused: Vec<String>,
    pub filter: Option<String>,
    /// The key by which a row that was written is found again: the destination keeps it unique and free of NULL, and all
    /// of it is written. Empty: there is none.
    pub finds_by: Vec<String>,
    /// Errors and warnings without a place in the text.
    pub problems: Vec<Problem>,
}

impl Mapping {
    /// Whether the key of the destination is the source's, value by value, so that no two rows can have the same. `same`:
    /// both sides are of one system; between two, only whole numbers are told apart alike for sure.
    pub fn keeps_key(&self, same: bool) -> bool {
        let from = |name: &String| {
            let column = self.columns.iter().find(|column| column.target.name == *name)?;
            let Origin::Column(from) = &column.origin else { return None };
            let source = self.from.column(from)?;
            let alike = source.ty == column.target.ty && source.collation == column.target.collation;
            let plain = alike && (same || matches!(source.ty, ColumnType::Integer { .. }));
            (plain && column.values.is_none() && column.default.is_none() && !source.nullable).then_some(from)
        };
        let sources: Option<BTreeSet<&String>> = self.to.key.iter().map(from).collect();
        self.mode == Mode::Insert && !self.from.key.is_empty() && sources == Some(self.from.key.iter().collect())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct MappedColumn {
    pub target: Column,
    /// What the plan makes of the values, where the destination holds that in a type of its own: a boolean that goes into
    /// a `tinyint` is first of all a boolean.
    pub meant: Option<ColumnType>,
    pub origin: Origin,
    pub values: Option<ValueMap>,
    pub default: Option<Literal>,
    pub check: Option<String>,
    pub class: Class,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A source column, by its name.
    Column(String),
    /// An SQL expression over source columns.
    Expr(String),
    /// Nothing: the default for every row.
    Default,
}

/// What a conversion can do to a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    #[default]
    Exact,
    Widening,
    /// A value that would lose is a fault.
    Checked,
    /// Can lose without anybody noticing; must be accepted in the plan.
    Lossy,
}
