//! What a table's definition holds beside its columns and keys, and what the file holds that is no table.
//!
//! May not write.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    sql::quoted,
    statement::{Clause, Statement},
    tongue::SqliteTongue,
};
use crate::{
    endpoint::formula,
    model::{Check, Column, Counter, Deferral, Generation, Index, IndexPart, Table, Thing},
};

/// Adds to a table what its statement and its indexes say beyond columns and keys.
pub(super) fn complete(connection: &Connection, table: &mut Table) -> rusqlite::Result<()> {
    let text: Option<String> = connection
        .query_row("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1", [&table.name], |row| row.get(0))
        .optional()?
        .flatten();
    for column in &mut table.columns {
        let formula = column.default.as_deref().and_then(|text| formula::default(&SqliteTongue, text, column));
        column.default_formula = formula;
    }
    let statement = Statement::of(text.as_deref().unwrap_or_default());
    let clauses = statement.clauses();
    describe_columns(table, &clauses);
    refer(table, &clauses);
    let columns = table.columns.clone();
    let check = |(name, text): (Option<String>, &str)| Check {
        name,
        condition: formula::expression(&SqliteTongue, text, &columns, None),
    };
    table.checks = clauses.iter().flat_map(Clause::checks).map(check).collect();
    table.indexes = indexes(connection, table)?;
    count(connection, table, &clauses)?;
    let options = statement.options();
    if !options.is_empty() {
        table.peculiar.push(format!("is {options}"));
    }
    if statement.clauses().iter().any(|clause| clause.has("CONFLICT")) {
        table.peculiar.push("says what happens on conflict (ON CONFLICT)".into());
    }
    Ok(())
}

fn describe_columns(table: &mut Table, clauses: &[Clause<'_>]) {
    let columns = table.columns.clone();
    for clause in clauses.iter().filter(|clause| !clause.is_constraint()) {
        let name = clause.name();
        let Some(column) = table.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&name)) else {
            continue;
        };
        column.folds_case = clause.collation().is_some_and(|collation| collation.eq_ignore_ascii_case("NOCASE"));
        column.collation = clause.collation().map(|collation| format!("COLLATE {}", quoted(&collation)));
        if let Some((text, stored)) = clause.generation().filter(|_| column.generated) {
            let others: Vec<Column> = columns.iter().filter(|other| other.name != column.name).cloned().collect();
            let expression = formula::expression(&SqliteTongue, text, &others, None);
            column.generation = Some(Generation { expression, stored });
            column.default = None;
        }
    }
}

/// Names and deferral of foreign keys, which come in the order in which the statement has them.
fn refer(table: &mut Table, clauses: &[Clause<'_>]) {
    let told = clauses.iter().flat_map(Clause::references);
    let told: Vec<_> = told.collect();
    if told.len() != table.foreign_keys.len() {
        return;
    }
    for (key, (name, deferred)) in table.foreign_keys.iter_mut().zip(told) {
        key.name = name;
        key.deferral = match deferred {
            None => Deferral::Never,
            Some(false) => Deferral::OnRequest,
            Some(true) => Deferral::Always,
        };
    }
}

fn count(connection: &Connection, table: &mut Table, clauses: &[Clause<'_>]) -> rusqlite::Result<()> {
    let Some(column) = table.columns.iter_mut().find(|column| column.identity) else { return Ok(()) };
    let counts = clauses.iter().any(|clause| clause.has("AUTOINCREMENT"));
    let options = if counts { "AUTOINCREMENT".to_owned() } else { String::new() };
    let next = if counts { last(connection, &table.name)?.map(|last| last.saturating_add(1)) } else { None };
    column.counter = Some(Counter { always: false, next, options });
    Ok(())
}

/// The greatest row id that the table has had.
pub(super) fn last(connection: &Connection, table: &str) -> rusqlite::Result<Option<i64>> {
    let there = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'";
    if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    connection.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [table], |row| row.get(0)).optional()
}

/// Indexes that were made as such, and those of unique constraints.
fn indexes(connection: &Connection, table: &Table) -> rusqlite::Result<Vec<Index>> {
    let mut list = connection.prepare(
        "SELECT l.name, l.\"unique\", l.origin, l.partial, s.sql FROM pragma_index_list(?1) AS l \
         LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name WHERE l.origin <> 'pk' ORDER BY l.seq DESC",
    )?;
    let listed = |row: &Row<'_>| {
        Ok(Listed {
            name: row.get(0)?,
            unique: row.get(1)?,
            constraint: row.get::<_, String>(2)? == "u",
            partial: row.get(3)?,
            sql: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
        })
    };
    let listed = list.query_map([&table.name], listed)?.collect::<rusqlite::Result<Vec<_>>>()?;
    listed.into_iter().map(|listed| index(connection, table, listed)).collect()
}

struct Listed {
    name: String,
    unique: bool,
    constraint: bool,
    partial: bool,
    sql: String,
}

struct Key {
    column: Option<String>,
    descending: bool,
    collation: String,
}

fn index(connection: &Connection, table: &Table, listed: Listed) -> rusqlite::Result<Index> {
    let mut statement = connection
        .prepare("SELECT name, \"desc\", coalesce(coll, '') FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno")?;
    let key = |row: &Row<'_>| Ok(Key { column: row.get(0)?, descending: row.get(1)?, collation: row.get(2)? });
    let keys = statement.query_map([&listed.name], key)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let special = match () {
        () if listed.partial => Some("is partial".to_owned()),
        () if keys.iter().any(|key| key.column.is_none()) => Some("is over an expression".to_owned()),
        () => keys.iter().find_map(|key| folding(table, key, listed.unique)),
    };
    let names: Vec<String> = keys.iter().filter_map(|key| key.column.clone()).collect();
    let text = match listed.constraint {
        true => format!("UNIQUE ({})", super::sql::quoted_list(&names)),
        false => Statement::of(&listed.sql).index_body().to_owned(),
    };
    let parts = keys.iter().filter_map(|key| Some((key.column.clone()?, key.descending)));
    let columns = match &special {
        Some(_) => formula::expression(&SqliteTongue, &text, &table.columns, None).columns,
        None => names.clone(),
    };
    Ok(Index {
        unique: listed.unique,
        constraint: listed.constraint,
        holds: true,
        columns,
        parts: match special {
            Some(_) => Vec::new(),
            None => parts.map(|(column, descending)| IndexPart { column, descending }).collect(),
        },
        special,
        text,
        deferral: Deferral::Never,
        // The names that SQLite gives may not be given by anybody else.
        name: match listed.constraint {
            true => format!("{}_{}_key", table.name, names.join("_")),
            false => listed.name,
        },
    })
}

/// A unique index that tells text apart in another way than its column does.
fn folding(table: &Table, key: &Key, unique: bool) -> Option<String> {
    let column = table.column(key.column.as_deref()?)?;
    let own =
        column.collation.as_deref().map_or("BINARY".into(), |words| words.replace("COLLATE ", "").replace('"', ""));
    let differs = unique && !key.collation.is_empty() && !own.eq_ignore_ascii_case(&key.collation);
    differs.then(|| format!("compares {} by {}", column.name, key.collation))
}

pub(super) fn things(connection: &Connection) -> rusqlite::Result<Vec<Thing>> {
    let sql = "SELECT CASE type WHEN 'view' THEN 'views' ELSE 'triggers' END, name, \
               CASE type WHEN 'trigger' THEN tbl_name END FROM sqlite_schema WHERE type IN ('view', 'trigger') \
               UNION ALL SELECT 'virtual tables', name, NULL FROM pragma_table_list \
               WHERE schema = 'main' AND type = 'virtual' ORDER BY 1, 2";
    let thing = |row: &Row<'_>| Ok(Thing { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)? });
    connection.prepare(sql)?.query_map([], thing)?.collect()
}
