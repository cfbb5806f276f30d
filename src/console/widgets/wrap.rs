//! Text in lines of a width.

use unicode_segmentation::UnicodeSegmentation;

use crate::model::{clean, display_width};

/// Breaks at spaces where it can, else anywhere; every line break of the text shows and begins a line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    text.split_inclusive('\n').flat_map(|line| wrap_line(&clean(line), width)).collect()
}

fn wrap_line(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    for word in line.split_word_bounds() {
        let wide = display_width(word);
        if used + wide > width && used > 0 && wide <= width {
            lines.push(std::mem::take(&mut current));
            used = 0;
            if word == " " {
                continue;
            }
        }
        for grapheme in word.graphemes(true) {
            let wide = display_width(grapheme);
            if used + wide > width && used > 0 {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            current.push_str(grapheme);
            used += wide;
        }
    }
    if !current.is_empty() || lines.is_empty() {
        lines.push(current);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\nb", 4), ["a↵", "b"]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(text in "\\PC{0,60}", width in 2usize..20) {
            for line in wrap(&text, width) {
                prop_assert!(display_width(&line) <= width, "{line:?}");
            }
        }
    }
}
