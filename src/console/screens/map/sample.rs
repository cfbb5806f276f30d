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

/// Draws what becomes of `targets`, made from `source` (a column's name or an expression); dimmed while `stale`.
pub fn draw_sample(
    canvas: &mut Canvas<'_, '_>,
    area: Rect,
    sampled: &Sampled,
    targets: &[&str],
    source: &str,
    stale: bool,
) {
    if let Some(problem) = &sampled.error {
        let line = canvas.span(Role::Error, format!(" ✗ {}", clip(&clean(&problem.message), usize::from(area.width))));
        return canvas.line(area, 0, line);
    }
    let before = involved(&sampled.source_columns, source);
    let columns = before.len() + targets.len();
    let width = usize::from(area.width).saturating_sub(8) / columns.max(1);
    let width = width.saturating_sub(2).clamp(6, 36);
    let mut heads: Vec<String> = before.iter().map(|at| fit(&sampled.source_columns[*at], width)).collect();
    heads.extend(targets.iter().map(|target| format!("→ {}", fit(target, width))));
    let head = canvas.span(Role::Header, format!("   {}", heads.join("  ")));
    canvas.line(area, 0, head);
    for (at, row) in sampled.rows.iter().take(usize::from(area.height).saturating_sub(1)).enumerate() {
        let mut line = row_line(canvas, row, &before, (targets, &sampled.target_columns), width);
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
    (targets, columns): (&[&str], &[String]),
    width: usize,
) -> Line<'static> {
    let failing = row.fault.as_ref().filter(|(column, _)| targets.contains(&column.as_str()));
    let mut spans: Vec<Span<'static>> = vec![match (&row.fault, row.filtered) {
        (Some(_), _) => canvas.span(Role::Error, " ✗ "),
        (None, true) => canvas.span(Role::Muted, " - "),
        (None, false) => Span::raw("   "),
    }];
    for at in before {
        let (text, role) = row.before.get(*at).map(shown_cell).unwrap_or_default();
        let role = if failing.is_some() { Role::Changed } else { role };
        spans.extend([canvas.span(role, fit(&text, width)), Span::raw("  ")]);
    }
    if targets.is_empty() {
        return Line::from(spans);
    }
    let arrow = canvas.span(Role::Muted, "→ ");
    let said = match (&row.fault, row.filtered) {
        (Some((_, why)), _) if failing.is_some() => Some(canvas.span(Role::Error, why)),
        (Some((column, why)), _) => Some(canvas.span(Role::Muted, format!("row fails at {column}: {why}"))),
        (None, true) => Some(canvas.span(Role::Muted, "left out by the filter")),
        (None, false) => None,
    };
    if let Some(said) = said {
        spans.extend([arrow, said]);
        return Line::from(spans);
    }
    for (place, target) in targets.iter().enumerate() {
        let at = columns.iter().position(|name| name == target);
        let (text, role) = match at.and_then(|at| row.after.get(at)) {
            Some(cell) => shown_cell(cell),
            None => ("unfilled".into(), Role::Muted),
        };
        let is_last = place + 1 == targets.len();
        let text = if is_last { clip(&text, width) } else { format!("{}  ", fit(&text, width)) };
        spans.extend([arrow.clone(), canvas.span(role, text)]);
    }
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
