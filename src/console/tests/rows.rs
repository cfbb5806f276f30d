//! A table's rows, a page behind the other.

use super::{script::Script, seed};
use crate::{
    console::Screen,
    model::{Cell, ColumnType, Count, Page, Position, Spot},
    protocol::{Answer, Ask},
};

/// So many rows from a number on, in a table that has that many.
fn page(first: u64, rows: u64, total: Count) -> Page {
    let place = |row: u64| Position(format!("at {row}"));
    Page {
        columns: vec!["id".into()],
        types: vec![ColumnType::INTEGER],
        rows: (first..first + rows).map(|row| vec![Cell::text(row.to_string())]).collect(),
        total,
        ends: (rows > 0).then(|| (place(first), place(first + rows - 1))),
    }
}

fn opened(first: Page) -> Script {
    let mut script = Script::open(Screen::Tables);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    script.keys("p");
    shown(&mut script, first);
    script
}

fn shown(script: &mut Script, page: Page) {
    script.answer(|ask| matches!(ask, Ask::Preview { .. }), Ok(Answer::Page(page)));
}

fn asked(script: &Script) -> Vec<Spot> {
    let spots = script.asks().into_iter().filter_map(|ask| match ask {
        Ask::Preview { spot, .. } => Some(spot),
        _ => None,
    });
    spots.collect()
}

fn at(row: u64) -> Position {
    Position(format!("at {row}"))
}

#[test]
fn pages_of_a_table_with_a_key_follow_by_it_and_their_rows_are_numbered() {
    let total = Count::Exact(350);
    let mut script = opened(page(0, 100, total));
    assert_eq!(asked(&script), [Spot::Row(0)]);
    script.keys("n");
    assert_eq!(asked(&script).last(), Some(&Spot::After(at(99))));
    shown(&mut script, page(100, 100, total));
    assert!(script.screen(120, 120).contains("(showing rows 101 to 200 of 350)"), "{}", script.screen(120, 120));
    script.keys(">");
    assert_eq!(asked(&script).last(), Some(&Spot::End));
    shown(&mut script, page(250, 100, total));
    assert!(script.screen(120, 120).contains("(showing rows 251 to 350 of 350)"));
    let before = asked(&script).len();
    script.keys("n");
    assert_eq!(asked(&script).len(), before, "behind the last row there is nothing");
    script.keys("b");
    assert_eq!(asked(&script).last(), Some(&Spot::Before(at(250))));
    shown(&mut script, page(150, 100, total));
    assert!(script.screen(120, 120).contains("(showing rows 151 to 250 of 350)"));
    script.keys("<");
    assert_eq!(asked(&script).last(), Some(&Spot::Row(0)));
}

#[test]
fn from_the_end_of_a_table_that_nobody_counted_rows_have_no_number() {
    let total = Count::Estimate(5_300_000);
    let mut script = opened(page(0, 100, total));
    script.keys(">");
    shown(&mut script, page(5_299_800, 100, total));
    let screen = script.screen(120, 120);
    assert!(screen.contains("(showing 100 rows of ~5,300,000)"), "{screen}");
    script.keys("b");
    // As it came to the table's beginning, it is known where it is again.
    shown(&mut script, page(0, 40, total));
    assert!(script.screen(120, 120).contains("(showing 40 of ~5,300,000 rows)"));
}

#[test]
fn pages_of_a_table_without_a_key_follow_by_number() {
    let keyless = |first, total| Page { ends: None, ..page(first, 100, total) };
    let mut script = opened(keyless(0, Count::Exact(350)));
    script.keys("n");
    assert_eq!(asked(&script).last(), Some(&Spot::Row(100)));
    script.keys(">");
    assert_eq!(asked(&script).last(), Some(&Spot::Row(250)));
    let mut script = opened(keyless(0, Count::Unknown));
    script.keys(">");
    assert_eq!(asked(&script).len(), 1);
    assert!(script.app.toasts.last().unwrap().text.contains("has no key"));
}
