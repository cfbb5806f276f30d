//! From Arrow to the server: what a statement binds, and what a column would change without saying so.
//!
//! One idea: strict mode is not strict enough. It still rounds fractions of a second, reads `'2'` as the second label of
//! an enum, the year 5 as 2005 and NULL as the next id, pads `binary` and strips `char`. A [`Target`] knows what its
//! column would do to a value and refuses the row instead.

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray as _},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
        Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use sqlx::{Arguments as _, mysql::MySqlArguments};

use super::{
    catalog::ColumnFacts,
    types::{is_spatial, labels},
};
use crate::model::{
    Cause, NAN_128, NAN_256,
    calendar::{Day, Moment, civil, push_date, push_time},
};

/// A value as it is bound. Dates, times and decimals go as text, which the server reads exactly.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound<'a> {
    Null,
    /// NULL for a shape, which takes two parameters.
    Nowhere,
    Integer(i64),
    Unsigned(u64),
    Float(f32),
    Double(f64),
    Text(&'a str),
    Made(String),
    Bytes(&'a [u8]),
    /// Well-known text and its reference system.
    Spatial(&'a str, u32),
}

/// Why a row cannot be written as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Objection {
    pub(super) cause: Cause,
    pub(super) message: String,
}

fn object<T>(cause: Cause, message: impl Into<String>) -> Result<T, Objection> {
    Err(Objection { cause, message: message.into() })
}

/// What a column does to values beyond what its errors say.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Habit {
    None,
    /// `fixed`: trailing spaces are stripped.
    Text {
        max: usize,
        fixed: bool,
    },
    /// `fixed`: shorter values are padded with zeros.
    Binary {
        max: usize,
        fixed: bool,
    },
    Fraction(u32),
    Scale(i8),
    Enum(Vec<String>),
    Set(Vec<String>),
    Year,
    /// Bits come as their digits.
    Bits(u8),
    Float {
        digits: Option<usize>,
        single: bool,
    },
    Spatial,
}

/// A column to write to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    nullable: bool,
    habit: Habit,
}

impl Target {
    pub(super) fn new(facts: &ColumnFacts) -> Self {
        Self { name: facts.column.name.clone(), nullable: facts.column.nullable, habit: habit(facts) }
    }

    pub(super) fn placeholder(&self) -> &'static str {
        if self.habit == Habit::Spatial { "ST_GeomFromText(?, ?)" } else { "?" }
    }

    /// The value as it is bound, if the column takes it as it is.
    pub(super) fn bound<'a>(&self, array: &'a ArrayRef, row: usize) -> Result<Bound<'a>, Objection> {
        if array.is_null(row) {
            // Left to the server, NULL in an auto-increment column becomes the next id, and in some timestamps now.
            return match self.habit {
                _ if !self.nullable => object(Cause::Null, format!("Column '{}' cannot be null", self.name)),
                Habit::Spatial => Ok(Bound::Nowhere),
                _ => Ok(Bound::Null),
            };
        }
        let bound = bind(array, row)?;
        match &self.habit {
            Habit::Bits(width) => bits(bound, *width),
            Habit::None => Ok(bound),
            Habit::Spatial => spatial(bound),
            habit => habit.admits(&bound).map(|()| bound),
        }
    }
}

fn habit(facts: &ColumnFacts) -> Habit {
    let native = &facts.native;
    let max = native.length.map_or(usize::MAX, |length| length as usize);
    match native.word.as_str() {
        "char" | "varchar" => Habit::Text { max, fixed: native.word == "char" },
        "binary" | "varbinary" => Habit::Binary { max, fixed: native.word == "binary" },
        "time" | "datetime" | "timestamp" => Habit::Fraction(facts.fraction.unwrap_or(0)),
        "decimal" | "numeric" => Habit::Scale(native.scale.unwrap_or(0)),
        "enum" => Habit::Enum(labels(&native.full)),
        "set" => Habit::Set(labels(&native.full)),
        "year" => Habit::Year,
        "bit" => native.precision.map_or(Habit::None, Habit::Bits),
        "float" => Habit::Float { digits: digits(&native.full), single: true },
        "double" | "real" => Habit::Float { digits: digits(&native.full), single: false },
        word if is_spatial(word) => Habit::Spatial,
        _ => Habit::None,
    }
}

/// The `2` of `double(10,2)`.
fn digits(native: &str) -> Option<usize> {
    native.split_once(',')?.1.split(')').next()?.trim().parse().ok()
}

impl Habit {
    fn admits(&self, bound: &Bound<'_>) -> Result<(), Objection> {
        match (self, bound) {
            (Self::Text { max, fixed }, _) => bound.text().map_or(Ok(()), |text| admits_text(text, *max, *fixed)),
            (Self::Binary { max, fixed }, Bound::Bytes(bytes)) => admits_bytes(bytes, *max, *fixed),
            (Self::Fraction(digits), _) => {
                bound.text().map_or(Ok(()), |text| admits_fraction(text, *digits, "a second"))
            }
            (Self::Scale(scale), _) => {
                bound.text().map_or(Ok(()), |text| admits_fraction(text, u32::from(scale.unsigned_abs()), "a number"))
            }
            (Self::Year, Bound::Integer(year)) => admits_year(*year),
            (Self::Enum(labels), _) => match bound.text() {
                Some(text) if !labels.iter().any(|label| label == text) => {
                    object(Cause::Refused, format!("'{text}' is none of the column's labels"))
                }
                _ => Ok(()),
            },
            (Self::Set(labels), _) => bound.text().map_or(Ok(()), |text| admits_set(text, labels)),
            (Self::Float { digits, single }, Bound::Double(number)) => admits_float(*number, *digits, *single),
            (Self::Float { digits, .. }, Bound::Float(number)) => admits_float(f64::from(*number), None, false)
                .and_then(|()| match digits {
                    Some(digits) if format!("{number:.digits$}").parse() != Ok(*number) => rounded(*number),
                    _ => Ok(()),
                }),
            _ => Ok(()),
        }
    }
}

fn admits_text(text: &str, max: usize, fixed: bool) -> Result<(), Objection> {
    if text.len() > max && text.chars().count() > max {
        return object(Cause::Length, format!("the text is longer than {max} characters"));
    }
    if fixed && text.ends_with(' ') {
        return object(Cause::Refused, "the text ends with spaces, which a char column does not keep");
    }
    Ok(())
}

fn admits_bytes(bytes: &[u8], max: usize, fixed: bool) -> Result<(), Objection> {
    match bytes.len() {
        length if length > max => object(Cause::Length, format!("the value is longer than {max} bytes")),
        length if fixed && length < max => {
            object(Cause::Length, format!("the value has {length} bytes, and the column would pad it to {max}"))
        }
        _ => Ok(()),
    }
}

fn admits_fraction(text: &str, digits: u32, of: &str) -> Result<(), Objection> {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction).trim_end_matches('0');
    if fraction.len() <= digits as usize {
        return Ok(());
    }
    object(Cause::Refused, format!("'{text}' has more than the {digits} digits of {of} that the column keeps"))
}

/// A set is kept in the order of its labels, each once: text that says it otherwise would come back changed.
fn admits_set(text: &str, labels: &[String]) -> Result<(), Objection> {
    let mut rest = labels.iter();
    if text.is_empty() || text.split(',').all(|part| rest.any(|label| label == part)) {
        return Ok(());
    }
    object(Cause::Refused, format!("'{text}' is not made of the column's labels, in their order"))
}

fn admits_float(number: f64, digits: Option<usize>, single: bool) -> Result<(), Objection> {
    if !number.is_finite() {
        return object(Cause::Refused, format!("{number} cannot be stored: MySQL has finite numbers only"));
    }
    let narrowed = single && f64::from(number as f32) != number;
    let cut = digits.is_some_and(|digits| format!("{number:.digits$}").parse() != Ok(number));
    if narrowed || cut { rounded(number) } else { Ok(()) }
}

fn rounded<T>(number: impl std::fmt::Display) -> Result<T, Objection> {
    object(Cause::Refused, format!("the column would round {number}"))
}

/// Any other year is taken for one of this century or the last, whether it comes as a number or as text.
fn admits_year(year: i64) -> Result<(), Objection> {
    if year == 0 || (1901..=2155).contains(&year) {
        return Ok(());
    }
    object(Cause::Length, format!("{year} is not within the years 1901 to 2155"))
}

/// Digits of base 2 as the number that the server makes bits of; a number as it is, if it has no more bits.
fn bits(bound: Bound<'_>, width: u8) -> Result<Bound<'_>, Objection> {
    let Some(text) = bound.text() else { return Ok(bound) };
    let digits = text.len() == usize::from(width) && text.bytes().all(|digit| matches!(digit, b'0' | b'1'));
    match u64::from_str_radix(text, 2) {
        Ok(number) if digits => Ok(Bound::Unsigned(number)),
        _ => object(Cause::Refused, format!("'{text}' is not {width} bits")),
    }
}

fn spatial(bound: Bound<'_>) -> Result<Bound<'_>, Objection> {
    let Bound::Text(text) = bound else { return Ok(bound) };
    let parsed = text.strip_prefix("SRID=").and_then(|rest| {
        let (srid, shape) = rest.split_once(';')?;
        Some(Bound::Spatial(shape, srid.parse().ok()?))
    });
    Ok(parsed.unwrap_or(Bound::Spatial(text, 0)))
}

fn bind(array: &ArrayRef, row: usize) -> Result<Bound<'_>, Objection> {
    macro_rules! number {
        ($ty:ty) => {
            array.as_primitive::<$ty>().value(row)
        };
    }
    Ok(match array.data_type() {
        DataType::Boolean => Bound::Integer(array.as_boolean().value(row).into()),
        DataType::Int8 => Bound::Integer(number!(Int8Type).into()),
        DataType::Int16 => Bound::Integer(number!(Int16Type).into()),
        DataType::Int32 => Bound::Integer(number!(Int32Type).into()),
        DataType::Int64 => Bound::Integer(number!(Int64Type)),
        DataType::UInt8 => Bound::Unsigned(number!(UInt8Type).into()),
        DataType::UInt16 => Bound::Unsigned(number!(UInt16Type).into()),
        DataType::UInt32 => Bound::Unsigned(number!(UInt32Type).into()),
        DataType::UInt64 => Bound::Unsigned(number!(UInt64Type)),
        DataType::Float32 => Bound::Float(finite(number!(Float32Type))?),
        DataType::Float64 => Bound::Double(finite(number!(Float64Type))?),
        DataType::Decimal128(..) if number!(Decimal128Type) == NAN_128 => return no_number(),
        DataType::Decimal256(..) if number!(Decimal256Type) == NAN_256 => return no_number(),
        DataType::Decimal128(..) => Bound::Made(array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Decimal256(..) => Bound::Made(array.as_primitive::<Decimal256Type>().value_as_string(row)),
        DataType::Date32 => Bound::Made(date(Day::of(number!(Date32Type)))?),
        DataType::Time64(TimeUnit::Microsecond) => Bound::Made(clock(number!(Time64MicrosecondType))),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let (day, time) = match Moment::of(number!(TimestampMicrosecondType)) {
                Moment::Common(days, time) => (Day::Common(days), time),
                Moment::Odd(odd, time) => (Day::Odd(odd), time),
                Moment::Infinity => (Day::Infinity, 0),
                Moment::MinusInfinity => (Day::MinusInfinity, 0),
            };
            Bound::Made(format!("{} {}", date(day)?, clock(time)))
        }
        DataType::Utf8 => Bound::Text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Bound::Text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Bound::Text(array.as_string_view().value(row)),
        DataType::Binary => Bound::Bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Bound::Bytes(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Bound::Bytes(array.as_binary_view().value(row)),
        other => return object(Cause::Refused, format!("values of {other} cannot be written to MySQL")),
    })
}

/// Whether [`Target::bound`] knows arrays of the type.
pub(super) fn is_known(ty: &DataType) -> bool {
    use DataType as T;
    matches!(
        ty,
        T::Boolean
            | T::Int8
            | T::Int16
            | T::Int32
            | T::Int64
            | T::UInt8
            | T::UInt16
            | T::UInt32
            | T::UInt64
            | T::Float32
            | T::Float64
            | T::Decimal128(..)
            | T::Decimal256(..)
            | T::Date32
            | T::Time64(TimeUnit::Microsecond)
            | T::Timestamp(TimeUnit::Microsecond, _)
            | T::Utf8
            | T::LargeUtf8
            | T::Utf8View
            | T::Binary
            | T::LargeBinary
            | T::BinaryView
    )
}

/// Not every server keeps the sign of zero.
fn finite<F: Into<f64> + Copy>(number: F) -> Result<F, Objection> {
    let wide: f64 = number.into();
    if wide == 0.0 && wide.is_sign_negative() {
        return object(Cause::Refused, "-0.0 cannot be stored: the server may make 0 of it");
    }
    if wide.is_finite() {
        return Ok(number);
    }
    object(Cause::Refused, format!("{} cannot be stored: MySQL has finite numbers only", number.into()))
}

fn no_number<T>() -> Result<T, Objection> {
    object(Cause::Refused, "NaN cannot be stored: MySQL's decimals are numbers")
}

fn date(day: Day) -> Result<String, Objection> {
    let mut text = String::new();
    match day {
        Day::Odd(odd) => push_date(odd.days(), &mut text),
        Day::Common(days) if (0..=9999).contains(&civil(days).0) => push_date(days as i32, &mut text),
        _ => return object(Cause::Refused, "the date is not within MySQL's years 0 to 9999"),
    }
    Ok(text)
}

fn clock(micros: i64) -> String {
    let mut text = String::new();
    push_time(micros, &mut text);
    text
}

impl Bound<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Made(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes that it takes in a statement, and a few more.
    pub(super) fn size(&self) -> usize {
        12 + match self {
            Self::Text(text) => text.len(),
            Self::Made(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Spatial(text, _) => text.len() + 12,
            _ => 0,
        }
    }

    /// Adds it to what a statement binds. None of these can fail to encode; a failure would show as a wrong number of
    /// parameters, which sqlx refuses.
    pub(super) fn add_to(&self, arguments: &mut MySqlArguments) -> Result<(), sqlx::error::BoxDynError> {
        match self {
            Self::Null => arguments.add(None::<&str>),
            Self::Nowhere => arguments.add(None::<&str>).and_then(|()| arguments.add(None::<u32>)),
            Self::Integer(number) => arguments.add(*number),
            Self::Unsigned(number) => arguments.add(*number),
            Self::Float(number) => arguments.add(*number),
            Self::Double(number) => arguments.add(*number),
            Self::Text(text) => arguments.add(*text),
            Self::Made(text) => arguments.add(text.as_str()),
            Self::Bytes(bytes) => arguments.add(*bytes),
            Self::Spatial(text, srid) => arguments.add(*text).and_then(|()| arguments.add(*srid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Date32Array, TimestampMicrosecondArray};

    use super::*;
    use crate::model::calendar::OddDay;

    fn bound(array: ArrayRef, row: usize) -> Result<Bound<'static>, Objection> {
        match bind(&array, row)? {
            Bound::Made(text) => Ok(Bound::Made(text)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn dates_beyond_the_calendar_are_refused() {
        let days = vec![-719_528, 2_932_896, -719_529, 2_932_897, i32::MIN, OddDay::new(2011, 0, 0).unwrap().days()];
        let days: ArrayRef = Arc::new(Date32Array::from(days));
        assert_eq!(bound(Arc::clone(&days), 5), Ok(Bound::Made("2011-00-00".into())));
        assert_eq!(bound(Arc::clone(&days), 0), Ok(Bound::Made("0000-01-01".into())));
        assert_eq!(bound(Arc::clone(&days), 1), Ok(Bound::Made("9999-12-31".into())));
        for row in 2..5 {
            assert!(bound(Arc::clone(&days), row).unwrap_err().message.contains("years 0 to 9999"));
        }
        let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-1, i64::MAX, i64::MIN]));
        assert_eq!(bound(Arc::clone(&micros), 0), Ok(Bound::Made("1969-12-31 23:59:59.999999".into())));
        assert!(bound(Arc::clone(&micros), 1).is_err() && bound(micros, 2).is_err());
    }

    #[test]
    fn a_set_is_taken_only_in_its_own_order() {
        let labels: Vec<String> = ["x", "y", "z"].map(str::to_owned).to_vec();
        for good in ["", "x", "x,z", "x,y,z"] {
            assert_eq!(admits_set(good, &labels), Ok(()), "{good}");
        }
        for bad in ["z,x", "x,x", "3", "x,", ",", "X"] {
            assert!(admits_set(bad, &labels).is_err(), "{bad}");
        }
    }
}
