//! Against a real server: each test has a database of its own.

mod finishing;
mod modes;
mod ranges;
mod refusals;
mod sessions;
mod types;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use datafusion::arrow::{compute::concat_batches, record_batch::RecordBatch};
use sqlx::{Connection as _, Row as _, postgres::PgConnection};
use url::Url;

use super::*;
use crate::{
    endpoint::{Outlet, Position, Range, Reject, SourceBatch},
    model::{Cell, Counts},
};

fn server() -> Url {
    let fallback = "postgres://postgres@127.0.0.1:5432/postgres".to_owned();
    Url::parse(&std::env::var("WHIMBREL_TEST_POSTGRES").unwrap_or(fallback)).unwrap()
}

/// A new database that is dropped with this value, whoever is still in it.
struct Database {
    name: String,
    url: String,
}

impl Database {
    async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("whimbrel_pg_{nanos}_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        admin(&format!("CREATE DATABASE {name}")).await;
        let mut url = server();
        url.set_path(&name);
        Self { name, url: url.into() }
    }

    async fn connect(&self) -> Postgres {
        Postgres::connect(&self.url, None, false).await.unwrap()
    }

    async fn source(&self) -> Postgres {
        Postgres::connect(&self.url, None, true).await.unwrap()
    }

    async fn session(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    async fn run(&self, statements: &str) {
        sql::run(&mut self.session().await, statements).await.unwrap();
    }

    /// The first column of the query's rows as text.
    async fn texts(&self, query: &str) -> Vec<String> {
        let rows = sql::rows(&mut self.session().await, query).await.unwrap();
        rows.iter().map(|row| row.try_get::<Option<String>, _>(0).unwrap().unwrap_or("NULL".into())).collect()
    }

    async fn text(&self, query: &str) -> String {
        self.texts(query).await.remove(0)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(admin(&statement));
        });
        let _ = dropping.join();
    }
}

async fn admin(statement: &str) {
    let mut session = PgConnection::connect(server().as_str()).await.unwrap();
    sql::run(&mut session, statement).await.unwrap();
}

/// All rows of a range, in one batch.
async fn read_range(
    snapshot: &dyn Snapshot,
    table: &Table,
    range: &Range,
    batch_bytes: usize,
) -> Result<(RecordBatch, Vec<Reject>, Option<Position>)> {
    let (out, mut received) = Outlet::new(1);
    let collect = async {
        let mut messages: Vec<SourceBatch> = Vec::new();
        while let Some(message) = received.recv().await {
            messages.push(message);
        }
        messages
    };
    let (end, messages) = tokio::join!(snapshot.read(table, range, batch_bytes, out), collect);
    let schema = decode::schema_of(&table.columns);
    let batch = concat_batches(&schema, messages.iter().map(|message| &message.batch)).unwrap();
    Ok((batch, messages.into_iter().flat_map(|message| message.rejects).collect(), end?))
}

/// The whole table, through ranges of `rows` rows.
async fn read_table(snapshot: &dyn Snapshot, table: &Table, rows: u64) -> (RecordBatch, Vec<Reject>) {
    let mut batches = Vec::new();
    let mut rejects = Vec::new();
    let mut after = None;
    while let Some(range) = snapshot.next_range(table, after.as_ref(), rows).await.unwrap() {
        let (batch, rejected, end) = read_range(snapshot, table, &range, 1 << 20).await.unwrap();
        batches.push(batch);
        rejects.extend(rejected);
        if end.is_none() {
            break;
        }
        after = end;
    }
    let schema = decode::schema_of(&table.columns);
    (concat_batches(&schema, &batches).unwrap(), rejects)
}

fn mark(table: &str, chunk: u64) -> Mark {
    Mark {
        run: RunId("r1".into()),
        table: table.into(),
        chunk,
        end: Some(Position("[\"9\"]".into())),
        counts: Counts { read: 3, written: 2, skipped: 1, flagged: 0, filtered: 4, unchanged: 5 },
        retried: String::new(),
    }
}

/// All columns that can be written, foreign keys enforced.
fn all_columns(table: &Table) -> LoadOptions {
    let columns = table.columns.iter().filter(|column| !column.generated).map(|column| column.name.clone()).collect();
    LoadOptions { columns, ..LoadOptions::default() }
}

/// A batch of text cells, one row a line, cells parted by `|`, `NULL` for NULL, converted to the table's types.
fn batch_of(table: &Table, rows: &[String]) -> RecordBatch {
    let schema = decode::schema_of(&table.columns);
    let arrays = table.columns.iter().enumerate().map(|(place, column)| {
        let cell = |row: &String| match row.split('|').nth(place).unwrap() {
            "NULL" => Cell::Null,
            text => Cell::text(text),
        };
        crate::model::array_of(&column.ty, &rows.iter().map(cell).collect::<Vec<_>>()).unwrap()
    });
    RecordBatch::try_new(schema, arrays.collect()).unwrap()
}
