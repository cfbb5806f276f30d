//! What makes a destination column: a form, with sampled rows before and after beneath it that follow every edit.

use ratatui::{layout::Rect, text::Line};

use super::{After, Confirm, Overlay, values};
use crate::{
    console::{
        app::{App, Fetched, Request},
        draft::{Edit, apply},
        fuzzy::fits,
        keys::{KeyPress, Motion, moved},
        screens::draw_sample,
        theme::Role,
        widgets::{Canvas, Field, centred, fit, split_left, split_top, wrap},
    },
    model::{ColumnType, Problem, clean, clip, display_width},
    plan::{ColumnPlan, Literal, Unlisted, ValueMap},
    protocol::{ColumnView, Sampled},
};

/// Names that are suggested at once.
const SUGGESTED: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    From,
    Expr,
    Type,
    Values,
    Unlisted,
    Default,
    Check,
    Skip,
    AcceptLoss,
    Note,
}

impl Part {
    const ALL: [(Self, &'static str); 10] = [
        (Self::From, "From column"),
        (Self::Expr, "Expression"),
        (Self::Type, "Type"),
        (Self::Values, "Value map"),
        (Self::Unlisted, "Unlisted"),
        (Self::Default, "Default"),
        (Self::Check, "Check"),
        (Self::Skip, "Skip"),
        (Self::AcceptLoss, "Accept loss"),
        (Self::Note, "Why"),
    ];

    /// What the line takes, for whoever stands on it.
    fn help(self) -> &'static str {
        match self {
            Self::From => "the source column; empty: the one of the same name",
            Self::Expr => "an SQL expression over the source columns, like upper(trim(name))",
            Self::Type => "converts to this type: integer, decimal(10,2), varchar(30), date …",
            Self::Values => "what each value becomes: gold=1, silver=2; quotes around anything odd",
            Self::Unlisted => "←→ what becomes of a value that the map does not list",
            Self::Default => "replaces NULL",
            Self::Check => "a condition over the destination columns, like length(name) > 0",
            Self::Skip => "space: leave the destination column unfilled on purpose",
            Self::AcceptLoss => "space: accept that this mapping can lose",
            Self::Note => "a note for whoever reads the mapping; who changed it and when is added",
        }
    }
}

#[derive(Clone, Debug)]
pub struct ColumnForm {
    table: String,
    view: ColumnView,
    /// As it was opened.
    before: ColumnPlan,
    fields: [Field; 10],
    unlisted: Unlisted,
    skip: bool,
    accept_loss: bool,
    cursor: usize,
    /// Why the form makes no plan.
    wrong: Option<String>,
    /// The text that the sample was asked for.
    draft: String,
    pub trial: Fetched<Sampled>,
}

impl ColumnForm {
    pub fn new(table: &str, view: ColumnView, plan: ColumnPlan) -> Self {
        let texts = [
            plan.from.clone().unwrap_or_default(),
            plan.expr.clone().unwrap_or_default(),
            plan.ty.as_ref().map(ToString::to_string).unwrap_or_default(),
            plan.values.as_ref().map(|values| values::print(&values.entries)).unwrap_or_default(),
            String::new(),
            plan.default.as_ref().map(|default| default.0.clone()).unwrap_or_default(),
            plan.check.clone().unwrap_or_default(),
            String::new(),
            String::new(),
            plan.note.clone().unwrap_or_default(),
        ];
        Self {
            table: table.to_owned(),
            cursor: usize::from(plan.expr.is_some()),
            view,
            fields: texts.map(|text| Field::new(&text)),
            unlisted: plan.values.as_ref().map(|values| values.unlisted).unwrap_or_default(),
            skip: plan.skip,
            accept_loss: plan.accept_loss,
            before: plan,
            wrong: None,
            draft: String::new(),
            trial: Fetched::default(),
        }
    }

    fn at(&self) -> Part {
        Part::ALL[self.cursor.min(Part::ALL.len() - 1)].0
    }

    fn is_text(line: Part) -> bool {
        !matches!(line, Part::Unlisted | Part::Skip | Part::AcceptLoss)
    }

    /// The field that takes text, if the cursor is on one.
    pub fn field(&mut self) -> Option<&mut Field> {
        Self::is_text(self.at()).then_some(&mut self.fields[self.cursor])
    }

    fn text(&self, line: Part) -> Option<String> {
        let text = self.fields[line as usize].text();
        (!text.trim().is_empty()).then_some(text)
    }

    /// What the form says, or what is wrong with it.
    fn plan(&self) -> Result<ColumnPlan, String> {
        let (note, by, on) = (self.text(Part::Note), self.before.by.clone(), self.before.on.clone());
        if self.skip {
            let private = self.before.private;
            return Ok(ColumnPlan { skip: true, private, note, by, on, ..ColumnPlan::default() });
        }
        let (from, expr) = (self.text(Part::From), self.text(Part::Expr));
        let ty = self.text(Part::Type).map(|ty| ty.parse::<ColumnType>()).transpose().map_err(|why| why.to_string())?;
        let entries = values::parse(&self.fields[Part::Values as usize].text())?;
        if from.is_some() && expr.is_some() {
            return Err("From column and Expression exclude each other: empty one of them".into());
        }
        Ok(ColumnPlan {
            from: from.map(|from| from.trim().to_owned()),
            expr,
            ty,
            values: (!entries.is_empty()).then_some(ValueMap { entries, unlisted: self.unlisted }),
            default: self.text(Part::Default).map(Literal),
            check: self.text(Part::Check),
            skip: false,
            accept_loss: self.accept_loss,
            private: self.before.private,
            note,
            by,
            on,
        })
    }

    /// An empty form goes back to the column of the same name.
    fn edit(&self, plan: ColumnPlan) -> Edit {
        let (table, column) = (self.table.clone(), self.view.target.clone());
        let same_name = plan.from.as_ref() == Some(&column);
        match plan == ColumnPlan::default()
            || (same_name && plan == ColumnPlan { from: plan.from.clone(), ..Default::default() })
        {
            true => Edit::RemoveColumn { table, column },
            false => Edit::SetColumn { table, column, plan: Box::new(plan) },
        }
    }

    /// Tries the form on the sample.
    pub fn changed(&mut self, app: &mut App) {
        let draft = self.plan().and_then(|plan| apply(&app.plan.text, &self.edit(plan)).map_err(|why| why.to_string()));
        match draft {
            Err(why) => self.wrong = Some(why),
            Ok(text) => {
                self.wrong = None;
                self.draft.clone_from(&text);
                app.try_draft(&self.table, text);
            }
        }
    }

    pub fn key(&mut self, app: &mut App, key: KeyPress) -> After {
        match () {
            () if key.is("esc") => return self.leave(app),
            () if key.is("enter") => return self.save(app),
            () if key.is("tab") => match self.suggestions(app).into_iter().next() {
                Some(best) => {
                    self.fields[self.cursor].complete(&best);
                    self.changed(app);
                }
                None => self.turn(Motion::Down),
            },
            () if key.is("shift-tab") => self.turn(Motion::Up),
            () => match Motion::arrow(key) {
                Some(motion @ (Motion::Up | Motion::Down | Motion::PageUp | Motion::PageDown)) => self.turn(motion),
                _ if self.change(key) => self.changed(app),
                _ => {}
            },
        }
        After::Stay
    }

    /// What the name that is being typed could become, the best first; none where it is one already.
    fn suggestions(&self, app: &App) -> Vec<String> {
        let part = self.at();
        let (Some(checks), true) = (&app.map.checks.value, matches!(part, Part::From | Part::Expr | Part::Check))
        else {
            return Vec::new();
        };
        let Some(typed) = self.fields[self.cursor].name_before() else { return Vec::new() };
        let table = if part == Part::Check { &checks.to } else { &checks.from };
        let columns = table.columns.iter().map(|column| match part {
            Part::From => column.name.clone(),
            _ => as_name(&column.name),
        });
        let functions = app.functions.iter().filter(|_| part != Part::From).map(|name| format!("{name}("));
        // A column is nearer than a function that fits as well.
        let scored = columns.map(|name| (1, name)).chain(functions.map(|name| (0, name)));
        let mut scored: Vec<(u32, u32, String)> =
            scored.filter_map(|(near, name)| Some((fits(&typed, &name)?, near, name))).collect();
        if scored.iter().any(|(_, _, name)| *name == typed) {
            return Vec::new();
        }
        scored.sort_by_key(|(score, near, _)| std::cmp::Reverse(score + 60 * near));
        scored.into_iter().map(|(_, _, name)| name).take(SUGGESTED).collect()
    }

    fn turn(&mut self, motion: Motion) {
        self.cursor = moved(motion, self.cursor, Part::ALL.len(), Part::ALL.len());
    }

    fn change(&mut self, key: KeyPress) -> bool {
        let flips = key.is("space") || key.is("left") || key.is("right");
        match self.at() {
            Part::Skip if flips => self.skip = !self.skip,
            Part::AcceptLoss if flips => self.accept_loss = !self.accept_loss,
            Part::Unlisted if flips => {
                self.unlisted = values::turned(self.unlisted, key.is("left"));
            }
            Part::Skip | Part::AcceptLoss | Part::Unlisted => return false,
            _ => return self.field().is_some_and(|field| field.key(key)),
        }
        true
    }

    fn leave(&self, app: &mut App) -> After {
        let touched = self.plan().as_ref() != Ok(&self.before);
        match touched {
            true => {
                app.open(Overlay::Confirm(Confirm::drop_draft()));
                After::Stay
            }
            false => After::Close,
        }
    }

    fn save(&mut self, app: &mut App) -> After {
        match self.plan() {
            Ok(plan) if plan == self.before => After::Close,
            Ok(plan) => match app.edit(&format!("mapping of {}", self.view.target), &self.edit(signed(app, plan))) {
                true => After::Close,
                false => After::Stay,
            },
            Err(why) => {
                app.complain(&why);
                self.wrong = Some(why);
                After::Stay
            }
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(2).min(110), area.height.min(30));
        let title = format!("{}.{}  {}", self.table, self.view.target, self.view.target_type);
        let inner = canvas.popup(place, &title, "↑↓ field · enter save · esc leave");
        let (form, rest) = split_top(inner, Part::ALL.len() as u16);
        for (row, (line, label)) in Part::ALL.into_iter().enumerate() {
            self.draw_line(canvas, form, row, line, label);
        }
        let suggestions = self.suggestions(app);
        let help = match suggestions.split_first() {
            None => Line::from(canvas.span(Role::Hint, format!("  {}", self.at().help()))),
            Some((best, others)) => Line::from(vec![
                canvas.span(Role::Key, "  tab "),
                canvas.span(Role::Text, best),
                canvas.span(Role::Hint, others.iter().map(|name| format!(" · {name}")).collect::<String>()),
            ]),
        };
        canvas.line(rest, 0, help);
        let (head, below) = split_top(rest, 2);
        let asking = app.pending.any(|request| matches!(request, Request::DraftTrial(_)));
        canvas.rule(head, 1, if asking { "Before and after …" } else { "Before and after" });
        self.draw_trial(canvas, below, asking);
    }

    fn draw_line(&self, canvas: &mut Canvas<'_, '_>, area: Rect, row: usize, line: Part, label: &str) {
        let here = row == self.cursor;
        let flag = |on: bool| if on { "☑ yes".to_owned() } else { "☐ no".to_owned() };
        let value = match line {
            Part::Unlisted => values::unlisted_words(self.unlisted).to_owned(),
            Part::Skip => flag(self.skip),
            Part::AcceptLoss => flag(self.accept_loss),
            _ => self.fields[row].text(),
        };
        let implied = line == Part::From && value.is_empty() && !self.skip && self.text(Part::Expr).is_none();
        let value = if implied { format!("{} (same name)", self.view.target) } else { value };
        let off = implied || (self.skip && line != Part::Skip);
        let label = format!("{}{} ", if here { "▸ " } else { "  " }, fit(label, 12));
        let spans = vec![
            canvas.span(if here { Role::Key } else { Role::Muted }, label),
            canvas.span(if off { Role::Muted } else { Role::Text }, value),
        ];
        canvas.line(area, row as u16, Line::from(spans));
        if here && Self::is_text(line) {
            let (_, place) = split_left(area, 15);
            let (_, place) = split_top(place, row as u16);
            if implied {
                canvas.cursor(place.x, place.y);
            } else {
                self.fields[row].draw(canvas, Rect { width: place.width.saturating_sub(1), ..place }, true);
            }
        }
    }

    fn draw_trial(&self, canvas: &mut Canvas<'_, '_>, area: Rect, asking: bool) {
        let width = usize::from(area.width).saturating_sub(2);
        let say = |canvas: &Canvas<'_, '_>, role: Role, text: &str| -> Vec<Line<'static>> {
            wrap(text, width).into_iter().map(|line| canvas.span(role, format!(" {line}")).into()).collect()
        };
        let problem = self.trial.value.as_ref().and_then(|sampled| sampled.error.as_ref());
        let lines = match (&self.wrong, &self.trial.error, problem) {
            (Some(why), ..) => say(canvas, Role::Error, &format!("✗ {why}")),
            (None, Some(error), _) => say(canvas, Role::Error, &format!("✗ {error}")),
            (None, None, Some(problem)) => {
                let mut lines: Vec<Line<'static>> = self
                    .place(problem)
                    .map(|(text, column)| caret(&text, column, width))
                    .into_iter()
                    .flatten()
                    .map(|line| canvas.span(Role::Text, format!(" {line}")).into())
                    .collect();
                lines.extend(say(canvas, Role::Error, &format!("✗ {}", problem.message)));
                lines
            }
            (None, None, None) => Vec::new(),
        };
        match &self.trial.value {
            _ if !lines.is_empty() => canvas.lines(area, lines),
            Some(sampled) => {
                let source = self.text(Part::Expr).or_else(|| self.text(Part::From));
                let source = source.unwrap_or_else(|| self.view.source.clone());
                draw_sample(canvas, area, sampled, &[&self.view.target], &source, asking);
            }
            None => {
                let line = canvas.span(Role::Muted, " Reading a sample…");
                canvas.line(area, 0, line);
            }
        }
    }

    /// The line of text that a problem points into, and the column from 1: of the plan where the expression stands
    /// there, else of the expression itself.
    fn place(&self, problem: &Problem) -> Option<(String, usize)> {
        let own = self.text(Part::Expr).or_else(|| self.text(Part::Check))?;
        let of_plan = problem.line.checked_sub(1).and_then(|line| self.draft.lines().nth(line));
        match of_plan.filter(|line| line.contains(own.as_str())) {
            Some(line) => Some((line.to_owned(), problem.column)),
            None => (problem.column > 0).then_some((own, problem.column)),
        }
    }
}

/// A column's name as an expression has it.
pub(super) fn as_name(name: &str) -> String {
    let plain = name.chars().all(|char| char.is_alphanumeric() || char == '_');
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Says who changed the mapping and when; of a mere rename, or of nothing, nobody asks.
pub(super) fn signed(app: &App, plan: ColumnPlan) -> ColumnPlan {
    let unsigned = ColumnPlan { by: None, on: None, ..plan };
    let is_plain = unsigned == ColumnPlan { from: unsigned.from.clone(), ..ColumnPlan::default() };
    match is_plain {
        true => unsigned,
        false => ColumnPlan { by: Some(app.user.clone()), on: Some(app.today()), ..unsigned },
    }
}

/// The text around `column` (from 1) and a caret under it.
fn caret(text: &str, column: usize, width: usize) -> [String; 2] {
    let text = clean(text);
    let skip = column.saturating_sub(width.max(2) / 2 + 1);
    let shown: String = text.chars().skip(skip).collect();
    let before: String = shown.chars().take(column.saturating_sub(skip + 1)).collect();
    [clip(&shown, width), format!("{}^", " ".repeat(display_width(&before)))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_its_place() {
        assert_eq!(caret("upper(nmae)", 7, 40), ["upper(nmae)", "      ^"]);
        let [text, mark] = caret(&"x".repeat(100).replacen("x", "y", 1), 90, 20);
        assert!(display_width(&text) <= 20 && display_width(&mark) <= 20);
        assert_eq!(caret("é😀x", 3, 40)[1], "   ^");
    }
}
