use std::{collections::BTreeSet, sync::Arc};

use datafusion::arrow::{array::ArrayRef, record_batch::RecordBatch};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::{
    endpoint::{Position, Refusal, SourceBatch, Until},
    model::{Cause, Cell, ColumnType, Count, Counts, ForeignKey, array_of, cell_at},
};

const CHINOOK: &str = "/work/shared/data/chinook.sqlite";

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
            eprintln!("SKIPPED: {CHINOOK} is not here");
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
    let (sender, mut receiver) = mpsc::channel(2);
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
        counts: Counts { read: written + 1, written, skipped: 1, flagged: 0, filtered: 3 },
        retried: String::new(),
    }
}

fn options(columns: &[&str]) -> LoadOptions {
    LoadOptions { columns: columns.iter().map(|name| (*name).to_owned()).collect(), suspend_foreign_keys: false }
}

async fn loader(destination: &Sqlite, table: &str, columns: &[&str]) -> Box<dyn Loader> {
    let table = destination.describe(table).await.unwrap();
    destination.open(&table, &options(columns)).await.unwrap()
}

#[tokio::test]
async fn chinook_is_described_as_its_schema_says() {
    let Some(fixture) = Fixture::chinook() else { return };
    let source = fixture.source().await;
    let tables = source.tables().await.unwrap();
    assert_eq!(tables.len(), 11);
    assert_eq!(tables.iter().map(|table| table.rows.exact().unwrap()).sum::<u64>(), 15_607);
    assert!(tables.iter().all(|table| table.bytes.is_some_and(|bytes| bytes > 0)));
    let track = source.describe("Track").await.unwrap();
    assert_eq!(track.key, ["TrackId"]);
    assert!(track.column("TrackId").unwrap().identity);
    assert_eq!(track.column("UnitPrice").unwrap().ty.to_string(), "decimal(10,2)");
    assert_eq!(track.column("Name").unwrap().native, "NVARCHAR(200)");
    assert_eq!(track.foreign_keys.len(), 3);
    let list = source.describe("PlaylistTrack").await.unwrap();
    assert_eq!(list.key, ["PlaylistId", "TrackId"]);
    assert!(!list.column("TrackId").unwrap().identity);
    let employee = source.describe("Employee").await.unwrap();
    assert_eq!(employee.foreign_keys[0].table, "Employee");
    assert_eq!(employee.foreign_keys[0].referenced, ["EmployeeId"]);
    assert_eq!(employee.column("BirthDate").unwrap().ty, ColumnType::Timestamp { zone: false });
}

#[tokio::test]
async fn chinook_is_read_in_ranges_exactly_once() {
    let Some(fixture) = Fixture::chinook() else { return };
    let source = fixture.source().await;
    let mut total = 0;
    for entry in source.tables().await.unwrap() {
        let rows = read_all(&source, &entry.name, 97, 2_000).await;
        assert!(rows.iter().all(Option::is_some), "{}", entry.name);
        let distinct: BTreeSet<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        assert_eq!(distinct.len(), rows.len(), "{}", entry.name);
        assert_eq!(rows.len() as u64, source.count(&entry.name).await.unwrap());
        assert_eq!(rows, read_all(&source, &entry.name, 1_000_000, 1 << 20).await);
        total += rows.len();
    }
    assert_eq!(total, 15_607);
    let invoices = read_all(&source, "Invoice", 50, 1 << 20).await;
    assert_eq!(invoices[0].as_ref().unwrap()[8], Cell::text("1.98"));
    assert_eq!(invoices[0].as_ref().unwrap()[2], Cell::text("2021-01-01T00:00:00"));
}

#[tokio::test]
async fn a_preview_shows_rows_as_a_run_reads_them() {
    let Some(fixture) = Fixture::chinook() else { return };
    let source = fixture.source().await;
    let table = source.describe("Genre").await.unwrap();
    let page = source.preview(&table, 23, 10).await.unwrap();
    assert_eq!(page.total, Count::Exact(25));
    assert_eq!(
        page.rows,
        [vec![Cell::text("24"), Cell::text("Classical")], vec![Cell::text("25"), Cell::text("Opera")]]
    );
}

#[tokio::test]
async fn cells_that_break_their_declared_type_are_rejected_as_they_are() {
    let fixture = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, d DECIMAL(6,2), b BOOLEAN, x BLOB, s TEXT, at DATETIME);
         INSERT INTO t VALUES (1, 1, 1.25, 1, x'00ff', 'a' || char(0) || 'b', '2024-06-12 14:30:00.5');
         INSERT INTO t VALUES (2, 'abc', 2, 0, NULL, NULL, NULL);
         INSERT INTO t VALUES (3, 1.5, 2, 0, NULL, NULL, NULL);
         INSERT INTO t VALUES (4, 4, 1.255, 'true', NULL, NULL, NULL);
         INSERT INTO t VALUES (5, 5, 10000, 2, NULL, NULL, NULL);
         INSERT INTO t VALUES (6, 6, 9999.99, 2, NULL, NULL, NULL);
         INSERT INTO t VALUES (7, 7, 7, 'F', 'text', NULL, NULL);
         INSERT INTO t VALUES (8, 8, 8, NULL, NULL, x'616263', NULL);
         INSERT INTO t VALUES (9, 9, 9, NULL, NULL, CAST(x'ff41' AS TEXT), NULL);
         INSERT INTO t VALUES (10, 10, 10, NULL, NULL, NULL, 1700000000);
         INSERT INTO t VALUES (11, 11, 11, NULL, NULL, NULL, '2024-06-12 14:30:00+02:00');
         INSERT INTO t VALUES (12, 12, 0.1, 'f', x'', '', '2024-06-12');",
    );
    let source = fixture.source().await;
    let table = source.describe("t").await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    let range = snapshot.next_range(&table, None, 100).await.unwrap().unwrap();
    let (batches, end) = read(&snapshot, &table, &range, 1 << 20).await;
    assert_eq!((batches.len(), end), (1, None));
    let rejects = &batches[0].rejects;
    let refused: Vec<(usize, &str)> =
        rejects.iter().map(|reject| (reject.place + 1, table.columns[reject.column].name.as_str())).collect();
    assert_eq!(
        refused,
        [(2, "n"), (3, "n"), (4, "d"), (5, "d"), (6, "b"), (7, "x"), (8, "s"), (9, "s"), (10, "at"), (11, "at")]
    );
    assert_eq!(rejects[0].message, "'abc' (text) in a column declared INTEGER");
    assert_eq!(rejects[0].cells[1], Cell::text("abc"));
    assert_eq!(
        rejects[3].message,
        "10000 (integer) in a column declared DECIMAL(6,2) does not fit 6 digits with 2 after the point"
    );
    assert_eq!(rejects[7].cells[5], Cell::Bytes(vec![0xff, 0x41]));
    let kept = &batches[0].batch;
    let row = |row: usize| kept.columns().iter().map(|column| cell_at(column, row)).collect::<Vec<_>>();
    let text = Cell::text;
    assert_eq!(
        row(0),
        [
            text("1"),
            text("1"),
            text("1.25"),
            text("true"),
            Cell::Bytes(vec![0, 255]),
            text("a\0b"),
            text("2024-06-12T14:30:00.500")
        ]
    );
    assert_eq!(
        row(1),
        [
            text("12"),
            text("12"),
            text("0.10"),
            text("false"),
            Cell::Bytes(vec![]),
            text(""),
            text("2024-06-12T00:00:00")
        ]
    );
    let page = source.preview(&table, 1, 2).await.unwrap();
    assert_eq!(page.rows[0][1], Cell::text("abc"));
}

#[tokio::test]
async fn dates_kept_as_numbers_are_described_as_numbers() {
    let fixture = Fixture::new(
        "CREATE TABLE t (seconds DATETIME, julian TIMESTAMP, day DATE, never DATE);
         INSERT INTO t VALUES (1700000000, 2460000.5, '2024-06-12', NULL), (NULL, 2460000, 20240612, NULL);",
    );
    let table = fixture.source().await.describe("t").await.unwrap();
    let types: Vec<String> = table.columns.iter().map(|column| column.ty.to_string()).collect();
    assert_eq!(types, ["bigint", "double", "date", "date"]);
    assert_eq!(table.columns[0].native, "DATETIME");
}

#[tokio::test]
async fn tables_without_rowid_are_read_by_their_key_in_its_collation() {
    let fixture = Fixture::new(
        "CREATE TABLE k (a TEXT COLLATE NOCASE, b, v INTEGER, PRIMARY KEY (b, a COLLATE BINARY)) WITHOUT ROWID;
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100)
         INSERT INTO k SELECT 'name', n % 5, n FROM s WHERE n <= 5;
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100)
         INSERT INTO k SELECT 'NAME', CASE n % 3 WHEN 0 THEN n WHEN 1 THEN 'k' || n ELSE n + 0.5 END, n FROM s;
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100)
         INSERT INTO k SELECT 'Name', CASE n % 3 WHEN 0 THEN n WHEN 1 THEN 'k' || n ELSE n + 0.5 END, n FROM s;",
    );
    let source = fixture.source().await;
    let table = source.describe("k").await.unwrap();
    assert_eq!(table.key, ["b", "a"]);
    for rows in [1, 7, 1_000] {
        let all = read_all(&source, "k", rows, 100).await;
        let distinct: BTreeSet<String> = all.iter().map(|row| format!("{row:?}")).collect();
        assert_eq!((all.len(), distinct.len()), (205, 205), "{rows} a range");
    }
}

#[tokio::test]
async fn a_column_named_like_the_row_id_hides_nothing() {
    let fixture = Fixture::new(
        "CREATE TABLE t (rowid TEXT, _rowid_ TEXT); INSERT INTO t VALUES ('x', 'y'), ('x', 'y'), ('x', NULL);
         CREATE TABLE u (rowid INTEGER PRIMARY KEY, _rowid_ INT, oid INT); INSERT INTO u VALUES (5, 0, 0), (9, 0, 0);
         CREATE TABLE v (rowid INT, _rowid_ INT, oid INT); INSERT INTO v VALUES (5, 0, 0);",
    );
    let source = fixture.source().await;
    assert_eq!(read_all(&source, "t", 1, 10).await.len(), 3);
    assert_eq!(read_all(&source, "u", 1, 10).await.len(), 2);
    let table = source.describe("v").await.unwrap();
    let error = source.snapshot().await.unwrap().next_range(&table, None, 5).await.unwrap_err();
    assert!(error.to_string().contains("row id"), "{error}");
}

#[tokio::test]
async fn a_snapshot_does_not_see_what_comes_later() {
    let fixture = Fixture::new("PRAGMA journal_mode = WAL; CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2);");
    let source = fixture.source().await;
    let table = source.describe("t").await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    fixture.connection().execute_batch("INSERT INTO t VALUES (3)").unwrap();
    let range = snapshot.next_range(&table, None, 100).await.unwrap().unwrap();
    let (batches, _) = read(&snapshot, &table, &range, 1 << 20).await;
    assert_eq!(batches.iter().map(SourceBatch::rows).sum::<usize>(), 2);
    assert_eq!(source.count("t").await.unwrap(), 3);
}

#[tokio::test]
async fn a_reader_that_waits_for_room_keeps_no_other_table_waiting() {
    let fixture = Fixture::new(
        "CREATE TABLE a (n INT); CREATE TABLE b (n INT);
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1000) INSERT INTO a SELECT n FROM s;
         INSERT INTO b SELECT n FROM a;",
    );
    let source = fixture.source().await;
    let snapshot = source.snapshot().await.unwrap();
    let (sender, mut stuck) = mpsc::channel(1);
    let a = source.describe("a").await.unwrap();
    let waiting = Arc::clone(&snapshot);
    let task = tokio::spawn(async move {
        let range = crate::endpoint::Range { after: None, until: Until::End };
        waiting.read(&a, &range, 100, sender).await
    });
    while stuck.len() == 0 {
        tokio::task::yield_now().await;
    }
    let b = source.describe("b").await.unwrap();
    let (batches, _) = read(&snapshot, &b, &crate::endpoint::Range { after: None, until: Until::End }, 1_000).await;
    assert_eq!(batches.iter().map(SourceBatch::rows).sum::<usize>(), 1000);
    stuck.close();
    while stuck.recv().await.is_some() {}
    assert!(task.await.unwrap().unwrap().is_some(), "it did not come to the table's end");
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let fixture = Fixture::empty();
    let missing = Sqlite::connect(&fixture.path, true).await.err().unwrap();
    assert_eq!(missing.kind, ErrorKind::NoDatabase);
    let folder = Sqlite::connect(fixture.path.parent().unwrap(), true).await.err().unwrap();
    assert!(folder.to_string().contains("folder"), "{folder}");
    std::fs::write(&fixture.path, "id,name\n1,this is no database\n".repeat(100)).unwrap();
    let wrong = Sqlite::connect(&fixture.path, true).await.err().unwrap();
    assert!(wrong.kind == ErrorKind::NoDatabase && wrong.to_string().contains("not a database"), "{wrong}");
    let nowhere = Sqlite::connect(&fixture.path.join("a/b"), false).await.err().unwrap();
    assert_eq!(nowhere.kind, ErrorKind::NoDatabase);
}

#[tokio::test]
async fn a_source_is_never_written() {
    let fixture = Fixture::new("CREATE TABLE t (a INT)");
    let before = std::fs::read(&fixture.path).unwrap();
    let source = fixture.source().await;
    let table = source.describe("t").await.unwrap();
    assert_eq!(source.create(&table).await.unwrap_err().kind, ErrorKind::Permission);
    assert_eq!(source.prepare().await.unwrap_err().kind, ErrorKind::Permission);
    assert_eq!(source.open(&table, &options(&["a"])).await.err().unwrap().kind, ErrorKind::Permission);
    assert_eq!(source.describe("gone").await.unwrap_err().kind, ErrorKind::NoTable);
    assert_eq!(source.permissions(true, &[]).await.unwrap().len(), 1);
    assert_eq!(std::fs::read(&fixture.path).unwrap(), before);
}

/// Every type there and back.
#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let cases: &[(&str, &str, &[Option<&str>])] = &[
        ("id", "integer", &[Some("-5"), Some("7")]),
        ("b", "boolean", &[Some("true"), Some("false")]),
        ("i8", "tinyint", &[Some("-128"), None]),
        ("big", "bigint", &[Some("-9223372036854775808"), Some("9223372036854775807")]),
        ("huge", "bigint unsigned", &[Some("18446744073709551615"), Some("0")]),
        ("money", "decimal(15,2)", &[Some("-9999999999999.99"), Some("12.00")]),
        ("long", "decimal(38,10)", &[Some("1234567890123456789012345678.0123456789"), Some("0.0000000000")]),
        ("any", "numeric", &[Some("0.1000"), Some("1e400")]),
        ("f", "double", &[Some("0.30000000000000004"), Some("inf")]),
        ("f4", "real", &[Some("0.1"), Some("16777216")]),
        ("s", "text", &[Some("é😀\t\n 007"), Some("")]),
        ("v", "varchar(5)", &[Some("007"), None]),
        ("x", "bytes", &[Some("abc"), Some("")]),
        ("d", "date", &[Some("0009-12-04"), Some("9999-12-31")]),
        ("t", "time", &[Some("23:59:59.999999"), Some("00:00:00")]),
        ("ts", "timestamp", &[Some("1582-10-10T14:30:22.123456"), Some("9999-12-31T23:59:59.999999")]),
        ("tz", "timestamptz", &[Some("2024-06-12T14:30:22.000001Z"), Some("1969-12-31T23:59:59Z")]),
        ("u", "uuid", &[Some("00000000-0000-0000-0000-000000000012"), None]),
        ("j", "json", &[Some("1.0"), Some("{\"a\": [1, null]}")]),
    ];
    let destination = Fixture::empty();
    let sqlite = destination.destination().await;
    let column = |(name, ty, _): &(&str, &str, &[Option<&str>])| {
        sqlite.column_for(&Column::new(*name, ty.parse().unwrap()), Some(System::Postgres))
    };
    let table = Table {
        name: "order \"x\"".into(),
        columns: cases.iter().map(column).collect(),
        key: vec!["id".into()],
        ..Table::default()
    };
    sqlite.create(&table).await.unwrap();
    assert!(sqlite.create(&table).await.unwrap_err().to_string().contains("already exists"));
    let described = sqlite.describe(&table.name).await.unwrap();
    for (promised, is) in table.columns.iter().zip(&described.columns) {
        assert_eq!((&promised.ty, &promised.native), (&is.ty, &is.native), "{}", is.name);
    }
    sqlite.prepare().await.unwrap();
    let arrays: Vec<ArrayRef> = cases
        .iter()
        .zip(&described.columns)
        .map(|((_, ty, cells), column)| {
            let cells: Vec<Cell> = cells.iter().map(|cell| cell.map_or(Cell::Null, Cell::text)).collect();
            // As the transform does: through the source's type into the destination's.
            let source = match *ty {
                "numeric" => array_of(&ColumnType::TEXT, &cells).unwrap(),
                ty => array_of(&ty.parse().unwrap(), &cells).unwrap(),
            };
            datafusion::arrow::compute::cast(&source, &column.ty.arrow()).unwrap()
        })
        .collect();
    let names: Vec<&str> = cases.iter().map(|(name, ..)| *name).collect();
    let batch = RecordBatch::try_from_iter_with_nullable(
        names.iter().zip(&arrays).map(|(name, array)| (*name, Arc::clone(array), true)),
    )
    .unwrap();
    let mut load = sqlite.open(&described, &options(&names)).await.unwrap();
    load.begin().await.unwrap();
    assert_eq!(load.write(&batch).await.unwrap(), []);
    load.commit(&mark(&table.name, 0, 2)).await.unwrap();
    let snapshot = sqlite.snapshot().await.unwrap();
    let range = snapshot.next_range(&described, None, 10).await.unwrap().unwrap();
    let (batches, _) = read(&snapshot, &described, &range, 1 << 20).await;
    assert_eq!(batches[0].rejects, []);
    for (name, (is, was)) in names.iter().zip(batches[0].batch.columns().iter().zip(&arrays)) {
        assert_eq!(is, was, "{name}");
    }
    let stored = |sql: &str| destination.connection().query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(stored("SELECT tz FROM \"order \"\"x\"\"\" WHERE id = -5"), "2024-06-12 14:30:22.000001+00:00");
    assert_eq!(
        stored("SELECT typeof(b) || typeof(money) || typeof(huge) FROM \"order \"\"x\"\"\" WHERE id = 7"),
        "integerintegertext"
    );
}

#[tokio::test]
async fn rows_are_refused_one_by_one_for_what_they_are() {
    let fixture = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, email TEXT UNIQUE ON CONFLICT REPLACE, name TEXT NOT NULL ON CONFLICT IGNORE,
             age INTEGER CHECK (age >= 0), ratio REAL);
         INSERT INTO t VALUES (1, 'a@x', 'a', 1, 0.5);
         CREATE TRIGGER silent BEFORE INSERT ON t WHEN NEW.name = 'ignored' BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER loud BEFORE INSERT ON t WHEN NEW.name = 'loud' BEGIN SELECT RAISE(ABORT, 'not this one'); END;",
    );
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    let mut load = loader(&sqlite, "t", &["id", "email", "name", "age", "ratio"]).await;
    load.begin().await.unwrap();
    let batch = batch(&[
        (
            "id",
            "bigint",
            &[Some("1"), Some("2"), Some("3"), Some("4"), Some("5"), None, Some("7"), Some("8"), Some("9")],
        ),
        ("email", "text", &[Some("n"), Some("a@x"), None, None, None, None, None, None, None]),
        (
            "name",
            "text",
            &[Some("a"), Some("a"), None, Some("a"), Some("a"), Some("a"), Some("ignored"), Some("loud"), Some("fine")],
        ),
        ("age", "bigint", &[Some("1"), Some("1"), Some("1"), Some("-1"), Some("1"), Some("1"), None, None, None]),
        ("ratio", "double", &[None, None, None, None, Some("NaN"), None, None, None, Some("1")]),
    ]);
    let refusals = load.write(&batch).await.unwrap();
    let short = |refusal: &Refusal| (refusal.row, refusal.cause, refusal.column.clone().unwrap_or_default());
    assert_eq!(
        refusals.iter().map(short).collect::<Vec<_>>(),
        [
            (0, Cause::Unique, "id".into()),
            (1, Cause::Unique, "email".into()),
            (2, Cause::Null, "name".into()),
            (3, Cause::Check, String::new()),
            (4, Cause::Conversion, "ratio".into()),
            (5, Cause::Null, "id".into()),
            (6, Cause::Refused, String::new()),
            (7, Cause::Refused, String::new()),
        ]
    );
    assert_eq!(refusals[1].message, "UNIQUE constraint failed: t.email");
    assert_eq!(refusals[7].message, "not this one");
    load.commit(&mark("t", 0, 1)).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM t"), 2);
    assert_eq!(fixture.number("SELECT count(*) FROM t WHERE email = 'a@x' AND id = 1"), 1);
}

#[tokio::test]
async fn a_trigger_that_rolls_back_is_an_error_and_not_a_refusal() {
    let fixture = Fixture::new(
        "CREATE TABLE t (a INT);
         CREATE TRIGGER x BEFORE INSERT ON t WHEN NEW.a = 2 BEGIN SELECT RAISE(ROLLBACK, 'all back'); END;",
    );
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    let mut load = loader(&sqlite, "t", &["a"]).await;
    load.begin().await.unwrap();
    let error = load.write(&batch(&[("a", "bigint", &[Some("1"), Some("2"), Some("3")])])).await.unwrap_err();
    assert!(error.to_string().contains("all back"), "{error}");
    assert!(load.commit(&mark("t", 0, 1)).await.is_err());
    load.rollback().await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM t"), 0);
}

#[tokio::test]
async fn marks_stand_with_their_rows_or_not_at_all() {
    let fixture = Fixture::new("CREATE TABLE t (a INT)");
    let sqlite = fixture.destination().await;
    let run = RunId("run-1".into());
    assert_eq!(sqlite.marks(&run).await.unwrap(), []);
    sqlite.prepare().await.unwrap();
    sqlite.prepare().await.unwrap();
    assert!(sqlite.tables().await.unwrap().iter().all(|table| table.name != Mark::TABLE));
    let rows = batch(&[("a", "bigint", &[Some("1"), Some("2")])]);
    let mut load = loader(&sqlite, "t", &["a"]).await;
    load.begin().await.unwrap();
    load.write(&rows).await.unwrap();
    let retry = Mark { retried: "fault".into(), end: None, ..mark("t", Mark::FIRST_RETRY, 1) };
    load.commit(&retry).await.unwrap();
    load.begin().await.unwrap();
    load.write(&rows).await.unwrap();
    load.commit(&mark("t", 0, 2)).await.unwrap();
    assert_eq!(sqlite.marks(&run).await.unwrap(), [mark("t", 0, 2), retry]);
    assert_eq!(sqlite.marks(&RunId("other".into())).await.unwrap(), []);
    // The same chunk again is an error, and its rows go with it.
    load.begin().await.unwrap();
    load.write(&rows).await.unwrap();
    assert_eq!(load.commit(&mark("t", 0, 2)).await.unwrap_err().kind, ErrorKind::Data);
    load.rollback().await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM t"), 4);
}

#[tokio::test]
async fn a_dropped_loader_leaves_nothing_and_frees_the_writer() {
    let fixture = Fixture::new("CREATE TABLE t (a INT)");
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    let rows = batch(&[("a", "bigint", &[Some("1"), Some("2")])]);
    let mut load = loader(&sqlite, "t", &["a"]).await;
    load.begin().await.unwrap();
    load.write(&rows).await.unwrap();
    drop(load);
    let mut next = loader(&sqlite, "t", &["a"]).await;
    next.begin().await.unwrap();
    next.write(&rows).await.unwrap();
    // A begin without an end starts afresh and does not wait for itself.
    next.begin().await.unwrap();
    next.write(&rows).await.unwrap();
    next.commit(&mark("t", 0, 2)).await.unwrap();
    assert!(next.write(&rows).await.is_err(), "there is no transaction any more");
    assert_eq!(fixture.number("SELECT count(*) FROM t"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loaders_of_several_tables_take_turns() {
    let fixture = Fixture::new("CREATE TABLE t0 (a INT); CREATE TABLE t1 (a INT); CREATE TABLE t2 (a INT);");
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    let mut tasks = Vec::new();
    for table in ["t0", "t1", "t2", "t0", "t1"] {
        let sqlite = sqlite.clone();
        let first = tasks.len() as u64 * 100;
        tasks.push(tokio::spawn(async move {
            let mut load = loader(&sqlite, table, &["a"]).await;
            for chunk in first..first + 10 {
                load.begin().await.unwrap();
                for _ in 0..5 {
                    load.write(&batch(&[("a", "bigint", &[Some("1"), Some("2")])])).await.unwrap();
                    tokio::task::yield_now().await;
                }
                if chunk % 5 == 4 {
                    load.rollback().await.unwrap()
                } else {
                    load.commit(&mark(table, chunk, 10)).await.unwrap();
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(
        fixture.number("SELECT (SELECT count(*) FROM t0) + (SELECT count(*) FROM t1) + (SELECT count(*) FROM t2)"),
        400
    );
    assert_eq!(fixture.number("SELECT sum(rows_written) FROM whimbrel_marks"), 400);
}

#[tokio::test]
async fn a_lock_of_somebody_else_is_busy_and_not_the_rows_fault() {
    let fixture = Fixture::new("PRAGMA journal_mode = WAL; CREATE TABLE t (a INT)");
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    let mut load = loader(&sqlite, "t", &["a"]).await;
    let other = fixture.connection();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = load.begin().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    assert!(!sqlite.permissions(true, &[]).await.unwrap().is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    load.begin().await.unwrap();
    load.rollback().await.unwrap();
    assert_eq!(sqlite.permissions(true, &[]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_table_goes_from_file_to_file_with_its_schema() {
    let Some(fixture) = Fixture::chinook() else { return };
    let (source, target) = (fixture.source().await, Fixture::empty());
    let sqlite = target.destination().await;
    sqlite.prepare().await.unwrap();
    let (mut created, names) = (Vec::new(), ["Artist", "Employee", "Track"]);
    for name in names {
        let mut table = source.describe(name).await.unwrap();
        for column in &mut table.columns {
            *column = sqlite.column_for(column, Some(System::Sqlite));
        }
        sqlite.create(&table).await.unwrap();
        let described = sqlite.describe(name).await.unwrap();
        assert_eq!((&described.columns, &described.key), (&table.columns, &table.key));
        assert_eq!(described.foreign_keys, table.foreign_keys);
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let snapshot = source.snapshot().await.unwrap();
        let range = snapshot.next_range(&table, None, 1_000_000).await.unwrap().unwrap();
        let mut load = loader(&sqlite, name, &columns).await;
        load.begin().await.unwrap();
        let (batches, _) = read(&snapshot, &table, &range, 10_000).await;
        for batch in &batches {
            assert_eq!(load.write(&batch.batch).await.unwrap(), []);
        }
        load.commit(&mark(name, 0, 1)).await.unwrap();
        created.push(described);
    }
    for name in names {
        assert_eq!(read_all(&sqlite, name, 100, 10_000).await, read_all(&source, name, 100, 10_000).await);
    }
    let remarks = sqlite.finish(&created, &created).await.unwrap();
    assert_eq!(remarks.len(), 3, "Album, Genre and MediaType were left behind: {remarks:?}");
    assert!(remarks.iter().any(|remark| remark.starts_with("3,503 rows of Track refer to rows of MediaType")));
    assert!(target.number("SELECT count(*) FROM sqlite_stat1") > 0);
}

#[tokio::test]
async fn finish_says_which_references_do_not_hold() {
    let fixture = Fixture::new("CREATE TABLE p (id INT, x INT); CREATE TABLE c (p INT REFERENCES p (x));");
    let sqlite = fixture.destination().await;
    let key = ForeignKey {
        name: Some("to p".into()),
        columns: vec!["p".into()],
        table: "p".into(),
        referenced: vec!["id".into()],
    };
    let column = |name: &str| Column { native: "INTEGER".into(), ..Column::new(name, ColumnType::BIGINT) };
    let parent = Table { name: "q".into(), columns: vec![column("id")], key: vec!["id".into()], ..Table::default() };
    let child = Table {
        name: "r".into(),
        columns: vec![column("p")],
        foreign_keys: vec![ForeignKey { table: "q".into(), ..key }],
        unique: vec![vec!["p".into()]],
        ..Table::default()
    };
    sqlite.create(&parent).await.unwrap();
    sqlite.create(&child).await.unwrap();
    assert_eq!(sqlite.describe("r").await.unwrap().unique, [["p"]]);
    fixture.connection().execute_batch("PRAGMA foreign_keys = 0; INSERT INTO q VALUES (1); INSERT INTO r VALUES (1), (2), (NULL); INSERT INTO c VALUES (1)").unwrap();
    let c = sqlite.describe("c").await.unwrap();
    let remarks = sqlite.finish(&[parent, child], &[c]).await.unwrap();
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    assert!(remarks[0].contains("foreign key mismatch"), "{remarks:?}");
    assert!(remarks[1].starts_with("1 row of r refers to rows of q"), "{remarks:?}");
}
