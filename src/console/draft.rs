//! The plan's text as the console reads and edits it. The one door to the plan's document: nothing else in the console
//! knows TOML.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use crate::{
    model::{Cell, ColumnType, Page},
    plan::{ColumnPlan, HIDDEN, Literal, Private, SecretRef, Side, TablePlan, Unlisted, ValueMap},
    protocol::{Sampled, SideName},
};

pub use crate::plan::{Edit, apply, apply_all};

/// What the screens show of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    pub name: String,
    pub source: SideOutline,
    pub destination: SideOutline,
    pub tables: Vec<TableOutline>,
    /// The source tables among them.
    taken: BTreeSet<String>,
    /// The private columns of each destination table that has some.
    private: BTreeMap<String, Private>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideOutline {
    pub url: String,
    pub label: Option<String>,
    /// Where the password comes from.
    pub password: Option<SecretRef>,
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
            SideOutline {
                url: string(table, "url").unwrap_or_default(),
                label: string(table, "label"),
                password: table.and_then(|table| table.get("password")).and_then(secret),
            }
        };
        let tables = document.get("table").and_then(Item::as_array_of_tables);
        let tables: Vec<TableOutline> = tables.into_iter().flatten().map(table_outline).collect();
        Self {
            private: tables.iter().filter_map(private).collect(),
            taken: tables.iter().map(|table| table.from.clone()).collect(),
            name: string(document.get("plan").and_then(Item::as_table_like), "name").unwrap_or_default(),
            source: side("source"),
            destination: side("destination"),
            tables,
        }
    }

    /// The page of a source table without the values of private columns.
    pub fn hide_page(&self, from: &str, mut page: Page) -> Page {
        let of = self.tables.iter().filter(|table| table.from == from).filter_map(|table| self.private(&table.to));
        let private: Vec<&Private> = of.collect();
        let hides = |name: &String| private.iter().any(|private| private.sources.contains(name));
        let places: Vec<usize> = places(&page.columns, hides);
        page.rows.iter_mut().for_each(|row| hide(row, &places));
        page
    }

    /// Sampled rows of the mapping to a table without the values of private columns, before and after.
    pub fn hide_sample(&self, to: &str, mut sampled: Sampled) -> Sampled {
        let Some(private) = self.private(to) else { return sampled };
        let before = places(&sampled.source_columns, |name| private.sources.contains(name));
        let after = places(&sampled.target_columns, |name| private.targets.contains(name));
        for row in &mut sampled.rows {
            hide(&mut row.before, &before);
            hide(&mut row.after, &after);
            if let Some((_, message)) = row.fault.as_mut().filter(|(target, _)| private.holds(target)) {
                HIDDEN.clone_into(message);
            }
        }
        sampled
    }

    /// The private columns of a destination table, where it has some.
    pub fn private(&self, to: &str) -> Option<&Private> {
        self.private.get(to)
    }

    /// Whether a source table is in the plan.
    pub fn takes(&self, from: &str) -> bool {
        self.taken.contains(from)
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

fn places(columns: &[String], hides: impl Fn(&String) -> bool) -> Vec<usize> {
    columns.iter().enumerate().filter(|(_, name)| hides(name)).map(|(at, _)| at).collect()
}

fn hide(row: &mut [Cell], places: &[usize]) {
    let cells = row.iter_mut().enumerate().filter(|(at, _)| places.contains(at));
    cells.for_each(|(_, cell)| *cell = Cell::text(HIDDEN));
}

fn private(table: &TableOutline) -> Option<(String, Private)> {
    let columns = table.columns.clone().into_iter().collect();
    let private = Private::of(&TablePlan { columns, ..TablePlan::default() });
    (!private.is_empty()).then(|| (table.to.clone(), private))
}

fn secret(item: &Item) -> Option<SecretRef> {
    if item.as_str() == Some("ask") {
        return Some(SecretRef::Ask);
    }
    let table = item.as_table_like()?;
    let text = |key: &str| string(Some(table), key);
    let env = text("env").map(SecretRef::Env);
    env.or_else(|| text("file").map(SecretRef::File)).or_else(|| text("command").map(SecretRef::Command))
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
        private: flag("private"),
        note: text("note"),
        by: text("by"),
        on: text("on"),
    }
}

fn literal(item: &Item) -> Option<Literal> {
    let value = item.as_value()?;
    Some(Literal(match value {
        Value::String(text) => text.value().clone(),
        other => other.clone().decorated("", "").to_string(),
    }))
}

/// The edit that gives a side another URL; where its password comes from stays.
pub fn set_side(outline: &Outline, side: SideName, url: String) -> Edit {
    let password = outline.side(side).password.clone();
    let side = match side {
        SideName::Source => Side::Source,
        SideName::Destination => Side::Destination,
    };
    Edit::SetSide { side, url, password }
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
    fn another_url_keeps_where_the_password_comes_from() {
        let text = TEXT.replace("# keep", "\npassword = { env = \"OLD\" }");
        let edit = set_side(&Outline::read(&text), SideName::Source, "postgres://you@db/old".to_owned());
        assert_eq!(apply(&text, &edit).unwrap(), text.replace("me@db", "you@db"));
    }

    #[test]
    fn what_was_set_reads_back() {
        let before = Outline::read(TEXT).tables[0].columns["tier"].clone();
        let plan = ColumnPlan { default: Some(Literal("-5".into())), accept_loss: true, ..before };
        let edit = Edit::SetColumn { table: "orders".into(), column: "tier".into(), plan: Box::new(plan.clone()) };
        let text = apply(TEXT, &edit).unwrap();
        assert_eq!(Outline::read(&text).tables[1].columns["tier"], plan, "{text}");
        let edit = Edit::RemoveColumn { table: "orders".into(), column: "tier".into() };
        assert!(Outline::read(&apply(&text, &edit).unwrap()).tables[1].columns.is_empty());
    }
}
