//! What is left to do when all rows are in: foreign keys, sequences, statistics.
//!
//! May not touch a row. One idea: whatever turns out not to hold becomes a sentence for a human, and the rest goes on;
//! only a failure that says nothing about the data is an error. Doing it again changes nothing.

use std::collections::BTreeMap;

use sqlx::{Row as _, postgres::PgConnection};

use crate::{
    endpoint::{EndpointError, Result},
    model::{ForeignKey, Table},
};

use super::{
    catalog,
    error::failure,
    sql::{self, NAME_BYTES, TableName, ident, idents, literal},
};

pub(super) async fn finish(
    connection: &mut PgConnection,
    schema: &str,
    created: &[Table],
    loaded: &[Table],
) -> Result<Vec<String>> {
    let mut finishing = Finishing { connection, schema, remarks: Vec::new() };
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
        finishing.move_sequences(table).await?;
        finishing.analyze(table).await?;
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
        self.remark_or_fail(failure)?;
        Ok(false)
    }

    fn remark_or_fail(&mut self, failure: EndpointError) -> Result<()> {
        if failure.is_transient() {
            return Err(failure);
        }
        self.remarks.push(format!("{failure}."));
        Ok(())
    }

    async fn add_foreign_key(&mut self, table: &Table, key: &ForeignKey) -> Result<()> {
        let (child, label) = (self.quoted(&table.name), label(table, key));
        let (name, there) = self.constraint(table, key).await?;
        if !there {
            let statement = format!(
                "ALTER TABLE {child} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) NOT VALID",
                ident(&name),
                idents(&key.columns),
                self.quoted(&key.table),
                idents(&key.referenced)
            );
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
                    return self.remark_or_fail(failure);
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

    /// Counts the rows that refer to none, and says so where there are some.
    async fn look_for_orphans(&mut self, table: &Table, key: &ForeignKey) -> Result<()> {
        let side = |alias: &str, columns: &[String]| -> Vec<String> {
            columns.iter().map(|column| format!("{alias}.{}", ident(column))).collect()
        };
        let (own, other) = (side("c", &key.columns), side("p", &key.referenced));
        let filled: Vec<String> = own.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let equal: Vec<String> = own.iter().zip(&other).map(|(own, other)| format!("{own} = {other}")).collect();
        let statement = format!(
            "SELECT count(*) AS orphans FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
            self.quoted(&table.name),
            filled.join(" AND "),
            self.quoted(&key.table),
            equal.join(" AND ")
        );
        let failed = |error| failure(error, format!("cannot look for orphans of {}", label(table, key)));
        let row = sql::first(self.connection, &statement).await.map_err(failed)?;
        let orphans: i64 = row.ok_or(sqlx::Error::RowNotFound).and_then(|row| row.try_get(0)).map_err(failed)?;
        if orphans > 0 {
            let rows = if orphans == 1 { "1 row refers".to_owned() } else { format!("{orphans} rows refer") };
            self.remarks.push(format!(
                "The foreign key {} does not hold: {rows} to no row of {}; it is kept for new rows. Repair the rows, then \
                 run ALTER TABLE ... VALIDATE CONSTRAINT.",
                label(table, key),
                key.table
            ));
        }
        Ok(())
    }

    /// Moves every sequence that fills a column past the values that were loaded; never back.
    async fn move_sequences(&mut self, table: &Table) -> Result<()> {
        let place = TableName::parse(&table.name, self.schema);
        let failed = |error| failure(error, format!("cannot find the sequences of {}", table.name));
        let query = sqlx::query(SEQUENCES).bind(&place.schema).bind(&place.name);
        for row in query.fetch_all(&mut *self.connection).await.map_err(failed)? {
            let sequence = Sequence {
                column: row.try_get("column").map_err(failed)?,
                name: row.try_get("sequence").map_err(failed)?,
                rising: row.try_get("rising").map_err(failed)?,
            };
            let what = format!("cannot move the sequence of {}.{}", table.name, sequence.column);
            self.attempt(&sequence.statement(&place), &what).await?;
        }
        Ok(())
    }

    async fn analyze(&mut self, table: &Table) -> Result<()> {
        let statement = format!("ANALYZE {}", self.quoted(&table.name));
        self.attempt(&statement, &format!("cannot refresh the statistics of {}", table.name)).await.map(|_| ())
    }
}

/// Sequences that a column owns (identity, serial) or that its default draws from.
const SEQUENCES: &str = "
    SELECT DISTINCT a.attname::text AS column, format('%I.%I', sn.nspname, s.relname) AS sequence,
           q.seqincrement > 0 AS rising
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
}

impl Sequence {
    fn statement(&self, table: &TableName) -> String {
        let (extreme, beyond) = if self.rising { ("max", ">") } else { ("min", "<") };
        format!(
            "SELECT setval({}, m.value) FROM (SELECT {extreme}({})::bigint AS value FROM {}) m, {} s \
             WHERE m.value {beyond} s.last_value OR m.value = s.last_value AND NOT s.is_called",
            literal(&self.name),
            ident(&self.column),
            table.quoted(),
            self.name
        )
    }
}

/// `orders (customer_id) -> customers (id)`.
fn label(table: &Table, key: &ForeignKey) -> String {
    let (columns, referenced) = (key.columns.join(", "), key.referenced.join(", "));
    format!("{} ({columns}) -> {} ({referenced})", table.name, key.table)
}

/// The key's own name, else one as the server would make it; cut to what the server keeps, numbered where it is taken.
fn free_name(table: &Table, key: &ForeignKey, default_schema: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let wanted = key.name.clone().unwrap_or_else(|| {
        let place = TableName::parse(&table.name, default_schema);
        format!("{}_{}_fkey", place.name, key.columns.join("_"))
    });
    let numbered = |number: usize| {
        let tail = if number == 0 { String::new() } else { number.to_string() };
        let mut head = wanted.as_str();
        while head.len() + tail.len() > NAME_BYTES {
            head = head.char_indices().next_back().map_or("", |(end, _)| &head[..end]);
        }
        format!("{head}{tail}")
    };
    (0..).map(numbered).find(|name| !is_taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, targets: &[&str]) -> Table {
        let key = |target: &&str| ForeignKey {
            name: None,
            columns: vec!["x".into()],
            table: (*target).into(),
            referenced: vec!["id".into()],
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
