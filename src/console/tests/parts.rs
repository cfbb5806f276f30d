//! A source column split among destination columns, and several merged into one.

use super::{script::Script, seed};
use crate::{
    console::{Screen, overlays::Overlay},
    model::{Cell, Column, ColumnType},
    protocol::{Answer, Ask, Sampled, TrialRow},
};

/// On Map, with the source's columns known.
fn map() -> Script {
    let Answer::Mapping(mut checks) = seed::mapping() else { panic!("a mapping") };
    let named = ["name", "email", "fax", "internal_notes"];
    checks.from.columns.extend(named.map(|name| Column::new(name, ColumnType::TEXT)));
    let Answer::Plan { text, .. } = seed::plan() else { panic!("a plan") };
    let text = text.replace("id = \"customer_id\"", "id = \"customer_id\" # a rename");
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan_of(&text)));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(Answer::Mapping(checks)));
    script.answer(|ask| matches!(ask, Ask::Trial { .. }), Ok(seed::trial()));
    script
}

fn tried(script: &Script) -> String {
    let asks = script.asks().into_iter().rev();
    asks.filter_map(|ask| if let Ask::Trial { text, .. } = ask { text } else { None }).next().unwrap()
}

fn saved(script: &Script) -> Option<String> {
    script.asks().into_iter().rev().find_map(|ask| if let Ask::Save { text } = ask { Some(text) } else { None })
}

fn parts() -> Answer {
    let row = |name: &str, after: [&str; 2]| TrialRow {
        before: vec![Cell::text(name)],
        after: after.map(|text| if text.is_empty() { Cell::Null } else { Cell::text(text) }).to_vec(),
        filtered: false,
        fault: None,
    };
    Answer::Trial(Sampled {
        source_columns: vec!["name".into()],
        target_columns: vec!["first_name".into(), "last_name".into()],
        rows: vec![row("Alice Smith", ["Alice", "Smith"]), row("Cher", ["Cher", ""])],
        error: None,
    })
}

#[test]
fn a_column_is_split_seen_saved_and_taken_back_as_one_edit() {
    let mut script = map();
    script.keys("down s");
    assert!(script.screen(80, 24).contains("name two destination columns or more"), "{}", script.screen(80, 24));
    let screen = script.screen(80, 24);
    assert!(screen.contains("Into      internal_tag"), "what nothing fills is proposed:\n{screen}");
    script.keys("ctrl-u").type_text(", x");
    for _ in 0.."internal_tag, x".len() {
        script.keys("backspace");
    }
    script.type_text("first_name, last_name");
    let text = tried(&script);
    assert!(text.contains("first_name = { expr = \"split_part(name, ' ', 1)\""), "{text}");
    assert!(text.contains("substr(name, length(split_part(name, ' ', 1)) + 2)"), "{text}");
    script.answer(|ask| matches!(ask, Ask::Trial { .. }), Ok(parts()));
    insta::assert_snapshot!("split_80x24", script.screen(80, 24));
    insta::assert_snapshot!("split_120x40", script.screen(120, 40));
    script.keys("enter");
    let text = saved(&script).unwrap();
    assert!(text.contains("id = \"customer_id\" # a rename") && text.contains("by = \"ada\""), "{text}");
    let before = script.app.plan.text.clone();
    script.answer(|ask| matches!(ask, Ask::Save { .. }), Ok(seed::plan_of(&text)));
    script.keys("u");
    assert_eq!(saved(&script), Some(before), "both columns are one edit");
}

#[test]
fn columns_are_merged_and_what_was_left_behind_is_used() {
    let mut script = map();
    script.keys("down m");
    let screen = script.screen(120, 40);
    assert!(screen.contains("Columns   name, fax") && screen.contains("Into      name"), "{screen}");
    script.type_text(", internal_no").keys("tab down");
    script.type_text("/");
    let text = tried(&script);
    let any = "name IS NOT NULL OR fax IS NOT NULL OR internal_notes IS NOT NULL";
    let expected = format!("expr = \"CASE WHEN {any} THEN concat_ws(' /', name, fax, internal_notes) END\"");
    assert!(text.contains(&expected), "{text}");
    assert!(!text.contains("skip ="), "{text}");
    insta::assert_snapshot!("merge_80x24", script.screen(80, 24));
    script.keys("up").type_text(", nothing");
    assert!(script.screen(80, 24).contains("the source has no column 'nothing'"));
    script.keys("enter");
    assert!(matches!(script.app.overlays.last(), Some(Overlay::Parts(_))));
    assert_eq!(saved(&script), None);
    script.keys("esc right enter");
    assert!(script.app.overlays.is_empty(), "what was typed is dropped after a question");
}

#[test]
fn only_what_has_a_source_column_can_be_split() {
    let mut script = map();
    script.keys("down down s");
    assert!(script.app.overlays.is_empty(), "an expression");
    script.keys("G s");
    assert!(matches!(script.app.overlays.last(), Some(Overlay::Parts(_))), "a column that is left behind");
    script.keys("esc m");
    assert!(script.app.overlays.is_empty());
    let mut script = map();
    script.host(seed::fact(1, seed::started()));
    script.keys("down s m");
    assert!(script.app.overlays.is_empty(), "not while it runs");
}
