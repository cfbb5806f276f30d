use super::*;

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

/// Whatever a table says about conflicts, and wherever in a statement of several rows a bad one is.
#[tokio::test]
async fn bad_rows_among_many_are_named_and_the_others_are_written_once() {
    let ids: Vec<String> = (0..70).map(|id| if id == 33 { 5 } else { id }.to_string()).collect();
    let names: Vec<String> = (0..70).map(|id| format!("n{id}")).collect();
    let ids: Vec<Option<&str>> = ids.iter().map(|id| Some(id.as_str())).collect();
    let name = |id: usize| if id == 3 || id == 69 { None } else { Some(names[id].as_str()) };
    let names: Vec<Option<&str>> = (0..70).map(name).collect();
    for conflict in ["", "ON CONFLICT FAIL", "ON CONFLICT IGNORE", "ON CONFLICT REPLACE", "ON CONFLICT ROLLBACK"] {
        let table = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY {conflict}, name TEXT NOT NULL {conflict} CHECK (name <> 'n40'))"
        );
        let fixture = Fixture::new(&table);
        let sqlite = fixture.destination().await;
        sqlite.prepare().await.unwrap();
        let mut load = loader(&sqlite, "t", &["id", "name"]).await;
        load.begin().await.unwrap();
        let refusals = load.write(&batch(&[("id", "bigint", &ids), ("name", "text", &names)])).await.unwrap();
        let refused: Vec<(usize, Cause)> = refusals.iter().map(|refusal| (refusal.row, refusal.cause)).collect();
        let expected = [(3, Cause::Null), (33, Cause::Unique), (40, Cause::Check), (69, Cause::Null)];
        assert_eq!(refused, expected, "{conflict}");
        load.commit(&mark("t", 0, 66)).await.unwrap();
        assert_eq!(fixture.number("SELECT count(*) FROM t WHERE name = 'n' || id"), 66, "{conflict}");
    }
    // A trigger may leave rows out without a word, so here they go one by one.
    let fixture = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TRIGGER not_all BEFORE INSERT ON t WHEN new.id % 20 = 7 BEGIN SELECT RAISE(IGNORE); END",
    );
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    let mut load = loader(&sqlite, "t", &["id", "name"]).await;
    load.begin().await.unwrap();
    let refusals = load.write(&batch(&[("id", "bigint", &ids), ("name", "text", &names)])).await.unwrap();
    let refused: Vec<usize> = refusals.iter().map(|refusal| refusal.row).collect();
    assert_eq!(refused, [7, 27, 33, 47, 67]);
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
async fn indexes_are_built_once_however_often_a_run_is_finished() {
    let fixture =
        Fixture::new("CREATE TABLE t (a INT, b TEXT); CREATE INDEX i ON t (a DESC); CREATE INDEX low ON t (lower(b));");
    let sqlite = fixture.destination().await;
    let mut table = sqlite.describe("t").await.unwrap();
    table.name = "copy".into();
    sqlite.create(&table).await.unwrap();
    let bad = crate::model::Index { name: "bad".into(), text: "(gone)".into(), ..table.indexes[0].clone() };
    table.indexes.push(bad);
    for _again in 0..2 {
        let remarks = sqlite.finish(std::slice::from_ref(&table), std::slice::from_ref(&table)).await.unwrap();
        assert_eq!(remarks.len(), 1, "{remarks:?}");
        assert!(remarks[0].ends_with("To add it later: CREATE INDEX \"bad\" ON \"copy\" (gone)"), "{remarks:?}");
        assert_eq!(
            fixture.number("SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'copy' AND name IN ('i1', 'low1')"),
            2
        );
        assert_eq!(fixture.number("SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'copy'"), 3);
    }
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
        ..ForeignKey::default()
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
