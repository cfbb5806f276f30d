//! `[source]` and `[destination]`.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{
    csv,
    reader::{Found, Node, Reader},
};
use crate::{
    model::System,
    plan::{SecretRef, SidePlan, address::address},
};

const KEYS: [&str; 4] = ["url", "password", "label", "csv"];
const SECRETS: [&str; 3] = ["env", "file", "command"];

pub(super) fn read(reader: &mut Reader<'_>, section: &Found<&DeTable<'_>>, name: &str) -> SidePlan {
    let table = section.value;
    reader.known(table, &format!("[{name}]"), &KEYS);
    let (url, system) = read_url(reader, section, name);
    if let Some(node) = table.get("csv").filter(|_| system.is_some_and(|system| system != System::Csv)) {
        reader.warning(&node.span(), format!("'csv' says nothing here, since [{name}] is no CSV; take it out"));
    }
    SidePlan {
        url,
        password: table.get("password").and_then(|node| read_password(reader, node)),
        label: reader.filled_text(table, "label").map(|label| label.value.to_owned()),
        csv: reader.table(table, "csv").map(|table| csv::read(reader, table.value, name)).unwrap_or_default(),
    }
}

fn read_url(reader: &mut Reader<'_>, section: &Found<&DeTable<'_>>, name: &str) -> (String, Option<System>) {
    if !section.value.contains_key("url") {
        reader
            .missing(Some(&section.span), format!("[{name}] has no url; add url = \"postgres://user@host/database\""));
    }
    let Some(url) = reader.filled_text(section.value, "url") else { return Default::default() };
    match address(url.value, Path::new("")) {
        Ok(address) => (url.value.to_owned(), Some(address.system())),
        Err(error) => {
            reader.error(&url.span, error.to_string());
            Default::default()
        }
    }
}

/// Never repeats what stands there: it may be the password itself.
fn read_password(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<SecretRef> {
    const EXPECTED: &str = "write password = { env = \"NAME\" }, { file = \"PATH\" }, { command = \"...\" } or \"ask\"";
    match node.get_ref() {
        DeValue::String(word) if word == "ask" => Some(SecretRef::Ask),
        DeValue::String(_) => {
            reader.error(&node.span(), format!("a password may not stand in the plan; {EXPECTED}"));
            None
        }
        DeValue::Table(table) => {
            reader.known(table, "password", &SECRETS);
            let given: Vec<&str> = SECRETS.into_iter().filter(|key| table.contains_key(*key)).collect();
            if given.len() > 1 || table.is_empty() {
                reader.error(&node.span(), format!("'password' must say exactly one thing; {EXPECTED}"));
            }
            let key = *given.first()?;
            let value = reader.filled_text(table, key)?.value.to_owned();
            Some(match key {
                "env" => SecretRef::Env(value),
                "file" => SecretRef::File(value),
                _ => SecretRef::Command(value),
            })
        }
        _ => {
            reader.error(&node.span(), format!("'password' is neither text nor a table; {EXPECTED}"));
            None
        }
    }
}
