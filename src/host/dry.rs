//! A run of the plan as it is now, of which nothing stays.

use super::Workbench;
use crate::{
    engine::{DryJob, PrepareError, dry_run},
    model::Cell,
    plan::{HIDDEN, Plan, Private},
    protocol::{DryFault, DryRun, DryTable},
};

impl Workbench {
    /// Tries the plan's tables, or these; `limit` rows of each, or all. Values of private columns are left out.
    pub async fn dry_run(&self, only: Vec<String>, limit: Option<u64>) -> Result<DryRun, PrepareError> {
        self.forget().await;
        let (source, destination) = (self.source().await?, self.destination().await?);
        let document = self.document().await;
        let plan = document.plan.clone();
        let mut told = dry_run(DryJob { document, source, destination, only, limit }).await?;
        if let Some(plan) = &plan {
            told.tables.iter_mut().for_each(|table| hide(table, plan));
        }
        Ok(told)
    }
}

fn hide(table: &mut DryTable, plan: &Plan) {
    let Some(private) = plan.tables.iter().find(|planned| planned.to == table.to).map(Private::of) else { return };
    if private.is_empty() {
        return;
    }
    for column in table.columns.iter_mut().filter(|column| private.holds(&column.column)) {
        column.private = true;
        for example in &mut column.examples {
            example.before = example.before.take().map(|_| Cell::text(HIDDEN));
            example.after = Cell::text(HIDDEN);
        }
    }
    table.faults.iter_mut().for_each(|fault| hide_fault(fault, &private));
}

/// A server may quote the whole row, whichever column it complains of, and which values a key has that names no column.
fn hide_fault(fault: &mut DryFault, private: &Private) {
    let hides = fault.column.is_empty() || private.holds(&fault.column);
    for example in &mut fault.examples {
        if hides {
            example.value = example.value.take().map(|_| Cell::text(HIDDEN));
        }
        if hides || example.message.contains(" (") || example.message.contains(")=(") {
            example.message = HIDDEN.to_owned();
        }
    }
}
