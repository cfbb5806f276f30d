//! Against the server that `WHIMBREL_TEST_MYSQL` names; each test makes a database of its own and drops it.

// A test that is skipped says so.
#![allow(clippy::print_stderr)]

mod connect;
mod ddl;
mod load;
mod modes;
mod ranges;
mod sakila;
mod types;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use datafusion::arrow::{array::RecordBatch, compute::concat_batches, datatypes::Schema};

use super::{
    Mysql,
    connect::{Address, Role, Session, text_at},
};
use crate::{
    endpoint::{
        Catalog as _, Destination as _, LoadOptions, Loader, Mark, Outlet, Position, Range, Reject, Snapshot,
        Source as _, SourceBatch, Until,
    },
    model::{Cell, Counts, RunId, Table, array_of, cell_at},
};

/// `mysql://root@127.0.0.1:3306/`, without a database.
fn server() -> String {
    let url = std::env::var("WHIMBREL_TEST_MYSQL").unwrap_or_else(|_| "mysql://root@127.0.0.1:3306/".into());
    url.trim_end_matches('/').to_owned()
}

/// A database of the test's own.
struct Scratch {
    name: String,
}

impl Scratch {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("whimbrel_test_{}_{number}", std::process::id());
        admin("mysql").await.execute(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await.unwrap();
        Self { name }
    }

    fn url(&self) -> String {
        format!("{}/{}", server(), self.name)
    }

    async fn mysql(&self) -> Mysql {
        Mysql::connect(&self.url(), None, false).await.unwrap()
    }

    /// A lax session: what tests put in is not always proper.
    async fn session(&self) -> Session {
        admin(&self.name).await
    }

    async fn run(&self, statements: &[&str]) {
        let mut session = self.session().await;
        for statement in statements {
            session.execute(*statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    /// All rows of a query, as text.
    async fn rows(&self, query: &str) -> Vec<Vec<Option<String>>> {
        let rows = self.session().await.shown(query).await.unwrap();
        rows.iter().map(|row| (0..sqlx::Row::len(row)).map(|index| text_at(row, index)).collect()).collect()
    }

    /// Whatever still holds the database is cut off first.
    async fn drop(self) {
        let mut session = admin("mysql").await;
        let held = format!("SELECT CAST(ID AS CHAR) FROM information_schema.PROCESSLIST WHERE DB = '{}'", self.name);
        for row in session.rows(held, &[]).await.unwrap() {
            let _ = session.execute(format!("KILL CONNECTION {}", text_at(&row, 0).unwrap())).await;
        }
        session.execute(format!("DROP DATABASE {}", self.name)).await.unwrap();
    }
}

async fn admin(database: &str) -> Session {
    let url = format!("{}/{database}", server());
    Address::parse(&url, None).unwrap().connect(Role::Look { read_only: false }).await.unwrap()
}

/// Everything that a range holds.
async fn read(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    range: &Range,
    bytes: usize,
) -> (Vec<SourceBatch>, Option<Position>) {
    let (sender, mut receiver) = Outlet::new(1);
    let collect = async {
        let mut batches = Vec::new();
        while let Some(batch) = receiver.recv().await {
            batches.push(batch);
        }
        batches
    };
    let (end, batches) = tokio::join!(snapshot.read(table, range, bytes, sender), collect);
    (batches, end.unwrap())
}

const WHOLE: Range = Range { after: None, until: Until::End };

/// A table's rows in one batch, and its rejects.
async fn read_all(mysql: &Mysql, name: &str) -> (Table, RecordBatch, Vec<Reject>) {
    let table = mysql.describe(name).await.unwrap();
    let snapshot = mysql.snapshot().await.unwrap();
    let (batches, end) = read(&snapshot, &table, &WHOLE, 1 << 20).await;
    assert_eq!(end, None);
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), |first| first.batch.schema());
    let whole = concat_batches(&schema, batches.iter().map(|batch| &batch.batch)).unwrap();
    (table, whole, batches.into_iter().flat_map(|batch| batch.rejects).collect())
}

fn cells(batch: &RecordBatch) -> Vec<Vec<Cell>> {
    let row = |row| batch.columns().iter().map(|column| cell_at(column, row)).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// A batch in a table's columns, from texts (`None` is NULL).
fn batch(table: &Table, rows: &[&[Option<&str>]]) -> RecordBatch {
    let fields = table.columns.iter().map(|column| (column.name.clone(), column));
    RecordBatch::try_from_iter(fields.enumerate().map(|(index, (name, column))| {
        let cell = |row: &&[Option<&str>]| row[index].map_or(Cell::Null, Cell::text);
        let cells: Vec<Cell> = rows.iter().map(cell).collect();
        (name, array_of(&column.ty, &cells).unwrap())
    }))
    .unwrap()
}

fn all_columns(table: &Table) -> LoadOptions {
    LoadOptions { columns: table.columns.iter().map(|column| column.name.clone()).collect(), ..LoadOptions::default() }
}

async fn loader(mysql: &Mysql, table: &Table) -> Box<dyn Loader> {
    mysql.open(table, &all_columns(table)).await.unwrap()
}

fn mark(table: &str, chunk: u64) -> Mark {
    Mark {
        run: RunId("0190-test".into()),
        table: table.into(),
        chunk,
        end: Some(Position(r#"["1"]"#.into())),
        counts: Counts { read: 3, written: 2, skipped: 1, ..Counts::default() },
        retried: String::new(),
    }
}
