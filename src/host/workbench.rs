//! Serves a console's asks: both sides, the plan, checks, trials, review.

mod answers;
mod file;

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
};

use tokio::sync::{Mutex, watch};

use super::{
    migrations,
    review::Retries,
    views::{mapping_view, review_item, trial_row},
};
use crate::{
    binding::{Binding, Bound, Descriptions, bind, sketch},
    endpoint::{Catalog, Destination, EndpointError, Source, examine, open_destination, open_source},
    engine::{self, FinishError, Finished, Job, now_ms},
    ledger::{EvidenceKind, Ledger},
    model::{FaultId, OnError, RunId, RunPhase, Spot, named_cells},
    plan::{self, Document, Edit, Kind, Masks, Plan, When},
    protocol::{
        Answer, CheckItem, CheckState, Migration, Profiling, RestoreProgress, ReviewAction, ReviewItem, Sampled,
        Secret, SideName, SideView, TableChecks, TableProfile, Validating, Validation,
    },
    restore,
    transform::RunInstant,
    verify::{Checked, Moment, check, metric_checks, outside, readiness, row_tests},
};

/// One plan with its two sides, as an operator works on it. Every answer is for now: nothing here holds a lock while a
/// server thinks, but the one on what is asked.
pub struct Workbench {
    document: Mutex<Document>,
    passwords: Mutex<HashMap<SideName, Secret>>,
    source: Mutex<Option<Arc<dyn Source>>>,
    destination: Mutex<Option<Arc<dyn Destination>>>,
    descriptions: Mutex<Descriptions>,
    ledger: Ledger,
    by: String,
    /// Where new plans go, and where plans are looked for.
    folder: PathBuf,
    /// What the last validation found, its values cut.
    pub(super) validated: Mutex<Option<Validation>>,
    /// How far the one under way is.
    pub(super) validating: watch::Sender<Option<Validating>>,
    /// A retry of many flagged rows.
    pub(super) retries: Retries,
    /// How far a restore point is that is made before a run.
    pub(super) keeping: watch::Sender<RestoreProgress>,
    /// What the rows of tables hold, as far as somebody looked.
    pub(super) profiles: Mutex<HashMap<(SideName, String), TableProfile>>,
    /// How far the look under way is.
    pub(super) profiling: watch::Sender<Option<Profiling>>,
}

fn is_planned(plan: &Plan, table: &str) -> bool {
    plan.tables.iter().any(|mapped| mapped.from == table)
}

type Told<T> = Result<T, String>;

fn told(error: &EndpointError) -> String {
    format!("{error}. {}", error.hint())
}

impl Workbench {
    pub fn new(document: Document, ledger: Ledger, by: String, folder: PathBuf) -> Self {
        Self {
            document: Mutex::new(document),
            passwords: Mutex::default(),
            source: Mutex::default(),
            destination: Mutex::default(),
            descriptions: Mutex::default(),
            ledger,
            by,
            folder,
            validated: Mutex::default(),
            validating: watch::Sender::default(),
            retries: Retries::default(),
            keeping: watch::Sender::default(),
            profiles: Mutex::default(),
            profiling: watch::Sender::default(),
        }
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn by(&self) -> &str {
        &self.by
    }

    /// Names the plan on this host: its file's full path, or its name where it has no file.
    pub async fn plan_key(&self) -> String {
        let document = self.document.lock().await;
        match &document.path {
            Some(path) => std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display().to_string(),
            None => document.plan.as_ref().map(|plan| plan.name.clone()).unwrap_or_default(),
        }
    }

    async fn plan_answer(&self) -> Answer {
        let document = self.document.lock().await;
        Answer::Plan {
            path: document.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
            text: document.text.clone(),
            digest: document.digest().unwrap_or_default(),
            problems: document.problems.clone(),
        }
    }

    /// The plan's digest; `None` if its text has errors.
    pub async fn plan_digest(&self) -> Option<String> {
        self.document.lock().await.digest()
    }

    /// Whether the plan wants a validation after its runs.
    pub async fn validates(&self) -> bool {
        self.document.lock().await.plan.as_ref().is_none_or(|plan| plan.run.validate)
    }

    /// The plan's type; `None` if its text has errors.
    pub async fn kind(&self) -> Option<Kind> {
        self.document.lock().await.plan.as_ref().map(|plan| plan.kind)
    }

    /// The plan; `None` if its text has errors.
    pub async fn plan(&self) -> Option<Plan> {
        self.document.lock().await.plan.clone()
    }

    /// The columns that are private by the plan, or by what its file says by now: a mark that came after the run holds.
    pub async fn masks(&self) -> Masks {
        let document = self.document().await;
        let now = document.path.as_ref().and_then(|path| Document::load(path.clone()).ok()).and_then(|file| file.plan);
        document.plan.iter().chain(&now).map(Masks::of).fold(Masks::default(), Masks::and)
    }

    /// When the plan may run; `None` if its text has errors.
    pub async fn when(&self) -> Option<When> {
        self.document.lock().await.plan.as_ref().map(|plan| plan.when.clone())
    }

    /// All migrations that this host knows of.
    pub async fn migrations(&self) -> Told<Vec<Migration>> {
        migrations::list(&self.ledger, &self.folder).await.map_err(|error| error.to_string())
    }

    async fn close(&self, side: SideName) {
        match side {
            SideName::Source => *self.source.lock().await = None,
            SideName::Destination => *self.destination.lock().await = None,
        }
        self.forget().await;
    }

    pub(super) async fn document(&self) -> Document {
        self.document.lock().await.clone()
    }

    /// Looks at the tables of both sides anew when next asked.
    pub async fn forget(&self) {
        *self.descriptions.lock().await = Descriptions::default();
    }

    async fn connect(&self, side: SideName, password: Option<Secret>) -> Told<Answer> {
        if let Some(password) = password {
            self.passwords.lock().await.insert(side, password);
        }
        self.close(side).await;
        let version = self.catalog(side).await?.version().await.map_err(|error| told(&error))?;
        Ok(Answer::Connected(SideView { side, version }))
    }

    pub(super) async fn side(
        &self,
        side: SideName,
    ) -> Result<(plan::SidePlan, PathBuf, Option<Secret>), EndpointError> {
        let document = self.document.lock().await;
        let Some(plan) = &document.plan else {
            let first = document.problems.iter().find(|problem| problem.error);
            let why = first.map(|p| format!("line {}: {}", p.line, p.message)).unwrap_or_default();
            return Err(EndpointError::new(crate::endpoint::ErrorKind::Address, "the plan has errors", why));
        };
        let chosen = match side {
            SideName::Source => plan.source.clone(),
            SideName::Destination => plan.destination.clone(),
        };
        let base = document.folder().to_owned();
        drop(document);
        let password = self.passwords.lock().await.get(&side).cloned();
        Ok((chosen, base, password))
    }

    /// The open source; opens it when it is not.
    pub async fn source(&self) -> Result<Arc<dyn Source>, EndpointError> {
        let mut open = self.source.lock().await;
        if let Some(source) = &*open {
            return Ok(source.clone());
        }
        let (side, base, password) = self.side(SideName::Source).await?;
        let source = open_source(&side, &base, password.as_ref().map(|secret| secret.0.as_str())).await?;
        *open = Some(source.clone());
        Ok(source)
    }

    /// The open destination; opens it when it is not.
    pub async fn destination(&self) -> Result<Arc<dyn Destination>, EndpointError> {
        let mut open = self.destination.lock().await;
        if let Some(destination) = &*open {
            return Ok(destination.clone());
        }
        let (side, base, password) = self.side(SideName::Destination).await?;
        let marks = self.document.lock().await.plan.as_ref().and_then(|plan| plan.run.marks.clone());
        let password = password.as_ref().map(|secret| secret.0.as_str());
        let destination = open_destination(&side, &base, password, marks.as_deref()).await?;
        *open = Some(destination.clone());
        Ok(destination)
    }

    /// The destination, opened to be read.
    pub async fn copy(&self) -> Result<Arc<dyn Source>, EndpointError> {
        let (side, base, password) = self.side(SideName::Destination).await?;
        open_source(&side, &base, password.as_ref().map(|secret| secret.0.as_str())).await
    }

    async fn catalog(&self, side: SideName) -> Told<Arc<dyn Catalog>> {
        let opened: Result<Arc<dyn Catalog>, EndpointError> = match side {
            SideName::Source => self.source().await.map(|source| source as Arc<dyn Catalog>),
            SideName::Destination => self.destination().await.map(|destination| destination as Arc<dyn Catalog>),
        };
        opened.map_err(|error| told(&error))
    }

    async fn preview(&self, side: SideName, table: &str, spot: &Spot, limit: u32) -> Told<Answer> {
        let catalog = self.catalog(side).await?;
        let described = catalog.describe(table).await.map_err(|error| told(&error))?;
        let mut page = catalog.preview(&described, spot, limit.min(1_000)).await.map_err(|error| told(&error))?;
        // What is only looked at need not be whole, and a page of very long values would be no message any more.
        page.rows.iter_mut().flatten().for_each(|cell| *cell = cell.told());
        Ok(Answer::Page(page))
    }

    /// The current plan, or the one that `text` holds.
    pub(super) async fn read(&self, text: Option<String>) -> Told<(Document, Plan)> {
        let document = match text {
            Some(text) => self.document.lock().await.with_text(text),
            None => self.document.lock().await.clone(),
        };
        let Some(plan) = document.plan.clone() else {
            let problem = document.problems.iter().find(|problem| problem.error);
            return Err(
                problem.map_or_else(String::new, |p| format!("line {}, column {}: {}", p.line, p.column, p.message))
            );
        };
        Ok((document, plan))
    }

    async fn bind(&self, document: &Document, plan: &Plan) -> Result<Binding, EndpointError> {
        self.bind_at(document, plan, RunInstant(now_ms() as i64)).await
    }

    pub(super) async fn bind_at(
        &self,
        document: &Document,
        plan: &Plan,
        instant: RunInstant,
    ) -> Result<Binding, EndpointError> {
        let (source, destination) = (self.source().await?, self.destination().await?);
        let mut descriptions = self.descriptions.lock().await;
        bind(document, plan, &*source, &*destination, &mut descriptions, instant).await
    }

    pub(super) async fn bound(&self, table: &str, text: Option<String>) -> Told<Bound> {
        let (document, plan) = self.read(text).await?;
        let binding = self.bind(&document, &plan).await.map_err(|error| told(&error))?;
        let found = binding.tables.into_iter().find(|bound| bound.mapping.to.name == table);
        found.ok_or_else(|| format!("the plan has no table '{table}'; select it first"))
    }

    async fn mapping(&self, table: &str, text: Option<String>) -> Told<TableChecks> {
        Ok(mapping_view(self.bound(table, text).await?))
    }

    async fn trial(&self, table: &str, text: Option<String>, offset: u64, limit: u32) -> Told<Sampled> {
        let bound = self.bound(table, text).await?;
        let mapping = &bound.mapping;
        let mut sampled = Sampled {
            source_columns: mapping.from.columns.iter().map(|column| column.name.clone()).collect(),
            target_columns: mapping.columns.iter().map(|mapped| mapped.target.name.clone()).collect(),
            ..Sampled::default()
        };
        let source = self.source().await.map_err(|error| told(&error))?;
        if mapping.from.columns.is_empty() {
            sampled.error = bound.problems.into_iter().find(|problem| problem.error);
            return Ok(sampled);
        }
        let page =
            source.preview(&mapping.from, &Spot::Row(offset), limit.min(200)).await.map_err(|error| told(&error))?;
        sampled.error = bound.problems.iter().find(|problem| problem.error).cloned();
        for cells in page.rows {
            let cells = named_cells(&mapping.from, cells);
            sampled.rows.push(trial_row(mapping, bound.transform.as_ref(), cells));
        }
        Ok(sampled)
    }

    async fn select(&self, tables: Vec<String>, selected: bool) -> Told<Answer> {
        let drafts = if selected { self.drafts(&tables).await? } else { Vec::new() };
        let text = self.document.lock().await.text.clone();
        let (_, plan) = self.read(None).await?;
        let edits: Vec<Edit> = match selected {
            true => drafts.into_iter().filter(|(table, _)| !is_planned(&plan, table)).map(|(_, edit)| edit).collect(),
            false => {
                let named: BTreeSet<String> = tables.into_iter().collect();
                let mapped = plan.tables.iter().filter(|mapped| named.contains(&mapped.from));
                mapped.map(|mapped| Edit::RemoveTable { to: mapped.to.clone() }).collect()
            }
        };
        let changed = plan::apply_all(&text, &edits);
        self.save(changed.map_err(|error| error.to_string())?).await
    }

    /// Tables that the plan has not as they are added to it; by their names alone where a side cannot be asked.
    async fn drafts(&self, tables: &[String]) -> Told<Vec<(String, Edit)>> {
        let (_, plan) = self.read(None).await?;
        let new: Vec<String> = tables.iter().filter(|table| !is_planned(&plan, table)).cloned().collect();
        let sketched = match (self.source().await, self.destination().await) {
            (Ok(source), Ok(destination)) => sketch(&*source, &*destination, &new, &self.known_profiles().await).await,
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        Ok(match sketched {
            Ok(sketched) => {
                let edit = |drafted| Edit::AddDraft(Box::new(drafted));
                new.into_iter().zip(sketched.into_iter().map(edit)).collect()
            }
            Err(error) => {
                tracing::warn!(%error, "tables are added unseen");
                new.into_iter()
                    .map(|table| (table.clone(), Edit::AddTable { from: table.clone(), to: table }))
                    .collect()
            }
        })
    }

    /// The pre-migration checks.
    pub async fn check(&self) -> Vec<CheckItem> {
        self.forget().await;
        let (document, plan) = match self.read(None).await {
            Ok(read) => read,
            Err(message) => {
                return vec![CheckItem {
                    name: "Plan is valid".into(),
                    state: CheckState::Failed,
                    details: vec![message],
                }];
            }
        };
        let source = self.source().await;
        let destination = self.destination().await;
        let binding = match (&source, &destination) {
            (Ok(_), Ok(_)) => Some(self.bind(&document, &plan).await),
            _ => None,
        };
        // Without it the keys of both sides are not compared; what keeps it from being opened, others say.
        let copy = match &destination {
            Ok(_) => self.copy().await.ok(),
            Err(_) => None,
        };
        let checked = Checked {
            source: source.as_deref(),
            destination: destination.as_deref(),
            copy: copy.as_deref(),
            binding: binding.as_ref().map(Result::as_ref),
        };
        let mut items = check(&checked).await;
        // They come first, in this order.
        for (item, (side, error)) in items
            .iter_mut()
            .zip([(SideName::Source, source.as_ref().err()), (SideName::Destination, destination.as_ref().err())])
        {
            if let (Some(error), Ok((side, base, _))) = (error, self.side(side).await) {
                item.details.extend(examine(&side, &base, error).await);
            }
        }
        items.extend(outside(&plan, source.as_deref().ok()).await);
        items.extend(metric_checks(&plan, source.as_deref().ok(), copy.as_deref()).await);
        if let Some(Ok(binding)) = &binding {
            items.extend(row_tests(&plan, binding));
            items.push(restore::readiness(
                &plan.restore,
                binding.tables.iter().map(|table| &table.mapping),
                self.ledger.folder(),
            ));
        }
        let completed = self.completed().await;
        let now = chrono::Local::now().naive_local();
        items.extend(readiness(&Moment { plan: &plan, now, completed: &completed }));
        items
    }

    /// Remembers what the checks found before the run: its report tells. A run goes on without.
    pub async fn keep_checks(&self, run: &RunId, items: &[CheckItem]) {
        if let Err(error) = self.ledger.keep_evidence(run, EvidenceKind::Checks, now_ms(), items).await {
            tracing::warn!(%run, %error, "the checks are not kept");
        }
    }

    /// The plans of all runs of this host that came to their end. A ledger that cannot be read has none.
    async fn completed(&self) -> Vec<Plan> {
        let runs = self.ledger.runs(None).await.unwrap_or_default();
        let completed = runs.into_iter().filter(|run| run.phase == RunPhase::Completed);
        completed.filter_map(|run| Document::from_text(run.plan_text).plan).collect()
    }

    /// The statements that would create what is missing in the destination, in load order.
    pub async fn statements(&self) -> Told<Vec<String>> {
        let (document, plan) = self.read(None).await?;
        let binding = self.bind(&document, &plan).await.map_err(|error| told(&error))?;
        Ok(binding.tables.into_iter().flat_map(|table| table.statements).collect())
    }

    /// A run of the plan as it is now.
    pub async fn job(&self, on_error: Option<OnError>, resume: bool, attended: bool, only: Vec<String>) -> Told<Job> {
        Ok(Job {
            plan_key: self.plan_key().await,
            document: self.document().await,
            source: self.source().await.map_err(|error| told(&error))?,
            destination: self.destination().await.map_err(|error| told(&error))?,
            ledger: self.ledger.clone(),
            on_error,
            resume,
            attended,
            only,
            by: self.by.clone(),
            precaution: Some(self.keeper().await.map_err(|error| told(&error))?),
        })
    }

    /// The flagged rows of a run; of the plan's latest one where none is given.
    pub async fn review(&self, run: Option<RunId>) -> Told<Vec<ReviewItem>> {
        let run = match run {
            Some(run) => run,
            None => {
                let runs = self.ledger.runs(Some(&self.plan_key().await)).await.map_err(|error| error.to_string())?;
                match runs.into_iter().next() {
                    Some(run) => run.id,
                    None => return Ok(Vec::new()),
                }
            }
        };
        let records = self.ledger.review(&run).await.map_err(|error| error.to_string())?;
        Ok(records.into_iter().map(review_item).collect())
    }

    /// Declares the plan's migration over; `force`: although a run is unfinished or rows are flagged.
    pub async fn finish(&self, force: bool) -> Result<Finished, FinishError> {
        let destination = self.destination().await?;
        engine::finish(&self.ledger, &*destination, &self.plan_key().await, force, &self.by).await
    }

    /// Retries or discards a flagged row.
    pub async fn act(&self, fault: &FaultId, action: ReviewAction) -> Told<ReviewItem> {
        let record = match action {
            ReviewAction::Discard { reason } => engine::discard(&self.ledger, fault, &reason, &self.by).await,
            ReviewAction::Reveal => engine::reveal(&self.ledger, fault, &self.by).await,
            ReviewAction::Retry { cells } => {
                let table = self.ledger.fault(fault).await.map_err(|error| error.to_string())?.fault.table;
                let bound = self.bound(&table, None).await?;
                let (_, plan) = self.read(None).await?;
                let destination = self.destination().await.map_err(|error| told(&error))?;
                let keeper = self.keeper().await.map_err(|error| told(&error))?;
                let (row, by) = ((fault, cells.as_slice()), (&plan.run, self.by.as_str()));
                engine::retry(&self.ledger, &destination, bound, row, &*keeper, by).await
            }
        };
        record.map(review_item).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Ask;

    #[tokio::test]
    async fn a_table_that_is_selected_is_drafted_as_a_new_plan_would() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("in.csv"), "id,zip\n1,01234\n").unwrap();
        let path = folder.path().join("plan.toml");
        let text = "[source]\nurl = \"csv:in.csv\"\n[destination]\nurl = \"sqlite:out.db\" # kept\n";
        std::fs::write(&path, text).unwrap();
        let ledger = Ledger::open(&folder.path().join("state")).await.unwrap();
        let document = Document::load(&path).unwrap();
        let workbench = Workbench::new(document, ledger, "ada".into(), folder.path().to_owned());
        let select = |name: &str, selected| Ask::Select { tables: vec![name.to_owned()], selected };
        let chosen = workbench.answer(select("in", true)).await.unwrap();
        let Answer::Plan { text: drafted, .. } = chosen else { panic!("no plan") };
        assert!(drafted.starts_with(text), "{drafted}");
        assert!(drafted.contains("id = { type = \"bigint\" }") && !drafted.contains("zip"), "{drafted}");
        // What cannot be looked at is added by its name.
        workbench.answer(select("elsewhere", true)).await.unwrap();
        let Answer::Plan { text: both, .. } = workbench.answer(select("in", true)).await.unwrap() else { panic!() };
        assert!(both.starts_with(drafted.trim_end()) && both.contains("from = \"elsewhere\""), "{both}");
    }
}
