//! Values of private columns, taken out before anything is shown.
//!
//! One idea: a sentence that may hold such a value is taken out whole, since nobody can tell where in it the value is.

use std::collections::{BTreeMap, BTreeSet};

use super::Deviation;
use crate::{
    model::{Cell, NamedCell},
    plan::{HIDDEN, MetricPlan, Plan, Private},
    protocol::{CheckItem, Difference, Finding, SampleRow, TableValidation, Validation},
};

/// The private columns of each destination table.
#[derive(Debug, Default)]
pub(super) struct Mask {
    tables: BTreeMap<String, Private>,
    /// Metrics whose queries mention one of them.
    metrics: BTreeSet<String>,
}

impl Mask {
    pub(super) fn of(plan: Option<&Plan>) -> Self {
        let tables = plan.into_iter().flat_map(|plan| &plan.tables);
        let private = tables.map(|table| (table.to.clone(), Private::of(table)));
        let tables: BTreeMap<String, Private> = private.filter(|(_, private)| !private.is_empty()).collect();
        let columns = || tables.values().flat_map(|private| private.targets.iter().chain(&private.sources));
        let about = |metric: &&MetricPlan| {
            columns().any(|column| [&metric.source, &metric.destination].iter().any(|query| mentions(query, column)))
        };
        let metrics = plan.into_iter().flat_map(|plan| &plan.metrics).filter(about);
        let metrics = metrics.map(|metric| metric.name.clone()).collect();
        Self { tables, metrics }
    }

    pub(super) fn names(&self) -> Vec<String> {
        let of = |(table, private): (&String, &Private)| {
            private.targets.iter().map(|column| format!("{table}.{column}")).collect::<Vec<_>>()
        };
        self.tables.iter().flat_map(of).collect()
    }

    /// A sentence of no certain table.
    pub(super) fn words(&self, words: &str) -> String {
        let about = |(table, private): (&String, &Private)| {
            let names = private.targets.iter().chain(&private.sources);
            words.contains(table.as_str()) || names.into_iter().any(|name| words.contains(name.as_str()))
        };
        let hides = self.tables.iter().any(about) && may_quote(words);
        if hides { format!("a sentence on private values {HIDDEN}") } else { words.to_owned() }
    }

    pub(super) fn checks(&self, mut items: Vec<CheckItem>) -> Vec<CheckItem> {
        for detail in items.iter_mut().flat_map(|item| &mut item.details) {
            *detail = self.words(detail);
        }
        items
    }

    pub(super) fn deviation(&self, deviation: Deviation) -> Deviation {
        let Some(private) = self.tables.get(&deviation.table) else { return deviation };
        let quotes = private.is_quoted_by(&deviation.column, deviation.cause);
        let hides = private.holds(&deviation.column);
        Deviation {
            value: deviation.value.map(|value| if hides || deviation.column == "(row)" { hidden() } else { value }),
            message: if quotes { HIDDEN.to_owned() } else { deviation.message },
            ..deviation
        }
    }

    pub(super) fn validation(&self, mut validation: Validation) -> Validation {
        validation.remarks = validation.remarks.iter().map(|remark| self.words(remark)).collect();
        for table in &mut validation.tables {
            if let Some(private) = self.tables.get(&table.to) {
                mask_table(table, private);
            }
        }
        for metric in validation.metrics.iter_mut().filter(|metric| self.metrics.contains(&metric.name)) {
            metric.source = metric.source.as_ref().map(|_| HIDDEN.to_owned());
            metric.destination = metric.destination.as_ref().map(|_| HIDDEN.to_owned());
            metric.difference = None;
            metric.details.iter_mut().for_each(|detail| HIDDEN.clone_into(detail));
        }
        validation
    }
}

/// Whether the query has the column's name in it, as a word of its own.
fn mentions(query: &str, column: &str) -> bool {
    let (query, column) = (query.to_lowercase(), column.to_lowercase());
    let is_part = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
    query.match_indices(&column).any(|(at, found)| {
        !is_part(query[..at].chars().next_back()) && !is_part(query[at + found.len()..].chars().next())
    })
}

fn hidden() -> Cell {
    Cell::text(HIDDEN)
}

/// Whether a sentence has the look of one that quotes rows.
fn may_quote(words: &str) -> bool {
    [" = ", "'", "\"", "(", ": "].iter().any(|sign| words.contains(sign))
}

fn mask_table(table: &mut TableValidation, private: &Private) {
    let finding = |finding: &mut Finding| {
        let hides = |detail: &String| {
            let names = private.targets.iter().chain(&private.sources);
            let named = names.into_iter().any(|name| detail.contains(name.as_str()));
            detail.starts_with("cannot be read") || named && may_quote(detail) && finding.name != "Column count match"
        };
        let masked =
            finding.details.iter().map(|detail| if hides(detail) { HIDDEN.to_owned() } else { detail.clone() });
        finding.details = masked.collect();
    };
    table.findings.iter_mut().for_each(finding);
    table.sample.rows.iter_mut().for_each(|row: &mut SampleRow| {
        [&mut row.key, &mut row.source, &mut row.destination].into_iter().for_each(|cells| mask_cells(cells, private));
    });
    table.differences.iter_mut().for_each(|row: &mut Difference| {
        mask_cells(&mut row.key, private);
        for column in row.columns.iter_mut().filter(|column| private.holds(&column.column)) {
            (column.source, column.destination) = (hidden(), hidden());
        }
    });
}

fn mask_cells(cells: &mut [NamedCell], private: &Private) {
    for cell in cells.iter_mut().filter(|cell| private.holds(&cell.name)) {
        cell.cell = hidden();
    }
}
