//! PostgreSQL's types and the product's, both ways.
//!
//! Pure. One idea: [`column_for`] must foretell exactly what [`describe_type`] says of the created column, so whatever
//! one of them learns the other has to learn too.

use crate::model::{Column, ColumnType, System};

/// The longest `varchar(n)`; a longer one becomes `text`.
const VARCHAR_MAX: u32 = 10_485_760;

/// The product's word for a type: `base` is its catalog name below all domains, `modifier` its typmod, `native` its
/// full spelling.
pub(super) fn describe_type(base: &str, modifier: i32, native: &str) -> ColumnType {
    match base {
        "bool" => ColumnType::Boolean,
        "int2" => ColumnType::Integer { bits: 16, unsigned: false },
        "int4" => ColumnType::INTEGER,
        "int8" => ColumnType::BIGINT,
        "numeric" => describe_numeric(modifier),
        "float4" => ColumnType::Float { bits: 32 },
        "float8" => ColumnType::DOUBLE,
        "varchar" | "bpchar" => ColumnType::Text { max: u32::try_from(modifier - 4).ok().filter(|max| *max > 0) },
        "text" | "name" => ColumnType::TEXT,
        "bytea" => ColumnType::Bytes { max: None },
        "date" => ColumnType::Date,
        "time" => ColumnType::Time,
        "timestamp" => ColumnType::Timestamp { zone: false },
        "timestamptz" => ColumnType::Timestamp { zone: true },
        "uuid" => ColumnType::Uuid,
        "json" | "jsonb" => ColumnType::Json,
        _ => ColumnType::Other(native.to_owned()),
    }
}

fn describe_numeric(modifier: i32) -> ColumnType {
    match numeric_limits(modifier) {
        Some((precision @ 1..=76, scale)) if (0..=precision).contains(&scale) => {
            ColumnType::Decimal { precision: precision as u8, scale: scale as i8 }
        }
        _ => ColumnType::Numeric,
    }
}

/// Precision and scale out of a typmod: 16 bits of precision over 11 bits of signed scale.
fn numeric_limits(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier - 4;
    (packed >= 0).then(|| (packed >> 16 & 0xffff, (packed & 0x7ff ^ 1024) - 1024))
}

/// How PostgreSQL holds the column when it creates it.
pub(super) fn column_for(column: &Column, from: Option<System>) -> Column {
    let same = from == Some(System::Postgres);
    let (ty, native) = match same {
        true => (column.ty.clone(), column.native.clone()),
        false if from.is_none() => own_word(column).unwrap_or_else(|| native_for(&column.ty)),
        false => native_for(&column.ty),
    };
    let default = column.default.clone().filter(|_| same && !column.identity);
    let identity = column.identity && matches!(ty, ColumnType::Integer { .. });
    Column { ty, native, default, identity, generated: same && column.generated, ..column.clone() }
}

/// A type of this system's own that a plan asks for: `other(interval)`.
fn own_word(column: &Column) -> Option<(ColumnType, String)> {
    let ColumnType::Other(name) = &column.ty else { return None };
    let plain = name.chars().all(|char| char.is_ascii_alphanumeric() || "_ (),[]".contains(char));
    (plain && column.native == column.ty.to_string()).then(|| (column.ty.clone(), name.clone()))
}

/// The type that holds every value of `ty`, and its spelling.
fn native_for(ty: &ColumnType) -> (ColumnType, String) {
    let (ty, native) = match ty {
        ColumnType::Boolean => (ColumnType::Boolean, "boolean"),
        ColumnType::Integer { bits, unsigned } => return integer_for(*bits, *unsigned),
        ColumnType::Decimal { precision, scale } => return (ty.clone(), format!("numeric({precision},{scale})")),
        ColumnType::Numeric => (ColumnType::Numeric, "numeric"),
        ColumnType::Float { bits: 32 } => (ColumnType::Float { bits: 32 }, "real"),
        ColumnType::Float { .. } => (ColumnType::DOUBLE, "double precision"),
        ColumnType::Text { max: Some(max @ 1..=VARCHAR_MAX) } => {
            return (ty.clone(), format!("character varying({max})"));
        }
        ColumnType::Other(name) if ty.bits().is_some() => return (ty.clone(), name.clone()),
        ColumnType::Text { .. } | ColumnType::Other(_) => (ColumnType::TEXT, "text"),
        ColumnType::Bytes { .. } => (ColumnType::Bytes { max: None }, "bytea"),
        ColumnType::Date => (ColumnType::Date, "date"),
        ColumnType::Time => (ColumnType::Time, "time without time zone"),
        ColumnType::Timestamp { zone: false } => (ty.clone(), "timestamp without time zone"),
        ColumnType::Timestamp { zone: true } => (ty.clone(), "timestamp with time zone"),
        ColumnType::Uuid => (ColumnType::Uuid, "uuid"),
        ColumnType::Json => (ColumnType::Json, "json"),
    };
    (ty, native.to_owned())
}

/// The narrowest signed integer that holds it; the widest unsigned one needs a numeric.
fn integer_for(bits: u8, unsigned: bool) -> (ColumnType, String) {
    let signed = |bits| ColumnType::Integer { bits, unsigned: false };
    let (ty, native) = match (bits, unsigned) {
        (64, true) => (ColumnType::Decimal { precision: 20, scale: 0 }, "numeric(20,0)"),
        (8, _) | (16, false) => (signed(16), "smallint"),
        (16, true) | (32, false) => (signed(32), "integer"),
        _ => (signed(64), "bigint"),
    };
    (ty, native.to_owned())
}

/// What a column of this type would change in a value without a word, so that the loader has to look first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trap {
    None,
    /// `varchar(n)` cuts blanks behind the `n`th character; so does `char(n)`, where they mean nothing.
    Characters {
        max: usize,
        blanks_count: bool,
    },
    /// `name` and `"char"` cut what is longer.
    Bytes {
        max: usize,
    },
    /// `timestamp(p)`, `time(p)` round to a multiple of so many microseconds.
    Step {
        micros: i64,
    },
    /// `numeric(p,s)` rounds behind its last place; negative: that many whole digits are zero.
    Scale {
        digits: i32,
    },
}

impl Trap {
    pub(super) fn of(column: &Column) -> Self {
        let native = column.native.as_str();
        match &column.ty {
            ColumnType::Text { max: Some(max) } => {
                Self::Characters { max: *max as usize, blanks_count: !native.starts_with("character(") }
            }
            ColumnType::Text { .. } if native == "name" => Self::Bytes { max: super::sql::NAME_BYTES },
            ColumnType::Other(_) if native == "\"char\"" => Self::Bytes { max: 1 },
            ColumnType::Time | ColumnType::Timestamp { .. } => match argument(native) {
                Some(digits @ 0..=5) => Self::Step { micros: 10_i64.pow(6 - digits as u32) },
                _ => Self::None,
            },
            ColumnType::Numeric => last_argument(native).map_or(Self::None, |digits| Self::Scale { digits }),
            _ => Self::None,
        }
    }
}

fn arguments(native: &str) -> Option<&str> {
    native.split_once('(')?.1.split_once(')').map(|(inner, _)| inner)
}

fn argument(native: &str) -> Option<i32> {
    arguments(native)?.trim().parse().ok()
}

fn last_argument(native: &str) -> Option<i32> {
    arguments(native)?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_modifier_gives_precision_and_scale() {
        let modifier = |precision: i32, scale: i32| (precision << 16 | scale & 0x7ff) + 4;
        assert_eq!(describe_numeric(modifier(12, 2)), ColumnType::Decimal { precision: 12, scale: 2 });
        assert_eq!(describe_numeric(modifier(76, 76)), ColumnType::Decimal { precision: 76, scale: 76 });
        for modifier in [-1, modifier(77, 0), modifier(5, -2), modifier(3, 5)] {
            assert_eq!(describe_numeric(modifier), ColumnType::Numeric);
        }
        assert_eq!(numeric_limits(modifier(5, -2)), Some((5, -2)));
    }

    #[test]
    fn traps_are_known_by_the_spelling() {
        let column = |ty: ColumnType, native: &str| Column { native: native.into(), ..Column::new("c", ty) };
        for (ty, native, trap) in [
            (ColumnType::Timestamp { zone: false }, "timestamp(3) without time zone", Trap::Step { micros: 1000 }),
            (ColumnType::Timestamp { zone: true }, "timestamp with time zone", Trap::None),
            (ColumnType::Numeric, "numeric(5,-2)", Trap::Scale { digits: -2 }),
            (ColumnType::Numeric, "numeric", Trap::None),
            (ColumnType::TEXT, "name", Trap::Bytes { max: 63 }),
            (ColumnType::Text { max: Some(3) }, "character(3)", Trap::Characters { max: 3, blanks_count: false }),
        ] {
            assert_eq!(Trap::of(&column(ty, native)), trap, "{native}");
        }
    }
}
