//! How a file is written: its separators, and the encoding its bytes are in.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::{
    endpoint::{EndpointError, ErrorKind, Result},
    plan::CsvOptions,
};

/// Options that were found to make sense together.
#[derive(Clone, Debug)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) header: bool,
    pub(super) null: String,
    pub(super) encoding: &'static Encoding,
}

impl Dialect {
    pub(super) fn new(options: &CsvOptions) -> Result<Self> {
        let wrong = |message: String| EndpointError::new(ErrorKind::Address, "the CSV options are wrong", message);
        let ascii = |name: &str, char: char| match u8::try_from(char) {
            Ok(byte) if byte.is_ascii() && !b"\r\n\0".contains(&byte) => Ok(byte),
            _ => Err(wrong(format!("{name} must be one ASCII character and no line end, not {char:?}"))),
        };
        let (delimiter, quote) = (ascii("delimiter", options.delimiter)?, ascii("quote", options.quote)?);
        if delimiter == quote {
            return Err(wrong("delimiter and quote must differ".into()));
        }
        if options.null.chars().any(|char| [options.delimiter, options.quote, '\r', '\n'].contains(&char)) {
            return Err(wrong("the text for NULL can hold no delimiter, quote or line end".into()));
        }
        let encoding = Encoding::for_label(options.encoding.trim().as_bytes())
            .filter(|encoding| is_utf16(encoding) || encoding.is_ascii_compatible())
            .ok_or_else(|| {
                wrong(format!("encoding '{}' is not one that CSV files can be read in", options.encoding))
            })?;
        if !is_safe(encoding, delimiter) || !is_safe(encoding, quote) {
            let message = format!("in {} delimiter and quote may be parts of letters; take a comma", encoding.name());
            return Err(wrong(message));
        }
        Ok(Self { delimiter, quote, header: options.header, null: options.null.clone(), encoding })
    }

    pub(super) fn units(&self) -> Units {
        Units { wide: is_utf16(self.encoding), big_endian: self.encoding == UTF_16BE }
    }

    /// A mark at the file's start overrides what the options say. Returns how many bytes it takes.
    pub(super) fn honour_bom(&mut self, head: &[u8]) -> usize {
        match Encoding::for_bom(head) {
            Some((encoding, length)) => {
                self.encoding = encoding;
                length
            }
            None => 0,
        }
    }

    /// Whether ASCII says the same in this encoding.
    pub(super) fn takes_ascii(&self) -> bool {
        self.encoding.is_ascii_compatible()
    }

    /// The text that these bytes are, if they are one.
    pub(super) fn decode<'b>(&self, bytes: &'b [u8]) -> Option<Cow<'b, str>> {
        if self.encoding == UTF_8 {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        self.encoding.decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// Appends the text in this encoding; `false`: it cannot say it, or would not read it back the same.
    pub(super) fn encode(&self, text: &str, into: &mut Vec<u8>) -> bool {
        if self.encoding == UTF_8 {
            into.extend_from_slice(text.as_bytes());
        } else if self.encoding == UTF_16LE {
            into.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        } else if self.encoding == UTF_16BE {
            into.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        } else {
            let (bytes, _, unmappable) = self.encoding.encode(text);
            // Some old encodings hold a character twice and read it back as its twin.
            if unmappable || self.decode(&bytes).as_deref() != Some(text) {
                return false;
            }
            into.extend_from_slice(&bytes);
        }
        true
    }

    /// What a new file begins with: UTF-16 cannot be told apart without it.
    pub(super) fn bom(&self) -> &'static [u8] {
        match () {
            () if self.encoding == UTF_16LE => &[0xff, 0xfe],
            () if self.encoding == UTF_16BE => &[0xfe, 0xff],
            () => &[],
        }
    }
}

/// How many bytes make a code unit. All separators are ASCII, so they are one unit in every encoding read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Units {
    wide: bool,
    big_endian: bool,
}

impl Units {
    pub(super) fn width(self) -> usize {
        if self.wide { 2 } else { 1 }
    }

    /// The unit as an ASCII character, or something that is none.
    pub(super) fn ascii(self, unit: &[u8]) -> u8 {
        match (unit, self.wide, self.big_endian) {
            ([byte], false, _) | ([byte, 0], true, false) | ([0, byte], true, true) => *byte,
            _ => 0xff,
        }
    }
}

fn is_utf16(encoding: &'static Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// In the encodings of East Asia the second byte of a letter may be an ASCII character, but none of these.
fn is_safe(encoding: &'static Encoding, byte: u8) -> bool {
    let simple = encoding == UTF_8 || is_utf16(encoding) || encoding.is_single_byte();
    simple || byte < 0x30 || (0x3a..0x40).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(encoding: &str) -> Dialect {
        Dialect::new(&CsvOptions { encoding: encoding.into(), ..CsvOptions::default() }).unwrap()
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let with = |change: fn(&mut CsvOptions)| {
            let mut options = CsvOptions::default();
            change(&mut options);
            Dialect::new(&options).map(drop).map_err(|error| error.kind)
        };
        assert_eq!(with(|_| {}), Ok(()));
        assert_eq!(with(|options| options.delimiter = '§'), Err(ErrorKind::Address));
        assert_eq!(with(|options| options.delimiter = '"'), Err(ErrorKind::Address));
        assert_eq!(with(|options| options.quote = '\n'), Err(ErrorKind::Address));
        assert_eq!(with(|options| options.null = "a,b".into()), Err(ErrorKind::Address));
        assert_eq!(with(|options| options.encoding = "utf-9".into()), Err(ErrorKind::Address));
        assert_eq!(with(|options| options.encoding = "iso-2022-jp".into()), Err(ErrorKind::Address));
        assert_eq!(
            with(|options| (options.encoding, options.delimiter) = ("gbk".into(), '|')),
            Err(ErrorKind::Address)
        );
        assert_eq!(with(|options| (options.encoding, options.delimiter) = ("gbk".into(), ';')), Ok(()));
    }

    #[test]
    fn text_is_encoded_so_that_it_reads_back_or_not_at_all() {
        for (encoding, text, bytes) in [
            ("utf-8", "é😀", "é😀".as_bytes()),
            ("latin1", "é€", &[0xe9, 0x80]),
            ("utf-16le", "é", &[0xe9, 0]),
            ("utf-16be", "é", &[0, 0xe9]),
            ("shift_jis", "表", &[0x95, 0x5c]),
        ] {
            let (dialect, mut encoded) = (dialect(encoding), Vec::new());
            assert!(dialect.encode(text, &mut encoded));
            assert_eq!((encoded.as_slice(), dialect.decode(bytes).as_deref()), (bytes, Some(text)), "{encoding}");
        }
        for (encoding, text) in [("latin1", "😀"), ("shift_jis", "\u{a5}")] {
            assert!(!dialect(encoding).encode(text, &mut Vec::new()), "{encoding}");
        }
        assert_eq!(dialect("utf-8").decode(&[0xff]), None);
        assert_eq!(dialect("utf-16le").decode(&[0, 0xd8]), None);
    }
}
