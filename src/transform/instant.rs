//! The one moment that a run takes for now.

use chrono::{DateTime, Utc};

/// When the run started, in milliseconds since 1970 UTC.
///
/// `run_date()`, `now()` and `current_date` all read it, so that a resumed run and its digests agree with the first go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunInstant(pub i64);

impl RunInstant {
    /// What an expression is typed under: types do not depend on the time.
    pub(super) const ANY: Self = Self(0);

    pub fn now() -> Self {
        Self(Utc::now().timestamp_millis())
    }

    /// `None` for instants that no calendar reaches (over 262,000 years away).
    pub(super) fn time(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.0)
    }
}
