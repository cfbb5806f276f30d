//! What of a source table's definition a created table gets, and in whose words.
//!
//! Knows no system: each tells its ways by a [`Carrier`]. One idea: a piece goes in the system's own words where source
//! and destination are of one system and nothing that it speaks of has changed, else as what it means everywhere, else
//! it is left out and said so; there is no fourth way.

use std::collections::BTreeSet;

use super::formula::{Tongue, literal, write};
use crate::model::{Check, Column, ColumnType, Deferral, Expression, ForeignKey, Formula, Index, System, Table};

/// What a system can make a table with.
pub(super) trait Carrier: Tongue {
    fn system(&self) -> System;

    /// An index over plain columns in this system's words, as [`Index::text`] holds it; or why there can be none.
    fn index(&self, index: &Index, table: &Table) -> Result<String, String>;

    /// The longest comments of a table and a column, in characters; `None` where comments are not kept.
    fn comments(&self) -> Option<(usize, usize)>;

    /// Whether the column, as it is to be made, counts by itself.
    fn counts(&self, table: &Table, column: &Column) -> bool;

    /// What a column that counts is made with when it came from another system.
    fn counter_options(&self) -> &'static str {
        ""
    }

    /// Whether the column's type lists its labels.
    fn lists_labels(&self, column: &Column) -> bool;

    /// What of a foreign key's ways the system does not have.
    fn lacks(&self, key: &ForeignKey) -> Vec<&'static str>;
}

/// Puts what the table carries from a source into this system's words. `unchanged` are the columns whose values and
/// types come as they are; the columns' types are this system's already.
pub(super) fn dress(carrier: &dyn Carrier, table: &mut Table, source: System, unchanged: &BTreeSet<String>) {
    let mut left_out = Vec::new();
    let fitting = Fitting { carrier, source, unchanged, name: table.name.clone() };
    fitting.columns(table, &mut left_out);
    fitting.checks(table, &mut left_out);
    fitting.indexes(table, &mut left_out);
    fitting.foreign_keys(table, &mut left_out);
    fitting.comments(table, &mut left_out);
    table.collation.take_if(|_| !fitting.is_same());
    let needed = |at: &usize| fitting.is_same() && needs(table, *at);
    table.types = (0..table.types.len()).filter(needed).map(|at| table.types[at].clone()).collect();
    table.left_out.extend(left_out);
}

/// Whether a column is of this type, or a type that a column needs speaks of it: such a one stands behind it.
fn needs(table: &Table, at: usize) -> bool {
    let own = &table.types[at].name;
    let of = |native: &str| native.strip_prefix(own.as_str()).is_some_and(|rest| matches!(rest, "" | "[]"));
    let speaks = |other: &usize| table.types[*other].statement.contains(own.as_str());
    table.columns.iter().any(|column| of(&column.native))
        || (at + 1..table.types.len()).filter(speaks).any(|other| needs(table, other))
}

struct Fitting<'f> {
    carrier: &'f dyn Carrier,
    source: System,
    unchanged: &'f BTreeSet<String>,
    name: String,
}

impl Fitting<'_> {
    fn is_same(&self) -> bool {
        self.source == self.carrier.system()
    }

    /// Whether words about these columns hold here as they are.
    fn keeps(&self, holds: bool, columns: &[String]) -> bool {
        self.is_same() && holds && columns.iter().all(|name| self.unchanged.contains(name))
    }

    /// Why nothing is made of an expression or index here.
    fn why(&self) -> String {
        match self.is_same() {
            true => "columns that it speaks of are renamed, changed or skipped".into(),
            false => format!("it has no certain equal in {}", self.carrier.system()),
        }
    }

    fn words(&self, expression: &Expression, table: &Table) -> Option<String> {
        if self.keeps(expression.holds, &expression.columns) {
            return Some(expression.text.clone());
        }
        let formula = expression.formula.as_ref().filter(|formula| table.suits(formula))?;
        write(self.carrier, formula)
    }

    fn columns(&self, table: &mut Table, left_out: &mut Vec<String>) {
        let before = table.clone();
        for column in &mut table.columns {
            let same = self.is_same() && self.unchanged.contains(&column.name);
            self.default(column, same, left_out);
            self.generation(column, &before, left_out);
            self.counter(column, &before, same, left_out);
            self.collation(column, &before, same, left_out);
            if let Some(on_update) = column.on_update.take_if(|_| !same) {
                left_out.push(format!("{}.{}: {on_update} is left out", self.name, column.name));
            }
        }
    }

    fn default(&self, column: &mut Column, same: bool, left_out: &mut Vec<String>) {
        let Some(text) = column.default.clone().filter(|_| !same) else { return };
        let formula = column.default_formula.as_ref().map(|formula| truth(formula, &column.ty));
        column.default = formula.as_ref().and_then(|formula| literal(self.carrier, formula, column));
        let counts = column.identity || formula == Some(Formula::Null);
        if column.default.is_none() && !counts && !column.generated {
            let why = self.why();
            left_out.push(format!("the default of {}.{} ({text}) is left out: {why}", self.name, column.name));
        }
    }

    fn generation(&self, column: &mut Column, before: &Table, left_out: &mut Vec<String>) {
        let Some(mut generation) = column.generation.take() else { return };
        column.default = None;
        let words = self.words(&generation.expression, before).filter(|_| self.is_same());
        column.generated = words.is_some();
        match words {
            Some(words) => {
                generation.expression = Expression { text: words, holds: true, ..generation.expression };
                column.generation = Some(generation);
            }
            None => left_out.push(format!(
                "{}.{} is computed in the source ({}); here its values are written into a plain column",
                self.name, column.name, generation.expression.text
            )),
        }
    }

    fn counter(&self, column: &mut Column, before: &Table, same: bool, left_out: &mut Vec<String>) {
        if !column.identity {
            return;
        }
        let place = format!("{}.{}", self.name, column.name);
        if !self.carrier.counts(before, column) {
            column.identity = false;
            left_out.push(format!("{place} counts by itself in the source and not here: {}", self.uncounted()));
        }
        let Some(counter) = column.counter.as_mut().filter(|_| !same) else { return };
        counter.options = self.carrier.counter_options().to_owned();
        let refuses = std::mem::take(&mut counter.always) && column.identity;
        if refuses && self.carrier.system() == System::Postgres {
            counter.always = true;
        } else if refuses {
            left_out.push(format!("{place} refuses given values in the source (GENERATED ALWAYS) and takes them here"));
        }
    }

    fn uncounted(&self) -> &'static str {
        match self.carrier.system() {
            System::Mysql => "it is not the first column of a key, or another one counts",
            System::Sqlite => "it is not the whole primary key",
            System::Postgres => "its type is no whole number",
            System::Csv => "a file counts nothing",
        }
    }

    /// Text that was told apart without case: only where it is unique does that decide what may be there.
    fn collation(&self, column: &mut Column, before: &Table, same: bool, left_out: &mut Vec<String>) {
        if same {
            return;
        }
        column.collation = None;
        let is_unique = before.key.contains(&column.name) || before.unique.iter().flatten().any(|n| *n == column.name);
        if std::mem::take(&mut column.folds_case) && is_unique {
            let (name, source) = (&column.name, self.source);
            let where_ = format!("{}.{name} is unique without regard to case in {source}", self.name);
            left_out.push(format!("{where_}; here `a` and `A` are two"));
        }
    }

    fn checks(&self, table: &mut Table, left_out: &mut Vec<String>) {
        let checks = std::mem::take(&mut table.checks);
        let listed = table.columns.iter().filter(|column| {
            let native = self.is_same() && self.unchanged.contains(&column.name);
            !native && !self.carrier.lists_labels(column)
        });
        let labels: Vec<Check> = listed
            .filter_map(|column| {
                Some(Check { name: None, condition: Expression { folds: false, ..column.label_check()? } })
            })
            .collect();
        for mut check in checks.into_iter().chain(labels) {
            let name = check.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
            let text = &check.condition.text;
            match self.words(&check.condition, table) {
                Some(words) => {
                    if check.condition.folds && !self.is_same() {
                        left_out.push(format!(
                            "the check{name} of {} ({text}) compares text without regard to case in {}; here case counts",
                            self.name, self.source
                        ));
                    }
                    check.condition.text = words;
                    table.checks.push(check);
                }
                None => left_out.push(format!("the check{name} of {} ({text}) is left out: {}", self.name, self.why())),
            }
        }
    }

    fn indexes(&self, table: &mut Table, left_out: &mut Vec<String>) {
        let indexes = std::mem::take(&mut table.indexes);
        for mut index in indexes {
            if self.keeps(index.holds, &index.columns) {
                table.indexes.push(index);
                continue;
            }
            let made = match &index.special {
                Some(special) => Err(format!("it {special}")),
                None => self.carrier.index(&index, table),
            };
            match made {
                Ok(text) => {
                    if index.deferral != Deferral::Never {
                        let (name, table) = (&index.name, &self.name);
                        left_out.push(format!("the unique constraint {name} of {table} is made without {DEFERRAL}"));
                    }
                    index.text = text;
                    table.indexes.push(index);
                }
                Err(why) => {
                    let over = |columns: &Vec<String>| index.parts.iter().map(|part| &part.column).eq(columns);
                    table.unique.retain(|columns| index.special.is_some() || !index.unique || !over(columns));
                    let unique = if index.unique { "unique " } else { "" };
                    let definition = &index.text;
                    left_out.push(format!(
                        "the {unique}index {} of {} ({definition}) is left out: {why}",
                        index.name, self.name
                    ));
                }
            }
        }
    }

    fn foreign_keys(&self, table: &mut Table, left_out: &mut Vec<String>) {
        for key in &mut table.foreign_keys {
            let lacks = self.carrier.lacks(key);
            if lacks.is_empty() {
                continue;
            }
            let label = key.label(&self.name);
            left_out.push(format!("the foreign key {label} is made without {}", lacks.join(" and ")));
            if lacks.contains(&SET_DEFAULT) {
                let plain =
                    |action| if action == crate::model::Action::SetDefault { Default::default() } else { action };
                (key.on_delete, key.on_update) = (plain(key.on_delete), plain(key.on_update));
            }
            if lacks.contains(&DEFERRAL) {
                key.deferral = Deferral::Never;
            }
            key.full &= !lacks.contains(&MATCH_FULL);
        }
    }

    fn comments(&self, table: &mut Table, left_out: &mut Vec<String>) {
        let limits = self.carrier.comments();
        let mut lost = 0;
        let mut keep = |comment: &mut Option<String>, longest: Option<usize>| {
            let fits = |text: &String| longest.is_some_and(|longest| text.chars().count() <= longest);
            if comment.as_ref().is_some_and(|text| !fits(text)) {
                *comment = None;
                lost += 1;
            }
        };
        keep(&mut table.comment, limits.map(|(table, _)| table));
        for column in &mut table.columns {
            keep(&mut column.comment, limits.map(|(_, column)| column));
        }
        if lost > 0 {
            let system = self.carrier.system();
            let why = if limits.is_some() { "too long for" } else { "not kept by" };
            let comments = if lost == 1 { "1 comment".to_owned() } else { format!("{lost} comments") };
            left_out.push(format!("{comments} of {}: {why} {system}", self.name));
        }
    }
}

pub(super) const SET_DEFAULT: &str = "SET DEFAULT";
pub(super) const DEFERRAL: &str = "being deferrable";
pub(super) const MATCH_FULL: &str = "MATCH FULL";
/// Zero and one are truth values in a column that holds those.
fn truth(formula: &Formula, ty: &ColumnType) -> Formula {
    match (formula, ty) {
        (Formula::Number(digits), ColumnType::Boolean) if digits == "1" => Formula::Boolean(true),
        (Formula::Number(digits), ColumnType::Boolean) if digits == "0" => Formula::Boolean(false),
        _ => formula.clone(),
    }
}
