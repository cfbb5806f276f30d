//! What is left to do when all rows are in: indexes, foreign keys, sequences, statistics.
//!
//! May not touch a row. One idea: whatever turns out not to hold becomes a sentence for a human, and the rest goes on;
//! only a failure that says nothing about the data is an error. Doing it again changes nothing.

use std::collections::BTreeMap;

use sqlx::{
    Row as _,
    postgres::{PgConnection, PgRow},
};

use crate::{
    endpoint::{EndpointError, Result},
    model::{ForeignKey, Index, Table},
};

use super::{
    catalog,
    ddl::{self, NAMING},
    error::failure,
    sql::{self, TableName, ident, literal},
};

pub(super) async fn finish(
    connection: &mut PgConnection,
    schema: &str,
    created: &[Table],
    loaded: &[Table],
) -> Result<Vec<String>> {
    let mut finishing = Finishing { connection, schema, remarks: Vec::new() };
    for table in created {
        finishing.add_primary_key(table).await?;
    }
    for table in created {
        for index in table.indexes.iter().filter(|index| !index.unique) {
            finishing.add_index(table, index).await?;
        }
    }
    for table in created {
        for key in &table.foreign_keys {
            finishing.add_foreign_key(table, key).await?;
        }
    }
    for table in loaded {
        let was_created = created.iter().any(|other| other.name == table.name);
        for key in table.foreign_keys.iter().filter(|key| !was_created && may_be_suspended(table, key, loaded)) {
            finishing.look_for_orphans(table, key).await?;
        }
        finishing.move_sequences(created.iter().find(|other| other.name == table.name).unwrap_or(table)).await?;
        finishing.analyze(table).await?;
    }
    Ok(finishing.remarks)
}

/// The table's foreign keys that do not hold.
pub(super) async fn orphans(connection: &mut PgConnection, schema: &str, table: &Table) -> Result<Vec<String>> {
    let mut finishing = Finishing { connection, schema, remarks: Vec::new() };
    for key in &table.foreign_keys {
        finishing.look_for_orphans(table, key).await?;
    }
    Ok(finishing.remarks)
}

/// The table's sequences that would give a value that is there already.
pub(super) async fn counters_behind(connection: &mut PgConnection, schema: &str, table: &Table) -> Result<Vec<String>> {
    let mut finishing = Finishing { connection, schema, remarks: Vec::new() };
    let place = TableName::parse(&table.name, schema);
    for sequence in finishing.sequences(table, &place).await? {
        finishing.read_back(table, &place, &sequence).await?;
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

    /// Runs a statement whose refusal says something about the data or the schema; `false` where it was refused.
    async fn attempt(&mut self, statement: &str, what: &str) -> Result<bool> {
        let Err(error) = sql::run(self.connection, statement).await else { return Ok(true) };
        let failure = failure(error, what);
        self.remark_or_fail(failure, "")?;
        Ok(false)
    }

    fn remark_or_fail(&mut self, failure: EndpointError, remedy: &str) -> Result<()> {
        if failure.is_transient() {
            return Err(failure);
        }
        self.remarks.push(format!("{failure}.{remedy}"));
        Ok(())
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

    /// Builds an index unless it is there. Which name it got, if its own was not free, only the table that has it tells.
    async fn add_index(&mut self, table: &Table, index: &Index) -> Result<()> {
        let place = TableName::parse(&table.name, self.schema);
        let failed = |error| failure(error, format!("cannot look for the index {} of {}", index.name, table.name));
        let relations = ddl::relations(self.connection, &place.schema).await.map_err(failed)?;
        let is_ours = |name: &str| relations.get(name).is_some_and(|owner| owner.as_ref() == Some(&place.name));
        let is_siblings = |name: &str| table.indexes.iter().any(|other| other.name == name && other.name != index.name);
        let is_taken = |name: &str| is_siblings(name) || relations.contains_key(name) && !is_ours(name);
        let name = NAMING.free(&index.name, is_taken);
        if is_ours(&name) {
            return Ok(());
        }
        let named = Index { name, ..index.clone() };
        let statement = ddl::index_statement(&named, &place.quoted());
        if let Err(error) = sql::run(self.connection, &statement).await {
            let failure = failure(error, format!("the index {} of {} is left out", index.name, table.name));
            self.remark_or_fail(failure, &format!(" To add it later: {statement}"))?;
        }
        Ok(())
    }

    async fn add_foreign_key(&mut self, table: &Table, key: &ForeignKey) -> Result<()> {
        let (child, label) = (self.quoted(&table.name), key.label(&table.name));
        let (name, there) = self.constraint(table, key).await?;
        if !there {
            let reference = ddl::reference(key, self.schema);
            let statement = format!("ALTER TABLE {child} ADD CONSTRAINT {} {reference} NOT VALID", ident(&name));
            if !self.attempt(&statement, &format!("cannot add the foreign key {label}")).await? {
                return Ok(());
            }
        }
        let statement = format!("ALTER TABLE {child} VALIDATE CONSTRAINT {}", ident(&name));
        match sql::run(self.connection, &statement).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let failure = failure(error, format!("cannot validate the foreign key {label}"));
                if failure.code.as_deref() != Some("23503") {
                    return self.remark_or_fail(failure, "");
                }
                self.look_for_orphans(table, key).await
            }
        }
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

    /// Moves every sequence that fills a column past the values that were loaded, and past what the source's had given;
    /// never back. Then reads it again.
    async fn move_sequences(&mut self, table: &Table) -> Result<()> {
        let place = TableName::parse(&table.name, self.schema);
        for sequence in self.sequences(table, &place).await? {
            let what = format!("cannot move the sequence of {}.{}", table.name, sequence.column);
            if self.attempt(&sequence.statement(&place), &what).await? {
                self.read_back(table, &place, &sequence).await?;
            }
        }
        Ok(())
    }

    async fn sequences(&mut self, table: &Table, place: &TableName) -> Result<Vec<Sequence>> {
        let failed = |error| failure(error, format!("cannot find the sequences of {}", table.name));
        let query = sqlx::query(SEQUENCES).bind(&place.schema).bind(&place.name);
        let rows = query.fetch_all(&mut *self.connection).await.map_err(failed)?;
        let sequence = |row: &PgRow| -> sqlx::Result<Sequence> {
            let column: String = row.try_get("column")?;
            let step: i64 = row.try_get("step")?;
            let counter = table.column(&column).and_then(|column| column.counter.as_ref());
            Ok(Sequence {
                name: row.try_get("sequence")?,
                rising: row.try_get("rising")?,
                given: counter.and_then(|counter| counter.next).map(|next| next.saturating_sub(step)),
                column,
            })
        };
        rows.iter().map(sequence).collect::<sqlx::Result<_>>().map_err(failed)
    }

    /// A sequence that would still give a value that is there fails the first insert after the migration.
    async fn read_back(&mut self, table: &Table, place: &TableName, sequence: &Sequence) -> Result<()> {
        let failed = |error| failure(error, format!("cannot read the sequence of {}.{}", table.name, sequence.column));
        let row = sql::first(self.connection, &sequence.question(place)).await.map_err(failed)?;
        let row = row.ok_or(sqlx::Error::RowNotFound).map_err(failed)?;
        if !row.try_get::<bool, _>("beyond").map_err(failed)? {
            let (next, extreme): (i64, Option<i64>) =
                (row.try_get("next").map_err(failed)?, row.try_get("extreme").map_err(failed)?);
            self.remarks.push(format!(
                "The sequence {} would give {next} next, and {}.{} holds {} already: give it a START or MAXVALUE that fits, \
                 with ALTER SEQUENCE.",
                sequence.name,
                table.name,
                sequence.column,
                extreme.unwrap_or_default()
            ));
        }
        Ok(())
    }

    async fn analyze(&mut self, table: &Table) -> Result<()> {
        let statement = format!("ANALYZE {}", self.quoted(&table.name));
        self.attempt(&statement, &format!("cannot refresh the statistics of {}", table.name)).await.map(|_| ())
    }
}

/// Sequences that a column owns (identity, serial) or that its default draws from.
pub(super) const SEQUENCES: &str = "
    SELECT DISTINCT a.attname::text AS column, format('%I.%I', sn.nspname, s.relname) AS sequence,
           q.seqincrement > 0 AS rising, q.seqincrement AS step
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    JOIN pg_depend e
      ON (e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_class'::regclass
          AND e.refobjid = a.attrelid AND e.refobjsubid = a.attnum AND e.deptype IN ('a', 'i'))
      OR (e.classid = 'pg_attrdef'::regclass AND e.objid = d.oid AND e.refclassid = 'pg_class'::regclass)
    JOIN pg_class s ON s.relkind = 'S'
     AND s.oid = CASE WHEN e.classid = 'pg_class'::regclass THEN e.objid ELSE e.refobjid END
    JOIN pg_namespace sn ON sn.oid = s.relnamespace
    JOIN pg_sequence q ON q.seqrelid = s.oid
    WHERE a.attrelid = format('%I.%I', $1::text, $2::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped";

struct Sequence {
    column: String,
    /// Quoted, with its schema.
    name: String,
    rising: bool,
    /// The last value that the source's counter may have given.
    given: Option<i64>,
}

impl Sequence {
    /// The most extreme value of the column, as `m.value`; NULL where there is none.
    fn extreme(&self, table: &TableName, given: Option<i64>) -> String {
        let aggregate = if self.rising { "max" } else { "min" };
        let column = format!("{aggregate}({})::bigint", ident(&self.column));
        let value = match given.filter(|given| self.rising && *given > 0) {
            Some(given) => format!("greatest({column}, {given})"),
            None => column,
        };
        format!("(SELECT {value} AS value FROM {}) m", table.quoted())
    }

    fn statement(&self, table: &TableName) -> String {
        let beyond = if self.rising { ">" } else { "<" };
        format!(
            "SELECT setval({}, m.value) FROM {}, {} s \
             WHERE m.value {beyond} s.last_value OR m.value = s.last_value AND NOT s.is_called",
            literal(&self.name),
            self.extreme(table, self.given),
            self.name
        )
    }

    /// Whether the value that comes next lies beyond all that are there.
    fn question(&self, table: &TableName) -> String {
        let beyond = if self.rising { ">" } else { "<" };
        format!(
            "SELECT n.next, m.value AS extreme, coalesce(n.next {beyond} m.value, true) AS beyond FROM {}, \
             (SELECT CASE WHEN s.is_called THEN s.last_value + q.seqincrement ELSE s.last_value END AS next \
              FROM {} s, pg_sequence q WHERE q.seqrelid = {}::regclass) n",
            self.extreme(table, None),
            self.name,
            literal(&self.name)
        )
    }
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
