//! What a table's definition holds beside its columns and keys: checks, indexes, counters, types, peculiarities.
//!
//! May not write. One idea: the server prints every definition in a form that it reads back to the same, and such words
//! are taken as they are; only what speaks of functions of the database's own holds nowhere else.

use sqlx::{
    Row as _,
    postgres::{PgConnection, PgRow},
};

use crate::{
    endpoint::formula::expression,
    model::{Check, Column, Counter, Deferral, Generation, Index, IndexPart, OwnType, Table, Thing},
};

use super::{
    catalog::fetch,
    sql::{TableName, literal},
    tongue::PostgresTongue,
};

/// What there is to know of a type, whichever way it was found.
macro_rules! type_facts {
    () => {
        "SELECT format_type(t.oid, NULL) AS name, t.typtype::text AS kind,
            (SELECT e.extname::text FROM pg_depend x JOIN pg_extension e ON e.oid = x.refobjid
             WHERE x.classid = 'pg_type'::regclass AND x.objid = t.oid AND x.deptype = 'e') AS extension,
            ARRAY (SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
            (SELECT r.relkind = 'c' FROM pg_class r WHERE r.oid = t.typrelid) AS free,
            format_type(t.typbasetype, t.typtypmod) AS base, t.typnotnull AS filled, t.typdefault AS default,
            ARRAY (SELECT format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)) FROM pg_constraint k
                   WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname) AS checks,
            ARRAY (SELECT format('%I %s', f.attname, format_type(f.atttypid, f.atttypmod)) FROM pg_attribute f
                   WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped
                   ORDER BY f.attnum) AS fields"
    };
}

/// Functions of the database's own that an object speaks of.
macro_rules! own_functions {
    ($class:literal, $object:literal) => {
        concat!(
            "(SELECT string_agg(DISTINCT p.oid::regprocedure::text, ', ') FROM pg_depend u \
             JOIN pg_proc p ON p.oid = u.refobjid AND u.refclassid = 'pg_proc'::regclass \
             WHERE u.classid = '",
            $class,
            "'::regclass AND u.objid = ",
            $object,
            " AND p.pronamespace <> 'pg_catalog'::regnamespace)"
        )
    };
}

const CHECKS: &str = concat!(
    "SELECT c.conname::text AS name, pg_get_expr(c.conbin, c.conrelid) AS text, c.convalidated AS valid, ",
    own_functions!("pg_constraint", "c.oid"),
    " AS functions,
      (SELECT array_agg(a.attname::text) FROM pg_attribute a
       WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
    FROM pg_constraint c
    WHERE c.conrelid = format('%I.%I', $1::text, $2::text)::regclass AND c.contype = 'c' ORDER BY c.conname"
);

/// All but the primary key's; an index's text begins behind its table's name.
const INDEXES: &str = concat!(
    "SELECT x.relname::text AS name, c.condeferrable AS deferrable, c.condeferred AS deferred, i.indisunique AS unique, c.contype::text AS kind, m.amname::text AS method,
           CASE WHEN c.oid IS NOT NULL THEN pg_get_constraintdef(c.oid)
                ELSE substr(d.text, strpos(d.text, ' USING ' || quote_ident(m.amname) || ' (') + 1) END AS text,
           i.indpred IS NOT NULL AS partial, i.indexprs IS NOT NULL AS computed,
           EXISTS (SELECT FROM unnest(i.indclass) k(class) JOIN pg_opclass o ON o.oid = k.class
                   WHERE NOT o.opcdefault) AS special, ",
    own_functions!("pg_class", "i.indexrelid"),
    " AS functions,
           ARRAY (SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
                  LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number > 0
                  WHERE k.place <= i.indnkeyatts ORDER BY k.place) AS parts,
           ARRAY (SELECT (k.bits & 1)::int4 FROM unnest(i.indoption::int2[]) WITH ORDINALITY AS k(bits, place)
                  ORDER BY k.place) AS falling,
           ARRAY (SELECT a.attname::text FROM pg_attribute a
                  WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey::int2[])
                     OR EXISTS (SELECT FROM pg_depend u WHERE u.classid = 'pg_class'::regclass
                                AND u.objid = i.indexrelid AND u.refobjid = i.indrelid AND u.refobjsubid = a.attnum))
                 ) AS columns
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam
    CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.indexrelid) AS text) d
    LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('u', 'x')
    WHERE i.indrelid = format('%I.%I', $1::text, $2::text)::regclass AND NOT i.indisprimary AND i.indisvalid
    ORDER BY x.relname"
);

/// Columns that are computed, or whose default speaks of functions of the database's own.
const EXPRESSIONS: &str = concat!(
    "SELECT a.attname::text AS name, a.attgenerated::text AS generated, pg_get_expr(d.adbin, d.adrelid) AS text, ",
    own_functions!("pg_attrdef", "d.oid"),
    " AS functions,
           ARRAY (SELECT b.attname::text FROM pg_attribute b JOIN pg_depend u ON u.refobjsubid = b.attnum
                  WHERE b.attrelid = d.adrelid AND u.refobjid = d.adrelid AND u.refclassid = 'pg_class'::regclass
                    AND b.attnum <> d.adnum AND (u.classid = 'pg_attrdef'::regclass AND u.objid = d.oid
                      OR u.classid = 'pg_class'::regclass AND u.objid = d.adrelid AND u.objsubid = d.adnum)) AS columns
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE d.adrelid = format('%I.%I', $1::text, $2::text)::regclass"
);

/// The sequences that columns own. Which value comes next only those may know who may read the sequence.
const COUNTERS: &str = "
    SELECT a.attname::text AS name, a.attidentity = 'a' AS always, q.seqstart AS start, q.seqincrement AS step,
           q.seqmin AS least, q.seqmax AS most, q.seqcache AS cached, q.seqcycle AS cycle,
           CASE WHEN has_sequence_privilege(s.oid, 'SELECT') THEN pg_sequence_last_value(s.oid) END AS last
    FROM pg_depend e
    JOIN pg_class s ON s.oid = e.objid AND s.relkind = 'S'
    JOIN pg_sequence q ON q.seqrelid = s.oid
    JOIN pg_attribute a ON a.attrelid = e.refobjid AND a.attnum = e.refobjsubid
    WHERE e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_class'::regclass AND e.deptype IN ('a', 'i')
      AND e.refobjid = format('%I.%I', $1::text, $2::text)::regclass";

const PECULIAR: &str = "
    SELECT obj_description(c.oid, 'pg_class') AS comment,
           CASE WHEN c.relkind = 'p' THEN format('is partitioned by %s; one plain table is made of all its partitions',
                                                 pg_get_partkeydef(c.oid)) END AS partitioned,
           (SELECT 'inherits from ' || string_agg(i.inhparent::regclass::text, ', ') || '; a table of its own is made'
            FROM pg_inherits i WHERE i.inhrelid = c.oid) AS inherits,
           (SELECT 'has rules: ' || string_agg(r.rulename, ', ') FROM pg_rewrite r WHERE r.ev_class = c.oid) AS rules,
           (SELECT 'has row security policies: ' || string_agg(p.polname, ', ') FROM pg_policy p
            WHERE p.polrelid = c.oid) AS policies,
           (SELECT 'has extended statistics: ' || string_agg(t.stxname, ', ') FROM pg_statistic_ext t
            WHERE t.stxrelid = c.oid) AS statistics,
           CASE WHEN c.relpersistence = 'u' THEN 'is unlogged' END AS unlogged
    FROM pg_class c WHERE c.oid = format('%I.%I', $1::text, $2::text)::regclass";

/// Types of the database's own that the table's columns are of, those that others need first. The server's own types have
/// numbers below 16384 (FirstNormalObjectId); a table that has no other costs no look at the types, of which every table is one.
const TYPES: &str = concat!(
    "WITH RECURSIVE used(oid, depth) AS (
        SELECT a.atttypid, 0 FROM pg_attribute a
        WHERE a.attrelid = format('%I.%I', $1::text, $2::text)::regclass AND a.attnum > 0 AND NOT a.attisdropped
          AND a.atttypid >= 16384
        UNION
        SELECT b.oid, u.depth + 1 FROM used u JOIN pg_type t ON t.oid = u.oid CROSS JOIN LATERAL (
            SELECT t.typelem AS oid WHERE t.typelem <> 0 AND t.typcategory = 'A'
            UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
            UNION ALL SELECT f.atttypid FROM pg_attribute f
                      WHERE t.typtype = 'c' AND f.attrelid = t.typrelid AND f.attnum > 0 AND NOT f.attisdropped) b)
    ",
    type_facts!(),
    " FROM (SELECT oid, max(depth) AS depth FROM used GROUP BY oid) u JOIN pg_type t ON t.oid = u.oid
     JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT (t.typtype = 'b' AND t.typcategory = 'A')
     ORDER BY u.depth DESC, t.typname"
);

pub(super) const ONE_TYPE: &str = concat!(
    type_facts!(),
    " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = to_regtype($1)"
);

/// Adds to a table what its catalog says beyond columns and keys.
pub(super) async fn complete(connection: &mut PgConnection, name: &TableName, table: &mut Table) -> sqlx::Result<()> {
    let columns = table.columns.clone();
    for found in fetch(connection, EXPRESSIONS, name, expression_row).await? {
        compute(table, &columns, found);
    }
    for (column, counter) in fetch(connection, COUNTERS, name, counter).await? {
        if let Some(column) = table.columns.iter_mut().find(|other| other.name == column) {
            column.counter = Some(counter);
        }
    }
    read_defaults(table);
    for (check, valid) in
        fetch(connection, CHECKS, name, |row| Ok((check(row, &columns)?, row.try_get("valid")?))).await?
    {
        match valid {
            true => table.checks.push(check),
            // Rows that it would refuse may be there.
            false => table.peculiar.push(format!("has a check that is NOT VALID there ({})", check.condition.text)),
        }
    }
    table.indexes = fetch(connection, INDEXES, name, index).await?;
    table.types = fetch(connection, TYPES, name, own_type).await?;
    let (comment, peculiar) = fetch(connection, PECULIAR, name, peculiar).await?.pop().unwrap_or_default();
    table.comment = comment;
    table.peculiar.extend(peculiar);
    Ok(())
}

struct Found {
    name: String,
    generated: String,
    text: String,
    functions: Option<String>,
    columns: Vec<String>,
}

fn expression_row(row: &PgRow) -> sqlx::Result<Found> {
    Ok(Found {
        name: row.try_get("name")?,
        generated: row.try_get("generated")?,
        text: row.try_get("text")?,
        functions: row.try_get("functions")?,
        columns: row.try_get("columns")?,
    })
}

/// What a column is computed by; a default that calls functions of the database's own is none elsewhere.
fn compute(table: &mut Table, columns: &[Column], found: Found) {
    let Some(column) = table.columns.iter_mut().find(|column| column.name == found.name) else { return };
    if found.generated.is_empty() {
        if let Some(functions) = found.functions {
            column.default = None;
            table.peculiar.push(format!("has the default {} on {}, which calls {functions}", found.text, found.name));
        }
        return;
    }
    let mut expression = expression(&PostgresTongue, &found.text, columns, Some(found.columns));
    expression.holds = found.functions.is_none();
    column.default = None;
    column.generation = Some(Generation { expression, stored: found.generated == "s" });
}

fn read_defaults(table: &mut Table) {
    for place in 0..table.columns.len() {
        let column = &table.columns[place];
        let Some(text) = column.default.as_deref() else { continue };
        let is_drawn = text.starts_with("nextval(");
        if is_drawn && column.counter.is_none() {
            let what = format!("draws {} from a sequence of no table ({text}); here it counts on its own", column.name);
            table.peculiar.push(what);
        } else if !is_drawn {
            let formula = crate::endpoint::formula::default(&PostgresTongue, text, column);
            table.columns[place].default_formula = formula;
        }
    }
}

fn counter(row: &PgRow) -> sqlx::Result<(String, Counter)> {
    let (start, step): (i64, i64) = (row.try_get("start")?, row.try_get("step")?);
    let (least, most): (i64, i64) = (row.try_get("least")?, row.try_get("most")?);
    let last: Option<i64> = row.try_get("last")?;
    let mut options: Vec<String> = Vec::new();
    let mut option = |differs: bool, words: String| options.extend(differs.then_some(words));
    let usual = if step > 0 { 1 } else { -1 };
    option(step != 1, format!("INCREMENT BY {step}"));
    option(step > 0 && least != 1, format!("MINVALUE {least}"));
    let widest = [i64::from(i16::MAX), i64::from(i32::MAX), i64::MAX];
    option(step > 0 && !widest.contains(&most), format!("MAXVALUE {most}"));
    option(start != usual, format!("START WITH {start}"));
    let cached: i64 = row.try_get("cached")?;
    option(cached != 1, format!("CACHE {cached}"));
    option(row.try_get("cycle")?, "CYCLE".into());
    let next = if step > 0 { Some(last.map_or(start, |last| last.saturating_add(step))) } else { None };
    Ok((row.try_get("name")?, Counter { always: row.try_get("always")?, next, options: options.join(" ") }))
}

fn check(row: &PgRow, columns: &[Column]) -> sqlx::Result<Check> {
    let mentioned: Option<Vec<String>> = row.try_get("columns")?;
    let text: String = row.try_get("text")?;
    let functions: Option<String> = row.try_get("functions")?;
    let mut condition = expression(&PostgresTongue, &text, columns, Some(mentioned.unwrap_or_default()));
    condition.holds = functions.is_none();
    Ok(Check { name: Some(row.try_get("name")?), condition })
}

fn index(row: &PgRow) -> sqlx::Result<Index> {
    let text: String = row.try_get("text")?;
    let names: Vec<String> = row.try_get("parts")?;
    let falling: Vec<i32> = row.try_get("falling")?;
    let functions: Option<String> = row.try_get("functions")?;
    let kind: Option<String> = row.try_get("kind")?;
    let special = special(row, &text, kind.as_deref(), functions.as_deref())?;
    let parts = names.into_iter().zip(falling).map(|(column, falling)| IndexPart { column, descending: falling == 1 });
    Ok(Index {
        name: row.try_get("name")?,
        unique: row.try_get::<bool, _>("unique")? || kind.as_deref() == Some("x"),
        constraint: kind.is_some(),
        holds: functions.is_none(),
        columns: row.try_get("columns")?,
        parts: if special.is_none() { parts.collect() } else { Vec::new() },
        special,
        text,
        deferral: match (row.try_get("deferrable")?, row.try_get("deferred")?) {
            (Some(true), Some(true)) => Deferral::Always,
            (Some(true), _) => Deferral::OnRequest,
            _ => Deferral::Never,
        },
    })
}

/// Why an index is more than its columns' order.
fn special(row: &PgRow, text: &str, kind: Option<&str>, functions: Option<&str>) -> sqlx::Result<Option<String>> {
    let method: String = row.try_get("method")?;
    Ok(match () {
        () if kind == Some("x") => Some("is an exclusion constraint".into()),
        () if functions.is_some() => Some(format!("calls {}", functions.unwrap_or_default())),
        () if row.try_get("partial")? => Some("is partial".into()),
        () if row.try_get("computed")? => Some("is over an expression".into()),
        () if method != "btree" => Some(format!("is a {method} index")),
        () if row.try_get("special")? => Some("sorts by operators of its own".into()),
        () if text.contains("NULLS NOT DISTINCT") => Some("takes NULLs for equal".into()),
        () => None,
    })
}

pub(super) fn own_type(row: &PgRow) -> sqlx::Result<OwnType> {
    let name: String = row.try_get("name")?;
    let kind: String = row.try_get("kind")?;
    let fields: Vec<String> = row.try_get("fields")?;
    let labels: Vec<String> = row.try_get("labels")?;
    let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
    let statement = match kind.as_str() {
        "e" => format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", ")),
        // The row type of a table comes with its table.
        "c" if row.try_get::<Option<bool>, _>("free")? == Some(true) => {
            format!("CREATE TYPE {name} AS ({})", fields.join(", "))
        }
        "d" => domain(row, &name)?,
        _ => String::new(),
    };
    Ok(OwnType { name, definition: statement.clone(), statement, extension: row.try_get("extension")? })
}

fn domain(row: &PgRow, name: &str) -> sqlx::Result<String> {
    let mut words = vec![format!("CREATE DOMAIN {name} AS {}", row.try_get::<String, _>("base")?)];
    words.extend(row.try_get::<Option<String>, _>("default")?.map(|default| format!("DEFAULT {default}")));
    words.extend(row.try_get::<bool, _>("filled")?.then(|| "NOT NULL".to_owned()));
    words.extend(row.try_get::<Vec<String>, _>("checks")?);
    Ok(words.join(" "))
}

type Peculiar = (Option<String>, Vec<String>);

fn peculiar(row: &PgRow) -> sqlx::Result<Peculiar> {
    let names = ["partitioned", "inherits", "rules", "policies", "statistics", "unlogged"];
    let found = names.iter().map(|name| row.try_get::<Option<String>, _>(*name)).collect::<sqlx::Result<Vec<_>>>()?;
    Ok((row.try_get("comment")?, found.into_iter().flatten().collect()))
}

/// What the database holds that is no table; what extensions bring is theirs.
const THINGS: &str = "
    SELECT * FROM (
        SELECT CASE c.relkind WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialized views' WHEN 'f' THEN 'foreign tables'
                              ELSE 'sequences without a table' END AS kind,
               n.nspname::text AS schema, c.relname::text AS name, NULL::text AS owner, 'pg_class'::regclass AS class,
               c.oid AS id
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('v', 'm', 'f') OR c.relkind = 'S' AND NOT EXISTS (
            SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
              AND e.refclassid = 'pg_class'::regclass AND e.deptype IN ('a', 'i'))
        UNION ALL
        SELECT CASE p.prokind WHEN 'p' THEN 'procedures' WHEN 'a' THEN 'aggregates' ELSE 'functions' END,
               n.nspname::text, p.proname::text, NULL, 'pg_proc'::regclass, p.oid
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        UNION ALL
        SELECT 'triggers', n.nspname::text, t.tgname::text, c.relname::text, 'pg_trigger'::regclass, t.oid
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND NOT c.relispartition
    ) found
    WHERE schema <> 'information_schema' AND schema NOT LIKE 'pg\\_%' AND NOT EXISTS (
        SELECT FROM pg_depend x WHERE x.classid = class AND x.objid = id AND x.deptype = 'e')
    ORDER BY kind, schema, name";

pub(super) async fn things(connection: &mut PgConnection, default_schema: &str) -> sqlx::Result<Vec<Thing>> {
    let rows = sqlx::query(THINGS).fetch_all(connection).await?;
    let thing = |row: &PgRow| {
        let schema: String = row.try_get("schema")?;
        let place = |name: String| TableName::new(&schema, name).display(default_schema);
        let owner: Option<String> = row.try_get("owner")?;
        let name: String = row.try_get("name")?;
        let name = if owner.is_some() { name } else { place(name) };
        Ok(Thing { kind: row.try_get("kind")?, name, table: owner.map(place) })
    };
    rows.iter().map(thing).collect()
}
