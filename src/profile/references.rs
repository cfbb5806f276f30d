//! Rows that refer to rows of another table: by a foreign key that the catalog declares, or by one that names and types
//! suggest.
//!
//! One idea: the keys of the table that is referred to are taken first, as hashes, all or one in so many; so that one
//! reading of the rows tells which of them refer to nothing, and shows them at once.

use std::collections::BTreeMap;

use super::{
    fold::{EXAMPLES, Row, places},
    keys::{Keys, together},
};
use crate::{
    endpoint::{Catalog, EndpointError, ErrorKind, SourceBatch},
    model::{Column, ColumnType, System, Table},
    protocol::{Reference, compares},
};

/// Keys that are followed of all tables that are referred to, together.
const ROOM: usize = 1 << 20;
/// A suggestion is worth telling where at most one row in so many refers to nothing.
const ONE_ORPHAN_IN: u64 = 10;
/// No more suggestions are followed.
const SUGGESTIONS: usize = 16;

/// A reference that is followed while the rows are read.
pub(super) struct Followed {
    /// By their places in the referring table.
    columns: Vec<usize>,
    there: Keys,
    found: Reference,
}

impl Followed {
    pub(super) fn take(&mut self, row: &Row<'_>) {
        let Some(hash) = row.key(&self.columns) else { return };
        self.found.referring += 1;
        if self.there.holds(hash) == Some(false) {
            self.found.orphans += 1;
            if self.found.examples.len() < EXAMPLES {
                self.found.examples.push(row.example(&self.columns));
            }
        }
    }

    /// Nothing, where it was a guess and most likely a wrong one.
    pub(super) fn told(self) -> Option<Reference> {
        let one_in = self.there.one_in();
        let orphans = self.found.orphans.saturating_mul(one_in).min(self.found.referring);
        let found = Reference { orphans, one_in, ..self.found };
        let likely = found.referring > 0 && orphans.saturating_mul(ONE_ORPHAN_IN) <= found.referring;
        (found.declared || (likely && !self.there.is_empty())).then_some(found)
    }
}

/// A reference of which the other table's keys are still to be read.
#[derive(Debug)]
pub(super) struct Lead {
    columns: Vec<usize>,
    found: Reference,
    /// The table that is referred to, of no more columns than it takes.
    pub(super) parent: Table,
    referenced: Vec<usize>,
    folds_case: bool,
}

impl Lead {
    fn of(table: &Table, found: Reference, parent: Table, whole: bool) -> Option<Self> {
        let columns = places(table, &found.columns)?;
        let parent = if whole { parent } else { narrow(parent, &found.referenced) };
        let referenced = places(&parent, &found.referenced)?;
        let folds = |column: &Column| column.folds_case;
        let folds_case = referenced.iter().any(|at| folds(&parent.columns[*at]));
        Some(Self { columns, found, parent, referenced, folds_case })
    }

    /// `customers`, and by which columns.
    pub(super) fn label(&self, table: &str) -> String {
        self.found.label(table)
    }

    pub(super) fn is_declared(&self) -> bool {
        self.found.declared
    }

    /// Whether the server compares more loosely than bytes do, so that nothing can be said here.
    pub(super) fn is_loose(&self) -> bool {
        self.folds_case
    }

    pub(super) fn follow(self, there: Keys) -> Followed {
        Followed { columns: self.columns, there, found: self.found }
    }
}

/// The keys of a table that is referred to, while they are read.
pub(super) struct Parents {
    keys: Keys,
    columns: Vec<super::column::Hasher>,
    places: Vec<usize>,
}

impl Parents {
    /// One of so many whose keys are held at once.
    pub(super) fn of(lead: &Lead, together: usize) -> Self {
        let column = |at: &usize| super::column::Hasher::of(&lead.parent.columns[*at].ty);
        let room = (ROOM / together.max(1)).max(1 << 14);
        Self {
            keys: Keys::new(room),
            columns: lead.referenced.iter().map(column).collect(),
            places: lead.referenced.clone(),
        }
    }

    pub(super) fn take(&mut self, message: &SourceBatch) -> Result<(), datafusion::arrow::error::ArrowError> {
        let batch = &message.batch;
        let hashes: Vec<Vec<u64>> = self
            .columns
            .iter()
            .zip(&self.places)
            .map(|(hasher, at)| hasher.hashes(batch.column(*at)))
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            if self.places.iter().all(|at| batch.column(*at).is_valid(row)) {
                self.keys.take(together(hashes.iter().map(|hashes| hashes[row])));
            }
        }
        Ok(())
    }

    pub(super) fn told(self) -> Keys {
        self.keys
    }
}

/// What its key and these columns leave of a table.
fn narrow(table: Table, columns: &[String]) -> Table {
    let wanted = |column: &Column| columns.contains(&column.name) || table.key.contains(&column.name);
    Table { columns: table.columns.iter().filter(|column| wanted(column)).cloned().collect(), ..table }
}

/// All references of a table, declared ones first. A table that is referred to and not there is told in `remarks`.
pub(super) async fn leads(
    catalog: &dyn Catalog,
    table: &Table,
    remarks: &mut Vec<String>,
) -> Result<Vec<Lead>, EndpointError> {
    // A file is read whole or not at all.
    let whole = catalog.system() == System::Csv;
    let mut parents = Known { catalog, tables: BTreeMap::new() };
    let mut leads = Vec::new();
    for key in &table.foreign_keys {
        let found = Reference {
            columns: key.columns.clone(),
            table: key.table.clone(),
            referenced: key.referenced.clone(),
            declared: true,
            ..Reference::default()
        };
        let label = found.label(&table.name);
        match parents.get(&key.table).await? {
            Some(parent) => leads.extend(Lead::of(table, found, parent, whole)),
            None => remarks.push(format!("{label}: there is no table {}", key.table)),
        }
    }
    leads.extend(suggested(&mut parents, table, whole).await?);
    Ok(leads)
}

/// What was described already.
struct Known<'k> {
    catalog: &'k dyn Catalog,
    tables: BTreeMap<String, Option<Table>>,
}

impl Known<'_> {
    async fn get(&mut self, name: &str) -> Result<Option<Table>, EndpointError> {
        if let Some(table) = self.tables.get(name) {
            return Ok(table.clone());
        }
        let table = match self.catalog.describe(name).await {
            Ok(table) => Some(table),
            Err(error) if error.kind == ErrorKind::NoTable => None,
            Err(error) => return Err(error),
        };
        self.tables.insert(name.to_owned(), table.clone());
        Ok(table)
    }
}

async fn suggested(parents: &mut Known<'_>, table: &Table, whole: bool) -> Result<Vec<Lead>, EndpointError> {
    let declared = |column: &Column| table.foreign_keys.iter().any(|key| key.columns.contains(&column.name));
    let open = table.columns.iter().filter(|column| !declared(column) && may_refer(&column.ty));
    let open: Vec<&Column> = open.filter(|column| table.key.as_slice() != [column.name.clone()]).collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = parents.catalog.tables().await?.into_iter().map(|entry| entry.name).collect();
    let mut leads = Vec::new();
    for column in open {
        for name in names.iter().filter(|name| refers_by_name(&column.name, name)) {
            let Some(parent) = parents.get(name).await? else { continue };
            let Some(referenced) = key_of(&parent, name) else { continue };
            let comparable = parent.column(&referenced).is_some_and(|other| compares(&column.ty, &other.ty));
            let itself = *name == table.name && referenced == column.name;
            if !comparable || itself || leads.len() >= SUGGESTIONS {
                continue;
            }
            let (columns, referenced) = (vec![column.name.clone()], vec![referenced]);
            let found = Reference { columns, table: name.clone(), referenced, ..Reference::default() };
            leads.extend(Lead::of(table, found, parent, whole));
        }
    }
    Ok(leads)
}

fn may_refer(ty: &ColumnType) -> bool {
    matches!(
        ty,
        ColumnType::Integer { .. }
            | ColumnType::Decimal { .. }
            | ColumnType::Numeric
            | ColumnType::Text { .. }
            | ColumnType::Uuid
    )
}

/// The one column by which rows of the table are known: its key, or in a file the one that is called so.
fn key_of(table: &Table, name: &str) -> Option<String> {
    if let [only] = table.key.as_slice() {
        return Some(only.clone());
    }
    if !table.key.is_empty() {
        return None;
    }
    let one = singular(&plain(name));
    let is_key = |column: &&Column| ["id".to_owned(), format!("{one}id")].contains(&plain(&column.name));
    table.columns.iter().find(is_key).map(|column| column.name.clone())
}

/// `customer_id`, `CustomerID`, `customers_id` and `customer` by their names refer to `customers` or `customer`.
fn refers_by_name(column: &str, table: &str) -> bool {
    let table = plain(table.rsplit('.').next().unwrap_or(table));
    let column = plain(column);
    let stem = ["id", "no", "key", "code", "fk"].iter().find_map(|end| column.strip_suffix(end)).unwrap_or(&column);
    !stem.is_empty() && [stem, column.as_str()].iter().any(|stem| *stem == table || singular(stem) == singular(&table))
}

fn plain(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn singular(name: &str) -> String {
    match name {
        name if name.ends_with("ies") && name.len() > 4 => format!("{}y", &name[..name.len() - 3]),
        name if ["ses", "xes", "ches", "shes"].iter().any(|end| name.ends_with(end)) => {
            name[..name.len() - 2].to_owned()
        }
        name if name.ends_with('s') && !name.ends_with("ss") && name.len() > 2 => name[..name.len() - 1].to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_suggest_what_they_refer_to() {
        for (column, table) in [
            ("customer_id", "customers"),
            ("CustomerID", "customer"),
            ("customers_id", "customers"),
            ("customer", "customers"),
            ("country_code", "countries"),
            ("address_id", "addresses"),
            ("box_no", "public.boxes"),
        ] {
            assert!(refers_by_name(column, table), "{column} {table}");
        }
        for (column, table) in [("id", "customers"), ("customer_name", "customers"), ("ordered_id", "orders")] {
            assert!(!refers_by_name(column, table), "{column} {table}");
        }
    }

    #[test]
    fn a_table_is_known_by_its_key_or_by_what_is_called_so() {
        let table = |key: &[&str], columns: &[&str]| Table {
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            columns: columns.iter().map(|name| Column::new(*name, ColumnType::TEXT)).collect(),
            ..Table::default()
        };
        assert_eq!(key_of(&table(&["nr"], &["nr", "id"]), "customers").as_deref(), Some("nr"));
        assert_eq!(key_of(&table(&["a", "b"], &["a", "b", "id"]), "customers"), None);
        assert_eq!(key_of(&table(&[], &["name", "Customer_ID"]), "customers").as_deref(), Some("Customer_ID"));
        assert_eq!(key_of(&table(&[], &["name"]), "customers"), None);
    }
}
