//! What of the server itself stands in the way of rows: its disk, its settings, the character sets of its columns.

use super::{catalog, connect::Session, sql};
use crate::{
    endpoint::{ErrorKind, Result, Space},
    model::{ColumnType, Table, bytes_in_words},
};

/// A packet of this size carries what most columns hold.
const ROOMY: u64 = 16 << 20;

async fn variable(session: &mut Session, name: &str) -> Result<Option<String>> {
    session.value(format!("SELECT CAST(@@{name} AS CHAR)"), &[]).await
}

pub(super) async fn space(session: &mut Session, local: bool) -> Result<Space> {
    let folder = variable(session, "datadir").await?;
    let size = "SELECT CAST(SUM(DATA_LENGTH + INDEX_LENGTH) AS CHAR) FROM information_schema.TABLES \
                WHERE TABLE_SCHEMA = DATABASE()";
    let size = session.value(size, &[]).await?.and_then(|text| text.parse().ok());
    Ok(Space::of_server("the server", local, folder.as_deref(), size))
}

/// `tables`: as they are or will be made, with the columns that are written.
pub(super) async fn cautions(session: &mut Session, tables: &[Table]) -> Result<Vec<String>> {
    let mut cautions = Vec::new();
    cautions.extend(packet(session, tables).await?);
    if variable(session, "global.read_only").await?.is_some_and(|set| set != "0") {
        cautions.push(
            "the server is set to be read only; SET GLOBAL read_only = OFF, or connect to the one that takes writes"
                .into(),
        );
    }
    let mode = variable(session, "global.sql_mode").await?.unwrap_or_default();
    if !mode.contains("STRICT_") {
        cautions.push(format!(
            "sql_mode is '{mode}': whimbrel writes strictly all the same, but other programs may cut values in these tables \
             unnoticed; SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',STRICT_ALL_TABLES')"
        ));
    }
    for table in tables {
        cautions.extend(narrow(session, table).await?);
    }
    Ok(cautions)
}

async fn packet(session: &mut Session, tables: &[Table]) -> Result<Option<String>> {
    let packet = variable(session, "max_allowed_packet").await?.and_then(|text| text.parse::<u64>().ok());
    let Some(packet) = packet.filter(|packet| *packet < ROOMY) else { return Ok(None) };
    let beyond = |ty: &ColumnType| match ty {
        ColumnType::Text { max } => max.is_none_or(|max| u64::from(max) * 4 > packet),
        ColumnType::Bytes { max } => max.is_none_or(|max| u64::from(max) > packet),
        ColumnType::Json => true,
        _ => false,
    };
    let columns = tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
    let columns = columns.filter(|(_, column)| beyond(&column.ty));
    let columns: Vec<String> = columns.map(|(table, column)| format!("{}.{}", table.name, column.name)).collect();
    Ok((!columns.is_empty()).then(|| {
        format!(
            "max_allowed_packet is {}: a longer value in {} will be a fault; SET GLOBAL max_allowed_packet = {ROOMY}",
            bytes_in_words(packet),
            shortened(&columns)
        )
    }))
}

/// Columns of a table that is there, in a character set that does not hold every text.
async fn narrow(session: &mut Session, table: &Table) -> Result<Option<String>> {
    let facts = match catalog::facts(session, &table.name).await {
        Ok(facts) => facts,
        Err(error) if error.kind == ErrorKind::NoTable => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_narrow = |set: &String| !matches!(set.as_str(), "utf8mb4" | "utf16" | "utf16le" | "utf32" | "binary");
    let narrow = facts.columns.iter().filter(|facts| table.column(&facts.column.name).is_some());
    let narrow =
        narrow.filter_map(|facts| Some((&facts.column.name, facts.charset.as_ref().filter(|set| is_narrow(set))?)));
    let columns: Vec<String> = narrow.map(|(name, set)| format!("{name} ({set})")).collect();
    Ok((!columns.is_empty()).then(|| {
        let (name, columns) = (&table.name, shortened(&columns));
        format!(
            "{name} holds {columns} in a character set that lacks some characters: a text with one of them will be a fault; \
             ALTER TABLE {} CONVERT TO CHARACTER SET utf8mb4",
            sql::name(name)
        )
    }))
}

/// The first few of them.
fn shortened(names: &[String]) -> String {
    let shown = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 5 { format!("{shown} and {} more", names.len() - 5) } else { shown }
}
