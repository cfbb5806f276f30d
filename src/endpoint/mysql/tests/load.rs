use super::*;
use crate::{
    endpoint::{ErrorKind, Refusal},
    model::Cause,
};

async fn refused(
    scratch: &Scratch,
    create: &str,
    rows: &[&[Option<&str>]],
) -> (Vec<Refusal>, Vec<Vec<Option<String>>>) {
    scratch.run(&[create]).await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let name = create.split_whitespace().nth(2).unwrap();
    let table = mysql.describe(name).await.unwrap();
    let mut loader = loader(&mysql, &table).await;
    loader.begin().await.unwrap();
    let refusals = loader.write(&batch(&table, rows)).await.unwrap();
    loader.commit(&mark(name, 0)).await.unwrap();
    (refusals, scratch.rows(&format!("SELECT * FROM {name} ORDER BY 1")).await)
}

fn summary(refusals: &[Refusal]) -> Vec<(usize, Cause, Option<&str>)> {
    refusals.iter().map(|refusal| (refusal.row, refusal.cause, refusal.column.as_deref())).collect()
}

#[tokio::test]
async fn refusals_leave_exactly_the_good_rows() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE parent (id int PRIMARY KEY)", "INSERT INTO parent VALUES (1)"]).await;
    let (refusals, rows) = refused(
        &scratch,
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(5) character set latin1 NOT NULL, n tinyint unsigned, \
         p int, e enum('a','2','Gold'), CHECK (n <> 13), UNIQUE KEY nn (n), FOREIGN KEY (p) REFERENCES parent (id))",
        &[
            &[Some("0"), Some("zero"), None, Some("1"), Some("a")],
            &[Some("1"), Some("one"), Some("1"), None, Some("2")],
            &[Some("1"), Some("twice"), Some("2"), None, None],
            &[Some("3"), None, Some("3"), None, None],
            &[Some("4"), Some("four"), Some("1"), None, None],
            &[Some("5"), Some("five"), Some("5"), Some("99"), None],
            &[Some("6"), Some("six"), Some("13"), None, None],
            &[Some("7"), Some("日本"), Some("7"), None, None],
            &[Some("8"), Some("eight"), Some("8"), None, Some("1")],
            &[Some("9"), Some("nine"), Some("9"), None, Some("gold")],
            &[Some("10"), Some("ten"), Some("10"), Some("1"), None],
            &[Some("11"), Some("five "), Some("11"), None, None],
        ],
    )
    .await;
    assert_eq!(
        summary(&refusals),
        [
            (2, Cause::Unique, Some("id")),
            (3, Cause::Null, Some("name")),
            (4, Cause::Unique, Some("n")),
            (5, Cause::Reference, Some("p")),
            (6, Cause::Refused, None),
            (7, Cause::Refused, Some("name")),
            (8, Cause::Refused, Some("e")),
            (9, Cause::Refused, Some("e")),
        ],
        "{refusals:#?}"
    );
    let ids: Vec<String> = rows.iter().map(|row| row[0].clone().unwrap()).collect();
    assert_eq!(ids, ["0", "1", "10", "11"].map(str::to_owned), "an id of 0 stays 0: {rows:?}");
    scratch.drop().await;
}

#[tokio::test]
async fn what_the_server_would_quietly_change_is_refused() {
    let scratch = Scratch::new().await;
    let (refusals, rows) = refused(
        &scratch,
        "CREATE TABLE q (id bigint AUTO_INCREMENT PRIMARY KEY, dt datetime, t time(2), y year, c char(4), \
         s set('x','y'), f float, d2 double(10,2), v varchar(3), b binary(2))",
        &[
            &[
                Some("1"),
                Some("2024-01-01T00:00:00"),
                Some("01:02:03.450"),
                Some("2024"),
                Some("ab"),
                Some("x,y"),
                Some("0.1"),
                Some("1.25"),
                Some("abc"),
                Some("ab"),
            ],
            &[None; 10],
            &[Some("3"), Some("2024-01-01T00:00:00.5"), None, None, None, None, None, None, None, None],
            &[Some("4"), None, Some("01:02:03.456"), None, None, None, None, None, None, None],
            &[Some("5"), None, None, Some("5"), None, None, None, None, None, None],
            &[Some("6"), None, None, None, Some("ab "), None, None, None, None, None],
            &[Some("7"), None, None, None, None, Some("y,x"), None, None, None, None],
            &[Some("8"), None, None, None, None, None, Some("NaN"), None, None, None],
            &[Some("9"), None, None, None, None, None, None, Some("1.255"), None, None],
            &[Some("10"), None, None, None, None, None, None, Some("inf"), None, None],
            &[Some("11"), None, None, None, None, None, None, None, None, Some("a")],
            &[Some("13"), None, None, None, None, Some("3"), None, None, None, None],
        ],
    )
    .await;
    assert_eq!(
        summary(&refusals),
        [
            (1, Cause::Null, Some("id")),
            (2, Cause::Refused, Some("dt")),
            (3, Cause::Refused, Some("t")),
            (4, Cause::Length, Some("y")),
            (5, Cause::Refused, Some("c")),
            (6, Cause::Refused, Some("s")),
            (7, Cause::Refused, Some("f")),
            (8, Cause::Refused, Some("d2")),
            (9, Cause::Refused, Some("d2")),
            (10, Cause::Length, Some("b")),
            (11, Cause::Refused, Some("s")),
        ],
        "{refusals:#?}"
    );
    assert_eq!(rows.len(), 1);
    scratch.drop().await;
}

#[tokio::test]
async fn many_rows_with_some_bad_ones_leave_all_others() {
    let scratch = Scratch::new().await;
    let texts: Vec<String> = (0..5000).map(|n| if n % 997 == 5 { "5".into() } else { n.to_string() }).collect();
    let rows: Vec<[Option<&str>; 1]> = texts.iter().map(|text| [Some(text.as_str())]).collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(<[_; 1]>::as_slice).collect();
    let (refusals, stored) = refused(&scratch, "CREATE TABLE many (id int PRIMARY KEY)", &rows).await;
    let bad: Vec<usize> = refusals.iter().map(|refusal| refusal.row).collect();
    assert_eq!(bad, [1002, 1999, 2996, 3993, 4990]);
    assert_eq!(stored.len(), 4995);
    scratch.drop().await;
}

#[tokio::test]
async fn a_mark_comes_and_goes_with_its_rows() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY)"]).await;
    let mysql = scratch.mysql().await;
    let run = mark("t", 0).run;
    assert_eq!(mysql.marks(&run).await.unwrap(), []);
    mysql.prepare().await.unwrap();
    mysql.prepare().await.unwrap();
    let table = mysql.describe("t").await.unwrap();
    let mut loader = loader(&mysql, &table).await;
    loader.begin().await.unwrap();
    loader.write(&batch(&table, &[&[Some("1")]])).await.unwrap();
    assert_eq!(mysql.count("t").await.unwrap(), 0, "nothing is seen before the commit");
    loader.rollback().await.unwrap();
    assert_eq!((mysql.count("t").await.unwrap(), mysql.marks(&run).await.unwrap().len()), (0, 0));

    loader.begin().await.unwrap();
    loader.write(&batch(&table, &[&[Some("1")], &[Some("2")]])).await.unwrap();
    loader.commit(&mark("t", 3)).await.unwrap();
    let retry = Mark { retried: "0190-fault".into(), end: None, ..mark("t", Mark::FIRST_RETRY) };
    loader.begin().await.unwrap();
    loader.commit(&retry).await.unwrap();
    assert_eq!(mysql.count("t").await.unwrap(), 2);
    assert_eq!(mysql.marks(&run).await.unwrap(), [mark("t", 3), retry]);

    // The same chunk twice is refused, rows and all.
    loader.begin().await.unwrap();
    loader.write(&batch(&table, &[&[Some("3")]])).await.unwrap();
    assert!(loader.commit(&mark("t", 3)).await.is_err());
    loader.rollback().await.unwrap();
    assert_eq!(mysql.count("t").await.unwrap(), 2);
    scratch.drop().await;
}

#[tokio::test]
async fn a_killed_connection_is_lost_and_leaves_nothing() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY)"]).await;
    let mysql = scratch.mysql().await;
    let table = mysql.describe("t").await.unwrap();
    let mut loader = loader(&mysql, &table).await;
    loader.begin().await.unwrap();
    loader.write(&batch(&table, &[&[Some("1")]])).await.unwrap();
    let threads = scratch
        .rows(&format!(
            "SELECT t.trx_mysql_thread_id FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p \
             ON p.ID = t.trx_mysql_thread_id WHERE p.DB = '{}' AND t.trx_rows_modified > 0",
            scratch.name
        ))
        .await;
    let id = threads[0][0].clone().unwrap();
    scratch.run(&[&format!("KILL CONNECTION {id}")]).await;
    let error = loader.write(&batch(&table, &[&[Some("2")]])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Lost, "{error}");
    assert!(error.is_transient());
    assert_eq!(mysql.count("t").await.unwrap(), 0);
    scratch.drop().await;
}

#[tokio::test]
async fn a_lock_held_elsewhere_is_busy_and_refuses_no_row() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (5)"]).await;
    let mysql = scratch.mysql().await;
    let table = mysql.describe("t").await.unwrap();
    let mut holder = scratch.session().await;
    holder.execute("START TRANSACTION").await.unwrap();
    holder.execute("DELETE FROM t").await.unwrap();
    let mut loader = mysql.open(&table, &LoadOptions { lock_wait: 1, ..all_columns(&table) }).await.unwrap();
    loader.begin().await.unwrap();
    let error = loader.write(&batch(&table, &[&[Some("5")], &[Some("6")]])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy, "{error}");
    scratch.drop().await;
}

#[tokio::test]
async fn a_row_over_the_packet_is_refused_alone() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY, t longtext)"]).await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let packet: usize = scratch.rows("SELECT @@max_allowed_packet").await[0][0].clone().unwrap().parse().unwrap();
    let huge = "x".repeat(packet + 1);
    let large = "y".repeat(packet / 4 + 1);
    let table = mysql.describe("t").await.unwrap();
    let mut loader = loader(&mysql, &table).await;
    loader.begin().await.unwrap();
    let rows: &[&[Option<&str>]] =
        &[&[Some("1"), Some(&large)], &[Some("2"), Some(&huge)], &[Some("3"), Some(&large)], &[Some("4"), None]];
    let refusals = loader.write(&batch(&table, rows)).await.unwrap();
    assert_eq!(summary(&refusals), [(1, Cause::Length, None)]);
    loader.commit(&mark("t", 0)).await.unwrap();
    let rows = scratch.rows("SELECT id, LENGTH(t) FROM t ORDER BY id").await;
    let length = Some(large.len().to_string());
    assert_eq!(rows, [[Some("1".into()), length.clone()], [Some("3".into()), length], [Some("4".into()), None]]);
    scratch.drop().await;
}

#[tokio::test]
async fn a_row_that_the_server_would_change_with_a_warning_is_refused_alone() {
    let scratch = Scratch::new().await;
    // Trailing spaces are cut from a text that is too long even in strict mode, with a note.
    let padded = format!("{}{}", "x".repeat(250), " ".repeat(10));
    let rows: &[&[Option<&str>]] = &[&[Some("1"), Some("a")], &[Some("2"), Some(&padded)], &[Some("3"), Some("c")]];
    let (refusals, stored) = refused(&scratch, "CREATE TABLE t (id int PRIMARY KEY, t tinytext)", rows).await;
    assert_eq!(summary(&refusals), [(1, Cause::Refused, Some("t"))]);
    assert!(refusals[0].message.contains("truncated"), "{refusals:?}");
    assert_eq!(stored.len(), 2);
    scratch.drop().await;
}

#[tokio::test]
async fn tables_without_transactions_are_not_loaded() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY) ENGINE=MyISAM"]).await;
    let mysql = scratch.mysql().await;
    let table = mysql.describe("t").await.unwrap();
    let error = mysql.open(&table, &all_columns(&table)).await.err().unwrap();
    assert!(error.to_string().contains("MyISAM"), "{error}");
    assert!(mysql.permissions(true, &[table]).await.unwrap().iter().any(|finding| finding.contains("InnoDB")));
    scratch.drop().await;
}

#[tokio::test]
async fn a_circle_loads_with_foreign_keys_suspended() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY, boss int, FOREIGN KEY (boss) REFERENCES t (id))"]).await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let table = mysql.describe("t").await.unwrap();
    let rows = batch(&table, &[&[Some("1"), Some("2")], &[Some("2"), Some("1")]]);
    let mut enforced = loader(&mysql, &table).await;
    enforced.begin().await.unwrap();
    assert_eq!(enforced.write(&rows).await.unwrap().len(), 2);
    enforced.rollback().await.unwrap();
    let options = LoadOptions { suspend_foreign_keys: true, ..all_columns(&table) };
    let mut loader = mysql.open(&table, &options).await.unwrap();
    loader.begin().await.unwrap();
    assert_eq!(loader.write(&rows).await.unwrap(), []);
    loader.commit(&mark("t", 0)).await.unwrap();
    assert_eq!(mysql.count("t").await.unwrap(), 2);
    scratch.drop().await;
}
