//! What became of each value, and the sheet that says so.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    Fixture,
    ends::{End, Letter},
    table,
};
use crate::support::binary::Told;

/// The ends that a value may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Exact,
    Fault,
    AcceptedLoss,
}

/// How many values of one type came to which end, and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    exact: usize,
    faults: usize,
    losses: usize,
    wrong: Vec<String>,
}

impl Verdict {
    fn words(&self) -> String {
        let counted = [(self.exact, "exact"), (self.faults, "fault"), (self.losses, "accepted loss")];
        let mut words: Vec<String> =
            counted.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        words.extend((!self.wrong.is_empty()).then(|| format!("{} WRONG", self.wrong.len())));
        words.join(", ")
    }
}

pub struct Judge<'j> {
    pub fixtures: &'j [Fixture],
    pub source: &'j End,
    pub destination: &'j End,
    pub told: &'j Told,
    /// Both sides are of one system: the texts must be the same, letter for letter.
    pub same: bool,
}

impl Judge<'_> {
    pub fn judge(&self, to: Letter) -> Vec<Verdict> {
        let mut flagged = self.flagged();
        let judge = |(index, fixture): (usize, &Fixture)| {
            let faults = flagged.remove(&table(index)).unwrap_or_default();
            self.column(&table(index), fixture, to, &faults)
        };
        self.fixtures.iter().enumerate().map(judge).collect()
    }

    /// By table and id of the row.
    fn flagged(&self) -> BTreeMap<String, BTreeMap<String, Json>> {
        let mut flagged: BTreeMap<String, BTreeMap<String, Json>> = BTreeMap::new();
        for event in self.told.events("fault-ruled") {
            let fault = &event["fault"];
            let cells = fault["cells"].as_array().unwrap();
            let id = cells.iter().find(|cell| cell["name"] == "id").unwrap()["cell"].as_str().unwrap().to_owned();
            let table = fault["table"].as_str().unwrap().to_owned();
            assert_eq!(event["decision"]["do"], "flag");
            assert!(flagged.entry(table).or_default().insert(id, fault.clone()).is_none(), "{fault}");
        }
        flagged
    }

    fn column(&self, table: &str, fixture: &Fixture, to: Letter, faults: &BTreeMap<String, Json>) -> Verdict {
        let strict = self.same && fixture.plan.is_none();
        let (left, arrived) = (self.source.read(table, strict), self.destination.read(table, strict));
        let mut verdict = Verdict::default();
        let mut wrong: Vec<String> = arrived
            .keys()
            .filter(|id| !left.contains_key(*id))
            .map(|id| format!("row {id} came from nowhere"))
            .collect();
        assert_eq!(left.len(), fixture.values.len() + 1, "{}", fixture.ty);
        for (id, value) in &left {
            let expects = expected(fixture, id, to);
            match self.fate(fixture, value, arrived.get(id), faults.get(id), strict) {
                Ok(fate) if fate == expects || expects == Fate::Exact && fate == Fate::AcceptedLoss => match fate {
                    Fate::Exact => verdict.exact += 1,
                    Fate::Fault => verdict.faults += 1,
                    Fate::AcceptedLoss => verdict.losses += 1,
                },
                Ok(fate) => wrong.push(format!(
                    "{} is {fate:?} where {expects:?} was expected: {}",
                    shown(value),
                    faults.get(id).map(|fault| fault["message"].to_string()).unwrap_or_default()
                )),
                Err(why) => wrong.push(format!("{}: {why}", shown(value))),
            }
        }
        verdict.wrong = wrong.into_iter().map(|why| format!("{} into {to:?}: {why}", fixture.ty)).collect();
        verdict
    }

    fn fate(
        &self,
        fixture: &Fixture,
        left: &Option<String>,
        arrived: Option<&Option<String>>,
        fault: Option<&Json>,
        strict: bool,
    ) -> Result<Fate, String> {
        let normal = |text: &String| if strict { text.clone() } else { fixture.form.normal(text) };
        match (arrived, fault) {
            (None, None) => Err("its row has vanished".into()),
            (Some(_), Some(fault)) => Err(format!("its row is there and a fault too: {}", fault["message"])),
            (None, Some(fault)) => named(fault).map(|()| Fate::Fault),
            (Some(arrived), None) if arrived.as_ref().map(normal) == left.as_ref().map(normal) => Ok(Fate::Exact),
            (Some(Some(_)), None) if fixture.lossy && left.is_some() => Ok(Fate::AcceptedLoss),
            (Some(arrived), None) => Err(format!("arrived as {}", shown(arrived))),
        }
    }
}

fn expected(fixture: &Fixture, id: &str, to: Letter) -> Fate {
    let value = id.parse::<usize>().unwrap().checked_sub(1).map(|index| fixture.values[index]);
    match value {
        Some(value) if value.faults.contains(to.char()) => Fate::Fault,
        _ => Fate::Exact,
    }
}

/// A fault must name the column, what was expected, and say something.
fn named(fault: &Json) -> Result<(), String> {
    let column = fault["column"] == "v" || fault["target"] == "v";
    let says = |key: &str| fault[key].as_str().is_some_and(|text| !text.is_empty());
    let cause = ["unreadable", "conversion", "refused", "length", "check"].iter().any(|cause| fault["cause"] == *cause);
    if column && cause && says("message") && says("expected") && !fault["value"].is_null() {
        return Ok(());
    }
    Err(format!("the fault does not name it: {fault}"))
}

fn shown(value: &Option<String>) -> String {
    let text = value.as_deref().unwrap_or("NULL");
    if text.chars().count() <= 90 {
        return format!("'{text}'");
    }
    let head: String = text.chars().take(60).collect();
    format!("'{head}...' ({} bytes)", text.len())
}

/// Types by direction.
pub struct Sheet {
    from: Letter,
    types: Vec<String>,
    columns: Vec<(Letter, Vec<Verdict>)>,
}

impl Sheet {
    pub fn new(from: Letter, fixtures: &[Fixture]) -> Self {
        let name = |fixture: &Fixture| match fixture.plan {
            Some(plan) => format!("{} {plan}", fixture.ty),
            None => fixture.ty.to_owned(),
        };
        Self { from, types: fixtures.iter().map(name).collect(), columns: Vec::new() }
    }

    pub fn take(&mut self, to: Letter, verdicts: Vec<Verdict>) {
        self.columns.push((to, verdicts));
    }

    #[expect(clippy::print_stdout, reason = "the matrix is there to be read")]
    pub fn print(&self) {
        let heads: Vec<String> =
            self.columns.iter().map(|(to, _)| format!("{:<24}", format!("to {}", to.name()))).collect();
        println!("\n{:<52}{}", format!("from {}", self.from.name()), heads.concat());
        for (index, ty) in self.types.iter().enumerate() {
            let short: String = ty.chars().take(50).collect();
            let cells: Vec<String> =
                self.columns.iter().map(|(_, all)| format!("{:<24}", all[index].words())).collect();
            println!("{short:<52}{}", cells.concat().trim_end());
        }
    }

    #[track_caller]
    pub fn assert_sound(&self) {
        let wrong: Vec<&String> =
            self.columns.iter().flat_map(|(_, all)| all).flat_map(|verdict| &verdict.wrong).collect();
        let lines: Vec<String> = wrong.iter().map(|why| format!("\n  {why}")).collect();
        assert!(wrong.is_empty(), "{} values came to no good end:{}", wrong.len(), lines.concat());
    }
}
