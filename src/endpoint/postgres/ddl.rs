//! Statements that create a table.
//!
//! Pure but for [`create`]. One idea: the server cuts a name that is too long and says nothing, so names are measured
//! here before anything is sent.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Row as _, postgres::PgConnection};

use crate::{
    endpoint::{EndpointError, ErrorKind, Result},
    model::{Action, Column, ColumnType, Counter, ForeignKey, Index, Naming, OwnType, Table},
};

use super::{
    definition::{ONE_TYPE, own_type},
    error::failure,
    sql::{self, NAME_BYTES, TableName, ident, idents, literal},
};

/// The table's place as its creator writes it: bare in the default schema.
pub(super) fn place(name: &TableName, default_schema: &str) -> String {
    if name.schema == default_schema { ident(&name.name) } else { name.quoted() }
}

pub(super) fn create_statements(table: &Table, default_schema: &str) -> Vec<String> {
    let name = TableName::parse(&table.name, default_schema);
    let place = place(&name, default_schema);
    let mut statements = Vec::new();
    if name.schema != default_schema {
        statements.push(format!("CREATE SCHEMA IF NOT EXISTS {}", ident(&name.schema)));
    }
    let own = || table.types.iter().filter(|own| own.extension.is_none() && !own.statement.is_empty());
    let schemas: BTreeSet<&str> = own().filter_map(|own| schema_of(&own.name)).collect();
    statements.extend(schemas.iter().map(|schema| format!("CREATE SCHEMA IF NOT EXISTS {schema}")));
    statements.extend(own().map(|own| own.statement.clone()));
    let drawn: Vec<(&Column, String)> = table
        .columns
        .iter()
        .filter(|column| is_drawn(column))
        .map(|column| (column, sequence(column, &name)))
        .collect();
    statements.extend(drawn.iter().map(|(_, sequence)| format!("CREATE SEQUENCE {sequence}")));
    statements.push(format!("CREATE TABLE {place} (\n    {}\n)", clauses(table, &name).join(",\n    ")));
    statements.extend(
        drawn
            .iter()
            .map(|(column, sequence)| format!("ALTER SEQUENCE {sequence} OWNED BY {place}.{}", ident(&column.name))),
    );
    let unique = table.indexes.iter().filter(|index| index.unique && !index.constraint);
    statements.extend(unique.map(|index| index_statement(index, &place)));
    statements.extend(comments(table, &place));
    statements
}

/// The schema in a type's name, quoted as it is there.
fn schema_of(name: &str) -> Option<&str> {
    match name.strip_prefix('"') {
        Some(rest) => rest.find("\".").map(|end| &name[..end + 2]),
        None => name.split_once('.').map(|(schema, _)| schema),
    }
}

/// Whether the column counts and is of no integer type: then it draws from a sequence that it owns.
fn is_drawn(column: &Column) -> bool {
    column.identity && !matches!(column.ty, ColumnType::Integer { .. })
}

/// The sequence that such a column draws from.
fn sequence(column: &Column, table: &TableName) -> String {
    let settled = column.counter.as_ref().map(|counter| counter.options.clone()).filter(|name| !name.is_empty());
    let name = settled.unwrap_or_else(|| NAMING.free(&format!("{}_{}_seq", table.name, column.name), |_| false));
    TableName::new(&table.schema, name).quoted()
}

/// What is made when all rows are in.
pub(super) fn later_statements(table: &Table, default_schema: &str) -> Vec<String> {
    let place = place(&TableName::parse(&table.name, default_schema), default_schema);
    let later = table.indexes.iter().filter(|index| !index.unique);
    let keys = table.foreign_keys.iter().map(|key| {
        let name = key.name.as_ref().map_or(String::new(), |name| format!("CONSTRAINT {} ", ident(name)));
        format!("ALTER TABLE {place} ADD {name}{}", reference(key, default_schema))
    });
    let indexes = later.map(|index| index_statement(index, &place));
    late_key(table, &place).into_iter().chain(indexes).chain(keys).collect()
}

pub(super) fn index_statement(index: &Index, place: &str) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    format!("CREATE {unique}INDEX {} ON {place} {}", ident(&index.name), index.text)
}

/// `FOREIGN KEY ...` with all that belongs to it.
pub(super) fn reference(key: &ForeignKey, default_schema: &str) -> String {
    let to = TableName::parse(&key.table, default_schema).quoted();
    let mut clause = format!("FOREIGN KEY ({}) REFERENCES {to} ({})", idents(&key.columns), idents(&key.referenced));
    if key.full {
        clause.push_str(" MATCH FULL");
    }
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        if action != Action::NoAction {
            clause.push_str(&format!(" ON {event} {}", action.words()));
        }
    }
    clause + key.deferral.clause()
}

fn primary_key(table: &Table) -> String {
    format!("PRIMARY KEY ({})", idents(&table.key))
}

/// Adds the primary key of a table that was made without, as [`Table::key_holds`] allows.
pub(super) fn late_key(table: &Table, place: &str) -> Option<String> {
    let is_late = table.has_primary_key() && table.key_holds;
    is_late.then(|| format!("ALTER TABLE {place} ADD {}", primary_key(table)))
}

fn clauses(table: &Table, name: &TableName) -> Vec<String> {
    let mut parts: Vec<String> = table.columns.iter().map(|column| column_clause(column, name)).collect();
    if table.has_primary_key() && !table.key_holds {
        parts.push(primary_key(table));
    }
    let plain = table.unique.iter().filter(|columns| !table.has_unique_index(columns));
    parts.extend(plain.map(|columns| format!("UNIQUE ({})", idents(columns))));
    let constraints = table.indexes.iter().filter(|index| index.constraint);
    parts.extend(constraints.map(|index| format!("CONSTRAINT {} {}", ident(&index.name), index.text)));
    parts.extend(table.checks.iter().map(|check| {
        let name = check.name.as_ref().map_or(String::new(), |name| format!("CONSTRAINT {} ", ident(name)));
        format!("{name}CHECK ({})", check.condition.text)
    }));
    parts
}

fn column_clause(column: &Column, table: &TableName) -> String {
    let mut clause = format!("{} {}", ident(&column.name), column.native);
    if let Some(collation) = &column.collation {
        clause.push_str(&format!(" {collation}"));
    }
    clause.push_str(&value_clause(column, table));
    if !column.nullable {
        clause.push_str(" NOT NULL");
    }
    clause
}

/// Where the column's values come from when nobody gives one.
fn value_clause(column: &Column, table: &TableName) -> String {
    let counter = column.counter.clone().unwrap_or_default();
    match (&column.generation, &column.default) {
        (Some(generation), _) if column.generated => {
            let kept = if generation.stored { "STORED" } else { "VIRTUAL" };
            format!(" GENERATED ALWAYS AS ({}) {kept}", generation.expression.text)
        }
        _ if is_drawn(column) => {
            format!(" DEFAULT nextval({}::regclass)", literal(&sequence(column, table)))
        }
        _ if column.identity => {
            let when = if counter.always { "ALWAYS" } else { "BY DEFAULT" };
            let options = if counter.options.is_empty() { String::new() } else { format!(" ({})", counter.options) };
            format!(" GENERATED {when} AS IDENTITY{options}")
        }
        (_, Some(default)) => format!(" DEFAULT {default}"),
        (_, None) => String::new(),
    }
}

fn comments(table: &Table, place: &str) -> Vec<String> {
    let on_table = table.comment.as_ref().map(|text| format!("COMMENT ON TABLE {place} IS {}", literal(text)));
    let on_columns = table.columns.iter().filter_map(|column| {
        let text = literal(column.comment.as_ref()?);
        Some(format!("COMMENT ON COLUMN {place}.{} IS {text}", ident(&column.name)))
    });
    on_table.into_iter().chain(on_columns).collect()
}

/// Creates the table and all that its name needs, or nothing. Types that are there already and are the same stay.
pub(super) async fn create(connection: &mut PgConnection, table: &Table, default_schema: &str) -> Result<()> {
    let statements = settled_statements(connection, table, default_schema).await?;
    let created = sql::run(connection, &format!("BEGIN;\n{statements};\nCOMMIT")).await;
    created.map_err(|error| failure(error, format!("cannot create {}", table.name)))
}

/// What creates the table here and now, with names that are free.
pub(super) async fn settled_statements(
    connection: &mut PgConnection,
    table: &Table,
    default_schema: &str,
) -> Result<String> {
    let context = || format!("cannot create {}", table.name);
    check_names(table, default_schema).map_err(|message| EndpointError::new(ErrorKind::Other, context(), message))?;
    let mut table = table.clone();
    let missing = missing_types(connection, &table).await.map_err(|error| failure(error, context()))?;
    table.types.retain(|own| missing.contains(&own.name));
    settle_names(connection, &mut table, default_schema).await.map_err(|error| failure(error, context()))?;
    Ok(create_statements(&table, default_schema).join(";\n"))
}

async fn missing_types(connection: &mut PgConnection, table: &Table) -> sqlx::Result<Vec<String>> {
    let mut missing = Vec::new();
    for own in &table.types {
        if type_there(connection, &own.name).await?.is_none() {
            missing.push(own.name.clone());
        }
    }
    Ok(missing)
}

async fn type_there(connection: &mut PgConnection, name: &str) -> sqlx::Result<Option<OwnType>> {
    let row = sqlx::query(ONE_TYPE).bind(name).fetch_optional(connection).await?;
    row.as_ref().map(own_type).transpose()
}

/// What keeps the types of a table from being made or used, each a sentence with a remedy.
pub(super) async fn objections(connection: &mut PgConnection, tables: &[Table]) -> Result<Vec<String>> {
    let mut objections = Vec::new();
    let mut seen = BTreeSet::new();
    for own in tables.iter().flat_map(|table| &table.types).filter(|own| seen.insert(own.name.clone())) {
        let failed = |error| failure(error, format!("cannot look for the type {}", own.name));
        let there = type_there(connection, &own.name).await.map_err(failed)?;
        objections.extend(objection(own, there.as_ref()));
    }
    Ok(objections)
}

fn objection(own: &OwnType, there: Option<&OwnType>) -> Option<String> {
    let name = &own.name;
    match (there, &own.extension) {
        (Some(_), Some(_)) => None,
        (Some(there), None) if there.definition == own.definition => None,
        (Some(there), None) => Some(format!(
            "The destination has another type {name} ({}; the source: {}); rename or drop it there, or map the columns to \
             another type with type = \"text\".",
            there.definition, own.definition
        )),
        (None, Some(extension)) => Some(format!(
            "The type {name} comes with the extension {extension}, which the destination lacks: CREATE EXTENSION \
             {extension}, or map the columns to another type with type = \"text\"."
        )),
        (None, None) if own.statement.is_empty() => Some(format!(
            "The type {name} cannot be made here; create it in the destination first, or map the columns to another type \
             with type = \"text\"."
        )),
        (None, None) => None,
    }
}

/// Names of indexes are those of relations, of which a schema has no two; those of checks are cut without a word.
async fn settle_names(connection: &mut PgConnection, table: &mut Table, default_schema: &str) -> sqlx::Result<()> {
    let place = TableName::parse(&table.name, default_schema);
    let mut taken: BTreeSet<String> = relations(connection, &place.schema).await?.into_keys().collect();
    taken.insert(place.name.clone());
    taken.extend(table.indexes.iter().filter(|index| !index.unique).map(|index| index.name.clone()));
    for column in table.columns.iter_mut().filter(|column| is_drawn(column)) {
        let name = NAMING.free(&format!("{}_{}_seq", place.name, column.name), |name| taken.contains(name));
        column.counter = Some(Counter { options: name, ..column.counter.clone().unwrap_or_default() });
    }
    for index in table.indexes.iter_mut().filter(|index| index.unique) {
        index.name = NAMING.free(&index.name, |name| taken.contains(name));
        taken.insert(index.name.clone());
    }
    let mut names: BTreeSet<String> = table.indexes.iter().map(|index| index.name.clone()).collect();
    for name in table.checks.iter_mut().filter_map(|check| check.name.as_mut()) {
        *name = NAMING.free(name, |name| names.contains(name));
        names.insert(name.clone());
    }
    Ok(())
}

/// The schema's relations; of indexes, the table that each is of.
pub(super) async fn relations(
    connection: &mut PgConnection,
    schema: &str,
) -> sqlx::Result<BTreeMap<String, Option<String>>> {
    let query = "SELECT c.relname::text AS name, t.relname::text AS owner FROM pg_class c
                 LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
                 WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)";
    let rows = sqlx::query(query).bind(schema).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get("name")?, row.try_get("owner")?))).collect()
}

pub(super) const NAMING: Naming =
    Naming { longest: NAME_BYTES, in_bytes: true, tables_ignore_case: false, columns_ignore_case: false };

/// Refuses names that the server would cut.
fn check_names(table: &Table, default_schema: &str) -> std::result::Result<(), String> {
    let place = TableName::parse(&table.name, default_schema);
    let names = [place.schema.as_str(), place.name.as_str()];
    let names = names.into_iter().chain(table.columns.iter().map(|column| column.name.as_str()));
    for name in names {
        if name.len() > NAME_BYTES {
            let length = name.len();
            let quoted = literal(name);
            return Err(format!(
                "the name {quoted} has {length} bytes, and PostgreSQL keeps {NAME_BYTES}; map it to a shorter one"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Expression, Generation};

    #[test]
    fn a_table_is_created_with_its_keys_in_its_schema() {
        let id = Column {
            native: "bigint".into(),
            nullable: false,
            identity: true,
            ..Column::new("id", ColumnType::BIGINT)
        };
        let mail = Column { default: Some("''::text".into()), ..Column::new("E-mail", ColumnType::TEXT) };
        let length = Column {
            native: "integer".into(),
            generated: true,
            generation: Some(Generation {
                expression: Expression { text: "length(\"E-mail\")".into(), ..Expression::default() },
                stored: true,
            }),
            ..Column::new("length", ColumnType::INTEGER)
        };
        let table = Table {
            name: "crm.people".into(),
            columns: vec![id, mail, length],
            key: vec!["id".into()],
            unique: vec![vec!["E-mail".into(), "id".into()]],
            ..Table::default()
        };
        let statements = create_statements(&table, "public");
        assert_eq!(statements[0], "CREATE SCHEMA IF NOT EXISTS \"crm\"");
        let expected = "CREATE TABLE \"crm\".\"people\" (\n    \
            \"id\" bigint GENERATED BY DEFAULT AS IDENTITY NOT NULL,\n    \
            \"E-mail\" text DEFAULT ''::text,\n    \
            \"length\" integer GENERATED ALWAYS AS (length(\"E-mail\")) STORED,\n    \
            PRIMARY KEY (\"id\"),\n    UNIQUE (\"E-mail\", \"id\")\n)";
        assert_eq!(statements[1], expected);
        assert_eq!(create_statements(&table, "crm").len(), 1);
    }

    #[test]
    fn a_types_schema_is_made_first() {
        assert_eq!((schema_of("crm.mood"), schema_of("mood"), schema_of("\"a.b\"")), (Some("crm"), None, None));
        assert_eq!(schema_of("\"od.d\".\"mo.od\""), Some("\"od.d\""));
    }

    #[test]
    fn a_name_that_would_be_cut_is_refused() {
        let long = "é".repeat(32);
        let table = Table { name: "t".into(), columns: vec![Column::new(&long, ColumnType::TEXT)], ..Table::default() };
        let message = check_names(&table, "public").unwrap_err();
        assert!(message.contains("64 bytes") && message.contains(&long), "{message}");
    }
}
