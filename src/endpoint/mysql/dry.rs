//! Rows tried in a temporary table of the same definition.
//!
//! One idea: a transaction in the table itself would move its counter past every id that it was given, rolled back or not,
//! and statements that make a table commit at once; a temporary table does neither, and nobody else sees it.

use super::{
    catalog::{self, ColumnFacts, Facts, Index},
    connect::{Session, text_at},
    ddl,
    load::MysqlLoader,
    sql::{self, Place},
    types::{NativeType, word_of},
};
use crate::{
    endpoint::{Collisions, Dry, DryLoader, LoadOptions, Result},
    model::{Column, ColumnType, Table},
};

/// The temporary table, which each connection has for itself.
const NAME: &str = "whimbrel_dry";

pub(super) async fn open(
    mut session: Session,
    table: &Table,
    dry: Dry,
    options: &LoadOptions,
    marks: Place,
) -> Result<DryLoader> {
    let context = format!("cannot make a temporary table to try the rows of '{}'", table.name);
    let (statement, facts) = match dry.exists {
        true => {
            let likeness = format!("CREATE TEMPORARY TABLE {} LIKE {}", sql::name(NAME), sql::name(&table.name));
            (likeness, catalog::facts(&mut session, &table.name).await?)
        }
        false => {
            let own = Table { name: NAME.to_owned(), checks: unnamed(table), ..table.clone() };
            let statement = ddl::create_statement(&own).replacen("CREATE TABLE", "CREATE TEMPORARY TABLE", 1);
            (statement, Facts { columns: Vec::new(), indexes: Vec::new() })
        }
    };
    session.execute(statement).await.map_err(|error| error.during(context.clone()))?;
    let facts = match dry.exists {
        true => facts,
        false => shown(&mut session, table).await.map_err(|error| error.during(context))?,
    };
    // Two rows of one key are a fault there, as they are within a chunk.
    let own = LoadOptions { update_by: Vec::new(), suspend_foreign_keys: false, ..options.clone() };
    let mut loader = MysqlLoader::open_with(session, NAME, facts, &own, marks).await?;
    let mut untold = Vec::new();
    if dry.exists && !dry.replaces {
        loader = loader.instead_of(&table.name);
        let parents: Vec<&str> = table.foreign_keys.iter().map(|key| key.table.as_str()).collect();
        if !parents.is_empty() {
            untold.push(format!("references of {} to {} were not tried", table.name, parents.join(", ")));
        }
    }
    Ok(DryLoader { loader: Box::new(loader), apart: true, untold })
}

/// Names of checks are the whole database's on MySQL, and these must not take any.
fn unnamed(table: &Table) -> Vec<crate::model::Check> {
    let mut checks = table.checks.clone();
    checks.iter_mut().for_each(|check| check.name = None);
    checks
}

/// What `information_schema` does not say of temporary tables, as far as writing to one takes it.
async fn shown(session: &mut Session, table: &Table) -> Result<Facts> {
    let rows = session.shown(format!("SHOW FULL COLUMNS FROM {}", sql::name(NAME))).await?;
    let mut columns = Vec::new();
    for row in &rows {
        let text = |index| text_at(row, index).unwrap_or_default();
        let (name, full) = (text(0), text(1));
        let ty = table.column(&name).map_or(ColumnType::TEXT, |column| column.ty.clone());
        let native = native(&full);
        let column = Column {
            native: full,
            nullable: text(3) == "YES",
            identity: text(6).contains("auto_increment"),
            generated: text(6).contains("GENERATED"),
            ..Column::new(name, ty)
        };
        let collation = text_at(row, 2).filter(|collation| collation != "NULL");
        let charset = collation.as_ref().and_then(|name| name.split('_').next()).map(str::to_owned);
        let fraction = native.length;
        columns.push(ColumnFacts { column, native, charset, collation, fraction });
    }
    Ok(Facts { columns, indexes: indexes(session).await? })
}

/// `decimal(10,2)`: its word, and the numbers in brackets in every way in which they are asked for.
fn native(full: &str) -> NativeType {
    let word = word_of(full).to_owned();
    let numbers = full.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inside, _)| inside);
    let mut numbers = numbers.split(',').map(|number| number.trim().parse::<u32>().ok());
    let (first, second) = (numbers.next().flatten(), numbers.next().flatten());
    NativeType {
        word,
        full: full.to_owned(),
        length: first,
        precision: first.and_then(|digits| digits.try_into().ok()),
        scale: second.and_then(|digits| digits.try_into().ok()),
        checked_json: false,
    }
}

async fn indexes(session: &mut Session) -> Result<Vec<Index>> {
    let mut indexes: Vec<Index> = Vec::new();
    for row in &session.shown(format!("SHOW INDEX FROM {}", sql::name(NAME))).await? {
        let text = |index| text_at(row, index).unwrap_or_default();
        let name = text(2);
        if indexes.last().is_none_or(|last| last.name != name) {
            let (unique, columns, parts, kind) = (text(1) == "0", Vec::new(), Vec::new(), text(10));
            let index = Index { name, unique, columns, whole: true, nullable: false, ordered: true, kind, parts };
            indexes.push(index);
        }
        if let Some(index) = indexes.last_mut() {
            index.whole &= text_at(row, 7).is_none();
            index.columns.push(text(4));
        }
    }
    Ok(indexes)
}

/// The rows that were tried and of which some unique key is in the table itself.
pub(super) async fn collisions(
    session: &mut Session,
    tried: &str,
    real: &str,
    indexes: &[Index],
) -> Result<Collisions> {
    let unique: Vec<&Index> = indexes.iter().filter(|index| index.unique && index.whole).collect();
    let is_there = |index: &&Index| {
        let same = |column: &String| format!("standing.{0} = coming.{0}", sql::name(column));
        let same: Vec<String> = index.columns.iter().map(same).collect();
        format!("EXISTS (SELECT 1 FROM {} AS standing WHERE {})", sql::name(real), same.join(" AND "))
    };
    if unique.is_empty() {
        return Ok(Collisions::default());
    }
    let any: Vec<String> = unique.iter().map(is_there).collect();
    let from = format!("FROM {} AS coming WHERE {}", sql::name(tried), any.join(" OR "));
    let rows = session.value(format!("SELECT CAST(COUNT(*) AS CHAR) {from}"), &[]).await?;
    let rows = rows.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut collisions = Collisions { rows, examples: Vec::new() };
    let Some(first) = unique.iter().find(|index| index.name == "PRIMARY").or(unique.first()).filter(|_| rows > 0)
    else {
        return Ok(collisions);
    };
    let cells: Vec<String> =
        first.columns.iter().map(|column| format!("CAST(coming.{} AS CHAR)", sql::name(column))).collect();
    let examples = format!("SELECT {} {from} LIMIT {}", cells.join(", "), Collisions::SHOWN);
    for row in session.rows(examples, &[]).await? {
        let cell = |(place, name): (usize, &String)| {
            format!("{name} = {}", text_at(&row, place).unwrap_or_else(|| "NULL".into()))
        };
        collisions.examples.push(first.columns.iter().enumerate().map(cell).collect::<Vec<_>>().join(", "));
    }
    Ok(collisions)
}
