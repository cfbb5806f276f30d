//! Reading any array's values as text, and building arrays whose rows may fail.

use std::{borrow::Cow, sync::Arc};

use datafusion::arrow::{
    array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveBuilder, StringArray, StringBuilder},
    datatypes::DataType,
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};

use crate::model::{Cause, cell_at, text_at};

use super::{Converted, Failure};

/// The values of an array as the texts that [`crate::model::cell_at`] gives, without a copy where they are texts.
pub(in crate::transform) enum Texts<'a> {
    Plain(&'a StringArray),
    Formatted(&'a dyn Array, ArrayFormatter<'a>),
}

impl<'a> Texts<'a> {
    pub(in crate::transform) fn of(array: &'a ArrayRef, options: &'a FormatOptions<'a>) -> Result<Self, ArrowError> {
        Ok(match array.as_string_opt::<i32>() {
            Some(texts) => Self::Plain(texts),
            None => Self::Formatted(array, ArrayFormatter::try_new(array, options)?),
        })
    }

    /// The text of a value that is not NULL.
    pub(in crate::transform) fn at(&self, row: usize) -> Cow<'a, str> {
        match self {
            Self::Plain(texts) => Cow::Borrowed(texts.value(row)),
            Self::Formatted(array, _) if array.data_type() == &DataType::Binary => {
                Cow::Owned(cell_at(*array, row).display())
            }
            Self::Formatted(array, formatter) => {
                Cow::Owned(text_at(*array, row).unwrap_or_else(|| formatter.value(row).to_string()))
            }
        }
    }
}

/// A value of each row that is not NULL, by `read`, whose error is the row's.
pub(super) fn primitives<T: ArrowPrimitiveType>(
    array: &dyn Array,
    ty: &DataType,
    mut read: impl FnMut(usize) -> Result<T::Native, String>,
) -> Converted {
    let mut failures = Vec::new();
    let mut builder = PrimitiveBuilder::<T>::with_capacity(array.len()).with_data_type(ty.clone());
    for row in 0..array.len() {
        builder.append_option(of_row(array, row, &mut read, &mut failures));
    }
    Converted { array: Arc::new(builder.finish()), failures }
}

/// As [`primitives`], for texts.
pub(super) fn strings<'t>(array: &dyn Array, mut read: impl FnMut(usize) -> Result<Cow<'t, str>, String>) -> Converted {
    let mut failures = Vec::new();
    let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 16);
    for row in 0..array.len() {
        builder.append_option(of_row(array, row, &mut read, &mut failures));
    }
    Converted { array: Arc::new(builder.finish()), failures }
}

/// The array's own texts, each held to `is_one`, which says what is wrong with it: without a copy where none fails.
pub(super) fn kept(array: &ArrayRef, mut is_one: impl FnMut(&str) -> Result<(), String>) -> Option<Converted> {
    let texts = array.as_string_opt::<i32>()?;
    let mut failures = Vec::new();
    let held: Vec<Option<()>> =
        (0..array.len()).map(|row| of_row(array, row, &mut |row| is_one(texts.value(row)), &mut failures)).collect();
    let array = match failures.is_empty() {
        true => array.clone(),
        false => Arc::new(
            texts.iter().zip(held).map(|(text, held)| text.filter(|_| held.is_some())).collect::<StringArray>(),
        ),
    };
    Some(Converted { array, failures })
}

pub(super) fn of_row<V>(
    array: &dyn Array,
    row: usize,
    read: &mut impl FnMut(usize) -> Result<V, String>,
    failures: &mut Vec<Failure>,
) -> Option<V> {
    if array.is_null(row) {
        return None;
    }
    match read(row) {
        Ok(value) => Some(value),
        Err(message) => {
            failures.push(Failure { row, cause: Cause::Conversion, message });
            None
        }
    }
}

/// The rows that a cast turned NULL have failed.
pub(super) fn lost(before: &ArrayRef, after: ArrayRef, message: impl Fn(usize) -> String) -> Converted {
    let failures = if after.null_count() == before.null_count() {
        Vec::new()
    } else {
        let rows = (0..before.len()).filter(|row| after.is_null(*row) && !before.is_null(*row));
        rows.map(|row| Failure { row, cause: Cause::Conversion, message: message(row) }).collect()
    };
    Converted { array: after, failures }
}

/// An array of the type that a kernel was planned for.
pub(super) fn unexpected(array: &dyn Array) -> ArrowError {
    ArrowError::InvalidArgumentError(format!("no conversion from {} was planned", array.data_type()))
}
