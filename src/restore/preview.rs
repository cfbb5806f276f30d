//! What going back would do: what is kept set against what is there, and against what the runs since left there.
//!
//! Reads and writes nothing.

use std::{path::PathBuf, sync::Arc};

use super::{
    Identity, Manifest, RestoreError, Result,
    definition::{as_written, differences, encoding, triggers, unfitting, whole},
    file,
    keep::there,
    look::{self, Sums},
    manifest::{RowsKept, TableKept},
    others::{Found, Wrote},
    shelf::{Shelf, show},
    show_others::rows_of_others,
    sift::Makes,
    spare::Spared,
    touched::Touched,
    undo::{self, touched},
};
use crate::{
    endpoint::{Destination, Snapshot, Source},
    ledger::{Ledger, PointRecord, RestoreRecord, RunRecord},
    model::{Column, CounterStand, Mode, Table, thousands},
    protocol::{Held, Others, RestoreAct, RestorePreview, TablePreview},
};

/// The destination that is gone back to, and who goes.
pub struct Way {
    pub ledger: Ledger,
    pub destination: Arc<dyn Destination>,
    /// The destination, opened to be read.
    pub copy: Arc<dyn Source>,
    /// Its address, without a password.
    pub address: String,
    pub by: String,
    /// Milliseconds since 1970 UTC.
    pub now_ms: u64,
    /// Who reads what is encrypted.
    pub identities: Vec<Identity>,
}

/// What going back to the restore point of that name would do.
pub async fn preview(way: &Way, makes: &dyn Makes, name: &str) -> Result<RestorePreview> {
    let survey = Survey::of(way, name).await?;
    let mut shown = rows_of_others(way, makes, &survey).await?;
    let table = |table: &Surveyed| TablePreview {
        table: table.kept.name.clone(),
        act: table.act,
        rows: table.puts_back(),
        now: table.rows_now(),
        others: table.others.clone(),
        shown: shown.remove(&table.kept.name),
    };
    Ok(RestorePreview {
        tables: survey.tables.iter().map(table).collect(),
        runs: survey.runs.iter().map(|run| run.id.clone()).collect(),
        wants_discard: survey.wants_discard(),
        remarks: survey.remarks,
        refusals: survey.refusals,
        point: show(&way.ledger, survey.point, way.now_ms).await?,
    })
}

/// All that is known before the first write.
pub(super) struct Survey {
    pub(super) point: PointRecord,
    pub(super) manifest: Manifest,
    /// Where its files are.
    pub(super) folder: PathBuf,
    pub(super) tables: Vec<Surveyed>,
    /// Runs that go back with it, the latest first.
    pub(super) runs: Vec<RunRecord>,
    /// What they left in each table.
    pub(super) wrote: Wrote,
    /// A restore that was cut off.
    pub(super) unfinished: Option<RestoreRecord>,
    pub(super) remarks: Vec<String>,
    pub(super) refusals: Vec<String>,
}

pub(super) struct Surveyed {
    pub(super) kept: TableKept,
    pub(super) now: Option<Table>,
    pub(super) sums: Option<Found>,
    pub(super) act: RestoreAct,
    pub(super) others: Others,
    /// Rows that were there and are kept.
    pub(super) back: u64,
    /// Of a table that was not kept whole.
    pub(super) touched: Option<Touched>,
    /// Rows of others that go back too.
    pub(super) spared: Option<Spared>,
}

impl Surveyed {
    pub(super) fn new(kept: TableKept, now: Option<Table>, act: RestoreAct) -> Self {
        let back = kept.rows();
        Self { kept, now, sums: None, act, others: Others::Nothing, back, touched: None, spared: None }
    }

    /// How many rows going back writes.
    pub(super) fn puts_back(&self) -> u64 {
        match self.act {
            RestoreAct::Reload | RestoreAct::Create | RestoreAct::Undo => self.back + self.spared_rows(),
            RestoreAct::Empty => self.spared_rows(),
            _ => 0,
        }
    }

    /// The table as its rows are read now.
    pub(super) fn as_read(&self, destination: &dyn Destination) -> Option<Table> {
        match &self.touched {
            Some(touched) => Some(touched.table.clone()),
            None => self.now.as_ref().map(|now| whole(now, destination)),
        }
    }

    fn rows_now(&self) -> Option<u64> {
        self.sums.map(|sums| sums.whole.rows)
    }
}

impl Survey {
    pub(super) async fn of(way: &Way, name: &str) -> Result<Self> {
        let point = way.ledger.point(name).await?;
        let shelf = Shelf::of(&way.ledger);
        let manifest = shelf.manifest(&point)?;
        let folder = shelf.place(name);
        let runs = runs_since(way, &point).await?;
        let unfinished = way.ledger.restores(name).await?.into_iter().find(|restore| restore.ended_ms.is_none());
        let mut survey = Self {
            point,
            manifest,
            folder,
            tables: Vec::new(),
            runs,
            wrote: Wrote::default(),
            unfinished,
            remarks: Vec::new(),
            refusals: Vec::new(),
        };
        survey.demand_same_place(way);
        if survey.refusals.is_empty() {
            survey.look(way).await?;
            survey.demand_fit(way).await?;
            survey.tell_triggers(way).await?;
        }
        Ok(survey)
    }

    fn demand_same_place(&mut self, way: &Way) {
        let (then, now) = (&self.manifest.destination, &way.address);
        if then != now {
            self.refusals
                .push(format!("it is of {then}, and the plan's destination is {now} now: put the plan back first"));
        }
    }

    async fn look(&mut self, way: &Way) -> Result<()> {
        let snapshot = way.copy.snapshot().await?;
        let wrote = Wrote::of(way, &self.point, &self.runs).await?;
        for kept in self.manifest.tables.clone() {
            if let Some(touched) = touched(way, (&self.manifest, &self.folder), &kept).await? {
                let surveyed = undo::look(way, (&snapshot, &wrote), kept, touched).await?;
                self.refusals.extend(undo::refusals(self, &wrote, &surveyed));
                self.remarks.extend((surveyed.act == RestoreAct::Undo).then(|| undo::remark(&surveyed.kept.name)));
                self.tables.push(surveyed);
                continue;
            }
            if let Some(rows) = kept.rows.clone() {
                let folder = self.folder.clone();
                tokio::task::spawn_blocking(move || file::check(&folder, &rows)).await??;
            }
            let now = there(&*way.destination, &kept.name).await?;
            let sums = match &now {
                Some(now) => Some(sums(&*way.destination, &snapshot, now, &kept).await?),
                None => None,
            };
            let same_counters = match &now {
                Some(_) => way.destination.counters(&kept.name).await? == kept.counters,
                None => true,
            };
            let spared = self.spared_already(&kept, sums.as_ref());
            let act = match spared {
                Some(_) => RestoreAct::Nothing,
                None => act(way, &kept, &sums, same_counters).await?,
            };
            let done = self.unfinished.as_ref().is_some_and(|restore| restore.done.contains(&kept.name));
            let untouched = act == RestoreAct::Nothing || done;
            let others = if untouched { Others::Nothing } else { wrote.others(&kept, sums.as_ref()) };
            self.tables.push(Surveyed { sums, others, spared, ..Surveyed::new(kept, now, act) });
        }
        self.wrote = wrote;
        let unseen = self.tables.iter().filter_map(|table| self.unseen(table));
        let unseen: Vec<String> = unseen.collect();
        self.remarks.extend(unseen);
        Ok(())
    }

    /// What sums over the columns that runs write do not show.
    fn unseen(&self, table: &Surveyed) -> Option<String> {
        let (kept, goes_back) = (&table.kept, matches!(table.act, RestoreAct::Reload | RestoreAct::Undo));
        let wrote = self.wrote.runs.iter().any(|run| run.contains_key(&kept.name));
        if !goes_back || !wrote || kept.mode == Mode::Replace {
            return None;
        }
        let is_written = |column: &Column| kept.written.iter().any(|written| written.name == column.name);
        let columns = kept.definition.iter().flat_map(|definition| &definition.columns);
        let unwritten: Vec<&str> = columns
            .filter(|column| !column.generated && !is_written(column))
            .map(|column| column.name.as_str())
            .collect();
        (!unwritten.is_empty()).then(|| {
            format!(
                "{}: the run does not write {}, so what others changed there alone is not told; it goes back to what was kept",
                kept.name,
                unwritten.join(", ")
            )
        })
    }

    /// Rows of others that a restore that was cut off put back behind the table's own.
    fn spared_already(&self, kept: &TableKept, sums: Option<&Found>) -> Option<Spared> {
        let digest = self.unfinished.as_ref()?.spared.get(&kept.name)?;
        let mut sum = kept.rows.as_ref().and_then(|rows| rows.digest.as_ref()).map(|own| own.sum).unwrap_or_default();
        sum += digest.sum;
        (sums?.whole == sum).then(|| Spared { digest: digest.clone(), taken: None })
    }

    /// Why each table cannot be put back, and what else is not as it was.
    async fn demand_fit(&mut self, way: &Way) -> Result<()> {
        let dropped: Vec<&String> =
            self.tables.iter().filter(|table| table.act == RestoreAct::Drop).map(|table| &table.kept.name).collect();
        for table in &self.tables {
            if table.act == RestoreAct::Drop {
                let mut referrers = way.destination.referrers(&table.kept.name).await?;
                referrers.retain(|referrer| !dropped.contains(&referrer));
                if !referrers.is_empty() {
                    let (name, who) = (&table.kept.name, referrers.join(" and "));
                    self.refusals.push(format!(
                        "{name} cannot be dropped: {who} refer to it; take those foreign keys off first"
                    ));
                }
            }
            let (Some(was), Some(now)) = (&table.kept.definition, &table.now) else { continue };
            if matches!(table.act, RestoreAct::Reload | RestoreAct::Undo) {
                self.refusals.extend(unfitting(was, now));
            }
            if table.kept.held != Held::File {
                let changed = differences(was, now).into_iter();
                self.remarks.extend(changed.map(|what| format!("{}: {what} since the restore point", was.name)));
            }
        }
        Ok(())
    }

    /// Where triggers cannot be kept from firing, they will.
    async fn tell_triggers(&mut self, way: &Way) -> Result<()> {
        let loaded = |table: &&Surveyed| matches!(table.act, RestoreAct::Reload | RestoreAct::Empty | RestoreAct::Undo);
        if !way.destination.triggers_see_all() || self.tables.iter().filter(loaded).count() == 0 {
            return Ok(());
        }
        let things = way.destination.things().await?;
        for table in self.tables.iter().filter(loaded) {
            let name = &table.kept.name;
            let names: Vec<&str> = triggers(&things, name).collect();
            if !names.is_empty() {
                let names = names.join(", ");
                self.remarks
                    .push(format!("the triggers of {name} ({names}) fire for every row that goes and comes back"));
            }
        }
        Ok(())
    }

    /// What others did that would be gone, a sentence for each table.
    pub(super) fn wants_discard(&self) -> Vec<String> {
        self.tables.iter().filter_map(|table| sentence(&table.kept.name, &table.others)).collect()
    }
}

fn sentence(table: &str, others: &Others) -> Option<String> {
    Some(match others {
        Others::Nothing => return None,
        Others::Added(rows) => format!("{table}: others wrote {} row(s) since", thousands(*rows)),
        Others::Removed(rows) => format!("{table}: others removed {} row(s) since", thousands(*rows)),
        Others::Changed => format!("{table}: others changed rows since"),
        Others::Unknown(why) => format!("{table}: whether others wrote since cannot be told: {why}"),
    })
}

/// The run that it was made for and those of its plan that began later, the latest first, as far as they were not taken back
/// before. What marks tell of chunks whose fate the ledger did not see is taken over.
async fn runs_since(way: &Way, point: &PointRecord) -> Result<Vec<RunRecord>> {
    let new = &point.new;
    let mut runs = way.ledger.runs(Some(&new.plan_key)).await?;
    let is_own = |run: &RunRecord| new.before.is_none() && run.id == new.run;
    runs.retain(|run| is_own(run) || run.started_ms as u64 > new.made_ms);
    let mut standing = Vec::with_capacity(runs.len());
    for run in runs {
        if way.ledger.snapshot(&run.id).await?.taken_back.is_none() {
            standing.push(run);
        }
    }
    let runs = standing;
    for run in runs.iter().filter(|run| !run.unmarked && run.closed_ms.is_none()) {
        let marks = way.destination.marks(&run.id).await?;
        way.ledger.reconcile(&run.id, &marks).await?;
    }
    Ok(runs)
}

async fn sums(
    destination: &dyn Destination,
    snapshot: &Arc<dyn Snapshot>,
    now: &Table,
    kept: &TableKept,
) -> Result<Found> {
    let table = whole(now, destination);
    let own = encoding(&table.columns, destination);
    let (written, of_written) = (as_written(now, &kept.written, destination), encoding(&kept.written, destination));
    let alike = written.columns.iter().all(|column| table.column(&column.name) == Some(column));
    let mut encodings = vec![own];
    encodings.extend(alike.then(|| of_written.clone()));
    let both = look::read(snapshot, &table, Sums::over(encodings)).await?.sums;
    let apart = match alike {
        true => both.get(1).copied(),
        false => match look::read(snapshot, &written, Sums::over(vec![of_written])).await {
            Ok(sums) => sums.sums.first().copied(),
            Err(RestoreError::Unkeepable { .. }) => None,
            Err(error) => return Err(error),
        },
    };
    Ok(Found { whole: both.first().copied().unwrap_or_default(), written: apart })
}

async fn act(way: &Way, kept: &TableKept, sums: &Option<Found>, same_counters: bool) -> Result<RestoreAct> {
    let same_rows = |sums: &Found| {
        let digest = kept.rows.as_ref().and_then(|rows| rows.digest.as_ref());
        sums.whole == digest.map(|digest| digest.sum).unwrap_or_default()
    };
    Ok(match (kept.held, sums) {
        (Held::Absent, None) => RestoreAct::Nothing,
        (Held::Absent, Some(_)) => RestoreAct::Drop,
        (Held::File, _) => match same_file(way, kept).await? {
            true => RestoreAct::Nothing,
            false => RestoreAct::File,
        },
        (_, None) => RestoreAct::Create,
        (_, Some(sums)) if same_rows(sums) && same_counters => RestoreAct::Nothing,
        (Held::Empty, _) => RestoreAct::Empty,
        // Whose journal says nothing holds what it held.
        (Held::Journal, _) => RestoreAct::Nothing,
        (Held::Rows, _) => RestoreAct::Reload,
    })
}

pub(super) async fn same_file(way: &Way, kept: &TableKept) -> Result<bool> {
    if there(&*way.destination, &kept.name).await?.is_none() {
        return Ok(false);
    }
    let Some(path) = way.destination.file(&kept.name).await? else { return Ok(false) };
    let found = tokio::task::spawn_blocking(move || file::sha256(&path).ok()).await?;
    Ok(found.as_deref() == kept.rows.as_ref().map(RowsKept::original))
}

/// Whether counters stand where they stood.
pub(super) fn counters_differ(was: &[CounterStand], is: &[CounterStand]) -> Option<String> {
    let shown = |stands: &[CounterStand]| {
        let each = stands.iter().map(|stand| format!("{} at {}", stand.name, stand.value));
        if stands.is_empty() { "unset".to_owned() } else { each.collect::<Vec<_>>().join(", ") }
    };
    (was != is).then(|| format!("its counter stood elsewhere: {}, and is {}", shown(was), shown(is)))
}
