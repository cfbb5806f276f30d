//! Arrow columns into SQLite's values, exactly or as a refusal.
//!
//! The one idea: what SQLite would change on its way into the column (NaN becomes NULL, `1.0` a number, NULL in a row id
//! the next free number) is refused here, before it sees it.

use datafusion::arrow::{
    array::{
        Array, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        Time64MicrosecondArray, TimestampMicrosecondArray,
    },
    buffer::NullBuffer,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType, TimeUnit,
        TimestampMicrosecondType,
    },
};
use rusqlite::types::ValueRef;

use super::{
    iso,
    long::Poured,
    number::{Number, exact_number, real_of_decimal, text_survives},
    types::{Affinity, DOUBLE_DIGITS},
    verbatim::{self, Plain},
};
use crate::model::{Cause, Cell, Column, NAN_128, calendar, cell_at};

/// A destination column, as far as writing to it must know it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    native: String,
    text: TextInto,
    /// NULL would become the next free number.
    is_rowid: bool,
}

/// What becomes of text in the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextInto {
    /// It stays as it is.
    Text,
    /// What looks like a number becomes one, and reads back as that number's text.
    Affine,
    /// It says a number and is stored as one.
    Number,
    /// It says what it is.
    Verbatim(Plain),
}

/// Where values are made that the batch does not hold.
#[derive(Default)]
pub(super) struct Scratch {
    text: String,
    bytes: Vec<u8>,
}

impl Scratch {
    /// Room that is kept from row to row; a long value's is not.
    const KEPT: usize = 1 << 16;

    /// To be called when a row's values are bound.
    pub(super) fn let_go(&mut self) {
        self.text.clear();
        self.text.shrink_to(Self::KEPT);
        self.bytes.clear();
        self.bytes.shrink_to(Self::KEPT);
    }
}

/// Why a value cannot go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) cause: Cause,
    pub(super) message: String,
}

impl Complaint {
    fn conversion(message: String) -> Self {
        Self { cause: Cause::Conversion, message }
    }
}

impl Target {
    pub(super) fn new(column: &Column, is_rowid: bool) -> Self {
        let text = match Affinity::of(&column.native).converts_text() {
            _ if let Some(plain) = Plain::parse(&column.ty) => TextInto::Verbatim(plain),
            true if column.ty.is_number() => TextInto::Number,
            true => TextInto::Affine,
            false => TextInto::Text,
        };
        Self { name: column.name.clone(), native: column.native.clone(), text, is_rowid }
    }
}

/// One column of a batch.
pub(super) struct Feed<'b> {
    target: &'b Target,
    values: Values<'b>,
    nulls: Option<&'b NullBuffer>,
}

enum Values<'b> {
    Boolean(&'b BooleanArray),
    Integer(&'b Int64Array),
    Decimal(&'b Decimal128Array, u32),
    Float(&'b Float64Array),
    Text(&'b StringArray),
    Bytes(&'b BinaryArray),
    Date(&'b Date32Array),
    Time(&'b Time64MicrosecondArray),
    Timestamp(&'b TimestampMicrosecondArray, bool),
    /// What SQLite has no form of its own for goes in as its text.
    Other(&'b dyn Array),
}

impl<'b> Feed<'b> {
    pub(super) fn new(target: &'b Target, array: &'b dyn Array) -> Self {
        let values = match array.data_type() {
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Int64 => Values::Integer(array.as_primitive::<Int64Type>()),
            DataType::Decimal128(precision, scale @ 0..) if *precision <= DOUBLE_DIGITS => {
                Values::Decimal(array.as_primitive::<Decimal128Type>(), u32::from(scale.unsigned_abs()))
            }
            DataType::Float64 => Values::Float(array.as_primitive::<Float64Type>()),
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Binary => Values::Bytes(array.as_binary()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>()),
            DataType::Time64(TimeUnit::Microsecond) => Values::Time(array.as_primitive::<Time64MicrosecondType>()),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>(), zone.is_some())
            }
            _ => Values::Other(array),
        };
        Self { target, values, nulls: array.nulls() }
    }

    /// The row's value as SQLite is to hold it; `scratch` is where a text is made.
    pub(super) fn value<'v>(&'v self, row: usize, scratch: &'v mut Scratch) -> Result<ValueRef<'v>, Complaint> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return if self.target.is_rowid { Err(self.null_rowid()) } else { Ok(ValueRef::Null) };
        }
        let Scratch { text: scratch, bytes } = scratch;
        scratch.clear();
        match &self.values {
            Values::Boolean(array) => return Ok(ValueRef::Integer(i64::from(array.value(row)))),
            Values::Integer(array) => return Ok(ValueRef::Integer(array.value(row))),
            Values::Decimal(array, scale) => return self.decimal(array.value(row), *scale, row),
            Values::Float(array) => return self.real(array.value(row)),
            Values::Text(array) => return self.text(array.value(row), bytes),
            Values::Bytes(array) => return Ok(ValueRef::Blob(array.value(row))),
            Values::Date(array) => calendar::push_date(array.value(row), scratch),
            Values::Time(array) => calendar::push_time(array.value(row), scratch),
            Values::Timestamp(array, zone) => iso::write_timestamp(array.value(row), *zone, scratch),
            Values::Other(array) => return self.other(*array, row, scratch, bytes),
        }
        Ok(ValueRef::Text(scratch.as_bytes()))
    }

    /// The row's value where it is one of very many bytes.
    pub(super) fn poured(&self, row: usize) -> Option<Poured<'_>> {
        match &self.values {
            Values::Bytes(array) if array.is_valid(row) => Poured::bytes(array.value(row)),
            Values::Text(array) if array.is_valid(row) && matches!(self.target.text, TextInto::Verbatim(_)) => {
                Poured::said(array.value(row))
            }
            _ => None,
        }
    }

    pub(super) fn name(&self) -> &String {
        &self.target.name
    }

    fn array(&self) -> &dyn Array {
        match &self.values {
            Values::Boolean(array) => *array,
            Values::Integer(array) => *array,
            Values::Decimal(array, _) => *array,
            Values::Float(array) => *array,
            Values::Text(array) => *array,
            Values::Bytes(array) => *array,
            Values::Date(array) => *array,
            Values::Time(array) => *array,
            Values::Timestamp(array, _) => *array,
            Values::Other(array) => *array,
        }
    }

    fn complaint(&self, row: usize, complaint: &str) -> Complaint {
        Complaint::conversion(format!("{} {complaint}", cell_at(self.array(), row).display()))
    }

    fn null_rowid(&self) -> Complaint {
        let message = format!("NULL in {}, which SQLite would replace by the next free number", self.target.name);
        Complaint { cause: Cause::Null, message }
    }

    fn decimal(&self, unscaled: i128, scale: u32, row: usize) -> Result<ValueRef<'_>, Complaint> {
        if unscaled == NAN_128 {
            return Err(Complaint::conversion("NaN, which SQLite has no number for".into()));
        }
        let whole = 10i128.pow(scale);
        if unscaled % whole == 0
            && let Ok(integer) = i64::try_from(unscaled / whole)
        {
            return Ok(ValueRef::Integer(integer));
        }
        let real = real_of_decimal(unscaled, scale).map(ValueRef::Real);
        real.ok_or_else(|| self.complaint(row, "has more digits than SQLite keeps of a number"))
    }

    fn real(&self, real: f64) -> Result<ValueRef<'_>, Complaint> {
        if real.is_nan() {
            return Err(Complaint::conversion("NaN, which SQLite would store as NULL".into()));
        }
        if real == 0.0 && real.is_sign_negative() {
            return Err(Complaint::conversion("-0.0, which SQLite would store as 0".into()));
        }
        Ok(ValueRef::Real(real))
    }

    fn text<'v>(&self, text: &'v str, bytes: &'v mut Vec<u8>) -> Result<ValueRef<'v>, Complaint> {
        let declared = &self.target.native;
        match self.target.text {
            TextInto::Text => Ok(ValueRef::Text(text.as_bytes())),
            TextInto::Verbatim(plain) => verbatim::read(text, plain, bytes)
                .ok_or_else(|| Complaint::conversion(format!("'{text}' is no value as SQLite writes it"))),
            TextInto::Affine if text_survives(text) => Ok(ValueRef::Text(text.as_bytes())),
            TextInto::Affine => {
                let message =
                    format!("'{text}' in a column declared {declared}, where SQLite would make a number of it");
                Err(Complaint::conversion(message))
            }
            TextInto::Number => match exact_number(text) {
                Some(Number::Integer(integer)) => Ok(ValueRef::Integer(integer)),
                Some(Number::Real(real)) => Ok(ValueRef::Real(real)),
                None => {
                    let message = format!("'{text}' in a column declared {declared}, which cannot hold it exactly");
                    Err(Complaint::conversion(message))
                }
            },
        }
    }

    fn other<'v>(
        &self,
        array: &dyn Array,
        row: usize,
        scratch: &'v mut String,
        bytes: &'v mut Vec<u8>,
    ) -> Result<ValueRef<'v>, Complaint> {
        match cell_at(array, row) {
            Cell::Text(text) => *scratch = text,
            Cell::Null => return Ok(ValueRef::Null),
            Cell::Bytes(_) => return Err(Complaint::conversion("bytes of a kind that cannot be written".into())),
        }
        self.text(scratch, bytes)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::ArrayRef;

    use super::*;
    use crate::{
        endpoint::sqlite::types::column_type,
        model::{ColumnType, array_of},
    };

    fn target(native: &str, is_rowid: bool) -> Target {
        Target::new(&Column { native: native.into(), ..Column::new("x", column_type(native)) }, is_rowid)
    }

    fn outcome(native: &str, array: &ArrayRef) -> Result<String, Cause> {
        let (target, mut scratch) = (target(native, false), Scratch::default());
        let value = Feed::new(&target, array).value(0, &mut scratch).map(|value| format!("{value:?}"));
        value.map_err(|complaint| complaint.cause)
    }

    fn array(ty: &str, text: &str) -> ArrayRef {
        array_of(&ty.parse().unwrap(), &[Cell::text(text)]).unwrap()
    }

    #[test]
    fn what_sqlite_would_change_is_refused() {
        for (native, ty, text) in [
            ("REAL", "double", "NaN"),
            ("REAL", "double", "-0.0"),
            ("JSON", "json", "1.0"),
            ("UUID", "uuid", "00000000000000000000000000000012"),
            ("STRING", "text", "007"),
            ("NUMERIC", "numeric", "0.1234567890123456789"),
            ("NUMERIC", "numeric", "18446744073709551615"),
        ] {
            assert_eq!(outcome(native, &array(ty, text)), Err(Cause::Conversion), "{native} {text}");
        }
    }

    #[test]
    fn the_rest_goes_in_as_sqlite_holds_it() {
        for (native, ty, text, value) in [
            ("REAL", "double", "inf", "Real(inf)"),
            ("BOOLEAN", "boolean", "true", "Integer(1)"),
            ("DECIMAL(10,2)", "decimal(10,2)", "12.00", "Integer(12)"),
            ("DECIMAL(10,2)", "decimal(10,2)", "-0.99", "Real(-0.99)"),
            ("NUMERIC", "numeric", "1.50", "Real(1.5)"),
            ("BIGINT", "integer", "7", "Integer(7)"),
            ("DATE", "date", "+10000-01-01", "Text([43, 49, 48, 48, 48, 48, 45, 48, 49, 45, 48, 49])"),
        ] {
            assert_eq!(outcome(native, &array(ty, text)), Ok(value.into()), "{native} {text}");
        }
    }

    #[test]
    fn null_never_becomes_a_fresh_row_id() {
        let (target, mut scratch) = (target("INTEGER", true), Scratch::default());
        let array = array_of(&ColumnType::BIGINT, &[Cell::Null]).unwrap();
        let complaint = Feed::new(&target, &array).value(0, &mut scratch).unwrap_err();
        assert_eq!(complaint.cause, Cause::Null);
    }
}
