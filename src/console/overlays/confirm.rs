//! A question before something that cannot simply be taken back. Cancel comes first and is chosen.

use ratatui::{layout::Rect, text::Line};

use super::{After, Overlay};
use crate::{
    console::{
        app::{App, Effect, Exit, Request},
        keys::KeyPress,
        theme::Role,
        widgets::{Canvas, Hit, centred, wrap},
    },
    model::{FaultId, RunPhase, thousands},
    protocol::{Ask, ToHost},
};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Deed {
    Start,
    Stop,
    Quit,
    DropDraft,
    StopValidation,
    PurgeExpired,
    /// Flagged rows, as they are.
    RetryGroup(Vec<FaultId>),
    StopRetrying,
    /// The controls, to a watcher who asked for them.
    HandOver,
}

#[derive(Clone, Debug)]
pub struct Confirm {
    title: String,
    lines: Vec<String>,
    cancel: &'static str,
    go: &'static str,
    deed: Deed,
    /// Whether the deed is chosen, and not Cancel.
    chosen: bool,
}

impl Confirm {
    fn new(title: &str, lines: Vec<String>, go: &'static str, deed: Deed) -> Self {
        Self { title: title.into(), lines, cancel: "Cancel", go, deed, chosen: false }
    }

    /// Names what will be written to.
    pub fn start(app: &App) -> Self {
        let outline = &app.plan.outline;
        let label = outline.destination.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
        let tables = outline.tables.len();
        let mut lines = vec![
            format!("Destination: {}{label}", outline.destination.url),
            format!("Source:      {}", outline.source.url),
            format!("Tables:      {}", thousands(tables as u64)),
            String::new(),
            "The destination will be written to.".to_owned(),
        ];
        let unconfirmed: Vec<String> =
            app.check.unconfirmed().flat_map(|check| check.details.iter().map(|why| format!("? {why}"))).collect();
        let anyway = !unconfirmed.is_empty();
        lines.extend(unconfirmed);
        let (title, go) = match app.run.snapshot.phase {
            RunPhase::Stopped => ("Go on with the stopped migration?", "Go on"),
            RunPhase::Completed => ("The migration is completed. Run it again from the start?", "Run again"),
            _ => ("Start the migration?", "Start Migration"),
        };
        Self::new(title, lines, if anyway { "Start all the same" } else { go }, Deed::Start)
    }

    pub fn stop(_: &App) -> Self {
        let lines = vec![
            "Chunks under way are rolled back; what is committed stays.".to_owned(),
            "The run can be resumed by a new start.".to_owned(),
        ];
        Self::new("Stop the run?", lines, "Stop", Deed::Stop)
    }

    pub fn quit(app: &App) -> Self {
        if app.is_restoring() && !app.run.is_going() {
            let what = match app.can_detach {
                true => "The restore goes on in its host; {restore} shows what it came to.",
                false => "The restore is cut off with this console; going back to the same point goes on with it.",
            };
            return Self::new(
                "Quit while the destination is taken back?",
                vec![app.keys.spell(what)],
                "Quit",
                Deed::Quit,
            );
        }
        let what = match app.can_detach {
            true => "The run goes on in its host; `whimbrel attach` comes back to it.",
            false => "The run ends with this console: chunks under way are rolled back, and it can be resumed.",
        };
        Self::new("Quit while the run goes on?", vec![what.to_owned()], "Quit", Deed::Quit)
    }

    pub fn stop_validation() -> Self {
        let lines = vec!["What was read so far is lost; nothing was written.".to_owned()];
        Self::new("Break off the validation?", lines, "Break off", Deed::StopValidation)
    }

    pub fn retry_group(about: &str, faults: Vec<FaultId>) -> Self {
        let lines = vec![about.to_owned(), "They are tried as they are; what fails again stays flagged.".to_owned()];
        let title = format!("Try {} rows again?", thousands(faults.len() as u64));
        Self::new(&title, lines, "Try again", Deed::RetryGroup(faults))
    }

    pub fn stop_retrying() -> Self {
        let lines = vec!["Rows that are written stay written; the others stay flagged.".to_owned()];
        Self::new("Break off trying rows again?", lines, "Break off", Deed::StopRetrying)
    }

    /// Names what is kept beyond its time.
    pub fn purge_expired(app: &App) -> Self {
        let names: Vec<&str> = app.restore.expired().map(|point| point.name.as_str()).collect();
        let mut lines = vec!["What they keep is deleted from this host: there is no way back to them then.".to_owned()];
        lines.extend(names.iter().take(6).map(|name| format!("  {name}")));
        lines.extend((names.len() > 6).then(|| format!("  and {} more", thousands(names.len() as u64 - 6))));
        Self::new("Purge the restore points whose time is over?", lines, "Purge", Deed::PurgeExpired)
    }

    pub fn drop_draft() -> Self {
        let lines = vec!["What was changed in this form is not saved.".to_owned()];
        Self { cancel: "Keep editing", ..Self::new("Drop the changes?", lines, "Drop", Deed::DropDraft) }
    }

    pub fn hand_over(who: &str) -> Self {
        let lines = vec![
            format!("{who} watches and asks to command. You would watch from then on, and can ask back."),
            "Without an answer they get the controls in 30 seconds.".to_owned(),
        ];
        let title = format!("Hand the controls to {who}?");
        Self { cancel: "Keep them", ..Self::new(&title, lines, "Hand over", Deed::HandOver) }
    }

    pub fn hands_over(&self) -> bool {
        self.deed == Deed::HandOver
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        match () {
            () if key.is("esc") || key.is("n") => return self.close(app, false),
            () if key.is("y") => return self.close(app, true),
            () if key.is("enter") => return self.close(app, self.chosen),
            () if key.is("right") || key.is("l") => self.chosen = true,
            () if key.is("left") || key.is("h") => self.chosen = false,
            () if key.is("tab") || key.is("shift-tab") => self.chosen = !self.chosen,
            () => {}
        }
        After::Stay
    }

    fn close(&self, app: &mut App, yes: bool) -> After {
        match (&self.deed, yes) {
            (Deed::HandOver, _) => app.effect(Effect::Send(ToHost::HandOver { yes })),
            (_, true) => self.go(app),
            (_, false) => {}
        }
        After::Close
    }

    fn go(&self, app: &mut App) {
        match &self.deed {
            Deed::HandOver => {}
            Deed::Start => app.start(),
            Deed::Stop => app.stop(),
            Deed::StopValidation => app.stop_validation(),
            Deed::RetryGroup(faults) => app.retry_group(faults.clone(), None),
            Deed::StopRetrying => app.ask(Request::StopRetrying, Ask::StopRetrying),
            Deed::PurgeExpired => app.purge(None, String::new()),
            Deed::Quit => app.effect(Effect::Quit(if app.can_detach { Exit::Detached } else { Exit::Quit })),
            Deed::DropDraft => {
                let is_draft = |overlay: &Overlay| {
                    matches!(overlay, Overlay::Column(_) | Overlay::Parts(_) | Overlay::ValueMap(_))
                };
                app.overlays.retain(|overlay| !is_draft(overlay));
            }
        }
    }

    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let width = 66.min(area.width);
        let text: Vec<String> =
            self.lines.iter().flat_map(|line| wrap(line, usize::from(width.saturating_sub(4)))).collect();
        let place = centred(area, width, text.len() as u16 + 5);
        let inner = canvas.popup(place, &self.title, "←→ choose · enter confirm · y yes · esc cancel");
        let mut lines: Vec<Line<'static>> = vec![Line::raw("")];
        lines.extend(text.into_iter().map(|line| canvas.span(Role::Text, format!(" {line}")).into()));
        lines.push(Line::raw(""));
        lines.truncate(usize::from(inner.height).saturating_sub(1));
        let row = lines.len() as u16;
        canvas.lines(inner, lines);
        let button = |here: bool, text: &str| {
            let text = if here { format!("▸[ {text} ]") } else { format!(" [ {text} ]") };
            canvas.span(if here { Role::Selection } else { Role::Text }, text)
        };
        let buttons = Line::from(vec![
            canvas.span(Role::Text, "  "),
            button(!self.chosen, self.cancel),
            canvas.span(Role::Text, "   "),
            button(self.chosen, self.go),
        ]);
        canvas.line(inner, row, buttons);
        let mut x = inner.x + 2;
        for (text, key) in [(self.cancel, "esc"), (self.go, "y")] {
            let width = text.chars().count() as u16 + 5;
            let place = Rect { x, y: inner.y + row, width, height: 1 }.intersection(inner);
            key.parse::<KeyPress>().into_iter().for_each(|key| canvas.hits.add(place, Hit::Key(key)));
            x += width + 3;
        }
    }
}
