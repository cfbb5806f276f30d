//! A destination table made from the source's.

use super::{Resolver, Subject};
use crate::{
    model::{Column, ColumnType, Table},
    plan::{ColumnPlan, MappedColumn, Mapping, Origin},
};

impl Resolver<'_> {
    pub(super) fn create(&mut self) -> Mapping {
        let mut columns: Vec<MappedColumn> = Vec::new();
        for name in self.created_names() {
            columns.extend(self.make(&name));
        }
        let to = Table {
            name: self.plan.to.clone(),
            columns: columns.iter().map(|column| column.target.clone()).collect(),
            ..Table::default()
        };
        let mut mapping = Mapping { from: self.from.clone(), to, columns, ..Mapping::default() };
        self.settle_key(&mut mapping);
        self.carry_keys(&mut mapping);
        self.carry_definition(&mut mapping);
        mapping
    }

    /// The names of the columns to be, in their order.
    fn created_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for source in &self.from.columns {
            let takes = |(_, plan): &&(String, ColumnPlan)| plan.from.as_ref() == Some(&source.name);
            let replaces = |(name, plan): &&(String, ColumnPlan)| plan.from.is_none() && self.stands_for(name, source);
            let planned = self.plan.columns.iter().filter(|column| takes(column) || replaces(column));
            names.extend(planned.map(|(name, _)| name.clone()));
            let named = self.plan.columns.iter().any(|(name, _)| self.stands_for(name, source));
            let renamed = self.plan.columns.iter().any(|column| takes(&column));
            if !named && !renamed && !self.plan.skip.contains(&source.name) {
                names.push(source.name.clone());
            }
        }
        let further = self.plan.columns.iter().map(|(name, _)| name);
        let further: Vec<String> = further.filter(|name| !names.contains(name)).cloned().collect();
        names.extend(further);
        names
    }

    /// Whether a destination column of this name stands in the source column's place: no system would hold both.
    fn stands_for(&self, name: &str, source: &Column) -> bool {
        let found = self.from.column(name).or_else(|| super::only_one(&self.from.columns, name));
        found.is_some_and(|column| column.name == source.name)
    }

    fn make(&mut self, name: &str) -> Option<MappedColumn> {
        let plan = self.plan_of(name);
        let origin = self.origin(name, plan)?;
        let yields = self.origin_type(name, &origin);
        let ty = match plan.and_then(|plan| plan.ty.clone()).or_else(|| yields.clone()) {
            Some(ty) => ty,
            None => {
                if origin == Origin::Default {
                    let message = format!("column '{name}' has only a default; say its type: type = \"text\"");
                    self.fail(Subject::Column(name.to_owned()), message);
                }
                return None;
            }
        };
        let target = self.target(name, &origin, ty);
        Some(self.map(target, origin, yields.as_ref(), plan))
    }

    /// The column to be. What a source column says of itself beside its type holds only while its values do.
    fn target(&self, name: &str, origin: &Origin, ty: ColumnType) -> Column {
        let mut target = Column::new(name, ty);
        let Origin::Column(from) = origin else { return target };
        let Some(source) = self.from.column(from) else { return target };
        let mapped = self.plan_of(name).is_some_and(|plan| plan.values.is_some());
        target.nullable = source.nullable;
        if source.ty == target.ty {
            target.native.clone_from(&source.native);
        }
        let whole = matches!(target.ty, ColumnType::Integer { .. } | ColumnType::Decimal { scale: 0, .. });
        target.identity = source.identity && whole && !mapped;
        target.comment.clone_from(&source.comment);
        if !mapped {
            self.inherit(name, source, &mut target);
        }
        target
    }

    /// What the source column says of its values, which arrive as they are.
    fn inherit(&self, name: &str, source: &Column, target: &mut Column) {
        let plan = self.plan_of(name);
        let written = plan.is_some_and(|plan| plan.default.is_some() || plan.check.is_some() || plan.ty.is_some());
        *target = Column {
            default: source.default.clone(),
            default_formula: source.default_formula.clone(),
            generation: source.generation.clone().filter(|_| !written),
            counter: source.counter.clone().filter(|_| target.identity),
            collation: source.collation.clone(),
            folds_case: source.folds_case,
            on_update: source.on_update.clone(),
            labels: source.labels.clone(),
            ..target.clone()
        };
    }
}
