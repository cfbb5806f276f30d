//! How well a name fits what somebody typed: letters in order, or a pattern with `*` and `?`.
//!
//! May not touch anything else: text in, a number out.

/// Higher is better; none where it does not fit. Case does not count. An empty query fits everything alike; several words
/// must all fit; a word with `*` or `?` is a pattern for the whole name.
pub fn fits(query: &str, name: &str) -> Option<u32> {
    let name = name.to_lowercase();
    let mut score = 0;
    for word in query.to_lowercase().split_whitespace() {
        score += match word.contains(['*', '?']) {
            true => is_like(word, &name).then_some(1)?,
            false => word_fits(word, &name)?,
        };
    }
    Some(score)
}

fn word_fits(word: &str, name: &str) -> Option<u32> {
    const WHOLE: u32 = 400;
    const BEGINS: u32 = 300;
    const WITHIN: u32 = 200;
    const SCATTERED: u32 = 100;
    if name == word {
        return Some(WHOLE);
    }
    // Of two names that fit alike, the shorter is the nearer.
    let length = 50_u32.saturating_sub(name.chars().count() as u32);
    match name.find(word) {
        Some(0) => Some(BEGINS + length),
        Some(at) if !name.get(..at).is_some_and(|before| before.ends_with(char::is_alphanumeric)) => {
            Some(WITHIN + 50 + length / 2)
        }
        Some(_) => Some(WITHIN + length / 2),
        None => scattered(word, name).map(|gaps| SCATTERED.saturating_sub(gaps)),
    }
}

/// The letters of the word, in order, anywhere in the name: in how many pieces they come.
fn scattered(word: &str, name: &str) -> Option<u32> {
    let mut letters = name.chars();
    let mut pieces = 0;
    let mut together = false;
    for wanted in word.chars() {
        loop {
            match letters.next()? {
                letter if letter == wanted => break,
                _ => together = false,
            }
        }
        pieces += u32::from(!together);
        together = true;
    }
    Some(pieces)
}

/// Whether the name is like the pattern: `*` is any text, `?` any one letter.
fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut retry = None;
    while place < name.len() {
        match pattern.get(at) {
            Some('*') => {
                at += 1;
                retry = Some((at, place));
            }
            Some(wanted) if *wanted == '?' || *wanted == name[place] => (at, place) = (at + 1, place + 1),
            _ => match retry {
                // The star before takes one letter more.
                Some((after, from)) => {
                    (at, place) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nearest_name_is_the_best() {
        let names = ["order_lines", "orders", "old_orders", "border", "over_drawn_orders", "customers"];
        let mut fitting: Vec<(u32, &str)> =
            names.iter().filter_map(|name| Some((fits("order", name)?, *name))).collect();
        fitting.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let fitting: Vec<&str> = fitting.into_iter().map(|(_, name)| name).collect();
        assert_eq!(fitting, ["orders", "order_lines", "old_orders", "over_drawn_orders", "border"]);
        assert!(fits("ordl", "order_lines") > fits("ordl", "over_drawn_old"));
        assert_eq!(fits("xyz", "orders"), None);
        assert!(fits("", "anything").is_some() && fits("OLD ord", "old_orders").is_some());
        assert_eq!(fits("old cust", "old_orders"), None);
    }

    #[test]
    fn patterns_are_for_the_whole_name() {
        for (pattern, name, like) in [
            ("sales_*", "sales_2024", true),
            ("sales_*", "old_sales_2024", false),
            ("*_20??", "sales_2024", true),
            ("*_20??", "sales_20245", false),
            ("*a*b*", "xxaxxaxb", true),
            ("*", "", true),
            ("a?", "a", false),
            ("*.ORDERS", "public.orders", true),
        ] {
            assert_eq!(fits(pattern, name).is_some(), like, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_fits_itself_and_every_part_of_it(name in "[a-zA-Z_é山]{1,12}", from in 0usize..12, take in 1usize..12) {
            let part: String = name.chars().skip(from).take(take).collect();
            prop_assert!(fits(&part, &name).is_some());
            prop_assert!(fits(&name, &name) >= fits(&part, &name));
        }

        #[test]
        fn no_pattern_goes_on_for_ever(pattern in "[ab*?]{0,12}", name in "[ab]{0,24}") {
            fits(&pattern, &name);
        }
    }
}
