//! The run as a whole, in the product's own words.

use ratatui::text::{Line, Span};

use super::tables::{bar_text, count_text};
use crate::{
    console::{
        app::{App, Bottleneck, Figures},
        keys::{ActionId, Availability, availability},
        screens::outcome_role,
        theme::Role,
        widgets::{Canvas, flow, wrap},
    },
    model::{RunPhase, TablePhase, clean, clip, minutes_spent, thousands},
    protocol::{RestoreProgress, Validated},
};

/// Columns of the sparkline.
const SPARK: usize = 20;

/// What goes on now, in a line.
pub(super) fn now(app: &App) -> String {
    if let Some(keeping) = &app.run.keeping {
        return kept(keeping);
    }
    let snapshot = &app.run.snapshot;
    let parked = snapshot.tables.iter().filter(|table| table.phase == TablePhase::Parked).count();
    match snapshot.phase {
        RunPhase::Ready => "Ready".into(),
        RunPhase::Draining => "Draining: chunks under way come to their end".into(),
        RunPhase::Paused => app.keys.spell("Paused: {pause-resume} goes on"),
        RunPhase::Stopped => "Stopped".into(),
        RunPhase::Completed => "Completed".into(),
        RunPhase::Running => match app.run.gauge.as_ref().map(|gauge| gauge.now.as_str()).unwrap_or_default() {
            "" if parked > 0 => "Now: waiting for answers".into(),
            "" if snapshot.tables.iter().any(|table| table.held.is_some()) => "Now: held".into(),
            "" => "Now: starting".into(),
            now => format!("Now: {now}"),
        },
    }
}

/// What is kept before a run's first write, as far as it is.
pub(super) fn kept(keeping: &RestoreProgress) -> String {
    let rows = thousands(keeping.rows);
    match keeping.table.as_str() {
        "" => "Now: making a restore point".into(),
        table => format!("Now: making a restore point: {}, {rows} rows kept", clean(table)),
    }
}

pub(super) fn lines(app: &App, canvas: &Canvas<'_, '_>, figures: &Figures, width: usize) -> Vec<Line<'static>> {
    let snapshot = &app.run.snapshot;
    let mut lines = vec![progress(canvas, figures, snapshot.phase)];
    lines.extend(match snapshot.phase {
        RunPhase::Completed | RunPhase::Stopped => over(app, canvas, figures, width),
        _ => flow(pieces(app, canvas, figures), width.saturating_sub(1), 3),
    });
    lines.extend(trouble(app, canvas, width));
    lines.into_iter().map(|line| indent(line, 1)).collect()
}

fn indent(mut line: Line<'static>, by: usize) -> Line<'static> {
    line.spans.insert(0, Span::raw(" ".repeat(by)));
    line
}

fn progress(canvas: &Canvas<'_, '_>, figures: &Figures, phase: RunPhase) -> Line<'static> {
    let (done, of) = match (phase, figures.rows.rows()) {
        (RunPhase::Completed, _) => (1, 1),
        (_, Some(rows)) => (figures.done.min(rows.saturating_sub(1)), rows.max(1)),
        (_, None) => (0, 1),
    };
    let (filled, rest) = bar_text(done, of, 10);
    let percent = figures.percent.map_or("?".into(), |percent| format!("{percent}%"));
    let rows = match phase {
        RunPhase::Completed => thousands(figures.done),
        _ => count_text(figures.rows),
    };
    Line::from(vec![
        canvas.span(Role::Text, "Progress: "),
        canvas.span(Role::Gauge, filled),
        canvas.span(Role::GaugeRest, rest),
        canvas
            .span(Role::Text, format!(" {percent}      Migrated: {} / {rows} rows", thousands(figures.counts.written))),
    ])
}

fn pieces(app: &App, canvas: &Canvas<'_, '_>, figures: &Figures) -> Vec<Vec<Span<'static>>> {
    let text = |text: String| vec![canvas.span(Role::Text, text)];
    let elapsed = figures.elapsed_ms.map_or("—".into(), minutes_spent);
    let speed = figures.speed.map_or("calculating".into(), |speed| format!("{} rows/minute", thousands(speed)));
    let speed = if app.run.snapshot.phase == RunPhase::Running { speed } else { "—".into() };
    let mut pieces = vec![
        text(format!("Time elapsed: {elapsed}")),
        text(format!("Estimated: {}", figures.estimate)),
        text(format!("Speed: {speed}")),
    ];
    let spark = spark(&app.run.rows_per_second());
    if !spark.is_empty() {
        pieces.push(vec![canvas.span(Role::Muted, "rows/s "), canvas.span(Role::Gauge, spark)]);
    }
    let quiet = |text: String| vec![canvas.span(Role::Muted, text)];
    pieces.extend(figures.read_rate.map(|rate| quiet(format!("read {}", rate_text(rate)))));
    pieces.extend(figures.write_rate.map(|rate| quiet(format!("write {}", rate_text(rate)))));
    pieces.extend(figures.bottleneck.map(|stage| quiet(format!("bottleneck {}", stage_words(app, stage)))));
    if let Some(gauge) = &app.run.gauge {
        pieces.push(quiet(format!("cpu {:.0} %", gauge.cpu_percent)));
        pieces.push(quiet(format!("memory {} MB", thousands(gauge.memory_bytes / 1_000_000))));
    }
    pieces
}

/// What is on another machine may as well be slow to reach.
fn stage_words(app: &App, stage: Bottleneck) -> &'static str {
    let is_here = |url: &str| url.starts_with("sqlite:") || url.starts_with("csv:");
    let outline = &app.plan.outline;
    match stage {
        Bottleneck::Source if is_here(&outline.source.url) => "source",
        Bottleneck::Source => "source or network",
        Bottleneck::Transform => "transform",
        Bottleneck::Destination if is_here(&outline.destination.url) => "destination",
        Bottleneck::Destination => "destination or network",
        Bottleneck::Throttle => "the limit",
        Bottleneck::Steady => "none: steady",
    }
}

fn rate_text(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB/s", bytes / 1_000),
        _ => format!("{} MB/s", thousands(bytes / 1_000_000)),
    }
}

/// The last rates as blocks, the highest of them full.
fn spark(rates: &[u64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let rates = rates.get(rates.len().saturating_sub(SPARK)..).unwrap_or_default();
    let most = rates.iter().copied().max().unwrap_or(0).max(1);
    rates.iter().map(|rate| BLOCKS[((rate * 7).div_ceil(most) as usize).min(7)]).collect()
}

/// How it ended.
fn over(app: &App, canvas: &Canvas<'_, '_>, figures: &Figures, width: usize) -> Vec<Line<'static>> {
    let snapshot = &app.run.snapshot;
    let counts = figures.counts;
    let mut lines = Vec::new();
    if snapshot.phase == RunPhase::Stopped {
        let why = format!("✗ Stopped: {}", snapshot.stopped.as_deref().unwrap_or("no reason given"));
        lines.extend(wrap(&why, width.saturating_sub(2)).into_iter().map(|line| canvas.span(Role::Error, line).into()));
        let how = match availability(ActionId::Start, app) {
            Availability::Yes => "What is committed stays; {start} goes on from there.",
            Availability::No(_) => {
                "What is committed stays; once the checks pass ({check}), {start} goes on from there."
            }
        };
        lines.push(canvas.span(Role::Text, app.keys.spell(how)).into());
    }
    let word = |name: &str, rows: u64, role: Role| vec![canvas.span(role, format!("{name} {}", thousands(rows)))];
    let mut pieces = vec![
        word("read", counts.read, Role::Text),
        word("written", counts.written, Role::Ok),
        word("skipped", counts.skipped, if counts.skipped > 0 { Role::Warn } else { Role::Text }),
        word("flagged", counts.flagged, if counts.flagged > 0 { Role::Warn } else { Role::Text }),
    ];
    if counts.filtered > 0 {
        pieces.push(word("left out by filters", counts.filtered, Role::Text));
    }
    pieces.extend(
        figures.elapsed_ms.map(|ms| vec![canvas.span(Role::Text, format!("Time elapsed: {}", minutes_spent(ms)))]),
    );
    lines.extend(flow(pieces, width.saturating_sub(1), 3));
    if let Some(validated) = &snapshot.validated {
        lines.extend(proof(validated, canvas, width));
    }
    if let Some(back) = &snapshot.taken_back {
        let text = format!("Taken back to {} by {}: {}", back.point, back.by, back.outcome.word());
        lines.push(canvas.span(outcome_role(back.outcome), clip(&clean(&text), width.saturating_sub(2))).into());
    }
    if snapshot.phase == RunPhase::Completed && counts.flagged > 0 {
        lines.push(canvas.span(Role::Warn, app.keys.spell("Flagged rows wait in {review} Review.")).into());
    }
    lines
}

/// What the validation came to.
pub fn proof(validated: &Validated, canvas: &Canvas<'_, '_>, width: usize) -> Vec<Line<'static>> {
    let role = outcome_role(validated.outcome);
    let text = |text: String| vec![canvas.span(Role::Text, text)];
    let (sampled, matching) = (thousands(validated.sampled), thousands(validated.matching));
    let pieces = vec![
        vec![canvas.span(role, format!("Validation: {}", validated.outcome.word()))],
        text(format!("Source: {} rows", thousands(validated.source_rows))),
        text(format!("Destination: {} rows", thousands(validated.destination_rows))),
        text(format!("{matching} of {sampled} match")),
    ];
    let why = validated.why.iter().flat_map(|why| wrap(&clean(why), width.saturating_sub(2)));
    let why = why.take(3).map(|line| Line::from(canvas.span(role, line)));
    flow(pieces, width.saturating_sub(1), 3).into_iter().chain(why).collect()
}

/// What keeps tables from going on.
fn trouble(app: &App, canvas: &Canvas<'_, '_>, width: usize) -> Vec<Line<'static>> {
    if app.run.snapshot.phase.is_over() {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for table in &app.run.snapshot.tables {
        if let Some(why) = &table.held {
            let again = app.keys.word(ActionId::PauseResume);
            let text = format!("✗ {} is held: {why} ({again} tries again)", table.to);
            lines.extend(wrap(&text, width.saturating_sub(2)).into_iter().take(3).map(|line| (Role::Error, line)));
        }
    }
    let waiting = app.waiting_faults().count();
    if waiting > 0 {
        let (answer, list) = (app.keys.word(ActionId::Answer), app.keys.word(ActionId::Errors));
        let (errors, wait) = if waiting == 1 { ("error", "waits") } else { ("errors", "wait") };
        lines.push((Role::Warn, format!("! {waiting} {errors} {wait} for an answer: {answer} answers, {list} lists")));
    }
    lines.into_iter().map(|(role, text)| canvas.span(role, text).into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_shows_the_highest_full_and_nothing_flat() {
        assert_eq!(spark(&[0, 1, 50, 100]), "▁▂▅█");
        assert_eq!(spark(&[0, 0]), "▁▁");
        assert_eq!(spark(&vec![1; 100]).chars().count(), SPARK);
    }
}
