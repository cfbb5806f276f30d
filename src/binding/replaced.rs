//! Tables that are emptied together: a table that others refer to can lose its rows only when theirs are gone.
//!
//! One idea: all of a family is emptied with the first chunk of the table that the others refer to, in its transaction,
//! and they load only when that table is done. So each is empty when its own first chunk comes, whatever was killed
//! before, and none is emptied once rows of the run are in it.

use std::collections::BTreeSet;

use super::Binding;
use crate::{model::Mode, plan::Mapping};

impl Binding {
    /// The replaced tables that refer to this replaced one, itself or through others, in an order in which they can be
    /// emptied before it. Not those that it refers back to: none of them could load first.
    pub fn emptied_with(&self, table: &str) -> Vec<String> {
        let replaced: Vec<&Mapping> = self.tables.iter().map(|bound| &bound.mapping).filter(is_replaced).collect();
        if !replaced.iter().any(|mapping| mapping.to.name == table) {
            return Vec::new();
        }
        let mut family = BTreeSet::from([table]);
        loop {
            let refers = |mapping: &&&Mapping| {
                mapping.to.foreign_keys.iter().any(|key| family.contains(key.table.as_str()))
                    && !family.contains(mapping.to.name.as_str())
            };
            let Some(further) = replaced.iter().find(refers) else { break };
            family.insert(&further.to.name);
        }
        let circle = self.order.cycles.iter().find(|circle| circle.iter().any(|name| name == table));
        let in_circle = |name: &str| circle.is_some_and(|circle| circle.iter().any(|other| other == name));
        let names = replaced.iter().rev().map(|mapping| mapping.to.name.as_str());
        names.filter(|name| family.contains(name) && *name != table && !in_circle(name)).map(str::to_owned).collect()
    }
}

fn is_replaced(mapping: &&Mapping) -> bool {
    mapping.exists && mapping.mode == Mode::Replace
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        binding::Bound,
        model::{ForeignKey, Table, load_order},
    };

    /// Tables, in the order in which they load, each with those that it refers to; `!` before one that is not replaced.
    fn binding(tables: &[(&str, &[&str])]) -> Binding {
        let mapping = |(name, refers): &(&str, &[&str])| {
            let key = |table: &&str| ForeignKey { table: (*table).into(), ..ForeignKey::default() };
            let foreign_keys = refers.iter().map(key).collect();
            let mode = if name.starts_with('!') { Mode::Insert } else { Mode::Replace };
            let to = Table { name: name.trim_start_matches('!').into(), foreign_keys, ..Table::default() };
            Mapping { to, mode, exists: true, ..Mapping::default() }
        };
        let mappings: Vec<Mapping> = tables.iter().map(mapping).collect();
        let order = load_order(mappings.iter().map(|mapping| &mapping.to));
        let bound = |mapping| Bound { mapping, statements: Vec::new(), transform: None, problems: Vec::new() };
        Binding { tables: mappings.into_iter().map(bound).collect(), order }
    }

    #[test]
    fn who_refers_is_emptied_first() {
        let family = binding(&[
            ("parent", &[]),
            ("child", &["parent"]),
            ("self", &["self", "parent"]),
            ("grandchild", &["child"]),
            ("!kept", &["parent"]),
            ("apart", &[]),
        ]);
        assert_eq!(family.emptied_with("parent"), ["grandchild", "self", "child"]);
        assert_eq!(family.emptied_with("child"), ["grandchild"]);
        assert!(["self", "grandchild", "kept", "apart"].iter().all(|table| family.emptied_with(table).is_empty()));
    }

    #[test]
    fn no_order_does_for_a_circle() {
        let circle = binding(&[("a", &["b"]), ("b", &["a"]), ("c", &["a"])]);
        assert_eq!(circle.emptied_with("a"), ["c"]);
        assert_eq!(circle.emptied_with("b"), ["c"]);
    }
}
