//! A screen per stage of a migration: its state, its keys, its drawing. Drawing only reads.

mod check;
mod connect;
mod frame;
mod map;
mod migrations;
mod review;
mod run;
mod tables;

use ratatui::{Frame, layout::Rect, text::Line};

use super::{
    Screen,
    app::App,
    theme::{Role, degrade},
    widgets::{Canvas, centred, split_top},
};

pub use check::CheckScreen;
pub use connect::{ConnectScreen, Link};
pub use map::{MapRow, MapScreen, draw_sample};
pub use migrations::MigrationsScreen;
pub use review::{ReviewScreen, fault_words};
pub use tables::TablesScreen;

/// Below this there is only a notice.
const SMALLEST: (u16, u16) = (60, 16);

/// Draws everything, whatever the size.
pub fn draw(app: &App, frame: &mut Frame<'_>) {
    let mut canvas = Canvas { frame, theme: &app.look.theme };
    let area = canvas.frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        draw_notice(&mut canvas, area);
    } else {
        draw_whole(app, &mut canvas, area);
    }
    if app.look.ascii {
        degrade(frame.buffer_mut(), !app.look.utf8);
    }
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
    }
    frame::draw_footer(app, canvas, footer);
    for overlay in &app.overlays {
        overlay.draw(app, canvas, body);
    }
    frame::draw_toasts(app, canvas, body);
}
