//! Tables that are made here: their statements.

use std::collections::BTreeSet;

use super::{
    connect::{Flavour, Session, text_at},
    sql,
    types::word_of,
};
use crate::{
    endpoint::{EndpointError, ErrorKind, Result},
    model::{Action, Column, ColumnType, ForeignKey, Index, IndexPart, Naming, Table},
};

/// What a text or bytes column without a limit becomes where an index must hold it.
pub(super) const INDEXED: u32 = 255;

/// Bytes that a row's short columns may take together: 65,535 less what the server needs for itself.
const ROW_BYTES: usize = 60_000;

pub(super) const NAMING: Naming =
    Naming { longest: 64, in_bytes: false, tables_ignore_case: false, columns_ignore_case: true };

/// How text compares where nobody said.
const EXACT: &str = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/// `CREATE TABLE`, foreign keys left out. Columns that an index must hold and that have no limit get one of 255, since
/// neither server indexes the whole of a `longtext`; a value beyond it is then a fault and no surprise. Where the
/// limited columns together exceed what a row may take, the widest that no index needs become `longtext`/`longblob`.
pub(super) fn create_statement(table: &Table) -> String {
    let indexed: BTreeSet<&str> = table.keys().flatten().map(String::as_str).collect();
    let mut natives: Vec<String> = table.columns.iter().map(|column| native(column, &indexed)).collect();
    widen(&mut natives, &table.columns, &indexed);
    let columns = table.columns.iter().zip(&natives).map(|(column, native)| column_clause(table, column, native));
    let mut clauses: Vec<String> = columns.collect();
    if table.has_primary_key() {
        clauses.push(format!("PRIMARY KEY ({})", sql::names(&table.key)));
    }
    let plain = table.unique.iter().filter(|columns| !table.has_unique_index(columns));
    clauses.extend(plain.map(|columns| format!("UNIQUE KEY ({})", sql::names(columns))));
    clauses.extend(table.indexes.iter().filter(|index| is_made_at_once(table, index)).map(index_clause));
    clauses.extend(table.checks.iter().map(|check| {
        let name = check.name.as_ref().map_or(String::new(), |name| format!("CONSTRAINT {} ", sql::name(name)));
        format!("{name}CHECK ({})", check.condition.text)
    }));
    let comment = table.comment.as_ref().map_or(String::new(), |text| format!(" COMMENT={}", sql::quoted(text)));
    format!(
        "CREATE TABLE {} (\n  {}\n) ENGINE=InnoDB DEFAULT {}{comment}",
        sql::name(&table.name),
        clauses.join(",\n  "),
        table.collation.as_deref().unwrap_or(EXACT)
    )
}

/// Unique ones refuse rows while they come in; one that begins with the column that counts must be there from the start.
pub(super) fn is_made_at_once(table: &Table, index: &Index) -> bool {
    let counts = |part: &IndexPart| table.columns.iter().any(|column| column.identity && column.name == part.column);
    index.unique || index.parts.first().is_some_and(counts)
}

/// The index as a part of a statement: its name goes behind its keyword.
pub(super) fn index_clause(index: &Index) -> String {
    index.text.replacen("KEY (", &format!("KEY {} (", sql::name(&index.name)), 1)
}

/// What is made when all rows are in.
pub(super) fn later_statements(table: &Table) -> Vec<String> {
    let later = table.indexes.iter().filter(|index| !is_made_at_once(table, index));
    let indexes = later.map(|index| format!("ALTER TABLE {} ADD {}", sql::name(&table.name), index_clause(index)));
    indexes.chain(table.foreign_keys.iter().map(|key| reference(table, key, key.name.as_deref()))).collect()
}

/// `ALTER TABLE ... ADD FOREIGN KEY ...`.
pub(super) fn reference(table: &Table, key: &ForeignKey, name: Option<&str>) -> String {
    let constraint = name.map_or(String::new(), |name| format!("CONSTRAINT {} ", sql::name(name)));
    let mut statement = format!(
        "ALTER TABLE {} ADD {constraint}FOREIGN KEY ({}) REFERENCES {} ({})",
        sql::name(&table.name),
        sql::names(&key.columns),
        sql::name(&key.table),
        sql::names(&key.referenced)
    );
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        if !matches!(action, Action::NoAction | Action::SetDefault) {
            statement.push_str(&format!(" ON {event} {}", action.words()));
        }
    }
    statement
}

fn native(column: &Column, indexed: &BTreeSet<&str>) -> String {
    if !indexed.contains(column.name.as_str()) {
        return column.native.clone();
    }
    match word_of(&column.native) {
        "tinytext" | "text" | "mediumtext" | "longtext" | "json" => format!("varchar({INDEXED})"),
        "tinyblob" | "blob" | "mediumblob" | "longblob" => format!("varbinary({INDEXED})"),
        _ => column.native.clone(),
    }
}

fn widen(natives: &mut [String], columns: &[Column], indexed: &BTreeSet<&str>) {
    loop {
        let sizes: Vec<usize> = natives.iter().map(|native| row_bytes(native)).collect();
        if sizes.iter().sum::<usize>() <= ROW_BYTES {
            return;
        }
        let free = |at: &usize| !indexed.contains(columns[*at].name.as_str()) && sizes[*at] > 255;
        let Some(widest) = (0..natives.len()).filter(free).max_by_key(|at| sizes[*at]) else { return };
        let long = if word_of(&natives[widest]).ends_with("binary") { "longblob" } else { "longtext" };
        natives[widest] = long.into();
    }
}

/// About what a column takes within its row.
fn row_bytes(native: &str) -> usize {
    let length = native.split_once('(').and_then(|(_, rest)| rest.split([')', ',']).next()?.parse::<usize>().ok());
    match (word_of(native), length) {
        ("varchar" | "char", Some(length)) => 4 * length + 2,
        ("varbinary" | "binary", Some(length)) => length + 2,
        _ => 12,
    }
}

fn column_clause(table: &Table, column: &Column, native: &str) -> String {
    let in_key = table.key.contains(&column.name);
    let mut clause = format!("{} {native}", sql::name(&column.name));
    let own = column.collation.as_deref().filter(|_| native == column.native);
    // What does not say how it compares would do so as the source's table does, though it is none of its columns.
    if let Some(collation) = own.or(table.collation.as_ref().map(|_| EXACT)).filter(|_| is_text(native)) {
        clause.push_str(&format!(" {collation}"));
    }
    let comment = column.comment.as_ref().map_or(String::new(), |text| format!(" COMMENT {}", sql::quoted(text)));
    if let Some(generation) = column.generation.as_ref().filter(|_| column.generated) {
        let kept = if generation.stored { "STORED" } else { "VIRTUAL" };
        return format!("{clause} GENERATED ALWAYS AS ({}) {kept}{comment}", generation.expression.text);
    }
    // Said in full: a `timestamp` that says nothing is NOT NULL on some servers.
    clause.push_str(if column.nullable && !in_key { " NULL" } else { " NOT NULL" });
    if is_counted(table, column) {
        clause.push_str(" AUTO_INCREMENT");
    } else if let Some(default) = &column.default {
        clause.push_str(&format!(" DEFAULT {}", default_words(default, native)));
    }
    if let Some(on_update) = &column.on_update {
        clause.push_str(&format!(" {on_update}"));
    }
    clause + &comment
}

/// Collations that only the other of the two servers knows.
pub(super) fn drop_foreign_collations(table: &mut Table, flavour: Flavour) {
    let foreign = if flavour == Flavour::Mariadb { "_0900_" } else { "_uca1400_" };
    table.collation.take_if(|words| words.contains(foreign));
    let mut told = Vec::new();
    for column in &mut table.columns {
        if let Some(words) = column.collation.take_if(|words| words.contains(foreign)) {
            told.push(format!("{}.{} is made without {words}, which this server lacks", table.name, column.name));
        }
    }
    table.left_out.extend(told);
}

/// Whether the type takes a character set: `json` looks like one, and has its own.
fn is_text(native: &str) -> bool {
    let word = word_of(native);
    matches!(word, "char" | "varchar" | "enum" | "set") || word.ends_with("text")
}

/// MySQL takes a default of a column without a limit only as an expression.
fn default_words(default: &str, native: &str) -> String {
    let word = word_of(native);
    let unlimited = word.ends_with("text") || word.ends_with("blob") || word == "json";
    let bare = !default.starts_with('(') && !default.eq_ignore_ascii_case("NULL");
    if unlimited && bare { format!("({default})") } else { default.to_owned() }
}

/// InnoDB counts one whole-number column, which must be the first of a key.
pub(super) fn is_counted(table: &Table, column: &Column) -> bool {
    let leads = |columns: &Vec<String>| columns.first() == Some(&column.name);
    let first = table.columns.iter().find(|column| column.identity).map(|first| &first.name);
    column.identity
        && first == Some(&column.name)
        && matches!(column.ty, ColumnType::Integer { .. })
        && (leads(&table.key)
            || table.unique.iter().any(leads)
            || table.indexes.iter().any(|index| index.parts.first().is_some_and(|part| part.column == column.name)))
}

pub(super) async fn create(session: &mut Session, table: &Table) -> Result<()> {
    let context = format!("cannot create table '{}'", table.name);
    let names = table.columns.iter().map(|column| &column.name).chain([&table.name]);
    if let Some(name) = names.into_iter().find(|name| NAMING.is_too_long(name)) {
        let message = format!("the name '{name}' is longer than MySQL's {} characters", NAMING.longest);
        return Err(EndpointError::new(ErrorKind::Other, context, message));
    }
    let mut table = table.clone();
    settle_names(session, &mut table).await.map_err(|error| error.during(context.clone()))?;
    session.execute(create_statement(&table)).await.map_err(|error| error.during(context))
}

/// Names of a table's indexes differ from each other; those of checks, on MySQL, in the whole database.
async fn settle_names(session: &mut Session, table: &mut Table) -> Result<()> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for index in &mut table.indexes {
        index.name = NAMING.free(&index.name, |name| taken.contains(&name.to_lowercase()) || name == "PRIMARY");
        taken.insert(index.name.to_lowercase());
    }
    let rows = session
        .rows(
            "SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS \
             WHERE CONSTRAINT_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'CHECK'",
            &[],
        )
        .await?;
    let mut checks: BTreeSet<String> = rows.iter().filter_map(|row| text_at(row, 0)).collect();
    checks.extend(table.columns.iter().map(|column| column.name.clone()));
    for name in table.checks.iter_mut().filter_map(|check| check.name.as_mut()) {
        *name = NAMING.free(name, |name| checks.iter().any(|taken| taken.eq_ignore_ascii_case(name)));
        checks.insert(name.clone());
    }
    Ok(())
}
