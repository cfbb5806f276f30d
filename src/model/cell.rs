//! One value outside of a batch: for previews, faults and edits. Lossless text, bytes or NULL.

use std::fmt::{self, Formatter};

use base64::{Engine as _, display::Base64Display, engine::general_purpose::STANDARD};
use datafusion::arrow::{
    array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, PrimitiveArray, StringArray},
    compute::{CastOptions, cast_with_options},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Time64MicrosecondType, TimeUnit,
        TimestampMicrosecondType, i256,
    },
    util::display::{ArrayFormatter, FormatOptions},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
    ser::SerializeStruct as _,
};
use sha2::{Digest, Sha256};

use super::{ColumnType, NamedCell, calendar, hex};

/// A value as text that reads back to exactly itself, as bytes, or NULL.
///
/// In JSON: `null`, `"text"`, `{"bytes": "<base64>"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cell {
    #[default]
    Null,
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// How much memory it holds.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Null => 0,
                Self::Text(text) => text.len(),
                Self::Bytes(bytes) => bytes.len(),
            }
    }

    /// As it is told where it only has to be known again: of a very long one the beginning, as text that says so.
    pub fn told(&self) -> Self {
        match self {
            Self::Text(text) => Self::Text(told(text)),
            Self::Bytes(bytes) if bytes.len() > TOLD => {
                let beginning = hex(&bytes[..TOLD / 2]);
                Self::Text(format!("\\x{beginning}… ({} bytes in all)", bytes.len()))
            }
            short => short.clone(),
        }
    }

    /// In the place of a private value in a sheet: there is one, and it is not told.
    pub const PRIVATE_IN_SHEET: &str = "\\P";

    /// For a spreadsheet: NULL is `\N`, bytes are `\x` and hexadecimal digits, a text that begins with `\` has one more in
    /// front, so that nothing depends on which quotes are written.
    pub fn in_sheet(&self) -> String {
        match self {
            Self::Null => "\\N".into(),
            Self::Text(text) if text.starts_with('\\') => format!("\\{text}"),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => format!("\\x{}", hex(bytes)),
        }
    }

    /// For a human: NULL as `NULL`, bytes in hex.
    pub fn display(&self) -> String {
        match self {
            Self::Null => "NULL".into(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => format!("\\x{}", hex(bytes)),
        }
    }
}

/// A longer value is told by its beginning.
const TOLD: usize = 64 << 10;

/// The beginning of a very long text, which says so; a shorter one as it is.
pub fn told(text: &str) -> String {
    if text.len() <= TOLD {
        return text.to_owned();
    }
    format!("{}… ({} bytes in all)", &text[..text.floor_char_boundary(TOLD)], text.len())
}

/// Bytes that say themselves in base64 as they are written, and not before.
struct Base64<'b>(&'b [u8]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Base64Display::new(self.0, &STANDARD))
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => {
                let mut named = serializer.serialize_struct("Encoded", 1)?;
                named.serialize_field("bytes", &Base64(bytes))?;
                named.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

/// Reads a cell as it comes: a very long one is not kept aside first.
struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str("null, a text, or an object with bytes in base64")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Cell, E> {
        Ok(Cell::text(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Cell, E> {
        Ok(Cell::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        let mut bytes = None;
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "bytes" => bytes = Some(map.next_value::<Decoded>()?.0),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        bytes.map(Cell::Bytes).ok_or_else(|| de::Error::missing_field("bytes"))
    }
}

/// Bytes out of base64.
struct Decoded(Vec<u8>);

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DecodedVisitor)
    }
}

struct DecodedVisitor;

impl Visitor<'_> for DecodedVisitor {
    type Value = Decoded;

    fn expecting(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str("bytes in base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decoded, E> {
        STANDARD.decode(text).map(Decoded).map_err(E::custom)
    }
}

/// A cell that its column's type cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CellError {
    /// Which of the given cells.
    pub index: usize,
    pub message: String,
}

/// What is no number among decimals: PostgreSQL has it there. It lies beyond every precision.
pub const NAN_128: i128 = i128::MIN;
pub const NAN_256: i256 = i256::MIN;

/// The value of `array` at `row`. Timestamps are ISO 8601, floats the shortest text that reads back the same.
pub fn cell_at(array: &dyn Array, row: usize) -> Cell {
    if array.is_null(row) {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Utf8 => Cell::text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Cell::text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Cell::text(array.as_string_view().value(row)),
        DataType::Binary => Cell::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::LargeBinary => Cell::Bytes(array.as_binary::<i64>().value(row).to_vec()),
        DataType::BinaryView => Cell::Bytes(array.as_binary_view().value(row).to_vec()),
        _ => Cell::Text(text_at(array, row).unwrap_or_else(|| formatted(array, row))),
    }
}

/// The text of a value that may lie beyond what Arrow shows: a date, a time, a moment, a decimal. `None` for any other
/// type.
pub fn text_at(array: &dyn Array, row: usize) -> Option<String> {
    let mut text = String::new();
    match array.data_type() {
        DataType::Date32 => calendar::push_date(array.as_primitive::<Date32Type>().value(row), &mut text),
        DataType::Time64(TimeUnit::Microsecond) => {
            calendar::push_time(array.as_primitive::<Time64MicrosecondType>().value(row), &mut text);
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            calendar::push_moment(micros, 'T', if zone.is_some() { "Z" } else { "" }, &mut text);
        }
        DataType::Decimal128(..) => match array.as_primitive::<Decimal128Type>() {
            values if values.value(row) == NAN_128 => text.push_str("NaN"),
            values => text = values.value_as_string(row),
        },
        DataType::Decimal256(..) => match array.as_primitive::<Decimal256Type>() {
            values if values.value(row) == NAN_256 => text.push_str("NaN"),
            values => text = values.value_as_string(row),
        },
        _ => return None,
    }
    Some(text)
}

fn formatted(array: &dyn Array, row: usize) -> String {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => formatter.value(row).try_to_string().unwrap_or_else(|error| error.to_string()),
        Err(error) => error.to_string(),
    }
}

/// The cells as an Arrow array of the type, each converted exactly or refused.
pub fn array_of(ty: &ColumnType, cells: &[Cell]) -> Result<ArrayRef, CellError> {
    if let ColumnType::Bytes { .. } = ty {
        let values = cells.iter().map(|cell| match cell {
            Cell::Null => None,
            Cell::Text(text) => Some(text.as_bytes()),
            Cell::Bytes(bytes) => Some(bytes.as_slice()),
        });
        return Ok(std::sync::Arc::new(values.collect::<BinaryArray>()));
    }
    let texts = cells.iter().enumerate().map(|(index, cell)| text_of(ty, index, cell));
    let texts: StringArray = texts.collect::<Result<Vec<Option<&str>>, _>>()?.into();
    match ty {
        _ if ty.arrow() == DataType::Utf8 => return Ok(std::sync::Arc::new(texts)),
        ColumnType::Date => return read_all::<Date32Type>(ty, &texts, |text| whole(calendar::read_date(text))),
        ColumnType::Time => {
            return read_all::<Time64MicrosecondType>(ty, &texts, |text| whole(calendar::read_time(text)));
        }
        ColumnType::Timestamp { .. } => return read_all::<TimestampMicrosecondType>(ty, &texts, moment),
        ColumnType::Decimal { .. } if texts.iter().flatten().any(|text| text == "NaN") => return decimals(ty, cells),
        _ => {}
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&texts, &ty.arrow(), &strict).map_err(|error| CellError {
        index: first_failing(&texts, ty, &strict),
        message: format!("expected {}: {error}", ty.expectation()),
    })
}

fn whole<T>(read: Result<(T, &str), calendar::Misread>) -> Option<T> {
    read.ok().filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// Without a zone it is taken to be UTC: an editor shows no other.
fn moment(text: &str) -> Option<i64> {
    let (micros, zone) = calendar::read_moment(text).ok()?;
    calendar::at_utc(micros, zone.unwrap_or(0))
}

fn read_all<T: ArrowPrimitiveType>(
    ty: &ColumnType,
    texts: &StringArray,
    read: impl Fn(&str) -> Option<T::Native>,
) -> Result<ArrayRef, CellError> {
    let refuse = |index, text: &str| CellError { index, message: format!("expected {}: '{text}'", ty.expectation()) };
    let value = |(index, text): (usize, Option<&str>)| {
        text.map(|text| read(text).ok_or_else(|| refuse(index, text))).transpose()
    };
    let values = texts.iter().enumerate().map(value).collect::<Result<Vec<_>, _>>()?;
    let array = PrimitiveArray::<T>::from_iter(values).with_data_type(ty.arrow());
    Ok(std::sync::Arc::new(array))
}

/// With cells that are no number among them.
fn decimals(ty: &ColumnType, cells: &[Cell]) -> Result<ArrayRef, CellError> {
    let is_nan = |cell: &Cell| matches!(cell, Cell::Text(text) if text == "NaN");
    let numbers: Vec<Cell> = cells.iter().map(|cell| if is_nan(cell) { Cell::Null } else { cell.clone() }).collect();
    let array = array_of(ty, &numbers)?;
    let values = |row: usize| is_nan(&cells[row]);
    Ok(match array.data_type() {
        DataType::Decimal128(..) => {
            let read = array.as_primitive::<Decimal128Type>();
            let all = read.iter().enumerate().map(|(row, value)| if values(row) { Some(NAN_128) } else { value });
            std::sync::Arc::new(PrimitiveArray::<Decimal128Type>::from_iter(all).with_data_type(ty.arrow()))
        }
        _ => {
            let read = array.as_primitive::<Decimal256Type>();
            let all = read.iter().enumerate().map(|(row, value)| if values(row) { Some(NAN_256) } else { value });
            std::sync::Arc::new(PrimitiveArray::<Decimal256Type>::from_iter(all).with_data_type(ty.arrow()))
        }
    })
}

fn text_of<'c>(ty: &ColumnType, index: usize, cell: &'c Cell) -> Result<Option<&'c str>, CellError> {
    let refuse = |message: String| Err(CellError { index, message });
    match cell {
        Cell::Null => Ok(None),
        Cell::Bytes(_) => refuse(format!("expected {}, found bytes", ty.expectation())),
        Cell::Text(text) => match ty {
            ColumnType::Decimal { scale, .. } if digits_after_point(text) > usize::from(scale.unsigned_abs()) => {
                refuse(format!("'{text}' has more than {scale} digits after the point"))
            }
            ColumnType::Text { max: Some(max) } if text.chars().count() > *max as usize => {
                refuse(format!("'{text}' is longer than {max} characters"))
            }
            _ => Ok(Some(text.as_str())),
        },
    }
}

fn digits_after_point(text: &str) -> usize {
    text.trim().split_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len())
}

fn first_failing(texts: &StringArray, ty: &ColumnType, strict: &CastOptions<'_>) -> usize {
    let fails = |index: &usize| cast_with_options(&texts.slice(*index, 1), &ty.arrow(), strict).is_err();
    (0..texts.len()).find(fails).unwrap_or(0)
}

/// SHA-256 over names and values, each length-prefixed, in lower-case hex.
pub fn row_digest(cells: &[NamedCell]) -> String {
    let mut hash = Sha256::new();
    let mut part = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for named in cells {
        part(b'n', named.name.as_bytes());
        match &named.cell {
            Cell::Null => part(b'0', &[]),
            Cell::Text(text) => part(b't', text.as_bytes()),
            Cell::Bytes(bytes) => part(b'b', bytes),
        }
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_way_to_text_and_back() {
        let cases: &[(&str, &[&str])] = &[
            ("bigint", &["-9223372036854775808", "9223372036854775807"]),
            ("bigint unsigned", &["18446744073709551615"]),
            ("double", &["0.1", "-0.0", "1e300", "NaN", "inf", "-inf", "0.30000000000000004"]),
            ("decimal(38,10)", &["1234567890123456789012345678.0123456789", "-0.0000000001"]),
            ("decimal(76,0)", &["9999999999999999999999999999999999999999999999999999999999999999999999999999"]),
            ("date", &["2024-02-29", "0001-01-01", "9999-12-31"]),
            ("time", &["23:59:59.999999"]),
            ("timestamp", &["2024-06-12T14:30:22.123456"]),
            ("timestamptz", &["2024-06-12T14:30:22.123456Z"]),
            ("date", &["infinity", "-0043-03-15", "+12345-01-02", "2011-00-00"]),
            ("time", &["24:00:00", "-838:59:59"]),
            ("timestamptz", &["-infinity", "+294276-12-31T23:59:59.999999Z"]),
            ("decimal(10,2)", &["NaN", "1.50"]),
            ("decimal(50,2)", &["1.50", "NaN"]),
            ("boolean", &["true", "false"]),
            ("text", &["", " é😀\t\n"]),
        ];
        for (ty, texts) in cases {
            let ty: ColumnType = ty.parse().unwrap();
            let cells: Vec<Cell> = texts.iter().map(|text| Cell::text(*text)).chain([Cell::Null]).collect();
            let array = array_of(&ty, &cells).unwrap();
            let back: Vec<Cell> = (0..array.len()).map(|row| cell_at(&array, row)).collect();
            let again = array_of(&ty, &back).unwrap();
            assert_eq!(&array, &again, "{ty}");
            if matches!(
                ty,
                ColumnType::Date | ColumnType::Time | ColumnType::Timestamp { .. } | ColumnType::Decimal { .. }
            ) {
                assert_eq!(back, cells, "{ty}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_not_rounded() {
        for (ty, text) in
            [("decimal(5,2)", "1.005"), ("integer", "12a4"), ("integer", "3000000000"), ("varchar(2)", "abc")]
        {
            let error = array_of(&ty.parse().unwrap(), &[Cell::Null, Cell::text(text)]).unwrap_err();
            assert_eq!(error.index, 1, "{ty} {text}: {error}");
        }
    }

    #[test]
    fn json_tells_null_empty_text_and_bytes_apart() {
        let cells = [Cell::Null, Cell::text(""), Cell::text("null"), Cell::Bytes(vec![0, 255])];
        let json = serde_json::to_string(&cells).unwrap();
        assert_eq!(json, r#"[null,"","null",{"bytes":"AP8="}]"#);
        assert_eq!(serde_json::from_str::<Vec<Cell>>(&json).unwrap(), cells);
        assert_eq!(serde_json::from_value::<Vec<Cell>>(serde_json::from_str(&json).unwrap()).unwrap(), cells);
        for nonsense in ["7", "{}", r#"{"bytes":"?"}"#, r#"{"bytes":7}"#] {
            assert!(serde_json::from_str::<Cell>(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_very_long_cell_is_told_by_its_beginning() {
        for (cell, begins) in
            [(Cell::text("é".repeat(TOLD)), "éé"), (Cell::Bytes(vec![7; TOLD + 1]), "\\x0707"), (Cell::text("a"), "a")]
        {
            let long = cell.bytes() > TOLD;
            let Cell::Text(told) = cell.told() else { panic!("it is text") };
            assert!(told.starts_with(begins) && told.ends_with(" bytes in all)") == long, "{}", told.len());
            assert!(told.len() < TOLD + 100);
        }
        assert_eq!(Cell::Bytes(vec![7; TOLD]).told(), Cell::Bytes(vec![7; TOLD]));
    }

    #[test]
    fn digests_do_not_confuse_neighbours() {
        let row = |a: &str, b: &str| {
            let named = |name: &str, text: &str| NamedCell { name: name.into(), cell: Cell::text(text) };
            row_digest(&[named("a", a), named("b", b)])
        };
        assert_ne!(row("ab", "c"), row("a", "bc"));
        assert_eq!(row("ab", "c").len(), 64);
    }
}
