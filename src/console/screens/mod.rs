//! A screen per stage of a migration: its state, its keys, its drawing. Drawing only reads.

mod check;
mod connect;
mod frame;
mod map;
mod migrations;
mod restore;
mod review;
mod run;
mod tables;
mod validate;

use ratatui::{Frame, layout::Rect, text::Line};

use super::{
    Screen,
    app::App,
    theme::{Role, degrade},
    widgets::{Canvas, Hits, centred, split_top},
};

pub use check::CheckScreen;
pub use connect::{ConnectScreen, Link};
pub use map::{MapRow, MapScreen, draw_sample};
pub use migrations::MigrationsScreen;
pub use restore::RestoreScreen;
pub use review::{ReviewScreen, fault_words};
pub use tables::TablesScreen;
pub use validate::{ValidateScreen, outcome_role};

/// Below this there is only a notice.
const SMALLEST: (u16, u16) = (60, 16);

/// Draws everything, whatever the size; says where things came to stand.
pub fn draw(app: &App, frame: &mut Frame<'_>) -> Hits {
    let mut canvas = Canvas { frame, theme: &app.look.theme, hits: Hits::default() };
    let area = canvas.frame.area();
    let ground = canvas.theme.ground();
    canvas.frame.buffer_mut().set_style(area, ground);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        draw_notice(&mut canvas, area);
    } else {
        draw_whole(app, &mut canvas, area);
    }
    let hits = std::mem::take(&mut canvas.hits);
    if app.look.ascii {
        degrade(frame.buffer_mut(), !app.look.utf8);
    }
    hits
}

fn draw_notice(canvas: &mut Canvas<'_, '_>, area: Rect) {
    let size = format!("{} x {}", area.width, area.height);
    let words = ["whimbrel needs".to_owned(), "60 x 16".to_owned(), format!("this is {size}"), "q quits".to_owned()];
    let middle = centred(area, area.width, words.len() as u16);
    for (row, text) in words.into_iter().enumerate() {
        let line = Line::styled(text, canvas.style(Role::Text)).centered();
        canvas.line(middle, row as u16, line);
    }
}

fn draw_whole(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let (top, rest) = split_top(area, 2);
    let (body, footer) = split_top(rest, rest.height - 1);
    frame::draw_header(app, canvas, top);
    match app.screen {
        Screen::Migrations => migrations::draw(app, canvas, body),
        Screen::Connect => connect::draw(app, canvas, body),
        Screen::Tables => tables::draw(app, canvas, body),
        Screen::Map => map::draw(app, canvas, body),
        Screen::Check => check::draw(app, canvas, body),
        Screen::Run => run::draw(app, canvas, body),
        Screen::Review => review::draw(app, canvas, body),
        Screen::Validate => validate::draw(app, canvas, body),
        Screen::Restore => restore::draw(app, canvas, body),
    }
    for overlay in &app.overlays {
        canvas.hits.clear();
        overlay.draw(app, canvas, body);
    }
    frame::draw_footer(app, canvas, footer);
    frame::draw_toasts(app, canvas, body);
}
