//! Sets a table's plan against the tables of both sides: which column feeds which, what is wrong, what may be lost.
//!
//! One idea: a destination that exists says which columns there are and the plan feeds them; one that does not exist is
//! made from the source's columns as the plan changes them. Both give the same list of targets, and from there on all
//! is one way.

mod created;
mod definition;
mod existing;
mod finding;
mod keys;
mod target;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{ColumnPlan, Mapping, Spans, TablePlan, mention::mentions, suggest::did_you_mean};
use crate::model::{Column, ColumnType, Table};
pub use finding::{Finding, Subject};
pub use keys::rename_foreign_keys;

/// Tells the type of an SQL expression over the source's columns, or why it has none.
type ExpressionType<'a> = &'a dyn Fn(&str) -> Result<ColumnType, String>;

/// Resolves a table's plan.
///
/// A destination column that the plan does not name maps to the source column of its own name: of exactly that name,
/// else of the only one that differs in case alone. A column that is named without `from` and `expr` takes the source
/// column of its own name too, else its `default`. Columns that the destination generates are never written.
///
/// Without a destination table, one is made: the source's columns in their order, without those of `skip`, each replaced
/// in its place by what the plan makes of it; then the plan's further columns in its order. A source column that some
/// `from` takes disappears under its old name; one that only expressions mention stays. Keys, unique keys and foreign
/// keys are carried over as far as all their columns are, unchanged; the plan's `key` wins. Foreign keys still name the
/// source's tables: see [`rename_foreign_keys`].
///
/// Problems have no place in the text: see [`resolve_placed`].
pub fn resolve(
    table: &TablePlan,
    from: &Table,
    to: Option<&Table>,
    expression_type: &dyn Fn(&str) -> Result<ColumnType, String>,
) -> Mapping {
    examine(table, from, to, expression_type).0
}

/// The same, with every problem at the place in the text that it is about.
pub fn resolve_placed(
    table: &TablePlan,
    from: &Table,
    to: Option<&Table>,
    expression_type: &dyn Fn(&str) -> Result<ColumnType, String>,
    spans: &Spans,
) -> Mapping {
    let (mut mapping, findings) = examine(table, from, to, expression_type);
    mapping.problems = findings.iter().map(|finding| finding.placed(&table.to, spans)).collect();
    mapping
}

/// The same, with what each problem is about: the mapping's problems are the findings, in their order.
pub fn examine(
    table: &TablePlan,
    from: &Table,
    to: Option<&Table>,
    expression_type: &dyn Fn(&str) -> Result<ColumnType, String>,
) -> (Mapping, Vec<Finding>) {
    let mut resolver = Resolver { plan: table, from, expression_type, findings: Vec::new() };
    resolver.check_names();
    let mut mapping = match to {
        Some(to) => resolver.onto(to),
        None => resolver.create(),
    };
    mapping.mode = table.mode;
    mapping.filter.clone_from(&table.filter);
    mapping.unused = resolver.unused(&mapping);
    for name in &mapping.unused {
        let message = format!("source column '{name}' is not migrated; map it, or list it in skip");
        resolver.warn(Subject::Table, message);
    }
    if mapping.columns.is_empty() {
        resolver.fail(Subject::Table, format!("nothing of '{}' would be written; map at least one column", from.name));
    }
    mapping.problems = resolver.findings.iter().map(Finding::unplaced).collect();
    (mapping, resolver.findings)
}

struct Resolver<'a> {
    plan: &'a TablePlan,
    from: &'a Table,
    expression_type: ExpressionType<'a>,
    findings: Vec<Finding>,
}

impl<'a> Resolver<'a> {
    fn fail(&mut self, subject: Subject, message: impl Into<String>) {
        self.findings.push(Finding { subject, error: true, message: message.into() });
    }

    fn warn(&mut self, subject: Subject, message: impl Into<String>) {
        self.findings.push(Finding { subject, error: false, message: message.into() });
    }

    fn plan_of(&self, column: &str) -> Option<&'a ColumnPlan> {
        self.plan.columns.iter().find(|(name, _)| name == column).map(|(_, plan)| plan)
    }

    /// The source column that a destination column of this name takes when nobody says otherwise.
    fn own_column(&self, name: &str) -> Option<&'a Column> {
        let left_behind = |column: &&Column| self.plan.skip.contains(&column.name);
        let exact = self.from.column(name);
        let found = exact.or_else(|| only_one(&self.from.columns, name));
        found.filter(|column| !left_behind(column))
    }

    /// Names of the plan that the source does not have.
    fn check_names(&mut self) {
        let missing = |name: &str| {
            let hint = did_you_mean(name, self.from.columns.iter().map(|column| column.name.as_str()));
            format!("source table '{}' has no column '{name}'{hint}", self.from.name)
        };
        let skips = self.plan.skip.iter().filter(|name| self.from.column(name).is_none());
        let mut findings: Vec<(Subject, String)> =
            skips.map(|name| (Subject::Skip(name.clone()), missing(name))).collect();
        for (target, plan) in &self.plan.columns {
            if let Some(name) = plan.from.as_ref().filter(|name| self.from.column(name).is_none()) {
                findings.push((Subject::Column(target.clone()), missing(name)));
            }
        }
        findings.into_iter().for_each(|(subject, message)| self.fail(subject, message));
        self.check_skips();
    }

    fn check_skips(&mut self) {
        for (target, plan) in &self.plan.columns {
            if let Some(name) = plan.from.as_ref().filter(|name| self.plan.skip.contains(name)) {
                let message = format!("skip lists '{name}', but column '{target}' takes it; take it out of skip");
                self.warn(Subject::Skip(name.clone()), message);
            }
        }
    }

    /// Source columns that feed nothing, are mentioned nowhere and are not skipped.
    fn unused(&self, mapping: &Mapping) -> Vec<String> {
        let mut used: BTreeSet<String> = self.plan.skip.iter().cloned().collect();
        used.extend(self.plan.filter.as_deref().map(mentions).unwrap_or_default());
        for (name, plan) in &self.plan.columns {
            used.extend(plan.expr.as_deref().map(mentions).unwrap_or_default());
            used.extend(plan.from.clone());
            // Leaving the destination's column unfilled says the same of the source's column of that name.
            used.extend(plan.skip.then(|| self.own_column(name)).flatten().map(|column| column.name.clone()));
        }
        used.extend(mapping.columns.iter().filter_map(|column| column.source_column().map(str::to_owned)));
        let names = self.from.columns.iter().map(|column| column.name.clone());
        names.filter(|name| !used.contains(name)).collect()
    }
}

/// The only column whose name differs from `name` in case alone.
fn only_one<'c>(columns: &'c [Column], name: &str) -> Option<&'c Column> {
    let name = name.to_lowercase();
    let mut same = columns.iter().filter(|column| column.name.to_lowercase() == name);
    same.next().filter(|_| same.next().is_none())
}
