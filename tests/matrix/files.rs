//! CSV: every value is text, and the plan says what it means.

use super::{Fixture, Form, Value, column, ends::Texts, f, lossy, planned, v};
use whimbrel::model::ColumnType;

/// What the plan may call a column.
pub fn unknown_types(fixtures: &[Fixture]) -> Vec<String> {
    let bare = |text: &str| text.split('(').next().unwrap_or_default().to_owned();
    let said = |name: &str| {
        let quoted = |plan: &str| plan.split('"').nth(1).map(bare);
        fixtures.iter().filter_map(|fixture| quoted(fixture.plan?)).any(|ty| ty == bare(name))
    };
    ColumnType::NAMES.iter().filter(|name| !said(name)).map(|name| (*name).to_owned()).collect()
}

/// The file of a fixture. A value stands there as it is written here, quotes included.
pub fn text(fixture: &Fixture) -> String {
    let mut text = "id,v\n0,\n".to_owned();
    for (row, value) in fixture.values.iter().enumerate() {
        text += &format!("{},{}\n", row + 1, value.sql);
    }
    text
}

/// RFC 4180, where an unquoted field without a letter is NULL. `strict`: quotes and all.
pub fn read(text: &str, strict: bool) -> Texts {
    let mut texts = Texts::new();
    let mut rest = text.split_once('\n').unwrap().1;
    while !rest.is_empty() {
        let (id, tail) = rest.split_once(',').unwrap();
        let (field, tail) = match tail.strip_prefix('"') {
            Some(quoted) => closed(quoted),
            None => (None, tail),
        };
        let (value, tail) = match field {
            Some(field) if strict => (Some(format!("\"{field}\"")), tail.strip_prefix('\n').unwrap()),
            Some(field) => (Some(field), tail.strip_prefix('\n').unwrap()),
            None => {
                let (plain, tail) = tail.split_once('\n').unwrap();
                ((!plain.is_empty()).then(|| plain.to_owned()), tail)
            }
        };
        assert!(texts.insert(id.to_owned(), value).is_none(), "id {id} came twice");
        rest = tail;
    }
    texts
}

/// What stands before the closing quote, and what behind it.
fn closed(quoted: &str) -> (Option<String>, &str) {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (before, behind) = rest.split_once('"').unwrap();
        field += before;
        match behind.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return (Some(field), behind),
        }
    }
}

const WORDS: &[Value] = &[
    v("\"\""),
    v(" "),
    v("NULL"),
    v("\\N"),
    v("\\x00ff"),
    v("\"it's \"\"quoted\"\", comma\""),
    v("\"line\r\nbreak\nand \r\""),
    v("007"),
    v("1E5"),
    v("+49 89 1234"),
    v("ä€ž日本\u{1F600}\u{10FFFF}"),
    v("trailing  "),
    v("a\tb\u{1}"),
    f("p", "a\0b"),
];

pub const FIXTURES: &[Fixture] = &[
    column("text", Form::Text, WORDS),
    planned(
        "boolean",
        Form::Boolean,
        r#"{ type = "boolean" }"#,
        &[v("true"), v("false"), v("1"), v("0"), f("pmsc", "2")],
    ),
    planned("tinyint", Form::Number, r#"{ type = "tinyint" }"#, &[v("-128"), f("pmsc", "128"), f("pmsc", "1.5")]),
    planned("smallint", Form::Number, r#"{ type = "smallint" }"#, &[v("-32768"), f("pmsc", "32768")]),
    planned(
        "integer",
        Form::Number,
        r#"{ type = "integer" }"#,
        &[v("42"), f("pmsc", "12a4"), f("pmsc", " 1"), f("pmsc", "\"\"")],
    ),
    planned(
        "bigint",
        Form::Number,
        r#"{ type = "bigint" }"#,
        &[v("-9223372036854775808"), f("pmsc", "9223372036854775808")],
    ),
    planned("bigint", Form::Number, r#"{ type = "bigint unsigned" }"#, &[v("18446744073709551615"), f("pmsc", "-1")]),
    planned(
        "decimal",
        Form::Number,
        r#"{ type = "decimal(10,2)" }"#,
        &[v("1.50"), v("-.01"), f("pmsc", "1.505"), f("pmsc", "NaN")],
    ),
    planned(
        "decimal",
        Form::Number,
        r#"{ type = "decimal(40,2)" }"#,
        &[v("12345678901234567890123456789012345678.90")],
    ),
    planned(
        "numeric",
        Form::Number,
        r#"{ type = "numeric" }"#,
        &[
            v("777777777777777777777777777777777777777777777777777777777777777777777777777777.5"),
            v("NaN"),
            v("-Infinity"),
            f("pmsc", "x"),
        ],
    ),
    planned("real", Form::Single, r#"{ type = "real" }"#, &[v("0.1"), f("ms", "NaN"), f("pmsc", "1e39")]),
    planned(
        "double",
        Form::Double,
        r#"{ type = "double" }"#,
        &[v("0.1"), f("ms", "-0.0"), f("m", "inf"), f("pmsc", "1e400")],
    ),
    planned("text", Form::Text, r#"{ type = "text" }"#, &[v("any")]),
    planned("varchar", Form::Text, r#"{ type = "varchar(3)" }"#, &[v("äöü"), f("pmsc", "abcd")]),
    planned("bytes", Form::Text, r#"{ type = "bytes" }"#, &[]),
    planned(
        "date",
        Form::Date,
        r#"{ type = "date" }"#,
        &[
            v("2024-02-29"),
            f("m", "infinity"),
            f("p", "0000-00-00"),
            f("m", "-0043-03-15"),
            f("pmsc", "02/29/2024"),
            f("pmsc", "2023-02-29"),
        ],
    ),
    planned(
        "time",
        Form::Time,
        r#"{ type = "time" }"#,
        &[v("14:30"), v("24:00:00"), f("p", "25:00:00"), f("pmsc", "noon")],
    ),
    planned(
        "timestamp",
        Form::Timestamp,
        r#"{ type = "timestamp" }"#,
        &[
            v("2024-06-12T14:30:22.5"),
            f("m", "-infinity"),
            f("p", "2011-00-00 00:00:00"),
            f("pmsc", "2024-06-12 14:30:22+02:00"),
        ],
    ),
    planned(
        "timestamptz",
        Form::Instant,
        r#"{ type = "timestamptz" }"#,
        &[v("2024-06-12T14:30:22+02:00"), v("2024-06-12 14:30:22Z"), f("pmsc", "2024-06-12 14:30:22")],
    ),
    planned(
        "uuid",
        Form::Uuid,
        r#"{ type = "uuid" }"#,
        &[v("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), f("pmsc", "nobody")],
    ),
    planned(
        "json",
        Form::Text,
        r#"{ type = "json" }"#,
        &[v("\"{\"\"a\"\": 1,  \"\"a\"\": 2}\""), v("1.10"), f("pmsc", "{no")],
    ),
    lossy("real", Form::Single, r#"{ type = "real", accept_loss = true }"#, &[v("0.1")]),
];
