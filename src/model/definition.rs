//! What a table's definition holds beside columns and keys: checks, indexes, counters, types of its own.
//!
//! One idea: every piece is kept in its own system's words, which hold only there and only while names stay as they
//! are, and beside them, where there is such a thing, as what it means in every system.

use serde::{Deserialize, Serialize};

use super::Formula;

/// An expression of some system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expression {
    /// In the system's own words.
    pub text: String,
    /// Whether the words hold as they are, where they are to go.
    pub holds: bool,
    /// The columns it mentions.
    pub columns: Vec<String>,
    /// What it means in every system, where it means the same.
    pub formula: Option<Formula>,
    /// It compares text without regard to case, which a formula does not.
    #[serde(default)]
    pub folds: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: Option<String>,
    pub condition: Expression,
}

/// How a column is computed from others of its row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    pub expression: Expression,
    /// Kept with the row, and not computed whenever it is read.
    pub stored: bool,
}

/// What fills a column that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Refuses values of one's own unless told otherwise.
    pub always: bool,
    /// The value that it gives next; it may have given all below, whatever rows are left.
    pub next: Option<i64>,
    /// Its further options in the system's own words.
    pub options: String,
}

/// Where something that fills a column stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterStand {
    /// What counts, in the system's own words.
    pub name: String,
    pub value: i128,
    /// The value was given already: the next one comes after it.
    pub given: bool,
}

/// An index beside the primary key, unique ones and constraints like them included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    pub name: String,
    pub unique: bool,
    /// It was made as a constraint of the table.
    pub constraint: bool,
    /// Its definition in the system's own words, without its own name and its table's.
    pub text: String,
    /// Whether the words hold as they are, where they are to go.
    pub holds: bool,
    /// All columns that it mentions.
    pub columns: Vec<String>,
    /// The columns that it sorts by, where it is no more than that.
    pub parts: Vec<IndexPart>,
    /// Why `parts` are not the whole of it: `is partial`, `is a full-text index`.
    pub special: Option<String>,
    #[serde(default)]
    pub deferral: Deferral,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPart {
    pub column: String,
    pub descending: bool,
}

/// What becomes of a row when the row that it refers to goes or changes its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

impl Action {
    /// As all systems spell it.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoAction => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }

    /// The action of that spelling, in whatever case; what is unknown does nothing.
    pub fn of(words: &str) -> Self {
        let all = [Self::Restrict, Self::Cascade, Self::SetNull, Self::SetDefault];
        all.into_iter().find(|action| action.words().eq_ignore_ascii_case(words)).unwrap_or_default()
    }
}

/// When a constraint is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deferral {
    #[default]
    Never,
    /// At the end of a transaction that asks for it.
    OnRequest,
    /// At the end of every transaction.
    Always,
}

impl Deferral {
    /// As the systems that have it spell it, with a blank in front.
    pub fn clause(self) -> &'static str {
        match self {
            Self::Never => "",
            Self::OnRequest => " DEFERRABLE",
            Self::Always => " DEFERRABLE INITIALLY DEFERRED",
        }
    }
}

/// A type that the database made for itself and that columns of a table are of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnType {
    /// As a column's type spells it.
    pub name: String,
    /// What makes it, in the system's own words.
    pub statement: String,
    /// The same in a form that two databases can be compared by.
    pub definition: String,
    /// The extension that brings it, if one does: then no statement of ours can make it.
    pub extension: Option<String>,
}

/// Something of a database that is no table: a view, a trigger, a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// In the plural: `views`.
    pub kind: String,
    pub name: String,
    /// The table that it belongs to, if it belongs to one.
    pub table: Option<String>,
}

/// How a system tells names apart and how long it lets them be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The longest name, in bytes or characters; 0: any.
    pub longest: usize,
    pub in_bytes: bool,
    pub tables_ignore_case: bool,
    pub columns_ignore_case: bool,
}

impl Naming {
    /// Whether anything goes.
    pub const FREE: Self = Self { longest: 0, in_bytes: false, tables_ignore_case: false, columns_ignore_case: false };

    pub fn length(&self, name: &str) -> usize {
        if self.in_bytes { name.len() } else { name.chars().count() }
    }

    pub fn is_too_long(&self, name: &str) -> bool {
        self.longest > 0 && self.length(name) > self.longest
    }

    /// The name itself, cut and numbered until nobody else has it.
    pub fn free(&self, wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
        let numbered = |number: usize| {
            let tail = if number == 0 { String::new() } else { number.to_string() };
            let mut head = wanted;
            while self.longest > 0 && self.length(head) + tail.len() > self.longest && !head.is_empty() {
                head = head.char_indices().next_back().map_or("", |(end, _)| &head[..end]);
            }
            format!("{head}{tail}")
        };
        (0..).map(numbered).find(|name| !is_taken(name)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_name_is_cut_to_what_is_kept_and_numbered() {
        let naming = Naming { longest: 6, in_bytes: true, ..Naming::FREE };
        assert_eq!(naming.free("orders_pkey", |_| false), "orders");
        assert_eq!(naming.free("orders_pkey", |name| name == "orders"), "order1");
        assert_eq!(naming.free("éééé", |name| name == "ééé"), "éé1");
        assert_eq!(Naming::FREE.free("orders_pkey", |name| !name.ends_with("12")), "orders_pkey12");
    }

    #[test]
    fn actions_read_back() {
        for action in [Action::NoAction, Action::Restrict, Action::Cascade, Action::SetNull, Action::SetDefault] {
            assert_eq!(Action::of(&action.words().to_lowercase()), action);
        }
    }
}
