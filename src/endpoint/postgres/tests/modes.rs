//! Rows that take another one's place, and tables that are emptied.

use super::*;
use crate::{
    endpoint::{Refusal, postgres::sql::ident},
    model::{Cause, Mode},
};

/// Types whose equality is not sameness, and a second unique key.
const TABLE: &str = "
    CREATE EXTENSION IF NOT EXISTS citext;
    CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL, n numeric, j json, p point, c citext, tag text UNIQUE,
                    up int REFERENCES t, amount int CHECK (amount >= 0), made timestamptz DEFAULT now());
    INSERT INTO t SELECT i, 'name ' || i, 1.0, '{\"a\": 1}', '(1,2)', 'word', 'tag ' || i, NULL, i
    FROM generate_series(1, 100) AS i";

const COLUMNS: [&str; 9] = ["id", "name", "n", "j", "p", "c", "tag", "up", "amount"];

async fn opened(database: &Database, update_by: &[&str]) -> (Postgres, Table, Box<dyn Loader>) {
    let endpoint = database.connect().await;
    endpoint.prepare().await.unwrap();
    let mut table = endpoint.describe("t").await.unwrap();
    table.columns.retain(|column| COLUMNS.contains(&column.name.as_str()));
    let update_by = update_by.iter().map(|name| (*name).to_owned()).collect();
    let mut loader =
        endpoint.open(&table, &LoadOptions { update_by, lock_wait: 5, ..all_columns(&table) }).await.unwrap();
    loader.begin().await.unwrap();
    (endpoint, table, loader)
}

fn row(id: u32) -> String {
    format!("{id}|name {id}|1.0|{{\"a\": 1}}|(1,2)|word|tag {id}|NULL|{id}")
}

fn brief(refusals: &[Refusal]) -> Vec<(usize, Cause, Option<&str>)> {
    refusals.iter().map(|refusal| (refusal.row, refusal.cause, refusal.column.as_deref())).collect()
}

async fn places(database: &Database) -> Vec<String> {
    database.texts("SELECT ctid::text || xmin::text FROM t ORDER BY id").await
}

#[tokio::test]
async fn a_row_that_is_there_as_it_is_stays_untouched() {
    let database = Database::new().await;
    database.run(TABLE).await;
    let before = places(&database).await;
    let rows: Vec<String> = (1..=100).map(row).collect();
    for chunk in 0..2 {
        let (_, table, mut loader) = opened(&database, &["id"]).await;
        // In two batches, so that numbers go on.
        assert_eq!(loader.write(&batch_of(&table, &rows[..60])).await.unwrap(), []);
        assert_eq!(loader.write(&batch_of(&table, &rows[60..])).await.unwrap(), []);
        assert_eq!(loader.unchanged(), 100);
        loader.commit(&mark("t", chunk)).await.unwrap();
    }
    assert_eq!(places(&database).await, before);
}

#[tokio::test]
async fn what_is_equal_but_not_the_same_is_changed() {
    let database = Database::new().await;
    database.run(TABLE).await;
    let before = places(&database).await;
    let (_, table, mut loader) = opened(&database, &["id"]).await;
    let rows = [
        row(1),
        "2|name 2|1.00|{\"a\": 1}|(1,2)|word|tag 2|NULL|2".into(),
        "3|name 3|1.0|{\"a\":1}|(1,2)|word|tag 3|NULL|3".into(),
        "4|name 4|1.0|{\"a\": 1}|(1,2)|Word|tag 4|NULL|4".into(),
        "5|name 5|1.0|{\"a\": 1}|(1,2)|word|tag 5|1|NULL".into(),
        row(101),
    ];
    assert_eq!(loader.write(&batch_of(&table, &rows)).await.unwrap(), []);
    assert_eq!(loader.unchanged(), 1);
    loader.commit(&mark("t", 0)).await.unwrap();
    let after = places(&database).await;
    let changed: Vec<usize> = (0..100).filter(|at| before[*at] != after[*at]).collect();
    assert_eq!(changed, [1, 2, 3, 4]);
    assert_eq!(
        database
            .texts("SELECT n::text || j || c || coalesce(up, 0) FROM t WHERE id IN (2, 3, 4, 5, 101) ORDER BY id")
            .await,
        ["1.00{\"a\": 1}word0", "1.0{\"a\":1}word0", "1.0{\"a\": 1}Word0", "1.0{\"a\": 1}word1", "1.0{\"a\": 1}word0"]
    );
    assert_eq!(
        database.text("SELECT count(*)::text FROM t WHERE made IS NULL").await,
        "0",
        "what is not written stays"
    );
}

#[tokio::test]
async fn each_kind_of_bad_row_is_named_here_too() {
    let database = Database::new().await;
    database.run(TABLE).await;
    let (_, table, mut loader) = opened(&database, &["id"]).await;
    let changed = |id: u32, tag: &str, up: &str, amount: &str| {
        format!("{id}|new|1.0|{{\"a\": 1}}|(1,2)|word|{tag}|{up}|{amount}")
    };
    let rows = [
        changed(1, "tag 1", "NULL", "1"),
        "2|NULL|1|1|(1,2)|c|x|NULL|1".to_owned(),
        changed(3, "tag 3", "NULL", "-1"),
        changed(4, "tag 50", "NULL", "1"),
        changed(5, "tag 5", "999", "1"),
        changed(1, "again", "NULL", "1"),
        changed(200, "tag 60", "NULL", "1"),
        "7|new|1|{broken|(1,2)|c|tag 7|NULL|1".to_owned(),
        // Its twin before it is refused by the table, so it is the first of its key.
        changed(5, "tag 5", "NULL", "7"),
        changed(8, "tag 8", "1", "1"),
    ];
    let refusals = loader.write(&batch_of(&table, &rows)).await.unwrap();
    assert_eq!(
        brief(&refusals),
        [
            (1, Cause::Null, Some("name")),
            (2, Cause::Refused, Some("amount")),
            (3, Cause::Unique, Some("tag")),
            (4, Cause::Reference, Some("up")),
            (5, Cause::Unique, Some("id")),
            (6, Cause::Unique, Some("tag")),
            (7, Cause::Refused, Some("j")),
        ],
        "{refusals:#?}"
    );
    // In a later batch of the chunk the key is still taken; one that was refused is not.
    let later = [changed(8, "tag 8", "NULL", "1"), changed(3, "tag 3", "NULL", "3")];
    let refusals = loader.write(&batch_of(&table, &later)).await.unwrap();
    assert_eq!(brief(&refusals), [(0, Cause::Unique, Some("id"))]);
    loader.commit(&mark("t", 0)).await.unwrap();
    let new = "SELECT id || ':' || tag || ':' || amount FROM t WHERE name = 'new' ORDER BY id";
    assert_eq!(database.texts(new).await, ["1:tag 1:1", "3:tag 3:3", "5:tag 5:7", "8:tag 8:1"]);
    assert_eq!(database.text("SELECT count(*)::text FROM t").await, "100");
}

#[tokio::test]
async fn many_bad_rows_among_many_are_found() {
    let database = Database::new().await;
    database.run(TABLE).await;
    let (_, table, mut loader) = opened(&database, &["id"]).await;
    let bad = |id: u32| match id % 97 {
        0 => format!("{id}|n|1|1|(1,2)|c|t{id}|5000|1"),
        1 => format!("{id}|n|1|1|(1,2)|c|tag 1|NULL|1"),
        2 => format!("{id}|n|1|1|(1,2)|c|t{id}|NULL|-1"),
        _ => row(id),
    };
    let rows: Vec<String> = (1000..3000).map(bad).collect();
    let refusals = loader.write(&batch_of(&table, &rows)).await.unwrap();
    let refused: Vec<usize> = refusals.iter().map(|refusal| refusal.row + 1000).collect();
    let expected: Vec<usize> = (1000..3000).filter(|id| id % 97 < 3).collect();
    assert_eq!(refused, expected);
    loader.commit(&mark("t", 0)).await.unwrap();
    assert_eq!(
        database.text("SELECT count(*)::text FROM t WHERE id >= 1000").await,
        (2000 - expected.len()).to_string()
    );
}

#[tokio::test]
async fn a_trigger_that_leaves_rows_out_is_noticed() {
    let database = Database::new().await;
    database.run(TABLE).await;
    database
        .run(
            "CREATE FUNCTION silent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER silent BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.id = 7) EXECUTE FUNCTION silent()",
        )
        .await;
    let (_, table, mut loader) = opened(&database, &["id"]).await;
    assert_eq!(loader.write(&batch_of(&table, &[row(7), row(8)])).await.unwrap(), []);
    loader.rollback().await.unwrap();
    loader.begin().await.unwrap();
    let changed = [row(7).replace("name 7", "other")];
    let error = loader.write(&batch_of(&table, &changed)).await.unwrap_err();
    assert!(error.to_string().contains("triggers"), "{error}");
}

#[tokio::test]
async fn a_table_of_nothing_but_its_key_and_odd_names() {
    let database = Database::new().await;
    database
        .run("CREATE SCHEMA \"Odd.one\"; CREATE TABLE \"Odd.one\".\"T \"\"x\" (\"A b\" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
              INSERT INTO \"Odd.one\".\"T \"\"x\" DEFAULT VALUES")
        .await;
    let endpoint = database.connect().await.with_marks("ops.\"marks\"");
    assert_eq!(endpoint.cannot_mark().await.unwrap(), None);
    endpoint.prepare().await.unwrap();
    let name = format!("{}.{}", ident("Odd.one"), "T \"x");
    let table = endpoint.describe(&name).await.unwrap();
    let options = LoadOptions { update_by: vec!["A b".into()], ..all_columns(&table) };
    let mut loader = endpoint.open(&table, &options).await.unwrap();
    loader.begin().await.unwrap();
    assert_eq!(loader.write(&batch_of(&table, &["1".into(), "5".into()])).await.unwrap(), []);
    assert_eq!(loader.unchanged(), 1);
    loader.commit(&mark("t", 0)).await.unwrap();
    assert_eq!(endpoint.count(&table.name).await.unwrap(), 2);
    assert_eq!(endpoint.tables().await.unwrap().len(), 1, "the marks' table is not listed");
    assert_eq!(endpoint.marks(&mark("t", 0).run).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_table_is_emptied_with_its_chunk_or_not_at_all() {
    let database = Database::new().await;
    database.run(TABLE).await;
    for (committed, expected) in [(false, "100"), (true, "1")] {
        let (_, table, mut loader) = opened(&database, &[]).await;
        loader.empty().await.unwrap();
        assert_eq!(loader.write(&batch_of(&table, &[row(1), row(1)])).await.unwrap().len(), 1);
        match committed {
            true => loader.commit(&mark("t", 0)).await.unwrap(),
            false => loader.rollback().await.unwrap(),
        }
        assert_eq!(database.text("SELECT count(*)::text FROM t").await, expected);
    }
}

#[tokio::test]
async fn a_lock_held_elsewhere_is_busy_after_the_time_given() {
    let database = Database::new().await;
    database.run(TABLE).await;
    let mut holder = database.session().await;
    sql::run(&mut holder, "BEGIN; UPDATE t SET name = 'mine' WHERE id = 5; LOCK TABLE t IN SHARE MODE").await.unwrap();
    let endpoint = database.connect().await;
    let table = endpoint.describe("t").await.unwrap();
    let options = LoadOptions { lock_wait: 1, ..all_columns(&table) };
    let mut loader = endpoint.open(&table, &options).await.unwrap();
    loader.begin().await.unwrap();
    let batch = batch_of(&table, &[format!("{}|NULL", row(500))]);
    let error = loader.write(&batch).await.unwrap_err();
    assert_eq!(error.kind, crate::endpoint::ErrorKind::Busy, "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn what_a_mode_needs_is_known_before() {
    let database = Database::new().await;
    let role = format!("{}_role", database.name);
    database
        .run(&format!(
            "CREATE ROLE {role} LOGIN; CREATE TABLE t (id int PRIMARY KEY);
             CREATE TABLE child (t int REFERENCES t, own int); CREATE SCHEMA s; CREATE TABLE s.other (t int REFERENCES t);
             GRANT INSERT, SELECT ON t TO {role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
        ))
        .await;
    database.run(&format!("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", database.name)).await;
    let mut url = Url::parse(&database.url).unwrap();
    url.set_username(&role).unwrap();
    let endpoint = Postgres::connect(url.as_str(), None, false).await.unwrap();
    let table = endpoint.describe("t").await.unwrap();
    assert_eq!(endpoint.lacks(&table, Mode::Insert).await.unwrap(), Vec::<String>::new());
    let upsert = endpoint.lacks(&table, Mode::Upsert).await.unwrap();
    assert!(upsert[0].contains("GRANT UPDATE ON") && upsert[1].contains("GRANT TEMPORARY ON"), "{upsert:?}");
    assert!(endpoint.lacks(&table, Mode::Replace).await.unwrap()[0].contains("GRANT TRUNCATE"));
    assert_eq!(endpoint.referrers("t").await.unwrap(), ["child", "s.other"]);
    assert_eq!(endpoint.referrers("child").await.unwrap(), Vec::<String>::new());
    let why = endpoint.cannot_mark().await.unwrap().unwrap();
    assert!(why.contains("GRANT CREATE ON SCHEMA \"public\""), "{why}");
    drop(endpoint);
    let name = database.name.clone();
    drop(database);
    admin(&format!("DROP ROLE {name}_role")).await;
}

#[tokio::test]
async fn marks_go_when_nobody_needs_them() {
    let database = Database::new().await;
    database.run("CREATE TABLE t (id int PRIMARY KEY)").await;
    let endpoint = database.connect().await;
    let run = |name: &str| RunId(name.into());
    assert_eq!(endpoint.forget(&[run("r1")]).await.unwrap(), 0, "there are none yet");
    endpoint.prepare().await.unwrap();
    let table = endpoint.describe("t").await.unwrap();
    let mut loader = endpoint.open(&table, &all_columns(&table)).await.unwrap();
    for (name, chunk) in [("r1", 0), ("r1", 1), ("r2", 0)] {
        loader.begin().await.unwrap();
        loader.commit(&Mark { run: run(name), ..mark("t", chunk) }).await.unwrap();
    }
    assert_eq!(endpoint.forget(&[run("r1")]).await.unwrap(), 1);
    assert_eq!(endpoint.marks(&run("r1")).await.unwrap(), []);
    assert_eq!(endpoint.marks(&run("r2")).await.unwrap().len(), 1);
    assert_eq!(endpoint.forget(&[run("r2"), run("r1")]).await.unwrap(), 0);
    assert_eq!(database.text("SELECT (to_regclass('whimbrel_marks') IS NULL)::text").await, "true");
}
