//! One line of text that is asked for: a filter, a reason.

use ratatui::layout::Rect;

use super::After;
use crate::{
    console::{
        app::App,
        draft::Edit,
        keys::KeyPress,
        theme::Role,
        widgets::{Canvas, Field, centred, split_top},
    },
    model::{Fault, FaultId, clip, thousands},
    protocol::{ReviewAction, SampleSaying, SampleVerdict},
};

#[derive(Clone, Debug)]
enum Asked {
    /// The condition of a destination table.
    Filter(String),
    Discard(FaultId),
    /// How many rows a second a run may take.
    Throttle,
    /// A word about a sampled row, which lacks its comment.
    Sample(SampleSaying),
}

#[derive(Clone, Debug)]
pub struct Input {
    title: String,
    help: &'static str,
    pub field: Field,
    asked: Asked,
    note: Option<&'static str>,
}

impl Input {
    pub fn filter(table: &str, filter: &str) -> Self {
        Self {
            title: format!("Rows that go to {table}"),
            help: "An SQL condition over the source columns; empty: all rows",
            field: Field::new(filter),
            asked: Asked::Filter(table.to_owned()),
            note: None,
        }
    }

    pub fn discard(fault: &Fault) -> Self {
        Self {
            title: format!("Discard row {} of {}", thousands(fault.row), fault.table),
            help: "Why is the row given up? The reason goes into the audit trail",
            field: Field::default(),
            asked: Asked::Discard(fault.id.clone()),
            note: None,
        }
    }

    /// How many rows a second the run may take, from what holds now.
    pub fn throttle(limit: Option<u64>) -> Self {
        Self {
            title: "At most so many rows a second".to_owned(),
            help: "All tables together, from now on; empty: as many as go",
            field: Field::new(&limit.map(|rows| rows.to_string()).unwrap_or_default()),
            asked: Asked::Throttle,
            note: None,
        }
    }

    /// Why a sampled row is rejected, or what is to be said of it; `key` names the row.
    pub fn sample(saying: SampleSaying, key: &str) -> Self {
        let (what, help) = match saying.verdict {
            SampleVerdict::Rejected => ("Reject", "Why? The validation does not pass until the row is approved"),
            _ => ("Comment on", "What is to be said of the row? It decides nothing"),
        };
        Self {
            title: format!("{what} {} of {}", clip(key, 40), saying.table),
            help,
            field: Field::default(),
            asked: Asked::Sample(saying),
            note: None,
        }
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        self.note = None;
        if key.is("esc") {
            return After::Close;
        }
        if !key.is("enter") {
            self.field.key(key);
            return After::Stay;
        }
        let text = self.field.text().trim().to_owned();
        match &self.asked {
            Asked::Discard(_) | Asked::Sample(_) if text.is_empty() => {
                self.note = Some("A reason is needed");
                return After::Stay;
            }
            Asked::Throttle if text.is_empty() => app.throttle(None),
            Asked::Throttle => match text.replace(['_', ','], "").parse() {
                Ok(rows) if rows > 0 => app.throttle(Some(rows)),
                _ => {
                    self.note = Some("A number of rows, 1 or more; or nothing");
                    return After::Stay;
                }
            },
            Asked::Discard(fault) => app.act(fault.clone(), ReviewAction::Discard { reason: text }),
            Asked::Sample(saying) => app.review_sample(SampleSaying { comment: Some(text), ..saying.clone() }),
            Asked::Filter(table) => {
                let filter = (!text.is_empty()).then_some(text);
                app.edit(&format!("condition of {table}"), &Edit::SetFilter { table: table.clone(), filter });
            }
        }
        After::Close
    }

    pub fn draw(&self, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let place = centred(area, 72, 6);
        let inner = canvas.popup(place, &self.title, "enter confirm · esc cancel");
        let help = match self.note {
            Some(note) => canvas.span(Role::Error, format!(" ✗ {note}")),
            None => canvas.span(Role::Muted, format!(" {}", self.help)),
        };
        canvas.line(inner, 0, help);
        let (_, rest) = split_top(inner, 2);
        let field = Rect { x: rest.x + 1, width: rest.width.saturating_sub(2), height: rest.height.min(1), ..rest };
        self.field.draw(canvas, field, true);
    }
}
