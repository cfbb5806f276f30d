//! What was asked of the host and is not yet answered. One idea: of requests for the same place the newest wins, so
//! that a late answer to an older one is dropped.

use crate::{
    model::{Decision, FaultId, Spot},
    protocol::{Command, Fix, SideName},
};

/// What an answer is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Migrations,
    /// Another plan, made or opened.
    Open,
    Plan,
    Save(Saving),
    Connect(SideName),
    Tables,
    /// By what the selection does.
    Select(String),
    Count(String),
    Preview {
        table: String,
        spot: Spot,
    },
    /// The rows that values of a destination column are taken from.
    Values(String),
    Mapping(String),
    Trial(String),
    DraftTrial(String),
    Check,
    Start,
    Review,
    Act(FaultId),
    /// What a fix would make of a group.
    PreviewFix(Fix),
    RetryMany,
    StopRetrying,
    /// A row's private values.
    Reveal(FaultId),
    /// A validation, from its beginning to its end.
    Validate,
    /// What the last validation found.
    Validation,
    ValidatedTable(String),
    StopValidation,
    RestorePoints,
    /// By the restore point's name.
    RestorePreview(String),
    Restore(String),
    /// By the restore point's name.
    ExportOthers(String),
    Purge,
    ReviewSample,
    /// A look at a table's rows, from its beginning to its end.
    Profile(String),
    /// What the last look at a table found.
    Profiled(String),
    StopProfile,
    Log,
    Functions,
    Answer {
        fault: FaultId,
        decision: Decision,
    },
    Command(Command),
}

/// What a save does to the stack of edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saving {
    /// An edit, by what it did.
    Edit(String),
    Undo,
    Redo,
}

impl Request {
    /// Whether an answer to `self` is worth nothing once `newer` was asked.
    fn yields_to(&self, newer: &Self) -> bool {
        match (self, newer) {
            (Self::Preview { .. }, Self::Preview { .. })
            | (Self::Mapping(_), Self::Mapping(_))
            | (Self::Trial(_), Self::Trial(_))
            | (Self::ValidatedTable(_), Self::ValidatedTable(_))
            | (Self::RestorePreview(_), Self::RestorePreview(_))
            | (Self::PreviewFix(_), Self::PreviewFix(_))
            | (Self::Values(_), Self::Values(_))
            | (Self::DraftTrial(_), Self::DraftTrial(_)) => true,
            (Self::Save(_) | Self::Command(_) | Self::Answer { .. } | Self::Act(_), _) => false,
            _ => self == newer,
        }
    }
}

#[derive(Debug, Default)]
pub struct Pending {
    last: u64,
    open: Vec<(u64, Request)>,
}

impl Pending {
    /// A new id under which the answer to `request` will come.
    pub fn begin(&mut self, request: Request) -> u64 {
        self.open.retain(|(_, older)| !older.yields_to(&request));
        self.last += 1;
        self.open.push((self.last, request));
        self.last
    }

    /// What `id` asked for, unless something newer took its place.
    pub fn finish(&mut self, id: u64) -> Option<Request> {
        let place = self.open.iter().position(|(open, _)| *open == id)?;
        Some(self.open.remove(place).1)
    }

    pub fn any(&self, is: impl Fn(&Request) -> bool) -> bool {
        self.open.iter().any(|(_, request)| is(request))
    }

    pub fn has(&self, request: &Request) -> bool {
        self.any(|open| open == request)
    }

    /// Drops all, since nobody will answer.
    pub fn clear(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_a_place_wins_and_others_stay() {
        let mut pending = Pending::default();
        let old = pending.begin(Request::Trial("a".into()));
        let count = pending.begin(Request::Count("a".into()));
        let other = pending.begin(Request::Count("b".into()));
        let new = pending.begin(Request::Trial("b".into()));
        assert_eq!(pending.finish(old), None);
        assert_eq!(pending.finish(new), Some(Request::Trial("b".into())));
        assert_eq!(pending.finish(new), None);
        assert!(pending.finish(count).is_some() && pending.finish(other).is_some());
    }

    #[test]
    fn saves_are_all_awaited() {
        let mut pending = Pending::default();
        let first = pending.begin(Request::Save(Saving::Undo));
        pending.begin(Request::Save(Saving::Undo));
        assert!(pending.finish(first).is_some());
    }
}
