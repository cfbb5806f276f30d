//! What a text is made of, as a pattern: `999-AA`.

/// So many letters in a row are written out; more are `a+` or `A+`, since words differ in length and codes do not.
const SMALL: usize = 3;
const CAPITAL: usize = 6;
/// The longest pattern; what follows is `…`.
const LONGEST: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Digit,
    Upper,
    Lower,
    Other(char),
}

impl Class {
    fn of(char: char) -> Self {
        match char {
            '0'..='9' => Self::Digit,
            _ if char.is_uppercase() => Self::Upper,
            _ if char.is_alphabetic() => Self::Lower,
            _ if char.is_numeric() => Self::Digit,
            _ => Self::Other(char),
        }
    }

    fn sign(self) -> char {
        match self {
            Self::Digit => '9',
            Self::Upper => 'A',
            Self::Lower => 'a',
            Self::Other(char) => char,
        }
    }
}

/// Digits as `9`, letters as `A` and `a`, all else as it is.
pub(super) fn pattern_of(text: &str) -> String {
    let mut pattern = String::new();
    let mut signs = 0;
    let mut chars = text.chars().map(Class::of).peekable();
    while let Some(class) = chars.next() {
        if signs >= LONGEST {
            pattern.push('…');
            break;
        }
        let mut run = 1;
        while chars.next_if_eq(&class).is_some() {
            run += 1;
        }
        signs += push_run(class, run, LONGEST - signs, &mut pattern);
    }
    pattern
}

/// Says how many signs it has put.
fn push_run(class: Class, run: usize, room: usize, pattern: &mut String) -> usize {
    let sign = class.sign();
    match class {
        Class::Upper if run > CAPITAL => push_many(sign, pattern),
        Class::Lower if run > SMALL => push_many(sign, pattern),
        _ if run > room => push_many(sign, pattern).max(room),
        _ => {
            (0..run).for_each(|_| pattern.push(sign));
            run
        }
    }
}

fn push_many(sign: char, pattern: &mut String) -> usize {
    pattern.push(sign);
    pattern.push('+');
    2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn classes_stand_for_characters() {
        for (text, pattern) in [
            ("123-AB", "999-AA"),
            ("03/07/2019", "99/99/9999"),
            ("ada@example.com", "aaa@a+.aaa"),
            ("Alice Smith", "Aa+ Aa+"),
            ("DE89 3704", "AA99 9999"),
            ("ÄÖ ß 山田", "AA a aa"),
            ("USD gold PLATINUM", "AAA a+ A+"),
            ("", ""),
            ("٣", "9"),
        ] {
            assert_eq!(pattern_of(text), pattern, "{text}");
        }
        assert_eq!(pattern_of(&"1".repeat(400)), "9+");
        assert!(pattern_of(&"a1-".repeat(400)).ends_with('…'));
    }

    proptest! {
        #[test]
        fn a_pattern_is_short_and_has_no_digit_or_letter_of_the_text(text in any::<String>()) {
            let pattern = pattern_of(&text);
            prop_assert!(pattern.chars().count() <= LONGEST + 3, "{pattern}");
            prop_assert!(!pattern.chars().any(|char| char.is_alphanumeric() && !"9Aa".contains(char)), "{pattern}");
        }
    }
}
