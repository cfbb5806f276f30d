//! `whimbrel tables`.

use serde_json::json;

use crate::{
    cli::{
        CliError, Exit,
        args::Tables,
        open::{Context, endpoint_error},
    },
    model::{Count, compact, thousands},
};

pub async fn perform(context: &Context, arguments: &Tables) -> Result<Exit, CliError> {
    let side = context.side(&arguments.side).await?;
    let mut tables = side.tables().await.map_err(endpoint_error)?;
    if arguments.count {
        for table in &mut tables {
            table.rows = Count::Exact(side.count(&table.name).await.map_err(endpoint_error)?);
        }
    }
    if context.json {
        context.print(&json!({ "tables": tables }))?;
        return Ok(Exit::Well);
    }
    let width = tables.iter().map(|table| table.name.chars().count()).max().unwrap_or(0);
    for table in &tables {
        let rows = match table.rows {
            Count::Exact(rows) => thousands(rows),
            other => compact(other),
        };
        println!("{:width$}  {rows:>14} rows", table.name);
    }
    Ok(Exit::Well)
}
