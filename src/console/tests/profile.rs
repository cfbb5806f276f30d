//! The profile of a table: what it shows, in every state, and what it asks of the host.

use super::{
    script::{Script, look},
    seed,
};
use crate::{
    console::{Borders, Colour, Effect, Message, Screen},
    model::{Cell, Count, NamedCell},
    protocol::{
        Answer, Ask, Bar, ColumnProfile, Conversion, Distinct, Duplicates, ExampleRow, Frequent, FromHost, Histogram,
        Kind, Operator, Pattern, Presence, Profiling, Reference, Rows, SideName, Span, TableProfile, Unfit,
    },
};

macro_rules! look {
    ($name:literal, $script:expr) => {{
        let script = $script;
        insta::assert_snapshot!(concat!($name, "_80x24"), script.screen(80, 24));
        insta::assert_snapshot!(concat!($name, "_120x40"), script.screen(120, 40));
        insta::assert_snapshot!(concat!($name, "_200x60"), script.screen(200, 60));
    }};
}

fn texts(column: &str, nulls: u64) -> ColumnProfile {
    ColumnProfile {
        column: column.into(),
        ty: "varchar(80)".into(),
        rows: 10_000,
        nulls,
        empty: 12,
        blank_ends: 340,
        non_ascii: 7,
        distinct: Distinct { values: 9_120, error_percent: Some(0.78) },
        least: Some(Cell::text("")),
        greatest: Some(Cell::text("zoe\u{1b}[2J@example.com")),
        characters: Some(Span { shortest: 0, longest: 64 }),
        bytes: Some(Span { shortest: 0, longest: 66 }),
        top: vec![
            Frequent { value: Cell::text("unknown@example.com"), rows: 412 },
            Frequent { value: Cell::text("one\ntwo"), rows: 77 },
        ],
        top_error: 18,
        patterns: vec![
            Pattern { pattern: "a+@a+.aaa".into(), rows: 9_412 },
            Pattern { pattern: "a+.a+@a+.aaa".into(), rows: 203 },
        ],
        kinds: vec![Kind { name: "email".into(), format: None, rows: 9_700 }],
        histogram: Some(Histogram {
            of_lengths: true,
            bars: (0..16)
                .map(|bar| Bar {
                    from: (bar * 4).to_string(),
                    to: ((bar + 1) * 4).to_string(),
                    rows: 1_000 / (bar + 1),
                })
                .collect(),
            beside: 0,
        }),
        ..ColumnProfile::default()
    }
}

/// The seed's customers, by their first rows.
pub(super) fn customers() -> TableProfile {
    let id = ColumnProfile {
        column: "customer_id".into(),
        ty: "integer".into(),
        rows: 10_000,
        distinct: Distinct { values: 10_000, error_percent: None },
        least: Some(Cell::text("1")),
        greatest: Some(Cell::text("10000")),
        histogram: Some(Histogram {
            bars: (0..20)
                .map(|bar| Bar { from: (bar * 512).to_string(), to: ((bar + 1) * 512).to_string(), rows: 512 })
                .collect(),
            ..Histogram::default()
        }),
        ..ColumnProfile::default()
    };
    let tier = ColumnProfile {
        column: "customer_tier".into(),
        ty: "text".into(),
        rows: 10_000,
        nulls: 1_230,
        distinct: Distinct { values: 3, error_percent: None },
        top: ["silver", "gold", "bronze"]
            .iter()
            .zip([6_000, 2_700, 70])
            .map(|(value, rows)| Frequent { value: Cell::text(*value), rows })
            .collect(),
        characters: Some(Span { shortest: 4, longest: 6 }),
        patterns: vec![Pattern { pattern: "a+".into(), rows: 6_070 }, Pattern { pattern: "aaaa".into(), rows: 2_700 }],
        ..ColumnProfile::default()
    };
    let mut birth = texts("name", 0);
    birth.hide();
    TableProfile {
        table: "customers".into(),
        side: Some(SideName::Source),
        rows: Rows::First(10_000),
        looked: 10_000,
        total: Count::Estimate(1_234_567),
        columns: vec![id, birth, texts("email", 230), tier],
        duplicates: vec![
            Duplicates { one_in: 1, ..Duplicates::default() },
            Duplicates {
                key: vec!["customer_id".into()],
                surplus: 2,
                one_in: 1,
                examples: vec![ExampleRow {
                    row: 4_711,
                    cells: vec![NamedCell { name: "customer_id".into(), cell: Cell::text("13") }],
                }],
                ..Duplicates::default()
            },
        ],
        conversions: vec![
            Conversion { column: "id".into(), expected: "Integer".into(), tried: 10_000, ..Conversion::default() },
            Conversion {
                column: "tier_code".into(),
                expected: "one of gold, silver".into(),
                tried: 10_000,
                failed: 70,
                examples: vec![Unfit {
                    row: 45_632,
                    value: Some(Cell::text("bronze")),
                    message: "'bronze' is not in the value map".into(),
                }],
                ..Conversion::default()
            },
        ],
        references: vec![Reference {
            columns: vec!["country_code".into()],
            table: "countries".into(),
            referenced: vec!["code".into()],
            referring: 9_900,
            orphans: 12,
            one_in: 1,
            ..Reference::default()
        }],
        remarks: vec!["the mapping to archive could not be tried: there is no column 'fax'".into()],
        ..TableProfile::default()
    }
}

fn is_profiled(ask: &Ask) -> bool {
    matches!(ask, Ask::Profiled { .. })
}

fn is_profile(ask: &Ask) -> bool {
    matches!(ask, Ask::Profile { .. })
}

fn answer(found: TableProfile) -> Result<Answer, &'static str> {
    Ok(Answer::Profile(Some(Box::new(found))))
}

/// On the list of tables, on the customers, with their profile opened.
fn opened() -> Script {
    let mut script = Script::open(Screen::Tables);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    script.keys("i");
    script
}

pub(super) fn now(read: u64) -> FromHost {
    FromHost::Profiling(Some(Profiling {
        table: "customers".into(),
        read,
        total: Count::Estimate(1_234_567),
        now: "customers".into(),
    }))
}

#[test]
fn every_state_of_a_profile() {
    let mut script = opened();
    look!("profile_loading", &mut script);
    script.answer(is_profiled, Ok(Answer::Profile(None))).host(now(6_400));
    look!("profile_reading", &mut script);
    script.host(FromHost::Profiling(None)).answer(is_profile, answer(customers()));
    look!("profile_table", &mut script);
    script.keys("down down down");
    look!("profile_facts", &mut script);
    script.keys("right");
    look!("profile_values", &mut script);
    script.keys("right");
    look!("profile_histogram", &mut script);
    script.keys("right");
    look!("profile_patterns", &mut script);
    script.keys("up left left left");
    look!("profile_private", &mut script);
    script.keys("a").answer(is_profile, Err("cannot connect to source-db.example.com: refused. Check host and port."));
    look!("profile_error", &mut script);
}

#[test]
fn an_empty_table_a_huge_one_and_one_that_was_broken_off() {
    let empty =
        TableProfile { table: "customers".into(), whole: true, total: Count::Exact(0), ..TableProfile::default() };
    let mut script = opened();
    script.answer(is_profiled, answer(empty));
    look!("profile_empty", &mut script);
    let mut huge = customers();
    huge.rows = Rows::All;
    huge.broken_off = true;
    huge.looked = 987_654_321;
    huge.columns = (0..1_000)
        .map(|at| ColumnProfile { rows: 987_654_321, ..texts(&format!("column_{at}"), 98_765_432) })
        .collect();
    huge.duplicates[1].one_in = 4_096;
    huge.duplicates[1].surplus = 1_228_800;
    let mut script = opened();
    script.answer(is_profiled, answer(huge));
    look!("profile_huge_table", &mut script);
    script.keys("G");
    look!("profile_huge", &mut script);
}

#[test]
fn without_colour_and_in_ascii_a_profile_says_the_same() {
    let mut script = opened();
    script.answer(is_profiled, answer(customers())).keys("down right right");
    script.app.look = look(Colour::Off, Borders::Ascii);
    let screen = script.screen(80, 24);
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!("profile_ascii", screen);
    let reset = ratatui::style::Color::Reset;
    assert!(script.buffer(80, 24).content.iter().all(|cell| cell.fg == reset && cell.bg == reset));
}

#[test]
fn the_map_has_the_facts_beside_each_column() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.answer(|ask| matches!(ask, Ask::Trial { .. }), Ok(seed::trial()));
    script.answer(is_profiled, answer(customers())).keys("down down");
    look!("map_profiled", &mut script);
    script.keys("down");
    let screen = script.screen(80, 24);
    assert!(screen.contains("70 of 10,000 values do not convert"), "{screen}");
    let wide = script.screen(160, 40);
    assert!(wide.contains("12.3 % NULL · 3 distinct · ≤6 · a+"), "{wide}");
}

#[test]
fn what_nobody_looked_at_is_looked_at_at_once_and_all_of_it_when_asked() {
    let mut script = opened();
    let profiled = |table: &str| Ask::Profiled { side: SideName::Source, table: table.into() };
    assert_eq!(script.asks().last(), Some(&profiled("customers")));
    script.answer(is_profiled, Ok(Answer::Profile(None)));
    let profile = |rows| Ask::Profile { side: SideName::Source, table: "customers".into(), rows };
    assert_eq!(script.asks().last(), Some(&profile(Rows::First(10_000))));
    // One at a time.
    script.host(now(1)).keys("a");
    assert!(script.screen(80, 24).contains("A profile is under way"));
    script.keys("x");
    assert_eq!(script.asks().last(), Some(&Ask::StopProfile));
    script.host(FromHost::Profiling(None)).answer(is_profile, answer(customers())).keys("a");
    assert_eq!(script.asks().last(), Some(&profile(Rows::All)));
    // What is known is not asked for again.
    let asked = script.asks().len();
    script.keys("esc i");
    assert_eq!(script.asks().len(), asked);
    script.keys("down y");
    let copied = script.effects.iter().rev().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    assert!(copied.unwrap().contains("distinct   10,000"));
}

#[test]
fn a_change_of_the_plan_forgets_what_was_known_since_more_may_be_private() {
    let mut script = opened();
    script.answer(is_profiled, answer(customers())).keys("esc");
    let text = format!("{}\n[table.columns]\nnote = {{ skip = true }}\n", seed::PLAN);
    script.host(FromHost::PlanChanged).answer(|ask| *ask == Ask::Plan, Ok(seed::plan_of(&text)));
    assert!(script.app.profiles.of("customers").is_none());
}

#[test]
fn whoever_watches_sees_profiles_and_begins_none() {
    let mut script = Script::open(Screen::Tables);
    let operator = |name: &str, commands, you| Operator { name: name.into(), commands, you };
    let operators = vec![operator("ada", false, true), operator("eve", true, false)];
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    script.host(FromHost::Presence(Presence { operators, asks: None }));
    script.keys("i").answer(is_profiled, Ok(Answer::Profile(None)));
    assert!(!script.asks().iter().any(is_profile));
    // What another operator looks at is shown when it is there.
    script.host(now(5)).host(FromHost::Profiling(None));
    script.answer(is_profiled, answer(customers()));
    assert!(script.screen(80, 24).contains("a sample: the first 10,000 rows"));
}

#[test]
fn no_size_and_no_key_breaks_it() {
    let mut script = opened();
    script.answer(is_profiled, answer(customers()));
    for key in ["down", "G", "right", "right", "right", "right", "pgdn", "home", "tab", "shift-tab", "y", "left"] {
        script.keys(key);
        for (width, height) in [(1, 1), (20, 6), (60, 16), (61, 17), (99, 24), (250, 80)] {
            script.tell(Message::Resize { width, height });
            script.screen(width, height);
        }
    }
}
