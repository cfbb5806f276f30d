//! Rows of a table that neither the restore point kept nor a run wrote: those of others, row by row.
//!
//! One idea: what should be there is known as a multitude of digests, from the files of the point and from the source, which
//! the run's mapping makes rows of again; what is there beyond that is of others. No key is needed for that, and no side is
//! held: buckets that do not differ are passed over, and of the others so many rows are looked at together as memory is
//! given for. Whether the source still gives what the run wrote, the run's own digest tells.

use std::{collections::HashMap, path::Path, sync::Arc};

use async_trait::async_trait;
use datafusion::arrow::{array::BooleanArray, compute::filter_record_batch, record_batch::RecordBatch};
use tokio::sync::mpsc;

use super::{
    RestoreError, Result,
    back::batches,
    definition::{as_written, encoding, whole},
    file,
    look::{self, Take},
    manifest::{RowsKept, TableKept},
    others::Left,
    preview::{Survey, Surveyed, Way},
    shelf::Shelf,
    touched::{Flow, Touched},
    undo::touched,
};
use crate::{
    endpoint::{Destination, EndpointError, ErrorKind, Snapshot, Source},
    ledger::RunRecord,
    model::{
        Column, Mode, RowEncoding, RowSum, Table, TableDigest,
        buckets::{BUCKETS, Digests, bucket, portions, short},
        thousands,
    },
    protocol::{Held, Others, RestoreAct},
};

/// Knows what the runs of a plan are made of.
#[async_trait]
pub trait Makes: Send + Sync {
    /// Hands over the digests of the rows that the run wrote to the table, as its source and mapping give them now; says the
    /// shape of what they are over, or in a sentence why it cannot.
    async fn made(
        &self,
        run: &RunRecord,
        table: &str,
        out: mpsc::Sender<Digests>,
    ) -> std::result::Result<String, String>;

    /// A file that was a table of the destination, opened as that is.
    async fn file(&self, path: &Path) -> std::result::Result<Arc<dyn Source>, EndpointError>;
}

/// Rows that should be there.
enum Part {
    /// What the point kept.
    Rows(RowsKept, Vec<Column>),
    /// What it kept of them by their keys.
    Touched(Touched),
    /// A file that it kept.
    File(RowsKept, TableKept),
    /// What a run wrote, and the digest that it took of that.
    Run(Box<RunRecord>, Option<TableDigest>),
}

/// All rows that should be in a table.
struct Claim {
    table: String,
    parts: Vec<Part>,
    /// The restore point whose files they are in.
    point: String,
    left: Left,
}

/// What was found of a table.
pub(super) struct Sifted<T> {
    pub(super) taker: T,
    /// By the columns that runs write.
    pub(super) sum: RowSum,
    /// Every row that was handed over is of others.
    pub(super) exact: bool,
    /// What others did beside adding them, or why that is not known; none: nothing.
    pub(super) besides: Option<String>,
    /// What should be known of them beside; only where all were wanted, what others did besides.
    pub(super) told: Option<String>,
}

/// One moment of the destination, sifted table by table.
pub(super) struct Sieve<'s> {
    way: &'s Way,
    makes: &'s dyn Makes,
    survey: &'s Survey,
    snapshot: Arc<dyn Snapshot>,
}

/// Rows of others, or in a sentence why they cannot be told apart.
pub(super) type Told<T> = std::result::Result<T, String>;

impl<'s> Sieve<'s> {
    pub(super) async fn of(way: &'s Way, makes: &'s dyn Makes, survey: &'s Survey) -> Result<Self> {
        Ok(Self { way, makes, survey, snapshot: way.copy.snapshot().await? })
    }

    /// Those that others wrote to and that going back would change.
    pub(super) fn tables(&self) -> impl Iterator<Item = &'s Surveyed> {
        let survey = self.survey;
        survey.tables.iter().filter(|table| table.others != Others::Nothing && table.act != RestoreAct::Nothing)
    }

    /// Hands the rows of others over.
    pub(super) async fn sift<T: Take>(&self, table: &Surveyed, taker: T) -> Result<Told<Sifted<T>>> {
        let Some(now) = &table.now else { return Ok(Err("it is gone".to_owned())) };
        let claim = match self.claim(table).await? {
            Ok(claim) => claim,
            Err(why) => return Ok(Err(why)),
        };
        let destination = &self.way.destination;
        let read = table.as_read(&**destination).unwrap_or_default();
        let projection = Projection {
            destination: destination.clone(),
            travelled: read.columns.clone(),
            columns: as_written(now, &table.kept.written, &**destination).columns,
            encoding: encoding(&table.kept.written, &**destination),
        };
        let there = Counting { projection: projection.clone(), counter: Tally::default() };
        let there = self.read(table, &read, there).await?.counter;
        let (expected, doubts) = match self.counted(&claim, &projection, Tally::default()).await? {
            Ok(counted) => counted,
            Err(why) => return Ok(Err(why)),
        };
        let differing: Vec<usize> =
            (0..BUCKETS).filter(|place| there.buckets[*place] != expected.buckets[*place]).collect();
        // More may be taken out of a bucket than the source has in it by now.
        let rows = |place: usize| i64::try_from(expected.buckets[place].rows).unwrap_or(0).unsigned_abs();
        let mut picking = Picking { projection, net: Net::default(), taker, sum: RowSum::default() };
        for portion in portions(&differing, rows).iter().filter(|portion| !portion.is_empty()) {
            if picking.taker.has_enough() {
                break;
            }
            picking.net = match self.counted(&claim, &picking.projection, Net::over(portion)).await? {
                Ok((net, _)) => net,
                Err(why) => return Ok(Err(why)),
            };
            picking = self.read(table, &read, picking).await?;
        }
        let Picking { taker, sum, .. } = picking;
        let left = claim.left.sum(expected.sum);
        let adds_up = left.is_some_and(|left| plus(left, sum) == there.sum);
        let exact = adds_up || doubts.is_empty();
        let lost = left.map(|left| left.rows.wrapping_add(sum.rows).wrapping_sub(there.sum.rows));
        let told = match (exact, table.touched.is_some()) {
            (false, _) => Some(doubts.join("; ")),
            (true, true) => {
                Some("rows that the run wrote and others changed since; what others added stays where it is".to_owned())
            }
            (true, false) if adds_up || taker.has_enough() => None,
            (true, false) => Some(format!("{}; of those that were changed it is what they hold now", besides(lost))),
        };
        let besides = match (adds_up, exact) {
            (true, _) => None,
            (false, true) => Some(besides(lost)),
            (false, false) => Some(doubts.join("; ")),
        };
        Ok(Ok(Sifted { taker, sum, exact, besides, told }))
    }

    async fn read<T: Take>(&self, table: &Surveyed, read: &Table, taker: T) -> Result<T> {
        match &table.touched {
            Some(touched) => Ok(touched.now(&self.snapshot, read, taker).await?.0),
            None => look::read(&self.snapshot, read, taker).await,
        }
    }

    /// Which rows should be there, or why that is not known.
    async fn claim(&self, table: &Surveyed) -> Result<Told<Claim>> {
        let (survey, kept) = (self.survey, &table.kept);
        let (wrote, name, own) = (&survey.wrote, kept.name.clone(), survey.point.name.clone());
        if let Some(restored) = &wrote.restored {
            let manifest = match restored {
                Ok(manifest) => manifest,
                Err(why) => return Ok(Err(why.clone())),
            };
            let Some(then) = manifest.tables.iter().find(|then| then.name == kept.name) else {
                return Ok(Err("the restore point that was gone back to does not have it".to_owned()));
            };
            let folder = Shelf::of(&self.way.ledger).place(&manifest.name);
            let parts = match touched(self.way, (manifest, &folder), then).await? {
                Some(touched) => vec![Part::Touched(touched)],
                None => self.kept(then).into_iter().collect(),
            };
            return Ok(Ok(Claim { table: name, parts, point: manifest.name.clone(), left: Left::AsKept }));
        }
        let runs = survey.runs.iter().rev().zip(&wrote.runs);
        let mut runs: Vec<Part> = runs
            .filter_map(|(run, wrote)| Some(Part::Run(Box::new(run.clone()), wrote.get(&kept.name)?.clone())))
            .collect();
        if table.touched.is_some() {
            return Ok(Ok(Claim { table: name, parts: runs, point: own, left: Left::Unknown }));
        }
        let left = wrote.left(kept);
        let replaced = kept.mode == Mode::Replace && !runs.is_empty();
        if replaced {
            runs.drain(..runs.len() - 1);
        }
        let kept = self.kept(kept).filter(|_| !replaced);
        let parts = kept.into_iter().chain(runs).collect();
        Ok(Ok(Claim { table: name, parts, point: own, left }))
    }

    /// The rows that a point kept of a table, if it kept some.
    fn kept(&self, kept: &TableKept) -> Option<Part> {
        let rows = kept.rows.clone()?;
        Some(match kept.held {
            Held::File => Part::File(rows, kept.clone()),
            _ => Part::Rows(rows, whole(kept.definition.as_ref()?, &*self.way.destination).columns),
        })
    }

    /// Counts all rows that should be there; and says of which runs the source does not give what they wrote.
    async fn counted<C: Counter>(
        &self,
        claim: &Claim,
        projection: &Projection,
        mut counter: C,
    ) -> Result<Told<(C, Vec<String>)>> {
        let folder = Shelf::of(&self.way.ledger).place(&claim.point);
        let mut doubts = Vec::new();
        for part in &claim.parts {
            let counted = match part {
                Part::Rows(rows, columns) => {
                    let from = projection.from(columns);
                    from.count(batches(&folder, rows, &self.way.identities), counter).await
                }
                Part::Touched(touched) => projection.from(&touched.table.columns).count(touched.rows(), counter).await,
                Part::File(rows, kept) => self.count_file((&folder, rows), kept, projection, counter).await,
                Part::Run(run, digest) => {
                    let run = (&**run, digest.as_ref());
                    match self.count_run(run, &claim.table, projection, counter).await {
                        Ok((counter, doubt)) => {
                            doubts.extend(doubt);
                            Ok(counter)
                        }
                        Err(why) => return Ok(Err(why)),
                    }
                }
            };
            counter = match counted {
                Err(RestoreError::Sealed) => {
                    return Ok(Err("what is kept of it is encrypted, and --identity FILE reads it".to_owned()));
                }
                counted => counted?,
            };
        }
        Ok(Ok((counter, doubts)))
    }

    async fn count_file<C: Counter>(
        &self,
        (folder, rows): (&Path, &RowsKept),
        kept: &TableKept,
        projection: &Projection,
        counter: C,
    ) -> Result<C> {
        let (place, closed, identities) = (folder.to_owned(), rows.clone(), self.way.identities.clone());
        let original = tokio::task::spawn_blocking(move || file::original(&place, &closed, &identities)).await??;
        let source = self.makes.file(&original.path).await?;
        let gone = || EndpointError::new(ErrorKind::NoTable, format!("cannot read {}", kept.name), "it is no table");
        let name = source.tables().await?.into_iter().next().ok_or_else(gone)?.name;
        let table = source.describe(&name).await?;
        let written: Vec<Column> = projection.columns.clone();
        let table = as_written(&table, &written, &*self.way.destination);
        let counting = Counting { projection: projection.from(&table.columns), counter };
        Ok(look::read(&source.snapshot().await?, &table, counting).await?.counter)
    }

    /// Counts what the run wrote by its source; and says whether that is not what it wrote.
    async fn count_run<C: Counter>(
        &self,
        (run, digest): (&RunRecord, Option<&TableDigest>),
        table: &str,
        projection: &Projection,
        mut counter: C,
    ) -> Told<(C, Option<String>)> {
        let (out, mut rows) = mpsc::channel::<Digests>(4);
        let counting = async {
            let mut sum = RowSum::default();
            while let Some((rows, adds)) = rows.recv().await {
                for row in rows {
                    counter.count(&row, adds);
                    add(&mut sum, &row, adds);
                }
            }
            (counter, sum)
        };
        let (made, (counter, sum)) = tokio::join!(self.makes.made(run, table, out), counting);
        let shape = match made {
            Ok(shape) => shape,
            Err(why) => return Err(format!("what run {} wrote cannot be made again: {why}", run.id)),
        };
        let doubt = match digest {
            _ if shape != projection.encoding.shape() => {
                return Err(format!("run {} wrote other columns of it", run.id));
            }
            Some(digest) if digest.shape == shape && digest.sum == sum => None,
            Some(_) => Some(format!(
                "the source does not give what run {} wrote any more, so rows of that run may be among them",
                run.id
            )),
            None => Some(format!("run {} took no digest, so rows of that run may be among them", run.id)),
        };
        Ok((counter, doubt))
    }
}

fn besides(lost: Option<u64>) -> String {
    match lost {
        Some(rows @ 1..) => format!("others also changed or removed {} row(s) that were there", thousands(rows)),
        _ => "others may also have changed or removed rows that were there".to_owned(),
    }
}

fn plus(mut sum: RowSum, more: RowSum) -> RowSum {
    sum += more;
    sum
}

fn add(sum: &mut RowSum, row: &[u32; 8], adds: bool) {
    let mut one = RowSum::default();
    one.add_row(*row);
    match adds {
        true => *sum += one,
        false => sum.take_out(one),
    }
}

/// Rows as they travel, on their way to the digests that a run would take of them.
#[derive(Clone)]
struct Projection {
    destination: Arc<dyn Destination>,
    travelled: Vec<Column>,
    /// As the run reads back what it wrote.
    columns: Vec<Column>,
    encoding: RowEncoding,
}

impl Projection {
    /// The same for rows that travelled otherwise.
    fn from(&self, travelled: &[Column]) -> Self {
        Self { travelled: travelled.to_vec(), ..self.clone() }
    }

    fn each(&self, batch: &RecordBatch, take: impl FnMut(usize, [u32; 8])) -> Result<()> {
        self.encoding.each(&self.destination.arrived(batch, &self.travelled, &self.columns)?, take);
        Ok(())
    }

    async fn count<C: Counter>(&self, (mut batches, reading): Flow, mut counter: C) -> Result<C> {
        while let Some(batch) = batches.recv().await {
            self.each(&batch, |_, row| counter.count(&row, true))?;
        }
        reading.await??;
        Ok(counter)
    }
}

trait Counter: Send + 'static {
    fn count(&mut self, row: &[u32; 8], adds: bool);
}

/// Sums by buckets.
struct Tally {
    sum: RowSum,
    buckets: Vec<RowSum>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { sum: RowSum::default(), buckets: vec![RowSum::default(); BUCKETS] }
    }
}

impl Counter for Tally {
    fn count(&mut self, row: &[u32; 8], adds: bool) {
        add(&mut self.sum, row, adds);
        add(&mut self.buckets[bucket(row)], row, adds);
    }
}

/// How often each row of some buckets should be there.
#[derive(Default)]
struct Net {
    buckets: Vec<bool>,
    rows: HashMap<u128, i64>,
}

impl Net {
    fn over(buckets: &[usize]) -> Self {
        let mut wanted = vec![false; BUCKETS];
        buckets.iter().for_each(|bucket| wanted[*bucket] = true);
        Self { buckets: wanted, rows: HashMap::new() }
    }

    /// Whether the row is one more than there should be.
    fn is_beyond(&mut self, row: &[u32; 8]) -> bool {
        if !self.buckets[bucket(row)] {
            return false;
        }
        match self.rows.get_mut(&short(row)) {
            Some(times) if *times > 0 => {
                *times -= 1;
                false
            }
            _ => true,
        }
    }
}

impl Counter for Net {
    fn count(&mut self, row: &[u32; 8], adds: bool) {
        if self.buckets[bucket(row)] {
            *self.rows.entry(short(row)).or_default() += if adds { 1 } else { -1 };
        }
    }
}

/// Counts what a table holds.
struct Counting<C> {
    projection: Projection,
    counter: C,
}

impl<C: Counter> Take for Counting<C> {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        self.projection.each(&batch, |_, row| self.counter.count(&row, true))
    }
}

/// Hands on the rows that should not be there.
struct Picking<T> {
    projection: Projection,
    net: Net,
    taker: T,
    sum: RowSum,
}

impl<T: Take> Take for Picking<T> {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        let mut picked = vec![false; batch.num_rows()];
        let (net, sum) = (&mut self.net, &mut self.sum);
        self.projection.each(&batch, |index, row| {
            picked[index] = net.is_beyond(&row);
            if picked[index] {
                sum.add_row(row);
            }
        })?;
        if !picked.contains(&true) {
            return Ok(());
        }
        let picked = filter_record_batch(&batch, &BooleanArray::from(picked)).map_err(|error| {
            EndpointError::new(ErrorKind::Other, "cannot take rows out of a batch", error.to_string())
        })?;
        self.taker.take(picked)
    }

    fn has_enough(&self) -> bool {
        self.taker.has_enough()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u32) -> [u32; 8] {
        [number, 0, 0, 0, 0, 0, 0, number]
    }

    #[test]
    fn a_row_is_beyond_what_should_be_there_as_often_as_it_is_there_too_much() {
        let mut net = Net::over(&[1, 2]);
        for (number, adds) in [(1, true), (1, true), (2, true), (2, false), (3, true)] {
            net.count(&row(number), adds);
        }
        let beyond = [1, 1, 1, 2, 3].map(|number| net.is_beyond(&row(number)));
        assert_eq!(beyond, [false, false, true, true, false], "of other buckets nothing is said");
    }

    #[test]
    fn what_others_did_besides_is_told_with_its_number_where_that_is_known() {
        assert!(besides(Some(1234)).contains("1,234 row(s)"));
        assert!(besides(None).contains("may also have") && besides(Some(0)).contains("may also have"));
    }
}
