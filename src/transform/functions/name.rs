//! A person's name taken apart, or not at all.
//!
//! Names follow no rule; so only forms that are hardly ever read wrong are taken: given names before the family name
//! (with its particles: `van der Berg`), or `Last, First Middle`, each with suffixes behind. Everything else (a single
//! word, a title, a digit, `and`, more than six words) is left to a human.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) first: String,
    pub(super) middle: Option<String>,
    pub(super) last: String,
    /// Several stand with a blank in between.
    pub(super) suffix: Option<String>,
}

const MOST_WORDS: usize = 6;

const SUFFIXES: &[&str] = &["jr", "sr", "ii", "iii", "iv", "phd", "md"];

/// Words that begin a family name of several words.
const PARTICLES: &[&str] = &[
    "van", "von", "vom", "zu", "zum", "der", "den", "de", "del", "della", "dela", "di", "da", "dos", "das", "do", "du",
    "la", "le", "los", "las", "ten", "ter", "te", "bin", "ibn", "al", "el", "af", "av",
];

/// Words that make the whole unclear: titles, and what joins two names or two persons.
const UNCLEAR: &[&str] = &[
    "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "dame", "rev", "fr", "herr", "frau", "and", "und", "et", "y",
    "e", "i", "or", "und", "inc", "ltd", "llc", "gmbh", "co", "company",
];

impl Name {
    /// `None` where the parts cannot be told apart.
    pub(super) fn split(text: &str) -> Option<Self> {
        if !text.chars().all(is_of_a_name) || text.split_whitespace().count() > MOST_WORDS {
            return None;
        }
        let sections: Vec<Vec<&str>> = text.split(',').map(|section| section.split_whitespace().collect()).collect();
        match sections.as_slice() {
            [whole] => Self::in_order(whole, &[]),
            [whole, suffixes] if are_suffixes(suffixes) => Self::in_order(whole, suffixes),
            [last, given] => Self::turned(last, given, &[]),
            [last, given, suffixes] if are_suffixes(suffixes) => Self::turned(last, given, suffixes),
            _ => None,
        }
    }

    /// `Maria del Carmen Lopez Jr.`
    fn in_order(words: &[&str], more: &[&str]) -> Option<Self> {
        let (words, suffixes) = cut_suffixes(words);
        let (first, rest) = words.split_first()?;
        let (_, before) = rest.split_last()?;
        let particles = before.iter().rev().take_while(|word| is_in(PARTICLES, word)).count();
        let (middle, last) = rest.split_at(before.len() - particles);
        Self::of(&[first], middle, last, &[suffixes, more].concat())
    }

    /// `Lopez Jr., Maria del Carmen`
    fn turned(last: &[&str], given: &[&str], more: &[&str]) -> Option<Self> {
        let (last, suffixes) = cut_suffixes(last);
        let (given, behind) = cut_suffixes(given);
        let (first, middle) = given.split_first()?;
        Self::of(&[first], middle, last, &[suffixes, behind, more].concat())
    }

    fn of(first: &[&str], middle: &[&str], last: &[&str], suffixes: &[&str]) -> Option<Self> {
        let words = [first, middle, last].concat();
        let unclear = words
            .iter()
            .any(|word| is_in(UNCLEAR, word) || is_in(SUFFIXES, word) || !word.contains(char::is_alphabetic));
        let ends_in_name = last.last().is_some_and(|word| !is_in(PARTICLES, word) && !is_initial(word));
        if unclear || !ends_in_name || is_in(PARTICLES, first.first()?) {
            return None;
        }
        let joined = |words: &[&str]| (!words.is_empty()).then(|| words.join(" "));
        Some(Self { first: first.join(" "), middle: joined(middle), last: last.join(" "), suffix: joined(suffixes) })
    }
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_alphabetic() || is_accent(letter) || matches!(letter, ' ' | '.' | ',' | '-' | '\'' | '’')
}

/// An accent that stands behind its letter (decomposed Unicode).
fn is_accent(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// `J` or `J.`: a family name that somebody shortened.
fn is_initial(word: &str) -> bool {
    word.trim_end_matches('.').chars().count() == 1
}

fn bare(word: &str) -> String {
    word.chars().filter(|letter| *letter != '.').flat_map(char::to_lowercase).collect()
}

fn is_in(words: &[&str], word: &str) -> bool {
    words.contains(&bare(word).as_str())
}

fn are_suffixes(words: &[&str]) -> bool {
    !words.is_empty() && words.iter().all(|word| is_in(SUFFIXES, word))
}

fn cut_suffixes<'s, 'w>(words: &'s [&'w str]) -> (&'s [&'w str], &'s [&'w str]) {
    let suffixes = words.iter().rev().take_while(|word| is_in(SUFFIXES, word)).count();
    words.split_at(words.len() - suffixes)
}
