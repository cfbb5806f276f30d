//! How long a text or bytes may be.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};

use crate::model::{Cause, ColumnType};

use super::Failure;

/// The rows whose text has more characters, or whose bytes are more, than the column takes.
pub(in crate::transform) fn too_long(array: &ArrayRef, to: &ColumnType) -> Vec<Failure> {
    match to {
        ColumnType::Text { max: Some(max) } => {
            let Some(texts) = array.as_string_opt::<i32>() else { return Vec::new() };
            let most = *max as usize;
            longer(array, texts.value_offsets(), most, |row| texts.value(row).chars().count(), "characters")
        }
        ColumnType::Bytes { max: Some(max) } => {
            let Some(bytes) = array.as_binary_opt::<i32>() else { return Vec::new() };
            longer(array, bytes.value_offsets(), *max as usize, |row| bytes.value(row).len(), "bytes")
        }
        _ => Vec::new(),
    }
}

/// Counts only where the bytes are too many: there are never more characters than bytes.
fn longer<O: OffsetSizeTrait>(
    array: &ArrayRef,
    offsets: &[O],
    most: usize,
    count: impl Fn(usize) -> usize,
    unit: &str,
) -> Vec<Failure> {
    let suspects = offsets.windows(2).enumerate().filter(|(_, pair)| pair[1].as_usize() - pair[0].as_usize() > most);
    suspects
        .map(|(row, _)| (row, count(row)))
        .filter(|(row, length)| *length > most && !array.is_null(*row))
        .map(|(row, length)| Failure {
            row,
            cause: Cause::Length,
            message: format!("{length} {unit} where the destination takes {most}"),
        })
        .collect()
}
