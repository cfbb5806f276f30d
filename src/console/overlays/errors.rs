//! The run's errors, newest first; open ones can be answered from here.

use ratatui::{layout::Rect, text::Line};

use super::{After, Overlay, TextView};
use crate::{
    console::{
        app::{App, FaultRecord},
        keys::{KeyPress, Motion, moved},
        screens::fault_words,
        theme::Role,
        widgets::{Canvas, Cursor, Field, fit, split_top, window},
    },
    model::thousands,
};

#[derive(Clone, Debug, Default)]
pub struct ErrorList {
    pub filter: Field,
    cursor: Cursor,
}

impl ErrorList {
    fn visible<'a>(&self, app: &'a App) -> Vec<&'a FaultRecord> {
        let filter = self.filter.text().to_lowercase();
        // Every word must be somewhere: `open customers null`.
        let matches = |record: &&FaultRecord| {
            let (fault, (_, state)) = (&record.fault, state(app, record));
            let words = app.shown_fault(fault).words().into_iter().next().unwrap_or_default();
            let text = format!("{state} {} {} {} {words}", fault.table, fault.row, fault.cause).to_lowercase();
            filter.split_whitespace().all(|word| text.contains(word))
        };
        app.run.faults.iter().filter(matches).collect()
    }

    pub fn choose(&mut self, place: usize) -> bool {
        std::mem::replace(&mut self.cursor.0, place) == place
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        if key.is("esc") {
            return After::Close;
        }
        let len = self.visible(app).len();
        if key.is("enter") {
            let record = self.visible(app).get(self.cursor.0).map(|record| (*record).clone());
            record.into_iter().for_each(|record| open(app, &record));
            return After::Stay;
        }
        match Motion::arrow(key) {
            Some(Motion::Left | Motion::Right) | None => {
                if self.filter.key(key) {
                    self.cursor = Cursor(0);
                }
            }
            Some(motion) => self.cursor = Cursor(moved(motion, self.cursor.0, len, app.page())),
        }
        After::Stay
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let title = format!("Errors · {} raised · newest first", thousands(app.run.snapshot.raised));
        let inner =
            canvas.popup(area, &title, "type to filter by table, column, cause · enter answer or show · esc close");
        let (line, rest) = split_top(inner, 1);
        let sign = canvas.span(Role::Key, " / ");
        canvas.line(line, 0, sign);
        let place = Rect { x: line.x + 3, width: line.width.saturating_sub(3), ..line };
        self.filter.draw(canvas, place, true);
        let visible = self.visible(app);
        let cursor = self.cursor.0.min(visible.len().saturating_sub(1));
        for (row, at) in window(cursor, visible.len(), usize::from(rest.height)).enumerate() {
            let line = record_line(app, canvas, visible[at], at == cursor, usize::from(rest.width));
            canvas.row(rest, row as u16, line, at, at == cursor);
        }
        if visible.is_empty() {
            let line = canvas.span(Role::Muted, " No error has that");
            canvas.line(rest, 0, line);
        }
    }
}

fn open(app: &mut App, record: &FaultRecord) {
    let fault = &record.fault;
    if record.settled.is_none() && app.waiting_faults().any(|open| open.id == fault.id) {
        return app.open_prompt(fault.id.clone());
    }
    let fault = &*app.shown_fault(fault);
    let mut text: Vec<String> = fault_words(fault).into_iter().map(|(_, text)| text).collect();
    text.extend(record.settled.as_ref().map(|(decision, by)| format!("Settled: {} by {by}", decision.word())));
    text.push(String::new());
    text.extend(fault.cells.iter().map(|named| format!("{}: {}", named.name, named.cell.display())));
    let title = format!("Row {} of {}", thousands(fault.row), fault.table);
    app.open(Overlay::Text(TextView::new(title, text.join("\n"))));
}

/// What became of an error so far.
fn state(app: &App, record: &FaultRecord) -> (Role, String) {
    match &record.settled {
        None if app.run.answering.contains(&record.fault.id) => (Role::Warn, "answered".to_owned()),
        None => (Role::Error, "open".to_owned()),
        Some((decision, by)) => (Role::Muted, format!("{} by {by}", decision.word())),
    }
}

fn record_line(app: &App, canvas: &Canvas<'_, '_>, record: &FaultRecord, here: bool, width: usize) -> Line<'static> {
    let fault = &record.fault;
    let (role, state) = state(app, record);
    let place = format!("{} row {}", fault.table, thousands(fault.row));
    let value = fault_words(&app.shown_fault(fault)).into_iter().next().map(|(_, text)| text).unwrap_or_default();
    Line::from(vec![
        canvas.span(Role::Key, if here { "▸" } else { " " }),
        canvas.span(role, fit(&state, 16)),
        canvas.span(Role::Text, format!(" {} ", fit(&place, 24))),
        canvas.span(Role::Text, fit(&value, width.saturating_sub(43))),
    ])
}
