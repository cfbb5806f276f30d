//! Keys of the age format as people write them: `age1...` for whom a file is, `AGE-SECRET-KEY-1...` for who reads it.
//!
//! Both are bytes in Bech32, whose checksum finds a mistyped letter.

use std::fmt;

const LETTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
/// Letters of the checksum.
const CHECKED: usize = 6;

/// For whom a file is encrypted: a public key of X25519.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Recipient(pub [u8; 32]);

impl Recipient {
    /// `age1...`; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        bech32("age", text.trim()).map(Self)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", super::hex(&self.0[..4]))
    }
}

/// The secret key in a line of an identity file; `None` for what is none.
pub fn secret_key(line: &str) -> Option<[u8; 32]> {
    bech32("age-secret-key-", line.trim())
}

/// 32 bytes behind that prefix. All letters are of one case.
fn bech32(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let lower = text.to_ascii_lowercase();
    if lower != text && text.to_ascii_uppercase() != text {
        return None;
    }
    let data = lower.strip_prefix(prefix)?.strip_prefix('1')?;
    let values: Vec<u8> = data.chars().map(|letter| LETTERS.find(letter).map(|at| at as u8)).collect::<Option<_>>()?;
    let spread = prefix.bytes().map(|byte| byte >> 5).chain([0]).chain(prefix.bytes().map(|byte| byte & 31));
    if checksum(spread.chain(values.iter().copied())) != 1 {
        return None;
    }
    let mut bytes = [0_u8; 32];
    let (mut bits, mut held, mut at) = (0_u32, 0, 0);
    for value in values.get(..values.len().checked_sub(CHECKED)?)? {
        (bits, held) = (bits << 5 | u32::from(*value), held + 5);
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(at)? = (bits >> held) as u8;
            bits &= (1 << held) - 1;
            at += 1;
        }
    }
    (at == 32 && bits == 0 && held < 5).then_some(bytes)
}

fn checksum(values: impl Iterator<Item = u8>) -> u32 {
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        (0..5).filter(|bit| top >> bit & 1 == 1).fold(sum, |sum, bit| sum ^ GENERATOR[bit as usize])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pair that stands in the format's own documents.
    pub(crate) const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    pub(crate) const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    #[test]
    fn keys_read_and_a_mistyped_letter_is_found() {
        assert_eq!(secret_key(SECRET), Some([0x42; 32]));
        assert!(Recipient::parse(PUBLIC).is_some());
        assert_eq!(Recipient::parse(&PUBLIC.to_uppercase()), Recipient::parse(PUBLIC));
        for at in 4..PUBLIC.len() {
            let letter = if &PUBLIC[at..=at] == "q" { "p" } else { "q" };
            let mistyped = format!("{}{letter}{}", &PUBLIC[..at], &PUBLIC[at + 1..]);
            assert_eq!(Recipient::parse(&mistyped), None, "{mistyped}");
        }
        let short = &PUBLIC[..40];
        for text in ["", "age1", "age", "ssh-ed25519 AAAA", short, &PUBLIC.replacen('z', "Z", 1), SECRET] {
            assert_eq!(Recipient::parse(text), None, "{text}");
        }
        assert_eq!(secret_key(PUBLIC), None);
    }
}
