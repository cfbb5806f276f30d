//! Checks, indexes and computed columns of a created table: the source's, carried over through renames.
//!
//! One idea: words hold only while every name in them stays, so a rename leaves but the meaning, where there is one.

use super::{
    Resolver,
    keys::{Renames, renamed, renames},
};
use crate::{
    model::{Check, Expression, Formula, Index, IndexPart},
    plan::Mapping,
};

const WHY: &str = "its columns are not all carried over unchanged";

impl Resolver<'_> {
    pub(super) fn carry_definition(&self, mapping: &mut Mapping) {
        let renames = renames(mapping);
        let (from, to) = (self.from, &mut mapping.to);
        to.comment.clone_from(&from.comment);
        to.collation.clone_from(&from.collation);
        to.key_is_index = from.key_is_index && self.plan.key.is_empty();
        to.types.clone_from(&from.types);
        to.left_out.extend(from.peculiar.iter().map(|peculiar| format!("{} {peculiar}", from.name)));
        for check in &from.checks {
            match carried(&check.condition, &renames) {
                Some(condition) => to.checks.push(Check { condition, ..check.clone() }),
                None => {
                    let name = check.name.as_ref().map_or(String::new(), |name| format!(" {name}"));
                    let text = &check.condition.text;
                    to.left_out.push(format!("the check{name} of {} ({text}) is left out: {WHY}", to.name));
                }
            }
        }
        for index in &from.indexes {
            match carried_index(index, &renames) {
                // A key of the plan's own is the primary key, and no unique index beside it.
                Some(index) if is_key(&index, &self.plan.key) => {}
                Some(index) => to.indexes.push(index),
                None => {
                    let (name, text) = (&index.name, &index.text);
                    to.left_out.push(format!("the index {name} of {} ({text}) is left out: {WHY}", to.name));
                }
            }
        }
        self.carry_generations(mapping, &renames);
    }

    /// A computed column stays one where what it is computed from is there.
    fn carry_generations(&self, mapping: &mut Mapping, renames: &Renames) {
        for column in &mut mapping.columns {
            let Some(generation) = &mut column.target.generation else { continue };
            let lost = Expression { holds: false, formula: None, ..generation.expression.clone() };
            generation.expression = carried(&generation.expression, renames).unwrap_or(lost);
            if let Some(to) = mapping.to.columns.iter_mut().find(|to| to.name == column.target.name) {
                *to = column.target.clone();
            }
        }
    }
}

/// The expression over the destination's columns; `None` where one of them is not there unchanged.
fn carried(expression: &Expression, renames: &Renames) -> Option<Expression> {
    let columns = renamed(&expression.columns, renames)?;
    let holds = expression.holds && columns == expression.columns;
    let formula = expression.formula.as_ref().and_then(|formula: &Formula| formula.renamed(renames));
    Some(Expression { holds, columns, formula, ..expression.clone() })
}

fn carried_index(index: &Index, renames: &Renames) -> Option<Index> {
    let columns = renamed(&index.columns, renames)?;
    let holds = index.holds && columns == index.columns;
    let part = |part: &IndexPart| Some(IndexPart { column: renames.get(&part.column)?.clone(), ..part.clone() });
    let parts = index.parts.iter().map(part).collect::<Option<Vec<_>>>()?;
    Some(Index { holds, columns, parts, ..index.clone() })
}

fn is_key(index: &Index, key: &[String]) -> bool {
    let over_key = !key.is_empty() && index.parts.iter().map(|part| &part.column).eq(key);
    over_key && index.unique && index.special.is_none()
}
