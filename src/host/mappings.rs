//! All mappings of the plan at once, as they stand against both sides.

use super::{Workbench, views::mapping_view};
use crate::{engine::now_ms, plan::TablePlan, protocol::TableChecks, transform::RunInstant};

impl Workbench {
    /// Each table of the plan with what the plan says of it, in the plan's order.
    pub async fn mappings(&self) -> Result<Vec<(TablePlan, TableChecks)>, String> {
        let (document, plan) = self.read(None).await?;
        let binding = self.bind_at(&document, &plan, RunInstant(now_ms() as i64)).await;
        let binding = binding.map_err(|error| format!("{error}. {}", error.hint()))?;
        let mut views: Vec<TableChecks> = binding.tables.into_iter().map(mapping_view).collect();
        let mut taken = |to: &str| {
            let at = views.iter().position(|view| view.to.name == to)?;
            Some(views.swap_remove(at))
        };
        Ok(plan.tables.into_iter().filter_map(|table| taken(&table.to).map(|view| (table, view))).collect())
    }
}
