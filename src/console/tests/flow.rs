//! A migration from opening the console to its end, against a host at the other end of a port.

use super::{host::Stage, points, script::Script, seed};
use crate::{
    console::Screen,
    model::{Counts, Decision, FaultId, RunPhase, Scope},
    protocol::{Answer, Ask, Command, Event, NewMigration, SideView},
};

pub(super) fn answer(ask: &Ask) -> Result<Answer, String> {
    Ok(match ask {
        Ask::Plan | Ask::Select { .. } | Ask::Open { .. } | Ask::New(_) => seed::plan(),
        Ask::Migrations => seed::migrations(),
        Ask::Save { text } => seed::plan_of(text),
        Ask::Connect { side, .. } => Answer::Connected(SideView { side: *side, version: "PostgreSQL 15.4".into() }),
        Ask::Tables { .. } => seed::tables(),
        Ask::Preview { .. } => seed::page(),
        Ask::Mapping { .. } => seed::mapping(),
        Ask::Trial { .. } => seed::trial(),
        Ask::Check => seed::checks(false),
        Ask::Start { .. } => Answer::Started(seed::run_id()),
        Ask::Review { .. } => seed::review(),
        Ask::Count { .. } => Answer::Count(1_234_567),
        Ask::RestorePoints { .. } => Answer::RestorePoints(vec![points::one()]),
        Ask::PreviewFix { .. } | Ask::RetryMany { .. } => return Err("not in this script".into()),
        Ask::StopRetrying => Answer::Done,
        Ask::RestorePreview { .. } | Ask::Restore { .. } | Ask::ExportOthers { .. } | Ask::Purge { .. } => {
            return Err("not in this script".into());
        }
        Ask::Validate | Ask::Validation | Ask::StopValidation | Ask::ReviewSample(_) => {
            Answer::Validation(Some(Box::new(seed::validation())))
        }
        Ask::ValidatedTable { .. } => {
            Answer::ValidatedTable(Box::new(seed::validated_table(seed::proven("customers", 1_234_567))))
        }
        Ask::Profile { .. } | Ask::StopProfile | Ask::Profiled { .. } => Answer::Profile(None),
        Ask::Log => seed::log(),
        Ask::Functions => Answer::Functions(vec!["lower".into(), "trim".into()]),
        Ask::Describe { .. } | Ask::Act { .. } => return Err("not in this script".into()),
    })
}

#[tokio::test]
async fn a_migration_from_opening_to_its_end() {
    let mut stage = Stage::new(Script::open(Screen::Connect));
    stage.settle(answer).await;
    stage.keys("t").settle(answer).await;
    assert!(stage.script.screen(80, 24).contains("✓ Connected: PostgreSQL 15.4"));

    stage.keys("2").settle(answer).await;
    stage.keys("c").settle(answer).await;
    assert!(stage.script.screen(80, 24).contains("1,234,567 rows"));
    stage.keys("p").settle(answer).await;
    assert!(stage.script.screen(80, 24).contains("... (showing 3 of 1,234,567 rows)"));
    stage.keys("esc down space").settle(answer).await;
    let selected = Ask::Select { tables: vec!["internal_logs".into()], selected: true };
    assert!(stage.script.asks().contains(&selected));

    stage.keys("3").settle(answer).await;
    assert!(stage.script.screen(80, 24).contains("customers → customers"));
    stage.keys("4").settle(answer).await;
    stage.keys("s right enter").settle(answer).await;
    assert_eq!(stage.script.app.screen, Screen::Run);

    stage.say(seed::fact(1, seed::started())).await;
    stage.say(seed::fact(2, Event::TableStarted { table: "customers".into() })).await;
    let fault = Box::new(seed::fault("a", 45_632));
    stage.say(seed::fact(3, Event::FaultRaised { fault })).await;
    assert!(stage.script.screen(80, 24).contains("! 1 error"), "the badge is there at once");
    stage.script.at(10_000);
    assert!(stage.script.screen(80, 24).contains("Error on row 45,632 of customers"));
    stage.script.at(11_000).keys("down enter");
    let decision = Decision::Flag;
    let sent = Command::Answer { fault: FaultId("a".into()), decision: decision.clone(), scope: Scope::Row };
    assert_eq!(stage.settle(answer).await, [sent]);

    let (fault, table) = (FaultId("a".into()), "customers".to_owned());
    stage.say(seed::fact(4, Event::FaultSettled { fault, table, decision, by: "ada".into() })).await;
    let counts = Counts { read: 1_234_567, written: 1_234_566, flagged: 1, ..Counts::default() };
    stage.say(seed::fact(5, Event::ChunkCommitted { table: "customers".into(), chunk: 0, counts })).await;
    stage.say(seed::fact(6, Event::TableFinished { table: "customers".into(), counts })).await;
    stage.say(seed::fact(7, Event::Completed { counts })).await;
    assert_eq!(stage.script.app.run.snapshot.phase, RunPhase::Completed);
    let screen = stage.script.screen(80, 24);
    assert!(screen.contains("written 1,234,566") && screen.contains("flagged 1"), "{screen}");
    stage.keys("6").settle(answer).await;
    assert!(stage.script.screen(80, 24).contains("Flagged rows · 3 wait"));
}

#[tokio::test]
async fn a_failed_connection_shows_cause_and_hint() {
    let mut stage = Stage::new(Script::open(Screen::Connect));
    let refuse = |ask: &Ask| match ask {
        Ask::Connect { .. } => {
            Err("cannot connect to db: password authentication failed. Check user and password".into())
        }
        ask => answer(ask),
    };
    stage.settle(refuse).await;
    stage.keys("t").settle(refuse).await;
    let screen = stage.script.screen(120, 40);
    assert!(screen.contains("password authentication failed") && screen.contains("Check user"), "{screen}");
}

fn no_plan(ask: &Ask) -> Result<Answer, String> {
    let none = Answer::Plan { path: String::new(), text: String::new(), digest: String::new(), problems: Vec::new() };
    if *ask == Ask::Plan { Ok(none) } else { answer(ask) }
}

#[tokio::test]
async fn a_new_migration_leads_to_both_sides_and_all_tables() {
    let mut stage = Stage::new(Script::open(Screen::Migrations));
    stage.settle(no_plan).await;
    stage.keys("2").settle(no_plan).await;
    assert!(stage.script.screen(80, 24).contains("No migration is open"));
    stage.keys("n").script.type_text("Nightly").keys("enter right right enter").type_text("sqlite:a.db").keys("enter");
    stage.script.type_text("sqlite:b.db").keys("enter");
    stage.settle(no_plan).await;
    let new = NewMigration {
        name: "Nightly".into(),
        kind: "scheduled".into(),
        source: "sqlite:a.db".into(),
        destination: "sqlite:b.db".into(),
    };
    assert!(stage.script.asks().contains(&Ask::New(new)), "{:?}", stage.script.asks());
    let screen = stage.script.screen(80, 24);
    assert!(screen.contains("1 Connect✓") && screen.contains("▐2 Tables▌"), "both sides are tried at once: {screen}");
    stage.keys("a").settle(no_plan).await;
    let rest = ["internal_logs", "products", "sessions"].map(str::to_owned).to_vec();
    assert!(stage.script.asks().contains(&Ask::Select { tables: rest, selected: true }));
}

#[tokio::test]
async fn another_migration_opens_with_nothing_left_of_the_one_before() {
    let mut stage = Stage::new(Script::open(Screen::Tables));
    stage.settle(answer).await;
    stage.say(seed::fact(1, seed::started())).await;
    stage.keys("0").settle(answer).await;
    stage.keys("enter").settle(answer).await;
    assert!(!stage.script.asks().iter().any(|ask| matches!(ask, Ask::Open { .. })), "not while a run goes on");
    stage.say(seed::fact(2, Event::Stopped { why: "x".into(), by: "ada".into() })).await;
    stage.keys("enter").settle(answer).await;
    let path = "/srv/plans/postgres-to-credvault-migration.toml".to_owned();
    assert!(stage.script.asks().contains(&Ask::Open { path }));
    assert_eq!(stage.script.app.screen, Screen::Connect);
    assert!(stage.script.app.tables.list.value.is_none() && stage.script.app.plan.undo.is_empty());
}
