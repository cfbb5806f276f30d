//! What a query of the operator's own gives, where it should give one value.

use super::{EndpointError, ErrorKind};

/// The answer to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The only value of the only row, as the system writes it; a number exactly.
    Value(String),
    Null,
    NoRow,
    ManyRows,
    ManyColumns,
}

/// The query as one statement: what ends it is taken off.
pub(super) fn bare(query: &str) -> &str {
    query.trim_end_matches(|end: char| end.is_whitespace() || end == ';')
}

/// Files have no queries.
pub(super) fn no_queries() -> EndpointError {
    let message = "CSV files cannot be asked by SQL: take the metric out, or compare where both sides are databases";
    EndpointError::new(ErrorKind::Other, "cannot ask", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_query_goes_and_nothing_else() {
        assert_eq!(bare("SELECT ';' ; \n;"), "SELECT ';'");
        assert_eq!(bare("SELECT 1"), "SELECT 1");
    }
}
