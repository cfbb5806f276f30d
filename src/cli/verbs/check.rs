//! `whimbrel check`.

use serde_json::json;

use crate::{
    cli::{CliError, Exit, args::Check, open::Context},
    protocol::{CheckItem, CheckState},
};

pub async fn perform(context: &Context, arguments: &Check) -> Result<Exit, CliError> {
    let items = context.workbench(&arguments.plan)?.check().await;
    let passed = passed(&items);
    if context.json {
        context.print(&json!({ "passed": passed, "checks": items }))?;
    } else {
        print(&items);
    }
    Ok(if passed { Exit::Well } else { Exit::Unchecked })
}

pub fn passed(items: &[CheckItem]) -> bool {
    items.iter().all(|item| item.state != CheckState::Failed)
}

pub fn print(items: &[CheckItem]) {
    for item in items {
        let sign = match item.state {
            CheckState::Passed => "✓",
            CheckState::Warned => "!",
            CheckState::Failed => "✗",
        };
        println!("{sign} {}", item.name);
        for detail in &item.details {
            println!("    {detail}");
        }
    }
}
