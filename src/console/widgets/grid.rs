//! Rows of values in aligned columns: a header, a rule, and the part of the rows that fits.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{Canvas, Hit, fit, fit_right, window};
use crate::{
    console::theme::Role,
    model::{Cell, ColumnType, Page, clean, display_width},
};

/// No column is wider; the inspector shows the rest.
const WIDEST: usize = 40;

/// Where the cursor stands in a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GridView {
    pub row: usize,
    pub column: usize,
}

/// A cell's text with its role: NULL is no text.
pub fn shown_cell(cell: &Cell) -> (String, Role) {
    match cell {
        Cell::Null => ("NULL".into(), Role::Null),
        _ => (clean(&cell.display()), Role::Text),
    }
}

/// Draws header, rule and rows.
pub fn draw_grid(canvas: &mut Canvas<'_, '_>, area: Rect, page: &Page, view: GridView) {
    let height = usize::from(area.height).saturating_sub(2);
    let rows = window(view.row, page.rows.len(), height);
    let widths = widths(page, rows.clone());
    let first = first_column(&widths, view.column, usize::from(area.width));
    let columns: Vec<usize> = (first..page.columns.len()).collect();
    let names = columns.iter().map(|column| {
        let name = page.columns.get(*column).map(String::as_str).unwrap_or_default();
        padded(page, *column, name, widths[*column])
    });
    let header = names.collect::<Vec<_>>().join(" │ ");
    let rule = columns.iter().map(|column| "─".repeat(widths[*column])).collect::<Vec<_>>().join("─┼─");
    canvas.line(area, 0, Line::styled(header, canvas.style(Role::Header)));
    canvas.line(area, 1, Line::styled(rule, canvas.style(Role::Border)));
    for (place, row) in rows.enumerate() {
        let line = row_line(canvas, page, row, &columns, &widths, view);
        canvas.line(area, place as u16 + 2, line);
        canvas.hit(area, place as u16 + 2, Hit::Row(row));
    }
}

fn row_line(
    canvas: &Canvas<'_, '_>,
    page: &Page,
    row: usize,
    columns: &[usize],
    widths: &[usize],
    view: GridView,
) -> Line<'static> {
    let mut spans = Vec::new();
    for column in columns {
        if !spans.is_empty() {
            spans.push(Span::styled(" │ ", canvas.style(Role::Border)));
        }
        let cell = page.rows.get(row).and_then(|cells| cells.get(*column));
        let (text, role) = cell.map(shown_cell).unwrap_or_default();
        let mut style = canvas.style(role);
        if row == view.row && *column == view.column {
            style = style.patch(canvas.style(Role::Selection));
        }
        spans.push(Span::styled(padded(page, *column, &text, widths[*column]), style));
    }
    Line::from(spans)
}

fn padded(page: &Page, column: usize, text: &str, width: usize) -> String {
    let number = page.types.get(column).is_some_and(ColumnType::is_number);
    if number { fit_right(text, width) } else { fit(text, width) }
}

fn widths(page: &Page, rows: std::ops::Range<usize>) -> Vec<usize> {
    let cell_width = |column: usize, row: usize| {
        let cell = page.rows.get(row).and_then(|cells| cells.get(column));
        cell.map_or(0, |cell| display_width(&shown_cell(cell).0))
    };
    let width = |(column, name): (usize, &String)| {
        let cells = rows.clone().map(|row| cell_width(column, row)).max().unwrap_or(0);
        display_width(&clean(name)).max(cells).clamp(1, WIDEST)
    };
    page.columns.iter().enumerate().map(width).collect()
}

/// The first column to draw so that the one with the cursor is whole.
fn first_column(widths: &[usize], column: usize, space: usize) -> usize {
    let mut used = 0;
    let mut first = column.min(widths.len().saturating_sub(1));
    for (place, width) in widths.iter().enumerate().take(column + 1).rev() {
        used += width + 3;
        if used > space + 3 {
            break;
        }
        first = place;
    }
    first
}
