//! MySQL's own sample database, where the machine has it.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use super::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");

/// The script, its database's name replaced.
fn script(name: &str) -> Option<Vec<u8>> {
    let data = Path::new(option_env!("WHIMBREL_TEST_DATA").unwrap_or(DATA));
    let schema = std::fs::read_to_string(data.join("sakila-schema.sql")).ok()?;
    let rows = Command::new("zcat").arg(data.join("sakila-data.sql.gz")).output().ok()?;
    let rows = rows.status.success().then_some(rows.stdout)?;
    let mut script = schema.into_bytes();
    script.extend(rows);
    let text = String::from_utf8(script).ok()?;
    let text = text.replace("SCHEMA IF EXISTS sakila", &format!("SCHEMA IF EXISTS {name}"));
    let text = text.replace("CREATE SCHEMA sakila", &format!("CREATE SCHEMA {name}"));
    Some(text.replace("USE sakila", &format!("USE {name}")).into_bytes())
}

fn load(script: &[u8]) -> Option<()> {
    let url = url::Url::parse(&server()).ok()?;
    let mut client = Command::new("mariadb")
        .args(["-h", url.host_str()?, "-P", &url.port().unwrap_or(3306).to_string(), "-u", url.username()])
        .stdin(Stdio::piped())
        .spawn()
        .ok()?;
    client.stdin.take()?.write_all(script).ok()?;
    client.wait().ok()?.success().then_some(())
}

#[tokio::test]
async fn all_of_sakila_is_read() {
    let scratch = Scratch::new().await;
    let Some(script) = script(&scratch.name) else {
        eprintln!("SKIPPED all_of_sakila_is_read: no sample database in {DATA}");
        return scratch.drop().await;
    };
    load(&script).expect("the mariadb client loads the sample");
    let mysql = scratch.mysql().await;
    let entries = mysql.tables().await.unwrap();
    assert_eq!(entries.len(), 16);
    let snapshot = mysql.snapshot().await.unwrap();
    let mut total = 0;
    for entry in entries {
        let table = mysql.describe(&entry.name).await.unwrap();
        assert!(!table.key.is_empty(), "{}", entry.name);
        let (mut rows, mut after) = (0, None);
        while let Some(range) = snapshot.next_range(&table, after.as_ref(), 1000).await.unwrap() {
            let (batches, end) = read(&snapshot, &table, &range, 1 << 20).await;
            for batch in &batches {
                assert_eq!(batch.rejects, [], "{}", entry.name);
                rows += batch.rows() as u64;
            }
            after = end;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(rows, mysql.count(&entry.name).await.unwrap(), "{}", entry.name);
        total += rows;
    }
    assert!(total > 40_000, "{total}");
    drop(snapshot);
    scratch.drop().await;
}

#[tokio::test]
async fn all_of_sakila_arrives_in_tables_made_for_it() {
    let (from, to) = (Scratch::new().await, Scratch::new().await);
    let Some(script) = script(&from.name) else {
        eprintln!("SKIPPED all_of_sakila_arrives_in_tables_made_for_it: no sample database in {DATA}");
        from.drop().await;
        return to.drop().await;
    };
    load(&script).expect("the mariadb client loads the sample");
    let (source, destination) = (from.mysql().await, to.mysql().await);
    destination.prepare().await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    let mut made = Vec::new();
    for entry in source.tables().await.unwrap() {
        let mut table = source.describe(&entry.name).await.unwrap();
        for column in &mut table.columns {
            *column = destination.column_for(column, Some(crate::model::System::Mysql));
        }
        destination.create(&table).await.unwrap();
        let mut loader = loader(&destination, &table).await;
        let (batches, _) = read(&snapshot, &source.describe(&entry.name).await.unwrap(), &WHOLE, 1 << 20).await;
        loader.begin().await.unwrap();
        for batch in &batches {
            assert_eq!(loader.write(&batch.batch).await.unwrap(), [], "{}", entry.name);
        }
        loader.commit(&mark(&entry.name, 0)).await.unwrap();
        made.push(table);
    }
    assert_eq!(destination.finish(&made, &made).await.unwrap(), Vec::<String>::new());
    for table in &made {
        let (original, copy) = (read_all(&source, &table.name).await, read_all(&destination, &table.name).await);
        assert_eq!(original.1, copy.1, "{}", table.name);
        assert_eq!(original.0.foreign_keys, copy.0.foreign_keys);
        assert_eq!(original.0.key, copy.0.key);
    }
    drop(snapshot);
    from.drop().await;
    to.drop().await;
}
