//! Places between rows: a key's values as text, and the conditions that they become.

use serde_json::{Value, json};

use super::{decode::raw_cell, reading::Wire, sql};
use crate::{
    endpoint::{EndpointError, ErrorKind, Position, Result},
    model::{Cell, hex, unhex},
};

/// How values of a key column are written as literals that compare as the column does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Number,
    Text {
        charset: String,
        collation: String,
    },
    Bytes,
    /// Dates, times, UUIDs, addresses: the server reads its own text.
    Plain,
}

#[derive(Clone, Debug)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) kind: KeyKind,
    pub(super) wire: Wire,
    /// Where in a row it arrives.
    pub(super) place: usize,
    /// What is selected for it beyond the table's columns.
    pub(super) select: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) index: String,
    pub(super) columns: Vec<KeyColumn>,
}

impl Key {
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The position right behind a row, given its cells as they arrived.
    pub(super) fn position<'r>(&self, cell: impl Fn(usize) -> Option<&'r [u8]>) -> Result<Position> {
        let values = self.columns.iter().map(|column| {
            let bytes = cell(column.place).ok_or_else(|| unusable("a key value is NULL"))?;
            Ok(match raw_cell(bytes, column.wire) {
                Cell::Text(text) => Value::String(text),
                Cell::Bytes(bytes) => json!({ "hex": hex(&bytes) }),
                Cell::Null => return Err(unusable("a key value is NULL")),
            })
        });
        Ok(Position(Value::Array(values.collect::<Result<_>>()?).to_string()))
    }

    /// Rows behind the position: `(a > 1) OR (a = 1 AND b > 2)`, which both servers read as ranges of the index.
    pub(super) fn behind(&self, position: &Position) -> Result<String> {
        self.compare(position, ">", ">")
    }

    /// Rows up to and including the position.
    pub(super) fn up_to(&self, position: &Position) -> Result<String> {
        self.compare(position, "<", "<=")
    }

    /// Rows before the position.
    pub(super) fn before(&self, position: &Position) -> Result<String> {
        self.compare(position, "<", "<")
    }

    /// ` ORDER BY ...` from the last row to the first.
    pub(super) fn backwards(&self) -> String {
        let names: Vec<String> =
            self.columns.iter().map(|column| format!("{} DESC", sql::name(&column.name))).collect();
        format!(" ORDER BY {}", names.join(", "))
    }

    /// The row at the position.
    pub(super) fn at(&self, position: &Position) -> Result<String> {
        let literals = self.literals(position)?;
        let equal = self.columns.iter().zip(&literals);
        let equal = equal.map(|(column, literal)| format!("{} = {literal}", sql::name(&column.name)));
        Ok(equal.collect::<Vec<_>>().join(" AND "))
    }

    fn compare(&self, position: &Position, before: &str, last: &str) -> Result<String> {
        let literals = self.literals(position)?;
        let end = self.columns.len() - 1;
        let branches = (0..=end).map(|depth| {
            let equal = (0..depth).map(|at| format!("{} = {}", sql::name(&self.columns[at].name), literals[at]));
            let sign = if depth == end { last } else { before };
            let step = format!("{} {sign} {}", sql::name(&self.columns[depth].name), literals[depth]);
            format!("({})", equal.chain([step]).collect::<Vec<_>>().join(" AND "))
        });
        Ok(format!("({})", branches.collect::<Vec<_>>().join(" OR ")))
    }

    fn literals(&self, position: &Position) -> Result<Vec<String>> {
        let values: Vec<Value> = serde_json::from_str(&position.0).map_err(|error| unusable(&error.to_string()))?;
        if values.len() != self.columns.len() {
            return Err(unusable("it has another number of values than the key has columns"));
        }
        self.columns.iter().zip(&values).map(|(column, value)| column.kind.literal(value)).collect()
    }
}

impl KeyKind {
    pub(super) fn literal(&self, value: &Value) -> Result<String> {
        let hex = value.get("hex").and_then(Value::as_str).map(|hex| unhex(hex).ok_or_else(|| unusable("bad hex")));
        match (self, value, hex.transpose()?) {
            (Self::Bytes, _, Some(bytes)) => Ok(sql::bytes(&bytes)),
            (Self::Number, Value::String(text), _) if is_number(text) => Ok(text.clone()),
            (Self::Plain, Value::String(text), _) => Ok(sql::quoted(text)),
            (Self::Text { charset, collation }, Value::String(text), _) => {
                let utf8 = format!("_utf8mb4 {}", sql::bytes(text.as_bytes()));
                let own = if charset == "utf8mb4" { utf8 } else { format!("CONVERT({utf8} USING {charset})") };
                Ok(format!("{own} COLLATE {collation}"))
            }
            (Self::Text { charset, collation }, _, Some(bytes)) => {
                Ok(format!("_{charset} {} COLLATE {collation}", sql::bytes(&bytes)))
            }
            _ => Err(unusable("a value does not suit its key column")),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
}

fn unusable(message: &str) -> EndpointError {
    EndpointError::new(ErrorKind::Other, "cannot use a position in the source", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        let column = |name: &str, kind, wire, place| KeyColumn { name: name.into(), kind, wire, place, select: None };
        let text = KeyKind::Text { charset: "latin1".into(), collation: "latin1_swedish_ci".into() };
        let utf8 = Wire::Text(super::super::reading::Encoding::Utf8);
        Key {
            index: "PRIMARY".into(),
            columns: vec![column("a", KeyKind::Number, Wire::Signed, 0), column("b", text, utf8, 1)],
        }
    }

    #[test]
    fn a_position_becomes_ranges_of_the_index() {
        let cells: [&[u8]; 2] = [&(-5_i32).to_le_bytes(), b"it's"];
        let position = key().position(|place| Some(cells[place])).unwrap();
        assert_eq!(position.0, r#"["-5","it's"]"#);
        assert_eq!(
            key().behind(&position).unwrap(),
            "((`a` > -5) OR (`a` = -5 AND `b` > CONVERT(_utf8mb4 x'69742773' USING latin1) COLLATE latin1_swedish_ci))"
        );
        assert!(key().up_to(&position).unwrap().contains("`b` <= CONVERT"));
    }

    #[test]
    fn a_position_cannot_smuggle_statements() {
        for text in [r#"["1 OR 1=1","x"]"#, r#"["1"]"#, "nonsense", r#"[1,"x"]"#, r#"["","x"]"#] {
            assert!(key().behind(&Position(text.into())).is_err(), "{text}");
        }
    }
}
