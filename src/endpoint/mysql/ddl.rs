//! Tables that are made here: their statements, the table of marks, and what is done when all rows are in.

use std::collections::BTreeSet;

use super::{
    catalog,
    connect::{Session, text_at},
    sql,
    types::word_of,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Mark, Position, Result},
    model::{Column, ColumnType, Counts, ForeignKey, RunId, Table},
};

/// What a text or bytes column without a limit becomes where an index must hold it.
const INDEXED: u32 = 255;

/// Bytes that a row's short columns may take together: 65,535 less what the server needs for itself.
const ROW_BYTES: usize = 60_000;

/// The longest name.
const NAME: usize = 64;

/// `CREATE TABLE`, foreign keys left out. Columns that an index must hold and that have no limit get one of 255, since
/// neither server indexes the whole of a `longtext`; a value beyond it is then a fault and no surprise. Where the
/// limited columns together exceed what a row may take, the widest that no index needs become `longtext`/`longblob`.
pub(super) fn create_statement(table: &Table) -> String {
    let indexed: BTreeSet<&str> = table
        .key
        .iter()
        .chain(table.unique.iter().flatten())
        .chain(table.foreign_keys.iter().flat_map(|key| &key.columns))
        .map(String::as_str)
        .collect();
    let mut natives: Vec<String> = table.columns.iter().map(|column| native(column, &indexed)).collect();
    widen(&mut natives, &table.columns, &indexed);
    let columns = table.columns.iter().zip(&natives).map(|(column, native)| column_clause(table, column, native));
    let mut clauses: Vec<String> = columns.collect();
    if !table.key.is_empty() {
        clauses.push(format!("PRIMARY KEY ({})", sql::names(&table.key)));
    }
    clauses.extend(table.unique.iter().map(|columns| format!("UNIQUE KEY ({})", sql::names(columns))));
    format!(
        "CREATE TABLE {} (\n  {}\n) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        sql::name(&table.name),
        clauses.join(",\n  ")
    )
}

fn native(column: &Column, indexed: &BTreeSet<&str>) -> String {
    if !indexed.contains(column.name.as_str()) {
        return column.native.clone();
    }
    match word_of(&column.native) {
        "tinytext" | "text" | "mediumtext" | "longtext" | "json" => format!("varchar({INDEXED})"),
        "tinyblob" | "blob" | "mediumblob" | "longblob" => format!("varbinary({INDEXED})"),
        _ => column.native.clone(),
    }
}

fn widen(natives: &mut [String], columns: &[Column], indexed: &BTreeSet<&str>) {
    loop {
        let sizes: Vec<usize> = natives.iter().map(|native| row_bytes(native)).collect();
        if sizes.iter().sum::<usize>() <= ROW_BYTES {
            return;
        }
        let free = |at: &usize| !indexed.contains(columns[*at].name.as_str()) && sizes[*at] > 255;
        let Some(widest) = (0..natives.len()).filter(free).max_by_key(|at| sizes[*at]) else { return };
        let long = if word_of(&natives[widest]).ends_with("binary") { "longblob" } else { "longtext" };
        natives[widest] = long.into();
    }
}

/// About what a column takes within its row.
fn row_bytes(native: &str) -> usize {
    let length = native.split_once('(').and_then(|(_, rest)| rest.split([')', ',']).next()?.parse::<usize>().ok());
    match (word_of(native), length) {
        ("varchar" | "char", Some(length)) => 4 * length + 2,
        ("varbinary" | "binary", Some(length)) => length + 2,
        _ => 12,
    }
}

fn column_clause(table: &Table, column: &Column, native: &str) -> String {
    let in_key = table.key.contains(&column.name);
    let mut clause = format!("{} {native}", sql::name(&column.name));
    // Said in full: a `timestamp` that says nothing is NOT NULL on some servers.
    clause.push_str(if column.nullable && !in_key { " NULL" } else { " NOT NULL" });
    if is_counted(table, column) {
        clause.push_str(" AUTO_INCREMENT");
    } else if let Some(default) = &column.default {
        clause.push_str(&format!(" DEFAULT {default}"));
    }
    clause
}

/// InnoDB counts one whole-number column, which must be the first of a key.
fn is_counted(table: &Table, column: &Column) -> bool {
    let leads = |columns: &Vec<String>| columns.first() == Some(&column.name);
    let first = table.columns.iter().find(|column| column.identity).map(|first| &first.name);
    column.identity
        && first == Some(&column.name)
        && matches!(column.ty, ColumnType::Integer { .. })
        && (leads(&table.key) || table.unique.iter().any(leads))
}

pub(super) async fn create(session: &mut Session, table: &Table) -> Result<()> {
    let context = format!("cannot create table '{}'", table.name);
    let names = table.columns.iter().map(|column| &column.name).chain([&table.name]);
    if let Some(name) = names.into_iter().find(|name| name.chars().count() > NAME) {
        let message = format!("the name '{name}' is longer than MySQL's {NAME} characters");
        return Err(EndpointError::new(ErrorKind::Other, context, message));
    }
    session.execute(create_statement(table)).await.map_err(|error| error.during(context))
}

/// Makes the table of marks unless it is there: an account that may write but not create can use one made for it.
pub(super) async fn prepare(session: &mut Session) -> Result<()> {
    if marks_exist(session).await? {
        return Ok(());
    }
    let statement = format!(
        "CREATE TABLE IF NOT EXISTS {} (\n  `run` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,\n  \
         `table_name` varchar(191) NOT NULL,\n  `chunk` bigint unsigned NOT NULL,\n  `end_position` longtext NULL,\n  \
         `rows_read` bigint unsigned NOT NULL,\n  `rows_written` bigint unsigned NOT NULL,\n  \
         `rows_skipped` bigint unsigned NOT NULL,\n  `rows_flagged` bigint unsigned NOT NULL,\n  \
         `rows_filtered` bigint unsigned NOT NULL,\n  `retried` varchar(64) NOT NULL,\n  \
         `committed_at` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),\n  \
         PRIMARY KEY (`run`, `table_name`, `chunk`)\n) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        sql::name(Mark::TABLE)
    );
    session.execute(statement).await.map_err(|error| error.during("cannot make the table of marks"))
}

pub(super) async fn marks_exist(session: &mut Session) -> Result<bool> {
    let found = session
        .value(
            "SELECT '1' FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
            &[Mark::TABLE],
        )
        .await?;
    Ok(found.is_some())
}

pub(super) async fn marks(session: &mut Session, run: &RunId) -> Result<Vec<Mark>> {
    if !marks_exist(session).await? {
        return Ok(Vec::new());
    }
    let number = |name: &str| format!("CAST(`{name}` AS CHAR)");
    let numbers = ["chunk", "rows_read", "rows_written", "rows_skipped", "rows_flagged", "rows_filtered"].map(number);
    let statement = format!(
        "SELECT `table_name`, `end_position`, `retried`, {} FROM {} WHERE `run` = ? ORDER BY `table_name`, `chunk`",
        numbers.join(", "),
        sql::name(Mark::TABLE)
    );
    let rows = session.rows(statement, &[&run.0]).await.map_err(|error| error.during("cannot read the marks"))?;
    let mark = |row| {
        let text = |index| text_at(row, index).unwrap_or_default();
        let number = |index| text(index).parse::<u64>().unwrap_or(0);
        Mark {
            run: run.clone(),
            table: text(0),
            chunk: number(3),
            end: text_at(row, 1).map(Position),
            counts: Counts {
                read: number(4),
                written: number(5),
                skipped: number(6),
                flagged: number(7),
                filtered: number(8),
            },
            retried: text(2),
        }
    };
    Ok(rows.iter().map(mark).collect())
}

/// What is left to do when all rows are in. Foreign keys that do not hold are told, not failed on.
pub(super) async fn finish(session: &mut Session, created: &[Table], loaded: &[Table]) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for table in created {
        let present = catalog::describe(session, &table.name).await?.foreign_keys;
        for key in table.foreign_keys.iter().filter(|key| !present.iter().any(|other| is_same(key, other))) {
            remarks.extend(add_foreign_key(session, table, key).await?);
        }
    }
    for table in loaded {
        remarks.extend(move_counter(session, table).await?);
        let analyze = format!("ANALYZE TABLE {}", sql::name(&table.name));
        match session.shown(analyze).await {
            Err(error) if error.kind != ErrorKind::Permission => return Err(error),
            _ => {}
        }
    }
    Ok(remarks)
}

fn is_same(one: &ForeignKey, other: &ForeignKey) -> bool {
    (&one.columns, &one.table, &one.referenced) == (&other.columns, &other.table, &other.referenced)
}

/// Adds a foreign key; a remark where it cannot stand. Its name is given up where the database has it already: in other
/// systems names need only differ within their table.
async fn add_foreign_key(session: &mut Session, table: &Table, key: &ForeignKey) -> Result<Option<String>> {
    let name = key.name.as_deref().filter(|name| name.chars().count() <= NAME);
    let statement = |name: Option<&str>| {
        let constraint = name.map_or(String::new(), |name| format!("CONSTRAINT {} ", sql::name(name)));
        format!(
            "ALTER TABLE {} ADD {constraint}FOREIGN KEY ({}) REFERENCES {} ({})",
            sql::name(&table.name),
            sql::names(&key.columns),
            sql::name(&key.table),
            sql::names(&key.referenced)
        )
    };
    let mut outcome = session.execute(statement(name)).await;
    if name.is_some() && outcome.as_ref().is_err_and(is_name_taken) {
        outcome = session.execute(statement(None)).await;
    }
    let Err(error) = outcome else { return Ok(None) };
    if matches!(error.kind, ErrorKind::Lost | ErrorKind::Busy | ErrorKind::Resources | ErrorKind::Timeout) {
        return Err(error.during(format!("cannot add a foreign key to table '{}'", table.name)));
    }
    let what = format!(
        "Foreign key {} ({}) to {} ({}) was not added",
        table.name,
        key.columns.join(", "),
        key.table,
        key.referenced.join(", ")
    );
    Ok(Some(match orphans(session, table, key).await {
        Ok(orphans) if orphans > 0 => format!("{what}: {orphans} rows refer to a row that is not there."),
        _ => format!("{what}: {}.", error.message),
    }))
}

/// Duplicate constraint name: MySQL says 1826 or 1061, MariaDB 1005 with InnoDB's 121, or 1826.
fn is_name_taken(error: &EndpointError) -> bool {
    match error.code.as_deref() {
        Some("1826" | "1061" | "1022") => true,
        Some("1005") => error.message.contains("121"),
        _ => false,
    }
}

async fn orphans(session: &mut Session, table: &Table, key: &ForeignKey) -> Result<u64> {
    let pairs = key.columns.iter().zip(&key.referenced);
    let joined = pairs.map(|(own, other)| format!("c.{} = p.{}", sql::name(own), sql::name(other)));
    let present = key.columns.iter().map(|own| format!("c.{} IS NOT NULL", sql::name(own)));
    let Some(first) = key.referenced.first() else { return Ok(0) };
    let statement = format!(
        "SELECT CAST(COUNT(*) AS CHAR) FROM {} c LEFT JOIN {} p ON {} WHERE {} AND p.{} IS NULL",
        sql::name(&table.name),
        sql::name(&key.table),
        joined.collect::<Vec<_>>().join(" AND "),
        present.collect::<Vec<_>>().join(" AND "),
        sql::name(first)
    );
    Ok(session.value(statement, &[]).await?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// InnoDB moves its counter past every id that is inserted; this makes sure, since a counter behind the greatest id
/// would fail the first insert after the migration.
async fn move_counter(session: &mut Session, table: &Table) -> Result<Option<String>> {
    let described = catalog::describe(session, &table.name).await?;
    let Some(column) = described.columns.iter().find(|column| column.identity) else { return Ok(None) };
    let greatest = format!("SELECT CAST(MAX({}) AS CHAR) FROM {}", sql::name(&column.name), sql::name(&table.name));
    let greatest = session.value(greatest, &[]).await?.and_then(|text| text.parse::<u64>().ok());
    let next = session
        .value(
            "SELECT CAST(AUTO_INCREMENT AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_NAME = ? AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY)",
            &[&table.name, &table.name],
        )
        .await?;
    let (Some(greatest), Some(next)) = (greatest, next.and_then(|text| text.parse::<u64>().ok())) else {
        return Ok(None);
    };
    if next > greatest {
        return Ok(None);
    }
    let statement = format!("ALTER TABLE {} AUTO_INCREMENT = {}", sql::name(&table.name), greatest.saturating_add(1));
    let context = format!("cannot move the counter of table '{}'", table.name);
    session.execute(statement).await.map_err(|error| error.during(context))?;
    Ok(Some(format!("The counter of {}.{} was moved past {greatest}.", table.name, column.name)))
}
