//! What the run screen says in figures. Committed counts come from facts; while the run goes, what is under way is taken
//! from the gauge where that is more.

use std::collections::BTreeMap;

use super::run::{RunState, rows_read};
use crate::{
    model::{Count, Counts, Gauge, RunPhase, TablePhase, minutes_left, percent, speed},
    protocol::TableProgress,
};

/// No estimate before this many milliseconds of samples.
const ENOUGH_MS: u64 = 5_000;
/// No bottleneck is named before the stages took this much together.
const MEASURED_MS: u64 = 1_000;

#[derive(Clone, Debug, PartialEq)]
pub struct TableFigures {
    pub name: String,
    pub phase: TablePhase,
    pub counts: Counts,
    /// Rows gone through, whatever became of them.
    pub done: u64,
    pub rows: Count,
    /// None while the number of rows is not known.
    pub percent: Option<u64>,
    /// Rows per minute.
    pub speed: Option<u64>,
    pub open: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub tables: Vec<TableFigures>,
    pub counts: Counts,
    pub done: u64,
    pub rows: Count,
    pub percent: Option<u64>,
    pub speed: Option<u64>,
    /// `5 minutes remaining`, `calculating`.
    pub estimate: String,
    pub elapsed_ms: Option<u64>,
    /// Bytes per second.
    pub read_rate: Option<u64>,
    pub write_rate: Option<u64>,
    /// What the rest waits for, while rows move.
    pub bottleneck: Option<Bottleneck>,
}

/// The stage that sets the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bottleneck {
    Source,
    Transform,
    Destination,
    /// The limit that the operator set.
    Throttle,
    /// No stage waits much longer than another.
    Steady,
}

/// All figures of a run.
pub fn figures(run: &RunState) -> Figures {
    let known = Known::of(run);
    let tables: Vec<TableFigures> = run.snapshot.tables.iter().map(|table| known.table(table)).collect();
    let mut counts = Counts::default();
    tables.iter().for_each(|table| counts += table.counts);
    let done = tables.iter().map(|table| table.done).sum();
    let rows = total(&tables);
    let over = run.snapshot.phase == RunPhase::Completed;
    let rate = |of: fn(&Gauge) -> u64| {
        let (first, last) = run.span().filter(|_| is_moving(run))?;
        let bytes = of(last).saturating_sub(of(first));
        Some(bytes.saturating_mul(1_000) / (last.elapsed_ms - first.elapsed_ms))
    };
    let speed = total_speed(run);
    Figures {
        percent: share(done, rows, over),
        estimate: estimate(run, done, rows, speed),
        elapsed_ms: run.gauge.as_ref().map(|gauge| gauge.elapsed_ms),
        read_rate: rate(|gauge| gauge.bytes_read),
        write_rate: rate(|gauge| gauge.bytes_written),
        bottleneck: bottleneck(run),
        tables,
        counts,
        done,
        rows,
        speed,
    }
}

/// Of the span of rates: the stage that took more than the others together, the wait for the run's limit among them. Without enough of it nothing is said.
fn bottleneck(run: &RunState) -> Option<Bottleneck> {
    let (first, last) = run.span().filter(|_| run.snapshot.phase == RunPhase::Running)?;
    let span = |of: fn(&Gauge) -> u64| of(last).saturating_sub(of(first));
    let stages = [
        (span(|gauge| gauge.source_ms), Bottleneck::Source),
        (span(|gauge| gauge.transform_ms), Bottleneck::Transform),
        (span(|gauge| gauge.destination_ms), Bottleneck::Destination),
        (span(|gauge| gauge.throttle_ms), Bottleneck::Throttle),
    ];
    let sum: u64 = stages.iter().map(|(took, _)| took).sum();
    if last.elapsed_ms - first.elapsed_ms < ENOUGH_MS || sum < MEASURED_MS {
        return None;
    }
    let longest = stages.into_iter().find(|(took, _)| took.saturating_mul(2) > sum);
    Some(longest.map_or(Bottleneck::Steady, |(_, stage)| stage))
}

fn is_moving(run: &RunState) -> bool {
    matches!(run.snapshot.phase, RunPhase::Running | RunPhase::Draining)
}

/// Rows read, by table.
type Read<'r> = BTreeMap<&'r str, u64>;

/// What is known of tables, by their names: a run may have thousands.
struct Known<'r> {
    moving: bool,
    /// Rows read and written, as the newest gauge has them.
    now: BTreeMap<&'r str, (u64, u64)>,
    /// Rows read at both ends of the span of rates, and how long that is.
    span: Option<(Read<'r>, Read<'r>, u64)>,
    open: BTreeMap<&'r str, usize>,
}

impl<'r> Known<'r> {
    fn of(run: &'r RunState) -> Self {
        let read = |gauge: &'r Gauge| gauge.tables.iter().map(|(name, read, _)| (name.as_str(), *read)).collect();
        let moving = is_moving(run);
        let span = run.span().filter(|_| moving);
        let mut open = BTreeMap::new();
        run.snapshot.open.iter().for_each(|fault| *open.entry(fault.table.as_str()).or_default() += 1);
        let now = run.gauge.iter().flat_map(|gauge| &gauge.tables);
        Self {
            moving,
            now: now.map(|(name, read, written)| (name.as_str(), (*read, *written))).collect(),
            span: span.map(|(first, last)| (read(first), read(last), last.elapsed_ms - first.elapsed_ms)),
            open,
        }
    }

    fn table(&self, table: &TableProgress) -> TableFigures {
        let name = table.to.as_str();
        let mut counts = table.counts;
        let finished = table.phase == TablePhase::Done;
        if let (true, false, Some((read, written))) = (self.moving, finished, self.now.get(name)) {
            counts.read = counts.read.max(*read);
            counts.written = counts.written.max(*written);
        }
        let done = counts.read + counts.filtered;
        let speed = self.span.as_ref().filter(|_| table.phase == TablePhase::Running).map(|(first, last, span)| {
            let rows = |of: &BTreeMap<&str, u64>| of.get(name).copied().unwrap_or(0);
            speed(rows(last).saturating_sub(rows(first)), *span)
        });
        TableFigures {
            name: table.to.clone(),
            phase: table.phase,
            done,
            rows: table.rows,
            percent: share(done, table.rows, finished),
            speed: speed.filter(|speed| *speed > 0),
            open: self.open.get(name).copied().unwrap_or(0),
            counts,
        }
    }
}

/// Full only when it is over: an estimate may be less than what was there.
fn share(done: u64, rows: Count, over: bool) -> Option<u64> {
    if over {
        return Some(100);
    }
    rows.rows().map(|rows| percent(done, rows).min(99))
}

fn total(tables: &[TableFigures]) -> Count {
    let known = |table: &TableFigures| match (table.phase, table.rows) {
        (TablePhase::Done, Count::Unknown | Count::Estimate(_)) => Count::Exact(table.done),
        (_, rows) => rows,
    };
    let counts: Vec<Count> = tables.iter().map(known).collect();
    let sum = counts.iter().filter_map(|count| count.rows()).sum();
    match counts {
        counts if counts.contains(&Count::Unknown) => Count::Unknown,
        counts if counts.iter().all(|count| count.exact().is_some()) => Count::Exact(sum),
        _ => Count::Estimate(sum),
    }
}

fn total_speed(run: &RunState) -> Option<u64> {
    let (first, last) = run.span().filter(|_| is_moving(run))?;
    let span = last.elapsed_ms - first.elapsed_ms;
    (span >= ENOUGH_MS).then(|| speed(rows_read(last).saturating_sub(rows_read(first)), span))
}

fn estimate(run: &RunState, done: u64, rows: Count, speed: Option<u64>) -> String {
    let left = rows.rows().map(|rows| rows.saturating_sub(done));
    match (run.snapshot.phase, left, speed) {
        (RunPhase::Running, None, _) => "unknown".into(),
        (RunPhase::Running, Some(_), None) => "calculating".into(),
        (RunPhase::Running, Some(left), Some(speed)) => {
            minutes_left(left, speed).map_or("waiting".into(), |left| format!("{left} remaining"))
        }
        (RunPhase::Draining, ..) => "draining".into(),
        (RunPhase::Paused, ..) => "paused".into(),
        (RunPhase::Ready | RunPhase::Stopped | RunPhase::Completed, ..) => "—".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::RunId, protocol::Snapshot};

    const MINUTE: u64 = 60_000;

    fn run(rows: Count) -> RunState {
        let table = TableProgress { to: "customers".into(), rows, phase: TablePhase::Running, ..Default::default() };
        let mut run = RunState::default();
        let phase = RunPhase::Running;
        run.take_snapshot(Snapshot { run: Some(RunId("r".into())), phase, tables: vec![table], ..Default::default() });
        run
    }

    fn gauge(elapsed_ms: u64, read: u64) -> Gauge {
        Gauge { elapsed_ms, tables: vec![("customers".into(), read, read)], ..Gauge::default() }
    }

    #[test]
    fn the_figures_of_the_product() {
        let mut run = run(Count::Exact(1_234_567));
        run.take_gauge(gauge(22 * MINUTE, 1_024_567 - 45_000));
        run.take_gauge(gauge(23 * MINUTE, 1_024_567));
        let figures = figures(&run);
        assert_eq!((figures.percent, figures.speed), (Some(82), Some(45_000)));
        assert_eq!(figures.estimate, "5 minutes remaining");
        assert_eq!(figures.tables[0].speed, Some(45_000));
    }

    #[test]
    fn no_estimate_before_five_seconds_of_samples() {
        let mut run = run(Count::Exact(1_000_000));
        run.take_gauge(gauge(0, 0));
        run.take_gauge(gauge(4_999, 10_000));
        assert_eq!(figures(&run).estimate, "calculating");
        run.take_gauge(gauge(5_000, 10_000));
        assert_eq!(figures(&run).estimate, "9 minutes remaining");
    }

    #[test]
    fn the_stage_that_the_others_wait_for_is_named_and_none_where_there_is_none() {
        let named = |source_ms, transform_ms, destination_ms| {
            let mut run = run(Count::Unknown);
            run.take_gauge(gauge(0, 0));
            run.take_gauge(Gauge { source_ms, transform_ms, destination_ms, ..gauge(6_000, 10) });
            figures(&run).bottleneck
        };
        assert_eq!(named(4_000, 900, 900), Some(Bottleneck::Source));
        assert_eq!(named(100, 3_000, 900), Some(Bottleneck::Transform));
        assert_eq!(named(100, 900, 5_900), Some(Bottleneck::Destination));
        assert_eq!(named(2_000, 1_500, 2_000), Some(Bottleneck::Steady));
        let mut limited = run(Count::Unknown);
        limited.take_gauge(gauge(0, 0));
        limited.take_gauge(Gauge { source_ms: 900, destination_ms: 900, throttle_ms: 4_000, ..gauge(6_000, 10) });
        assert_eq!(figures(&limited).bottleneck, Some(Bottleneck::Throttle));
        // A run that mostly waits for something else has none.
        assert_eq!(named(300, 0, 0), None);
        let mut run = run(Count::Unknown);
        run.take_gauge(gauge(0, 0));
        run.take_gauge(Gauge { source_ms: 4_000, ..gauge(4_000, 10) });
        assert_eq!(figures(&run).bottleneck, None, "not enough of it");
    }

    #[test]
    fn an_estimated_count_is_never_full() {
        let mut run = run(Count::Estimate(100));
        run.take_gauge(gauge(0, 150));
        assert_eq!(figures(&run).percent, Some(99));
        run.snapshot.tables[0].phase = TablePhase::Done;
        run.snapshot.phase = RunPhase::Completed;
        assert_eq!(figures(&run).percent, Some(100));
    }

    #[test]
    fn what_was_under_way_no_longer_counts_after_a_stop() {
        let mut run = run(Count::Exact(100));
        run.snapshot.tables[0].counts.read = 10;
        run.take_gauge(gauge(0, 50));
        assert_eq!(figures(&run).done, 50);
        run.snapshot.phase = RunPhase::Stopped;
        assert_eq!(figures(&run).done, 10);
    }

    #[test]
    fn rates_are_over_the_last_minute() {
        let mut run = run(Count::Unknown);
        for second in 0..200 {
            run.take_gauge(gauge(second * 1_000, if second < 100 { 0 } else { (second - 100) * 1_000 }));
        }
        assert_eq!(figures(&run).speed, Some(60_000));
        assert_eq!(run.rows_per_second().len(), 60);
        assert_eq!(figures(&run).estimate, "unknown");
    }
}
