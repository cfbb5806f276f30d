//! The name that was probably meant.

use strsim::damerau_levenshtein;

/// The known name nearest to `word`, if it is near enough to be what was meant.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let folded = fold(word);
    let distance = |name: &&str| distance(&folded, &fold(name));
    let best = known.into_iter().min_by_key(distance)?;
    let allowed = (folded.chars().count() / 3).max(1);
    (distance(&best) <= allowed && distance(&best) < folded.chars().count().max(1)).then_some(best)
}

/// `; did you mean 'x'?`, or nothing.
pub(super) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(word, known).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// Whether two names are the same but for case and word breaks: `CustomerId` and `customer_id`.
pub(super) fn alike(one: &str, other: &str) -> bool {
    fold(one) == fold(other)
}

/// A beginning of a name counts as one slip, however much is left out.
fn distance(word: &str, name: &str) -> usize {
    let begins = word.chars().count() >= 3 && name.starts_with(word) && word != name;
    if begins { 1 } else { damerau_levenshtein(word, name) }
}

fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found_and_far_ones_are_not() {
        let known = ["name", "kind", "delimiter", "customer_id", "on_error"];
        for (word, meant) in [
            ("naem", Some("name")),
            ("Kind", Some("kind")),
            ("delim", Some("delimiter")),
            ("delimitr", Some("delimiter")),
            ("customerId", Some("customer_id")),
            ("on-error", Some("on_error")),
            ("xyz", None),
            ("x", None),
            ("", None),
            ("kk", None),
            ("customer_balance", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
        assert_eq!(nearest("a", []), None);
    }

    #[test]
    fn word_breaks_and_case_do_not_tell_names_apart() {
        assert!(alike("CustomerId", "customer_id") && alike("order-no", "OrderNo"));
        assert!(!alike("customer", "customers"));
    }
}
