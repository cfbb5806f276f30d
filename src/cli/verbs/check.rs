//! `whimbrel check`.

use serde_json::json;

use crate::{
    cli::{CliError, Exit, args::Check, open::Context},
    protocol::{CheckItem, CheckState},
};

pub async fn perform(context: &Context, arguments: &Check) -> Result<Exit, CliError> {
    let bench = context.workbench(&arguments.plan)?;
    let items = bench.check().await;
    let passed = passed(&items);
    // Why there are none is among the checks.
    let statements = bench.statements().await.unwrap_or_default();
    if context.json {
        context.print(&json!({ "passed": passed, "checks": items, "creates": statements }))?;
        return Ok(if passed { Exit::Well } else { Exit::Unchecked });
    }
    print(&items);
    if !statements.is_empty() {
        println!("\nThe run will create:");
    }
    for statement in &statements {
        println!("\n{statement};");
    }
    Ok(if passed { Exit::Well } else { Exit::Unchecked })
}

pub fn passed(items: &[CheckItem]) -> bool {
    items.iter().all(|item| item.state != CheckState::Failed)
}

/// What the operator has to confirm before a start.
pub fn unconfirmed(items: &[CheckItem]) -> impl Iterator<Item = &CheckItem> {
    items.iter().filter(|item| item.state == CheckState::Unconfirmed)
}

pub fn print(items: &[CheckItem]) {
    for item in items {
        let sign = match item.state {
            CheckState::Passed => "✓",
            CheckState::Warned => "!",
            CheckState::Unconfirmed => "?",
            CheckState::Failed => "✗",
        };
        println!("{sign} {}", item.name);
        for detail in &item.details {
            println!("    {detail}");
        }
    }
}
