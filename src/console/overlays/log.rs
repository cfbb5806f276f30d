//! What happened, with the time: the run's facts, and the last lines of what the host logged.

use std::collections::VecDeque;

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::After;
use crate::{
    console::{
        app::{App, Effect, Fetched, Request},
        keys::{KeyPress, Motion, moved},
        theme::Role,
        widgets::{Canvas, fit, split_top, window, wrap},
    },
    model::{Counts, clean, thousands},
    protocol::{Ask, Event, Fact, Outcome},
};

/// Facts that are kept.
const MOST: usize = 500;

#[derive(Clone, Debug, Default)]
pub struct Log {
    pub facts: VecDeque<Fact>,
    /// As the host's file has them.
    pub lines: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct LogView {
    pub log: Fetched<Log>,
    /// Whether the host's lines are shown, and not the run's facts.
    host: bool,
    /// How far from the last line one stands; nothing: at the end, whatever comes.
    back: usize,
}

impl LogView {
    /// Takes in what happens while one looks.
    pub fn follow(&mut self, fact: &Fact) {
        if let Some(log) = &mut self.log.value {
            log.facts.push_back(fact.clone());
            while log.facts.len() > MOST {
                log.facts.pop_front();
            }
        }
    }

    fn lines(&self) -> Vec<(Role, String)> {
        let Some(log) = &self.log.value else { return Vec::new() };
        match self.host {
            true => log.lines.iter().map(|line| (host_role(line), clean(line))).collect(),
            false => log.facts.iter().filter_map(fact_line).collect(),
        }
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        let lines = self.lines();
        let last = lines.len().saturating_sub(1);
        match Motion::of(key) {
            _ if key.is("esc") || key.is("q") || key.is("enter") => return After::Close,
            _ if key.is("tab") || key.is("shift-tab") => self.turn(!self.host),
            Some(Motion::Left) => self.turn(false),
            Some(Motion::Right) => self.turn(true),
            Some(motion) => self.back = last - moved(motion, last.saturating_sub(self.back), lines.len(), app.page()),
            None if key.is("r") => app.ask(Request::Log, Ask::Log),
            None if key.is("y") => match lines.get(last.saturating_sub(self.back)) {
                Some((_, line)) => app.effect(Effect::Copy(line.clone())),
                None => app.say("There is nothing under the cursor"),
            },
            None if key.is("Y") => {
                let all: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
                app.effect(Effect::Copy(all.join("\n")));
            }
            None => {}
        }
        After::Stay
    }

    fn turn(&mut self, host: bool) {
        if self.host != host {
            (self.host, self.back) = (host, 0);
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let inner = canvas.popup(area, "Log", "←→ part · ↑↓ scroll · y copy line · Y copy all · r reload · esc close");
        let tab = |canvas: &Canvas<'_, '_>, here: bool, title: &str| match here {
            true => canvas.span(Role::Selection, format!(" [{title}] ")),
            false => canvas.span(Role::Text, format!("  {title}  ")),
        };
        let tabs = Line::from(vec![
            tab(canvas, !self.host, "Facts of the run (UTC)"),
            Span::raw(" "),
            tab(canvas, self.host, "Lines of the host"),
        ]);
        canvas.line(inner, 0, tabs);
        let (_, rest) = split_top(inner, 2);
        let lines = self.lines();
        let nothing = match (&self.log.error, app.pending.has(&Request::Log)) {
            (Some(error), _) => Some((Role::Error, format!("✗ {error}"))),
            (None, true) if self.log.value.is_none() => Some((Role::Muted, "Reading the log…".to_owned())),
            _ if lines.is_empty() && self.host => Some((Role::Muted, "The host has logged nothing".to_owned())),
            _ if lines.is_empty() => Some((Role::Muted, "This plan did not run here yet".to_owned())),
            _ => None,
        };
        if let Some((role, text)) = nothing {
            let text = wrap(&text, usize::from(rest.width).saturating_sub(2)).into_iter();
            let text: Vec<Line<'static>> = text.map(|line| canvas.span(role, format!(" {line}")).into()).collect();
            return canvas.lines(rest, text);
        }
        self.draw_lines(canvas, rest, &lines);
    }

    /// The whole of the line under the cursor stands at the foot, since a line may be long.
    fn draw_lines(&self, canvas: &mut Canvas<'_, '_>, area: Rect, lines: &[(Role, String)]) {
        let last = lines.len() - 1;
        let cursor = last.saturating_sub(self.back.min(last));
        let width = usize::from(area.width);
        let whole = wrap(&lines[cursor].1, width.saturating_sub(2));
        let foot = if whole.len() > 1 { (whole.len() as u16).min(5) } else { 0 };
        let (list, below) = split_top(area, area.height.saturating_sub(if foot > 0 { foot + 1 } else { 0 }));
        for (row, place) in window(cursor, lines.len(), usize::from(list.height)).enumerate() {
            let (role, text) = &lines[place];
            let here = place == cursor;
            let line = Line::from(vec![
                canvas.span(Role::Key, if here { "▸" } else { " " }),
                canvas.span(*role, fit(text, width.saturating_sub(1))),
            ]);
            canvas.line(list, row as u16, line);
            if here {
                canvas.mark(list, row as u16, Role::Selection);
            }
        }
        if foot > 0 {
            canvas.rule(below, 0, "");
            let (_, rest) = split_top(below, 1);
            let whole: Vec<Line<'static>> =
                whole.into_iter().map(|line| canvas.span(lines[cursor].0, format!(" {line}")).into()).collect();
            canvas.lines(rest, whole);
        }
    }
}

fn host_role(line: &str) -> Role {
    match () {
        () if line.contains(" ERROR ") => Role::Error,
        () if line.contains(" WARN ") => Role::Warn,
        () => Role::Text,
    }
}

/// A fact in a line; none for what happens with every chunk.
fn fact_line(fact: &Fact) -> Option<(Role, String)> {
    let (role, text) = said(&fact.event)?;
    let at = i64::try_from(fact.at_ms).ok().and_then(chrono::DateTime::from_timestamp_millis).unwrap_or_default();
    Some((role, format!("{}  {}", at.format("%Y-%m-%d %H:%M:%S"), clean(&text))))
}

fn said(event: &Event) -> Option<(Role, String)> {
    Some(match event {
        Event::Started { resumed, tables, .. } => {
            let word = if *resumed { "resumed" } else { "started" };
            (Role::Ok, format!("run {word}, {} tables", thousands(tables.len() as u64)))
        }
        Event::TableStarted { table } => (Role::Text, format!("{table}: started")),
        Event::ChunkCommitted { .. } => return None,
        Event::FaultRaised { fault } => {
            (Role::Error, format!("{} row {}: {}", fault.table, thousands(fault.row), reason(fault)))
        }
        Event::FaultRuled { fault, decision, by } => {
            let (row, word) = (thousands(fault.row), decision.word());
            (Role::Warn, format!("{} row {row}: {word} by {by}: {}", fault.table, reason(fault)))
        }
        Event::FaultSettled { table, decision, by, .. } => {
            (Role::Text, format!("{table}: an error was settled: {} by {by}", decision.word()))
        }
        Event::RuleAdded { by, .. } => (Role::Text, format!("a rule was added by {by}")),
        Event::TableParked { table, faults } => {
            let wait = if *faults == 1 { "error waits" } else { "errors wait" };
            (Role::Warn, format!("{table}: parked, {} {wait} for an answer", thousands(*faults)))
        }
        Event::TableUnparked { table } => (Role::Text, format!("{table}: goes on")),
        Event::TableHeld { table, message, .. } => (Role::Error, format!("{table}: held: {message}")),
        Event::TableReleased { table } => (Role::Text, format!("{table}: released")),
        Event::TableFinished { table, counts } => (Role::Ok, format!("{table}: done, {}", counted(counts))),
        Event::Draining { by } => (Role::Text, format!("a pause was asked for{}", said_by(by))),
        Event::Paused => (Role::Warn, "paused".to_owned()),
        Event::Continued { by } => (Role::Text, format!("goes on{}", said_by(by))),
        Event::ParallelSet { tables, by } => (Role::Text, format!("{tables} tables at once{}", said_by(by))),
        Event::ThrottleSet { rows_per_second, by } => {
            let limit = rows_per_second
                .map_or("as many rows as go".to_owned(), |rows| format!("at most {} rows a second", thousands(rows)));
            (Role::Text, format!("{limit}{}", said_by(by)))
        }
        Event::Remark { message } => (Role::Warn, message.clone()),
        Event::Stopped { why, by } => (Role::Error, format!("stopped by {by}: {why}")),
        Event::Completed { counts } => (Role::Ok, format!("completed, {}", counted(counts))),
        Event::RestorePointMade(made) => {
            let (tables, rows) = (thousands(made.tables), thousands(made.rows));
            (Role::Ok, format!("restore point {} made: {tables} tables, {rows} rows", made.name))
        }
        Event::TakenBack(back) => {
            let role = if back.outcome == Outcome::Passed { Role::Ok } else { Role::Error };
            (role, format!("taken back to {} by {}: {}", back.point, back.by, back.outcome.word()))
        }
        Event::Validated(validated) => {
            let role = if validated.outcome == Outcome::Passed { Role::Ok } else { Role::Error };
            let why = validated.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            (role, format!("validation {}{why}", validated.outcome.word()))
        }
    })
}

/// Nobody says what a run begins with.
fn said_by(who: &str) -> String {
    if who.is_empty() { String::new() } else { format!(", by {who}") }
}

/// Why a row could not go, without its value: what is logged may be copied anywhere.
fn reason(fault: &crate::model::Fault) -> String {
    format!("{}: expected {} ({})", fault.shown_column(), fault.expected, fault.cause)
}

fn counted(counts: &Counts) -> String {
    let [read, written, skipped, flagged] =
        [counts.read, counts.written, counts.skipped, counts.flagged].map(thousands);
    format!("{read} read, {written} written, {skipped} skipped, {flagged} flagged")
}
