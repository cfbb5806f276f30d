//! A value map as one line of text: `gold=1, silver=2`; a part in double quotes may hold anything.

use std::collections::BTreeMap;

use crate::plan::{Literal, Unlisted};

/// The entries that a text names, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Literal>, String> {
    let mut entries = BTreeMap::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = part(rest, '=')?;
        let after = after.strip_prefix('=').ok_or_else(|| format!("'{key}' maps to nothing: write {key}=…"))?;
        let (value, after) = part(after.trim_start(), ',')?;
        if entries.insert(key.clone(), Literal(value)).is_some() {
            return Err(format!("'{key}' is mapped twice"));
        }
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
    Ok(entries)
}

/// What else can become of unlisted values, one on or one back.
pub(super) fn turned(unlisted: Unlisted, back: bool) -> Unlisted {
    match (unlisted, back) {
        (Unlisted::Fault, false) | (Unlisted::Keep, true) => Unlisted::Default,
        (Unlisted::Default, false) | (Unlisted::Fault, true) => Unlisted::Keep,
        (Unlisted::Keep, false) | (Unlisted::Default, true) => Unlisted::Fault,
    }
}

pub(super) fn unlisted_words(unlisted: Unlisted) -> &'static str {
    match unlisted {
        Unlisted::Fault => "an error",
        Unlisted::Default => "the default",
        Unlisted::Keep => "kept as it is",
    }
}

/// A bare or quoted part and what follows it, which begins with `end` or is empty.
fn part(text: &str, end: char) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let stop = text.find(end).unwrap_or(text.len());
        let (bare, rest) = text.split_at(stop);
        return Ok((bare.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => value.extend(chars.next().map(|(_, char)| char)),
            '"' => {
                let rest = quoted.get(at + 1..).unwrap_or_default().trim_start();
                let ends = rest.is_empty() || rest.starts_with(end);
                return if ends { Ok((value, rest)) } else { Err(format!("expected '{end}' after \"{value}\"")) };
            }
            _ => value.push(char),
        }
    }
    Err("a double quote is not closed".into())
}

/// The text that reads back as these entries.
pub(super) fn print(entries: &BTreeMap<String, Literal>) -> String {
    let quoted = |text: &str| {
        let plain = !text.is_empty() && text.trim() == text && !text.contains(['=', ',', '"', '\\']);
        if plain { text.to_owned() } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
    };
    let entries = entries.iter().map(|(key, value)| format!("{}={}", quoted(key), quoted(&value.0)));
    entries.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_product_s_own_map() {
        let entries = parse("gold=1, silver = 2").unwrap();
        assert_eq!(entries["gold"], Literal("1".into()));
        assert_eq!(print(&entries), "gold=1, silver=2");
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, word) in
            [("gold", "maps to nothing"), ("a=1,a=2", "twice"), ("\"a=1", "not closed"), ("\"a\"b=1", "expected '='")]
        {
            assert!(parse(text).unwrap_err().contains(word), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_map_are_inverse(entries in proptest::collection::btree_map("\\PC{0,6}", "\\PC{0,6}", 0..4)) {
            let entries: BTreeMap<String, Literal> = entries.into_iter().map(|(k, v)| (k, Literal(v))).collect();
            prop_assert_eq!(parse(&print(&entries)).unwrap(), entries);
        }
    }
}
