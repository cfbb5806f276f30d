//! `CREATE` statements as SQLite keeps them, read for what no pragma tells.
//!
//! Pure. One idea: SQLite has accepted these texts, so they are only cut at brackets, commas and words, never judged.

use std::ops::Range;

/// A word, a quoted name or text, or a single sign, at its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    place: Range<usize>,
    /// How many brackets are open around it.
    depth: usize,
}

/// A statement in tokens.
pub(super) struct Statement<'s> {
    text: &'s str,
    tokens: Vec<Token>,
}

/// A column or a constraint of a table.
pub(super) struct Clause<'s> {
    text: &'s str,
    tokens: Vec<Token>,
    depth: usize,
}

impl<'s> Statement<'s> {
    pub(super) fn of(text: &'s str) -> Self {
        Self { text, tokens: tokens(text) }
    }

    /// The columns and constraints of `CREATE TABLE`.
    pub(super) fn clauses(&self) -> Vec<Clause<'s>> {
        let inside: Vec<Token> = self.tokens.iter().filter(|token| token.depth > 0).cloned().collect();
        let end = self.tokens.iter().position(|token| token.depth == 0 && self.word(token) == ")");
        let last = end.map_or(self.text.len(), |end| self.tokens[end].place.end);
        let inside: Vec<Token> = inside.into_iter().filter(|token| token.place.start < last).collect();
        let clause = |tokens: &[Token]| Clause { text: self.text, tokens: tokens.to_vec(), depth: 1 };
        inside.split(|token| token.depth == 1 && self.word(token) == ",").map(clause).collect()
    }

    /// What stands behind the table's bracket, in capitals: `WITHOUT ROWID, STRICT`.
    pub(super) fn options(&self) -> String {
        let end = self.tokens.iter().position(|token| token.depth == 0 && self.word(token) == ")");
        end.map_or(String::new(), |end| self.text[self.tokens[end].place.end..].trim().to_ascii_uppercase())
    }

    /// What stands behind the table's name in `CREATE INDEX`: columns, and a condition if there is one.
    pub(super) fn index_body(&self) -> &'s str {
        let open = self.tokens.iter().find(|token| token.depth == 0 && self.word(token) == "(");
        open.map_or("", |open| self.text[open.place.start..].trim())
    }

    fn word(&self, token: &Token) -> &'s str {
        &self.text[token.place.clone()]
    }
}

impl<'s> Clause<'s> {
    fn word(&self, token: &Token) -> &'s str {
        &self.text[token.place.clone()]
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.depth == self.depth && self.word(token).eq_ignore_ascii_case(word))
    }

    fn find(&self, word: &str) -> Option<usize> {
        (0..self.tokens.len()).find(|at| self.is(*at, word))
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.find(word).is_some()
    }

    /// The first word: a column's name, or what kind of constraint it is.
    pub(super) fn name(&self) -> String {
        self.tokens.first().map_or(String::new(), |token| unquoted(self.word(token)))
    }

    /// Whether it is a constraint and no column.
    pub(super) fn is_constraint(&self) -> bool {
        ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].iter().any(|word| self.is(0, word))
    }

    /// What stands in the brackets behind the `at`th token, and the token behind them.
    fn brackets(&self, at: usize) -> Option<(&'s str, usize)> {
        let open = self.tokens.get(at + 1).filter(|token| self.word(token) == "(")?;
        let close = (at + 2..self.tokens.len()).find(|at| self.is(*at, ")"))?;
        Some((self.text[open.place.end..self.tokens[close].place.start].trim(), close + 1))
    }

    /// Its checks: the name of each, if it has one, and the condition.
    pub(super) fn checks(&self) -> Vec<(Option<String>, &'s str)> {
        let found = (0..self.tokens.len()).filter(|at| self.is(*at, "CHECK"));
        found.filter_map(|at| Some((self.constraint_name(at), self.brackets(at)?.0))).collect()
    }

    /// The name that `CONSTRAINT name` gives to what begins at `at`.
    fn constraint_name(&self, at: usize) -> Option<String> {
        let before = at.checked_sub(2)?;
        self.is(before, "CONSTRAINT").then(|| unquoted(self.word(&self.tokens[before + 1])))
    }

    /// What a column is computed by, and whether it is kept.
    pub(super) fn generation(&self) -> Option<(&'s str, bool)> {
        let at = (1..self.tokens.len()).find(|at| self.is(*at, "AS"))?;
        let (expression, behind) = self.brackets(at)?;
        Some((expression, self.is(behind, "STORED")))
    }

    /// The collation that a column names.
    pub(super) fn collation(&self) -> Option<String> {
        let at = self.find("COLLATE")?;
        self.tokens.get(at + 1).map(|token| unquoted(self.word(token)))
    }

    /// For each `REFERENCES`, in order: the name of its constraint, and whether it waits for the end of a transaction
    /// (`Some(true)`: always; `Some(false)`: when asked to).
    pub(super) fn references(&self) -> Vec<(Option<String>, Option<bool>)> {
        let found: Vec<usize> = (0..self.tokens.len()).filter(|at| self.is(*at, "REFERENCES")).collect();
        let reference = |(index, at): (usize, &usize)| {
            let end = found.get(index + 1).copied().unwrap_or(self.tokens.len());
            let deferrable = (*at..end).find(|at| self.is(*at, "DEFERRABLE")).filter(|at| !self.is(at - 1, "NOT"));
            let always = |at: usize| self.is(at + 1, "INITIALLY") && self.is(at + 2, "DEFERRED");
            let named = self.find("FOREIGN").filter(|at| self.is(at + 1, "KEY")).unwrap_or(*at);
            (self.constraint_name(named), deferrable.map(always))
        };
        found.iter().enumerate().map(reference).collect()
    }
}

/// A name without its quotes.
fn unquoted(word: &str) -> String {
    let (first, last) = (word.chars().next().unwrap_or(' '), word.len().saturating_sub(1));
    match first {
        '[' => word[1..last.max(1)].to_owned(),
        '"' | '`' | '\'' => {
            let twice = format!("{first}{first}");
            word[1..last.max(1)].replace(&twice, &first.to_string())
        }
        _ => word.to_owned(),
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let (mut tokens, mut at, mut depth) = (Vec::new(), 0, 0_usize);
    while let Some(first) = text[at..].chars().next() {
        let length = match first {
            '\'' | '"' | '`' => quoted_length(&text[at..], first),
            '[' => text[at..].find(']').map_or(text.len() - at, |end| end + 1),
            '-' if text[at..].starts_with("--") => text[at..].find('\n').unwrap_or(text.len() - at),
            '/' if text[at..].starts_with("/*") => text[at..].find("*/").map_or(text.len() - at, |end| end + 2),
            c if is_word(c) => text[at..].find(|c| !is_word(c)).unwrap_or(text.len() - at),
            c => c.len_utf8(),
        };
        let is_comment = text[at..].starts_with("--") || text[at..].starts_with("/*");
        if first == ')' {
            depth = depth.saturating_sub(1);
        }
        if !first.is_whitespace() && !is_comment {
            tokens.push(Token { place: at..at + length, depth });
        }
        if first == '(' {
            depth += 1;
        }
        at += length;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// How long the quoted text is that `text` begins with; a doubled quote does not end it.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE \"odd (name\" ( -- CHECK (no)
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        [a b] TEXT COLLATE NOCASE NOT NULL DEFAULT 'x, CHECK (y)' CONSTRAINT \"is so\" CHECK (length([a b]) > 1),
        price DECIMAL(10,2) CHECK (price > 0) CHECK(price < 10) REFERENCES p (x) DEFERRABLE INITIALLY DEFERRED,
        total INT GENERATED ALWAYS AS (price * (2 + 1)) STORED, /* ) */
        twice AS (price * 2),
        CONSTRAINT f FOREIGN KEY (price) REFERENCES q NOT DEFERRABLE,
        UNIQUE (price, id), CHECK ((price) <> (id))
    ) WITHOUT ROWID , strict";

    #[test]
    fn a_table_is_cut_into_its_clauses() {
        let statement = Statement::of(TABLE);
        let clauses = statement.clauses();
        let names: Vec<String> = clauses.iter().map(Clause::name).collect();
        assert_eq!(names, ["id", "a b", "price", "total", "twice", "CONSTRAINT", "UNIQUE", "CHECK"]);
        let constraints: Vec<bool> = clauses.iter().map(Clause::is_constraint).collect();
        assert_eq!(constraints, [false, false, false, false, false, true, true, true]);
        assert!(clauses[0].has("AUTOINCREMENT") && !clauses[1].has("AUTOINCREMENT"));
        assert_eq!(clauses[1].collation().as_deref(), Some("NOCASE"));
        assert_eq!(clauses[1].checks(), [(Some("is so".into()), "length([a b]) > 1")]);
        assert_eq!(clauses[2].checks(), [(None, "price > 0"), (None, "price < 10")]);
        assert_eq!(clauses[3].generation(), Some(("price * (2 + 1)", true)));
        assert_eq!(clauses[4].generation(), Some(("price * 2", false)));
        assert_eq!(clauses[2].references(), [(None, Some(true))]);
        assert_eq!(clauses[5].references(), [(Some("f".into()), None)]);
        assert_eq!(clauses[7].checks(), [(None, "(price) <> (id)")]);
        assert_eq!(statement.options(), "WITHOUT ROWID , STRICT");
    }

    #[test]
    fn an_index_is_known_by_what_follows_its_table() {
        let body = |text| Statement::of(text).index_body();
        assert_eq!(body("CREATE UNIQUE INDEX \"i (x\" ON t(a COLLATE NOCASE DESC, b)"), "(a COLLATE NOCASE DESC, b)");
        assert_eq!(body("create index i on [t(] (lower(a)) WHERE b > 0"), "(lower(a)) WHERE b > 0");
    }

    #[test]
    fn no_text_is_too_odd_to_be_cut() {
        for text in
            ["", "(", ")", "'", "\"", "[", "--", "/*", "CREATE TABLE t (a CHECK", "CREATE TABLE t (a AS", "é(é,ü"]
        {
            let statement = Statement::of(text);
            let clauses = statement.clauses();
            clauses.iter().for_each(|clause| drop((clause.name(), clause.checks(), clause.generation())));
            statement.index_body();
        }
    }
}
