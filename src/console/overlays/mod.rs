//! What lies over a screen: a stack, the top one gets the keys. One idea: an overlay never knows what lies below it; it
//! says [`After::Close`], and Esc always closes exactly one.

mod actions;
mod column;
mod confirm;
mod errors;
mod fix;
mod input;
mod log;
mod new;
mod parts;
mod profile;
mod prompt;
mod proof;
mod row;
mod rows;
mod table;
mod text;
mod themes;
mod typed;
mod value_map;
mod values;

use ratatui::layout::Rect;

use super::{
    app::App,
    keys::KeyPress,
    widgets::{Canvas, Field},
};
use crate::model::FaultId;

pub use actions::ActionList;
pub use column::ColumnForm;
pub use confirm::Confirm;
pub use errors::ErrorList;
pub use fix::FixForm;
pub use input::Input;
pub use log::{Log, LogView};
pub use new::NewForm;
pub use parts::PartsForm;
pub use profile::ProfileView;
pub use prompt::Prompt;
pub use proof::Proof;
pub use row::{Purpose, RowEditor};
pub use rows::Rows;
pub use text::TextView;
pub use themes::ThemeList;
pub use typed::Typed;
pub use value_map::{LOOKED_AT, ValueMapForm};

#[derive(Debug)]
pub enum Overlay {
    Confirm(Confirm),
    /// Help and palette.
    Actions(ActionList),
    /// A fault and what to do about it.
    Prompt(Prompt),
    /// A row's cells, to be changed.
    Row(Box<RowEditor>),
    /// A table's rows, to look at.
    Rows(Rows),
    /// Text to read: a cell, a statement.
    Text(TextView),
    /// What makes a destination column.
    Column(Box<ColumnForm>),
    /// A source column split, or several merged.
    Parts(Box<PartsForm>),
    /// What each value of a column becomes.
    ValueMap(Box<ValueMapForm>),
    Errors(ErrorList),
    /// An expression for a group of flagged rows.
    Fix(Box<FixForm>),
    /// One line of text that is asked for.
    Input(Input),
    /// The name of what is gone for good, to be typed.
    Typed(Box<Typed>),
    /// What a new migration is called, and its sides.
    New(Box<NewForm>),
    /// A table of the run in detail, by its name.
    Table(String),
    /// A validated table in full.
    Proof(Proof),
    /// What the rows of a table hold.
    Profile(ProfileView),
    Themes(ThemeList),
    Log(LogView),
}

/// What becomes of an overlay after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Stay,
    Close,
}

impl Overlay {
    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        match self {
            Self::Confirm(confirm) => confirm.key(app, key),
            Self::Actions(list) => list.key(app, key),
            Self::Prompt(prompt) => prompt.key(app, key),
            Self::Row(editor) => editor.key(app, key),
            Self::Rows(rows) => rows.key(app, key),
            Self::Text(text) => text.key(app, key),
            Self::Column(form) => form.key(app, key),
            Self::Parts(form) => form.key(app, key),
            Self::ValueMap(form) => form.key(app, key),
            Self::Errors(list) => list.key(app, key),
            Self::Fix(form) => form.key(app, key),
            Self::Input(input) => input.key(app, key),
            Self::Typed(typed) => typed.key(app, key),
            Self::New(form) => form.key(app, key),
            Self::Proof(proof) => proof.key(app, key),
            Self::Profile(view) => view.key(app, key),
            Self::Themes(themes) => themes.key(app, key),
            Self::Log(log) => log.key(app, key),
            Self::Table(_) if key.is("esc") || key.is("enter") || key.is("q") => After::Close,
            Self::Table(_) => After::Stay,
        }
    }

    /// The field that takes what is pasted.
    pub fn field(&mut self) -> Option<&mut Field> {
        match self {
            Self::Actions(list) => Some(&mut list.query),
            Self::Row(editor) => Some(editor.field()),
            Self::Column(form) => form.field(),
            Self::Parts(form) => Some(form.field()),
            Self::ValueMap(form) => form.field(),
            Self::Errors(list) => Some(&mut list.filter),
            Self::Fix(form) => Some(form.field()),
            Self::Input(input) => Some(&mut input.field),
            Self::Typed(typed) => typed.field(),
            Self::New(form) => form.field(),
            Self::Confirm(_)
            | Self::Prompt(_)
            | Self::Rows(_)
            | Self::Text(_)
            | Self::Table(_)
            | Self::Proof(_)
            | Self::Profile(_)
            | Self::Themes(_)
            | Self::Log(_) => None,
        }
    }

    /// The open fault that this is about, and without which it has no sense.
    pub fn fault(&self) -> Option<&FaultId> {
        match self {
            Self::Prompt(prompt) => Some(&prompt.fault),
            Self::Row(editor) => editor.open_fault(),
            _ => None,
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        match self {
            Self::Confirm(confirm) => confirm.draw(canvas, area),
            Self::Actions(list) => list.draw(app, canvas, area),
            Self::Prompt(prompt) => prompt.draw(app, canvas, area),
            Self::Row(editor) => editor.draw(canvas, area),
            Self::Rows(rows) => rows.draw(app, canvas, area),
            Self::Text(text) => text.draw(canvas, area),
            Self::Column(form) => form.draw(app, canvas, area),
            Self::Parts(form) => form.draw(app, canvas, area),
            Self::ValueMap(form) => form.draw(canvas, area),
            Self::Errors(list) => list.draw(app, canvas, area),
            Self::Fix(form) => form.draw(app, canvas, area),
            Self::Input(input) => input.draw(canvas, area),
            Self::Typed(typed) => typed.draw(canvas, area),
            Self::New(form) => form.draw(app, canvas, area),
            Self::Table(name) => table::draw(app, canvas, area, name),
            Self::Proof(proof) => proof.draw(app, canvas, area),
            Self::Profile(view) => view.draw(app, canvas, area),
            Self::Themes(themes) => themes.draw(canvas, area),
            Self::Log(log) => log.draw(app, canvas, area),
        }
    }
}
