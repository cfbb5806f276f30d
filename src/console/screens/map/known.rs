//! What a profile knows of the columns that a mapping takes its values from.

use crate::{
    console::{app::App, theme::Role},
    model::thousands,
    plan::mentions,
    protocol::{ColumnProfile, TableProfile},
};

use super::MapRow;

/// The profile of the table that the map shows.
fn profile(app: &App) -> Option<&TableProfile> {
    app.profiles.of(&app.map_table()?.from)
}

/// The one source column that a line of the map is about.
fn column<'p>(found: &'p TableProfile, row: &MapRow) -> Option<&'p ColumnProfile> {
    let source = match row {
        MapRow::Column(view) => view.source.as_str(),
        MapRow::Unused(name) | MapRow::Left(name) => name,
    };
    found.column(source).or_else(|| {
        let named = mentions(source);
        let mut columns = found.columns.iter().filter(|column| named.contains(&column.column));
        columns.next().filter(|_| columns.next().is_none())
    })
}

/// NULL, distinct, longest and pattern in a few words; empty where nobody looked.
pub(super) fn in_short(app: &App, row: &MapRow) -> String {
    let known = profile(app).and_then(|found| column(found, row));
    known.map(ColumnProfile::in_short).unwrap_or_default()
}

/// The same, and what it is of; and values that the mapping cannot convert.
pub(super) fn notes(app: &App, row: &MapRow) -> Vec<(Role, String)> {
    let Some(found) = profile(app) else { return Vec::new() };
    let mut notes = Vec::new();
    if let MapRow::Column(view) = row {
        let unfit = found.conversions.iter().filter(|tried| tried.failed > 0);
        notes.extend(unfit.filter(|tried| tried.column == view.target).map(|tried| {
            let (failed, tried) = (thousands(tried.failed), thousands(tried.tried));
            (Role::Error, format!(" ✗ {failed} of {tried} values do not convert: i shows some ({})", found.basis()))
        }));
    }
    notes.extend(
        column(found, row)
            .map(|known| (Role::Text, format!(" {}: {} ({})", known.column, known.in_short(), found.basis()))),
    );
    notes
}
