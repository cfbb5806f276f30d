//! Random sizes, random keys, random messages: nothing may panic.

use proptest::prelude::*;

use super::{points, script::Script, seed};
use crate::{
    console::{
        Message, Screen,
        app::{Pointer, PointerDeed},
    },
    model::{Decision, FaultId, TablePhase},
    protocol::{Answer, Event, FromHost, HeldWhy, Reply, RestoreProgress, RestoreStep, Retrying, Validating},
};

#[derive(Clone, Debug)]
enum Step {
    Key(&'static str),
    Paste(String),
    Wait(u64),
    Answer(u64, usize),
    Fact(usize),
    Reply(bool),
    Draw(u16, u16),
    Mouse(u16, u16, PointerDeed),
}

const KEYS: &[&str] = &[
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "tab",
    "shift-tab",
    "enter",
    "esc",
    "up",
    "down",
    "left",
    "right",
    "pgup",
    "pgdn",
    "home",
    "end",
    "space",
    "backspace",
    "delete",
    "/",
    "?",
    ":",
    "a",
    "b",
    "c",
    "d",
    "e",
    "i",
    "j",
    "k",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "u",
    "w",
    "x",
    "y",
    "[",
    "]",
    "+",
    "-",
    "ctrl-n",
    "ctrl-r",
    "ctrl-u",
    "ctrl-t",
    "ctrl-f",
    "M",
    "L",
    "f",
    "山",
    "Y",
    "D",
    "R",
    "v",
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..KEYS.len()).prop_map(|at| Step::Key(KEYS[at])),
        1 => any::<String>().prop_map(Step::Paste),
        2 => (0u64..4_000).prop_map(Step::Wait),
        4 => (0u64..30, 0usize..24).prop_map(|(id, which)| Step::Answer(id, which)),
        2 => (0usize..16).prop_map(Step::Fact),
        1 => any::<bool>().prop_map(Step::Reply),
        2 => (0u16..200, 0u16..60, 0usize..3).prop_map(|(x, y, which)| {
            Step::Mouse(x, y, [PointerDeed::Click, PointerDeed::WheelUp, PointerDeed::WheelDown][which])
        }),
        2 => (1u16..=200, 1u16..=60).prop_map(|(width, height)| Step::Draw(width, height)),
    ]
}

fn answer(which: usize) -> Result<Answer, String> {
    Ok(match which {
        0 => seed::plan(),
        1 => seed::tables(),
        2 => seed::page(),
        3 => seed::mapping(),
        4 => seed::trial(),
        5 => seed::checks(true),
        6 => seed::checks(false),
        7 => seed::review(),
        8 => Answer::Count(3),
        9 => seed::migrations(),
        10 => Answer::Validation(Some(Box::new(seed::failed_validation()))),
        11 => {
            let mut found = seed::failed_validation();
            Answer::ValidatedTable(Box::new(seed::validated_table(found.tables.remove(0))))
        }
        13 => seed::log(),
        12 => Answer::Validation(None),
        17 => seed::fix_preview("customer_id"),
        18 => Answer::Retried(Box::default()),
        19 => seed::tiers(),
        20 => Answer::Profile(Some(Box::new(super::profile::customers()))),
        21 => Answer::Profile(None),
        14 => points::all(),
        15 => Answer::RestorePreview(Box::new(points::preview())),
        16 => points::outcome(crate::protocol::Outcome::Failed),
        22 => points::exported(),
        _ => return Err("it \u{1b}[2J broke".into()),
    })
}

fn event(which: usize, seq: u64) -> FromHost {
    let table = || "customers".to_owned();
    seed::fact(
        seq,
        match which {
            0 => seed::started(),
            1 => Event::TableStarted { table: table() },
            2 | 3 => Event::FaultRaised { fault: Box::new(seed::fault(&format!("f{}", seq % 7), seq)) },
            4 => Event::FaultSettled {
                fault: FaultId(format!("f{}", seq % 7)),
                table: table(),
                decision: Decision::Skip,
                by: "eve".into(),
            },
            5 => Event::TableHeld { table: table(), why: HeldWhy::Budget, message: "too much".into() },
            6 => Event::Paused,
            7 => {
                return FromHost::Snapshot(Box::new(seed::snapshot(vec![seed::progress(
                    "x",
                    seq,
                    seq,
                    TablePhase::Done,
                )])));
            }
            9 => Event::Validated(seed::validation().in_short("eve")),
            13 => return super::profile::now(seq),
            14 => return FromHost::Keeping(RestoreProgress { of: seq, ..RestoreProgress::default() }),
            12 => return FromHost::Retrying(seq.is_multiple_of(2).then(Retrying::default)),
            11 => {
                let step = if seq.is_multiple_of(3) { RestoreStep::Done } else { RestoreStep::PuttingBack };
                return FromHost::Restoring(RestoreProgress { step, of: seq, ..RestoreProgress::default() });
            }
            10 => return FromHost::Validating(seq.is_multiple_of(2).then(Validating::default)),
            8 => Event::Stopped { why: "x".into(), by: "y".into() },
            _ => return seed::gauges().remove(0),
        },
    )
}

proptest! {
    #[test]
    fn nothing_panics(start in 0usize..9, steps in proptest::collection::vec(step(), 1..120)) {
        let mut script = Script::open(if start < 8 { Screen::STAGES[start] } else { Screen::Migrations });
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Key(key) => drop(script.keys(key)),
                Step::Paste(text) => drop(script.tell(Message::Paste(text))),
                Step::Wait(ms) => drop(script.at(script.app.now_ms + ms)),
                Step::Answer(id, which) => drop(script.host(FromHost::Answer { id, answer: answer(which) })),
                Step::Fact(which) => drop(script.host(event(which, at as u64 + 1))),
                Step::Reply(done) => {
                    let reply = if done { Reply::Done } else { Reply::Refused("no".into()) };
                    script.host(FromHost::Reply { id: at as u64 % 20, reply });
                }
                Step::Mouse(x, y, deed) => drop(script.tell(Message::Mouse(Pointer { x, y, deed }))),
                Step::Draw(width, height) => drop(script.screen(width, height)),
            }
        }
        for (width, height) in [(1, 1), (59, 16), (60, 16), (61, 17), (80, 24), (200, 60)] {
            script.screen(width, height);
        }
    }
}
