//! What this system's types are in the model's words, and how it would hold the model's types.

use super::{
    connect::Flavour,
    ddl::INDEXED,
    tongue::{ENTRY, labelled},
};
use crate::model::{Column, ColumnType, Sight, System};

/// What the catalog says about a column's type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NativeType {
    /// The bare word: `varchar`.
    pub(super) word: String,
    /// In full: `varchar(20)`, `int(10) unsigned`, `enum('a','b')`.
    pub(super) full: String,
    pub(super) length: Option<u32>,
    pub(super) precision: Option<u8>,
    pub(super) scale: Option<i8>,
    /// `LONGTEXT` whose check says that it holds JSON: what MariaDB makes of `JSON`.
    pub(super) checked_json: bool,
}

impl NativeType {
    /// `tinyint(1)` is a small integer, since it holds -128 to 127 whatever its creators meant; `bit(1)` is a boolean, and
    /// wider ones are their bits, since a number would not say how many there are.
    pub(super) fn column_type(&self) -> ColumnType {
        let unsigned = self.full.contains("unsigned");
        let integer = |bits| ColumnType::Integer { bits, unsigned };
        match self.word.as_str() {
            "tinyint" => integer(8),
            "smallint" => integer(16),
            "mediumint" | "int" | "integer" => integer(32),
            "bigint" => integer(64),
            "year" => ColumnType::Integer { bits: 16, unsigned: false },
            "bit" if self.precision == Some(1) => ColumnType::Boolean,
            "bit" => ColumnType::Other(self.full.clone()),
            "decimal" | "numeric" => match (self.precision, self.scale) {
                (Some(precision), Some(scale)) => ColumnType::Decimal { precision, scale },
                _ => ColumnType::Numeric,
            },
            "float" => ColumnType::Float { bits: 32 },
            "double" | "real" => ColumnType::Float { bits: 64 },
            "char" | "varchar" => ColumnType::Text { max: self.length },
            "longtext" if self.checked_json => ColumnType::Json,
            "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => ColumnType::Text { max: None },
            "binary" | "varbinary" => ColumnType::Bytes { max: self.length },
            "tinyblob" | "blob" | "mediumblob" | "longblob" => ColumnType::Bytes { max: None },
            "date" => ColumnType::Date,
            "time" => ColumnType::Time,
            "datetime" => ColumnType::Timestamp { zone: false },
            "timestamp" => ColumnType::Timestamp { zone: true },
            "json" => ColumnType::Json,
            "uuid" => ColumnType::Uuid,
            _ => ColumnType::Other(self.full.clone()),
        }
    }
}

/// Whether a type's word is one of the spatial ones, which travel as well-known text.
pub(super) fn is_spatial(word: &str) -> bool {
    matches!(
        word,
        "geometry"
            | "point"
            | "linestring"
            | "polygon"
            | "multipoint"
            | "multilinestring"
            | "multipolygon"
            | "geometrycollection"
            | "geomcollection"
    )
}

/// The bare word of a type in full: `int` of `int(10) unsigned`.
pub(super) fn word_of(native: &str) -> &str {
    native.split(['(', ' ']).next().unwrap_or(native)
}

pub(super) const JSON: &str = "json";

/// The longest `varchar` and `varbinary` that are made; beyond, a row's 65,535 bytes would not do in `utf8mb4`.
const LONGEST: u32 = 16_383;

/// How a column is held here. Types that only this system has stay what they are; where a server lacks a type of its
/// cousin, or for a column of another system, the nearest exact one is taken: numbers without limits and decimals of
/// more than 65 digits or 30 after the point become text, since any `decimal` would round them; an instant becomes
/// `datetime(6)` in UTC, since `timestamp` ends in 2038. Defaults are kept only within the system.
pub(super) fn column_for(column: &Column, from: Option<System>, flavour: Flavour) -> Column {
    let own = from == Some(System::Mysql) && !is_foreign(word_of(&column.native), flavour);
    let labelled = labelled(&column.labels).filter(|_| !own);
    let (native, ty) = match (&column.ty, own) {
        (ColumnType::Text { .. } | ColumnType::Other(_), false) if labelled.is_some() => {
            (labelled.unwrap_or_default(), ColumnType::TEXT)
        }
        (ColumnType::Json, _) => json(column, own, flavour),
        (ty, true) => (column.native.clone(), ty.clone()),
        (ty, false) => held_as(ty),
    };
    let default = column.default.clone().filter(|_| from == Some(System::Mysql));
    let generated = column.generated && own;
    Column { ty, native, default, generated, ..column.clone() }
}

/// MariaDB's `json` is text that is checked. MySQL's rewrites what it is given, so text it stays there, unless it comes
/// from such a column.
fn json(column: &Column, own: bool, flavour: Flavour) -> (String, ColumnType) {
    let rewritten = own && word_of(&column.native) == JSON;
    match flavour {
        Flavour::Mysql if !rewritten => ("longtext".into(), ColumnType::TEXT),
        _ => (JSON.into(), ColumnType::Json),
    }
}

/// Types that MariaDB has and MySQL lacks.
fn is_foreign(word: &str, flavour: Flavour) -> bool {
    flavour == Flavour::Mysql && matches!(word, "uuid" | "inet4" | "inet6")
}

fn held_as(ty: &ColumnType) -> (String, ColumnType) {
    let same = |native: &str| (native.to_owned(), ty.clone());
    let text = || ("longtext".to_owned(), ColumnType::TEXT);
    match ty {
        ColumnType::Boolean => ("tinyint(1)".into(), ColumnType::Integer { bits: 8, unsigned: false }),
        ColumnType::Integer { bits, unsigned } => {
            let word = match bits {
                8 => "tinyint",
                16 => "smallint",
                32 => "int",
                _ => "bigint",
            };
            same(&format!("{word}{}", if *unsigned { " unsigned" } else { "" }))
        }
        ColumnType::Decimal { precision: precision @ 1..=65, scale: scale @ 0..=30 } => {
            same(&format!("decimal({precision},{scale})"))
        }
        ColumnType::Other(_) => match ty.bits() {
            Some(1) => ("bit(1)".into(), ColumnType::Boolean),
            Some(width @ 2..=64) => same(&format!("bit({width})")),
            _ => text(),
        },
        ColumnType::Decimal { .. } | ColumnType::Numeric => text(),
        ColumnType::Float { bits: 32 } => same("float"),
        ColumnType::Float { .. } => same("double"),
        ColumnType::Text { max: Some(max) } if *max <= LONGEST => same(&format!("varchar({max})")),
        ColumnType::Text { .. } => text(),
        ColumnType::Bytes { max: Some(max) } if *max <= LONGEST => same(&format!("varbinary({max})")),
        ColumnType::Bytes { .. } => ("longblob".into(), ColumnType::Bytes { max: None }),
        ColumnType::Date => same("date"),
        ColumnType::Time => same("time(6)"),
        ColumnType::Timestamp { .. } => ("datetime(6)".into(), ColumnType::Timestamp { zone: false }),
        ColumnType::Uuid => ("char(36)".into(), ColumnType::Text { max: Some(36) }),
        ColumnType::Json => same(JSON),
    }
}

/// The type to create a column with after a look at its rows. What must be indexed and has no limit gets one with some
/// room, beyond what it would get unseen, as far as an entry of an index goes; a number without limits becomes a decimal
/// with room before its point.
pub(super) fn type_after(sight: &Sight) -> Option<ColumnType> {
    match sight {
        Sight::Longest { length, .. } if *length <= INDEXED => None,
        Sight::Longest { length, bytes, shared } => {
            let entry = ENTRY as u32 / shared.max(&1);
            let wanted = (length + length / 4).next_multiple_of(16);
            Some(match bytes {
                true => ColumnType::Bytes { max: Some(wanted.min(entry)) },
                false => ColumnType::Text { max: Some(wanted.min(entry / 4)) },
            })
        }
        Sight::Digits { whole, fraction } => {
            let precision = [38, 65].into_iter().find(|precision| whole + fraction <= *precision)?;
            let scale = i8::try_from(*fraction).ok().filter(|scale| *scale <= 30)?;
            Some(ColumnType::Decimal { precision: precision as u8, scale })
        }
        Sight::Only(ty) => Some(ty.clone()),
        Sight::Beside => Some(ColumnType::TEXT),
        Sight::OnlyTruth | Sight::BeyondADay | Sight::OffCalendar => None,
    }
}

/// The labels of `enum('a','b')` or `set('a','b')`, as the catalog spells them: quotes doubled, the rest escaped.
pub(super) fn labels(native: &str) -> Vec<String> {
    let mut labels = Vec::new();
    let mut chars = native.chars().peekable();
    while chars.any(|c| c == '\'') {
        let mut label = String::new();
        while let Some(c) = chars.next() {
            match c {
                '\'' if chars.peek() != Some(&'\'') => break,
                '\'' => label.extend(chars.next()),
                '\\' => label.extend(chars.next().map(unescaped)),
                _ => label.push(c),
            }
        }
        labels.push(label);
    }
    labels
}

fn unescaped(c: char) -> char {
    match c {
        'n' => '\n',
        'r' => '\r',
        '0' => '\0',
        'Z' => '\u{1a}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_commas_and_quotes() {
        assert_eq!(labels(r"enum('a,b','it''s','','10','a\\b\n')"), ["a,b", "it's", "", "10", "a\\b\n"]);
        assert_eq!(labels("set('x')"), ["x"]);
        assert!(labels("int").is_empty());
    }

    #[test]
    fn nothing_is_held_in_a_type_that_rounds_it() {
        let held = |ty: &str| {
            column_for(&Column::new("c", ty.parse().unwrap()), Some(System::Postgres), Flavour::Mysql).native
        };
        assert_eq!(held("decimal(65,30)"), "decimal(65,30)");
        assert_eq!(held("decimal(66,0)"), "longtext");
        assert_eq!(held("decimal(40,31)"), "longtext");
        assert_eq!(held("numeric"), "longtext");
        assert_eq!(held("timestamptz"), "datetime(6)");
        assert_eq!(held("varchar(16383)"), "varchar(16383)");
        assert_eq!(held("varchar(16384)"), "longtext");
        assert_eq!(held("bigint unsigned"), "bigint unsigned");
    }

    #[test]
    fn what_was_seen_gets_a_type_with_room() {
        let longest = |length, bytes, shared| type_after(&Sight::Longest { length, bytes, shared });
        let text = |sight: Option<ColumnType>| sight.map(|ty| ty.to_string()).unwrap_or_default();
        assert_eq!(longest(255, false, 1), None, "as it is made anyway");
        assert_eq!(text(longest(300, false, 1)), "varchar(384)");
        assert_eq!(text(longest(5000, false, 1)), "varchar(768)");
        assert_eq!(text(longest(5000, false, 2)), "varchar(384)");
        assert_eq!(text(longest(5000, true, 1)), "bytes(3072)");
        let digits = |whole, fraction| text(type_after(&Sight::Digits { whole, fraction }));
        assert_eq!(
            (digits(3, 2), digits(30, 10), digits(35, 30)),
            ("decimal(38,2)".into(), "decimal(65,10)".into(), "decimal(65,30)".into())
        );
        assert_eq!((digits(36, 30), digits(1, 31)), (String::new(), String::new()));
    }

    #[test]
    fn json_is_held_in_a_type_that_keeps_its_text() {
        let held = |native: &str, from, flavour| {
            let column = Column { native: native.into(), ..Column::new("c", ColumnType::Json) };
            let held = column_for(&column, Some(from), flavour);
            (held.native, held.ty)
        };
        let text = ("longtext".to_owned(), ColumnType::TEXT);
        assert_eq!(held("jsonb", System::Postgres, Flavour::Mysql), text);
        assert_eq!(held("longtext", System::Mysql, Flavour::Mysql), text, "what MariaDB makes of json");
        assert_eq!(held("", System::Sqlite, Flavour::Mysql), text);
        let own = (JSON.to_owned(), ColumnType::Json);
        assert_eq!(held(JSON, System::Mysql, Flavour::Mysql), own, "it was rewritten there already");
        for (native, from) in [("jsonb", System::Postgres), ("longtext", System::Mysql)] {
            assert_eq!(held(native, from, Flavour::Mariadb).0, JSON);
        }
    }

    #[test]
    fn a_column_of_the_same_system_stays_what_it_is() {
        let mut column = Column::new("c", ColumnType::TEXT);
        column.native = "enum('a','b')".into();
        column.default = Some("'a'".into());
        assert_eq!(column_for(&column, Some(System::Mysql), Flavour::Mysql), column);
        column.native = "inet6".into();
        column.ty = ColumnType::Other("inet6".into());
        assert_eq!(column_for(&column, Some(System::Mysql), Flavour::Mariadb).native, "inet6");
        assert_eq!(column_for(&column, Some(System::Mysql), Flavour::Mysql).native, "longtext");
    }
}
