//! Files that only the holder of an identity can read: version 1 of the age format (age-encryption.org/v1), with X25519.
//!
//! One idea: whoever writes has the public key alone, and yet must read back what was written before it counts; so each
//! file is for a second recipient too, whose identity is made for it and never leaves this process.

use std::io::{self, BufRead as _, BufReader, Read, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::model::{Recipient, secret_key};

const VERSION: &str = "age-encryption.org/v1";
const STANZA: &str = "-> X25519 ";
const LABEL: &[u8] = b"age-encryption.org/v1/X25519";
/// Plain bytes of a piece, and what its seal adds.
const PIECE: usize = 1 << 16;
const TAG: usize = 16;
/// Lines of a header; more are no header of ours.
const LINES: usize = 64;

/// Who can read: a secret key. Never shown, and gone from memory with it.
#[derive(Clone)]
pub struct Identity(StaticSecret);

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(***)")
    }
}

impl Identity {
    /// Every key in a file as `age-keygen` writes it; `None` where there is none.
    pub fn all_of(text: &str) -> Option<Vec<Self>> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        let keys: Option<Vec<Self>> = lines.map(|line| secret_key(line).map(|key| Self(key.into()))).collect();
        keys.filter(|keys| !keys.is_empty())
    }

    /// A new one.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(random::<32>()?.into()))
    }

    pub(super) fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0).to_bytes())
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("this system gives no random bytes"))?;
    Ok(bytes)
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

fn derived(secret: &[u8], salt: &[u8], label: &[u8]) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    let pseudo = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let filled = pseudo.expand(&[label], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(&mut key));
    filled.map(|()| key).map_err(|_| io::Error::other("no key could be derived"))
}

fn aead(key: &[u8; 32]) -> io::Result<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| io::Error::other("no key"))
}

/// The key that wraps a file's key, of what both sides of the agreement know.
fn wrapping(shared: &[u8; 32], share: &[u8; 32], recipient: &[u8; 32]) -> io::Result<LessSafeKey> {
    if *shared == [0; 32] {
        return Err(bad("the key agreement came to nothing"));
    }
    aead(&derived(shared, &[share.as_slice(), recipient].concat(), LABEL)?)
}

fn wrapped(file_key: &[u8; 16], recipient: Recipient) -> io::Result<String> {
    let once = StaticSecret::from(random::<32>()?);
    let share = PublicKey::from(&once).to_bytes();
    let shared = once.diffie_hellman(&PublicKey::from(recipient.0)).to_bytes();
    let mut body = file_key.to_vec();
    let sealed = wrapping(&shared, &share, &recipient.0)?.seal_in_place_append_tag(first(), Aad::empty(), &mut body);
    sealed.map_err(|_| io::Error::other("the file's key could not be sealed"))?;
    Ok(format!("{STANZA}{}\n{}\n", STANDARD_NO_PAD.encode(share), STANDARD_NO_PAD.encode(body)))
}

/// Each wrapping key seals one thing only.
fn first() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn header_key(file_key: &[u8; 16]) -> io::Result<hmac::Key> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &derived(file_key, &[], b"header")?))
}

/// What is written through it goes on sealed, piece by piece.
pub(super) struct Sealing<W: Write> {
    inner: W,
    pieces: Pieces,
    plain: Vec<u8>,
}

impl<W: Write> Sealing<W> {
    /// Begins a file for these recipients.
    pub(super) fn begin(mut inner: W, recipients: &[Recipient]) -> io::Result<Self> {
        let file_key = random::<16>()?;
        let mut header = format!("{VERSION}\n");
        for recipient in recipients {
            header.push_str(&wrapped(&file_key, *recipient)?);
        }
        header.push_str("---");
        let mac = hmac::sign(&header_key(&file_key)?, header.as_bytes());
        let nonce = random::<16>()?;
        inner.write_all(format!("{header} {}\n", STANDARD_NO_PAD.encode(mac)).as_bytes())?;
        inner.write_all(&nonce)?;
        Ok(Self { inner, pieces: Pieces::of(&file_key, &nonce)?, plain: Vec::with_capacity(PIECE) })
    }

    /// Seals what is left; without this the file is cut off, and whoever reads it finds out.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.inner)
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let nonce = self.pieces.next(last)?;
        let sealed = self.pieces.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.plain);
        sealed.map_err(|_| io::Error::other("a piece could not be sealed"))?;
        self.inner.write_all(&self.plain)?;
        self.plain.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full piece waits until it is known not to be the last.
        if self.plain.len() == PIECE {
            self.seal(false)?;
        }
        let taken = bytes.len().min(PIECE - self.plain.len());
        self.plain.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The key of a file's pieces, and how many there were.
struct Pieces {
    key: LessSafeKey,
    count: u64,
}

impl Pieces {
    fn of(file_key: &[u8; 16], nonce: &[u8; 16]) -> io::Result<Self> {
        Ok(Self { key: aead(&derived(file_key, nonce, b"payload")?)?, count: 0 })
    }

    fn next(&mut self, last: bool) -> io::Result<Nonce> {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.count.to_be_bytes());
        nonce[11] = u8::from(last);
        self.count = self.count.checked_add(1).ok_or_else(|| bad("the file is too long"))?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

/// What was sealed, opened as it is read. A piece that is not what was written is an error, and so is a missing end.
pub(super) struct Opening<R: Read> {
    inner: BufReader<R>,
    pieces: Pieces,
    plain: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Opening<R> {
    /// Opens a file with whichever identity fits.
    pub(super) fn begin(inner: R, identities: &[Identity]) -> io::Result<Self> {
        let mut inner = BufReader::with_capacity(PIECE + TAG, inner);
        let file_key = opened_header(&mut inner, identities)?;
        let mut nonce = [0; 16];
        inner.read_exact(&mut nonce)?;
        Ok(Self { inner, pieces: Pieces::of(&file_key, &nonce)?, plain: Vec::new(), at: 0, ended: false })
    }

    fn next(&mut self) -> io::Result<()> {
        let mut piece = Vec::with_capacity(PIECE + TAG);
        self.inner.by_ref().take((PIECE + TAG) as u64).read_to_end(&mut piece)?;
        self.ended = self.inner.fill_buf()?.is_empty();
        let is_first = self.pieces.count == 0;
        let nonce = self.pieces.next(self.ended)?;
        let opened = self.pieces.key.open_in_place(nonce, Aad::empty(), &mut piece);
        let length = opened.map_err(|_| bad("a piece is not what was written, or the file is cut off"))?.len();
        if length == 0 && !is_first {
            return Err(bad("the file ends with an empty piece"));
        }
        piece.truncate(length);
        (self.plain, self.at) = (piece, 0);
        Ok(())
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() && !self.ended {
            self.next()?;
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// The file's key, if one of the identities opens it and nobody changed the header.
fn opened_header(inner: &mut impl io::BufRead, identities: &[Identity]) -> io::Result<[u8; 16]> {
    let mut header = line(inner)?;
    if header != format!("{VERSION}\n") {
        return Err(bad("it is no file of the age format"));
    }
    let mut found = None;
    for _ in 0..LINES {
        let next = line(inner)?;
        if let Some(mac) = next.strip_prefix("--- ") {
            header.push_str("---");
            let key = found.ok_or_else(|| bad("none of the identities given opens it"))?;
            let mac = decoded::<32>(mac.trim_end()).ok_or_else(|| bad("its header is damaged"))?;
            hmac::verify(&header_key(&key)?, header.as_bytes(), &mac).map_err(|_| bad("its header was changed"))?;
            return Ok(key);
        }
        header.push_str(&next);
        if let Some(share) = next.strip_prefix(STANZA) {
            let body = line(inner)?;
            header.push_str(&body);
            let stanza = decoded::<32>(share.trim_end()).zip(decoded::<32>(body.trim_end()));
            found = found
                .or(stanza.and_then(|(share, body)| identities.iter().find_map(|own| unwrapped(own, &share, &body))));
        }
    }
    Err(bad("its header has no end"))
}

fn unwrapped(identity: &Identity, share: &[u8; 32], body: &[u8; 32]) -> Option<[u8; 16]> {
    let shared = identity.0.diffie_hellman(&PublicKey::from(*share)).to_bytes();
    let key = wrapping(&shared, share, &identity.recipient().0).ok()?;
    let mut body = body.to_vec();
    key.open_in_place(first(), Aad::empty(), &mut body).ok()?.to_vec().try_into().ok()
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn line(inner: &mut impl io::BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    inner.take(4096).read_until(b'\n', &mut line)?;
    String::from_utf8(line).ok().filter(|line| line.ends_with('\n')).ok_or_else(|| bad("its header is damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let (one, other, stranger) = (Identity::new().unwrap(), Identity::new().unwrap(), Identity::new().unwrap());
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let plain: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let sealed = sealed(&plain, &[one.recipient(), other.recipient()]);
            assert!(length < 20 || !sealed.windows(20).any(|window| plain.starts_with(window)));
            assert_eq!(opened(&sealed, &one).unwrap(), plain, "{length}");
            assert_eq!(opened(&sealed, &other).unwrap(), plain, "{length}");
            let why = opened(&sealed, &stranger).unwrap_err().to_string();
            assert!(why.contains("none of the identities"), "{why}");
        }
    }

    #[test]
    fn a_changed_byte_a_piece_that_moved_and_a_missing_end_are_found() {
        let own = Identity::new().unwrap();
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
    fn a_file_of_the_format_s_own_program_opens() {
        let Some(tool) = ["age"].iter().find(|tool| std::process::Command::new(tool).arg("--version").output().is_ok())
        else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.txt");
        let made = std::process::Command::new("age-keygen").arg("-o").arg(&key).output().unwrap();
        assert!(made.status.success());
        let text = std::fs::read_to_string(&key).unwrap();
        let identity = Identity::all_of(&text).unwrap().remove(0);
        let public = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
        assert_eq!(Recipient::parse(public), Some(identity.recipient()));
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
        std::fs::write(&ours, sealed(b"of ours", &[identity.recipient(), Identity::new().unwrap().recipient()]))
            .unwrap();
        let told = std::process::Command::new(tool).args(["-d", "-i"]).args([&key, &ours]).output().unwrap();
        assert_eq!(told.stdout, b"of ours", "{told:?}");
        std::fs::write(folder.path().join("plain"), "of theirs").unwrap();
        let told = std::process::Command::new(tool)
            .args(["-r", public, "-o"])
            .args([&theirs, &folder.path().join("plain")])
            .output()
            .unwrap();
        assert!(told.status.success(), "{told:?}");
        assert_eq!(opened(&std::fs::read(theirs).unwrap(), &identity).unwrap(), b"of theirs");
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
