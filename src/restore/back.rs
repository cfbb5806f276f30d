//! The way back: tables that a run made are dropped, the others emptied and reloaded by the destination's own writers,
//! counters set to where they stood; then all of it is read back.
//!
//! One idea: each table goes back in one transaction and is noted when it is, so that whoever is cut off leaves a table as
//! it was before or as it shall be, and whoever goes on does the rest.

use std::{collections::BTreeSet, path::Path, time::Instant};

use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::{
    Identity, RestoreError, Result,
    definition::whole,
    drill::clear_drills,
    file,
    keep::{Keeping, Wanted, keep, read_back},
    manifest::{RowsKept, TableKept},
    preview::{Survey, Surveyed, Way},
    proof,
    sift::Makes,
    spare::{self, Taken, spare},
    touched::Flow,
    undo::{set_counters, undo},
};
use crate::{
    endpoint::{Destination, LoadOptions, Loader, Mark},
    ledger::{NewPoint, RestoreRecord},
    model::{Counts, Recipient, RunId, Table},
    protocol::{Event, Fact, Fate, Held, Outcome, Restoration, RestoreAct, RestoreProgress, RestoreStep, TakenBack},
};

/// How a restore is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The restore point.
    pub name: String,
    /// What becomes of what others wrote since.
    pub others: Fate,
    /// Until when the restore point of the state now is kept, and how large a table in it may be.
    pub until_ms: u64,
    pub max_gb: u32,
    /// For whom it is encrypted.
    pub recipient: Option<Recipient>,
    /// The day that names it.
    pub day: String,
}

/// How many seconds a statement waits for somebody else's lock.
const LOCK_WAIT: u32 = 30;

/// Goes back to the restore point, and proves it. What was begun and cut off is gone on with.
pub async fn restore(
    way: &Way,
    makes: &dyn Makes,
    order: &Order,
    progress: &watch::Sender<RestoreProgress>,
) -> Result<Restoration> {
    let begun = Instant::now();
    let point = way.ledger.point(&order.name).await?;
    let _lock = way.ledger.lock_plan(&point.new.plan_key)?;
    clear_drills(&way.ledger, &*way.destination, &point.new.plan_key).await?;
    let teller = Teller { progress, point: order.name.clone() };
    teller.tell(RestoreStep::Checking, "");
    let mut survey = Survey::of(way, &order.name).await?;
    if !survey.refusals.is_empty() {
        return Err(RestoreError::Refused(survey.refusals));
    }
    let others = survey.wants_discard();
    let _aside = match order.others {
        _ if others.is_empty() => None,
        Fate::Unsaid => return Err(RestoreError::Others(others)),
        Fate::Discard => None,
        Fate::Keep => Some(spare(way, makes, order.recipient.clone(), &mut survey).await?),
    };
    read_back(&*way.destination, &survey.folder, &survey.manifest, &way.identities).await?;
    for touched in survey.tables.iter().filter_map(|table| table.touched.as_ref()) {
        touched.verify().await?;
    }
    let mut record = match survey.unfinished.clone() {
        Some(unfinished) => unfinished,
        None => begin(way, order, &survey, &teller).await?,
    };
    let spared =
        survey.tables.iter().filter_map(|table| Some((table.kept.name.clone(), table.spared.as_ref()?.digest.clone())));
    // Whoever goes on must know these rows again.
    record.spared = spared.collect();
    way.ledger.restored_table(&record).await?;
    put_back(way, &survey, &mut record, &teller).await?;
    let runs: Vec<RunId> = survey.runs.iter().map(|run| run.id.clone()).collect();
    if !runs.is_empty() {
        way.destination.forget(&runs).await?;
    }
    way.ledger.close_these(&runs, way.now_ms, &way.by).await?;
    teller.tell(RestoreStep::Verifying, "");
    let (tables, missed) = proof::tables(way, &survey).await?;
    let spared = survey.tables.iter().filter(|table| table.spared.is_some());
    let spared = spared.map(|table| spare::remark(&table.kept, table.spared_rows()));
    let remarks = survey.remarks.iter().cloned().chain(spared).chain(missed).collect();
    let outcome = tables.iter().map(|table| table.outcome).max().unwrap_or(Outcome::Passed);
    let restoration = Restoration {
        point: order.name.clone(),
        outcome,
        before: record.before.clone(),
        at_ms: way.now_ms,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        tables,
        runs,
        remarks,
    };
    conclude(way, &record, &restoration).await?;
    teller.tell(RestoreStep::Done, "");
    Ok(restoration)
}

/// Says how far it is.
pub(super) struct Teller<'t> {
    pub(super) progress: &'t watch::Sender<RestoreProgress>,
    pub(super) point: String,
}

impl Teller<'_> {
    pub(super) fn tell(&self, step: RestoreStep, table: &str) {
        self.progress.send_modify(|progress| {
            progress.point.clone_from(&self.point);
            progress.step = step;
            table.clone_into(&mut progress.table);
        });
    }

    pub(super) fn of(&self, rows: u64) {
        self.progress.send_modify(|progress| (progress.of, progress.rows) = (rows, 0));
    }

    fn rows(&self, rows: u64) {
        self.progress.send_modify(|progress| progress.rows += rows);
    }
}

/// Keeps what is there now, then puts on record that the way back is begun.
async fn begin(way: &Way, order: &Order, survey: &Survey, teller: &Teller<'_>) -> Result<RestoreRecord> {
    teller.tell(RestoreStep::Keeping, "");
    let then = &survey.point.new;
    let new = NewPoint {
        made_ms: way.now_ms,
        until_ms: order.until_ms,
        by: way.by.clone(),
        before: Some(order.name.clone()),
        ..then.clone()
    };
    let keeping = Keeping {
        ledger: &way.ledger,
        destination: &*way.destination,
        copy: Some(way.copy.clone()),
        address: way.address.clone(),
        new,
        // A plan that keeps no table whole speaks of those that a run finds; one that it filled can be kept in no other way.
        max_gb: order.max_gb.max(1),
        recipient: order.recipient.clone(),
        day: order.day.clone(),
        told: teller.progress.clone(),
    };
    let wanted = |table: &Surveyed| Wanted {
        name: table.kept.name.clone(),
        exists: table.now.is_some(),
        mode: table.kept.mode,
        written: table.kept.written.clone(),
        key: table.kept.key.clone(),
        touched: table.touched.clone(),
    };
    let wanted: Vec<Wanted> = survey.tables.iter().map(wanted).collect();
    let before = keep(&keeping, &wanted).await?.manifest.name;
    let record = RestoreRecord {
        id: Uuid::now_v7().to_string(),
        point: order.name.clone(),
        before,
        begun_ms: way.now_ms,
        ..RestoreRecord::default()
    };
    way.ledger.begin_restore(&record.id, &survey.point, &record.before, (way.now_ms, &way.by)).await?;
    Ok(record)
}

async fn put_back(way: &Way, survey: &Survey, record: &mut RestoreRecord, teller: &Teller<'_>) -> Result<()> {
    let left: Vec<&Surveyed> = survey.tables.iter().filter(|table| !record.done.contains(&table.kept.name)).collect();
    teller.of(left.iter().map(|table| table.puts_back()).sum());
    let dropped = left.iter().rev().filter(|table| table.act == RestoreAct::Drop);
    let dropped: Vec<String> = dropped.map(|table| table.kept.name.clone()).collect();
    if !dropped.is_empty() {
        teller.tell(RestoreStep::PuttingBack, &dropped.join(", "));
        way.destination.drop_tables(&dropped).await?;
    }
    let mut created = Vec::new();
    for table in left {
        let kept = &table.kept;
        teller.tell(RestoreStep::PuttingBack, &kept.name);
        match table.act {
            RestoreAct::Nothing | RestoreAct::Drop => {}
            RestoreAct::Undo => {
                if let Some(touched) = &table.touched {
                    undo(way, touched, kept, teller).await?;
                }
            }
            RestoreAct::File => put_back_file(way, &survey.folder, kept).await?,
            RestoreAct::Create | RestoreAct::Empty | RestoreAct::Reload => {
                created.extend(put_back_rows(way, &survey.folder, table, teller).await?);
            }
        }
        record.done.push(kept.name.clone());
        way.ledger.restored_table(record).await?;
    }
    way.destination.finish(&created, &[]).await?;
    Ok(())
}

async fn put_back_file(way: &Way, folder: &Path, kept: &TableKept) -> Result<()> {
    match &kept.rows {
        Some(rows) => {
            let original = unsealed(folder, rows, way).await?;
            Ok(way.destination.put_back_file(&kept.name, &original.path).await?)
        }
        None => Ok(()),
    }
}

/// The file as it was.
pub(super) async fn unsealed(folder: &Path, rows: &RowsKept, way: &Way) -> Result<file::Original> {
    let (folder, rows, identities) = (folder.to_owned(), rows.clone(), way.identities.clone());
    tokio::task::spawn_blocking(move || file::original(&folder, &rows, &identities)).await?
}

/// How all rows of a table are put where they were.
pub(super) fn options(table: &Table) -> LoadOptions {
    LoadOptions {
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        suspend_foreign_keys: true,
        lock_wait: LOCK_WAIT,
        unmarked: true,
        puts_back: true,
        ..LoadOptions::default()
    }
}

/// One table, which is made first where it is gone; that table then.
async fn put_back_rows(way: &Way, folder: &Path, table: &Surveyed, teller: &Teller<'_>) -> Result<Option<Table>> {
    let kept = &table.kept;
    let Some(definition) = &kept.definition else { return Ok(None) };
    let created = match table.act {
        RestoreAct::Create => Some(again(definition, &*way.destination)),
        _ => None,
    };
    if let Some(created) = &created {
        way.destination.create(created).await?;
    }
    let target = whole(definition, &*way.destination);
    let counters = way.destination.counters(&kept.name).await?;
    let mut loader = way.destination.open(&target, &options(&target)).await?;
    let loaded = async {
        load(&mut *loader, (folder, &way.identities), kept, teller).await?;
        match table.spared.as_ref().and_then(|spared| spared.taken.as_ref()) {
            Some(Taken { folder, rows, identities }) => {
                fill(&mut *loader, batches(folder, rows, identities), &kept.name, teller).await
            }
            None => Ok(()),
        }
    };
    match loaded.await {
        Ok(()) => loader.commit(&no_mark(kept)).await?,
        Err(error) => {
            // What cannot be rolled back dies with its connection.
            let _ = loader.rollback().await;
            return Err(error);
        }
    }
    drop(loader);
    match table.spared {
        Some(_) => set_counters(way, kept, &counters).await?,
        None => way.destination.set_counters(&kept.name, &kept.counters).await?,
    }
    Ok(created)
}

/// The definition as this system makes a table of its own from it.
fn again(definition: &Table, destination: &dyn Destination) -> Table {
    let mut table = definition.clone();
    let system = destination.system();
    for column in &mut table.columns {
        let wanted = column.clone();
        let held = destination.column_for(&wanted, Some(system));
        let (default, identity, generation) = (wanted.default, wanted.identity, wanted.generation);
        *column = crate::model::Column { default, identity, generation, ..held };
    }
    let unchanged: BTreeSet<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    destination.dress(&mut table, system, &unchanged);
    table
}

/// A chunk's mark is written nowhere here.
pub(super) fn no_mark(kept: &TableKept) -> Mark {
    Mark {
        run: RunId::default(),
        table: kept.name.clone(),
        chunk: 0,
        end: None,
        counts: Counts::default(),
        retried: String::new(),
    }
}

/// Empties the table and puts all rows that are kept of it there.
async fn load(
    loader: &mut dyn Loader,
    (folder, identities): (&Path, &[Identity]),
    kept: &TableKept,
    teller: &Teller<'_>,
) -> Result<()> {
    loader.begin().await?;
    loader.empty().await?;
    let Some(rows) = kept.rows.as_ref().filter(|_| kept.held == Held::Rows) else { return Ok(()) };
    fill(loader, batches(folder, rows, identities), &kept.name, teller).await
}

/// Writes all rows, into a chunk that was begun.
pub(super) async fn fill(
    loader: &mut dyn Loader,
    (mut batches, reading): Flow,
    table: &str,
    teller: &Teller<'_>,
) -> Result<()> {
    while let Some(batch) = batches.recv().await {
        let refused = loader.write(&batch).await?;
        if let Some(first) = refused.first() {
            let (table, message) = (table.to_owned(), first.message.clone());
            return Err(RestoreError::NotTaken { table, rows: refused.len(), message });
        }
        teller.rows(batch.num_rows() as u64);
    }
    reading.await?
}

/// The file's batches, one ahead of whoever takes them.
pub(super) fn batches(folder: &Path, rows: &RowsKept, identities: &[Identity]) -> Flow {
    let (sender, receiver) = mpsc::channel(1);
    let (folder, rows, identities) = (folder.to_owned(), rows.clone(), identities.to_vec());
    let reading = tokio::task::spawn_blocking(move || {
        file::read(&folder, &rows, &identities, |batch| sender.blocking_send(batch).is_ok())
    });
    (receiver, reading)
}

/// Puts on record what it came to, and tells the runs that were taken back.
async fn conclude(way: &Way, record: &RestoreRecord, restoration: &Restoration) -> Result<()> {
    let outcome = restoration.outcome;
    for run in &restoration.runs {
        let seq = way.ledger.snapshot(run).await?.seq + 1;
        let taken = TakenBack { point: restoration.point.clone(), outcome, by: way.by.clone() };
        let fact = Fact { run: run.clone(), seq, at_ms: way.now_ms, event: Event::TakenBack(taken) };
        way.ledger.note(&fact).await?;
    }
    let all = serde_json::to_string(restoration).map_err(crate::ledger::LedgerError::from)?;
    way.ledger.end_restore(record, outcome, &all, (way.now_ms, &way.by)).await?;
    Ok(())
}
