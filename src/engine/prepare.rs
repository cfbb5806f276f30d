//! Everything that stands before a run's first row: which run it is, what of it stands already, tables, marks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{Journal, Precaution, TableStart, now_ms, resume, writing::Writing};
use crate::{
    binding::{Binding, Descriptions, bind, left_behind},
    endpoint::{Destination, EndpointError, ErrorKind, Mark, Source},
    ledger::{Answered, Ledger, LedgerError, NewRun, PlanLock, RunRecord},
    model::{Count, Counts, Mode, OnError, Problem, RunId, RunPhase, Table},
    plan::{Document, Mapping, Plan},
    protocol::{Event, Snapshot, StartedTable},
    transform::RunInstant,
};

/// What a run is made of.
#[derive(Clone)]
pub struct Job {
    pub document: Document,
    /// Names the plan on this host.
    pub plan_key: String,
    pub source: Arc<dyn Source>,
    pub destination: Arc<dyn Destination>,
    pub ledger: Ledger,
    /// Overrides the plan's policy.
    pub on_error: Option<OnError>,
    /// Go on with the plan's unfinished run, if there is one; else such a run is an error.
    pub resume: bool,
    /// Somebody is there to answer. Without, `ask` is `stop`.
    pub attended: bool,
    /// Only these destination tables; empty: all.
    pub only: Vec<String>,
    pub by: String,
    /// What is done before the first write of a run that begins.
    pub precaution: Option<Arc<dyn Precaution>>,
}

#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the plan has {} error(s): {}", .0.len(), first(.0))]
    Plan(Vec<Problem>),
    #[error(
        "run {run} of this plan is not finished ({phase:?}); go on with it by --resume, or give the plan another name \
         or file to begin anew"
    )]
    Unfinished { run: RunId, phase: RunPhase },
    #[error(
        "run {run} cannot go on: the plan has changed since it began (digest {then} then, {now} now); put the plan back, \
         or begin anew from a copy of it"
    )]
    PlanChanged { run: RunId, then: String, now: String },
    #[error(
        "run {run} cannot go on: the destination no longer holds its mark of chunk {chunk} of {table}, so nothing can \
         tell which rows are there; restore the marks in {place}, or begin anew with an empty destination"
    )]
    MarksGone { run: RunId, table: String, chunk: u64, place: String },
    #[error(
        "{table} holds rows already, and the destination can keep no marks, so nothing could tell them from the run's own \
         after a crash; empty it, use mode = \"upsert\" or \"replace\", or let marks be kept: {why}"
    )]
    NotEmpty { table: String, why: String },
    #[error(
        "{table} cannot be replaced without {referrer}, whose rows refer to it and would be gone with its own: take both \
         into the run"
    )]
    Referred { table: String, referrer: String },
    #[error("no restore point could be made, so the run did not begin and nothing was written: {0}")]
    Precaution(String),
    #[error("the plan has no table '{0}'")]
    NoTable(String),
}

fn first(problems: &[Problem]) -> &str {
    problems.iter().find(|problem| problem.error).map_or("", |problem| problem.message.as_str())
}

/// A run ready to begin.
pub struct Prepared {
    pub(super) job: Job,
    pub(super) plan: Plan,
    pub(super) run: RunRecord,
    pub(super) binding: Binding,
    pub(super) created: Vec<Table>,
    /// What of the source the created tables do not get, in sentences.
    pub(super) left_out: Vec<String>,
    pub(super) starts: Vec<TableStart>,
    pub(super) before: Snapshot,
    pub(super) resumed: bool,
    /// What stands, in words, where the run goes on.
    pub(super) standing: Option<String>,
    /// What was done before it begins.
    pub(super) taken: Option<Event>,
    /// By destination table.
    pub(super) journals: BTreeMap<String, Box<dyn Journal>>,
    pub(super) lock: PlanLock,
}

impl Prepared {
    /// Where the run stands before it begins or goes on.
    pub fn before(&self) -> &Snapshot {
        &self.before
    }

    pub fn run_id(&self) -> &RunId {
        &self.run.id
    }
}

/// Finds or begins the run, creates what is missing in the destination, and learns from its marks what stands. Writes
/// nothing where the plan has errors.
pub async fn prepare(job: Job) -> Result<Prepared, PrepareError> {
    let lock = job.ledger.lock_plan(&job.plan_key)?;
    let Some(plan) = job.document.plan.clone() else {
        return Err(PrepareError::Plan(job.document.problems.clone()));
    };
    let (mut run, resumed) = find_or_name(&job, &plan).await?;
    let instant = RunInstant(run.instant_ms);
    // What the run made it binds as it did then, or a type of the plan would count no more.
    let made: BTreeSet<String> = job.ledger.created(&run.id).await?.into_iter().map(|table| table.name).collect();
    let mut descriptions = Descriptions::before(made.iter().cloned());
    let mut binding = bind(&job.document, &plan, &*job.source, &*job.destination, &mut descriptions, instant).await?;
    let writings = writings(&binding, &plan);
    let families = families(&binding);
    keep_only(&job.only, &mut binding)?;
    let problems: Vec<Problem> = binding.tables.iter().flat_map(|table| table.problems.clone()).collect();
    if problems.iter().any(|problem| problem.error) {
        return Err(PrepareError::Plan(problems.into_iter().filter(|problem| problem.error).collect()));
    }
    let mut taken = None;
    if !resumed {
        if let Some(why) = job.destination.cannot_mark().await? {
            run.unmarked = true;
            demand_empty(&job, &plan, &binding, &why).await?;
        }
        let names: Vec<&String> = binding.tables.iter().map(|table| &table.mapping.to.name).collect();
        demand_families(&families, &names)?;
        taken = take_precaution(&job, &run, &binding).await?;
        job.ledger.begin_run(&new_run(&run)).await?;
        keep_held(&job, &run, &binding).await?;
    }
    create_missing(&job, &run, &binding, &made).await?;
    let created = job.ledger.created(&run.id).await?;
    let left_out = left_out(&job, &binding, &created).await?;
    let standing = standing(&job, &run, &writings).await?;
    let starts = starts(&job, &run, &binding, &created, standing).await?;
    let fresh: Vec<&String> = starts.iter().filter(|start| start.chunk == 0).map(|start| &start.table.to).collect();
    demand_families(&families, &fresh)?;
    let standing = resumed.then(|| resume::standing(&run, &starts));
    let journals = journals(&job, &run, &binding).await?;
    let before = Snapshot {
        plan: plan.name.clone(),
        digest: run.plan_digest.clone(),
        run: Some(run.id.clone()),
        parallel: plan.run.parallel,
        rows_per_second: plan.run.rows_per_second,
        on_error: policy(&job, &plan),
        ..job.ledger.snapshot(&run.id).await?
    };
    Ok(Prepared {
        job,
        plan,
        run,
        binding,
        created,
        left_out,
        starts,
        before,
        resumed,
        standing,
        taken,
        journals,
        lock,
    })
}

/// Before the run is on record: one that could not begin leaves none behind that would have to be gone on with.
async fn take_precaution(job: &Job, run: &RunRecord, binding: &Binding) -> Result<Option<Event>, PrepareError> {
    let Some(precaution) = &job.precaution else { return Ok(None) };
    let mappings: Vec<&Mapping> = binding.tables.iter().map(|table| &table.mapping).collect();
    precaution.take(run, &mappings).await.map(Some).map_err(PrepareError::Precaution)
}

async fn journals(
    job: &Job,
    run: &RunRecord,
    binding: &Binding,
) -> Result<BTreeMap<String, Box<dyn Journal>>, EndpointError> {
    let mut journals = BTreeMap::new();
    let Some(precaution) = &job.precaution else { return Ok(journals) };
    for mapping in binding.tables.iter().map(|table| &table.mapping) {
        if let Some(journal) = precaution.journal(run, mapping).await? {
            journals.insert(mapping.to.name.clone(), journal);
        }
    }
    Ok(journals)
}

fn policy(job: &Job, plan: &Plan) -> OnError {
    match job.on_error.unwrap_or(plan.run.on_error) {
        OnError::Ask if !job.attended => OnError::Stop,
        policy => policy,
    }
}

async fn find_or_name(job: &Job, plan: &Plan) -> Result<(RunRecord, bool), PrepareError> {
    let digest = job.document.digest().unwrap_or_default();
    if let Some(run) = job.ledger.unfinished(&job.plan_key).await? {
        if !job.resume {
            return Err(PrepareError::Unfinished { run: run.id, phase: run.phase });
        }
        if run.plan_digest != digest {
            let (then, now) = (short(&run.plan_digest), short(&digest));
            return Err(PrepareError::PlanChanged { run: run.id, then, now });
        }
        return Ok((run, true));
    }
    let now = now_ms() as i64;
    let run = RunRecord {
        id: RunId(Uuid::now_v7().to_string()),
        plan_key: job.plan_key.clone(),
        plan_name: plan.name.clone(),
        plan_digest: digest,
        plan_text: job.document.text.clone(),
        instant_ms: now,
        started_ms: now,
        ended_ms: None,
        phase: RunPhase::Running,
        by: job.by.clone(),
        unmarked: false,
        closed_ms: None,
    };
    Ok((run, false))
}

fn short(digest: &str) -> String {
    digest.chars().take(7).collect()
}

fn new_run(run: &RunRecord) -> NewRun {
    NewRun {
        id: run.id.clone(),
        plan_key: run.plan_key.clone(),
        plan_name: run.plan_name.clone(),
        plan_digest: run.plan_digest.clone(),
        plan_text: run.plan_text.clone(),
        instant_ms: run.instant_ms,
        by: run.by.clone(),
        unmarked: run.unmarked,
    }
}

/// How each table of the plan is written where no marks are kept.
type Writings = BTreeMap<String, Writing>;

fn writings(binding: &Binding, plan: &Plan) -> Writings {
    let mappings = binding.tables.iter().map(|table| &table.mapping);
    mappings.map(|mapping| (mapping.to.name.clone(), Writing::of(mapping, false, &plan.run, true))).collect()
}

/// For each table of the plan, those that are emptied with it.
fn families(binding: &Binding) -> BTreeMap<String, Vec<String>> {
    let names = binding.tables.iter().map(|table| table.mapping.to.name.clone());
    names.map(|name| (name.clone(), binding.emptied_with(&name))).collect()
}

/// A table that is still to be emptied takes others with it: they must be `fresh` too, of this run and without rows of it.
fn demand_families(families: &BTreeMap<String, Vec<String>>, fresh: &[&String]) -> Result<(), PrepareError> {
    for table in fresh.iter().copied() {
        let family = families.get(table).map(Vec::as_slice).unwrap_or_default();
        if let Some(referrer) = family.iter().find(|name| !fresh.contains(name)) {
            return Err(PrepareError::Referred { table: table.clone(), referrer: referrer.clone() });
        }
    }
    Ok(())
}

pub(super) fn keep_only(only: &[String], binding: &mut Binding) -> Result<(), PrepareError> {
    if only.is_empty() {
        return Ok(());
    }
    let known = |name: &String| binding.tables.iter().any(|table| table.mapping.to.name == *name);
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        return Err(PrepareError::NoTable(unknown.clone()));
    }
    binding.tables.retain(|table| only.contains(&table.mapping.to.name));
    Ok(())
}

/// `made`: what the run has set about to make before, and may have.
async fn create_missing(
    job: &Job,
    run: &RunRecord,
    binding: &Binding,
    made: &BTreeSet<String>,
) -> Result<(), PrepareError> {
    for table in binding.tables.iter().filter(|table| !table.mapping.exists) {
        let name = &table.mapping.to.name;
        if made.contains(name) && is_there(job, name).await? {
            continue;
        }
        let same = job.source.system() == job.destination.system();
        let key_holds = !run.unmarked && table.mapping.keeps_key(same);
        let made = Table { key_holds, ..table.mapping.to.clone() };
        job.ledger.creates(&run.id, &made).await?;
        job.destination.create(&made).await?;
    }
    if !run.unmarked {
        job.destination.prepare().await?;
    }
    Ok(())
}

async fn is_there(job: &Job, table: &str) -> Result<bool, EndpointError> {
    match job.destination.describe(table).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind == ErrorKind::NoTable => Ok(false),
        Err(error) => Err(error),
    }
}

/// Remembers what tables hold before the first row: afterwards nothing else tells those rows from the run's own.
async fn keep_held(job: &Job, run: &RunRecord, binding: &Binding) -> Result<(), PrepareError> {
    for mapping in binding.tables.iter().map(|table| &table.mapping) {
        let stays = mapping.exists && mapping.mode != Mode::Replace;
        let rows = if stays { job.destination.count(&mapping.to.name).await? } else { 0 };
        job.ledger.held_before(&run.id, &mapping.to.name, rows).await?;
    }
    Ok(())
}

/// Without marks, tables that rows are added to may hold none.
async fn demand_empty(job: &Job, plan: &Plan, binding: &Binding, why: &str) -> Result<(), PrepareError> {
    for mapping in binding.tables.iter().map(|table| &table.mapping) {
        if Writing::of(mapping, false, &plan.run, true).needs_empty(mapping)
            && job.destination.count(&mapping.to.name).await? > 0
        {
            return Err(PrepareError::NotEmpty { table: mapping.to.name.clone(), why: why.to_owned() });
        }
    }
    Ok(())
}

async fn left_out(job: &Job, binding: &Binding, created: &[Table]) -> Result<Vec<String>, PrepareError> {
    if created.is_empty() {
        return Ok(Vec::new());
    }
    let things = job.source.things().await?;
    let is_created = |name: &str| created.iter().any(|table| table.name == name);
    let tables = binding.tables.iter().filter(|table| is_created(&table.mapping.to.name));
    let sources: Vec<&str> = tables.map(|table| table.mapping.from.name.as_str()).collect();
    let of_tables = created.iter().flat_map(|table| table.left_out.iter().cloned());
    Ok(of_tables.chain(left_behind(&things, &sources)).collect())
}

/// What of the run stands in the destination, by table.
#[derive(Default)]
struct Standing {
    marks: BTreeMap<String, Vec<Mark>>,
    answers: BTreeMap<String, Vec<Answered>>,
}

async fn standing(job: &Job, run: &RunRecord, writings: &Writings) -> Result<Standing, PrepareError> {
    let marks = if run.unmarked {
        unmarked(job, run, writings).await?
    } else {
        let marks = job.destination.marks(&run.id).await?;
        job.ledger.reconcile(&run.id, &marks).await?;
        marks
    };
    let run = &run.id;
    job.ledger.void_open(run).await?;
    for (table, chunk) in job.ledger.committed_chunks(run).await? {
        if !marks.iter().any(|mark| mark.table == table && mark.chunk == chunk) {
            let place = job.destination.marks_place();
            return Err(PrepareError::MarksGone { run: run.clone(), table, chunk, place });
        }
    }
    let mut standing = Standing::default();
    for mark in marks.into_iter().filter(|mark| mark.chunk < Mark::FIRST_RETRY) {
        standing.marks.entry(mark.table.clone()).or_default().push(mark);
    }
    for answered in job.ledger.standing_answers(run).await? {
        standing.answers.entry(answered.fault.table.clone()).or_default().push(answered);
    }
    Ok(standing)
}

/// What stands of a run that leaves no marks: what the ledger saw, and of what it did not see what the tables tell.
async fn unmarked(job: &Job, run: &RunRecord, writings: &Writings) -> Result<Vec<Mark>, PrepareError> {
    let mut marks = job.ledger.committed_marks(&run.id).await?;
    for pending in job.ledger.pending_chunks(&run.id).await? {
        let Some(writing) = writings.get(&pending.table) else { continue };
        if writing.stands(&*job.destination, &pending).await? {
            marks.push(pending);
        }
    }
    job.ledger.reconcile(&run.id, &marks).await?;
    Ok(marks)
}

async fn starts(
    job: &Job,
    run: &RunRecord,
    binding: &Binding,
    created: &[Table],
    mut standing: Standing,
) -> Result<Vec<TableStart>, PrepareError> {
    let mut starts = Vec::with_capacity(binding.tables.len());
    let names: Vec<&str> = binding.tables.iter().map(|table| table.mapping.to.name.as_str()).collect();
    for table in &binding.tables {
        let mapping = &table.mapping;
        let name = mapping.to.name.clone();
        let marks = standing.marks.remove(&name).unwrap_or_default();
        let last = marks.iter().max_by_key(|mark| mark.chunk);
        let mut counts = Counts::default();
        marks.iter().for_each(|mark| counts += mark.counts);
        let own = created.iter().any(|created| created.name == name);
        let waits_for = |to: &&str| !own && **to != name && names.contains(to) && !binding.order.in_cycle(&name);
        let referenced = mapping.to.foreign_keys.iter().map(|key| key.table.as_str());
        let emptying = names.iter().copied().filter(|other| binding.emptied_with(other).contains(&name));
        starts.push(TableStart {
            table: StartedTable {
                from: mapping.from.name.clone(),
                to: name.clone(),
                rows: rows(&*job.source, &mapping.from).await?,
                counts,
                done: last.is_some_and(|mark| mark.end.is_none()),
            },
            after_tables: referenced.filter(waits_for).chain(emptying).map(str::to_owned).collect(),
            position: last.and_then(|mark| mark.end.clone()),
            chunk: last.map_or(0, |mark| mark.chunk + 1),
            answered: standing.answers.remove(&name).unwrap_or_default(),
        });
    }
    tracing::info!(run = %run.id, tables = starts.len(), "run prepared");
    Ok(starts)
}

/// Tables below this many rows are counted exactly before they go. A larger one is not kept waiting for its count, which
/// takes its server a good part of the time of reading it: how far it is can be told from the estimate as well.
const WORTH_COUNTING: u64 = 250_000;

pub(super) async fn rows(source: &dyn Source, table: &Table) -> Result<Count, PrepareError> {
    match table.rows {
        Count::Exact(rows) => Ok(Count::Exact(rows)),
        Count::Estimate(rows) if rows > WORTH_COUNTING => Ok(Count::Estimate(rows)),
        Count::Estimate(_) | Count::Unknown => Ok(Count::Exact(source.count(&table.name).await?)),
    }
}
