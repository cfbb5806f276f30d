//! Help and palette: the same catalogue, searched by name; Enter runs.

use ratatui::{layout::Rect, text::Line};

use super::After;
use crate::console::keys::moved;
use crate::console::{
    app::App,
    fuzzy::fits,
    keys::{ACTIONS, Action, Availability, KeyPress, Motion, Scope, availability},
    theme::Role,
    widgets::{Canvas, Cursor, Field, centred, fit, split_top, window},
};

#[derive(Clone, Debug)]
pub struct ActionList {
    title: &'static str,
    /// What is searched for.
    pub query: Field,
    cursor: Cursor,
    /// Where an action works right now.
    scopes: Vec<Scope>,
    /// Whether actions of other screens are listed too.
    all: bool,
}

impl ActionList {
    pub fn help(scopes: Vec<Scope>) -> Self {
        Self { title: "Keys", query: Field::default(), cursor: Cursor(0), scopes, all: true }
    }

    pub fn palette(scopes: Vec<Scope>) -> Self {
        Self { title: "Command", all: false, ..Self::help(scopes) }
    }

    /// What fits the query: by how well, else in the catalogue's order with this screen's first.
    fn visible(&self) -> Vec<&'static Action> {
        let query = self.query.text().to_lowercase();
        let listed = ACTIONS.iter().filter(|action| self.all || self.scopes.contains(&action.scope));
        let mut scored: Vec<(u32, usize, &Action)> = listed
            .filter_map(|action| {
                let near = self.scopes.iter().position(|scope| *scope == action.scope).unwrap_or(self.scopes.len());
                Some((score(&query, action)?, near, action))
            })
            .collect();
        scored.sort_by_key(|(score, near, _)| (std::cmp::Reverse(*score), *near));
        scored.into_iter().map(|(_, _, action)| action).collect()
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        if key.is("esc") {
            return After::Close;
        }
        let visible = self.visible();
        if key.is("enter") {
            return visible.get(self.cursor.0).map_or(After::Stay, |action| self.run(app, action));
        }
        match Motion::arrow(key) {
            Some(Motion::Left | Motion::Right) | None => {
                if self.query.key(key) {
                    self.cursor = Cursor(0);
                }
            }
            Some(motion) => self.cursor = Cursor(moved(motion, self.cursor.0, visible.len(), app.page())),
        }
        After::Stay
    }

    pub fn choose(&mut self, place: usize) -> bool {
        std::mem::replace(&mut self.cursor.0, place) == place
    }

    fn run(&self, app: &mut App, action: &Action) -> After {
        if self.scopes.contains(&action.scope) {
            app.perform(action.id);
            return After::Close;
        }
        app.say(format!("'{}' works on the screen {}", action.title, action.scope.title()));
        After::Stay
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(4).min(90), area.height);
        let inner = canvas.popup(place, self.title, "type to search · ↑↓ choose · enter run · esc close");
        let (line, rest) = split_top(inner, 1);
        let sign = canvas.span(Role::Key, " : ");
        canvas.line(line, 0, sign);
        let place = Rect { x: line.x + 3, width: line.width.saturating_sub(3), ..line };
        self.query.draw(canvas, place, true);
        let visible = self.visible();
        let cursor = self.cursor.0.min(visible.len().saturating_sub(1));
        for (row, at) in window(cursor, visible.len(), usize::from(rest.height)).enumerate() {
            let line = self.action_line(app, canvas, visible[at], at == cursor, usize::from(rest.width));
            canvas.row(rest, row as u16, line, at, at == cursor);
        }
        if visible.is_empty() {
            let line = canvas.span(Role::Muted, " Nothing is called that");
            canvas.line(rest, 0, line);
        }
    }

    fn action_line(
        &self,
        app: &App,
        canvas: &Canvas<'_, '_>,
        action: &Action,
        here: bool,
        width: usize,
    ) -> Line<'static> {
        let why = match self.scopes.contains(&action.scope).then(|| availability(action.id, app)) {
            Some(Availability::No(why)) => Some(format!("✗ {why}")),
            Some(Availability::Yes) => None,
            None => Some(format!("on {}: {}", action.scope.title(), action.help)),
        };
        let role = if why.is_some() { Role::Muted } else { Role::Text };
        let help = why.unwrap_or_else(|| action.help.to_owned());
        Line::from(vec![
            canvas.span(Role::Key, if here { "▸" } else { " " }),
            canvas.span(Role::Key, fit(&app.keys.shown(action), 11)),
            canvas.span(role, fit(action.title, 15)),
            canvas.span(role, fit(&help, width.saturating_sub(27))),
        ])
    }
}

/// How well an action fits: higher is better, none where it does not.
fn score(query: &str, action: &Action) -> Option<u32> {
    if query.is_empty() {
        return Some(0);
    }
    let title = action.title.to_lowercase();
    let all = format!("{title} {} {}", action.scope.title(), action.help).to_lowercase();
    match () {
        () if title.starts_with(query) => Some(40),
        () if action.keys.contains(&query) => Some(35),
        () if title.contains(query) => Some(30),
        () if all.contains(query) => Some(20),
        () => fits(query, &title).map(|_| 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::keys::ActionId;

    #[test]
    fn the_nearest_name_comes_first() {
        let mut list = ActionList::palette(vec![Scope::Run, Scope::Everywhere]);
        for (query, id) in [("sto", ActionId::Stop), ("pau", ActionId::PauseResume), ("rvw", ActionId::Review)] {
            list.query.set(query);
            assert_eq!(list.visible()[0].id, id, "{query}");
        }
        list.query.set("zzzz");
        assert!(list.visible().is_empty());
    }

    #[test]
    fn help_has_everything_and_this_screen_first() {
        let list = ActionList::help(vec![Scope::Run, Scope::Everywhere]);
        assert_eq!(list.visible().len(), ACTIONS.len());
        assert_eq!(list.visible()[0].scope, Scope::Run);
    }
}
