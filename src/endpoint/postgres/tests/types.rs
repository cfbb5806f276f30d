//! Every type: described, read, created, loaded and read again.

use super::*;
use crate::model::{ColumnType, Count, ForeignKey, cell_at};

/// Type, values as the server reads them.
const TYPES: &[(&str, &[&str])] = &[
    ("boolean", &["true", "false"]),
    ("smallint", &["-32768", "32767"]),
    ("integer", &["-2147483648", "2147483647", "0"]),
    ("bigint", &["-9223372036854775808", "9223372036854775807"]),
    ("numeric(12,2)", &["1234567890.12", "-0.01", "0.00", "9999999999.99", "100.00", "NaN"]),
    ("numeric(38,1)", &["9999999999999999999999999999999999999.9", "-0.1"]),
    ("numeric(38,0)", &["99999999999999999999999999999999999999", "10000"]),
    (
        "numeric(76,20)",
        &["99999999999999999999999999999999999999999999999999999999.99999999999999999999", "-0.00000000000000000001"],
    ),
    ("numeric(5,5)", &["0.99999", "-0.00001"]),
    ("numeric", &["1e-30", "123456789012345678901234567890.5", "NaN", "Infinity", "1.50"]),
    ("numeric(5,-2)", &["1234500"]),
    ("numeric(100,3)", &["1.125"]),
    ("real", &["0.1", "-3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity", "-0"]),
    ("double precision", &["0.30000000000000004", "1e308", "5e-324", "NaN", "-Infinity", "-0", "123456789.125"]),
    ("text", &["", " ", "a\tb\nc\rd\\e\\.\\N", "NULL", "ä€😀", "\u{1}\u{7f}"]),
    ("character varying(5)", &["äöü€😀", ""]),
    ("character varying", &["any"]),
    ("character(5)", &["ab", ""]),
    ("name", &["pg"]),
    ("\"char\"", &["x"]),
    ("bytea", &["", "\\x00", "\\xdeadbeef0a0d5c"]),
    ("date", &["2024-02-29", "0001-01-01", "12345-01-02", "4714-11-24 BC", "5874897-12-31", "infinity", "-infinity"]),
    ("time without time zone", &["00:00:00", "23:59:59.999999", "24:00:00"]),
    ("time(3) without time zone", &["12:00:00.123"]),
    ("time with time zone", &["23:59:59.5+05:30"]),
    (
        "timestamp without time zone",
        &[
            "2024-06-12 14:30:22.123456",
            "0001-01-01 00:00:00",
            "1969-12-31 23:59:59.999999",
            "4714-11-24 00:00:00 BC",
            "294276-12-31 23:59:59.999999",
            "infinity",
        ],
    ),
    ("timestamp with time zone", &["2024-06-12 14:30:22.1+02", "9999-12-31 23:59:59+00", "-infinity"]),
    ("timestamp(0) without time zone", &["2024-06-12 14:30:22", "infinity"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("json", &["{\"b\": 1,  \"a\": [1.0, null], \"b\": 2}", "null"]),
    ("jsonb", &["{\"a\": \"\\u00e4\"}", "1.10"]),
    ("interval", &["1 year 2 mons -3 days 04:05:06.789"]),
    ("inet", &["10.0.0.1/8", "::1"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("bit(3)", &["101"]),
    ("bit varying(5)", &["", "10101"]),
    ("integer[]", &["{1,NULL,3}", "{}", "{{1,2},{3,4}}"]),
    ("text[]", &["{\"a,b\",\"\\\"\",NULL,\"NULL\"}"]),
    ("int4range", &["[1,5)", "empty"]),
    ("point", &["(0.1,-2)"]),
    ("xml", &["<a>&amp;</a>"]),
    ("tsvector", &["'a':1 'b':2"]),
    ("money", &["$1,234.56"]),
    ("oid", &["4294967295"]),
    ("pg_lsn", &["16/B374D848"]),
];

#[tokio::test]
async fn every_type_arrives_exactly() {
    let database = Database::new().await;
    let columns: Vec<String> = TYPES.iter().enumerate().map(|(place, (ty, _))| format!("c{place} {ty}")).collect();
    database.run(&format!("CREATE TABLE t (id serial PRIMARY KEY, {})", columns.join(", "))).await;
    for (place, (ty, values)) in TYPES.iter().enumerate() {
        for value in *values {
            let value = sql::literal(value);
            database.run(&format!("INSERT INTO t (c{place}) VALUES ({value}::{ty})")).await;
        }
    }
    let (source, destination) = (database.source().await, database.connect().await);
    let table = source.describe("t").await.unwrap();
    let copied = copied(&destination, &table).await;
    let snapshot = source.snapshot().await.unwrap();
    let (batch, rejects) = read_table(&*snapshot, &table, 1000).await;
    assert_eq!(rejects, vec![]);
    load(&destination, &copied, &batch).await;
    for (place, (ty, _)) in TYPES.iter().enumerate() {
        let texts = |name: &str| format!("SELECT c{place}::text FROM {name} t ORDER BY t.id");
        assert_eq!(database.texts(&texts("copy.t")).await, database.texts(&texts("t")).await, "{ty}");
    }
    let snapshot = source.snapshot().await.unwrap();
    let (again, _) = read_table(&*snapshot, &copied, 7).await;
    assert_eq!(again, batch);
}

/// Creates `copy.<name>` as the destination would hold the table, and describes it.
async fn copied(destination: &Postgres, table: &Table) -> Table {
    let columns: Vec<Column> =
        table.columns.iter().map(|column| destination.column_for(column, Some(System::Postgres))).collect();
    let wanted = Table { name: format!("copy.{}", table.name), columns, foreign_keys: vec![], ..table.clone() };
    destination.create(&wanted).await.unwrap();
    let made = destination.describe(&wanted.name).await.unwrap();
    let plain = |column: &Column| (column.name.clone(), column.ty.clone(), column.native.clone(), column.nullable);
    let (made_columns, wanted_columns): (Vec<_>, Vec<_>) =
        (made.columns.iter().map(plain).collect(), wanted.columns.iter().map(plain).collect());
    assert_eq!(made_columns, wanted_columns);
    assert_eq!((&made.key, &made.unique), (&wanted.key, &wanted.unique));
    made
}

async fn load(destination: &Postgres, table: &Table, batch: &RecordBatch) {
    destination.prepare().await.unwrap();
    let mut loader = destination.open(table, &all_columns(table)).await.unwrap();
    loader.begin().await.unwrap();
    assert_eq!(loader.write(batch).await.unwrap(), vec![]);
    loader.commit(&mark(&table.name, 0)).await.unwrap();
}

#[tokio::test]
async fn types_have_their_words() {
    let database = Database::new().await;
    database
        .run(
            "CREATE DOMAIN amount AS numeric(10,2) NOT NULL; CREATE DOMAIN price AS amount CHECK (VALUE > 0);
             CREATE TYPE mood AS ENUM ('sad'); CREATE SCHEMA other; CREATE TABLE other.\"Tab.le\" (a int);
             CREATE TABLE t (a price, b mood, c character(3), d numeric(5,-2), e jsonb, f timetz, g varchar(7), h int8);",
        )
        .await;
    let endpoint = database.connect().await;
    let table = endpoint.describe("t").await.unwrap();
    let decimal = ColumnType::Decimal { precision: 10, scale: 2 };
    let expected = [
        (decimal, "price", false),
        (ColumnType::Other("mood".into()), "mood", true),
        (ColumnType::Text { max: Some(3) }, "character(3)", true),
        (ColumnType::Numeric, "numeric(5,-2)", true),
        (ColumnType::Json, "jsonb", true),
        (ColumnType::Other("time with time zone".into()), "time with time zone", true),
        (ColumnType::Text { max: Some(7) }, "character varying(7)", true),
        (ColumnType::BIGINT, "bigint", true),
    ];
    let found: Vec<_> =
        table.columns.iter().map(|column| (column.ty.clone(), column.native.as_str(), column.nullable)).collect();
    assert_eq!(found, expected);
    assert_eq!(endpoint.describe("other.Tab.le").await.unwrap().name, "other.Tab.le");
    let error = endpoint.describe("nothing").await.unwrap_err();
    assert_eq!(error.kind, crate::endpoint::ErrorKind::NoTable);
    assert!(endpoint.describe("pg_catalog.pg_class").await.is_err());
}

#[tokio::test]
async fn keys_and_references_are_described() {
    let database = Database::new().await;
    database
        .run(
            "CREATE SCHEMA crm; CREATE TABLE crm.p (a int, b text, PRIMARY KEY (b, a));
             CREATE TABLE c (x text, y int, z int NOT NULL, w int UNIQUE, v int GENERATED ALWAYS AS (z * 2) STORED,
                             i int GENERATED ALWAYS AS IDENTITY, s serial, d int DEFAULT 1 + 1,
                             CONSTRAINT \"the fk\" FOREIGN KEY (x, y) REFERENCES crm.p (b, a));
             CREATE UNIQUE INDEX ON c (lower(x)); CREATE UNIQUE INDEX ON c (z) WHERE z > 0;
             CREATE UNIQUE INDEX z_first ON c (z, i) INCLUDE (y);
             INSERT INTO c (z) SELECT generate_series(1, 500); ANALYZE c",
        )
        .await;
    let table = database.connect().await.describe("c").await.unwrap();
    assert_eq!(table.key, ["z", "i"]);
    assert_eq!(table.unique, [["w"]]);
    let key = ForeignKey {
        name: Some("the fk".into()),
        columns: vec!["x".into(), "y".into()],
        table: "crm.p".into(),
        referenced: vec!["b".into(), "a".into()],
        ..ForeignKey::default()
    };
    assert_eq!(table.foreign_keys, [key]);
    assert_eq!(table.rows, Count::Estimate(500));
    let column = |name: &str| table.column(name).unwrap().clone();
    let computed = column("v").generation.unwrap();
    assert!(column("v").generated && computed.stored && computed.expression.text == "(z * 2)");
    assert_eq!(computed.expression.columns, ["z"]);
    assert!(column("i").identity && column("s").identity && !column("d").identity);
    assert_eq!(column("d").default.as_deref(), Some("(1 + 1)"));
}

#[tokio::test]
async fn columns_of_other_systems_are_created_as_foretold() {
    let database = Database::new().await;
    let endpoint = database.connect().await;
    let types = [
        "boolean",
        "tinyint",
        "tinyint unsigned",
        "smallint",
        "smallint unsigned",
        "integer",
        "integer unsigned",
        "bigint",
        "bigint unsigned",
        "decimal(10,2)",
        "decimal(76,30)",
        "numeric",
        "real",
        "double",
        "text",
        "varchar(30)",
        "varchar(0)",
        "varchar(4294967295)",
        "bytes",
        "bytes(16)",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "json",
        "other(geometry)",
    ];
    let column = |(place, ty): (usize, &&str)| {
        let column = Column::new(format!("c{place}"), ty.parse().unwrap());
        endpoint.column_for(&Column { default: Some("now()".into()), ..column }, Some(System::Mysql))
    };
    let columns: Vec<Column> = types.iter().enumerate().map(column).collect();
    let id = Column { identity: true, nullable: false, ..Column::new("id", ColumnType::INTEGER) };
    let id = endpoint.column_for(&id, Some(System::Sqlite));
    let columns: Vec<Column> = std::iter::once(id).chain(columns).collect();
    let table = Table { name: "t".into(), columns, key: vec!["id".into()], ..Table::default() };
    endpoint.create(&table).await.unwrap();
    let mut described = endpoint.describe("t").await.unwrap().columns;
    assert!(described[0].counter.take().is_some());
    assert_eq!(described, table.columns);
    let error = endpoint.create(&table).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("42P07"), "{error}");
}

#[tokio::test]
async fn generated_columns_are_read_and_recreated_but_never_written() {
    let database = Database::new().await;
    database
        .run("CREATE TABLE t (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO t VALUES (21)")
        .await;
    let endpoint = database.connect().await;
    let table = endpoint.describe("t").await.unwrap();
    let (batch, _) = read_table(&*endpoint.snapshot().await.unwrap(), &table, 10).await;
    assert_eq!(cell_at(batch.column(1), 0), Cell::text("42"));
    let copied = copied(&endpoint, &table).await;
    load(&endpoint, &copied, &batch.project(&[0]).unwrap()).await;
    assert_eq!(database.text("SELECT b::text FROM copy.t").await, "42");
    let options = LoadOptions { columns: vec!["a".into(), "b".into()], ..LoadOptions::default() };
    assert!(endpoint.open(&copied, &options).await.is_err());
}

#[tokio::test]
async fn an_identity_that_is_always_generated_takes_the_values_given() {
    let database = Database::new().await;
    database.run("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)").await;
    let endpoint = database.connect().await;
    let table = endpoint.describe("t").await.unwrap();
    load(&endpoint, &table, &batch_of(&table, &["41|a".into(), "7|b".into()])).await;
    assert_eq!(database.texts("SELECT id || v FROM t ORDER BY t.id").await, ["7b", "41a"]);
}

#[tokio::test]
async fn what_no_batch_can_hold_is_rejected_with_all_its_cells() {
    let database = Database::new().await;
    database
        .run(
            "CREATE TABLE t (id int PRIMARY KEY, d date, ts timestamp, tz timestamptz);
             INSERT INTO t VALUES (1, 'infinity', '2024-01-01', '0044-03-15 12:30:00.5 BC'),
             (2, NULL, '294247-01-10 04:00:54.775807', NULL), (3, '0044-03-15 BC', NULL, '294276-12-31 23:59:59+00'),
             (4, '-infinity', NULL, '294247-01-10 04:00:54.775808+00')",
        )
        .await;
    let source = database.source().await;
    let table = source.describe("t").await.unwrap();
    let (batch, rejects) = read_table(&*source.snapshot().await.unwrap(), &table, 100).await;
    let shown = |column: usize, row: usize| cell_at(batch.column(column), row).display();
    assert_eq!([shown(1, 0), shown(3, 0)], ["infinity", "-0043-03-15T12:30:00.500Z"]);
    assert_eq!([shown(1, 1), shown(3, 1)], ["-0043-03-15", "+294276-12-31T23:59:59Z"]);
    let found: Vec<_> =
        rejects.iter().map(|reject| (reject.place, reject.column, &reject.cells[reject.column])).collect();
    let (early, late) = ("294247-01-10 04:00:54.775807", "294247-01-10 04:00:54.775808");
    assert_eq!(found, [(1, 2, &Cell::text(early)), (3, 3, &Cell::text(late))]);
    assert!(rejects[0].message.contains(early), "{}", rejects[0].message);
    assert_eq!(rejects[1].cells[1], Cell::text("-infinity"));
}

#[tokio::test]
async fn bytes_of_a_database_without_encoding_are_rejected() {
    let database = Database::new().await;
    let name = format!("{}_ascii", database.name);
    admin(&format!("CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")).await;
    let mut url = server();
    url.set_path(&name);
    let ascii = Database { name, url: url.into() };
    ascii.run("CREATE TABLE t (v text)").await;
    ascii.run("INSERT INTO t VALUES ('plain'), (convert_from('\\xe4', 'SQL_ASCII')), ('ä')").await;
    let source = ascii.source().await;
    let table = source.describe("t").await.unwrap();
    let (batch, rejects) = read_table(&*source.snapshot().await.unwrap(), &table, 10).await;
    assert_eq!(batch.num_rows(), 2);
    assert_eq!((rejects[0].place, &rejects[0].cells[0]), (1, &Cell::Bytes(vec![0xe4])));
}
