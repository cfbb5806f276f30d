//! Rows drawn from the source, to be shown beside what the destination has of them.
//!
//! One idea: a row is drawn by what its key and the seed come to, so that the same seed draws the same rows, and of a
//! large table only some stretches are read, which the seed draws too.

use std::collections::HashMap;

use super::{
    evidence::Settled,
    kept::Kept,
    reading::{Block, Extent, Reader, ValidateError, Visit, Words},
};
use crate::{
    endpoint::Range,
    model::NamedCell,
    protocol::{Outcome, SampleRow, Sampling},
};

/// Stretches of a table that are looked into, and rows of each.
const STRETCHES: usize = 20;
const STRETCH_ROWS: u64 = 2_000;

/// A number that looks random and follows from both; the mixing is SplitMix64's.
fn mixed(seed: u64, number: u64) -> u64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A row of the source, as the mapping makes it.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) key: Words,
    kept: Kept,
}

/// The rows whose numbers are the lowest.
struct Draw {
    seed: u64,
    rows: usize,
    drawn: Vec<(u64, Drawn)>,
    not: Vec<Words>,
}

impl Visit for Draw {
    fn visit(&mut self, block: Block) -> bool {
        for (index, (row, key)) in block.rows.iter().zip(&block.keys).enumerate() {
            let number = mixed(self.seed, u64::from(key[0]) << 32 | u64::from(key[1]));
            let full = self.drawn.len() >= self.rows;
            if full && self.drawn.last().is_none_or(|(last, _)| number >= *last) || self.not.contains(row) {
                continue;
            }
            let place = self.drawn.partition_point(|(other, _)| *other <= number);
            self.drawn.insert(place, (number, Drawn { key: *key, kept: Kept::of(&block, index) }));
            self.drawn.truncate(self.rows);
        }
        true
    }
}

/// Draws rows from the chunks; where they are not known, from the whole table as it is walked through.
pub(super) async fn draw(
    source: &Reader,
    settled: &Settled,
    mut chunks: Vec<(u64, Range)>,
    (seed, rows, chunk_rows): (u64, usize, u64),
) -> Result<Vec<Drawn>, ValidateError> {
    if chunks.is_empty() {
        chunks = walked(source, chunk_rows).await?;
    }
    if chunks.len() > STRETCHES {
        chunks.sort_by_key(|(chunk, _)| mixed(seed, *chunk));
        chunks.truncate(STRETCHES);
    }
    let not = settled.not.iter().flat_map(|block| block.rows.clone()).collect();
    let draw = Draw { seed, rows, drawn: Vec::new(), not };
    let extent = Extent::Some { rows: if chunks.len() == 1 { u64::MAX } else { STRETCH_ROWS }, chunks };
    let draw = source.show(&extent, draw).await?;
    Ok(draw.drawn.into_iter().map(|(_, drawn)| drawn).collect())
}

/// Chunks to draw from are looked up no further than this.
const WALKED: u64 = 1_000;

async fn walked(source: &Reader, chunk_rows: u64) -> Result<Vec<(u64, Range)>, ValidateError> {
    let mut chunks = Vec::new();
    let mut after = None;
    for chunk in 0..WALKED {
        let Some(range) = source.snapshot.next_range(&source.table, after.as_ref(), chunk_rows).await? else { break };
        let end = match &range.until {
            crate::endpoint::Until::Position(end) => Some(end.clone()),
            _ => None,
        };
        chunks.push((chunk, range));
        if end.is_none() {
            break;
        }
        after = end;
    }
    Ok(chunks)
}

/// Each row drawn beside what was found of its key. `proven`: all that the run wrote is known to be there, so a row that is
/// not was left out by a decision or came later, and shows nothing.
pub(super) fn side_by_side(
    drawn: Vec<Drawn>,
    found: &HashMap<Words, Vec<Kept>>,
    key: &[String],
    proven: bool,
) -> Sampling {
    let mut sampling = Sampling::default();
    for Drawn { key: of, kept } in drawn {
        let found = found.get(&of).map(Vec::as_slice).unwrap_or_default();
        if proven && found.is_empty() {
            continue;
        }
        let same = found.iter().find(|row| row.digest == kept.digest);
        let is_key = |cell: &&NamedCell| key.is_empty() || key.contains(&cell.name);
        sampling.rows.push(SampleRow {
            key: kept.cells.iter().filter(is_key).cloned().collect(),
            matches: same.is_some(),
            destination: same.or(found.first()).map(|row| row.cells.clone()).unwrap_or_default(),
            source: kept.cells,
            ..SampleRow::default()
        });
    }
    sampling.drawn = sampling.rows.len() as u64;
    sampling.matching = sampling.rows.iter().filter(|row| row.matches).count() as u64;
    let all = sampling.matching == sampling.drawn;
    sampling.outcome = if all { Outcome::Passed } else { Outcome::Failed };
    sampling
}
