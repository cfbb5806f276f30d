//! `[when]`.

use toml::de::DeTable;

use super::reader::Reader;
use crate::plan::{
    Kind, When, WhenError,
    when::{Weekdays, moment},
};

const KEYS: [&str; 3] = ["not_before", "window", "days"];

pub(super) fn read(reader: &mut Reader<'_>, root: &DeTable<'_>, kind: Kind) -> When {
    let Some(section) = reader.table(root, "when") else {
        if kind == Kind::Scheduled && !root.contains_key("when") {
            let message = "a scheduled plan must say when; add [when] with window = \"22:00-05:00\"";
            reader.missing(None, message);
        }
        return When::default();
    };
    let table = section.value;
    reader.known(table, "[when]", &KEYS);
    let when = When {
        not_before: parsed(reader, table, "not_before", moment),
        window: parsed(reader, table, "window", str::parse),
        days: parsed(reader, table, "days", str::parse::<Weekdays>).unwrap_or_default(),
    };
    if kind == Kind::Scheduled && !table.contains_key("window") {
        let message = "a scheduled plan must say between which times it runs; add window = \"22:00-05:00\"";
        reader.missing(Some(&section.span), message);
    }
    when
}

fn parsed<T>(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, WhenError>,
) -> Option<T> {
    let found = reader.filled_text(table, key)?;
    match parse(found.value) {
        Ok(value) => Some(value),
        Err(error) => {
            reader.error(&found.span, format!("'{key}': {error}"));
            None
        }
    }
}
