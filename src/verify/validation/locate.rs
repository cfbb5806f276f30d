//! Which rows differ, and in what.
//!
//! One idea: no order is compared, since systems sort texts each in its own way. Both sides' rows are summed by buckets of
//! their keys; of the buckets that differ the keys are netted against each other, at most a million at once; and only the
//! first keys that are left over are looked up with their values.

use std::sync::Arc;

use super::{
    evidence::Settled,
    reading::{Extent, Reader, ValidateError},
    tally::{Collected, First, Found, Net, Tally},
};
use crate::{
    model::{Column, NamedCell, Padding, RowEncoding, buckets::portions},
    plan::{Mapping, Origin},
    protocol::{ColumnDifference, Difference, DifferenceKind},
};

/// How many rows are shown with their values.
pub(super) const SHOWN: usize = 20;

/// Both sides of a table.
pub(super) struct Sides<'s> {
    pub(super) mapping: &'s Mapping,
    pub(super) source: Reader,
    pub(super) copy: Reader,
    /// Each column for itself.
    pub(super) columns: Arc<[(String, RowEncoding)]>,
    /// What of the source is read, and of the destination.
    pub(super) extent: Extent,
    pub(super) whole: Extent,
    pub(super) settled: Settled,
    /// Rows that only the destination has are differences.
    pub(super) strict: bool,
    /// Of several rows of one key the last stands.
    pub(super) last_wins: bool,
}

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Located {
    pub(super) differing: u64,
    /// Rows of the destination that the source has no key of.
    pub(super) others: u64,
    pub(super) shown: Vec<Difference>,
}

/// Finds the rows of these buckets that are not the same on both sides.
pub(super) async fn locate(sides: &Sides<'_>, buckets: &[usize], source: &Tally) -> Result<Located, ValidateError> {
    let mut located = Located::default();
    let mut keys = Vec::new();
    for portion in portions(buckets, |bucket| source.buckets[bucket].rows) {
        let net = netted(sides, &portion).await?;
        located.others += net.others;
        for key in net.differing(sides.strict || sides.copy.key.is_some()) {
            located.differing += 1;
            keys.push(key);
        }
        keys.sort_unstable();
        keys.truncate(SHOWN);
    }
    if keys.is_empty() {
        return Ok(located);
    }
    let before = sides.source.show(&sides.extent, Collected::of(&keys, &sides.columns)).await?;
    let after = sides.copy.show(&sides.whole, Collected::of(&keys, &sides.columns)).await?;
    let pairs = keys.iter().map(|key| (&before.rows[key], &after.rows[key]));
    located.shown = pairs.filter_map(|(source, copy)| sides.difference(source, copy)).collect();
    located.shown.sort_by_key(|difference| (difference.row.is_none(), difference.row));
    Ok(located)
}

/// The keys of these buckets whose rows are not the same on both sides; at most so many.
pub(super) async fn differing_keys(
    sides: &Sides<'_>,
    buckets: &[usize],
    source: &Tally,
    most: usize,
) -> Result<Vec<u128>, ValidateError> {
    let mut keys = Vec::new();
    for portion in portions(buckets, |bucket| source.buckets[bucket].rows) {
        let net = netted(sides, &portion).await?;
        keys.extend(net.differing(sides.strict || sides.copy.key.is_some()).take(most.saturating_sub(keys.len())));
    }
    Ok(keys)
}

/// What is left over of the keys of some buckets when one side's rows are set against the other's.
async fn netted(sides: &Sides<'_>, portion: &[usize]) -> Result<Net, ValidateError> {
    let mut net = sides.source.show(&sides.extent, Net::over(portion, sides.last_wins)).await?;
    sides.settled.not.iter().for_each(|block| net.count(block, false));
    sides.settled.instead.iter().for_each(|block| net.count(block, true));
    sides.copy.show(&sides.whole, net.turned(sides.strict)).await
}

impl Sides<'_> {
    fn difference(&self, source: &Found, copy: &Found) -> Option<Difference> {
        let kind = match (source.times, copy.times) {
            (0, _) => DifferenceKind::Surplus,
            (_, 0) => DifferenceKind::Missing,
            (1, 1) => DifferenceKind::Different,
            _ => DifferenceKind::Times,
        };
        let (left, right) = (&source.first, &copy.first);
        let shown = left.as_ref().or(right.as_ref())?;
        let key = &self.mapping.finds_by;
        let is_key = |cell: &&NamedCell| key.is_empty() || key.contains(&cell.name);
        Some(Difference {
            kind,
            chunk: left.as_ref().and_then(|first| first.chunk),
            row: left.as_ref().and_then(|first| first.number),
            key: shown.kept.cells.iter().filter(is_key).cloned().collect(),
            columns: match (left, right) {
                (Some(left), Some(right)) => self.columns(left, right),
                _ => Vec::new(),
            },
            source_times: source.times,
            destination_times: copy.times,
        })
    }

    fn columns(&self, left: &First, right: &First) -> Vec<ColumnDifference> {
        let pairs = self.columns.iter().zip(left.columns.iter().zip(&right.columns));
        let differing = pairs.filter(|(_, (left, right))| left != right).map(|((name, _), _)| name);
        let cell = |first: &First, name: &str| {
            let found = first.kept.cells.iter().find(|cell| cell.name == name);
            found.map(|named| named.cell.clone()).unwrap_or_default()
        };
        let difference = |name: &String| ColumnDifference {
            column: name.clone(),
            origin: origin(self.mapping, name),
            source: cell(left, name),
            destination: cell(right, name),
        };
        differing.map(difference).collect()
    }
}

/// What makes the column's values.
fn origin(mapping: &Mapping, column: &str) -> String {
    let mapped = mapping.columns.iter().find(|mapped| mapped.target.name == column);
    match mapped.map(|mapped| &mapped.origin) {
        Some(Origin::Column(name)) => format!("{}.{name}", mapping.from.name),
        Some(Origin::Expr(expression)) => expression.clone(),
        Some(Origin::Default) | None => "its default".to_owned(),
    }
}

/// An encoding for each column alone.
pub(super) fn alone(mapping: &Mapping, padding: impl Fn(&Column) -> Option<Padding>) -> Arc<[(String, RowEncoding)]> {
    let columns = mapping.columns.iter().map(|mapped| &mapped.target);
    columns.map(|column| (column.name.clone(), RowEncoding::of([(column, padding(column))]))).collect()
}

/// The columns by which a row of the destination is found again; `None`: only by all of it.
pub(super) fn key_encoding(
    mapping: &Mapping,
    padding: impl Fn(&Column) -> Option<Padding>,
) -> Option<Arc<RowEncoding>> {
    let columns: Vec<_> = mapping
        .columns
        .iter()
        .map(|mapped| &mapped.target)
        .filter(|column| mapping.finds_by.contains(&column.name))
        .collect();
    (!columns.is_empty())
        .then(|| Arc::new(RowEncoding::of(columns.into_iter().map(|column| (column, padding(column))))))
}
