//! How many rows a table's next chunk has.
//!
//! Knows no clock: it is told how long chunks took. One idea: what a chunk costs beside its rows (bounds, commits, records)
//! is paid once a chunk, and what a crash or an unanswered fault costs is a chunk's rows again; so chunks grow while they
//! are short and shrink where rows have to be asked about.

use std::time::Duration;

use super::throttle;

/// A chunk grows as long as it takes no longer than this.
const SHORT: Duration = Duration::from_millis(1500);
const LONG: Duration = Duration::from_secs(6);
const FIRST: u64 = 50_000;
const MOST: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    rows: u64,
    fixed: bool,
}

impl Pace {
    /// `rows`: what the plan sets for every chunk.
    pub(super) fn new(rows: Option<u64>) -> Self {
        Self { rows: rows.unwrap_or(FIRST), fixed: rows.is_some() }
    }

    /// Under a limit of so many rows a second.
    pub(super) fn rows(self, limit: Option<u64>) -> u64 {
        match limit {
            Some(limit) if !self.fixed => self.rows.min(throttle::chunk(limit)),
            _ => self.rows,
        }
    }

    /// Whether the plan says how many.
    pub(super) fn is_fixed(self) -> bool {
        self.fixed
    }

    /// A chunk was committed after so long.
    pub(super) fn committed(&mut self, took: Duration) {
        match took {
            _ if self.fixed => {}
            _ if took <= SHORT / 4 => self.rows = (self.rows * 4).min(MOST),
            _ if took <= SHORT => self.rows = (self.rows * 2).min(MOST),
            _ if took > LONG => self.rows = (self.rows / 2).max(FIRST / 50),
            _ => {}
        }
    }

    /// A chunk has to be done again.
    pub(super) fn failed(&mut self) {
        if !self.fixed {
            self.rows = self.rows.min(FIRST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_grow_while_they_are_short_and_fall_back_when_done_again() {
        let mut pace = Pace::new(None);
        for _ in 0..9 {
            pace.committed(Duration::from_millis(100));
        }
        assert_eq!(pace.rows(None), MOST);
        pace.failed();
        assert_eq!(pace.rows(None), FIRST);
        pace.committed(Duration::from_secs(60));
        assert_eq!(pace.rows(None), FIRST / 2);
    }

    #[test]
    fn what_the_plan_says_stays() {
        let mut pace = Pace::new(Some(7));
        pace.committed(Duration::ZERO);
        pace.failed();
        assert_eq!(pace, Pace { rows: 7, fixed: true });
        assert_eq!(pace.rows(Some(1)), 7);
    }

    #[test]
    fn under_a_limit_a_chunk_is_a_few_seconds_of_rows() {
        let pace = Pace::new(None);
        assert_eq!((pace.rows(Some(100)), pace.rows(Some(1))), (200, 2));
        assert_eq!(pace.rows(Some(u64::MAX)), FIRST);
    }
}
