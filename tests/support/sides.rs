//! A table's columns and values, straight out of each system and past the product's own reading.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, types::ValueRef};

use super::{
    normal::{Kind, Raw},
    servers::{MysqlDatabase, PostgresDatabase, as_text},
};

/// Something that holds tables.
pub trait Side {
    fn system(&self) -> &'static str;

    /// Names and kinds, in the table's order; empty where there is no such table.
    fn columns(&self, table: &str) -> Vec<(String, Kind)>;

    /// The columns' values of all rows, in no order.
    fn read(&self, table: &str, columns: &[String]) -> Vec<Vec<Raw>>;
}

/// An SQLite file, opened anew and read-only for each question.
#[derive(Clone, Debug)]
pub struct SqliteFile(pub PathBuf);

impl SqliteFile {
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self(path.as_ref().to_owned())
    }

    /// As a plan writes it.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }

    /// Runs one or more statements; makes the file if there is none.
    pub fn execute(&self, sql: &str) {
        let connection = Connection::open(&self.0).unwrap();
        connection.execute_batch(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        as_text(self.values(sql))
    }

    pub fn count(&self, sql: &str) -> u64 {
        self.rows(sql)[0][0].as_ref().unwrap().parse().unwrap()
    }

    pub fn values(&self, sql: &str) -> Vec<Vec<Raw>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(&self.0, flags).unwrap();
        let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..width).map(|at| row.get_ref(at).map(sqlite_value)).collect();
        statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

fn sqlite_value(value: ValueRef<'_>) -> Raw {
    match value {
        ValueRef::Null => Raw::Null,
        ValueRef::Integer(value) => Raw::Text(value.to_string()),
        ValueRef::Real(value) => Raw::Text(value.to_string()),
        ValueRef::Text(bytes) => {
            String::from_utf8(bytes.to_vec()).map_or_else(|error| Raw::Bytes(error.into_bytes()), Raw::Text)
        }
        ValueRef::Blob(bytes) => Raw::Bytes(bytes.to_vec()),
    }
}

impl Side for SqliteFile {
    fn system(&self) -> &'static str {
        "SQLite"
    }

    fn columns(&self, table: &str) -> Vec<(String, Kind)> {
        let sql = format!("SELECT name, lower(type) FROM pragma_table_info('{}')", table.replace('\'', "''"));
        named(self.rows(&sql), sqlite_kind)
    }

    fn read(&self, table: &str, columns: &[String]) -> Vec<Vec<Raw>> {
        let list = quoted_list(columns, '"', |_, quoted| quoted);
        self.values(&format!("SELECT {list} FROM {}", quoted(table, '"')))
    }
}

impl Side for PostgresDatabase {
    fn system(&self) -> &'static str {
        "PostgreSQL"
    }

    fn columns(&self, table: &str) -> Vec<(String, Kind)> {
        let rows = self.rows(&format!(
            "SELECT column_name, data_type FROM information_schema.columns \
             WHERE table_schema = current_schema AND table_name = '{}' ORDER BY ordinal_position",
            table.replace('\'', "''")
        ));
        named(rows, postgres_kind)
    }

    fn read(&self, table: &str, columns: &[String]) -> Vec<Vec<Raw>> {
        let list = quoted_list(columns, '"', |_, quoted| quoted);
        self.values(&format!("SELECT {list} FROM {}", quoted(table, '"')))
    }
}

impl Side for MysqlDatabase {
    fn system(&self) -> &'static str {
        "MySQL"
    }

    fn columns(&self, table: &str) -> Vec<(String, Kind)> {
        named(self.types(table), mysql_kind)
    }

    fn read(&self, table: &str, columns: &[String]) -> Vec<Vec<Raw>> {
        let types = self.types(table);
        let list = quoted_list(columns, '`', |name, quoted| {
            let native = types.iter().find(|row| row[0].as_deref() == Some(name)).and_then(|row| row[1].as_deref());
            match native {
                // As text a FLOAT is cut to six digits, and a BIT is no number.
                Some(native) if native.starts_with("float") => format!("CAST({quoted} AS DOUBLE)"),
                Some(native) if native.starts_with("bit") => format!("{quoted} + 0"),
                _ => quoted,
            }
        });
        self.values(&format!("SELECT {list} FROM {}", quoted(table, '`')))
    }
}

impl MysqlDatabase {
    fn types(&self, table: &str) -> Vec<Vec<Option<String>>> {
        self.rows(&format!(
            "SELECT column_name, lower(column_type) FROM information_schema.columns \
             WHERE table_schema = database() AND table_name = '{}' ORDER BY ordinal_position",
            table.replace('\'', "''")
        ))
    }
}

fn named(rows: Vec<Vec<Option<String>>>, kind: fn(&str) -> Kind) -> Vec<(String, Kind)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    rows.iter().map(|row| (text(&row[0]), kind(&text(&row[1])))).collect()
}

fn quoted(name: &str, quote: char) -> String {
    let doubled = name.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

fn quoted_list(columns: &[String], quote: char, expression: impl Fn(&str, String) -> String) -> String {
    let list: Vec<String> = columns.iter().map(|name| expression(name, quoted(name, quote))).collect();
    list.join(", ")
}

fn postgres_kind(native: &str) -> Kind {
    match native {
        "boolean" => Kind::Boolean,
        "smallint" | "integer" | "bigint" | "numeric" | "double precision" => Kind::Number,
        "real" => Kind::Single,
        "date" => Kind::Date,
        "time without time zone" => Kind::Time,
        "timestamp without time zone" | "timestamp with time zone" => Kind::Timestamp,
        "bytea" => Kind::Bytes,
        "json" | "jsonb" => Kind::Json,
        "uuid" => Kind::Uuid,
        "character" => Kind::Padded,
        _ => Kind::Text,
    }
}

fn mysql_kind(native: &str) -> Kind {
    let name = native.split(['(', ' ']).next().unwrap_or_default();
    match name {
        "tinyint" if native.starts_with("tinyint(1)") => Kind::Boolean.with(Kind::Number),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "year" | "bit" => Kind::Number,
        "float" => Kind::Single,
        "date" => Kind::Date,
        "time" => Kind::Time,
        "datetime" | "timestamp" => Kind::Timestamp,
        "tinyblob" | "blob" | "mediumblob" | "longblob" | "binary" | "varbinary" | "geometry" => Kind::Bytes,
        "json" => Kind::Json,
        "uuid" => Kind::Uuid,
        _ => Kind::Text,
    }
}

fn sqlite_kind(native: &str) -> Kind {
    let has = |word: &str| native.contains(word);
    match native {
        _ if has("bool") => Kind::Boolean,
        _ if has("char") || has("text") || has("clob") => Kind::Text,
        _ if has("datetime") || has("timestamp") => Kind::Timestamp,
        _ if has("date") => Kind::Date,
        _ if has("time") => Kind::Time,
        _ if has("blob") || has("bytes") || has("binary") => Kind::Bytes,
        _ if has("json") => Kind::Json,
        _ if has("uuid") => Kind::Uuid,
        _ if has("int") || has("real") || has("doub") || has("floa") || has("dec") || has("num") || has("year") => {
            Kind::Number
        }
        _ => Kind::Text,
    }
}
