//! What surrounds the rows at the destination: room on its disk, the server's settings.

use super::checks::{failed, item, sentence};
use crate::{
    binding::Binding,
    endpoint::{Destination, EndpointError, Source},
    model::{Mode, Spot, Table, bytes_in_words, thousands},
    plan::Mapping,
    protocol::{CheckItem, CheckState},
};

/// Rows that are looked at to tell how large a row is, where the source does not say how large its table is.
const LOOKED_AT: u32 = 100;

/// Room for what will come. What cannot be known does not pass.
pub(super) async fn space(binding: &Binding, source: &dyn Source, destination: &dyn Destination) -> CheckItem {
    let name = "Destination has space";
    let mut details = Vec::new();
    let mut needed = Some(0_u64);
    for mapping in binding.tables.iter().map(|table| &table.mapping) {
        match bytes(mapping, source).await {
            Ok(Some(bytes)) => needed = needed.map(|sum| sum.saturating_add(bytes)),
            Ok(None) => {
                needed = None;
                details.push(format!("how large {} is cannot be told", mapping.from.name));
            }
            Err(error) => return failed(name, sentence(&error)),
        }
    }
    // Indexes and the server's own log take their share.
    let needed = needed.map(|bytes| bytes.saturating_add(bytes / 2));
    let space = match destination.space().await {
        Ok(space) => space,
        Err(error) => {
            details.push(format!("what is free is unknown: {}", sentence(&error)));
            return item(name, CheckState::Warned, details);
        }
    };
    if let Some(needed) = needed {
        let needed = bytes_in_words(needed);
        details.insert(
            0,
            format!("about {needed} are needed: the source's size, and half as much again for indexes and logs"),
        );
    }
    let state = match (needed, space.free) {
        (_, None) => {
            details.push(format!("what is free is unknown: {}; look there before the start", space.how));
            CheckState::Warned
        }
        (needed, Some(free)) => {
            details.push(format!("{} are free, {}", bytes_in_words(free), space.how));
            match needed {
                Some(needed) if needed > free => {
                    details.push("free some space there, or take another place".to_owned());
                    CheckState::Failed
                }
                Some(_) => CheckState::Passed,
                None => CheckState::Warned,
            }
        }
    };
    item(name, state, details)
}

/// About how many bytes the table's rows take.
async fn bytes(mapping: &Mapping, source: &dyn Source) -> Result<Option<u64>, EndpointError> {
    if let Some(bytes) = mapping.from.bytes {
        return Ok(Some(bytes));
    }
    let Some(rows) = mapping.from.rows.rows() else { return Ok(None) };
    let page = source.preview(&mapping.from, &Spot::Row(0), LOOKED_AT).await?;
    let looked_at = page.rows.len() as u64;
    let cells: u64 = page.rows.iter().flatten().map(|cell| cell.display().len() as u64 + 4).sum();
    Ok((looked_at > 0)
        .then(|| u128::from(cells) * u128::from(rows) / u128::from(looked_at))
        .or(Some(0))
        .map(|b| b as u64))
}

/// What in the server's settings holds rows back.
pub(super) async fn settings(binding: &Binding, destination: &dyn Destination) -> CheckItem {
    let name = "Server settings";
    let written = |mapping: &Mapping| {
        let mut table: Table = mapping.to.clone();
        table.columns.retain(|column| mapping.columns.iter().any(|mapped| mapped.target.name == column.name));
        table
    };
    let tables: Vec<Table> = binding.tables.iter().map(|table| written(&table.mapping)).collect();
    match destination.cautions(&tables).await {
        Ok(cautions) if cautions.is_empty() => item(name, CheckState::Passed, Vec::new()),
        Ok(cautions) => item(name, CheckState::Warned, cautions),
        Err(error) => failed(name, sentence(&error)),
    }
}

/// What keys that are there already mean for the table, in a sentence.
pub(super) fn colliding(mapping: &Mapping, collided: &super::validation::Collided) -> Option<String> {
    let super::validation::Collided { looked_at, rows, examples, whole } = collided;
    let of = if *whole { "all".to_owned() } else { format!("the first {}", thousands(*looked_at)) };
    if *rows == 0 {
        return Some(format!("none of {of} rows of {} has a key that is there", mapping.from.name));
    }
    let fate = match mapping.mode {
        Mode::Insert => "each will be a fault",
        Mode::Upsert => "each takes the place of the row that is there",
        Mode::Replace => return None,
    };
    Some(format!(
        "{} of {of} rows of {} have a key that is there ({}{}): {fate}",
        thousands(*rows),
        mapping.from.name,
        examples.join("; "),
        if *rows > examples.len() as u64 { "; ..." } else { "" }
    ))
}
