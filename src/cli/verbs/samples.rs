//! `whimbrel validate --samples`, `--approve`, `--reject`, `--remark`.

use chrono::{DateTime, Local};

use crate::{
    cli::{
        CliError, Exit,
        args::{Reviewing, Validate},
        open::Context,
    },
    host::Workbench,
    model::{NamedCell, RunId, clean, clip, thousands},
    plan::Document,
    protocol::{
        Outcome, SampleChoice, SampleReview, SampleRow, SampleSaying, SampleVerdict, TableValidation, Validation,
        key_words,
    },
};

/// What of a value is printed.
const WIDTH: usize = 40;

pub async fn perform(context: &Context, arguments: &Validate) -> Result<Exit, CliError> {
    let (bench, run) = bench(context, arguments).await?;
    let mut validation = bench.sampled(run.as_ref()).await.map_err(CliError::failed)?;
    for saying in sayings(&arguments.reviewing, &validation)? {
        let by = context.by.as_str();
        (validation, _) = bench.review_samples(run.as_ref(), &saying, by).await.map_err(CliError::usage)?;
    }
    let validation = bench.without_private(validation).await;
    match context.json {
        true => context.print(&serde_json::json!({ "validation": validation }))?,
        false => print(&validation, arguments),
    }
    Ok(if validation.outcome == Outcome::Passed { Exit::Well } else { Exit::Unproven })
}

/// The workbench of the plan or of the run's, and the run where one was named.
async fn bench(context: &Context, arguments: &Validate) -> Result<(Workbench, Option<RunId>), CliError> {
    if arguments.plan.exists() {
        return Ok((context.workbench(&arguments.plan)?, None));
    }
    let named = arguments.plan.to_string_lossy();
    let run = context.ledger.run(&named).await.map_err(|error| {
        CliError::usage(format!("there is no plan {named}, and it is no run of this host either: {error}"))
    })?;
    let file = Document { path: Some(run.plan_key.clone().into()), ..Document::default() };
    Ok((context.bench(file.with_text(run.plan_text)), Some(run.id)))
}

/// What is said, in the order: approvals, rejections, remarks.
fn sayings(reviewing: &Reviewing, validation: &Validation) -> Result<Vec<SampleSaying>, CliError> {
    let all = [
        (SampleVerdict::Approved, &reviewing.approve),
        (SampleVerdict::Rejected, &reviewing.reject),
        (SampleVerdict::Remarked, &reviewing.remark),
    ];
    let mut sayings = Vec::new();
    for (verdict, words) in all {
        for word in words {
            let (table, rows) = place(word, validation);
            if rows == SampleChoice::AllMatching && verdict != SampleVerdict::Approved {
                let why = format!(
                    "'{word}' names no row: write {table}:KEY, or {table}:#3; only --approve takes a whole table"
                );
                return Err(CliError::usage(why));
            }
            let (reviewer, comment) = (reviewing.reviewer.clone(), reviewing.comment.clone());
            sayings.push(SampleSaying { table, rows, verdict, reviewer, comment });
        }
    }
    Ok(sayings)
}

/// `TABLE` or `TABLE:KEY`; a table may have a colon in its name.
fn place(word: &str, validation: &Validation) -> (String, SampleChoice) {
    let is_table = |name: &str| validation.tables.iter().any(|table| table.to == name);
    let mut splits = word.match_indices(':').map(|(at, _)| (&word[..at], &word[at + 1..]));
    let first = word.split_once(':');
    match splits.rfind(|(table, _)| is_table(table)).or(first) {
        _ if is_table(word) => (word.to_owned(), SampleChoice::AllMatching),
        Some((table, key)) => (table.to_owned(), SampleChoice::Row(key.to_owned())),
        None => (word.to_owned(), SampleChoice::AllMatching),
    }
}

fn print(validation: &Validation, arguments: &Validate) {
    let wanted = |table: &&TableValidation| arguments.tables.is_empty() || arguments.tables.contains(&table.to);
    for table in validation.tables.iter().filter(wanted) {
        let sample = &table.sample;
        println!(
            "{}  {} drawn, {} match; {} approved, {} rejected",
            table.to,
            thousands(sample.drawn),
            thousands(sample.matching),
            thousands(sample.approved),
            thousands(sample.rejected)
        );
        let rows = sample.rows.iter().enumerate();
        let spoken = rows.filter(|(_, row)| arguments.reviewing.samples || is_told(row));
        spoken.for_each(|(place, row)| print_row(place, row, arguments.reviewing.samples));
        let review = table.findings.iter().filter(|finding| finding.name == "Sample review");
        review.flat_map(|finding| finding.details.iter().skip(1)).for_each(|detail| println!("  ✗ {}", clean(detail)));
    }
    println!("Validation: {}", validation.outcome.word());
}

/// Whether more than an approval was said of the row.
fn is_told(row: &SampleRow) -> bool {
    let rejected = row.decided().is_some_and(|review| review.verdict == SampleVerdict::Rejected);
    rejected || row.reviews.iter().any(|review| review.comment.is_some())
}

fn print_row(place: usize, row: &SampleRow, whole: bool) {
    let sign = if row.matches { "✓ match" } else { "✗ differs" };
    println!("  #{} {}  {sign}", place + 1, key_words(&row.key, true));
    if whole {
        row.source.iter().for_each(|cell| print_cell(cell, row));
    }
    row.reviews.iter().for_each(print_review);
}

fn print_cell(source: &NamedCell, row: &SampleRow) {
    let shown = |cell: &NamedCell| clip(&clean(&cell.cell.display()), WIDTH);
    let there = row.destination.iter().find(|cell| cell.name == source.name);
    let (left, right) = (shown(source), there.map_or("not there".to_owned(), shown));
    let sign = if there.is_some_and(|there| there.cell == source.cell) || row.matches { ' ' } else { '≠' };
    println!("      {}: {left} | {right} {sign}", source.name);
}

fn print_review(review: &SampleReview) {
    let at = DateTime::from_timestamp_millis(review.at_ms as i64).unwrap_or_default().with_timezone(&Local);
    let comment = review.comment.as_ref().map(|comment| format!(": {}", clean(comment))).unwrap_or_default();
    println!(
        "      {} {} by {}, {}{comment}",
        review.verdict.sign(),
        review.verdict.word(),
        clean(&review.reviewer),
        at.format("%Y-%m-%d %H:%M")
    );
}
