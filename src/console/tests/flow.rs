//! A migration from opening the console to its end, against a host at the other end of a port.

use super::{host::Stage, script::Script, seed};
use crate::{
    console::Screen,
    model::{Counts, Decision, FaultId, RunPhase, Scope},
    protocol::{Answer, Ask, Command, Event, SideView},
};

pub(super) fn answer(ask: &Ask) -> Result<Answer, String> {
    Ok(match ask {
        Ask::Plan | Ask::Select { .. } => seed::plan(),
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
    let selected = Ask::Select { table: "internal_logs".into(), selected: true };
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
