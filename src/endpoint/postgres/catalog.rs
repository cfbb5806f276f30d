//! What tables there are and what they are made of.
//!
//! May not write, and may not read rows except to count them. One idea: facts about a whole schema come in one query
//! each, so that listing thousands of tables costs one round trip.

use std::collections::BTreeMap;

use sqlx::{
    Row as _,
    postgres::{PgConnection, PgRow},
};

use crate::{
    endpoint::{EndpointError, ErrorKind, Mark, Result},
    model::{Action, Column, Count, Deferral, ForeignKey, Table, TableEntry},
};

use super::{
    definition,
    error::failure,
    long,
    sql::{self, TableName},
    types,
};

/// Ordinary and partitioned tables of all users' schemas, but not partitions. The estimate scales the density that the
/// statistics saw to the pages that there are now, as the server's own planner does.
const TABLES: &str = "
    SELECT n.nspname::text AS schema, c.relname::text AS name,
           CASE WHEN c.relkind = 'p' THEN p.rows
                WHEN c.reltuples < 0 OR (c.reltuples = 0 AND c.relpages = 0) THEN NULL
                WHEN c.relpages = 0 THEN c.reltuples::float8
                ELSE c.reltuples::float8 / c.relpages
                     * (pg_relation_size(c.oid) / current_setting('block_size')::int8)
           END AS rows,
           CASE WHEN c.relkind = 'p' THEN p.bytes ELSE pg_total_relation_size(c.oid) END AS bytes
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        WITH RECURSIVE part(oid) AS (
            SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = c.oid
            UNION ALL
            SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid)
        SELECT CASE WHEN min(l.reltuples) < 0 THEN NULL ELSE sum(l.reltuples)::float8 END AS rows,
               sum(pg_total_relation_size(l.oid))::int8 AS bytes
        FROM part JOIN pg_class l ON l.oid = part.oid AND l.relkind = 'r'
    ) p ON c.relkind = 'p'
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'";

const ONE_TABLE: &str = " AND n.nspname = $1 AND c.relname = $2";

/// Columns with the type that lies below a domain, however deep.
const COLUMNS: &str = "
    SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS native,
           base.typname::text AS base, base.modifier AS modifier, base.system AS system,
           NOT (a.attnotnull OR base.not_null) AS nullable,
           pg_get_expr(d.adbin, d.adrelid) AS default,
           a.attgenerated <> '' AS generated, a.attidentity <> '' AS identity,
           col_description(a.attrelid, a.attnum) AS comment,
           (SELECT format('COLLATE %I.%I', n.nspname, c.collname)
            FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace JOIN pg_type t ON t.oid = a.atttypid
            WHERE c.oid = a.attcollation AND c.oid <> t.typcollation) AS collation,
           ARRAY (SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = base.oid ORDER BY l.enumsortorder) AS labels
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    JOIN LATERAL (
        WITH RECURSIVE below(oid, modifier, not_null, depth) AS (
            SELECT a.atttypid, a.atttypmod, false, 0
            UNION ALL
            SELECT t.typbasetype, t.typtypmod, b.not_null OR t.typnotnull, b.depth + 1
            FROM below b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')
        SELECT t.oid, t.typname, b.modifier, b.not_null, t.typnamespace = 'pg_catalog'::regnamespace AS system
        FROM below b JOIN pg_type t ON t.oid = b.oid ORDER BY b.depth DESC LIMIT 1
    ) base ON true
    WHERE a.attrelid = format('%I.%I', $1::text, $2::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

/// Unique indexes that hold for all rows and name only columns, the primary key first.
const KEYS: &str = "
    SELECT i.indisprimary AS primary, i.indimmediate AS immediate,
           array_agg(a.attname::text ORDER BY k.place) AS columns,
           bool_and(a.attnotnull) AS filled
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE i.indrelid = format('%I.%I', $1::text, $2::text)::regclass AND i.indisunique AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
    GROUP BY i.indexrelid, i.indisprimary, i.indimmediate
    ORDER BY i.indisprimary DESC, i.indexrelid";

const FOREIGN_KEYS: &str = "
    SELECT c.conname::text AS name, rn.nspname::text AS schema, r.relname::text AS table,
           array_agg(a.attname::text ORDER BY k.place) AS columns,
           array_agg(ra.attname::text ORDER BY k.place) AS referenced,
           c.confdeltype::text AS on_delete, c.confupdtype::text AS on_update, c.condeferrable AS deferrable,
           c.condeferred AS deferred, c.confmatchtype = 'f' AS full
    FROM pg_constraint c
    JOIN pg_class r ON r.oid = c.confrelid
    JOIN pg_namespace rn ON rn.oid = r.relnamespace
    CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(number, other, place)
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
    JOIN pg_attribute ra ON ra.attrelid = c.confrelid AND ra.attnum = k.other
    WHERE c.conrelid = format('%I.%I', $1::text, $2::text)::regclass AND c.contype = 'f'
      AND c.conparentid = 0
    GROUP BY c.oid, c.conname, rn.nspname, r.relname
    ORDER BY c.conname";

/// Constraints and unique indexes by name, with the columns they are about.
const CONSTRAINTS: &str = "
    SELECT c.conname::text AS name, array_agg(a.attname::text) AS columns
    FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    WHERE c.conrelid = format('%I.%I', $1::text, $2::text)::regclass GROUP BY c.oid, c.conname
    UNION
    SELECT x.relname::text, array_agg(a.attname::text)
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
    WHERE i.indrelid = format('%I.%I', $1::text, $2::text)::regclass AND i.indisunique GROUP BY x.oid, x.relname";

pub(super) async fn tables(connection: &mut PgConnection, schema: &str) -> Result<Vec<TableEntry>> {
    let failed = |error| failure(error, "cannot list the tables");
    let rows = sqlx::query(TABLES).fetch_all(connection).await.map_err(failed)?;
    let mut entries = rows.iter().map(|row| entry(row, schema)).collect::<sqlx::Result<Vec<_>>>().map_err(failed)?;
    entries.retain(|entry| entry.name != Mark::TABLE);
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn entry(row: &PgRow, default_schema: &str) -> sqlx::Result<TableEntry> {
    let name = TableName::new(row.try_get::<String, _>("schema")?, row.try_get::<String, _>("name")?);
    let rows =
        row.try_get::<Option<f64>, _>("rows")?.map_or(Count::Unknown, |rows| Count::Estimate(rows.round() as u64));
    let bytes = row.try_get::<Option<i64>, _>("bytes")?.and_then(|bytes| u64::try_from(bytes).ok());
    Ok(TableEntry { name: name.display(default_schema), rows, bytes })
}

pub(super) async fn describe(connection: &mut PgConnection, name: &TableName, schema: &str) -> Result<Table> {
    let context = || format!("cannot describe {}", name.display(schema));
    let failed = |error| failure(error, context());
    let found = sql::query(format!("{TABLES}{ONE_TABLE}"))
        .bind(&name.schema)
        .bind(&name.name)
        .fetch_optional(&mut *connection)
        .await;
    let Some(row) = found.map_err(failed)? else {
        let message = format!("there is no table '{}' in schema '{}'", name.name, name.schema);
        return Err(EndpointError::new(ErrorKind::NoTable, context(), message));
    };
    let entry = entry(&row, schema).map_err(failed)?;
    let columns = fetch(connection, COLUMNS, name, column).await.map_err(failed)?;
    let keys = fetch(connection, KEYS, name, key).await.map_err(failed)?;
    let foreign_keys = foreign_keys(connection, name, schema).await.map_err(failed)?;
    let key_is_index = !keys.iter().any(|key| key.primary);
    let (key, unique) = choose_key(keys);
    let (rows, bytes) = (entry.rows, entry.bytes);
    let mut table =
        Table { name: entry.name, columns, key, key_is_index, unique, foreign_keys, rows, bytes, ..Table::default() };
    definition::complete(connection, name, &mut table).await.map_err(failed)?;
    Ok(table)
}

/// The rows of one of this page's queries on a table.
pub(super) async fn fetch<T>(
    connection: &mut PgConnection,
    query: &'static str,
    name: &TableName,
    read: impl Fn(&PgRow) -> sqlx::Result<T>,
) -> sqlx::Result<Vec<T>> {
    let rows = sqlx::query(query).bind(&name.schema).bind(&name.name).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

fn column(row: &PgRow) -> sqlx::Result<Column> {
    let native: String = row.try_get("native")?;
    let base: String = row.try_get("base")?;
    let default: Option<String> = row.try_get("default")?;
    let serial = default.as_deref().is_some_and(|default| default.starts_with("nextval("));
    let ty = match row.try_get("system")? {
        true => types::describe_type(&base, row.try_get("modifier")?, &native),
        false => crate::model::ColumnType::Other(native.clone()),
    };
    Ok(Column {
        native,
        nullable: row.try_get("nullable")?,
        generated: row.try_get("generated")?,
        identity: row.try_get::<bool, _>("identity")? || serial,
        default,
        collation: row.try_get("collation")?,
        rewrites: base == "jsonb",
        labels: row.try_get("labels")?,
        comment: row.try_get("comment")?,
        ..Column::new(row.try_get::<String, _>("name")?, ty)
    })
}

struct Key {
    columns: Vec<String>,
    primary: bool,
    filled: bool,
}

fn key(row: &PgRow) -> sqlx::Result<Key> {
    Ok(Key { columns: row.try_get("columns")?, primary: row.try_get("primary")?, filled: row.try_get("filled")? })
}

/// The key that orders the table, and the other unique ones.
fn choose_key(keys: Vec<Key>) -> (Vec<String>, Vec<Vec<String>>) {
    let chosen = keys.iter().position(|key| key.primary).or_else(|| keys.iter().position(|key| key.filled));
    let mut columns: Vec<Vec<String>> = keys.into_iter().map(|key| key.columns).collect();
    let key = chosen.map(|place| columns.remove(place)).unwrap_or_default();
    (key, columns)
}

pub(super) async fn foreign_keys(
    connection: &mut PgConnection,
    name: &TableName,
    schema: &str,
) -> sqlx::Result<Vec<ForeignKey>> {
    fetch(connection, FOREIGN_KEYS, name, |row| foreign_key(row, schema)).await
}

fn foreign_key(row: &PgRow, default_schema: &str) -> sqlx::Result<ForeignKey> {
    let table = TableName::new(row.try_get::<String, _>("schema")?, row.try_get::<String, _>("table")?);
    Ok(ForeignKey {
        name: Some(row.try_get("name")?),
        columns: row.try_get("columns")?,
        table: table.display(default_schema),
        referenced: row.try_get("referenced")?,
        on_delete: action(&row.try_get::<String, _>("on_delete")?),
        on_update: action(&row.try_get::<String, _>("on_update")?),
        deferral: match (row.try_get("deferrable")?, row.try_get("deferred")?) {
            (false, _) => Deferral::Never,
            (true, false) => Deferral::OnRequest,
            (true, true) => Deferral::Always,
        },
        full: row.try_get("full")?,
    })
}

fn action(letter: &str) -> Action {
    match letter {
        "r" => Action::Restrict,
        "c" => Action::Cascade,
        "n" => Action::SetNull,
        "d" => Action::SetDefault,
        _ => Action::NoAction,
    }
}

/// Other tables whose foreign keys refer to the table, partitions left out; none to one that is not there.
const REFERRERS: &str = "
    SELECT DISTINCT n.nspname::text AS schema, c.relname::text AS name
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = to_regclass(format('%I.%I', $1::text, $2::text))
      AND k.conrelid <> k.confrelid
    ORDER BY 1, 2";

pub(super) async fn referrers(
    connection: &mut PgConnection,
    name: &TableName,
    schema: &str,
) -> sqlx::Result<Vec<String>> {
    let display = |row: &PgRow| {
        let name = TableName::new(row.try_get::<String, _>("schema")?, row.try_get::<String, _>("name")?);
        Ok(name.display(schema))
    };
    fetch(connection, REFERRERS, name, display).await
}

/// Checks that are about written columns only and can be asked of a row alone, by name and as the server writes them.
const CHECKS: &str = "
    SELECT c.conname::text AS name, pg_get_constraintdef(c.oid) AS definition,
           array(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
    FROM pg_constraint c
    WHERE c.contype = 'c' AND c.conrelid = format('%I.%I', $1::text, $2::text)::regclass ORDER BY 1";

/// The checks of a table: name, definition, columns.
pub(super) async fn checks(
    connection: &mut PgConnection,
    name: &TableName,
) -> sqlx::Result<Vec<(String, String, Vec<String>)>> {
    let read = |row: &PgRow| Ok((row.try_get("name")?, row.try_get("definition")?, row.try_get("columns")?));
    fetch(connection, CHECKS, name, read).await
}

/// The same checks, each as a condition.
const CONDITIONS: &str = "
    SELECT pg_get_expr(c.conbin, c.conrelid) AS condition,
           array(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
    FROM pg_constraint c
    WHERE c.contype = 'c' AND c.conrelid = format('%I.%I', $1::text, $2::text)::regclass ORDER BY c.conname";

/// The conditions that a table checks, each with its columns.
pub(super) async fn conditions(
    connection: &mut PgConnection,
    name: &TableName,
) -> sqlx::Result<Vec<(String, Vec<String>)>> {
    let read = |row: &PgRow| Ok((row.try_get("condition")?, row.try_get("columns")?));
    fetch(connection, CONDITIONS, name, read).await
}

/// Unique indexes over whole columns of all rows.
const UNIQUE: &str = "
    SELECT array(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                 WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS columns
    FROM pg_index i
    WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND i.indrelid = format('%I.%I', $1::text, $2::text)::regclass ORDER BY i.indexrelid";

/// The columns of each unique index that concerns every row.
pub(super) async fn unique_columns(connection: &mut PgConnection, name: &TableName) -> sqlx::Result<Vec<Vec<String>>> {
    fetch(connection, UNIQUE, name, |row| row.try_get("columns")).await
}

const TRIGGERED: &str = "
    SELECT EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal
                   AND tgrelid = format('%I.%I', $1::text, $2::text)::regclass) AS triggered";

/// Whether triggers of its users could leave rows out.
pub(super) async fn is_triggered(connection: &mut PgConnection, name: &TableName) -> sqlx::Result<bool> {
    let read = |row: &PgRow| row.try_get("triggered");
    fetch(connection, TRIGGERED, name, read).await?.pop().ok_or(sqlx::Error::RowNotFound)
}

const REWRITTEN: &str = "
    SELECT relhasrules OR relkind NOT IN ('r', 'p') AS rewritten FROM pg_class
    WHERE oid = format('%I.%I', $1::text, $2::text)::regclass";

/// Whether an INSERT into it could do something else than put a row there.
pub(super) async fn is_rewritten(connection: &mut PgConnection, name: &TableName) -> sqlx::Result<bool> {
    let read = |row: &PgRow| row.try_get("rewritten");
    fetch(connection, REWRITTEN, name, read).await?.pop().ok_or(sqlx::Error::RowNotFound)
}

/// For each constraint and unique index of the table, its columns.
pub(super) async fn constraints(
    connection: &mut PgConnection,
    name: &TableName,
) -> sqlx::Result<BTreeMap<String, Vec<String>>> {
    let pair = |row: &PgRow| Ok((row.try_get("name")?, row.try_get("columns")?));
    Ok(fetch(connection, CONSTRAINTS, name, pair).await?.into_iter().collect())
}

pub(super) async fn count(connection: &mut PgConnection, name: &TableName) -> sqlx::Result<u64> {
    let kind = layout(connection, name).await?;
    let statement = format!("SELECT count(*) AS rows FROM {}", kind.scanned(name));
    let row = sql::rows(connection, &statement).await?;
    let rows: i64 = row.first().ok_or(sqlx::Error::RowNotFound)?.try_get("rows")?;
    Ok(rows.unsigned_abs())
}

/// How a table lies on disk, as far as reading it depends on that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Layout {
    /// Rows lie in the table's own pages and not in partitions.
    pub(super) plain: bool,
    pub(super) pages: u64,
    /// As the statistics have it; a guess where there are none.
    pub(super) rows_per_page: f64,
    /// What lies beside its pages is enough for a value that [`super::long`] reads in pieces.
    pub(super) long: bool,
}

impl Layout {
    /// The table in a `FROM`: an ordinary table's own rows, and not again those of tables that inherit from it.
    pub(super) fn scanned(&self, name: &TableName) -> String {
        if self.plain { format!("ONLY {}", name.quoted()) } else { name.quoted() }
    }
}

const LAYOUT: &str = "
    SELECT c.relkind = 'r' AS plain, coalesce(pg_relation_size(c.oid), 0)
           / current_setting('block_size')::int8 AS pages,
           CASE WHEN c.relpages > 0 AND c.reltuples > 0 THEN c.reltuples::float8 / c.relpages ELSE 80 END AS density,
           (WITH RECURSIVE part(oid) AS (
                SELECT c.oid
                UNION
                SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.oid)
            SELECT max(pg_relation_size(l.reltoastrelid)) FROM part JOIN pg_class l ON l.oid = part.oid
            WHERE l.reltoastrelid <> 0) AS beside
    FROM pg_class c WHERE c.oid = format('%I.%I', $1::text, $2::text)::regclass";

pub(super) async fn layout(connection: &mut PgConnection, name: &TableName) -> sqlx::Result<Layout> {
    let read = |row: &PgRow| {
        Ok(Layout {
            plain: row.try_get("plain")?,
            pages: row.try_get::<i64, _>("pages")?.unsigned_abs(),
            rows_per_page: row.try_get("density")?,
            long: row.try_get::<Option<i64>, _>("beside")?.unwrap_or(0).unsigned_abs() >= long::LEAST_ON_DISK,
        })
    };
    fetch(connection, LAYOUT, name, read).await?.pop().ok_or(sqlx::Error::RowNotFound)
}
