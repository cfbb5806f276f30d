//! What every screen has around it: header, stage bar, footer, toasts.

use std::{ffi::OsStr, path::Path};

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    console::{
        Screen,
        app::{App, figures},
        keys::{ACTIONS, Action, ActionId, Availability, availability},
        screens::{Link, outcome_role},
        theme::Role,
        widgets::{Canvas, Hit, fit},
    },
    model::{RunPhase, clean, clip, display_width, thousands},
    protocol::CheckState,
};

pub(super) fn draw_header(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let right = header_right(app, canvas);
    let label = app.plan.outline.destination.label.as_ref().or(app.plan.outline.source.label.as_ref());
    let label = label.map(|label| clip(&clean(label), 20));
    let name = match (app.plan.loaded, app.plan.outline.name.as_str()) {
        (false, _) => "loading the plan…",
        (true, _) if !app.plan.is_open() => "no migration is open",
        // A plan that does not name itself goes by its file.
        (true, "") => Path::new(&app.plan.path).file_stem().and_then(OsStr::to_str).unwrap_or("unnamed"),
        (true, name) => name,
    };
    let taken = right.width() + label.as_ref().map_or(0, |label| display_width(label) + 5) + 14;
    let name = clip(&clean(name), usize::from(area.width).saturating_sub(taken).max(6));
    let mut left =
        vec![canvas.span(Role::Title, " whimbrel"), canvas.span(Role::Muted, " · "), canvas.span(Role::Header, name)];
    if let Some(label) = label {
        let role = if label.to_lowercase().starts_with("prod") { Role::Danger } else { Role::Warn };
        left.extend([canvas.span(Role::Muted, " · "), canvas.span(role, format!(" {label} "))]);
    }
    canvas.line(area, 0, Line::from(left));
    let width = (right.width() as u16).min(area.width);
    canvas.line(Rect { x: area.right() - width, width, ..area }, 0, right);
    draw_stages(app, canvas, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
}

fn header_right(app: &App, canvas: &Canvas<'_, '_>) -> Line<'static> {
    let mut spans = Vec::new();
    if let (Some(who), true) = (&app.presence.asks, app.presence.commands()) {
        spans.extend([
            canvas
                .span(Role::Danger, format!(" {} asks: {} ", clip(&clean(who), 16), app.keys.word(ActionId::TakeOver))),
            Span::raw(" "),
        ]);
    }
    let others = app.presence.operators.len();
    if !app.presence.commands() {
        spans.extend([canvas.span(Role::Warn, format!(" watching {} ", app.presence.commander())), Span::raw(" ")]);
    } else if others > 1 {
        spans.push(canvas.span(Role::Muted, format!("{others} operators · ")));
    }
    let waiting = app.waiting_faults().count();
    if waiting > 0 {
        let text = format!(" ! {waiting} error{} ", if waiting == 1 { "" } else { "s" });
        spans.extend([canvas.span(Role::Danger, text), Span::raw(" ")]);
    }
    if app.plan.loaded && app.plan.is_open() {
        let digest: String = app.plan.digest.chars().take(7).collect();
        spans.push(canvas.span(Role::Muted, format!("plan {digest} · ")));
    }
    if app.plan.is_open() || !app.plan.loaded {
        let (role, text) = run_state(app);
        spans.extend([canvas.span(role, text), Span::raw(" ")]);
    }
    Line::from(spans)
}

/// The run in a few words, as the header has it.
fn run_state(app: &App) -> (Role, String) {
    let run = &app.run;
    let percent = || figures(run).percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
    match run.snapshot.phase {
        RunPhase::Ready => (Role::Muted, "○ ready".into()),
        RunPhase::Running if run.is_held() => (Role::Error, format!("● held{}", percent())),
        RunPhase::Running => (Role::Ok, format!("● running{}", percent())),
        RunPhase::Draining => (Role::Warn, format!("● draining{}", percent())),
        RunPhase::Paused => (Role::Warn, format!("○ paused{}", percent())),
        RunPhase::Stopped => (Role::Error, "✗ stopped".into()),
        RunPhase::Completed => (Role::Ok, "✓ completed".into()),
    }
}

/// The stages with all their air, without it where they do not fit so, else without their names.
fn draw_stages(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let width = |pieces: &[(Screen, Line<'static>)], gap: usize| {
        pieces.iter().map(|(_, line)| line.width() + gap).sum::<usize>() + 1 - gap
    };
    let most = usize::from(area.width);
    let ways = [(true, " ", 2), (true, "", 1), (false, " ", 2)].map(|(names, air, gap)| {
        let pieces: Vec<(Screen, Line<'static>)> =
            Screen::STAGES.into_iter().map(|screen| (screen, stage(app, canvas, screen, names, air))).collect();
        (pieces, gap)
    });
    let fits = ways.iter().position(|(pieces, gap)| width(pieces, *gap) <= most).unwrap_or(2);
    let [.., last] = &ways;
    let (pieces, gap) = ways.get(fits).unwrap_or(last);
    let mut x = area.x + 1;
    for (screen, line) in pieces {
        let place = Rect { x, y: area.y, width: line.width() as u16, height: 1 }.intersection(area);
        x = x.saturating_add(line.width() as u16 + *gap as u16);
        canvas.hits.add(place, Hit::Action(screen.action()));
        canvas.line(place, 0, line.clone());
    }
}

fn stage(app: &App, canvas: &Canvas<'_, '_>, screen: Screen, names: bool, air: &str) -> Line<'static> {
    let here = screen == app.screen;
    let place = Screen::STAGES.iter().position(|stage| *stage == screen).unwrap_or(0) + 1;
    let name = if names || here { format!(" {}", screen.title()) } else { String::new() };
    let mut spans = vec![match here {
        true => canvas.span(Role::StageNow, format!("▐{place}{name}▌")),
        false => canvas.span(Role::Stage, format!("{place}{name}")),
    }];
    if let Some((role, sign)) = stage_sign(app, screen) {
        // A number would run into the name.
        let air = if sign.starts_with(|char: char| char.is_ascii_digit()) { " " } else { air };
        spans.push(canvas.span(role, format!("{air}{sign}")));
    }
    Line::from(spans)
}

fn stage_sign(app: &App, screen: Screen) -> Option<(Role, String)> {
    let tick = |done: bool| done.then(|| (Role::Ok, "✓".to_owned()));
    let begun = app.run.has_begun();
    let tables = !app.plan.outline.tables.is_empty();
    match screen {
        Screen::Migrations => None,
        Screen::Connect if begun => tick(true),
        Screen::Connect => app.connect.sign(),
        Screen::Tables => tick(tables),
        Screen::Map if app.plan.has_errors() => Some((Role::Error, "✗".into())),
        Screen::Map => tick(tables && app.plan.loaded),
        Screen::Check => match &app.check.list.value {
            None => tick(begun),
            Some(checks) if checks.iter().any(|check| check.state == CheckState::Failed) => {
                Some((Role::Error, "✗".into()))
            }
            Some(_) => tick(true),
        },
        Screen::Run => tick(app.run.snapshot.phase == RunPhase::Completed),
        Screen::Review => {
            let flagged = app.flagged();
            (flagged > 0).then(|| (Role::Warn, thousands(flagged)))
        }
        Screen::Validate => app.validated().map(|outcome| (outcome_role(outcome), outcome.sign().to_owned())),
        Screen::Restore if app.is_restoring() => Some((Role::Warn, "…".into())),
        Screen::Restore => {
            let back = app.run.snapshot.taken_back.as_ref();
            back.map(|back| (outcome_role(back.outcome), back.outcome.sign().to_owned()))
        }
    }
}

impl super::ConnectScreen {
    fn sign(&self) -> Option<(Role, String)> {
        if self.sides.iter().any(|form| matches!(form.link, Link::Failed(_))) {
            return Some((Role::Error, "✗".into()));
        }
        let all = self.sides.iter().all(|form| matches!(form.link, Link::Connected(_)));
        all.then(|| (Role::Ok, "✓".into()))
    }
}

/// The keys of the top layer; what does not fit is left out from the middle, help stays.
pub(super) fn draw_footer(app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let scopes = app.scopes();
    let has_key = |action: &Action| !app.keys.keys(action).is_empty();
    let shown = |action: &&Action| {
        action.footer && has_key(action) && scopes.contains(&action.scope) && is_worth_showing(app, action.id)
    };
    let actions: Vec<&Action> = ACTIONS.iter().filter(shown).collect();
    let (fixed, own): (Vec<&Action>, Vec<&Action>) =
        actions.into_iter().partition(|action| matches!(action.id, ActionId::Help | ActionId::Palette));
    let fixed: Vec<_> = fixed.into_iter().map(|action| (action.id, hint(app, canvas, action))).collect();
    let end: usize = fixed.iter().map(|(_, hint)| Line::from(hint.clone()).width() + 3).sum();
    let mut line = Line::raw(" ");
    let mut used = 1;
    let mut shown = Vec::new();
    for action in own {
        let hint = hint(app, canvas, action);
        let width = Line::from(hint.clone()).width() + 3;
        if used + width + end > usize::from(area.width) + 2 {
            break;
        }
        used += width;
        shown.push((action.id, hint));
    }
    for (id, hint) in shown.into_iter().chain(fixed) {
        if line.spans.len() > 1 {
            line.push_span(canvas.span(Role::Muted, " · "));
        }
        let x = area.x.saturating_add(line.width() as u16);
        let width = Line::from(hint.clone()).width() as u16;
        canvas.hits.add(Rect { x, width, ..area }, Hit::Action(id));
        line.spans.extend(hint);
    }
    canvas.line(area, 0, line);
}

fn is_worth_showing(app: &App, id: ActionId) -> bool {
    match id {
        ActionId::Detach => app.can_detach && app.run.is_going(),
        ActionId::ShowCreate | ActionId::Reveal | ActionId::StopRetrying => availability(id, app) == Availability::Yes,
        ActionId::StopValidation | ActionId::NextUnproven | ActionId::PurgeExpired | ActionId::StopProfile => {
            availability(id, app) == Availability::Yes
        }
        _ if app.screen == Screen::Run => availability(id, app) == Availability::Yes,
        _ => true,
    }
}

fn hint(app: &App, canvas: &Canvas<'_, '_>, action: &Action) -> Vec<Span<'static>> {
    let key = match action.keys {
        ["left", "right", ..] if !app.keys.is_own(action.id) => "←→".to_owned(),
        ["+", ..] if !app.keys.is_own(action.id) && !app.keys.is_own(ActionId::LessParallel) => "+ -".to_owned(),
        _ => app.keys.keys(action).first().map(ToString::to_string).unwrap_or_default(),
    };
    let title = match (action.id, app.run.snapshot.phase) {
        (ActionId::PauseResume, RunPhase::Paused) => "resume",
        (ActionId::PauseResume, _) if app.run.is_held() => "try again",
        (ActionId::Start, RunPhase::Stopped) => "resume",
        (ActionId::Start, RunPhase::Completed) => "run again",
        (ActionId::MoreParallel, _) => "parallel",
        _ => action.title,
    };
    match availability(action.id, app) {
        Availability::Yes => vec![canvas.span(Role::Key, &key), canvas.span(Role::Text, format!(" {title}"))],
        Availability::No(why) if action.id == ActionId::Start => {
            vec![canvas.span(Role::Hint, format!("{key} {title} ({})", clip(&why, 34)))]
        }
        Availability::No(_) => vec![canvas.span(Role::Hint, format!("{key} {title}"))],
    }
}

pub(super) fn draw_toasts(app: &App, canvas: &mut Canvas<'_, '_>, body: Rect) {
    for (place, toast) in app.toasts.iter().rev().enumerate() {
        let place = place as u16;
        if place >= body.height {
            return;
        }
        let sign = if toast.bad { "✗" } else { "•" };
        let text = clip(&clean(&toast.text), usize::from(body.width).saturating_sub(6));
        let width = (display_width(&text) as u16 + 4).min(body.width);
        let area = Rect { x: body.right() - width, y: body.bottom() - 1 - place, width, height: 1 };
        let role = if toast.bad { Role::Danger } else { Role::Toast };
        canvas.clear(area);
        let line = canvas.span(role, fit(&format!(" {sign} {text}"), usize::from(width)));
        canvas.line(area, 0, line);
    }
}
