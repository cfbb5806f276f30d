//! The name of what is about to be gone, typed before it goes. What others wrote is let go by a choice of its own, and what is
//! encrypted wants the file with its key named.

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
    protocol::{Fate, RestoreAct, RestorePoint, RestorePreview},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Restore,
    Purge,
    /// Writes rows of others to a folder, whose path is typed in the name's place.
    Export,
}

/// Where keys go, in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Others,
    Identity,
    Name,
}

#[derive(Clone, Debug)]
pub struct Typed {
    title: String,
    lines: Vec<(Role, String)>,
    name: String,
    field: Field,
    /// What becomes of what others wrote; none, where they wrote nothing.
    others: Option<Fate>,
    /// Others only added rows, which may be put back.
    may_keep: bool,
    /// The file with the key; none, where nothing is encrypted.
    identity: Option<Field>,
    at: Stop,
    note: Option<&'static str>,
    deed: Deed,
}

impl Typed {
    fn new(title: String, name: &str, lines: Vec<(Role, String)>, deed: Deed) -> Self {
        let field = Field::default();
        let name = name.to_owned();
        Self {
            title,
            lines,
            name,
            field,
            others: None,
            may_keep: false,
            identity: None,
            at: Stop::Name,
            note: None,
            deed,
        }
    }

    /// The field that takes what is typed or pasted.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self.at {
            Stop::Others => None,
            Stop::Identity => self.identity.as_mut(),
            Stop::Name => Some(&mut self.field),
        }
    }

    fn stops(&self) -> Vec<Stop> {
        let others = self.others.map(|_| Stop::Others);
        let identity = self.identity.as_ref().map(|_| Stop::Identity);
        others.into_iter().chain(identity).chain([Stop::Name]).collect()
    }

    /// Goes to the next stop, or to the one before; round at the ends.
    fn turn(&mut self, back: bool) {
        let stops = self.stops();
        let here = stops.iter().position(|stop| *stop == self.at).unwrap_or(0);
        let step = if back { stops.len() - 1 } else { 1 };
        self.at = stops[(here + step) % stops.len()];
    }

    /// Going back, with what that would do to how many tables. `identity`: the file with the key, as it was named last.
    pub fn restore(preview: &RestorePreview, identity: Option<&str>) -> Self {
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
        let others = (!preview.wants_discard.is_empty()).then_some(Fate::Unsaid);
        let sealed = preview.point.tables.iter().any(|table| table.sealed);
        let identity = sealed.then(|| Field::new(identity.unwrap_or_default()));
        let mut typed = Self::new(format!("Go back to {name}?"), name, lines, Deed::Restore);
        (typed.others, typed.may_keep, typed.identity) = (others, preview.may_keep(), identity);
        typed.at = typed.stops()[0];
        typed
    }

    /// Writing what others wrote since to files.
    pub fn export(point: &RestorePoint, identity: Option<&str>) -> Self {
        let lines = vec![
            (
                Role::Text,
                "Each table's rows of others go to a file of their own. The destination stays as it is.".into(),
            ),
            (Role::Muted, "The source is read too: what the run wrote is told apart by it.".to_owned()),
        ];
        let mut typed = Self::new("Export what others wrote since".to_owned(), &point.name, lines, Deed::Export);
        typed.identity =
            point.tables.iter().any(|table| table.sealed).then(|| Field::new(identity.unwrap_or_default()));
        typed.at = typed.stops()[0];
        typed
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
        match self.at {
            _ if key.is("esc") => return After::Close,
            _ if key.is("tab") || key.is("down") => self.turn(false),
            _ if key.is("shift-tab") || key.is("up") => self.turn(true),
            Stop::Others if key.is("space") => self.others = self.others.map(|others| self.next(others)),
            Stop::Others | Stop::Identity if key.is("enter") => self.turn(false),
            Stop::Name if key.is("enter") => return self.go(app),
            _ => _ = self.field().map(|field| field.key(key)),
        }
        After::Stay
    }

    /// The choice behind this one.
    fn next(&self, others: Fate) -> Fate {
        match others {
            Fate::Unsaid => Fate::Discard,
            Fate::Discard if self.may_keep => Fate::Keep,
            Fate::Discard | Fate::Keep => Fate::Unsaid,
        }
    }

    fn go(&mut self, app: &mut App) -> After {
        let typed = self.field.text().trim().to_owned();
        if self.others == Some(Fate::Unsaid) {
            self.note = Some("Say first that what others wrote may go: tab, then space");
            return After::Stay;
        }
        let identity = self.identity.as_ref().map(|file| file.text().trim().to_owned());
        if identity.as_ref().is_some_and(String::is_empty) {
            self.note = Some("Name the file with the key of what is encrypted");
            return After::Stay;
        }
        if self.deed == Deed::Export && typed.is_empty() {
            self.note = Some("Name a folder; it is made where it is not there");
            return After::Stay;
        }
        if self.deed != Deed::Export && typed != self.name {
            self.note = Some("That is not its name");
            return After::Stay;
        }
        match self.deed {
            Deed::Restore => app.restore_to(self.name.clone(), typed, self.others.unwrap_or_default(), identity),
            Deed::Export => app.export_others(self.name.clone(), &typed, identity),
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
        let choice = self.others.map(|others| {
            let role = if self.at == Stop::Others { Role::Selection } else { Role::Text };
            let said = match others {
                Fate::Unsaid if self.may_keep => "☐ What others wrote since may go, or is kept",
                Fate::Unsaid => "☐ What others wrote since may go",
                Fate::Discard => "☑ What others wrote since may go",
                Fate::Keep => "☑ The rows that others added are put back",
            };
            let row = lines.len() as u16;
            lines.push(canvas.span(role, format!(" {said} ")).into());
            row
        });
        lines.push(Line::raw(""));
        let file = self.identity.as_ref().map(|_| {
            lines.push(canvas.span(Role::Text, " The file with its key, as age-keygen writes it:").into());
            lines.extend([Line::raw(""), Line::raw("")]);
            lines.len() as u16 - 2
        });
        let wanted = match self.deed {
            Deed::Export => " The folder for the files:".to_owned(),
            Deed::Restore | Deed::Purge => format!(" Type its name: {}", self.name),
        };
        lines.push(canvas.span(Role::Text, wanted).into());
        let height = lines.len() as u16 + 4;
        let hint = match (self.others, &self.identity) {
            (None, Some(_)) if self.deed == Deed::Export => "tab file or folder · enter confirm · esc cancel",
            (Some(_), None) => "tab choice or name · space choose · enter confirm · esc cancel",
            (Some(_), Some(_)) => "tab choice, file or name · space choose · enter confirm · esc",
            (None, Some(_)) => "tab file or name · enter confirm · esc cancel",
            (None, None) => "enter confirm · esc cancel",
        };
        let inner = canvas.popup(centred(area, width, height), &self.title, hint);
        // Where not all fits, the field stays.
        let room = usize::from(inner.height).saturating_sub(2);
        let cut = lines.len().saturating_sub(room);
        let lines = lines.split_off(cut);
        let below = lines.len() as u16;
        canvas.lines(inner, lines);
        if let (Some(row), Ok(space)) = (choice.and_then(|row| row.checked_sub(cut as u16)), "space".parse())
            && self.at == Stop::Others
        {
            canvas.hit(inner, row, Hit::Key(space));
        }
        let line = |row: u16| {
            let (_, rest) = split_top(inner, row);
            Rect { x: rest.x + 1, width: rest.width.saturating_sub(2), height: rest.height.min(1), ..rest }
        };
        if let (Some(row), Some(field)) = (file.and_then(|row| row.checked_sub(cut as u16)), &self.identity) {
            field.draw(canvas, line(row), self.at == Stop::Identity);
        }
        self.field.draw(canvas, line(below), self.at == Stop::Name);
        let (_, rest) = split_top(inner, below);
        if let Some(note) = self.note {
            let line = canvas.span(Role::Error, format!(" ✗ {note}"));
            canvas.line(rest, 1, line);
        }
    }
}
