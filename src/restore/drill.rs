//! The way back, tried without going it: each table's rows are put back into a scratch table beside it, read back, and
//! dropped again.
//!
//! May not touch a table that is not its own. One idea: what counts is whether the rows that are kept can be written to this
//! destination by this account and come out as they were, and how long that takes; the tables themselves are never locked,
//! so it can be done beside everything else.

use std::time::Instant;

use tokio::sync::watch;
use uuid::Uuid;

use super::{
    Result,
    back::{Teller, batches, fill, no_mark, options, unsealed},
    definition::{encoding, triggers, whole},
    file,
    keep::read_back,
    look::{self, Sums},
    manifest::TableKept,
    preview::{Survey, Way, counters_differ},
    touched::{Flow, Touched},
};
use crate::{
    endpoint::Destination,
    ledger::{Ledger, OpenDrill},
    model::{Column, CounterStand, RowSum, Table, thousands},
    protocol::{Drill, DrilledTable, Held, Outcome, RestoreProgress, RestoreStep},
};

/// What the names of all scratch tables begin with.
const PREFIX: &str = "whimbrel_drill_";

/// Tries the way back to the point of that name, and keeps how it went.
pub async fn drill(way: &Way, name: &str, progress: &watch::Sender<RestoreProgress>) -> Result<Drill> {
    let point = way.ledger.point(name).await?;
    let _lock = way.ledger.lock_plan(&point.new.plan_key)?;
    drill_locked(way, name, progress).await
}

/// The same where the plan's lock is held already.
pub async fn drill_locked(way: &Way, name: &str, progress: &watch::Sender<RestoreProgress>) -> Result<Drill> {
    let begun = Instant::now();
    let point = way.ledger.point(name).await?;
    clear_drills(&way.ledger, &*way.destination, &point.new.plan_key).await?;
    let teller = Teller { progress, point: name.to_owned() };
    teller.tell(RestoreStep::Checking, "");
    let survey = Survey::of(way, name).await?;
    let id = Uuid::now_v7().simple().to_string();
    let open = OpenDrill { id: id.clone(), point: name.to_owned(), scratch: scratch(&survey, &id) };
    way.ledger.begin_drill(&open, &point.new.plan_key, (way.now_ms, &way.by)).await?;
    let mut drill = Drill {
        id,
        point: name.to_owned(),
        at_ms: way.now_ms,
        by: way.by.clone(),
        outcome: Outcome::Passed,
        remarks: survey.remarks.clone(),
        ..Drill::default()
    };
    drill.remarks.extend(survey.refusals.iter().map(|why| format!("going back would be refused: {why}")));
    let tried = tables(way, &survey, &open, (&teller, &mut drill.remarks)).await;
    // Whatever came of it, nothing stays.
    way.destination.drop_tables(&open.scratch).await?;
    match tried {
        Ok(tables) => drill.tables = tables,
        Err(error) => {
            drill.outcome = Outcome::Failed;
            drill.remarks.push(format!("it came to no end: {error}"));
        }
    }
    if !survey.refusals.is_empty() {
        drill.outcome = Outcome::Failed;
    }
    let outcomes = drill.tables.iter().map(|table| table.outcome);
    drill.outcome = outcomes.chain([drill.outcome]).max().unwrap_or_default();
    drill.took_ms = millis(begun);
    way.ledger.end_drill(&drill).await?;
    teller.tell(RestoreStep::Done, "");
    Ok(drill)
}

/// Takes away what drills of the plan left that were cut off. The plan's lock must be held.
pub async fn clear_drills(ledger: &Ledger, destination: &dyn Destination, plan_key: &str) -> Result<()> {
    for open in ledger.open_drills(plan_key).await? {
        let own: Vec<String> = open.scratch.into_iter().filter(|name| name.starts_with(PREFIX)).collect();
        destination.drop_tables(&own).await?;
        ledger.drill_cleared(&open.id).await?;
    }
    Ok(())
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A name for each table of the point, never given before.
fn scratch(survey: &Survey, id: &str) -> Vec<String> {
    // Of an id of version 7 the end is random.
    let own = &id[id.len().saturating_sub(12)..];
    (1..=survey.tables.len()).map(|number| format!("{PREFIX}{own}_{number}")).collect()
}

async fn tables(
    way: &Way,
    survey: &Survey,
    open: &OpenDrill,
    (teller, remarks): (&Teller<'_>, &mut Vec<String>),
) -> Result<Vec<DrilledTable>> {
    read_back(&*way.destination, &survey.folder, &survey.manifest, &way.identities).await?;
    for touched in survey.tables.iter().filter_map(|table| table.touched.as_ref()) {
        touched.verify().await?;
    }
    teller.of(survey.tables.iter().map(|table| table.back).sum());
    let things = way.destination.things().await?;
    let mut drilled = Vec::with_capacity(survey.tables.len());
    for (surveyed, scratch) in survey.tables.iter().zip(&open.scratch) {
        let (kept, begun) = (&surveyed.kept, Instant::now());
        teller.tell(RestoreStep::PuttingBack, &kept.name);
        let mut rows = kept.rows();
        let (how, mut differs) = match (kept.held, &kept.definition) {
            (Held::File, _) => ("written to a scratch file", file_back(way, survey, kept, scratch).await?),
            (Held::Rows, Some(definition)) => {
                let back = Back::of_table(way, survey, kept, definition);
                let table = alike(definition, scratch, &*way.destination);
                ("loaded into a scratch table", rows_back(way, back, &table, (teller, remarks)).await?)
            }
            (Held::Journal, Some(definition)) => {
                let table = alike(definition, scratch, &*way.destination);
                let differs = match &surveyed.touched {
                    Some(touched) => {
                        let back = Back::of_journal(touched, kept).await?;
                        rows = back.was.rows;
                        rows_back(way, back, &table, (teller, remarks)).await?
                    }
                    None => Vec::new(),
                };
                ("what the run took the place of is loaded into a scratch table", differs)
            }
            (Held::Absent, _) => ("it was not there: nothing to put back", Vec::new()),
            _ => ("it was empty: nothing to put back", Vec::new()),
        };
        way.destination.drop_tables(std::slice::from_ref(scratch)).await?;
        let gone = |name: &&String| !triggers(&things, &kept.name).any(|trigger| trigger == name.as_str());
        let gone = kept.triggers.iter().filter(gone);
        differs.extend(gone.map(|name| format!("its trigger {name} is gone, and would not come back with its rows")));
        drilled.push(DrilledTable {
            table: kept.name.clone(),
            how: how.to_owned(),
            rows,
            outcome: if differs.is_empty() { Outcome::Passed } else { Outcome::Failed },
            took_ms: millis(begun),
            differs,
        });
    }
    Ok(drilled)
}

/// A table of that name that takes the same rows: its columns, its keys and what counts for it. What belongs to the table
/// itself alone (defaults, indexes, checks, references, triggers) has no twin.
fn alike(definition: &Table, name: &str, destination: &dyn Destination) -> Table {
    let system = destination.system();
    let own = definition.columns.iter().filter(|column| !column.generated);
    let columns = own.map(|column| crate::model::Column {
        default: None,
        default_formula: None,
        identity: column.identity,
        counter: column.counter.clone(),
        generation: None,
        on_update: None,
        comment: None,
        ..destination.column_for(column, Some(system))
    });
    Table {
        name: name.to_owned(),
        columns: columns.collect(),
        key: if definition.key_is_index { Vec::new() } else { definition.key.clone() },
        unique: definition.unique.clone(),
        collation: definition.collation.clone(),
        ..Table::default()
    }
}

/// Rows that are kept of a table, on their way back.
struct Back<'k> {
    kept: &'k TableKept,
    columns: Vec<Column>,
    rows: Flow,
    /// Their sum.
    was: RowSum,
}

impl<'k> Back<'k> {
    fn of_table(way: &Way, survey: &Survey, kept: &'k TableKept, definition: &Table) -> Self {
        let file = kept.rows.clone().unwrap_or_default();
        let was = file.digest.as_ref().map(|digest| digest.sum).unwrap_or_default();
        let columns = whole(definition, &*way.destination).columns;
        Self { kept, columns, rows: batches(&survey.folder, &file, &way.identities), was }
    }

    async fn of_journal(touched: &Touched, kept: &'k TableKept) -> Result<Self> {
        let was = touched.sum().await?;
        Ok(Self { kept, columns: touched.table.columns.clone(), rows: touched.rows(), was })
    }
}

async fn rows_back(
    way: &Way,
    back: Back<'_>,
    table: &Table,
    (teller, remarks): (&Teller<'_>, &mut Vec<String>),
) -> Result<Vec<String>> {
    let destination = &*way.destination;
    let Back { kept, columns, rows, was } = back;
    destination.create(table).await?;
    let target = Table { columns, ..table.clone() };
    let mut loader = destination.open(&target, &options(&target)).await?;
    loader.begin().await?;
    if let Err(error) = fill(&mut *loader, rows, &kept.name, teller).await {
        let _ = loader.rollback().await;
        return Err(error);
    }
    loader.commit(&no_mark(kept)).await?;
    drop(loader);
    teller.tell(RestoreStep::Verifying, &kept.name);
    let mut differs = keys_differ(table, &destination.describe(&table.name).await?);
    if kept.held == Held::Rows {
        match counters_back(destination, kept, &table.name).await? {
            Some(stood) => differs.extend(stood),
            None => remarks.push(format!("{}: what counts for it has no twin to be tried on", kept.name)),
        }
    }
    let snapshot = way.copy.snapshot().await?;
    let sums = look::read(&snapshot, &target, Sums::over(vec![encoding(&target.columns, destination)])).await?.sums;
    let is = sums.first().copied().unwrap_or_default();
    if is.rows != was.rows {
        differs.push(format!("{} rows are kept, and {} came out", thousands(was.rows), thousands(is.rows)));
    } else if is != was {
        differs.push("its rows did not come out as they were".to_owned());
    }
    Ok(differs)
}

/// Keys that the scratch table was made with and does not hold.
fn keys_differ(made: &Table, is: &Table) -> Vec<String> {
    let has = |key: &&Vec<String>| is.key == **key || is.unique.contains(*key);
    let keys = made.unique.iter().chain([&made.key]).filter(|key| !key.is_empty());
    let missing = keys.filter(|key| !has(key));
    missing.map(|key| format!("its key ({}) does not come back", key.join(", "))).collect()
}

/// Sets what counts for the scratch table to where it stood for the kept one, and asks where it stands then: what differs.
/// None where they do not count alike.
async fn counters_back(
    destination: &dyn Destination,
    kept: &TableKept,
    scratch: &str,
) -> Result<Option<Option<String>>> {
    let own = destination.counters(scratch).await?;
    if own.len() != kept.counters.len() {
        return Ok(None);
    }
    let named = |(was, own): (&CounterStand, &CounterStand)| CounterStand { name: own.name.clone(), ..was.clone() };
    let stood: Vec<CounterStand> = kept.counters.iter().zip(&own).map(named).collect();
    destination.set_counters(scratch, &stood).await?;
    Ok(Some(counters_differ(&stood, &destination.counters(scratch).await?)))
}

async fn file_back(way: &Way, survey: &Survey, kept: &TableKept, scratch: &str) -> Result<Vec<String>> {
    let Some(rows) = &kept.rows else { return Ok(Vec::new()) };
    let original = unsealed(&survey.folder, rows, way).await?;
    way.destination.put_back_file(scratch, &original.path).await?;
    let path = way.destination.file(scratch).await?;
    let found = tokio::task::spawn_blocking(move || path.and_then(|path| file::sha256(&path).ok())).await?;
    Ok(match found.as_deref() == Some(rows.original()) {
        true => Vec::new(),
        false => vec!["its file did not come out as it was".to_owned()],
    })
}
