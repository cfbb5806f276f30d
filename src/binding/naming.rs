//! Names that the destination cannot hold, or cannot tell apart.
//!
//! One idea: names of tables and columns are the plan's to change, so the checks point to its lines; names of indexes
//! belong to nobody, and are changed here and where they are made.

use std::collections::{BTreeMap, BTreeSet};

use super::Bound;
use crate::{
    endpoint::Destination,
    model::{Naming, Problem},
    plan::Spans,
};

/// Adds what is wrong with the names of tables that are to be created.
pub(super) fn check(tables: &mut [Bound], spans: &Spans, destination: &dyn Destination) {
    let naming = destination.naming();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let names: Vec<String> = tables.iter().map(|table| table.mapping.to.name.clone()).collect();
    for table in tables.iter_mut() {
        let name = table.mapping.to.name.clone();
        let folded = if naming.tables_ignore_case { name.to_lowercase() } else { name.clone() };
        let other = seen.insert(folded, name.clone());
        if table.mapping.exists {
            continue;
        }
        let system = destination.system().to_string();
        let mut wrong = Wrong { naming, system, table: name, spans, problems: Vec::new() };
        wrong.table(other);
        wrong.columns(table);
        wrong.say(table);
        keep_apart(table, &names, naming);
        let later = destination.later_statements(&table.mapping.to);
        if !table.statements.is_empty() {
            table.statements = destination.create_statements(&table.mapping.to).into_iter().chain(later).collect();
        }
    }
}

/// An index that is called like a table of the plan would take its name from it.
///
/// Names that are cut to what the destination keeps must still differ within their table.
fn keep_apart(table: &mut Bound, names: &[String], naming: Naming) {
    let to = &mut table.mapping.to;
    let mut taken: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    for index in &mut to.indexes {
        if taken.contains(&index.name.to_lowercase()) {
            index.name = format!("{}_{}_idx", to.name, index.name);
        }
        index.name = naming.free(&index.name, |name| taken.contains(&name.to_lowercase()));
        taken.insert(index.name.to_lowercase());
    }
}

struct Wrong<'w> {
    naming: Naming,
    system: String,
    table: String,
    spans: &'w Spans,
    problems: Vec<Problem>,
}

impl Wrong<'_> {
    fn push(&mut self, place: Option<(usize, usize)>, message: String) {
        let (line, column) = place.or_else(|| self.spans.table(&self.table)).unwrap_or_default();
        self.problems.push(Problem { line, column, error: true, message });
    }

    fn too_long(&self, what: &str, name: &str) -> Option<String> {
        let unit = if self.naming.in_bytes { "bytes" } else { "characters" };
        let (length, longest) = (self.naming.length(name), self.naming.longest);
        let is_too_long = self.naming.is_too_long(name);
        is_too_long
            .then(|| format!("the {what} name '{name}' has {length} {unit}, and {} keeps {longest}", self.system))
    }

    fn table(&mut self, other: Option<String>) {
        let bare = self.table.rsplit('.').next().unwrap_or_default().to_owned();
        if let Some(message) = self.too_long("table", &bare) {
            self.push(None, format!("{message}; give the table a shorter one: to = \"...\""));
        }
        if let Some(other) = other {
            let message = format!("'{}' and '{other}' are one name in {}", self.table, self.system);
            self.push(None, format!("{message}; give one of the tables another: to = \"...\""));
        }
    }

    fn columns(&mut self, table: &Bound) {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for column in &table.mapping.to.columns {
            let name = column.name.as_str();
            let place = self.spans.column(&self.table, name);
            if let Some(message) = self.too_long("column", name) {
                let remedy = format!("under [table.columns] give it a shorter one: short = \"{name}\"");
                self.push(place, format!("{message}; {remedy}"));
            }
            let folded = if self.naming.columns_ignore_case { name.to_lowercase() } else { name.to_owned() };
            if let Some(other) = seen.insert(folded, name) {
                let message =
                    format!("the columns '{other}' and '{name}' of {} are one in {}", self.table, self.system);
                let remedy = format!("under [table.columns] give one another name: another = \"{name}\"");
                self.push(place, format!("{message}; {remedy}"));
            }
        }
    }

    /// A table with such names is not compiled: it cannot be made.
    fn say(self, table: &mut Bound) {
        if !self.problems.is_empty() {
            table.transform = None;
            table.problems.extend(self.problems);
        }
    }
}
