//! Rows tried in a transaction that is rolled back.
//!
//! One idea: statements that make a table are as good as rolled back here, so that a table that is not there yet is made in
//! the transaction, and one that the run would empty is tried in an empty likeness, since emptying it would lock it.

use crate::{
    endpoint::{Dry, DryLoader, LoadOptions, Result},
    model::Table,
};

use super::{
    PostgresLoader, ddl,
    load::Place,
    sql::{TableName, ident},
};

/// The likeness of a table, which each connection has for itself.
const LIKENESS: &str = "whimbrel_dry";

pub(super) async fn open(place: Place, table: &Table, dry: Dry, options: &LoadOptions) -> Result<DryLoader> {
    let name = TableName::parse(&table.name, &place.schema);
    if dry.exists && !dry.replaces {
        let loader = Box::new(PostgresLoader::open(place, table, options).await?);
        let mut untold = left_behind(table, options);
        if !options.update_by.is_empty() {
            untold.push(format!("rows of {} that would be changed were locked meanwhile", table.name));
        }
        return Ok(DryLoader { loader, apart: false, untold });
    }
    // Two rows of one key are a fault there, as they are within a chunk.
    let own = LoadOptions { update_by: Vec::new(), suspend_foreign_keys: false, ..options.clone() };
    let (name, makes) = match dry.exists {
        true => (TableName::new("pg_temp", LIKENESS), likeness(&name)),
        false => {
            let mut session = place.sessions.take().await?;
            let makes = ddl::settled_statements(&mut session, table, &place.schema).await?;
            place.sessions.give_back(session);
            (name, makes)
        }
    };
    let loader = Box::new(PostgresLoader::open_at(place, name, table, &own, Some(makes)).await?);
    Ok(DryLoader { loader, apart: true, untold: if dry.exists { left_behind(table, options) } else { Vec::new() } })
}

fn likeness(name: &TableName) -> String {
    format!("CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING ALL)", ident(LIKENESS), name.quoted())
}

/// What a transaction that is rolled back does not take back.
fn left_behind(table: &Table, options: &LoadOptions) -> Vec<String> {
    let draws = |column: &&crate::model::Column| {
        let by_nextval = column.identity || column.default.as_ref().is_some_and(|default| default.contains("nextval("));
        by_nextval && !options.columns.contains(&column.name)
    };
    let drawn: Vec<&str> = table.columns.iter().filter(draws).map(|column| column.name.as_str()).collect();
    (!drawn.is_empty())
        .then(|| {
            let (name, drawn) = (&table.name, drawn.join(", "));
            format!("the counter of {name} ({drawn}) may have moved on: PostgreSQL gives a number once, whatever becomes of it")
        })
        .into_iter()
        .collect()
}
