//! How many rows a second a run may take, all its tables together.
//!
//! Knows no row. One idea: a batch goes as soon as the one before it is paid for, and is paid for at the rate of the limit,
//! so that whoever gives up waiting owes nothing; a new limit counts at once, also for those who wait, and what went under
//! another one keeps nobody waiting for longer than a chunk of the new one.

use std::time::Duration;

use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};

/// Rows are counted in so many parts, of which a limit pays for some each microsecond.
const PARTS: u128 = 1_000_000;

/// A chunk that would take so many times as long as one under the limit is done again in smaller ones.
const OUTGROWN: u64 = 8;

/// Rows that went and are not paid for. Is told the time.
#[derive(Debug)]
struct Account {
    owed: u128,
    limit: Option<u64>,
    at: Instant,
}

impl Account {
    /// What was owed is paid for at the limit of until now; from now on `limit` counts.
    fn settle(&mut self, limit: Option<u64>, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_micros();
        self.owed = match (self.limit, limit) {
            (Some(before), Some(now)) => {
                let owed = self.owed.saturating_sub(elapsed * u128::from(before));
                if before == now { owed } else { owed.min(u128::from(chunk(now)) * PARTS) }
            }
            _ => 0,
        };
        (self.limit, self.at) = (limit, now);
    }

    /// How long until nothing is owed; nothing, where that is so.
    fn due(&self) -> Option<Duration> {
        let limit = self.limit.filter(|_| self.owed > 0)?;
        let micros = self.owed.div_ceil(u128::from(limit.max(1)));
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
    }

    fn owe(&mut self, rows: u64) {
        if self.limit.is_some() {
            self.owed += u128::from(rows) * PARTS;
        }
    }
}

/// Holds a run back to its limit.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: watch::Sender<Option<u64>>,
    /// Whoever waits holds it, and the others wait in turn.
    account: Mutex<Account>,
}

impl Throttle {
    /// At most so many rows a second; `None`: as many as go.
    pub(super) fn new(limit: Option<u64>) -> Self {
        let account = Account { owed: 0, limit, at: Instant::now() };
        Self { limit: watch::Sender::new(limit), account: Mutex::new(account) }
    }

    pub(super) fn set(&self, limit: Option<u64>) {
        self.limit.send_replace(limit);
    }

    pub(super) fn limit(&self) -> Option<u64> {
        *self.limit.borrow()
    }

    /// Waits until rows may go, and says how long that was.
    pub(super) async fn pass(&self, rows: u64) -> Duration {
        let begun = Instant::now();
        let mut limit = self.limit.subscribe();
        let mut account = self.account.lock().await;
        loop {
            let now = *limit.borrow_and_update();
            account.settle(now, Instant::now());
            let Some(due) = account.due() else { break };
            // Where nobody can change the limit any more, it stays.
            let _ = tokio::time::timeout(due, limit.changed()).await;
        }
        account.owe(rows);
        begun.elapsed()
    }

    /// Comes when the limit is so low that a chunk of so many rows should not have been begun.
    pub(super) async fn outgrows(&self, rows: u64) {
        let mut limit = self.limit.subscribe();
        let outgrown = |limit: &Option<u64>| limit.is_some_and(|limit| rows / OUTGROWN > chunk(limit));
        let _ = limit.wait_for(outgrown).await;
    }
}

/// The rows of a chunk under a limit: a few seconds of them, so that no transaction stays open for hours and a pause comes
/// soon.
pub(super) fn chunk(limit: u64) -> u64 {
    limit.saturating_mul(2).max(1)
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, sync::Arc};

    use futures::poll;

    use super::*;

    #[test]
    fn over_any_time_no_more_rows_go_than_the_limit_lets() {
        let begun = Instant::now();
        let mut account = Account { owed: 0, limit: Some(1_000), at: begun };
        let (mut now, mut rows) = (begun, 0);
        for batch in [500, 1, 3_000, 250, 7].into_iter().cycle().take(1_000) {
            if let Some(due) = account.due() {
                now += due;
                account.settle(Some(1_000), now);
            }
            assert_eq!(account.due(), None, "what is due is enough");
            account.owe(batch);
            rows += batch;
        }
        let micros = u64::try_from(now.duration_since(begun).as_micros()).unwrap();
        // The last batch goes before it is paid for, and the one before it was 250 rows.
        assert_eq!(micros, (rows - 7) * 1_000);
    }

    #[test]
    fn what_was_not_used_is_not_saved_up() {
        let begun = Instant::now();
        let mut account = Account { owed: 0, limit: Some(10), at: begun };
        account.settle(Some(10), begun + Duration::from_secs(3_600));
        account.owe(20);
        assert_eq!(account.due(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_new_limit_counts_for_what_is_still_owed_and_that_is_a_chunk_at_most() {
        let begun = Instant::now();
        let mut account = Account { owed: 0, limit: Some(10), at: begun };
        account.owe(1_000);
        assert_eq!(account.due(), Some(Duration::from_secs(100)));
        account.settle(Some(1_800), begun + Duration::from_secs(10));
        assert_eq!(account.due(), Some(Duration::from_millis(500)));
        account.settle(Some(1), begun + Duration::from_secs(10));
        assert_eq!(account.due(), Some(Duration::from_secs(2)));
        account.settle(None, begun + Duration::from_secs(11));
        assert_eq!(account.due(), None);
        account.owe(1_000);
        account.settle(Some(1), begun + Duration::from_secs(12));
        assert_eq!(account.due(), None, "what went without a limit is owed to none");
    }

    #[tokio::test]
    async fn whoever_waits_goes_when_the_limit_goes_and_owes_nothing_who_gives_up() {
        let throttle = Arc::new(Throttle::new(Some(1)));
        throttle.pass(1_000_000).await;
        {
            let mut gives_up = pin!(throttle.pass(u64::MAX));
            assert!(poll!(&mut gives_up).is_pending());
        }
        let mut first = pin!(throttle.pass(1));
        let mut second = pin!(throttle.pass(1));
        assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
        throttle.set(Some(2));
        assert!(poll!(&mut first).is_pending(), "two seconds' rows are owed still");
        throttle.set(None);
        first.await;
        second.await;
        throttle.pass(u64::MAX).await;
    }

    #[tokio::test]
    async fn a_chunk_is_outgrown_by_a_limit_far_below_it_only() {
        let throttle = Throttle::new(None);
        let mut outgrows = pin!(throttle.outgrows(1_000));
        throttle.set(Some(100));
        assert!(poll!(&mut outgrows).is_pending());
        throttle.set(Some(10));
        assert!(poll!(&mut outgrows).is_ready());
    }
}
