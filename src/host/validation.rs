//! What the destination holds, validated: after a run, or whenever somebody asks.

use super::Workbench;
use crate::{
    endpoint::EndpointError,
    engine::now_ms,
    ledger::{LedgerError, RunRecord},
    model::{RunId, RunPhase},
    protocol::{Event, Fact, Outcome, Validation},
    transform::RunInstant,
    verify::{Subject, ValidateError, validate},
};

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

impl Workbench {
    /// Sets what the destination holds against what the plan's latest run wrote; keeps what came of it as a fact of that
    /// run. Where no run of the plan as it is came to its end here, the source as it is now takes its place.
    pub async fn validate(&self, how: &Closeness) -> Result<(Validation, Option<Fact>), String> {
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
            Some(run) => Some(self.keep(&run, &validation).await.map_err(|error| error.to_string())?),
            None => None,
        };
        Ok((validation, fact))
    }

    async fn against(&self) -> Result<Against, LedgerError> {
        let Some(latest) = self.ledger().runs(Some(&self.plan_key().await)).await?.into_iter().next() else {
            return Ok(Against::Source(Some("no run of this plan came to its end here: the source was read".into())));
        };
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

    async fn set_against(&self, run: Option<RunRecord>, how: &Closeness) -> Result<Validation, ValidateError> {
        self.forget().await;
        let (source, destination, copy) = (self.source().await?, self.destination().await?, self.copy().await?);
        let instant = run.as_ref().map_or(now_ms() as i64, |run| run.instant_ms);
        let (document, plan) = self.read_plan().await?;
        let binding = self.bind_at(&document, &plan, RunInstant(instant)).await?;
        let at_ms = now_ms();
        let subject = Subject {
            binding: &binding,
            source,
            copy,
            destination: &*destination,
            ledger: self.ledger(),
            run,
            plan_digest: document.digest().unwrap_or_default(),
            chunk_rows: plan.run.chunk_rows,
            sample: how.sample,
            seed: how.seed.unwrap_or(at_ms),
            at_ms,
            only: how.only.clone(),
        };
        validate(&subject).await
    }

    async fn keep(&self, run: &RunId, validation: &Validation) -> Result<Fact, LedgerError> {
        let seq = self.ledger().snapshot(run).await?.seq + 1;
        let event = Event::Validated(validation.in_short(self.by()));
        let fact = Fact { run: run.clone(), seq, at_ms: validation.at_ms, event };
        self.ledger().note(&fact).await?;
        Ok(fact)
    }

    async fn read_plan(&self) -> Result<(crate::plan::Document, crate::plan::Plan), EndpointError> {
        let wrong = |why| EndpointError::new(crate::endpoint::ErrorKind::Address, "the plan has errors", why);
        self.read(None).await.map_err(wrong)
    }
}
