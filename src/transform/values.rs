//! Values that the plan writes out: a column's value map and its default.

use std::{collections::HashMap, sync::Arc};

use datafusion::arrow::{
    array::{Array, ArrayRef, StringArray, new_null_array},
    compute::interleave,
    error::ArrowError,
    util::display::FormatOptions,
};

use crate::{
    model::{Cause, ColumnType},
    plan::{Literal, MappedColumn, Unlisted, ValueMap},
};

use super::convert::{Failure, Texts, Way};

/// The literals of one column, converted to its type, and when each is taken.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// Each once; the last row is NULL.
    literals: ArrayRef,
    map: Option<Map>,
    /// Which literal replaces NULL.
    default: Option<usize>,
}

#[derive(Clone, Debug)]
struct Map {
    /// The text of a source value to its literal.
    entries: HashMap<String, usize>,
    unlisted: Unlisted,
    /// `one of gold, silver`
    expected: String,
}

/// What a row takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// The origin's own value, converted.
    Own,
    Literal(usize),
}

/// What each row takes, and the rows that a map refuses.
#[derive(Debug)]
pub(super) struct Picked {
    picks: Vec<Pick>,
    pub(super) failures: Vec<Failure>,
}

impl Picked {
    pub(super) fn takes_own(&self, row: usize) -> bool {
        self.picks[row] == Pick::Own
    }
}

impl Values {
    /// `None` where the plan writes out nothing for the column.
    pub(super) fn compile(column: &MappedColumn) -> Result<Option<Self>, String> {
        if column.values.is_none() && column.default.is_none() {
            return Ok(None);
        }
        let mut literals: Vec<&Literal> = column.values.iter().flat_map(|map| map.entries.values()).collect();
        let default = column.default.as_ref().map(|literal| {
            literals.push(literal);
            literals.len() - 1
        });
        let map = column.values.as_ref().map(|map| Map::compile(map, default.is_some())).transpose()?;
        Ok(Some(Self { literals: convert(&literals, column)?, map, default }))
    }

    /// What a fault of the map says that it expected.
    pub(super) fn expected(&self) -> Option<&str> {
        self.map.as_ref().map(|map| map.expected.as_str())
    }

    /// Whether any row can take the origin's own value, so that it must convert.
    pub(super) fn may_take_own(&self) -> bool {
        self.map.as_ref().is_none_or(|map| map.unlisted == Unlisted::Keep)
    }

    pub(super) fn pick(&self, origin: &ArrayRef) -> Result<Picked, ArrowError> {
        let options = FormatOptions::new();
        let texts = Texts::of(origin, &options)?;
        let null = self.default.unwrap_or(self.literals.len() - 1);
        let mut picked = Picked { picks: Vec::with_capacity(origin.len()), failures: Vec::new() };
        for row in 0..origin.len() {
            let pick = match &self.map {
                _ if origin.is_null(row) => Pick::Literal(null),
                None => Pick::Own,
                Some(map) => map.pick(&texts.at(row), null).unwrap_or_else(|message| {
                    picked.failures.push(Failure { row, cause: Cause::Unlisted, message });
                    Pick::Literal(self.literals.len() - 1)
                }),
            };
            picked.picks.push(pick);
        }
        Ok(picked)
    }

    /// The rows' values, out of the converted origin and the literals.
    pub(super) fn take(&self, picked: &Picked, own: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        if picked.picks.iter().all(|pick| *pick == Pick::Own) {
            return Ok(own.clone());
        }
        let places = picked.picks.iter().enumerate().map(|(row, pick)| match pick {
            Pick::Own => (0, row),
            Pick::Literal(index) => (1, *index),
        });
        interleave(&[own.as_ref(), self.literals.as_ref()], &places.collect::<Vec<(usize, usize)>>())
    }
}

impl Map {
    fn compile(map: &ValueMap, has_default: bool) -> Result<Self, String> {
        if map.unlisted == Unlisted::Default && !has_default {
            return Err("values that the map does not list take the default, but the column has none".into());
        }
        let entries = map.entries.keys().enumerate().map(|(index, key)| (key.clone(), index)).collect();
        let keys: Vec<&str> = map.entries.keys().map(String::as_str).collect();
        Ok(Self { entries, unlisted: map.unlisted, expected: format!("one of {}", keys.join(", ")) })
    }

    fn pick(&self, text: &str, default: usize) -> Result<Pick, String> {
        match (self.entries.get(text), self.unlisted) {
            (Some(index), _) => Ok(Pick::Literal(*index)),
            (None, Unlisted::Keep) => Ok(Pick::Own),
            (None, Unlisted::Default) => Ok(Pick::Literal(default)),
            (None, Unlisted::Fault) => Err(format!("'{text}' is not in the value map")),
        }
    }
}

/// The literals in the column's type, with a NULL behind them.
fn convert(literals: &[&Literal], column: &MappedColumn) -> Result<ArrayRef, String> {
    let meant = column.meant.as_ref().unwrap_or(&column.target.ty);
    let texts = literals.iter().map(|literal| Some(literal.0.as_str())).chain([None]);
    let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
    let way = Way::between(&ColumnType::TEXT, Some(meant), &column.target.ty)
        .ok_or_else(|| format!("no text can be written for the type {meant}"))?;
    let converted = way.apply(&texts).map_err(|error| error.to_string())?;
    let mut failures = converted.failures.into_iter();
    match failures.next() {
        Some(failure) => {
            let literal = literals.get(failure.row).map_or("", |literal| literal.0.as_str());
            Err(format!(
                "the value '{literal}' does not fit the column: {}; expected: {}",
                failure.message,
                meant.expectation()
            ))
        }
        None => Ok(converted.array),
    }
}

/// NULL for every row, as a place holder where no row takes its own value.
pub(super) fn nothing(ty: &ColumnType, rows: usize) -> ArrayRef {
    new_null_array(&ty.arrow(), rows)
}
