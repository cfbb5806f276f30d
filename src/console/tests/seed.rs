//! The product's own figures and names.

use crate::{
    model::{
        Cause, Cell, Column, ColumnType, Count, Counts, Fault, FaultId, Gauge, NamedCell, Page, RunId, RunPhase, Table,
        TableEntry, TablePhase,
    },
    protocol::{
        Answer, CheckItem, CheckState, ColumnDifference, ColumnView, Difference, DifferenceKind, Event, Fact, Finding,
        Fix, FixPreview, FixedRow, FromHost, MetricResult, Migration, Outcome, ReviewItem, ReviewState, SampleRow,
        Sampled, Sampling, Snapshot, StartedTable, TableChecks, TableProgress, TableValidation, TrialRow, Validation,
    },
};

pub(super) const PLAN: &str = r#"[plan]
name = "Postgres to CredVault"

[source]
url = "postgres://migration_user@source-db.example.com/old_database"

[destination]
url = "sqlite:credvault.db"
label = "production"

[[table]]
from = "customers"
to = "customers"
skip = ["internal_notes"]

[table.columns]
id = "customer_id"
user_email = { expr = "upper(email)" }
tier_code = { from = "customer_tier", type = "integer", values = { gold = 1, silver = 2 } }

[[table]]
from = "orders"
to = "orders"
"#;

/// One of each state.
pub(super) fn migrations() -> Answer {
    let migration = |name: &str, phase: Option<RunPhase>, written, flagged| Migration {
        name: name.into(),
        path: format!("/srv/plans/{}.toml", name.to_lowercase().replace(' ', "-")),
        kind: "one-time".into(),
        source: "postgres://migration_user@source-db.example.com/old_database".into(),
        destination: "sqlite:credvault.db".into(),
        tables: 3,
        phase,
        started_ms: phase.map(|_| 1_718_229_600_000),
        written,
        flagged,
        problem: None,
    };
    let mut broken = migration("half written", None, 0, 0);
    broken.problem = Some("line 3, column 1: unknown key 'urll' in [source]; did you mean 'url'?".into());
    Answer::Migrations(vec![
        migration("Postgres to CredVault Migration", Some(RunPhase::Completed), 6_495_101, 14),
        migration("Shop to CredVault", Some(RunPhase::Running), 812_044, 0),
        migration("Sakila", Some(RunPhase::Stopped), 16_044, 2),
        Migration { kind: "scheduled".into(), ..migration("Nightly copy", None, 0, 0) },
        broken,
    ])
}

pub(super) fn plan() -> Answer {
    plan_of(PLAN)
}

pub(super) fn plan_of(text: &str) -> Answer {
    Answer::Plan { path: "plan.toml".into(), text: text.into(), digest: "3f9a12c0ffee".into(), problems: Vec::new() }
}

pub(super) fn tables() -> Answer {
    let entry = |name: &str, rows, bytes| TableEntry { name: name.into(), rows, bytes };
    Answer::Tables(vec![
        entry("customers", Count::Estimate(1_234_567), Some(142_000_000)),
        entry("internal_logs", Count::Estimate(98_765_432), Some(12_400_000_000)),
        entry("orders", Count::Exact(5_234_891), Some(890_000_000)),
        entry("products", Count::Exact(643), Some(96_000)),
        entry("sessions", Count::Unknown, None),
    ])
}

pub(super) fn page() -> Answer {
    let cell = |text: &str| if text == "-" { Cell::Null } else { Cell::text(text) };
    let row = |cells: [&str; 4]| cells.iter().map(|text| cell(text)).collect();
    Answer::Page(Page {
        columns: ["id", "name", "email", "notes"].map(str::to_owned).to_vec(),
        types: vec![ColumnType::INTEGER, ColumnType::TEXT, ColumnType::TEXT, ColumnType::TEXT],
        rows: vec![
            row(["1", "Alice Smith", "alice@example.com", "-"]),
            row(["2", "Bob 山田", "bob@example.com", ""]),
            row(["13", "Carol\u{1b}[31m", "carol@example.com", "one\ntwo"]),
        ],
        total: Count::Exact(1_234_567),
        ends: None,
    })
}

pub(super) fn mapping() -> Answer {
    let view = |source: &str, source_type: &str, target: &str, target_type: &str, how: &str, class: &str| ColumnView {
        target: target.into(),
        target_type: target_type.into(),
        source: source.into(),
        source_type: source_type.into(),
        how: how.into(),
        class: class.into(),
        problem: None,
    };
    let mut tier = view("customer_tier", "text", "tier_code", "integer", "values", "checked");
    tier.problem = None;
    let mut amount = view("balance", "decimal(12,2)", "balance", "double", "same name", "lossy");
    amount.problem = Some("decimal to double can lose digits; accept the loss or choose a decimal type".into());
    let column = |name: &str| Column::new(name, ColumnType::TEXT);
    Answer::Mapping(Box::new(TableChecks {
        from: Table { name: "customers".into(), columns: vec![column("customer_id")], ..Table::default() },
        to: Table { name: "customers".into(), columns: vec![column("id")], ..Table::default() },
        exists: false,
        statements: vec!["CREATE TABLE \"customers\" (\n  \"id\" INTEGER NOT NULL,\n  \"user_email\" TEXT\n)".into()],
        columns: vec![
            view("customer_id", "integer", "id", "integer", "rename", "exact"),
            view("name", "varchar(80)", "name", "text", "same name", "widening"),
            view("upper(email)", "varchar(80)", "user_email", "text", "expression", "exact"),
            tier,
            amount,
            view("", "", "internal_tag", "text", "unfilled", ""),
        ],
        unused: vec!["fax".into()],
        problems: Vec::new(),
    }))
}

pub(super) fn trial() -> Answer {
    let row = |id: &str, email: &str, tier: &str, after: Option<[&str; 3]>| TrialRow {
        before: [id, email, tier].map(Cell::text).to_vec(),
        after: after.map(|cells| cells.map(Cell::text).to_vec()).unwrap_or_default(),
        filtered: false,
        fault: after.is_none().then(|| ("tier_code".to_owned(), "'bronze' is not in the value map".to_owned())),
    };
    Answer::Trial(Sampled {
        source_columns: ["customer_id", "email", "customer_tier"].map(str::to_owned).to_vec(),
        target_columns: ["id", "user_email", "tier_code"].map(str::to_owned).to_vec(),
        rows: vec![
            row("1", "alice@example.com", "gold", Some(["1", "ALICE@EXAMPLE.COM", "1"])),
            row("2", "bob@example.com", "bronze", None),
            row("3", "carol@example.com", "silver", Some(["3", "CAROL@EXAMPLE.COM", "2"])),
        ],
        error: None,
    })
}

pub(super) fn checks(failed: bool) -> Answer {
    let item = |name: &str, state, details: &[&str]| CheckItem {
        name: name.into(),
        state,
        details: details.iter().map(|text| (*text).to_owned()).collect(),
    };
    let mappings = match failed {
        true => item(
            "Column mappings valid",
            CheckState::Failed,
            &[
                "customers.balance: decimal to double can lose digits. Accept the loss in the mapping, or choose decimal(12,2).",
            ],
        ),
        false => item("Column mappings valid", CheckState::Passed, &[]),
    };
    Answer::Checks(vec![
        item("Source is accessible", CheckState::Passed, &["PostgreSQL 15.4"]),
        item("Destination has space", CheckState::Passed, &["needs about 1,032 MB, free 48,200 MB"]),
        mappings,
        item("No data conflicts", CheckState::Warned, &["customers: fax is neither used nor skipped"]),
        item("Permissions correct", CheckState::Passed, &[]),
    ])
}

pub(super) fn run_id() -> RunId {
    RunId("0197-run".into())
}

pub(super) fn fact(seq: u64, event: Event) -> FromHost {
    FromHost::Fact(Box::new(Fact { run: run_id(), seq, at_ms: 0, event }))
}

pub(super) fn started() -> Event {
    let table = |name: &str, rows| StartedTable {
        from: name.into(),
        to: name.into(),
        rows: Count::Exact(rows),
        counts: Counts::default(),
        done: false,
    };
    Event::Started {
        plan: "Postgres to CredVault".into(),
        digest: "3f9a12c0ffee".into(),
        on_error: crate::model::OnError::Ask,
        resumed: false,
        tables: vec![table("customers", 1_234_567), table("orders", 5_234_891)],
    }
}

/// The fault of the product's own error text.
pub(super) fn fault(id: &str, row: u64) -> Fault {
    let named = |name: &str, text: &str| NamedCell { name: name.into(), cell: Cell::text(text) };
    Fault {
        id: FaultId(id.into()),
        run: run_id(),
        table: "customers".into(),
        row,
        column: Some("customer_id".into()),
        target: Some("id".into()),
        value: Some(Cell::text("ABC123")),
        expected: "Integer".into(),
        cause: Cause::Conversion,
        message: "cannot convert 'ABC123' to integer".into(),
        cells: vec![
            named("customer_id", "ABC123"),
            named("name", "Carol White"),
            named("email", "carol@example.com"),
            named("created_date", "03/07/2019"),
            NamedCell { name: "fax".into(), cell: Cell::Null },
        ],
        digest: "d".into(),
    }
}

pub(super) fn progress(name: &str, rows: u64, read: u64, phase: TablePhase) -> TableProgress {
    let counts = Counts { read, written: read, ..Counts::default() };
    TableProgress { from: name.into(), to: name.into(), rows: Count::Exact(rows), counts, phase, held: None }
}

/// A run of the customers alone, as far as the product's own figures have it.
pub(super) fn snapshot(tables: Vec<TableProgress>) -> Snapshot {
    Snapshot {
        run: Some(run_id()),
        seq: 10,
        plan: "Postgres to CredVault".into(),
        phase: RunPhase::Running,
        tables,
        parallel: 4,
        ..Snapshot::default()
    }
}

pub(super) fn customers() -> Snapshot {
    snapshot(vec![progress("customers", 1_234_567, 1_000_000, TablePhase::Running)])
}

const MINUTE: u64 = 60_000;

/// Gauges a minute apart that end in the product's own figures.
pub(super) fn gauges() -> Vec<FromHost> {
    let gauge = |minute: u64, read: u64| {
        FromHost::Gauge(Gauge {
            elapsed_ms: minute * MINUTE,
            tables: vec![("customers".into(), read, read)],
            bytes_read: minute * 60 * 38_000_000,
            bytes_written: minute * 60 * 35_000_000,
            cpu_percent: 61.0,
            memory_bytes: 142_000_000,
            now: "writing customers".into(),
            source_ms: minute * 12_000,
            transform_ms: minute * 9_000,
            destination_ms: minute * 55_000,
            throttle_ms: 0,
        })
    };
    vec![gauge(22, 1_024_567 - 45_000), gauge(23, 1_024_567)]
}

pub(super) fn review() -> Answer {
    let item = |id: &str, row: u64, state| ReviewItem { fault: fault(id, row), state, by: None, reason: None };
    let mut discarded = item("c", 45_700, ReviewState::Discarded);
    discarded.by = Some("ada".into());
    discarded.reason = Some("test account".into());
    let mut late = item("d", 7, ReviewState::Flagged);
    late.fault.column = Some("created_date".into());
    late.fault.value = Some(Cell::text("31/31/2019"));
    late.fault.expected = "Date".into();
    Answer::Review(vec![
        item("a", 45_632, ReviewState::Flagged),
        item("b", 45_650, ReviewState::Flagged),
        discarded,
        late,
    ])
}

fn finding(name: &str, outcome: Outcome, details: &[&str]) -> Finding {
    Finding { name: name.into(), outcome, details: details.iter().map(|text| (*text).to_owned()).collect() }
}

/// A table that is as it should be.
pub(super) fn proven(name: &str, rows: u64) -> TableValidation {
    let passed = |name: &str, details: &[&str]| finding(name, Outcome::Passed, details);
    let accounted = format!("read {rows} = {rows} written + 0 skipped + 0 flagged");
    TableValidation {
        from: name.into(),
        to: name.into(),
        outcome: Outcome::Passed,
        source_rows: Some(rows),
        destination_rows: Some(rows),
        findings: vec![
            passed("Record count match", &[&accounted]),
            passed("Column count match", &["5 columns are mapped"]),
            passed("No null mismatches", &["as the checksum proves"]),
            passed("Control totals match", &["as the checksum proves"]),
            passed("Checksum", &["e3b0c44298fc1c14 over all rows, as the run wrote it"]),
            passed("Data types match", &[]),
            passed("References hold", &[]),
            passed("Counters are ahead", &[]),
        ],
        sample: Sampling { outcome: Outcome::Passed, drawn: 100, matching: 100, ..Sampling::default() },
        ..TableValidation::default()
    }
}

/// The product's own validation.
pub(super) fn validation() -> Validation {
    Validation {
        outcome: Outcome::Passed,
        run: Some(run_id()),
        seed: 7,
        at_ms: 1_718_202_622_000,
        tables: vec![proven("customers", 1_234_567), proven("orders", 5_234_891), proven("products", 25_643)],
        ..Validation::default()
    }
}

/// The same with a row of the customers changed, and one of the orders gone.
pub(super) fn failed_validation() -> Validation {
    let mut found = validation();
    found.outcome = Outcome::Failed;
    found.metrics = vec![
        MetricResult {
            name: "orders a day".into(),
            outcome: Outcome::Passed,
            source: Some("1434.2".into()),
            destination: Some("1434.21".into()),
            tolerance: "0.1 %".into(),
            difference: Some("0.01".into()),
            details: Vec::new(),
        },
        MetricResult {
            name: "revenue".into(),
            outcome: Outcome::Failed,
            source: Some("88120331.50".into()),
            destination: Some("88120330.25".into()),
            tolerance: "0".into(),
            difference: Some("1.25".into()),
            details: Vec::new(),
        },
    ];
    found.remarks = vec!["the plan is not the one of run 0197-run any more: the source was read".into()];
    let customers = &mut found.tables[0];
    customers.outcome = Outcome::Failed;
    customers.differing = 2;
    customers.findings[4] = finding("Checksum", Outcome::Failed, &["2 row(s) differ"]);
    customers.sample.matching = 99;
    customers.sample.outcome = Outcome::Failed;
    let orders = &mut found.tables[1];
    orders.outcome = Outcome::Failed;
    orders.destination_rows = Some(5_234_890);
    orders.findings[0] =
        finding("Record count match", Outcome::Failed, &["5,234,891 rows should be there and 5,234,890 are: 1 fewer"]);
    found
}

fn cells(id: &str, email: &str) -> Vec<NamedCell> {
    let named = |name: &str, cell| NamedCell { name: name.into(), cell };
    vec![named("id", Cell::text(id)), named("email", Cell::text(email)), named("fax", Cell::Null)]
}

/// A table with its rows: the sampled ones of the product, and what differs.
pub(super) fn validated_table(mut table: TableValidation) -> TableValidation {
    let key = |id: &str| vec![NamedCell { name: "id".into(), cell: Cell::text(id) }];
    let row = |id: &str, email: &str, there: &str| SampleRow {
        key: key(id),
        matches: email == there,
        source: cells(id, email),
        destination: cells(id, there),
        id: format!("row-{id}"),
        ..SampleRow::default()
    };
    table.sample.rows = vec![
        row("456", "alice@example.com", "alice@example.com"),
        row("8923", "bob@example.com", "bob@example.com"),
        row("124567", "carol@example.com", "carol@example.com"),
    ];
    if table.differing > 0 {
        table.sample.rows.push(row("45632", "dan@example.com", "dan\u{1b}[2J@example.com"));
        let column = |source: &str, destination: &str| ColumnDifference {
            column: "email".into(),
            origin: "lower(email)".into(),
            source: Cell::text(source),
            destination: Cell::text(destination),
        };
        let difference = |kind, row: u64, columns| Difference {
            kind,
            chunk: Some(3),
            row: Some(row),
            key: key(&row.to_string()),
            columns,
            source_times: 1,
            destination_times: 1,
        };
        table.differences = vec![
            difference(DifferenceKind::Different, 45_632, vec![column("dan@example.com", "dan\u{1b}[2J@example.com")]),
            difference(DifferenceKind::Missing, 45_700, Vec::new()),
        ];
    }
    table
}

/// What happened, as the log shows it.
pub(super) fn log() -> Answer {
    let fact = |seq, event| Fact { run: run_id(), seq, at_ms: 1_718_202_622_000 + seq * 1_000, event };
    let counts = Counts { read: 1_234_567, written: 1_234_560, skipped: 4, flagged: 3, ..Counts::default() };
    Answer::Log {
        facts: vec![
            fact(1, started()),
            fact(2, Event::TableStarted { table: "customers".into() }),
            fact(3, Event::FaultRaised { fault: Box::new(fault("a", 45_632)) }),
            fact(4, Event::TableParked { table: "customers".into(), faults: 1 }),
            fact(5, Event::TableFinished { table: "customers".into(), counts }),
        ],
        lines: vec![
            "2024-06-12T14:30:22.000000Z  INFO whimbrel::engine: run 0197-run began".into(),
            format!(
                "2024-06-12T14:30:23.000000Z  WARN whimbrel::endpoint: {} \u{1b}[2J",
                "the server is slow ".repeat(9)
            ),
        ],
    }
}

/// What a fix of the customers' numbers would make.
pub(super) fn fix_preview(expr: &str) -> Answer {
    let row = |row: u64, before: &str, after: Option<&str>, problem: Option<&str>| FixedRow {
        table: "customers".into(),
        row,
        before: Cell::text(before),
        after: after.map(Cell::text),
        problem: problem.map(str::to_owned),
    };
    Answer::FixPreview(Box::new(FixPreview {
        fix: Fix { column: "customer_id".into(), expr: expr.into() },
        changed: 2,
        unchanged: 0,
        failing: 1,
        rows: vec![
            row(45_650, "unknown", Some(""), Some("id: cannot convert '' to integer")),
            row(45_632, "ABC123", Some("123"), None),
        ],
    }))
}

/// The customers' tiers, one of which the plan's map does not list.
pub(super) fn tiers() -> Answer {
    let row = |tier: Cell| vec![tier];
    let tiers = ["gold", "bronze", "silver", "bronze", "a=b, c", "gold", "bronze"];
    Answer::Page(Page {
        columns: vec!["customer_tier".into()],
        types: vec![ColumnType::TEXT],
        rows: tiers.into_iter().map(Cell::text).chain([Cell::Null]).map(row).collect(),
        total: Count::Exact(8),
        ends: None,
    })
}
