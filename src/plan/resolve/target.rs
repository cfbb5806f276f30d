//! One destination column with what feeds it: the class of its conversion, and whether that may stand.

use super::{Resolver, Subject};
use crate::{
    model::{Column, ColumnType, Table},
    plan::{Class, ColumnPlan, MappedColumn, Origin, Unlisted, class::classify, class::loss},
};

/// What a column that rewrites its values loses.
const REWRITTEN: &str = "the order of keys, repeated keys and how numbers are written";

fn origin_column<'t>(from: &'t Table, origin: &Origin) -> Option<&'t Column> {
    match origin {
        Origin::Column(name) => from.column(name),
        Origin::Expr(_) | Origin::Default => None,
    }
}

impl MappedColumn {
    /// The source column that feeds it, changed or not.
    pub fn source_column(&self) -> Option<&str> {
        match &self.origin {
            Origin::Column(name) => Some(name),
            Origin::Expr(_) | Origin::Default => None,
        }
    }

    /// The source column whose values arrive as they are, apart from a conversion of type.
    pub fn plain_column(&self) -> Option<&str> {
        self.source_column().filter(|_| self.values.is_none())
    }
}

impl Resolver<'_> {
    /// What feeds the column; `None` where nothing does. A column that the plan names and nothing feeds is an error.
    pub(super) fn origin(&mut self, name: &str, plan: Option<&ColumnPlan>) -> Option<Origin> {
        let own = self.own_column(name).map(|column| Origin::Column(column.name.clone()));
        let Some(plan) = plan else { return own };
        if plan.skip {
            return None;
        }
        let from = plan.from.clone().map(Origin::Column);
        let given = from.or_else(|| plan.expr.clone().map(Origin::Expr));
        if let Some(given) = given {
            return Some(given).filter(|origin| match origin {
                Origin::Column(from) => self.from.column(from).is_some(),
                Origin::Expr(_) | Origin::Default => true,
            });
        }
        let found = own.or(plan.default.is_some().then_some(Origin::Default));
        if found.is_none() {
            let message = format!("nothing feeds column '{name}'; give it from, expr or default, or skip = true");
            self.fail(Subject::Column(name.to_owned()), message);
        }
        found
    }

    /// The type that the origin yields; `None`, with an error, where it cannot be told.
    pub(super) fn origin_type(&mut self, name: &str, origin: &Origin) -> Option<ColumnType> {
        match origin {
            Origin::Column(from) => self.from.column(from).map(|column| column.ty.clone()),
            Origin::Expr(sql) => match (self.expression_type)(sql) {
                Ok(ty) => Some(ty),
                Err(message) => {
                    self.fail(
                        Subject::Column(name.to_owned()),
                        format!("the expression of '{name}' is wrong: {message}"),
                    );
                    None
                }
            },
            Origin::Default => None,
        }
    }

    /// The mapped column, its class checked against what the plan accepts. `ty` is what the origin yields, if known.
    pub(super) fn map(
        &mut self,
        target: Column,
        origin: Origin,
        ty: Option<&ColumnType>,
        plan: Option<&ColumnPlan>,
    ) -> MappedColumn {
        let as_held =
            origin_column(self.from, &origin).is_some_and(|from| from.rewrites && from.native == target.native);
        let rewrites = target.rewrites && !as_held;
        let class = ty.map_or(Class::Exact, |ty| self.class(&target, ty, plan, rewrites));
        let plan = plan.cloned().unwrap_or_default();
        let (values, default, check) = (plan.values, plan.default, plan.check);
        MappedColumn { target, meant: None, origin, values, default, check, class }
    }

    /// `rewrites`: the column does not hold the text that it is given.
    fn class(&mut self, target: &Column, from: &ColumnType, plan: Option<&ColumnPlan>, rewrites: bool) -> Class {
        let rewritten = rewrites && !matches!(from, ColumnType::Boolean | ColumnType::Integer { .. });
        let values = plan.and_then(|plan| plan.values.as_ref());
        // Only what a value map keeps is converted; what it lists is given as text and checked.
        let class = match values.map(|values| values.unlisted) {
            Some(Unlisted::Fault | Unlisted::Default) => return Class::Checked,
            Some(Unlisted::Keep) => classify(from, &target.ty).map(|class| class.max(Class::Checked)),
            None => classify(from, &target.ty),
        };
        let subject = || Subject::Column(target.name.clone());
        let class = if rewritten { class.map(|_| Class::Lossy) } else { class };
        let Some(class) = class else {
            let way = format!("'{}' cannot be made from {from} as {}", target.name, target.ty);
            self.fail(subject(), format!("{way}; write an expression that says how: expr = \"...\""));
            return Class::Checked;
        };
        if class == Class::Lossy {
            let lost = if rewritten { REWRITTEN } else { loss(from, &target.ty) };
            let into = if rewritten { target.native.clone() } else { target.ty.to_string() };
            let what = format!("'{}' can lose {lost} ({from} to {into})", target.name);
            if plan.is_some_and(|plan| plan.accept_loss) {
                self.warn(subject(), format!("{what}, which the plan accepts"));
            } else {
                let remedy = format!("set accept_loss = true on the column, or map it to a type that holds {from}");
                self.fail(subject(), format!("{what}; {remedy}"));
            }
        }
        class
    }
}
