//! A run of which nothing stays: the real reader, transform and destination, over all rows or the first of each table.
//!
//! May not touch the ledger. One idea: tables are tried one after the other, each in one transaction that is rolled back,
//! and each stage's own working time is taken; what the run itself would need lies between the longest stage alone (all
//! work side by side, and so do the tables) and all stages one after the other.

mod columns;
mod faults;
mod table;

use std::{sync::Arc, time::Instant};

use self::table::{Bench, try_table};
use super::{PrepareError, now_ms, prepare, readers::Readers, throttle::Throttle};
use crate::{
    binding::{Binding, Bound, Descriptions, bind},
    endpoint::{Destination, Source},
    model::{Count, Problem},
    plan::{Document, RunOptions},
    protocol::{DryRun, DryTable, Estimate, Stages},
    transform::RunInstant,
};

/// What a dry run is made of.
pub struct DryJob {
    pub document: Document,
    pub source: Arc<dyn Source>,
    pub destination: Arc<dyn Destination>,
    /// Only these destination tables; empty: all.
    pub only: Vec<String>,
    /// So many rows of each table; `None`: all.
    pub limit: Option<u64>,
}

/// Tries every table. A system that fails on the way is told of in its table; the others are tried all the same.
pub async fn dry_run(job: DryJob) -> Result<DryRun, PrepareError> {
    let (begun, at_ms) = (Instant::now(), now_ms());
    let Some(plan) = job.document.plan.clone() else {
        return Err(PrepareError::Plan(job.document.problems.clone()));
    };
    let instant = RunInstant(at_ms as i64);
    let mut descriptions = Descriptions::default();
    let mut binding = bind(&job.document, &plan, &*job.source, &*job.destination, &mut descriptions, instant).await?;
    prepare::keep_only(&job.only, &mut binding)?;
    let problems: Vec<Problem> = binding.tables.iter().flat_map(|table| table.problems.clone()).collect();
    if problems.iter().any(|problem| problem.error) {
        return Err(PrepareError::Plan(problems.into_iter().filter(|problem| problem.error).collect()));
    }
    let remarks = remarks(&binding);
    let planned: Vec<String> = binding.tables.iter().map(|bound| bound.mapping.to.name.clone()).collect();
    let readers = Readers::new(job.source.clone());
    let bench = Bench {
        readers: &readers,
        destination: &*job.destination,
        plan: &plan,
        planned: &planned,
        instant,
        throttle: Arc::new(Throttle::new(plan.run.rows_per_second)),
    };
    let mut tables = Vec::with_capacity(binding.tables.len());
    for bound in binding.tables {
        let rows = prepare::rows(&*job.source, &bound.mapping.from).await?;
        tables.push(tried(&bench, bound, rows, job.limit).await);
    }
    let mut all = Stages::default();
    tables.iter().for_each(|table| all += table.stages);
    Ok(DryRun {
        plan: plan.name.clone(),
        digest: job.document.digest().unwrap_or_default(),
        limit: job.limit,
        at_ms,
        elapsed_ms: begun.elapsed().as_millis() as u64,
        estimate: together(&tables, &plan.run),
        bottleneck: (all.sum() > 0).then(|| all.longest().0),
        tables,
        remarks,
    })
}

async fn tried(bench: &Bench<'_>, bound: Bound, rows: Count, limit: Option<u64>) -> DryTable {
    let table = DryTable {
        from: bound.mapping.from.name.clone(),
        to: bound.mapping.to.name.clone(),
        rows,
        ..DryTable::default()
    };
    let (mut table, ended) = try_table(bench, bound, limit, table).await;
    table.failed = ended.err().map(|error| error.to_string());
    table.estimate = table.rows.rows().and_then(|rows| alone(&table, rows));
    table
}

/// What the whole table would take, by what was tried of it. What was over in a moment says little of what is not.
fn alone(table: &DryTable, rows: u64) -> Option<Estimate> {
    let tried = table.read + table.filtered;
    let (_, longest) = table.stages.longest();
    if tried == 0 || table.failed.is_some() {
        return None;
    }
    let scaled = |ms: u64| u128::from(ms.max(1)) * u128::from(rows.max(tried)) / u128::from(tried);
    let (from, to) = (scaled(longest) as u64, scaled(table.stages.sum()) as u64);
    let spread = if table.whole { 10 } else { 15 };
    Some(Estimate::new(rows, from, to * spread / 10 + u64::from(table.whole)))
}

/// Tables run side by side, as many as the plan says, or one after the other; no faster than it allows.
fn together(tables: &[DryTable], run: &RunOptions) -> Option<Estimate> {
    let estimates: Option<Vec<Estimate>> =
        tables.iter().filter(|table| table.rows.rows() != Some(0)).map(|table| table.estimate).collect();
    let estimates = estimates.filter(|estimates| !estimates.is_empty())?;
    let rows: u64 = tables.iter().filter_map(|table| table.rows.rows()).sum();
    let sum: u64 = estimates.iter().map(|estimate| estimate.from_ms).sum();
    let longest = estimates.iter().map(|estimate| estimate.from_ms).max().unwrap_or(0);
    let allowed = run.rows_per_second.map_or(0, |limit| rows.saturating_mul(1_000) / limit.max(1));
    let from = longest.max(sum / run.parallel.max(1) as u64).max(allowed);
    let to: u64 = estimates.iter().map(|estimate| estimate.to_ms).sum();
    Some(Estimate::new(rows, from, to.max(allowed)))
}

/// What a run does besides, which nobody tried.
fn remarks(binding: &Binding) -> Vec<String> {
    let mut remarks = vec!["the estimate is of rows: marks, commits and the validation come on top".to_owned()];
    let created: Vec<&str> = binding
        .tables
        .iter()
        .filter(|table| !table.mapping.exists && !table.mapping.to.indexes.is_empty())
        .map(|table| table.mapping.to.name.as_str())
        .collect();
    if !created.is_empty() {
        remarks.push(format!("indexes of {} are built when the rows are in, and were not", created.join(", ")));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: u64, read: u64, stages: (u64, u64, u64)) -> DryTable {
        let (source_ms, transform_ms, destination_ms) = stages;
        let stages = Stages { source_ms, transform_ms, destination_ms };
        let mut table = DryTable { rows: Count::Exact(rows), read, stages, ..DryTable::default() };
        table.whole = rows == read;
        table.estimate = alone(&table, rows);
        table
    }

    #[test]
    fn an_estimate_lies_between_stages_side_by_side_and_one_after_the_other() {
        let tenth = table(1_000, 100, (10, 20, 70)).estimate.unwrap();
        assert_eq!((tenth.from_ms, tenth.to_ms), (700, 1_500));
        assert_eq!((tenth.from_rows, tenth.to_rows), (666, 1_428));
        let whole = table(1_000, 1_000, (10, 20, 70)).estimate.unwrap();
        assert_eq!((whole.from_ms, whole.to_ms), (70, 101));
        assert_eq!(table(1_000, 0, (0, 0, 0)).estimate, None);
    }

    #[test]
    fn tables_run_side_by_side_at_best_and_in_turn_at_worst() {
        let tables = [table(100, 100, (1, 1, 40)), table(100, 100, (1, 1, 10)), table(100, 100, (1, 1, 10))];
        let run = |parallel, rows_per_second| RunOptions { parallel, rows_per_second, ..RunOptions::default() };
        let told = |run| together(&tables, &run).map(|estimate| (estimate.from_ms, estimate.to_ms)).unwrap();
        assert_eq!((told(run(4, None)), told(run(1, None))), ((40, 69), (60, 69)));
        assert_eq!((told(run(4, Some(6_000))), told(run(4, Some(100)))), ((50, 69), (3_000, 3_000)));
        assert_eq!(together(&[], &run(4, None)), None);
    }
}
