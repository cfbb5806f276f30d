//! `whimbrel validate`.

use super::{repair, samples};
use crate::{
    cli::{CliError, Exit, args::Validate, open::Context},
    host::Closeness,
    model::{clean, clip, thousands},
    protocol::{Outcome, Sampling, TableValidation, Validation, key_words},
};

/// Rows of a sample that are printed of each table.
const SHOWN: usize = 3;

/// What of a value is printed.
const WIDTH: usize = 60;

pub async fn perform(context: &Context, arguments: &Validate) -> Result<Exit, CliError> {
    if arguments.reviewing.is_wanted() {
        return samples::perform(context, arguments).await;
    }
    let bench = context.workbench(&arguments.plan)?;
    let how = Closeness { sample: arguments.sample, seed: arguments.seed, only: arguments.tables.clone() };
    if arguments.repair {
        return repair::perform(context, &bench, &how, arguments).await;
    }
    let (validation, _) = bench.validate(&how).await.map_err(CliError::failed)?;
    let validation = bench.without_private(validation).await;
    match context.json {
        true => context.print(&serde_json::json!({ "validation": validation }))?,
        false => print(&validation),
    }
    Ok(if validation.outcome == Outcome::Passed { Exit::Well } else { Exit::Unproven })
}

fn print(validation: &Validation) {
    counts("Source", validation, |table| table.source_rows);
    counts("Destination", validation, |table| table.destination_rows);
    println!("Validation: {}", validation.outcome.word());
    validation.remarks.iter().for_each(|remark| println!("    {remark}"));
    for metric in &validation.metrics {
        println!("{} {}: {}", metric.outcome.sign(), clean(&metric.name), metric.in_words());
    }
    for table in &validation.tables {
        println!("\n{}", table.to);
        for finding in &table.findings {
            println!("{} {}", finding.outcome.sign(), finding.name);
            finding.details.iter().for_each(|detail| println!("    {}", clean(detail)));
        }
        differences(table);
        sample(&table.sample);
    }
    println!("\nsamples drawn with --seed {}", validation.seed);
}

/// `Validation: PASSED`, and what did not pass.
pub fn summary(validation: &Validation) {
    let all = validation.in_short("");
    println!(
        "Validation: {}  {} rows should be there, {} are; {} of {} sampled match",
        validation.outcome.word(),
        thousands(all.source_rows),
        thousands(all.destination_rows),
        thousands(all.matching),
        thousands(all.sampled)
    );
    if let Some(why) = all.why {
        println!("    {}", clean(&why));
    }
}

fn counts(side: &str, validation: &Validation, rows: fn(&TableValidation) -> Option<u64>) {
    println!("{side}:");
    let mut total = 0;
    for table in &validation.tables {
        let shown = rows(table).map_or("?".to_owned(), thousands);
        let sign = if rows(table).is_some() { table.outcome.sign() } else { "-" };
        println!("- {}: {shown} rows {sign}", table.to);
        total += rows(table).unwrap_or(0);
    }
    println!("Total: {} rows", thousands(total));
}

fn differences(table: &TableValidation) {
    for difference in &table.differences {
        println!("  {}", difference.place());
        for column in &difference.columns {
            println!(
                "    {} (from {}): source '{}', destination '{}'",
                column.column,
                column.origin,
                shown(&column.source.display()),
                shown(&column.destination.display())
            );
        }
    }
    let more = table.differing.saturating_sub(table.differences.len() as u64);
    if more > 0 {
        println!("  ... and {} more", thousands(more));
    }
}

fn shown(text: &str) -> String {
    clip(&clean(text), WIDTH)
}

fn sample(sample: &Sampling) {
    println!("Source | Destination | Match");
    let wrong = sample.rows.iter().filter(|row| !row.matches);
    let right = sample.rows.iter().filter(|row| row.matches);
    for row in wrong.chain(right).take(SHOWN) {
        let there = if row.destination.is_empty() { "not there".to_owned() } else { key_words(&row.key, true) };
        println!("{} | {there} | {}", key_words(&row.key, true), if row.matches { "✓" } else { "✗" });
    }
    println!("... ({} of {} match)", thousands(sample.matching), thousands(sample.drawn));
    println!("Verification: {}", sample.outcome.word());
}
