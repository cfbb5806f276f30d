//! Where a run stands: what folding its facts gives.

use serde::{Deserialize, Serialize};

use super::{Event, Fact, PointMade, TakenBack, Validated};
use crate::model::{Count, Counts, Fault, OnError, Rule, RunId, RunPhase, TablePhase};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub run: Option<RunId>,
    /// The last fact that is in it.
    pub seq: u64,
    pub plan: String,
    pub digest: String,
    pub on_error: OnError,
    pub phase: RunPhase,
    /// In load order.
    pub tables: Vec<TableProgress>,
    /// Faults that wait for an answer, oldest first.
    pub open: Vec<Fault>,
    pub rules: Vec<Rule>,
    pub parallel: usize,
    /// At most so many rows a second.
    #[serde(default)]
    pub rows_per_second: Option<u64>,
    /// Faults raised so far, settled ones included.
    pub raised: u64,
    pub remarks: Vec<String>,
    /// Why it stopped, once it has.
    pub stopped: Option<String>,
    /// What the last validation of it came to.
    #[serde(default)]
    pub validated: Option<Validated>,
    /// The restore point that was made before its first write.
    #[serde(default)]
    pub point: Option<PointMade>,
    /// The last restore that took it back.
    #[serde(default)]
    pub taken_back: Option<TakenBack>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableProgress {
    pub from: String,
    pub to: String,
    pub rows: Count,
    pub counts: Counts,
    pub phase: TablePhase,
    /// Why it is held.
    pub held: Option<String>,
}

impl Snapshot {
    /// The sum over all tables.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for table in &self.tables {
            sum += table.counts;
        }
        sum
    }

    /// All rows of the source, exact only if each table's count is.
    pub fn rows(&self) -> Count {
        let mut sum = 0;
        let mut exact = true;
        for table in &self.tables {
            match table.rows {
                Count::Exact(rows) => sum += rows,
                Count::Estimate(rows) => {
                    sum += rows;
                    exact = false;
                }
                Count::Unknown => exact = false,
            }
        }
        if exact { Count::Exact(sum) } else { Count::Estimate(sum) }
    }

    /// Takes in the next fact. A fact that is already in changes nothing.
    pub fn fold(&mut self, fact: &Fact) {
        if fact.seq <= self.seq && self.run.as_ref() == Some(&fact.run) {
            return;
        }
        self.run = Some(fact.run.clone());
        self.seq = fact.seq;
        self.apply(&fact.event);
    }

    /// What the event makes of the state; [`Snapshot::fold`] takes a fact with its number.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { plan, digest, on_error, tables, .. } => {
                self.plan.clone_from(plan);
                self.digest.clone_from(digest);
                self.on_error = *on_error;
                self.phase = RunPhase::Running;
                self.rows_per_second = None;
                self.stopped = None;
                self.open.clear();
                self.tables = tables
                    .iter()
                    .map(|table| TableProgress {
                        from: table.from.clone(),
                        to: table.to.clone(),
                        rows: table.rows,
                        counts: table.counts,
                        phase: if table.done { TablePhase::Done } else { TablePhase::Waiting },
                        held: None,
                    })
                    .collect();
            }
            Event::FaultRaised { fault } => {
                self.raised += 1;
                self.open.push((**fault).clone());
            }
            Event::FaultRuled { .. } => self.raised += 1,
            Event::FaultSettled { fault, .. } => self.open.retain(|open| open.id != *fault),
            Event::RuleAdded { rule, .. } => self.rules.push(rule.clone()),
            Event::ThrottleSet { rows_per_second, .. } => self.rows_per_second = *rows_per_second,
            Event::ParallelSet { tables, .. } => self.parallel = *tables,
            Event::Remark { message } => self.remarks.push(message.clone()),
            Event::Draining { .. } => self.phase = RunPhase::Draining,
            Event::Paused => self.phase = RunPhase::Paused,
            Event::Continued { .. } => self.phase = RunPhase::Running,
            Event::Completed { .. } => self.phase = RunPhase::Completed,
            Event::Validated(validated) => self.validated = Some(validated.clone()),
            Event::RestorePointMade(made) => self.point = Some(made.clone()),
            Event::TakenBack(taken_back) => self.taken_back = Some(taken_back.clone()),
            Event::Stopped { why, .. } => {
                self.phase = RunPhase::Stopped;
                self.stopped = Some(why.clone());
                self.open.clear();
            }
            Event::TableStarted { .. }
            | Event::ChunkCommitted { .. }
            | Event::TableParked { .. }
            | Event::TableUnparked { .. }
            | Event::TableHeld { .. }
            | Event::TableReleased { .. }
            | Event::TableFinished { .. } => self.apply_to_table(event),
        }
    }

    fn apply_to_table(&mut self, event: &Event) {
        let (name, phase) = match event {
            Event::TableStarted { table } | Event::TableUnparked { table } => (table, TablePhase::Running),
            Event::TableReleased { table } => (table, TablePhase::Waiting),
            Event::TableParked { table, .. } => (table, TablePhase::Parked),
            Event::TableHeld { table, .. } => (table, TablePhase::Held),
            Event::TableFinished { table, .. } => (table, TablePhase::Done),
            Event::ChunkCommitted { table, counts, .. } => {
                if let Some(progress) = self.tables.iter_mut().find(|progress| progress.to == *table) {
                    progress.counts += *counts;
                }
                return;
            }
            _ => return,
        };
        let Some(progress) = self.tables.iter_mut().find(|progress| progress.to == *name) else { return };
        progress.phase = phase;
        progress.held = match event {
            Event::TableHeld { message, .. } => Some(message.clone()),
            _ => None,
        };
    }
}
