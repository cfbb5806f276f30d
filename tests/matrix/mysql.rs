//! MariaDB's types and their values.

use std::collections::BTreeSet;

use super::{Fixture, Form, Value, column, f, lossy, planned, v};
use crate::support::servers::MysqlDatabase;

/// Lax, so that what lax servers hold can be put there.
pub const SETTINGS: &str = "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00', NAMES utf8mb4;\n";

/// The words of all built-in types; `json` is a checked `longtext`. Plugins add theirs.
const WORDS: &str = "tinyint smallint mediumint int bigint decimal float double bit char varchar tinytext text \
    mediumtext longtext binary varbinary tinyblob blob mediumblob longblob enum set date time datetime timestamp year \
    json geometry point linestring polygon multipoint multilinestring multipolygon geometrycollection";

pub fn types(database: &MysqlDatabase) -> BTreeSet<String> {
    let sql = "SELECT LOWER(plugin_name) FROM information_schema.plugins WHERE plugin_type = 'DATA TYPE'";
    let plugins = database.rows(sql).into_iter().filter_map(|row| row[0].clone());
    WORDS.split_whitespace().map(str::to_owned).chain(plugins).collect()
}

pub fn word(native: &str) -> &str {
    native.split(['(', ' ']).next().unwrap_or(native)
}

/// An expression that says all of `v`, as text or as bytes.
pub fn text(native: &str, strict: bool) -> String {
    let digits = native.split(['(', ')']).nth(1).unwrap_or_default();
    match word(native) {
        "float" => "CAST(CAST(v AS DOUBLE) AS CHAR)".into(),
        "bit" => format!("LPAD(BIN(v + 0), {digits}, '0')"),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            "CONCAT('\\\\x', LOWER(HEX(v)))".into()
        }
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => {
            "CONVERT(v USING utf8mb4)".into()
        }
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geometrycollection" => match strict {
            true => "CONCAT('\\\\x', HEX(v))".into(),
            false => "IF(ST_SRID(v) = 0, ST_AsText(v), CONCAT('SRID=', ST_SRID(v), ';', ST_AsText(v)))".into(),
        },
        _ => "CAST(v AS CHAR CHARACTER SET utf8mb4)".into(),
    }
}

const AWKWARD: &[Value] = &[
    v("''"),
    v("' '"),
    v("'NULL'"),
    v("'\\\\N'"),
    v("'a\\tb\\nc\\rd\\\\e\\\\.f'"),
    v("'it\\'s \"quoted\", comma'"),
    v("'ä€ž日本\u{1F600}\u{10FFFF}'"),
    v("'trailing  '"),
    v("'=1+1'"),
    f("p", "'a\\0b'"),
];

const SHAPES: &[Value] =
    &[v("ST_GeomFromText('POINT(0.1 -3)')"), v("ST_GeomFromText('POINT(0.30000000000000004 1e300)', 4326)")];

pub const FIXTURES: &[Fixture] = &[
    column("tinyint(1)", Form::Number, &[v("0"), v("1"), v("2"), v("-1")]),
    // Nothing but truth values: the draft has PostgreSQL hold them as such.
    column("tinyint(1)", Form::Boolean, &[v("0"), v("1")]),
    column("tinyint", Form::Number, &[v("-128"), v("127")]),
    column("tinyint unsigned", Form::Number, &[v("255")]),
    column("smallint", Form::Number, &[v("-32768"), v("32767")]),
    column("smallint unsigned", Form::Number, &[v("65535")]),
    column("mediumint", Form::Number, &[v("-8388608"), v("8388607")]),
    column("mediumint unsigned zerofill", Form::Number, &[v("16777215"), v("7")]),
    column("int", Form::Number, &[v("-2147483648"), v("2147483647")]),
    column("int unsigned", Form::Number, &[v("4294967295")]),
    column("bigint", Form::Number, &[v("-9223372036854775808"), v("9223372036854775807")]),
    column("bigint unsigned", Form::Number, &[v("18446744073709551615"), v("0")]),
    column("decimal(5,0)", Form::Number, &[v("12345"), v("-99999")]),
    column("decimal(8,2) unsigned zerofill", Form::Number, &[v("1.5")]),
    column("decimal(15,5)", Form::Number, &[v("-9999999999.99999"), v("-0.00")]),
    column("decimal(30,5)", Form::Number, &[v("1234567890123456789012345.12345")]),
    column("decimal(38,30)", Form::Number, &[v("-12345678.123456789012345678901234567890")]),
    column("decimal(65,30)", Form::Number, &[v("99999999999999999999999999999999999.999999999999999999999999999999")]),
    column("float", Form::Single, &[v("0.1"), v("3.4028235e38"), v("16777217"), v("1e-38")]),
    column("float(10,2)", Form::Single, &[v("1.5"), v("12345.67")]),
    column("double", Form::Double, &[v("0.1e0 + 0.2e0"), v("1.7976931348623157e308"), v("-2.2250738585072014e-308")]),
    column("double(10,2)", Form::Double, &[v("12345678.25")]),
    column("bit(1)", Form::Boolean, &[v("b'1'"), v("b'0'")]),
    column("bit(5)", Form::Text, &[v("b'10101'"), v("b'1'"), v("0")]),
    column("bit(64)", Form::Text, &[v("18446744073709551615"), v("b'0'")]),
    column("char(4)", Form::Text, &[v("'é\u{1F600}'"), v("'ab  '"), v("''")]),
    column("varchar(40)", Form::Text, AWKWARD),
    column("varchar(20) character set latin1", Form::Text, &[v("'café €'"), v("x'81'")]),
    column("varchar(20) character set utf8mb3", Form::Text, &[v("'žluť'")]),
    column("varchar(20) character set ascii", Form::Text, &[v("'plain'")]),
    column("varchar(20) character set ucs2", Form::Text, &[v("'žluť'")]),
    column("varchar(20) character set utf16", Form::Text, &[v("'žluť\u{1F600}'")]),
    column("varchar(20) character set sjis", Form::Text, &[v("_utf8mb4'日本'")]),
    // No character has this byte, so that no text can say it.
    column("varchar(20) character set cp1250", Form::Text, &[v("'žluť'"), f("pmsc", "x'81'")]),
    column("varchar(20) character set binary", Form::Bytes, &[v("'any'"), v("x'00ff'")]),
    column("tinytext", Form::Text, &[v("'t'")]),
    column("text", Form::Text, AWKWARD),
    column("mediumtext", Form::Text, &[v("'m'"), v("repeat('ä', 70000)")]),
    column("longtext", Form::Text, &[v("repeat('\u{1F600}', 70000)")]),
    column("binary(3)", Form::Bytes, &[v("x'00ff00'"), v("'a'")]),
    column("binary(16)", Form::Bytes, &[v("x'00112233445566778899aabbccddeeff'")]),
    column("varbinary(20)", Form::Bytes, &[v("''"), v("x'00112233445566778899aabbccddee'"), v("x'ff00'")]),
    column("tinyblob", Form::Bytes, &[v("x'ff'")]),
    column("blob", Form::Bytes, &[v("''"), v("x'00'")]),
    column("mediumblob", Form::Bytes, &[v("repeat(x'00ff', 35000)")]),
    column("longblob", Form::Bytes, &[v("repeat(x'00ff', 35000)")]),
    column(
        "enum('a,b','it''s','','10','back\\\\slash','two words','žluť')",
        Form::Text,
        &[v("'a,b'"), v("'it\\'s'"), v("''"), v("'10'"), v("'back\\\\slash'"), v("'two words'"), v("'žluť'")],
    ),
    // What is none of the labels is '' in lax mode; no strict server and no check takes that again.
    column("enum('x','y')", Form::Text, &[v("'x'"), f("pms", "'z'")]),
    column("set('x','two words','it''s')", Form::Text, &[v("'it\\'s,x'"), v("''"), v("'x,two words,it\\'s'")]),
    column(
        "date",
        Form::Date,
        &[
            v("'2024-02-29'"),
            v("'9999-12-31'"),
            v("'0009-12-04'"),
            v("'0000-05-06'"),
            f("p", "'0000-00-00'"),
            f("p", "'2011-00-00'"),
            f("p", "'2011-04-00'"),
            f("p", "'2011-02-31'"),
        ],
    ),
    column("time", Form::Time, &[v("'23:59:59'"), v("'00:00:00'")]),
    column("time(6)", Form::Time, &[v("'00:00:00.000001'"), v("'23:59:59.999999'")]),
    column(
        "time(3)",
        Form::Time,
        &[v("'24:00:00'"), v("'-00:00:00.001'"), v("'838:59:59.999'"), v("'-838:59:59.999'"), v("'12:00:00'")],
    ),
    column(
        "datetime",
        Form::Timestamp,
        &[v("'2024-06-12 14:30:22'"), f("p", "'0000-00-00 00:00:00'"), f("p", "'2011-00-00 12:30:00'")],
    ),
    column(
        "datetime(6)",
        Form::Timestamp,
        &[v("'1000-01-01 00:00:00.123456'"), v("'9999-12-31 23:59:59.999999'"), f("p", "'2011-04-00 12:30:00.5'")],
    ),
    column("datetime(3)", Form::Timestamp, &[v("'9999-12-31 23:59:59.999'"), f("p", "'2011-02-31 00:00:00'")]),
    column(
        "timestamp null",
        Form::Instant,
        &[v("'2024-03-31 01:00:00'"), v("'2038-01-19 03:14:07'"), f("p", "'0000-00-00 00:00:00'")],
    ),
    column("timestamp(6) null", Form::Instant, &[v("'2024-06-12 14:30:22.000001'"), v("'1970-01-01 00:00:01'")]),
    column("year", Form::Number, &[v("0"), v("1901"), v("2155")]),
    column(
        "json",
        Form::Text,
        &[
            v("'{\"b\": 1,  \"a\": [1.0, null], \"b\": 2}'"),
            v("'null'"),
            v("'[9007199254740993, 1.10, 123456789012345678901234567890]'"),
            v("'\"\\\\u0000 é\"'"),
        ],
    ),
    column("uuid", Form::Uuid, &[v("'123e4567-e89b-12d3-a456-426655440000'")]),
    column("inet4", Form::Text, &[v("'10.0.0.1'")]),
    column("inet6", Form::Text, &[v("'::1'"), v("'::ffff:1.2.3.4'")]),
    column("geometry", Form::Text, SHAPES),
    column("point", Form::Text, SHAPES),
    column("linestring", Form::Text, &[v("ST_GeomFromText('LINESTRING(0 0,1.5 2)')")]),
    column("polygon", Form::Text, &[v("ST_GeomFromText('POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))', 4326)")]),
    column("multipoint", Form::Text, &[v("ST_GeomFromText('MULTIPOINT(0 0,1 1)')")]),
    column("multilinestring", Form::Text, &[v("ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))')")]),
    column("multipolygon", Form::Text, &[v("ST_GeomFromText('MULTIPOLYGON(((0 0,4 0,4 4,0 0)))')")]),
    column("geometrycollection", Form::Text, &[v("ST_GeomFromText('GEOMETRYCOLLECTION(POINT(0 0),POINT(1 1))')")]),
    planned("varchar(20)", Form::Number, "{ type = \"integer\" }", &[v("'42'"), f("pmsc", "'12a4'")]),
    planned("varchar(20)", Form::Date, "{ type = \"date\" }", &[v("'2024-02-29'"), f("pmsc", "'29.2.2024'")]),
    planned("tinyint(1)", Form::Boolean, "{ type = \"boolean\" }", &[v("0"), v("1"), f("pmsc", "2")]),
    lossy(
        "decimal(30,20)",
        Form::Double,
        "{ type = \"double\", accept_loss = true }",
        &[v("0.5"), v("0.12345678901234567891")],
    ),
    lossy(
        "timestamp(6) null",
        Form::Timestamp,
        "{ type = \"timestamp\", accept_loss = true }",
        &[v("'2024-06-12 14:30:22.000001'")],
    ),
];
