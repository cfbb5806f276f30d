//! The name of what is about to be gone, typed before it goes. What others wrote is let go by a choice of its own.

use ratatui::{layout::Rect, text::Line};

use super::After;
use crate::{
    console::{
        app::App,
        keys::KeyPress,
        theme::Role,
        widgets::{Canvas, Field, Hit, centred, split_top, wrap},
    },
    model::thousands,
    protocol::{RestoreAct, RestorePoint, RestorePreview},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Restore,
    Purge,
}

#[derive(Clone, Debug)]
pub struct Typed {
    title: String,
    lines: Vec<(Role, String)>,
    name: String,
    pub field: Field,
    /// Whether what others wrote may go; none, where they wrote nothing.
    discard: Option<bool>,
    /// Whether keys go to that choice, and not to the field.
    choosing: bool,
    note: Option<&'static str>,
    deed: Deed,
}

impl Typed {
    fn new(title: String, name: &str, lines: Vec<(Role, String)>, deed: Deed) -> Self {
        let field = Field::default();
        Self { title, lines, name: name.to_owned(), field, discard: None, choosing: false, note: None, deed }
    }

    /// Going back, with what that would do to how many tables.
    pub fn restore(preview: &RestorePreview) -> Self {
        let name = &preview.point.name;
        let of = |acts: &[RestoreAct]| preview.tables.iter().filter(|table| acts.contains(&table.act)).count();
        let counts = [
            (of(&[RestoreAct::Drop]), "dropped"),
            (of(&[RestoreAct::Empty]), "emptied"),
            (of(&[RestoreAct::Reload]), "emptied and reloaded"),
            (of(&[RestoreAct::Create]), "made again"),
            (of(&[RestoreAct::File]), "put back as files"),
            (of(&[RestoreAct::Undo]), "rid of what the run wrote"),
            (of(&[RestoreAct::Nothing]), "left as they are"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, what)| format!("{} {what}", thousands(count as u64))).collect();
        let mut lines = vec![(Role::Text, format!("Tables: {}.", counts.join(", ")))];
        lines.extend(preview.wants_discard.iter().take(4).map(|what| (Role::Error, format!("! {what}"))));
        lines.push((Role::Muted, "What is there now is kept before, as another restore point.".into()));
        let discard = (!preview.wants_discard.is_empty()).then_some(false);
        let typed = Self::new(format!("Go back to {name}?"), name, lines, Deed::Restore);
        Self { discard, choosing: discard.is_some(), ..typed }
    }

    pub fn purge(point: &RestorePoint) -> Self {
        let lines = vec![
            (Role::Text, format!("The {} rows that it keeps are deleted from this host.", thousands(point.rows))),
            (Role::Error, "There is no way back to it then.".to_owned()),
        ];
        Self::new(format!("Purge {}?", point.name), &point.name, lines, Deed::Purge)
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        self.note = None;
        let turns = ["tab", "shift-tab", "up", "down"].into_iter().any(|name| key.is(name));
        match () {
            () if key.is("esc") => return After::Close,
            () if turns => self.choosing = !self.choosing && self.discard.is_some(),
            () if self.choosing && key.is("space") => self.discard = self.discard.map(|discard| !discard),
            () if self.choosing && key.is("enter") => self.choosing = false,
            () if self.choosing => {}
            () if key.is("enter") => return self.go(app),
            () => _ = self.field.key(key),
        }
        After::Stay
    }

    fn go(&mut self, app: &mut App) -> After {
        let typed = self.field.text().trim().to_owned();
        if self.discard == Some(false) {
            self.note = Some("Say first that what others wrote may go: tab, then space");
            return After::Stay;
        }
        if typed != self.name {
            self.note = Some("That is not its name");
            return After::Stay;
        }
        match self.deed {
            Deed::Restore => app.restore_to(self.name.clone(), typed, self.discard == Some(true)),
            Deed::Purge => app.purge(Some(self.name.clone()), typed),
        }
        After::Close
    }

    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let width = 74.min(area.width);
        let space = usize::from(width.saturating_sub(4));
        let said = self.lines.iter().flat_map(|(role, text)| wrap(text, space).into_iter().map(|line| (*role, line)));
        let mut lines: Vec<Line<'static>> =
            said.map(|(role, line)| canvas.span(role, format!(" {line}")).into()).collect();
        let choice = self.discard.map(|discard| {
            let role = if self.choosing { Role::Selection } else { Role::Text };
            let sign = if discard { "☑" } else { "☐" };
            let row = lines.len() as u16;
            lines.push(canvas.span(role, format!(" {sign} What others wrote since may go ")).into());
            row
        });
        lines.push(Line::raw(""));
        lines.push(canvas.span(Role::Text, format!(" Type its name: {}", self.name)).into());
        let height = lines.len() as u16 + 4;
        let hint = match self.discard {
            Some(_) => "tab choice or name · space choose · enter confirm · esc cancel",
            None => "enter confirm · esc cancel",
        };
        let inner = canvas.popup(centred(area, width, height), &self.title, hint);
        // Where not all fits, the field stays.
        let room = usize::from(inner.height).saturating_sub(2);
        let cut = lines.len().saturating_sub(room);
        let lines = lines.split_off(cut);
        let below = lines.len() as u16;
        canvas.lines(inner, lines);
        if let (Some(row), Ok(space)) = (choice.and_then(|row| row.checked_sub(cut as u16)), "space".parse())
            && self.choosing
        {
            canvas.hit(inner, row, Hit::Key(space));
        }
        let (_, rest) = split_top(inner, below);
        let field = Rect { x: rest.x + 1, width: rest.width.saturating_sub(2), height: rest.height.min(1), ..rest };
        self.field.draw(canvas, field, !self.choosing);
        if let Some(note) = self.note {
            let line = canvas.span(Role::Error, format!(" ✗ {note}"));
            canvas.line(rest, 1, line);
        }
    }
}
