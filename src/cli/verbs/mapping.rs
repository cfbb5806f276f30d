//! `whimbrel mapping`: which column feeds which, as a document.

use serde::Serialize;

use crate::{
    cli::{
        CliError, Exit,
        args::{Form, MappingOf},
        open::Context,
    },
    plan::{ColumnPlan, TablePlan, Unlisted},
    protocol::{ColumnView, TableChecks},
};

/// A line of the document.
#[derive(Debug, Default, Serialize)]
struct Row {
    from: String,
    source: String,
    source_type: String,
    to: String,
    destination: String,
    destination_type: String,
    how: String,
    /// What may become of values.
    class: String,
    /// What else is done to them.
    rules: String,
    note: String,
    by: String,
    on: String,
}

const HEADS: [&str; 12] = [
    "source table",
    "source",
    "source type",
    "destination table",
    "destination",
    "destination type",
    "how",
    "class",
    "rules",
    "note",
    "by",
    "on",
];

impl Row {
    fn cells(&self) -> [&str; 12] {
        [
            &self.from,
            &self.source,
            &self.source_type,
            &self.to,
            &self.destination,
            &self.destination_type,
            &self.how,
            &self.class,
            &self.rules,
            &self.note,
            &self.by,
            &self.on,
        ]
    }
}

pub async fn perform(context: &Context, arguments: &MappingOf) -> Result<Exit, CliError> {
    let bench = context.workbench(&arguments.plan)?;
    let mut tables = bench.mappings().await.map_err(CliError::failed)?;
    if let Some(unknown) = arguments.tables.iter().find(|name| !tables.iter().any(|(plan, _)| plan.to == **name)) {
        return Err(CliError::usage(format!("the plan has no table '{unknown}'")));
    }
    tables.retain(|(plan, _)| arguments.tables.is_empty() || arguments.tables.contains(&plan.to));
    if context.json {
        let rows: Vec<Row> = tables.iter().flat_map(|(plan, view)| rows(plan, view)).collect();
        context.print(&serde_json::json!({ "mapping": rows }))?;
        return Ok(Exit::Well);
    }
    print!(
        "{}",
        match arguments.format {
            Form::Md => markdown(&arguments.plan.display().to_string(), &tables),
            Form::Csv => csv(&tables),
        }
    );
    Ok(Exit::Well)
}

/// Every destination column, then the source columns that stay behind.
fn rows(plan: &TablePlan, view: &TableChecks) -> Vec<Row> {
    let table = || Row { from: plan.from.clone(), to: plan.to.clone(), ..Row::default() };
    let written = |target: &str| plan.columns.iter().find(|(name, _)| name == target).map(|(_, column)| column);
    let mapped = view.columns.iter().map(|column| mapped(table(), column, written(&column.target)));
    let native = |name: &str| view.from.column(name).map(|column| column.native.clone()).unwrap_or_default();
    let left = |name: &String, how: &str| Row {
        source: name.clone(),
        source_type: native(name),
        how: how.to_owned(),
        ..table()
    };
    let skipped = plan.skip.iter().map(|name| left(name, "left behind on purpose"));
    let unused = view.unused.iter().map(|name| left(name, "not used"));
    mapped.chain(skipped).chain(unused).collect()
}

fn mapped(table: Row, view: &ColumnView, plan: Option<&ColumnPlan>) -> Row {
    let text = |part: fn(&ColumnPlan) -> &Option<String>| plan.and_then(|plan| part(plan).clone()).unwrap_or_default();
    Row {
        source: view.source.clone(),
        source_type: view.source_type.clone(),
        destination: view.target.clone(),
        destination_type: view.target_type.clone(),
        how: if plan.is_some_and(|plan| plan.skip) { "unfilled on purpose".to_owned() } else { view.how.clone() },
        class: view.class.clone(),
        rules: plan.map(rules).unwrap_or_default(),
        note: text(|plan| &plan.note),
        by: text(|plan| &plan.by),
        on: text(|plan| &plan.on),
        ..table
    }
}

fn rules(plan: &ColumnPlan) -> String {
    let mut rules = Vec::new();
    if let Some(values) = &plan.values {
        let entries: Vec<String> = values.entries.iter().map(|(from, to)| format!("{from} becomes {}", to.0)).collect();
        let unlisted = match values.unlisted {
            Unlisted::Fault => "others are errors",
            Unlisted::Default => "others become the default",
            Unlisted::Keep => "others stay",
        };
        rules.push(format!("{}, {unlisted}", entries.join(", ")));
    }
    rules.extend(plan.default.as_ref().map(|default| format!("NULL becomes {}", default.0)));
    rules.extend(plan.check.as_ref().map(|check| format!("must hold: {check}")));
    rules.extend(plan.accept_loss.then(|| "loss is accepted".to_owned()));
    rules.join("; ")
}

fn markdown(plan: &str, tables: &[(TablePlan, TableChecks)]) -> String {
    // The tables stand in the headings.
    const SHOWN: [usize; 10] = [1, 2, 4, 5, 6, 7, 8, 9, 10, 11];
    let line = |cells: [&str; 12]| {
        let cells: Vec<String> = SHOWN.iter().map(|at| escaped(cells[*at])).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = format!("# Mapping of {}\n", escaped(plan));
    for (table, view) in tables {
        text += &format!("\n## {} → {}\n\n", escaped(&table.from), escaped(&table.to));
        if let Some(filter) = &table.filter {
            text += &format!("Rows that go: `{filter}`\n\n");
        }
        text += &line(HEADS);
        text += &format!("|{}\n", " --- |".repeat(SHOWN.len()));
        text.extend(rows(table, view).iter().map(|row| line(row.cells())));
    }
    text
}

/// As a cell of a Markdown table.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn csv(tables: &[(TablePlan, TableChecks)]) -> String {
    let line = |cells: [&str; 12]| format!("{}\r\n", cells.map(quoted).join(","));
    let rows = tables.iter().flat_map(|(plan, view)| rows(plan, view));
    std::iter::once(line(HEADS)).chain(rows.map(|row| line(row.cells()))).collect()
}

fn quoted(text: &str) -> String {
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Literal;

    fn tables() -> Vec<(TablePlan, TableChecks)> {
        let column = ColumnPlan {
            note: Some("agreed, with \"Bob\" | Eve".into()),
            by: Some("ada".into()),
            on: Some("2026-06-01".into()),
            default: Some(Literal("unknown".into())),
            ..ColumnPlan::default()
        };
        let plan = TablePlan {
            from: "customers".into(),
            to: "clients".into(),
            skip: vec!["internal_notes".into()],
            columns: vec![("name".into(), column)],
            ..TablePlan::default()
        };
        let view = ColumnView {
            target: "name".into(),
            target_type: "text".into(),
            source: "trim(name)".into(),
            source_type: String::new(),
            how: "expression".into(),
            class: "exact".into(),
            problem: None,
        };
        let checks = TableChecks { columns: vec![view], unused: vec!["fax".into()], ..TableChecks::default() };
        vec![(plan, checks)]
    }

    #[test]
    fn every_decision_stands_with_its_note_author_and_date() {
        let text = markdown("shop.toml", &tables());
        assert!(text.contains("## customers → clients"), "{text}");
        let row = "| trim(name) |  | name | text | expression | exact | NULL becomes unknown | agreed, with \"Bob\" \\| Eve | ada | 2026-06-01 |";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("| internal_notes |") && text.contains("left behind on purpose"), "{text}");
        assert!(text.contains("| fax |") && text.contains("not used"), "{text}");
    }

    #[test]
    fn csv_reads_back() {
        let text = csv(&tables());
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let records: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!((records.len(), records[0].len()), (3, HEADS.len()));
        assert_eq!(&records[0][9], "agreed, with \"Bob\" | Eve");
    }
}
