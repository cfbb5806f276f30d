use super::*;
use crate::model::{Column, ForeignKey, System};

fn table(mysql: &Mysql, name: &str, columns: &[(&str, &str)]) -> Table {
    let column =
        |(name, ty): &(&str, &str)| mysql.column_for(&Column::new(*name, ty.parse().unwrap()), Some(System::Postgres));
    Table {
        name: name.into(),
        columns: columns.iter().map(column).collect(),
        key: vec![columns[0].0.into()],
        ..Table::default()
    }
}

#[tokio::test]
async fn created_columns_are_what_was_said_and_hold_what_they_should() {
    let scratch = Scratch::new().await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let kinds = [
        ("id", "bigint", "1"),
        ("b", "boolean", "1"),
        ("u", "bigint unsigned", "18446744073709551615"),
        ("d", "decimal(65,30)", "0.000000000000000000000000000001"),
        ("w", "decimal(76,40)", "1.5"),
        ("n", "numeric", "123456789012345678901234567890.123456789012345678901234567890123456789"),
        ("r", "real", "0.1"),
        ("f", "double", "0.1"),
        ("v", "varchar(10)", "é"),
        ("t", "text", "x"),
        ("bs", "bytes(3)", "abc"),
        ("by", "bytes", "abc"),
        ("da", "date", "2024-01-01"),
        ("ti", "time", "01:02:03.000004"),
        ("ts", "timestamp", "2024-01-01T01:02:03.000004"),
        ("tz", "timestamptz", "2039-01-01T01:02:03.000004"),
        ("uu", "uuid", "123e4567-e89b-12d3-a456-426655440000"),
        ("js", "json", "{\"a\": 1}"),
        ("o", "other(inet)", "::1"),
    ];
    let columns: Vec<(&str, &str)> = kinds.iter().map(|(name, ty, _)| (*name, *ty)).collect();
    let made = table(&mysql, "made", &columns);
    mysql.create(&made).await.unwrap();
    let described = mysql.describe("made").await.unwrap();
    for (column, planned) in described.columns.iter().zip(&made.columns) {
        assert_eq!(column.ty, planned.ty, "{} as {}", planned.name, planned.native);
    }
    assert_eq!(described.key, ["id"]);
    let texts: Vec<Option<&str>> = kinds.iter().map(|(_, _, text)| Some(*text)).collect();
    let rows = batch(&described, &[&texts]);
    let mut loader = loader(&mysql, &described).await;
    loader.begin().await.unwrap();
    assert_eq!(loader.write(&rows).await.unwrap(), []);
    loader.commit(&mark("made", 0)).await.unwrap();
    assert_eq!(read_all(&mysql, "made").await.1.columns(), rows.columns());
    assert_eq!(mysql.create(&made).await.unwrap_err().code.as_deref(), Some("1050"));
    scratch.drop().await;
}

#[tokio::test]
async fn keys_of_text_are_told_apart_by_case_and_wide_rows_fit() {
    let scratch = Scratch::new().await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let mut wide =
        table(&mysql, "wide", &[("k", "text"), ("a", "varchar(10000)"), ("b", "varchar(9000)"), ("c", "bytes")]);
    wide.unique = vec![vec!["c".into()]];
    mysql.create(&wide).await.unwrap();
    let described = mysql.describe("wide").await.unwrap();
    let natives: Vec<&str> = described.columns.iter().map(|column| column.native.as_str()).collect();
    assert_eq!(natives, ["varchar(255)", "longtext", "varchar(9000)", "varbinary(255)"]);
    let mut loader = loader(&mysql, &described).await;
    loader.begin().await.unwrap();
    let rows = batch(&described, &[&[Some("a"), None, None, None], &[Some("A"), None, None, None]]);
    assert_eq!(loader.write(&rows).await.unwrap(), []);
    let long = "x".repeat(65);
    let error = mysql.create(&table(&mysql, "t", &[("id", "integer"), (&long, "text")])).await.unwrap_err();
    assert!(error.to_string().contains("64 characters"), "{error}");
    drop(loader);
    scratch.drop().await;
}

#[tokio::test]
async fn foreign_keys_that_hold_are_added_and_others_are_told() {
    let scratch = Scratch::new().await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let mut parent = table(&mysql, "parent", &[("id", "bigint"), ("code", "text")]);
    parent.unique = vec![vec!["code".into()]];
    parent.columns[0].identity = true;
    let key = |columns: &str, referenced: &str| ForeignKey {
        name: Some("same_name".into()),
        columns: vec![columns.into()],
        table: "parent".into(),
        referenced: vec![referenced.into()],
        ..ForeignKey::default()
    };
    let mut child = table(&mysql, "child", &[("id", "bigint"), ("p", "bigint"), ("q", "text"), ("bad", "bigint")]);
    child.foreign_keys = vec![key("p", "id"), key("q", "code"), key("bad", "id")];
    mysql.create(&parent).await.unwrap();
    mysql.create(&child).await.unwrap();
    scratch
        .run(&[
            "INSERT INTO parent VALUES (41, 'x')",
            "INSERT INTO child VALUES (1, 41, 'x', 5), (2, NULL, NULL, 41), (3, 41, 'x', 6)",
        ])
        .await;
    let created = [parent.clone(), child.clone()];
    let remarks = mysql.finish(&created, &created).await.unwrap();
    assert_eq!(
        remarks,
        [
            "Foreign key child (bad) to parent (id) was not added: 2 rows refer to a row that is not there (bad = 5; bad = 6). \
          To add it later: ALTER TABLE `child` ADD FOREIGN KEY (`bad`) REFERENCES `parent` (`id`)"
        ]
    );
    assert_eq!(mysql.describe("child").await.unwrap().foreign_keys.len(), 2);
    let again = mysql.finish(&created, &created).await.unwrap();
    assert_eq!((again, mysql.describe("child").await.unwrap().foreign_keys.len()), (remarks, 2), "twice is as once");
    scratch.run(&["INSERT INTO parent (code) VALUES ('y')"]).await;
    assert_eq!(scratch.rows("SELECT id FROM parent WHERE code = 'y'").await[0][0].as_deref(), Some("42"));
    scratch.drop().await;
}

#[tokio::test]
async fn indexes_are_built_once_however_often_a_run_is_finished() {
    let scratch = Scratch::new().await;
    let mysql = scratch.mysql().await;
    scratch
        .run(&[
            "CREATE TABLE t (id int PRIMARY KEY, a text, b int, KEY a (a(9)), KEY b (b DESC), FULLTEXT KEY words (a))",
        ])
        .await;
    let mut table = mysql.describe("t").await.unwrap();
    table.name = "copy".into();
    mysql.create(&table).await.unwrap();
    assert_eq!(mysql.describe("copy").await.unwrap().indexes, [], "not before the rows");
    table.indexes.push(crate::model::Index {
        name: "bad".into(),
        text: "KEY (`gone`)".into(),
        ..table.indexes[0].clone()
    });
    for _again in 0..2 {
        let remarks = mysql.finish(std::slice::from_ref(&table), std::slice::from_ref(&table)).await.unwrap();
        assert_eq!(remarks.len(), 1, "{remarks:#?}");
        assert!(remarks[0].ends_with("To add it later: ALTER TABLE `copy` ADD KEY `bad` (`gone`)"), "{remarks:?}");
        assert_eq!(mysql.describe("copy").await.unwrap().indexes, table.indexes[..3]);
    }
    scratch.drop().await;
}

#[tokio::test]
async fn rights_are_asked_about_and_nothing_is_changed() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE r (id int NOT NULL)"]).await;
    let mysql = scratch.mysql().await;
    let tables = [mysql.describe("t").await.unwrap(), mysql.describe("r").await.unwrap()];
    assert_eq!(mysql.permissions(true, &tables).await.unwrap(), Vec::<String>::new());
    let user = format!("p{}", std::process::id());
    scratch
        .run(&[
            &format!("CREATE USER {user}@'127.0.0.1'"),
            &format!("GRANT SELECT, INSERT ON {}.t TO {user}@'127.0.0.1'", scratch.name),
            &format!("GRANT SELECT ON {}.r TO {user}@'127.0.0.1'", scratch.name),
        ])
        .await;
    let poor = Mysql::connect(&scratch.url().replace("root@", &format!("{user}@")), None, false).await.unwrap();
    let findings = poor.permissions(true, &tables).await.unwrap();
    assert_eq!(findings.len(), 2, "{findings:#?}");
    assert!(findings[0].starts_with("The account may not create tables: GRANT CREATE"), "{findings:#?}");
    let grant = format!("write table r: GRANT INSERT ON `{}`.`r` TO '{user}'@'127.0.0.1'.", scratch.name);
    assert!(findings[1].contains(&grant), "{findings:#?}");
    assert_eq!(scratch.rows("SHOW TABLES").await.len(), 2);
    assert_eq!(mysql.count("t").await.unwrap(), 0);
    scratch.run(&[&format!("DROP USER {user}@'127.0.0.1'")]).await;
    scratch.drop().await;
}
