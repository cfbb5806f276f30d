//! PostgreSQL's types and their values.

use super::{Fixture, Form, Value, column, f, lossy, planned, v};
use crate::support::servers::PostgresDatabase;

/// What a table's columns need, on both sides.
pub const TYPES: &str = "
    CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS citext; CREATE EXTENSION IF NOT EXISTS ltree;
    CREATE TYPE mood AS ENUM ('plain', 'with, comma', 'it''s', 'a \"quote\"', 'two words', 'back\\slash', 'žluť');
    CREATE DOMAIN price AS numeric(10,2) CHECK (VALUE >= 0);
    CREATE DOMAIN label AS varchar(5);
    CREATE TYPE pair AS (a integer, b text);";

/// Types that no column of a user's table can be given a value of.
const INTERNAL: &str = "pg_node_tree pg_ndistinct pg_dependencies pg_mcv_list gtsvector pg_brin_bloom_summary \
                        pg_brin_minmax_multi_summary";

pub fn unknown_types(database: &PostgresDatabase) -> Vec<String> {
    let sql = "SELECT typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE n.nspname = 'pg_catalog' AND t.typtype IN ('b', 'r', 'm') AND t.typcategory <> 'A' AND t.typisdefined
           AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                           WHERE c.relname ~ '^t[0-9]+$' AND a.attname = 'v' AND a.atttypid = t.oid)";
    let names = database.rows(sql).into_iter().filter_map(|row| row[0].clone());
    names.filter(|name| !INTERNAL.split(' ').any(|internal| internal == name)).collect()
}

const AWKWARD: &[Value] = &[
    v("''"),
    v("' '"),
    v("'NULL'"),
    v("'\\N'"),
    v("E'a\\tb\\nc\\rd\\\\e\\\\.f\\b\\x01\\x7f'"),
    v("'it''s \"quoted\", comma; semicolon'"),
    v("'ä€ž日本\u{1F600}\u{10FFFF}\u{FEFF}\u{2028}'"),
    v("'trailing  '"),
    v("'\\x00ff'"),
    v("'=1+1'"),
    v("repeat('ä', 70000)"),
];

const FLOATS: &[Value] =
    &[v("0.1"), v("'0'"), f("s", "'-0'"), v("16777217"), f("ms", "'NaN'"), f("m", "'Infinity'"), f("m", "'-Infinity'")];

pub const FIXTURES: &[Fixture] = &[
    column("boolean", Form::Boolean, &[v("true"), v("false")]),
    column("smallint", Form::Number, &[v("-32768"), v("32767")]),
    column("integer", Form::Number, &[v("-2147483648"), v("2147483647"), v("0")]),
    column("bigint", Form::Number, &[v("-9223372036854775808"), v("9223372036854775807")]),
    column(
        "numeric(12,2)",
        Form::Number,
        &[v("1234567890.12"), v("-0.01"), v("'-0.00'"), v("9999999999.99"), f("ms", "'NaN'")],
    ),
    column("numeric(15,15)", Form::Number, &[v("0.999999999999999"), v("-0.000000000000001")]),
    column("numeric(30,5)", Form::Number, &[v("1234567890123456789012345.12345"), f("m", "'NaN'")]),
    column("numeric(38,30)", Form::Number, &[v("-12345678.123456789012345678901234567890"), f("m", "'NaN'")]),
    column("numeric(40,31)", Form::Number, &[v("123456789.1234567890123456789012345678901"), v("'NaN'")]),
    column("numeric(65,30)", Form::Number, &[v("12345678901234567890123456789012345.1"), f("m", "'NaN'")]),
    column("numeric(76,0)", Form::Number, &[v("repeat('9', 76)::numeric"), v("-1"), v("'NaN'")]),
    column("numeric(5,-2)", Form::Number, &[v("1234500")]),
    column("numeric(3,5)", Form::Number, &[v("0.00999")]),
    column("numeric(100,3)", Form::Number, &[v("1.125"), v("'NaN'")]),
    column(
        "numeric",
        Form::Number,
        &[
            v("repeat('7', 78)::numeric"),
            v("1e-30"),
            v("1.50"),
            v("-0.00"),
            v("'NaN'"),
            v("'Infinity'"),
            v("'-Infinity'"),
        ],
    ),
    column("real", Form::Single, FLOATS),
    column("real", Form::Single, &[v("-3.4028235e38"), v("1e-45")]),
    column("double precision", Form::Double, FLOATS),
    column("double precision", Form::Double, &[v("0.1::float8 + 0.2"), v("1.7976931348623157e308"), v("5e-324")]),
    column("money", Form::Text, &[v("'$1,234.56'"), v("'-92233720368547758.08'")]),
    column("character(5)", Form::Padded, &[v("'ab'"), v("''"), v("'äöü€\u{1F600}'")]),
    column("character varying(5)", Form::Text, &[v("'äöü€\u{1F600}'"), v("''"), v("'ab   '")]),
    column("character varying", Form::Text, AWKWARD),
    column("bpchar", Form::Text, &[v("'ab   '")]),
    column("text", Form::Text, AWKWARD),
    column("name", Form::Text, &[v("'pg'")]),
    column("\"char\"", Form::Text, &[v("'x'"), v("''")]),
    column("citext", Form::Text, &[v("'MiXed'")]),
    column(
        "bytea",
        Form::Bytes,
        &[
            v("''"),
            v("'\\x00'"),
            v("'\\x00112233445566778899aabbccddeeff'"),
            v("'\\x00112233445566778899aabbccddee'"),
            v("decode(repeat('00ff', 35000), 'hex')"),
        ],
    ),
    column(
        "date",
        Form::Date,
        &[
            v("'2024-02-29'"),
            v("'0001-01-01'"),
            v("'0009-12-04'"),
            v("'9999-12-31'"),
            v("'0001-05-06 BC'"),
            f("m", "'12345-01-02'"),
            f("m", "'0044-03-15 BC'"),
            f("m", "'4714-11-24 BC'"),
            f("m", "'5874897-12-31'"),
            f("m", "'infinity'"),
            f("m", "'-infinity'"),
        ],
    ),
    column("time", Form::Time, &[v("'00:00:00'"), v("'23:59:59.999999'"), v("'24:00:00'")]),
    column("time(3)", Form::Time, &[v("'12:00:00.123'"), v("'24:00'")]),
    column("time with time zone", Form::Text, &[v("'23:59:59.5+05:30'"), v("'24:00:00-15:59'")]),
    column(
        "timestamp",
        Form::Timestamp,
        &[
            v("'2024-06-12 14:30:22.123456'"),
            v("'1969-12-31 23:59:59.999999'"),
            v("'0001-01-01 00:00:00'"),
            v("'9999-12-31 23:59:59.999999'"),
            f("m", "'0044-03-15 12:30:00.5 BC'"),
            f("m", "'4714-11-24 00:00:00 BC'"),
            f("m", "'294247-01-10 04:00:54.775806'"),
            f("m", "'294276-12-31 23:59:59.999999'"),
            f("m", "'infinity'"),
            f("m", "'-infinity'"),
        ],
    ),
    column("timestamp(0)", Form::Timestamp, &[v("'2024-06-12 14:30:22'"), f("m", "'infinity'")]),
    column("timestamp(3)", Form::Timestamp, &[v("'2024-06-12 14:30:22.125'"), f("m", "'-infinity'")]),
    column(
        "timestamp with time zone",
        Form::Instant,
        &[
            v("'2024-06-12 14:30:22.1+02'"),
            v("'2024-03-31 02:59:59.999999 Europe/Berlin'"),
            v("'2024-10-27 02:30:00+01'"),
            v("'9999-12-31 23:59:59+00'"),
            f("m", "'0044-03-15 12:30:00+00 BC'"),
            f("m", "'294276-12-31 23:59:59+00'"),
            f("m", "'infinity'"),
            f("m", "'-infinity'"),
        ],
    ),
    column("interval", Form::Text, &[v("'1 year 2 mons -3 days 04:05:06.789'"), v("'-178000000 years'"), v("'25:00'")]),
    column("interval day to second(3)", Form::Text, &[v("'3 days 04:05:06.789'")]),
    column("uuid", Form::Uuid, &[v("'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'")]),
    column(
        "json",
        Form::Text,
        &[
            v("'{\"b\": 1,  \"a\": [1.0, null], \"b\": 2}'"),
            v("'null'"),
            v("'9007199254740993'"),
            v("'[1.10, 1e400, -0.0, 123456789012345678901234567890]'"),
            v("'\"\\u0000\"'"),
            f("m", "'\"\\ud800\"'"),
        ],
    ),
    column(
        "jsonb",
        Form::Text,
        &[v("'{\"b\": 1, \"a\": 2, \"b\": 3}'"), v("'null'"), v("'[9007199254740993, 1.10, 1e30]'"), v("'\"ä\"'")],
    ),
    column("jsonpath", Form::Text, &[v("'$.a[*] ? (@ > 1)'")]),
    column("xml", Form::Text, &[v("'<a b=\"c\">&amp; ä</a>'"), v("'no element'")]),
    column("inet", Form::Text, &[v("'10.0.0.1/8'"), v("'10.0.0.1'"), v("'::1'"), v("'::ffff:1.2.3.4/120'")]),
    column("cidr", Form::Text, &[v("'10.0.0.0/8'"), v("'2001:db8::/32'")]),
    column("macaddr", Form::Text, &[v("'08:00:2b:01:02:03'")]),
    column("macaddr8", Form::Text, &[v("'08:00:2b:01:02:03:04:05'")]),
    column("bit(1)", Form::Text, &[v("B'1'"), v("B'0'")]),
    column("bit(5)", Form::Text, &[v("B'00101'")]),
    column("bit(64)", Form::Text, &[v("repeat('1', 64)::bit(64)"), v("0::bit(64)")]),
    column("bit(70)", Form::Text, &[v("repeat('10', 35)::bit(70)")]),
    column("bit varying(5)", Form::Text, &[v("B''"), v("B'10101'")]),
    column("bit varying", Form::Text, &[v("B'1'")]),
    column("point", Form::Text, &[v("'(0.1,-2)'"), v("'(0.30000000000000004,NaN)'")]),
    column("line", Form::Text, &[v("'{1,-1,0}'")]),
    column("lseg", Form::Text, &[v("'[(0,0),(1,1)]'")]),
    column("box", Form::Text, &[v("'(2,2),(0,0)'")]),
    column("path", Form::Text, &[v("'[(0,0),(1,1)]'"), v("'((0,0),(1,1))'")]),
    column("polygon", Form::Text, &[v("'((0,0),(1,1),(1,0))'")]),
    column("circle", Form::Text, &[v("'<(1,2),3>'")]),
    column("tsvector", Form::Text, &[v("'''it''''s'':1 ''b'':2A'")]),
    column("tsquery", Form::Text, &[v("'''a'' & !''b'''")]),
    column("int4range", Form::Text, &[v("'[1,5)'"), v("'empty'"), v("'(,)'")]),
    column("int8range", Form::Text, &[v("'[1,)'")]),
    column("numrange", Form::Text, &[v("'(1.50,2.5]'")]),
    column("tsrange", Form::Text, &[v("'[2024-01-01 00:00:00,infinity)'")]),
    column("tstzrange", Form::Text, &[v("'[2024-01-01 00:00:00+00,2024-01-02 00:00:00+00)'")]),
    column("daterange", Form::Text, &[v("'[2024-01-01,2024-01-05)'")]),
    column("int4multirange", Form::Text, &[v("'{[1,3),[5,7)}'"), v("'{}'")]),
    column("int8multirange", Form::Text, &[v("'{[1,3)}'")]),
    column("nummultirange", Form::Text, &[v("'{[1.5,3)}'")]),
    column("tsmultirange", Form::Text, &[v("'{[2024-01-01,2024-01-02)}'")]),
    column("tstzmultirange", Form::Text, &[v("'{[2024-01-01 00:00:00+00,)}'")]),
    column("datemultirange", Form::Text, &[v("'{[2024-01-01,2024-01-05)}'")]),
    column("integer[]", Form::Text, &[v("'{1,NULL,3}'"), v("'{}'"), v("'{{1,2},{3,4}}'"), v("'[0:1]={1,2}'")]),
    column("text[]", Form::Text, &[v(r#"'{"a,b","\"","\\",NULL,"NULL","",é}'"#), v("'{{a,b},{c,NULL}}'")]),
    column("uuid[]", Form::Text, &[v("'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}'")]),
    column("bytea[]", Form::Text, &[v("ARRAY['\\x00ff'::bytea, NULL]")]),
    column("timestamptz[]", Form::Text, &[v("'{\"2024-01-01 00:00:00+00\",infinity}'")]),
    column(
        "mood",
        Form::Text,
        &[v("'with, comma'"), v("'it''s'"), v("'a \"quote\"'"), v("'back\\slash'"), v("'žluť'")],
    ),
    column("mood[]", Form::Text, &[v("ARRAY['with, comma', 'a \"quote\"', 'back\\slash']::mood[]")]),
    column("price", Form::Number, &[v("12.50"), f("ms", "'NaN'")]),
    column("label", Form::Text, &[v("'äöü€ '")]),
    column("pair", Form::Text, &[v("ROW(1, 'a, \"b\"')"), v("ROW(NULL, '')"), v("ROW(NULL, NULL)")]),
    column("hstore", Form::Text, &[v("'\"a b\"=>\"1\", c=>NULL, \"q\\\"\"=>\"\"'")]),
    column("ltree", Form::Text, &[v("'top.a.b'")]),
    column("oid", Form::Number, &[v("4294967295")]),
    column("xid", Form::Number, &[v("'4294967295'")]),
    column("xid8", Form::Number, &[v("'18446744073709551615'")]),
    column("cid", Form::Number, &[v("'7'")]),
    column("tid", Form::Text, &[v("'(1,2)'")]),
    column("pg_lsn", Form::Text, &[v("'16/B374D848'")]),
    column("pg_snapshot", Form::Text, &[v("'10:20:10,14,15'")]),
    column("txid_snapshot", Form::Text, &[v("'10:20:10,14,15'")]),
    column("refcursor", Form::Text, &[v("'a cursor'")]),
    column("aclitem", Form::Text, &[v("'postgres=r/postgres'")]),
    column("regclass", Form::Text, &[v("'pg_class'")]),
    column("regcollation", Form::Text, &[v("'\"C\"'")]),
    column("regconfig", Form::Text, &[v("'english'")]),
    column("regdictionary", Form::Text, &[v("'simple'")]),
    column("regnamespace", Form::Text, &[v("'pg_catalog'")]),
    column("regoper", Form::Text, &[v("'!~~*'")]),
    column("regoperator", Form::Text, &[v("'+(integer,integer)'")]),
    column("regproc", Form::Text, &[v("'now'")]),
    column("regprocedure", Form::Text, &[v("'abs(integer)'")]),
    column("regrole", Form::Text, &[v("'postgres'")]),
    column("regtype", Form::Text, &[v("'integer'")]),
    planned(
        "numeric",
        Form::Number,
        "{ type = \"decimal(10,2)\" }",
        &[v("1.50"), f("pmsc", "1.505"), f("pms", "'NaN'")],
    ),
    planned("text", Form::Number, "{ type = \"integer\" }", &[v("'42'"), f("pms", "'12a4'"), f("pms", "'3000000000'")]),
    planned("text", Form::Text, "{ type = \"varchar(3)\" }", &[v("'äöü'"), f("pm", "'abcd'")]),
    lossy(
        "numeric",
        Form::Double,
        "{ type = \"double\", accept_loss = true }",
        &[v("0.5"), v("0.1234567890123456789"), f("pms", "1e400")],
    ),
    lossy(
        "timestamp with time zone",
        Form::Date,
        "{ type = \"date\", accept_loss = true }",
        &[v("'2024-06-12 00:00:00+00'"), v("'2024-06-12 14:30:22+00'"), f("m", "'infinity'")],
    ),
];
