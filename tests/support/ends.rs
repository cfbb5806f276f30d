//! Destinations of every system, alike to a test.

use std::{fs, path::Path, path::PathBuf};

use super::{
    servers::{MysqlDatabase, PostgresDatabase},
    sides::SqliteFile,
};

/// A destination of a test's own.
pub enum End {
    Postgres(PostgresDatabase),
    Mysql(MysqlDatabase),
    Sqlite(SqliteFile),
    Csv(PathBuf),
}

impl End {
    /// `None` where the system is not here: the test then returns at once.
    pub fn new(system: &str, folder: &Path) -> Option<Self> {
        Some(match system {
            "postgres" => Self::Postgres(PostgresDatabase::create("end")?),
            "mysql" => Self::Mysql(MysqlDatabase::create("end")?),
            "sqlite" => Self::Sqlite(SqliteFile::new(folder.join("end.sqlite"))),
            "csv" => {
                let path = folder.join("end");
                fs::create_dir(&path).unwrap();
                Self::Csv(path)
            }
            other => panic!("no system '{other}'"),
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

    /// Runs statements, one after another. A file takes none.
    pub fn execute(&self, statements: &[&str]) {
        for statement in statements {
            match self {
                Self::Postgres(database) => database.execute(statement),
                Self::Mysql(database) => database.execute(statement),
                Self::Sqlite(file) => file.execute(statement),
                Self::Csv(_) => panic!("a file takes no statements"),
            }
        }
    }

    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        match self {
            Self::Postgres(database) => database.rows(sql),
            Self::Mysql(database) => database.rows(sql),
            Self::Sqlite(file) => file.rows(sql),
            Self::Csv(_) => panic!("a file takes no queries"),
        }
    }

    /// All rows of a table, sorted: these columns, every value as text.
    pub fn table(&self, name: &str, columns: &[&str]) -> Vec<Vec<Option<String>>> {
        let mut rows = match self {
            Self::Csv(path) => csv_rows(&path.join(format!("{name}.csv")), columns),
            Self::Mysql(database) => {
                // Text under a binary collation comes as bytes.
                let columns: Vec<String> = columns.iter().map(|name| format!("CAST({name} AS CHAR)")).collect();
                database.rows(&format!("SELECT {} FROM {name}", columns.join(", ")))
            }
            other => other.rows(&format!("SELECT {} FROM {name}", columns.join(", "))),
        };
        rows.sort_unstable();
        rows
    }
}

fn csv_rows(path: &Path, columns: &[&str]) -> Vec<Vec<Option<String>>> {
    let mut reader = csv::ReaderBuilder::new().from_path(path).unwrap();
    let head = reader.headers().unwrap().clone();
    let places: Vec<usize> =
        columns.iter().map(|column| head.iter().position(|name| name == *column).unwrap()).collect();
    let row = |record: csv::StringRecord| {
        assert_eq!(record.len(), head.len());
        places.iter().map(|place| Some(record[*place].to_owned())).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// How the system counts a key by itself, and how a trigger of the table `customers` writes each new key into `seen`.
pub fn counted_and_watched(system: &str) -> (&'static str, &'static str) {
    match system {
        "postgres" => (
            "id SERIAL PRIMARY KEY",
            "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (NEW.id); \
                     RETURN NEW; END $$; \
                     CREATE TRIGGER sees AFTER INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION see()",
        ),
        "mysql" => (
            "id INTEGER AUTO_INCREMENT PRIMARY KEY",
            "CREATE TRIGGER sees AFTER INSERT ON customers FOR EACH ROW INSERT INTO seen VALUES (NEW.id)",
        ),
        _ => (
            "id INTEGER PRIMARY KEY AUTOINCREMENT",
            "CREATE TRIGGER sees AFTER INSERT ON customers BEGIN INSERT INTO seen VALUES (NEW.id); END",
        ),
    }
}
