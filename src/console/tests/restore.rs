//! The way back: what it would do is read, others' rows are let go on purpose, the name is typed, and only then it goes.

use super::{points, script::Script, seed};
use crate::{
    console::Screen,
    model::RunPhase,
    protocol::{
        Answer, Ask, Fate, FromHost, Others, Outcome, PointMade, RestorePreview, RestoreProgress, RestoreStep,
        TablePreview,
    },
};

const NAME: &str = "migration_2024_06_12_backup";

fn on_points() -> Script {
    let mut script = Script::open(Screen::Restore);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::RestorePoints { .. }), Ok(points::all()));
    script.keys("down");
    script
}

fn previewed(preview: RestorePreview) -> Script {
    let mut script = on_points();
    script.keys("enter");
    script.answer(|ask| matches!(ask, Ask::RestorePreview { .. }), Ok(Answer::RestorePreview(Box::new(preview))));
    script
}

fn restores(script: &Script) -> Vec<Ask> {
    script.asks().into_iter().filter(|ask| matches!(ask, Ask::Restore { .. })).collect()
}

#[test]
fn nothing_is_gone_back_to_unseen() {
    let mut script = on_points();
    script.keys("b");
    assert!(script.app.overlays.is_empty());
    assert!(script.screen(120, 40).contains("Read first what it would do: enter"));
    assert!(script.asks().iter().all(|ask| !matches!(ask, Ask::Restore { .. })));
}

#[test]
fn what_is_refused_cannot_be_begun() {
    let refusals = vec!["customers cannot be dropped: orders refer to it".to_owned()];
    let mut script = previewed(RestorePreview { refusals, ..points::preview() });
    script.keys("b");
    assert!(script.app.overlays.is_empty());
    assert!(script.screen(120, 40).contains("✗ Cannot be done: customers cannot be dropped"));
}

#[test]
fn what_others_wrote_goes_only_on_purpose_and_the_name_is_typed() {
    let mut script = previewed(points::preview());
    // Without the choice the name alone does nothing.
    script.keys("b tab").type_text(NAME).keys("enter");
    assert!(restores(&script).is_empty());
    assert!(script.screen(120, 40).contains("Say first that what others wrote may go"));
    // With it, another name does nothing.
    script.keys("tab space tab").keys("backspace enter");
    assert!(restores(&script).is_empty());
    assert!(script.screen(120, 40).contains("That is not its name"));
    script.type_text("p").keys("enter");
    let ask = Ask::Restore { name: NAME.into(), typed: NAME.into(), others: Fate::Discard, identity: None };
    assert_eq!(restores(&script), [ask]);
    assert!(script.app.is_restoring());
}

#[test]
fn where_nobody_else_wrote_nothing_is_asked_but_the_name() {
    let tables = vec![TablePreview { table: "customers".into(), ..TablePreview::default() }];
    let preview = RestorePreview { wants_discard: Vec::new(), tables, ..points::preview() };
    let mut script = previewed(preview);
    script.keys("b").type_text(NAME).keys("enter");
    let ask = Ask::Restore { name: NAME.into(), typed: NAME.into(), others: Fate::Unsaid, identity: None };
    assert_eq!(restores(&script), [ask]);
}

#[test]
fn what_is_encrypted_wants_the_file_of_its_key_which_is_remembered() {
    let mut preview = RestorePreview { wants_discard: Vec::new(), ..points::preview() };
    preview.point.tables[0].sealed = true;
    let mut script = previewed(preview.clone());
    assert!(script.screen(80, 24).contains("reads back") || !script.screen(80, 24).contains("--identity"));
    script.keys("b enter").type_text(NAME).keys("enter");
    assert!(restores(&script).is_empty());
    assert!(script.screen(80, 24).contains("Name the file with the key"), "{}", script.screen(80, 24));
    script.keys("tab").type_text("keys/mine.txt");
    insta::assert_snapshot!("typed_sealed_80x24", script.screen(80, 24));
    script.keys("enter enter");
    let Some(Ask::Restore { identity: Some(file), .. }) = restores(&script).pop() else { panic!("it is gone back to") };
    assert!(file.ends_with("keys/mine.txt"), "{file}");
    script.answer(|ask| matches!(ask, Ask::Restore { .. }), Err("the file has no key"));
    script.answer(|ask| matches!(ask, Ask::RestorePoints { .. }), Ok(points::all()));
    script.keys("enter");
    script.answer(|ask| matches!(ask, Ask::RestorePreview { .. }), Ok(Answer::RestorePreview(Box::new(preview))));
    script.keys("b");
    assert!(script.screen(80, 24).contains("keys/mine.txt"), "{}", script.screen(80, 24));
}

#[test]
fn while_it_goes_on_nothing_else_begins_and_its_end_is_shown() {
    let mut script = previewed(points::preview());
    script.keys("b space enter").type_text(NAME).keys("enter");
    let step = RestoreStep::Verifying;
    script.host(FromHost::Restoring(RestoreProgress { point: NAME.into(), step, ..RestoreProgress::default() }));
    assert!(script.screen(80, 24).contains(&format!("Going back to {NAME}: verifying")));
    script.keys("7 r");
    assert!(!script.asks().contains(&Ask::Validate));
    script.keys("8").answer(|ask| matches!(ask, Ask::Restore { .. }), Ok(points::outcome(Outcome::Passed)));
    script.host(FromHost::Restoring(RestoreProgress { step: RestoreStep::Done, ..RestoreProgress::default() }));
    let screen = script.screen(80, 24);
    for words in ["Restore: PASSED", "✓ customers: emptied and reloaded, 1,234,567 rows", "The way back from here"] {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
    assert!(!script.app.is_restoring());
}

#[test]
fn a_restore_that_fails_says_why_and_can_be_asked_for_again() {
    let mut script = previewed(points::preview());
    script.keys("b space enter").type_text(NAME).keys("enter");
    script.answer(|ask| matches!(ask, Ask::Restore { .. }), Err("the server is gone. Look at it."));
    assert!(script.screen(80, 24).contains("✗ Not gone back: the server is gone"));
    assert!(!script.app.is_restoring());
    script.at(60_000).keys("ctrl-r").answer(|ask| matches!(ask, Ask::RestorePoints { .. }), Ok(points::all()));
    script.keys("enter");
    let preview = Answer::RestorePreview(Box::new(points::preview()));
    script.answer(|ask| matches!(ask, Ask::RestorePreview { .. }), Ok(preview));
    assert!(script.screen(80, 24).contains("What going back would do"));
}

#[test]
fn a_run_that_is_over_leads_to_its_restore_point() {
    let mut script = Script::open(Screen::Run);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    let mut snapshot = seed::customers();
    snapshot.point = Some(PointMade { name: NAME.into(), ..PointMade::default() });
    script.host(FromHost::Snapshot(Box::new(snapshot.clone()))).keys("b");
    assert_eq!(script.app.screen, Screen::Run, "not while it goes on");
    snapshot.phase = RunPhase::Stopped;
    script.host(FromHost::Snapshot(Box::new(snapshot)));
    assert!(script.screen(120, 40).contains("b roll back"));
    script.keys("b").answer(|ask| matches!(ask, Ask::RestorePoints { .. }), Ok(points::all()));
    assert_eq!(script.app.restore.current().map(|point| point.name.as_str()), Some(NAME));
}

#[test]
fn a_purge_wants_the_name_or_a_word() {
    let mut script = on_points();
    script.keys("D").type_text("migration").keys("enter");
    assert!(!script.asks().iter().any(|ask| matches!(ask, Ask::Purge { .. })));
    script.type_text("_2024_06_12_backup").keys("enter");
    assert!(script.asks().contains(&Ask::Purge { name: Some(NAME.into()), typed: NAME.into() }));
    script.keys("x enter");
    assert!(!script.asks().contains(&Ask::Purge { name: None, typed: String::new() }), "Cancel comes first");
    script.keys("x right enter");
    assert!(script.asks().contains(&Ask::Purge { name: None, typed: String::new() }));
}

#[test]
fn what_is_kept_before_a_start_is_shown_while_it_takes() {
    let mut script = Script::open(Screen::Check);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    let keeping = |step| {
        FromHost::Keeping(RestoreProgress {
            step,
            table: "customers".into(),
            rows: 12_000,
            ..RestoreProgress::default()
        })
    };
    script.host(keeping(RestoreStep::Keeping));
    assert_eq!(script.app.screen, Screen::Check, "of somebody else's restore nothing is shown here");
    script.answer(|ask| *ask == Ask::Check, Ok(seed::checks(false)));
    script.keys("s right enter").host(keeping(RestoreStep::Keeping));
    let screen = script.screen(80, 24);
    assert!(screen.contains("Now: making a restore point: customers, 12,000 rows kept"), "{screen}");
    script.host(keeping(RestoreStep::Done));
    assert!(!script.screen(80, 24).contains("making a restore point"));
}

#[test]
fn rows_that_others_added_may_be_kept_where_they_did_nothing_else() {
    let mut script = previewed(points::preview());
    script.keys("b space space").keys("enter").type_text(NAME);
    assert!(script.screen(120, 40).contains("☑ The rows that others added are put back"));
    script.keys("enter");
    let ask = Ask::Restore { name: NAME.into(), typed: NAME.into(), others: Fate::Keep, identity: None };
    assert_eq!(restores(&script), [ask]);

    let mut preview = points::preview();
    preview.tables[0].others = Others::Changed;
    let mut script = previewed(preview);
    script.keys("b space space").keys("enter").type_text(NAME).keys("enter");
    assert!(restores(&script).is_empty(), "the choice goes round without keeping");
}

#[test]
fn what_others_wrote_is_exported_to_a_folder_that_is_named() {
    let mut script = previewed(points::preview());
    assert!(script.screen(120, 40).contains("others: id = 1300001"), "{}", script.screen(120, 40));
    script.keys("o enter");
    assert!(script.screen(80, 24).contains("Name a folder"));
    script.type_text("out");
    insta::assert_snapshot!("typed_export_80x24", script.screen(80, 24));
    script.keys("enter");
    let is_export = |ask: &Ask| matches!(ask, Ask::ExportOthers { .. });
    let asks: Vec<Ask> = script.asks().into_iter().filter(is_export).collect();
    let [Ask::ExportOthers { name, folder, identity: None }] = asks.as_slice() else { panic!("{asks:?}") };
    assert!(name == NAME && folder.ends_with("out"), "{folder}");
    assert!(script.screen(80, 24).contains("Exporting what others wrote since"));
    script.keys("o");
    assert!(script.screen(80, 24).contains("It is being exported"));
    script.answer(is_export, Ok(points::exported()));
    let screen = script.screen(120, 40);
    for words in
        ["✓ customers: 3 row(s) of others in /srv/out/customers.csv", "! orders: no row", "Private values are left"]
    {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
}
