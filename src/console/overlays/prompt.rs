//! A fault and what to do about it. One idea: stopping is preselected, and for its first moments the prompt takes no
//! key, so that nothing is decided by what somebody was typing.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{After, Overlay, Purpose, RowEditor};
use crate::{
    console::{
        app::{ARMING_MS, App},
        keys::{KeyPress, Motion},
        screens::fault_words,
        theme::Role,
        widgets::{Canvas, Hit, centred, fit, shown_cell},
    },
    model::{Decision, Fault, FaultId, Scope, TablePhase, clean, clip, display_width, thousands},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Skip,
    Stop,
    Flag,
    Edit,
}

impl Choice {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Skip, "Skip row", "continue without it"),
        (Self::Stop, "Fail and stop", "halt the migration"),
        (Self::Flag, "Mark for review", "continue, flag it for later"),
        (Self::Edit, "Edit and retry", "change the value here"),
    ];
}

/// Each with its words, and with fewer of them for a narrow screen.
const SCOPES: [(Scope, &str, &str); 4] = [
    (Scope::Row, "this row", "this row"),
    (Scope::ColumnAndCause, "same column and cause", "same cause"),
    (Scope::Table, "this table", "table"),
    (Scope::Run, "whole run", "run"),
];

#[derive(Clone, Debug)]
pub struct Prompt {
    pub fault: FaultId,
    opened_ms: u64,
    choice: usize,
    scope: usize,
}

impl Prompt {
    pub fn new(fault: FaultId, now_ms: u64) -> Self {
        Self { fault, opened_ms: now_ms, choice: 1, scope: 0 }
    }

    fn choice(&self) -> Choice {
        Choice::ALL[self.choice].0
    }

    /// An edit is for the row that was edited.
    fn scope(&self) -> Scope {
        if self.choice() == Choice::Edit { Scope::Row } else { SCOPES[self.scope].0 }
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        if app.now_ms < self.opened_ms + ARMING_MS {
            return After::Stay;
        }
        if key.is("esc") {
            app.run.set_aside.insert(self.fault.clone());
            app.say(app.keys.spell("Set aside: {answer} brings it back"));
            return After::Close;
        }
        if key.is("enter") {
            return self.decide(app);
        }
        if key.is("v") {
            let fault = app.run.open_fault(&self.fault).cloned();
            fault.iter().for_each(|fault| app.reveal(fault));
        }
        if key.is("n") {
            let fault = app.run.open_fault(&self.fault).cloned();
            fault.iter().for_each(|fault| app.look_around(fault));
        }
        match Motion::of(key) {
            Some(Motion::Up) => self.choice = self.choice.saturating_sub(1),
            Some(Motion::Down) => self.choice = (self.choice + 1).min(Choice::ALL.len() - 1),
            Some(Motion::Left) => self.scope = self.scope.saturating_sub(1),
            Some(Motion::Right) if self.choice() != Choice::Edit => self.scope = (self.scope + 1).min(SCOPES.len() - 1),
            _ => {}
        }
        After::Stay
    }

    /// A choice that was pointed at; as deaf in its first moments as to keys.
    pub fn choose(&mut self, app: &App, place: usize) -> bool {
        let deaf = app.now_ms < self.opened_ms + ARMING_MS;
        !deaf && std::mem::replace(&mut self.choice, place.min(Choice::ALL.len() - 1)) == place
    }

    fn decide(&self, app: &mut App) -> After {
        let Some(fault) = app.run.open_fault(&self.fault).cloned() else { return After::Close };
        let decision = match self.choice() {
            Choice::Skip => Decision::Skip,
            Choice::Stop => Decision::Stop,
            Choice::Flag => Decision::Flag,
            Choice::Edit => {
                let editor = RowEditor::new(app, fault, Purpose::Prompt);
                app.open(Overlay::Row(Box::new(editor)));
                return After::Stay;
            }
        };
        app.answer(&fault, decision, self.scope());
        After::Close
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let Some(fault) = app.run.open_fault(&self.fault) else { return };
        let hides = app.hides(fault).is_some();
        let fault = &*app.shown_fault(fault);
        let running = app.run.snapshot.tables.iter();
        let running = running.filter(|table| table.phase == TablePhase::Running && table.to != fault.table).count();
        let title = format!("Error on row {} of {}", thousands(fault.row), fault.table);
        let private = if hides { " · v private values" } else { "" };
        let hint = format!("←→ scope · ↑↓ choose · enter confirm{private} · n rows around");
        let width = area.width.saturating_sub(2).min(79);
        let others = [format!(" · other tables go on ({running} running)"), format!(" · {running} others go on")];
        let room = usize::from(width).saturating_sub(4 + display_width(&hint));
        let others = others.into_iter().find(|others| running > 0 && display_width(others) <= room);
        let hint = format!("{hint}{}", others.unwrap_or_default());
        let space = usize::from(area.height).saturating_sub(11);
        let cells = cell_lines(canvas, fault, usize::from(width.saturating_sub(2)), space.max(1));
        let place = centred(area, width, cells.len() as u16 + 12);
        let inner = canvas.popup(place, &title, &hint);
        let roomy = usize::from(inner.height) >= cells.len() + 10;
        let first = 2 + cells.len() as u16 + 2 * u16::from(roomy);
        let lines = self.lines(canvas, fault, cells, usize::from(inner.width), roomy);
        canvas.lines(inner, lines);
        (0..Choice::ALL.len()).for_each(|at| canvas.hit(inner, first + at as u16, Hit::Row(at)));
    }

    /// `roomy` says whether there is space for empty lines.
    fn lines(
        &self,
        canvas: &Canvas<'_, '_>,
        fault: &Fault,
        cells: Vec<Line<'static>>,
        width: usize,
        roomy: bool,
    ) -> Vec<Line<'static>> {
        let gap = || roomy.then(|| Line::raw(""));
        let words = fault_words(fault).into_iter().take(2);
        let mut lines: Vec<Line<'static>> = words
            .map(|(role, text)| canvas.span(role, format!(" {}", clip(&clean(&text), width.saturating_sub(2)))).into())
            .collect();
        lines.extend(gap());
        lines.extend(cells);
        lines.extend(gap());
        lines.extend(Choice::ALL.iter().enumerate().map(|(place, (_, title, what))| {
            let here = place == self.choice;
            let role = if here { Role::Selection } else { Role::Text };
            let sign = if here { "●" } else { "○" };
            Line::from(vec![
                canvas.span(role, format!(" {sign} {} ", fit(title, 16))),
                canvas.span(Role::Muted, format!(" {what}")),
            ])
        }));
        lines.extend(gap());
        lines.push(self.scope_line(canvas, width));
        lines
    }

    fn scope_line(&self, canvas: &Canvas<'_, '_>, width: usize) -> Line<'static> {
        let mut spans = vec![canvas.span(Role::Text, " apply to ")];
        for (scope, name, short) in SCOPES {
            let name = if width < 72 { short } else { name };
            let here = scope == self.scope();
            let off = self.choice() == Choice::Edit && !here;
            spans.push(match (here, off) {
                (true, _) => canvas.span(Role::Selection, format!(" [{name}] ")),
                (false, true) => canvas.span(Role::Muted, format!("  {name}  ")),
                (false, false) => canvas.span(Role::Text, format!("  {name}  ")),
            });
        }
        Line::from(spans)
    }
}

/// The row's cells, two beside each other, the failing one first of all where not all fit.
fn cell_lines(canvas: &Canvas<'_, '_>, fault: &Fault, width: usize, most: usize) -> Vec<Line<'static>> {
    let longest = fault.cells.iter().map(|named| crate::model::display_width(&clean(&named.name))).max().unwrap_or(0);
    let name = longest.clamp(4, (width / 5).max(4));
    let value = (width.saturating_sub(2) / 2).saturating_sub(name + 3).max(4);
    let cell = |named: &crate::model::NamedCell| -> Vec<Span<'static>> {
        let (text, role) = shown_cell(&named.cell);
        let failing = fault.column.as_deref() == Some(named.name.as_str());
        vec![
            canvas.span(Role::Muted, format!(" {}  ", fit(&named.name, name))),
            canvas.span(if failing { Role::Changed } else { role }, fit(&text, value)),
        ]
    };
    let mut cells: Vec<&crate::model::NamedCell> = fault.cells.iter().collect();
    if cells.len() > most * 2 {
        cells.sort_by_key(|named| fault.column.as_deref() != Some(named.name.as_str()));
        cells.truncate(most * 2);
    }
    cells.chunks(2).map(|pair| Line::from(pair.iter().flat_map(|named| cell(named)).collect::<Vec<_>>())).collect()
}
