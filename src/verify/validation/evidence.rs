//! What the ledger knows of the run: how many rows, which, what was there before, and which rows went another way.

use std::{collections::BTreeMap, sync::Arc};

use super::reading::{Block, Reader, ValidateError};
use crate::{
    endpoint::{Position, Range, Until},
    ledger::{FaultState, Ledger, RunRecord},
    model::{Counts, Fault, Mark, NamedCell, TableDigest, batch_of, edited},
    transform::Transform,
};

/// A run that came to its end, as far as a validation needs it.
pub(super) struct Evidence {
    pub(super) run: RunRecord,
    digests: BTreeMap<String, Option<TableDigest>>,
    held: BTreeMap<String, u64>,
    counts: BTreeMap<String, Counts>,
    marks: Vec<Mark>,
}

impl Evidence {
    pub(super) async fn of(ledger: &Ledger, run: RunRecord) -> Result<Self, ValidateError> {
        let snapshot = ledger.snapshot(&run.id).await?;
        Ok(Self {
            digests: ledger.digests(&run.id).await?,
            held: ledger.held(&run.id).await?,
            counts: snapshot.tables.into_iter().map(|table| (table.to, table.counts)).collect(),
            marks: ledger.committed_marks(&run.id).await?,
            run,
        })
    }

    /// Whether the run had to do with the table.
    pub(super) fn knows(&self, table: &str) -> bool {
        self.counts.contains_key(table)
    }

    /// The rows that the run wrote, where they are made up of these columns.
    pub(super) fn digest(&self, table: &str, shape: &str) -> Option<TableDigest> {
        let none = TableDigest { shape: shape.to_owned(), sum: crate::model::RowSum::default() };
        let digest = match self.digests.get(table) {
            Some(digest) => digest.clone(),
            None => self.knows(table).then_some(none),
        };
        digest.filter(|digest| digest.shape == shape)
    }

    /// Rows that were there before.
    pub(super) fn held(&self, table: &str) -> u64 {
        self.held.get(table).copied().unwrap_or(0)
    }

    pub(super) fn counts(&self, table: &str) -> Option<Counts> {
        self.counts.get(table).copied()
    }

    /// The table's chunks, where the bounds of all of them are known.
    pub(super) fn chunks(&self, table: &str) -> Vec<(u64, Range)> {
        let mut chunks = self.committed(table);
        if chunks.last().is_some_and(|(_, range)| range.until != Until::End) {
            chunks.clear();
        }
        chunks
    }

    /// Those of its chunks that are in the destination.
    pub(super) fn committed(&self, table: &str) -> Vec<(u64, Range)> {
        let mut after: Option<Position> = None;
        let mut chunks = Vec::new();
        let own = self.marks.iter().filter(|mark| mark.table == table && mark.chunk < Mark::FIRST_RETRY);
        for mark in own {
            let until = mark.end.clone().map_or(Until::End, Until::Position);
            chunks.push((mark.chunk, Range { after: after.clone(), until }));
            after.clone_from(&mark.end);
        }
        chunks
    }
}

/// Rows that the run did not write as the source holds them.
#[derive(Default)]
pub(super) struct Settled {
    /// As the mapping would make them.
    pub(super) not: Vec<Block>,
    /// As they were written after an edit.
    pub(super) instead: Vec<Block>,
}

impl Settled {
    pub(super) async fn of(
        ledger: &Ledger,
        evidence: Option<&Evidence>,
        table: &str,
        source: &Reader,
    ) -> Result<Self, ValidateError> {
        let Some(evidence) = evidence else { return Ok(Self::default()) };
        let faults = ledger.settled(&evidence.run.id, table).await?;
        let source = source.clone();
        tokio::task::spawn_blocking(move || made(&source, &faults)).await?
    }
}

fn made(source: &Reader, faults: &[(Fault, FaultState, Vec<NamedCell>)]) -> Result<Settled, ValidateError> {
    let mut settled = Settled::default();
    let Some(transform) = &source.transform else { return Ok(settled) };
    for (fault, state, edits) in faults {
        settled.not.extend(row(source, transform, &fault.cells)?);
        if *state == FaultState::Written {
            settled.instead.extend(row(source, transform, &edited(&fault.cells, edits))?);
        }
    }
    Ok(settled)
}

/// The row that the mapping makes of the cells, if it makes one.
fn row(source: &Reader, transform: &Arc<Transform>, cells: &[NamedCell]) -> Result<Option<Block>, ValidateError> {
    let Ok(batch) = batch_of(&source.table, cells) else { return Ok(None) };
    let applied = transform.apply(&batch)?;
    Ok((applied.batch.num_rows() == 1).then(|| source.digested(applied.batch)))
}
