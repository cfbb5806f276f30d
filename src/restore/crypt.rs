//! Files that only the holder of an identity can read, in the age format (age-encryption.org/v1).
//!
//! One idea: whoever writes has the public key alone, and yet must read back what was written before it counts; so each
//! file is for a second recipient too, whose identity is made for it and never leaves this process.

use std::{
    fs,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use age::{DecryptError, Decryptor, Encryptor, stream};

use super::{RestoreError, Result};
use crate::model::Recipient;

/// Who can read: a secret key. Never shown.
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(***)")
    }
}

impl Identity {
    /// Every key of a file as `age-keygen` writes it.
    pub fn read(file: &Path) -> Result<Vec<Self>> {
        let failed = |why: String| RestoreError::Identity(file.to_owned(), why);
        let text = fs::read_to_string(file).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let what = "has no key as age-keygen writes it (AGE-SECRET-KEY-1...), or something else besides";
        Self::all_of(&text).ok_or_else(|| failed(what.to_owned()))
    }

    /// Every key in a text as `age-keygen` writes it; `None` where there is none.
    fn all_of(text: &str) -> Option<Vec<Self>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#') && !line.is_empty());
        let keys: Option<Vec<Self>> = lines.map(|line| line.parse().ok().map(Self)).collect();
        keys.filter(|keys| !keys.is_empty())
    }

    /// A new one.
    pub(super) fn new() -> Self {
        Self(age::x25519::Identity::generate())
    }

    pub(super) fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }
}

/// What is written through it goes on sealed, piece by piece.
pub(super) struct Sealing<W: Write>(stream::StreamWriter<W>);

impl<W: Write> Sealing<W> {
    /// Begins a file for these recipients.
    pub(super) fn begin(inner: W, recipients: &[Recipient]) -> io::Result<Self> {
        let recipients = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
        encryptor.wrap_output(inner).map(Self)
    }

    /// Seals what is left; without this the file is cut off, and whoever reads it finds out.
    pub(super) fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What was sealed, opened as it is read. A piece that is not what was written is an error, and so is a missing end.
pub(super) struct Opening<R: Read>(stream::StreamReader<BufReader<R>>);

impl<R: Read> Opening<R> {
    /// Opens a file with whichever identity fits.
    pub(super) fn begin(inner: R, identities: &[Identity]) -> io::Result<Self> {
        let decryptor = Decryptor::new_buffered(BufReader::new(inner)).map_err(unopened)?;
        let identities = identities.iter().map(|identity| &identity.0 as &dyn age::Identity);
        decryptor.decrypt(identities).map(Self).map_err(unopened)
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

fn unopened(error: DecryptError) -> io::Error {
    match error {
        DecryptError::Io(error) => error,
        DecryptError::NoMatchingKeys => {
            io::Error::new(io::ErrorKind::InvalidData, "none of the identities given opens it")
        }
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plain bytes of a piece, and what its seal adds.
    const PIECE: usize = 1 << 16;
    const TAG: usize = 16;

    fn sealed(plain: &[u8], recipients: &[Recipient]) -> Vec<u8> {
        let mut sealing = Sealing::begin(Vec::new(), recipients).unwrap();
        sealing.write_all(plain).unwrap();
        sealing.finish().unwrap()
    }

    fn opened(sealed: &[u8], identity: &Identity) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Opening::begin(sealed, std::slice::from_ref(identity))?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_is_sealed_opens_for_each_recipient_and_nobody_else() {
        let (one, other, stranger) = (Identity::new(), Identity::new(), Identity::new());
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let plain: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let sealed = sealed(&plain, &[one.recipient(), other.recipient()]);
            assert!(length < 20 || !sealed.windows(20).any(|window| plain.starts_with(window)));
            assert_eq!(opened(&sealed, &one).unwrap(), plain, "{length}");
            assert_eq!(opened(&sealed, &other).unwrap(), plain, "{length}");
            let why = opened(&sealed, &stranger).unwrap_err().to_string();
            assert!(why.contains("none of the identities given opens it"), "{why}");
        }
    }

    #[test]
    fn a_changed_byte_a_piece_that_moved_and_a_missing_end_are_found() {
        let own = Identity::new();
        let plain = vec![7; 2 * PIECE + 100];
        let whole = sealed(&plain, &[own.recipient()]);
        for at in (0..whole.len()).step_by(1_009).chain([whole.len() - 1]) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(opened(&changed, &own).is_err(), "byte {at}");
        }
        let body = whole.len() - (2 * (PIECE + TAG) + 100 + TAG);
        for cut in [whole.len() - 1, body + 2 * (PIECE + TAG), body + PIECE + TAG, body, 10, 0] {
            assert!(opened(&whole[..cut], &own).is_err(), "cut at {cut}");
        }
        let mut moved = whole.clone();
        let (left, right) = moved[body..].split_at_mut(PIECE + TAG);
        left.swap_with_slice(&mut right[..PIECE + TAG]);
        assert!(opened(&moved, &own).is_err());
    }

    #[test]
    fn identities_read_as_they_are_written_to_files() {
        let secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        let file = format!("# created: 2026-01-01\n# public key: age1...\n{secret}\n\n");
        let own = Identity::all_of(&file).unwrap().remove(0);
        let public = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
        assert_eq!(Recipient::parse(public), Some(own.recipient()));
        assert!(!format!("{own:?}").contains("GFPYY"));
        for text in ["", "# only a comment", "nonsense", &secret[..40]] {
            assert!(Identity::all_of(text).is_none(), "{text}");
        }
    }
}
