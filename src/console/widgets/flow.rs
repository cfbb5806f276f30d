//! Pieces side by side, as many to a line as fit.

use ratatui::text::{Line, Span};

/// Lines of at most `width` columns; a piece is never broken, and at least `gap` columns stand between two.
pub fn flow(pieces: Vec<Vec<Span<'static>>>, width: usize, gap: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for piece in pieces {
        let piece = Line::from(piece);
        match lines.last_mut() {
            Some(line) if line.width() + gap + piece.width() <= width => {
                line.push_span(" ".repeat(gap));
                line.spans.extend(piece.spans);
            }
            _ => lines.push(piece),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_share_lines_and_stay_whole() {
        let piece = |text: &'static str| vec![Span::raw(text)];
        let lines = flow(vec![piece("aaaa"), piece("bbb"), piece("cc")], 9, 2);
        let texts: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["aaaa  bbb", "cc"]);
    }
}
