//! A source column whose parts go into several destination columns, or several that become one: the expressions that do it,
//! and sampled rows before and after.
//!
//! One idea: no character of a value is lost. The last part takes all that is left, a part behind the first that is empty or
//! not there is NULL, and what joins columns leaves out those that are NULL; an empty one counts.

use ratatui::{layout::Rect, text::Line};

use super::{
    After, Confirm, Overlay,
    column::{as_name, signed},
};
use crate::{
    console::{
        app::{App, Fetched, Request},
        draft::{Edit, apply_all},
        fuzzy::fits,
        keys::{KeyPress, Motion, moved},
        screens::draw_sample,
        theme::Role,
        widgets::{Canvas, Field, centred, fit, split_left, split_top, wrap},
    },
    plan::ColumnPlan,
    protocol::Sampled,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Split,
    Merge,
}

const FROM: usize = 0;
const SEPARATOR: usize = 1;
const INTO: usize = 2;

#[derive(Clone, Debug)]
pub struct PartsForm {
    /// The destination table.
    table: String,
    deed: Deed,
    fields: [Field; 3],
    /// As they were when it was opened.
    opened: [String; 3],
    cursor: usize,
    /// Destination columns and what makes them, as far as the fields say so.
    made: Vec<(String, String)>,
    /// Why the fields make nothing.
    wrong: Option<String>,
    pub trial: Fetched<Sampled>,
}

impl PartsForm {
    /// `into`: destination columns that nothing fills yet.
    pub fn split(table: &str, column: &str, into: &[String]) -> Self {
        Self::new(table, Deed::Split, [column.to_owned(), " ".to_owned(), into.join(", ")])
    }

    /// `from`: source columns that may be meant.
    pub fn merge(table: &str, from: &[String], target: &str) -> Self {
        Self::new(table, Deed::Merge, [from.join(", "), " ".to_owned(), target.to_owned()])
    }

    fn new(table: &str, deed: Deed, texts: [String; 3]) -> Self {
        Self {
            table: table.to_owned(),
            deed,
            cursor: if deed == Deed::Split { INTO } else { FROM },
            fields: texts.clone().map(|text| Field::new(&text)),
            opened: texts,
            made: Vec::new(),
            wrong: None,
            trial: Fetched::default(),
        }
    }

    pub fn field(&mut self) -> &mut Field {
        &mut self.fields[self.cursor]
    }

    /// The columns that a field names.
    fn names(&self, field: usize) -> Vec<String> {
        let text = self.fields[field].text();
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    }

    fn make(&self, app: &App) -> Result<Vec<(String, String)>, String> {
        let (from, into) = (self.names(FROM), self.names(INTO));
        let separator = self.fields[SEPARATOR].text();
        let columns = app.map.checks.value.as_ref().map(|checks| &checks.from);
        let unknown = |name: &&String| columns.is_some_and(|table| table.column(name).is_none());
        let twice = |names: &[String]| {
            let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
            twice.map(|(_, name)| format!("'{name}' is named twice"))
        };
        if let Some(why) = from.iter().find(unknown).map(|name| format!("the source has no column '{name}'")) {
            return Err(why);
        }
        if let Some(why) = twice(&from).or_else(|| twice(&into)) {
            return Err(why);
        }
        match (self.deed, from.as_slice(), into.as_slice()) {
            (Deed::Split, [column], [_, _, ..]) if !separator.is_empty() => {
                Ok(into.iter().cloned().zip(split(column, &separator, into.len())).collect())
            }
            (Deed::Split, [_], [_, _, ..]) => Err("say what stands between the parts".to_owned()),
            (Deed::Split, [_], _) => Err("name two destination columns or more, separated by commas".to_owned()),
            (Deed::Split, ..) => Err("name one source column".to_owned()),
            (Deed::Merge, [_, _, ..], [target]) => Ok(vec![(target.clone(), merge(&from, &separator))]),
            (Deed::Merge, [_, _, ..], _) => Err("name one destination column".to_owned()),
            (Deed::Merge, ..) => Err("name two source columns or more, separated by commas".to_owned()),
        }
    }

    /// What else the plan says of the columns stays; a source column that is used is not left behind any more.
    fn edits(&self, app: &App, made: &[(String, String)]) -> Vec<Edit> {
        let Some(table) = app.map_table() else { return Vec::new() };
        let used = self.names(FROM);
        let left: Vec<String> = table.skip.iter().filter(|name| !used.contains(name)).cloned().collect();
        let columns = made.iter().map(|(target, expr)| {
            let before = table.columns.get(target).cloned().unwrap_or_default();
            let plan = ColumnPlan { from: None, expr: Some(expr.clone()), values: None, skip: false, ..before };
            let plan = Box::new(signed(app, plan));
            Edit::SetColumn { table: self.table.clone(), column: target.clone(), plan }
        });
        let skip = (left.len() < table.skip.len()).then(|| Edit::SetSkip { table: self.table.clone(), columns: left });
        columns.chain(skip).collect()
    }

    /// Tries the fields on the sample.
    pub fn changed(&mut self, app: &mut App) {
        let made = self.make(app);
        let draft = made.and_then(|made| {
            let text = apply_all(&app.plan.text, &self.edits(app, &made)).map_err(|why| why.to_string())?;
            Ok((made, text))
        });
        match draft {
            Err(why) => (self.made, self.wrong) = (Vec::new(), Some(why)),
            Ok((made, text)) => {
                (self.made, self.wrong) = (made, None);
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
                    self.field().complete(&best);
                    self.changed(app);
                }
                None => self.turn(Motion::Down),
            },
            () if key.is("shift-tab") => self.turn(Motion::Up),
            () => match Motion::arrow(key) {
                Some(motion @ (Motion::Up | Motion::Down)) => self.turn(motion),
                _ if self.field().key(key) => self.changed(app),
                _ => {}
            },
        }
        After::Stay
    }

    fn turn(&mut self, motion: Motion) {
        self.cursor = moved(motion, self.cursor, self.fields.len(), self.fields.len());
    }

    fn leave(&self, app: &mut App) -> After {
        if self.fields.iter().zip(&self.opened).all(|(field, opened)| field.text() == *opened) {
            return After::Close;
        }
        app.open(Overlay::Confirm(Confirm::drop_draft()));
        After::Stay
    }

    fn save(&mut self, app: &mut App) -> After {
        let made = match self.make(app) {
            Ok(made) => made,
            Err(why) => {
                app.complain(&why);
                return After::Stay;
            }
        };
        let what = match self.deed {
            Deed::Split => format!("split of {}", self.names(FROM).join(", ")),
            Deed::Merge => format!("merge into {}", self.names(INTO).join(", ")),
        };
        match app.edit_all(&what, &self.edits(app, &made)) {
            true => After::Close,
            false => After::Stay,
        }
    }

    /// What the name that is being typed could become, the best first.
    fn suggestions(&self, app: &App) -> Vec<String> {
        let Some(checks) = &app.map.checks.value else { return Vec::new() };
        let table = match self.cursor {
            FROM => &checks.from,
            INTO => &checks.to,
            _ => return Vec::new(),
        };
        let Some(typed) = self.fields[self.cursor].name_before() else { return Vec::new() };
        let names = table.columns.iter().map(|column| &column.name);
        let mut scored: Vec<(u32, &String)> = names.filter_map(|name| Some((fits(&typed, name)?, name))).collect();
        if scored.iter().any(|(_, name)| **name == typed) {
            return Vec::new();
        }
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        scored.into_iter().map(|(_, name)| name.clone()).collect()
    }

    fn help(&self) -> &'static str {
        match (self.cursor, self.deed) {
            (FROM, Deed::Split) => "the source column whose values have parts",
            (FROM, Deed::Merge) => "the source columns, in their order, separated by commas",
            (SEPARATOR, Deed::Split) => "what stands between the parts, just as it is typed; a blank counts",
            (SEPARATOR, Deed::Merge) => "what goes between them, just as it is typed; may be nothing",
            (_, Deed::Split) => "destination columns, separated by commas; the last takes all that is left",
            (_, Deed::Merge) => "the destination column",
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_, '_>, area: Rect) {
        let place = centred(area, area.width.saturating_sub(2).min(110), area.height.min(26));
        let (title, labels) = match self.deed {
            Deed::Split => ("Split a source column", ["Column", "Separator", "Into"]),
            Deed::Merge => ("Merge source columns", ["Columns", "Separator", "Into"]),
        };
        let inner = canvas.popup(place, title, "↑↓ field · enter save · esc leave");
        for (row, label) in labels.into_iter().enumerate() {
            self.draw_field(canvas, inner, row, label);
        }
        let (_, rest) = split_top(inner, labels.len() as u16);
        let help = match self.suggestions(app).split_first() {
            None => Line::from(canvas.span(Role::Hint, format!("  {}", self.help()))),
            Some((best, others)) => Line::from(vec![
                canvas.span(Role::Key, "  tab "),
                canvas.span(Role::Text, best),
                canvas.span(Role::Hint, others.iter().take(5).map(|name| format!(" · {name}")).collect::<String>()),
            ]),
        };
        canvas.line(rest, 0, help);
        let (_, rest) = split_top(rest, 1);
        let made: Vec<Line<'static>> = self.expressions(canvas, usize::from(rest.width));
        let height = made.len() as u16;
        canvas.lines(rest, made);
        let (_, rest) = split_top(rest, height);
        let asking = app.pending.any(|request| matches!(request, Request::DraftTrial(_)));
        canvas.rule(rest, 0, if asking { "Before and after …" } else { "Before and after" });
        let (_, rest) = split_top(rest, 1);
        self.draw_trial(canvas, rest, asking);
    }

    fn draw_field(&self, canvas: &mut Canvas<'_, '_>, area: Rect, row: usize, label: &str) {
        let here = row == self.cursor;
        let (_, line) = split_top(area, row as u16);
        let (place, rest) = split_left(Rect { height: line.height.min(1), ..line }, 12);
        let label = format!("{}{}", if here { "▸ " } else { "  " }, fit(label, 10));
        let span = canvas.span(if here { Role::Key } else { Role::Muted }, label);
        canvas.line(place, 0, span);
        self.fields[row].draw(canvas, Rect { width: rest.width.saturating_sub(1), ..rest }, here);
    }

    /// What the plan will say.
    fn expressions(&self, canvas: &Canvas<'_, '_>, width: usize) -> Vec<Line<'static>> {
        let lines = self.made.iter().flat_map(|(target, expr)| {
            wrap(&format!("{target} = {expr}"), width.saturating_sub(4)).into_iter().take(2)
        });
        lines.take(6).map(|line| canvas.span(Role::Text, format!("  {line}")).into()).collect()
    }

    fn draw_trial(&self, canvas: &mut Canvas<'_, '_>, area: Rect, asking: bool) {
        if let Some(why) = self.wrong.as_ref().or(self.trial.error.as_ref()) {
            let lines = wrap(&format!("✗ {why}"), usize::from(area.width).saturating_sub(2));
            let lines: Vec<Line<'static>> =
                lines.into_iter().map(|line| canvas.span(Role::Error, format!(" {line}")).into()).collect();
            return canvas.lines(area, lines);
        }
        let Some(sampled) = &self.trial.value else {
            let line = canvas.span(Role::Muted, " Reading a sample…");
            return canvas.line(area, 0, line);
        };
        let targets: Vec<&str> = self.made.iter().map(|(target, _)| target.as_str()).collect();
        let source = match self.deed {
            Deed::Split => self.names(FROM).join(""),
            Deed::Merge => self.names(FROM).join(" "),
        };
        draw_sample(canvas, area, sampled, &targets, &source, asking);
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The expressions for so many parts of a column.
fn split(column: &str, separator: &str, parts: usize) -> Vec<String> {
    let (name, between) = (as_name(column), literal(separator));
    let part = |number: usize| format!("split_part({name}, {between}, {number})");
    let lengths: Vec<String> = (1..parts).map(|number| format!("length({})", part(number))).collect();
    let behind = separator.chars().count() * (parts - 1) + 1;
    let rest = format!("nullif(substr({name}, {} + {behind}), '')", lengths.join(" + "));
    let middle = (2..parts).map(|number| format!("nullif({}, '')", part(number)));
    std::iter::once(part(1)).chain(middle).chain([rest]).collect()
}

/// The expression that joins columns; of none but NULLs it makes NULL.
fn merge(columns: &[String], separator: &str) -> String {
    let names: Vec<String> = columns.iter().map(|column| as_name(column)).collect();
    let any: Vec<String> = names.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    format!("CASE WHEN {} THEN concat_ws({}, {}) END", any.join(" OR "), literal(separator), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_of_the_plan_s_language() {
        assert_eq!(
            split("name", ", ", 2),
            ["split_part(name, ', ', 1)", "nullif(substr(name, length(split_part(name, ', ', 1)) + 3), '')"]
        );
        assert_eq!(split("a b", "'", 3)[1], "nullif(split_part(\"a b\", '''', 2), '')");
        assert_eq!(
            merge(&["a".into(), "b c".into()], "-"),
            "CASE WHEN a IS NOT NULL OR \"b c\" IS NOT NULL THEN concat_ws('-', a, \"b c\") END"
        );
    }
}
