//! A scheduled plan: wait until its window opens, run, wait for the next one, without a terminal.
//!
//! One idea: the wait looks at the clock again and again, so that a clock that is set, or a host that slept, is noticed.

use std::{path::Path, time::Duration};

use chrono::{Local, NaiveDateTime};
use serde_json::json;

use super::run::{Way, headless};
use crate::{
    cli::{CliError, Exit, open::Context},
    plan::{MOMENT, When},
};

/// Between two looks at the clock.
const LOOK: Duration = Duration::from_secs(20);

/// Runs the plan at each opening of its window, until the process is ended. An unfinished run is gone on with; what ends
/// badly is told and tried again at the next opening. The plan's file is read anew each time.
pub async fn keep(context: &Context, plan: &Path, way: Way) -> Result<Exit, CliError> {
    let mut after = None;
    loop {
        let when = context.workbench(plan)?.when().await.unwrap_or_default();
        let opening = next(&when, after, now());
        announce(context, plan, opening)?;
        wait_until(opening).await;
        after = Some(now());
        let bench = context.workbench(plan)?;
        let way = Way { resume: true, asks: false, ..way.clone() };
        let exit = headless(context, &bench, way, &plan.display().to_string()).await;
        if let Err(error) = exit {
            eprintln!("whimbrel: {}; the next try is at the next opening", error.message);
        }
    }
}

/// The first run may use a window that is open already; each further one waits for another opening.
fn next(when: &When, after: Option<NaiveDateTime>, now: NaiveDateTime) -> NaiveDateTime {
    match after {
        None if when.is_open(now) => now,
        _ => when.next_opening(now),
    }
}

fn announce(context: &Context, plan: &Path, opening: NaiveDateTime) -> Result<(), CliError> {
    let moment = opening.format(MOMENT).to_string();
    match context.json {
        true => context.print(&json!({ "plan": plan, "waits_until": moment })),
        false => {
            println!("{}: the next run is at {moment}", plan.display());
            Ok(())
        }
    }
}

async fn wait_until(opening: NaiveDateTime) {
    loop {
        let left = (opening - now()).to_std().unwrap_or_default();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}

fn now() -> NaiveDateTime {
    Local::now().naive_local()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{moment, parse};

    #[test]
    fn one_opening_gives_one_run() {
        let text = "[plan]\nkind = \"scheduled\"\n[source]\nurl = \"sqlite:a.db\"\n[destination]\nurl = \"sqlite:b.db\"\n\
                    [when]\nwindow = \"22:00-05:00\"\n";
        let when = parse(text).plan.unwrap().when;
        let at = |text: &str| moment(text).unwrap();
        let inside = at("2026-06-12 23:00");
        assert_eq!(next(&when, None, inside), inside);
        assert_eq!(next(&when, Some(inside), inside), at("2026-06-13 22:00"));
        assert_eq!(next(&when, None, at("2026-06-12 12:00")), at("2026-06-12 22:00"));
    }
}
