//! Which columns hold values that a report does not show.

use std::collections::BTreeSet;

use super::{TablePlan, mentions};

/// The private columns of a table: those that the plan marks, the source columns that feed them, and whatever else these
/// feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Private {
    /// Destination columns.
    pub targets: BTreeSet<String>,
    pub sources: BTreeSet<String>,
}

impl Private {
    pub fn of(table: &TablePlan) -> Self {
        let marked = table.columns.iter().filter(|(_, column)| column.private);
        let sources: BTreeSet<String> = marked.flat_map(|(name, _)| sources(table, name)).collect();
        let is_private = |name: &str| {
            let marked = table.columns.iter().any(|(column, plan)| column == name && plan.private);
            marked || self::sources(table, name).iter().any(|source| sources.contains(source))
        };
        // A column that the plan does not name is fed by the one of its own name.
        let named = table.columns.iter().map(|(name, _)| name.clone());
        let own = sources.iter().filter(|name| !table.columns.iter().any(|(column, _)| column == *name)).cloned();
        let targets = named.chain(own).filter(|name| is_private(name)).collect();
        Self { targets, sources }
    }

    /// Whether the column of that name, on either side, is one.
    pub fn holds(&self, column: &str) -> bool {
        self.targets.contains(column) || self.sources.contains(column)
    }

    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

/// The source columns that feed a destination column.
fn sources(table: &TablePlan, name: &str) -> BTreeSet<String> {
    match table.columns.iter().find(|(column, _)| column == name).map(|(_, plan)| plan) {
        Some(plan) if plan.skip => BTreeSet::new(),
        Some(plan) => match &plan.expr {
            Some(expr) => mentions(expr),
            None => BTreeSet::from([plan.from.clone().unwrap_or_else(|| name.to_owned())]),
        },
        None => BTreeSet::from([name.to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse;

    #[test]
    fn what_feeds_a_private_column_is_private_and_so_is_what_else_it_feeds() {
        let text = "[source]\nurl = \"sqlite:a.db\"\n[destination]\nurl = \"sqlite:b.db\"\n[[table]]\nfrom = \"t\"\n\
                    [table.columns]\nmail = { expr = \"lower(email)\", private = true }\nlogin = \"email\"\n\
                    name = \"title\"\nphone = { private = true }\n";
        let private = Private::of(&parse(text).plan.unwrap().tables[0]);
        let names = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(
            (names(&private.targets), names(&private.sources)),
            ("email login mail phone".into(), "email phone".into())
        );
        assert!(private.holds("email") && !private.holds("name") && !private.is_empty());
        assert!(
            Private::of(
                &parse(&text.replace(", private = true", "").replace("{ private = true }", "\"tel\""))
                    .plan
                    .unwrap()
                    .tables[0]
            )
            .is_empty()
        );
    }
}
