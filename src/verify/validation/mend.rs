//! Makes the destination hold the rows that it should.
//!
//! The one place of this room that writes, through the destination's own loader, in transactions of some rows each, and only
//! when told to. One idea: what is written is what a validation expects to find, row by row, with the rows that somebody
//! skipped or edited as they were settled; so a validation afterwards is the proof.

use std::{collections::BTreeMap, sync::Arc};

use datafusion::arrow::{
    array::UInt32Array,
    compute::{concat_batches, take_record_batch},
    record_batch::RecordBatch,
};

use super::{
    Moments, Subject, Work,
    evidence::Evidence,
    locate::{Sides, differing_keys},
    reading::{Block, ValidateError, Visit, Words},
    tally::Tally,
    told::Told,
};
use crate::{
    binding::Bound,
    endpoint::{EndpointError, ErrorKind, LoadOptions, Loader},
    ledger::AuditEntry,
    model::{
        Counts, Mark, NamedCell, RunId,
        buckets::{BUCKETS, short},
        cell_at, row_digest, thousands,
    },
    plan::Mapping,
    protocol::{DifferenceKind, Repair, RepairRow, TableRepair},
};

/// More than this are no repair: the migration should run again.
const MOST: usize = 100_000;
/// Rows to a transaction.
const TOGETHER: usize = 1_000;

const JOURNALLED: &str = "its restore point keeps what the run wrote and nothing else, so a repair could not be taken back; go \
                          back to the restore point and run again, or purge it first";

/// How a repair goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mending<'m> {
    /// Changes are made; else only shown.
    pub apply: bool,
    /// Rows that only the destination has are removed.
    pub delete_surplus: bool,
    /// How long a lock is waited for, in seconds.
    pub lock_wait: u32,
    pub by: &'m str,
    /// Tables that are left alone: a restore point knows only what their run wrote.
    pub journalled: &'m [String],
}

/// The whole rows of some keys: what is written must not be cut.
struct Rows {
    rows: BTreeMap<u128, Found>,
    /// Of several rows of one key the last is taken.
    last_wins: bool,
}

/// One side's rows of a key.
#[derive(Default)]
struct Found {
    times: u64,
    row: Option<Whole>,
}

struct Whole {
    digest: Words,
    batch: RecordBatch,
    /// Its place in the source's reading order.
    number: Option<u64>,
}

impl Rows {
    fn of(keys: &[u128], last_wins: bool) -> Self {
        Self { rows: keys.iter().map(|key| (*key, Found::default())).collect(), last_wins }
    }
}

impl Visit for Rows {
    fn visit(&mut self, block: Block) -> bool {
        for (index, key) in block.keys.iter().enumerate() {
            let Some(found) = self.rows.get_mut(&short(key)) else { continue };
            found.times += 1;
            if found.row.is_none() || self.last_wins {
                found.row = whole(&block, index);
            }
        }
        true
    }
}

/// The row in memory of its own: a slice would keep all of its batch.
fn whole(block: &Block, index: usize) -> Option<Whole> {
    let at = UInt32Array::from(vec![u32::try_from(index).ok()?]);
    let batch = take_record_batch(&block.batch, &at).ok()?;
    Some(Whole { digest: block.rows[index], batch, number: block.numbers.get(index).copied() })
}

/// The cells of a batch's first row.
fn cells(batch: &RecordBatch) -> Vec<NamedCell> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    columns.map(|(field, array)| NamedCell { name: field.name().clone(), cell: cell_at(array, 0) }).collect()
}

/// A row that is not as it should be.
struct Wrong {
    kind: DifferenceKind,
    /// As it should be; for one that should not be there, as it is.
    row: RecordBatch,
    number: Option<u64>,
}

/// Finds what differs and, if it is told to, changes it.
pub async fn mend(subject: &Subject<'_>, how: &Mending<'_>) -> Result<Repair, ValidateError> {
    let evidence = match subject.run.clone() {
        Some(run) => Some(Evidence::of(subject.ledger, run).await?),
        None => None,
    };
    let moments = Moments { source: subject.source.snapshot().await?, copy: subject.copy.snapshot().await? };
    let mut repair = Repair { applied: how.apply, tables: Vec::new() };
    let asked = |bound: &&Bound| subject.only.is_empty() || subject.only.contains(&bound.mapping.to.name);
    let mut found = Vec::new();
    let told = Arc::new(Told::nobody());
    for bound in subject.binding.tables.iter().filter(asked) {
        if how.journalled.contains(&bound.mapping.to.name) {
            found.push((bound, Err(JOURNALLED.to_owned())));
            continue;
        }
        let work = Work { subject, evidence: evidence.as_ref(), moments: &moments, told: &told };
        found.push((bound, wrong_rows(&work, bound).await?));
    }
    // A snapshot that stays open would hold back whoever writes.
    drop(moments);
    for (bound, wrong) in found {
        let mut table = TableRepair { to: bound.mapping.to.name.clone(), ..TableRepair::default() };
        match wrong {
            Err(why) => table.refused = Some(why),
            Ok(wrong) => {
                tell(&mut table, &wrong, &bound.mapping, how.delete_surplus);
                if how.apply && table.changes() > 0 {
                    change(subject, how, &bound.mapping, wrong, &mut table).await?;
                }
            }
        }
        repair.tables.push(table);
    }
    Ok(repair)
}

fn tell(table: &mut TableRepair, wrong: &[Wrong], mapping: &Mapping, removes: bool) {
    let count = |kind: DifferenceKind| wrong.iter().filter(|wrong| wrong.kind == kind).count() as u64;
    table.missing = count(DifferenceKind::Missing);
    table.differing = count(DifferenceKind::Different);
    table.surplus = count(DifferenceKind::Surplus);
    table.removes = removes;
    let shown = wrong.iter().take(TableRepair::SHOWN);
    table.rows = shown.map(|wrong| RepairRow { kind: wrong.kind, key: key_of(&wrong.row, mapping) }).collect();
}

fn key_of(row: &RecordBatch, mapping: &Mapping) -> Vec<NamedCell> {
    cells(row).into_iter().filter(|cell| mapping.finds_by.contains(&cell.name)).collect()
}

/// The rows that differ, or why none may be changed.
async fn wrong_rows(work: &Work<'_>, bound: &Bound) -> Result<Result<Vec<Wrong>, String>, ValidateError> {
    let mapping = &bound.mapping;
    if let Some(problem) = bound.problems.iter().find(|problem| problem.error) {
        return Ok(Err(format!("the mapping is wrong: {}", problem.message)));
    }
    if !mapping.exists {
        return Ok(Err("the destination has no such table; run the migration".to_owned()));
    }
    let sides = work.sides(bound).await?;
    let source = work.source_tally(&sides).await?;
    let copy = sides.copy.show(&sides.whole, Tally::new(mapping.columns.len())).await?;
    let buckets = if sides.strict { source.differing(&copy) } else { (0..BUCKETS).collect() };
    if buckets.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let keys = differing_keys(&sides, &buckets, &source, MOST).await?;
    if keys.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    if mapping.finds_by.is_empty() {
        return Ok(Err("it has no unique key to find rows by; replace the table (mode = \"replace\")".to_owned()));
    }
    if keys.len() >= MOST {
        let most = thousands(MOST as u64);
        return Ok(Err(format!("{most} rows differ, or more: that is no repair; run the migration again")));
    }
    compared(&sides, &keys).await
}

async fn compared(sides: &Sides<'_>, keys: &[u128]) -> Result<Result<Vec<Wrong>, String>, ValidateError> {
    let mut expected = sides.source.show(&sides.extent, Rows::of(keys, sides.last_wins)).await?.rows;
    sides.settled.not.iter().for_each(|block| take_out(&mut expected, block));
    sides.settled.instead.iter().for_each(|block| put_in(&mut expected, block));
    let mut there = sides.copy.show(&sides.whole, Rows::of(keys, false)).await?.rows;
    let mut wrong = Vec::new();
    for key in keys {
        let (should, is) = (expected.remove(key).unwrap_or_default(), there.remove(key).unwrap_or_default());
        if is.times > 1 {
            return Ok(Err("a key is there more than once; what keeps it unique is gone".to_owned()));
        }
        wrong.extend(match (should.row, is.row) {
            (Some(should), Some(is)) if should.digest != is.digest => {
                Some(Wrong { kind: DifferenceKind::Different, row: should.batch, number: should.number })
            }
            (Some(should), None) => {
                Some(Wrong { kind: DifferenceKind::Missing, row: should.batch, number: should.number })
            }
            (None, Some(is)) => Some(Wrong { kind: DifferenceKind::Surplus, row: is.batch, number: None }),
            _ => None,
        });
    }
    wrong.sort_by_key(|wrong| (wrong.number.is_none(), wrong.number));
    Ok(Ok(wrong))
}

/// A row that was left behind by a decision is not expected.
fn take_out(expected: &mut BTreeMap<u128, Found>, block: &Block) {
    for (row, key) in block.rows.iter().zip(&block.keys) {
        let Some(found) = expected.get_mut(&short(key)) else { continue };
        if found.row.as_ref().is_some_and(|is| is.digest == *row) {
            *found = Found::default();
        }
    }
}

/// One that was edited is expected as it was written.
fn put_in(expected: &mut BTreeMap<u128, Found>, block: &Block) {
    for (index, key) in block.keys.iter().enumerate() {
        let Some(found) = expected.get_mut(&short(key)) else { continue };
        *found = Found { times: 1, row: whole(block, index) };
    }
}

async fn change(
    subject: &Subject<'_>,
    how: &Mending<'_>,
    mapping: &Mapping,
    wrong: Vec<Wrong>,
    table: &mut TableRepair,
) -> Result<(), ValidateError> {
    let (gone, comes): (Vec<Wrong>, Vec<Wrong>) =
        wrong.into_iter().partition(|wrong| wrong.kind == DifferenceKind::Surplus);
    let options = LoadOptions {
        columns: mapping.columns.iter().map(|mapped| mapped.target.name.clone()).collect(),
        suspend_foreign_keys: subject.binding.order.in_cycle(&mapping.to.name),
        update_by: mapping.finds_by.clone(),
        lock_wait: how.lock_wait,
        unmarked: true,
        ..LoadOptions::default()
    };
    let mut loader = subject.destination.open(&mapping.to, &options).await?;
    // What is surplus goes first: it may hold another unique key of a row that comes.
    let gone = if how.delete_surplus { gone } else { Vec::new() };
    for rows in gone.chunks(TOGETHER) {
        let batch = together(rows)?;
        loader.begin().await?;
        let removed = loader.remove(&batch).await?;
        commit(&mut *loader, mapping).await?;
        table.removed += removed;
        attest(subject, how, mapping, rows, &[]).await?;
    }
    for rows in comes.chunks(TOGETHER) {
        let batch = together(rows)?;
        loader.begin().await?;
        let refusals = loader.write(&batch).await?;
        commit(&mut *loader, mapping).await?;
        table.written += (rows.len() - refusals.len()) as u64;
        let refused: Vec<usize> = refusals.iter().map(|refusal| refusal.row).collect();
        for refusal in refusals.into_iter().take(TableRepair::SHOWN.saturating_sub(table.failed.len())) {
            let key = rows.get(refusal.row).map(|wrong| key_of(&wrong.row, mapping)).unwrap_or_default();
            let key: Vec<String> = key.iter().map(|cell| format!("{} = {}", cell.name, cell.cell.display())).collect();
            table.failed.push(format!("{}: {}", key.join(", "), refusal.message));
        }
        attest(subject, how, mapping, rows, &refused).await?;
    }
    Ok(())
}

/// Without a mark: a repair is no chunk of a run.
async fn commit(loader: &mut dyn Loader, mapping: &Mapping) -> Result<(), EndpointError> {
    let mark = Mark {
        run: RunId("repair".into()),
        table: mapping.to.name.clone(),
        chunk: 0,
        end: None,
        counts: Counts::default(),
        retried: String::new(),
    };
    loader.commit(&mark).await
}

fn together(rows: &[Wrong]) -> Result<RecordBatch, EndpointError> {
    let Some(first) = rows.first() else {
        return Err(EndpointError::new(ErrorKind::Other, "cannot repair", "there are no rows"));
    };
    let batches = rows.iter().map(|wrong| &wrong.row);
    concat_batches(&first.row.schema(), batches)
        .map_err(|error| EndpointError::new(ErrorKind::Other, "cannot repair", error.to_string()))
}

/// Every row that was changed, without its values.
async fn attest(
    subject: &Subject<'_>,
    how: &Mending<'_>,
    mapping: &Mapping,
    rows: &[Wrong],
    refused: &[usize],
) -> Result<(), ValidateError> {
    let changed = rows.iter().enumerate().filter(|(place, _)| !refused.contains(place));
    let entry = |(_, wrong): (usize, &Wrong)| AuditEntry {
        at_ms: subject.at_ms,
        by: how.by.to_owned(),
        action: "repaired".into(),
        run: subject.run.as_ref().map(|run| run.id.0.clone()),
        table: Some(mapping.to.name.clone()),
        row: wrong.number,
        object: Some(row_digest(&key_of(&wrong.row, mapping))),
        what: Some(match wrong.kind {
            DifferenceKind::Missing => "added".into(),
            DifferenceKind::Surplus => "removed".into(),
            DifferenceKind::Different | DifferenceKind::Times => "changed".into(),
        }),
        content: Some(row_digest(&cells(&wrong.row))),
        plan_digest: subject.plan_digest.clone(),
        ..AuditEntry::default()
    };
    subject.ledger.attest(changed.map(entry).collect()).await?;
    Ok(())
}
