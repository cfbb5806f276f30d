//! What resolving found, and what it is about.

use crate::{model::Problem, plan::Spans};

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Table,
    /// A destination column.
    Column(String),
    /// A column of the plan's `key`.
    Key(String),
    /// A column of the plan's `skip`.
    Skip(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub subject: Subject,
    pub error: bool,
    pub message: String,
}

impl Finding {
    pub fn unplaced(&self) -> Problem {
        Problem { line: 0, column: 0, error: self.error, message: self.message.clone() }
    }

    /// The problem at its subject in the plan of table `to`, or at the table where the text does not name the subject.
    pub fn placed(&self, to: &str, spans: &Spans) -> Problem {
        let place = match &self.subject {
            Subject::Table => None,
            Subject::Column(name) => spans.column(to, name),
            Subject::Key(name) => spans.key(to, name),
            Subject::Skip(name) => spans.skip(to, name),
        };
        let (line, column) = place.or_else(|| spans.table(to)).unwrap_or_default();
        Problem { line, column, ..self.unplaced() }
    }

    /// The destination column it is about, if it is about one.
    pub fn column(&self) -> Option<&str> {
        match &self.subject {
            Subject::Column(name) => Some(name),
            Subject::Table | Subject::Key(_) | Subject::Skip(_) => None,
        }
    }
}
