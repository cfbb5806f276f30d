//! Ranges cover every row exactly once, in key order, the same each time.

use std::collections::HashSet;

use super::*;
use crate::{
    endpoint::{Until, paging::assert_pages_follow},
    model::{Spot, cell_at},
};

fn column_texts(batch: &RecordBatch, column: usize) -> Vec<String> {
    (0..batch.num_rows()).map(|row| cell_at(batch.column(column), row).display()).collect()
}

/// Reads in ranges, checks each against a second read, and gives back the first column.
async fn covered(database: &Database, name: &str, rows: u64) -> (Vec<String>, usize) {
    let source = database.source().await;
    let table = source.describe(name).await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    let (mut texts, mut ranges, mut after) = (Vec::new(), 0, None);
    while let Some(range) = snapshot.next_range(&table, after.as_ref(), rows).await.unwrap() {
        let (once, _, end) = read_range(&*snapshot, &table, &range, 700).await.unwrap();
        let (again, _, _) = read_range(&*snapshot, &table, &range, 1 << 20).await.unwrap();
        assert_eq!(once, again);
        let expected = match &range.until {
            Until::Position(position) => Some(position.clone()),
            _ => None,
        };
        assert_eq!(end, expected);
        texts.extend(column_texts(&once, 0));
        ranges += 1;
        match end {
            Some(end) => after = Some(end),
            None => break,
        }
    }
    (texts, ranges)
}

#[tokio::test]
async fn composite_keys_of_text_and_number() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE t (note text, n int, \"Odd \"\"key\" text, PRIMARY KEY (\"Odd \"\"key\", n));
             INSERT INTO t SELECT k || '/' || n, n, k FROM unnest(ARRAY['a', 'B', 'it''s', 'back\\slash', '', 'ä', 'zz'])
             k, generate_series(-20, 30) n",
        )
        .await;
    let expected = database.texts("SELECT note FROM t ORDER BY \"Odd \"\"key\", n").await;
    for rows in [1, 7, 357, 1000] {
        let (texts, ranges) = covered(&database, "t", rows).await;
        assert_eq!(texts, expected, "{rows}");
        assert_eq!(ranges as u64, 357_u64.div_ceil(rows), "{rows}");
    }
}

#[tokio::test]
async fn keys_of_many_types() {
    let database = Database::new().await;
    database.run("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN code AS varchar(9)").await;
    for (ty, values) in [
        ("timestamptz", "SELECT '2024-01-01'::timestamptz + n * interval '1.000001 s' FROM generate_series(1, 40) n"),
        ("numeric", "SELECT n / 3.0 FROM generate_series(1, 40) n UNION SELECT 'NaN'"),
        ("float8", "SELECT 1 / n::float8 FROM generate_series(1, 40) n UNION SELECT '-Infinity'"),
        ("bytea", "SELECT sha256(n::text::bytea) FROM generate_series(1, 40) n"),
        ("uuid", "SELECT md5(n::text)::uuid FROM generate_series(1, 40) n"),
        ("character(4)", "SELECT n::text FROM generate_series(1, 40) n"),
        ("mood", "SELECT unnest(enum_range(NULL::mood))"),
        ("code", "SELECT n::text FROM generate_series(1, 40) n"),
        ("date", "SELECT '2024-01-01'::date + n FROM generate_series(1, 40) n UNION SELECT 'infinity'"),
        ("integer[]", "SELECT ARRAY[n % 3, n] FROM generate_series(1, 40) n"),
        ("boolean", "SELECT n = 1 FROM generate_series(1, 2) n"),
    ] {
        database.run(&format!("DROP TABLE IF EXISTS k; CREATE TABLE k (v text, k {ty} PRIMARY KEY)")).await;
        database.run(&format!("INSERT INTO k (k) {values}; UPDATE k SET v = k::text")).await;
        let expected = database.texts("SELECT v FROM k ORDER BY k").await;
        let source = database.source().await;
        let table = source.describe("k").await.unwrap();
        let snapshot = source.snapshot().await.unwrap();
        let (batch, rejects) = read_table(&*snapshot, &table, 3).await;
        let mut texts = column_texts(&batch, 0);
        texts.extend(rejects.iter().map(|reject| reject.cells[0].display()));
        assert_eq!(texts, expected, "{ty}");
    }
}

#[tokio::test]
async fn keyless_tables_go_by_pages() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE t (v text); INSERT INTO t SELECT n || repeat('x', 100) FROM generate_series(1, 3000) n;
             DELETE FROM t WHERE v LIKE '1%'; INSERT INTO t SELECT 'new' || n FROM generate_series(1, 50) n",
        )
        .await;
    let expected: HashSet<String> = database.texts("SELECT v FROM t").await.into_iter().collect();
    for (analyzed, rows) in [(false, 100), (false, 1), (true, 100), (true, 1_000_000)] {
        if analyzed {
            database.run("VACUUM ANALYZE t").await;
        }
        let (texts, ranges) = covered(&database, "t", rows).await;
        assert_eq!(texts.len(), expected.len());
        assert_eq!(texts.into_iter().collect::<HashSet<_>>(), expected);
        assert!(ranges > 10 || rows > 1000, "{ranges} ranges");
    }
}

#[tokio::test]
async fn long_ranges_of_numbers_are_bounded_by_counting_numbers() {
    let database = Database::new().await;
    for step in ["n", "n + n / 5", "n * 1000"] {
        database
            .run(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (id bigint PRIMARY KEY);
                 INSERT INTO t SELECT {step} - 50000 FROM generate_series(1, 250000) n; ANALYZE t"
            ))
            .await;
        let expected = database.texts("SELECT t.id::text AS v FROM t ORDER BY t.id").await;
        let (texts, ranges) = covered(&database, "t", 100_000).await;
        assert_eq!(ranges, 3, "{step}");
        assert!(texts == expected, "{step}");
        let source = database.source().await;
        let table = source.describe("t").await.unwrap();
        let snapshot = source.snapshot().await.unwrap();
        let first = snapshot.next_range(&table, None, 100_000).await.unwrap().unwrap();
        let counted = first.until == Until::Position(super::super::order::position_of(&["50000".to_owned()]));
        assert_eq!(counted, step == "n", "{step}: {first:?}");
    }
}

#[tokio::test]
async fn partitions_and_heirs_are_read_once() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE p (v int) PARTITION BY RANGE (v);
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (50);
             CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (50) TO (100);
             INSERT INTO p SELECT generate_series(0, 99);
             CREATE TABLE base (v int); CREATE TABLE heir () INHERITS (base);
             INSERT INTO base VALUES (1); INSERT INTO heir VALUES (2), (3)",
        )
        .await;
    assert_eq!(covered(&database, "p", 10).await.0.len(), 100);
    assert_eq!(covered(&database, "base", 10).await.0, ["1"]);
    assert_eq!(covered(&database, "heir", 10).await.0, ["2", "3"]);
    let source = database.source().await;
    let names: Vec<String> = source.tables().await.unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["base", "heir", "p"]);
    assert_eq!(source.count("base").await.unwrap(), 1);
    assert_eq!(source.count("p").await.unwrap(), 100);
}

#[tokio::test]
async fn no_rows_no_range() {
    let database = Database::new().await;
    database.run("CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE keyless (v int)").await;
    assert_eq!(covered(&database, "keyed", 5).await, (vec![], 0));
    assert_eq!(covered(&database, "keyless", 5).await, (vec![], 0));
}

#[tokio::test]
async fn all_ranges_see_one_moment() {
    let database = Database::new().await;
    database.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)").await;
    let source = database.source().await;
    let table = source.describe("t").await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    database.run("DELETE FROM t WHERE id > 50; INSERT INTO t SELECT generate_series(1000, 1100)").await;
    let (batch, _) = read_table(&*snapshot, &table, 30).await;
    let expected: Vec<String> = (1..=100).map(|id: i32| id.to_string()).collect();
    assert_eq!(column_texts(&batch, 0), expected);
}

#[tokio::test]
async fn a_number_of_rows_is_a_range_too() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE keyed (id int PRIMARY KEY); INSERT INTO keyed SELECT generate_series(1, 100);
             CREATE TABLE keyless AS SELECT * FROM keyed",
        )
        .await;
    let source = database.source().await;
    let snapshot = source.snapshot().await.unwrap();
    for name in ["keyed", "keyless"] {
        let table = source.describe(name).await.unwrap();
        let range = Range { after: None, until: Until::Rows(30) };
        let (batch, _, end) = read_range(&*snapshot, &table, &range, 1 << 20).await.unwrap();
        assert_eq!(batch.num_rows(), 30, "{name}");
        let rest = Range { after: end, until: Until::Rows(1000) };
        let (batch, _, end) = read_range(&*snapshot, &table, &rest, 1 << 20).await.unwrap();
        assert_eq!((batch.num_rows(), end), (70, None), "{name}");
    }
}

#[tokio::test]
async fn batches_keep_to_their_bytes_and_stop_when_nobody_listens() {
    let database = Database::new().await;
    database.run("CREATE TABLE t AS SELECT n AS id, repeat('x', 1000) AS v FROM generate_series(1, 20000) n").await;
    let source = database.source().await;
    let table = source.describe("t").await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    let (out, mut received) = Outlet::new(1);
    let range = Range { after: None, until: Until::End };
    let listen = async {
        let mut sizes = Vec::new();
        while sizes.len() < 3 {
            sizes.push(received.recv().await.unwrap().rows());
        }
        drop(received);
        sizes
    };
    let (end, sizes) = tokio::join!(snapshot.read(&table, &range, 50_000, out), listen);
    end.unwrap();
    assert!(sizes.iter().all(|rows| (40..=50).contains(rows)), "{sizes:?}");
    // The snapshot is still good for others.
    assert_eq!(read_table(&*snapshot, &table, 100_000).await.0.num_rows(), 20_000);
}

#[tokio::test]
async fn pages_follow_each_other_by_the_key_both_ways() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE pairs (a text COLLATE \"C\", b int, v text, PRIMARY KEY (b, a));
             INSERT INTO pairs SELECT 'it''s ' || (n % 3), n / 3, repeat('x', n) FROM generate_series(1, 40) n;
             CREATE TABLE keyless (v int); INSERT INTO keyless SELECT generate_series(1, 40)",
        )
        .await;
    let source = database.source().await;
    assert_pages_follow(&source, &source.describe("pairs").await.unwrap(), 7).await;
    let keyless = source.describe("keyless").await.unwrap();
    let page = source.preview(&keyless, &Spot::Row(38), 7).await.unwrap();
    assert_eq!((page.rows.len(), page.ends), (2, None));
    assert!(source.preview(&keyless, &Spot::End, 7).await.is_err());
}

#[tokio::test]
async fn preview_shows_a_window_in_reading_order() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE t (id int PRIMARY KEY, b bytea, e text, d date);
             INSERT INTO t SELECT n, '\\x00ff', '', '2024-02-29' FROM generate_series(1, 30) n;
             UPDATE t SET e = NULL, d = 'infinity' WHERE id = 12",
        )
        .await;
    let source = database.source().await;
    let table = source.describe("t").await.unwrap();
    let page = source.preview(&table, &Spot::Row(10), 3).await.unwrap();
    assert_eq!(page.columns, ["id", "b", "e", "d"]);
    let row = |id: &str, e: Cell, d: &str| vec![Cell::text(id), Cell::Bytes(vec![0, 255]), e, Cell::text(d)];
    let expected = vec![
        row("11", Cell::text(""), "2024-02-29"),
        row("12", Cell::Null, "infinity"),
        row("13", Cell::text(""), "2024-02-29"),
    ];
    assert_eq!(page.rows, expected);
    assert_eq!(source.preview(&table, &Spot::Row(30), 3).await.unwrap().rows, Vec::<Vec<Cell>>::new());
}
