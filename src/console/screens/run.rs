//! Run: how far every table is, what goes on now, and when it will be over.

mod summary;
mod tables;

use ratatui::layout::Rect;

pub(super) use summary::proof;

use crate::{
    console::{
        app::{App, figures},
        keys::{ActionId, KeyPress},
        overlays::{ErrorList, Input, Overlay},
        theme::Role,
        widgets::{Canvas, split_top},
    },
    model::thousands,
    protocol::Snapshot,
};

impl App {
    pub fn run_key(&mut self, key: KeyPress) -> bool {
        let (len, page) = (self.run.snapshot.tables.len(), self.page());
        self.run.cursor.key(key, len, page)
    }

    pub fn run_action(&mut self, id: ActionId) {
        match id {
            ActionId::Throttle => self.open(Overlay::Input(Input::throttle(self.run.snapshot.rows_per_second))),
            ActionId::Errors => self.open(Overlay::Errors(ErrorList::default())),
            ActionId::TableDetail => {
                let place = self.run.cursor.0.min(self.run.snapshot.tables.len().saturating_sub(1));
                if let Some(table) = self.run.snapshot.tables.get(place) {
                    self.open(Overlay::Table(table.to.clone()));
                }
            }
            _ => {}
        }
    }
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let title = app.run.snapshot.run.as_ref().map_or("Tables".to_owned(), |_| {
        let Snapshot { parallel, rows_per_second, .. } = app.run.snapshot;
        let parallel = (parallel > 0).then(|| format!(" · {parallel} at once"));
        let limit = rows_per_second.map(|rows| format!(" · at most {} rows/s", thousands(rows)));
        format!("Tables{}{}", parallel.unwrap_or_default(), limit.unwrap_or_default())
    });
    let inner = canvas.panel(area, canvas.title(&title), true);
    if let Some(keeping) = app.run.keeping.as_ref().filter(|_| !app.run.has_begun()) {
        let line = canvas.span(Role::Warn, format!(" {}", summary::kept(keeping)));
        return canvas.line(inner, 1, line);
    }
    if !app.run.has_begun() {
        let words = ["", " Not started yet.", "", " {check} runs the checks; {start} starts from there."];
        for (row, text) in words.into_iter().enumerate() {
            let line = canvas.span(Role::Muted, app.keys.spell(text));
            canvas.line(inner, row as u16, line);
        }
        return;
    }
    let figures = figures(&app.run);
    let summary = summary::lines(app, canvas, &figures, usize::from(inner.width));
    let height = (summary.len() as u16 + 1).min(inner.height);
    let (tables, below) = split_top(inner, inner.height - height);
    tables::draw(app, canvas, tables, &figures);
    canvas.rule(below, 0, &summary::now(app));
    let (_, rest) = split_top(below, 1);
    canvas.lines(rest, summary);
}
