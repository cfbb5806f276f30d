//! Reads Rust source just well enough to tell which paths it names, where, and whether in test code.
//!
//! Comments and literals are blanked first, so that words in them count for nothing. One idea: a path is followed
//! through its groups, so that `use crate::{model::Cell, plan}` is the two paths it stands for.

/// A path as written out in full, each segment apart: `["crate", "model", "Cell"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
    /// Stands in an inline `mod tests`.
    pub in_tests: bool,
    /// How many inline modules it stands in.
    pub inside: usize,
    /// A macro's name, as in `println!`.
    pub is_macro: bool,
}

impl Named {
    pub fn text(&self) -> String {
        self.segments.join("::")
    }

    pub fn starts_with(&self, path: &str) -> bool {
        let mut wanted = path.split("::");
        let mut found = self.segments.iter();
        wanted.all(|segment| found.next().is_some_and(|have| have == segment))
    }
}

#[derive(Clone, Debug)]
struct Token {
    line: usize,
    text: String,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|char: char| char.is_alphabetic() || char == '_')
    }
}

/// Every path, import and macro that the source names.
pub fn names(source: &str) -> Vec<Named> {
    let tokens = tokens(&blank(source));
    let mut reader = Reader { tokens: &tokens, modules: Vec::new(), depth: 0, found: Vec::new() };
    for at in 0..tokens.len() {
        reader.step(at);
    }
    reader.found
}

/// The lines of a source that are not its inline `mod tests` at the end.
pub fn lines_without_tests(source: &str) -> usize {
    let lines: Vec<&str> = source.lines().collect();
    let starts = |at: &usize| lines[*at] == "#[cfg(test)]" && lines.get(at + 1).is_some_and(|next| next.ends_with('{'));
    (0..lines.len()).find(starts).unwrap_or(lines.len())
}

struct Reader<'t> {
    tokens: &'t [Token],
    /// Inline modules that are open: name, and the brace depth they close at.
    modules: Vec<(String, usize)>,
    depth: usize,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    fn step(&mut self, at: usize) {
        match self.text(at) {
            "{" => self.open(at),
            "}" => self.close(),
            _ if self.tokens[at].is_word() && self.begins(at) => self.path(at, &[]),
            _ => {}
        }
    }

    fn open(&mut self, at: usize) {
        if at >= 2 && self.text(at - 2) == "mod" {
            self.modules.push((self.text(at - 1).to_owned(), self.depth));
        }
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.modules.last().is_some_and(|(_, depth)| *depth == self.depth) {
            self.modules.pop();
        }
    }

    /// Whether a path begins here: not in the middle of one, and either imported, qualified or a macro.
    fn begins(&self, at: usize) -> bool {
        let before = if at == 0 { "" } else { self.text(at - 1) };
        let continued = before == "::" && at >= 2 && (self.tokens[at - 2].is_word() || self.text(at - 2) == ">");
        let absolute = before == "::" && at >= 2 && self.text(at - 2) == "use";
        let imported = matches!(before, "use" | "crate") || absolute;
        (absolute || !continued) && (imported || matches!(self.text(at + 1), "::" | "!"))
    }

    /// Notes the path that goes on at `at` after `prefix`, each branch of a group as a path of its own.
    fn path(&mut self, at: usize, prefix: &[String]) {
        let mut segments = prefix.to_vec();
        let mut next = at;
        loop {
            if self.text(next) == "{" {
                return self.group(next, &segments);
            }
            segments.push(self.text(next).to_owned());
            let goes_on = self.text(next + 1) == "::"
                && (self.text(next + 2) == "{" || self.text(next + 2) == "*" || self.word(next + 2));
            if !goes_on {
                break;
            }
            next += 2;
        }
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let is_macro = self.text(next + 1) == "!";
        let in_tests = self.modules.iter().any(|(name, _)| name.contains("test"));
        let inside = self.modules.len();
        self.found.push(Named { line: self.tokens[at].line, segments, in_tests, inside, is_macro });
    }

    fn group(&mut self, open: usize, prefix: &[String]) {
        let mut depth = 0;
        for at in open.. {
            match self.text(at) {
                "{" => depth += 1,
                "}" if depth == 1 => return,
                "}" => depth -= 1,
                "" => return,
                _ => {}
            }
            let branch = depth == 1 && matches!(self.text(at), "{" | ",");
            if branch && (self.word(at + 1) || self.text(at + 1) == "*") {
                self.path(at + 1, prefix);
            }
        }
    }

    fn word(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(Token::is_word)
    }
}

fn tokens(blanked: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (index, line) in blanked.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                word => word,
            };
            tokens.push(Token { line: index + 1, text: rest[..length].to_owned() });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The source with every comment and literal replaced by blanks; lines stay where they are.
fn blank(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(char) = rest.chars().next() {
        let skipped = inert(rest, out.ends_with(|last: char| last.is_alphanumeric() || last == '_'));
        if skipped == 0 {
            out.push(char);
            rest = &rest[char.len_utf8()..];
        } else {
            out.extend(rest[..skipped].chars().map(|char| if char == '\n' { '\n' } else { ' ' }));
            rest = &rest[skipped..];
        }
    }
    out
}

/// How many bytes at the start of `rest` are a comment or a literal.
fn inert(rest: &str, in_word: bool) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if rest.starts_with('"') {
        return quoted(rest, 1);
    }
    let raw = rest.strip_prefix("br").or(rest.strip_prefix('r')).map(|tail| tail.trim_start_matches('#'));
    match raw {
        Some(tail) if !in_word && tail.starts_with('"') => raw_string(rest, tail),
        _ if rest.starts_with('\'') => char_literal(rest),
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &str, from: usize) -> usize {
    let bytes = rest.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &str, tail: &str) -> usize {
    let start = rest.len() - tail.len();
    let hashes = rest[..start].bytes().filter(|byte| *byte == b'#').count();
    let end = format!("\"{}", "#".repeat(hashes));
    rest[start + 1..].find(&end).map_or(rest.len(), |length| start + 1 + length + end.len())
}

/// A char literal's length; 0 for a lifetime.
fn char_literal(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[2..].char_indices().skip(1).find(|(_, char)| *char == '\'').map_or(0, |(at, _)| at + 3),
        Some(_) => chars.next().filter(|(_, char)| *char == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}
