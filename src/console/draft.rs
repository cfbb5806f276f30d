//! The plan's text as the console reads and edits it. The one door to the plan's document: nothing else in the console
//! knows TOML.

use std::collections::BTreeMap;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::{
    model::ColumnType,
    plan::{ColumnPlan, Literal, Unlisted, ValueMap},
    protocol::SideName,
};

/// A change of the plan's text.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    SetColumn { table: String, column: String, plan: ColumnPlan },
    RemoveColumn { table: String, column: String },
    SetSkip { table: String, columns: Vec<String> },
    SetFilter { table: String, filter: Option<String> },
    SetSide { side: SideName, url: String },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EditError(String);

/// What the screens show of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    pub name: String,
    pub source: SideOutline,
    pub destination: SideOutline,
    pub tables: Vec<TableOutline>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideOutline {
    pub url: String,
    pub label: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableOutline {
    pub from: String,
    pub to: String,
    pub skip: Vec<String>,
    pub filter: Option<String>,
    pub columns: BTreeMap<String, ColumnPlan>,
}

impl Outline {
    pub fn side(&self, side: SideName) -> &SideOutline {
        match side {
            SideName::Source => &self.source,
            SideName::Destination => &self.destination,
        }
    }

    /// As much as can be read; a text with errors gives what it has.
    pub fn read(text: &str) -> Self {
        let Ok(document) = text.parse::<DocumentMut>() else { return Self::default() };
        let side = |name: &str| {
            let table = document.get(name).and_then(Item::as_table_like);
            SideOutline { url: string(table, "url").unwrap_or_default(), label: string(table, "label") }
        };
        let tables = document.get("table").and_then(Item::as_array_of_tables);
        Self {
            name: string(document.get("plan").and_then(Item::as_table_like), "name").unwrap_or_default(),
            source: side("source"),
            destination: side("destination"),
            tables: tables.map(|tables| tables.iter().map(table_outline).collect()).unwrap_or_default(),
        }
    }
}

fn string(table: Option<&dyn TableLike>, key: &str) -> Option<String> {
    table?.get(key)?.as_str().map(str::to_owned)
}

fn table_outline(table: &Table) -> TableOutline {
    let columns = table.get("columns").and_then(Item::as_table_like);
    let from = string(Some(table), "from").unwrap_or_default();
    TableOutline {
        to: string(Some(table), "to").unwrap_or_else(|| from.clone()),
        from,
        skip: table.get("skip").and_then(Item::as_array).map(strings).unwrap_or_default(),
        filter: string(Some(table), "where"),
        columns: columns
            .map(|columns| columns.iter().map(|(name, item)| (name.to_owned(), column_plan(item))).collect())
            .unwrap_or_default(),
    }
}

fn strings(array: &Array) -> Vec<String> {
    array.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

fn column_plan(item: &Item) -> ColumnPlan {
    if let Some(from) = item.as_str() {
        return ColumnPlan { from: Some(from.to_owned()), ..ColumnPlan::default() };
    }
    let Some(table) = item.as_table_like() else { return ColumnPlan::default() };
    let text = |key: &str| string(Some(table), key);
    let flag = |key: &str| table.get(key).and_then(Item::as_bool).unwrap_or_default();
    let unlisted = match text("unlisted").as_deref() {
        Some("default") => Unlisted::Default,
        Some("keep") => Unlisted::Keep,
        _ => Unlisted::Fault,
    };
    let values = table.get("values").and_then(Item::as_table_like).map(|values| ValueMap {
        entries: values.iter().filter_map(|(key, item)| Some((key.to_owned(), literal(item)?))).collect(),
        unlisted,
    });
    ColumnPlan {
        from: text("from"),
        expr: text("expr"),
        ty: text("type").and_then(|ty| ty.parse::<ColumnType>().ok()),
        values,
        default: table.get("default").and_then(literal),
        check: text("check"),
        skip: flag("skip"),
        accept_loss: flag("accept_loss"),
        note: text("note"),
    }
}

fn literal(item: &Item) -> Option<Literal> {
    let value = item.as_value()?;
    Some(Literal(match value {
        Value::String(text) => text.value().clone(),
        other => other.clone().decorated("", "").to_string(),
    }))
}

/// The text after the edit; all that the edit does not touch stays as it was, comments included.
pub fn apply(text: &str, edit: &Edit) -> Result<String, EditError> {
    let mut document = text.parse::<DocumentMut>().map_err(|error| EditError(error.to_string()))?;
    match edit {
        Edit::SetSide { side, url } => {
            let name = match side {
                SideName::Source => "source",
                SideName::Destination => "destination",
            };
            set(&mut document[name]["url"], url.as_str().into());
        }
        Edit::SetFilter { table, filter } => {
            let table = table_mut(&mut document, table)?;
            match filter {
                Some(filter) => set(&mut table["where"], filter.as_str().into()),
                None => drop(table.remove("where")),
            }
        }
        Edit::SetSkip { table, columns } => {
            let table = table_mut(&mut document, table)?;
            match columns.is_empty() {
                true => drop(table.remove("skip")),
                false => set(&mut table["skip"], columns.iter().collect::<Array>().into()),
            }
        }
        Edit::SetColumn { table, column, plan } => {
            let columns = table_mut(&mut document, table)?.entry("columns").or_insert(Item::Table(Table::new()));
            let columns = columns.as_table_like_mut().ok_or_else(|| EditError("'columns' is no table".into()))?;
            match columns.get_mut(column) {
                Some(item) => set(item, column_value(plan)),
                None => drop(columns.insert(column, Item::Value(column_value(plan)))),
            }
        }
        Edit::RemoveColumn { table, column } => {
            let columns = table_mut(&mut document, table)?.get_mut("columns").and_then(Item::as_table_like_mut);
            columns.map(|columns| columns.remove(column));
        }
    }
    Ok(document.to_string())
}

fn set(item: &mut Item, value: Value) {
    let decor = item.as_value().map(|old| old.decor().clone());
    *item = Item::Value(value);
    if let (Some(decor), Some(value)) = (decor, item.as_value_mut()) {
        *value.decor_mut() = decor;
    }
}

fn table_mut<'d>(document: &'d mut DocumentMut, to: &str) -> Result<&'d mut Table, EditError> {
    let missing = || EditError(format!("the plan has no table '{to}'"));
    let tables = document.get_mut("table").and_then(Item::as_array_of_tables_mut).ok_or_else(missing)?;
    let place = position(tables, to).ok_or_else(missing)?;
    tables.get_mut(place).ok_or_else(missing)
}

fn position(tables: &ArrayOfTables, to: &str) -> Option<usize> {
    tables.iter().position(|table| table_outline(table).to == to)
}

fn column_value(plan: &ColumnPlan) -> Value {
    let only_from = ColumnPlan { from: plan.from.clone(), ..ColumnPlan::default() };
    if let (Some(from), true) = (&plan.from, *plan == only_from) {
        return from.as_str().into();
    }
    let mut table = InlineTable::new();
    let mut text = |key: &str, value: &Option<String>| {
        if let Some(value) = value {
            table.insert(key, value.as_str().into());
        }
    };
    text("from", &plan.from);
    text("expr", &plan.expr);
    text("type", &plan.ty.as_ref().map(ToString::to_string));
    if let Some(values) = &plan.values {
        let entries = values.entries.iter().map(|(key, value)| (key.as_str(), literal_value(value)));
        table.insert("values", entries.collect::<InlineTable>().into());
        match values.unlisted {
            Unlisted::Fault => None,
            Unlisted::Default => table.insert("unlisted", "default".into()),
            Unlisted::Keep => table.insert("unlisted", "keep".into()),
        };
    }
    if let Some(default) = &plan.default {
        table.insert("default", literal_value(default));
    }
    for (key, value) in [("check", &plan.check), ("note", &plan.note)] {
        if let Some(value) = value {
            table.insert(key, value.as_str().into());
        }
    }
    for (key, value) in [("skip", plan.skip), ("accept_loss", plan.accept_loss)] {
        if value {
            table.insert(key, true.into());
        }
    }
    table.into()
}

/// A whole number as one, all else as the text that it is.
fn literal_value(literal: &Literal) -> Value {
    match literal.0.parse::<i64>() {
        Ok(number) if number.to_string() == literal.0 => number.into(),
        _ => literal.0.as_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# ours
[plan]
name = "Postgres to CredVault"

[source]
url = "postgres://me@db/old" # keep

[destination]
url = "sqlite:credvault.db"
label = "production"

[[table]]
from = "customers"
to = "clients"
skip = ["internal_notes"]

[table.columns]
id = "customer_id" # a rename
tier = { from = "customer_tier", type = "integer", values = { gold = 1, "a, b" = "x" }, unlisted = "keep" }

[[table]]
from = "orders"
"#;

    #[test]
    fn an_outline_says_what_the_text_says() {
        let outline = Outline::read(TEXT);
        assert_eq!(outline.name, "Postgres to CredVault");
        assert_eq!(outline.destination.label.as_deref(), Some("production"));
        assert_eq!(outline.tables[1].to, "orders");
        let customers = &outline.tables[0];
        assert_eq!((customers.to.as_str(), customers.skip.as_slice()), ("clients", &["internal_notes".to_owned()][..]));
        let values = customers.columns["tier"].values.clone().unwrap();
        assert_eq!(values.entries["gold"], Literal("1".into()));
        assert_eq!(values.unlisted, Unlisted::Keep);
        assert_eq!(Outline::read("[plan"), Outline::default());
    }

    #[test]
    fn an_edit_changes_its_place_only() {
        let url = "postgres://you@db/old".to_owned();
        let text = apply(TEXT, &Edit::SetSide { side: SideName::Source, url }).unwrap();
        assert_eq!(text, TEXT.replace("me@db", "you@db"));
        let plan = ColumnPlan { from: Some("cid".into()), ..ColumnPlan::default() };
        let edit = Edit::SetColumn { table: "clients".into(), column: "id".into(), plan };
        assert_eq!(apply(TEXT, &edit).unwrap(), TEXT.replace("\"customer_id\"", "\"cid\""));
        let edit = Edit::SetSkip { table: "clients".into(), columns: vec![] };
        assert!(!apply(TEXT, &edit).unwrap().contains("skip"));
    }

    #[test]
    fn what_was_set_reads_back() {
        let before = Outline::read(TEXT).tables[0].columns["tier"].clone();
        let plan = ColumnPlan { default: Some(Literal("-5".into())), accept_loss: true, ..before };
        let edit = Edit::SetColumn { table: "orders".into(), column: "tier".into(), plan: plan.clone() };
        let text = apply(TEXT, &edit).unwrap();
        assert_eq!(Outline::read(&text).tables[1].columns["tier"], plan, "{text}");
        let edit = Edit::RemoveColumn { table: "orders".into(), column: "tier".into() };
        assert!(Outline::read(&apply(&text, &edit).unwrap()).tables[1].columns.is_empty());
        let edit = Edit::SetFilter { table: "nope".into(), filter: None };
        assert_eq!(apply(TEXT, &edit).unwrap_err().to_string(), "the plan has no table 'nope'");
    }
}
