//! A finished screen in ASCII: one pass over its cells, so that no other code needs to know.

use ratatui::buffer::Buffer;

/// Replaces line drawing and signs by ASCII of the same width; with `letters` also every other foreign character.
pub fn degrade(buffer: &mut Buffer, letters: bool) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        match plain(cell.symbol()) {
            Some(char) => {
                cell.set_char(char);
            }
            None if letters => {
                cell.set_char('?');
            }
            None => {}
        }
    }
}

fn plain(symbol: &str) -> Option<char> {
    Some(match symbol {
        "─" => '-',
        "│" => '|',
        "╭" | "╮" | "╰" | "╯" | "├" | "┤" | "┬" | "┴" | "┼" => '+',
        // A passed check must not look like a failed one.
        "✓" => '+',
        "☑" => 'x',
        "✗" => 'X',
        "☐" | "·" => '.',
        "●" => '*',
        "○" => 'o',
        "█" | "▇" | "▆" => '#',
        "▅" | "▄" => '=',
        "▃" | "▂" => '-',
        "▁" => '_',
        "░" => '.',
        "▐" => '[',
        "▌" => ']',
        "→" | "▸" => '>',
        "←" => '<',
        "↑" => '^',
        "↓" | "▾" => 'v',
        "…" => '~',
        "—" => '-',
        "•" => '*',
        "≠" => '!',
        "↵" | "␍" => '$',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn signs_become_ascii_and_letters_only_where_the_terminal_has_none() {
        let mut buffer = Buffer::with_lines(["╭─✓ é…│"]);
        degrade(&mut buffer, false);
        assert_eq!(buffer, Buffer::with_lines(["+-+ é~|"]));
        degrade(&mut buffer, true);
        assert_eq!(buffer, Buffer::with_lines(["+-+ ?~|"]));
        assert_eq!(buffer.area, Rect::new(0, 0, 7, 1));
    }
}
