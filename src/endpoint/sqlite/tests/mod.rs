//! What the tests of reading and of writing share: files, and the long way round a trait.

mod modes;
mod reading;
mod writing;

use std::{collections::BTreeSet, sync::Arc};

use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{
    endpoint::{Outlet, Position, Refusal, SourceBatch, Until, paging::assert_pages_follow},
    model::{Cause, Cell, ColumnType, Count, Counts, ForeignKey, array_of, cell_at},
};

const CHINOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/chinook.sqlite");

struct Fixture {
    _folder: TempDir,
    path: PathBuf,
}

impl Fixture {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        Self { _folder: folder, path }
    }

    fn new(sql: &str) -> Self {
        let fixture = Self::empty();
        fixture.connection().execute_batch(sql).unwrap();
        fixture
    }

    fn chinook() -> Option<Self> {
        let fixture = Self::empty();
        if std::fs::copy(CHINOOK, &fixture.path).is_err() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "SKIPPED: {CHINOOK} is not here");
            return None;
        }
        Some(fixture)
    }

    fn connection(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }

    async fn source(&self) -> Sqlite {
        Sqlite::connect(&self.path, true).await.unwrap()
    }

    async fn destination(&self) -> Sqlite {
        Sqlite::connect(&self.path, false).await.unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        self.connection().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

async fn read(
    snapshot: &Arc<dyn Snapshot>,
    table: &Table,
    range: &crate::endpoint::Range,
    batch_bytes: usize,
) -> (Vec<SourceBatch>, Option<Position>) {
    let (sender, mut receiver) = Outlet::new(1);
    let gather = async {
        let mut batches = Vec::new();
        while let Some(batch) = receiver.recv().await {
            batches.push(batch);
        }
        batches
    };
    let (end, batches) = tokio::join!(snapshot.read(table, range, batch_bytes, sender), gather);
    (batches, end.unwrap())
}

/// All rows of a table in ranges, as cells; rejected ones as `None`.
async fn read_all(source: &Sqlite, name: &str, rows: u64, batch_bytes: usize) -> Vec<Option<Vec<Cell>>> {
    let table = source.describe(name).await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    let (mut after, mut all) = (None, Vec::new());
    while let Some(range) = snapshot.next_range(&table, after.as_ref(), rows).await.unwrap() {
        let (batches, end) = read(&snapshot, &table, &range, batch_bytes).await;
        for batch in &batches {
            let mut rows: Vec<Option<Vec<Cell>>> = vec![None; batch.rows()];
            for (index, place) in batch.places().into_iter().enumerate() {
                rows[place] = Some(batch.batch.columns().iter().map(|column| cell_at(column, index)).collect());
            }
            all.extend(rows);
        }
        match (end, range.until) {
            (Some(end), Until::Position(until)) => assert_eq!(end, until),
            (Some(_), _) => panic!("a range to the end ended before it"),
            (None, _) => return all,
        }
        after = match snapshot.next_range(&table, after.as_ref(), rows).await.unwrap().unwrap().until {
            Until::Position(until) => Some(until),
            _ => panic!("the same range again must have the same bound"),
        };
    }
    all
}

fn batch(columns: &[(&str, &str, &[Option<&str>])]) -> RecordBatch {
    let array = |ty: &str, cells: &[Option<&str>]| -> ArrayRef {
        let cells: Vec<Cell> = cells.iter().map(|cell| cell.map_or(Cell::Null, Cell::text)).collect();
        array_of(&ty.parse().unwrap(), &cells).unwrap()
    };
    RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, ty, cells)| (*name, array(ty, cells), true)))
        .unwrap()
}

fn mark(table: &str, chunk: u64, written: u64) -> Mark {
    Mark {
        run: RunId("run-1".into()),
        table: table.into(),
        chunk,
        end: Some(Position("7".into())),
        counts: Counts { read: written + 1, written, skipped: 1, flagged: 0, filtered: 3, unchanged: 2 },
        retried: String::new(),
    }
}

fn options(columns: &[&str]) -> LoadOptions {
    LoadOptions { columns: columns.iter().map(|name| (*name).to_owned()).collect(), ..LoadOptions::default() }
}

async fn loader(destination: &Sqlite, table: &str, columns: &[&str]) -> Box<dyn Loader> {
    let table = destination.describe(table).await.unwrap();
    destination.open(&table, &options(columns)).await.unwrap()
}
