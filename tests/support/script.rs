//! Scripts written for the `mariadb` client, made fit for a driver that takes statements of text.

use super::normal::hex;

/// The statements of a script for the `mariadb` client: `DELIMITER` is followed, choosing a database is left out.
pub fn statements_of(script: &str) -> Vec<String> {
    let mut delimiter = ";".to_owned();
    let mut statements = Vec::new();
    let mut statement = String::new();
    for line in script.lines() {
        if let Some(new) = line.strip_prefix("DELIMITER ") {
            delimiter = new.trim().to_owned();
            continue;
        }
        if statement.is_empty() && (line.trim().is_empty() || line.starts_with("--")) {
            continue;
        }
        statement.push_str(line);
        statement.push('\n');
        if let Some(whole) = statement.trim_end().strip_suffix(&delimiter) {
            statements.push(whole.trim().to_owned());
            statement.clear();
        }
    }
    statements.push(statement.trim().to_owned());
    statements.retain(|statement| !statement.is_empty() && !chooses_database(statement));
    statements
}

fn chooses_database(statement: &str) -> bool {
    let start: Vec<String> = statement.split_whitespace().take(2).map(str::to_uppercase).collect();
    let start: Vec<&str> = start.iter().map(String::as_str).collect();
    matches!(start.as_slice(), ["USE", ..] | ["CREATE" | "DROP", "SCHEMA" | "DATABASE"])
}

/// The script as text: a literal that holds bytes, as a dump writes pictures, becomes one in hex.
pub fn text_of(script: &[u8]) -> String {
    let mut text = Vec::with_capacity(script.len());
    let mut rest = script;
    while let Some(&first) = rest.first() {
        let at_line_start = text.last().is_none_or(|last| *last == b'\n');
        let length = match first {
            b'\'' => literal_length(rest),
            b'-' if at_line_start && rest.starts_with(b"--") => line_length(rest),
            _ => 1,
        };
        match std::str::from_utf8(&rest[..length]) {
            Err(_) if length > 1 => text.extend(in_hex(&rest[1..length - 1]).bytes()),
            _ => text.extend(&rest[..length]),
        }
        rest = &rest[length..];
    }
    String::from_utf8(text).unwrap()
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
}

fn literal_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match (rest[at], rest.get(at + 1)) {
            (b'\\', _) | (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn in_hex(escaped: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => rest.next().map_or(b'\\', |escape| unescaped(*escape)),
            b'\'' => *rest.next().unwrap_or(&b'\''),
            byte => *byte,
        });
    }
    format!("x'{}'", hex(&bytes).trim_start_matches("\\x"))
}

fn unescaped(escape: u8) -> u8 {
    match escape {
        b'0' => 0,
        b'b' => 8,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 26,
        other => other,
    }
}
