//! The evidence of a run: one object, and one file to read or print.
//!
//! Asks nobody but the ledger, so that it can be made when both systems are gone. One idea: it says what was done and what
//! was not, with who and when, and claims nothing beyond; values of private columns never enter it.

mod back;
mod chart;
mod html;
mod mask;
mod samples;

use serde::Serialize;

use self::mask::Mask;
use super::count_reviews;
use crate::{
    ledger::{AuditEntry, EvidenceKind, FaultRecord, FaultState, Ledger, Result, RunRecord, TrailState},
    model::{Cause, Cell, Counts, RunId, RunPhase},
    plan::{Document, Plan, without_password},
    protocol::{CheckItem, Drill, Event, Fact, Outcome, PointMade, Validated, Validation},
};

/// Everything that a report says.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub run: RunId,
    pub plan: PlanPart,
    /// This program's name and version.
    pub program: String,
    /// When the report was made, as all times in milliseconds since 1970 UTC.
    pub made_ms: u64,
    pub by: String,
    pub started_ms: u64,
    pub ended_ms: Option<u64>,
    /// As of when the source was read: a resumed run reads a new moment.
    pub read_ms: Option<u64>,
    pub phase: RunPhase,
    pub stopped: Option<String>,
    pub counts: Counts,
    /// `read = written + skipped + flagged` holds for every table.
    pub balanced: bool,
    pub tables: Vec<TablePart>,
    pub throughput: Vec<Moment>,
    pub checks: Option<ChecksPart>,
    pub verdict: Outcome,
    pub validation: Option<Validation>,
    /// All validations of the run, in short, with their times.
    pub validations: Vec<(u64, Validated)>,
    /// What was kept before the run's first write, and how drills of the way back to it went, the latest first.
    pub point: Option<PointMade>,
    pub drills: Vec<Drill>,
    pub deviations: Vec<Deviation>,
    pub remarks: Vec<String>,
    /// What was done in this run and by whom.
    pub acts: Vec<AuditEntry>,
    pub trail: TrailState,
    /// What nobody looked at.
    pub unchecked: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct PlanPart {
    pub name: String,
    pub path: String,
    pub digest: String,
    pub source: String,
    pub destination: String,
    /// The destination's, as the plan labels it.
    pub label: Option<String>,
    pub text: String,
    /// Columns whose values are left out, as `table.column`.
    pub private: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct TablePart {
    pub from: String,
    pub to: String,
    /// The source's rows when the run began; `None`: not counted exactly.
    pub rows: Option<u64>,
    pub counts: Counts,
    pub balanced: bool,
    pub started_ms: Option<u64>,
    pub finished_ms: Option<u64>,
}

/// Rows that were committed at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moment {
    pub at_ms: u64,
    pub rows: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct ChecksPart {
    pub at_ms: u64,
    pub items: Vec<CheckItem>,
}

/// A row that did not go as it was.
#[derive(Clone, Debug, Serialize)]
pub struct Deviation {
    pub table: String,
    pub row: u64,
    pub column: String,
    pub value: Option<Cell>,
    pub cause: Cause,
    pub expected: String,
    pub message: String,
    /// What became of it: `skipped`, `flagged`, `written`, `discarded`.
    pub state: &'static str,
    pub by: Option<String>,
    pub reason: Option<String>,
}

impl Report {
    /// As one file that needs no other.
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

/// The validation without the values of the plan's private columns.
pub fn without_private(validation: Validation, plan: Option<&Plan>) -> Validation {
    Mask::of(plan).validation(validation)
}

/// Puts together what the ledger knows of the run.
pub async fn report(ledger: &Ledger, run: &RunRecord, made_ms: u64) -> Result<Report> {
    let snapshot = ledger.snapshot(&run.id).await?;
    let facts = ledger.facts_after(&run.id, 0).await?;
    let document = Document::from_text(run.plan_text.clone());
    let mask = Mask::of(document.plan.as_ref());
    let checks = ledger.evidence::<Vec<CheckItem>>(&run.id, EvidenceKind::Checks).await?;
    let checks = checks.map(|(at_ms, items)| ChecksPart { at_ms, items: mask.checks(items) });
    let validation = ledger.evidence::<Validation>(&run.id, EvidenceKind::Validation).await?;
    let reviews = ledger.sample_reviews(&run.id).await?;
    let validation = validation.map(|(_, mut validation)| {
        count_reviews(&mut validation, &reviews);
        mask.validation(validation)
    });
    let deviations = ledger.deviations(&run.id).await?.into_iter();
    let deviations: Vec<Deviation> = deviations.map(|record| mask.deviation(deviation(record))).collect();
    let tables: Vec<TablePart> = snapshot.tables.iter().map(|table| table_part(table, &facts)).collect();
    Ok(Report {
        run: run.id.clone(),
        plan: plan_part(run, &document, &mask),
        program: format!("whimbrel {}", env!("CARGO_PKG_VERSION")),
        made_ms,
        by: run.by.clone(),
        started_ms: run.started_ms as u64,
        ended_ms: run.ended_ms.map(|ended| ended as u64),
        read_ms: facts.iter().rev().find_map(started),
        phase: snapshot.phase,
        stopped: snapshot.stopped.clone(),
        counts: snapshot.counts(),
        balanced: tables.iter().all(|table| table.balanced),
        throughput: throughput(&facts),
        verdict: snapshot.validated.as_ref().map_or(Outcome::NotRun, |validated| validated.outcome),
        validations: validations(&facts, &mask),
        unchecked: unchecked(&snapshot, checks.is_some(), validation.as_ref(), &tables),
        remarks: snapshot.remarks.iter().map(|remark| mask.words(remark)).collect(),
        point: snapshot.point.clone(),
        drills: ledger.drills_of(&run.id).await?,
        tables,
        checks,
        validation,
        deviations,
        acts: ledger.trail(Some(std::slice::from_ref(&run.id))).await?,
        trail: ledger.verify_trail().await?,
    })
}

fn plan_part(run: &RunRecord, document: &Document, mask: &Mask) -> PlanPart {
    let plan = document.plan.as_ref();
    let url = |side: Option<&crate::plan::SidePlan>| side.map(|side| without_password(&side.url)).unwrap_or_default();
    PlanPart {
        name: run.plan_name.clone(),
        path: run.plan_key.clone(),
        digest: run.plan_digest.clone(),
        source: url(plan.map(|plan| &plan.source)),
        destination: url(plan.map(|plan| &plan.destination)),
        label: plan.and_then(|plan| plan.destination.label.clone()),
        text: run.plan_text.clone(),
        private: mask.names(),
    }
}

fn table_part(table: &crate::protocol::TableProgress, facts: &[Fact]) -> TablePart {
    let at = |wanted: &dyn Fn(&Event) -> bool| facts.iter().find(|fact| wanted(&fact.event)).map(|fact| fact.at_ms);
    TablePart {
        from: table.from.clone(),
        to: table.to.clone(),
        rows: table.rows.exact(),
        counts: table.counts,
        balanced: table.counts.reconcile(),
        started_ms: at(&|event| matches!(event, Event::TableStarted { table: name } if *name == table.to)),
        finished_ms: at(&|event| matches!(event, Event::TableFinished { table: name, .. } if *name == table.to)),
    }
}

fn started(fact: &Fact) -> Option<u64> {
    matches!(fact.event, Event::Started { .. }).then_some(fact.at_ms)
}

fn throughput(facts: &[Fact]) -> Vec<Moment> {
    let committed = facts.iter().filter_map(|fact| match &fact.event {
        Event::ChunkCommitted { counts, .. } => Some(Moment { at_ms: fact.at_ms, rows: counts.read }),
        _ => None,
    });
    committed.collect()
}

fn validations(facts: &[Fact], mask: &Mask) -> Vec<(u64, Validated)> {
    let of = |fact: &Fact| match &fact.event {
        Event::Validated(validated) => {
            let why = validated.why.as_ref().map(|why| mask.words(why));
            Some((fact.at_ms, Validated { why, ..validated.clone() }))
        }
        _ => None,
    };
    facts.iter().filter_map(of).collect()
}

fn deviation(record: FaultRecord) -> Deviation {
    let fault = record.fault;
    Deviation {
        column: fault.shown_column().to_owned(),
        table: fault.table,
        row: fault.row,
        value: fault.value,
        cause: fault.cause,
        expected: fault.expected,
        message: fault.message,
        state: match record.state {
            FaultState::Written => "written after an edit or another try",
            state => state.word(),
        },
        by: record.by,
        reason: record.reason,
    }
}

fn unchecked(
    snapshot: &crate::protocol::Snapshot,
    has_checks: bool,
    validation: Option<&Validation>,
    tables: &[TablePart],
) -> Vec<String> {
    let mut unchecked = Vec::new();
    if !has_checks {
        unchecked.push("What the checks before the run found is not kept on this host.".to_owned());
    }
    match (validation, snapshot.validated.is_some()) {
        (None, false) => unchecked.push("The destination was not read back: no validation ran.".to_owned()),
        (None, true) => unchecked.push("Of the validation only its verdict is kept.".to_owned()),
        (Some(validation), _) => {
            let is_in = |to: &str| validation.tables.iter().any(|table| table.to == to);
            let left: Vec<&str> = tables.iter().map(|table| table.to.as_str()).filter(|to| !is_in(to)).collect();
            if !left.is_empty() {
                unchecked.push(format!("The last validation left out {}.", left.join(", ")));
            }
        }
    }
    unchecked.push("Tables, views, triggers and functions that the plan does not name were not looked at.".to_owned());
    unchecked.push(
        "Whether the data mean in the new system what they meant in the old one, no comparison can tell.".to_owned(),
    );
    unchecked.push(
        "Names of people are those of this host's accounts; nothing here proves who sat at the keyboard.".to_owned(),
    );
    unchecked
}
