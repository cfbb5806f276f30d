//! Floating point numbers: the nearest one to a decimal text, the very same one to an integer.

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array},
    compute::cast_with_options,
    datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int64Type},
    error::ArrowError,
    util::display::FormatOptions,
};

use crate::model::ColumnType;

use super::{
    Converted,
    canonical::SAFE,
    number::Number,
    read::{Texts, primitives, unexpected},
};

pub(super) fn to_float(array: &ArrayRef, to: &ColumnType) -> Result<Converted, ArrowError> {
    match to {
        ColumnType::Float { bits: 32 } => to_f32(array),
        ColumnType::Float { .. } => to_f64(array),
        _ => Err(unexpected(array)),
    }
}

fn to_f64(array: &ArrayRef) -> Result<Converted, ArrowError> {
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    if array.data_type() == &DataType::Float32 {
        let values = array.as_primitive::<Float32Type>();
        return Ok(primitives::<Float64Type>(array, &DataType::Float64, |row| Ok(values.value(row).into())));
    }
    let whole = array.data_type().is_integer();
    let quick = Quick::of(array)?;
    Ok(primitives::<Float64Type>(array, &DataType::Float64, |row| {
        if let Some(value) = quick.at(row) {
            return Ok(value);
        }
        let text = texts.at(row);
        let value: f64 = parse(&text)?;
        check(&text, Found { finite: value.is_finite(), zero: value == 0.0, exact: !whole || shows(value, &text) })?;
        Ok(value)
    }))
}

/// Values that are a float for sure: what follows is for the others.
enum Quick {
    Integers(Int64Array),
    Decimals(Decimal128Array, f64),
    None,
}

/// Every integer up to here is a float.
const MOST_EXACT: u64 = 1 << 53;

impl Quick {
    fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            ty if ty.is_integer() => {
                Self::Integers(cast_with_options(array, &DataType::Int64, &SAFE)?.as_primitive::<Int64Type>().clone())
            }
            // Ten to the 22nd is the last power that is a float; one division of exact floats rounds correctly.
            DataType::Decimal128(_, scale @ 0..=22) => {
                Self::Decimals(array.as_primitive::<Decimal128Type>().clone(), 10_f64.powi(i32::from(*scale)))
            }
            _ => Self::None,
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "only what is exact is cast")]
    fn at(&self, row: usize) -> Option<f64> {
        match self {
            Self::Integers(values) => {
                let value = values.value(row);
                (values.is_valid(row) && value.unsigned_abs() <= MOST_EXACT).then_some(value as f64)
            }
            Self::Decimals(values, unit) => {
                let value = i64::try_from(values.value(row)).ok().filter(|value| value.unsigned_abs() <= MOST_EXACT)?;
                Some(value as f64 / unit)
            }
            Self::None => None,
        }
    }
}

fn to_f32(array: &ArrayRef) -> Result<Converted, ArrowError> {
    let options = FormatOptions::new();
    let texts = Texts::of(array, &options)?;
    let whole = array.data_type().is_integer();
    let doubles = array.as_primitive_opt::<Float64Type>();
    Ok(primitives::<Float32Type>(array, &DataType::Float32, |row| {
        let text = texts.at(row);
        let value = match doubles {
            Some(doubles) => narrowed(doubles.value(row)),
            None => parse(&text)?,
        };
        let exact = !whole || shows(value.into(), &text);
        check(&text, Found { finite: value.is_finite(), zero: value == 0.0, exact })?;
        Ok(value)
    }))
}

#[expect(clippy::cast_possible_truncation, reason = "losing digits is what the plan accepted; infinity is checked")]
fn narrowed(value: f64) -> f32 {
    value as f32
}

/// Whether an integer is exactly this float.
fn shows(value: f64, integer: &str) -> bool {
    format!("{value:.0}") == integer
}

/// A decimal number, or one of the names of what is none. Nothing else that Rust would read.
fn parse<F: std::str::FromStr>(text: &str) -> Result<F, String> {
    let known = Number::parse(text).is_some() || special(text);
    let value = if known { text.parse().ok() } else { None };
    value.ok_or_else(|| format!("'{text}' is not a number"))
}

fn special(text: &str) -> bool {
    let name = text.strip_prefix(['-', '+']).unwrap_or(text);
    ["nan", "inf", "infinity"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

struct Found {
    finite: bool,
    zero: bool,
    exact: bool,
}

fn check(text: &str, found: Found) -> Result<(), String> {
    if !found.finite && !special(text) {
        return Err(format!("'{text}' is too large for a float"));
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    if found.zero && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return Err(format!("'{text}' is too small for a float"));
    }
    if found.exact { Ok(()) } else { Err(format!("'{text}' is not exact as a float")) }
}
