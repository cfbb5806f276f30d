//! Onto a destination table that is there.

use super::{Resolver, Subject};
use crate::{
    model::{Column, Table},
    plan::{ColumnPlan, MappedColumn, Mapping, suggest::did_you_mean},
};

impl Resolver<'_> {
    pub(super) fn onto(&mut self, to: &Table) -> Mapping {
        self.check_targets(to);
        let mut columns = Vec::new();
        let mut unfilled = Vec::new();
        for target in &to.columns {
            match self.fill(to, target) {
                Some(column) => columns.push(column),
                None => unfilled.push(target.name.clone()),
            }
        }
        let mut mapping =
            Mapping { from: self.from.clone(), to: to.clone(), exists: true, columns, unfilled, ..Mapping::default() };
        self.settle_key(&mut mapping);
        mapping
    }

    /// Names of the plan that the destination does not have.
    fn check_targets(&mut self, to: &Table) {
        for (name, plan) in &self.plan.columns {
            if to.column(name).is_none() && !plan.skip {
                let hint = did_you_mean(name, to.columns.iter().map(|column| column.name.as_str()));
                let message = format!("destination table '{}' has no column '{name}'{hint}", to.name);
                self.fail(Subject::Column(name.clone()), message);
            }
        }
    }

    fn fill(&mut self, to: &Table, target: &Column) -> Option<MappedColumn> {
        let plan = self.plan_of(&target.name);
        if target.generated {
            self.refuse_generated(target, plan);
            return None;
        }
        let before = self.findings.len();
        let Some(origin) = self.origin(&target.name, plan) else {
            // One complaint is enough where the plan names a source that is not there.
            let complained = self.findings.len() > before || plan.is_some_and(|plan| plan.from.is_some());
            if !target.may_be_left_out() && !complained {
                self.require(to, target);
            }
            return None;
        };
        let ty = self.origin_type(&target.name, &origin);
        self.check_type(target, plan);
        Some(self.map(target.clone(), origin, ty.as_ref(), plan))
    }

    fn require(&mut self, to: &Table, target: &Column) {
        let (name, table) = (&target.name, &to.name);
        let remedy = "map it, give it a default, or let the destination's column be NULL";
        let message = format!("required column '{name}' of '{table}' gets no value; {remedy}");
        self.fail(Subject::Column(name.clone()), message);
    }

    fn refuse_generated(&mut self, target: &Column, plan: Option<&ColumnPlan>) {
        if plan.is_some_and(|plan| !plan.skip) {
            let message = format!("the destination computes '{}' itself; take the column out of the plan", target.name);
            self.fail(Subject::Column(target.name.clone()), message);
        }
    }

    /// A type in the plan changes nothing about a column that is there; say so where it would.
    fn check_type(&mut self, target: &Column, plan: Option<&ColumnPlan>) {
        if let Some(ty) = plan.and_then(|plan| plan.ty.as_ref()).filter(|ty| **ty != target.ty) {
            let message =
                format!("type = \"{ty}\" changes nothing: '{}' is there already, as {}", target.name, target.ty);
            self.warn(Subject::Column(target.name.clone()), message);
        }
    }
}
