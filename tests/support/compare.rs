//! Two tables of two systems, compared value by value.

use std::fmt::{Debug, Write};

use super::{normal::Kind, sides::Side};

/// A table of a side.
#[derive(Clone, Copy)]
pub struct At<'s>(pub &'s dyn Side, pub &'s str);

/// Fails with the first difference unless both tables hold the same rows, every column of one being in the other.
#[track_caller]
pub fn assert_same_rows(left: At<'_>, right: At<'_>) {
    if let Some(difference) = difference(left, right, &[]) {
        panic!("{difference}");
    }
}

/// The same over pairs of columns that go by different names; `pairs` names all that are compared.
#[track_caller]
pub fn assert_same_values(left: At<'_>, right: At<'_>, pairs: &[(&str, &str)]) {
    assert!(!pairs.is_empty(), "nothing to compare");
    if let Some(difference) = difference(left, right, pairs) {
        panic!("{difference}");
    }
}

/// Fails with a line that only one of two lists has, or where their order differs.
#[track_caller]
pub fn assert_same_lines<T: PartialEq + Debug>(before: &[T], after: &[T], what: &str) {
    let gone = before.iter().find(|line| !after.contains(line));
    let new = after.iter().find(|line| !before.contains(line));
    assert!(before == after, "{what}: was {gone:?}, is {new:?}");
}

/// The first difference in words; `None` where the tables hold the same rows, order apart.
pub fn difference(left: At<'_>, right: At<'_>, pairs: &[(&str, &str)]) -> Option<String> {
    let columns = match paired(left, right, pairs) {
        Ok(columns) => columns,
        Err(why) => return Some(why),
    };
    let kinds: Vec<Kind> = columns.iter().map(|column| column.kind).collect();
    let names = |side: fn(&Paired) -> &String| columns.iter().map(|column| side(column).clone()).collect::<Vec<_>>();
    let lefts = normal_rows(left, &names(|column| &column.left), &kinds);
    let rights = normal_rows(right, &names(|column| &column.right), &kinds);
    let parted = first_parting(&lefts, &rights)?;
    Some(told(left, right, &columns, (&lefts, &rights), parted))
}

struct Paired {
    left: String,
    right: String,
    kind: Kind,
}

fn paired(left: At<'_>, right: At<'_>, pairs: &[(&str, &str)]) -> Result<Vec<Paired>, String> {
    let (lefts, rights) = (left.0.columns(left.1), right.0.columns(right.1));
    for (at, columns) in [(left, &lefts), (right, &rights)] {
        if columns.is_empty() {
            return Err(format!("{} has no table {}", at.0.system(), at.1));
        }
    }
    let all: Vec<(&str, &str)> = match pairs {
        [] => every_column(left, right, &lefts, &rights)?,
        pairs => pairs.to_vec(),
    };
    let kind = |at: At<'_>, columns: &[(String, Kind)], name: &str| {
        let found = columns.iter().find(|(column, _)| column == name).map(|(_, kind)| *kind);
        found.ok_or_else(|| format!("{} has no column {}.{name}", at.0.system(), at.1))
    };
    let pair = |(one, two): (&str, &str)| {
        let joined = kind(left, &lefts, one)?.with(kind(right, &rights, two)?);
        Ok(Paired { left: one.to_owned(), right: two.to_owned(), kind: joined })
    };
    all.into_iter().map(pair).collect()
}

fn every_column<'c>(
    left: At<'_>,
    right: At<'_>,
    lefts: &'c [(String, Kind)],
    rights: &'c [(String, Kind)],
) -> Result<Vec<(&'c str, &'c str)>, String> {
    let lacks = |of: &[(String, Kind)], name: &str| !of.iter().any(|(column, _)| column == name);
    for (at, columns, others) in [(left, rights, lefts), (right, lefts, rights)] {
        if let Some((name, _)) = columns.iter().find(|(name, _)| lacks(others, name)) {
            return Err(format!("{} has no column {}.{name}", at.0.system(), at.1));
        }
    }
    Ok(lefts.iter().map(|(name, _)| (name.as_str(), name.as_str())).collect())
}

fn normal_rows(at: At<'_>, columns: &[String], kinds: &[Kind]) -> Vec<Vec<String>> {
    let normal = |row: Vec<_>| row.iter().zip(kinds).map(|(value, kind)| kind.normal(value)).collect();
    let mut rows: Vec<Vec<String>> = at.0.read(at.1, columns).into_iter().map(normal).collect();
    rows.sort();
    rows
}

/// The first place at which two sorted lists are not the same.
fn first_parting(left: &[Vec<String>], right: &[Vec<String>]) -> Option<usize> {
    let shared = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    (shared < left.len().max(right.len())).then_some(shared)
}

fn told(
    left: At<'_>,
    right: At<'_>,
    columns: &[Paired],
    (lefts, rights): (&[Vec<String>], &[Vec<String>]),
    parted: usize,
) -> String {
    let mut text = format!(
        "{} {} ({} rows) and {} {} ({} rows) differ; sorted, first in row {}:\n",
        left.0.system(),
        left.1,
        lefts.len(),
        right.0.system(),
        right.1,
        rights.len(),
        parted + 1,
    );
    let cell = |rows: &[Vec<String>], at: usize| rows.get(parted).map_or("(no row)".to_owned(), |row| row[at].clone());
    for (at, column) in columns.iter().enumerate() {
        let (one, two) = (cell(lefts, at), cell(rights, at));
        let mark = if one == two { ' ' } else { '≠' };
        let _ = writeln!(text, "{mark} {} ({:?}): {one} | {}: {two}", column.left, column.kind, column.right);
    }
    text
}
