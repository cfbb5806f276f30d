//! How each table's rows will be written, and where the run's marks stand: said, and judged, before a run.

use super::checks::{failed, item, sentence};
use crate::{
    binding::Binding,
    endpoint::{Destination, EndpointError},
    model::Mode,
    plan::Mapping,
    protocol::{CheckItem, CheckState},
};

/// Each table's mode; a table may not lose rows that others refer to.
pub(super) async fn modes(binding: &Binding, destination: &dyn Destination) -> CheckItem {
    let name = "Writing modes valid";
    let mut state = CheckState::Passed;
    let mut details = Vec::new();
    let unmarked = match destination.cannot_mark().await {
        Ok(unmarked) => unmarked,
        Err(error) => return failed(name, sentence(&error)),
    };
    for mapping in binding.tables.iter().map(|table| &table.mapping) {
        details.push(format!("{}: {}", mapping.to.name, words(mapping, unmarked.is_some())));
        let with_it = binding.emptied_with(&mapping.to.name);
        if !with_it.is_empty() {
            details.push(format!(
                "{} are emptied with {}, and load when it is done",
                with_it.join(" and "),
                mapping.to.name
            ));
        }
        if let Some(warning) = may_come_twice(mapping) {
            state = if state == CheckState::Passed { CheckState::Warned } else { state };
            details.push(warning);
        }
        match refused(binding, mapping, destination).await {
            Ok(None) => {}
            Ok(Some(why)) => {
                state = CheckState::Failed;
                details.push(why);
            }
            Err(error) => return failed(name, sentence(&error)),
        }
    }
    match unmarked {
        None => details.push(format!(
            "marks of how far the run is stand in {}; `whimbrel finish` takes them away when the migration is over",
            destination.marks_place()
        )),
        Some(why) => {
            state = if state == CheckState::Passed { CheckState::Warned } else { state };
            details.push(format!("no marks can be kept in {}: {why}", destination.marks_place()));
        }
    }
    item(name, state, details)
}

fn words(mapping: &Mapping, unmarked: bool) -> String {
    let mode = match mapping.mode {
        Mode::Insert => "insert".to_owned(),
        Mode::Upsert => format!("upsert by ({})", mapping.to.key.join(", ")),
        Mode::Replace => "replace: emptied once, then loaded".to_owned(),
    };
    match (unmarked, mapping.finds_by.as_slice()) {
        (false, _) => mode,
        (true, []) => format!("{mode}; without marks and without a unique key it loads whole, in one transaction"),
        (true, key) if mapping.mode == Mode::Upsert || key.is_empty() => mode,
        (true, key) => {
            format!(
                "{mode}; without marks its rows are written by key ({}), so that a chunk can be repeated",
                key.join(", ")
            )
        }
    }
}

/// Two rows of one key in one chunk are seen, and the second is a fault; further apart the later one takes the place of
/// the earlier.
fn may_come_twice(mapping: &Mapping) -> Option<String> {
    if mapping.mode != Mode::Upsert {
        return None;
    }
    let feeds = |target: &String| mapping.columns.iter().find(|mapped| mapped.target.name == *target)?.plain_column();
    let fed: Vec<&str> = mapping.to.key.iter().filter_map(feeds).collect();
    let from = &mapping.from;
    let mut keys = from.unique.iter().chain([&from.key]).filter(|key| !key.is_empty());
    let is_unique = keys.any(|key| key.iter().all(|column| fed.contains(&column.as_str())));
    (!is_unique).then(|| {
        format!(
            "{}: nothing in the source keeps ({}) unique; of two rows with one key the later one stays",
            mapping.to.name,
            mapping.to.key.join(", ")
        )
    })
}

/// What the account lacks for the modes, and for doing without marks.
pub(super) async fn lacking(binding: &Binding, destination: &dyn Destination) -> Result<Vec<String>, EndpointError> {
    let unmarked = destination.cannot_mark().await?.is_some();
    let mut findings = Vec::new();
    for mapping in binding.tables.iter().map(|table| &table.mapping).filter(|mapping| mapping.exists) {
        let by_key = unmarked && !mapping.finds_by.is_empty() && mapping.mode != Mode::Upsert;
        for mode in [mapping.mode].into_iter().chain(by_key.then_some(Mode::Upsert)) {
            findings.extend(destination.lacks(&mapping.to, mode).await?);
        }
    }
    Ok(findings)
}

/// Why the table cannot be emptied.
async fn refused(
    binding: &Binding,
    mapping: &Mapping,
    destination: &dyn Destination,
) -> Result<Option<String>, EndpointError> {
    if mapping.mode != Mode::Replace || !mapping.exists {
        return Ok(None);
    }
    let with_it = binding.emptied_with(&mapping.to.name);
    let mut referrers = destination.referrers(&mapping.to.name).await?;
    referrers.retain(|referrer| !with_it.contains(referrer));
    Ok((!referrers.is_empty()).then(|| {
        format!(
            "{} cannot be replaced: {} would refer to rows that are gone; replace them too (unless they refer to each \
             other), use mode = \"upsert\", or take those foreign keys off for the migration",
            mapping.to.name,
            referrers.join(" and ")
        )
    }))
}
