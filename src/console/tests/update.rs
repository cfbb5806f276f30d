//! What messages do, where it matters most: answers, arming, newest wins, undo, start.

use super::{script::Script, seed};
use crate::{
    console::{
        Effect, Exit, Message, Screen,
        app::{Pointer, PointerDeed},
        overlays::Overlay,
    },
    model::{Cell, Decision, FaultId, NamedCell, Scope},
    protocol::{
        Answer, Ask, CheckItem, CheckState, Command, Event, FromHost, Reply, ReviewAction, SampleChoice, SampleSaying,
        SampleVerdict, Validating,
    },
};

fn running() -> Script {
    let mut script = Script::open(Screen::Run);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.host(FromHost::Snapshot(Box::new(seed::customers())));
    script
}

fn raise(script: &mut Script, seq: u64, id: &str) {
    script.host(seed::fact(seq, Event::FaultRaised { fault: Box::new(seed::fault(id, seq)) }));
}

fn prompt(script: &Script) -> Option<String> {
    match script.app.overlays.last() {
        Some(Overlay::Prompt(prompt)) => Some(prompt.fault.0.clone()),
        _ => None,
    }
}

#[test]
fn the_prompt_waits_until_nobody_types_and_then_until_it_was_seen() {
    let mut script = running();
    script.at(1_000).keys("down");
    raise(&mut script, 11, "a");
    assert_eq!(script.app.wakes_in(), Some(2_000));
    script.at(2_999);
    assert_eq!(prompt(&script), None);
    script.at(3_000);
    assert_eq!(prompt(&script).as_deref(), Some("a"));
    script.at(3_299).keys("enter");
    assert_eq!(script.commands(), [], "keys of the first 300 ms are dropped");
    script.at(3_300).keys("enter");
    let stop = Command::Answer { fault: FaultId("a".into()), decision: Decision::Stop, scope: Scope::Row };
    assert_eq!(script.commands(), [stop]);
}

#[test]
fn the_prompt_does_not_come_over_another_overlay() {
    let mut script = running();
    script.keys("?");
    raise(&mut script, 11, "a");
    script.at(60_000);
    assert_eq!((prompt(&script), script.app.wakes_in()), (None, None));
    script.keys("esc").at(62_000);
    assert_eq!(prompt(&script).as_deref(), Some("a"));
}

#[test]
fn a_key_opens_it_at_once_and_esc_sets_it_aside() {
    let mut script = running();
    raise(&mut script, 11, "a");
    script.keys("a").at(400).keys("esc").at(60_000);
    assert_eq!(prompt(&script), None);
    raise(&mut script, 12, "b");
    script.at(70_000);
    assert_eq!(prompt(&script).as_deref(), Some("b"), "another one still comes up");
    script.at(71_000).keys("esc a");
    assert_eq!(prompt(&script).as_deref(), Some("a"));
}

#[test]
fn after_an_answer_the_next_one_comes_that_it_does_not_settle() {
    let mut script = running();
    for (seq, id) in [(11, "a"), (12, "b")] {
        raise(&mut script, seq, id);
    }
    let mut other = seed::fault("c", 9);
    other.column = Some("name".into());
    script.host(seed::fact(13, Event::FaultRaised { fault: Box::new(other) }));
    script.keys("a").at(1_000).keys("up right enter");
    let answer = Command::Answer { fault: FaultId("a".into()), decision: Decision::Skip, scope: Scope::ColumnAndCause };
    assert_eq!(script.commands(), [answer]);
    assert_eq!(prompt(&script).as_deref(), Some("c"));
    script.keys("enter");
    assert_eq!(script.commands().len(), 1, "the next one is armed anew");
}

#[test]
fn a_refused_answer_brings_the_fault_back() {
    let mut script = running();
    raise(&mut script, 11, "a");
    script.keys("a").at(1_000).keys("enter").reply(Reply::Refused("the row is not the one shown".into()));
    script.at(60_000);
    assert_eq!(prompt(&script).as_deref(), Some("a"));
}

#[test]
fn a_fault_that_another_operator_settles_closes_its_prompt() {
    let mut script = running();
    raise(&mut script, 11, "a");
    script.keys("a");
    let (fault, decision) = (FaultId("a".into()), Decision::Flag);
    script.host(seed::fact(12, Event::FaultSettled { fault, table: "customers".into(), decision, by: "eve".into() }));
    assert_eq!(prompt(&script), None);
}

#[test]
fn an_edit_sends_what_was_changed_and_only_for_its_row() {
    let mut script = running();
    raise(&mut script, 11, "a");
    script.keys("a").at(1_000).keys("right right down down enter enter");
    assert_eq!(script.commands(), [], "nothing is changed yet");
    script.keys("home delete delete delete down ctrl-n down down down").type_text("0 ").keys("enter");
    let named = |name: &str, cell| NamedCell { name: name.into(), cell };
    let cells =
        vec![named("customer_id", Cell::text("123")), named("name", Cell::Null), named("fax", Cell::text("0 "))];
    let answer = Command::Answer { fault: FaultId("a".into()), decision: Decision::Edit { cells }, scope: Scope::Row };
    assert_eq!(script.commands(), [answer]);
    assert!(script.app.overlays.is_empty());
}

#[test]
fn an_older_trial_never_replaces_a_newer_one() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.keys("down enter");
    let first = script.effects.iter().rev().find_map(|effect| match effect {
        Effect::Send(crate::protocol::ToHost::Ask { id, ask: Ask::Trial { .. } }) => Some(*id),
        _ => None,
    });
    script.keys("tab").type_text("trim(name)");
    script.answer(|ask| matches!(ask, Ask::Trial { .. }), Ok(seed::trial()));
    script.host(FromHost::Answer { id: first.unwrap(), answer: Err("old".into()) });
    let Some(Overlay::Column(form)) = script.app.overlays.last() else { panic!("the form is open") };
    assert!(form.trial.error.is_none() && form.trial.value.is_some());
    let texts: Vec<String> = script
        .asks()
        .into_iter()
        .filter_map(|ask| match ask {
            Ask::Trial { text, .. } => text,
            _ => None,
        })
        .collect();
    assert!(texts.last().unwrap().contains("name = { expr = \"trim(name)\" }"), "{texts:?}");
}

#[test]
fn start_is_cancelled_first_and_names_the_destination() {
    let mut script = Script::open(Screen::Check);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| *ask == Ask::Check, Ok(seed::checks(false)));
    script.keys("s");
    assert!(script.screen(80, 24).contains("Destination: sqlite:credvault.db (production)"));
    script.keys("enter s esc");
    assert!(!script.asks().iter().any(|ask| matches!(ask, Ask::Start { .. })));
    script.keys("s right enter");
    assert!(script.asks().iter().any(|ask| matches!(ask, Ask::Start { .. })));
}

#[test]
fn a_paste_goes_to_a_field_only() {
    let mut script = Script::open(Screen::Tables);
    script.tell(Message::Paste("q\n".into()));
    assert!(script.app.toasts.last().unwrap().text.contains("field only"));
    script.keys("/").tell(Message::Paste("cust\n".into()));
    assert_eq!(script.app.tables.filter.text(), "cust");
}

#[test]
fn a_password_goes_to_the_host_alone_and_is_forgotten() {
    let mut script = Script::open(Screen::Connect);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.keys("end up enter").type_text("hunter2");
    assert!(!script.screen(80, 24).contains("hunter2"));
    script.keys("enter");
    let Some(Ask::Connect { password: Some(password), .. }) = script.asks().pop() else { panic!("connects") };
    assert_eq!(password.0, "hunter2");
    assert!(!format!("{:?}{:?}", script.app, script.effects).contains("hunter2"));
    let view = crate::protocol::SideView { side: crate::protocol::SideName::Source, version: "15".into() };
    script.answer(|ask| matches!(ask, Ask::Connect { .. }), Ok(crate::protocol::Answer::Connected(view)));
    script.keys("t");
    assert!(matches!(script.asks().pop(), Some(Ask::Connect { password: None, .. })));
}

#[test]
fn an_address_is_saved_before_it_is_tested() {
    let mut script = Script::open(Screen::Connect);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.keys("down enter").type_text("x").keys("enter esc t");
    let Some(Ask::Save { text }) = script.asks().pop() else { panic!("saves: {:?}", script.asks()) };
    assert!(text.contains("@source-db.example.comx/old_database"), "{text}");
    script.answer(|ask| matches!(ask, Ask::Save { .. }), Ok(seed::plan_of(&text)));
    assert!(matches!(script.asks().pop(), Some(Ask::Connect { .. })));
}

#[test]
fn quitting_asks_only_while_a_run_goes_on() {
    let mut script = running();
    script.keys("q enter");
    assert!(!script.effects.iter().any(|effect| matches!(effect, Effect::Quit(_))));
    script.keys("q right enter");
    assert_eq!(script.effects.last(), Some(&Effect::Quit(Exit::Detached)));
    let mut script = Script::open(Screen::Connect);
    script.keys("q");
    assert_eq!(script.effects.last(), Some(&Effect::Quit(Exit::Quit)));
}

#[test]
fn run_keys_send_their_commands() {
    let mut script = running();
    script.keys("p + - x right enter");
    let parallel = |tables| Command::Parallel { tables };
    assert_eq!(script.commands(), [Command::Pause, parallel(5), parallel(3), Command::Stop]);
    script.host(seed::fact(11, Event::Paused)).keys("p");
    assert_eq!(script.commands().last(), Some(&Command::Resume));
}

#[test]
fn a_limit_is_set_changed_and_taken_away_while_the_run_goes_on() {
    let mut script = running();
    let limit = |rows_per_second| Command::Throttle { rows_per_second };
    script.keys("t").type_text("x").keys("enter");
    assert_eq!(script.commands(), [], "that is no number");
    script.keys("ctrl-u").type_text("5,000").keys("enter");
    assert_eq!(script.commands().last(), Some(&limit(Some(5_000))));
    script.host(seed::fact(11, Event::ThrottleSet { rows_per_second: Some(5_000), by: "ada".into() }));
    assert!(script.screen(80, 24).contains("Tables · 4 at once · at most 5,000 rows/s"));
    script.keys("t backspace backspace backspace backspace enter");
    assert_eq!(script.commands().last(), Some(&limit(None)), "5000 was there to be changed");
}

#[test]
fn a_discard_needs_a_reason() {
    let mut script = Script::open(Screen::Review);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Review { .. }), Ok(seed::review()));
    script.keys("down d enter").type_text("test account").keys("enter");
    let acts: Vec<Ask> = script.asks().into_iter().filter(|ask| matches!(ask, Ask::Act { .. })).collect();
    let action = ReviewAction::Discard { reason: "test account".into() };
    assert_eq!(acts, [Ask::Act { fault: FaultId("a".into()), action }]);
}

#[test]
fn nothing_animates_while_nothing_happens() {
    let mut script = running();
    script.at(100_000);
    assert_eq!(script.app.wakes_in(), None);
}

#[test]
fn every_action_is_reachable_in_the_palette_of_its_screen() {
    for screen in Screen::STAGES {
        let mut script = Script::open(screen);
        script.keys(":");
        let screen_text = script.screen(120, 60);
        for action in crate::console::ACTIONS.iter().filter(|action| action.scope == screen.scope()) {
            assert!(screen_text.contains(action.title), "{}", action.title);
        }
    }
}

#[test]
fn what_the_checks_want_confirmed_is_asked_before_a_start() {
    let mut script = Script::open(Screen::Check);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    let items = vec![CheckItem {
        name: "Time to run".into(),
        state: CheckState::Unconfirmed,
        details: vec!["it is noon".into()],
    }];
    script.answer(|ask| *ask == Ask::Check, Ok(Answer::Checks(items)));
    assert!(script.screen(80, 24).contains("? Time to run"));
    script.keys("s");
    let screen = script.screen(80, 24);
    assert!(screen.contains("? it is noon") && screen.contains("Start all the same"), "{screen}");
    script.keys("enter");
    assert!(!script.asks().iter().any(|ask| matches!(ask, Ask::Start { .. })), "Cancel is chosen first");
    script.keys("s right enter");
    assert!(script.asks().contains(&Ask::Start { on_error: None, confirmed: true }));
}

#[test]
fn a_changed_mapping_says_who_and_when() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.keys("down enter down").type_text("trim(name)").keys("pgdn").type_text("agreed").keys("enter");
    let saved = script.asks().into_iter().find_map(|ask| match ask {
        Ask::Save { text } => Some(text),
        _ => None,
    });
    let saved = saved.expect("the plan was saved");
    let line = saved.lines().find(|line| line.contains("agreed")).unwrap_or_default();
    assert!(line.contains("by = \"ada\"") && line.contains("on = \"1970-01-01\""), "{saved}");
}

#[test]
fn a_validation_is_asked_for_followed_and_looked_at() {
    let mut script = Script::open(Screen::Validate);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| *ask == Ask::Validation, Ok(Answer::Validation(None)));
    script.keys("r r");
    let asked = |script: &Script, ask: &Ask| script.asks().iter().filter(|asked| *asked == ask).count();
    assert_eq!(asked(&script, &Ask::Validate), 1, "one at a time");
    script.host(FromHost::Validating(Some(Validating::default()))).keys("x enter");
    assert_eq!(asked(&script, &Ask::StopValidation), 0, "Cancel is chosen first");
    script.keys("x y");
    assert_eq!(asked(&script, &Ask::StopValidation), 1);
    script.host(FromHost::Validating(None));
    let found = Answer::Validation(Some(Box::new(seed::failed_validation())));
    script.answer(|ask| *ask == Ask::Validate, Ok(found));
    let table = |name: &str| Ask::ValidatedTable { table: name.into() };
    assert_eq!(asked(&script, &table("customers")), 1);
    script.keys("n");
    assert_eq!(asked(&script, &table("orders")), 1, "the rows of a table are asked for once one stands on it");
    script.keys("/").type_text("prod").keys("enter");
    assert_eq!(script.app.validate.current().map(|table| table.to.as_str()), Some("products"));
}

#[test]
fn what_somebody_else_validates_is_looked_at_too() {
    let mut script = Script::open(Screen::Validate);
    script.answer(|ask| *ask == Ask::Validation, Ok(Answer::Validation(None)));
    let asked = |script: &Script| script.asks().iter().filter(|ask| **ask == Ask::Validation).count();
    script.host(FromHost::Validating(Some(Validating::default()))).host(FromHost::Validating(None));
    assert_eq!(asked(&script), 2);
}

#[test]
fn a_run_takes_the_verdict_of_the_one_before_away() {
    let mut script = Script::open(Screen::Validate);
    let found = Answer::Validation(Some(Box::new(seed::validation())));
    script.answer(|ask| *ask == Ask::Validation, Ok(found));
    assert!(script.app.validated().is_some());
    script.host(seed::fact(1, seed::started()));
    assert_eq!(script.app.validated(), None);
}

#[test]
fn the_mouse_points_at_stages_lines_and_buttons() {
    let size = (80, 24);
    let mut script = Script::open(Screen::Connect);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.click("2 Tables", size);
    assert_eq!(script.app.screen, Screen::Tables);
    script.answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    script.click("orders", size);
    assert_eq!(script.app.tables.cursor.0, 2);
    assert!(script.app.overlays.is_empty());
    script.click("orders", size);
    assert!(matches!(script.app.overlays.last(), Some(Overlay::Rows(_))), "a second click opens it");
    script.click("1 Connect", size);
    assert_eq!(script.app.screen, Screen::Tables, "what lies under an overlay is not clicked");
    script.keys("esc").click("count", size);
    assert!(matches!(script.asks().pop(), Some(Ask::Count { .. })), "the footer is there to be clicked");
    let wheel = Message::Mouse(Pointer { x: 5, y: 5, deed: PointerDeed::WheelUp });
    script.keys("esc G").tell(wheel);
    assert_eq!(script.app.tables.cursor.0, 1);
    script.keys("4").answer(|ask| *ask == Ask::Check, Ok(seed::checks(false)));
    script.keys("s").click("[ Cancel ]", size);
    assert!(script.app.overlays.is_empty());
    script.keys("s").click("[ Start Migration ]", size);
    assert!(script.asks().iter().any(|ask| matches!(ask, Ask::Start { .. })));
}

#[test]
fn a_prompt_is_deaf_to_clicks_too_at_first() {
    let mut script = running();
    raise(&mut script, 11, "a");
    script.keys("a").at(100).click("Skip row", (80, 24)).click("Skip row", (80, 24));
    assert_eq!(script.commands(), []);
    script.at(1_000).click("Skip row", (80, 24)).click("Skip row", (80, 24));
    let skip = Command::Answer { fault: FaultId("a".into()), decision: Decision::Skip, scope: Scope::Row };
    assert_eq!(script.commands(), [skip]);
}

#[test]
fn a_theme_is_tried_while_choosing_and_taken_back_by_esc() {
    let mut script = Script::open(Screen::Connect);
    script.keys("ctrl-t down");
    assert_eq!(script.app.look.name, "light");
    script.keys("esc");
    assert_eq!(script.app.look.name, "dark");
    script.keys("ctrl-t down down enter");
    assert_eq!(script.app.look.name, "high-contrast");
    assert!(script.buffer(80, 24).content.iter().all(|cell| cell.bg != ratatui::style::Color::Reset), "its own ground");
}

#[test]
fn a_console_comes_back_to_where_one_was() {
    let mut script = Script::open(Screen::Connect);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.keys("2").answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    script.keys("/").type_text("ord").keys("enter 3 ]");
    script.app.remember();
    let memory = script.app.memory.clone();
    let back = |start| {
        let mut script = Script::open(start);
        script.app.memory = memory.clone();
        script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
        script
    };
    let mut script = back(Screen::Connect);
    assert_eq!(script.app.screen, Screen::Map);
    assert_eq!(script.app.map_table().map(|table| table.to.as_str()), Some("orders"));
    script.keys("2").answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(seed::tables()));
    assert_eq!(script.app.tables.shown(), 1);
    assert_eq!(back(Screen::Run).app.screen, Screen::Run, "a screen that was asked for stays");
}

#[test]
fn other_keys_are_in_footer_help_and_palette() {
    let mut script = running();
    script.app.keys = crate::console::keys::Keymap::read("stop = \"f9\"\nmore-parallel = \"U\"").unwrap();
    let footer = script.screen(120, 40);
    assert!(footer.contains("f9 stop") && footer.contains("U parallel"), "{footer}");
    script.keys("x");
    assert!(script.app.overlays.is_empty());
    script.keys("?").type_text("halt");
    assert!(script.screen(120, 40).contains("f9"));
    script.keys("esc f9");
    assert!(matches!(script.app.overlays.last(), Some(Overlay::Confirm(_))));
}

/// A source with more tables than anybody scrolls through.
fn many_tables() -> Script {
    let entry = |at: usize| crate::model::TableEntry {
        name: format!("sales_{at:04}_{}", ["lines", "heads", "old"][at % 3]),
        rows: crate::model::Count::Estimate(at as u64),
        bytes: None,
    };
    let text: String = (0..2_500).map(|at| format!("[[table]]\nfrom = \"{}\"\n", entry(at).name)).collect();
    let mut script = Script::open(Screen::Tables);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan_of(&format!("[plan]\nname = \"many\"\n{text}"))));
    let list = (0..5_000).map(entry).collect();
    script.answer(|ask| matches!(ask, Ask::Tables { .. }), Ok(Answer::Tables(list)));
    script
}

#[test]
fn five_thousand_tables_are_drawn_by_the_screenful() {
    let mut script = many_tables();
    let screen = script.screen(120, 40);
    assert!(screen.contains("2,500 of 5,000 selected"), "{screen}");
    let rows = |script: &Script| {
        let rows = script.app.hits.all().iter().filter(|(_, hit)| matches!(hit, crate::console::widgets::Hit::Row(_)));
        rows.count()
    };
    assert_eq!(rows(&script), 35, "only what fits is made into lines");
    let before = script.app.tables.looked.get();
    for keys in ["down", "pgdn", "G", "up", "g"] {
        script.keys(keys).screen(120, 40);
    }
    assert_eq!(script.app.tables.looked.get(), before, "moving looks at no name again");
    script.keys("/").type_text("4999");
    assert_eq!(script.app.tables.looked.get(), before + 4 * 5_000, "a letter looks at each name once");
    script.screen(120, 40);
    assert_eq!((script.app.tables.shown(), rows(&script)), (1, 1));
}

#[test]
fn a_pattern_takes_tables_into_the_plan() {
    let mut script = many_tables();
    script.keys("/").type_text("sales_49??_old").keys("enter a");
    let Some(Ask::Select { tables, selected: true }) = script.asks().pop() else { panic!("{:?}", script.asks().pop()) };
    assert_eq!(tables.len(), 33);
    assert!(tables.iter().all(|table| table.starts_with("sales_49") && table.ends_with("_old")));
}

#[test]
fn names_are_suggested_and_completed_by_tab() {
    let mut script = Script::open(Screen::Map);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    script.answer(|ask| matches!(ask, Ask::Mapping { .. }), Ok(seed::mapping()));
    script.keys("down enter");
    script.answer(|ask| *ask == Ask::Functions, Ok(Answer::Functions(vec!["upper".into(), "custom".into()])));
    script.keys("down").type_text("upp");
    assert!(script.screen(80, 24).contains("tab upper("));
    script.keys("tab").type_text("cust");
    assert!(script.screen(80, 24).contains("tab customer_id · custom("), "{}", script.screen(80, 24));
    script.keys("tab").type_text(")");
    let Some(Overlay::Column(form)) = script.app.overlays.last_mut() else { panic!("the form is open") };
    assert_eq!(form.field().unwrap().text(), "upper(customer_id)");
    script.keys("tab");
    assert!(script.screen(80, 24).contains("▸ Type"), "with nothing to complete it goes on");
}

#[test]
fn sampled_rows_are_approved_rejected_and_commented_with_a_reason() {
    let mut script = Script::open(Screen::Validate);
    script.answer(|ask| *ask == Ask::Plan, Ok(seed::plan()));
    let found = Answer::Validation(Some(Box::new(seed::failed_validation())));
    script.answer(|ask| *ask == Ask::Validation, Ok(found));
    let rows = seed::validated_table(seed::failed_validation().tables[0].clone());
    let rows = Answer::ValidatedTable(Box::new(rows));
    script.answer(|ask| matches!(ask, Ask::ValidatedTable { .. }), Ok(rows));
    let said = |script: &Script| {
        let asks = script.asks().into_iter();
        asks.filter_map(|ask| if let Ask::ReviewSample(saying) = ask { Some(saying) } else { None }).collect::<Vec<_>>()
    };
    script.keys("enter a x");
    assert!(said(&script).is_empty(), "only on the sample");
    script.keys("right right a");
    let first = SampleSaying {
        table: "customers".into(),
        rows: SampleChoice::Row("row-456".into()),
        verdict: SampleVerdict::Approved,
        reviewer: None,
        comment: None,
    };
    assert_eq!(said(&script), std::slice::from_ref(&first));
    script.keys("A");
    assert_eq!(said(&script).len(), 1, "one word after the other");
    let mut reviewed = seed::failed_validation();
    reviewed.tables[0].sample.approved = 1;
    script.answer(|ask| matches!(ask, Ask::ReviewSample(_)), Ok(Answer::Validation(Some(Box::new(reviewed)))));
    script.keys("down x enter");
    assert!(script.screen(80, 24).contains("A reason is needed"));
    script.type_text("wrong mail").keys("enter");
    let rejected = SampleSaying {
        rows: SampleChoice::Row("row-8923".into()),
        verdict: SampleVerdict::Rejected,
        comment: Some("wrong mail".into()),
        ..first
    };
    assert_eq!(said(&script).last(), Some(&rejected));
    script.answer(|ask| matches!(ask, Ask::ReviewSample(_)), Err("the ledger is locked"));
    assert!(script.screen(80, 24).contains("the ledger is locked"));
}
