//! Which columns hold values that a report does not show.

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, TablePlan, mentions};
use crate::model::{Cause, Cell, Fault};

/// What stands in the place of a private value.
pub const HIDDEN: &str = "(private)";

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

    /// Whether words on a fault of that column may quote a private value: whoever says some of them sees the whole row.
    pub fn is_quoted_by(&self, column: &str, cause: Cause) -> bool {
        let others_words = matches!(
            cause,
            Cause::Unique | Cause::Reference | Cause::Refused | Cause::Check | Cause::Unreadable | Cause::Expression
        );
        !self.is_empty() && (others_words || self.holds(column))
    }

    /// The fault as it may be shown: without private values, and without words that may quote one.
    pub fn hide(&self, fault: &Fault) -> Fault {
        let mut shown = fault.clone();
        if self.is_empty() {
            return shown;
        }
        let named = [&fault.column, &fault.target].into_iter().flatten();
        let hides = named.clone().any(|column| self.holds(column));
        if hides || named.count() == 0 {
            shown.value = fault.value.as_ref().map(|_| Cell::text(HIDDEN));
        }
        if hides || self.is_quoted_by(fault.shown_column(), fault.cause) {
            HIDDEN.clone_into(&mut shown.message);
        }
        for named in shown.cells.iter_mut().filter(|named| self.holds(&named.name)) {
            named.cell = Cell::text(HIDDEN);
            // The digest of a row of few values gives them away.
            shown.digest.clear();
        }
        shown
    }
}

/// The private columns of every table of a plan that has some.
#[derive(Clone, Debug, Default)]
pub struct Masks(BTreeMap<String, Private>);

impl Masks {
    pub fn of(plan: &Plan) -> Self {
        let private = plan.tables.iter().map(|table| (table.to.clone(), Private::of(table)));
        Self(private.filter(|(_, private)| !private.is_empty()).collect())
    }

    /// What either holds private.
    pub fn and(mut self, other: Self) -> Self {
        for (table, private) in other.0 {
            let own = self.0.entry(table).or_default();
            own.targets.extend(private.targets);
            own.sources.extend(private.sources);
        }
        self
    }

    /// The private columns of a destination table, where it has some.
    pub fn table(&self, to: &str) -> Option<&Private> {
        self.0.get(to)
    }

    /// The fault as it may be shown.
    pub fn hide(&self, fault: &Fault) -> Fault {
        self.table(&fault.table).map_or_else(|| fault.clone(), |private| private.hide(fault))
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
    use crate::model::{FaultId, NamedCell, RunId};
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

    #[test]
    fn a_fault_is_shown_without_private_values_and_without_words_that_may_quote_them() {
        let text = "[source]\nurl = \"csv:a\"\n[destination]\nurl = \"csv:b\"\n[[table]]\nfrom = \"a\"\n\
                    [table.columns]\nmail = { expr = \"lower(email)\", private = true }\n";
        let private = Private::of(&parse(text).plan.unwrap().tables[0]);
        let cell = |name: &str, text: &str| NamedCell { name: name.into(), cell: Cell::text(text) };
        let fault = |column: &str, target: &str, cause| Fault {
            id: FaultId("f".into()),
            run: RunId("r".into()),
            table: "a".into(),
            row: 1,
            column: (!column.is_empty()).then(|| column.to_owned()),
            target: (!target.is_empty()).then(|| target.to_owned()),
            value: Some(Cell::text("v@x")),
            expected: "Integer".into(),
            cause,
            message: "v@x is no number".into(),
            cells: vec![cell("email", "v@x"), cell("age", "seven")],
            digest: "d".into(),
        };
        for fault in [
            fault("email", "mail", Cause::Conversion),
            fault("", "mail", Cause::Expression),
            fault("", "", Cause::Unique),
        ] {
            let text = format!("{:?}", private.hide(&fault));
            assert!(!text.contains("v@x") && text.contains("seven") && text.contains(HIDDEN), "{text}");
        }
        let open = private.hide(&fault("age", "age", Cause::Conversion));
        assert_eq!((open.value, open.message.as_str()), (Some(Cell::text("v@x")), "v@x is no number"));
        let all = fault("email", "mail", Cause::Conversion);
        assert_eq!(Private::default().hide(&all), all);
    }
}
