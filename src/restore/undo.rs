//! A table of which a journal was kept: what going back would do, and going back.
//!
//! One idea: only rows whose keys the run wrote are looked at and changed. They are taken out, and those that had these keys
//! before are put back; whatever else the table holds stays, whoever wrote it.

use std::{path::Path, sync::Arc};

use super::{
    Manifest, Result,
    back::{Teller, fill, no_mark, options},
    definition::{as_written, encoding},
    journal,
    keep::there,
    manifest::{Entry, TableKept},
    others::{Found, Wrote, compared},
    preview::{Survey, Surveyed, Way},
    shelf::Shelf,
    touched::Touched,
};
use crate::{
    endpoint::{LoadOptions, Snapshot},
    model::{CounterStand, Mode, RowSum, Table, TableDigest},
    protocol::{Held, Others, RestoreAct},
};

/// What the journal of the table says, once its files are known to be those that were written; none where none was kept.
pub(super) async fn touched(
    way: &Way,
    (manifest, folder): (&Manifest, &Path),
    kept: &TableKept,
) -> Result<Option<Touched>> {
    if kept.held != Held::Journal {
        return Ok(None);
    }
    let entries = match manifest.before {
        Some(_) => kept.journal.clone(),
        None => {
            let entries = way.ledger.journal(&manifest.run, &kept.name).await?;
            entries.iter().map(|entry| Entry::of(entry)).collect::<Result<_>>()?
        }
    };
    let (place, checked) = (folder.to_owned(), entries.clone());
    tokio::task::spawn_blocking(move || journal::check(&place, &checked)).await??;
    Ok(Touched::of(kept, entries, (folder.to_owned(), way.identities.clone()), &*way.destination))
}

/// What going back would do to it.
pub(super) async fn look(
    way: &Way,
    (snapshot, wrote): (&Arc<dyn Snapshot>, &Wrote),
    kept: TableKept,
    touched: Touched,
) -> Result<Surveyed> {
    let now = there(&*way.destination, &kept.name).await?;
    let mut surveyed = Surveyed::new(kept, now, RestoreAct::Undo);
    if touched.is_closed() {
        surveyed.others = Others::Unknown("what is kept of it is encrypted, and --identity FILE reads it".to_owned());
    } else if let Some(now) = &surveyed.now {
        let (found, keys) = found(way, snapshot, &surveyed.kept, (&touched, now)).await?;
        let before = touched.sum().await?;
        let same_counters = way.destination.counters(&surveyed.kept.name).await? == surveyed.kept.counters;
        if found.whole == before && same_counters {
            surveyed.act = RestoreAct::Nothing;
        } else if found.whole != before {
            surveyed.others = match (left_by_restore(way, wrote, &surveyed.kept).await?, wrote.by_own()) {
                (Some(left), _) => compared(left, Some(found.whole)),
                (None, None) => compared(Ok(before), Some(found.whole)),
                (None, Some(own)) => {
                    let expected = expected(way, own.get(&surveyed.kept.name), &surveyed.kept, (&touched, keys));
                    compared(expected, found.written)
                }
            };
        }
        (surveyed.sums, surveyed.back) = (Some(found), before.rows);
    }
    surveyed.touched = Some(touched);
    Ok(surveyed)
}

/// What going back left under these keys, of a point that was made before that.
async fn left_by_restore(
    way: &Way,
    wrote: &Wrote,
    kept: &TableKept,
) -> Result<Option<std::result::Result<RowSum, String>>> {
    let manifest = match &wrote.restored {
        None => return Ok(None),
        Some(Err(why)) => return Ok(Some(Err(why.clone()))),
        Some(Ok(manifest)) => manifest,
    };
    let folder = Shelf::of(&way.ledger).place(&manifest.name);
    let Some(then) = manifest.tables.iter().find(|table| table.name == kept.name) else { return Ok(None) };
    match touched(way, (manifest, &folder), then).await? {
        Some(touched) => Ok(Some(Ok(touched.sum().await?))),
        None => Ok(None),
    }
}

/// What the table holds now under these keys, and how many they are.
async fn found(
    way: &Way,
    snapshot: &Arc<dyn Snapshot>,
    kept: &TableKept,
    (touched, now): (&Touched, &Table),
) -> Result<(Found, u64)> {
    let destination = &*way.destination;
    let of_written = encoding(&kept.written, destination);
    let (table, written) = (&touched.table, as_written(now, &kept.written, destination));
    let alike = written.columns.iter().all(|column| table.column(&column.name) == Some(column));
    let mut encodings = vec![touched.rows.clone()];
    encodings.extend(alike.then(|| of_written.clone()));
    let (both, keys) = touched.sums(snapshot, table, encodings).await?;
    let apart = match alike {
        true => both.get(1).copied(),
        false => touched.sums(snapshot, &written, vec![of_written]).await?.0.first().copied(),
    };
    Ok((Found { whole: both.first().copied().unwrap_or_default(), written: apart }, keys))
}

/// What these keys should hold, over the columns that the run writes; or why that is not known.
fn expected(
    way: &Way,
    wrote: Option<&Option<TableDigest>>,
    kept: &TableKept,
    (touched, keys): (&Touched, u64),
) -> std::result::Result<RowSum, String> {
    if kept.mode == Mode::Upsert && keys < touched.times() {
        return Err("it was upserted, and rows of one key came more than once".to_owned());
    }
    let shape = encoding(&kept.written, &*way.destination).shape();
    match wrote {
        None => Ok(RowSum::default()),
        Some(Some(digest)) if digest.shape == shape => Ok(digest.sum),
        Some(_) => Err("runs wrote other columns of it".to_owned()),
    }
}

/// Why it cannot be gone back to.
pub(super) fn refusals(survey: &Survey, wrote: &Wrote, surveyed: &Surveyed) -> Vec<String> {
    let name = &surveyed.kept.name;
    let mut refusals = Vec::new();
    if surveyed.now.is_none() {
        refusals.push(format!("{name} is gone, and only rows of it were kept: make the table again first"));
    }
    let runs = survey.runs.iter().rev().skip(survey.runs.len() - wrote.later().len());
    for (run, _) in runs.zip(wrote.later()).filter(|(_, wrote)| wrote.contains_key(name)) {
        refusals.push(format!(
            "run {} wrote {name} since, and what is kept are only rows from before another run: go back to the restore \
             point of that run first",
            run.id
        ));
    }
    refusals
}

/// What a human should know before.
pub(super) fn remark(name: &str) -> String {
    format!(
        "{name} was too large to be kept whole: its rows that the run did not write stay as they are, whoever wrote them; its \
         counter goes back unless rows of others stand beyond it; what triggers did elsewhere is not known"
    )
}

/// Puts the rows back as they were, in one transaction.
pub(super) async fn undo(way: &Way, touched: &Touched, kept: &TableKept, teller: &Teller<'_>) -> Result<()> {
    let target = &touched.table;
    let options = LoadOptions { update_by: touched.key.clone(), ..options(target) };
    let mut loader = way.destination.open(target, &options).await?;
    let put_back = async {
        loader.begin().await?;
        let (mut keys, reading) = touched.keys();
        while let Some(keys) = keys.recv().await {
            loader.remove(&keys).await?;
        }
        reading.await??;
        fill(&mut *loader, touched.rows(), &kept.name, teller).await
    };
    match put_back.await {
        Ok(()) => loader.commit(&no_mark(kept)).await?,
        Err(error) => {
            // What cannot be rolled back dies with its connection.
            let _ = loader.rollback().await;
            return Err(error);
        }
    }
    drop(loader);
    let now = way.destination.counters(&kept.name).await?;
    if now == kept.counters {
        return Ok(());
    }
    set_counters(way, kept, &now).await
}

/// Counters go back unless they would then give a value that is there, of a row of others: then they stand as they stood
/// just before.
pub(super) async fn set_counters(way: &Way, kept: &TableKept, before: &[CounterStand]) -> Result<()> {
    let destination = &*way.destination;
    destination.set_counters(&kept.name, &kept.counters).await?;
    let table = destination.describe(&kept.name).await?;
    if !destination.counters_behind(&table).await?.is_empty() {
        destination.set_counters(&kept.name, before).await?;
    }
    Ok(())
}
