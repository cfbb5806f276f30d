//! A validated table in full: what was looked at, the rows that differ, the sample side by side.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{After, Input, Overlay};
use crate::{
    console::{
        app::{App, Effect},
        keys::{ActionId, Availability, KeyPress, Motion, Scope, availability, moved},
        screens::outcome_role,
        theme::Role,
        widgets::{Canvas, Hit, fit, shown_cell, split_top, window, wrap},
    },
    model::{Cell, NamedCell, clean, clip, thousands},
    protocol::{Difference, SampleChoice, SampleRow, SampleSaying, SampleVerdict, TableValidation, key_words},
};

/// What of the table is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Checks,
    Differences,
    Sample,
}

impl Part {
    const ALL: [Self; 3] = [Self::Checks, Self::Differences, Self::Sample];

    fn title(self, table: &TableValidation) -> String {
        match self {
            Self::Checks => "Checks".to_owned(),
            Self::Differences => format!("Differences {}", thousands(table.differing)),
            Self::Sample => format!("Sample {}", thousands(table.sample.drawn)),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Proof {
    table: String,
    part: usize,
    /// Where one stands in each part.
    cursors: [usize; 3],
}

impl Proof {
    pub fn new(table: String) -> Self {
        Self { table, ..Self::default() }
    }

    /// Whether rows of the sample are what is looked at.
    pub fn shows_sample(&self) -> bool {
        self.part() == Part::Sample
    }

    fn part(&self) -> Part {
        Part::ALL[self.part.min(2)]
    }

    fn cursor(&self) -> usize {
        self.cursors[self.part.min(2)]
    }

    pub fn choose(&mut self, place: usize) -> bool {
        self.cursors[self.part.min(2)] = place;
        false
    }

    fn found<'a>(&self, app: &'a App) -> Option<&'a TableValidation> {
        app.validate.table.value.as_ref().filter(|table| table.to == self.table)
    }

    fn len(&self, app: &App) -> usize {
        let Some(table) = self.found(app) else { return 0 };
        match self.part() {
            Part::Checks => table.findings.len(),
            Part::Differences => table.differences.len(),
            Part::Sample => table.sample.rows.len(),
        }
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        let parts = Part::ALL.len();
        match Motion::of(key) {
            _ if app.keys.find(&[Scope::Sample], key).is_some_and(|id| self.says(app, id)) => {}
            _ if key.is("esc") || key.is("q") || key.is("enter") => return After::Close,
            _ if key.is("tab") => self.part = (self.part + 1) % parts,
            _ if key.is("shift-tab") => self.part = (self.part + parts - 1) % parts,
            _ if key.is("y") => self.copy(app),
            Some(Motion::Left) => self.part = self.part.saturating_sub(1),
            Some(Motion::Right) => self.part = (self.part + 1).min(parts - 1),
            Some(motion) => {
                let (len, page) = (self.len(app), app.page());
                self.cursors[self.part] = moved(motion, self.cursor(), len, page);
            }
            None => {}
        }
        After::Stay
    }

    /// Whether the action was taken: what a reviewer makes of rows is said on the sample alone.
    fn says(&mut self, app: &mut App, id: ActionId) -> bool {
        if !self.shows_sample() {
            return false;
        }
        match availability(id, app) {
            Availability::Yes => self.action(app, id),
            Availability::No(why) => app.say(why),
        }
        true
    }

    pub fn action(&mut self, app: &mut App, id: ActionId) {
        let Some(row) = self.found(app).and_then(|table| table.sample.rows.get(self.cursor())) else { return };
        let (verdict, rows) = match id {
            ActionId::RejectRow => (SampleVerdict::Rejected, SampleChoice::Row(row.id.clone())),
            ActionId::RemarkRow => (SampleVerdict::Remarked, SampleChoice::Row(row.id.clone())),
            ActionId::ApproveMatching => (SampleVerdict::Approved, SampleChoice::AllMatching),
            ActionId::ApproveRow => (SampleVerdict::Approved, SampleChoice::Row(row.id.clone())),
            _ => return,
        };
        let key = clean(&key_words(&row.key, true));
        let saying = SampleSaying { table: self.table.clone(), rows, verdict, reviewer: None, comment: None };
        match verdict {
            SampleVerdict::Approved => app.review_sample(saying),
            _ => app.open(Overlay::Input(Input::sample(saying, &key))),
        }
    }

    /// What is under the cursor goes into the clipboard, as text.
    fn copy(&self, app: &mut App) {
        let Some(table) = self.found(app) else { return };
        let at = self.cursor();
        let text = match self.part() {
            Part::Checks => table
                .findings
                .get(at)
                .map(|finding| format!("{}: {}\n{}", finding.name, finding.outcome.word(), finding.details.join("\n"))),
            Part::Differences => table.differences.get(at).map(|difference| {
                let columns = difference.columns.iter().map(|column| {
                    let (source, destination) = (column.source.display(), column.destination.display());
                    format!(
                        "{} (from {}): source '{source}', destination '{destination}'",
                        column.column, column.origin
                    )
                });
                std::iter::once(difference.place()).chain(columns).collect::<Vec<_>>().join("\n")
            }),
            Part::Sample => table.sample.rows.get(at).map(|row| key_words(&row.key, true)),
        };
        match text {
            Some(text) => app.effect(Effect::Copy(text)),
            None => app.say("There is nothing under the cursor"),
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let found = self.found(app);
        let title = found.map_or(self.table.clone(), |table| format!("{}: {}", self.table, table.outcome.word()));
        let inner = canvas.popup(area, &title, "←→ part · ↑↓ choose · y copy · esc close");
        let Some(table) = found else {
            let line = match &app.validate.table.error {
                Some(error) => canvas.span(Role::Error, format!(" ✗ {error}")),
                None => canvas.span(Role::Muted, " Reading what was found…"),
            };
            return canvas.line(inner, 0, line);
        };
        let tabs = self.tabs(canvas, table);
        canvas.line(inner, 0, tabs);
        let (_, rest) = split_top(inner, 2);
        match self.part() {
            Part::Checks => self.draw_checks(canvas, rest, table),
            Part::Differences => self.draw_differences(canvas, rest, table),
            Part::Sample => self.draw_sample(canvas, rest, table),
        }
    }

    fn tabs(&self, canvas: &Canvas<'_, '_>, table: &TableValidation) -> Line<'static> {
        let mut spans = Vec::new();
        for part in Part::ALL {
            let title = part.title(table);
            spans.push(match part == self.part() {
                true => canvas.span(Role::Selection, format!(" [{title}] ")),
                false => canvas.span(Role::Text, format!("  {title}  ")),
            });
        }
        Line::from(spans)
    }

    fn draw_checks(&self, canvas: &mut Canvas<'_, '_>, area: Rect, table: &TableValidation) {
        let width = usize::from(area.width).saturating_sub(6);
        let (mut lines, mut at) = (Vec::new(), 0);
        for (place, finding) in table.findings.iter().enumerate() {
            let here = place == self.cursor();
            if here {
                at = lines.len();
            }
            lines.push(Line::from(vec![
                canvas.span(Role::Key, if here { "▸ " } else { "  " }),
                canvas.span(outcome_role(finding.outcome), finding.outcome.sign()),
                canvas.span(if here { Role::Header } else { Role::Text }, format!(" {}", finding.name)),
            ]));
            let details = finding.details.iter().flat_map(|detail| wrap(&clean(detail), width));
            lines.extend(details.map(|line| canvas.span(Role::Muted, format!("    {line}")).into()));
        }
        let rows = window(at, lines.len(), usize::from(area.height));
        canvas.lines(area, lines.drain(rows));
    }

    /// A list above and what is under its cursor below.
    fn draw_list(
        &self,
        canvas: &mut Canvas<'_, '_>,
        area: Rect,
        items: Vec<Line<'static>>,
        title: &str,
        detail: Vec<Line<'static>>,
    ) {
        let most = area.height.saturating_sub(4).min((area.height / 2).max(3));
        let (upper, lower) = split_top(area, most.min(items.len() as u16).max(1));
        let rows = window(self.cursor(), items.len(), usize::from(upper.height));
        let here = self.cursor().saturating_sub(rows.start) as u16;
        for (row, place) in rows.clone().enumerate() {
            canvas.hit(upper, row as u16, Hit::Row(place));
        }
        canvas.lines(upper, items.into_iter().skip(rows.start).take(rows.len()));
        canvas.mark(upper, here, Role::Selection);
        canvas.rule(lower, 0, title);
        let (_, rest) = split_top(lower, 1);
        canvas.lines(rest, detail);
    }

    fn draw_differences(&self, canvas: &mut Canvas<'_, '_>, area: Rect, table: &TableValidation) {
        let Some(current) = table.differences.get(self.cursor()) else {
            let line = canvas.span(Role::Ok, " ✓ No row differs");
            return canvas.line(area, 0, line);
        };
        let more = table.differing.saturating_sub(table.differences.len() as u64);
        let more = if more > 0 { format!(" · and {} more rows", thousands(more)) } else { String::new() };
        let mut items = Vec::new();
        for (place, difference) in table.differences.iter().enumerate() {
            let sign = canvas.span(Role::Key, if place == self.cursor() { "▸ " } else { "  " });
            let text = fit(&difference.place(), usize::from(area.width).saturating_sub(2));
            items.push(Line::from(vec![sign, canvas.span(Role::Text, text)]));
        }
        let title = format!("Row {} of {}{more}", self.cursor() + 1, table.differences.len());
        let detail = difference_lines(canvas, current, usize::from(area.width));
        self.draw_list(canvas, area, items, &title, detail);
    }

    fn draw_sample(&self, canvas: &mut Canvas<'_, '_>, area: Rect, table: &TableValidation) {
        let rows = &table.sample.rows;
        let Some(current) = rows.get(self.cursor()) else {
            let line = canvas.span(Role::Muted, " No row was drawn");
            return canvas.line(area, 0, line);
        };
        let width = usize::from(area.width);
        let mut items = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let (role, sign) = if row.matches { (Role::Ok, "✓ match") } else { (Role::Error, "✗ differs") };
            let (said_role, said) = said_of(row);
            items.push(Line::from(vec![
                canvas.span(Role::Key, if place == self.cursor() { "▸ " } else { "  " }),
                canvas.span(role, fit(sign, 11)),
                canvas.span(said_role, fit(&said, 12)),
                canvas.span(Role::Text, fit(&key_words(&row.key, true), width.saturating_sub(25))),
            ]));
        }
        let (matching, drawn) = (thousands(table.sample.matching), thousands(table.sample.drawn));
        let reviewed = match table.sample.approved + table.sample.rejected {
            0 => String::new(),
            _ => format!(" · {} approved, {} rejected", table.sample.approved, table.sample.rejected),
        };
        let title = format!("Side by side · {matching} of {drawn} match{reviewed}");
        let mut detail = review_lines(canvas, current, width);
        detail.extend(sides(canvas, current, width));
        self.draw_list(canvas, area, items, &title, detail);
    }
}

/// The last word that decides on the row.
fn said_of(row: &SampleRow) -> (Role, String) {
    match row.decided().map(|review| review.verdict) {
        Some(SampleVerdict::Approved) => (Role::Ok, "✓ approved".to_owned()),
        Some(verdict) => (Role::Error, format!("✗ {}", verdict.word())),
        None if row.reviews.is_empty() => (Role::Muted, String::new()),
        None => (Role::Muted, "… commented".to_owned()),
    }
}

/// All that was said of the row.
fn review_lines(canvas: &Canvas<'_, '_>, row: &SampleRow, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for review in &row.reviews {
        let at = i64::try_from(review.at_ms).ok().and_then(chrono::DateTime::from_timestamp_millis).unwrap_or_default();
        let comment = review.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
        let (word, at) = (review.verdict.word(), at.format("%Y-%m-%d %H:%M UTC"));
        let text = format!("{} {word} by {}, {at}{comment}", review.verdict.sign(), review.reviewer);
        let role = match review.verdict {
            SampleVerdict::Approved => Role::Ok,
            SampleVerdict::Rejected => Role::Error,
            SampleVerdict::Remarked => Role::Muted,
        };
        let wrapped = wrap(&clean(&text), width.saturating_sub(2));
        lines.extend(wrapped.into_iter().map(|line| canvas.span(role, format!(" {line}")).into()));
    }
    lines
}

fn difference_lines(canvas: &Canvas<'_, '_>, difference: &Difference, width: usize) -> Vec<Line<'static>> {
    let value = |side: &str, cell: &Cell| {
        let (text, role) = shown_cell(cell);
        Line::from(vec![
            canvas.span(Role::Muted, format!("   {}", fit(side, 13))),
            canvas.span(role, clip(&text, width.saturating_sub(17))),
        ])
    };
    let mut lines: Vec<Line<'static>> = Vec::new();
    for column in &difference.columns {
        lines.push(Line::from(vec![
            canvas.span(Role::Changed, format!(" {}", column.column)),
            canvas.span(Role::Muted, format!("  from {}", column.origin)),
        ]));
        lines.extend([value("source", &column.source), value("destination", &column.destination)]);
    }
    if lines.is_empty() {
        lines.extend(wrap(&difference.place(), width).into_iter().map(|line| canvas.span(Role::Text, line).into()));
    }
    lines
}

/// A row's columns, the source's value beside the destination's.
fn sides(canvas: &Canvas<'_, '_>, row: &SampleRow, width: usize) -> Vec<Line<'static>> {
    let name = (width / 5).clamp(8, 24);
    let each = width.saturating_sub(name + 6) / 2;
    let there = |named: &NamedCell| row.destination.iter().find(|other| other.name == named.name);
    let head = format!(" {} {}   {}", fit("", name), fit("Source", each), "Destination");
    let mut lines: Vec<Line<'static>> = vec![canvas.span(Role::Header, head).into()];
    for named in &row.source {
        let (left, left_role) = shown_cell(&named.cell);
        let other = there(named);
        let same = other.is_some_and(|other| other.cell == named.cell);
        let (right, right_role) = other.map_or(("not there".to_owned(), Role::Error), |other| shown_cell(&other.cell));
        let differs = !same && !row.matches;
        let (role, sign) = if differs { (Role::Error, " ≠ ") } else { (Role::Muted, "   ") };
        lines.push(Line::from(vec![
            canvas.span(if differs { Role::Changed } else { Role::Muted }, format!(" {} ", fit(&named.name, name))),
            canvas.span(left_role, fit(&left, each)),
            Span::styled(sign, canvas.style(role)),
            canvas.span(right_role, clip(&right, each)),
        ]));
    }
    lines
}
