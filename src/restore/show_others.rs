//! The first rows that others wrote to each table, for whoever is about to let them go.

use std::{collections::BTreeMap, sync::Arc};

use datafusion::arrow::record_batch::RecordBatch;

use super::{
    Result,
    look::Take,
    preview::{Survey, Surveyed, Way},
    sift::{Makes, Sieve},
};
use crate::{
    endpoint::Destination,
    model::{Column, NamedCell, cell_at},
    protocol::OthersShown,
};

/// Cells of a row without a key.
const CELLS: usize = 4;

/// Some rows of others by table. What cannot be read there is told, and keeps nobody from seeing the rest.
pub(super) async fn rows_of_others(
    way: &Way,
    makes: &dyn Makes,
    survey: &Survey,
) -> Result<BTreeMap<String, OthersShown>> {
    let mut shown = BTreeMap::new();
    if survey.wants_discard().is_empty() {
        return Ok(shown);
    }
    let sieve = Sieve::of(way, makes, survey).await?;
    for table in sieve.tables() {
        let told = match sieve.sift(table, Showing::of(table, &way.destination)).await {
            Ok(Ok(sifted)) => OthersShown { rows: sifted.taker.rows, told: sifted.told },
            Ok(Err(why)) => unknown(&why),
            Err(error) => unknown(&error.to_string()),
        };
        shown.insert(table.kept.name.clone(), told);
    }
    Ok(shown)
}

fn unknown(why: &str) -> OthersShown {
    OthersShown { rows: Vec::new(), told: Some(format!("rows of others cannot be told apart: {why}")) }
}

/// Keeps the first rows, as far as they are shown.
struct Showing {
    destination: Arc<dyn Destination>,
    columns: Vec<Column>,
    rows: Vec<Vec<NamedCell>>,
}

impl Showing {
    fn of(table: &Surveyed, destination: &Arc<dyn Destination>) -> Self {
        let read = table.as_read(&**destination).unwrap_or_default();
        let key = if table.kept.key.is_empty() { &read.key } else { &table.kept.key };
        let columns = match key.is_empty() {
            true => read.columns.iter().take(CELLS).cloned().collect(),
            false => key.iter().filter_map(|name| read.column(name).cloned()).collect(),
        };
        Self { destination: destination.clone(), columns, rows: Vec::new() }
    }
}

impl Take for Showing {
    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        let left = OthersShown::ROWS.saturating_sub(self.rows.len());
        for row in 0..batch.num_rows().min(left) {
            let cell = |column: &Column| {
                let array = batch.column_by_name(&column.name)?;
                let cell = self.destination.as_held(column, cell_at(array, row));
                Some(NamedCell { name: column.name.clone(), cell: cell.told() })
            };
            self.rows.push(self.columns.iter().filter_map(cell).collect());
        }
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.rows.len() >= OthersShown::ROWS
    }
}
