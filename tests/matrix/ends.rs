//! The sides of the matrix: filled by their own SQL, read as their own text.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{Fixture, files, mysql, postgres, table};
use crate::support::{
    normal::Raw,
    servers::{MysqlDatabase, PostgresDatabase},
    sides::SqliteFile,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    P,
    M,
    S,
    C,
}

impl Letter {
    pub const ALL: [Self; 4] = [Self::P, Self::M, Self::S, Self::C];

    pub fn char(self) -> char {
        match self {
            Self::P => 'p',
            Self::M => 'm',
            Self::S => 's',
            Self::C => 'c',
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::P => "PostgreSQL",
            Self::M => "MariaDB",
            Self::S => "SQLite",
            Self::C => "CSV",
        }
    }
}

pub enum End {
    Postgres(PostgresDatabase),
    Mysql(MysqlDatabase),
    Sqlite(SqliteFile),
    Csv(PathBuf),
}

/// The text of each row's value, by the row's id.
pub type Texts = BTreeMap<String, Option<String>>;

impl End {
    pub fn new(letter: Letter, folder: &Path, label: &str) -> Option<Self> {
        let label = format!("matrix{label}{}", letter.char());
        Some(match letter {
            Letter::P => Self::Postgres(PostgresDatabase::create(&label)?),
            Letter::M => Self::Mysql(MysqlDatabase::create(&label)?),
            Letter::S => Self::Sqlite(SqliteFile::new(folder.join(format!("{label}.sqlite")))),
            Letter::C => {
                let path = folder.join(label);
                fs::create_dir(&path).unwrap();
                Self::Csv(path)
            }
        })
    }

    pub fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url(),
            Self::Mysql(database) => database.url(),
            Self::Sqlite(file) => file.url(),
            Self::Csv(path) => format!("csv:{}", path.display()),
        }
    }

    /// What no table brings with it.
    pub fn make_types(&self) {
        if let Self::Postgres(database) = self {
            database.execute(postgres::TYPES);
        }
    }

    /// A table for each fixture: row 0 is NULL, then its values.
    pub fn fill(&self, fixtures: &[Fixture]) {
        self.make_types();
        if let Self::Csv(path) = self {
            return fixtures.iter().enumerate().for_each(|(index, fixture)| {
                fs::write(path.join(format!("{}.csv", table(index))), files::text(fixture)).unwrap();
            });
        }
        let mut script = String::new();
        for (index, fixture) in fixtures.iter().enumerate() {
            let name = table(index);
            script += &format!("CREATE TABLE {name} (id integer PRIMARY KEY, v {});\n", fixture.ty);
            script += &format!("INSERT INTO {name} VALUES (0, NULL);\n");
            for (row, value) in fixture.values.iter().enumerate() {
                script += &format!("INSERT INTO {name} VALUES ({}, {});\n", row + 1, value.sql);
            }
        }
        match self {
            Self::Postgres(database) => database.execute(&script),
            Self::Mysql(database) => database.execute(&format!("{}{script}", mysql::SETTINGS)),
            Self::Sqlite(file) => file.execute(&script),
            Self::Csv(_) => {}
        }
    }

    /// `strict`: what the same system must give again, letter for letter; else what another can be compared with.
    pub fn read(&self, table: &str, strict: bool) -> Texts {
        match self {
            Self::Postgres(database) => rows(database.values(&format!("SELECT id::text, v::text FROM {table}"))),
            Self::Mysql(database) => {
                let native = database.rows(&format!(
                    "SELECT column_type FROM information_schema.columns \
                     WHERE table_schema = database() AND table_name = '{table}' AND column_name = 'v'"
                ));
                let native = native.first().and_then(|row| row[0].clone()).unwrap_or_default();
                let text = mysql::text(&native, strict);
                let values = database.values(&format!("SELECT CAST(id AS CHAR), HEX({text}) FROM {table}"));
                rows(values).into_iter().map(|(id, hex)| (id, hex.map(|hex| unhex(&hex)))).collect()
            }
            Self::Sqlite(file) if strict => rows(file.values(&format!(
                "SELECT CAST(id AS TEXT), CASE typeof(v) WHEN 'null' THEN NULL WHEN 'text' THEN 'text ' || \
                 hex(CAST(v AS BLOB)) WHEN 'blob' THEN 'blob ' || hex(v) ELSE typeof(v) || quote(v) END FROM {table}"
            ))),
            Self::Sqlite(file) => rows(file.values(&format!("SELECT CAST(id AS TEXT), v FROM {table}"))),
            Self::Csv(path) => files::read(&fs::read_to_string(path.join(format!("{table}.csv"))).unwrap(), strict),
        }
    }

    /// Types that the system has and no fixture is of.
    pub fn unknown_types(&self, fixtures: &[Fixture]) -> Vec<String> {
        let known = |all: BTreeSet<String>| {
            let used = |ty: &String| fixtures.iter().any(|fixture| mysql::word(fixture.ty) == *ty);
            all.into_iter().filter(|ty| !used(ty)).collect()
        };
        match self {
            Self::Postgres(database) => postgres::unknown_types(database),
            Self::Mysql(database) => known(mysql::types(database)),
            Self::Sqlite(_) => known(super::sqlite::TYPES.iter().map(|ty| (*ty).to_owned()).collect()),
            Self::Csv(_) => files::unknown_types(fixtures),
        }
    }
}

fn rows(values: Vec<Vec<Raw>>) -> Texts {
    let row = |row: Vec<Raw>| {
        let [id, value] = <[Raw; 2]>::try_from(row).unwrap();
        (id.into_text().unwrap(), value.into_text())
    };
    let count = values.len();
    let texts: Texts = values.into_iter().map(row).collect();
    assert_eq!(texts.len(), count, "an id came twice");
    texts
}

fn unhex(hex: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    String::from_utf8(bytes).unwrap_or_else(|error| crate::support::normal::hex(error.as_bytes()))
}
