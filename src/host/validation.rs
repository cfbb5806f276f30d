//! What the destination holds, validated: after a run, or whenever somebody asks.

use std::collections::{BTreeMap, BTreeSet};

use super::Workbench;
use crate::{
    binding::{Binding, Bound, Descriptions, bind, encoding},
    endpoint::{EndpointError, ErrorKind},
    engine::now_ms,
    ledger::{EvidenceKind, Ledger, LedgerError, RunRecord},
    model::{RunId, RunPhase},
    plan::{Document, Mapping, Plan},
    protocol::{Event, Fact, Outcome, Repair, Validation},
    transform::RunInstant,
    verify::{Mending, Subject, ValidateError, mend, validate},
};

/// Where no run says how the source was cut.
pub(super) const CHUNK_ROWS: u64 = 50_000;

/// How long a repair waits for somebody else's lock, in seconds.
const LOCK_WAIT: u32 = 30;

/// How closely to look.
#[derive(Clone, Debug)]
pub struct Closeness {
    /// Rows drawn of each table.
    pub sample: usize,
    /// What they are drawn with; none: the moment.
    pub seed: Option<u64>,
    /// Only these destination tables; none: all.
    pub only: Vec<String>,
}

impl Default for Closeness {
    fn default() -> Self {
        Self { sample: 100, seed: None, only: Vec::new() }
    }
}

/// The run to validate against, and what is to be said of it.
enum Against {
    Run(RunRecord),
    /// The source as it is now.
    Source(Option<String>),
    /// Nothing yet.
    Unfinished(String),
}

/// What came of a look at both sides.
enum Looked {
    Validation(Validation),
    Repair(Repair),
}

/// How a run wrote its tables.
pub(super) struct Written {
    created: BTreeSet<String>,
    /// What the digests are taken over; a run that was gone on with may have found tables that it had made itself.
    shapes: BTreeMap<String, String>,
}

impl Written {
    pub(super) async fn of(ledger: &Ledger, run: &RunId) -> Result<Self, LedgerError> {
        let digests = ledger.digests(run).await?.into_iter();
        Ok(Self {
            created: ledger.created(run).await?.into_iter().map(|table| table.name).collect(),
            shapes: digests.filter_map(|(table, digest)| Some((table, digest?.shape))).collect(),
        })
    }
}

impl Workbench {
    /// Sets what the destination holds against what the plan's latest run wrote; keeps what came of it as a fact of that
    /// run. Where no run of the plan as it is came to its end here, the source as it is now takes its place.
    ///
    /// One at a time; consoles can see how far it is, and then what it found.
    pub async fn validate(&self, how: &Closeness) -> Result<(Validation, Option<Fact>), String> {
        let _underway = self.begin_validation()?;
        let (validation, fact) = self.look_and_keep(how).await?;
        self.keep_validation(&validation).await;
        Ok((validation, fact))
    }

    async fn look_and_keep(&self, how: &Closeness) -> Result<(Validation, Option<Fact>), String> {
        let against = self.against().await.map_err(|error| error.to_string())?;
        let (run, remark) = match against {
            Against::Run(run) => (Some(run), None),
            Against::Source(remark) => (None, remark),
            Against::Unfinished(why) => {
                let remarks = vec![why];
                return Ok((Validation { outcome: Outcome::NotRun, remarks, ..Validation::default() }, None));
            }
        };
        let known = run.as_ref().map(|run| run.id.clone());
        let mut validation = self.set_against(run, how).await.map_err(|error| error.to_string())?;
        validation.remarks.extend(remark);
        let fact = match known {
            Some(run) => {
                let kind = EvidenceKind::Validation;
                let kept = self.ledger().keep_evidence(&run, kind, validation.at_ms, &validation).await;
                kept.map_err(|error| error.to_string())?;
                let fact = self.keep(&run, &validation, (validation.at_ms, self.by())).await;
                Some(fact.map_err(|error| error.to_string())?)
            }
            None => None,
        };
        Ok((validation, fact))
    }

    async fn against(&self) -> Result<Against, LedgerError> {
        let Some(latest) = self.ledger().runs(Some(&self.plan_key().await)).await?.into_iter().next() else {
            return Ok(Against::Source(Some("no run of this plan came to its end here: the source was read".into())));
        };
        if let Some(taken) = self.ledger().snapshot(&latest.id).await?.taken_back {
            let (run, point) = (&latest.id, taken.point);
            return Ok(Against::Unfinished(format!(
                "run {run} was taken back by restore point {point}: there is nothing of it to validate"
            )));
        }
        if latest.phase != RunPhase::Completed {
            let (run, phase) = (&latest.id, latest.phase.word());
            return Ok(Against::Unfinished(format!(
                "run {run} is {phase}: when it is completed (`whimbrel run PLAN --resume`) there is something to validate"
            )));
        }
        if Some(&latest.plan_digest) != self.plan_digest().await.as_ref() {
            let run = &latest.id;
            return Ok(Against::Source(Some(format!(
                "the plan is not the one of run {run} any more: the source was read, and rows settled in that run are not \
                 known"
            ))));
        }
        Ok(Against::Run(latest))
    }

    /// Shows what would make the destination what a validation expects or, if `apply`, makes it so; `delete_surplus`: rows
    /// that only the destination has go too.
    pub async fn repair(&self, how: &Closeness, apply: bool, delete_surplus: bool) -> Result<Repair, String> {
        let run = match self.against().await.map_err(|error| error.to_string())? {
            Against::Run(run) => Some(run),
            Against::Source(_) => None,
            Against::Unfinished(why) => return Err(why),
        };
        let journalled = self.journalled().await.map_err(|error| error.to_string())?;
        let mending = Mending { apply, delete_surplus, lock_wait: LOCK_WAIT, by: self.by(), journalled: &journalled };
        match self.look(run, how, Some(&mending)).await.map_err(|error| error.to_string())? {
            Looked::Repair(repair) => Ok(repair),
            Looked::Validation(_) => Ok(Repair::default()),
        }
    }

    async fn set_against(&self, run: Option<RunRecord>, how: &Closeness) -> Result<Validation, ValidateError> {
        Ok(match self.look(run, how, None).await? {
            Looked::Validation(validation) => validation,
            Looked::Repair(_) => Validation::default(),
        })
    }

    /// Validates or, if it is said how, repairs.
    async fn look(
        &self,
        run: Option<RunRecord>,
        how: &Closeness,
        mending: Option<&Mending<'_>>,
    ) -> Result<Looked, ValidateError> {
        self.forget().await;
        let (source, destination, copy) = (self.source().await?, self.destination().await?, self.copy().await?);
        let instant = run.as_ref().map_or(now_ms() as i64, |run| run.instant_ms);
        let (document, plan) = self.read_plan().await?;
        let written = match &run {
            Some(run) => Some(Written::of(self.ledger(), &run.id).await?),
            None => None,
        };
        let binding = self.bind_as_written(&document, &plan, RunInstant(instant), written).await?;
        let at_ms = now_ms();
        let subject = Subject {
            binding: &binding,
            source,
            copy,
            destination: &*destination,
            ledger: self.ledger(),
            run,
            plan_digest: document.digest().unwrap_or_default(),
            chunk_rows: plan.run.chunk_rows.unwrap_or(CHUNK_ROWS),
            sample: how.sample,
            seed: how.seed.unwrap_or(at_ms),
            at_ms,
            only: how.only.clone(),
            metrics: &plan.metrics,
            progress: self.validating.clone(),
        };
        Ok(match mending {
            Some(mending) => Looked::Repair(mend(&subject, mending).await?),
            None => Looked::Validation(validate(&subject).await?),
        })
    }

    /// The plan's mappings as the rows were written by: onto a table that was made for them, the plan's types count, as
    /// they do not onto one that was there. Where no run is known, tables count as made whose columns are what the plan
    /// would make.
    pub(super) async fn bind_as_written(
        &self,
        document: &Document,
        plan: &Plan,
        instant: RunInstant,
        written: Option<Written>,
    ) -> Result<Binding, EndpointError> {
        let mut onto = self.bind_at(document, plan, instant).await?;
        let (source, destination) = (self.source().await?, self.destination().await?);
        let mut before = Descriptions::before(plan.tables.iter().map(|table| table.to.clone()));
        let made = bind(document, plan, &*source, &*destination, &mut before, instant).await?;
        for made in made.tables {
            let name = &made.mapping.to.name;
            let Some(there) = onto.tables.iter_mut().find(|there| there.mapping.to.name == *name) else { continue };
            let is_made = match &written {
                Some(written) => {
                    let by = |mapping| written.shapes.get(name) == Some(&encoding(mapping, &*destination).shape());
                    match (by(&made.mapping), by(&there.mapping)) {
                        (true, false) => true,
                        (false, true) => false,
                        _ => written.created.contains(name),
                    }
                }
                None => made.mapping.columns.iter().all(|mapped| {
                    let held = there.mapping.to.column(&mapped.target.name);
                    held.is_some_and(|held| held.ty == mapped.target.ty)
                }),
            };
            if there.mapping.exists && is_made && !made.has_errors() {
                let to = std::mem::take(&mut there.mapping.to);
                *there = Bound { mapping: Mapping { exists: true, to, ..made.mapping }, ..made };
            }
        }
        Ok(onto)
    }

    pub(super) async fn keep(
        &self,
        run: &RunId,
        validation: &Validation,
        (at_ms, by): (u64, &str),
    ) -> Result<Fact, LedgerError> {
        let seq = self.ledger().snapshot(run).await?.seq + 1;
        let event = Event::Validated(validation.in_short(by));
        let fact = Fact { run: run.clone(), seq, at_ms, event };
        self.ledger().note(&fact).await?;
        // What the run left there, for whoever asks later what others did since.
        for table in validation.tables.iter().filter(|table| table.outcome == Outcome::Passed) {
            if let Some(found) = &table.found {
                self.ledger().left(run, &table.to, found).await?;
            }
        }
        Ok(fact)
    }

    async fn read_plan(&self) -> Result<(Document, Plan), EndpointError> {
        let wrong = |why| EndpointError::new(ErrorKind::Address, "the plan has errors", why);
        self.read(None).await.map_err(wrong)
    }
}
