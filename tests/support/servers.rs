//! Databases of a test's own on real servers, dropped when the test ends, however it ends.
//!
//! One idea: everything here is synchronous and runs on a thread of its own, so that plain tests, async tests and `Drop`
//! use it alike.

use std::{
    env,
    future::Future,
    process,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row, TypeInfo, ValueRef, mysql::MySqlRow,
    postgres::PgRow,
};
use url::Url;

use super::{normal::Raw, script::statements_of, skip::left_out};

const PATIENCE: Duration = Duration::from_secs(10);

/// A PostgreSQL database of the test's own.
#[derive(Debug)]
pub struct PostgresDatabase {
    server: Url,
    name: String,
}

/// A MySQL or MariaDB database of the test's own.
#[derive(Debug)]
pub struct MysqlDatabase {
    server: Url,
    name: String,
}

/// Where PostgreSQL is, as far as anybody said.
pub fn postgres_server() -> String {
    env::var("WHIMBREL_TEST_POSTGRES").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".into())
}

/// Where MariaDB or MySQL is, as far as anybody said.
pub fn mysql_server() -> String {
    env::var("WHIMBREL_TEST_MYSQL").unwrap_or_else(|_| "mysql://root@127.0.0.1:3306/".into())
}

impl PostgresDatabase {
    /// A new, empty database in UTF-8. `None` where no server answers: the test then returns at once.
    pub fn create(label: &str) -> Option<Self> {
        static ANSWERS: OnceLock<Result<(), String>> = OnceLock::new();
        let server = available("PostgreSQL", postgres_server(), &ANSWERS, |url| wait(reach::<PgConnection>(url)))?;
        let database = Self { server, name: unique_name(label) };
        let name = &database.name;
        database.on_server(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).unwrap();
        Some(database)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self) -> String {
        url_of(&self.server, &self.name)
    }

    /// Runs one or more statements.
    pub fn execute(&self, sql: &str) {
        wait(execute::<PgConnection>(&self.url(), sql)).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// All rows of a query, every value as PostgreSQL's own text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        as_text(self.values(sql))
    }

    pub fn values(&self, sql: &str) -> Vec<Vec<Raw>> {
        let rows = wait(fetch::<PgConnection>(&self.url(), sql)).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        rows.iter().map(postgres_row).collect()
    }

    /// The number that a query gives.
    pub fn count(&self, sql: &str) -> u64 {
        number(&self.rows(sql), sql)
    }

    fn on_server(&self, sql: &str) -> Result<(), sqlx::Error> {
        wait(execute::<PgConnection>(self.server.as_str(), sql))
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let name = &self.name;
        let others = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        report(name, self.on_server(&others));
        report(name, self.on_server(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
    }
}

impl MysqlDatabase {
    /// A new, empty database in utf8mb4. `None` where no server answers: the test then returns at once.
    pub fn create(label: &str) -> Option<Self> {
        static ANSWERS: OnceLock<Result<(), String>> = OnceLock::new();
        let server = available("MariaDB", mysql_server(), &ANSWERS, |url| wait(reach::<MySqlConnection>(url)))?;
        let database = Self { server, name: unique_name(label) };
        database.on_server(&format!("CREATE DATABASE {} CHARACTER SET utf8mb4", database.name)).unwrap();
        Some(database)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self) -> String {
        url_of(&self.server, &self.name)
    }

    /// Runs one or more statements.
    pub fn execute(&self, sql: &str) {
        wait(execute::<MySqlConnection>(&self.url(), sql)).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// Runs a script as the `mariadb` client would, in this database whatever the script itself would choose.
    pub fn run_script(&self, script: &str) {
        let statements = statements_of(script);
        wait(execute_each(&self.url(), &statements)).unwrap_or_else(|error| panic!("{error}"));
    }

    /// All rows of a query, every value as the server's own text, bytes in hex.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        as_text(self.values(sql))
    }

    pub fn values(&self, sql: &str) -> Vec<Vec<Raw>> {
        let rows = wait(fetch::<MySqlConnection>(&self.url(), sql)).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        rows.iter().map(mysql_row).collect()
    }

    /// The number that a query gives.
    pub fn count(&self, sql: &str) -> u64 {
        number(&self.rows(sql), sql)
    }

    fn on_server(&self, sql: &str) -> Result<(), sqlx::Error> {
        wait(execute::<MySqlConnection>(self.server.as_str(), sql))
    }

    pub fn end_other_sessions(&self) -> Result<(), sqlx::Error> {
        let others = format!("SELECT id FROM information_schema.processlist WHERE db = '{}'", self.name);
        let rows = wait(fetch::<MySqlConnection>(self.server.as_str(), &others))?;
        for id in as_text(rows.iter().map(mysql_row).collect()).into_iter().flatten().flatten() {
            // It may have gone by itself in between.
            let _ = self.on_server(&format!("KILL {id}"));
        }
        Ok(())
    }
}

impl Drop for MysqlDatabase {
    fn drop(&mut self) {
        report(&self.name, self.end_other_sessions());
        report(&self.name, self.on_server(&format!("DROP DATABASE IF EXISTS {}", self.name)));
    }
}

/// Runs statements on a server of one's own; the number that the last one gives, if it gives one.
pub fn run_on_postgres(url: &str, sql: &str) -> Option<u64> {
    let rows = wait(fetch::<PgConnection>(url, sql)).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let rows = as_text(rows.iter().map(postgres_row).collect());
    rows.last()?.first()?.as_ref()?.parse().ok()
}

/// The same on MariaDB.
pub fn run_on_mysql(url: &str, sql: &str) -> Option<u64> {
    let rows = wait(fetch::<MySqlConnection>(url, sql)).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let rows = as_text(rows.iter().map(mysql_row).collect());
    rows.last()?.first()?.as_ref()?.parse().ok()
}

/// Values as text: bytes in hex, NULL as `None`.
pub fn as_text(rows: Vec<Vec<Raw>>) -> Vec<Vec<Option<String>>> {
    rows.into_iter().map(|row| row.into_iter().map(Raw::into_text).collect()).collect()
}

fn number(rows: &[Vec<Option<String>>], sql: &str) -> u64 {
    match rows {
        [row] => row[0].as_ref().and_then(|text| text.parse().ok()),
        _ => None,
    }
    .unwrap_or_else(|| panic!("no number: {rows:?}\n{sql}"))
}

fn report(name: &str, outcome: Result<(), sqlx::Error>) {
    use std::io::Write;
    if let Err(error) = outcome {
        let _ = writeln!(std::io::stderr(), "could not drop the test database {name}: {error}");
    }
}

fn available(
    system: &str,
    url: String,
    answers: &OnceLock<Result<(), String>>,
    reach: impl Fn(&str) -> Result<(), String>,
) -> Option<Url> {
    let outcome = if url == "none" { &Err("it is switched off".into()) } else { answers.get_or_init(|| reach(&url)) };
    match outcome {
        Ok(()) => Some(Url::parse(&url).unwrap()),
        Err(why) => {
            left_out(&format!("{system} is not available: {why}"));
            None
        }
    }
}

fn url_of(server: &Url, database: &str) -> String {
    let mut url = server.clone();
    url.set_path(database);
    url.into()
}

fn unique_name(label: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let label: String = label.to_lowercase().chars().filter(|char| char.is_ascii_alphanumeric()).take(20).collect();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("whimbrel_{label}_{}_{next}_{:x}", process::id(), since.as_micros())
}

/// The future's outcome, from a runtime on a thread of its own.
fn wait<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
    thread::scope(|scope| scope.spawn(run).join()).unwrap()
}

async fn reach<C: Connection>(url: &str) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, C::connect(url)).await {
        Ok(Ok(connection)) => connection.close().await.map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

async fn execute<C>(url: &str, sql: &str) -> Result<(), sqlx::Error>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
{
    let mut connection = C::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

async fn execute_each(url: &str, statements: &[String]) -> Result<(), String> {
    let mut connection = MySqlConnection::connect(url).await.map_err(|error| error.to_string())?;
    for statement in statements {
        let outcome = sqlx::raw_sql(AssertSqlSafe(statement.as_str())).execute(&mut connection).await;
        outcome.map_err(|error| format!("{error}\n{}", statement.chars().take(2_000).collect::<String>()))?;
    }
    connection.close().await.map_err(|error| error.to_string())
}

async fn fetch<C>(url: &str, sql: &str) -> Result<Vec<<C::Database as sqlx::Database>::Row>, sqlx::Error>
where
    C: Connection,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
{
    let mut connection = C::connect(url).await?;
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(rows)
}

fn postgres_row(row: &PgRow) -> Vec<Raw> {
    let value = |at| {
        let value = row.try_get_raw(at).unwrap();
        if value.is_null() { Raw::Null } else { Raw::Text(value.as_str().unwrap().to_owned()) }
    };
    (0..row.len()).map(value).collect()
}

fn mysql_row(row: &MySqlRow) -> Vec<Raw> {
    let value = |at| {
        let binary = row.try_get_raw(at).unwrap().type_info().name().to_owned();
        let binary = binary.contains("BLOB") || matches!(binary.as_str(), "BINARY" | "VARBINARY" | "GEOMETRY" | "BIT");
        match row.try_get_unchecked::<Option<Vec<u8>>, _>(at).unwrap() {
            None => Raw::Null,
            Some(bytes) if binary => Raw::Bytes(bytes),
            Some(bytes) => String::from_utf8(bytes).map_or_else(|error| Raw::Bytes(error.into_bytes()), Raw::Text),
        }
    };
    (0..row.len()).map(value).collect()
}
