//! One table, tried.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use datafusion::arrow::record_batch::RecordBatch;

use super::{columns::Columns, faults::Kinds};
use crate::{
    binding::{Bound, encoding},
    endpoint::{Destination, Dry, DryLoader, EndpointError, Refusal, Snapshot, Until},
    engine::{
        attempt::AttemptError,
        pace::Pace,
        pipeline::{Made, Pipeline},
        readers::Readers,
        rows::Faults,
        throttle::Throttle,
        writing::Writing,
    },
    model::{Fault, Mode, RowEncoding, RunId, cells_of},
    plan::{Mapping, Plan},
    protocol::{DryTable, Stages},
    transform::{RunInstant, Transform},
};

/// What the tables of a dry run share.
pub(super) struct Bench<'b> {
    pub(super) readers: &'b Readers,
    pub(super) destination: &'b dyn Destination,
    pub(super) plan: &'b Plan,
    /// All destination tables that are tried.
    pub(super) planned: &'b [String],
    pub(super) instant: RunInstant,
    /// A source that is to be spared is spared by a dry run as well.
    pub(super) throttle: Arc<Throttle>,
}

/// How long each stage worked.
#[derive(Default)]
struct Worked {
    source: Duration,
    transform: Duration,
    destination: Duration,
}

/// A table while it is tried.
struct Trial<'t> {
    bench: &'t Bench<'t>,
    mapping: Arc<Mapping>,
    work: (Arc<Transform>, Arc<RowEncoding>),
    run: RunId,
    columns: Columns,
    kinds: Kinds,
    worked: Worked,
    table: DryTable,
    limit: Option<u64>,
}

/// Tries the table's rows; what is known of it comes back whatever went wrong.
pub(super) async fn try_table(
    bench: &Bench<'_>,
    bound: Bound,
    limit: Option<u64>,
    table: DryTable,
) -> (DryTable, Result<(), AttemptError>) {
    let Some(transform) = bound.transform else { return (table, Ok(())) };
    let encoding = encoding(&bound.mapping, bench.destination);
    let mut trial = Trial {
        bench,
        columns: Columns::of(&bound.mapping, bench.instant),
        mapping: Arc::new(bound.mapping),
        work: (Arc::new(transform), Arc::new(encoding)),
        run: RunId("dry run".into()),
        kinds: Kinds::default(),
        worked: Worked::default(),
        table,
        limit,
    };
    let ended = trial.perform().await;
    let Trial { mut table, columns, kinds, worked, .. } = trial;
    (table.columns, table.faults) = (columns.told, kinds.told());
    for column in &mut table.columns {
        let its = table.faults.iter().filter(|fault| fault.column == column.column);
        column.faulted += its.map(|fault| fault.rows).sum::<u64>();
    }
    let ms = |time: Duration| time.as_millis() as u64;
    table.stages = Stages {
        source_ms: ms(worked.source),
        transform_ms: ms(worked.transform),
        destination_ms: ms(worked.destination),
    };
    (table, ended)
}

impl Trial<'_> {
    async fn perform(&mut self) -> Result<(), AttemptError> {
        let snapshot = self.bench.readers.snapshot().await?;
        let mut dry = self.open().await?;
        self.table.untold.append(&mut dry.untold);
        let tried = self.begin_and_try(&snapshot, &mut dry).await;
        // What cannot be rolled back is gone with its connection.
        let rolled_back = dry.loader.rollback().await;
        tried?;
        Ok(rolled_back?)
    }

    async fn open(&mut self) -> Result<DryLoader, EndpointError> {
        let mapping = &self.mapping;
        let parents = mapping.to.foreign_keys.iter().map(|key| key.table.as_str());
        // Rows of tables that are tried are gone again: what refers to them would find none.
        let gone: Vec<&str> = parents.filter(|name| self.bench.planned.iter().any(|table| table == name)).collect();
        let suspends = mapping.exists && !gone.is_empty();
        if suspends {
            let (name, gone) = (&mapping.to.name, gone.join(", "));
            self.table.untold.push(format!("references of {name} to {gone} were not tried, whose rows did not stay"));
        }
        let mut writing = Writing::of(mapping, suspends, &self.bench.plan.run, false);
        writing.options.unmarked = true;
        let dry = Dry { exists: mapping.exists, replaces: mapping.mode == Mode::Replace };
        self.bench.destination.open_dry(&mapping.to, dry, &writing.options).await
    }

    async fn begin_and_try(&mut self, snapshot: &Arc<dyn Snapshot>, dry: &mut DryLoader) -> Result<(), AttemptError> {
        dry.loader.begin().await?;
        if self.mapping.exists && self.mapping.mode == Mode::Replace && !dry.apart {
            dry.loader.empty().await?;
        }
        self.ranges(snapshot, dry).await?;
        self.table.unchanged = dry.loader.unchanged();
        let collisions = dry.loader.collisions().await?;
        if self.mapping.mode == Mode::Upsert {
            self.table.updating = collisions.rows;
        } else if self.mapping.exists {
            self.table.written = self.table.written.saturating_sub(collisions.rows);
            self.table.faulted += collisions.rows;
            self.kinds.collide(collisions, &self.mapping.to.name);
        }
        Ok(())
    }

    /// Range by range, as a run reads, until the table or the limit ends or it is clear that the mapping is wrong.
    async fn ranges(&mut self, snapshot: &Arc<dyn Snapshot>, dry: &mut DryLoader) -> Result<(), AttemptError> {
        let mut pace = Pace::new(self.bench.plan.run.chunk_rows);
        let mut after = None;
        loop {
            let begun = Instant::now();
            let most = pace.rows(self.bench.throttle.limit());
            let rows = self.left().map_or(most, |left| left.min(most));
            if rows == 0 {
                // Whether anything is behind the last row is worth one look: all rows were tried, or the first only.
                self.table.whole = snapshot.next_range(&self.mapping.from, after.as_ref(), 1).await?.is_none();
                return Ok(());
            }
            let range = snapshot.next_range(&self.mapping.from, after.as_ref(), rows).await?;
            self.worked.source += begun.elapsed();
            let Some(range) = range else { break };
            let until = range.until.clone();
            let (mapping, work, throttle) = (self.mapping.clone(), self.work.clone(), self.bench.throttle.clone());
            let mut pipeline = Pipeline::open(snapshot.clone(), mapping, work, (range, rows), throttle);
            let tried = self.batches(&mut pipeline, dry).await;
            let end = pipeline.end().await;
            let cut = tried?;
            let end = end?;
            if cut {
                return Ok(());
            }
            after = match (until, end) {
                (Until::Position(bound), _) => Some(bound),
                (_, Some(end)) => Some(end),
                (_, None) => break,
            };
            pace.committed(begun.elapsed());
        }
        self.table.whole = true;
        Ok(())
    }

    fn left(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.table.read + self.table.filtered))
    }

    /// Takes the range's batches; `true`: there is no need of further ones.
    async fn batches(&mut self, pipeline: &mut Pipeline, dry: &mut DryLoader) -> Result<bool, AttemptError> {
        loop {
            let mut group = pipeline.next().await;
            if group.is_empty() {
                return Ok(false);
            }
            let cut = self.cut(&mut group);
            let begun = Instant::now();
            let batches: Vec<&RecordBatch> = group.iter().map(|made| &made.applied.batch).collect();
            let refusals = dry.loader.write_all(&batches).await?;
            self.worked.destination += begun.elapsed();
            for (made, refusals) in group.into_iter().zip(refusals) {
                self.take(made, refusals)?;
            }
            if cut || self.is_hopeless() {
                return Ok(true);
            }
        }
    }

    /// Lets go what is beyond the limit.
    fn cut(&self, group: &mut Vec<Made>) -> bool {
        let Some(mut left) = self.left() else { return false };
        for place in 0..group.len() {
            let rows = group[place].source.rows() as u64;
            if rows > left {
                cut_to(&mut group[place], left as usize);
                group.truncate(place + 1);
                return true;
            }
            left -= rows;
        }
        false
    }

    /// A run would hold the table here.
    fn is_hopeless(&mut self) -> bool {
        let (faulted, read) = (self.table.faulted, self.table.read);
        let options = &self.bench.plan.run;
        let hopeless =
            read >= 1_000 && faulted * 100 > u64::from(options.fault_percent) * read || faulted > options.fault_budget;
        if hopeless {
            self.table.stopped = Some(format!(
                "{faulted} of the first {read} rows would be faults: a run would hold the table here; the mapping is wrong, \
                 not the rows"
            ));
        }
        hopeless
    }

    fn take(&mut self, made: Made, refusals: Vec<Refusal>) -> Result<(), AttemptError> {
        let first = self.table.read + self.table.filtered + 1;
        self.worked.source += made.took.0;
        self.worked.transform += made.took.1;
        self.table.bytes_read += made.source.batch.get_array_memory_size() as u64;
        self.table.bytes_written += made.applied.batch.get_array_memory_size() as u64;
        let places = made.source.places();
        let (rows, filtered) = (made.source.rows() as u64, made.applied.filtered.len() as u64);
        let refused = refusals.len() as u64;
        let written = made.applied.batch.num_rows() as u64 - refused;
        self.columns.count(&made.source.batch, &made.applied, (first, &places))?;
        for fault in self.faults(made, refusals, (first, &places)) {
            self.kinds.take(fault);
        }
        self.table.read += rows - filtered;
        self.table.filtered += filtered;
        self.table.written += written;
        self.table.faulted += rows - filtered - written;
        Ok(())
    }

    fn faults(&self, made: Made, refusals: Vec<Refusal>, (first, places): (u64, &[usize])) -> Vec<Fault> {
        let Made { source, applied, .. } = made;
        let faults = Faults { run: &self.run, mapping: &self.mapping };
        let batch = source.batch;
        let cells = |row: usize| cells_of(&self.mapping.from, &batch, row);
        let unreadable =
            source.rejects.into_iter().map(|reject| faults.unreadable(first + reject.place as u64, reject));
        let mut all: Vec<Fault> = unreadable.collect();
        all.extend(applied.faults.into_iter().map(|failed| {
            let row = failed.row;
            faults.transformed(first + places[row] as u64, cells(row), failed)
        }));
        all.extend(refusals.into_iter().map(|refusal| {
            let row = applied.rows[refusal.row];
            faults.refused(first + places[row] as u64, cells(row), &applied.batch, refusal)
        }));
        all
    }
}

/// Leaves of a batch only its first rows.
fn cut_to(made: &mut Made, rows: usize) {
    let kept = made.source.places().iter().filter(|place| **place < rows).count();
    made.source.batch = made.source.batch.slice(0, kept);
    made.source.rejects.retain(|reject| reject.place < rows);
    let applied = &mut made.applied;
    let written = applied.rows.partition_point(|row| *row < kept);
    applied.batch = applied.batch.slice(0, written);
    applied.rows.truncate(written);
    applied.filtered.retain(|row| *row < kept);
    applied.faults.retain(|fault| fault.row < kept);
}
