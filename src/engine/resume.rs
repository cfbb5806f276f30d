//! What stands of a run that goes on, and what it will do, in words.
//!
//! Pure. One idea: it is said before anything is done.

use chrono::{DateTime, Utc};

use super::TableStart;
use crate::{
    ledger::RunRecord,
    model::{Count, thousands},
};

/// A sentence for each thing that an operator should know before the run goes on.
pub(super) fn standing(run: &RunRecord, starts: &[TableStart]) -> String {
    let tables: Vec<String> = starts.iter().map(table).collect();
    let began = DateTime::<Utc>::from_timestamp_millis(run.started_ms).unwrap_or_default();
    let open = starts.iter().any(|start| !start.table.done);
    let source = if open {
        format!(
            " The source snapshot is gone: what is left is read as it is now, and rows changed since the start of the \
             run ({}) may be missed.",
            began.format("%Y-%m-%d %H:%M UTC")
        )
    } else {
        " Only keys, sequences and statistics are left to do.".to_owned()
    };
    format!("Going on with run {}: {}.{source}", run.id, tables.join("; "))
}

fn table(start: &TableStart) -> String {
    let table = &start.table;
    let rows = thousands(table.counts.read + table.counts.filtered);
    match (table.done, start.chunk) {
        (true, _) => format!("{} complete", table.to),
        (false, 0) => format!("{} not begun", table.to),
        (false, _) => format!("{} at {rows} of {}", table.to, total(table.rows)),
    }
}

fn total(rows: Count) -> String {
    match rows {
        Count::Exact(rows) => thousands(rows),
        Count::Estimate(rows) => format!("about {}", thousands(rows)),
        Count::Unknown => "an unknown number".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Counts, RunId, RunPhase},
        protocol::StartedTable,
    };

    fn start(to: &str, read: u64, rows: Count, chunk: u64, done: bool) -> TableStart {
        let counts = Counts { read, written: read, ..Counts::default() };
        let table = StartedTable { from: to.into(), to: to.into(), rows, counts, done };
        TableStart { table, after_tables: Vec::new(), position: None, chunk, answered: Vec::new() }
    }

    fn run() -> RunRecord {
        RunRecord {
            id: RunId("r1".into()),
            plan_key: String::new(),
            plan_name: String::new(),
            plan_digest: String::new(),
            plan_text: String::new(),
            instant_ms: 0,
            started_ms: 1_700_000_000_000,
            ended_ms: None,
            phase: RunPhase::Stopped,
            by: String::new(),
            unmarked: false,
            closed_ms: None,
        }
    }

    #[test]
    fn it_is_said_what_stands_and_what_may_be_missed() {
        let starts = [
            start("customers", 5, Count::Exact(5), 1, true),
            start("orders", 812_044, Count::Estimate(2_100_000), 9, false),
            start("log", 0, Count::Exact(7), 0, false),
        ];
        assert_eq!(
            standing(&run(), &starts),
            "Going on with run r1: customers complete; orders at 812,044 of about 2,100,000; log not begun. The source \
             snapshot is gone: what is left is read as it is now, and rows changed since the start of the run \
             (2023-11-14 22:13 UTC) may be missed."
        );
        assert!(
            standing(&run(), &starts[..1])
                .ends_with("customers complete. Only keys, sequences and statistics are left to do.")
        );
    }
}
