//! How a table is read: what is selected for each column so that nothing is lost, and what comes over the wire for it.
//!
//! One idea: reading sessions have no `character_set_results`, so text arrives in the bytes that the table holds. The
//! server would turn what it cannot convert into `?` without a word; here it is seen and rejected.

use super::{
    catalog::{ColumnFacts, Facts, no_table},
    keys::{Key, KeyColumn, KeyKind},
    sql,
    types::is_spatial,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Result},
    model::{Column, ColumnType, Table},
};

/// What arrives for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Signed,
    Unsigned,
    Float,
    Double,
    Bytes,
    Text(Encoding),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes that should be UTF-8, and are checked.
    Utf8,
    Ascii,
    /// MySQL's `latin1` is windows-1252 with its holes filled: each of its bytes is a character.
    Latin1,
    /// Converted by the server, which compared there and back; behind [`LOSSY`] are the bytes of a text that differed.
    Converted,
}

/// No UTF-8 text begins with it.
pub(super) const LOSSY: u8 = 0xff;

#[derive(Clone, Debug)]
pub(super) struct ReadColumn {
    pub(super) name: String,
    pub(super) ty: ColumnType,
    pub(super) wire: Wire,
    pub(super) select: String,
    /// Its values may be so long that they come in pieces.
    pub(super) may_be_long: bool,
}

#[cfg(any(test, fuzzing))]
impl ReadColumn {
    pub(super) fn new(name: &str, ty: ColumnType, wire: Wire) -> Self {
        Self { name: name.to_owned(), ty, wire, select: String::new(), may_be_long: false }
    }
}

/// A table as the reading session sees it.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) table: String,
    pub(super) columns: Vec<ReadColumn>,
    /// What rows are read in the order of. `None`: there is no key, or one of floats, which have no exact text to
    /// compare with; such a table is one range.
    pub(super) key: Option<Key>,
}

impl Reading {
    pub(super) fn new(table: &Table, facts: &Facts) -> Result<Self> {
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let facts = facts.column(&column.name).filter(|facts| facts.column.ty == column.ty);
            let facts = facts.ok_or_else(|| changed(&table.name, column))?;
            let (select, wire) = selection(facts);
            let may_be_long = may_be_long(&facts.native.word, wire);
            columns.push(ReadColumn { name: column.name.clone(), ty: column.ty.clone(), wire, select, may_be_long });
        }
        if columns.is_empty() {
            return Err(no_table(&table.name));
        }
        let key = key(facts, &columns);
        Ok(Self { table: table.name.clone(), columns, key })
    }

    /// The select list: every column, then what only the key needs.
    pub(super) fn selects(&self) -> String {
        self.list(|column| column.select.clone())
    }

    /// The same with `other` in the place of a column's select.
    pub(super) fn list(&self, other: impl Fn(&ReadColumn) -> String) -> String {
        let key = self.key.iter().flat_map(|key| &key.columns).filter_map(|column| column.select.clone());
        self.columns.iter().map(other).chain(key).collect::<Vec<_>>().join(", ")
    }

    /// What the key alone takes to select, and where each of it stands in a whole row.
    pub(super) fn key_selects(&self) -> (String, Vec<usize>) {
        let columns = self.key.iter().flat_map(|key| &key.columns);
        let select =
            |column: &KeyColumn| column.select.clone().unwrap_or_else(|| self.columns[column.place].select.clone());
        let selects: Vec<String> = columns.clone().map(select).collect();
        (selects.join(", "), columns.map(|column| column.place).collect())
    }

    /// Whether it was made for the table as it is given.
    pub(super) fn suits(&self, table: &Table) -> bool {
        let columns = table.columns.iter().map(|column| (&column.name, &column.ty));
        columns.eq(self.columns.iter().map(|column| (&column.name, &column.ty)))
    }

    /// `FROM` with the key's index: chunk after chunk must not become a scan and a sort.
    pub(super) fn from(&self) -> String {
        let index = self.key.as_ref().map(|key| format!(" FORCE INDEX ({})", sql::name(&key.index)));
        format!(" FROM {}{}", sql::name(&self.table), index.unwrap_or_default())
    }

    pub(super) fn order(&self) -> String {
        self.key.as_ref().map_or(String::new(), |key| format!(" ORDER BY {}", sql::names(&key.names())))
    }
}

/// A batch is built for the types that were described: a column that changed since would not fit into it.
fn changed(table: &str, column: &Column) -> EndpointError {
    let message = format!("its column '{}' is no longer {}: look at the table again", column.name, column.ty);
    EndpointError::new(ErrorKind::Other, format!("cannot read table '{table}'"), message)
}

/// What to select for a column, and how it arrives.
fn selection(facts: &ColumnFacts) -> (String, Wire) {
    let name = sql::name(&facts.column.name);
    let text = Wire::Text(Encoding::Utf8);
    let unsigned = facts.native.full.contains("unsigned");
    match facts.native.word.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" => {
            (name, if unsigned { Wire::Unsigned } else { Wire::Signed })
        }
        "year" => (name, Wire::Unsigned),
        "float" => (name, Wire::Float),
        "double" | "real" => (name, Wire::Double),
        "bit" => (format!("CAST({name} AS UNSIGNED)"), Wire::Unsigned),
        "decimal" | "numeric" | "json" => (name, text),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => (name, Wire::Bytes),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => {
            stored_text(name, facts.charset.as_deref().unwrap_or("binary"))
        }
        word if is_spatial(word) => (spatial_text(&name), text),
        // Dates and times as the server spells them (zero dates too), and whatever else knows its own text.
        _ => (format!("CAST({name} AS CHAR)"), text),
    }
}

/// Whether values of the type come as they are and may be longer than any message should be.
fn may_be_long(word: &str, wire: Wire) -> bool {
    let plain = matches!(wire, Wire::Bytes | Wire::Text(Encoding::Utf8 | Encoding::Ascii));
    plain && matches!(word, "mediumblob" | "longblob" | "mediumtext" | "longtext")
}

fn stored_text(name: String, charset: &str) -> (String, Wire) {
    let encoding = match charset {
        "utf8mb4" | "utf8mb3" | "utf8" | "binary" => Encoding::Utf8,
        "ascii" => Encoding::Ascii,
        "latin1" => Encoding::Latin1,
        _ => Encoding::Converted,
    };
    if encoding != Encoding::Converted {
        return (name, Wire::Text(encoding));
    }
    // NULL where there was text is a result over `max_allowed_packet`: lossy too.
    let utf8 = format!("CONVERT({name} USING utf8mb4)");
    let back = format!("CAST(CONVERT({utf8} USING {charset}) AS BINARY)");
    let select = format!(
        "IF({name} IS NULL, NULL, IFNULL(IF({back} = CAST({name} AS BINARY), CAST({utf8} AS BINARY), \
         CONCAT(x'ff', CAST({name} AS BINARY))), x'ff'))"
    );
    (select, Wire::Text(encoding))
}

/// Well-known text, behind `SRID=n;` where there is a reference system to keep.
fn spatial_text(name: &str) -> String {
    let text = format!("ST_AsText({name})");
    format!("IF(ST_SRID({name}) = 0, {text}, CONCAT('SRID=', ST_SRID({name}), ';', {text}))")
}

fn key(facts: &Facts, columns: &[ReadColumn]) -> Option<Key> {
    let index = facts.key()?;
    let mut extra = columns.len();
    let mut key = Vec::with_capacity(index.columns.len());
    for name in &index.columns {
        let kind = key_kind(facts.column(name)?)?;
        let place = columns.iter().position(|column| column.name == *name)?;
        // Labels are ordered by their numbers, which the label itself does not tell.
        let (wire, place, select) = if kind == KeyKind::Number && is_labelled(facts.column(name)?) {
            extra += 1;
            (Wire::Unsigned, extra - 1, Some(format!("CAST({} AS UNSIGNED)", sql::name(name))))
        } else {
            (columns[place].wire, place, None)
        };
        key.push(KeyColumn { name: name.clone(), kind, wire, place, select });
    }
    Some(Key { index: index.name.clone(), columns: key })
}

fn is_labelled(facts: &ColumnFacts) -> bool {
    matches!(facts.native.word.as_str(), "enum" | "set" | "bit")
}

/// How a column's values are compared; `None` where no literal compares exactly.
fn key_kind(facts: &ColumnFacts) -> Option<KeyKind> {
    Some(match facts.native.word.as_str() {
        "float" | "double" | "real" => return None,
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "year" | "bit" | "decimal"
        | "numeric" | "enum" | "set" => KeyKind::Number,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => KeyKind::Bytes,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            KeyKind::Text { charset: facts.charset.clone()?, collation: facts.collation.clone()? }
        }
        "date" | "time" | "datetime" | "timestamp" | "uuid" | "inet4" | "inet6" => KeyKind::Plain,
        _ => return None,
    })
}
