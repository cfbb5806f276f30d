use super::*;
use crate::model::{ColumnType, Spot, cell_at};

/// A literal that goes in, and what should come out.
type Pair = (&'static str, &'static str);

/// Column definition, the type it should have, and values.
const KINDS: &[(&str, &str, &[Pair])] = &[
    ("tinyint(1)", "tinyint", &[("2", "2"), ("-128", "-128"), ("127", "127")]),
    ("tinyint unsigned", "tinyint unsigned", &[("255", "255")]),
    ("smallint", "smallint", &[("-32768", "-32768")]),
    ("smallint unsigned", "smallint unsigned", &[("65535", "65535")]),
    ("mediumint", "integer", &[("-8388608", "-8388608"), ("8388607", "8388607")]),
    ("mediumint unsigned zerofill", "integer unsigned", &[("16777215", "16777215"), ("7", "7")]),
    ("int", "integer", &[("-2147483648", "-2147483648")]),
    ("int unsigned", "integer unsigned", &[("4294967295", "4294967295")]),
    ("bigint", "bigint", &[("-9223372036854775808", "-9223372036854775808")]),
    ("bigint unsigned", "bigint unsigned", &[("18446744073709551615", "18446744073709551615")]),
    (
        "decimal(65,30)",
        "decimal(65,30)",
        &[
            (
                "99999999999999999999999999999999999.999999999999999999999999999999",
                "99999999999999999999999999999999999.999999999999999999999999999999",
            ),
            ("-0.000000000000000000000000000001", "-0.000000000000000000000000000001"),
        ],
    ),
    (
        "decimal(38,10)",
        "decimal(38,10)",
        &[("-1234567890123456789012345678.0123456789", "-1234567890123456789012345678.0123456789")],
    ),
    ("decimal(8,2) unsigned zerofill", "decimal(8,2)", &[("1.5", "1.50")]),
    ("decimal(5,0)", "decimal(5,0)", &[("12345", "12345")]),
    ("float", "real", &[("0.1", "0.1"), ("3.4028235e38", "3.4028235e38"), ("16777217", "16777216.0")]),
    ("double", "double", &[("0.1", "0.1"), ("1e300", "1e300"), ("0.30000000000000004", "0.30000000000000004")]),
    ("bit(1)", "boolean", &[("b'1'", "true"), ("b'0'", "false")]),
    ("bit(5)", "other(bit(5))", &[("b'10101'", "10101"), ("1", "00001")]),
    (
        "bit(64)",
        "other(bit(64))",
        &[("18446744073709551615", "1111111111111111111111111111111111111111111111111111111111111111")],
    ),
    ("char(4)", "varchar(4)", &[("'é😀'", "é😀")]),
    ("varchar(20)", "varchar(20)", &[("'a\\0b'", "a\0b"), ("' a '", " a "), ("''", "")]),
    ("varchar(20) character set latin1", "varchar(20)", &[("'café €'", "café €")]),
    ("varchar(20) character set utf8mb3", "varchar(20)", &[("'žluť'", "žluť")]),
    ("varchar(20) character set ascii", "varchar(20)", &[("'plain'", "plain")]),
    ("varchar(20) character set ucs2", "varchar(20)", &[("'žluť'", "žluť")]),
    ("varchar(20) character set sjis", "varchar(20)", &[("_utf8mb4'日本'", "日本")]),
    ("varchar(20) character set cp1250", "varchar(20)", &[("'žluť'", "žluť")]),
    ("longtext", "text", &[("'x\\ny'", "x\ny")]),
    ("tinytext", "text", &[("'t'", "t")]),
    (
        "enum('a,b','it''s','','10','back\\\\slash')",
        "text",
        &[("'a,b'", "a,b"), ("'it''s'", "it's"), ("''", ""), ("'10'", "10"), ("'back\\\\slash'", "back\\slash")],
    ),
    ("enum('žluť') character set latin2", "text", &[("'žluť'", "žluť")]),
    ("set('x','y','z')", "text", &[("'z,x'", "x,z"), ("''", "")]),
    ("date", "date", &[("'2024-02-29'", "2024-02-29"), ("'9999-12-31'", "9999-12-31"), ("'0000-05-06'", "0000-05-06")]),
    ("time", "time", &[("'23:59:59'", "23:59:59")]),
    ("time(6)", "time", &[("'00:00:00.000001'", "00:00:00.000001")]),
    ("datetime", "timestamp", &[("'2024-06-12 14:30:22'", "2024-06-12T14:30:22")]),
    ("datetime(6)", "timestamp", &[("'1000-01-01 00:00:00.123456'", "1000-01-01T00:00:00.123456")]),
    ("datetime(3)", "timestamp", &[("'9999-12-31 23:59:59.999'", "9999-12-31T23:59:59.999")]),
    ("timestamp(6) null", "timestamptz", &[("'2024-06-12 14:30:22.000001'", "2024-06-12T14:30:22.000001Z")]),
    ("year", "smallint", &[("2155", "2155"), ("0", "0")]),
    ("json", "json", &[("'{\"b\": [1, \"é\"]}'", "{\"b\": [1, \"é\"]}")]),
    ("uuid", "uuid", &[("'123e4567-e89b-12d3-a456-426655440000'", "123e4567-e89b-12d3-a456-426655440000")]),
    ("inet6", "other(inet6)", &[("'::1'", "::1")]),
    (
        "point",
        "other(point)",
        &[
            ("ST_GeomFromText('POINT(0.1 -3)')", "POINT(0.1 -3)"),
            ("ST_GeomFromText('POINT(1 2)', 4326)", "SRID=4326;POINT(1 2)"),
        ],
    ),
];

async fn table_of_kinds(scratch: &Scratch, name: &str) -> usize {
    let columns = KINDS.iter().enumerate().map(|(index, kind)| format!("c{index} {}", kind.0));
    let columns = columns.collect::<Vec<_>>().join(", ");
    let most = KINDS.iter().map(|kind| kind.2.len()).max().unwrap();
    let mut statements = vec![format!(
        "CREATE TABLE {name} (id int PRIMARY KEY, {columns}, b binary(3), vb varbinary(4), lb longblob) ROW_FORMAT=DYNAMIC"
    )];
    for row in 0..most {
        let values = KINDS.iter().map(|kind| kind.2.get(row).map_or("NULL", |value| value.0)).collect::<Vec<_>>();
        statements.push(format!("INSERT INTO {name} VALUES ({row}, {}, x'00ff00', x'', x'0001ff')", values.join(", ")));
    }
    statements.push(format!("INSERT INTO {name} (id) VALUES ({most})"));
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    scratch.run(&statements).await;
    most + 1
}

#[tokio::test]
async fn every_type_is_read_as_it_is() {
    let scratch = Scratch::new().await;
    let rows = table_of_kinds(&scratch, "kinds").await;
    let mysql = scratch.mysql().await;
    let (table, batch, rejects) = read_all(&mysql, "kinds").await;
    assert_eq!(rejects, []);
    assert_eq!(batch.num_rows(), rows);
    for (index, (native, ty, values)) in KINDS.iter().enumerate() {
        let column = &table.columns[index + 1];
        assert_eq!(column.ty, ty.parse::<ColumnType>().unwrap(), "{native} is {}", column.native);
        let array = batch.column(index + 1);
        assert_eq!(*array.data_type(), column.ty.arrow());
        for row in 0..rows {
            let expected = values.get(row).map_or(Cell::Null, |value| Cell::text(value.1));
            assert_eq!(cell_at(array, row), expected, "{native}");
        }
    }
    let bytes: Vec<Cell> = batch.columns()[KINDS.len() + 1..].iter().map(|array| cell_at(array, 0)).collect();
    assert_eq!(bytes, [Cell::Bytes(vec![0, 255, 0]), Cell::Bytes(vec![]), Cell::Bytes(vec![0, 1, 255])]);

    let page = mysql.preview(&table, &Spot::Row(1), 2).await.unwrap();
    assert_eq!(page.rows, cells(&batch)[1..3]);
    scratch.drop().await;
}

#[tokio::test]
async fn every_type_is_written_as_it_was_read() {
    let scratch = Scratch::new().await;
    table_of_kinds(&scratch, "kinds").await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let (table, batch, _) = read_all(&mysql, "kinds").await;

    // The same table again, made from what the catalog says.
    let mut copy = Table { name: "copy".into(), ..table.clone() };
    copy.columns =
        table.columns.iter().map(|column| mysql.column_for(column, Some(crate::model::System::Mysql))).collect();
    mysql.create(&copy).await.unwrap();
    let described = mysql.describe("copy").await.unwrap();
    for (made, planned) in described.columns.iter().zip(&copy.columns) {
        assert_eq!(made.ty, planned.ty, "{}", planned.native);
    }
    let mut loader = loader(&mysql, &described).await;
    loader.begin().await.unwrap();
    assert_eq!(loader.write(&batch).await.unwrap(), []);
    loader.commit(&mark("copy", 0)).await.unwrap();
    let (_, back, rejects) = read_all(&mysql, "copy").await;
    assert_eq!(rejects, []);
    assert!(back.columns() == batch.columns(), "what came back differs");
    scratch.drop().await;
}

#[tokio::test]
async fn what_is_on_no_calendar_is_read_and_written_as_it_is() {
    let scratch = Scratch::new().await;
    scratch
        .run(&[
            "SET sql_mode = 'ALLOW_INVALID_DATES'",
            "CREATE TABLE odd (id int PRIMARY KEY, d date, dt datetime(3), t time(1), ts timestamp NULL)",
            "INSERT INTO odd VALUES (1, '0000-00-00', '0000-00-00 00:00:00', '25:00:00', '0000-00-00 00:00:00'), \
             (2, '2011-00-00', '2011-00-00 12:30:00.5', '-00:00:01.5', NULL), \
             (3, '2011-02-31', '2011-02-31 23:59:59.999', '838:59:59', NULL)",
        ])
        .await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let (table, batch, rejects) = read_all(&mysql, "odd").await;
    assert_eq!(rejects, []);
    let shown: Vec<Vec<String>> = cells(&batch).iter().map(|row| row.iter().map(Cell::display).collect()).collect();
    assert_eq!(shown[0], ["1", "0000-00-00", "0000-00-00T00:00:00", "25:00:00", "0000-00-00T00:00:00Z"]);
    assert_eq!(shown[1], ["2", "2011-00-00", "2011-00-00T12:30:00.500", "-00:00:01.500", "NULL"]);
    assert_eq!(shown[2], ["3", "2011-02-31", "2011-02-31T23:59:59.999", "838:59:59", "NULL"]);
    let page = mysql.preview(&table, &Spot::Row(1), 1).await.unwrap();
    assert_eq!(page.rows, cells(&batch)[1..2]);

    scratch.run(&["CREATE TABLE copy LIKE odd"]).await;
    let mut loader = loader(&mysql, &mysql.describe("copy").await.unwrap()).await;
    loader.begin().await.unwrap();
    assert_eq!(loader.write(&batch).await.unwrap(), []);
    loader.commit(&mark("copy", 0)).await.unwrap();
    let (_, back, _) = read_all(&mysql, "copy").await;
    assert!(back.columns() == batch.columns(), "what came back differs");
    scratch.drop().await;
}

#[tokio::test]
async fn long_text_and_many_bytes_arrive_whole() {
    let scratch = Scratch::new().await;
    let long = "é😀x".repeat(70_000 / 3 + 1);
    scratch.run(&["CREATE TABLE big (id int PRIMARY KEY, t longtext, b longblob)"]).await;
    let mysql = scratch.mysql().await;
    mysql.prepare().await.unwrap();
    let table = mysql.describe("big").await.unwrap();
    let mut loader = loader(&mysql, &table).await;
    loader.begin().await.unwrap();
    let rows: Vec<Vec<Option<&str>>> = vec![vec![Some("1"), Some(&long), None], vec![Some("2"), None, Some("\0")]];
    let rows: Vec<&[Option<&str>]> = rows.iter().map(Vec::as_slice).collect();
    let batch = batch(&table, &rows);
    assert_eq!(loader.write(&batch).await.unwrap(), []);
    loader.commit(&mark("big", 0)).await.unwrap();
    let (_, back, _) = read_all(&mysql, "big").await;
    assert!(back.columns() == batch.columns(), "what came back differs");
    scratch.drop().await;
}
