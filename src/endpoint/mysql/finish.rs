//! What is left to do when all rows are in: indexes, foreign keys, counters, statistics.
//!
//! May not touch a row. One idea: what turns out not to hold becomes a sentence with the statement that would add it, and
//! the rest goes on. Doing it again changes nothing.

use super::{
    catalog,
    connect::{Flavour, Session, text_at},
    ddl::{NAMING, index_clause, is_made_at_once, reference},
    sql,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Result},
    model::{ForeignKey, Index, Table},
};

/// How many values of orphans are told.
const SHOWN: usize = 5;

/// What is left to do when all rows are in. Foreign keys that do not hold are told, not failed on.
pub(super) async fn finish(session: &mut Session, created: &[Table], loaded: &[Table]) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for table in created {
        remarks.extend(add_indexes(session, table).await?);
    }
    for table in created {
        let present = catalog::describe(session, &table.name).await?.foreign_keys;
        for key in table.foreign_keys.iter().filter(|key| !present.iter().any(|other| is_same(key, other))) {
            remarks.extend(add_foreign_key(session, table, key).await?);
        }
    }
    for table in loaded {
        let table = created.iter().find(|other| other.name == table.name).unwrap_or(table);
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

/// Builds the indexes that are not there yet; a remark for each that cannot be.
async fn add_indexes(session: &mut Session, table: &Table) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    let there = catalog::facts(session, &table.name).await?.indexes;
    for index in table.indexes.iter().filter(|index| !is_made_at_once(table, index)) {
        let name = NAMING.free(&index.name, |name| name == "PRIMARY");
        if there.iter().any(|other| other.name.eq_ignore_ascii_case(&name)) {
            continue;
        }
        let statement =
            format!("ALTER TABLE {} ADD {}", sql::name(&table.name), index_clause(&Index { name, ..index.clone() }));
        let Err(error) = session.execute(statement.clone()).await else { continue };
        let error = error.during(format!("the index {} of {} is left out", index.name, table.name));
        if error.is_transient() {
            return Err(error);
        }
        remarks.push(format!("{error}. To add it later: {statement}"));
    }
    Ok(remarks)
}

/// Adds a foreign key; a remark where it cannot stand. Its name is given up where the database has it already: in other
/// systems names need only differ within their table.
async fn add_foreign_key(session: &mut Session, table: &Table, key: &ForeignKey) -> Result<Option<String>> {
    let name = key.name.as_deref().map(|name| NAMING.free(name, |_| false));
    let mut outcome = session.execute(reference(table, key, name.as_deref())).await;
    if name.is_some() && outcome.as_ref().is_err_and(is_name_taken) {
        outcome = session.execute(reference(table, key, None)).await;
    }
    let Err(error) = outcome else { return Ok(None) };
    if error.is_transient() {
        return Err(error.during(format!("cannot add a foreign key to table '{}'", table.name)));
    }
    let what = format!(
        "Foreign key {} ({}) to {} ({}) was not added",
        table.name,
        key.columns.join(", "),
        key.table,
        key.referenced.join(", ")
    );
    let later = format!("To add it later: {}", reference(table, key, None));
    Ok(Some(match orphans(session, table, key).await {
        Ok((orphans, some)) if orphans > 0 => {
            let rows = if orphans == 1 { "1 row refers".to_owned() } else { format!("{orphans} rows refer") };
            let more = if orphans > some.len() as u64 { "; ..." } else { "" };
            format!("{what}: {rows} to a row that is not there ({}{more}). {later}", some.join("; "))
        }
        _ => format!("{what}: {}. {later}", error.message),
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

/// How many rows refer to none, and the values by which the first few do.
async fn orphans(session: &mut Session, table: &Table, key: &ForeignKey) -> Result<(u64, Vec<String>)> {
    let pairs = key.columns.iter().zip(&key.referenced);
    let joined = pairs.map(|(own, other)| format!("c.{} = p.{}", sql::name(own), sql::name(other)));
    let present = key.columns.iter().map(|own| format!("c.{} IS NOT NULL", sql::name(own)));
    let Some(first) = key.referenced.first() else { return Ok((0, Vec::new())) };
    let from = format!(
        "FROM {} c LEFT JOIN {} p ON {} WHERE {} AND p.{} IS NULL",
        sql::name(&table.name),
        sql::name(&key.table),
        joined.collect::<Vec<_>>().join(" AND "),
        present.collect::<Vec<_>>().join(" AND "),
        sql::name(first)
    );
    let count = session.value(format!("SELECT CAST(COUNT(*) AS CHAR) {from}"), &[]).await?;
    let values = key.columns.iter().map(|own| format!("LEFT(CAST(c.{} AS CHAR), 60)", sql::name(own)));
    let values = values.collect::<Vec<_>>().join(", ");
    let rows = session.rows(format!("SELECT DISTINCT {values} {from} ORDER BY 1 LIMIT {SHOWN}"), &[]).await?;
    let value = |row, (index, own)| format!("{own} = {}", text_at(row, index).unwrap_or_default());
    let some = rows.iter().map(|row| {
        let all = key.columns.iter().enumerate().map(|column| value(row, column));
        all.collect::<Vec<_>>().join(", ")
    });
    Ok((count.and_then(|text| text.parse().ok()).unwrap_or(0), some.collect()))
}

/// The table's foreign keys that do not hold, each in a sentence.
pub(super) async fn broken_references(session: &mut Session, table: &Table) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for key in &table.foreign_keys {
        let (count, some) = orphans(session, table, key).await?;
        if count > 0 {
            let rows = if count == 1 { "1 row refers".to_owned() } else { format!("{count} rows refer") };
            let more = if count > some.len() as u64 { "; ..." } else { "" };
            let label = key.label(&table.name);
            broken.push(format!("{label}: {rows} to a row that is not there ({}{more})", some.join("; ")));
        }
    }
    Ok(broken)
}

/// The table's counter, if it would give an id that is there already, in a sentence.
pub(super) async fn counter_behind(session: &mut Session, table: &Table) -> Result<Option<String>> {
    let described = catalog::facts(session, &table.name).await?;
    let Some(column) = described.columns.iter().map(|facts| &facts.column).find(|column| column.identity) else {
        return Ok(None);
    };
    let greatest = greatest(session, table, &column.name).await?;
    Ok(behind(table, &column.name, next(session, &table.name).await?, greatest))
}

async fn greatest(session: &mut Session, table: &Table, column: &str) -> Result<i128> {
    let greatest = format!("SELECT CAST(MAX({}) AS CHAR) FROM {}", sql::name(column), sql::name(&table.name));
    Ok(session.value(greatest, &[]).await?.and_then(|text| text.parse::<i128>().ok()).unwrap_or(0))
}

fn behind(table: &Table, column: &str, next: Option<i128>, greatest: i128) -> Option<String> {
    next.filter(|next| *next <= greatest).map(|next| {
        let place = format!("{}.{column}", table.name);
        format!(
            "The counter of {place} would give {next} next, and {greatest} is there already: widen the column's type."
        )
    })
}

/// InnoDB moves its counter past every id that is inserted; this makes sure, since a counter behind the greatest id
/// would fail the first insert after the migration. Ids that the source had given are not given again.
async fn move_counter(session: &mut Session, table: &Table) -> Result<Option<String>> {
    let described = catalog::facts(session, &table.name).await?;
    let Some(column) = described.columns.iter().map(|facts| &facts.column).find(|column| column.identity) else {
        return Ok(None);
    };
    let greatest = greatest(session, table, &column.name).await?;
    let given = table.column(&column.name).and_then(|column| column.counter.as_ref()?.next);
    let wanted = greatest.saturating_add(1).max(given.map_or(1, i128::from));
    if next(session, &table.name).await?.is_none_or(|next| next < wanted) {
        let statement = format!("ALTER TABLE {} AUTO_INCREMENT = {wanted}", sql::name(&table.name));
        let context = format!("cannot move the counter of table '{}'", table.name);
        session.execute(statement).await.map_err(|error| error.during(context))?;
    }
    Ok(behind(table, &column.name, next(session, &table.name).await?, greatest))
}

/// The value that the table's counter gives next, as it is and not as statistics have it; `None` before it gave one.
pub(super) async fn next(session: &mut Session, table: &str) -> Result<Option<i128>> {
    if session.flavour == Flavour::Mysql {
        session.execute("SET SESSION information_schema_stats_expiry = 0").await?;
    }
    let next = session
        .value(
            "SELECT CAST(AUTO_INCREMENT AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_NAME = ? AND CAST(TABLE_NAME AS BINARY) = CAST(? AS BINARY)",
            &[table, table],
        )
        .await?;
    Ok(next.and_then(|text| text.parse().ok()))
}
