//! What going back would do: what is kept set against what is there, and against what the runs since left there.
//!
//! Reads and writes nothing. One idea: a run took the sum of the rows that it wrote, so that what the table should hold by
//! now is known without knowing any row of it; whatever differs from that, others did.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{
    Identity, Manifest, RestoreError, Result,
    definition::{as_written, differences, encoding, unfitting, whole},
    file,
    keep::there,
    look::{self, Sums},
    manifest::{RowsKept, TableKept},
    shelf::{Shelf, show},
};
use crate::{
    endpoint::{Destination, Snapshot, Source},
    ledger::{Ledger, PointRecord, RestoreRecord, RunRecord},
    model::{CounterStand, Mode, RowSum, RunId, Table, TableDigest, thousands},
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
pub async fn preview(way: &Way, name: &str) -> Result<RestorePreview> {
    let survey = Survey::of(way, name).await?;
    let tables = survey.tables.iter().map(|table| TablePreview {
        table: table.kept.name.clone(),
        act: table.act,
        rows: if matches!(table.act, RestoreAct::Reload | RestoreAct::Create) { table.kept.rows() } else { 0 },
        now: table.rows_now(),
        others: table.others.clone(),
    });
    Ok(RestorePreview {
        tables: tables.collect(),
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
    /// A restore that was cut off.
    pub(super) unfinished: Option<RestoreRecord>,
    pub(super) remarks: Vec<String>,
    pub(super) refusals: Vec<String>,
}

pub(super) struct Surveyed {
    pub(super) kept: TableKept,
    pub(super) now: Option<Table>,
    sums: Option<Found>,
    pub(super) act: RestoreAct,
    pub(super) others: Others,
}

/// What a table holds now.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// Over all columns.
    whole: RowSum,
    /// Over those that the run writes; none where its types cannot read what is there.
    written: Option<RowSum>,
}

impl Surveyed {
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
        let (remarks, refusals) = (Vec::new(), Vec::new());
        let mut survey = Self { point, manifest, folder, tables: Vec::new(), runs, unfinished, remarks, refusals };
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
            let act = act(way, &kept, &sums, same_counters).await?;
            let done = self.unfinished.as_ref().is_some_and(|restore| restore.done.contains(&kept.name));
            let untouched = act == RestoreAct::Nothing || done;
            let others = if untouched { Others::Nothing } else { wrote.others(&kept, sums.as_ref()) };
            self.tables.push(Surveyed { kept, now, sums, act, others });
        }
        Ok(())
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
            if matches!(table.act, RestoreAct::Reload) {
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
        let loaded = |table: &&Surveyed| matches!(table.act, RestoreAct::Reload | RestoreAct::Empty);
        if !way.destination.triggers_see_all() || self.tables.iter().filter(loaded).count() == 0 {
            return Ok(());
        }
        let things = way.destination.things().await?;
        for table in self.tables.iter().filter(loaded) {
            let name = &table.kept.name;
            let its = things.iter().filter(|thing| thing.kind == "triggers" && thing.table.as_ref() == Some(name));
            let names: Vec<&str> = its.map(|thing| thing.name.as_str()).collect();
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

/// What the runs since left in each table.
struct Wrote {
    /// The oldest first.
    runs: Vec<BTreeMap<String, Option<TableDigest>>>,
    /// By table, what the last run left there, as its validation saw it.
    left: BTreeMap<String, TableDigest>,
    /// What a restore left there, of a point that was made before one.
    restored: Option<std::result::Result<Manifest, String>>,
}

impl Wrote {
    async fn of(way: &Way, point: &PointRecord, runs: &[RunRecord]) -> Result<Self> {
        let mut wrote = Self { runs: Vec::new(), left: BTreeMap::new(), restored: None };
        for run in runs.iter().rev() {
            wrote.runs.push(way.ledger.digests(&run.id).await?);
        }
        if let Some(latest) = runs.first() {
            wrote.left = left(way, &latest.id, point).await?;
        }
        if let Some(before) = &point.new.before {
            let restored = way.ledger.point(before).await?;
            let manifest = Shelf::of(&way.ledger).manifest(&restored).map_err(|error| error.to_string());
            wrote.restored = Some(match runs.is_empty() {
                true => manifest,
                false => Err("a run wrote since".to_owned()),
            });
        }
        Ok(wrote)
    }

    fn others(&self, kept: &TableKept, sums: Option<&Found>) -> Others {
        let now = sums.copied().unwrap_or_default();
        let digest = kept.rows.as_ref().and_then(|rows| rows.digest.as_ref());
        let held = digest.map(|digest| digest.sum).unwrap_or_default();
        if let Some(restored) = &self.restored {
            let expected = restored.as_ref().map_err(Clone::clone).map(|manifest| left_by_restore(manifest, kept));
            return compared(expected, Some(now.whole));
        }
        let wrote = self.runs.iter().any(|run| run.contains_key(&kept.name));
        match (wrote, kept.held) {
            (_, Held::Empty | Held::Rows) if now.whole == held => Others::Nothing,
            (false, Held::Empty | Held::Rows) => compared(Ok(held), Some(now.whole)),
            _ => compared(self.expected(kept), now.written),
        }
    }

    /// What the table should hold, over the columns that the run writes; or why that is not known.
    fn expected(&self, kept: &TableKept) -> std::result::Result<RowSum, String> {
        let wrote = self.runs.iter().filter_map(|run| run.get(&kept.name));
        if kept.mode == Mode::Upsert && kept.rows.is_some() {
            let left = self.left.get(&kept.name).map(|digest| digest.sum);
            return left.ok_or_else(|| "it is upserted, and no validation saw what the run left there".to_owned());
        }
        let mut sum = match (&kept.held_of_written, kept.rows.is_some()) {
            (Some(held), _) => held.sum,
            (None, true) if kept.mode == Mode::Insert => return Err("what it held before is not known".to_owned()),
            _ => RowSum::default(),
        };
        let shape = kept.held_of_written.as_ref().map(|held| &held.shape);
        for digest in wrote {
            let Some(digest) = digest.as_ref().filter(|digest| shape.is_none_or(|shape| *shape == digest.shape)) else {
                return Err("runs wrote other columns of it".to_owned());
            };
            sum = if kept.mode == Mode::Replace { RowSum::default() } else { sum };
            sum += digest.sum;
        }
        Ok(sum)
    }
}

async fn left(way: &Way, run: &RunId, point: &PointRecord) -> Result<BTreeMap<String, TableDigest>> {
    let mut left = BTreeMap::new();
    for table in &point.tables {
        if let Some(digest) = way.ledger.left_by(run, &table.table).await? {
            left.insert(table.table.clone(), digest);
        }
    }
    Ok(left)
}

fn left_by_restore(manifest: &Manifest, kept: &TableKept) -> RowSum {
    let table = manifest.tables.iter().find(|table| table.name == kept.name);
    let digest = table.and_then(|table| table.rows.as_ref()).and_then(|rows| rows.digest.as_ref());
    digest.map(|digest| digest.sum).unwrap_or_default()
}

fn compared(expected: std::result::Result<RowSum, String>, now: Option<RowSum>) -> Others {
    match (expected, now) {
        (Err(why), _) => Others::Unknown(why),
        (_, None) => Others::Unknown("it holds values that its types do not".to_owned()),
        (Ok(expected), Some(now)) if expected == now => Others::Nothing,
        (Ok(expected), Some(now)) if now.rows > expected.rows => Others::Added(now.rows - expected.rows),
        (Ok(expected), Some(now)) if now.rows < expected.rows => Others::Removed(expected.rows - now.rows),
        _ => Others::Changed,
    }
}

/// Whether counters stand where they stood.
pub(super) fn counters_differ(was: &[CounterStand], is: &[CounterStand]) -> Option<String> {
    let shown = |stands: &[CounterStand]| {
        let each = stands.iter().map(|stand| format!("{} at {}", stand.name, stand.value));
        if stands.is_empty() { "unset".to_owned() } else { each.collect::<Vec<_>>().join(", ") }
    };
    (was != is).then(|| format!("its counter stood elsewhere: {}, and is {}", shown(was), shown(is)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[u32]) -> RowSum {
        let mut sum = RowSum::default();
        rows.iter().for_each(|row| sum.add_row([*row; 8]));
        sum
    }

    fn digest(rows: &[u32]) -> TableDigest {
        TableDigest { shape: "s".into(), sum: sum(rows) }
    }

    fn kept(mode: Mode, held: Held, rows: &[u32]) -> TableKept {
        let file = RowsKept { file: "f".into(), bytes: 1, digest: Some(digest(rows)), ..RowsKept::default() };
        TableKept {
            name: "t".into(),
            held,
            mode,
            written: Vec::new(),
            held_of_written: (held == Held::Rows && mode == Mode::Insert).then(|| digest(rows)),
            definition: None,
            counters: Vec::new(),
            rows: (held == Held::Rows).then_some(file),
        }
    }

    /// What others did by what the runs wrote, the oldest first, and what is there now.
    fn others(kept: &TableKept, runs: &[&[u32]], now: &[u32]) -> Others {
        let runs = runs.iter().map(|rows| BTreeMap::from([("t".to_owned(), Some(digest(rows)))])).collect();
        let wrote = Wrote { runs, left: BTreeMap::new(), restored: None };
        wrote.others(kept, Some(&Found { whole: sum(now), written: Some(sum(now)) }))
    }

    #[test]
    fn what_a_table_should_hold_depends_on_how_it_is_written() {
        let insert = kept(Mode::Insert, Held::Rows, &[1, 2]);
        assert_eq!(others(&insert, &[&[3], &[4]], &[1, 2, 3, 4]), Others::Nothing);
        assert_eq!(others(&insert, &[&[3]], &[1, 2, 3, 9, 9]), Others::Added(2));
        assert_eq!(others(&insert, &[&[3]], &[1, 2]), Others::Nothing, "it is as it was");
        assert_eq!(others(&insert, &[&[3]], &[1, 3]), Others::Removed(1));
        assert_eq!(others(&insert, &[&[3]], &[1, 3, 9]), Others::Changed);
        let replace = kept(Mode::Replace, Held::Rows, &[1, 2]);
        assert_eq!(others(&replace, &[&[3], &[4, 5]], &[4, 5]), Others::Nothing);
        assert_eq!(others(&replace, &[&[3]], &[3, 1]), Others::Added(1));
        for held in [Held::Absent, Held::Empty] {
            let made = kept(Mode::Insert, held, &[]);
            assert_eq!(others(&made, &[&[3]], &[3]), Others::Nothing);
            assert_eq!(others(&made, &[&[3]], &[3, 4]), Others::Added(1));
        }
    }

    #[test]
    fn where_a_run_wrote_nothing_whatever_changed_is_of_others() {
        let upsert = kept(Mode::Upsert, Held::Rows, &[1, 2]);
        assert_eq!(others(&upsert, &[], &[1, 2, 3]), Others::Added(1));
        assert_eq!(others(&upsert, &[], &[1, 2]), Others::Nothing);
    }

    #[test]
    fn what_a_run_upserted_is_known_only_where_it_was_seen() {
        let upsert = kept(Mode::Upsert, Held::Rows, &[1, 2]);
        assert!(matches!(others(&upsert, &[&[3]], &[1, 3]), Others::Unknown(_)));
        let left = BTreeMap::from([("t".to_owned(), digest(&[1, 3]))]);
        let runs = vec![BTreeMap::from([("t".to_owned(), Some(digest(&[3])))])];
        let wrote = Wrote { runs, left, restored: None };
        let found = |rows: &[u32]| Found { whole: sum(rows), written: Some(sum(rows)) };
        assert_eq!(wrote.others(&upsert, Some(&found(&[1, 3]))), Others::Nothing);
        assert_eq!(wrote.others(&upsert, Some(&found(&[1, 3, 4]))), Others::Added(1));
        assert!(matches!(wrote.others(&upsert, Some(&Found { whole: sum(&[7]), written: None })), Others::Unknown(_)));
    }

    #[test]
    fn other_columns_of_a_later_run_are_not_guessed_at() {
        let insert = kept(Mode::Insert, Held::Rows, &[1]);
        let other = TableDigest { shape: "other".into(), sum: sum(&[3]) };
        let runs = vec![BTreeMap::from([("t".to_owned(), Some(other))])];
        let wrote = Wrote { runs, left: BTreeMap::new(), restored: None };
        let now = Found { whole: sum(&[1, 3]), written: Some(sum(&[1, 3])) };
        assert!(matches!(wrote.others(&insert, Some(&now)), Others::Unknown(_)));
    }
}
