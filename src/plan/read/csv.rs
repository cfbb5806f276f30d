//! How the files of a CSV side are written.

use encoding_rs::Encoding;
use toml::de::DeTable;

use super::reader::Reader;
use crate::plan::CsvOptions;

pub(super) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>, side: &str) -> CsvOptions {
    let mut csv = CsvOptions::default();
    reader.known(table, &format!("[{side}.csv]"), &["delimiter", "quote", "header", "encoding", "null"]);
    csv.delimiter = character(reader, table, "delimiter").unwrap_or(csv.delimiter);
    csv.quote = character(reader, table, "quote").unwrap_or(csv.quote);
    csv.header = reader.boolean(table, "header").unwrap_or(csv.header);
    csv.encoding = encoding(reader, table).unwrap_or(csv.encoding);
    csv.null = reader.text(table, "null").map_or(csv.null, |null| null.value.to_owned());
    if csv.delimiter == csv.quote
        && let Some(node) = table.get("quote").or(table.get("delimiter"))
    {
        reader.error(&node.span(), format!("delimiter and quote are both '{}'; change one", csv.quote.escape_debug()));
    }
    csv
}

fn character(reader: &mut Reader<'_>, table: &DeTable<'_>, key: &str) -> Option<char> {
    let found = reader.text(table, key)?;
    let mut characters = found.value.chars();
    let single = characters.next().filter(|c| c.is_ascii() && !matches!(c, '\n' | '\r'));
    if single.is_none() || characters.next().is_some() {
        reader.error(&found.span, format!("'{key}' must be exactly one ASCII character, as in {key} = \";\""));
        return None;
    }
    single
}

fn encoding(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<String> {
    let found = reader.text(table, "encoding")?;
    if Encoding::for_label(found.value.as_bytes()).is_none() {
        let message = format!("unknown encoding '{}'; use a label such as utf-8, windows-1252, utf-16le", found.value);
        reader.error(&found.span, message);
        return None;
    }
    Some(found.value.to_owned())
}
