//! Rows that take another one's place, and tables that are emptied.

use super::*;
use crate::{
    endpoint::Refusal,
    model::{Cause, Mode},
};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, name varchar(20) NOT NULL, n decimal(8,2), d double, j json, \
     g point, tag varchar(20) UNIQUE, up int, amount int CHECK (amount >= 0), \
     made timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, \
     touched timestamp(6) DEFAULT '2001-01-01' ON UPDATE CURRENT_TIMESTAMP(6), \
     FOREIGN KEY (up) REFERENCES t (id)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci";

const COLUMNS: [&str; 9] = ["id", "name", "n", "d", "j", "g", "tag", "up", "amount"];

async fn scratch() -> Scratch {
    let scratch = Scratch::new().await;
    scratch.run(&[TABLE]).await;
    let values: Vec<String> = (1..=50)
        .map(|i| {
            format!("({i}, 'name {i}', 1.5, 0.1, '{{\"a\": 1}}', ST_GeomFromText('POINT(1 2)'), 'tag {i}', NULL, {i})")
        })
        .collect();
    scratch.run(&[&format!("INSERT INTO t ({}) VALUES {}", COLUMNS.join(", "), values.join(", "))]).await;
    scratch
}

async fn opened(scratch: &Scratch, update_by: &[&str]) -> (Mysql, Table, Box<dyn Loader>) {
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let mut table = mysql.describe("t").await.unwrap();
    table.columns.retain(|column| COLUMNS.contains(&column.name.as_str()));
    let update_by = update_by.iter().map(|name| (*name).to_owned()).collect();
    let mut loader = mysql.open(&table, &LoadOptions { update_by, ..all_columns(&table) }).await.unwrap();
    loader.begin().await.unwrap();
    (mysql, table, loader)
}

type Row = Vec<Option<String>>;

fn row(id: u32) -> Row {
    changed(id, &format!("name {id}"), &format!("tag {id}"), None, id as i32)
}

fn changed(id: u32, name: &str, tag: &str, up: Option<u32>, amount: i32) -> Row {
    let text = |text: &str| Some(text.to_owned());
    let up = up.map(|up| up.to_string());
    let (id, amount) = (Some(id.to_string()), Some(amount.to_string()));
    vec![id, text(name), text("1.50"), text("0.1"), text("{\"a\": 1}"), text("POINT(1 2)"), text(tag), up, amount]
}

fn batch_of(table: &Table, rows: &[Row]) -> RecordBatch {
    let cells: Vec<Vec<Option<&str>>> = rows.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect();
    let rows: Vec<&[Option<&str>]> = cells.iter().map(Vec::as_slice).collect();
    batch(table, &rows)
}

fn brief(refusals: &[Refusal]) -> Vec<(usize, Cause, Option<&str>)> {
    refusals.iter().map(|refusal| (refusal.row, refusal.cause, refusal.column.as_deref())).collect()
}

/// The rows that were touched since they were made.
async fn touched(scratch: &Scratch) -> Vec<String> {
    let rows = scratch.rows("SELECT id FROM t WHERE touched > '2001-01-02' AND id <= 50 ORDER BY id").await;
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

#[tokio::test]
async fn a_row_that_is_there_as_it_is_stays_untouched() {
    let scratch = scratch().await;
    let rows: Vec<Row> = (1..=50).map(row).collect();
    for chunk in 0..2 {
        let (_, table, mut loader) = opened(&scratch, &["id"]).await;
        assert_eq!(loader.write(&batch_of(&table, &rows[..20])).await.unwrap(), []);
        assert_eq!(loader.write(&batch_of(&table, &rows[20..])).await.unwrap(), []);
        assert_eq!(loader.unchanged(), 50);
        loader.commit(&mark("t", chunk)).await.unwrap();
    }
    assert_eq!(touched(&scratch).await, Vec::<String>::new());

    let (_, table, mut loader) = opened(&scratch, &["id"]).await;
    // Equal under the column's collation, and not the same.
    let rows = [row(1), changed(2, "NAME 2", "tag 2", None, 2), changed(3, "name 3", "tag 3", Some(1), 3), row(51)];
    assert_eq!(loader.write(&batch_of(&table, &rows)).await.unwrap(), []);
    assert_eq!(loader.unchanged(), 1);
    loader.commit(&mark("t", 2)).await.unwrap();
    assert_eq!(touched(&scratch).await, ["2", "3"]);
    assert_eq!(scratch.rows("SELECT name FROM t WHERE id = 2").await[0][0].as_deref(), Some("NAME 2"));
    assert_eq!(scratch.rows("SELECT COUNT(*) FROM t").await[0][0].as_deref(), Some("51"));
    scratch.drop().await;
}

#[tokio::test]
async fn another_key_s_collision_is_a_fault_and_overwrites_nobody() {
    let scratch = scratch().await;
    let (_, table, mut loader) = opened(&scratch, &["id"]).await;
    let rows = [
        changed(1, "new", "tag 1", None, 1),
        // `ON DUPLICATE KEY UPDATE` would make row 40 of this one.
        changed(60, "new", "tag 40", None, 1),
        changed(3, "new", "tag 3", None, -1),
        changed(4, "new", "tag 50", None, 1),
        changed(5, "new", "tag 5", Some(999), 1),
        changed(1, "again", "tag 1", None, 1),
        changed(6, "new", "tag 6", Some(998), 1),
        // Its twin before it is refused by the table, so it is the first of its key.
        changed(5, "new", "tag 5", None, 7),
        changed(8, "new", "tag 8", None, 8),
    ];
    let refusals = loader.write(&batch_of(&table, &rows)).await.unwrap();
    assert_eq!(
        brief(&refusals),
        [
            (1, Cause::Unique, Some("tag")),
            (2, Cause::Refused, Some("amount")),
            (3, Cause::Unique, Some("tag")),
            (4, Cause::Reference, Some("up")),
            (5, Cause::Unique, None),
            (6, Cause::Reference, Some("up")),
        ],
        "{refusals:#?}"
    );
    let later = [changed(8, "new", "tag 8", None, 1), changed(3, "new", "tag 3", None, 3)];
    let refusals = loader.write(&batch_of(&table, &later)).await.unwrap();
    assert_eq!(brief(&refusals), [(0, Cause::Unique, None)]);
    loader.commit(&mark("t", 0)).await.unwrap();
    let new = scratch.rows("SELECT CONCAT(id, ':', tag, ':', amount) FROM t WHERE name = 'new' ORDER BY id").await;
    let new: Vec<&str> = new.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(new, ["1:tag 1:1", "3:tag 3:3", "5:tag 5:7", "8:tag 8:8"]);
    assert_eq!(scratch.rows("SELECT name FROM t WHERE id = 40").await[0][0].as_deref(), Some("name 40"));
    scratch.drop().await;
}

#[tokio::test]
async fn many_bad_rows_among_many_are_found() {
    let scratch = scratch().await;
    let (_, table, mut loader) = opened(&scratch, &["id"]).await;
    let bad = |id: u32| match id % 97 {
        0 => changed(id, "n", &format!("t{id}"), Some(50_000), 1),
        1 => changed(id, "n", "tag 1", None, 1),
        2 => changed(id, "n", &format!("t{id}"), None, -1),
        _ => row(id),
    };
    let rows: Vec<Row> = (1000..4000).map(bad).collect();
    let refusals = loader.write(&batch_of(&table, &rows)).await.unwrap();
    let refused: Vec<usize> = refusals.iter().map(|refusal| refusal.row + 1000).collect();
    let expected: Vec<usize> = (1000..4000).filter(|id| id % 97 < 3).collect();
    assert_eq!(refused, expected);
    loader.commit(&mark("t", 0)).await.unwrap();
    let count = scratch.rows("SELECT COUNT(*) FROM t WHERE id >= 1000").await[0][0].clone().unwrap();
    assert_eq!(count, (3000 - expected.len()).to_string());
    scratch.drop().await;
}

#[tokio::test]
async fn a_table_is_emptied_with_its_chunk_or_not_at_all() {
    let scratch = scratch().await;
    for (committed, expected) in [(false, "50"), (true, "1")] {
        let (_, table, mut loader) = opened(&scratch, &[]).await;
        loader.empty().await.unwrap();
        assert_eq!(loader.write(&batch_of(&table, &[row(1), row(1)])).await.unwrap().len(), 1);
        match committed {
            true => loader.commit(&mark("t", 0)).await.unwrap(),
            false => loader.rollback().await.unwrap(),
        }
        assert_eq!(scratch.rows("SELECT COUNT(*) FROM t").await[0][0].as_deref(), Some(expected));
    }
    scratch.drop().await;
}

#[tokio::test]
async fn what_a_mode_needs_is_known_before() {
    let scratch = scratch().await;
    scratch.run(&["CREATE TABLE child (t int, FOREIGN KEY (t) REFERENCES t (id))"]).await;
    let user = format!("poor_{}", scratch.name.replace("whimbrel_test_", ""));
    let name = &scratch.name;
    scratch
        .run(&[&format!("CREATE USER {user}@'%'"), &format!("GRANT SELECT, INSERT ON {name}.t TO {user}@'%'")])
        .await;
    let url = scratch.url().replace("root@", &format!("{user}@"));
    let poor = Mysql::connect(&url, None, false).await.unwrap();
    let table = poor.describe("t").await.unwrap();
    assert_eq!(poor.permissions(false, std::slice::from_ref(&table)).await.unwrap(), Vec::<String>::new());
    assert_eq!(poor.lacks(&table, Mode::Insert).await.unwrap(), Vec::<String>::new());
    let upsert = poor.lacks(&table, Mode::Upsert).await.unwrap();
    assert!(upsert[0].contains(&format!("GRANT UPDATE ON `{name}`.`t` TO '{user}'@'%'.")), "{upsert:?}");
    assert!(upsert[1].contains("GRANT CREATE TEMPORARY TABLES ON"), "{upsert:?}");
    assert!(poor.lacks(&table, Mode::Replace).await.unwrap()[0].contains("GRANT DELETE ON"));
    let why = poor.cannot_mark().await.unwrap().unwrap();
    assert!(why.contains(&format!("GRANT CREATE ON `{name}`.* TO '{user}'@'%'.")), "{why}");
    let rich = scratch.mysql().await;
    assert_eq!(rich.cannot_mark().await.unwrap(), None);
    assert_eq!(rich.lacks(&table, Mode::Upsert).await.unwrap(), Vec::<String>::new());
    assert_eq!(rich.referrers("t").await.unwrap(), ["child"]);
    scratch.run(&[&format!("DROP USER {user}@'%'")]).await;
    drop((poor, rich));
    scratch.drop().await;
}

#[tokio::test]
async fn marks_stand_where_the_plan_says_and_go_when_nobody_needs_them() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY)"]).await;
    let mysql = scratch.mysql().await.with_marks(&format!("{}.progress", scratch.name));
    let run = |name: &str| RunId(name.into());
    assert_eq!(mysql.forget(&[run("r1")]).await.unwrap(), 0, "there are none yet");
    mysql.prepare().await.unwrap();
    let table = mysql.describe("t").await.unwrap();
    let mut loader = loader(&mysql, &table).await;
    for (name, chunk) in [("r1", 0), ("r1", 1), ("r2", 0)] {
        loader.begin().await.unwrap();
        loader.commit(&Mark { run: run(name), ..mark("t", chunk) }).await.unwrap();
    }
    assert_eq!(scratch.rows("SELECT COUNT(*) FROM progress").await[0][0].as_deref(), Some("3"));
    assert_eq!(mysql.marks(&run("r1")).await.unwrap().len(), 2);
    drop(loader);
    assert_eq!(mysql.forget(&[run("r1")]).await.unwrap(), 1);
    assert_eq!(mysql.marks(&run("r1")).await.unwrap(), []);
    assert_eq!(mysql.forget(&[run("r2"), run("r1")]).await.unwrap(), 0);
    assert_eq!(scratch.rows("SHOW TABLES LIKE 'progress'").await.len(), 0);
    scratch.drop().await;
}
