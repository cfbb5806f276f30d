//! Bytes into records and fields, after RFC 4180.
//!
//! Own code, because no CSV library tells a quoted field from an unquoted one, and that is what tells an empty text from
//! NULL. A field that begins with a quote ends with one; a quote inside of it is doubled; between quotes line ends and
//! delimiters are text. A quote inside of an unquoted field is text. A record ends with LF, CRLF, CR or the file. Fields
//! keep the bytes of the file's encoding.

use std::io::{self, Read};

use super::dialect::{Dialect, Units};

const BUFFER: usize = 64 << 10;
/// A quote that is never closed makes the rest of the file one field; no server takes a value that is so long.
const LONGEST: usize = 1 << 30;
/// Room that is kept from record to record; a long one's is not.
const KEPT: usize = 1 << 20;

/// One record. Reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    fields: Vec<FieldEnd>,
    /// The line it begins on, from 1.
    pub(super) line: u64,
    pub(super) complaint: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
struct FieldEnd {
    end: usize,
    quoted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'r> {
    pub(super) bytes: &'r [u8],
    pub(super) quoted: bool,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len() + 5 * self.fields.len()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let starts = std::iter::once(0).chain(self.fields.iter().map(|field| field.end));
        let field = |(start, field): (usize, &FieldEnd)| Field {
            bytes: self.bytes.get(start..field.end).unwrap_or_default(),
            quoted: field.quoted,
        };
        starts.zip(&self.fields).map(field)
    }

    pub(super) fn is_ascii(&self) -> bool {
        self.bytes.is_ascii()
    }

    /// An empty line: a record of one column that is NULL or empty; where there are more columns, nothing.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.fields.as_slice(), [FieldEnd { end: 0, quoted: false }])
    }

    /// The bytes of all fields one behind the other, which leaves none, and where each field ends.
    pub(super) fn take(&mut self) -> (Vec<u8>, Vec<usize>) {
        (std::mem::take(&mut self.bytes), self.fields.drain(..).map(|field| field.end).collect())
    }

    fn clear(&mut self, line: u64) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.fields.clear();
        self.line = line;
        self.complaint = None;
    }

    fn end_field(&mut self, quoted: bool) {
        self.fields.push(FieldEnd { end: self.bytes.len(), quoted });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// Behind a quote between quotes: the field's end, or the first half of a doubled quote.
    QuoteInQuoted,
    /// Text behind the closing quote.
    Behind,
}

/// Reads records one after the other and knows where it stands.
pub(super) struct Records<R> {
    input: R,
    buffer: Vec<u8>,
    /// What of the buffer is not yet read.
    from: usize,
    units: Units,
    delimiter: u8,
    quote: u8,
    longest: usize,
    /// Bytes of the file behind which it stands.
    pub(super) offset: u64,
    /// The line it stands on, from 1.
    pub(super) line: u64,
}

impl<R: Read> Records<R> {
    /// `offset` and `line` say where `input` stands.
    pub(super) fn new(input: R, dialect: &Dialect, offset: u64, line: u64) -> Self {
        let (delimiter, quote) = (dialect.delimiter, dialect.quote);
        let (units, longest) = (dialect.units(), LONGEST);
        Self { input, buffer: Vec::new(), from: 0, units, delimiter, quote, longest, offset, line }
    }

    /// Reads the next record; `false` at the end of the file.
    pub(super) fn read(&mut self, record: &mut Record) -> io::Result<bool> {
        record.clear(self.line);
        let begun_at = self.offset;
        let mut state = State::Start;
        while let Some(unit) = self.peek()? {
            if self.ends_record(unit, state, record)? {
                return Ok(true);
            }
            state = self.step(unit, state, record);
            if record.bytes.len() > self.longest {
                let message =
                    format!("the record on line {} is longer than 1 GiB: is a quote never closed?", record.line);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        // Half a unit at the very end.
        let rest = self.buffer.split_off(self.from);
        self.offset += rest.len() as u64;
        record.bytes.extend_from_slice(&rest);
        if state == State::Quoted {
            record.complaint = Some("a quote is never closed");
        }
        record.end_field(state != State::Start && state != State::Plain);
        Ok(self.offset > begun_at)
    }

    /// Whether `unit` ends the record, which is then done and the line end consumed.
    fn ends_record(&mut self, unit: u8, state: State, record: &mut Record) -> io::Result<bool> {
        if state == State::Quoted || !matches!(unit, b'\n' | b'\r') {
            return Ok(false);
        }
        record.end_field(matches!(state, State::QuoteInQuoted | State::Behind));
        self.consume(1);
        if unit == b'\r' && self.peek()? == Some(b'\n') {
            self.consume(1);
        }
        self.line += 1;
        Ok(true)
    }

    /// One unit, and what follows it of the same kind.
    fn step(&mut self, unit: u8, state: State, record: &mut Record) -> State {
        let is_quote = unit == self.quote;
        match state {
            State::Start if is_quote => self.skip(State::Quoted),
            State::Quoted if is_quote => self.skip(State::QuoteInQuoted),
            State::QuoteInQuoted if is_quote => self.take(1, State::Quoted, record),
            State::Quoted => {
                let length = self.stretch(|unit| unit == self.quote);
                self.line += self.lines(length);
                self.take(length, State::Quoted, record)
            }
            _ if unit == self.delimiter => {
                record.end_field(matches!(state, State::QuoteInQuoted | State::Behind));
                self.skip(State::Start)
            }
            State::QuoteInQuoted | State::Behind => {
                record.complaint = Some("text follows a closing quote");
                self.take(1, State::Behind, record)
            }
            State::Start | State::Plain => {
                let length = self.stretch(|unit| unit == self.delimiter || matches!(unit, b'\n' | b'\r'));
                self.take(length, State::Plain, record)
            }
        }
    }

    fn skip(&mut self, next: State) -> State {
        self.consume(1);
        next
    }

    fn take(&mut self, units: usize, next: State, record: &mut Record) -> State {
        let end = self.from + units * self.units.width();
        record.bytes.extend_from_slice(self.buffer.get(self.from..end).unwrap_or_default());
        self.consume(units);
        next
    }

    /// How many of the buffered units come before one that is `special`; at least the one that was peeked.
    fn stretch(&self, special: impl Fn(u8) -> bool) -> usize {
        let units = self.buffered();
        units.clone().position(|unit| special(self.units.ascii(unit))).unwrap_or(units.len()).max(1)
    }

    fn lines(&self, units: usize) -> u64 {
        self.buffered().take(units).filter(|unit| self.units.ascii(unit) == b'\n').count() as u64
    }

    fn buffered(&self) -> std::slice::ChunksExact<'_, u8> {
        self.buffer.get(self.from..).unwrap_or_default().chunks_exact(self.units.width())
    }

    fn consume(&mut self, units: usize) {
        self.from += units * self.units.width();
        self.offset += (units * self.units.width()) as u64;
    }

    /// The next unit as an ASCII character; `None` where not even one is left.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        let width = self.units.width();
        if self.buffer.len() - self.from < width && !self.fill(width)? {
            return Ok(None);
        }
        Ok(self.buffer.get(self.from..self.from + width).map(|unit| self.units.ascii(unit)))
    }

    fn fill(&mut self, width: usize) -> io::Result<bool> {
        self.buffer.drain(..self.from);
        self.from = 0;
        while self.buffer.len() < width {
            let begun = self.buffer.len();
            self.buffer.resize(begun + BUFFER, 0);
            let outcome = loop {
                match self.input.read(self.buffer.get_mut(begun..).unwrap_or_default()) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    outcome => break outcome,
                }
            };
            self.buffer.truncate(begun + *outcome.as_ref().unwrap_or(&0));
            if outcome? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::CsvOptions;

    /// Hands out a few bytes at a time.
    struct Trickle<'b>(&'b [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.0.len().min(into.len()).min(3);
            into[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    type Shown = (u64, Vec<(String, bool)>, Option<&'static str>);

    fn records(text: &[u8], encoding: &str) -> Vec<Shown> {
        let dialect = Dialect::new(&CsvOptions { encoding: encoding.into(), ..CsvOptions::default() }).unwrap();
        let mut records = Records::new(Trickle(text), &dialect, 0, 1);
        let (mut record, mut all) = (Record::default(), Vec::new());
        while records.read(&mut record).unwrap() {
            let field = |field: Field<'_>| (dialect.decode(field.bytes).unwrap().into_owned(), field.quoted);
            all.push((record.line, record.fields().map(field).collect(), record.complaint));
        }
        assert_eq!(records.offset, text.len() as u64);
        all
    }

    fn fields(fields: &[&str]) -> Vec<(String, bool)> {
        fields.iter().map(|field| (field.trim_matches('"').to_owned(), field.starts_with('"'))).collect()
    }

    #[test]
    fn quotes_hold_everything_and_are_told() {
        let text = "a,\"b\",\"\",\r\n\"x\ny\",\"say \"\"hi\"\"\",5\" disk\rlast,\"q,\"\n\nend";
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), "utf-8"),
            (text.encode_utf16().flat_map(u16::to_le_bytes).collect(), "utf-16le"),
            (text.encode_utf16().flat_map(u16::to_be_bytes).collect(), "utf-16be"),
        ] {
            let all = records(&bytes, encoding);
            assert_eq!(all[0], (1, fields(&["a", "\"b", "\"", ""]), None));
            assert_eq!(all[1].1, [("x\ny".into(), true), ("say \"hi\"".into(), true), ("5\" disk".into(), false)]);
            assert_eq!(all[2], (4, fields(&["last", "\"q,"]), None));
            assert_eq!(all[3], (5, fields(&[""]), None));
            assert_eq!(all[4], (6, fields(&["end"]), None));
            assert_eq!(all.len(), 5);
        }
    }

    #[test]
    fn broken_quotes_are_named_and_the_next_record_is_whole() {
        let all = records(b"\"a\"b,c\nd,\"e\nf", "utf-8");
        assert_eq!(all[0].2, Some("text follows a closing quote"));
        assert_eq!(all[0].1.len(), 2);
        assert_eq!((all[1].0, all[1].2), (2, Some("a quote is never closed")));
    }

    #[test]
    fn the_last_record_needs_no_line_end() {
        assert_eq!(records(b"", "utf-8"), []);
        assert_eq!(records(b"a", "utf-8"), [(1, fields(&["a"]), None)]);
        assert_eq!(records(b"a\n", "utf-8"), [(1, fields(&["a"]), None)]);
        assert_eq!(records(b"a,", "utf-8"), [(1, fields(&["a", ""]), None)]);
        assert_eq!(records(b"\"\"", "utf-8"), [(1, fields(&["\""]), None)]);
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_take_all_memory() {
        let endless = io::repeat(b'x').take(2 << 20);
        let dialect = Dialect::new(&CsvOptions::default()).unwrap();
        let mut records = Records::new(io::Cursor::new("\"").chain(endless), &dialect, 0, 1);
        records.longest = 1 << 20;
        let error = records.read(&mut Record::default()).unwrap_err();
        assert!(error.to_string().contains("line 1 is longer"), "{error}");
    }
}
