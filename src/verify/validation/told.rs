//! How far a validation is, for whoever watches: at most ten times a second, since nobody reads faster.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::protocol::Validating;

const PACE: Duration = Duration::from_millis(100);

pub(super) struct Told {
    out: watch::Sender<Option<Validating>>,
    now: Mutex<(Validating, Option<Instant>)>,
}

impl Told {
    pub(super) fn new(out: watch::Sender<Option<Validating>>, tables: usize) -> Self {
        let now = Validating { tables: tables as u64, ..Validating::default() };
        Self { out, now: Mutex::new((now, None)) }
    }

    /// For a look that nobody watches.
    pub(super) fn nobody() -> Self {
        Self::new(watch::Sender::new(None), 0)
    }

    /// So many tables are through.
    pub(super) fn is_through(&self, tables: usize) {
        self.tell(|now| now.done = tables as u64);
    }

    pub(super) fn reads(&self, table: &str, side: &str, rows: usize) {
        self.tell(|now| {
            now.rows += rows as u64;
            if !now.now.starts_with(table) || !now.now.ends_with(side) {
                now.now = format!("{table} of the {side}");
            }
        });
    }

    fn tell(&self, change: impl FnOnce(&mut Validating)) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut now.0);
        if now.1.is_none_or(|last| last.elapsed() >= PACE) {
            now.1 = Some(Instant::now());
            self.out.send_replace(Some(now.0.clone()));
        }
    }
}
