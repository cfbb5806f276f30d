//! What the destination holds, set against what the run wrote or, where that is not known, against what the source holds
//! as the mapping makes it.
//!
//! Reads both sides and, but for a repair that was asked for (`mend`), writes nothing. One idea: the run took a digest of the rows that it wrote, so that one reading of
//! the destination proves a table; only where the two differ, or there is no digest, is the source read again.

mod collide;
mod evidence;
mod floats;
mod judge;
mod kept;
mod locate;
mod made;
mod mend;
mod metrics;
mod reading;
mod reviewed;
mod sample;
mod tally;
mod told;

use std::sync::Arc;

pub use collide::{Collided, collisions};
use futures::future::try_join;
pub use made::{Making, made};
pub use mend::{Mending, mend};
use tokio::sync::watch;

pub use reading::ValidateError;
pub use reviewed::{chosen, count_reviews};

use self::{
    evidence::{Evidence, Settled},
    judge::{Seen, findings},
    locate::{Located, Sides, alone, key_encoding, locate},
    reading::{Extent, Reader},
    sample::{draw, side_by_side},
    tally::Tally,
    told::Told,
};
use crate::{
    binding::{Binding, Bound, encoding},
    endpoint::{Destination, EndpointError, Snapshot, Source},
    ledger::{Ledger, RunRecord},
    model::{Mode, System, Table, TableDigest, buckets::BUCKETS},
    plan::{Mapping, MetricPlan},
    protocol::{Finding, Outcome, Sampling, TableValidation, Validating, Validation},
};

/// What is validated, and how closely.
pub struct Subject<'s> {
    pub binding: &'s Binding,
    pub source: Arc<dyn Source>,
    /// The destination, opened to be read.
    pub copy: Arc<dyn Source>,
    pub destination: &'s dyn Destination,
    pub ledger: &'s Ledger,
    /// The plan's latest run, if it came to its end.
    pub run: Option<RunRecord>,
    pub plan_digest: String,
    pub chunk_rows: u64,
    /// How many rows of each table are drawn, and with what.
    pub sample: usize,
    pub seed: u64,
    pub at_ms: u64,
    /// Only these destination tables; none: all.
    pub only: Vec<String>,
    /// Figures to ask both sides for, where all tables are validated.
    pub metrics: &'s [MetricPlan],
    /// Where it is told how far it is.
    pub progress: watch::Sender<Option<Validating>>,
}

/// Validates every table. What cannot be told is inconclusive and never passes.
pub async fn validate(subject: &Subject<'_>) -> Result<Validation, ValidateError> {
    let evidence = match subject.run.clone() {
        Some(run) => Some(Evidence::of(subject.ledger, run).await?),
        None => None,
    };
    let mut validation = Validation {
        run: evidence.as_ref().map(|evidence| evidence.run.id.clone()),
        digest: subject.plan_digest.clone(),
        seed: subject.seed,
        at_ms: subject.at_ms,
        ..Validation::default()
    };
    let mut patience = Patience::default();
    let mut moments = patience.moments(subject).await?;
    let asked = |bound: &&Bound| subject.only.is_empty() || subject.only.contains(&bound.mapping.to.name);
    let tables: Vec<&Bound> = subject.binding.tables.iter().filter(asked).collect();
    let told = Arc::new(Told::new(subject.progress.clone(), tables.len()));
    for (done, bound) in tables.into_iter().enumerate() {
        told.is_through(done);
        let validated = loop {
            let work = Work { subject, evidence: evidence.as_ref(), moments: &moments, told: &told };
            match work.table(bound).await {
                Err(ValidateError::Endpoint(error)) if patience.waits(&error).await => {
                    let again =
                        format!("{}: {error}; it was looked at again, at a later moment", bound.mapping.to.name);
                    validation.remarks.push(again);
                    match patience.moments(subject).await {
                        Ok(later) => moments = later,
                        Err(error) => break Err(error.into()),
                    }
                }
                validated => break validated,
            }
        };
        validation
            .tables
            .push(validated.unwrap_or_else(|error| unknown(bound, Outcome::Inconclusive, error.to_string())));
    }
    match subject.only.is_empty() {
        true => validation.metrics = metrics::metrics(subject.metrics, &moments).await,
        false if subject.metrics.is_empty() => {}
        false => validation.remarks.push("metrics are asked where all tables are validated, and were left out".into()),
    }
    let reviews = match &evidence {
        Some(evidence) => subject.ledger.sample_reviews(&evidence.run.id).await?,
        None => Vec::new(),
    };
    count_reviews(&mut validation, &reviews);
    Ok(validation)
}

/// A table of which one thing is known: why nothing else is.
fn unknown(bound: &Bound, outcome: Outcome, why: String) -> TableValidation {
    TableValidation {
        from: bound.mapping.from.name.clone(),
        to: bound.mapping.to.name.clone(),
        outcome,
        findings: vec![Finding { name: "Record count match".into(), outcome, details: vec![why] }],
        ..TableValidation::default()
    }
}

/// One moment of each side.
struct Moments {
    source: Arc<dyn Snapshot>,
    copy: Arc<dyn Snapshot>,
}

/// How often a server that is gone for a while is waited for, all tables together: one that stays away is not waited for
/// table by table.
#[derive(Default)]
struct Patience {
    failures: u32,
}

impl Patience {
    const ATTEMPTS: u32 = 5;

    /// Waits, where that may help; says whether it did.
    async fn waits(&mut self, error: &EndpointError) -> bool {
        let may = error.is_transient() && self.failures < Self::ATTEMPTS;
        if may {
            self.failures += 1;
            tokio::time::sleep(EndpointError::back_off(self.failures)).await;
        }
        may
    }

    async fn moments(&mut self, subject: &Subject<'_>) -> Result<Moments, EndpointError> {
        loop {
            match try_join(subject.source.snapshot(), subject.copy.snapshot()).await {
                Ok((source, copy)) => return Ok(Moments { source, copy }),
                Err(error) if self.waits(&error).await => {}
                Err(error) => return Err(error),
            }
        }
    }
}

struct Work<'w> {
    subject: &'w Subject<'w>,
    evidence: Option<&'w Evidence>,
    moments: &'w Moments,
    told: &'w Arc<Told>,
}

impl Work<'_> {
    async fn table(&self, bound: &Bound) -> Result<TableValidation, ValidateError> {
        let mapping = &bound.mapping;
        if let Some(problem) = bound.problems.iter().find(|problem| problem.error) {
            return Ok(unknown(bound, Outcome::Inconclusive, format!("the mapping is wrong: {}", problem.message)));
        }
        if !mapping.exists {
            let why = format!("the destination has no table {}", mapping.to.name);
            return Ok(unknown(bound, Outcome::Failed, why));
        }
        let sides = self.sides(bound).await?;
        let drawn = self.drawn(&sides).await?;
        let mut copy = Tally::new(mapping.columns.len());
        copy.wanted = drawn.iter().map(|drawn| (drawn.key, Vec::new())).collect();
        let copy = sides.copy.show(&sides.whole, copy).await?;
        let wrote = self.evidence.and_then(|evidence| evidence.digest(&mapping.to.name, &sides.copy.encoding.shape()));
        let wrote = wrote.map(|digest| digest.sum);
        let proven = sides.strict && wrote == Some(copy.sum);
        let source = if proven { None } else { Some(self.source_tally(&sides).await?) };
        let located = match &source {
            None => Located::default(),
            Some(source) => self.located(&sides, source, &copy).await?,
        };
        let sample = side_by_side(drawn, &copy.wanted, &mapping.finds_by, proven);
        let seen = Seen {
            mapping,
            counts: self.evidence.and_then(|evidence| evidence.counts(&mapping.to.name)),
            held: self.held(mapping),
            wrote,
            source: source.as_ref(),
            copy: &copy,
            located: &located,
            strict: sides.strict,
        };
        let mut findings = findings(&seen);
        findings.push(self.types(mapping).await?);
        findings.push(said("References hold", self.subject.destination.orphans(&mapping.to).await)?);
        findings.push(said("Counters are ahead", self.subject.destination.counters_behind(&mapping.to).await)?);
        let sample = judged(sample, proven || seen.is_unreadable());
        let expected = wrote.filter(|_| proven).or(source.as_ref().map(|source| source.sum)).or(wrote);
        let digest = |sum| TableDigest { shape: sides.copy.encoding.shape(), sum };
        Ok(TableValidation {
            from: mapping.from.name.clone(),
            to: mapping.to.name.clone(),
            outcome: findings.iter().map(|finding| finding.outcome).chain([sample.outcome]).max().unwrap_or_default(),
            source_rows: expected.map(|sum| sum.rows),
            destination_rows: Some(copy.sum.rows + copy.unreadable),
            expected: expected.map(digest),
            found: Some(digest(copy.sum)),
            findings,
            sample,
            differing: located.differing,
            differences: located.shown,
        })
    }

    /// Rows that were there before the run and may be there still.
    fn held(&self, mapping: &Mapping) -> u64 {
        match (self.evidence, mapping.mode) {
            (_, Mode::Replace) | (None, _) => 0,
            (Some(evidence), _) => evidence.held(&mapping.to.name),
        }
    }

    async fn sides<'b>(&self, bound: &'b Bound) -> Result<Sides<'b>, ValidateError> {
        let mapping = &bound.mapping;
        let destination = self.subject.destination;
        let padding = |column: &crate::model::Column| destination.padding(column);
        let encoding = Arc::new(encoding(mapping, destination));
        let source = Reader {
            snapshot: self.moments.source.clone(),
            table: Arc::new(mapping.from.clone()),
            transform: bound.transform.clone().map(Arc::new),
            encoding: encoding.clone(),
            key: key_encoding(mapping, padding),
            side: "source",
            told: self.told.clone(),
        };
        let copy = Reader {
            snapshot: self.moments.copy.clone(),
            table: Arc::new(copied(mapping, self.subject.copy.system())),
            transform: None,
            side: "destination",
            ..source.clone()
        };
        let settled = Settled::of(self.subject.ledger, self.evidence, &mapping.to.name, &source).await?;
        let chunks = self.evidence.map(|evidence| evidence.chunks(&mapping.to.name)).unwrap_or_default();
        let whole = Extent::Whole { chunk_rows: self.subject.chunk_rows };
        let others = mapping.mode == Mode::Upsert && self.evidence.is_none() || self.held(mapping) > 0;
        Ok(Sides {
            mapping,
            source,
            copy,
            columns: alone(mapping, padding),
            extent: if chunks.is_empty() { whole.clone() } else { Extent::Some { chunks, rows: u64::MAX } },
            whole,
            settled,
            strict: !others,
            last_wins: mapping.mode == Mode::Upsert,
        })
    }

    async fn drawn(&self, sides: &Sides<'_>) -> Result<Vec<sample::Drawn>, ValidateError> {
        let chunks = match &sides.extent {
            Extent::Some { chunks, .. } => chunks.clone(),
            Extent::Whole { .. } => Vec::new(),
        };
        let how = (self.subject.seed, self.subject.sample, self.subject.chunk_rows);
        draw(&sides.source, &sides.settled, chunks, how).await
    }

    /// The rows that should be there, by what the source holds now.
    async fn source_tally(&self, sides: &Sides<'_>) -> Result<Tally, ValidateError> {
        let mut tally = sides.source.show(&sides.extent, Tally::new(sides.columns.len())).await?;
        sides.settled.not.iter().for_each(|block| tally.count(block, false));
        sides.settled.instead.iter().for_each(|block| tally.count(block, true));
        Ok(tally)
    }

    async fn located(&self, sides: &Sides<'_>, source: &Tally, copy: &Tally) -> Result<Located, ValidateError> {
        let buckets = if sides.strict { source.differing(copy) } else { (0..BUCKETS).collect() };
        match buckets.is_empty() {
            true => Ok(Located::default()),
            false => locate(sides, &buckets, source).await,
        }
    }

    /// Whether the columns still are of the types that the run made them of.
    async fn types(&self, mapping: &Mapping) -> Result<Finding, ValidateError> {
        let created = match self.evidence {
            Some(evidence) => self.subject.ledger.created(&evidence.run.id).await?,
            None => Vec::new(),
        };
        let mut finding = Finding { name: "Data types match".into(), outcome: Outcome::Passed, details: Vec::new() };
        let made = created.iter().find(|table| table.name == mapping.to.name);
        for column in made.into_iter().flat_map(|table| &table.columns) {
            let now = mapping.to.column(&column.name).map(|now| &now.ty);
            // A system may bound a text that it was asked to hold, for an index: its values are of one kind all the same.
            if now.is_none_or(|now| now.arrow() != column.ty.arrow()) {
                let now = now.map_or("gone".to_owned(), ToString::to_string);
                finding.outcome = Outcome::Failed;
                finding.details.push(format!("{} was made as {} and is {now}", column.name, column.ty));
            }
        }
        Ok(finding)
    }
}

/// A look at the destination that gives a sentence for everything that is wrong; an error where it may be well another time.
fn said(name: &str, looked: Result<Vec<String>, EndpointError>) -> Result<Finding, EndpointError> {
    let (outcome, details) = match looked {
        Ok(details) if details.is_empty() => (Outcome::Passed, details),
        Ok(details) => (Outcome::Failed, details),
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => (Outcome::Inconclusive, vec![format!("{error}. {}", error.hint())]),
    };
    Ok(Finding { name: name.to_owned(), outcome, details })
}

/// Where the digest proves the destination, a row that differs has changed in the source since; where rows cannot be read
/// back, they are not known to differ.
fn judged(sample: Sampling, excused: bool) -> Sampling {
    let outcome = if excused && sample.outcome == Outcome::Failed { Outcome::Inconclusive } else { sample.outcome };
    Sampling { outcome, ..sample }
}

/// The destination's table as it is, of which the written columns are read. A file is read whole.
fn copied(mapping: &Mapping, system: System) -> Table {
    let is_written = |name: &str| mapping.columns.iter().any(|mapped| mapped.target.name == name);
    let mut table = mapping.to.clone();
    table.columns.retain(|column| system == System::Csv || is_written(&column.name));
    table
}
