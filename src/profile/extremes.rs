//! The least and the greatest value of a column, by its type's own order.

use std::cmp::Ordering;

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, StringArray, UInt32Array, make_comparator},
    compute::{SortOptions, take},
    datatypes::{DataType, Decimal128Type, Decimal256Type, Float32Type, Float64Type},
    error::ArrowError,
};

use crate::model::{Cell, ColumnType, NAN_128, NAN_256, cell_at};

/// What of a long text counts, in bytes: two that are alike so far are shown alike.
const COUNTS: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Extremes {
    least: Option<ArrayRef>,
    greatest: Option<ArrayRef>,
}

/// Whether the text form of a type is ordered as its values are, or can be.
pub(super) fn has_order(ty: &ColumnType) -> bool {
    !matches!(ty, ColumnType::Json | ColumnType::Other(_))
}

impl Extremes {
    pub(super) fn take(&mut self, array: &ArrayRef, ty: &ColumnType) -> Result<(), ArrowError> {
        let rows = (0..array.len()).filter(|row| array.is_valid(*row) && !is_no_number(array, *row, ty));
        let numeric = *ty == ColumnType::Numeric;
        let within = comparator(array, array, numeric)?;
        let (mut least, mut greatest) = (None, None);
        for row in rows {
            if least.is_none_or(|least| within(row, least).is_lt()) {
                least = Some(row);
            }
            if greatest.is_none_or(|greatest| within(row, greatest).is_gt()) {
                greatest = Some(row);
            }
        }
        if let Some(row) = least {
            replace(&mut self.least, array, row, numeric, Ordering::Less)?;
        }
        if let Some(row) = greatest {
            replace(&mut self.greatest, array, row, numeric, Ordering::Greater)?;
        }
        Ok(())
    }

    pub(super) fn told(&self) -> (Option<Cell>, Option<Cell>) {
        let cell = |array: &Option<ArrayRef>| array.as_ref().map(|array| cell_at(array, 0));
        (cell(&self.least), cell(&self.greatest))
    }
}

type Comparator = Box<dyn Fn(usize, usize) -> Ordering>;

fn comparator(left: &ArrayRef, right: &ArrayRef, numeric: bool) -> Result<Comparator, ArrowError> {
    if numeric && *left.data_type() == DataType::Utf8 && *right.data_type() == DataType::Utf8 {
        let (left, right): (StringArray, StringArray) = (left.as_string().clone(), right.as_string().clone());
        return Ok(Box::new(move |one, other| by_number(left.value(one), right.value(other))));
    }
    let compare = make_comparator(left, right, SortOptions::default())?;
    Ok(Box::new(compare))
}

fn replace(
    held: &mut Option<ArrayRef>,
    array: &ArrayRef,
    row: usize,
    numeric: bool,
    better: Ordering,
) -> Result<(), ArrowError> {
    let is_better = match held {
        Some(held) => comparator(array, held, numeric)?(row, 0) == better,
        None => true,
    };
    if is_better {
        *held = Some(alone(array, row)?);
    }
    Ok(())
}

/// The value by itself, so that its batch can go.
fn alone(array: &ArrayRef, row: usize) -> Result<ArrayRef, ArrowError> {
    match array.as_string_opt::<i32>().map(|texts| texts.value(row)) {
        Some(text) if text.len() > COUNTS => {
            Ok(std::sync::Arc::new(StringArray::from(vec![&text[..text.floor_char_boundary(COUNTS)]])))
        }
        _ => take(array, &UInt32Array::from(vec![row as u32]), None),
    }
}

/// What is among the numbers and none, and has no place in their order.
fn is_no_number(array: &ArrayRef, row: usize, ty: &ColumnType) -> bool {
    match array.data_type() {
        DataType::Float32 => array.as_primitive::<Float32Type>().value(row).is_nan(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).is_nan(),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value(row) == NAN_128,
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value(row) == NAN_256,
        DataType::Utf8 if *ty == ColumnType::Numeric => {
            array.as_string::<i32>().value(row).trim_start_matches(['-', '+']).eq_ignore_ascii_case("nan")
        }
        _ => false,
    }
}

/// Two numbers of any length as texts, exactly where neither has an exponent.
fn by_number(one: &str, other: &str) -> Ordering {
    match (parts(one), parts(other)) {
        (Some(one), Some(other)) => match (one.0, other.0) {
            (false, false) => size(&one).cmp(&size(&other)),
            (true, true) => size(&other).cmp(&size(&one)),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        },
        _ => {
            let float = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
            float(one).total_cmp(&float(other))
        }
    }
}

/// Whether it is negative, its digits before the point and those behind it, without zeros that say nothing.
fn parts(text: &str) -> Option<(bool, &str, &str)> {
    let digits = text.trim_start_matches(['-', '+']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (short, rest) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let zero = short.is_empty() && rest.is_empty();
    (plain(whole) && plain(fraction) && !digits.is_empty()).then_some((text.starts_with('-') && !zero, short, rest))
}

fn size<'t>((_, whole, fraction): &(bool, &'t str, &'t str)) -> (usize, &'t str, &'t str) {
    (whole.len(), whole, fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::array_of;

    fn of(ty: &str, texts: &[&str]) -> (String, String) {
        let ty: ColumnType = ty.parse().unwrap();
        let mut extremes = Extremes::default();
        for text in texts {
            let cells = [Cell::text(*text), Cell::Null];
            extremes.take(&array_of(&ty, &cells).unwrap(), &ty).unwrap();
        }
        let (least, greatest) = extremes.told();
        (least.unwrap_or_default().display(), greatest.unwrap_or_default().display())
    }

    #[test]
    fn each_type_has_its_own_order() {
        for (ty, texts, least, greatest) in [
            ("integer", &["9", "10", "-2"][..], "-2", "10"),
            ("decimal(10,2)", &["9.00", "10.50", "NaN"], "9.00", "10.50"),
            ("decimal(50,2)", &["9.00", "NaN", "10.50"], "9.00", "10.50"),
            ("numeric", &["9", "10.5", "-2", "-10", "NaN", "0.30"], "-10", "10.5"),
            (
                "numeric",
                &["12345678901234567890123.1", "12345678901234567890123.2"],
                "12345678901234567890123.1",
                "12345678901234567890123.2",
            ),
            ("numeric", &["1", "Infinity"], "1", "Infinity"),
            ("double", &["NaN", "2", "10"], "2.0", "10.0"),
            ("text", &["9", "10"], "10", "9"),
            ("date", &["2024-01-01", "1999-12-31", "infinity"], "1999-12-31", "infinity"),
            ("boolean", &["true", "false"], "false", "true"),
        ] {
            assert_eq!(of(ty, texts), (least.to_owned(), greatest.to_owned()), "{ty} {texts:?}");
        }
        assert_eq!(of("double", &["NaN"]), ("NULL".into(), "NULL".into()));
        let long = "é".repeat(COUNTS);
        assert_eq!(of("text", &[&long]).0.len(), COUNTS);
    }

    proptest! {
        #[test]
        fn numbers_as_texts_compare_as_numbers(one in -100_000i64..100_000, other in -100_000i64..100_000, scale in 0u32..4) {
            let text = |number: i64| {
                let unit = 10_i64.pow(scale);
                let sign = if number < 0 { "-" } else { "" };
                let (whole, fraction) = (number.abs() / unit, number.abs() % unit);
                if scale == 0 { format!("{number}") } else { format!("{sign}{whole}.{fraction:0width$}", width = scale as usize) }
            };
            prop_assert_eq!(by_number(&text(one), &text(other)), one.cmp(&other));
        }
    }
}
