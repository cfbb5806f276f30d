//! Sampled rows before and after the mapping of one destination column.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    console::{
        theme::Role,
        widgets::{Canvas, fit, shown_cell},
    },
    model::{clean, clip},
    protocol::{Sampled, TrialRow},
};

/// Source columns that are shown beside the result.
const MOST: usize = 3;

/// Draws what becomes of `target`, made from `source` (a column's name or an expression); dimmed while `stale`.
pub fn draw_sample(
    canvas: &mut Canvas<'_, '_>,
    area: Rect,
    sampled: &Sampled,
    target: &str,
    source: &str,
    stale: bool,
) {
    if let Some(problem) = &sampled.error {
        let line = canvas.span(Role::Error, format!(" ✗ {}", clip(&clean(&problem.message), usize::from(area.width))));
        return canvas.line(area, 0, line);
    }
    let before = involved(&sampled.source_columns, source);
    let after = sampled.target_columns.iter().position(|name| name == target);
    let columns = before.len() + usize::from(!target.is_empty());
    let width = usize::from(area.width).saturating_sub(8) / columns.max(1);
    let width = width.saturating_sub(2).clamp(6, 36);
    let mut heads: Vec<String> = before.iter().map(|at| fit(&sampled.source_columns[*at], width)).collect();
    if !target.is_empty() {
        heads.push(format!("→ {}", fit(target, width)));
    }
    let head = canvas.span(Role::Header, format!("   {}", heads.join("  ")));
    canvas.line(area, 0, head);
    for (at, row) in sampled.rows.iter().take(usize::from(area.height).saturating_sub(1)).enumerate() {
        let mut line = row_line(canvas, row, &before, (target, after), width);
        if stale {
            line = line.patch_style(canvas.style(Role::Muted));
        }
        canvas.line(area, at as u16 + 1, line);
    }
    if sampled.rows.is_empty() {
        let line = canvas.span(Role::Muted, "   no rows");
        canvas.line(area, 1, line);
    }
}

fn row_line(
    canvas: &Canvas<'_, '_>,
    row: &TrialRow,
    before: &[usize],
    (target, after): (&str, Option<usize>),
    width: usize,
) -> Line<'static> {
    let failing = row.fault.as_ref().is_some_and(|(column, _)| column == target);
    let mut spans: Vec<Span<'static>> = vec![match (&row.fault, row.filtered) {
        (Some(_), _) => canvas.span(Role::Error, " ✗ "),
        (None, true) => canvas.span(Role::Muted, " - "),
        (None, false) => Span::raw("   "),
    }];
    for at in before {
        let (text, role) = row.before.get(*at).map(shown_cell).unwrap_or_default();
        spans.extend([canvas.span(if failing { Role::Changed } else { role }, fit(&text, width)), Span::raw("  ")]);
    }
    if target.is_empty() {
        return Line::from(spans);
    }
    spans.push(canvas.span(Role::Muted, "→ "));
    let result = match (&row.fault, row.filtered, after.and_then(|at| row.after.get(at))) {
        (Some((column, why)), ..) if column == target => canvas.span(Role::Error, why),
        (Some((column, why)), ..) => canvas.span(Role::Muted, format!("row fails at {column}: {why}")),
        (None, true, _) => canvas.span(Role::Muted, "left out by the filter"),
        (None, false, Some(cell)) => {
            let (text, role) = shown_cell(cell);
            canvas.span(role, clip(&text, width))
        }
        (None, false, None) => canvas.span(Role::Muted, "unfilled"),
    };
    spans.push(result);
    Line::from(spans)
}

/// The source columns that a name or expression speaks of; the first column where none is found.
fn involved(columns: &[String], source: &str) -> Vec<usize> {
    let exact: Vec<usize> = columns.iter().enumerate().filter(|(_, name)| *name == source).map(|(at, _)| at).collect();
    if !exact.is_empty() {
        return exact;
    }
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    let words: Vec<&str> = source.split(|char| !is_name(char)).collect();
    let named = columns.iter().enumerate().filter(|(_, name)| words.iter().any(|word| word.eq_ignore_ascii_case(name)));
    let mut named: Vec<usize> = named.map(|(at, _)| at).take(MOST).collect();
    if named.is_empty() && !columns.is_empty() {
        named.push(0);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_names_its_columns() {
        let columns = ["id", "first_name", "name", "a b"].map(str::to_owned);
        assert_eq!(involved(&columns, "upper(name)"), [2]);
        assert_eq!(involved(&columns, "concat(first_name, ' ', Name)"), [1, 2]);
        assert_eq!(involved(&columns, "a b"), [3]);
        assert_eq!(involved(&columns, "now()"), [0]);
        assert_eq!(involved(&[], "x"), [0usize; 0]);
    }
}
