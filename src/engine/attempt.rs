//! One try at one chunk: read, transform, write, decide, commit. Rolled back as a whole unless everything is decided.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use datafusion::arrow::record_batch::RecordBatch;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    chunk::{Tried, commit_chunk, journal_rows, settle, write_row},
    judge::{Judge, Ruling},
    meter::{Meter, TableMeter},
    pace::Pace,
    pipeline::{Made, Pipeline},
    precaution::Journal,
    readers::Readers,
    rows::Faults,
    steps::{AttemptSpec, Input},
    throttle::Throttle,
    writing::Writing,
};
use crate::{
    endpoint::{Destination, EndpointError, ErrorKind, Loader, Mark, Position, Range, Refusal, Snapshot, Until},
    ledger::{ChunkRecord, FaultRecord, FaultState, Ledger, LedgerError},
    model::{Counts, Decision, Fault, NamedCell, OnError, RowEncoding, RowSum, RunId, TableDigest, cells_of, edited},
    plan::{Mapping, RunOptions},
    protocol::Event,
    transform::{Transform, TransformError},
};

/// How many faults one attempt puts to an operator; the rest come up after these are answered.
const ASKED_AT_ONCE: usize = 100;

/// What all attempts of a run share.
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) options: RunOptions,
    pub(super) on_error: OnError,
    pub(super) readers: Readers,
    pub(super) destination: Arc<dyn Destination>,
    pub(super) ledger: Ledger,
    pub(super) meter: Meter,
    pub(super) throttle: Arc<Throttle>,
    pub(super) abort: watch::Receiver<bool>,
}

/// A table's own things, handed from attempt to attempt.
pub(super) struct Lane {
    pub(super) mapping: Arc<Mapping>,
    pub(super) transform: Arc<Transform>,
    /// What the digest of its rows is taken over.
    pub(super) encoding: Arc<RowEncoding>,
    pub(super) writing: Writing,
    pub(super) loader: Option<Box<dyn Loader>>,
    pub(super) pace: Pace,
    pub(super) ahead: Option<Ahead>,
    pub(super) unsure: Option<Box<Unsure>>,
    /// Keeps what its chunks take the place of, where its table is not kept whole.
    pub(super) journal: Option<Box<dyn Journal>>,
}

/// A chunk whose commit nobody saw, and of which the destination could not be asked yet. Until it has said whether the
/// chunk stands, its rows may not be written again.
pub(super) struct Unsure {
    mark: Mark,
    committed: Input,
}

/// What is known of the chunk behind the one under way.
pub(super) enum Ahead {
    /// Its range is asked for while that one is written.
    Asked { after: Position, rows: u64, range: JoinHandle<Result<Option<Range>, EndpointError>> },
    /// It is read while that one is committed.
    Open { after: Position, pipeline: Box<Pipeline> },
}

/// Why an attempt cannot be judged by rows.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttemptError {
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Transform(#[from] TransformError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("a worker of the run died: {0}")]
    Worker(#[from] tokio::task::JoinError),
    /// Whether a chunk stands could not be asked.
    #[error(transparent)]
    Unsure(EndpointError),
}

/// What ends an attempt before its commit.
enum Early {
    Abandoned,
    Halted(Box<Fault>, String),
    OverBudget(String),
    /// Enough to ask for one round.
    Enough,
}

/// What an attempt gathers.
#[derive(Default)]
struct Gathered {
    counts: Counts,
    faults: Vec<FaultRecord>,
    /// To be asked about, as they are told; the rows are read again for what is answered.
    open: Vec<Fault>,
    rows: u64,
    /// Of the rows that the destination took.
    digest: RowSum,
}

pub(super) async fn attempt(
    shared: Arc<Shared>,
    mut lane: Lane,
    task: AttemptSpec,
) -> (Lane, Result<Input, AttemptError>) {
    let table = lane.mapping.to.name.clone();
    let begun = Instant::now();
    let result = Attempt { shared: &shared, task: &task, table: &table }.perform(&mut lane).await;
    if matches!(result, Ok(Input::Committed { .. } | Input::Exhausted { .. })) {
        lane.pace.committed(begun.elapsed());
    } else {
        lane.pace.failed();
        lane.ahead = None;
        if let Some(mut loader) = lane.loader.take() {
            // What cannot be rolled back dies with its connection, which the dropped loader closes.
            if loader.rollback().await.is_ok() && result.is_ok() {
                lane.loader = Some(loader);
            }
        }
        if let Some(journal) = &mut lane.journal {
            journal.abandon();
        }
        if let Some(meter) = shared.meter.table(&table) {
            meter.set(task.before.read, task.before.written);
        }
    }
    if matches!(result, Ok(Input::Committed { end: None, .. } | Input::Exhausted { .. })) {
        // A server has fewer connections than a migration may have tables.
        lane.loader = None;
    }
    (lane, result)
}

struct Attempt<'a> {
    shared: &'a Arc<Shared>,
    task: &'a AttemptSpec,
    table: &'a str,
}

impl Attempt<'_> {
    fn open(&self, lane: &Lane, snapshot: &Arc<dyn Snapshot>, range: (Range, u64)) -> Pipeline {
        let work = (lane.transform.clone(), lane.encoding.clone());
        Pipeline::open(snapshot.clone(), lane.mapping.clone(), work, range, self.shared.throttle.clone())
    }

    async fn perform(&self, lane: &mut Lane) -> Result<Input, AttemptError> {
        if let Some(committed) = self.settle(lane).await? {
            return Ok(committed);
        }
        let snapshot = self.shared.readers.snapshot().await?;
        let result = self.with_snapshot(lane, &snapshot).await;
        if let Err(AttemptError::Endpoint(EndpointError { kind: ErrorKind::Lost, .. })) = &result {
            self.shared.readers.lost(&snapshot).await;
        }
        result
    }

    /// Asks after the chunk whose commit nobody saw: what became of it, if it stands.
    async fn settle(&self, lane: &mut Lane) -> Result<Option<Input>, AttemptError> {
        let Some(unsure) = &lane.unsure else { return Ok(None) };
        let stands = settle(&self.shared.ledger, &*self.shared.destination, &lane.writing, &unsure.mark).await?;
        Ok(lane.unsure.take().filter(|_| stands).map(|unsure| unsure.committed))
    }

    async fn with_snapshot(&self, lane: &mut Lane, snapshot: &Arc<dyn Snapshot>) -> Result<Input, AttemptError> {
        let Some(mut pipeline) = self.pipeline(lane, snapshot).await? else { return self.exhausted(lane).await };
        self.open_loader(lane).await?;
        self.ask_ahead(lane, snapshot, pipeline.range());
        let mut gathered = Gathered::default();
        let early = self.load(lane, &mut pipeline, &mut gathered).await;
        let end = pipeline.end().await;
        match early? {
            None => {}
            Some(Early::Enough) => return Ok(self.asked(gathered)),
            Some(Early::Abandoned) => return Ok(Input::Abandoned { table: self.table.to_owned() }),
            Some(Early::Halted(fault, by)) => return Ok(Input::Halted { table: self.table.to_owned(), fault, by }),
            Some(Early::OverBudget(message)) => {
                return Ok(Input::OverBudget { table: self.table.to_owned(), message });
            }
        }
        let end = end?;
        if !gathered.open.is_empty() {
            return Ok(self.asked(gathered));
        }
        self.open_ahead(lane, snapshot).await?;
        let begun = Instant::now();
        let committed = self.commit(lane, gathered, end).await;
        self.shared.meter.add_stages(Duration::ZERO, Duration::ZERO, begun.elapsed());
        committed
    }

    /// The next range under way, unless no row follows.
    async fn pipeline(&self, lane: &mut Lane, snapshot: &Arc<dyn Snapshot>) -> Result<Option<Pipeline>, AttemptError> {
        let after = self.task.after.as_ref();
        let known = match lane.ahead.take() {
            Some(Ahead::Open { after: from, pipeline }) if Some(&from) == after => return Ok(Some(*pipeline)),
            Some(Ahead::Asked { after: from, rows, range }) if Some(&from) == after => {
                range.await?.ok().map(|range| (range, rows))
            }
            _ => None,
        };
        let (range, rows) = match known {
            Some(known) => known,
            None => {
                let rows = lane.pace.rows(self.shared.throttle.limit());
                (snapshot.next_range(&lane.mapping.from, after, rows).await?, rows)
            }
        };
        let whole = |range| if lane.writing.whole { Range { until: Until::End, ..range } } else { range };
        Ok(range.map(|range| self.open(lane, snapshot, (whole(range), rows))))
    }

    fn ask_ahead(&self, lane: &mut Lane, snapshot: &Arc<dyn Snapshot>, range: &Range) {
        let Until::Position(after) = &range.until else { return };
        if !snapshot.answers_aside() {
            return;
        }
        let rows = lane.pace.rows(self.shared.throttle.limit());
        let (snapshot, mapping, from) = (snapshot.clone(), lane.mapping.clone(), after.clone());
        let range = tokio::spawn(async move { snapshot.next_range(&mapping.from, Some(&from), rows).await });
        lane.ahead = Some(Ahead::Asked { after: after.clone(), rows, range });
    }

    /// Begins to read the next range, if it is known by now. What fails fails again when it is needed.
    async fn open_ahead(&self, lane: &mut Lane, snapshot: &Arc<dyn Snapshot>) -> Result<(), AttemptError> {
        if let Some(Ahead::Asked { after, rows, range }) = lane.ahead.take()
            && let Ok(Some(range)) = range.await?
        {
            let pipeline = Box::new(self.open(lane, snapshot, (range, rows)));
            lane.ahead = Some(Ahead::Open { after, pipeline });
        }
        Ok(())
    }

    /// No row follows. A table that is replaced by nothing is emptied all the same.
    async fn exhausted(&self, lane: &mut Lane) -> Result<Input, AttemptError> {
        if !lane.writing.replaces || self.task.chunk > 0 {
            return Ok(Input::Exhausted { table: self.table.to_owned() });
        }
        self.open_loader(lane).await?;
        self.commit(lane, Gathered::default(), None).await
    }

    fn asked(&self, gathered: Gathered) -> Input {
        self.shared.meter.now("waiting for answers about", self.table);
        Input::Asked { table: self.table.to_owned(), faults: gathered.open }
    }

    async fn open_loader(&self, lane: &mut Lane) -> Result<(), AttemptError> {
        if lane.loader.is_none() {
            lane.loader = Some(self.shared.destination.open(&lane.mapping.to, &lane.writing.options).await?);
        }
        if let Some(loader) = &mut lane.loader {
            loader.begin().await?;
            if lane.writing.replaces && self.task.chunk == 0 {
                loader.empty().await?;
            }
        }
        Ok(())
    }

    /// Takes batches until the range ends or something ends the attempt early.
    async fn load(
        &self,
        lane: &mut Lane,
        pipeline: &mut Pipeline,
        gathered: &mut Gathered,
    ) -> Result<Option<Early>, AttemptError> {
        let judge = Judge::new(self.task.answered.clone(), self.task.rules.clone(), self.shared.on_error);
        let mut abort = self.shared.abort.clone();
        let shrinks = !lane.pace.is_fixed() && !lane.writing.whole;
        let rows = pipeline.rows();
        loop {
            self.shared.meter.now("reading", self.table);
            let made = tokio::select! {
                biased;
                _ = abort.wait_for(|abort| *abort) => return Ok(Some(Early::Abandoned)),
                () = self.shared.throttle.outgrows(rows), if shrinks => return Ok(Some(Early::Abandoned)),
                made = pipeline.next() => made,
            };
            if made.is_empty() {
                return Ok(None);
            }
            self.shared.meter.now("writing", self.table);
            let begun = Instant::now();
            let refusals = self.write(lane, &made).await?;
            self.shared.meter.add_stages(Duration::ZERO, Duration::ZERO, begun.elapsed());
            for (made, refusals) in made.into_iter().zip(refusals) {
                if let Some(early) = self.take(lane, &judge, (made, refusals), gathered).await? {
                    return Ok(Some(early));
                }
            }
            if let Some(early) = self.over_budget(gathered) {
                return Ok(Some(early));
            }
        }
    }

    fn over_budget(&self, gathered: &Gathered) -> Option<Early> {
        if self.task.budget_waived {
            return None;
        }
        let budget = self.shared.options.fault_budget;
        let before = self.task.before.skipped + self.task.before.flagged;
        let faults = gathered.faults.iter().filter(|record| record.by.is_some()).count() as u64;
        let share = u64::from(self.shared.options.fault_percent);
        if before + faults > budget {
            let message = format!(
                "more than {budget} rows cannot go as they are: the mapping is wrong, not the rows; mend it, or resume \
                 to go on regardless"
            );
            return Some(Early::OverBudget(message));
        }
        if gathered.rows >= 100 && faults * 100 > share * gathered.rows {
            let message = format!(
                "{faults} of {} rows cannot go as they are, more than {share} %: the mapping is wrong, not the rows; \
                 mend it, or resume to go on regardless",
                gathered.rows
            );
            return Some(Early::OverBudget(message));
        }
        None
    }

    fn meter(&self) -> Option<&TableMeter> {
        self.shared.meter.table(self.table)
    }

    /// One batch that was written, and what the destination refused of it; what failed is judged row by row.
    async fn take(
        &self,
        lane: &mut Lane,
        judge: &Judge,
        (made, refusals): (Made, Vec<Refusal>),
        gathered: &mut Gathered,
    ) -> Result<Option<Early>, AttemptError> {
        let first = self.task.before.read + self.task.before.filtered + gathered.rows + 1;
        let Made { source, applied, digest, took, held_back, _hold } = made;
        self.shared.meter.add_stages(took.0, took.1, Duration::ZERO);
        self.shared.meter.add_held_back(held_back);
        let rows = source.rows() as u64;
        gathered.digest += digest;
        gathered.digest.take_out(digest_of_refused(&lane.encoding, &applied.batch, &refusals));
        let made = Faults { run: &self.shared.run, mapping: &lane.mapping };
        let places = source.places();
        let batch = source.batch;
        let cells = |row: usize| cells_of(&lane.mapping.from, &batch, row);
        let mut faults = Vec::new();
        for reject in source.rejects {
            faults.push(made.unreadable(first + reject.place as u64, reject));
        }
        for failed in applied.faults {
            let row = failed.row;
            faults.push(made.transformed(first + places[row] as u64, cells(row), failed));
        }
        let refused = refusals.len() as u64;
        for refusal in refusals {
            let row = applied.rows[refusal.row];
            faults.push(made.refused(first + places[row] as u64, cells(row), &applied.batch, refusal));
        }
        faults.sort_by_key(|fault| fault.row);
        let written = applied.batch.num_rows() as u64 - refused;
        let filtered = applied.filtered.len() as u64;
        gathered.rows += rows;
        gathered.counts.filtered += filtered;
        gathered.counts.read += rows - filtered;
        gathered.counts.written += written;
        if let Some(meter) = self.meter() {
            meter.add_read(rows - filtered);
            meter.add_written(written);
        }
        self.shared.meter.add_bytes(batch.get_array_memory_size() as u64, applied.batch.get_array_memory_size() as u64);
        for fault in faults {
            if let Some(early) = self.judge(lane, judge, fault, gathered).await? {
                return Ok(Some(early));
            }
        }
        Ok(None)
    }

    async fn write(&self, lane: &mut Lane, made: &[Made]) -> Result<Vec<Vec<Refusal>>, AttemptError> {
        let batches: Vec<&RecordBatch> = made.iter().map(|made| &made.applied.batch).collect();
        let Some(loader) = &mut lane.loader else {
            return Err(EndpointError::new(ErrorKind::Lost, "cannot write", "the connection is gone").into());
        };
        let refusals = loader.write_all(&batches).await?;
        for (batch, refused) in batches.iter().zip(&refusals) {
            journal_rows(lane, batch, refused).await?;
        }
        Ok(refusals)
    }

    async fn judge(
        &self,
        lane: &mut Lane,
        judge: &Judge,
        mut fault: Fault,
        gathered: &mut Gathered,
    ) -> Result<Option<Early>, AttemptError> {
        let (mut ruling, mut by) = judge.rule(&mut fault);
        if let Ruling::Edit(edits) = &ruling {
            match self.retry(lane, &fault, edits).await? {
                Ok(digest) => {
                    gathered.digest += digest;
                    gathered.counts.written += 1;
                    gathered.faults.push(FaultRecord::new(fault, FaultState::Written));
                    return Ok(None);
                }
                Err(again) => {
                    fault = *again;
                    (ruling, by) = judge.rule_after_edit(&fault);
                }
            }
        }
        match ruling {
            Ruling::Skip => {
                gathered.counts.skipped += 1;
                gathered.faults.push(FaultRecord { by, ..FaultRecord::new(fault, FaultState::Skipped) });
            }
            Ruling::Flag => {
                gathered.counts.flagged += 1;
                gathered.faults.push(FaultRecord { by, ..FaultRecord::new(fault, FaultState::Flagged) });
            }
            Ruling::Stop => return Ok(Some(Early::Halted(Box::new(fault.told()), by.unwrap_or_default()))),
            Ruling::Ask | Ruling::Edit(_) => {
                gathered.open.push(fault.told());
                if gathered.open.len() >= ASKED_AT_ONCE {
                    return Ok(Some(Early::Enough));
                }
            }
        }
        Ok(None)
    }

    /// Tries the row with changed cells, by the way of any other row. What fails now is told of the row as it was.
    async fn retry(&self, lane: &mut Lane, fault: &Fault, edits: &[NamedCell]) -> Result<Tried, AttemptError> {
        let outcome = write_row(&self.shared.run, lane, fault.row, &edited(&fault.cells, edits)).await?;
        Ok(outcome.map_err(|again| {
            Box::new(Fault {
                cells: fault.cells.clone(),
                digest: fault.digest.clone(),
                message: format!("after the edit: {}", again.message),
                ..*again
            })
        }))
    }

    async fn commit(
        &self,
        lane: &mut Lane,
        mut gathered: Gathered,
        end: Option<Position>,
    ) -> Result<Input, AttemptError> {
        gathered.counts.unchanged = lane.loader.as_ref().map_or(0, |loader| loader.unchanged());
        let mark = Mark {
            run: self.shared.run.clone(),
            table: self.table.to_owned(),
            chunk: self.task.chunk,
            end: end.clone(),
            counts: gathered.counts,
            retried: String::new(),
        };
        let ruled = ruled(&gathered.faults);
        let digest = TableDigest { shape: lane.encoding.shape(), sum: gathered.digest };
        let record = ChunkRecord { mark, faults: gathered.faults, digest };
        self.shared.meter.now("committing", self.table);
        let outcome = commit_chunk(&self.shared.ledger, &*self.shared.destination, lane, &record).await;
        let committed = Input::Committed { table: self.table.to_owned(), counts: gathered.counts, end, ruled };
        match outcome {
            Ok(()) => Ok(committed),
            Err(error) => {
                if matches!(error, AttemptError::Unsure(_)) {
                    lane.unsure = Some(Box::new(Unsure { mark: record.mark, committed }));
                }
                Err(error)
            }
        }
    }
}

/// The first of what nobody was asked about.
fn ruled(faults: &[FaultRecord]) -> Vec<(Fault, Decision, String)> {
    let ruled = faults.iter().filter_map(|record| {
        let decision = if record.state == FaultState::Skipped { Decision::Skip } else { Decision::Flag };
        Some((record.fault.told(), decision, record.by.clone()?))
    });
    ruled.take(Event::RULED_SHOWN).collect()
}

/// The digest of the rows that the destination did not take.
fn digest_of_refused(encoding: &RowEncoding, batch: &RecordBatch, refusals: &[Refusal]) -> RowSum {
    let mut sum = RowSum::default();
    for refusal in refusals {
        sum += encoding.sum(&batch.slice(refusal.row, 1));
    }
    sum
}
