//! A batch's rows as they are bound, those that cannot be left out.

use std::ops::Range as Span;

use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};

use super::encode::{Bound, Objection, Target, is_known};
use crate::{endpoint::Refusal, model::Cause};

pub(super) struct Bindings<'b> {
    /// Each row's number in the batch, and its size.
    rows: Vec<(usize, usize)>,
    cells: Vec<Bound<'b>>,
    width: usize,
}

impl<'b> Bindings<'b> {
    /// Every row as it is bound, or what speaks against it. `packet`: what no row may exceed.
    pub(super) fn of(
        batch: &'b RecordBatch,
        targets: &[Target],
        packet: usize,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Self, String> {
        if batch.num_columns() != targets.len() {
            return Err(format!("{} columns came for {}", batch.num_columns(), targets.len()));
        }
        let unknown = |(array, _): &(&ArrayRef, &Target)| !is_known(array.data_type());
        if let Some((array, target)) = batch.columns().iter().zip(targets).find(unknown) {
            return Err(format!("column '{}' came as {}", target.name, array.data_type()));
        }
        let mut bindings = Self { rows: Vec::new(), cells: Vec::new(), width: targets.len() };
        bindings.cells.reserve(batch.num_rows() * targets.len());
        for row in 0..batch.num_rows() {
            let start = bindings.cells.len();
            match bind_row(targets, batch.columns(), row, packet, &mut bindings.cells) {
                Ok(size) => bindings.rows.push((row, size)),
                Err((column, Objection { cause, message })) => {
                    bindings.cells.truncate(start);
                    refusals.push(Refusal { row, cause, column, message });
                }
            }
        }
        Ok(bindings)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// A bound row's number in the batch.
    pub(super) fn place(&self, row: usize) -> usize {
        self.rows.get(row).map_or(0, |(place, _)| *place)
    }

    pub(super) fn row(&self, row: usize) -> &[Bound<'b>] {
        self.cells.get(row * self.width..(row + 1) * self.width).unwrap_or_default()
    }

    /// The first rows from `start` on that fit into one statement.
    pub(super) fn fitting(&self, start: usize, rows: usize, bytes: usize) -> Span<usize> {
        let mut end = start;
        let mut total = 0;
        while end < self.rows.len() && end - start < rows {
            total += self.rows[end].1;
            if total > bytes && end > start {
                break;
            }
            end += 1;
        }
        start..end
    }
}

fn bind_row<'b>(
    targets: &[Target],
    arrays: &'b [ArrayRef],
    row: usize,
    packet: usize,
    cells: &mut Vec<Bound<'b>>,
) -> Result<usize, (Option<String>, Objection)> {
    let mut size = 0;
    for (target, array) in targets.iter().zip(arrays) {
        let bound = target.bound(array, row).map_err(|objection| (Some(target.name.clone()), objection))?;
        size += bound.size();
        cells.push(bound);
    }
    if size + 1024 > packet {
        let message = format!("the row has {size} bytes, over the server's max_allowed_packet of {packet}");
        return Err((None, Objection { cause: Cause::Length, message }));
    }
    Ok(size)
}
