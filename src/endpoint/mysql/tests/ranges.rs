use std::time::Duration;

use super::*;
use crate::{
    endpoint::{ErrorKind, paging::assert_pages_follow},
    model::{Spot, cell_at},
};

/// Reads a table range by range, as the engine does, and gives its first column.
async fn walk(mysql: &Mysql, name: &str, rows: u64) -> (Vec<String>, usize) {
    let table = mysql.describe(name).await.unwrap();
    let snapshot = mysql.snapshot().await.unwrap();
    let (mut seen, mut ranges, mut after) = (Vec::new(), 0, None);
    while let Some(range) = snapshot.next_range(&table, after.as_ref(), rows).await.unwrap() {
        ranges += 1;
        let (batches, end) = read(&snapshot, &table, &range, 200).await;
        let again = read(&snapshot, &table, &range, 1 << 20).await;
        let firsts = |batches: &[SourceBatch]| -> Vec<String> {
            let texts = batches
                .iter()
                .flat_map(|b| (0..b.batch.num_rows()).map(|row| cell_at(b.batch.column(0), row).display()));
            texts.collect()
        };
        assert_eq!(firsts(&batches), firsts(&again.0), "a range read twice gives the same rows");
        seen.extend(firsts(&batches));
        match (&range.until, &end) {
            (Until::Position(until), Some(end)) => assert_eq!(until, end),
            (Until::End, None) => break,
            other => panic!("{other:?}"),
        }
        after = end;
    }
    (seen, ranges)
}

#[tokio::test]
async fn ranges_of_any_key_cover_every_row_once() {
    let scratch = Scratch::new().await;
    let mut statements = vec!["SET sql_mode = ''".to_owned()];
    let keys = [
        ("two", "a int NOT NULL, b varchar(20) NOT NULL, PRIMARY KEY (a, b)", "n div 7, CONCAT('k', n, '''')"),
        (
            "three",
            "a enum('z','a','10') NOT NULL, b bit(9) NOT NULL, c decimal(9,3) NOT NULL, PRIMARY KEY (a, b, c)",
            "1 + n % 3, n div 10, n / 8",
        ),
        ("folded", "a varchar(9) CHARACTER SET latin1 COLLATE latin1_german2_ci PRIMARY KEY", "CONCAT('ä', n)"),
        ("ascii3", "a char(9) CHARACTER SET ascii NOT NULL, UNIQUE KEY u (a)", "CONCAT('Ab', n)"),
        ("sj", "a varchar(9) CHARACTER SET sjis PRIMARY KEY", "CONCAT('日', n)"),
        ("bin", "a varbinary(9) PRIMARY KEY", "UNHEX(LPAD(HEX(n * 77), 6, '0'))"),
        (
            "dates",
            "a date NOT NULL, b time(3) NOT NULL, PRIMARY KEY (a, b)",
            "IF(n < 5, '0000-00-00', '2024-01-01' + INTERVAL n div 4 DAY), SEC_TO_TIME(n * 1000 - 20000)",
        ),
        ("stamps", "a timestamp(6) NOT NULL PRIMARY KEY", "'2024-03-31 01:00:00' + INTERVAL n * 1000003 MICROSECOND"),
        ("ids", "a uuid PRIMARY KEY", "CONCAT('00000000-0000-4000-8000-', LPAD(HEX(n * 7), 12, '0'))"),
        ("sets", "a set('x','y','z','w','v','u','t') PRIMARY KEY", "n"),
        ("years", "a year NOT NULL, b tinyint NOT NULL, PRIMARY KEY (b, a)", "1901 + n, n % 5 - 2"),
        ("floats", "a double PRIMARY KEY", "n / 3"),
        ("keyless", "a int", "n"),
        ("negative", "a bigint PRIMARY KEY", "50 - n"),
    ];
    for (name, columns, values) in keys {
        statements.push(format!("CREATE TABLE {name} ({columns})"));
        statements.push(format!(
            "INSERT INTO {name} SELECT {values} FROM (SELECT CAST(seq AS SIGNED) n FROM seq_1_to_101) s"
        ));
    }
    statements.push("CREATE TABLE empty (a int PRIMARY KEY)".into());
    statements.push("CREATE TABLE bare (a int)".into());
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    scratch.run(&statements).await;
    let mysql = scratch.mysql().await;
    for (name, ..) in keys {
        let count = mysql.count(name).await.unwrap();
        let table = mysql.describe(name).await.unwrap();
        let snapshot = mysql.snapshot().await.unwrap();
        let (whole, _) = read(&snapshot, &table, &WHOLE, 1 << 20).await;
        assert_eq!(whole.iter().map(SourceBatch::rows).sum::<usize>() as u64, count, "{name}");
        let (seen, ranges) = if name == "dates" { (Vec::new(), 8) } else { walk(&mysql, name, 13).await };
        let one = matches!(name, "floats" | "keyless");
        assert_eq!(ranges, if one { 1 } else { 8 }, "{name}");
        if name != "dates" {
            let firsts =
                whole.iter().flat_map(|b| (0..b.batch.num_rows()).map(|row| cell_at(b.batch.column(0), row).display()));
            assert_eq!(seen, firsts.collect::<Vec<_>>(), "{name}");
        }
    }
    assert_eq!(walk(&mysql, "empty", 5).await.1, 0);
    assert_eq!(walk(&mysql, "bare", 5).await.1, 0);
    zero_dates_stay_within_their_ranges(&mysql).await;
    scratch.drop().await;
}

/// Keys that are on no calendar are still read once each.
async fn zero_dates_stay_within_their_ranges(mysql: &Mysql) {
    let table = mysql.describe("dates").await.unwrap();
    let snapshot = mysql.snapshot().await.unwrap();
    let (mut rows, mut rejects, mut after) = (0, 0, None);
    while let Some(range) = snapshot.next_range(&table, after.as_ref(), 3).await.unwrap() {
        let (batches, end) = read(&snapshot, &table, &range, 1 << 20).await;
        rows += batches.iter().map(SourceBatch::rows).sum::<usize>();
        rejects += batches.iter().map(|batch| batch.rejects.len()).sum::<usize>();
        after = end;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((rows, rejects), (101, 0), "negative times and zero dates");
}

#[tokio::test]
async fn a_snapshot_is_one_moment_for_all_tables() {
    let scratch = Scratch::new().await;
    scratch
        .run(&[
            "CREATE TABLE a (id int PRIMARY KEY)",
            "CREATE TABLE b (id int PRIMARY KEY)",
            "INSERT INTO a VALUES (1)",
        ])
        .await;
    let mysql = scratch.mysql().await;
    let (a, b) = (mysql.describe("a").await.unwrap(), mysql.describe("b").await.unwrap());
    let snapshot = mysql.snapshot().await.unwrap();
    scratch.run(&["INSERT INTO a VALUES (2)", "INSERT INTO b VALUES (1)", "DELETE FROM a WHERE id = 1"]).await;
    let (batches, _) = read(&snapshot, &a, &WHOLE, 100).await;
    assert_eq!(cells(&batches[0].batch), [[Cell::text("1")]]);
    assert_eq!(snapshot.next_range(&b, None, 5).await.unwrap(), None);
    scratch.drop().await;
}

#[tokio::test]
async fn batches_keep_to_their_bytes_and_rejects_to_their_places() {
    let scratch = Scratch::new().await;
    scratch
        .run(&[
            // A byte that its character set gives no character.
            "CREATE TABLE t (id int PRIMARY KEY, d varchar(10) CHARACTER SET cp1250)",
            "INSERT INTO t SELECT seq, IF(seq % 3 = 0, x'81', '2024-01-01') FROM seq_1_to_50",
        ])
        .await;
    let mysql = scratch.mysql().await;
    let table = mysql.describe("t").await.unwrap();
    let (batches, _) = read(&mysql.snapshot().await.unwrap(), &table, &WHOLE, 300).await;
    assert!(batches.len() > 4);
    let mut id = 0;
    for batch in &batches {
        assert!(batch.rows() <= 15, "{} rows of about 25 bytes", batch.rows());
        for (row, place) in batch.places().into_iter().enumerate() {
            assert_eq!(cell_at(batch.batch.column(0), row), Cell::text((id + place + 1).to_string()));
        }
        for reject in &batch.rejects {
            assert_eq!(reject.cells[0], Cell::text((id + reject.place + 1).to_string()));
        }
        id += batch.rows();
    }
    assert_eq!(id, 50);
    scratch.drop().await;
}

async fn big_table(scratch: &Scratch, name: &str, key: &str) {
    scratch
        .run(&[
            &format!("CREATE TABLE {name} (id int {key}, filler char(200) NOT NULL)"),
            &format!("INSERT INTO {name} SELECT seq, REPEAT('x', 200) FROM seq_1_to_200000"),
        ])
        .await;
}

#[tokio::test]
async fn a_reader_whose_receiver_leaves_frees_the_connection_at_once() {
    let scratch = Scratch::new().await;
    big_table(&scratch, "keyless", "NOT NULL").await;
    let mysql = scratch.mysql().await;
    let table = mysql.describe("keyless").await.unwrap();
    let snapshot = mysql.snapshot().await.unwrap();
    scratch.run(&["DELETE FROM keyless WHERE id > 10"]).await;
    let (sender, mut receiver) = Outlet::new(1);
    let reading = tokio::spawn({
        let (snapshot, table) = (Arc::clone(&snapshot), table.clone());
        async move { snapshot.read(&table, &WHOLE, 1000, sender).await }
    });
    assert!(receiver.recv().await.is_some());
    drop(receiver);
    tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap().unwrap().unwrap();
    // The same moment still stands.
    let (batches, _) = read(&snapshot, &table, &WHOLE, 1 << 20).await;
    assert_eq!(batches.iter().map(SourceBatch::rows).sum::<usize>(), 200_000);
    scratch.drop().await;
}

#[tokio::test]
async fn a_parked_table_lets_the_others_read() {
    let scratch = Scratch::new().await;
    big_table(&scratch, "parked", "PRIMARY KEY").await;
    scratch.run(&["CREATE TABLE other (id int PRIMARY KEY)", "INSERT INTO other VALUES (7)"]).await;
    let mysql = scratch.mysql().await;
    let (parked, other) = (mysql.describe("parked").await.unwrap(), mysql.describe("other").await.unwrap());
    let snapshot = mysql.snapshot().await.unwrap();
    let (sender, mut receiver) = Outlet::new(1);
    let reading = tokio::spawn({
        let snapshot = Arc::clone(&snapshot);
        async move { snapshot.read(&parked, &WHOLE, 100_000, sender).await }
    });
    let first = receiver.recv().await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(10), read(&snapshot, &other, &WHOLE, 100)).await;
    assert_eq!(cells(&waited.expect("the other table is not held up").0[0].batch), [[Cell::text("7")]]);
    let mut ids = Vec::new();
    let mut next = Some(first);
    while let Some(batch) = next {
        ids.extend((0..batch.batch.num_rows()).map(|row| cell_at(batch.batch.column(0), row).display()));
        next = receiver.recv().await;
    }
    assert_eq!(reading.await.unwrap().unwrap(), None);
    assert!(
        ids.iter().map(String::as_str).eq((1..=200_000)
            .map(|id| id.to_string())
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str))
    );
    scratch.drop().await;
}

#[tokio::test]
async fn a_table_that_changed_since_it_was_described_is_not_misread() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY, n tinyint)", "INSERT INTO t VALUES (1, 1)"]).await;
    let mysql = scratch.mysql().await;
    let table = mysql.describe("t").await.unwrap();
    scratch.run(&["ALTER TABLE t MODIFY n bigint", "UPDATE t SET n = 257"]).await;
    let snapshot = mysql.snapshot().await.unwrap();
    let (sender, _receiver) = Outlet::new(1);
    let error = snapshot.read(&table, &WHOLE, 100, sender).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Other);
    assert!(error.to_string().contains("look at the table again"), "{error}");
    scratch.drop().await;
}

#[tokio::test]
async fn a_range_in_the_middle_is_read_from_the_index() {
    let scratch = Scratch::new().await;
    scratch
        .run(&[
            "CREATE TABLE t (a int NOT NULL, b varchar(20) CHARACTER SET latin1 NOT NULL, filler char(100), UNIQUE KEY u (a, b))",
            "INSERT INTO t SELECT 1, CONCAT('k', LPAD(seq, 6, '0')), 'x' FROM seq_1_to_20000",
            "ANALYZE TABLE t",
        ])
        .await;
    let mysql = scratch.mysql().await;
    let table = mysql.describe("t").await.unwrap();
    let snapshot = mysql.snapshot().await.unwrap();
    let after = Position(r#"["1","k010000"]"#.into());
    let range = snapshot.next_range(&table, Some(&after), 100).await.unwrap().unwrap();
    assert_eq!(range.until, Until::Position(Position(r#"["1","k010100"]"#.into())));
    let facts = super::super::catalog::facts(&mut scratch.session().await, "t").await.unwrap();
    let reading = super::super::reading::Reading::new(&table, &facts).unwrap();
    let statement =
        super::super::read::range_statement(&reading, &reading.selects(), range.after.as_ref(), &range.until).unwrap();
    let explained = scratch.rows(&format!("EXPLAIN {statement}")).await;
    let [kind, examined] = [3, 8].map(|index| explained[0][index].clone().unwrap());
    assert_eq!(kind, "range", "{explained:?}");
    assert!(examined.parse::<u64>().unwrap() < 200, "{explained:?}");
    assert!(!explained[0][9].as_deref().unwrap_or("").contains("filesort"), "{explained:?}");
    scratch.drop().await;
}

#[tokio::test]
async fn pages_follow_each_other_by_the_key_both_ways() {
    let scratch = Scratch::new().await;
    let rows: Vec<String> = (1..=40).map(|n| format!("('it''s {}', {}, repeat('x', {n}))", n % 3, n / 3)).collect();
    let rows = format!("INSERT INTO pairs VALUES {}", rows.join(", "));
    let table = "CREATE TABLE pairs (a varchar(20), b int, v text, PRIMARY KEY (b, a))";
    scratch.run(&[table, &rows, "CREATE TABLE keyless AS SELECT b FROM pairs"]).await;
    let source = scratch.mysql().await;
    assert_pages_follow(&source, &source.describe("pairs").await.unwrap(), 7).await;
    let keyless = source.describe("keyless").await.unwrap();
    let page = source.preview(&keyless, &Spot::Row(38), 7).await.unwrap();
    assert_eq!((page.rows.len(), page.ends), (2, None));
    assert!(source.preview(&keyless, &Spot::End, 7).await.is_err());
    scratch.drop().await;
}
