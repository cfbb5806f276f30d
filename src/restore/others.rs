//! What others than the runs did to a table since.
//!
//! One idea: a run took the sum of the rows that it wrote, so that what the table should hold by now is known without
//! knowing any row of it; whatever differs from that, others did.

use std::collections::BTreeMap;

use super::{Manifest, Result, manifest::TableKept, preview::Way, shelf::Shelf};
use crate::{
    ledger::{PointRecord, RunRecord},
    model::{Mode, RowSum, RunId, TableDigest},
    protocol::{Held, Others},
};

/// What a table holds now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// Over all columns.
    pub(super) whole: RowSum,
    /// Over those that the run writes; none where its types cannot read what is there.
    pub(super) written: Option<RowSum>,
}

/// What the point and the runs since left in a table, as far as sums tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Just what is kept of it.
    AsKept,
    /// Over the columns that the runs write.
    Sum(RowSum),
    Unknown,
}

impl Left {
    /// `kept`: the sum of what is kept.
    pub(super) fn sum(self, kept: RowSum) -> Option<RowSum> {
        match self {
            Self::AsKept => Some(kept),
            Self::Sum(sum) => Some(sum),
            Self::Unknown => None,
        }
    }
}

/// What the runs since left in each table.
#[derive(Default)]
pub(super) struct Wrote {
    /// The oldest first.
    pub(super) runs: Vec<BTreeMap<String, Option<TableDigest>>>,
    /// By table, what the last run left there, as its validation saw it.
    left: BTreeMap<String, TableDigest>,
    /// What a restore left there, of a point that was made before one.
    pub(super) restored: Option<std::result::Result<Manifest, String>>,
    /// By table, rows of others that it put back behind the point's own.
    spared: BTreeMap<String, TableDigest>,
    /// The first of the runs is the one that the point was made for.
    has_own: bool,
}

impl Wrote {
    pub(super) async fn of(way: &Way, point: &PointRecord, runs: &[RunRecord]) -> Result<Self> {
        let mut wrote = Self::default();
        let own = runs.last().filter(|run| point.new.before.is_none() && run.id == point.new.run);
        wrote.has_own = own.is_some();
        for run in runs.iter().rev() {
            wrote.runs.push(way.ledger.digests(&run.id).await?);
        }
        if let Some(latest) = runs.first() {
            wrote.left = left(way, &latest.id, point).await?;
        }
        if let Some(before) = &point.new.before {
            let restored = way.ledger.point(before).await?;
            let manifest = Shelf::of(&way.ledger).manifest(&restored).map_err(|error| error.to_string());
            let restores = way.ledger.restores(before).await?.into_iter();
            wrote.spared = restores.filter(|done| done.before == point.name).flat_map(|done| done.spared).collect();
            wrote.restored = Some(match runs.is_empty() {
                true => manifest,
                false => Err("a run wrote since".to_owned()),
            });
        }
        Ok(wrote)
    }

    /// What the run left that the point was made for, by table; none where it was taken back, or wrote after no such point.
    pub(super) fn by_own(&self) -> Option<&BTreeMap<String, Option<TableDigest>>> {
        self.runs.first().filter(|_| self.has_own)
    }

    /// The runs since that are not the point's own.
    pub(super) fn later(&self) -> &[BTreeMap<String, Option<TableDigest>>] {
        self.runs.get(usize::from(self.has_own)..).unwrap_or_default()
    }

    /// What should be in a table that was kept whole, or was not there.
    pub(super) fn left(&self, kept: &TableKept) -> Left {
        match self.runs.iter().any(|run| run.contains_key(&kept.name)) {
            true => self.expected(kept).map_or(Left::Unknown, Left::Sum),
            false => Left::AsKept,
        }
    }

    pub(super) fn others(&self, kept: &TableKept, sums: Option<&Found>) -> Others {
        let now = sums.copied().unwrap_or_default();
        let digest = kept.rows.as_ref().and_then(|rows| rows.digest.as_ref());
        let held = digest.map(|digest| digest.sum).unwrap_or_default();
        if let Some(restored) = &self.restored {
            let mut expected = restored.as_ref().map_err(Clone::clone).map(|manifest| left_by_restore(manifest, kept));
            if let (Ok(sum), Some(spared)) = (&mut expected, self.spared.get(&kept.name)) {
                *sum += spared.sum;
            }
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

pub(super) fn compared(expected: std::result::Result<RowSum, String>, now: Option<RowSum>) -> Others {
    match (expected, now) {
        (Err(why), _) => Others::Unknown(why),
        (_, None) => Others::Unknown("it holds values that its types do not".to_owned()),
        (Ok(expected), Some(now)) if expected == now => Others::Nothing,
        (Ok(expected), Some(now)) if now.rows > expected.rows => Others::Added(now.rows - expected.rows),
        (Ok(expected), Some(now)) if now.rows < expected.rows => Others::Removed(expected.rows - now.rows),
        _ => Others::Changed,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::manifest::RowsKept, *};

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
            triggers: Vec::new(),
            key: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// What others did by what the runs wrote, the oldest first, and what is there now.
    fn others(kept: &TableKept, runs: &[&[u32]], now: &[u32]) -> Others {
        let runs = runs.iter().map(|rows| BTreeMap::from([("t".to_owned(), Some(digest(rows)))])).collect();
        let wrote = Wrote { runs, ..Wrote::default() };
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
        let wrote = Wrote { runs, left, ..Wrote::default() };
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
        let wrote = Wrote { runs, ..Wrote::default() };
        let now = Found { whole: sum(&[1, 3]), written: Some(sum(&[1, 3])) };
        assert!(matches!(wrote.others(&insert, Some(&now)), Others::Unknown(_)));
    }
}
