use super::*;
use crate::endpoint::ErrorKind;

async fn failure(url: &str, password: Option<&str>) -> (ErrorKind, String) {
    let error = Mysql::connect(url, password, true).await.err().expect(url);
    (error.kind, error.to_string())
}

#[tokio::test]
async fn each_way_to_fail_has_its_kind_and_no_secret() {
    let scratch = Scratch::new().await;
    let user = format!("u{}", std::process::id());
    scratch.run(&[&format!("CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'right'")]).await;
    let here = scratch.url();
    let as_user = here.replace("root@", &format!("{user}@"));

    let (kind, text) = failure("mysql://u@no-such-host.invalid/d", None).await;
    assert_eq!(kind, ErrorKind::Name, "{text}");
    assert!(text.starts_with("cannot connect to no-such-host.invalid:3306: "), "{text}");
    let (kind, text) = failure("mysql://u@127.0.0.1:1/d", None).await;
    assert_eq!(kind, ErrorKind::Refused, "{text}");
    let (kind, text) = failure("mysql://u@h/d?socket=/no/such.sock", None).await;
    assert_eq!(kind, ErrorKind::Refused, "{text}");
    let (kind, text) = failure(&as_user, Some("s3cr3t-wrong")).await;
    assert_eq!(kind, ErrorKind::Authentication, "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
    let (kind, text) = failure(&format!("{}/no_such_database", server()), None).await;
    assert_eq!(kind, ErrorKind::NoDatabase, "{text}");
    let (kind, text) = failure(&as_user, Some("right")).await;
    assert_eq!(kind, ErrorKind::Permission, "{text}");
    let (kind, text) = failure(&format!("{here}?ssl-mode=required"), None).await;
    assert_eq!(kind, ErrorKind::Tls, "{text}");

    scratch.run(&[&format!("DROP USER {user}@'127.0.0.1'")]).await;
    scratch.drop().await;
}

#[tokio::test]
async fn silence_is_a_timeout_and_nonsense_a_lost_connection() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (kind, text) = failure(&format!("mysql://u@127.0.0.1:{port}/d"), None).await;
    assert_eq!(kind, ErrorKind::Timeout, "{text}");
    drop(silent);

    let rude = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = rude.local_addr().unwrap().port();
    let hang_up = tokio::spawn(async move { drop(rude.accept().await) });
    let (kind, text) = failure(&format!("mysql://u@127.0.0.1:{port}/d"), None).await;
    assert_eq!(kind, ErrorKind::Lost, "{text}");
    hang_up.await.unwrap();
}

#[tokio::test]
async fn a_read_only_side_cannot_write() {
    let scratch = Scratch::new().await;
    scratch.run(&["CREATE TABLE t (id int PRIMARY KEY)"]).await;
    let mysql = Mysql::connect(&scratch.url(), None, true).await.unwrap();
    let error = mysql.prepare().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Permission);
    let mut session = mysql.look().await.unwrap();
    let error = session.execute("INSERT INTO t VALUES (1)").await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::ReadOnly, Some("1792")));
    assert!(mysql.version().await.unwrap().contains("10.") || mysql.version().await.unwrap().contains("8."));
    scratch.drop().await;
}

#[tokio::test]
async fn an_abandoned_answer_is_never_taken_for_another() {
    let scratch = Scratch::new().await;
    let mut session = scratch.session().await;
    let slow = session.execute("SELECT SLEEP(5)");
    assert!(tokio::time::timeout(std::time::Duration::from_millis(200), slow).await.is_err());
    let error = session.value("SELECT 'mine'", &[]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Lost);
    scratch.drop().await;
}

#[tokio::test]
async fn tables_are_told_apart_by_case_and_described_in_full() {
    let scratch = Scratch::new().await;
    scratch
        .run(&[
            "CREATE TABLE Orders (a int PRIMARY KEY)",
            "CREATE TABLE orders (b varchar(10) NOT NULL, c int, UNIQUE KEY (b), UNIQUE KEY (c))",
            "CREATE TABLE `odd ``name` (`sp ace` int, `q``q` text)",
            "CREATE TABLE prefixed (t text NOT NULL, UNIQUE KEY (t(10)))",
            "CREATE TABLE d (id int AUTO_INCREMENT PRIMARY KEY, n int DEFAULT 5, s varchar(5) DEFAULT 'it''s', \
             x varchar(5) DEFAULT 'NULL', y int, t timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, \
             g int GENERATED ALWAYS AS (n + 1) STORED, v int GENERATED ALWAYS AS (n + 2) VIRTUAL, e varchar(9) NOT NULL)",
            "CREATE TABLE child (id int PRIMARY KEY, p int, CONSTRAINT fk FOREIGN KEY (p) REFERENCES d (id))",
            "CREATE VIEW v AS SELECT 1",
            "CREATE TABLE whimbrel_marks (a int)",
        ])
        .await;
    let mysql = scratch.mysql().await;
    let names: Vec<String> = mysql.tables().await.unwrap().into_iter().map(|entry| entry.name).collect();
    for name in ["Orders", "orders", "odd `name", "prefixed", "d", "child"] {
        assert!(names.iter().any(|each| each == name), "{name} in {names:?}");
    }
    assert_eq!(names.len(), 6, "{names:?}");

    assert_eq!(mysql.describe("Orders").await.unwrap().key, ["a"]);
    let orders = mysql.describe("orders").await.unwrap();
    assert_eq!((orders.key, orders.unique), (vec!["b".to_owned()], vec![vec!["c".to_owned()]]));
    assert!(mysql.describe("prefixed").await.unwrap().key.is_empty());
    let odd = mysql.describe("odd `name").await.unwrap();
    assert_eq!(odd.columns[1].name, "q`q");
    assert_eq!(mysql.describe("ORDERS").await.unwrap_err().kind, ErrorKind::NoTable);
    assert_eq!(mysql.count("nothing").await.unwrap_err().kind, ErrorKind::NoTable);

    let d = mysql.describe("d").await.unwrap();
    let facts: Vec<_> = d.columns.iter().map(|c| (c.default.as_deref(), c.generated, c.identity, c.nullable)).collect();
    assert_eq!(facts[0], (None, false, true, false));
    assert_eq!(facts[1], (Some("5"), false, false, true));
    assert_eq!(facts[2], (Some("'it''s'"), false, false, true), "MariaDB's own spelling");
    assert_eq!(facts[3], (Some("'NULL'"), false, false, true));
    assert_eq!(facts[4], (None, false, false, true));
    assert_eq!(facts[5], (Some("current_timestamp()"), false, false, false));
    assert_eq!((facts[6].1, facts[7].1), (true, true));
    assert_eq!(facts[8], (None, false, false, false));
    let key = &mysql.describe("child").await.unwrap().foreign_keys[0];
    assert_eq!((key.name.as_deref(), &*key.table, &*key.referenced), (Some("fk"), "d", &["id".to_owned()][..]));
    scratch.drop().await;
}
