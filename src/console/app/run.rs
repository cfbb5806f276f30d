//! The run as the console sees it: the folded facts, the newest gauge, and what was said about faults.

use std::collections::{BTreeSet, VecDeque};

use crate::{
    console::widgets::Cursor,
    model::{Decision, Fault, FaultId, Gauge, RunPhase, TablePhase},
    protocol::{Event, Fact, RestoreProgress, Snapshot},
};

/// Faults that the list of errors remembers.
const REMEMBERED: usize = 1_000;
/// A rate is over this much time, at most.
const WINDOW_MS: u64 = 60_000;
/// Samples closer than this are one.
const SAMPLE_MS: u64 = 1_000;

/// A fault and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRecord {
    pub fault: Fault,
    pub settled: Option<(Decision, String)>,
}

#[derive(Debug, Default)]
pub struct RunState {
    pub snapshot: Snapshot,
    /// How far a restore point is that is made before the first write.
    pub keeping: Option<RestoreProgress>,
    pub gauge: Option<Gauge>,
    samples: VecDeque<Gauge>,
    /// Newest first.
    pub faults: VecDeque<FaultRecord>,
    /// Answered here; the host has not settled them yet.
    pub answering: BTreeSet<FaultId>,
    /// Closed without an answer: they do not come up by themselves again.
    pub set_aside: BTreeSet<FaultId>,
    pub cursor: Cursor,
}

impl RunState {
    pub fn take_snapshot(&mut self, snapshot: Snapshot) {
        if self.snapshot.run != snapshot.run {
            *self = Self { cursor: self.cursor, ..Self::default() };
        }
        for fault in &snapshot.open {
            self.remember(fault);
        }
        self.snapshot = snapshot;
    }

    pub fn take_fact(&mut self, fact: &Fact) {
        let same_run = self.snapshot.run.as_ref() == Some(&fact.run);
        if same_run && fact.seq <= self.snapshot.seq {
            return;
        }
        match &fact.event {
            Event::Started { .. } => self.begin(same_run),
            Event::FaultRaised { fault } => {
                self.answering.remove(&fault.id);
                self.remember(fault);
            }
            Event::FaultRuled { fault, decision, by } => {
                self.remember(fault);
                self.settle(&fault.id, decision, by);
            }
            Event::FaultSettled { fault, decision, by, .. } => self.settle(fault, decision, by),
            Event::Paused | Event::Continued { .. } => self.samples.clear(),
            _ => {}
        }
        self.snapshot.fold(fact);
        if self.snapshot.phase.is_over() {
            self.answering.clear();
        }
    }

    fn begin(&mut self, same_run: bool) {
        self.samples.clear();
        self.gauge = None;
        self.answering.clear();
        if !same_run {
            self.faults.clear();
            self.set_aside.clear();
            self.snapshot = Snapshot::default();
        }
    }

    fn remember(&mut self, fault: &Fault) {
        if self.faults.iter().all(|record| record.fault.id != fault.id) {
            self.faults.push_front(FaultRecord { fault: fault.clone(), settled: None });
            self.faults.truncate(REMEMBERED);
        }
    }

    fn settle(&mut self, id: &FaultId, decision: &Decision, by: &str) {
        self.answering.remove(id);
        self.set_aside.remove(id);
        if let Some(record) = self.faults.iter_mut().find(|record| record.fault.id == *id) {
            record.settled = Some((decision.clone(), by.to_owned()));
        }
    }

    pub fn take_gauge(&mut self, gauge: Gauge) {
        if self.samples.back().is_some_and(|last| last.elapsed_ms > gauge.elapsed_ms) {
            self.samples.clear();
        }
        let due = self.samples.back().is_none_or(|last| gauge.elapsed_ms >= last.elapsed_ms + SAMPLE_MS);
        if due {
            let oldest = gauge.elapsed_ms.saturating_sub(WINDOW_MS);
            self.samples.push_back(gauge.clone());
            while self.samples.front().is_some_and(|first| first.elapsed_ms < oldest) && self.samples.len() > 2 {
                self.samples.pop_front();
            }
        }
        self.gauge = Some(gauge);
    }

    /// The span that rates are taken over: its two ends.
    pub fn span(&self) -> Option<(&Gauge, &Gauge)> {
        let (first, last) = (self.samples.front()?, self.gauge.as_ref()?);
        (last.elapsed_ms > first.elapsed_ms).then_some((first, last))
    }

    /// Rows per second between samples, oldest first.
    pub fn rows_per_second(&self) -> Vec<u64> {
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        pairs
            .map(|(before, after)| {
                let rows = rows_read(after).saturating_sub(rows_read(before));
                rows.saturating_mul(1_000) / (after.elapsed_ms - before.elapsed_ms).max(1)
            })
            .collect()
    }

    /// Whether something is under way.
    pub fn is_going(&self) -> bool {
        matches!(self.snapshot.phase, RunPhase::Running | RunPhase::Draining | RunPhase::Paused)
    }

    /// Whether a table waits for somebody to look at its mapping or its systems.
    pub fn is_held(&self) -> bool {
        self.snapshot.tables.iter().any(|table| table.phase == TablePhase::Held)
    }

    pub fn has_begun(&self) -> bool {
        self.snapshot.run.is_some()
    }

    pub fn open_fault(&self, id: &FaultId) -> Option<&Fault> {
        self.snapshot.open.iter().find(|fault| fault.id == *id)
    }
}

pub fn rows_read(gauge: &Gauge) -> u64 {
    gauge.tables.iter().map(|(_, read, _)| read).sum()
}
