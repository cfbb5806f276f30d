//! Exact numbers with a fixed scale. Digits that do not fit are a fault, never rounded.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::cast_with_options,
    datatypes::{DataType, Decimal128Type, Decimal256Type, Float32Type, Float64Type, i256},
    error::ArrowError,
    util::display::FormatOptions,
};

use crate::model::{ColumnType, NAN_128, NAN_256};

use super::{
    Converted,
    canonical::SAFE,
    number::{Misfit, Number, power_of_ten},
    read::{Texts, lost, primitives, unexpected},
};

pub(super) fn to_decimal(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let ColumnType::Decimal { precision, scale } = to else { return Err(unexpected(array)) };
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    if is_only_wider(array.data_type(), *scale) && !has_nan(array) {
        let cast = cast_with_options(array, &to.arrow(), &SAFE)?;
        return Ok(lost(array, cast, |row| message(Some(Misfit::Size), &texts.at(row), *precision, *scale)));
    }
    read(array, to, *precision, *scale)
}

/// Of numbers without limits, among which NaN is one; as a mere text it is none.
pub(super) fn of_numeric(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let ColumnType::Decimal { precision, scale } = to else { return Err(unexpected(array)) };
    let texts = array.as_string_opt::<i32>().ok_or_else(|| unexpected(array))?.clone();
    let (precision, scale) = (*precision, *scale);
    let read = move |row: usize| match texts.value(row) {
        "NaN" => Ok(NAN_256),
        text => Number::parse(text).ok_or(None)?.unscaled(precision, scale).map_err(Some),
    };
    read_by(&read, array, to, precision, scale)
}

/// Value by value.
fn read(array: &ArrayRef, to: &ColumnType, precision: u8, scale: i8) -> Result<Converted, ArrowError> {
    read_by(&*reader(array, precision, scale)?, array, to, precision, scale)
}

fn read_by(
    read: &Reader,
    array: &ArrayRef,
    to: &ColumnType,
    precision: u8,
    scale: i8,
) -> Result<Converted, ArrowError> {
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    let value = |row: usize| read(row).map_err(|misfit| message(misfit, &texts.at(row), precision, scale));
    let size = |row: usize| message(Some(Misfit::Size), &texts.at(row), precision, scale);
    Ok(match to.arrow() {
        ty @ DataType::Decimal128(..) => primitives::<Decimal128Type>(array, &ty, |row| match value(row)? {
            NAN_256 => Ok(NAN_128),
            number => number.to_i128().ok_or_else(|| size(row)),
        }),
        ty => primitives::<Decimal256Type>(array, &ty, value),
    })
}

/// Of the very type, but perhaps with more digits than it has: arithmetic does not look at the precision.
pub(super) fn within(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    let ColumnType::Decimal { precision, scale } = to else { return Err(unexpected(array)) };
    let fits = match array.data_type() {
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().validate_decimal_precision(*precision),
        _ => array.as_primitive::<Decimal256Type>().validate_decimal_precision(*precision),
    };
    if fits.is_ok() { Ok(Converted::whole(array.clone())) } else { read(array, to, *precision, *scale) }
}

/// Whether there is what no cast may touch.
fn has_nan(array: &ArrayRef) -> bool {
    match array.data_type() {
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().values().contains(&NAN_128),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().values().contains(&NAN_256),
        _ => false,
    }
}

/// Whether Arrow's cast only adds zeros, and so is exact.
fn is_only_wider(from: &DataType, scale: i8) -> bool {
    match from {
        DataType::Decimal128(_, from) | DataType::Decimal256(_, from) => *from <= scale,
        ty => ty.is_integer(),
    }
}

/// `None` for what is no number.
type Reader = dyn Fn(usize) -> Result<i256, Option<Misfit>>;

fn reader(array: &ArrayRef, precision: u8, scale: i8) -> Result<Box<Reader>, ArrowError> {
    let array = Arc::clone(array);
    let of_text = move |text: &str| Number::parse(text).ok_or(None)?.unscaled(precision, scale).map_err(Some);
    Ok(match array.data_type() {
        DataType::Utf8 => Box::new(move |row| of_text(array.as_string::<i32>().value(row))),
        DataType::Float32 => Box::new(move |row| of_text(&array.as_primitive::<Float32Type>().value(row).to_string())),
        DataType::Float64 => Box::new(move |row| of_text(&array.as_primitive::<Float64Type>().value(row).to_string())),
        DataType::Decimal128(_, from) => {
            let from = *from;
            Box::new(move |row| match array.as_primitive::<Decimal128Type>().value(row) {
                NAN_128 => Ok(NAN_256),
                value => rescaled(i256::from_i128(value), from, scale, precision),
            })
        }
        DataType::Decimal256(_, from) => {
            let from = *from;
            Box::new(move |row| match array.as_primitive::<Decimal256Type>().value(row) {
                NAN_256 => Ok(NAN_256),
                value => rescaled(value, from, scale, precision),
            })
        }
        _ => return Err(unexpected(&array)),
    })
}

fn rescaled(value: i256, from: i8, to: i8, precision: u8) -> Result<i256, Option<Misfit>> {
    if from >= to {
        return cut(value, from.abs_diff(to), precision);
    }
    let unit = power_of_ten(to.abs_diff(from).into()).ok_or(Some(Misfit::Size))?;
    cut(value.checked_mul(unit).ok_or(Some(Misfit::Size))?, 0, precision)
}

/// Without its last `places` digits, which must be zeros.
fn cut(value: i256, places: u8, precision: u8) -> Result<i256, Option<Misfit>> {
    let unit = power_of_ten(places.into()).ok_or(Some(Misfit::Size))?;
    if value.wrapping_rem(unit) != i256::ZERO {
        return Err(Some(Misfit::Fraction));
    }
    let value = value.wrapping_div(unit);
    let bound = power_of_ten(precision.into()).ok_or(Some(Misfit::Size))?;
    if value.wrapping_abs() < bound { Ok(value) } else { Err(Some(Misfit::Size)) }
}

fn message(misfit: Option<Misfit>, text: &str, precision: u8, scale: i8) -> String {
    match misfit {
        None => format!("'{text}' is not a decimal number"),
        Some(Misfit::Fraction) => format!("'{text}' has more than {scale} digits after the point"),
        Some(Misfit::Size) => format!("'{text}' has more than {precision} digits, {scale} of them after the point"),
    }
}
