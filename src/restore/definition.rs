//! A table as its rows are read and written here, and what is not as it was about its definition.

use std::collections::BTreeSet;

use crate::{
    endpoint::Catalog,
    model::{Column, RowEncoding, System, Table, Thing},
};

/// The columns that hold something of their own, in the types in which their values travel within the system.
pub(super) fn whole(definition: &Table, system: &(impl Catalog + ?Sized)) -> Table {
    let mut table = definition.clone();
    table.columns.retain(|column| !column.generated);
    for column in &mut table.columns {
        if let Some(ty) = system.travelling(column) {
            column.ty = ty;
        }
    }
    table
}

/// The table as a run reads back what it wrote: its own columns, by the types that it knows them by. A file is read whole.
pub(super) fn as_written(definition: &Table, written: &[Column], system: &(impl Catalog + ?Sized)) -> Table {
    let mut table = definition.clone();
    let is_written = |column: &Column| written.iter().any(|other| other.name == column.name);
    table.columns.retain(|column| system.system() == System::Csv || is_written(column));
    for column in &mut table.columns {
        let known = written.iter().find(|other| other.name == column.name);
        if let Some(ty) = system.travelling(column).filter(|ty| known.is_some_and(|known| known.ty == *ty)) {
            column.ty = ty;
        }
    }
    table
}

/// The table as rows of it are kept by their key: whole, and its key by the types that the run knows it by, so that keys that
/// were written and keys that are there are told apart alike.
pub(super) fn by_key(
    definition: &Table,
    (key, written): (&[String], &[Column]),
    system: &(impl Catalog + ?Sized),
) -> Table {
    let mut table = whole(definition, system);
    let known = as_written(definition, written, system);
    for column in table.columns.iter_mut().filter(|column| key.contains(&column.name)) {
        if let Some(own) = known.column(&column.name) {
            column.ty = own.ty.clone();
        }
    }
    table
}

/// The columns of the table's key, in its order.
pub(super) fn key_columns<'t>(table: &'t Table, key: &'t [String]) -> impl Iterator<Item = &'t Column> {
    key.iter().filter_map(|name| table.column(name))
}

pub(super) fn encoding<'c>(
    columns: impl IntoIterator<Item = &'c Column>,
    system: &(impl Catalog + ?Sized),
) -> RowEncoding {
    RowEncoding::of(columns.into_iter().map(|column| (column, system.padding(column))))
}

/// The names of the table's triggers.
pub(super) fn triggers<'t>(things: &'t [Thing], table: &'t str) -> impl Iterator<Item = &'t str> {
    let its = move |thing: &&Thing| thing.kind == "triggers" && thing.table.as_deref() == Some(table);
    things.iter().filter(its).map(|thing| thing.name.as_str())
}

/// What is not as it was, in sentences: columns, and whatever else makes up the table. Where its counters stand is no part
/// of that.
pub(super) fn differences(was: &Table, is: &Table) -> Vec<String> {
    let mut found = missing(was, is);
    found.extend(missing(is, was).into_iter().map(|column| column.replace("is gone", "was not there")));
    for column in &was.columns {
        let Some(now) = is.column(&column.name) else { continue };
        if column.native != now.native {
            found.push(format!("column {} was {} and is {}", column.name, column.native, now.native));
        } else if bare(column) != bare(now) {
            found.push(format!("column {} is defined otherwise", column.name));
        }
    }
    let parts = [
        ("primary key", was.key == is.key),
        ("unique keys", was.unique == is.unique),
        ("foreign keys", was.foreign_keys == is.foreign_keys),
        ("indexes", was.indexes == is.indexes),
        ("checks", was.checks == is.checks),
    ];
    found.extend(parts.iter().filter(|(_, same)| !same).map(|(part, _)| format!("its {part} are not the same")));
    found
}

fn missing(was: &Table, is: &Table) -> Vec<String> {
    let gone = was.columns.iter().filter(|column| is.column(&column.name).is_none());
    gone.map(|column| format!("column {} is gone", column.name)).collect()
}

fn bare(column: &Column) -> Column {
    let mut bare = column.clone();
    if let Some(counter) = &mut bare.counter {
        counter.next = None;
    }
    bare
}

/// Why the rows that were kept do not fit the table as it is.
pub(super) fn unfitting(was: &Table, is: &Table) -> Vec<String> {
    let own = |table: &Table| -> BTreeSet<String> {
        table.columns.iter().filter(|column| !column.generated).map(|column| column.name.clone()).collect()
    };
    let (before, now) = (own(was), own(is));
    let mut why: Vec<String> =
        before.difference(&now).map(|name| format!("{} has no column {name} any more", was.name)).collect();
    let needed = is.columns.iter().filter(|column| !before.contains(&column.name) && !column.may_be_left_out());
    why.extend(needed.map(|column| format!("{} has a new column {} that wants a value", was.name, column.name)));
    why
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ColumnType, Counter};

    fn table(columns: &[(&str, ColumnType)]) -> Table {
        let columns = columns.iter().map(|(name, ty)| Column::new(*name, ty.clone())).collect();
        Table { name: "t".into(), columns, ..Table::default() }
    }

    #[test]
    fn what_is_not_as_it_was_is_named_and_where_a_counter_stands_is_not() {
        let was = table(&[("id", ColumnType::BIGINT), ("name", ColumnType::TEXT)]);
        let mut is = was.clone();
        is.columns[0].counter = Some(Counter { next: Some(9), ..Counter::default() });
        let mut counted = was.clone();
        counted.columns[0].counter = Some(Counter { next: Some(2), ..Counter::default() });
        assert!(differences(&counted, &is).is_empty());
        is = table(&[("id", ColumnType::TEXT), ("more", ColumnType::TEXT)]);
        is.key = vec!["id".into()];
        let found = differences(&was, &is);
        let told = ["name is gone", "more was not there", "id was bigint and is text", "primary key are not the same"];
        assert!(told.iter().all(|part| found.iter().any(|line| line.contains(part))), "{found:?}");
    }

    #[test]
    fn rows_fit_as_long_as_their_columns_are_there_and_nothing_else_wants_a_value() {
        let was = table(&[("id", ColumnType::BIGINT), ("name", ColumnType::TEXT)]);
        let mut is = table(&[("id", ColumnType::BIGINT), ("name", ColumnType::TEXT), ("more", ColumnType::TEXT)]);
        assert!(unfitting(&was, &is).is_empty());
        is.columns[2].nullable = false;
        assert_eq!(unfitting(&was, &is), ["t has a new column more that wants a value"]);
        assert_eq!(unfitting(&was, &table(&[("id", ColumnType::BIGINT)])), ["t has no column name any more"]);
    }
}
