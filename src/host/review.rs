//! Many flagged rows at once: what a fix would make of them, and trying them again.
//!
//! One idea: many are many times one. Each row goes by the way of a single retry, with a mark, a decision and an audit
//! entry of its own, so that breaking off between two rows leaves nothing half done.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

use super::{Workbench, views::trial_row};
use crate::{
    binding::Bound,
    engine::{self, RetryError, now_ms},
    ledger::{FaultRecord, FaultState},
    model::{Cell, Column, ColumnType, Fault, FaultId, NamedCell, Table, array_of, batch_of, cell_at, edited},
    plan::{Class, HIDDEN, MappedColumn, Mapping, Masks, Origin, mentions},
    protocol::{FailedRetry, Fix, FixPreview, FixedRow, Retried, Retry, Retrying},
    transform::{RunInstant, Transform, expression_type},
};

/// A retry of many rows under way.
#[derive(Debug, Default)]
pub(super) struct Retries {
    pub(super) progress: watch::Sender<Option<Retrying>>,
    stop: AtomicBool,
}

impl Workbench {
    pub fn is_retrying(&self) -> bool {
        self.retries.progress.borrow().is_some()
    }

    /// How far a retry of many rows is, as it goes on.
    pub fn retrying(&self) -> watch::Receiver<Option<Retrying>> {
        self.retries.progress.subscribe()
    }

    /// Ends a retry of many behind the row under way.
    pub fn stop_retrying(&self) {
        self.retries.stop.store(true, Ordering::Relaxed);
    }

    /// What the fix would make of these rows. Nothing is written. Values of private columns, and what is made of them, are
    /// left out.
    pub async fn preview_fix(&self, faults: &[FaultId], fix: Fix) -> Result<FixPreview, String> {
        let masks = self.masks().await;
        let mut preview = FixPreview { fix: fix.clone(), ..FixPreview::default() };
        let mut tables = Tables::default();
        for id in faults {
            let fault = self.flagged(id).await?;
            let known = tables.of(self, &fault.table).await?;
            let (row, of_the_fix) = known.preview(&fault, &fix);
            match row.after.as_ref() == Some(&row.before) {
                true => preview.unchanged += 1,
                false => preview.changed += u64::from(row.after.is_some()),
            }
            preview.failing += u64::from(row.problem.is_some());
            preview.rows.push(hide(row, of_the_fix, &fix, &masks));
        }
        preview.rows.sort_by_key(|row| (row.problem.is_none(), row.table.clone(), row.row));
        preview.rows.truncate(FixPreview::SHOWN);
        Ok(preview)
    }

    async fn flagged(&self, id: &FaultId) -> Result<Fault, String> {
        let FaultRecord { fault, state, .. } = self.ledger().fault(id).await.map_err(|error| error.to_string())?;
        match state {
            FaultState::Flagged => Ok(fault),
            state => {
                Err(format!("row {} of {} is {} already; read the rows again", fault.row, fault.table, state.word()))
            }
        }
    }

    /// Tries these rows again, each with its value made anew by the fix.
    pub async fn retry_fixed(&self, faults: Vec<FaultId>, fix: Option<Fix>) -> Result<Retried, String> {
        let rows = faults.into_iter().map(|fault| Retry { fault, cells: Vec::new() }).collect();
        self.retry_many(rows, fix).await
    }

    /// Tries these rows again, each with its changes. One after another: what a row does is its own.
    pub async fn retry_many(&self, rows: Vec<Retry>, fix: Option<Fix>) -> Result<Retried, String> {
        if self.is_retrying() {
            return Err("rows are being tried again already; wait for that, or break it off".into());
        }
        self.retries.stop.store(false, Ordering::Relaxed);
        let mut now = Retrying { of: rows.len() as u64, ..Retrying::default() };
        self.retries.progress.send_replace(Some(now));
        let mut retried = Retried::default();
        let mut tables = Tables::default();
        for row in &rows {
            if self.retries.stop.load(Ordering::Relaxed) {
                retried.stopped = Some("it was broken off".into());
                break;
            }
            match self.retry_row(row, fix.as_ref(), &mut tables).await {
                Ok(()) => retried.written += 1,
                Err(Trouble::Row(why)) => retried.failed.push(FailedRetry { fault: row.fault.clone(), why }),
                Err(Trouble::System(why)) => {
                    retried.stopped = Some(why);
                    break;
                }
            }
            now = Retrying { done: now.done + 1, written: retried.written, ..now };
            self.retries.progress.send_replace(Some(now));
        }
        self.retries.progress.send_replace(None);
        retried.left = rows.len() as u64 - now.done;
        Ok(retried)
    }

    async fn retry_row(&self, row: &Retry, fix: Option<&Fix>, tables: &mut Tables) -> Result<(), Trouble> {
        let system = |error: String| Trouble::System(error);
        let fault = self.flagged(&row.fault).await.map_err(Trouble::Row)?;
        let known = tables.of(self, &fault.table).await.map_err(system)?;
        let mut cells = row.cells.clone();
        if let Some(fix) = fix {
            let cell = known.fixed(&fault.cells, fix).map_err(|why| Trouble::Row(why.words))?;
            cells.push(NamedCell { name: fix.column.clone(), cell });
        }
        // What is as it was is no edit.
        cells.retain(|cell| !fault.cells.contains(cell));
        let (_, plan) = self.read(None).await.map_err(system)?;
        let destination = self.destination().await.map_err(|error| system(format!("{error}. {}", error.hint())))?;
        let by = (&plan.run, self.by());
        let keeper = self.keeper().await.map_err(|error| system(format!("{error}. {}", error.hint())))?;
        let (bound, row) = (known.bound.clone(), (&row.fault, cells.as_slice()));
        match engine::retry(self.ledger(), &destination, bound, row, &*keeper, by).await {
            Ok(_) => Ok(()),
            Err(error @ (RetryError::Fails(_) | RetryError::Settled { .. } | RetryError::Untold { .. })) => {
                Err(Trouble::Row(error.to_string()))
            }
            Err(error) => Err(Trouble::System(error.to_string())),
        }
    }
}

/// What keeps a row from being written: itself, or something that would keep the next ones too.
enum Trouble {
    Row(String),
    System(String),
}

/// Why a fix makes nothing of a row.
struct Unfixed {
    words: String,
    /// They are about the fix, and quote no row.
    of_the_fix: bool,
}

impl Unfixed {
    fn row(words: String) -> Self {
        Self { words, of_the_fix: false }
    }

    fn fix(words: String) -> Self {
        Self { words, of_the_fix: true }
    }
}

/// The tables that were met, each bound once.
#[derive(Default)]
struct Tables(BTreeMap<String, Known>);

impl Tables {
    async fn of(&mut self, bench: &Workbench, table: &str) -> Result<&mut Known, String> {
        if !self.0.contains_key(table) {
            let bound = bench.bound(table, None).await?;
            self.0.insert(table.to_owned(), Known { bound, compiled: BTreeMap::new() });
        }
        self.0.get_mut(table).ok_or_else(|| format!("the plan has no table '{table}'"))
    }
}

struct Known {
    bound: Bound,
    /// The fix by the columns that are texts for a row.
    compiled: BTreeMap<Vec<usize>, Result<(Table, Transform), String>>,
}

impl Known {
    /// What the fix makes of a row's column. A cell that its column's type cannot hold is a text to the expression: such
    /// cells are what there is to fix.
    fn fixed(&mut self, cells: &[NamedCell], fix: &Fix) -> Result<Cell, Unfixed> {
        if !cells.iter().any(|named| named.name == fix.column) {
            let names: Vec<&str> = cells.iter().map(|named| named.name.as_str()).collect();
            let words = format!("the row has no source column '{}'; it has {}", fix.column, names.join(", "));
            return Err(Unfixed::fix(words));
        }
        let from = &self.bound.mapping.from;
        let cell =
            |column: &Column| cells.iter().find(|named| named.name == column.name).map(|named| named.cell.clone());
        let fits = |column: &Column| array_of(&column.ty, &[cell(column).unwrap_or_default()]).is_ok();
        let loose: Vec<usize> =
            from.columns.iter().enumerate().filter(|(_, column)| !fits(column)).map(|(at, _)| at).collect();
        let compiled = self.compiled.entry(loose.clone()).or_insert_with(|| compile(from, &loose, fix));
        let (table, transform) = compiled.as_ref().map_err(|why| Unfixed::fix(why.clone()))?;
        let batch = batch_of(table, cells).map_err(|error| Unfixed::row(error.message))?;
        let mut applied = transform.apply(&batch).map_err(|error| Unfixed::row(error.to_string()))?;
        match applied.faults.pop() {
            Some(fault) => Err(Unfixed::row(format!("{}: {}", fix.expr, fault.message))),
            None => Ok(cell_at(applied.batch.column(0), 0)),
        }
    }

    /// What the fix makes of a row, and whether the problem is with the fix and not with the row.
    fn preview(&mut self, fault: &Fault, fix: &Fix) -> (FixedRow, bool) {
        let before = fault.cells.iter().find(|named| named.name == fix.column).map(|named| named.cell.clone());
        let mut of_the_fix = false;
        let (after, problem) = match self.fixed(&fault.cells, fix) {
            Ok(cell) => {
                let edit = NamedCell { name: fix.column.clone(), cell: cell.clone() };
                (Some(cell), self.problem(edited(&fault.cells, &[edit])))
            }
            Err(why) => {
                of_the_fix = why.of_the_fix;
                (None, Some(why.words))
            }
        };
        let before = before.unwrap_or_default();
        (FixedRow { table: fault.table.clone(), row: fault.row, before, after, problem }, of_the_fix)
    }

    /// Why the mapping would not take the row.
    fn problem(&self, cells: Vec<NamedCell>) -> Option<String> {
        let row = trial_row(&self.bound.mapping, self.bound.transform.as_ref(), cells);
        match row.fault {
            Some((column, message)) => Some(format!("{column}: {message}")),
            None => row.filtered.then(|| "the plan's filter would leave the row behind".to_owned()),
        }
    }
}

fn compile(from: &Table, loose: &[usize], fix: &Fix) -> Result<(Table, Transform), String> {
    let mut table = from.clone();
    for (at, column) in table.columns.iter_mut().enumerate() {
        if loose.contains(&at) {
            column.ty = ColumnType::TEXT;
        }
    }
    let ty = expression_type(&table, &fix.expr).map_err(|error| format!("{}: {error}", fix.expr))?;
    let column = MappedColumn {
        target: Column::new(&fix.column, ty),
        meant: None,
        origin: Origin::Expr(fix.expr.clone()),
        values: None,
        default: None,
        check: None,
        class: Class::Exact,
    };
    let mapping = Mapping { from: table.clone(), columns: vec![column], ..Mapping::default() };
    let compiled = Transform::compile(&mapping, RunInstant(now_ms() as i64));
    let transform = compiled.map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        errors.join("; ")
    })?;
    Ok((table, transform))
}

/// A row's values without private ones, and without what is made of them.
fn hide(mut row: FixedRow, of_the_fix: bool, fix: &Fix, masks: &Masks) -> FixedRow {
    let Some(private) = masks.table(&row.table) else { return row };
    if private.holds(&fix.column) || mentions(&fix.expr).iter().any(|name| private.holds(name)) {
        row.before = Cell::text(HIDDEN);
        row.after = row.after.map(|_| Cell::text(HIDDEN));
    }
    // Words on a row may quote any of it.
    if !of_the_fix {
        row.problem = row.problem.map(|_| HIDDEN.to_owned());
    }
    row
}
