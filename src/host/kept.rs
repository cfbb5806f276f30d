//! What is kept of the last validation, for consoles: counts of every table, and rows one table at a time.
//!
//! One idea: what is kept is bounded in bytes, whatever the values are, so long ones are cut.

use tokio::sync::watch;

use super::Workbench;
use crate::{
    model::{Cell, NamedCell, clip, thousands},
    protocol::{TableValidation, Validating, Validation},
};

/// What the values of all tables together may take.
const BUDGET_BYTES: usize = 64 << 20;
/// No table takes more than this.
const TABLE_BYTES: usize = 4 << 20;
/// What of a value is always kept, in characters.
const LEAST: usize = 40;

/// A validation under way; it is over when this is dropped.
pub(super) struct Underway(watch::Sender<Option<Validating>>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

impl Workbench {
    /// The right to validate: one at a time.
    pub(super) fn begin_validation(&self) -> Result<Underway, String> {
        let begun = self.validating.send_if_modified(|now| {
            let free = now.is_none();
            now.get_or_insert_default();
            free
        });
        match begun {
            true => Ok(Underway(self.validating.clone())),
            false => Err("a validation is under way already".into()),
        }
    }

    /// How far a validation is, from now on.
    pub(super) fn progress(&self) -> watch::Receiver<Option<Validating>> {
        self.validating.subscribe()
    }

    pub(super) fn is_validating(&self) -> bool {
        self.validating.borrow().is_some()
    }

    pub(super) async fn keep_validation(&self, validation: &Validation) {
        let shown = self.without_private(validation.clone()).await;
        *self.validated.lock().await = Some(cut(&shown));
    }

    pub(super) async fn last_validation(&self) -> Option<Box<Validation>> {
        self.recall().await;
        self.validated.lock().await.as_ref().map(|validation| Box::new(without_rows(validation)))
    }

    pub(super) async fn validated_table(&self, table: &str) -> Result<TableValidation, String> {
        self.recall().await;
        let validated = self.validated.lock().await;
        let found = validated.iter().flat_map(|all| &all.tables).find(|validated| validated.to == table);
        found.cloned().ok_or_else(|| format!("{table} was not validated; r on 7 Validate does so"))
    }

    /// What was found before this host came up is in the ledger, unless its run was taken back.
    async fn recall(&self) {
        if self.validated.lock().await.is_some() {
            return;
        }
        let Ok(Some(run)) = self.latest_run().await else { return };
        let stands = self.ledger().snapshot(&run).await;
        if stands.is_ok_and(|snapshot| snapshot.taken_back.is_none())
            && let Ok(Some(validation)) = self.kept_validation(&run).await
        {
            self.keep_validation(&validation).await;
        }
    }
}

fn without_rows(validation: &Validation) -> Validation {
    let mut whole = validation.clone();
    for table in &mut whole.tables {
        table.sample.rows.clear();
        table.differences.clear();
    }
    whole
}

/// The same with values cut to what fits the budget.
fn cut(validation: &Validation) -> Validation {
    let each = TABLE_BYTES.min(BUDGET_BYTES / validation.tables.len().max(1));
    let mut whole = validation.clone();
    whole.tables.iter_mut().for_each(|table| cut_table(table, each));
    whole
}

fn cut_table(table: &mut TableValidation, budget: usize) {
    let bytes: usize = cells(table).map(|cell| cell.bytes()).sum();
    if bytes > budget {
        let longest = (budget / cells(table).count().max(1)).max(LEAST);
        cells(table).for_each(|cell| cut_cell(cell, longest));
    }
}

/// Every value of the table that is kept.
fn cells(table: &mut TableValidation) -> impl Iterator<Item = &mut Cell> {
    fn named(cells: &mut [NamedCell]) -> impl Iterator<Item = &mut Cell> {
        cells.iter_mut().map(|named| &mut named.cell)
    }
    let drawn = table.sample.rows.iter_mut();
    let drawn =
        drawn.flat_map(|row| named(&mut row.key).chain(named(&mut row.source)).chain(named(&mut row.destination)));
    let differing = table.differences.iter_mut().flat_map(|difference| {
        let columns = difference.columns.iter_mut().flat_map(|column| [&mut column.source, &mut column.destination]);
        named(&mut difference.key).chain(columns)
    });
    drawn.chain(differing)
}

fn cut_cell(cell: &mut Cell, longest: usize) {
    let whole = cell.display();
    let length = whole.chars().count();
    if length > longest {
        *cell = Cell::text(format!("{} ({} characters)", clip(&whole, longest), thousands(length as u64)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{SampleRow, Sampling};

    fn table(value: &str) -> TableValidation {
        let cell = NamedCell { name: "note".into(), cell: Cell::text(value) };
        let row = SampleRow { key: vec![cell.clone()], source: vec![cell.clone(), cell], ..SampleRow::default() };
        TableValidation { sample: Sampling { rows: vec![row; 100], ..Sampling::default() }, ..Default::default() }
    }

    #[test]
    fn short_values_stay_and_long_ones_are_cut_to_the_budget() {
        let mut short = table("Carol White");
        cut_table(&mut short, 10_000);
        assert_eq!(short, table("Carol White"));
        let mut long = table(&"é".repeat(10_000));
        cut_table(&mut long, 100_000);
        let kept = long.sample.rows[0].source[0].cell.display();
        assert!(kept.starts_with("éé") && kept.ends_with("… (10,000 characters)"), "{kept}");
        let bytes: usize = cells(&mut long).map(|cell| cell.bytes()).sum();
        assert!(bytes < 300_000, "{bytes}");
    }

    #[test]
    fn the_overview_has_no_rows() {
        let validation = Validation { tables: vec![table("x")], ..Validation::default() };
        assert!(without_rows(&validation).tables[0].sample.rows.is_empty());
    }
}
