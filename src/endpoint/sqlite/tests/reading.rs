use super::*;

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
async fn pages_follow_each_other_by_the_key_both_ways() {
    let fixture = Fixture::new(
        "CREATE TABLE rowids (v TEXT); CREATE TABLE pairs (a TEXT COLLATE NOCASE, b REAL, PRIMARY KEY (b, a)) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
         INSERT INTO pairs SELECT 'it''s ' || (i % 3), i / 3 FROM n;
         INSERT INTO rowids SELECT a FROM pairs; DELETE FROM rowids WHERE rowid % 5 = 0",
    );
    let source = fixture.source().await;
    for table in ["rowids", "pairs"] {
        assert_pages_follow(&source, &source.describe(table).await.unwrap(), 7).await;
    }
}

#[tokio::test]
async fn a_preview_shows_rows_as_a_run_reads_them() {
    let Some(fixture) = Fixture::chinook() else { return };
    let source = fixture.source().await;
    let table = source.describe("Genre").await.unwrap();
    let page = source.preview(&table, &Spot::Row(23), 10).await.unwrap();
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
    let page = source.preview(&table, &Spot::Row(1), 2).await.unwrap();
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
    let (sender, mut stuck) = Outlet::new(1);
    let a = source.describe("a").await.unwrap();
    let waiting = Arc::clone(&snapshot);
    let task = tokio::spawn(async move {
        let range = crate::endpoint::Range { after: None, until: Until::End };
        waiting.read(&a, &range, 100, sender).await
    });
    let held = stuck.take().await.unwrap();
    let b = source.describe("b").await.unwrap();
    let (batches, _) = read(&snapshot, &b, &crate::endpoint::Range { after: None, until: Until::End }, 1_000).await;
    assert_eq!(batches.iter().map(SourceBatch::rows).sum::<usize>(), 1000);
    drop((stuck, held));
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
