//! What identifies the meaning of a plan.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{ColumnPlan, CsvOptions, Plan, SidePlan, TablePlan};

/// SHA-256, in lower-case hex, over what decides which rows arrive and how.
///
/// In it: the plan's kind; each side's URL and CSV options; each table's `from`, `to`, `key` (its order too), `skip`,
/// `where`; each column's `from`, `expr`, `type`, `values`, `unlisted`, `default`, `check`, `skip`, `accept_loss`.
///
/// Not in it: `[run]`, the plan's name, labels, password references, notes; comments and layout; the order of tables, of
/// columns, of `skip`, and of keys. A table without `to` is the same as one whose `to` repeats `from`, a column written
/// as `"x"` the same as `{ from = "x" }`, an option left out the same as its default.
pub fn digest(plan: &Plan) -> String {
    let mut canon = Canon::default();
    canon.text("whimbrel plan 1");
    canon.text(&format!("{:?}", plan.kind));
    canon.side(&plan.source);
    canon.side(&plan.destination);
    let mut tables: Vec<&TablePlan> = plan.tables.iter().collect();
    tables.sort_by(|a, b| (&a.to, &a.from).cmp(&(&b.to, &b.from)));
    canon.list(tables, Canon::table);
    canon.hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Every text is preceded by its length and every list by its count, so that no two plans run together.
#[derive(Default)]
struct Canon {
    hash: Sha256,
}

impl Canon {
    fn count(&mut self, count: usize) {
        self.hash.update((count as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.hash.update(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.hash.update([u8::from(value.is_some())]);
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn list<T>(&mut self, items: Vec<T>, write: impl Fn(&mut Self, T)) {
        self.count(items.len());
        for item in items {
            write(self, item);
        }
    }

    fn side(&mut self, side: &SidePlan) {
        let CsvOptions { delimiter, quote, header, encoding, null } = &side.csv;
        self.text(&side.url);
        self.text(&format!("{delimiter}{quote}{header}"));
        self.text(encoding);
        self.text(null);
    }

    fn table(&mut self, table: &TablePlan) {
        let mut skip: Vec<&String> = table.skip.iter().collect();
        skip.sort_unstable();
        let mut columns: Vec<&(String, ColumnPlan)> = table.columns.iter().collect();
        columns.sort_by(|a, b| a.0.cmp(&b.0));
        self.text(&table.from);
        self.text(&table.to);
        self.list(table.key.iter().collect(), |canon, name| canon.text(name));
        self.list(skip, |canon, name| canon.text(name));
        self.option(table.filter.as_deref(), Self::text);
        self.list(columns, |canon, (name, column)| canon.column(name, column));
    }

    fn column(&mut self, name: &str, column: &ColumnPlan) {
        // Taken apart by name so that a field added later cannot be forgotten here.
        let ColumnPlan { from, expr, ty, values, default, check, skip, accept_loss, note: _ } = column;
        self.text(name);
        self.option(from.as_deref(), Self::text);
        self.option(expr.as_deref(), Self::text);
        self.option(ty.as_ref(), |canon, ty| canon.text(&ty.to_string()));
        self.option(values.as_ref(), |canon, values| {
            canon.text(&format!("{:?}", values.unlisted));
            canon.list(values.entries.iter().collect(), |canon, (value, literal)| {
                canon.text(value);
                canon.text(&literal.0);
            });
        });
        self.option(default.as_ref(), |canon, literal| canon.text(&literal.0));
        self.option(check.as_deref(), Self::text);
        self.text(&format!("{skip}{accept_loss}"));
    }
}
