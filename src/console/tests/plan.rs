//! The plan: edits of it, made here and elsewhere, and what they are taken back to.

use super::{script::Script, seed};
use crate::{
    console::Screen,
    protocol::{Answer, Ask, FromHost},
};

#[test]
fn an_edit_is_saved_and_can_be_taken_back_and_made_again() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.keys("end up x");
    let edited = saved(&script);
    assert!(edited.contains("\"internal_notes\", \"fax\""), "{edited}");
    script.answer(|ask| matches!(ask, Ask::Save { .. }), Ok(seed::plan_of(&edited)));
    script.keys("u");
    assert_eq!(saved(&script), seed::PLAN);
    script.answer(|ask| matches!(ask, Ask::Save { .. }), Ok(seed::plan()));
    script.keys("ctrl-r");
    assert_eq!(saved(&script), edited);
    script.answer(|ask| matches!(ask, Ask::Save { .. }), Ok(seed::plan_of(&edited)));
    assert_eq!(script.app.plan.undo.len(), 1);
}

#[test]
fn a_plan_that_changed_elsewhere_is_mapped_anew() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    let asked = |script: &Script| script.asks().iter().filter(|ask| matches!(ask, Ask::Mapping { .. })).count();
    script.keys("2 3");
    assert_eq!(asked(&script), 1);
    script.keys("2").answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    script
        .keys("space")
        .answer(|ask| matches!(ask, Ask::Select { .. }), Ok(seed::plan_of(&seed::PLAN.replace("gold", "gilt"))));
    script.keys("3");
    assert_eq!(asked(&script), 2);
}

/// Undoing an edit of before would lose what somebody else wrote since; to undo goes back over that first.
#[test]
fn what_was_changed_elsewhere_is_a_step_of_its_own_to_undo() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.keys("x");
    let ours = saved(&script);
    script.answer(|ask| matches!(ask, Ask::Save { .. }), Ok(seed::plan_of(&ours)));
    let theirs = format!("# theirs\n{ours}");
    script.host(FromHost::PlanChanged).answer(|ask| *ask == Ask::Plan, Ok(seed::plan_of(&theirs)));
    assert!(script.app.toasts.last().unwrap().text.contains("changed elsewhere"));
    script.keys("u");
    assert_eq!(saved(&script), ours);
    script.answer(|ask| matches!(ask, Ask::Save { .. }), Ok(seed::plan_of(&ours)));
    script.keys("u");
    assert_eq!(saved(&script), seed::PLAN);
}

#[test]
fn a_plan_that_does_not_name_itself_goes_by_its_file() {
    let mut script = Script::open(Screen::Tables);
    let plan = seed::plan_of("[source]\nurl = \"sqlite:a.db\"\n[destination]\nurl = \"sqlite:b.db\"\n");
    let Answer::Plan { text, digest, problems, .. } = plan else { panic!("a plan") };
    let path = "/srv/moves/tonight.toml".to_owned();
    script.answer(|ask| *ask == Ask::Plan, Ok(Answer::Plan { path, text, digest, problems }));
    assert!(script.screen(80, 24).contains("whimbrel · tonight "), "{}", script.screen(80, 24));
}

fn saved(script: &Script) -> String {
    let mut saves = script.asks().into_iter().rev().filter_map(|ask| match ask {
        Ask::Save { text } => Some(text),
        _ => None,
    });
    saves.next().unwrap()
}

#[test]
fn a_refused_save_leaves_the_plan_as_it_was() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.keys("x").answer(|ask| matches!(ask, Ask::Save { .. }), Err("refused while a run goes on"));
    assert_eq!(script.app.plan.text, seed::PLAN);
    assert!(script.app.plan.undo.is_empty());
    assert!(script.app.toasts.last().unwrap().bad);
}
