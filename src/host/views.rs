//! What the host knows, as a console shows it.

use crate::{
    binding::Bound,
    ledger::{FaultRecord, FaultState},
    model::{Cell, NamedCell, batch_of, cell_at},
    plan::{Class, MappedColumn, Mapping, Origin},
    protocol::{ColumnView, ReviewItem, ReviewState, TableChecks, TrialRow},
    transform::Transform,
};

pub(super) fn mapping_view(bound: Bound) -> TableChecks {
    let mapping = bound.mapping;
    let mut columns: Vec<ColumnView> = mapping.columns.iter().map(|mapped| column_view(&mapping, mapped)).collect();
    for name in &mapping.unfilled {
        columns.push(ColumnView {
            target: name.clone(),
            target_type: mapping.to.column(name).map(|column| column.native.clone()).unwrap_or_default(),
            source: String::new(),
            source_type: String::new(),
            how: "unfilled".into(),
            class: String::new(),
            problem: None,
        });
    }
    for column in &mut columns {
        let named = format!(".{}:", column.target);
        let problem = bound.problems.iter().find(|problem| problem.message.contains(&named));
        column.problem = problem.map(|problem| problem.message.clone());
    }
    TableChecks {
        exists: mapping.exists,
        unused: mapping.unused,
        statements: bound.statements,
        from: mapping.from,
        to: mapping.to,
        columns,
        problems: bound.problems,
    }
}

fn column_view(mapping: &Mapping, mapped: &MappedColumn) -> ColumnView {
    let (source, source_type, how) = match &mapped.origin {
        Origin::Column(name) => {
            let native = mapping.from.column(name).map(|column| column.native.clone()).unwrap_or_default();
            let how = if *name == mapped.target.name { "same name" } else { "rename" };
            (name.clone(), native, how)
        }
        Origin::Expr(sql) => (sql.clone(), String::new(), "expression"),
        Origin::Default => {
            (mapped.default.as_ref().map(|default| default.0.clone()).unwrap_or_default(), String::new(), "default")
        }
    };
    ColumnView {
        target: mapped.target.name.clone(),
        target_type: mapped.target.native.clone(),
        source,
        source_type,
        how: if mapped.values.is_some() { "values" } else { how }.to_owned(),
        class: match mapped.class {
            Class::Exact => "exact",
            Class::Widening => "widening",
            Class::Checked => "checked",
            Class::Lossy => "lossy",
        }
        .to_owned(),
        problem: None,
    }
}

/// One sampled row before and after, by the same transform that a run uses.
pub(super) fn trial_row(mapping: &Mapping, transform: Option<&Transform>, cells: Vec<NamedCell>) -> TrialRow {
    let before: Vec<Cell> = cells.iter().map(|named| named.cell.told()).collect();
    let mut row = TrialRow { before, ..TrialRow::default() };
    let Some(transform) = transform else { return row };
    let batch = match batch_of(&mapping.from, &cells) {
        Ok(batch) => batch,
        Err(error) => {
            let column = mapping.from.columns.get(error.index).map(|column| column.name.clone()).unwrap_or_default();
            row.fault = Some((column, error.message));
            return row;
        }
    };
    match transform.apply(&batch) {
        Ok(mut applied) => {
            if let Some(fault) = applied.faults.pop() {
                row.fault = Some((fault.target, fault.message));
            } else if applied.batch.num_rows() == 0 {
                row.filtered = true;
            } else {
                row.after = applied.batch.columns().iter().map(|array| cell_at(array, 0).told()).collect();
            }
        }
        Err(error) => row.fault = Some((String::new(), error.to_string())),
    }
    row
}

pub(super) fn review_item(record: FaultRecord) -> ReviewItem {
    ReviewItem {
        state: match record.state {
            FaultState::Written => ReviewState::Written,
            FaultState::Discarded => ReviewState::Discarded,
            _ => ReviewState::Flagged,
        },
        fault: record.fault,
        by: record.by,
        reason: record.reason,
    }
}
