//! Which key does what: the catalogue's keys, and in their place those of the operator's own file.

use std::{collections::HashMap, fmt::Write as _};

use toml::de::{DeTable, DeValue};

use super::{ACTIONS, Action, ActionId, KeyPress, Motion, Scope};

/// Keys by place, and the keys of each action.
#[derive(Clone, Debug)]
pub struct Keymap {
    places: HashMap<(Scope, KeyPress), ActionId>,
    /// What the operator's file says of actions.
    own: HashMap<ActionId, Vec<KeyPress>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut map = Self { places: HashMap::new(), own: HashMap::new() };
        map.fill();
        map
    }
}

/// An action of the file, and where it stands there.
struct Bound {
    id: ActionId,
    keys: Vec<KeyPress>,
    at: usize,
}

impl Keymap {
    /// The catalogue with what a file changes: `action = "key"` or a list of keys, an empty one for none. All mistakes are
    /// told, each with line and column.
    pub fn read(text: &str) -> Result<Self, Vec<String>> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            vec![placed(text, at, &error.message().replace('\n', " "))]
        })?;
        let (mut bound, mut wrong) = (Vec::new(), Vec::new());
        for (name, value) in table.get_ref() {
            match action_named(name.get_ref()) {
                None => wrong.push(placed(text, name.span().start, &unknown(name.get_ref()))),
                Some(id) => match keys(value.get_ref()) {
                    Ok(keys) => bound.push(Bound { id, keys, at: value.span().start }),
                    Err(why) => wrong.push(placed(text, value.span().start, &why)),
                },
            }
        }
        bound.sort_by_key(|bound| bound.at);
        let mut map = Self { places: HashMap::new(), own: HashMap::new() };
        map.own = bound.iter().map(|bound| (bound.id, bound.keys.clone())).collect();
        map.fill();
        wrong.extend(
            bound.iter().flat_map(|bound| map.conflicts(bound).into_iter().map(|why| placed(text, bound.at, &why))),
        );
        if wrong.is_empty() { Ok(map) } else { Err(wrong) }
    }

    fn fill(&mut self) {
        for action in ACTIONS {
            for key in self.keys(action) {
                self.places.insert((action.scope, key), action.id);
            }
        }
    }

    /// What else the action's keys do where it works, or could not do.
    fn conflicts(&self, bound: &Bound) -> Vec<String> {
        let mut conflicts = Vec::new();
        for (key, own) in bound.keys.iter().flat_map(|key| ACTIONS.iter().map(move |action| (*key, action))) {
            if own.id != bound.id {
                continue;
            }
            let meets = |other: &&Action| {
                let near = other.scope == own.scope
                    || (other.scope == Scope::Everywhere && !own.scope.is_overlay())
                    || (own.scope == Scope::Everywhere && !other.scope.is_overlay());
                near && other.id != own.id && self.keys(other).contains(&key)
            };
            if let Some(other) = ACTIONS.iter().find(meets) {
                let (own, other) = (own.id.name(), other.id.name());
                conflicts.push(format!("'{key}' would be both {own} and {other}: give one of them another key"));
            } else if moves(key) {
                conflicts
                    .push(format!("'{key}' moves the cursor in every list: choose another key for {}", own.id.name()));
            }
        }
        conflicts.dedup();
        conflicts
    }

    /// What `key` does in the first of `scopes` that knows it.
    pub fn find(&self, scopes: &[Scope], key: KeyPress) -> Option<ActionId> {
        scopes.iter().find_map(|scope| self.places.get(&(*scope, key)).copied())
    }

    /// The keys of an action, the one that is shown first.
    pub fn keys(&self, action: &Action) -> Vec<KeyPress> {
        match self.own.get(&action.id) {
            Some(keys) => keys.clone(),
            None => action.keys.iter().filter_map(|key| key.parse().ok()).collect(),
        }
    }

    /// The keys of an action, as they are shown.
    pub fn shown(&self, action: &Action) -> String {
        let mut text = String::new();
        for key in self.keys(action) {
            let _ = write!(text, "{}{key}", if text.is_empty() { "" } else { " " });
        }
        text
    }

    /// Whether the operator gave the action other keys.
    pub fn is_own(&self, id: ActionId) -> bool {
        self.own.contains_key(&id)
    }
}

/// A list takes these before anything else.
fn moves(key: KeyPress) -> bool {
    !matches!(Motion::of(key), None | Some(Motion::Left | Motion::Right))
}

fn action_named(name: &str) -> Option<ActionId> {
    ACTIONS.iter().map(|action| action.id).find(|id| id.name() == name)
}

fn unknown(name: &str) -> String {
    let near =
        ACTIONS.iter().map(|action| action.id.name()).min_by_key(|known| strsim::damerau_levenshtein(known, name));
    let near = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
    format!("there is no action '{name}'{near}")
}

fn keys(value: &DeValue<'_>) -> Result<Vec<KeyPress>, String> {
    let key = |text: &str| {
        text.parse::<KeyPress>().map_err(|error| format!("{error}: write it like 's', 'ctrl-s', 'f5', 'space'"))
    };
    match value {
        DeValue::String(text) => Ok(vec![key(text)?]),
        DeValue::Array(list) => {
            let each = list.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => key(text),
                _ => Err("a key is a text in quotes".to_owned()),
            });
            each.collect()
        }
        _ => Err("expected a key in quotes, or a list of them".to_owned()),
    }
}

fn placed(text: &str, at: usize, why: &str) -> String {
    let before = text.get(..at).unwrap_or_default();
    let column = before.chars().rev().take_while(|char| *char != '\n').count() + 1;
    format!("line {}, column {column}: {why}", before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Keymap::read(text).unwrap_err().join("\n")
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let map = Keymap::read("start = \"S\"\nstop = [\"f9\", \"ctrl-x\"]\nmore-parallel = []\n").unwrap();
        let find = |scope, key: &str| map.find(&[scope], key.parse().unwrap());
        assert_eq!(find(Scope::Run, "S"), Some(ActionId::Start));
        assert_eq!(find(Scope::Check, "S"), Some(ActionId::Start), "wherever it works");
        assert_eq!(find(Scope::Run, "s"), None);
        assert_eq!(find(Scope::Run, "f9"), Some(ActionId::Stop));
        assert_eq!(find(Scope::Run, "+"), None);
        assert_eq!(find(Scope::Run, "p"), Some(ActionId::PauseResume));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let text = wrong("start = \"S\"\n  strat = \"x\"\nstop = \"hyper-x\"\nquit = 3\n");
        assert!(text.contains("line 2, column 3: there is no action 'strat'; did you mean 'start'?"), "{text}");
        assert!(text.contains("line 3, column 8: unknown key 'hyper-x'"), "{text}");
        assert!(text.contains("line 4, column 8: expected a key in quotes"), "{text}");
        assert!(wrong("start = \"S").contains("line 1, column"));
    }

    #[test]
    fn a_key_that_means_two_things_is_told() {
        let text = wrong("start = \"p\"");
        assert!(text.contains("line 1, column 9: 'p' would be both start and pause-resume"), "{text}");
        assert!(wrong("start = \"q\"").contains("both start and quit"), "what works everywhere works here too");
        assert!(wrong("start = \"j\"").contains("moves the cursor"));
        assert!(Keymap::read("start = \"p\"\npause-resume = \"s\"").is_ok(), "two that change places do not meet");
    }

    #[test]
    fn every_action_has_a_name_of_its_own() {
        let mut names: Vec<String> = ACTIONS.iter().map(|action| action.id.name()).collect();
        names.sort();
        names.dedup();
        let ids: std::collections::HashSet<ActionId> = ACTIONS.iter().map(|action| action.id).collect();
        assert_eq!(names.len(), ids.len());
        assert!(names.contains(&"pause-resume".to_owned()));
    }
}
