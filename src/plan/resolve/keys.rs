//! Keys of the destination: the plan's, its own, or the source's carried over through renames.
//!
//! One idea: what a created table does not get of the source's is told in its `left_out`, and nowhere else.

use std::collections::BTreeMap;

use super::{Resolver, Subject};
use crate::{
    model::{ForeignKey, Mode},
    plan::{Mapping, suggest::did_you_mean},
};

/// Source column to the destination column that holds its values unchanged.
pub(super) type Renames = BTreeMap<String, String>;

pub(super) fn renames(mapping: &Mapping) -> Renames {
    let mut renames = Renames::new();
    for column in &mapping.columns {
        if let Some(from) = column.plain_column() {
            renames.entry(from.to_owned()).or_insert_with(|| column.target.name.clone());
        }
    }
    renames
}

pub(super) fn renamed(names: &[String], renames: &Renames) -> Option<Vec<String>> {
    names.iter().map(|name| renames.get(name).cloned()).collect()
}

impl Resolver<'_> {
    /// The plan's key, else the destination's own, else the source's.
    pub(super) fn settle_key(&mut self, mapping: &mut Mapping) {
        let there = mapping.exists.then(|| {
            let unique = mapping.to.unique.iter().rev().cloned();
            unique.chain([mapping.to.key.clone()]).filter(|key| !key.is_empty()).collect::<Vec<_>>()
        });
        if !self.plan.key.is_empty() {
            self.check_key(mapping);
            mapping.to.key.clone_from(&self.plan.key);
        } else if mapping.to.key.is_empty() && !self.from.key.is_empty() {
            match renamed(&self.from.key, &renames(mapping)) {
                Some(key) => mapping.to.key = key,
                None if !mapping.exists => {
                    let key = self.from.key.join(", ");
                    let message =
                        format!("the source's key ({key}) is not carried over whole, so the table has no key");
                    self.warn(Subject::Table, message + "; map all of it unchanged, or name another: key = [...]");
                }
                None => {}
            }
        }
        mapping.finds_by = finds_by(mapping, there.as_deref());
        if self.plan.mode == Mode::Upsert {
            self.check_upsert(mapping);
        }
        if !mapping.exists || self.plan.mode == Mode::Upsert {
            require_key(mapping);
        }
    }

    /// Rows are found again by a key that the destination keeps unique.
    fn check_upsert(&mut self, mapping: &Mapping) {
        let (to, key) = (&self.plan.to, mapping.to.key.join(", "));
        if key.is_empty() {
            let message = format!("mode = \"upsert\" needs a key to find the rows of '{to}' by; name it: key = [...]");
            return self.fail(Subject::Table, message);
        }
        if mapping.finds_by != mapping.to.key {
            let message = format!(
                "mode = \"upsert\" finds the rows of '{to}' by ({key}), which needs a unique key on exactly these columns \
                 in the destination and a value for each; add and map it, or name another: key = [...]"
            );
            return self.fail(Subject::Table, message);
        }
        self.warn_of_twins(mapping);
    }

    /// Of two source rows with one key, the later would take the earlier one's place.
    fn warn_of_twins(&mut self, mapping: &Mapping) {
        let renames = renames(mapping);
        let keys = self.from.unique.iter().chain([&self.from.key]).filter(|key| !key.is_empty());
        let inside = |key: &Vec<String>| {
            renamed(key, &renames).is_some_and(|columns| columns.iter().all(|name| mapping.to.key.contains(name)))
        };
        if !keys.clone().any(inside) {
            let key = mapping.to.key.join(", ");
            let message = format!(
                "nothing in '{}' promises that ({key}) comes once: of two rows with one key the second is a fault \
                 within a chunk, and takes the first one's place in a later chunk",
                self.from.name
            );
            self.warn(Subject::Table, message);
        }
    }

    fn check_key(&mut self, mapping: &Mapping) {
        let written: Vec<&str> = mapping.columns.iter().map(|column| column.target.name.as_str()).collect();
        for name in self.plan.key.iter().filter(|name| !written.contains(&name.as_str())) {
            let hint = did_you_mean(name, written.iter().copied());
            let hint = if hint.is_empty() { "; map it, or take it out of key".to_owned() } else { hint };
            let message = format!("key column '{name}' of '{}' is not mapped{hint}", self.plan.to);
            self.fail(Subject::Key(name.clone()), message);
        }
    }

    /// Unique and foreign keys of a table that is created.
    pub(super) fn carry_keys(&mut self, mapping: &mut Mapping) {
        let renames = renames(mapping);
        // A key of the plan's own makes the source's one more unique key.
        let own = Some(&self.from.key).filter(|key| !key.is_empty());
        let unique = own.into_iter().chain(&self.from.unique).filter_map(|columns| renamed(columns, &renames));
        mapping.to.unique = unique.filter(|columns| *columns != mapping.to.key).collect();
        for key in &self.from.foreign_keys {
            match renamed(&key.columns, &renames) {
                Some(columns) => mapping.to.foreign_keys.push(ForeignKey { columns, ..key.clone() }),
                None => {
                    let why = "its own columns are not all carried over unchanged";
                    mapping.to.left_out.push(dropped(&mapping.to.name, key, why));
                }
            }
        }
    }
}

/// The plan's key where the destination keeps it unique, else one that it keeps unique and free of NULL. `there`: the
/// unique keys of a table that exists, its own one last.
fn finds_by(mapping: &Mapping, there: Option<&[Vec<String>]>) -> Vec<String> {
    let key = &mapping.to.key;
    let written = |name: &String| mapping.columns.iter().any(|column| column.target.name == *name);
    let Some(there) = there else { return if key.iter().all(written) { key.clone() } else { Vec::new() } };
    let same = |unique: &Vec<String>| unique.len() == key.len() && key.iter().all(|name| unique.contains(name));
    if there.iter().any(same) && key.iter().all(written) {
        return key.clone();
    }
    let filled = |name: &String| mapping.to.column(name).is_some_and(|column| !column.nullable);
    let fits = |unique: &&Vec<String>| unique.iter().all(|name| written(name) && filled(name));
    there.iter().rev().find(fits).cloned().unwrap_or_default()
}

/// Key columns of a created table hold no NULL, nor does a key that rows are found again by.
fn require_key(mapping: &mut Mapping) {
    let key = &mapping.to.key;
    let targets = mapping.columns.iter_mut().map(|column| &mut column.target);
    for column in targets.chain(mapping.to.columns.iter_mut()).filter(|column| key.contains(&column.name)) {
        column.nullable = false;
    }
}

fn dropped(table: &str, key: &ForeignKey, reason: &str) -> String {
    format!("the foreign key {} is left out: {reason}", key.label(table))
}

/// Makes the foreign keys of tables that are created speak of destination tables and columns. A key to a table that is
/// not migrated, or to columns that are not carried over unchanged, is left out and told. A source table that is
/// migrated twice is referred to where it comes first, except that a table referring to itself keeps doing so.
pub fn rename_foreign_keys(mappings: &mut [Mapping]) {
    let known: Vec<(String, String, Renames)> =
        mappings.iter().map(|mapping| (mapping.from.name.clone(), mapping.to.name.clone(), renames(mapping))).collect();
    for (place, mapping) in mappings.iter_mut().enumerate().filter(|(_, mapping)| !mapping.exists) {
        let keys = std::mem::take(&mut mapping.to.foreign_keys);
        for key in keys {
            let own = known.get(place).filter(|(from, ..)| *from == key.table);
            let referenced = own.or_else(|| known.iter().find(|(from, ..)| *from == key.table));
            match rename(&key, referenced) {
                Ok(key) => mapping.to.foreign_keys.push(key),
                Err(why) => mapping.to.left_out.push(dropped(&mapping.to.name, &key, why)),
            }
        }
    }
}

fn rename(key: &ForeignKey, referenced: Option<&(String, String, Renames)>) -> Result<ForeignKey, &'static str> {
    let (_, table, renames) = referenced.ok_or("that table is not migrated")?;
    let columns = renamed(&key.referenced, renames);
    let columns = columns.ok_or("the columns it refers to are not all carried over unchanged")?;
    Ok(ForeignKey { table: table.clone(), referenced: columns, ..key.clone() })
}
