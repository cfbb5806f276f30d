//! A map of values, from what the rows hold into the plan.

use super::{script::Script, seed};
use crate::{
    console::Screen,
    model::{Column, ColumnType},
    plan::{Literal, Unlisted, parse},
    protocol::{Answer, Ask},
};

/// On the column that is mapped by values, with the rows that were asked for.
fn form() -> Script {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    let Answer::Mapping(mut checks) = seed::mapping() else { panic!("no mapping") };
    checks.from.columns.push(Column::new("customer_tier", ColumnType::TEXT));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(Answer::Mapping(checks)));
    script.keys("down down down v").answer(|ask| matches!(ask, Ask::Preview { .. }), Ok(seed::tiers()));
    script
}

fn saved(script: &Script) -> Option<String> {
    script.asks().into_iter().rev().find_map(|ask| match ask {
        Ask::Save { text } => Some(text),
        _ => None,
    })
}

#[test]
fn values_that_are_there_are_offered_and_what_is_typed_is_saved_through_the_plan() {
    let mut script = form();
    let screen = script.screen(120, 40);
    for words in ["\"gold\"", "\"bronze\"", "3 rows", "1 of them NULL", "\"a=b, c\""] {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
    // gold, silver, then bronze, which is there most often of what is not listed.
    script.keys("down down 3 down down").type_text("platinum").keys("enter 9 down down right enter");
    assert!(saved(&script).is_none() && script.screen(120, 40).contains("The column has no default"));
    script.keys("right enter");
    let plan = parse(&saved(&script).unwrap()).plan.unwrap();
    let column = &plan.tables[0].columns.iter().find(|(name, _)| name == "tier_code").unwrap().1;
    let values = column.values.clone().unwrap();
    let entries: Vec<(&str, &str)> =
        values.entries.iter().map(|(key, Literal(text))| (key.as_str(), text.as_str())).collect();
    assert_eq!(entries, [("bronze", "3"), ("gold", "1"), ("platinum", "9"), ("silver", "2")]);
    assert_eq!((values.unlisted, column.from.as_deref()), (Unlisted::Keep, Some("customer_tier")));
    assert_eq!(column.by.as_deref(), Some("ada"));
    assert!(script.app.overlays.is_empty());
}

#[test]
fn looking_changes_nothing_and_an_emptied_line_is_unlisted_again() {
    let mut script = form();
    script.keys("enter");
    assert!(script.app.overlays.is_empty() && saved(&script).is_none());
    let mut script = form();
    script.keys("backspace esc");
    assert!(script.screen(80, 24).contains("Drop the changes?"));
    script.keys("enter enter");
    let text = saved(&script).unwrap();
    assert!(!text.contains("gold") && text.contains("silver"), "{text}");
}

#[test]
fn a_column_that_is_made_by_an_expression_has_none() {
    let mut script = form();
    script.keys("esc up v");
    assert!(script.app.overlays.is_empty());
    assert!(script.screen(120, 40).contains("Only a column that is fed by one source column"));
}
