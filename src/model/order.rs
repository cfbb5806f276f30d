//! The order in which tables load, so that a row never comes before the row it refers to.

use std::collections::{BTreeMap, BTreeSet};

use super::Table;

/// Tables in an order that respects foreign keys as far as there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOrder {
    /// Every table once, referenced before referring; else by name.
    pub tables: Vec<String>,
    /// Groups of tables that refer to each other in a circle (a table that refers to itself is a group of one).
    pub cycles: Vec<Vec<String>>,
}

impl LoadOrder {
    pub fn in_cycle(&self, table: &str) -> bool {
        self.cycles.iter().any(|cycle| cycle.iter().any(|name| name == table))
    }
}

/// Orders `tables` by their foreign keys: Tarjan's strongly connected components, which come out referenced first.
pub fn load_order<'t>(tables: impl IntoIterator<Item = &'t Table>) -> LoadOrder {
    let tables: BTreeMap<&str, &Table> = tables.into_iter().map(|table| (table.name.as_str(), table)).collect();
    let edges: BTreeMap<&str, BTreeSet<&str>> = tables
        .iter()
        .map(|(name, table)| {
            let referenced = table.foreign_keys.iter().map(|key| key.table.as_str());
            (*name, referenced.filter(|to| tables.contains_key(to)).collect())
        })
        .collect();
    let mut walk = Tarjan { edges: &edges, ..Tarjan::empty(&edges) };
    for name in edges.keys() {
        if !walk.index.contains_key(name) {
            walk.visit(name);
        }
    }
    let refers_to_itself = |name: &str| edges[name].contains(name);
    let cycles = walk.components.iter().filter(|group| group.len() > 1 || refers_to_itself(group[0]));
    LoadOrder {
        cycles: cycles.map(|group| group.iter().map(|name| (*name).to_owned()).collect()).collect(),
        tables: walk.components.iter().flatten().map(|name| (*name).to_owned()).collect(),
    }
}

struct Tarjan<'t> {
    edges: &'t BTreeMap<&'t str, BTreeSet<&'t str>>,
    index: BTreeMap<&'t str, usize>,
    low: BTreeMap<&'t str, usize>,
    stack: Vec<&'t str>,
    components: Vec<Vec<&'t str>>,
}

impl<'t> Tarjan<'t> {
    fn empty(edges: &'t BTreeMap<&'t str, BTreeSet<&'t str>>) -> Self {
        Self { edges, index: BTreeMap::new(), low: BTreeMap::new(), stack: Vec::new(), components: Vec::new() }
    }

    fn visit(&mut self, name: &'t str) {
        let order = self.index.len();
        self.index.insert(name, order);
        self.low.insert(name, order);
        self.stack.push(name);
        for to in &self.edges[name] {
            if !self.index.contains_key(to) {
                self.visit(to);
                let low = self.low[to].min(self.low[name]);
                self.low.insert(name, low);
            } else if self.stack.contains(to) {
                let low = self.index[to].min(self.low[name]);
                self.low.insert(name, low);
            }
        }
        if self.low[name] == self.index[name] {
            let start = self.stack.iter().position(|on_stack| *on_stack == name).unwrap_or(0);
            let mut group = self.stack.split_off(start);
            group.sort_unstable();
            self.components.push(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ForeignKey;

    fn table(name: &str, refers_to: &[&str]) -> Table {
        let foreign_key = |to: &&str| ForeignKey {
            name: None,
            columns: vec!["x".into()],
            table: (*to).to_owned(),
            referenced: vec!["id".into()],
            ..ForeignKey::default()
        };
        Table { name: name.into(), foreign_keys: refers_to.iter().map(foreign_key).collect(), ..Table::default() }
    }

    #[test]
    fn referenced_tables_come_first() {
        let order = load_order(&[table("a", &["z"]), table("m", &["a", "z"]), table("z", &[]), table("q", &["gone"])]);
        assert_eq!(order.tables, ["z", "a", "m", "q"]);
        assert!(order.cycles.is_empty());
    }

    #[test]
    fn cycles_are_named_and_still_ordered() {
        let order = load_order(&[
            table("store", &["staff", "address"]),
            table("staff", &["store", "address"]),
            table("address", &[]),
            table("employee", &["employee"]),
            table("film", &["store"]),
        ]);
        assert_eq!(order.tables, ["address", "employee", "staff", "store", "film"]);
        assert_eq!(order.cycles, [vec!["employee"], vec!["staff", "store"]]);
        assert!(order.in_cycle("store") && !order.in_cycle("film"));
    }
}
