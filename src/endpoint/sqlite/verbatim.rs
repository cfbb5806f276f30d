//! Values of SQLite as they are held, on their way from one file to another.
//!
//! One idea: a column's declared type binds nobody, so between two files no type can carry its values; each goes as text
//! that says what it is. What the column's affinity makes likely stands plain, so that a human reads it as ever; anything
//! else stands behind `=` as SQLite would write it: `='text'`, `=X'00ff'`, `=1.5`, and `=T'61ff'` for text that is no
//! UTF-8. Very long bytes stand in base64, `=B'AP8='`, which takes less.

use std::{borrow::Cow, fmt::Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rusqlite::types::ValueRef;

use super::{
    long::LONG,
    number::{push_cents, real_of_plain},
    types::Affinity,
};
use crate::model::{Column, ColumnType};

/// What stands plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Number,
    Text,
    Nothing,
}

const NAME: &str = "SQLite value";

/// Bytes that are made hex or base64 at a time; thirds of them are whole.
const PIECE: usize = 3 << 12;

impl Plain {
    fn of(column: &Column) -> Self {
        match Affinity::of(&column.native) {
            Affinity::Integer | Affinity::Real | Affinity::Numeric => Self::Number,
            Affinity::Text => Self::Text,
            Affinity::Blob if column.native.trim().is_empty() => Self::Text,
            Affinity::Blob => Self::Nothing,
        }
    }

    /// What the type that [`travelling`] gives says.
    pub(super) fn parse(ty: &ColumnType) -> Option<Self> {
        let ColumnType::Other(name) = ty else { return None };
        [Self::Number, Self::Text, Self::Nothing].into_iter().find(|plain| *name == plain.name())
    }

    fn name(self) -> String {
        let likely = match self {
            Self::Number => ", mostly a number",
            Self::Text => ", mostly text",
            Self::Nothing => "",
        };
        format!("{NAME}{likely}")
    }
}

/// The type in which the column's values travel to another file; a row id is always an integer.
pub(super) fn travelling(column: &Column) -> Option<ColumnType> {
    (!column.identity).then(|| ColumnType::Other(Plain::of(column).name()))
}

/// Writes the text of a value that is not NULL. What it is written to does not fail.
pub(super) fn write(value: ValueRef<'_>, plain: Plain, out: &mut impl Write) {
    let numbers = plain == Plain::Number;
    match value {
        ValueRef::Null => {}
        ValueRef::Integer(integer) => {
            let _ = write!(out, "{}{integer}", if numbers { "" } else { "=" });
        }
        ValueRef::Real(real) => {
            let _ = out.write_str(if numbers { "" } else { "=" });
            if !push_cents(real, out) {
                let _ = write!(out, "{real:?}");
            }
        }
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if plain == Plain::Text && !text.starts_with('=') => {
                let _ = out.write_str(text);
            }
            Ok(text) => {
                let doubled = if text.contains('\'') { text.replace('\'', "''").into() } else { Cow::Borrowed(text) };
                for part in ["='", &doubled, "'"] {
                    let _ = out.write_str(part);
                }
            }
            Err(_) => write_hex('T', bytes, out),
        },
        ValueRef::Blob(bytes) if bytes.len() >= LONG => {
            let _ = out.write_str(BASE64);
            bytes.chunks(PIECE).for_each(|piece| write_base64(piece, out));
            let _ = out.write_char('\'');
        }
        ValueRef::Blob(bytes) => write_hex('X', bytes, out),
    }
}

fn write_hex(kind: char, bytes: &[u8], out: &mut impl Write) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let _ = write!(out, "={kind}'");
    let mut hex = String::with_capacity(2 * PIECE);
    for piece in bytes.chunks(PIECE) {
        hex.clear();
        for byte in piece {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        let _ = out.write_str(&hex);
    }
    let _ = out.write_char('\'');
}

/// What stands before bytes in base64.
const BASE64: &str = "=B'";

fn write_base64(piece: &[u8], out: &mut impl Write) {
    let mut digits = [0; PIECE / 3 * 4];
    if let Ok(length) = STANDARD.encode_slice(piece, &mut digits) {
        let _ = out.write_str(std::str::from_utf8(&digits[..length]).unwrap_or_default());
    }
}

/// The text of so many bytes, of which `next` fills one buffer after the other.
pub(super) fn base64_of<E>(
    length: usize,
    mut next: impl FnMut(&mut [u8], usize) -> Result<(), E>,
) -> Result<String, E> {
    let mut text = String::with_capacity(BASE64.len() + length.div_ceil(3) * 4 + 1);
    text.push_str(BASE64);
    let mut piece = [0; PIECE];
    for start in (0..length).step_by(PIECE) {
        let piece = &mut piece[..PIECE.min(length - start)];
        next(piece, start)?;
        write_base64(piece, &mut text);
    }
    text.push('\'');
    Ok(text)
}

/// The bytes that a text says in base64, one piece after the other; `None` where it says something else.
pub(super) fn base64_pieces(text: &str) -> Option<impl Iterator<Item = Option<Vec<u8>>>> {
    let digits = text.strip_prefix(BASE64)?.strip_suffix('\'')?;
    Some(digits.as_bytes().chunks(PIECE / 3 * 4).map(|piece| STANDARD.decode(piece).ok()))
}

/// The value that a text says; `None` where it says none. `scratch` is where one is made that the text does not hold.
pub(super) fn read<'v>(text: &'v str, plain: Plain, scratch: &'v mut Vec<u8>) -> Option<ValueRef<'v>> {
    let Some(literal) = text.strip_prefix('=') else {
        return match plain {
            Plain::Text => Some(ValueRef::Text(text.as_bytes())),
            Plain::Number => number(text),
            Plain::Nothing => None,
        };
    };
    scratch.clear();
    let inner = |prefix: &str| literal.strip_prefix(prefix)?.strip_suffix('\'');
    if let Some(hex) = inner("X'") {
        read_hex(hex, scratch)?;
        return Some(ValueRef::Blob(scratch));
    }
    if let Some(hex) = inner("T'") {
        read_hex(hex, scratch)?;
        return Some(ValueRef::Text(scratch));
    }
    if let Some(pieces) = base64_pieces(text) {
        for piece in pieces {
            scratch.extend_from_slice(&piece?);
        }
        return Some(ValueRef::Blob(scratch));
    }
    match inner("'") {
        Some(quoted) if !quoted.contains('\'') => Some(ValueRef::Text(quoted.as_bytes())),
        Some(quoted) => {
            scratch.extend_from_slice(quoted.replace("''", "'").as_bytes());
            Some(ValueRef::Text(scratch))
        }
        None => number(literal),
    }
}

/// Integers are digits; a real has a point, an exponent or no end.
fn number<'v>(text: &str) -> Option<ValueRef<'v>> {
    match text.parse() {
        Ok(integer) => Some(ValueRef::Integer(integer)),
        Err(_) => {
            let real = real_of_plain(text).or_else(|| text.parse().ok());
            real.filter(|real: &f64| !real.is_nan()).map(ValueRef::Real)
        }
    }
}

fn read_hex(hex: &str, out: &mut Vec<u8>) -> Option<()> {
    out.reserve_exact(hex.len() / 2);
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    for pair in hex.as_bytes().chunks(2) {
        let [high, low] = pair else { return None };
        out.push((digit(high)? << 4 | digit(low)?) as u8);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bytes_take_a_third_more_and_read_as_they_are_written() {
        let bytes: Vec<u8> = (0..LONG + 1).map(|byte| byte as u8).collect();
        let mut text = String::new();
        write(ValueRef::Blob(&bytes), Plain::Text, &mut text);
        assert!(text.starts_with("=B'AAECAw") && text.len() < LONG / 2 * 3);
        assert_eq!(read(&text, Plain::Text, &mut Vec::new()), Some(ValueRef::Blob(&bytes)));
        let drawn = base64_of(bytes.len(), |piece, start| {
            piece.copy_from_slice(&bytes[start..start + piece.len()]);
            Ok::<_, std::convert::Infallible>(())
        });
        assert_eq!(drawn, Ok(text));
    }

    #[test]
    fn every_value_reads_as_it_is_written() {
        let values = [
            (ValueRef::Integer(-7), ["-7", "=-7", "=-7"]),
            (ValueRef::Real(1.5), ["1.5", "=1.5", "=1.5"]),
            (ValueRef::Real(1e300), ["1e300", "=1e300", "=1e300"]),
            (ValueRef::Real(f64::NEG_INFINITY), ["-inf", "=-inf", "=-inf"]),
            (ValueRef::Text(b"7"), ["='7'", "7", "='7'"]),
            (ValueRef::Text(b"=it's"), ["='=it''s'", "='=it''s'", "='=it''s'"]),
            (ValueRef::Text(b""), ["=''", "", "=''"]),
            (ValueRef::Text(b"a\xff"), ["=T'61ff'", "=T'61ff'", "=T'61ff'"]),
            (ValueRef::Blob(b"\0\xff"), ["=X'00ff'", "=X'00ff'", "=X'00ff'"]),
            (ValueRef::Blob(b""), ["=X''", "=X''", "=X''"]),
        ];
        for (value, texts) in values {
            for (plain, expected) in [Plain::Number, Plain::Text, Plain::Nothing].into_iter().zip(texts) {
                let mut text = String::new();
                write(value, plain, &mut text);
                assert_eq!(text, expected, "{plain:?}");
                assert_eq!(read(&text, plain, &mut Vec::new()), Some(value), "{plain:?} {text}");
            }
        }
        for nonsense in ["=", "=X'0'", "=X'zz'", "=B'AP8'", "=B'AP8=AP8='", "=text", "=NaN"] {
            assert_eq!(read(nonsense, Plain::Text, &mut Vec::new()), None, "{nonsense}");
        }
        assert_eq!(read("text", Plain::Number, &mut Vec::new()), None);
    }
}
