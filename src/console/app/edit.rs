//! Edits of the plan: made on its text, saved by the host, undone by going back to the text before.

use super::{App, Request, Saving};
use crate::{
    console::{
        Screen,
        draft::{Edit, Outline, TableOutline, apply_all},
    },
    model::Problem,
    protocol::Ask,
};

impl App {
    /// Makes an edit and has it saved; says whether it could be made. `what` it does shows when it is undone.
    pub fn edit(&mut self, what: &str, edit: &Edit) -> bool {
        self.edit_all(what, std::slice::from_ref(edit))
    }

    /// Makes several edits as one, which is taken back as one.
    pub fn edit_all(&mut self, what: &str, edits: &[Edit]) -> bool {
        match apply_all(&self.plan.text, edits) {
            Ok(text) if text == self.plan.text => true,
            Ok(text) => {
                self.save(Saving::Edit(what.to_owned()), text);
                true
            }
            Err(error) => {
                self.complain(error.to_string());
                false
            }
        }
    }

    fn save(&mut self, saving: Saving, text: String) {
        self.ask(Request::Save(saving), Ask::Save { text });
    }

    pub fn undo(&mut self) {
        if let Some((_, text)) = self.plan.undo.last().cloned() {
            self.save(Saving::Undo, text);
        }
    }

    pub fn redo(&mut self) {
        if let Some((_, text)) = self.plan.redo.last().cloned() {
            self.save(Saving::Redo, text);
        }
    }

    pub fn is_saving(&self) -> bool {
        self.pending.any(|request| matches!(request, Request::Save(_)))
    }

    /// The plan as the host now holds it; `saving` is what brought it about.
    pub(super) fn plan_is(
        &mut self,
        path: String,
        text: String,
        digest: String,
        problems: Vec<Problem>,
        saving: Option<Saving>,
    ) {
        let before = std::mem::replace(&mut self.plan.text, text);
        let changed = before != self.plan.text;
        let first = !self.plan.loaded;
        if path != self.plan.path {
            (self.plan.undo, self.plan.redo) = Default::default();
        } else if changed {
            self.keep_for_undo(before, saving);
        }
        self.plan.loaded = true;
        self.plan.error = None;
        self.plan.path = path;
        self.plan.digest = digest;
        self.plan.problems = problems;
        let outline = Outline::read(&self.plan.text);
        if outline.source.url != self.plan.outline.source.url {
            self.tables.forget();
        }
        self.plan.outline = outline.clone();
        self.connect.follow(&outline);
        if changed {
            self.check.list.value = None;
            self.map.forget();
            self.profiles.forget();
        }
        if first {
            self.come_back();
        }
        match self.screen {
            Screen::Map => self.ask_mapping(),
            Screen::Check => self.entered(),
            _ => {}
        }
    }

    fn keep_for_undo(&mut self, before: String, saving: Option<Saving>) {
        let plan = &mut self.plan;
        let said = match saving {
            Some(Saving::Edit(what)) => {
                plan.keep_for_undo(what, before);
                None
            }
            // A step of its own: to go back over it silently would lose what somebody else wrote.
            None => {
                plan.keep_for_undo("what was changed elsewhere".to_owned(), before);
                Some("The plan was changed elsewhere and is shown as it is now".to_owned())
            }
            Some(Saving::Undo) => plan.undo.pop().map(|(what, _)| {
                plan.redo.push((what.clone(), before));
                format!("Undone: {what}")
            }),
            Some(Saving::Redo) => plan.redo.pop().map(|(what, _)| {
                plan.undo.push((what.clone(), before));
                format!("Done again: {what}")
            }),
        };
        if let Some(said) = said {
            self.say(said);
        }
    }

    /// The table of the plan that the map shows.
    pub fn map_table(&self) -> Option<&TableOutline> {
        let tables = &self.plan.outline.tables;
        tables.get(self.map.table.min(tables.len().saturating_sub(1)))
    }

    /// Shows the mapping of a source table of the plan.
    pub fn map_source(&mut self, from: &str) {
        if let Some(place) = self.plan.outline.tables.iter().position(|table| table.from == from) {
            self.map.table = place;
        }
        self.go(Screen::Map);
    }
}
