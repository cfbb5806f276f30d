//! Line ends, which the writer makes all alike.

/// `new`, with plain line ends, in the line ends of `old`: lines at the beginning and the end that are in both stay byte
/// for byte what they were, those between end as the first line of `old` does.
pub(super) fn restore(old: &str, new: &str) -> String {
    let before: Vec<&str> = old.split_inclusive('\n').collect();
    let after: Vec<&str> = new.split_inclusive('\n').collect();
    let head = before.iter().zip(&after).take_while(|(old, new)| same(old, new)).count();
    let room = before.len().min(after.len()) - head;
    let tail = before.iter().rev().zip(after.iter().rev()).take(room).take_while(|(old, new)| same(old, new)).count();
    let windows = before.first().is_some_and(|line| line.ends_with("\r\n"));
    let mut text = before[..head].concat();
    let between = after[head..after.len() - tail].concat();
    text.push_str(&if windows { between.replace('\n', "\r\n") } else { between });
    text.push_str(&before[before.len() - tail..].concat());
    text
}

fn same(old: &str, new: &str) -> bool {
    old.trim_end_matches(['\r', '\n']) == new.trim_end_matches('\n') && old.ends_with('\n') == new.ends_with('\n')
}
