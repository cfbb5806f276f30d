//! The order that a table is read in, positions in it, and the SQL for the rows between two of them.
//!
//! May not talk to a server. One idea: a keyless table has a key all the same, the place of a row on disk (`ctid`),
//! which holds still within a snapshot, so that keyed and keyless tables differ only in how a bound is found. All names
//! are qualified with `t`: an unqualified one in an `ORDER BY` would mean the text that is selected under that name.

use crate::{
    endpoint::{EndpointError, ErrorKind, Position, Result},
    model::Table,
};

use super::{
    catalog::Layout,
    sql::{ident, literal},
};

/// A scan between two ctids needs no look at other pages since this version.
const CTID_RANGES: u32 = 140_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The key's columns, quoted and qualified, and their types.
    Key(Vec<(String, String)>),
    Place,
    /// No order that a range could be cut from.
    None,
}

impl Order {
    pub(super) fn of(table: &Table, layout: &Layout, version: u32) -> Self {
        let part =
            |name: &String| table.column(name).map(|column| (format!("t.{}", ident(name)), column.native.clone()));
        match table.key.iter().map(part).collect::<Option<Vec<_>>>() {
            Some(key) if !key.is_empty() => Self::Key(key),
            _ if layout.plain && version >= CTID_RANGES => Self::Place,
            _ => Self::None,
        }
    }

    /// The one column of a key of whole numbers.
    pub(super) fn whole_number(&self) -> Option<&str> {
        match self {
            Self::Key(key) => match key.as_slice() {
                [(name, native)] if matches!(native.as_str(), "smallint" | "integer" | "bigint") => Some(name),
                _ => None,
            },
            Self::Place | Self::None => None,
        }
    }

    fn parts(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Key(key) => key.iter().map(|(name, native)| (name.as_str(), native.as_str())).collect(),
            Self::Place => vec![("t.ctid", "tid")],
            Self::None => Vec::new(),
        }
    }

    /// The position of a row as columns of text.
    pub(super) fn selected(&self) -> String {
        let texts: Vec<String> = self.parts().iter().map(|(name, _)| format!("{name}::text")).collect();
        texts.join(", ")
    }

    /// ` ORDER BY ...`; nothing for places, which a scan meets in their order.
    pub(super) fn by(&self) -> String {
        match self {
            Self::Key(key) => {
                let names: Vec<&str> = key.iter().map(|(name, _)| name.as_str()).collect();
                format!(" ORDER BY {}", names.join(", "))
            }
            Self::Place | Self::None => String::new(),
        }
    }

    /// ` ORDER BY ...` from the last row to the first.
    pub(super) fn backwards(&self) -> String {
        let names: Vec<String> = self.parts().iter().map(|(name, _)| format!("{name} DESC")).collect();
        if names.is_empty() { String::new() } else { format!(" ORDER BY {}", names.join(", ")) }
    }

    /// ` WHERE ...` for the rows behind `after` up to and including `until`.
    pub(super) fn between(&self, after: Option<&Position>, until: Option<&Position>) -> Result<String> {
        self.bounded(&[(after, ">"), (until, "<=")])
    }

    /// ` WHERE ...` for the rows behind `after` and before `end`.
    pub(super) fn short_of(&self, after: Option<&Position>, end: &Position) -> Result<String> {
        self.bounded(&[(after, ">"), (Some(end), "<")])
    }

    /// ` WHERE ...` for the rows before `end`.
    pub(super) fn before(&self, end: &Position) -> Result<String> {
        self.bounded(&[(Some(end), "<")])
    }

    /// ` WHERE ...` for the rows from `first` up to and including `last`.
    pub(super) fn spanning(&self, first: &Position, last: &Position) -> Result<String> {
        self.bounded(&[(Some(first), ">="), (Some(last), "<=")])
    }

    /// ` WHERE ...` for the row at a position.
    pub(super) fn at(&self, position: &Position) -> Result<String> {
        self.bounded(&[(Some(position), "=")])
    }

    fn bounded(&self, bounds: &[(Option<&Position>, &str)]) -> Result<String> {
        let bounds = bounds.iter().filter_map(|(position, operator)| position.map(|position| (position, operator)));
        let conditions = bounds.map(|(position, operator)| self.compared(operator, position));
        let conditions = conditions.collect::<Result<Vec<String>>>()?;
        Ok(if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) })
    }

    fn compared(&self, operator: &str, position: &Position) -> Result<String> {
        let texts = texts_of(position)?;
        let parts = self.parts();
        if texts.len() != parts.len() || parts.is_empty() {
            return Err(misplaced(position));
        }
        let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        let values: Vec<String> =
            parts.iter().zip(&texts).map(|((_, native), text)| format!("{}::{native}", literal(text))).collect();
        Ok(match parts.len() {
            1 => format!("{} {operator} {}", names[0], values[0]),
            _ => format!("({}) {operator} ({})", names.join(", "), values.join(", ")),
        })
    }
}

/// The position of a row whose [`Order::selected`] columns are these.
pub(super) fn position_of(texts: &[String]) -> Position {
    Position(serde_json::Value::from(texts).to_string())
}

fn texts_of(position: &Position) -> Result<Vec<String>> {
    serde_json::from_str(&position.0).map_err(|_| misplaced(position))
}

/// The page that a place lies on.
pub(super) fn page_of(position: &Position) -> Result<u64> {
    let texts = texts_of(position)?;
    let page = texts.first().and_then(|text| text.strip_prefix('(')?.split_once(',')?.0.parse().ok());
    page.ok_or_else(|| misplaced(position))
}

/// The last place that can be on a page.
pub(super) fn end_of_page(page: u64) -> Position {
    position_of(&[format!("({page},65535)")])
}

fn misplaced(_: &Position) -> EndpointError {
    let message = "the position recorded does not fit the table's key; the key has changed since";
    EndpointError::new(ErrorKind::Other, "cannot find the place to read on from", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Column, ColumnType};

    fn keyed() -> Order {
        let columns = vec![Column::new("a", ColumnType::BIGINT), Column::new("B", ColumnType::TEXT)];
        let table = Table { columns, key: vec!["B".into(), "a".into()], ..Table::default() };
        Order::of(&table, &Layout { plain: true, pages: 1, rows_per_page: 1.0, long: false }, 150_000)
    }

    #[test]
    fn bounds_are_quoted_and_typed() {
        let after = position_of(&["o'neil\\".into(), "7".into()]);
        let sql = keyed().between(Some(&after), None).unwrap();
        assert_eq!(sql, " WHERE (t.\"B\", t.\"a\") > ('o''neil\\'::text, '7'::bigint)");
        assert_eq!(keyed().by(), " ORDER BY t.\"B\", t.\"a\"");
        let sql = Order::Place.between(Some(&end_of_page(3)), Some(&end_of_page(9))).unwrap();
        assert_eq!(sql, " WHERE t.ctid > '(3,65535)'::tid AND t.ctid <= '(9,65535)'::tid");
        assert_eq!(page_of(&end_of_page(9)).unwrap(), 9);
        let row = position_of(&["(4,2)".into()]);
        let sql = Order::Place.short_of(Some(&end_of_page(3)), &row).unwrap();
        assert_eq!(sql, " WHERE t.ctid > '(3,65535)'::tid AND t.ctid < '(4,2)'::tid");
        assert_eq!(Order::Place.at(&row).unwrap(), " WHERE t.ctid = '(4,2)'::tid");
    }

    #[test]
    fn a_position_of_another_key_is_an_error() {
        for text in ["[\"1\"]", "[1,2]", "nonsense", "[\"1\",\"2\",\"3\"]"] {
            assert!(keyed().between(Some(&Position(text.into())), None).is_err(), "{text}");
        }
        assert!(Order::None.between(Some(&end_of_page(1)), None).is_err());
    }

    #[test]
    fn without_key_or_pages_of_its_own_a_table_has_no_order() {
        let table = Table { columns: vec![Column::new("a", ColumnType::TEXT)], ..Table::default() };
        let layout = |plain| Layout { plain, pages: 1, rows_per_page: 1.0, long: false };
        assert_eq!(Order::of(&table, &layout(true), 150_000), Order::Place);
        assert_eq!(Order::of(&table, &layout(true), 130_000), Order::None);
        assert_eq!(Order::of(&table, &layout(false), 150_000), Order::None);
    }
}
