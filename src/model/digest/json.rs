//! JSON by what it says and not by how it is written.

use std::collections::BTreeMap;

use super::{
    encode::{FALSE, NULL, TRUE, push_text},
    number::push_number,
};

const STRING: u8 = 16;
const LIST: u8 = 17;
const OBJECT: u8 = 18;
const END: u8 = 19;

/// Lists and objects inside each other, at most.
const DEEPEST: usize = 500;

/// The value that the text is; `None`, with `out` in disorder, where it is no JSON or too deep.
pub(super) fn push_json(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.value(out)?;
    reader.blanks();
    (reader.at == text.len()).then_some(())
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// Goes past the word, if it is what comes.
    fn take(&mut self, word: &str) -> Option<()> {
        let taken = self.rest().starts_with(word);
        self.at += if taken { word.len() } else { 0 };
        taken.then_some(())
    }

    fn value(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.blanks();
        match self.rest().bytes().next()? {
            b'"' => {
                let text = self.string()?;
                push_text(STRING, text.as_bytes(), out);
            }
            b'{' => self.nested(out, Self::object)?,
            b'[' => self.nested(out, Self::list)?,
            b't' => self.take("true").map(|()| out.push(TRUE))?,
            b'f' => self.take("false").map(|()| out.push(FALSE))?,
            b'n' => self.take("null").map(|()| out.push(NULL))?,
            b'-' | b'0'..=b'9' => self.number(out),
            _ => return None,
        }
        Some(())
    }

    fn nested(&mut self, out: &mut Vec<u8>, read: fn(&mut Self, &mut Vec<u8>) -> Option<()>) -> Option<()> {
        self.depth += 1;
        self.at += 1;
        read(self, out).filter(|()| self.depth <= DEEPEST)?;
        self.depth -= 1;
        out.push(END);
        Some(())
    }

    fn list(&mut self, out: &mut Vec<u8>) -> Option<()> {
        out.push(LIST);
        self.blanks();
        if self.depth > DEEPEST || self.take("]").is_some() {
            return (self.depth <= DEEPEST).then_some(());
        }
        loop {
            self.value(out)?;
            self.blanks();
            if self.take("]").is_some() {
                return Some(());
            }
            self.take(",")?;
        }
    }

    fn object(&mut self, out: &mut Vec<u8>) -> Option<()> {
        out.push(OBJECT);
        let mut members = BTreeMap::new();
        self.blanks();
        if self.depth > DEEPEST {
            return None;
        }
        if self.take("}").is_none() {
            loop {
                self.blanks();
                let name = self.string()?;
                self.blanks();
                self.take(":")?;
                let mut value = Vec::new();
                self.value(&mut value)?;
                members.insert(name, value);
                self.blanks();
                if self.take("}").is_some() {
                    break;
                }
                self.take(",")?;
            }
        }
        for (name, value) in members {
            push_text(STRING, name.as_bytes(), out);
            out.extend_from_slice(&value);
        }
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let rest = self.rest().strip_prefix('"')?;
        let mut escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let quoted = self.text.get(self.at..self.at + end + 2)?;
        self.at += end + 2;
        serde_json::from_str(quoted).ok()
    }

    fn number(&mut self, out: &mut Vec<u8>) {
        let rest = self.rest();
        let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let end = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        self.at += end;
        push_number(&rest[..end], out);
    }
}
