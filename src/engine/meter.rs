//! Figures of the moment, counted where rows pass and read by whoever shows them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crate::model::Gauge;

/// Counts rows and bytes of a run under way. Never waits, never is waited for.
#[derive(Debug)]
pub(super) struct Meter {
    started: Instant,
    tables: BTreeMap<String, TableMeter>,
    order: Vec<String>,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    /// Microseconds of source, transform and destination.
    stages: [AtomicU64; 3],
    /// Microseconds that batches were held back by the run's limit.
    held_back: AtomicU64,
    now: Mutex<String>,
    cpu: Mutex<(Instant, u64, f32)>,
}

#[derive(Debug, Default)]
pub(super) struct TableMeter {
    read: AtomicU64,
    written: AtomicU64,
}

impl TableMeter {
    pub(super) fn set(&self, read: u64, written: u64) {
        self.read.store(read, Relaxed);
        self.written.store(written, Relaxed);
    }

    pub(super) fn add_read(&self, rows: u64) {
        self.read.fetch_add(rows, Relaxed);
    }

    pub(super) fn add_written(&self, rows: u64) {
        self.written.fetch_add(rows, Relaxed);
    }
}

impl Meter {
    pub(super) fn new(tables: impl IntoIterator<Item = (String, u64, u64)>) -> Self {
        let mut order = Vec::new();
        let tables = tables.into_iter().map(|(name, read, written)| {
            order.push(name.clone());
            (name, TableMeter { read: read.into(), written: written.into() })
        });
        let tables = tables.collect();
        let started = Instant::now();
        Self {
            started,
            tables,
            order,
            bytes_read: 0.into(),
            bytes_written: 0.into(),
            stages: Default::default(),
            held_back: 0.into(),
            now: Mutex::default(),
            cpu: Mutex::new((started, cpu_ticks(), 0.0)),
        }
    }

    pub(super) fn table(&self, name: &str) -> Option<&TableMeter> {
        self.tables.get(name)
    }

    pub(super) fn add_bytes(&self, read: u64, written: u64) {
        self.bytes_read.fetch_add(read, Relaxed);
        self.bytes_written.fetch_add(written, Relaxed);
    }

    /// How long a batch was waited for, made and written.
    pub(super) fn add_stages(&self, source: Duration, transform: Duration, destination: Duration) {
        for (stage, took) in self.stages.iter().zip([source, transform, destination]) {
            stage.fetch_add(micros(took), Relaxed);
        }
    }

    /// How long a batch was held back by the run's limit.
    pub(super) fn add_held_back(&self, time: Duration) {
        self.held_back.fetch_add(micros(time), Relaxed);
    }

    /// Says what goes on: `writing orders`.
    pub(super) fn now(&self, activity: &str, table: &str) {
        if let Ok(mut now) = self.now.lock() {
            now.clear();
            now.push_str(activity);
            now.push(' ');
            now.push_str(table);
        }
    }

    pub(super) fn read(&self) -> Gauge {
        let tables = self.order.iter().filter_map(|name| {
            let meter = self.tables.get(name)?;
            Some((name.clone(), meter.read.load(Relaxed), meter.written.load(Relaxed)))
        });
        let [source_ms, transform_ms, destination_ms] =
            [0, 1, 2].map(|at: usize| self.stages[at].load(Relaxed) / 1_000);
        Gauge {
            source_ms,
            transform_ms,
            destination_ms,
            throttle_ms: self.held_back.load(Relaxed) / 1_000,
            elapsed_ms: self.started.elapsed().as_millis() as u64,
            tables: tables.collect(),
            bytes_read: self.bytes_read.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            cpu_percent: self.cpu_percent(),
            memory_bytes: resident_bytes(),
            now: self.now.lock().map(|now| now.clone()).unwrap_or_default(),
        }
    }

    /// Over the last second or so, since shorter spans are below the system's own grain.
    fn cpu_percent(&self) -> f32 {
        let Ok(mut last) = self.cpu.lock() else { return 0.0 };
        let elapsed = last.0.elapsed().as_secs_f32();
        if elapsed >= 1.0 {
            let ticks = cpu_ticks();
            let seconds = ticks.saturating_sub(last.1) as f32 / TICKS_PER_SECOND;
            *last = (Instant::now(), ticks, seconds / elapsed * 100.0);
        }
        last.2
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// USER_HZ, which Linux keeps at 100 for /proc on every architecture we build for.
const TICKS_PER_SECOND: f32 = 100.0;

/// User and system time of this process; 0 where the system has no /proc.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// 0 where the system has no /proc.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_back_in_table_order() {
        let meter = Meter::new([("z".to_owned(), 5, 4), ("a".to_owned(), 0, 0)]);
        meter.table("a").unwrap().add_read(7);
        meter.table("a").unwrap().add_written(6);
        meter.now("writing", "a");
        meter.add_stages(Duration::from_millis(3), Duration::ZERO, Duration::from_micros(999));
        meter.add_stages(Duration::ZERO, Duration::from_millis(2), Duration::from_micros(1));
        meter.add_held_back(Duration::from_millis(4));
        let gauge = meter.read();
        assert_eq!((gauge.source_ms, gauge.transform_ms, gauge.destination_ms, gauge.throttle_ms), (3, 2, 1, 4));
        assert_eq!(gauge.tables, [("z".to_owned(), 5, 4), ("a".to_owned(), 7, 6)]);
        assert_eq!(gauge.now, "writing a");
        assert!(gauge.memory_bytes > 1_000_000);
    }
}
