//! A message in, effects out.

use super::{App, Effect, Exit, Message, Redraw};
use crate::{console::overlays::Overlay, protocol::ToHost};

/// The only thing that changes an [`App`].
pub fn update(app: &mut App, message: Message) -> Vec<Effect> {
    match message {
        Message::Tick { now_ms } => app.tick(now_ms),
        Message::Opened => app.opened(),
        Message::Key(key) => {
            app.last_key_ms = app.now_ms;
            app.redraw = Redraw::Now;
            app.key(key);
        }
        Message::Paste(text) => {
            app.last_key_ms = app.now_ms;
            app.redraw = Redraw::Now;
            app.paste(&text);
        }
        Message::Mouse(pointer) => {
            app.last_key_ms = app.now_ms;
            app.redraw = Redraw::Now;
            app.point(pointer);
        }
        Message::Resize { width, height } => {
            (app.width, app.height) = (width, height);
            app.redraw = Redraw::Now;
        }
        Message::Host(message) => app.host(*message),
        Message::Undelivered(message) => app.undelivered(&message),
        Message::Gone => app.effect(Effect::Quit(Exit::Gone)),
    }
    app.open_due_prompt();
    std::mem::take(&mut app.effects)
}

impl App {
    fn tick(&mut self, now_ms: u64) {
        self.now_ms = now_ms.max(self.now_ms);
        let before = self.toasts.len();
        let now_ms = self.now_ms;
        self.toasts.retain(|toast| toast.until_ms > now_ms);
        if self.toasts.len() < before {
            self.redraw = Redraw::Now;
        }
    }

    fn undelivered(&mut self, message: &ToHost) {
        if let ToHost::Ask { id, .. } | ToHost::Command { id, .. } = message {
            self.pending.finish(*id);
        }
        self.run.answering.clear();
        self.complain("The host takes no more requests just now; try again");
        self.redraw = Redraw::Now;
    }

    fn paste(&mut self, text: &str) {
        let taken = match self.overlays.last_mut() {
            Some(overlay) => overlay.field().map(|field| field.paste(text)),
            None => self.screen_field().map(|field| field.paste(text)),
        };
        match taken {
            None => self.say("Pasted text goes into a field only"),
            Some(true) => self.say("Line breaks of the pasted text became spaces"),
            Some(false) => {}
        }
        if taken.is_some() {
            self.field_changed();
        }
    }

    /// Follows up on a change of the focused field.
    pub(super) fn field_changed(&mut self) {
        self.tables.follow_filter();
        if let Some(mut overlay) = self.overlays.pop() {
            match &mut overlay {
                Overlay::Column(form) => form.changed(self),
                Overlay::Parts(form) => form.changed(self),
                _ => {}
            }
            self.overlays.push(overlay);
        }
    }
}
