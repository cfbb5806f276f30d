//! Rows that take another one's place, and tables that are emptied.

use super::*;

const TABLE: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE NOT NULL, email TEXT UNIQUE, age INTEGER CHECK (age >= 0),
                    made TEXT DEFAULT 'then');
    INSERT INTO t (id, name, email, age) VALUES (1, 'ada', 'a@x', 1), (2, 'bob', 'b@x', 2), (3, 'cyd', 'c@x', 3);
    CREATE TABLE writes (id);
    CREATE TRIGGER seen AFTER UPDATE ON t BEGIN INSERT INTO writes VALUES (NEW.id); END;";

type Row<'r> = (&'r str, &'r str, &'r str, &'r str);

fn rows(rows: &[Row<'_>]) -> RecordBatch {
    let column = |pick: fn(&Row<'_>) -> String| rows.iter().map(pick).collect::<Vec<_>>();
    let [ids, names, emails, ages] = [
        column(|row| row.0.to_owned()),
        column(|row| row.1.to_owned()),
        column(|row| row.2.to_owned()),
        column(|row| row.3.to_owned()),
    ];
    fn cells(texts: &[String]) -> Vec<Option<&str>> {
        texts.iter().map(|text| Some(text.as_str())).collect()
    }
    batch(&[
        ("id", "bigint", &cells(&ids)),
        ("name", "text", &cells(&names)),
        ("email", "text", &cells(&emails)),
        ("age", "bigint", &cells(&ages)),
    ])
}

async fn upserting(sqlite: &Sqlite, table: &str, columns: &[&str], key: &[&str]) -> Box<dyn Loader> {
    let table = sqlite.describe(table).await.unwrap();
    let update_by = key.iter().map(|name| (*name).to_owned()).collect();
    let mut loader = sqlite.open(&table, &LoadOptions { update_by, ..options(columns) }).await.unwrap();
    loader.begin().await.unwrap();
    loader
}

fn stored(fixture: &Fixture, sql: &str) -> String {
    fixture.connection().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn rows_are_updated_by_key_and_left_alone_where_they_are_the_same() {
    let fixture = Fixture::new(TABLE);
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    let columns = ["id", "name", "email", "age"];
    let mut loader = upserting(&sqlite, "t", &columns, &["id"]).await;
    let batch = rows(&[
        ("1", "ada", "a@x", "1"),
        // Equal under the column's collation, and not the same.
        ("2", "Bob", "b@x", "2"),
        ("4", "dan", "d@x", "4"),
        ("5", "eve", "a@x", "5"),
        ("3", "cyd", "c@x", "-3"),
        ("1", "twin", "t@x", "1"),
        // Its twins before were refused.
        ("3", "cyd", "c@x", "33"),
    ]);
    let refusals = loader.write(&batch).await.unwrap();
    let brief: Vec<_> = refusals.iter().map(|refusal| (refusal.row, refusal.cause)).collect();
    assert_eq!(brief, [(3, Cause::Unique), (4, Cause::Check), (5, Cause::Unique)], "{refusals:#?}");
    assert_eq!(refusals[0].column.as_deref(), Some("email"));
    assert_eq!(refusals[2].column.as_deref(), Some("id"));
    assert_eq!(loader.unchanged(), 1);
    loader.commit(&mark("t", 0, 4)).await.unwrap();
    let all = "SELECT group_concat(id || name || email || age || coalesce(made, '-')) FROM t";
    assert_eq!(stored(&fixture, all), "1adaa@x1then,2Bobb@x2then,3cydc@x33then,4dand@x4then");
    assert_eq!(stored(&fixture, "SELECT group_concat(id) FROM writes"), "2,3");

    // A second time nothing changes, in a new chunk of the same loader.
    loader.begin().await.unwrap();
    let batch = rows(&[("2", "Bob", "b@x", "2"), ("4", "dan", "d@x", "4")]);
    assert_eq!(loader.write(&batch).await.unwrap(), []);
    assert_eq!(loader.unchanged(), 2);
    loader.commit(&mark("t", 1, 2)).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM writes"), 2);
}

#[tokio::test]
async fn twins_are_told_by_the_key_s_own_collation() {
    let fixture =
        Fixture::new("CREATE TABLE t (a TEXT COLLATE NOCASE NOT NULL, b INTEGER NOT NULL, v, PRIMARY KEY (b, a));");
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    let mut loader = upserting(&sqlite, "t", &["a", "b", "v"], &["a", "b"]).await;
    let batch = batch(&[
        ("a", "text", &[Some("x"), Some("X"), Some("x"), Some("y")]),
        ("b", "bigint", &[Some("1"), Some("1"), Some("2"), Some("1")]),
        ("v", "text", &[Some("1"), Some("2"), Some("3"), None]),
    ]);
    let refusals = loader.write(&batch).await.unwrap();
    assert_eq!(refusals.iter().map(|refusal| refusal.row).collect::<Vec<_>>(), [1]);
    loader.rollback().await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM t"), 0);
    // What was rolled back is in nobody's way.
    loader.begin().await.unwrap();
    assert_eq!(loader.write(&batch).await.unwrap().len(), 1);
    loader.commit(&mark("t", 0, 3)).await.unwrap();
    assert_eq!(fixture.number("SELECT count(*) FROM t"), 3);
}

#[tokio::test]
async fn a_row_that_a_trigger_ignores_is_refused() {
    let fixture = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b');
         CREATE TRIGGER silent BEFORE UPDATE ON t WHEN NEW.id = 2 BEGIN SELECT RAISE(IGNORE); END;",
    );
    let sqlite = fixture.destination().await;
    let mut loader = upserting(&sqlite, "t", &["id", "v"], &["id"]).await;
    let batch = batch(&[
        ("id", "bigint", &[Some("1"), Some("2"), Some("2")]),
        ("v", "text", &[Some("a"), Some("other"), Some("b")]),
    ]);
    let refusals = loader.write(&batch).await.unwrap();
    assert_eq!(refusals.iter().map(|refusal| refusal.row).collect::<Vec<_>>(), [1], "{refusals:?}");
    assert_eq!(loader.unchanged(), 2);
}

#[tokio::test]
async fn a_table_is_emptied_with_its_chunk_or_not_at_all() {
    let fixture = Fixture::new(TABLE);
    let sqlite = fixture.destination().await;
    sqlite.prepare().await.unwrap();
    for (committed, expected) in [(false, 3), (true, 1)] {
        let mut loader = loader(&sqlite, "t", &["id", "name", "email", "age"]).await;
        loader.begin().await.unwrap();
        loader.empty().await.unwrap();
        let batch = rows(&[("1", "ada", "a@x", "1"), ("1", "ada", "a@x", "1")]);
        assert_eq!(loader.write(&batch).await.unwrap().len(), 1);
        match committed {
            true => loader.commit(&mark("t", 0, 1)).await.unwrap(),
            false => loader.rollback().await.unwrap(),
        }
        assert_eq!(fixture.number("SELECT count(*) FROM t"), expected);
    }
}

#[tokio::test]
async fn marks_stand_where_the_plan_says_and_go_when_nobody_needs_them() {
    let fixture = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE c (t REFERENCES T (id));");
    let sqlite = fixture.destination().await.with_marks("my \"marks\"");
    let run = |name: &str| RunId(name.into());
    assert_eq!(sqlite.referrers("t").await.unwrap(), ["c"]);
    assert_eq!(sqlite.forget(&[run("r1")]).await.unwrap(), 0, "there are none yet");
    sqlite.prepare().await.unwrap();
    let mut loader = loader(&sqlite, "t", &["id"]).await;
    for (name, chunk) in [("r1", 0), ("r1", 1), ("r2", 0)] {
        loader.begin().await.unwrap();
        loader.commit(&Mark { run: run(name), ..mark("t", chunk, 0) }).await.unwrap();
    }
    assert_eq!(fixture.number("SELECT count(*) FROM \"my \"\"marks\"\"\""), 3);
    assert_eq!(sqlite.tables().await.unwrap().len(), 2);
    assert_eq!(sqlite.forget(&[run("r1")]).await.unwrap(), 1);
    assert_eq!(sqlite.marks(&run("r1")).await.unwrap(), []);
    assert_eq!(sqlite.forget(&[run("r2")]).await.unwrap(), 0);
    assert_eq!(fixture.number("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%marks%'"), 0);
}
