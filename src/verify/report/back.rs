//! The way back from a run, as a page shows it: what was kept, and how drills of going back went.

use super::{
    Report,
    html::{moment, sign, table, text},
};
use crate::{
    model::thousands,
    protocol::{Drill, PointMade},
};

pub(super) fn way_back(report: &Report) -> String {
    let made = match &report.point {
        Some(point) => kept(point),
        None => "<p>No restore point was made before the first write.</p>\n".to_owned(),
    };
    format!("<h2>The way back</h2>\n{made}{}", drills(&report.drills, report.point.is_some()))
}

fn kept(point: &PointMade) -> String {
    format!(
        "<p><code>{}</code> keeps {} rows of {} tables as they were before the first write, until {}.</p>\n",
        text(&point.name),
        thousands(point.rows),
        thousands(point.tables),
        moment(point.until_ms)
    )
}

fn drills(drills: &[Drill], wanted: bool) -> String {
    if drills.is_empty() {
        let none = "<p>Nobody tried the way back: <code>whimbrel restore NAME --drill</code> does.</p>\n";
        return if wanted { none.to_owned() } else { String::new() };
    }
    let rows: Vec<Vec<String>> = drills.iter().map(row).collect();
    table(&["Drill of the way back", "By", "Took", "Rows", "", "Found"], &[2, 3], &rows)
}

fn row(drill: &Drill) -> Vec<String> {
    let differs = drill.tables.iter().flat_map(|table| {
        let name = text(&table.table);
        table.differs.iter().map(move |what| format!("{name}: {}", text(what))).collect::<Vec<_>>()
    });
    let found: Vec<String> = differs.chain(drill.remarks.iter().map(|remark| text(remark))).collect();
    let rows = drill.tables.iter().map(|table| table.rows).sum();
    let took = format!("{}.{} s", thousands(drill.took_ms / 1_000), drill.took_ms % 1_000 / 100);
    vec![moment(drill.at_ms), text(&drill.by), took, thousands(rows), sign(drill.outcome), found.join("<br>")]
}
