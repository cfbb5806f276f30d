//! Bytes and the texts that they are.

use std::{borrow::Cow, sync::Arc};

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, BinaryBuilder, StringArray},
    compute::cast,
    datatypes::DataType,
    error::ArrowError,
};
use uuid::Uuid;

use crate::model::{Cell, ColumnType};

use super::{
    Converted,
    read::{of_row, strings},
    text,
};

/// The text whose UTF-8 bytes these are; for JSON it must be JSON too.
pub(super) fn to_text(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let bytes = array.as_binary::<i32>();
    // All at once, and without a copy, where all are.
    let all = StringArray::try_from_binary(bytes.clone()).ok().map(|texts| Converted::whole(Arc::new(texts)));
    let mut read = all.unwrap_or_else(|| {
        strings(array, |row| match std::str::from_utf8(bytes.value(row)) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => Err(format!("{} is not UTF-8 text", shown(bytes.value(row)))),
        })
    });
    if *to == ColumnType::Json {
        let json = text::to_json(&read.array, to)?;
        read.array = json.array;
        read.failures.extend(json.failures);
        read.failures.sort_by_key(|failure| failure.row);
    }
    Ok(read)
}

pub(super) fn to_uuid(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    let bytes = array.as_binary::<i32>();
    Ok(strings(array, |row| match Uuid::from_slice(bytes.value(row)) {
        Ok(uuid) => Ok(Cow::Owned(uuid.hyphenated().to_string())),
        Err(_) => Err(format!("{} is not a UUID of 16 bytes", shown(bytes.value(row)))),
    }))
}

pub(super) fn from_uuid(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    let texts = array.as_string::<i32>();
    let mut read =
        |row: usize| Uuid::try_parse(texts.value(row)).map_err(|_| format!("'{}' is not a UUID", texts.value(row)));
    let mut failures = Vec::new();
    let mut builder = BinaryBuilder::with_capacity(array.len(), array.len() * 16);
    for row in 0..array.len() {
        builder.append_option(of_row(array, row, &mut read, &mut failures).map(Uuid::into_bytes));
    }
    Ok(Converted { array: Arc::new(builder.finish()), failures })
}

pub(super) fn from_text(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    Ok(Converted::whole(cast(array, &DataType::Binary)?))
}

fn shown(bytes: &[u8]) -> String {
    Cell::Bytes(bytes.to_vec()).display()
}
