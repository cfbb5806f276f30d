//! After the way back: what is there, read back and set against what was kept.

use std::sync::Arc;

use super::{
    Result,
    definition::{differences, encoding, whole},
    keep::there,
    look::{self, Sums},
    manifest::TableKept,
    preview::{Survey, Surveyed, Way, counters_differ, same_file},
};
use crate::{
    endpoint::Snapshot,
    model::{Table, thousands},
    protocol::{Held, Outcome, RestoredTable},
};

/// Each table's verdict, and what a human should know beside.
pub(super) async fn tables(way: &Way, survey: &Survey) -> Result<(Vec<RestoredTable>, Vec<String>)> {
    let snapshot = way.copy.snapshot().await?;
    let (mut tables, mut remarks) = (Vec::new(), Vec::new());
    for surveyed in &survey.tables {
        let kept = &surveyed.kept;
        let now = there(&*way.destination, &kept.name).await?;
        let differs = differs(way, &snapshot, surveyed, now.as_ref()).await?;
        let outcome = if differs.is_empty() { Outcome::Passed } else { Outcome::Failed };
        tables.push(RestoredTable {
            table: kept.name.clone(),
            act: surveyed.act,
            outcome,
            rows: surveyed.back + surveyed.spared_rows(),
            differs,
        });
        remarks.extend(missed(way, survey, kept).await?);
    }
    Ok((tables, remarks))
}

async fn differs(
    way: &Way,
    snapshot: &Arc<dyn Snapshot>,
    surveyed: &Surveyed,
    now: Option<&Table>,
) -> Result<Vec<String>> {
    let kept = &surveyed.kept;
    let (was, is) = match (&kept.definition, now) {
        (None, None) => return Ok(Vec::new()),
        (None, Some(_)) => return Ok(vec!["it was not there, and is".to_owned()]),
        (Some(_), None) => return Ok(vec!["it is gone".to_owned()]),
        (Some(was), Some(is)) => (was, is),
    };
    if kept.held == Held::File {
        return Ok(match same_file(way, kept).await? {
            true => Vec::new(),
            false => vec!["its file is not the one that was kept".to_owned()],
        });
    }
    let mut found = differences(was, is);
    let table = whole(was, &*way.destination);
    let own = encoding(&table.columns, &*way.destination);
    // Where columns are gone, rows cannot be what they were.
    let readable = table.columns.iter().all(|column| is.column(&column.name).is_some());
    if let Some(touched) = surveyed.touched.as_ref().filter(|_| readable) {
        let sums = touched.sums(snapshot, &touched.table, vec![touched.rows.clone()]).await?.0;
        if sums.first() != Some(&touched.sum().await?) {
            found.push("the rows that the run wrote are not as they were".to_owned());
        }
        return Ok(found);
    }
    if readable {
        let sums = look::read(snapshot, &table, Sums::over(vec![own])).await?.sums;
        let found_now = sums.first().copied().unwrap_or_default();
        let digest = kept.rows.as_ref().and_then(|rows| rows.digest.as_ref());
        let mut was = digest.map(|digest| digest.sum).unwrap_or_default();
        if let Some(spared) = &surveyed.spared {
            was += spared.digest.sum;
        }
        if found_now.rows != was.rows {
            found.push(format!("it held {} rows, and holds {}", thousands(was.rows), thousands(found_now.rows)));
        } else if found_now != was {
            found.push("its rows are not the same".to_owned());
        }
    }
    if surveyed.spared.is_some() {
        // Their counter may have to stand beyond them, and what they refer to may have gone.
        found.extend(way.destination.counters_behind(is).await?);
        found.extend(way.destination.orphans(is).await?);
        return Ok(found);
    }
    found.extend(counters_differ(&kept.counters, &way.destination.counters(&kept.name).await?));
    Ok(found)
}

/// Rows of other tables that refer to rows that are gone now.
async fn missed(way: &Way, survey: &Survey, kept: &TableKept) -> Result<Vec<String>> {
    let own = |name: &String| survey.tables.iter().any(|table| table.kept.name == *name);
    let mut told = Vec::new();
    for referrer in way.destination.referrers(&kept.name).await?.iter().filter(|name| !own(name)) {
        let described = way.destination.describe(referrer).await?;
        told.extend(way.destination.orphans(&described).await?);
    }
    Ok(told)
}
