//! Every system into every other: the same awkward rows arrive, or somebody decides.

use std::path::Path;

use crate::support::{
    binary::Desk,
    servers::{MysqlDatabase, PostgresDatabase},
    sides::SqliteFile,
};

/// One side of a pair, kept until the test ends.
enum End {
    Postgres(PostgresDatabase),
    Mysql(MysqlDatabase),
    Sqlite(SqliteFile),
    Csv(std::path::PathBuf),
}

const NAMES: [&str; 4] = ["postgres", "mysql", "sqlite", "csv"];

/// Text that tools mangle: blanks, quotes, line ends, emoji, empty apart from NULL.
const ROWS: [(i64, Option<&str>, &str); 6] = [
    (1, Some("plain"), "1.50"),
    (2, Some(""), "-0.01"),
    (3, None, "99999999.99"),
    (4, Some("a \"quoted\", comma;\ttab"), "0.00"),
    (5, Some("line\r\nbreak \\N \\ 'single'"), "10.10"),
    (6, Some("é 😀 \u{2003}wide "), "7.00"),
];

impl End {
    fn new(system: &str, folder: &Path, label: &str) -> Option<Self> {
        Some(match system {
            "postgres" => Self::Postgres(PostgresDatabase::create(label)?),
            "mysql" => Self::Mysql(MysqlDatabase::create(label)?),
            "sqlite" => Self::Sqlite(SqliteFile::new(folder.join(format!("{label}.sqlite")))),
            _ => {
                let path = folder.join(format!("{label}-csv"));
                std::fs::create_dir(&path).unwrap();
                Self::Csv(path)
            }
        })
    }

    fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url(),
            Self::Mysql(database) => database.url(),
            Self::Sqlite(file) => file.url(),
            Self::Csv(path) => format!("csv:{}", path.display()),
        }
    }

    fn fill(&self) {
        let create = "CREATE TABLE things (id BIGINT PRIMARY KEY, label VARCHAR(60), price DECIMAL(10,2) NOT NULL)";
        let escape = if matches!(self, Self::Mysql(_)) { "\\\\" } else { "\\" };
        let value = |(id, label, price): &(i64, Option<&str>, &str)| {
            let label = label.map_or_else(
                || "NULL".to_owned(),
                |label| format!("'{}'", label.replace('\\', escape).replace('\'', "''")),
            );
            format!("({id}, {label}, {price})")
        };
        let values: Vec<String> = ROWS.iter().map(value).collect();
        let insert = format!("INSERT INTO things VALUES {}", values.join(", "));
        match self {
            Self::Postgres(database) => database.execute(&format!("{create}; {insert}")),
            Self::Mysql(database) => {
                database.execute(create);
                database.execute(&insert);
            }
            Self::Sqlite(file) => file.execute(&format!("{create}; {insert}")),
            Self::Csv(path) => {
                let field = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
                let line = |(id, label, price): &(i64, Option<&str>, &str)| {
                    format!("{id},{},{price}\n", label.map(field).unwrap_or_default())
                };
                let lines: String = ROWS.iter().map(line).collect();
                std::fs::write(path.join("things.csv"), format!("id,label,price\n{lines}")).unwrap();
            }
        }
    }

    fn rows(&self) -> Vec<(String, Option<String>, String)> {
        let sql = "SELECT id, label, price FROM things ORDER BY id";
        let rows = match self {
            Self::Postgres(database) => database.rows(sql),
            Self::Mysql(database) => {
                database.rows("SELECT hex(concat(id)), hex(label), hex(concat(price)) FROM things ORDER BY id")
            }
            Self::Sqlite(file) => file.rows(sql),
            Self::Csv(path) => return csv_rows(path),
        };
        let hexed = matches!(self, Self::Mysql(_));
        let row = |row: Vec<Option<String>>| {
            let [id, label, price] = <[_; 3]>::try_from(row).unwrap();
            let text = |cell: Option<String>| if hexed { cell.map(|hex| unhex(&hex)) } else { cell };
            (text(id).unwrap(), text(label), normal(&text(price).unwrap()))
        };
        rows.into_iter().map(row).collect()
    }
}

/// Read by the `csv` crate, with NULL told from empty by the bytes of the file.
fn csv_rows(path: &Path) -> Vec<(String, Option<String>, String)> {
    let text = std::fs::read_to_string(path.join("things.csv")).unwrap();
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let row = |record: csv::StringRecord| {
        let id = record[0].to_owned();
        let null = text.contains(&format!("\n{id},,"));
        let label = if null { None } else { Some(record[1].to_owned()) };
        (id, label, normal(&record[2]))
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn unhex(hex: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    String::from_utf8((0..hex.len()).step_by(2).map(byte).collect()).unwrap()
}

/// SQLite keeps 1.5 of 1.50.
fn normal(price: &str) -> String {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}.{fraction:0<2}")
}

fn migrate(from: &str, to: &str) {
    let desk = Desk::new();
    let Some(source) = End::new(from, desk.folder(), &format!("{from}to{to}a")) else { return };
    let Some(destination) = End::new(to, desk.folder(), &format!("{from}to{to}b")) else { return };
    source.fill();
    desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", &destination.url()]);
    desk.run_to(0, &["check", "plan.toml"]);
    desk.run_to(0, &["run", "plan.toml", "--on-error", "stop"]);
    let expected: Vec<_> =
        ROWS.iter().map(|(id, label, price)| (id.to_string(), label.map(str::to_owned), (*price).to_owned())).collect();
    assert_eq!(destination.rows(), expected, "{from} to {to}");
}

#[test]
fn from_postgres() {
    NAMES.iter().for_each(|to| migrate("postgres", to));
}

#[test]
fn from_mysql() {
    NAMES.iter().for_each(|to| migrate("mysql", to));
}

#[test]
fn from_sqlite() {
    NAMES.iter().for_each(|to| migrate("sqlite", to));
}

#[test]
fn from_csv() {
    NAMES.iter().for_each(|to| migrate("csv", to));
}

#[test]
fn bytes_go_into_a_file_as_hex_and_the_run_can_be_resumed() {
    let desk = Desk::new();
    let source = SqliteFile::new(desk.path("bytes.sqlite"));
    source.execute(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, picture BLOB);
         INSERT INTO things VALUES (1, x'00ff89'), (2, NULL), (3, x'');",
    );
    std::fs::create_dir(desk.path("out")).unwrap();
    desk.run_to(0, &["new", "plan.toml", "--source", &source.url(), "--destination", "csv:out"]);
    desk.run_to(0, &["run", "plan.toml", "--on-error", "stop"]);
    let written = std::fs::read_to_string(desk.path("out/things.csv")).unwrap();
    assert_eq!(written, "id,picture\n1,\\x00ff89\n2,\n3,\\x\n");
    source.execute("INSERT INTO things VALUES (4, x'01')");
    desk.write(
        "more.toml",
        &std::fs::read_to_string(desk.path("plan.toml"))
            .unwrap()
            .replace("from = \"things\"", "from = \"things\"\nwhere = \"id > 3\""),
    );
    let told = desk.run_to(0, &["run", "more.toml", "--on-error", "stop"]);
    assert_eq!(told.result()["counts"]["filtered"], 3);
    assert!(std::fs::read_to_string(desk.path("out/things.csv")).unwrap().ends_with("3,\\x\n4,\\x01\n"));
}

#[test]
fn between_two_files_values_stay_as_they_are_unless_the_plan_writes_a_type() {
    let desk = Desk::new();
    let source = SqliteFile::new(desk.path("old.sqlite"));
    source.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 7), (2, 'two')");
    let plan = |to: &str, column: &str| {
        format!(
            "[source]\nurl = \"sqlite:old.sqlite\"\n[destination]\nurl = \"sqlite:{to}\"\n[[table]]\nfrom = \"t\"\n{column}"
        )
    };
    desk.write("as-is.toml", &plan("as-is.sqlite", ""));
    desk.run_to(0, &["run", "as-is.toml", "--on-error", "flag"]);
    let kept = SqliteFile::new(desk.path("as-is.sqlite"));
    assert_eq!(kept.count("SELECT count(*) FROM t WHERE n = 'two'"), 1);
    desk.write("typed.toml", &plan("typed.sqlite", "[table.columns]\nn = { type = \"bigint\" }\n"));
    let told = desk.run_to(3, &["run", "typed.toml", "--on-error", "flag"]);
    assert_eq!(told.result()["counts"]["flagged"], 1);
}
