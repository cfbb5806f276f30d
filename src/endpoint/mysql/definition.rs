//! What a table's definition holds beside its columns and keys, and what the database holds that is no table.
//!
//! May not write. One idea: MariaDB prints expressions as it reads them; MySQL escapes their quotes once more.

use super::{
    catalog::Index as Facts,
    connect::{Flavour, Session, text_at},
    sql,
    tongue::MysqlTongue,
};
use crate::{
    endpoint::{Result, formula},
    model::{Check, Column, Counter, Deferral, Generation, Index, IndexPart, Table, Thing},
};

/// Adds to a table what its catalog says beyond columns and keys.
pub(super) async fn complete(session: &mut Session, table: &mut Table, indexes: &[Facts]) -> Result<()> {
    for place in 0..table.columns.len() {
        let formula = table.columns[place]
            .default
            .as_deref()
            .and_then(|text| formula::default(&MysqlTongue, text, &table.columns[place]));
        table.columns[place].default_formula = formula;
    }
    compute(session, table).await?;
    table.checks = checks(session, table).await?;
    table.indexes = indexes.iter().filter(|index| index.name != "PRIMARY").map(index).collect();
    about(session, table).await
}

/// What columns are computed by.
async fn compute(session: &mut Session, table: &mut Table) -> Result<()> {
    let rows = session
        .rows(
            "SELECT COLUMN_NAME, GENERATION_EXPRESSION, EXTRA FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY) \
             AND EXTRA LIKE '%GENERATED%' AND GENERATION_EXPRESSION <> ''",
            &[&table.name, &table.name],
        )
        .await?;
    let columns = table.columns.clone();
    for row in &rows {
        let text = |index| text_at(row, index).unwrap_or_default();
        let Some(column) = table.columns.iter_mut().find(|column| column.name == text(0)) else { continue };
        let words = unescaped(text(1), session.flavour);
        let others: Vec<Column> = columns.iter().filter(|other| other.name != column.name).cloned().collect();
        let expression = formula::expression(&MysqlTongue, &words, &others, None);
        column.generation = Some(Generation { expression, stored: !text(2).to_ascii_lowercase().contains("virtual") });
    }
    Ok(())
}

fn unescaped(text: String, flavour: Flavour) -> String {
    if flavour == Flavour::Mysql { text.replace("\\'", "'") } else { text }
}

async fn checks(session: &mut Session, table: &mut Table) -> Result<Vec<Check>> {
    let statement = match session.flavour {
        Flavour::Mariadb => {
            "SELECT CONSTRAINT_NAME, CHECK_CLAUSE, LEVEL, 'YES' FROM information_schema.CHECK_CONSTRAINTS \
             WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = ? \
             AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY) ORDER BY CONSTRAINT_NAME"
        }
        Flavour::Mysql => {
            "SELECT c.CONSTRAINT_NAME, c.CHECK_CLAUSE, 'Table', t.ENFORCED FROM information_schema.CHECK_CONSTRAINTS c \
             JOIN information_schema.TABLE_CONSTRAINTS t USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME) \
             WHERE c.CONSTRAINT_SCHEMA = DATABASE() AND t.TABLE_NAME = ? \
             AND CAST(t.TABLE_NAME AS BINARY) = CAST(? AS BINARY) ORDER BY c.CONSTRAINT_NAME"
        }
    };
    let rows = session.rows(statement, &[&table.name, &table.name]).await?;
    let mut checks = Vec::new();
    for row in &rows {
        let text = |index| text_at(row, index).unwrap_or_default();
        let clause = unescaped(text(1), session.flavour);
        let is_type = table.columns.iter().any(|column| clause == format!("json_valid({})", sql::name(&column.name)));
        // A check that stands at its column goes by the column's name, and those without a name by a number.
        let named = text(2) == "Table" && !text(0).starts_with("CONSTRAINT_");
        let condition = formula::expression(&MysqlTongue, &clause, &table.columns, None);
        if text(3) == "NO" {
            // Rows that it would refuse may be there.
            table.peculiar.push(format!("has a check that is NOT ENFORCED there ({clause})"));
        } else if !is_type {
            checks.push(Check { name: named.then(|| text(0)), condition });
        }
    }
    Ok(checks)
}

fn index(facts: &Facts) -> Index {
    let special = match facts.kind.as_str() {
        "FULLTEXT" => Some("is a full-text index".to_owned()),
        "SPATIAL" | "RTREE" => Some("is a spatial index".to_owned()),
        _ if facts.parts.iter().any(|part| part.expression.is_some()) => Some("is over an expression".to_owned()),
        _ if !facts.whole => Some("takes only the beginning of a column".to_owned()),
        _ => None,
    };
    let parts = facts
        .parts
        .iter()
        .filter_map(|part| Some(IndexPart { column: part.column.clone()?, descending: part.descending }));
    let words: Vec<String> = facts.parts.iter().map(|part| part.words()).collect();
    Index {
        name: facts.name.clone(),
        unique: facts.unique,
        constraint: facts.unique,
        text: format!("{} ({})", facts.keyword(), words.join(", ")),
        // The columns inside an expression are not told, so its words hold only where they are not looked at.
        holds: !facts.parts.iter().any(|part| part.expression.is_some()),
        columns: facts.columns.clone(),
        parts: if special.is_some() { Vec::new() } else { parts.collect() },
        special,
        deferral: Deferral::Never,
    }
}

/// Comment, counter and engine.
async fn about(session: &mut Session, table: &mut Table) -> Result<()> {
    let rows = session
        .rows(
            "SELECT TABLE_COMMENT, CAST(AUTO_INCREMENT AS CHAR), ENGINE, CREATE_OPTIONS, TABLE_TYPE, TABLE_COLLATION \
             FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY)",
            &[&table.name, &table.name],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let text = |index| text_at(row, index).unwrap_or_default();
    table.comment = Some(text(0)).filter(|comment| !comment.is_empty());
    table.collation = text_at(row, 5).map(|collation| words(charset_of(&collation), &collation));
    let next = text_at(row, 1).and_then(|text| text.parse().ok());
    if let Some(column) = table.columns.iter_mut().find(|column| column.identity) {
        column.counter = Some(Counter { next, ..Counter::default() });
    }
    let engine = text(2);
    let engine = (!engine.eq_ignore_ascii_case("InnoDB")).then(|| format!("is of the engine {engine}"));
    let parted = text(3).contains("partitioned");
    let parted = parted.then(|| "is partitioned; one plain table is made of all its partitions".to_owned());
    let versioned = (text(4) == "SYSTEM VERSIONED").then(|| "keeps its history (SYSTEM VERSIONING)".to_owned());
    table.peculiar.extend(engine.into_iter().chain(parted).chain(versioned));
    Ok(())
}

pub(super) async fn things(session: &mut Session) -> Result<Vec<Thing>> {
    let rows = session
        .rows(
            "SELECT 'views', TABLE_NAME, NULL FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() \
             UNION ALL SELECT 'triggers', TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = DATABASE() \
             UNION ALL SELECT IF(ROUTINE_TYPE = 'FUNCTION', 'functions', 'procedures'), ROUTINE_NAME, NULL \
             FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() \
             UNION ALL SELECT 'events', EVENT_NAME, NULL FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() \
             UNION ALL SELECT 'sequences without a table', TABLE_NAME, NULL FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SEQUENCE' ORDER BY 1, 2",
            &[],
        )
        .await?;
    let thing = |row| Thing {
        kind: text_at(row, 0).unwrap_or_default(),
        name: text_at(row, 1).unwrap_or_default(),
        table: text_at(row, 2),
    };
    Ok(rows.iter().map(thing).collect())
}

/// A collation's name begins with its character set's.
fn charset_of(collation: &str) -> &str {
    collation.split('_').next().unwrap_or(collation)
}

fn words(charset: &str, collation: &str) -> String {
    format!("CHARACTER SET {charset} COLLATE {collation}")
}

/// A column's words on how its text compares, and whether it does so without regard to case.
pub(super) fn collation(column: &mut Column, charset: Option<&str>, collation: Option<&str>) {
    let Some((charset, collation)) = charset.zip(collation) else { return };
    column.collation = Some(words(charset, collation));
    column.folds_case = collation.ends_with("_ci");
}
