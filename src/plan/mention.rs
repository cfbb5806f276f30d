//! Which names an SQL text mentions, without parsing it: it may be half typed.

use std::collections::BTreeSet;

/// The identifiers of an SQL text that may be columns: bare words and quoted names, as written (names keep their case).
/// Left out are string literals, comments, numbers and names of functions. Keywords are in it, which does no harm.
pub fn mentions(sql: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '\'' => quoted(rest, '\'').1,
            '"' | '`' => {
                let (name, rest) = quoted(rest, first);
                names.extend(Some(name).filter(|name| !name.is_empty()));
                rest
            }
            '-' if rest.starts_with("--") => rest.split_once('\n').map_or("", |(_, rest)| rest),
            '/' if rest.starts_with("/*") => rest[2..].split_once("*/").map_or("", |(_, rest)| rest),
            c if c.is_alphabetic() || c == '_' => {
                let (word, rest) = word(rest);
                if !rest.trim_start().starts_with('(') {
                    names.insert(word.to_owned());
                }
                rest
            }
            // A number swallows the letters behind it: `1e5` mentions no column.
            c if c.is_ascii_digit() => word(rest).1,
            c => &rest[c.len_utf8()..],
        };
    }
    names
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).unwrap_or(text.len());
    text.split_at(end)
}

/// What stands between `quote`s at the beginning of `text`, a doubled quote meaning one, and what follows.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut name = String::new();
    let mut rest = &text[1..];
    while let Some((part, after)) = rest.split_once(quote) {
        name.push_str(part);
        match after.strip_prefix(quote) {
            Some(after) => {
                name.push(quote);
                rest = after;
            }
            None => return (name, after),
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_and_what_is_none_is_not() {
        for (sql, expected) in [
            ("upper(email)", vec!["email"]),
            ("date_part('year', run_date()) - birth_year", vec!["birth_year"]),
            (r#"trim("Full ""N""ame") || 'it''s name' "#, vec!["Full \"N\"ame"]),
            ("a -- b\n + c /* d */ * 1e5", vec!["a", "c"]),
            ("date (created)", vec!["created"]),
            ("größe + x_1$", vec!["größe", "x_1$"]),
            ("t.total", vec!["t", "total"]),
            ("'open", vec![]),
            ("\"open", vec![]),
            ("`weird name`", vec!["weird name"]),
        ] {
            assert_eq!(mentions(sql), expected.into_iter().map(String::from).collect(), "{sql}");
        }
    }
}
