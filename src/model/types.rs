//! The types that columns of every system are described in, and how each travels in Arrow.

use std::{fmt, str::FromStr};

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

/// A column's type, apart from any system's spelling of it.
///
/// `Display` and `FromStr` are inverse: the text is what a plan's `type = "..."` holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ColumnType {
    Boolean,
    /// `bits` is 8, 16, 32 or 64.
    Integer {
        bits: u8,
        unsigned: bool,
    },
    /// Exact, at most 76 digits; Decimal128 up to 38 digits, Decimal256 above.
    Decimal {
        precision: u8,
        scale: i8,
    },
    /// Exact without declared limits; travels as its decimal text.
    Numeric,
    /// `bits` is 32 or 64.
    Float {
        bits: u8,
    },
    /// `max` counts characters.
    Text {
        max: Option<u32>,
    },
    /// `max` counts bytes.
    Bytes {
        max: Option<u32>,
    },
    Date,
    /// Time of day to the microsecond.
    Time,
    /// To the microsecond; `zone` says that it is an instant (UTC) and not a wall clock.
    Timestamp {
        zone: bool,
    },
    Uuid,
    Json,
    /// A type that only its own system knows; travels as that system's text form.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown type '{0}'; known are {known}", known = ColumnType::NAMES.join(", "))]
pub struct TypeError(pub String);

impl ColumnType {
    /// The names that a plan may use, arguments left out.
    pub const NAMES: &'static [&'static str] = &[
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "decimal(p,s)",
        "numeric",
        "real",
        "double",
        "text",
        "varchar(n)",
        "bytes",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "json",
    ];

    pub const TEXT: Self = Self::Text { max: None };
    pub const BIGINT: Self = Self::Integer { bits: 64, unsigned: false };
    pub const INTEGER: Self = Self::Integer { bits: 32, unsigned: false };
    pub const DOUBLE: Self = Self::Float { bits: 64 };

    /// The Arrow type in which a column of this type travels between rooms.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer { bits: 8, unsigned: false } => DataType::Int8,
            Self::Integer { bits: 16, unsigned: false } => DataType::Int16,
            Self::Integer { bits: 32, unsigned: false } => DataType::Int32,
            Self::Integer { unsigned: false, .. } => DataType::Int64,
            Self::Integer { bits: 8, .. } => DataType::UInt8,
            Self::Integer { bits: 16, .. } => DataType::UInt16,
            Self::Integer { bits: 32, .. } => DataType::UInt32,
            Self::Integer { .. } => DataType::UInt64,
            Self::Decimal { precision, scale } if *precision <= 38 => DataType::Decimal128(*precision, *scale),
            Self::Decimal { precision, scale } => DataType::Decimal256(*precision, *scale),
            Self::Float { bits: 32 } => DataType::Float32,
            Self::Float { .. } => DataType::Float64,
            Self::Bytes { .. } => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp { zone } => DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "+00:00".into())),
            Self::Numeric | Self::Text { .. } | Self::Uuid | Self::Json | Self::Other(_) => DataType::Utf8,
        }
    }

    /// The word that a fault uses for what it expected: `Integer`, `Date`, `Text of at most 10 characters`.
    pub fn expectation(&self) -> String {
        match self {
            Self::Boolean => "Boolean".into(),
            Self::Integer { bits: 32 | 64, unsigned: false } => "Integer".into(),
            Self::Integer { bits, unsigned: false } => format!("Integer of {bits} bits"),
            Self::Integer { bits, unsigned: true } => format!("Unsigned integer of {bits} bits"),
            Self::Decimal { precision, scale } => format!("Decimal of {precision} digits, {scale} after the point"),
            Self::Numeric => "Number".into(),
            Self::Float { .. } => "Float".into(),
            Self::Text { max: Some(max) } => format!("Text of at most {max} characters"),
            Self::Text { max: None } => "Text".into(),
            Self::Bytes { max: Some(max) } => format!("At most {max} bytes"),
            Self::Bytes { max: None } => "Bytes".into(),
            Self::Date => "Date".into(),
            Self::Time => "Time".into(),
            Self::Timestamp { zone: false } => "Datetime".into(),
            Self::Timestamp { zone: true } => "Datetime with time zone".into(),
            Self::Uuid => "UUID".into(),
            Self::Json => "JSON".into(),
            Self::Other(name) => name.clone(),
        }
    }

    /// The width of a type that is so many bits, as PostgreSQL and MySQL both have it; its values travel as `0` and `1`.
    pub fn bits(&self) -> Option<u8> {
        let Self::Other(name) = self else { return None };
        name.strip_prefix("bit(")?.strip_suffix(')')?.parse().ok()
    }

    /// Whether its values are digits of base 2, so many or any number of them.
    pub fn is_bits(&self) -> bool {
        matches!(self, Self::Other(name) if name == "bit" || name.starts_with("bit(") || name.starts_with("bit varying"))
    }

    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Uuid | Self::Json | Self::Other(_) | Self::Numeric)
    }

    /// Text or bytes of any length.
    pub fn is_unlimited(&self) -> bool {
        matches!(self, Self::Text { max: None } | Self::Bytes { max: None })
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Decimal { .. } | Self::Numeric | Self::Float { .. })
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Integer { bits, unsigned } => {
                f.write_str(match bits {
                    8 => "tinyint",
                    16 => "smallint",
                    32 => "integer",
                    _ => "bigint",
                })?;
                f.write_str(if *unsigned { " unsigned" } else { "" })
            }
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Numeric => f.write_str("numeric"),
            Self::Float { bits: 32 } => f.write_str("real"),
            Self::Float { .. } => f.write_str("double"),
            Self::Text { max: Some(max) } => write!(f, "varchar({max})"),
            Self::Text { max: None } => f.write_str("text"),
            Self::Bytes { max: Some(max) } => write!(f, "bytes({max})"),
            Self::Bytes { max: None } => f.write_str("bytes"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp { zone: false } => f.write_str("timestamp"),
            Self::Timestamp { zone: true } => f.write_str("timestamptz"),
            Self::Uuid => f.write_str("uuid"),
            Self::Json => f.write_str("json"),
            Self::Other(name) => write!(f, "other({name})"),
        }
    }
}

impl From<ColumnType> for String {
    fn from(value: ColumnType) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for ColumnType {
    type Error = TypeError;

    fn try_from(value: String) -> Result<Self, TypeError> {
        value.parse()
    }
}

impl FromStr for ColumnType {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        let unknown = || TypeError(text.to_owned());
        let lower = text.trim().to_ascii_lowercase();
        let (lower, unsigned) = match lower.strip_suffix(" unsigned") {
            Some(rest) => (rest.trim_end().to_owned(), true),
            None => (lower, false),
        };
        let (name, args) = match lower.split_once('(') {
            Some((name, rest)) => (name.trim_end(), Some(rest.strip_suffix(')').ok_or_else(unknown)?.trim())),
            None => (lower.as_str(), None),
        };
        if name == "other" {
            let start = text.find('(').ok_or_else(unknown)? + 1;
            let end = text.rfind(')').ok_or_else(unknown)?;
            return Ok(Self::Other(text.get(start..end).ok_or_else(unknown)?.to_owned()));
        }
        let size = || args.map(|args| args.parse::<u32>().map_err(|_| unknown())).transpose();
        let integer = |bits| Ok(Self::Integer { bits, unsigned });
        let parsed = match (name, args) {
            ("tinyint" | "int8bit", None) => integer(8),
            ("smallint", None) => integer(16),
            ("integer" | "int", None) => integer(32),
            ("bigint", None) => integer(64),
            ("boolean" | "bool", None) => Ok(Self::Boolean),
            ("decimal" | "numeric", Some(args)) => {
                let (precision, scale) = args.split_once(',').unwrap_or((args, "0"));
                let precision: u8 = precision.trim().parse().map_err(|_| unknown())?;
                let scale: i8 = scale.trim().parse().map_err(|_| unknown())?;
                let fits = (1..=76).contains(&precision) && i16::from(scale) <= i16::from(precision) && scale >= 0;
                if fits { Ok(Self::Decimal { precision, scale }) } else { Err(unknown()) }
            }
            ("decimal" | "numeric" | "number", None) => Ok(Self::Numeric),
            ("real" | "float4", None) => Ok(Self::Float { bits: 32 }),
            ("double" | "float" | "float8" | "double precision", None) => Ok(Self::DOUBLE),
            ("text" | "string", None) => Ok(Self::TEXT),
            ("varchar" | "char" | "text", _) => Ok(Self::Text { max: size()? }),
            ("bytes" | "blob" | "bytea" | "binary" | "varbinary", _) => Ok(Self::Bytes { max: size()? }),
            ("date", None) => Ok(Self::Date),
            ("time", None) => Ok(Self::Time),
            ("timestamp" | "datetime", None) => Ok(Self::Timestamp { zone: false }),
            ("timestamptz" | "timestamp with time zone", None) => Ok(Self::Timestamp { zone: true }),
            ("uuid", None) => Ok(Self::Uuid),
            ("json" | "jsonb", None) => Ok(Self::Json),
            _ => Err(unknown()),
        }?;
        let number = matches!(parsed, Self::Integer { .. });
        if unsigned && !number { Err(unknown()) } else { Ok(parsed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_type_are_inverse() {
        for name in [
            "boolean",
            "tinyint",
            "tinyint unsigned",
            "smallint",
            "integer",
            "bigint",
            "bigint unsigned",
            "decimal(10,2)",
            "decimal(76,0)",
            "numeric",
            "real",
            "double",
            "text",
            "varchar(30)",
            "bytes",
            "bytes(16)",
            "date",
            "time",
            "timestamp",
            "timestamptz",
            "uuid",
            "json",
            "other(inet)",
            "other(Mixed Case[])",
        ] {
            assert_eq!(name.parse::<ColumnType>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_known_names() {
        for name in ["", "integr", "decimal(77,0)", "decimal(3,4)", "varchar(x)", "text unsigned", "date(3)"] {
            let error = name.parse::<ColumnType>().unwrap_err().to_string();
            assert!(error.contains("known are boolean"), "{name}: {error}");
        }
    }
}
