//! Who decides about a fault: an answer given for that row, a standing rule, the plan, or nobody yet.

use std::collections::HashMap;

use crate::{
    ledger::Answered,
    model::{Decision, Fault, NamedCell, OnError, Rule, Verdict},
};

/// What becomes of a faulty row in this attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    Skip,
    Flag,
    Stop,
    /// Try the row with these source cells.
    Edit(Vec<NamedCell>),
    /// Nobody has decided.
    Ask,
}

/// All that is known about decisions at the start of an attempt.
#[derive(Debug)]
pub(super) struct Judge {
    answered: HashMap<(u64, String), (Fault, Ruling)>,
    rules: Vec<Rule>,
    on_error: OnError,
}

impl Judge {
    pub(super) fn new(answered: Vec<Answered>, rules: Vec<Rule>, on_error: OnError) -> Self {
        let mut by_row: HashMap<(u64, String), (Fault, Ruling)> = HashMap::new();
        for Answered { fault, decision, .. } in answered {
            let key = (fault.row, fault.digest.clone());
            let before = by_row.remove(&key).map(|(_, ruling)| ruling);
            by_row.insert(key, (fault, combine(before, decision)));
        }
        Self { answered: by_row, rules, on_error }
    }

    /// The ruling, and who made it where that was not an operator for this row. An answered fault keeps its id, so that
    /// the ledger has one entry for it.
    pub(super) fn rule(&self, fault: &mut Fault) -> (Ruling, Option<String>) {
        if let Some((answered, ruling)) = self.answered.get(&(fault.row, fault.digest.clone())) {
            fault.id = answered.id.clone();
            return (ruling.clone(), None);
        }
        if let Some(rule) = self.rules.iter().rev().find(|rule| rule.matches(fault)) {
            return (verdict(rule.verdict), Some(describe(rule)));
        }
        let by = |word: &str| Some(format!("plan: on_error = {word}"));
        match self.on_error {
            OnError::Ask => (Ruling::Ask, None),
            OnError::Skip => (Ruling::Skip, by("skip")),
            OnError::Flag => (Ruling::Flag, by("flag")),
            OnError::Stop => (Ruling::Stop, by("stop")),
        }
    }

    /// The ruling on a row whose edit was tried and failed: an edit cannot be the answer again.
    pub(super) fn rule_after_edit(&self, fault: &Fault) -> (Ruling, Option<String>) {
        let rule = self.rules.iter().rev().find(|rule| rule.matches(fault));
        match (rule, self.on_error) {
            (Some(rule), _) => (verdict(rule.verdict), Some(describe(rule))),
            // Somebody was there to edit the row, whatever the plan says, so they are asked again.
            (None, OnError::Ask | OnError::Stop) => (Ruling::Ask, None),
            (None, OnError::Skip) => (Ruling::Skip, Some("plan: on_error = skip".into())),
            (None, OnError::Flag) => (Ruling::Flag, Some("plan: on_error = flag".into())),
        }
    }
}

/// A later answer for the same row refines an earlier edit, or replaces it.
fn combine(before: Option<Ruling>, decision: Decision) -> Ruling {
    match (before, decision) {
        (_, Decision::Skip) => Ruling::Skip,
        (_, Decision::Flag) => Ruling::Flag,
        (_, Decision::Stop) => Ruling::Stop,
        (Some(Ruling::Edit(mut cells)), Decision::Edit { cells: later }) => {
            cells.retain(|cell| !later.iter().any(|new| new.name == cell.name));
            cells.extend(later);
            Ruling::Edit(cells)
        }
        (_, Decision::Edit { cells }) => Ruling::Edit(cells),
    }
}

fn verdict(verdict: Verdict) -> Ruling {
    match verdict {
        Verdict::Skip => Ruling::Skip,
        Verdict::Flag => Ruling::Flag,
        Verdict::Stop => Ruling::Stop,
    }
}

fn describe(rule: &Rule) -> String {
    let table = rule.table.as_deref().unwrap_or("every table");
    match (&rule.column, rule.cause) {
        (Some(column), Some(cause)) => format!("rule: {table}, column {column}, {cause}"),
        _ => format!("rule: {table}"),
    }
}
