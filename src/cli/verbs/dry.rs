//! `whimbrel run PLAN --dry-run`.

use super::{check, run};
use crate::{
    cli::{CliError, Exit, args::Run, open::Context},
    host::Workbench,
    model::{Cell, Count, clean, clip, compact, thousands},
    protocol::{DryColumn, DryFault, DryRun, DryTable, Estimate},
};

/// What of a value is printed.
const WIDTH: usize = 60;

pub async fn perform(context: &Context, bench: &Workbench, arguments: &Run) -> Result<Exit, CliError> {
    let items = bench.check().await;
    if !check::passed(&items) {
        match context.json {
            true => context.print(&serde_json::json!({ "passed": false, "checks": items }))?,
            false => check::print(&items),
        }
        eprintln!("whimbrel: the checks did not pass; nothing was tried");
        return Ok(Exit::Unchecked);
    }
    let told = bench.dry_run(arguments.tables.clone(), arguments.limit).await.map_err(run::prepare_error)?;
    match context.json {
        true => context.print(&serde_json::json!({ "dry_run": told }))?,
        false => print(&told),
    }
    Ok(match (told.failed(), told.faulted()) {
        (Some(_), _) => Exit::Failed,
        (None, 0) => Exit::Well,
        (None, _) => Exit::Incomplete,
    })
}

fn print(told: &DryRun) {
    for table in &told.tables {
        print_table(table);
    }
    if let Some(estimate) = &told.estimate {
        println!("The run itself: {}", words(estimate));
    }
    if let Some(stage) = told.bottleneck {
        println!("Bottleneck: {}", stage.word());
    }
    told.remarks.iter().for_each(|remark| println!("    {remark}"));
    println!("Nothing of it stayed.");
}

fn print_table(table: &DryTable) {
    let of = match table.rows {
        Count::Exact(rows) => thousands(rows),
        other => compact(other),
    };
    let some = if table.whole { "" } else { " (the first of them)" };
    println!("{}: {} of {of} rows read{some}", table.to, thousands(table.read + table.filtered));
    if let Some(why) = &table.failed {
        println!("✗   it could not be tried: {}", clean(why));
    }
    let mut parts = vec![
        format!("{} would be written", thousands(table.written)),
        format!("{} would be faults", thousands(table.faulted)),
    ];
    for (rows, what) in [
        (table.filtered, "left behind by the filter"),
        (table.unchanged, "there already as they are"),
        (table.updating, "would take the place of rows that are there"),
    ] {
        parts.extend((rows > 0).then(|| format!("{} {what}", thousands(rows))));
    }
    println!("    {}", parts.join(", "));
    table.columns.iter().for_each(print_column);
    table.faults.iter().for_each(print_fault);
    table.stopped.iter().chain(&table.untold).for_each(|note| println!("!   {note}"));
    let stages = table.stages;
    println!(
        "    source {} ms, transform {} ms, destination {} ms{}\n",
        thousands(stages.source_ms),
        thousands(stages.transform_ms),
        thousands(stages.destination_ms),
        table.estimate.as_ref().map(|estimate| format!("; all of it: {}", words(estimate))).unwrap_or_default()
    );
}

fn print_column(column: &DryColumn) {
    let counted = [
        (column.converted, "converted"),
        (column.defaulted, "defaulted"),
        (column.nulled, "become NULL"),
        (column.faulted, "faulted"),
    ];
    let parts: Vec<String> = counted
        .iter()
        .filter(|(rows, _)| *rows > 0)
        .map(|(rows, what)| format!("{} {what}", thousands(*rows)))
        .collect();
    if parts.is_empty() {
        return;
    }
    println!("    {} (from {}): {}", column.column, clip(&clean(&column.origin), WIDTH), parts.join(", "));
    for example in &column.examples {
        let before = example.before.as_ref().map_or("".to_owned(), shown);
        println!("        row {}: {before} → {}", thousands(example.row), shown(&example.after));
    }
}

fn print_fault(fault: &DryFault) {
    println!(
        "✗   {}: {} row(s), {}; expected {}",
        fault.column,
        thousands(fault.rows),
        fault.cause,
        clip(&clean(&fault.expected), WIDTH)
    );
    for example in &fault.examples {
        let row = example.row.map(|row| format!("row {}: ", thousands(row))).unwrap_or_default();
        let value = example.value.as_ref().map(|value| format!("{}: ", shown(value))).unwrap_or_default();
        println!("        {row}{value}{}", clip(&clean(&example.message), 2 * WIDTH));
    }
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        cell => format!("'{}'", clip(&clean(&cell.display()), WIDTH)),
    }
}

/// `2 to 5 minutes, 40,000 to 90,000 rows a second`.
fn words(estimate: &Estimate) -> String {
    let rows = |rows: u64| thousands(if rows >= 10_000 { rows / 1_000 * 1_000 } else { rows });
    format!(
        "{} to {}, {} to {} rows a second",
        time(estimate.from_ms, false),
        time(estimate.to_ms, true),
        rows(estimate.from_rows),
        rows(estimate.to_rows)
    )
}

/// A span of time; an upper bound is ceiled.
fn time(ms: u64, ceiled: bool) -> String {
    let in_units = |unit: u64| if ceiled { ms.div_ceil(unit) } else { ms / unit };
    match ms {
        0..10_000 => format!("{}.{} s", in_units(100) / 10, in_units(100) % 10),
        10_000..120_000 => format!("{} s", in_units(1_000)),
        120_000..7_200_000 => format!("{} minutes", in_units(60_000)),
        _ => format!("{} hours", in_units(3_600_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_floored_below_and_ceiled_above() {
        assert_eq!((time(1_234, false), time(1_234, true)), ("1.2 s".into(), "1.3 s".into()));
        assert_eq!((time(61_500, false), time(61_500, true)), ("61 s".into(), "62 s".into()));
        assert_eq!((time(150_000, false), time(150_000, true)), ("2 minutes".into(), "3 minutes".into()));
        assert_eq!(time(9_000_000, true), "3 hours");
    }
}
