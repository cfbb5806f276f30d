//! Restore: what the destination's tables held before each run, and the way back to it.
//!
//! One idea: nothing is gone back to unseen. What it would do is read first, then the name is typed.

mod detail;

use ratatui::{layout::Rect, text::Line};

use super::{outcome_role, tables::size};
use crate::{
    console::{
        Screen,
        app::{App, Fetched, Redraw, Request},
        keys::{ActionId, KeyPress},
        overlays::{Confirm, Overlay, TextView, Typed},
        theme::Role,
        widgets::{Canvas, Cursor, Filter, fit, fit_right, split_top, window, wrap},
    },
    model::thousands,
    protocol::{
        Ask, ExportedTable, Fate, OthersExport, Outcome, PointState, Restoration, RestorePoint, RestorePreview,
        RestoreProgress, RestoreStep,
    },
};

#[derive(Debug, Default)]
pub struct RestoreScreen {
    pub points: Fetched<Vec<RestorePoint>>,
    pub cursor: Cursor,
    pub filter: Filter,
    /// What going back would do, by the restore point's name. Held until something else is read or done.
    preview: Option<(String, Result<RestorePreview, String>)>,
    /// How far the restore under way is.
    pub progress: Option<RestoreProgress>,
    /// What the last one came to, by the restore point's name.
    outcome: Option<(String, Result<Restoration, String>)>,
    /// The file with the key of what is encrypted, as it was named last; for as long as the console is open.
    identity: Option<String>,
    /// The restore point to stand on once the list is there.
    sought: Option<String>,
}

impl RestoreScreen {
    /// Nothing that was read holds any more.
    pub fn forget(&mut self) {
        let (progress, identity) = (self.progress.take(), self.identity.take());
        *self = Self { progress, identity, ..Self::default() };
    }

    /// The restore points that the filter lets through.
    fn visible(&self) -> Vec<&RestorePoint> {
        let filter = self.filter.text();
        let has = |point: &&RestorePoint| {
            let text = format!("{} {} {} {}", point.name, point.by, point.state.word(), point.run);
            text.to_lowercase().contains(&filter)
        };
        self.points.value.iter().flatten().filter(has).collect()
    }

    pub fn current(&self) -> Option<&RestorePoint> {
        self.visible().get(self.cursor.0).copied()
    }

    pub fn expired(&self) -> impl Iterator<Item = &RestorePoint> {
        self.points.value.iter().flatten().filter(|point| point.state == PointState::Expired)
    }

    /// What going back to it would do, where that was read.
    pub fn preview_of(&self, name: &str) -> Option<&RestorePreview> {
        self.preview.as_ref().filter(|(known, _)| known == name)?.1.as_ref().ok()
    }

    fn seek(&mut self) {
        let Some(name) = &self.sought else { return };
        if let Some(place) = self.visible().iter().position(|point| point.name == *name) {
            self.cursor.0 = place;
            self.sought = None;
        }
    }
}

impl App {
    /// Whether a restore is under way, by this console or another.
    pub fn is_restoring(&self) -> bool {
        self.restore.progress.is_some() || self.pending.any(|request| matches!(request, Request::Restore(_)))
    }

    pub fn restore_key(&mut self, key: KeyPress) -> bool {
        let page = self.page();
        let restore = &mut self.restore;
        if restore.filter.key(key) {
            restore.cursor = Cursor(0);
            return true;
        }
        let len = restore.visible().len();
        restore.cursor.hold(len);
        restore.cursor.key(key, len, page)
    }

    pub fn restore_action(&mut self, id: ActionId) {
        let current = self.restore.current().cloned();
        match (id, current) {
            (ActionId::FilterPoints, _) => self.restore.filter.typing = true,
            (ActionId::ReloadPoints, _) => {
                (self.restore.preview, self.restore.outcome) = (None, None);
                self.ask_points();
            }
            (ActionId::PurgeExpired, _) => self.open(Overlay::Confirm(Confirm::purge_expired(self))),
            (ActionId::PreviewRestore, Some(point)) => self.preview_or_show(&point),
            (ActionId::GoBack, Some(point)) => {
                if let Some(preview) = self.restore.preview_of(&point.name) {
                    let typed = Typed::restore(preview, self.restore.identity.as_deref());
                    self.open(Overlay::Typed(Box::new(typed)));
                }
            }
            (ActionId::ExportOthers, Some(point)) => {
                let typed = Typed::export(&point, self.restore.identity.as_deref());
                self.open(Overlay::Typed(Box::new(typed)));
            }
            (ActionId::PurgePoint, Some(point)) => self.open(Overlay::Typed(Box::new(Typed::purge(&point)))),
            _ => {}
        }
    }

    /// From a run that is over to the restore point that was made before it.
    pub fn roll_back(&mut self) {
        self.restore.filter.clear();
        self.restore.sought = self.run.snapshot.point.as_ref().map(|point| point.name.clone());
        self.restore.seek();
        self.go(Screen::Restore);
    }

    pub fn ask_points(&mut self) {
        if !self.pending.has(&Request::RestorePoints) {
            self.ask(Request::RestorePoints, Ask::RestorePoints { all: false });
        }
    }

    /// Reads what going back would do; where that is read already, shows all of it.
    fn preview_or_show(&mut self, point: &RestorePoint) {
        let came_to = self.outcome_of(&point.name).is_some_and(Result::is_ok);
        if came_to || self.restore.preview_of(&point.name).is_some() {
            let lines = detail::lines(self, point);
            let text = lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
            return self.open(Overlay::Text(TextView::new(point.name.clone(), text)));
        }
        let name = point.name.clone();
        self.ask(Request::RestorePreview(name.clone()), Ask::RestorePreview { name });
    }

    fn outcome_of(&self, name: &str) -> Option<&Result<Restoration, String>> {
        self.restore.outcome.as_ref().filter(|(known, _)| known == name).map(|(_, outcome)| outcome)
    }

    /// `identity`: the file with the key of what is encrypted.
    pub fn restore_to(&mut self, name: String, typed: String, others: Fate, identity: Option<String>) {
        self.restore.outcome = None;
        let identity = self.remembered(identity);
        self.ask(Request::Restore(name.clone()), Ask::Restore { name, typed, others, identity });
    }

    /// Writes what others wrote since to files in the folder.
    pub fn export_others(&mut self, name: String, folder: &str, identity: Option<String>) {
        let (folder, identity) = (self.whole_path(folder), self.remembered(identity));
        self.ask(Request::ExportOthers(name.clone()), Ask::ExportOthers { name, folder, identity });
    }

    /// The whole path of the file with the key, which is offered the next time.
    fn remembered(&mut self, identity: Option<String>) -> Option<String> {
        if identity.is_some() {
            self.restore.identity.clone_from(&identity);
        }
        identity.map(|file| self.whole_path(&file))
    }

    pub fn is_exporting(&self) -> bool {
        self.pending.any(|request| matches!(request, Request::ExportOthers(_)))
    }

    pub fn others_exported(&mut self, name: &str, exported: Result<OthersExport, String>) {
        let exported = match exported {
            Ok(exported) => exported,
            Err(why) => return self.complain(why),
        };
        if exported.tables.is_empty() {
            return self.say("Others wrote nothing since: there is nothing to export");
        }
        let mut lines: Vec<String> = exported.tables.iter().map(ExportedTable::words).collect();
        if exported.masked {
            lines.push("Private values are left out; `whimbrel restore --with-private` writes them.".to_owned());
        }
        self.open(Overlay::Text(TextView::new(format!("What others wrote since {name}"), lines.join("\n"))));
    }

    pub fn purge(&mut self, name: Option<String>, typed: String) {
        self.ask(Request::Purge, Ask::Purge { name, typed });
    }

    pub fn points_are(&mut self, points: Result<Vec<RestorePoint>, String>) {
        self.restore.points.take(points);
        self.restore.seek();
        let len = self.restore.visible().len();
        self.restore.cursor.hold(len);
    }

    pub fn preview_is(&mut self, name: String, preview: Result<RestorePreview, String>) {
        self.restore.outcome = None;
        self.restore.preview = Some((name, preview));
    }

    /// How far the restore under way is; one that is over is looked at.
    pub fn restoring(&mut self, progress: RestoreProgress) {
        let over = progress.step == RestoreStep::Done;
        let was_under_way = self.restore.progress.is_some();
        self.restore.progress = (!over).then_some(progress);
        self.redraw = self.redraw.max(Redraw::Soon);
        if over && was_under_way && self.screen == Screen::Restore {
            self.ask_points();
        }
    }

    /// What the restore that was asked for here came to: what was known of the destination holds no longer.
    pub fn restored(&mut self, name: String, outcome: Result<Restoration, String>) {
        match &outcome {
            Ok(restored) if restored.outcome == Outcome::Passed => self.say("Restore: PASSED"),
            Ok(restored) => self.complain(format!("Restore: {}", restored.outcome.word())),
            Err(why) => self.complain(why.clone()),
        }
        self.restore.progress = None;
        self.restore.preview = None;
        self.restore.sought = Some(name.clone());
        self.restore.outcome = Some((name, outcome));
        self.validate.forget();
        self.check.list = Fetched::default();
        self.map.stale = true;
        self.ask_points();
    }

    pub fn purged(&mut self, names: Result<Vec<String>, String>) {
        match names {
            Ok(names) if names.is_empty() => self.say("No restore point's time is over"),
            Ok(names) if names.len() == 1 => self.say(format!("{} is purged", names.concat())),
            Ok(names) => self.say(format!("{} restore points are purged", thousands(names.len() as u64))),
            Err(why) => self.complain(why),
        }
        self.restore.preview = None;
        self.ask_points();
    }
}

/// A moment as this screen writes it.
fn moment(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(chrono::DateTime::from_timestamp_millis).unwrap_or_default();
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let inner = canvas.panel(area, canvas.title("Restore points"), true);
    let inner = app.restore.filter.draw(canvas, inner);
    let head = head(app, canvas, usize::from(inner.width));
    let (top, rest) = split_top(inner, head.len() as u16);
    canvas.lines(top, head);
    let visible = app.restore.visible();
    if visible.is_empty() {
        let lines = nothing(app, canvas, usize::from(rest.width));
        return canvas.lines(rest, lines);
    }
    let most = (rest.height / 2).clamp(3, 12).min(rest.height);
    let (list, below) = split_top(rest, (visible.len() as u16).min(most));
    for (row, place) in window(app.restore.cursor.0, visible.len(), usize::from(list.height)).enumerate() {
        let here = place == app.restore.cursor.0;
        let line = point_line(canvas, visible[place], here, usize::from(list.width));
        canvas.row(list, row as u16, line, place, here);
    }
    if let Some(point) = app.restore.current() {
        detail::draw(app, canvas, below, point);
    }
}

/// What goes on, and what went wrong.
fn head(app: &App, canvas: &Canvas<'_, '_>, width: usize) -> Vec<Line<'static>> {
    let said = match (&app.restore.progress, &app.restore.points.error) {
        (Some(now), _) => {
            let of = match now.of {
                0 => String::new(),
                of => format!(" · {} / {} rows", thousands(now.rows), thousands(of)),
            };
            let table = if now.table.is_empty() { String::new() } else { format!(" {}", now.table) };
            (Role::Warn, format!("Going back to {}: {}{table}{of}", now.point, now.step.words()))
        }
        (None, _) if app.is_restoring() => (Role::Warn, "Going back: beginning".to_owned()),
        (None, _) if app.is_exporting() => (Role::Warn, "Exporting what others wrote since…".to_owned()),
        (None, Some(error)) => (Role::Error, format!("✗ {error}")),
        (None, None) => return Vec::new(),
    };
    let lines = wrap(&said.1, width.saturating_sub(2)).into_iter();
    let mut lines: Vec<Line<'static>> = lines.map(|line| canvas.span(said.0, format!(" {line}")).into()).collect();
    lines.push(Line::raw(""));
    lines
}

/// Without a restore point to show: why there is none.
fn nothing(app: &App, canvas: &Canvas<'_, '_>, width: usize) -> Vec<Line<'static>> {
    let text = match () {
        () if app.pending.has(&Request::RestorePoints) && app.restore.points.value.is_none() => {
            "Reading the restore points…"
        }
        () if app.restore.points.error.is_some() => "",
        () if !app.restore.filter.is_empty() => "No restore point has that",
        () => {
            "No restore point yet. One is made before a run's first write to the destination: the rows of every table \
             that the run will write, as they are then."
        }
    };
    let lines = wrap(text, width.saturating_sub(2)).into_iter();
    lines.map(|line| canvas.span(Role::Muted, format!(" {line}")).into()).collect()
}

fn point_line(canvas: &Canvas<'_, '_>, point: &RestorePoint, here: bool, width: usize) -> Line<'static> {
    let (role, state) = match point.state {
        PointState::Ready if point.restored_ms.is_some() => (Role::Ok, "✓ gone back to"),
        PointState::Ready => (Role::Ok, "✓ ready"),
        PointState::Interrupted => (Role::Warn, "! interrupted"),
        PointState::Expired => (Role::Warn, "- expired"),
        PointState::Purged => (Role::Muted, "- purged"),
    };
    let wide = width >= 100;
    let made = moment(point.made_ms);
    let made = made.get(..if wide { 16 } else { 10 }).unwrap_or_default();
    let rest = 2 + made.len() + 2 + 17 + 16 + if wide { 24 } else { 0 };
    let name = width.saturating_sub(rest).clamp(10, 44);
    let mut spans = vec![
        canvas.span(Role::Key, if here { "▸ " } else { "  " }),
        canvas.span(Role::Text, fit(&point.name, name)),
        canvas.span(Role::Muted, format!("  {made}")),
        canvas.span(Role::Text, fit_right(&format!("{} rows", thousands(point.rows)), 17)),
    ];
    if wide {
        spans.push(canvas.span(Role::Muted, fit_right(&size(point.bytes), 10)));
        spans.push(canvas.span(Role::Muted, format!("  {}", fit(&point.by, 12))));
    }
    spans.push(canvas.span(role, format!("  {}", fit(state, 14))));
    Line::from(spans)
}
