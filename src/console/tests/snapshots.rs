//! Every screen and overlay as it looks, whole at 80x24 and at 120x40; the main ones at 200x60 too.

use super::{
    points,
    script::{Script, look},
    seed,
};
use crate::{
    console::{Borders, Colour, Effect, Look, Message, Screen, Wishes},
    model::{Cell, Count, Counts, NamedCell, Page, Problem, RunPhase, TablePhase},
    protocol::{
        Answer, Ask, FromHost, Outcome, RestoreProgress, RestoreStep, Retrying, Sampled, SideName, SideView, Snapshot,
        Validated, Validating, Validation,
    },
};

macro_rules! look {
    ($name:literal, $script:expr) => {{
        let script = $script;
        insta::assert_snapshot!(concat!($name, "_80x24"), script.screen(80, 24));
        insta::assert_snapshot!(concat!($name, "_120x40"), script.screen(120, 40));
    }};
}

/// The same on a wide screen, for those that one looks at for long.
macro_rules! look_wide {
    ($name:literal, $script:expr) => {{
        let script = $script;
        look!($name, &mut *script);
        insta::assert_snapshot!(concat!($name, "_200x60"), script.screen(200, 60));
    }};
}

fn open(screen: Screen) -> Script {
    let mut script = Script::open(screen);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script
}

fn run(snapshot: Snapshot) -> Script {
    let mut script = open(Screen::Run);
    script.host(FromHost::Snapshot(Box::new(snapshot)));
    script
}

fn seed_run() -> Script {
    let mut script = run(seed::customers());
    for gauge in seed::gauges() {
        script.host(gauge);
    }
    script
}

fn is_trial(ask: &Ask) -> bool {
    matches!(ask, Ask::Trial { .. })
}

fn map() -> Script {
    let mut script = open(Screen::Map);
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.answer(is_trial, Ok(seed::trial()));
    script
}

#[test]
fn connect() {
    look!("connect_loading", &mut Script::open(Screen::Connect));
    let mut script = open(Screen::Connect);
    look!("connect_untested", &mut script);
    script.keys("t");
    let view = SideView { side: SideName::Source, version: "PostgreSQL 15.4".into() };
    script.answer(|ask| matches!(ask, Ask::Connect { .. }), Ok(Answer::Connected(view)));
    script.keys("right t");
    let why = "cannot open credvault.db: Permission denied. Grant the account what it lacks, or use another account.";
    script.answer(|ask| matches!(ask, Ask::Connect { .. }), Err(why));
    script.keys("left down down down down down enter").type_text("hunter2");
    look_wide!("connect_typing_a_password", &mut script);
}

fn migrations(answer: Result<Answer, &str>) -> Script {
    let mut script = Script::open(Screen::Migrations);
    let none = Answer::Plan { path: String::new(), text: String::new(), digest: String::new(), problems: Vec::new() };
    script.answer(|ask| *ask == Ask::Plan, Ok(none));
    script.answer(|ask| *ask == Ask::Migrations, answer);
    script
}

#[test]
fn the_list_of_migrations() {
    look!("migrations_empty", &mut migrations(Ok(Answer::Migrations(Vec::new()))));
    let mut script = migrations(Ok(seed::migrations()));
    look_wide!("migrations", &mut script);
    script.keys("G");
    look!("migrations_broken", &mut script);
    look!("migrations_error", &mut migrations(Err("the ledger in /srv/state cannot be read: disk I/O error")));
}

#[test]
fn new_migration() {
    let mut script = migrations(Ok(seed::migrations()));
    script.keys("n").type_text("Postgres to CredVault Migration").keys("enter");
    look!("new_type", &mut script);
    script.keys("enter").type_text("postgres://ada@db/old").keys("enter").type_text("sqlite:new.db").keys("enter");
    look!("new_name_taken", &mut script);
}

#[test]
fn tables() {
    look!("tables_loading", &mut open(Screen::Tables));
    let mut script = open(Screen::Tables);
    script.answer(
        |ask| matches!(ask, Ask::Tables { .. }),
        Err("cannot connect to source-db.example.com: refused. Check host and port."),
    );
    look!("tables_error", &mut script);
    script.keys("r").answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(Answer::Tables(Vec::new())));
    look!("tables_empty", &mut script);
    script.keys("r").answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    script.keys("down");
    look_wide!("tables", &mut script);
    script.keys("/").type_text("er");
    look!("tables_filtered", &mut script);
}

#[test]
fn rows() {
    let mut script = open(Screen::Tables);
    script.answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    script.keys("p");
    look!("rows_loading", &mut script);
    script.answer(|ask| matches!(ask, Ask::Preview { .. }), Ok(seed::page()));
    look!("rows", &mut script);
    script.keys("down down right right right enter");
    look!("rows_cell", &mut script);
    script.keys("esc esc p").answer(
        |ask| matches!(ask, Ask::Preview { .. }),
        Ok(Answer::Page(Page { columns: vec!["id".into()], total: Count::Exact(0), ..Page::default() })),
    );
    look!("rows_empty", &mut script);
}

#[test]
fn mappings() {
    look!("map_loading", &mut open(Screen::Map));
    let mut script = map();
    script.keys("down down down");
    look_wide!("map", &mut script);
    script.keys("d");
    look!("map_create", &mut script);
    script.keys("esc down");
    look!("map_lossy", &mut script);
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan_of("[plan]\nname = \"empty\"\n")));
    look!("map_empty", &mut script);
}

#[test]
fn column_form() {
    let mut script = map();
    script.keys("down down down enter").answer(is_trial, Ok(seed::trial()));
    look!("form", &mut script);
    script.keys("esc up enter").answer(is_trial, Ok(seed::trial()));
    script.keys("backspace");
    let problem = Problem { line: 1, column: 12, error: true, message: "expected ) at the end".into() };
    script.answer(is_trial, Ok(Answer::Trial(Sampled { error: Some(problem), ..Sampled::default() })));
    look!("form_parse_error", &mut script);
    script.keys("esc");
    look!("form_drop", &mut script);
}

#[test]
fn value_maps() {
    let mut script = map();
    // The seed's mapping is by a column that the source has.
    let Answer::Mapping(mut checks) = seed::mapping() else { panic!("no mapping") };
    checks.from.columns.push(crate::model::Column::new("customer_tier", crate::model::ColumnType::TEXT));
    script.app.map.checks.value = Some(*checks);
    script.keys("down down down v");
    look!("values_reading", &mut script);
    script.answer(|ask| matches!(ask, Ask::Preview { .. }), Ok(seed::tiers()));
    look_wide!("values", &mut script);
    script.keys("down down 3 down down");
    look!("values_edited", &mut script);
    script.keys("esc");
    look!("values_drop", &mut script);
}

#[test]
fn checks() {
    look!("check_running", &mut open(Screen::Check));
    let mut script = open(Screen::Check);
    script.answer(|ask| *ask == Ask::Check, Ok(seed::checks(true)));
    look_wide!("check_failed", &mut script);
    script.keys("s");
    assert!(script.app.overlays.is_empty(), "a failed check locks the start");
    script.at(20_000).keys("r").answer(|ask| *ask == Ask::Check, Ok(seed::checks(false)));
    look!("check_passed", &mut script);
    script.keys("s");
    look!("check_start", &mut script);
}

#[test]
fn the_product_s_own_run() {
    let mut script = seed_run();
    look_wide!("run_seed", &mut script);
    let screen = script.screen(80, 24);
    for words in [
        "Progress: ████████░░ 82%",
        "Migrated: 1,024,567 / 1,234,567 rows",
        "Time elapsed: 23 minutes",
        "Estimated: 5 minutes remaining",
        "Speed: 45,000 rows/minute",
        "Now: writing customers",
    ] {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
}

#[test]
fn runs() {
    look!("run_ready", &mut open(Screen::Run));
    let mut snapshot = seed::snapshot(vec![
        seed::progress("customers", 1_234_567, 1_024_567, TablePhase::Parked),
        seed::progress("orders", 5_234_891, 1_101_312, TablePhase::Running),
        seed::progress("products", 25_643, 25_643, TablePhase::Done),
        seed::progress("a_table_with_a_rather_long_name", 99, 0, TablePhase::Waiting),
    ]);
    snapshot.tables[0].counts.flagged = 3;
    snapshot.tables[0].counts.written -= 3;
    snapshot.open = vec![seed::fault("a", 45_632), seed::fault("b", 45_633)];
    snapshot.raised = 5;
    let mut script = run(snapshot.clone());
    script.host(seed::gauges().remove(0));
    look_wide!("run_parked", &mut script);
    snapshot.open.clear();
    snapshot.tables[0].phase = TablePhase::Held;
    snapshot.tables[0].held = Some("10,000 rows failed: the mapping of customer_id is wrong, not the rows".into());
    look!("run_held", &mut run(snapshot.clone()));
    snapshot.tables[0].held = None;
    snapshot.phase = RunPhase::Draining;
    look!("run_draining", &mut run(snapshot.clone()));
    snapshot.phase = RunPhase::Paused;
    look!("run_paused", &mut run(snapshot.clone()));
    snapshot.phase = RunPhase::Stopped;
    snapshot.stopped = Some("decided at row 45,632 of customers".into());
    look!("run_stopped", &mut run(snapshot.clone()));
    snapshot.phase = RunPhase::Completed;
    let counts = Counts { read: 1_234_567, written: 1_234_560, skipped: 4, flagged: 3, ..Counts::default() };
    snapshot.tables = vec![seed::progress("customers", 1_234_567, 0, TablePhase::Done)];
    snapshot.tables[0].counts = counts;
    look!("run_completed", &mut run(snapshot.clone()));
    let mut validated = Validated {
        outcome: Outcome::Passed,
        tables: 3,
        source_rows: 6_495_101,
        destination_rows: 6_495_101,
        sampled: 100,
        matching: 100,
        ..Validated::default()
    };
    snapshot.validated = Some(validated.clone());
    let screen = run(snapshot.clone()).screen(80, 24);
    for words in ["Validation: PASSED", "Source: 6,495,101 rows", "Destination: 6,495,101 rows", "100 of 100 match"] {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
    validated.outcome = Outcome::Failed;
    validated.destination_rows -= 1;
    validated.why =
        Some("orders: Record count match: 5,234,891 rows should be there and 5,234,890 are: 1 fewer".into());
    snapshot.validated = Some(validated);
    let screen = run(snapshot).screen(120, 40);
    for words in ["Validation: FAILED", "Destination: 6,495,100 rows", "orders: Record count match"] {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
}

#[test]
fn the_product_s_own_error() {
    let mut script = seed_run();
    script.host(seed::fact(11, crate::protocol::Event::FaultRaised { fault: Box::new(seed::fault("a", 45_632)) }));
    look!("run_badge", &mut script);
    script.at(2_000);
    look_wide!("prompt", &mut script);
    let screen = script.screen(80, 24);
    for words in [
        "Error on row 45,632 of customers",
        "Column 'customer_id' has invalid value: \"ABC123\"",
        "Expected: Integer",
        "○ Skip row",
        "● Fail and stop",
        "○ Mark for review",
        "○ Edit and retry",
    ] {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
    insta::assert_snapshot!("prompt_60x16", script.screen(60, 16));
    script.at(2_400).keys("down down enter");
    look!("prompt_edit", &mut script);
    script.keys("backspace down ctrl-n");
    look!("prompt_edited", &mut script);
}

#[test]
fn run_overlays() {
    let mut script = seed_run();
    script.host(seed::fact(11, crate::protocol::Event::FaultRaised { fault: Box::new(seed::fault("a", 45_632)) }));
    script.host(seed::fact(12, crate::protocol::Event::FaultRaised { fault: Box::new(seed::fault("b", 45_700)) }));
    let settled = crate::protocol::Event::FaultSettled {
        fault: crate::model::FaultId("a".into()),
        table: "customers".into(),
        decision: crate::model::Decision::Skip,
        by: "ada".into(),
    };
    script.host(seed::fact(13, settled)).keys("e");
    look!("errors", &mut script);
    script.keys("down enter");
    look!("error_settled", &mut script);
    script.keys("esc esc enter");
    look!("table_detail", &mut script);
    script.keys("esc x");
    look!("stop", &mut script);
    script.keys("esc q");
    look!("quit", &mut script);
}

#[test]
fn review() {
    look!("review_loading", &mut open(Screen::Review));
    let mut script = open(Screen::Review);
    script.answer(|ask| matches!(ask, Ask::Review { .. }), Ok(Answer::Review(Vec::new())));
    look!("review_empty", &mut script);
    script.keys("ctrl-r").answer(|ask| matches!(ask, Ask::Review { .. }), Ok(seed::review()));
    look_wide!("review", &mut script);
    script.keys("r").answer(|ask| matches!(ask, Ask::Act { .. }), Err("still no integer: 'ABC123'"));
    look!("review_failed", &mut script);
    script.keys("d");
    look!("review_discard", &mut script);
}

#[test]
fn review_in_groups() {
    let mut script = open(Screen::Review);
    script.answer(|ask| matches!(ask, Ask::Review { .. }), Ok(seed::review()));
    script.keys("down f");
    look!("review_fix", &mut script);
    let expr = "regexp_replace(customer_id, '[^0-9]', '', 'g')";
    script.keys(["backspace"; 11].join(" ").as_str()).tell(Message::Paste(expr.into())).keys("enter");
    let is_preview = |ask: &Ask| matches!(ask, Ask::PreviewFix { .. });
    script.answer(is_preview, Ok(seed::fix_preview(expr)));
    look_wide!("review_fix_preview", &mut script);
    script.keys("enter").host(FromHost::Retrying(Some(Retrying { done: 12, of: 40, written: 10 })));
    look!("review_retrying", &mut script);
    script.keys("x");
    look!("review_break_off", &mut script);
    script.keys("esc").host(FromHost::Retrying(None)).keys("R");
    look!("review_retry_group", &mut script);
}

fn validated(found: Validation) -> Script {
    let mut script = open(Screen::Validate);
    let table = seed::validated_table(found.tables[0].clone());
    script.answer(|ask| *ask == Ask::Validation, Ok(Answer::Validation(Some(Box::new(found)))));
    script.answer(|ask| matches!(ask, Ask::ValidatedTable { .. }), Ok(Answer::ValidatedTable(Box::new(table))));
    script
}

#[test]
fn the_product_s_own_validation() {
    let mut script = validated(seed::validation());
    look_wide!("validate_seed", &mut script);
    let screen = script.screen(80, 24);
    for words in [
        "Post-Migration Checks",
        "Source Database:",
        "- customers: 1,234,567 rows",
        "- orders: 5,234,891 rows ✓",
        "- products: 25,643 rows ✓",
        "Total: 6,495,101 rows ✓",
        "Validation: PASSED",
        "Data Reconciliation",
        "Record count match: ✓",
        "Column count match: ✓",
        "Data types match: ✓",
        "No null mismatches: ✓",
        "Checksum: ✓",
        "Checking 100 random rows:",
        "Source | Destination | Match",
        "456 | 456 | ✓",
        "8923 | 8923 | ✓",
        "124567 | 124567 | ✓",
        "... (100 of 100 match)",
        "Verification: PASSED",
        "▐7 Validate▌✓",
    ] {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
}

#[test]
fn validations() {
    look!("validate_loading", &mut open(Screen::Validate));
    let mut script = open(Screen::Validate);
    script.answer(|ask| *ask == Ask::Validation, Ok(Answer::Validation(None)));
    look!("validate_not_run", &mut script);
    let now = Validating { tables: 3, done: 1, now: "orders of the source".into(), rows: 2_469_134 };
    script.keys("r").host(FromHost::Validating(Some(now.clone())));
    look!("validate_running", &mut script);
    script.host(FromHost::Validating(None));
    script.answer(|ask| *ask == Ask::Validate, Err("cannot connect to source-db.example.com: refused. Check host."));
    look!("validate_error", &mut script);
    let mut script = validated(seed::failed_validation());
    look_wide!("validate_failed", &mut script);
    insta::assert_snapshot!("validate_failed_60x16", script.screen(60, 16));
    script.keys("enter");
    look!("proof_checks", &mut script);
    script.keys("right");
    look!("proof_differences", &mut script);
    script.keys("right G");
    look!("proof_sample", &mut script);
    script.keys("esc").host(FromHost::Validating(Some(now)));
    look!("validate_again", &mut script);
    script.keys("x");
    look!("validate_break_off", &mut script);
}

fn is_points(ask: &Ask) -> bool {
    matches!(ask, Ask::RestorePoints { .. })
}

fn is_preview(ask: &Ask) -> bool {
    matches!(ask, Ask::RestorePreview { .. })
}

#[test]
fn restore() {
    look!("restore_loading", &mut open(Screen::Restore));
    let mut script = open(Screen::Restore);
    script.answer(is_points, Ok(Answer::RestorePoints(Vec::new())));
    look!("restore_empty", &mut script);
    script.keys("ctrl-r").answer(is_points, Err("the ledger in /srv/state cannot be read: disk I/O error"));
    look!("restore_error", &mut script);
    script.keys("ctrl-r").answer(is_points, Ok(points::all())).keys("down");
    look_wide!("restore_points", &mut script);
    script.keys("enter").answer(is_preview, Ok(Answer::RestorePreview(Box::new(points::preview()))));
    look_wide!("restore_preview", &mut script);
    insta::assert_snapshot!("restore_preview_60x16", script.screen(60, 16));
    script.keys("enter");
    look!("restore_preview_whole", &mut script);
    script.keys("esc b");
    look!("restore_typed", &mut script);
    script.keys("space enter").type_text("migration_2024_06_12_backup").keys("enter");
    look!("restore_beginning", &mut script);
    let progress = RestoreProgress {
        point: "migration_2024_06_12_backup".into(),
        step: RestoreStep::PuttingBack,
        table: "customers".into(),
        rows: 400_000,
        of: 1_234_567,
    };
    script.host(FromHost::Restoring(progress));
    look!("restore_under_way", &mut script);
    script.answer(|ask| matches!(ask, Ask::Restore { .. }), Ok(points::outcome(Outcome::Failed)));
    look!("restore_failed", &mut script);
    script.at(20_000).keys("x");
    look!("restore_purge", &mut script);
}

#[test]
fn help_and_palette() {
    let mut script = seed_run();
    script.keys("?");
    look!("help", &mut script);
    script.keys("esc :").type_text("sto");
    look!("palette", &mut script);
}

#[test]
fn logs() {
    let mut script = seed_run();
    script.keys("L");
    look!("log_loading", &mut script);
    script.answer(|ask| *ask == Ask::Log, Ok(seed::log()));
    look!("log_facts", &mut script);
    let said: String = script.screen(120, 40);
    assert!(!said.contains("ABC123"), "what may be copied anywhere has no values");
    script.keys("right");
    look!("log_host", &mut script);
    script.keys("y");
    assert!(matches!(script.effects.last(), Some(Effect::Copy(line)) if line.contains("the server is slow")));
}

#[test]
fn themes() {
    let mut script = seed_run();
    script.keys("ctrl-t");
    look!("themes", &mut script);
}

#[test]
fn notices_and_toasts() {
    let mut script = seed_run();
    insta::assert_snapshot!("too_small", script.screen(40, 10));
    script.tell(Message::Paste("rm -rf /\n".into()));
    look!("toast", &mut script);
}

#[test]
fn ascii() {
    let mut script = seed_run();
    script.app.look = look(Colour::Off, Borders::Ascii);
    let screen = script.screen(80, 24);
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!("run_ascii", screen);
}

#[test]
fn without_colour_nothing_is_coloured() {
    let mut script = seed_run();
    let wishes = Wishes { borders: Borders::Unicode, ..Wishes::default() };
    let no_color = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
    script.app.look = Look::choose(&wishes, no_color).unwrap();
    let reset = ratatui::style::Color::Reset;
    assert!(script.buffer(80, 24).content.iter().all(|cell| cell.fg == reset && cell.bg == reset));
}

#[test]
fn a_value_cannot_steer_the_terminal() {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\n\u{202e}";
    let mut snapshot = seed::customers();
    let mut fault = seed::fault("a", 1);
    fault.value = Some(Cell::text(evil));
    fault.cells = vec![NamedCell { name: evil.into(), cell: Cell::text(evil) }];
    fault.table = evil.into();
    fault.message = evil.into();
    snapshot.open = vec![fault];
    snapshot.tables[0].to = evil.into();
    let mut script = run(snapshot);
    for keys in ["a", "esc", "e", "enter"] {
        script.at(script.app.now_ms + 1_000).keys(keys);
        let text: String = script.buffer(80, 24).content.iter().map(|cell| cell.symbol().to_owned()).collect();
        assert!(!text.chars().any(|char| char.is_control() || char == '\u{202e}'), "{keys}");
    }
}
