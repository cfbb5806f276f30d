//! Text in lines of a width.

use unicode_segmentation::UnicodeSegmentation;

use crate::model::{clean, display_width};

/// Prose: breaks at spaces where it can, else anywhere; every line of the text begins a line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    text.split('\n').flat_map(|line| wrap_line(&clean(line), width.max(1))).collect()
}

/// A value: breaks anywhere, drops nothing, and shows every line break where it stands.
pub fn wrap_value(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let mut current = String::new();
        push_broken(&mut lines, &mut current, &clean(line), width.max(1));
        lines.push(current);
    }
    lines
}

fn wrap_line(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in line.split_inclusive(' ') {
        let bare = word.trim_end();
        if display_width(bare) <= width && !fits(&current, bare, width) {
            lines.push(std::mem::take(&mut current));
        }
        let word = if fits(&current, word, width) { word } else { bare };
        push_broken(&mut lines, &mut current, word, width);
    }
    lines.push(current);
    lines
}

/// Adds text to the current line, beginning new ones where it is full.
fn push_broken(lines: &mut Vec<String>, current: &mut String, text: &str, width: usize) {
    for grapheme in text.graphemes(true) {
        if !fits(current, grapheme, width) {
            lines.push(std::mem::take(current));
        }
        current.push_str(grapheme);
    }
}

/// Measured together, since a mark at the joint may change the width; an empty line takes anything.
fn fits(current: &str, more: &str, width: usize) -> bool {
    current.is_empty() || display_width(&format!("{current}{more}")) <= width
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_where_they_fit() {
        assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrap("what it lacks.", 13), ["what it ", "lacks."]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn a_value_shows_all_it_has() {
        assert_eq!(wrap_value("a\n b  c", 4), ["a↵", " b  ", "c"]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(text in "\\PC{0,60}", width in 2usize..20) {
            for line in wrap(&text, width).into_iter().chain(wrap_value(&text, width)) {
                // A cluster that is too wide by itself cannot be broken.
                prop_assert!(display_width(&line) <= width || line.graphemes(true).count() == 1, "{line:?}");
            }
            prop_assert_eq!(wrap_value(&text, width).concat(), clean(&text));
        }
    }
}
