//! What converting one type to another can do to a value.
//!
//! One idea: a conversion is lossy only where the loss would go unnoticed. Where a value that does not fit can be told,
//! it is a fault, and the conversion is checked.

use super::Class;
use crate::model::ColumnType::{self, *};

/// The class of a conversion; `None` where there is none, so that an expression must say what is meant.
pub fn classify(from: &ColumnType, to: &ColumnType) -> Option<Class> {
    if from == to {
        return Some(Class::Exact);
    }
    match (from, to) {
        (Integer { .. }, _) if to.bits().is_some() => Some(Class::Checked),
        (_, Integer { .. }) if from.is_bits() => Some(Class::Checked),
        (_, Decimal { .. } | Numeric | Float { .. } | Json) if from.is_bits() => None,
        (Integer { .. } | Decimal { .. } | Numeric | Float { .. }, _) if to.is_bits() => None,
        (Boolean, _) => from_boolean(to),
        (Integer { bits, unsigned }, _) => from_integer(*bits, *unsigned, to),
        (Decimal { precision, scale }, _) => from_decimal(*precision, *scale, to),
        (Numeric, _) => from_numeric(to),
        (Float { .. }, _) => from_float(to),
        (Text { max }, _) => from_text(*max, to),
        (Bytes { max }, _) => from_bytes(*max, to),
        (Date, _) => from_date(to),
        (Time, _) => to_text(to, "-838:59:59.999999".len()),
        (Timestamp { zone }, _) => from_timestamp(*zone, to),
        (Uuid, Bytes { max }) => Some(widening_if(max.is_none_or(|max| max >= 16))),
        (Uuid, _) => to_text(to, 36),
        (Json, _) => from_json(to),
        (Other(_), _) => from_other(to),
    }
}

/// What a lossy conversion loses, for a sentence: `can lose ...`; empty where it is not lossy.
pub fn loss(from: &ColumnType, to: &ColumnType) -> &'static str {
    if classify(from, to) != Some(Class::Lossy) {
        return "";
    }
    match (from, to) {
        (_, Float { .. }) => "digits beyond what a float holds",
        (Timestamp { .. }, Date) => "the time of day",
        (Timestamp { zone: true }, _) => "the time zone: instants become clock times of UTC",
        _ => "the time zone: clock times are taken to be UTC",
    }
}

/// Widening if the text form, at most `longest` characters, always fits.
fn to_text(to: &ColumnType, longest: usize) -> Option<Class> {
    match to {
        Text { max } => Some(widening_if(max.is_none_or(|max| max as usize >= longest))),
        Other(_) => Some(Class::Checked),
        _ => None,
    }
}

/// The text form has no greatest length.
const UNBOUNDED: usize = usize::MAX;

fn widening_if(fits: bool) -> Class {
    if fits { Class::Widening } else { Class::Checked }
}

fn from_boolean(to: &ColumnType) -> Option<Class> {
    match to {
        Integer { .. } | Numeric | Float { .. } | Json => Some(Class::Widening),
        Decimal { precision, scale } => Some(widening_if(i16::from(*precision) > i16::from(*scale))),
        _ => to_text(to, "false".len()),
    }
}

fn from_integer(bits: u8, unsigned: bool, to: &ColumnType) -> Option<Class> {
    let digits = integer_digits(bits, unsigned);
    let value_bits = if unsigned { bits } else { bits - 1 };
    match to {
        Boolean => Some(Class::Checked),
        Integer { bits: to_bits, unsigned: to_unsigned } => {
            let room = if *to_unsigned { *to_bits } else { to_bits - 1 };
            Some(widening_if(room >= value_bits && (unsigned || !to_unsigned)))
        }
        Decimal { precision, scale } => Some(widening_if(whole_digits(*precision, *scale) >= i16::from(digits))),
        Numeric | Json => Some(Class::Widening),
        Float { bits: to_bits } => {
            let exact = if *to_bits == 32 { 24 } else { 53 };
            Some(if value_bits <= exact { Class::Widening } else { Class::Lossy })
        }
        _ => to_text(to, usize::from(digits) + usize::from(!unsigned)),
    }
}

fn integer_digits(bits: u8, unsigned: bool) -> u8 {
    match (bits, unsigned) {
        (8, _) => 3,
        (16, _) => 5,
        (32, _) => 10,
        (_, false) => 19,
        (_, true) => 20,
    }
}

fn whole_digits(precision: u8, scale: i8) -> i16 {
    i16::from(precision) - i16::from(scale)
}

fn from_decimal(precision: u8, scale: i8, to: &ColumnType) -> Option<Class> {
    match to {
        // NaN is among PostgreSQL's decimals.
        Boolean | Integer { .. } | Json => Some(Class::Checked),
        Decimal { precision: p, scale: s } => {
            Some(widening_if(*s >= scale && whole_digits(*p, *s) >= whole_digits(precision, scale)))
        }
        Numeric => Some(Class::Widening),
        Float { .. } => Some(Class::Lossy),
        // Sign, point and a zero before it.
        _ => to_text(to, usize::from(precision) + 3),
    }
}

fn from_numeric(to: &ColumnType) -> Option<Class> {
    match to {
        Boolean | Integer { .. } | Decimal { .. } | Json => Some(Class::Checked),
        Float { .. } => Some(Class::Lossy),
        _ => to_text(to, UNBOUNDED),
    }
}

fn from_float(to: &ColumnType) -> Option<Class> {
    match to {
        Integer { .. } | Decimal { .. } | Numeric | Json => Some(Class::Checked),
        Float { bits } => Some(if *bits == 64 { Class::Widening } else { Class::Lossy }),
        _ => to_text(to, UNBOUNDED),
    }
}

fn from_text(max: Option<u32>, to: &ColumnType) -> Option<Class> {
    match to {
        Text { .. } => to_text(to, max.map_or(UNBOUNDED, |max| max as usize)),
        Bytes { max: None } => Some(Class::Widening),
        // A character takes at most four bytes of UTF-8.
        Bytes { max: Some(room) } => Some(widening_if(max.is_some_and(|max| max.saturating_mul(4) <= *room))),
        _ => Some(Class::Checked),
    }
}

fn from_bytes(max: Option<u32>, to: &ColumnType) -> Option<Class> {
    match to {
        Bytes { max: room } => Some(widening_if(room.is_none_or(|room| max.is_some_and(|max| max <= room)))),
        // Must be UTF-8.
        Text { .. } | Json | Uuid => Some(Class::Checked),
        _ => None,
    }
}

fn from_date(to: &ColumnType) -> Option<Class> {
    match to {
        // PostgreSQL's last date is far behind its last timestamp.
        Timestamp { zone: false } => Some(Class::Checked),
        Timestamp { zone: true } => Some(Class::Lossy),
        // Years before 0 and after 9999 have a sign and more digits.
        _ => to_text(to, 16),
    }
}

fn from_timestamp(zone: bool, to: &ColumnType) -> Option<Class> {
    match to {
        Date | Timestamp { .. } => Some(Class::Lossy),
        _ => to_text(to, if zone { 40 } else { 34 }),
    }
}

fn from_json(to: &ColumnType) -> Option<Class> {
    match to {
        Bytes { max } => Some(widening_if(max.is_none())),
        _ => to_text(to, UNBOUNDED),
    }
}

/// Another system's own type: all that is known is its text.
fn from_other(to: &ColumnType) -> Option<Class> {
    match to {
        Text { .. } => to_text(to, UNBOUNDED),
        Bytes { .. } => None,
        _ => Some(Class::Checked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [&str; 26] = [
        "boolean",
        "tinyint",
        "smallint unsigned",
        "integer",
        "bigint",
        "bigint unsigned",
        "decimal(9,0)",
        "decimal(10,2)",
        "decimal(38,10)",
        "numeric",
        "real",
        "double",
        "text",
        "varchar(10)",
        "varchar(40)",
        "bytes",
        "bytes(16)",
        "bytes(40)",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "json",
        "other(inet)",
        "other(money)",
    ];

    /// One line per source type; per destination type, in the order above: `=` exact, `+` widening, `c` checked, `!`
    /// lossy, `.` none.
    const TABLE: [&str; 26] = [
        "=++++++++++++++........+cc", // boolean
        "c=c++c+++++++++........+cc", // tinyint
        "cc=++++++++++++........+cc", // smallint unsigned
        "ccc=+ccc++!++c+........+cc", // integer
        "cccc=ccc++!!+c+........+cc", // bigint
        "ccccc=cc++!!+c+........+cc", // bigint unsigned
        "cccccc=c++!!+c+........ccc", // decimal(9,0)
        "ccccccc=++!!+c+........ccc", // decimal(10,2)
        "cccccccc=+!!+cc........ccc", // decimal(38,10)
        "ccccccccc=!!+cc........ccc", // numeric
        ".ccccccccc=++cc........ccc", // real
        ".ccccccccc!=+cc........ccc", // double
        "cccccccccccc=cc+cccccccccc", // text
        "cccccccccccc+=++c+cccccccc", // varchar(10)
        "cccccccccccc+c=+cccccccccc", // varchar(40)
        "............ccc=cc....cc..", // bytes
        "............ccc+=+....cc..", // bytes(16)
        "............ccc+c=....cc..", // bytes(40)
        "............+c+...=.c!..cc", // date
        "............+c+....=....cc", // time
        "............+c+...!.=!..cc", // timestamp
        "............+c+...!.!=..cc", // timestamptz
        "............+c++++....=.cc", // uuid
        "............+cc+cc.....=cc", // json
        "cccccccccccc+cc...cccccc=c", // other(inet)
        "cccccccccccc+cc...ccccccc=", // other(money)
    ];

    fn ty(name: &str) -> ColumnType {
        name.parse().unwrap()
    }

    fn line(from: &str) -> String {
        let class = |to: &&str| match classify(&ty(from), &ty(to)) {
            Some(Class::Exact) => '=',
            Some(Class::Widening) => '+',
            Some(Class::Checked) => 'c',
            Some(Class::Lossy) => '!',
            None => '.',
        };
        TYPES.iter().map(class).collect()
    }

    #[test]
    fn every_pair_has_its_class() {
        for (from, expected) in TYPES.iter().zip(TABLE) {
            assert_eq!(line(from), expected, "from {from}");
        }
    }

    #[test]
    fn every_lossy_pair_says_what_it_loses_and_no_other_does() {
        for (from, to) in TYPES.iter().flat_map(|from| TYPES.iter().map(move |to| (ty(from), ty(to)))) {
            let lossy = classify(&from, &to) == Some(Class::Lossy);
            assert_eq!(lossy, !loss(&from, &to).is_empty(), "{from} to {to}");
        }
    }

    #[test]
    fn a_widening_way_and_back_never_loses_unnoticed_between_whole_numbers() {
        let whole = |name: &&&str| matches!(ty(name), Integer { .. });
        for from in TYPES.iter().filter(whole) {
            for to in TYPES.iter().filter(whole) {
                assert!(classify(&ty(from), &ty(to)) < Some(Class::Lossy), "{from} to {to}");
            }
        }
    }
}
