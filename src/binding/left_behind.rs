//! What a source holds that is no table, in words.

use std::collections::BTreeMap;

use crate::model::Thing;

/// How many names of a kind are told.
const SHOWN: usize = 20;

/// A sentence for each kind: how many there are and what they are called. Of what belongs to a table, only what belongs
/// to one of `tables`.
pub fn left_behind(things: &[Thing], tables: &[&str]) -> Vec<String> {
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for thing in things {
        let name = match thing.table.as_deref() {
            None => thing.name.clone(),
            Some(table) if tables.contains(&table) => format!("{} (of {table})", thing.name),
            Some(_) => continue,
        };
        kinds.entry(&thing.kind).or_default().push(name);
    }
    kinds.into_iter().map(|(kind, names)| sentence(kind, &names)).collect()
}

fn sentence(kind: &str, names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{kind} of the source are not carried, {} in all: {shown}{more}", names.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_and_named() {
        let thing = |kind: &str, name: &str, table: Option<&str>| Thing {
            kind: kind.into(),
            name: name.into(),
            table: table.map(str::to_owned),
        };
        let mut things =
            vec![thing("triggers", "t1", Some("a")), thing("triggers", "t2", Some("b")), thing("views", "v", None)];
        let told = left_behind(&things, &["a"]);
        let expected = [
            "triggers of the source are not carried, 1 in all: t1 (of a)",
            "views of the source are not carried, 1 in all: v",
        ];
        assert_eq!(told, expected);
        things.extend((0..25).map(|number| thing("functions", &format!("f{number}"), None)));
        assert!(left_behind(&things, &[])[0].ends_with("f19 and 5 more"));
        assert!(left_behind(&[], &["a"]).is_empty());
    }
}
