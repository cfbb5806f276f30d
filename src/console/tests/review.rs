//! Flagged rows in groups: what was previewed is what is done.

use super::{script::Script, seed};
use crate::{
    console::{Message, Screen},
    model::FaultId,
    protocol::{Answer, Ask, FailedRetry, Fix, FromHost, Retried, Retrying},
};

const EXPR: &str = "regexp_replace(customer_id, '[^0-9]', '', 'g')";

fn review() -> Script {
    let mut script = Script::open(Screen::Review);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Review { .. }), Ok(seed::review()));
    script.keys("down");
    script
}

fn retries(script: &Script) -> Vec<Ask> {
    script.asks().into_iter().filter(|ask| matches!(ask, Ask::RetryMany { .. })).collect()
}

fn ids() -> Vec<FaultId> {
    ["a", "b"].map(|id| FaultId(id.into())).to_vec()
}

#[test]
fn a_fix_is_seen_before_it_is_done_and_is_what_was_seen() {
    let mut script = review();
    script.keys("f").keys(["backspace"; 11].join(" ").as_str()).tell(Message::Paste(EXPR.into())).keys("enter");
    let fix = Fix { column: "customer_id".into(), expr: EXPR.into() };
    // Those that wait and fail alike, and not the one that is given up.
    assert_eq!(script.asks().last(), Some(&Ask::PreviewFix { faults: ids(), fix: fix.clone() }));
    assert!(retries(&script).is_empty());
    script.answer(|ask| matches!(ask, Ask::PreviewFix { .. }), Ok(seed::fix_preview(EXPR)));
    // Another text is previewed anew.
    script.keys("space x enter");
    assert!(retries(&script).is_empty());
    script.keys("backspace backspace enter");
    script.answer(|ask| matches!(ask, Ask::PreviewFix { .. }), Ok(seed::fix_preview(EXPR)));
    script.keys("enter");
    let asked = retries(&script);
    let previewed = script.asks().iter().filter(|ask| matches!(ask, Ask::PreviewFix { .. })).count();
    assert_eq!((asked, previewed), (vec![Ask::RetryMany { faults: ids(), fix: Some(fix) }], 3));
}

#[test]
fn what_came_of_many_is_told_and_the_rows_are_read_anew() {
    let mut script = review();
    script.keys("R right enter");
    assert_eq!(retries(&script), [Ask::RetryMany { faults: ids(), fix: None }]);
    script.host(FromHost::Retrying(Some(Retrying { done: 1, of: 2, written: 1 })));
    assert!(script.screen(120, 40).contains("Trying again: 1 of 2 · 1 written"));
    script.keys("R f");
    assert!(script.app.overlays.is_empty(), "one at a time");
    script.keys("x right enter");
    assert!(script.asks().contains(&Ask::StopRetrying));
    let before = script.asks().iter().filter(|ask| matches!(ask, Ask::Review { .. })).count();
    let failed = vec![FailedRetry { fault: FaultId("b".into()), why: "row 45,650 still cannot go: no integer".into() }];
    let retried = Retried { written: 1, failed, left: 0, stopped: Some("it was broken off".into()) };
    script.answer(|ask| matches!(ask, Ask::RetryMany { .. }), Ok(Answer::Retried(Box::new(retried))));
    assert!(script.screen(120, 40).contains("1 written, 1 still fail, 0 not tried: it was broken off"));
    let after = script.asks().iter().filter(|ask| matches!(ask, Ask::Review { .. })).count();
    assert_eq!(after, before + 1);
    script.answer(|ask| matches!(ask, Ask::Review { .. }), Ok(seed::review())).keys("down");
    assert!(script.screen(120, 40).contains("The last try failed: row 45,650 still cannot go"));
}

#[test]
fn the_field_with_the_focus_is_marked_and_tab_goes_down_and_round() {
    let mut script = review();
    script.keys("f");
    let marked = |script: &mut Script| {
        let screen = script.screen(80, 24);
        let line = |name: &str| screen.lines().position(|line| line.contains(&format!("▸{name}")));
        (line("Column"), line("becomes"))
    };
    let (column, becomes) = marked(&mut script);
    assert!(column.is_none() && becomes.is_some(), "the expression is what is to be written");
    script.keys("tab");
    let (column, gone) = marked(&mut script);
    assert!(gone.is_none() && column < becomes);
    script.type_text("x").keys("tab").type_text("y");
    let screen = script.screen(80, 24);
    assert!(screen.contains("▸becomes  customer_idy") && screen.contains(" Column   customer_idx"), "{screen}");
}
