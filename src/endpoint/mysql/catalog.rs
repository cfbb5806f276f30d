//! What the server knows about its tables, from `information_schema`.
//!
//! Names are compared byte by byte: `information_schema` itself ignores case and would mix up `Orders` and `orders`.

use std::collections::BTreeMap;

use sqlx::mysql::MySqlRow;

use super::{
    connect::{Flavour, Session, text_at},
    definition, sql,
    types::{JSON, NativeType, labels},
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Mark, Result},
    model::{Action, Column, Count, ForeignKey, Table, TableEntry},
};

/// A column and what reading and writing it takes.
#[derive(Clone, Debug)]
pub(super) struct ColumnFacts {
    pub(super) column: Column,
    pub(super) native: NativeType,
    pub(super) charset: Option<String>,
    pub(super) collation: Option<String>,
    /// Digits of a second's fraction that a column of time keeps.
    pub(super) fraction: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) unique: bool,
    pub(super) columns: Vec<String>,
    /// No part of it is a prefix or an expression.
    pub(super) whole: bool,
    pub(super) nullable: bool,
    /// It holds its entries in order.
    pub(super) ordered: bool,
    /// `BTREE`, `HASH`, `FULLTEXT`, `SPATIAL`.
    pub(super) kind: String,
    pub(super) parts: Vec<Part>,
}

/// What an index sorts by in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) column: Option<String>,
    /// Only so many of its characters or bytes.
    pub(super) length: Option<String>,
    pub(super) descending: bool,
    pub(super) expression: Option<String>,
}

impl Part {
    pub(super) fn words(&self) -> String {
        let length = self.length.as_ref().map_or(String::new(), |length| format!("({length})"));
        let falling = if self.descending { " DESC" } else { "" };
        match (&self.column, &self.expression) {
            (Some(column), _) => format!("{}{length}{falling}", sql::name(column)),
            (None, Some(expression)) => format!("({expression}){falling}"),
            (None, None) => String::new(),
        }
    }
}

impl Index {
    pub(super) fn keyword(&self) -> &'static str {
        match (self.kind.as_str(), self.unique) {
            ("FULLTEXT", _) => "FULLTEXT KEY",
            ("SPATIAL" | "RTREE", _) => "SPATIAL KEY",
            (_, true) => "UNIQUE KEY",
            (_, false) => "KEY",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) columns: Vec<ColumnFacts>,
    pub(super) indexes: Vec<Index>,
}

impl Facts {
    /// The index that identifies rows: the primary key, else the first unique one without NULLs.
    pub(super) fn key(&self) -> Option<&Index> {
        let fits = |index: &&Index| index.unique && index.whole && !index.nullable && index.ordered;
        let primary = self.indexes.iter().filter(fits).find(|index| index.name == "PRIMARY");
        primary.or_else(|| self.indexes.iter().find(fits))
    }

    pub(super) fn column(&self, name: &str) -> Option<&ColumnFacts> {
        self.columns.iter().find(|facts| facts.column.name == name)
    }
}

pub(super) fn no_table(table: &str) -> EndpointError {
    EndpointError::new(ErrorKind::NoTable, format!("cannot find table '{table}'"), "the database has no such table")
}

pub(super) async fn tables(session: &mut Session) -> Result<Vec<TableEntry>> {
    let rows = session
        .rows(
            "SELECT TABLE_NAME, CAST(TABLE_ROWS AS CHAR), CAST(DATA_LENGTH + INDEX_LENGTH AS CHAR) \
             FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') \
             ORDER BY TABLE_NAME",
            &[],
        )
        .await?;
    let entries = rows.iter().filter_map(|row| {
        let name = text_at(row, 0)?;
        let (rows, bytes) = size(row, 1);
        (name != Mark::TABLE).then_some(TableEntry { name, rows, bytes })
    });
    Ok(entries.collect())
}

fn size(row: &MySqlRow, first: usize) -> (Count, Option<u64>) {
    let number = |index| text_at(row, index).and_then(|text| text.parse::<u64>().ok());
    (number(first).map_or(Count::Unknown, Count::Estimate), number(first + 1))
}

pub(super) async fn describe(session: &mut Session, table: &str) -> Result<Table> {
    let facts = facts(session, table).await?;
    let sizes = session
        .rows(
            "SELECT CAST(TABLE_ROWS AS CHAR), CAST(DATA_LENGTH + INDEX_LENGTH AS CHAR) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY)",
            &[table, table],
        )
        .await?;
    let (rows, bytes) = sizes.first().map_or((Count::Unknown, None), |row| size(row, 0));
    let key_is_index = facts.key().is_some_and(|index| index.name != "PRIMARY");
    let key = facts.key().map(|index| index.columns.clone()).unwrap_or_default();
    let further = facts.indexes.iter().filter(|index| index.unique && index.whole && index.columns != key);
    let mut described = Table {
        name: table.to_owned(),
        unique: further.map(|index| index.columns.clone()).collect(),
        columns: facts.columns.into_iter().map(|facts| facts.column).collect(),
        key,
        key_is_index,
        foreign_keys: foreign_keys(session, table).await?,
        rows,
        bytes,
        ..Table::default()
    };
    definition::complete(session, &mut described, &facts.indexes).await?;
    Ok(described)
}

pub(super) async fn facts(session: &mut Session, table: &str) -> Result<Facts> {
    let checked = checked_json(session, table).await?;
    let rows = session
        .rows(
            "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, \
             CAST(CHARACTER_MAXIMUM_LENGTH AS CHAR), CAST(NUMERIC_PRECISION AS CHAR), CAST(NUMERIC_SCALE AS CHAR), \
             CAST(DATETIME_PRECISION AS CHAR), CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_COMMENT FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY) \
             ORDER BY ORDINAL_POSITION",
            &[table, table],
        )
        .await?;
    if rows.is_empty() {
        return Err(no_table(table));
    }
    let columns = rows.iter().map(|row| column_facts(row, session.flavour, &checked)).collect();
    Ok(Facts { columns, indexes: indexes(session, table).await? })
}

fn column_facts(row: &MySqlRow, flavour: Flavour, checked: &[String]) -> ColumnFacts {
    let text = |index| text_at(row, index).unwrap_or_default();
    let name = text(0);
    let extra = text(5).to_ascii_lowercase();
    let native = NativeType {
        word: text(1).to_ascii_lowercase(),
        full: text(2),
        length: text_at(row, 6).and_then(|text| text.parse().ok()),
        precision: text_at(row, 7).and_then(|text| text.parse().ok()),
        scale: text_at(row, 8).and_then(|text| text.parse().ok()),
        checked_json: checked.contains(&name),
    };
    let generated = extra.contains("virtual generated") || extra.contains("stored generated");
    let default = text_at(row, 4).filter(|_| !generated).and_then(|text| default(text, &native.word, &extra, flavour));
    let (charset, collation) = (text_at(row, 10), text_at(row, 11));
    let on_update = extra.find("on update ").map(|start| extra[start..].to_ascii_uppercase());
    let mut column = Column {
        native: native.full.clone(),
        nullable: text(3) == "YES",
        default,
        generated,
        identity: extra.contains("auto_increment"),
        on_update,
        rewrites: native.word == JSON,
        labels: if native.word == "enum" { labels(&native.full) } else { Vec::new() },
        comment: text_at(row, 12).filter(|comment| !comment.is_empty()),
        ..Column::new(name, native.column_type())
    };
    definition::collation(&mut column, charset.as_deref(), collation.as_deref());
    let fraction = text_at(row, 9).and_then(|text| text.parse().ok());
    ColumnFacts { column, native, charset, collation, fraction }
}

/// A default as an expression. MariaDB gives one; MySQL gives literals without quotes and marks what is none.
fn default(text: String, word: &str, extra: &str, flavour: Flavour) -> Option<String> {
    if flavour == Flavour::Mariadb {
        return Some(text).filter(|text| text != "NULL");
    }
    let now = text.to_ascii_uppercase().starts_with("CURRENT_TIMESTAMP");
    let number = matches!(
        word,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "year" | "bit"
    );
    Some(if now && matches!(word, "timestamp" | "datetime") {
        text
    } else if extra.contains("default_generated") {
        format!("({})", text.replace("\\'", "'"))
    } else if number {
        text
    } else {
        sql::quoted(&text)
    })
}

/// MariaDB's JSON columns: `LONGTEXT` with a check of its own making.
async fn checked_json(session: &mut Session, table: &str) -> Result<Vec<String>> {
    if session.flavour == Flavour::Mysql {
        return Ok(Vec::new());
    }
    let rows = session
        .rows(
            "SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE() \
             AND TABLE_NAME = ? AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY)",
            &[table, table],
        )
        .await?;
    let clauses = rows.iter().filter_map(|row| text_at(row, 0));
    let column = |clause: String| {
        Some(clause.strip_prefix("json_valid(`")?.strip_suffix("`)")?.replace("``", "`"))
            .filter(|name| !name.is_empty())
    };
    Ok(clauses.filter_map(column).collect())
}

async fn indexes(session: &mut Session, table: &str) -> Result<Vec<Index>> {
    let expression = if session.flavour == Flavour::Mysql { "EXPRESSION" } else { "NULL" };
    let statement = format!(
        "SELECT INDEX_NAME, CAST(NON_UNIQUE AS CHAR), COLUMN_NAME, CAST(SUB_PART AS CHAR), NULLABLE, INDEX_TYPE, \
         COLLATION, {expression} FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY) \
         ORDER BY INDEX_NAME, SEQ_IN_INDEX"
    );
    let rows = session.rows(statement, &[table, table]).await?;
    let mut indexes: Vec<Index> = Vec::new();
    for row in &rows {
        let text = |index| text_at(row, index).unwrap_or_default();
        let name = text(0);
        if indexes.last().is_none_or(|last| last.name != name) {
            let (unique, ordered) = (text(1) == "0", text(5) == "BTREE");
            let (columns, parts, kind) = (Vec::new(), Vec::new(), text(5));
            indexes.push(Index { name, unique, columns, whole: true, nullable: false, ordered, kind, parts });
        }
        if let Some(index) = indexes.last_mut() {
            let column = text_at(row, 2);
            let length = text_at(row, 3).filter(|_| index.kind == "BTREE" || index.kind == "HASH");
            index.whole &= column.is_some() && text_at(row, 3).is_none();
            index.nullable |= text(4) == "YES";
            index.columns.extend(column.clone());
            index.parts.push(Part { column, length, descending: text(6) == "D", expression: text_at(row, 7) });
        }
    }
    Ok(indexes)
}

async fn foreign_keys(session: &mut Session, table: &str) -> Result<Vec<ForeignKey>> {
    let rows = session
        .rows(
            "SELECT k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, \
             IF(k.REFERENCED_TABLE_SCHEMA = DATABASE(), '', k.REFERENCED_TABLE_SCHEMA), r.DELETE_RULE, r.UPDATE_RULE \
             FROM information_schema.KEY_COLUMN_USAGE k LEFT JOIN information_schema.REFERENTIAL_CONSTRAINTS r \
             ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME \
             AND r.TABLE_NAME = k.TABLE_NAME WHERE k.TABLE_SCHEMA = DATABASE() AND k.TABLE_NAME = ? \
             AND CAST(k.TABLE_NAME AS BINARY) = CAST(? AS BINARY) AND k.REFERENCED_TABLE_NAME IS NOT NULL \
             ORDER BY k.CONSTRAINT_NAME, k.ORDINAL_POSITION",
            &[table, table],
        )
        .await?;
    let mut keys: BTreeMap<String, ForeignKey> = BTreeMap::new();
    for row in &rows {
        let text = |index| text_at(row, index).unwrap_or_default();
        let key = keys.entry(text(0)).or_insert_with(|| ForeignKey {
            name: Some(text(0)),
            table: if text(4).is_empty() { text(2) } else { format!("{}.{}", text(4), text(2)) },
            on_delete: Action::of(&text(5)),
            on_update: Action::of(&text(6)),
            ..ForeignKey::default()
        });
        key.columns.push(text(1));
        key.referenced.push(text(3));
    }
    Ok(keys.into_values().collect())
}

/// Other tables whose foreign keys refer to the table, whatever their database.
pub(super) async fn referrers(session: &mut Session, table: &str) -> Result<Vec<String>> {
    let rows = session
        .rows(
            "SELECT DISTINCT IF(TABLE_SCHEMA = DATABASE(), TABLE_NAME, CONCAT(TABLE_SCHEMA, '.', TABLE_NAME)) \
             FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_SCHEMA = DATABASE() \
             AND CAST(REFERENCED_TABLE_NAME AS BINARY) = CAST(? AS BINARY) \
             AND NOT (TABLE_SCHEMA = DATABASE() AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY)) ORDER BY 1",
            &[table, table],
        )
        .await?;
    Ok(rows.iter().filter_map(|row| text_at(row, 0)).collect())
}

pub(super) async fn count(session: &mut Session, table: &str) -> Result<u64> {
    let statement = format!("SELECT CAST(COUNT(*) AS CHAR) FROM {}", sql::name(table));
    let count = session.value(statement, &[]).await?;
    count.and_then(|text| text.parse().ok()).ok_or_else(|| no_table(table))
}
