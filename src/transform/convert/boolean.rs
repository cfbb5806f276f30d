//! Truth values out of the words and numbers that commonly stand for them.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array, ArrayRef, BooleanBuilder},
    compute::cast,
    datatypes::DataType,
    error::ArrowError,
    util::display::FormatOptions,
};

use crate::model::ColumnType;

use super::{
    Converted, decimal, float,
    number::Number,
    read::{Texts, of_row},
    text,
};

const TRUE: &[&str] = &["t", "true", "yes", "y", "1", "on"];
const FALSE: &[&str] = &["f", "false", "no", "n", "0", "off"];

/// Of a number only 0 and 1 are taken.
pub(super) fn to_boolean(array: &ArrayRef, _: &ColumnType) -> Result<Converted, ArrowError> {
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    let decimal = matches!(array.data_type(), DataType::Decimal128(..) | DataType::Decimal256(..));
    let mut read = |row: usize| {
        let text = texts.at(row);
        let value = if decimal { of_number(&text) } else { of_word(&text) };
        value.ok_or_else(|| format!("'{text}' is neither true nor false"))
    };
    let mut failures = Vec::new();
    let mut builder = BooleanBuilder::with_capacity(array.len());
    for row in 0..array.len() {
        builder.append_option(of_row(array, row, &mut read, &mut failures));
    }
    Ok(Converted { array: Arc::new(builder.finish()), failures })
}

/// 0 and 1, as a number of any kind.
pub(super) fn to_number(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let numbers = cast(array, &DataType::Int64)?;
    match to {
        ColumnType::Decimal { .. } => decimal::to_decimal(&numbers, to),
        ColumnType::Numeric => text::to_numeric(&numbers, to),
        _ => float::to_float(&numbers, to),
    }
}

fn of_word(text: &str) -> Option<bool> {
    let is_in = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_in(TRUE) { Some(true) } else { is_in(FALSE).then_some(false) }
}

fn of_number(text: &str) -> Option<bool> {
    match Number::parse(text)?.unscaled(1, 0).ok()?.to_i128()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
