//! What of a faulty row may be shown: private values are not, until somebody asks for those of one row on purpose.

use std::borrow::Cow;

use super::{App, Redraw, Request};
use crate::{
    model::{Fault, FaultId},
    plan::Private,
    protocol::{Ask, ReviewAction, ReviewItem},
};

impl App {
    /// The fault as it may be shown.
    pub fn shown_fault<'f>(&self, fault: &'f Fault) -> Cow<'f, Fault> {
        match self.hides(fault) {
            Some(private) => Cow::Owned(private.hide(fault)),
            None => Cow::Borrowed(fault),
        }
    }

    /// The private columns that are hidden of the row.
    pub fn hides(&self, fault: &Fault) -> Option<&Private> {
        self.plan.outline.private(&fault.table).filter(|_| !self.revealed.contains(&fault.id))
    }

    /// Asks for the row's private values; that somebody saw them goes into the audit trail first.
    pub fn reveal(&mut self, fault: &Fault) {
        if self.hides(fault).is_some() {
            let id = fault.id.clone();
            self.ask(Request::Reveal(id.clone()), Ask::Act { fault: id, action: ReviewAction::Reveal });
        }
    }

    pub(super) fn revealed(&mut self, fault: FaultId, item: Result<ReviewItem, String>) {
        match item {
            Ok(_) => {
                self.revealed.insert(fault);
                self.redraw = Redraw::Now;
            }
            Err(why) => self.complain(why),
        }
    }
}
