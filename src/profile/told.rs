//! How far a profile is, for whoever watches; and whether it is to end.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::protocol::Profiling;

const PACE: Duration = Duration::from_millis(100);

/// The two ends of a profile that others hold: where it is told how far it is, and whether it is to break off.
#[derive(Clone, Debug)]
pub struct Line {
    pub progress: watch::Sender<Option<Profiling>>,
    /// True: break off.
    pub stop: watch::Receiver<bool>,
}

pub(super) struct Told {
    line: Line,
    now: Profiling,
    last: Option<Instant>,
}

impl Told {
    pub(super) fn new(line: Line, now: Profiling) -> Self {
        line.progress.send_replace(Some(now.clone()));
        Self { line, now, last: None }
    }

    /// What is read from now on.
    pub(super) fn turns_to(&mut self, now: String) {
        self.now.now = now;
        self.now.read = 0;
        self.last = None;
    }

    pub(super) fn reads(&mut self, rows: u64) {
        self.now.read += rows;
        if self.last.is_none_or(|last| last.elapsed() >= PACE) {
            self.last = Some(Instant::now());
            self.line.progress.send_replace(Some(self.now.clone()));
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.line.stop.borrow()
    }

    /// Returns when it is to break off; where nobody can say so any more, never.
    pub(super) async fn stopped(&self) {
        let mut stop = self.line.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
