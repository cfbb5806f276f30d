//! Many flagged rows at once: by an expression, by a sheet, or as they are.

use serde_json::json;

use super::told;
use crate::{
    cli::{CliError, Exit, open::Context},
    host::Workbench,
    model::{Cell, FaultId, clean, clip, thousands},
    plan::Masks,
    protocol::{Fix, FixPreview, FixedRow, Retried, Retry, ReviewItem},
};

/// Rows that are shown of a preview, and columns of each value.
const SHOWN: usize = 20;
const WIDTH: usize = 40;

fn parsed(text: &str) -> Result<Fix, CliError> {
    let wrong = || CliError::usage(format!("'{text}' is not COLUMN=EXPRESSION, such as \"name=trim(name)\""));
    Fix::parse(text).ok_or_else(wrong)
}

fn ids(chosen: &[&ReviewItem]) -> Vec<FaultId> {
    chosen.iter().map(|item| item.fault.id.clone()).collect()
}

/// Says what the fix would make of the rows.
pub(super) async fn preview(
    context: &Context,
    bench: &Workbench,
    chosen: &[&ReviewItem],
    fix: &str,
) -> Result<Exit, CliError> {
    let preview = bench.preview_fix(&ids(chosen), parsed(fix)?).await.map_err(CliError::failed)?;
    match context.json {
        true => context.print(&json!({ "fix_preview": preview }))?,
        false => say(&preview),
    }
    Ok(Exit::Well)
}

fn say(preview: &FixPreview) {
    preview.rows.iter().take(SHOWN).for_each(|row| println!("{}", line(row)));
    let more = preview.rows.len().saturating_sub(SHOWN);
    if more > 0 {
        println!("and {} more", thousands(more as u64));
    }
    println!(
        "{} row(s) change, {} stay as they are, {} would still fail; nothing was written",
        thousands(preview.changed),
        thousands(preview.unchanged),
        thousands(preview.failing)
    );
}

fn line(row: &FixedRow) -> String {
    let value = |cell: &Cell| match cell {
        Cell::Null => "NULL".to_owned(),
        cell => format!("'{}'", clip(&clean(&cell.display()), WIDTH)),
    };
    let after = row.after.as_ref().map(|after| format!(" -> {}", value(after))).unwrap_or_default();
    let problem = row.problem.as_ref().map(|problem| format!("  fails: {}", clean(problem))).unwrap_or_default();
    format!("{}:{}  {}{after}{problem}", row.table, row.row, value(&row.before))
}

/// Tries the rows again with the fix.
pub(super) async fn fixed(
    context: &Context,
    bench: &Workbench,
    chosen: &[&ReviewItem],
    fix: &str,
) -> Result<Retried, CliError> {
    let fix = parsed(fix)?;
    let retries = ids(chosen).into_iter().map(|fault| Retry { fault, cells: Vec::new() }).collect();
    retry(context, bench, retries, Some(fix)).await
}

/// Tries the rows again as they are.
pub(super) async fn again(context: &Context, bench: &Workbench, chosen: &[&ReviewItem]) -> Result<Retried, CliError> {
    let retries = ids(chosen).into_iter().map(|fault| Retry { fault, cells: Vec::new() }).collect();
    retry(context, bench, retries, None).await
}

/// Tries rows again, and says how far that is; Ctrl-C ends it behind the row under way.
pub(super) async fn retry(
    context: &Context,
    bench: &Workbench,
    retries: Vec<Retry>,
    fix: Option<Fix>,
) -> Result<Retried, CliError> {
    let mut progress = bench.retrying();
    let mut pace = tokio::time::interval(std::time::Duration::from_secs(2));
    pace.reset();
    let work = bench.retry_many(retries, fix);
    tokio::pin!(work);
    loop {
        tokio::select! {
            retried = &mut work => {
                let retried = retried.map_err(CliError::failed)?;
                if let (Some(why), false) = (&retried.stopped, context.json) {
                    eprintln!("whimbrel: {} row(s) were not tried: {why}", thousands(retried.left));
                }
                return Ok(retried);
            }
            _ = pace.tick(), if !context.json => {
                if let Some(now) = *progress.borrow_and_update() {
                    println!("{} of {} row(s), {} written", thousands(now.done), thousands(now.of), thousands(now.written));
                }
            }
            _ = tokio::signal::ctrl_c() => bench.stop_retrying(),
        }
    }
}

/// Why rows were not written, a sentence each.
pub(super) fn failures(retried: Retried, items: &[ReviewItem], masks: &Masks) -> Vec<String> {
    let sentence = |(fault, why): (FaultId, String)| match items.iter().find(|item| item.fault.id == fault) {
        Some(item) => told(masks, item, why),
        None => why,
    };
    let failed = retried.failed.into_iter().map(|failed| (failed.fault, failed.why));
    let stopped = retried.stopped.map(|why| format!("{} row(s) were not tried: {why}", thousands(retried.left)));
    failed.map(sentence).chain(stopped).collect()
}
