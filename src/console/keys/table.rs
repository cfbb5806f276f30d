//! The catalogue as the README shows it.

use std::fmt::Write as _;

use super::{ACTIONS, Scope};

/// All actions with their keys, as a Markdown table, screen by screen.
pub fn key_table() -> String {
    let mut table = String::from("| where | key | does | action |\n| --- | --- | --- | --- |\n");
    let mut scopes: Vec<Scope> = Vec::new();
    for action in ACTIONS {
        if !scopes.contains(&action.scope) {
            scopes.push(action.scope);
        }
    }
    for scope in scopes {
        for action in ACTIONS.iter().filter(|action| action.scope == scope) {
            let keys: Vec<String> = action.keys.iter().map(|key| format!("`{}`", key.replace('|', "\\|"))).collect();
            let _ = writeln!(
                table,
                "| {} | {} | {} | `{}` |",
                scope.title(),
                keys.join(" "),
                action.help,
                action.id.name()
            );
        }
    }
    table
}
