//! `whimbrel preview`.

use crate::{
    cli::{
        CliError, Exit,
        args::Preview,
        open::{Context, endpoint_error},
    },
    model::{Count, Page, Spot, clean, clip, compact, display_width, thousands},
};

/// The widest that a cell is printed.
const WIDEST: usize = 40;

pub async fn perform(context: &Context, arguments: &Preview) -> Result<Exit, CliError> {
    let side = context.side(&arguments.side).await?;
    let table = side.describe(&arguments.table).await.map_err(endpoint_error)?;
    let page = side.preview(&table, &Spot::Row(arguments.offset), arguments.limit).await.map_err(endpoint_error)?;
    if context.json {
        context.print(&Page { ends: None, ..page })?;
    } else {
        print(&page);
    }
    Ok(Exit::Well)
}

fn print(page: &Page) {
    let cell = |text: String| clip(&clean(&text), WIDEST);
    let header: Vec<String> = page.columns.iter().map(|name| cell(name.clone())).collect();
    let rows: Vec<Vec<String>> =
        page.rows.iter().map(|row| row.iter().map(|value| cell(value.display())).collect()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain(header.get(column));
        cells.map(|text| display_width(text)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(text, width)| format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text)))));
        println!("{}", padded.collect::<Vec<_>>().join(" | ").trim_end());
    };
    line(&header);
    println!("{}", widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("-|-"));
    rows.iter().for_each(|row| line(row));
    let total = match page.total {
        Count::Exact(rows) => thousands(rows),
        other => compact(other),
    };
    println!("... (showing {} of {total} rows)", page.rows.len());
}
