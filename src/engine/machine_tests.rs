//! The machine against a simulated world: random rows, answers, failures, pauses and crashes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{AttemptSpec, Input, Machine, Step, TableStart};
use crate::{
    endpoint::Position,
    ledger::Answered,
    model::{Cause, Count, Counts, Decision, Fault, FaultId, NamedCell, OnError, RunId, RunPhase, Scope, TablePhase},
    protocol::{Command, Event, Fact, Reply, Snapshot, StartedTable},
};

const CHUNK: usize = 4;

/// Tables of rows that are good or bad, and what a real destination and ledger would hold of them.
#[derive(Default)]
struct World {
    tables: Vec<Vec<bool>>,
    /// Per table and chunk: where it ended (None: at the table's end), and its counts.
    marks: BTreeMap<usize, Vec<(Option<usize>, Counts)>>,
    /// How often each row was written, skipped or flagged.
    fates: BTreeMap<(usize, usize), Vec<&'static str>>,
    facts: Vec<Fact>,
    answered: Vec<Answered>,
}

fn run_id() -> RunId {
    RunId("run".into())
}

fn name(table: usize) -> String {
    format!("t{table}")
}

fn fault(table: usize, row: usize) -> Fault {
    Fault {
        id: FaultId(format!("{table}:{row}")),
        run: run_id(),
        table: name(table),
        row: row as u64 + 1,
        column: Some(format!("c{}", row % 2)),
        target: None,
        value: None,
        expected: "Integer".into(),
        cause: Cause::Conversion,
        message: "bad".into(),
        cells: Vec::<NamedCell>::new(),
        digest: format!("{table}:{row}"),
    }
}

impl World {
    fn index(&self, table: &str) -> usize {
        table[1..].parse().unwrap()
    }

    fn machine(&self, on_error: OnError, parallel: usize, attended: bool) -> Machine {
        let starts = (0..self.tables.len()).map(|table| self.start(table)).collect();
        let mut before = Snapshot::default();
        self.facts.iter().for_each(|fact| before.fold(fact));
        let before = Snapshot { run: Some(run_id()), on_error, parallel, ..before };
        Machine::new(before, attended, !self.facts.is_empty(), starts)
    }

    fn start(&self, table: usize) -> TableStart {
        let marks = self.marks.get(&table).cloned().unwrap_or_default();
        let mut counts = Counts::default();
        marks.iter().for_each(|(_, chunk)| counts += *chunk);
        let last = marks.last();
        TableStart {
            table: StartedTable {
                from: name(table),
                to: name(table),
                rows: Count::Exact(self.tables[table].len() as u64),
                counts,
                done: last.is_some_and(|(end, _)| end.is_none()),
            },
            after_tables: if table > 0 && table.is_multiple_of(2) { vec![name(table - 1)] } else { vec![] },
            position: last.and_then(|(end, _)| end.map(|end| Position(end.to_string()))),
            chunk: marks.len() as u64,
            answered: self.answered.iter().filter(|answered| answered.fault.table == name(table)).cloned().collect(),
        }
    }

    /// What the attempt comes to; the world changes only if it commits.
    fn attempt(&mut self, spec: &AttemptSpec, on_error: OnError) -> Input {
        let table = self.index(&spec.table);
        let from: usize = spec.after.as_ref().map_or(0, |position| position.0.parse().unwrap());
        let rows = &self.tables[table];
        if from >= rows.len() {
            return Input::Exhausted { table: spec.table.clone() };
        }
        let until = (from + CHUNK).min(rows.len());
        let mut fates = Vec::new();
        let mut open = Vec::new();
        for (row, bad) in rows.iter().enumerate().take(until).skip(from) {
            if !bad {
                fates.push((row, "written"));
                continue;
            }
            let fault = fault(table, row);
            let answer = spec.answered.iter().find(|answered| answered.fault.row == fault.row);
            let decision = answer
                .map(|answered| answered.decision.clone())
                .or_else(|| spec.rules.iter().rev().find(|rule| rule.matches(&fault)).map(|rule| rule.verdict.into()));
            match (decision, on_error) {
                (Some(Decision::Skip), _) | (None, OnError::Skip) => fates.push((row, "skipped")),
                (Some(Decision::Flag), _) | (None, OnError::Flag) => fates.push((row, "flagged")),
                (Some(Decision::Edit { .. }), _) => fates.push((row, "written")),
                (Some(Decision::Stop), _) | (None, OnError::Stop) => {
                    let by = "plan".to_owned();
                    return Input::Halted { table: spec.table.clone(), fault: Box::new(fault), by };
                }
                (None, OnError::Ask) => open.push(fault),
            }
        }
        if !open.is_empty() {
            return Input::Asked { table: spec.table.clone(), faults: open };
        }
        let mut counts = Counts { read: fates.len() as u64, ..Counts::default() };
        for (row, fate) in fates {
            match fate {
                "written" => counts.written += 1,
                "skipped" => counts.skipped += 1,
                _ => counts.flagged += 1,
            }
            self.fates.entry((table, row)).or_default().push(fate);
        }
        let end = (until < rows.len()).then_some(until);
        self.marks.entry(table).or_default().push((end, counts));
        self.answered.retain(|answered| answered.fault.table != spec.table);
        let end = end.map(|end| Position(end.to_string()));
        Input::Committed { table: spec.table.clone(), counts, end, ruled: Vec::new() }
    }
}

/// Random choices, used up one by one.
struct Dice<'d>(std::slice::Iter<'d, u8>);

impl Dice<'_> {
    fn roll(&mut self, sides: u8) -> Option<u8> {
        self.0.next().map(|byte| byte % sides)
    }
}

/// Plays one life of the machine: until it ends, or the dice call a crash. Returns the phase it reached.
fn live(world: &mut World, on_error: OnError, dice: &mut Dice<'_>, attended: bool) -> RunPhase {
    let mut machine = world.machine(on_error, 2, attended);
    let mut folded = Snapshot::default();
    world.facts.iter().for_each(|fact| folded.fold(fact));
    let mut seq = folded.seq;
    folded = Snapshot { run: Some(run_id()), on_error, parallel: 2, ..folded };
    folded.phase = RunPhase::Ready;
    let mut pending: Vec<Step> = Vec::new();
    let mut input = Some(Input::Begin);
    let mut ended = false;
    for _ in 0..2_000 {
        let Some(now) = input.take() else { break };
        for step in machine.handle(now) {
            match step {
                Step::Emit(event) => {
                    assert!(!ended, "an event after the end: {event:?}");
                    seq += 1;
                    let fact = Fact { run: run_id(), seq, at_ms: seq, event };
                    folded.fold(&fact);
                    world.facts.push(fact);
                }
                // A stop answers nothing for the next life: the ledger keeps it, the row is asked about anew.
                Step::Decide { decision: Decision::Stop, .. } => {}
                Step::Decide { fault, decision, by, .. } => {
                    world.answered.push(Answered { fault: *fault, decision, by });
                }
                Step::End => ended = true,
                Step::Abort | Step::Throttle(_) => {}
                Step::Reply(reply) => assert!(matches!(reply, Reply::Done | Reply::Refused(_))),
                step => pending.push(step),
            }
        }
        assert!(machine.snapshot().counts().reconcile(), "the rows do not add up");
        let comparable = Snapshot { seq: folded.seq, ..machine.snapshot().clone() };
        assert_eq!(comparable, folded, "folding the facts gives another snapshot");
        if ended {
            return machine.snapshot().phase;
        }
        let chance = dice.roll(20);
        if chance == Some(0) {
            return RunPhase::Running;
        }
        input = Some(next(world, &machine, &mut pending, chance, on_error));
    }
    panic!("the machine came to no end: {:?}", machine.snapshot());
}

/// What happens next: an operator does something, or a step under way ends.
fn next(world: &mut World, machine: &Machine, pending: &mut Vec<Step>, chance: Option<u8>, on_error: OnError) -> Input {
    let by = "op".to_owned();
    let snapshot = machine.snapshot();
    match chance {
        Some(1) => return Input::Command { command: Command::Pause, by },
        Some(2) => return Input::Command { command: Command::Resume, by },
        Some(3) => return Input::Command { command: Command::Stop, by },
        Some(4) => return Input::Command { command: Command::Parallel { tables: 3 }, by },
        Some(9) => return Input::Command { command: Command::Throttle { rows_per_second: Some(7) }, by },
        _ => {}
    }
    if !pending.is_empty() && (chance != Some(5) || snapshot.open.is_empty()) {
        return match pending.remove(chance.unwrap_or(0) as usize % pending.len()) {
            Step::Attempt(spec) if chance == Some(6) => {
                Input::Failed { table: spec.table, message: "lost".into(), transient: true }
            }
            Step::Attempt(spec) if chance == Some(7) => {
                Input::OverBudget { table: spec.table, message: "too many".into() }
            }
            Step::Attempt(spec) => world.attempt(&spec, on_error),
            Step::Wait { table, .. } => Input::Waited { table },
            Step::Finish if chance == Some(5) => Input::Unfinished { message: "cut off".into(), transient: true },
            Step::Finish if chance == Some(6) => Input::Unfinished { message: "not allowed".into(), transient: false },
            Step::Finish => Input::Finished { remarks: vec!["fine".into()] },
            step => unreachable!("{step:?}"),
        };
    }
    if let Some(open) = snapshot.open.first() {
        let decision = match chance.unwrap_or(0) % 4 {
            0 => Decision::Skip,
            1 => Decision::Edit { cells: vec![] },
            2 if chance == Some(18) => Decision::Stop,
            _ => Decision::Flag,
        };
        let scope = match (&decision, chance) {
            (Decision::Edit { .. }, _) => Scope::Row,
            (_, Some(11)) => Scope::ColumnAndCause,
            (_, Some(12)) => Scope::Table,
            (_, Some(8)) => Scope::Run,
            _ => Scope::Row,
        };
        return Input::Command { command: Command::Answer { fault: open.id.clone(), decision, scope }, by };
    }
    Input::Command { command: Command::Resume, by }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_row_ends_once_whatever_happens(
        tables in prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.2), 0..14), 1..5),
        on_error in prop::sample::select(vec![OnError::Ask, OnError::Ask, OnError::Skip, OnError::Flag]),
        choices in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut world = World { tables, ..World::default() };
        let mut dice = Dice(choices.iter());
        let mut lives = 0;
        while live(&mut world, on_error, &mut dice, true) != RunPhase::Completed {
            lives += 1;
            prop_assert!(lives < 400, "no completion");
        }
        for (table, rows) in world.tables.iter().enumerate() {
            for (row, bad) in rows.iter().enumerate() {
                let fates = world.fates.get(&(table, row)).cloned().unwrap_or_default();
                prop_assert_eq!(fates.len(), 1, "row {} of table {}: {:?}", row, table, fates);
                prop_assert!(*bad || fates[0] == "written");
            }
        }
    }
}

#[test]
fn a_parked_table_lets_others_go_on() {
    let mut world = World { tables: vec![vec![true; 4], vec![false; 12]], ..World::default() };
    let mut machine = world.machine(OnError::Ask, 2, true);
    let mut steps = machine.handle(Input::Begin);
    let mut finished = Vec::new();
    while let Some(step) = steps.pop() {
        match step {
            Step::Attempt(spec) => {
                let input = world.attempt(&spec, OnError::Ask);
                steps.extend(machine.handle(input));
            }
            Step::Emit(Event::TableFinished { table, .. }) => finished.push(table),
            _ => {}
        }
    }
    assert_eq!(finished, ["t1"]);
    let phases: Vec<TablePhase> = machine.snapshot().tables.iter().map(|table| table.phase).collect();
    assert_eq!(phases, [TablePhase::Parked, TablePhase::Done]);
    assert_eq!(machine.snapshot().open.len(), 4);
}

#[test]
fn an_answer_for_the_column_settles_the_others_like_it() {
    let mut world = World { tables: vec![vec![true; 4]], ..World::default() };
    let mut machine = world.machine(OnError::Ask, 1, true);
    let spec = machine.handle(Input::Begin).into_iter().find_map(|step| match step {
        Step::Attempt(spec) => Some(spec),
        _ => None,
    });
    let asked = world.attempt(&spec.unwrap(), OnError::Ask);
    machine.handle(asked);
    let answer = |fault: &str, decision, scope| Input::Command {
        command: Command::Answer { fault: FaultId(fault.into()), decision, scope },
        by: "op".into(),
    };
    let refused = machine.handle(answer("0:0", Decision::Edit { cells: vec![] }, Scope::Table));
    assert!(matches!(&refused[..], [Step::Reply(Reply::Refused(_))]));
    machine.handle(answer("0:0", Decision::Skip, Scope::ColumnAndCause));
    let open: Vec<u64> = machine.snapshot().open.iter().map(|fault| fault.row).collect();
    assert_eq!(open, [2, 4], "rows 1 and 3 share a column");
    let again = machine.handle(answer("0:0", Decision::Skip, Scope::Row));
    assert!(matches!(&again[..], [Step::Reply(Reply::Refused(why))] if why.contains("already")));
    let last = machine.handle(answer("0:1", Decision::Flag, Scope::Table));
    assert!(last.iter().any(|step| matches!(step, Step::Attempt(spec) if spec.answered.len() == 4)));
}

#[test]
fn a_system_that_stays_down_holds_the_table_for_a_human_or_stops_the_run() {
    for attended in [true, false] {
        let world = World { tables: vec![vec![false; 4]], ..World::default() };
        let mut machine = world.machine(OnError::Ask, 1, attended);
        machine.handle(Input::Begin);
        let mut steps = Vec::new();
        for _ in 0..6 {
            let failed = Input::Failed { table: name(0), message: "disk full".into(), transient: true };
            steps = machine.handle(failed);
            machine.handle(Input::Waited { table: name(0) });
        }
        let held = |step: &Step| matches!(step, Step::Emit(Event::TableHeld { message, .. }) if message == "disk full");
        assert!(steps.iter().any(held));
        assert_eq!(machine.snapshot().counts(), Counts::default(), "no row is skipped by a full disk");
        let phase = if attended { RunPhase::Running } else { RunPhase::Stopped };
        assert_eq!(machine.snapshot().phase, phase);
    }
}
