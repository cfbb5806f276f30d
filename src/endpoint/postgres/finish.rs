//! What is left to do when all rows are in: indexes, foreign keys, sequences, statistics.
//!
//! May not touch a row. One idea: whatever turns out not to hold becomes a sentence for a human, and the rest goes on;
//! only a failure that says nothing about the data is an error. Doing it again changes nothing. What may be done side by
//! side is.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use sqlx::{Row as _, postgres::PgConnection};

use crate::{
    endpoint::{EndpointError, Result},
    model::{ForeignKey, Index, Table},
};

use super::{
    catalog,
    connect::Sessions,
    ddl::{self, NAMING},
    error::failure,
    sequences,
    sql::{self, TableName, ident, literal},
};

/// Sessions that finish at once; where it has cores to spare, the server has workers of its own for each.
const SIDE_BY_SIDE: usize = 4;

pub(super) async fn finish(
    sessions: &Sessions,
    schema: &str,
    created: &[Table],
    loaded: &[Table],
) -> Result<Vec<String>> {
    let by = Finisher { sessions, schema };
    let mut remarks = by.all(created.iter().cloned().map(Work::PrimaryKey).collect()).await?;
    let mut session = sessions.take().await?;
    let mut own = Finishing { connection: &mut session, schema, remarks: Vec::new() };
    let indexes = own.missing_indexes(created).await?;
    remarks.extend(by.all(indexes).await?);
    // Adding one locks two tables, so one comes after the other.
    let keys = own.add_foreign_keys(created).await?;
    remarks.append(&mut own.remarks);
    remarks.extend(by.all(keys).await?);
    let mut looked_over = Vec::with_capacity(loaded.len());
    for table in loaded {
        let was_created = created.iter().any(|other| other.name == table.name);
        let keys = table.foreign_keys.iter().filter(|key| !was_created && may_be_suspended(table, key, loaded));
        looked_over.push(Work::LookOver(table.clone(), keys.cloned().collect()));
    }
    remarks.extend(by.all(looked_over).await?);
    // Two tables may draw from one sequence, so here too one comes after the other.
    for table in loaded {
        let made = created.iter().find(|other| other.name == table.name).unwrap_or(table);
        remarks.extend(sequences::move_all(own.connection, schema, made).await?);
    }
    sessions.give_back(session);
    Ok(remarks)
}

/// What is done in a session of its own, beside others.
enum Work {
    PrimaryKey(Table),
    /// The index has the name that it is to get.
    Index(Table, Index),
    /// Keys that are there, with their names, and do not hold for certain yet.
    Validate(Table, Vec<(ForeignKey, String)>),
    /// Orphans of keys that were suspended, and statistics.
    LookOver(Table, Vec<ForeignKey>),
}

#[derive(Clone, Copy)]
struct Finisher<'f> {
    sessions: &'f Sessions,
    schema: &'f str,
}

impl Finisher<'_> {
    /// Does all of it, and each to its end, so that nothing is still being built when it is tried again. What there is to
    /// say comes in the order of the work.
    async fn all(self, works: Vec<Work>) -> Result<Vec<String>> {
        let all = stream::iter(works).map(|work| self.one(work)).buffered(SIDE_BY_SIDE);
        let done: Vec<Result<Vec<String>>> = all.collect().await;
        let remarks: Vec<Vec<String>> = done.into_iter().collect::<Result<_>>()?;
        Ok(remarks.concat())
    }

    async fn one(self, work: Work) -> Result<Vec<String>> {
        let mut session = self.sessions.take().await?;
        let mut finishing = Finishing { connection: &mut session, schema: self.schema, remarks: Vec::new() };
        finishing.perform(work).await?;
        let remarks = finishing.remarks;
        self.sessions.give_back(session);
        Ok(remarks)
    }
}

/// The table's foreign keys that do not hold.
pub(super) async fn orphans(connection: &mut PgConnection, schema: &str, table: &Table) -> Result<Vec<String>> {
    let mut finishing = Finishing { connection, schema, remarks: Vec::new() };
    for key in &table.foreign_keys {
        finishing.look_for_orphans(table, key).await?;
    }
    Ok(finishing.remarks)
}

/// Whether the key leads back to its own table, which is when it may not have been enforced while rows came in.
fn may_be_suspended(table: &Table, key: &ForeignKey, loaded: &[Table]) -> bool {
    let targets: BTreeMap<&str, Vec<&str>> = loaded
        .iter()
        .map(|table| (table.name.as_str(), table.foreign_keys.iter().map(|key| key.table.as_str()).collect()))
        .collect();
    let mut reached = vec![key.table.as_str()];
    let mut at = 0;
    while let Some(name) = reached.get(at).copied() {
        if name == table.name {
            return true;
        }
        for next in targets.get(name).into_iter().flatten() {
            if !reached.contains(next) {
                reached.push(next);
            }
        }
        at += 1;
    }
    false
}

struct Finishing<'c> {
    connection: &'c mut PgConnection,
    schema: &'c str,
    remarks: Vec<String>,
}

impl Finishing<'_> {
    fn quoted(&self, table: &str) -> String {
        TableName::parse(table, self.schema).quoted()
    }

    async fn perform(&mut self, work: Work) -> Result<()> {
        match work {
            Work::PrimaryKey(table) => self.add_primary_key(&table).await,
            Work::Index(table, index) => self.add_index(&table, &index).await,
            Work::Validate(table, keys) => {
                for (key, name) in keys {
                    self.validate(&table, &key, &name).await?;
                }
                Ok(())
            }
            Work::LookOver(table, suspended) => {
                for key in suspended {
                    self.look_for_orphans(&table, &key).await?;
                }
                self.analyze(&table).await
            }
        }
    }

    /// Runs a statement whose refusal says something about the data or the schema; `false` where it was refused.
    async fn attempt(&mut self, statement: &str, what: &str) -> Result<bool> {
        let Err(error) = sql::run(self.connection, statement).await else { return Ok(true) };
        self.remarks.push(remark(failure(error, what), "")?);
        Ok(false)
    }

    /// Builds the primary key of a table that was loaded without. Nothing else may go on without it.
    async fn add_primary_key(&mut self, table: &Table) -> Result<()> {
        let place = TableName::parse(&table.name, self.schema).quoted();
        let Some(statement) = ddl::late_key(table, &place) else { return Ok(()) };
        let failed = |error| failure(error, format!("cannot add the primary key of {}", table.name));
        let there = format!(
            "SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = {}::pg_catalog.regclass AND contype = 'p'",
            literal(&place)
        );
        if sql::first(self.connection, &there).await.map_err(failed)?.is_none() {
            sql::run(self.connection, &statement).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Indexes that are not there yet, each with a name that nobody else has: where its own was not free, only the table
    /// that has it tells which it got before.
    async fn missing_indexes(&mut self, tables: &[Table]) -> Result<Vec<Work>> {
        let mut known = BTreeMap::new();
        let mut missing = Vec::new();
        for table in tables {
            let place = TableName::parse(&table.name, self.schema);
            if !known.contains_key(&place.schema) {
                let failed = |error| failure(error, format!("cannot look for the indexes of {}", table.name));
                let relations = ddl::relations(self.connection, &place.schema).await.map_err(failed)?;
                known.insert(place.schema.clone(), relations);
            }
            let Some(relations) = known.get_mut(&place.schema) else { continue };
            for index in table.indexes.iter().filter(|index| !index.unique) {
                let is_ours = |name: &str| relations.get(name).is_some_and(|owner| owner.as_ref() == Some(&place.name));
                let is_siblings =
                    |name: &str| table.indexes.iter().any(|other| other.name == name && other.name != index.name);
                let is_taken = |name: &str| is_siblings(name) || relations.contains_key(name) && !is_ours(name);
                let name = NAMING.free(&index.name, is_taken);
                if !is_ours(&name) {
                    relations.insert(name.clone(), Some(place.name.clone()));
                    missing.push(Work::Index(table.clone(), Index { name, ..index.clone() }));
                }
            }
        }
        Ok(missing)
    }

    async fn add_index(&mut self, table: &Table, index: &Index) -> Result<()> {
        let statement = ddl::index_statement(index, &self.quoted(&table.name));
        if let Err(error) = sql::run(self.connection, &statement).await {
            let failure = failure(error, format!("the index {} of {} is left out", index.name, table.name));
            self.remarks.push(remark(failure, &format!(" To add it later: {statement}"))?);
        }
        Ok(())
    }

    /// Adds the keys that are missing, and gives back all that are there, still to be validated.
    async fn add_foreign_keys(&mut self, tables: &[Table]) -> Result<Vec<Work>> {
        let mut works = Vec::new();
        for table in tables {
            let mut there = Vec::with_capacity(table.foreign_keys.len());
            for key in &table.foreign_keys {
                there.extend(self.add_foreign_key(table, key).await?.map(|name| (key.clone(), name)));
            }
            if !there.is_empty() {
                works.push(Work::Validate(table.clone(), there));
            }
        }
        Ok(works)
    }

    /// The name that the key has in the table; `None` where it could not be added.
    async fn add_foreign_key(&mut self, table: &Table, key: &ForeignKey) -> Result<Option<String>> {
        let (name, there) = self.constraint(table, key).await?;
        if there {
            return Ok(Some(name));
        }
        let (child, reference) = (self.quoted(&table.name), ddl::reference(key, self.schema));
        let statement = format!("ALTER TABLE {child} ADD CONSTRAINT {} {reference} NOT VALID", ident(&name));
        let added = self.attempt(&statement, &format!("cannot add the foreign key {}", key.label(&table.name))).await?;
        Ok(added.then_some(name))
    }

    async fn validate(&mut self, table: &Table, key: &ForeignKey, name: &str) -> Result<()> {
        let statement = format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", self.quoted(&table.name), ident(name));
        let Err(error) = sql::run(self.connection, &statement).await else { return Ok(()) };
        let failure = failure(error, format!("cannot validate the foreign key {}", key.label(&table.name)));
        if failure.code.as_deref() == Some("23503") {
            return self.look_for_orphans(table, key).await;
        }
        self.remarks.push(remark(failure, "")?);
        Ok(())
    }

    /// The name of the same key where the table has it already, else one that is free.
    async fn constraint(&mut self, table: &Table, key: &ForeignKey) -> Result<(String, bool)> {
        let place = TableName::parse(&table.name, self.schema);
        let failed = |error| failure(error, format!("cannot look at the constraints of {}", table.name));
        let target = TableName::parse(&key.table, self.schema).display(self.schema);
        let same = |other: &ForeignKey| (&other.columns, &other.referenced) == (&key.columns, &key.referenced);
        let keys = catalog::foreign_keys(self.connection, &place, self.schema).await.map_err(failed)?;
        let found = keys.into_iter().find(|other| other.table == target && same(other));
        if let Some(name) = found.and_then(|key| key.name) {
            return Ok((name, true));
        }
        let taken = catalog::constraints(self.connection, &place).await.map_err(failed)?;
        Ok((free_name(table, key, self.schema, |name| taken.contains_key(name)), false))
    }

    /// Counts the rows that refer to none, and says so, with some of their keys, where there are some.
    async fn look_for_orphans(&mut self, table: &Table, key: &ForeignKey) -> Result<()> {
        let failed = |error| failure(error, format!("cannot look for orphans of {}", key.label(&table.name)));
        let row = sql::first(self.connection, &self.orphans(table, key)).await.map_err(failed)?;
        let row = row.ok_or(sqlx::Error::RowNotFound).map_err(failed)?;
        let orphans: i64 = row.try_get("orphans").map_err(failed)?;
        let some: Vec<String> = row.try_get("some").map_err(failed)?;
        if orphans > 0 {
            let rows = if orphans == 1 { "1 row refers".to_owned() } else { format!("{orphans} rows refer") };
            self.remarks.push(format!(
                "The foreign key {} does not hold: {rows} to no row of {} ({}{}); it is kept for new rows. Repair the rows, \
                 then run ALTER TABLE {} VALIDATE CONSTRAINT.",
                key.label(&table.name),
                key.table,
                some.join("; "),
                if orphans > some.len() as i64 { "; ..." } else { "" },
                self.quoted(&table.name)
            ));
        }
        Ok(())
    }

    /// How many rows refer to none, and the values by which the first few do. Under MATCH FULL no column may be NULL
    /// alone; else one NULL is enough to refer to nothing.
    fn orphans(&self, table: &Table, key: &ForeignKey) -> String {
        let side = |alias: &str, columns: &[String]| -> Vec<String> {
            columns.iter().map(|column| format!("{alias}.{}", ident(column))).collect()
        };
        let (own, other) = (side("c", &key.columns), side("p", &key.referenced));
        let filled: Vec<String> = own.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let equal: Vec<String> = own.iter().zip(&other).map(|(own, other)| format!("{own} = {other}")).collect();
        let texts: Vec<String> = key.columns.iter().zip(&own).map(|(name, own)| shown(name, own)).collect();
        format!(
            "WITH orphans AS (SELECT concat_ws(', ', {}) AS shown FROM {} c WHERE ({}) AND NOT EXISTS (SELECT 1 FROM {} p \
             WHERE {})) SELECT count(*) AS orphans, ARRAY (SELECT DISTINCT shown FROM orphans ORDER BY 1 LIMIT {SHOWN}) \
             AS some FROM orphans",
            texts.join(", "),
            self.quoted(&table.name),
            filled.join(if key.full { " OR " } else { " AND " }),
            self.quoted(&key.table),
            equal.join(" AND ")
        )
    }

    async fn analyze(&mut self, table: &Table) -> Result<()> {
        let statement = format!("ANALYZE {}", self.quoted(&table.name));
        self.attempt(&statement, &format!("cannot refresh the statistics of {}", table.name)).await.map(|_| ())
    }
}

/// What went wrong as a sentence, unless it says nothing about data or schema.
pub(super) fn remark(failure: EndpointError, remedy: &str) -> Result<String> {
    if failure.is_transient() {
        return Err(failure);
    }
    Ok(format!("{failure}.{remedy}"))
}

/// `column = value`, of a row that refers to none.
fn shown(name: &str, quoted: &str) -> String {
    format!("{} || coalesce(left({quoted}::text, 60), 'NULL')", literal(&format!("{name} = ")))
}

/// How many values of orphans are told.
const SHOWN: usize = 5;

/// The key's own name, else one as the server would make it; cut to what the server keeps, numbered where it is taken.
fn free_name(table: &Table, key: &ForeignKey, default_schema: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let wanted = key.name.clone().unwrap_or_else(|| {
        let place = TableName::parse(&table.name, default_schema);
        format!("{}_{}_fkey", place.name, key.columns.join("_"))
    });
    NAMING.free(&wanted, is_taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::postgres::sql::NAME_BYTES;

    fn table(name: &str, targets: &[&str]) -> Table {
        let key = |target: &&str| ForeignKey {
            name: None,
            columns: vec!["x".into()],
            table: (*target).into(),
            referenced: vec!["id".into()],
            ..ForeignKey::default()
        };
        Table { name: name.into(), foreign_keys: targets.iter().map(key).collect(), ..Table::default() }
    }

    #[test]
    fn only_keys_that_lead_back_may_have_been_suspended() {
        let loaded =
            [table("a", &["b", "d"]), table("b", &["c"]), table("c", &["a"]), table("d", &[]), table("e", &["e", "a"])];
        let suspended = |table: &Table| -> Vec<bool> {
            table.foreign_keys.iter().map(|key| may_be_suspended(table, key, &loaded)).collect()
        };
        assert_eq!(suspended(&loaded[0]), [true, false]);
        assert_eq!(suspended(&loaded[4]), [true, false]);
    }

    #[test]
    fn a_foreign_key_without_a_name_gets_one_that_the_server_keeps_whole() {
        let long = table(&"é".repeat(40), &["t"]);
        let name = free_name(&long, &long.foreign_keys[0], "public", |_| false);
        assert!(name.len() <= NAME_BYTES && name.len() > NAME_BYTES - 4, "{name}");
        let short = table("crm.orders", &["t"]);
        let name = |taken: &[&str]| free_name(&short, &short.foreign_keys[0], "public", |name| taken.contains(&name));
        assert_eq!(name(&[]), "orders_x_fkey");
        assert_eq!(name(&["orders_x_fkey", "orders_x_fkey1"]), "orders_x_fkey2");
    }
}
