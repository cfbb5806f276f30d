//! `whimbrel validate PLAN --repair`.

use super::validate;
use crate::{
    cli::{CliError, Exit, args::Validate, open::Context},
    host::{Closeness, Workbench},
    model::{clean, clip, thousands},
    protocol::{DifferenceKind, Outcome, Repair, TableRepair, key_words},
};

pub async fn perform(
    context: &Context,
    bench: &Workbench,
    how: &Closeness,
    arguments: &Validate,
) -> Result<Exit, CliError> {
    let repair = bench.repair(how, arguments.yes, arguments.delete_surplus).await.map_err(CliError::failed)?;
    let validation = match arguments.yes {
        true => Some(bench.validate(how).await.map_err(CliError::failed)?.0),
        false => None,
    };
    if context.json {
        context.print(&serde_json::json!({ "repair": repair, "validation": validation }))?;
    } else {
        print(&repair);
        validation.iter().for_each(validate::summary);
    }
    let clean = repair.tables.iter().all(|table| table.refused.is_none() && table.surplus + table.changes() == 0);
    Ok(match validation {
        Some(validation) if validation.outcome == Outcome::Passed => Exit::Well,
        None if clean => Exit::Well,
        _ => Exit::Unproven,
    })
}

fn print(repair: &Repair) {
    repair.tables.iter().for_each(|table| print_table(table, repair.applied));
    match (repair.applied, repair.changes()) {
        (_, 0) => println!("Nothing is changed."),
        (false, rows) => println!("{} row(s) would be changed; nothing was. --yes changes them.", thousands(rows)),
        (true, _) => {
            let sum = |rows: fn(&TableRepair) -> u64| thousands(repair.tables.iter().map(rows).sum());
            println!("{} row(s) written, {} removed.", sum(|table| table.written), sum(|table| table.removed));
        }
    }
}

fn print_table(table: &TableRepair, applied: bool) {
    if let Some(why) = &table.refused {
        println!("✗ {}: not repaired: {}", table.to, clean(why));
        return;
    }
    let surplus = match (table.surplus, table.removes) {
        (0, _) => String::new(),
        (rows, true) => format!(", {} to remove", thousands(rows)),
        (rows, false) => {
            format!("; {} only the destination has, which stay (--delete-surplus removes them)", thousands(rows))
        }
    };
    println!("{}: {} to add, {} to change{surplus}", table.to, thousands(table.missing), thousands(table.differing));
    for row in table.rows.iter().filter(|_| !applied) {
        let what = match row.kind {
            DifferenceKind::Missing => "+",
            DifferenceKind::Surplus => "-",
            DifferenceKind::Different | DifferenceKind::Times => "~",
        };
        println!("    {what} {}", key_words(&row.key, true));
    }
    let all = table.missing + table.differing + table.surplus;
    let more = all.saturating_sub(table.rows.len() as u64);
    if more > 0 && !applied {
        println!("    ... and {} more", thousands(more));
    }
    for failed in &table.failed {
        println!("    ✗ {}", clip(&clean(failed), 160));
    }
}
