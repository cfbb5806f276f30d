//! Connecting, and losing the connection.

use super::*;
use crate::endpoint::ErrorKind;

async fn kind(url: &str, password: Option<&str>) -> ErrorKind {
    let error = Postgres::connect(url, password, true).await.err().unwrap();
    assert!(error.context.starts_with("cannot connect to "), "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");
    error.kind
}

#[tokio::test]
async fn a_failed_connect_says_what_is_wrong() {
    let with = |change: &dyn Fn(&mut Url)| {
        let mut url = server();
        change(&mut url);
        url.to_string()
    };
    assert_eq!(kind(&with(&|url| url.set_path("no_such_database")), Some("hush")).await, ErrorKind::NoDatabase);
    assert_eq!(kind(&with(&|url| url.set_port(Some(1)).unwrap()), None).await, ErrorKind::Refused);
    let stranger = with(&|url| url.set_username("no_such_role").unwrap());
    assert_eq!(kind(&stranger, Some("hush")).await, ErrorKind::Authentication);
    assert_eq!(kind("postgres://u@no-such-host.invalid/d", Some("hush")).await, ErrorKind::Name);
}

#[tokio::test]
async fn tls_that_the_server_does_not_offer_is_an_error_of_tls() {
    let mut session = PgConnection::connect(server().as_str()).await.unwrap();
    let ssl: String = sql::first(&mut session, "SHOW ssl").await.unwrap().unwrap().try_get(0).unwrap();
    let mut url = server();
    url.query_pairs_mut().append_pair("sslmode", "verify-full");
    // With or without TLS, a server at a loopback address cannot prove who it is.
    assert_eq!(kind(url.as_str(), None).await, ErrorKind::Tls, "ssl = {ssl}");
}

#[tokio::test]
async fn a_listener_that_never_answers_times_out() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u@127.0.0.1:{}/d", silent.local_addr().unwrap().port());
    assert_eq!(kind(&url, Some("hush")).await, ErrorKind::Timeout);
}

#[tokio::test]
async fn a_source_cannot_be_written() {
    let database = Database::new().await;
    database.run("CREATE TABLE t (id int PRIMARY KEY)").await;
    let error = database.source().await.prepare().await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("25006"), "{error}");
}

#[tokio::test]
async fn sessions_have_fixed_settings() {
    let database = Database::new().await;
    database
        .run(&format!(
            "ALTER DATABASE {0} SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE {0} SET DateStyle = 'SQL, DMY';
             ALTER DATABASE {0} SET statement_timeout = '200ms'",
            database.name
        ))
        .await;
    let endpoint = database.source().await;
    let mut session = endpoint.sessions.open().await.unwrap();
    for (name, value) in [
        ("TimeZone", "UTC"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("extra_float_digits", "3"),
        ("client_encoding", "UTF8"),
        ("application_name", "whimbrel"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("default_transaction_read_only", "on"),
        ("row_security", "off"),
    ] {
        let row = sql::first(&mut session, &format!("SHOW {}", sql::ident(name))).await.unwrap().unwrap();
        assert_eq!(row.try_get::<String, _>(0).unwrap(), value, "{name}");
    }
    assert!(endpoint.version().await.unwrap().starts_with("PostgreSQL 1"));
}

#[tokio::test]
async fn a_session_that_died_idle_is_replaced() {
    let database = Database::new().await;
    let endpoint = database.connect().await;
    endpoint.tables().await.unwrap();
    kill(&database, "true").await;
    assert_eq!(endpoint.tables().await.unwrap(), vec![]);
}

/// Ends the endpoint's sessions in the database.
async fn kill(database: &Database, condition: &str) {
    let ended = database
        .texts(&format!(
            "SELECT pg_terminate_backend(pid, 5000)::text FROM pg_stat_activity
             WHERE datname = '{}' AND application_name = 'whimbrel' AND {condition}",
            database.name
        ))
        .await;
    assert!(!ended.is_empty() && ended.iter().all(|ended| ended == "true"), "{ended:?}");
}

#[tokio::test]
async fn a_dead_exporter_loses_the_snapshot() {
    let database = Database::new().await;
    database.run("CREATE TABLE t AS SELECT 1 AS id").await;
    let source = database.source().await;
    let table = source.describe("t").await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    kill(&database, "state = 'idle in transaction'").await;
    let error = snapshot.next_range(&table, None, 10).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Lost, "{error}");
}

#[tokio::test]
async fn a_backend_killed_in_a_chunk_loses_the_connection_and_leaves_nothing() {
    let database = Database::new().await;
    database.run("CREATE TABLE t (id int PRIMARY KEY)").await;
    let endpoint = database.connect().await;
    endpoint.prepare().await.unwrap();
    let table = endpoint.describe("t").await.unwrap();
    let rows: Vec<String> = (0..100).map(|id| id.to_string()).collect();
    for committing in [false, true] {
        let mut loader = endpoint.open(&table, &all_columns(&table)).await.unwrap();
        loader.begin().await.unwrap();
        loader.write(&batch_of(&table, &rows)).await.unwrap();
        kill(&database, "state = 'idle in transaction'").await;
        let error = match committing {
            true => loader.commit(&mark("t", 0)).await.unwrap_err(),
            false => loader.write(&batch_of(&table, &rows)).await.unwrap_err(),
        };
        assert_eq!(error.kind, ErrorKind::Lost, "{error}");
        loader.rollback().await.unwrap();
        assert_eq!(endpoint.count("t").await.unwrap(), 0);
        assert_eq!(endpoint.marks(&RunId("r1".into())).await.unwrap(), vec![]);
        // The same loader goes on with a new connection.
        loader.begin().await.unwrap();
        assert_eq!(loader.write(&batch_of(&table, &rows)).await.unwrap(), vec![]);
        loader.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn eight_tables_at_once_do_not_wait_for_each_other() {
    let database = Database::new().await;
    database.run("CREATE TABLE t AS SELECT generate_series(1, 5000) AS id").await;
    let source = Arc::new(database.source().await);
    let table = source.describe("t").await.unwrap();
    let snapshot = source.snapshot().await.unwrap();
    let reads = (0..8).map(|_| async {
        let (rows, described) = tokio::join!(read_table(&*snapshot, &table, 500), source.describe("t"));
        described.unwrap();
        rows.0.num_rows()
    });
    let rows = tokio::time::timeout(std::time::Duration::from_secs(60), futures::future::join_all(reads)).await;
    assert_eq!(rows.unwrap(), [5000; 8]);
}
