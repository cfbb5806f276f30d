//! What reviewers make of sampled rows, for whoever asks: kept, and counted in the verdict at once.

use super::Workbench;
use crate::{
    engine::now_ms,
    ledger::{EvidenceKind, LedgerError, SampleRecord},
    model::RunId,
    protocol::{Fact, SampleReview, SampleSaying, SampleVerdict, Validation},
    verify::{chosen, count_reviews, without_private},
};

impl Workbench {
    /// Puts on record what is said of rows of a run's last validation; none: the plan's latest run. `by` is the account.
    /// Returns the validation as it counts now, and a fact of the run where the verdict is another one.
    pub async fn review_samples(
        &self,
        run: Option<&RunId>,
        saying: &SampleSaying,
        by: &str,
    ) -> Result<(Validation, Option<Fact>), String> {
        let run = self.validated_run(run).await?;
        let mut validation = self.validation_of(&run).await?;
        let before = self.ledger().sample_reviews(&run).await.map_err(|error| error.to_string())?;
        let records = records(&validation, &before, saying, by)?;
        self.ledger().review_samples(&run, &records).await.map_err(|error| error.to_string())?;
        count_reviews(&mut validation, &before.into_iter().chain(records).collect::<Vec<_>>());
        let fact = self.verdict_is(&run, &validation, by).await.map_err(|error| error.to_string())?;
        self.keep_validation(&validation).await;
        Ok((validation, fact))
    }

    /// A run's last validation with all that was said of its samples; none: the plan's latest run.
    pub async fn sampled(&self, run: Option<&RunId>) -> Result<Validation, String> {
        self.validation_of(&self.validated_run(run).await?).await
    }

    /// The same, values of private columns left out.
    pub async fn without_private(&self, validation: Validation) -> Validation {
        let document = self.document().await;
        without_private(validation, document.plan.as_ref())
    }

    async fn validated_run(&self, run: Option<&RunId>) -> Result<RunId, String> {
        if let Some(run) = run {
            return Ok(run.clone());
        }
        let latest = self.latest_run().await.map_err(|error| error.to_string())?;
        latest.ok_or_else(|| "this plan did not run on this host: samples are drawn when a run is validated".to_owned())
    }

    pub(super) async fn latest_run(&self) -> Result<Option<RunId>, LedgerError> {
        let runs = self.ledger().runs(Some(&self.plan_key().await)).await?;
        Ok(runs.into_iter().next().map(|run| run.id))
    }

    async fn validation_of(&self, run: &RunId) -> Result<Validation, String> {
        let kept = self.kept_validation(run).await.map_err(|error| error.to_string())?;
        kept.ok_or_else(|| format!("run {run} was not validated yet: `whimbrel validate PLAN` draws samples"))
    }

    /// What the ledger keeps of the run's last validation, as it counts now.
    pub(super) async fn kept_validation(&self, run: &RunId) -> Result<Option<Validation>, LedgerError> {
        let kept = self.ledger().evidence::<Validation>(run, EvidenceKind::Validation).await?;
        let Some((_, mut validation)) = kept else { return Ok(None) };
        count_reviews(&mut validation, &self.ledger().sample_reviews(run).await?);
        Ok(Some(validation))
    }

    /// Tells the run that its verdict changed, if it did.
    async fn verdict_is(&self, run: &RunId, validation: &Validation, by: &str) -> Result<Option<Fact>, LedgerError> {
        let told = self.ledger().snapshot(run).await?.validated;
        match told.is_some_and(|told| told.outcome == validation.outcome) {
            true => Ok(None),
            false => self.keep(run, validation, (now_ms(), by)).await.map(Some),
        }
    }
}

fn records(
    validation: &Validation,
    before: &[SampleRecord],
    saying: &SampleSaying,
    by: &str,
) -> Result<Vec<SampleRecord>, String> {
    let filled =
        |text: &Option<String>| text.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let (comment, reviewer) = (filled(&saying.comment), filled(&saying.reviewer));
    if saying.verdict != SampleVerdict::Approved && comment.is_none() {
        return Err("say why with a comment: whoever reads the report wants to know".to_owned());
    }
    let Some(table) = validation.tables.iter().find(|table| table.to == saying.table) else {
        let known: Vec<&str> = validation.tables.iter().map(|table| table.to.as_str()).collect();
        return Err(format!("the validation has no table '{}'; it has {}", saying.table, known.join(", ")));
    };
    let chosen = chosen(table, before, &saying.rows)?;
    if chosen.is_empty() {
        return Err(format!("no row of the sample of {} matches and waits for a decision", saying.table));
    }
    let review = SampleReview {
        verdict: saying.verdict,
        reviewer: reviewer.unwrap_or_else(|| by.to_owned()),
        by: by.to_owned(),
        at_ms: now_ms(),
        comment,
    };
    let record = |(row, key)| SampleRecord { table: saying.table.clone(), row, key, review: review.clone() };
    Ok(chosen.into_iter().map(record).collect())
}
