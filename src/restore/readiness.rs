//! What the checks say of a restore point before a run makes it: what will be kept, and whether there is room.

use std::path::Path;

use super::{
    Wanted,
    limit::{GB, too_large, whole_only},
};
use crate::{
    endpoint::Space,
    model::{Table, bytes_in_words, thousands},
    plan::{Mapping, RestoreOptions},
    protocol::{CheckItem, CheckState},
};

/// What the checks say of it, before the run.
/// `folder` is where they are kept.
pub fn readiness<'m>(
    options: &RestoreOptions,
    mappings: impl IntoIterator<Item = &'m Mapping>,
    folder: &Path,
) -> CheckItem {
    let item = |state, details| CheckItem { name: "Restore point".into(), state, details };
    let there: Vec<&Mapping> = mappings.into_iter().filter(|mapping| mapping.exists).collect();
    if !options.points {
        let names: Vec<&str> = there.iter().map(|mapping| mapping.to.name.as_str()).collect();
        let what = if names.is_empty() { "nothing that is there".to_owned() } else { names.join(", ") };
        let detail = format!(
            "NO WAY BACK: the plan says [restore] points = false, so nothing is kept before the run writes to {what}"
        );
        return item(CheckState::Warned, vec![detail]);
    }
    let filled = there.iter().filter(|mapping| mapping.to.rows.rows() != Some(0));
    let (large, whole): (Vec<&Mapping>, Vec<&Mapping>) =
        filled.partition(|mapping| mapping.to.bytes.is_some_and(|bytes| bytes > u64::from(options.max_gb) * GB));
    let refused = |mapping: &&Mapping| {
        let why = whole_only(&Wanted::of(mapping), &mapping.to, None)?;
        Some(too_large(&mapping.to, options.max_gb, why).to_string())
    };
    let refused: Vec<String> = large.iter().filter_map(refused).collect();
    if !refused.is_empty() {
        return item(CheckState::Failed, refused);
    }
    let mut details: Vec<String> = whole.iter().map(|mapping| kept(&mapping.to)).collect();
    details.extend(large.iter().map(|mapping| journalled(&mapping.to, options)));
    details.push(match details.is_empty() {
        true => "no table holds rows: that they were empty or not there is all that is kept".to_owned(),
        false => {
            format!("made before the first write, kept {} days; `whimbrel restore` goes back to it", options.keep_days)
        }
    });
    let kept = whole.iter().map(|mapping| mapping.to.bytes.unwrap_or(0)).sum();
    let (state, words) = room(kept, &Space::of(folder));
    details.extend(words);
    item(state, details)
}

/// Whether what is kept has room on this host. Compressed it takes less than its tables do, nobody knows how much less.
fn room(kept: u64, space: &Space) -> (CheckState, Option<String>) {
    let (needed, how) = (bytes_in_words(kept), &space.how);
    match space.free {
        _ if kept == 0 => (CheckState::Passed, None),
        Some(free) if free < kept => {
            let free = bytes_in_words(free);
            let words = format!(
                "only {free} are free on this host ({how}), and the tables take {needed}: compressed they may fit, and if \
                 not the run does not start; free some space, or name another state folder with --state-dir"
            );
            (CheckState::Warned, Some(words))
        }
        Some(free) => {
            let free = bytes_in_words(free);
            (CheckState::Passed, Some(format!("at most {needed} are kept on this host, where {free} are free")))
        }
        None => (CheckState::Warned, Some(format!("what is free on this host is unknown: {how}"))),
    }
}

fn journalled(table: &Table, options: &RestoreOptions) -> String {
    format!(
        "{}: it is larger than max_gb = {}, so only the rows whose place the run takes are kept, and the keys of those that \
         it adds, each before its chunk is committed",
        table.name, options.max_gb
    )
}

fn kept(table: &Table) -> String {
    let rows = table.rows.rows().map_or("its".to_owned(), |rows| format!("about {}", thousands(rows)));
    let size = table.bytes.map(|bytes| format!(" ({} MB)", thousands(bytes.div_ceil(1 << 20)))).unwrap_or_default();
    format!("{}: {rows} rows{size} are kept", table.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Count, Mode};

    fn mapping(rows: Count, bytes: u64, exists: bool) -> Mapping {
        let to = Table { name: "t".into(), rows, bytes: Some(bytes), ..Table::default() };
        Mapping { to, exists, ..Mapping::default() }
    }

    fn said(options: &RestoreOptions, mapping: &Mapping) -> (CheckState, String) {
        let item = readiness(options, [mapping], Path::new("/"));
        (item.state, item.details.join("; "))
    }

    #[test]
    fn the_checks_say_what_is_kept_and_refuse_what_is_too_large() {
        let options = RestoreOptions { max_gb: 2, ..RestoreOptions::default() };
        let (state, words) = said(&options, &mapping(Count::Estimate(12_000), 2 * GB, true));
        assert!(state == CheckState::Passed && words.contains("about 12,000 rows (2,048 MB) are kept"), "{words}");
        let large = mapping(Count::Estimate(12_000), 2 * GB + 1, true);
        let (state, words) = said(&options, &large);
        assert!(
            state == CheckState::Failed && words.contains("t is 3 GB") && words.contains("no unique key"),
            "{words}"
        );
        let keyed = Mapping { finds_by: vec!["id".into()], ..large };
        let (state, words) = said(&options, &keyed);
        assert!(state == CheckState::Passed && words.contains("t: it is larger than max_gb = 2"), "{words}");
        let (state, words) = said(&options, &Mapping { mode: Mode::Replace, ..keyed });
        assert!(state == CheckState::Failed && words.contains("replaces all") && words.contains("points = false"));
        let (state, words) = said(&options, &mapping(Count::Unknown, 9 * GB, false));
        assert!(state == CheckState::Passed && words.starts_with("no table holds rows"), "{words}");
        let space = |free| Space { free, how: "as it says".into() };
        assert_eq!(room(0, &space(None)), (CheckState::Passed, None));
        assert_eq!(room(GB, &space(Some(2 * GB))).0, CheckState::Passed);
        let (state, words) = room(2 * GB, &space(Some(GB)));
        assert!(state == CheckState::Warned && words.unwrap().contains("--state-dir"));
        assert_eq!(room(GB, &space(None)).0, CheckState::Warned);
        let without = RestoreOptions { points: false, ..options };
        let (state, words) = said(&without, &mapping(Count::Exact(1), 9 * GB, true));
        assert!(
            state == CheckState::Warned && words.contains("NO WAY BACK") && words.contains("writes to t"),
            "{words}"
        );
    }
}
