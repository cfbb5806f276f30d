//! Private values are on no screen until somebody asks for those of one row.

use super::{script::Script, seed};
use crate::{
    console::{Effect, Screen},
    model::{Cell, ColumnType, Count, Page, Spot},
    protocol::{Answer, Ask, Command, Event, FromHost, ReviewAction, ReviewItem, SideName},
};

/// The seed's plan, with the key of the customers marked.
fn plan() -> Answer {
    seed::plan_of(&seed::PLAN.replace("id = \"customer_id\"", "id = { from = \"customer_id\", private = true }"))
}

fn review() -> Script {
    let mut script = Script::open(Screen::Review);
    script.answer(|ask| *ask == Ask::Plan, Ok(plan()));
    script.answer(|ask| matches!(ask, Ask::Review { .. }), Ok(seed::review()));
    script.keys("down down");
    script
}

fn revealed() -> Answer {
    let Answer::Review(items) = seed::review() else { panic!("no rows") };
    let item: ReviewItem = items.into_iter().next().unwrap();
    Answer::Acted(Box::new(item))
}

fn is_reveal(ask: &Ask) -> bool {
    matches!(ask, Ask::Act { action: ReviewAction::Reveal, .. })
}

#[test]
fn a_flagged_row_is_shown_without_them_until_asked() {
    let mut script = review();
    for size in [(80, 24), (120, 40), (200, 60)] {
        let screen = script.screen(size.0, size.1);
        assert!(!screen.contains("ABC123") && screen.contains("(private)"), "{screen}");
        assert!(screen.contains("Carol White"), "what is not private stays:\n{screen}");
    }
    script.keys("v").answer(is_reveal, Ok(revealed()));
    let screen = script.screen(120, 40);
    assert!(screen.contains("ABC123"), "{screen}");
    // Only that one.
    script.keys("up");
    assert!(script.screen(120, 40).contains("customer_id         (private)"), "{}", script.screen(120, 40));
}

#[test]
fn a_refused_wish_shows_nothing() {
    let mut script = review();
    script.keys("v").answer(is_reveal, Err("the audit trail cannot be written"));
    assert!(!script.screen(120, 40).contains("ABC123"));
}

#[test]
fn the_prompt_the_errors_and_the_editor_hide_them_and_an_edit_leaves_them_as_they_are() {
    let mut script = Script::open(Screen::Run);
    script.answer(|ask| *ask == Ask::Plan, Ok(plan()));
    script.host(FromHost::Snapshot(Box::new(seed::customers())));
    script.host(seed::fact(11, Event::FaultRaised { fault: Box::new(seed::fault("a", 45_632)) }));
    script.keys("e");
    assert!(!script.screen(120, 40).contains("ABC123"));
    script.keys("esc a").at(1_000);
    let screen = script.screen(80, 24);
    assert!(!screen.contains("ABC123") && screen.contains("v private values"), "{screen}");
    // Into the editor, past the private column, a change of another, and out.
    script.keys("down down enter");
    let screen = script.screen(80, 24);
    assert!(!screen.contains("ABC123") && screen.contains("(private)"), "{screen}");
    script.keys("down backspace enter");
    let commands = script.commands();
    let Some(Command::Answer { decision, .. }) = commands.last() else { panic!("{commands:?}") };
    let crate::model::Decision::Edit { cells } = decision else { panic!("{decision:?}") };
    assert_eq!(cells.len(), 1);
    assert_eq!((cells[0].name.as_str(), &cells[0].cell), ("name", &Cell::text("Carol Whit")));
}

#[test]
fn what_is_typed_in_the_place_of_one_is_sent() {
    let mut script = review();
    script.keys("enter").type_text("17").keys("enter");
    let asks = script.asks();
    let Some(Ask::Act { action: ReviewAction::Retry { cells }, .. }) = asks.last() else { panic!("{asks:?}") };
    assert_eq!((cells[0].name.as_str(), &cells[0].cell), ("customer_id", &Cell::text("17")));
    assert!(!script.effects.iter().any(|effect| matches!(effect, Effect::Copy(_))));
}

#[test]
fn rows_and_samples_hide_them_and_so_does_what_is_copied() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.answer(|ask| matches!(ask, Ask::Trial { .. }), Ok(seed::trial()));
    let screen = script.screen(120, 40);
    assert!(screen.contains("(private)"), "{screen}");
    assert!(script.keys("down down").screen(120, 40).contains("alice@example.com"), "what is not private stays");
    script.keys("p");
    let Answer::Page(mut page) = seed::page() else { panic!("no page") };
    page.columns[0] = "customer_id".into();
    page.rows[0][0] = Cell::text("4711");
    script.answer(|ask| matches!(ask, Ask::Preview { .. }), Ok(Answer::Page(page)));
    assert!(!script.screen(120, 40).contains("4711"));
    script.keys("Y");
    assert!(
        matches!(script.effects.last(), Some(Effect::Copy(row)) if row.contains("(private)") && !row.contains("4711"))
    );
}

/// Rows of the source around the one under the cursor, which is found where it was.
fn around(script: &Script) -> Answer {
    let fault = script.app.review.current().unwrap().fault.clone();
    let first = fault.row - 10;
    let columns: Vec<String> = fault.cells.iter().map(|named| named.name.clone()).collect();
    let row = |number: u64| match number == fault.row {
        true => fault.cells.iter().map(|named| named.cell.clone()).collect(),
        false => columns.iter().map(|column| Cell::text(format!("{column}-{number}"))).collect(),
    };
    Answer::Page(Page {
        rows: (first..=fault.row + 10).map(row).collect(),
        types: vec![ColumnType::TEXT; columns.len()],
        columns,
        total: Count::Exact(1_234_567),
        ends: None,
    })
}

fn is_page(ask: &Ask) -> bool {
    matches!(ask, Ask::Preview { .. })
}

#[test]
fn the_rows_around_a_faulty_one_are_shown_without_them_but_for_that_one_once_it_is_revealed() {
    let mut script = review();
    let row = script.app.review.current().unwrap().fault.row;
    script.keys("n");
    let asked =
        Ask::Preview { side: SideName::Source, table: "customers".into(), spot: Spot::Row(row - 11), limit: 21 };
    assert_eq!(script.asks().last(), Some(&asked));
    let page = around(&script);
    script.answer(is_page, Ok(page.clone()));
    let screen = script.screen(120, 40);
    let number = crate::model::thousands(row);
    assert!(screen.contains(&format!("Rows around row {number} of customers")), "{screen}");
    assert!(screen.contains(&format!("✗ {number}")) && screen.contains("Carol White"), "{screen}");
    assert!(
        screen.contains(&format!("name-{}", row - 10)) && screen.contains(&format!("name-{}", row + 10)),
        "{screen}"
    );
    assert!(!screen.contains("ABC123") && !screen.contains("customer_id-"), "{screen}");
    script.keys("esc v").answer(is_reveal, Ok(revealed()));
    script.keys("n").answer(is_page, Ok(page));
    let screen = script.screen(120, 40);
    assert!(screen.contains("ABC123") && !screen.contains("customer_id-"), "{screen}");
}

#[test]
fn a_row_that_is_no_longer_in_its_place_is_looked_for_and_else_said_to_be_gone() {
    let mut script = review();
    script.keys("n");
    let Answer::Page(page) = around(&script) else { panic!("a page") };
    let row = script.app.review.current().unwrap().fault.row;
    let mut moved = page.clone();
    moved.rows.swap(10, 7);
    script.answer(is_page, Ok(Answer::Page(moved)));
    let screen = script.screen(120, 40);
    assert!(screen.contains(&format!("✗ {}", crate::model::thousands(row - 3))), "{screen}");
    let mut gone = page;
    gone.rows.remove(10);
    script.keys("esc n").answer(is_page, Ok(Answer::Page(gone)));
    let screen = script.screen(120, 40);
    assert!(screen.contains("! The source has changed") && !screen.contains('✗'), "{screen}");
}
