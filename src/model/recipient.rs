//! For whom a file is encrypted.

use std::fmt;

/// A public key of the age format.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(pub age::x25519::Recipient);

impl Recipient {
    /// `age1...`; `None` for what is none, a mistyped letter included.
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

    #[test]
    fn a_mistyped_letter_is_found() {
        assert!(Recipient::parse(&format!(" {PUBLIC}\n")).is_some());
        for at in 4..PUBLIC.len() {
            let letter = if &PUBLIC[at..=at] == "q" { "p" } else { "q" };
            let mistyped = format!("{}{letter}{}", &PUBLIC[..at], &PUBLIC[at + 1..]);
            assert_eq!(Recipient::parse(&mistyped), None, "{mistyped}");
        }
        for text in ["", "age1", "age", "ssh-ed25519 AAAA", &PUBLIC[..40]] {
            assert_eq!(Recipient::parse(text), None, "{text}");
        }
    }
}
