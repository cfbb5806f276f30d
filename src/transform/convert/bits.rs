//! Numbers and the bits that they are. Digits of base 2 must never be read as digits of base 10.

use std::borrow::Cow;

use datafusion::arrow::{
    array::{ArrayRef, AsArray},
    datatypes::UInt64Type,
    error::ArrowError,
    util::display::FormatOptions,
};

use crate::model::ColumnType;

use super::{
    Converted, integer,
    read::{Texts, primitives, strings, unexpected},
};

/// A number that is not negative, as so many bits.
pub(super) fn of_integer(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let width = usize::from(to.bits().ok_or_else(|| unexpected(array))?);
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    Ok(strings(array, |row| {
        let text = texts.at(row);
        let bits = text.parse::<u64>().map(|number| format!("{number:0width$b}"));
        bits.ok()
            .filter(|bits| bits.len() == width)
            .map(Cow::Owned)
            .ok_or_else(|| format!("'{text}' is not {width} bits"))
    }))
}

pub(super) fn to_integer(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let texts = array.as_string_opt::<i32>().ok_or_else(|| unexpected(array))?;
    let wide = ColumnType::Integer { bits: 64, unsigned: true };
    let numbers = primitives::<UInt64Type>(array, &wide.arrow(), |row| {
        let text = texts.value(row);
        let digits = text.bytes().all(|digit| matches!(digit, b'0' | b'1'));
        let number = u64::from_str_radix(text, 2).ok().filter(|_| digits);
        number.ok_or_else(|| format!("'{text}' is not a number of at most 64 bits"))
    });
    let mut resized = integer::resize(&numbers.array, to)?;
    resized.failures.extend(numbers.failures);
    resized.failures.sort_by_key(|failure| failure.row);
    Ok(resized)
}
