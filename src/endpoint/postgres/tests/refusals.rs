//! Rows that the server refuses, and only those, are left out.

use std::collections::BTreeSet;

use super::{
    super::{encode::Target, screen::Screen, sql::TableName},
    *,
};
use crate::{
    endpoint::{ErrorKind, Refusal},
    model::Cause,
};

const TABLES: &str = "
    CREATE TABLE parent (id int PRIMARY KEY);
    INSERT INTO parent SELECT generate_series(1, 10);
    CREATE TABLE t (id int PRIMARY KEY, name varchar(5) NOT NULL, amount int CHECK (amount >= 0),
                    parent int REFERENCES parent, tag text UNIQUE);
    INSERT INTO t VALUES (-1, 'there', 0, 1, 'taken')";

async fn opened(database: &Database, suspend: bool) -> (Postgres, Table, Box<dyn Loader>) {
    let endpoint = database.connect().await;
    endpoint.prepare().await.unwrap();
    let table = endpoint.describe("t").await.unwrap();
    let options = LoadOptions { suspend_foreign_keys: suspend, ..all_columns(&table) };
    let mut loader = endpoint.open(&table, &options).await.unwrap();
    loader.begin().await.unwrap();
    (endpoint, table, loader)
}

fn brief(refusals: &[Refusal]) -> Vec<(usize, Cause, Option<&str>)> {
    refusals.iter().map(|refusal| (refusal.row, refusal.cause, refusal.column.as_deref())).collect()
}

async fn ids(database: &Database) -> Vec<String> {
    database.texts("SELECT id::text FROM t WHERE id >= 0 ORDER BY t.id").await
}

#[tokio::test]
async fn each_kind_of_bad_row_is_named() {
    let database = Database::new().await;
    database.run(TABLES).await;
    let (endpoint, table, mut loader) = opened(&database, false).await;
    let rows = [
        "0|ok|1|1|a",
        "1|toolong|1|1|b",
        "2|NULL|1|1|c",
        "3|ok|-1|1|d",
        "4|ok|1|99|e",
        "0|ok|1|1|f",
        "6|ok|1|1|taken",
        "7|ok|NULL|NULL|NULL",
        "8|ok|1|2|a",
        "9|ok|1|77|g",
        "10|tab\t\\|1|2|nul",
    ]
    .map(str::to_owned);
    let mut batch = batch_of(&Table { columns: loose(&table), ..table.clone() }, &rows);
    batch = with_nul(&batch, 10);
    let refusals = loader.write(&batch).await.unwrap();
    let expected = [
        (1, Cause::Length, Some("name")),
        (2, Cause::Null, Some("name")),
        (3, Cause::Refused, Some("amount")),
        (4, Cause::Reference, Some("parent")),
        (5, Cause::Unique, Some("id")),
        (6, Cause::Unique, Some("tag")),
        (8, Cause::Unique, Some("tag")),
        (9, Cause::Reference, Some("parent")),
        (10, Cause::Refused, Some("tag")),
    ];
    assert_eq!(brief(&refusals), expected);
    assert!(refusals[4].message.contains("Key (id)=(0) already exists"), "{}", refusals[4].message);
    assert!(refusals[8].message.contains("NUL"));
    loader.commit(&mark("t", 0)).await.unwrap();
    assert_eq!(ids(&database).await, ["0", "7"]);
    assert_eq!(endpoint.marks(&RunId("r1".into())).await.unwrap(), [mark("t", 0)]);
}

/// The table's columns without the limits that the batch shall break.
fn loose(table: &Table) -> Vec<Column> {
    let loosened = |column: &Column| match column.name.as_str() {
        "name" => Column { ty: crate::model::ColumnType::TEXT, ..column.clone() },
        _ => column.clone(),
    };
    table.columns.iter().map(loosened).collect()
}

fn with_nul(batch: &RecordBatch, row: usize) -> RecordBatch {
    use datafusion::arrow::array::{Array as _, AsArray as _, StringArray};
    let tags = batch.column(4).as_string::<i32>();
    let changed = (0..tags.len()).map(|at| match at == row {
        true => Some("a\0b"),
        false => (!tags.is_null(at)).then(|| tags.value(at)),
    });
    let mut columns = batch.columns().to_vec();
    columns[4] = Arc::new(changed.collect::<StringArray>());
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// Loads `count` rows of which those in `bad` break what `spoil` says, and checks that exactly they are refused.
async fn spoilt(count: usize, bad: &BTreeSet<usize>, spoil: impl Fn(usize) -> String) -> (Vec<Refusal>, u128) {
    let database = Database::new().await;
    database.run(TABLES).await;
    let (_, table, mut loader) = opened(&database, false).await;
    let row = |at: usize| if bad.contains(&at) { spoil(at) } else { format!("{at}|ok|1|1|t{at}") };
    let rows: Vec<String> = (0..count).map(row).collect();
    let started = std::time::Instant::now();
    let refusals = loader.write(&batch_of(&table, &rows)).await.unwrap();
    let elapsed = started.elapsed().as_millis();
    loader.commit(&mark("t", 0)).await.unwrap();
    let refused: BTreeSet<usize> = refusals.iter().map(|refusal| refusal.row).collect();
    assert_eq!(&refused, bad);
    let good: Vec<String> = (0..count).filter(|at| !bad.contains(at)).map(|at| at.to_string()).collect();
    assert_eq!(ids(&database).await, good);
    (refusals, elapsed)
}

#[tokio::test]
async fn one_row_in_a_hundred() {
    let bad: BTreeSet<usize> = (0..8000).filter(|at| at % 100 == 37).collect();
    let (refusals, _) = spoilt(8000, &bad, |at| format!("{at}|ok|-5|1|t{at}")).await;
    assert!(refusals.iter().all(|refusal| refusal.column.as_deref() == Some("amount")));
}

#[tokio::test]
async fn rows_that_no_line_names_are_found_by_halving() {
    let bad: BTreeSet<usize> = [0, 1, 2, 500, 501, 1998, 1999].into();
    let (refusals, _) = spoilt(2000, &bad, |at| format!("{at}|ok|1|99|t{at}")).await;
    assert!(refusals.iter().all(|refusal| refusal.cause == Cause::Reference));
}

#[tokio::test]
async fn every_row() {
    let bad: BTreeSet<usize> = (0..300).collect();
    spoilt(300, &bad, |at| format!("{at}|NULL|1|1|t{at}")).await;
}

#[tokio::test]
async fn a_row_is_not_blamed_for_a_twin_that_is_refused_itself() {
    let database = Database::new().await;
    database.run(TABLES).await;
    let (_, table, mut loader) = opened(&database, false).await;
    // The first of the twins refers to nobody, which shows only after the second was complained about.
    let rows = ["1|ok|1|99|a", "1|ok|1|1|b", "2|ok|1|1|c"].map(str::to_owned);
    let refusals = loader.write(&batch_of(&table, &rows)).await.unwrap();
    assert_eq!(brief(&refusals), [(0, Cause::Reference, Some("parent"))]);
    loader.commit(&mark("t", 0)).await.unwrap();
    assert_eq!(ids(&database).await, ["1", "2"]);
}

#[tokio::test]
async fn rows_and_mark_stand_or_fall_together() {
    let database = Database::new().await;
    database.run(TABLES).await;
    let (endpoint, table, mut loader) = opened(&database, false).await;
    let run = RunId("r1".into());
    let write = |id: &str| batch_of(&table, &[format!("{id}|ok|1|1|t{id}")]);
    loader.write(&write("1")).await.unwrap();
    assert_eq!(ids(&database).await, Vec::<String>::new());
    loader.rollback().await.unwrap();
    assert_eq!((ids(&database).await, endpoint.marks(&run).await.unwrap()), (vec![], vec![]));
    for chunk in [0, 1] {
        loader.begin().await.unwrap();
        loader.write(&write(&chunk.to_string())).await.unwrap();
        loader.commit(&mark("t", chunk)).await.unwrap();
    }
    assert_eq!(ids(&database).await, ["0", "1"]);
    assert_eq!(endpoint.marks(&run).await.unwrap(), [mark("t", 0), mark("t", 1)]);
    // The same chunk a second time: neither its rows nor its mark.
    loader.begin().await.unwrap();
    loader.write(&write("5")).await.unwrap();
    let error = loader.commit(&mark("t", 1)).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("23505"), "{error}");
    assert_eq!(ids(&database).await, ["0", "1"]);
    assert_eq!(endpoint.tables().await.unwrap().len(), 2, "the marks' table is not listed");
}

#[tokio::test]
async fn suspended_foreign_keys_hold_back_no_row() {
    let database = Database::new().await;
    database.run(TABLES).await;
    let (_, table, mut loader) = opened(&database, true).await;
    let rows = ["1|ok|1|99|a", "2|ok|-1|1|b"].map(str::to_owned);
    let refusals = loader.write(&batch_of(&table, &rows)).await.unwrap();
    assert_eq!(brief(&refusals), [(1, Cause::Refused, Some("amount"))]);
    loader.commit(&mark("t", 0)).await.unwrap();
    assert_eq!(ids(&database).await, ["1"]);
}

#[tokio::test]
async fn without_the_right_to_suspend_a_broken_key_fails_the_commit() {
    let database = Database::new().await;
    let role = format!("{}_role", database.name);
    database
        .run(&format!(
            "CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role}; SET ROLE {role};
             CREATE TABLE t (id int PRIMARY KEY, up int REFERENCES t DEFERRABLE)"
        ))
        .await;
    let mut url = Url::parse(&database.url).unwrap();
    url.set_username(&role).unwrap();
    let endpoint = Postgres::connect(url.as_str(), None, false).await.unwrap();
    endpoint.prepare().await.unwrap();
    let table = endpoint.describe("t").await.unwrap();
    let options = LoadOptions { suspend_foreign_keys: true, ..all_columns(&table) };
    let mut loader = endpoint.open(&table, &options).await.unwrap();
    for (rows, holds) in [(["1|2", "3|NULL"], false), (["2|NULL", "1|2"], true)] {
        loader.begin().await.unwrap();
        for row in rows {
            assert_eq!(loader.write(&batch_of(&table, &[row.to_owned()])).await.unwrap(), vec![]);
        }
        match loader.commit(&mark("t", 0)).await {
            Ok(()) => assert!(holds),
            Err(error) => {
                assert!(!holds && error.kind == ErrorKind::Data, "{error}");
                assert!(error.message.contains("Key (up)=(2)"), "{error}");
            }
        }
    }
    assert_eq!(ids(&database).await, ["1", "2"]);
    drop((loader, endpoint));
    let name = database.name.clone();
    drop(database);
    admin(&format!("DROP ROLE {name}_role")).await;
}

#[tokio::test]
async fn what_the_server_would_change_silently_is_refused() {
    let database = Database::new().await;
    database
        .run("CREATE TABLE t (id int PRIMARY KEY, v varchar(3), c char(3), n name, ts timestamp(3), tm time(0), big numeric(90,1))")
        .await;
    let (_, table, mut loader) = opened(&database, false).await;
    let loose: Vec<Column> = table
        .columns
        .iter()
        .map(|column| match column.ty {
            crate::model::ColumnType::Text { .. } => Column { ty: crate::model::ColumnType::TEXT, ..column.clone() },
            _ => column.clone(),
        })
        .collect();
    let long = "n".repeat(64);
    let rows = [
        "0|abc|abc   |n|2024-01-01T00:00:00.123|12:00:00|1.5".to_owned(),
        "1|abc |abc|n|2024-01-01|12:00:00|1.5".to_owned(),
        "2|abc|abcd|n|2024-01-01|12:00:00|1.5".to_owned(),
        format!("3|abc|abc|{long}|2024-01-01|12:00:00|1.5"),
        "4|abc|abc|n|2024-01-01T00:00:00.1234|12:00:00|1.5".to_owned(),
        "5|abc|abc|n|2024-01-01|12:00:00.5|1.5".to_owned(),
        "6|abc|abc|n|2024-01-01|12:00:00|1.55".to_owned(),
    ];
    let refusals = loader.write(&batch_of(&Table { columns: loose, ..table.clone() }, &rows)).await.unwrap();
    let expected = [
        (1, Cause::Length, Some("v")),
        (2, Cause::Length, Some("c")),
        (3, Cause::Length, Some("n")),
        (4, Cause::Refused, Some("ts")),
        (5, Cause::Refused, Some("tm")),
        (6, Cause::Refused, Some("big")),
    ];
    assert_eq!(brief(&refusals), expected);
}

#[tokio::test]
async fn a_trigger_that_leaves_rows_out_is_an_error_and_a_missing_table_too() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE t (id int PRIMARY KEY);
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END $$;
             CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        )
        .await;
    let (_, table, mut loader) = opened(&database, false).await;
    let rows = ["1", "2", "3"].map(str::to_owned);
    let error = loader.write(&batch_of(&table, &rows)).await.unwrap_err();
    assert!(error.kind == ErrorKind::Data && error.message.contains("of 3 rows the table took 2"), "{error}");
    database.run("DROP TABLE t").await;
    loader.begin().await.unwrap();
    assert_eq!(loader.write(&batch_of(&table, &rows)).await.unwrap_err().kind, ErrorKind::NoTable);
}

#[tokio::test]
async fn values_of_another_type_are_not_guessed_at() {
    let database = Database::new().await;
    database.run("CREATE TABLE t (id numeric(5,2))").await;
    let (_, table, mut loader) = opened(&database, false).await;
    let finer = Column::new("id", "decimal(6,3)".parse().unwrap());
    let batch = batch_of(&Table { columns: vec![finer], ..table }, &["1.005".to_owned()]);
    let error = loader.write(&batch).await.unwrap_err();
    assert!(error.message.contains("Decimal128(6, 3)"), "{error}");
}

/// A hundred rows from `first` on, of which every third breaks a rule of its own: a key that is there, a key that comes
/// twice, a check, a missing name, a parent that is none.
fn rows_with_many_bad_ones(first: usize) -> Vec<String> {
    let row = |at: usize| match at % 15 {
        0 => format!("-1|ok|1|1|t{at}"),
        3 => format!("{at}|ok|1|1|t{}", at - 1),
        6 => format!("{at}|ok|-1|1|t{at}"),
        9 => format!("{at}|NULL|1|1|t{at}"),
        12 => format!("{at}|ok|1|99|t{at}"),
        _ => format!("{at}|ok|1|1|t{at}"),
    };
    (first..first + 100).map(row).collect()
}

#[tokio::test]
async fn where_many_rows_are_bad_the_next_are_screened_and_the_same_ones_refused() {
    let (database, alone) = (Database::new().await, Database::new().await);
    database.run(TABLES).await;
    alone.run(TABLES).await;
    let (_, table, mut loader) = opened(&database, false).await;
    let (_, _, mut careful) = opened(&alone, false).await;
    for batch in 0..4 {
        let rows = rows_with_many_bad_ones(batch * 100);
        let refusals = loader.write(&batch_of(&table, &rows)).await.unwrap();
        assert!(refusals.len() > 30, "{}", refusals.len());
        // One row a batch is never screened.
        let mut expected = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let refused = careful.write(&batch_of(&table, std::slice::from_ref(row))).await.unwrap();
            expected.extend(refused.into_iter().map(|refusal| Refusal { row: place, ..refusal }));
        }
        assert_eq!(brief(&refusals), brief(&expected), "{batch}");
        assert!(refusals.iter().zip(&expected).all(|(one, other)| one.message == other.message));
        if batch == 1 {
            // With its transaction the temporary table goes too.
            loader.rollback().await.unwrap();
            careful.rollback().await.unwrap();
            loader.begin().await.unwrap();
            careful.begin().await.unwrap();
        }
    }
    loader.commit(&mark("t", 0)).await.unwrap();
    careful.commit(&mark("t", 0)).await.unwrap();
    assert_eq!(ids(&database).await, ids(&alone).await);
}

#[tokio::test]
async fn the_screen_names_whom_keys_checks_and_empty_columns_speak_against() {
    let database = Database::new().await;
    database.run(TABLES).await;
    let (_, table, _) = opened(&database, false).await;
    let targets: Vec<Target> = table.columns.iter().cloned().map(Target::new).collect();
    let mut session = database.session().await;
    sql::run(&mut session, "BEGIN").await.unwrap();
    let name = TableName::new("public", "t");
    let mut screen = Screen::make(&mut session, &name, &targets).await.unwrap().unwrap();
    let rows = [
        "0|ok|1|1|a",
        "-1|ok|1|1|b",
        "2|ok|1|1|a",
        "3|ok|-1|1|c",
        "4|NULL|1|1|d",
        "5|ok|NULL|99|NULL",
        "6|ok|1|1|NULL",
    ];
    screen.fill(&batch_of(&table, &rows.map(str::to_owned))).unwrap();
    assert_eq!(screen.ask(&mut session).await.unwrap(), [1, 2, 3, 4].into());
    // Rows of the batch before are forgotten.
    screen.fill(&batch_of(&table, &["9|ok|1|1|a".to_owned()])).unwrap();
    assert_eq!(screen.ask(&mut session).await.unwrap(), [].into());
}

#[tokio::test]
async fn values_that_are_not_copied_arrive_wherever_they_stand() {
    let database = Database::new().await;
    database.run("CREATE TABLE t (id int PRIMARY KEY, name text, tag text)").await;
    let (_, table, mut loader) = opened(&database, false).await;
    let (small, large) = ("s".to_owned(), "l".repeat(1 << 20));
    let row = |id: usize, name: &str, tag: &str| format!("{id}|{name}|{tag}");
    let first = [row(0, &small, &large), row(1, &large, &large), row(0, &large, &large), row(2, &small, &large)];
    let second = [row(3, &large, &small), row(4, &large, "NULL"), row(5, "NULL", &large)];
    // A key that comes twice cuts the first batch in pieces.
    let refusals = loader.write(&batch_of(&table, &first)).await.unwrap();
    assert_eq!(brief(&refusals), [(2, Cause::Unique, Some("id"))]);
    let batches = [batch_of(&table, &second), batch_of(&table, &[row(6, &small, &large)])];
    let refusals = loader.write_all(&batches.iter().collect::<Vec<_>>()).await.unwrap();
    assert!(refusals.iter().all(Vec::is_empty), "{refusals:?}");
    loader.commit(&mark("t", 0)).await.unwrap();
    let lengths = "SELECT id || ' ' || coalesce(length(name), 0) || ' ' || coalesce(length(tag), 0) FROM t ORDER BY id";
    let l = 1 << 20;
    let expected = [(0, 1, l), (1, l, l), (2, 1, l), (3, l, 1), (4, l, 0), (5, 0, l), (6, 1, l)];
    assert_eq!(database.texts(lengths).await, expected.map(|(id, name, tag)| format!("{id} {name} {tag}")));
}
