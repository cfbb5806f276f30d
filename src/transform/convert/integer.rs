//! Whole numbers out of everything that can be one.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast_with_options,
    datatypes::{
        DataType, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
    },
    error::ArrowError,
    util::display::FormatOptions,
};

use crate::model::ColumnType;

use super::{
    Converted,
    canonical::SAFE,
    number::{Misfit, Number, power_of_ten},
    read::{Texts, lost, primitives, unexpected},
};

/// Between widths and signs. Widening never fails.
pub(super) fn resize(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let cast = cast_with_options(array, &to.arrow(), &SAFE)?;
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    Ok(lost(array, cast, |row| out_of_range(&texts.at(row), to)))
}

pub(super) fn to_integer(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    read_with(array, to, of_digits)
}

/// Out of decimal text, whose fraction may be zeros: `12.00`.
pub(super) fn of_numeric(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    read_with(array, to, of_number)
}

type OfText = fn(&str) -> Result<i128, NotWhole>;

fn read_with(array: &ArrayRef, to: &ColumnType, of_text: OfText) -> Result<Converted, ArrowError> {
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    let read = reader(array, of_text)?;
    let value = |row: usize| read(row).map_err(|misfit| misfit.message(&texts.at(row), to));
    macro_rules! build {
        ($ty:ty) => {
            primitives::<$ty>(array, &to.arrow(), |row| {
                value(row)?.try_into().map_err(|_| out_of_range(&texts.at(row), to))
            })
        };
    }
    Ok(match to.arrow() {
        DataType::Int8 => build!(Int8Type),
        DataType::Int16 => build!(Int16Type),
        DataType::Int32 => build!(Int32Type),
        DataType::Int64 => build!(Int64Type),
        DataType::UInt8 => build!(UInt8Type),
        DataType::UInt16 => build!(UInt16Type),
        DataType::UInt32 => build!(UInt32Type),
        DataType::UInt64 => build!(UInt64Type),
        _ => return Err(unexpected(array)),
    })
}

/// Why a value is no integer.
#[derive(Clone, Copy, Debug)]
enum NotWhole {
    Other,
    Fraction,
    Size,
}

impl NotWhole {
    fn message(self, text: &str, to: &ColumnType) -> String {
        match self {
            Self::Other => format!("'{text}' is not an integer"),
            Self::Fraction => format!("'{text}' is not a whole number"),
            Self::Size => out_of_range(text, to),
        }
    }
}

fn out_of_range(text: &str, to: &ColumnType) -> String {
    let ColumnType::Integer { bits, unsigned } = to else { return format!("'{text}' is out of range") };
    let sign = if *unsigned { "unsigned " } else { "" };
    format!("'{text}' is out of range for an {sign}integer of {bits} bits")
}

type Reader = dyn Fn(usize) -> Result<i128, NotWhole>;

fn reader(array: &ArrayRef, of_text: OfText) -> Result<Box<Reader>, ArrowError> {
    let array = Arc::clone(array);
    Ok(match array.data_type() {
        DataType::Utf8 => Box::new(move |row| of_text(array.as_string::<i32>().value(row))),
        DataType::Boolean => Box::new(move |row| Ok(i128::from(array.as_boolean().value(row)))),
        DataType::Float32 => Box::new(move |row| of_float(array.as_primitive::<Float32Type>().value(row).into())),
        DataType::Float64 => Box::new(move |row| of_float(array.as_primitive::<Float64Type>().value(row))),
        DataType::Decimal128(_, scale) => {
            let scale = *scale;
            Box::new(move |row| of_decimal(i256::from_i128(array.as_primitive::<Decimal128Type>().value(row)), scale))
        }
        DataType::Decimal256(_, scale) => {
            let scale = *scale;
            Box::new(move |row| of_decimal(array.as_primitive::<Decimal256Type>().value(row), scale))
        }
        _ => return Err(unexpected(&array)),
    })
}

/// A sign and digits.
fn of_digits(text: &str) -> Result<i128, NotWhole> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || digits.bytes().any(|byte| !byte.is_ascii_digit()) {
        return Err(NotWhole::Other);
    }
    text.parse().map_err(|_| NotWhole::Size)
}

fn of_number(text: &str) -> Result<i128, NotWhole> {
    match Number::parse(text).ok_or(NotWhole::Other)?.unscaled(38, 0) {
        Ok(value) => value.to_i128().ok_or(NotWhole::Size),
        Err(Misfit::Fraction) => Err(NotWhole::Fraction),
        Err(Misfit::Size) => Err(NotWhole::Size),
    }
}

fn of_decimal(value: i256, scale: i8) -> Result<i128, NotWhole> {
    let unit = power_of_ten(scale.unsigned_abs().into()).ok_or(NotWhole::Size)?;
    if value.wrapping_rem(unit) != i256::ZERO {
        return Err(NotWhole::Fraction);
    }
    value.wrapping_div(unit).to_i128().ok_or(NotWhole::Size)
}

#[expect(clippy::cast_possible_truncation, reason = "whole and far within the range")]
fn of_float(value: f64) -> Result<i128, NotWhole> {
    if !value.is_finite() {
        return Err(NotWhole::Other);
    }
    match value.fract() == 0.0 {
        true if value.abs() < 1e30 => Ok(value as i128),
        true => Err(NotWhole::Size),
        false => Err(NotWhole::Fraction),
    }
}
