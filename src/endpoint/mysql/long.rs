//! Rows with values too long to come in one message, which a connection holds more than once.
//!
//! One idea: of what may be long only the beginning is selected, which costs short values nothing. Where a value fills
//! that, reading stops: the row is asked for again by its key, its long values in pieces, and reading goes on behind it.

use std::sync::Arc;

use datafusion::arrow::{
    array::{ArrayRef, BinaryArray, StringArray},
    buffer::{Buffer, OffsetBuffer},
    error::ArrowError,
    record_batch::RecordBatch,
};
use sqlx::mysql::MySqlRow;

use super::{
    connect::{Session, bytes_at},
    read::Batch,
    reading::{Encoding, ReadColumn, Reading, Wire},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Position, Result, SourceBatch},
    model::cell_at,
};

/// A value of so many bytes, or of so many characters, comes in pieces: below, buffers cost little.
const LONG: usize = 8 << 20;

/// Bytes, or characters, of a piece: in most texts less than what goes into one packet.
const PIECE: usize = 12 << 20;

/// The select list for rows that [`is_cut`] looks at.
pub(super) fn selects(reading: &Reading) -> String {
    let beginning = |column: &ReadColumn| format!("LEFT({}, {LONG})", column.select);
    reading.list(|column| if column.may_be_long { beginning(column) } else { column.select.clone() })
}

/// Whether a cell may be the beginning of a longer value only.
pub(super) fn is_cut(reading: &Reading, cells: &[Option<&[u8]>]) -> bool {
    cells.iter().zip(&reading.columns).any(|(cell, column)| is_long(*cell, column))
}

fn is_long(cell: Option<&[u8]>, column: &ReadColumn) -> bool {
    column.may_be_long && cell.is_some_and(|cell| cell.len() >= LONG)
}

/// The row at the position, of which `row` came cut.
pub(super) async fn whole(
    session: &mut Session,
    reading: &Reading,
    row: &MySqlRow,
    position: &Position,
) -> Result<SourceBatch> {
    let mut batch = Batch::new(reading);
    let mut arrived = batch.look(row);
    let long: Vec<usize> =
        (0..reading.columns.len()).filter(|place| is_long(arrived.cells[*place], &reading.columns[*place])).collect();
    let mut values = Vec::with_capacity(long.len());
    for place in &long {
        values.push(value(session, reading, &reading.columns[*place], position).await?);
    }
    if !long.iter().zip(&values).all(|(place, value)| fits(&reading.columns[*place], value)) {
        // The row is rejected as any other.
        long.iter().zip(&values).for_each(|(place, value)| arrived.cells[*place] = Some(value));
        batch.push(arrived);
        return batch.finish();
    }
    long.iter().for_each(|place| arrived.cells[*place] = None);
    batch.push(arrived);
    let mut made = batch.finish()?;
    let failed = |error: ArrowError| EndpointError::new(ErrorKind::Other, "cannot read a long row", error.to_string());
    let mut arrays = made.batch.columns().to_vec();
    for (place, value) in long.iter().zip(values) {
        let whole = array(&reading.columns[*place], value).map_err(failed)?;
        match made.rejects.first_mut() {
            Some(reject) => reject.cells[*place] = cell_at(&whole, 0),
            None => arrays[*place] = whole,
        }
    }
    made.batch = RecordBatch::try_new(made.batch.schema(), arrays).map_err(failed)?;
    Ok(made)
}

/// Whether the column's type can hold it.
fn fits(column: &ReadColumn, value: &[u8]) -> bool {
    match column.wire {
        Wire::Bytes => true,
        Wire::Text(Encoding::Ascii) => value.is_ascii(),
        _ => std::str::from_utf8(value).is_ok(),
    }
}

/// The array of one value, which it holds where it lies.
fn array(column: &ReadColumn, value: Vec<u8>) -> std::result::Result<ArrayRef, ArrowError> {
    let offsets = OffsetBuffer::from_lengths([value.len()]);
    let bytes = Buffer::from_vec(value);
    Ok(match column.wire {
        Wire::Bytes => Arc::new(BinaryArray::try_new(offsets, bytes, None)?),
        _ => Arc::new(StringArray::try_new(offsets, bytes, None)?),
    })
}

/// All of a long value.
async fn value(session: &mut Session, reading: &Reading, column: &ReadColumn, position: &Position) -> Result<Vec<u8>> {
    let at = reading.key.as_ref().map(|key| key.at(position)).transpose()?.unwrap_or_default();
    let ask = |what: String| format!("SELECT {what}{} WHERE {at}", reading.from());
    let length = session.value(ask(format!("CAST(OCTET_LENGTH({}) AS CHAR)", column.select)), &[]).await?;
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let (mut value, mut taken) = (Vec::with_capacity(length), 1);
    while value.len() < length {
        let rows = session.rows(ask(format!("SUBSTRING({}, {taken}, {PIECE})", column.select)), &[]).await?;
        let piece = rows.first().and_then(|row| bytes_at(row, 0)).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        value.extend_from_slice(piece);
        taken += PIECE;
    }
    match value.len() == length {
        true => Ok(value),
        // Where characters and bytes do not agree, the text is none.
        false => plain(session, column, ask(column.select.clone())).await,
    }
}

/// A value as it comes in one message.
async fn plain(session: &mut Session, column: &ReadColumn, statement: String) -> Result<Vec<u8>> {
    let rows = session.rows(statement, &[]).await?;
    let value = rows.first().and_then(|row| bytes_at(row, 0)).map(<[u8]>::to_vec);
    value.ok_or_else(|| {
        let message = format!("a long value of column '{}' did not come whole", column.name);
        EndpointError::new(ErrorKind::Other, "cannot read a row", message)
    })
}
